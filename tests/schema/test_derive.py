"""Deriving a schema from calibration data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from prover.errors import SchemaError
from prover.schema import Bool, Fixed, Int, Schema


def derive(*columns: list[float], **options: bool) -> Schema:
    return Schema.derive(np.array(columns, dtype=np.float32).T, "d", **options)


def test_types_and_widened_ranges() -> None:
    schema = derive([0, 1, 1], [0, 3, 4], [-1, 5, 0], [-8, 7, 0], [0.5, 1, 2], [-3, 0.25, 1], [7, 7, 7])
    assert schema.features == (
        Bool("x0"),
        Int("x1", 0, 7),
        Int("x2", -8, 7),
        Int("x3", -8, 7),
        Fixed("x4", 1024, 0, 4095),
        Fixed("x5", 1024, -4096, 4095),
        Int("x6", 0, 7),
    )


def test_missing_values_make_a_feature_optional() -> None:
    schema = derive([0, np.nan, 1], [0.5, 3, np.nan], [2, 3, 4])
    assert [feature.optional for feature in schema.features] == [True, True, False]


def test_tiny_values_keep_their_digits() -> None:
    (feature,) = derive([1e-6, 3e-6, -2e-6]).features
    assert isinstance(feature, Fixed)
    assert feature.scale * 3e-6 >= 1024


@pytest.mark.parametrize("tiny", [5e-324, 1e-310, -1e-310])
def test_denormal_values_count_nothing(tiny: float) -> None:
    (feature,) = Schema.derive(np.array([[tiny], [0.0]]), "d").features
    assert isinstance(feature, Fixed)
    assert Schema("d", (feature,)).encode([tiny]).codes.tolist() == [0]


def test_uniform_gives_all_columns_one_type() -> None:
    schema = derive([0, 0, 0], [0, 0.5, 1], uniform=True)
    assert schema.features == (Fixed("x0", 1024, 0, 1025), Fixed("x1", 1024, 0, 1025))
    assert derive([0, 0], [0, 9], uniform=True).features == (Int("x0", 0, 15), Int("x1", 0, 15))
    assert derive([0, 0], [0, 1], uniform=True).features == (Bool("x0"), Bool("x1"))


def test_uniform_keeps_the_ends_of_a_scale() -> None:
    """An image's 1.0 is its largest value; half the range is a bit less for every sum."""
    assert derive([0, 0.5, 1], uniform=True).features == (Fixed("x0", 1024, 0, 1025),)
    assert derive([-1, 0.5, 1], uniform=True).features == (Fixed("x0", 1024, -1024, 1025),)
    assert derive([-0.5, 0.5, 0.75], uniform=True).features == (Fixed("x0", 1024, -512, 1023),)
    assert derive([0, 8, 16], uniform=True).features == (Int("x0", 0, 17),)
    assert derive([0, 0.5, 1]).features == (Fixed("x0", 1024, 0, 2047),)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((3, 0)), r"shape \(3, 0\)"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((2, 2), dtype=complex), "dtype complex"),
        (np.array([[b"a"]]), r"dtype \|S1"),
        (np.full((2, 1), np.nan), "'x0' holds only missing"),
        (np.array([[1.0], [np.inf]]), "'x0' holds infinities"),
        (np.array([[1.0], [1e30]]), "'x0' reaches 1e\\+30"),
        (np.array([[0.0, 0.5], [1.0, 1e14]]), "'x1' reaches 1e\\+14"),
        (np.zeros((1, 2**16 + 1)), "1 to 65536 features"),
    ],
)
def test_hopeless_data_is_refused(table: np.ndarray, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.derive(table, "d")


@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 5)),
        elements=st.one_of(
            st.integers(-100, 100).map(float), st.floats(-1e6, 1e6, width=32), st.floats(-(2**-20), 2**-20, width=32)
        ),
    ),
    st.booleans(),
)
def test_every_calibration_row_encodes(table: np.ndarray, uniform: bool) -> None:
    schema = Schema.derive(table, "d", uniform=uniform)
    rows = schema.encode_batch(table).to_model_rows()
    steps = np.array([1 / feature.scale for feature in schema.features])
    assert (np.abs(rows.astype(np.float64) - table) <= steps / 2 + np.abs(table) * 1e-7).all()


@pytest.mark.parametrize("model", ["credit_mlp", "credit_logistic", "digits_cnn", "lenet5"])
def test_real_samples(models: Path, model: str) -> None:
    rows = np.load(models / f"{model}.npz")["X"]
    table = rows.reshape(len(rows), -1)
    schema = Schema.derive(table, model, uniform=rows.ndim > 2)
    assert np.abs(schema.encode_batch(table).to_model_rows() - table).max() <= 1 / 2048
    assert Schema.from_json(schema.to_json()) == schema
