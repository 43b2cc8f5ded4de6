"""Encoding raw facts: exact, or an error that names the feature."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import InputError
from prover.schema import Bool, Category, Fixed, Float32, Int, Schema, code_of_float32, float32_of_code

from .strategies import inputs, schemas

SCHEMA = Schema(
    "s",
    (
        Bool("member"),
        Category("colour", ("red", "green", "blue")),
        Int("age", -5, 120),
        Fixed("price", 100, -1000, 99_999),
        Float32("ratio"),
        Int("children", 0, 15, optional=True),
    ),
)
GOOD = {"member": True, "colour": "blue", "age": 33, "price": 12.5, "ratio": 0.5, "children": 2}


def test_codes_missing_and_model_row() -> None:
    encoded = SCHEMA.encode({**GOOD, "children": None})
    assert encoded.codes.dtype == np.int64
    assert encoded.codes.tolist() == [1, 2, 33, 1250, 0xBF000000, 0]
    assert encoded.missing.tolist() == [False] * 5 + [True]
    row = encoded.to_model_row()
    assert row.dtype == np.float32
    np.testing.assert_array_equal(row, np.array([1, 2, 33, 12.5, 0.5, np.nan], dtype=np.float32))


def test_codes_are_read_only() -> None:
    encoded = SCHEMA.encode(GOOD)
    with pytest.raises(ValueError, match="read-only"):
        encoded.codes[0] = 0


def test_forms_of_one_input_agree() -> None:
    expected = SCHEMA.encode(GOOD).codes.tolist()
    row = [1, 2, 33, 12.5, 0.5, 2]
    for values in (
        list(GOOD.values()),
        row,
        tuple(row),
        np.array(row),
        np.array(row, dtype=np.float32),
        np.array(list(GOOD.values()), dtype=object),
        {**GOOD, "colour": 2, "price": Decimal("12.5"), "ratio": Fraction(1, 2), "member": np.bool_(True)},
    ):
        assert SCHEMA.encode(values).codes.tolist() == expected


def test_absent_optional_names_mean_missing() -> None:
    del (values := dict(GOOD))["children"]
    assert SCHEMA.encode(values).missing.tolist() == [False] * 5 + [True]
    assert SCHEMA.encode({**values, "children": math.nan}).missing[5]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("member", None),
        ("member", 2),
        ("member", 0.5),
        ("member", "true"),
        ("colour", "Red"),
        ("colour", "0"),
        ("colour", 3),
        ("colour", -1),
        ("colour", True),
        ("colour", 1.5),
        ("colour", None),
        ("age", math.nan),
        ("age", math.inf),
        ("age", 33.5),
        ("age", -6),
        ("age", 121),
        ("age", "33"),
        ("age", True),
        ("age", np.bool_(False)),
        ("age", 10**400),
        pytest.param("age", 10**5000, id="age-too long to print"),
        ("age", 1 + 2j),
        ("age", np.complex64(1)),
        ("age", b"33"),
        ("age", [33]),
        ("age", Decimal("sNaN")),
        ("age", Decimal("1e999999999")),
        ("age", Decimal("1e-999999999")),
        ("price", -math.inf),
        ("price", 1000.0),
        ("price", 999.995000000001),
        ("price", np.longdouble(1)),
        ("ratio", 0.1 + 2**-50),
        ("ratio", 1e39),
        ("ratio", math.inf),
        ("ratio", 2**24 + 1),
        ("children", 16),
        ("children", "none"),
    ],
)
def test_wrong_values_name_the_feature(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"feature '{name}'") as caught:
        SCHEMA.encode({**GOOD, name: value})
    assert name in caught.value.hint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"member": True}, "feature 'colour': no value given"),
        ({**GOOD, "size": 3}, "unknown feature 'size'"),
        ([1, 2, 3], "3 values for 6 features"),
        (np.zeros(5), r"shape \(5,\), expected \(6,\)"),
        (np.zeros((1, 6)), r"shape \(1, 6\), expected \(6,\)"),
        (np.zeros(6, dtype=complex), "dtype complex128"),
        (np.zeros(6, dtype="S1"), r"dtype \|S1"),
        (np.zeros(6, dtype="U1"), "is missing"),
        (np.zeros(6, dtype=np.longdouble), "dtype (longdouble|float128)"),
        (np.zeros(6, dtype="M8[s]"), "dtype datetime64"),
        (np.zeros((2, 3), dtype=object), r"shape \(2, 3\)"),
        ("abcdef", "not str"),
        (7, "not int"),
        (None, "not NoneType"),
    ],
)
def test_wrong_shapes_and_types(values: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SCHEMA.encode(values)


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (0.005, 1),
        (0.015, 1),
        (0.025, 3),
        (Decimal("0.005"), 0),
        (Decimal("0.015"), 2),
        (Decimal("0.025"), 2),
        (-0.5, -50),
    ],
)
def test_fixed_rounds_the_exact_value_half_to_even(value: float | Decimal, units: int) -> None:
    """0.005 and 0.025 are float64 above, 0.015 below the decimal: exact arithmetic tells, a product does not."""
    assert SCHEMA.encode({**GOOD, "price": value}).codes[3] == units


def test_table_names_row_and_feature() -> None:
    table = np.tile(np.array([1, 2, 33, 12.5, 0.5, 2]), (4, 1))
    table[2, 2] = 200
    with pytest.raises(InputError, match=r"feature 'age': the value is outside .* in row 2"):
        SCHEMA.encode_batch(table)
    for shape in [(4, 5), (6,), (1, 1, 6)]:
        with pytest.raises(InputError, match="expected \\(n, 6\\)"):
            SCHEMA.encode_batch(np.zeros(shape))
    with pytest.raises(InputError, match="shape list"):
        SCHEMA.encode_batch(table.tolist())


@pytest.mark.parametrize(("column", "value"), [(0, np.nan), (2, np.nan), (3, np.inf), (4, np.nan), (5, -np.inf)])
def test_tables_refuse_what_is_no_number(column: int, value: float) -> None:
    table = np.tile(np.array([1, 2, 33, 12.5, 0.5, 2]), (3, 1))
    table[1, column] = value
    name = SCHEMA.features[column].name
    with pytest.raises(InputError, match=f"feature '{name}': the value is not a finite number in row 1"):
        SCHEMA.encode_batch(table)
    with pytest.raises(InputError, match=f"feature '{name}'"):
        SCHEMA.encode(table[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 987654),
        ("age", 987654.5),
        ("age", "987654"),
        ("price", 987654),
        ("colour", "987654"),
        ("ratio", 987654.0625001),
    ],
)
def test_messages_keep_the_value_private(name: str, value: object) -> None:
    """They end in logs; what the feature takes is public, what was given is not."""
    with pytest.raises(InputError) as caught:
        SCHEMA.encode({**GOOD, name: value})
    assert "987654" not in str(caught.value)
    assert caught.value.__cause__ is None
    if isinstance(value, float | int) and name in ("age", "price"):
        table = np.array([[1, 2, 33, 12.5, 0.5, 2]])
        table[0, list(GOOD).index(name)] = value
        with pytest.raises(InputError) as caught:
            SCHEMA.encode_batch(table)
        assert "987654" not in str(caught.value)


def test_boolean_tables_are_for_bools_only() -> None:
    flags = Schema("flags", (Bool("a"), Bool("b")))
    assert flags.encode(np.array([True, False])).codes.tolist() == [1, 0]
    with pytest.raises(InputError, match="feature 'n': a boolean array"):
        Schema("n", (Bool("a"), Int("n", 0, 1))).encode(np.array([True, False]))


def test_large_integers_are_not_rounded_into_range() -> None:
    schema = Schema("n", (Int("n", 0, 2**53),))
    assert schema.encode(np.array([2**53])).codes.tolist() == [2**53]
    for value in (np.array([2**53 + 1]), np.array([2**64 - 1], dtype=np.uint64), [2**53 + 1]):
        with pytest.raises(InputError, match="feature 'n'"):
            schema.encode(value)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.lists(st.integers(), max_size=2),
    st.sampled_from([np.float16(3), np.int8(-1), np.str_("red"), np.datetime64("2020"), np.array(1), object()]),
)


@given(st.lists(ANYTHING, min_size=6, max_size=6))
def test_any_value_encodes_into_range_or_is_an_input_error(values: list[object]) -> None:
    try:
        encoded = SCHEMA.encode(values)
    except InputError:
        return
    for code, missing, feature in zip(encoded.codes, encoded.missing, SCHEMA.features, strict=True):
        assert code == 0 if missing else feature.lo <= code <= feature.hi


@given(st.data())
def test_table_and_single_encoding_agree(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    row = data.draw(inputs(schema))
    single = schema.encode(row)
    numbers = [math.nan if v is None else f.encode(v) / f.scale for v, f in zip(row, schema.features, strict=True)]
    for index, feature in enumerate(schema.features):
        if isinstance(feature, Float32) and row[index] is not None:
            numbers[index] = float(row[index])
    batch = schema.encode_batch(np.array([numbers, numbers]))
    assert len(batch) == 2
    for one in batch:
        assert one.codes.tolist() == single.codes.tolist()
        assert one.missing.tolist() == single.missing.tolist()
        np.testing.assert_array_equal(one.to_model_row(), single.to_model_row())


@given(st.floats(-1e6, 1e6), st.sampled_from([1, 3, 10, 100, 1000, 1024]))
def test_vectorised_rounding_is_exact(value: float, scale: int) -> None:
    """Whatever the float, and next to every half: the table gives the rounding of the exact product."""
    schema = Schema("r", (Fixed("f", scale, -(2**40), 2**40),))
    half = (math.floor(value * scale) + 0.5) / scale
    for number in (value, half, math.nextafter(half, math.inf), math.nextafter(half, -math.inf)):
        expected = round(Fraction(number) * scale)
        assert schema.encode_batch(np.array([[number]])).codes.tolist() == [[expected]]
        assert schema.encode([number]).codes.tolist() == [expected]


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE)
def test_float_codes_preserve_order(left: float, right: float) -> None:
    codes = code_of_float32(np.array([left, right], dtype=np.float32))
    if left == right:
        assert abs(int(codes[0]) - int(codes[1])) <= 1
    else:
        assert (left < right) == (codes[0] < codes[1])
    back = float32_of_code(codes)
    assert back.tobytes() == np.array([left, right], dtype=np.float32).tobytes()


def test_float_codes_of_zeros_and_ends() -> None:
    limit = np.finfo(np.float32).max
    codes = code_of_float32(np.array([-limit, -0.0, 0.0, limit], dtype=np.float32)).tolist()
    assert codes == [Float32("x").lo, 0x7FFFFFFF, 0x80000000, Float32("x").hi]


@pytest.mark.parametrize("value", [0.1, 3.4028235e38, -1.1754944e-38, 16777216, 0.1 + 0.2 - 0.2])
def test_float32_takes_its_shortest_spelling(value: float) -> None:
    schema = Schema("f", (Float32("x"),))
    if float(np.float32(value)) != value and float(str(np.float32(value))) != value:
        with pytest.raises(InputError, match="feature 'x'"):
            schema.encode([value])
    else:
        assert schema.encode([value]).to_model_row()[0] == np.float32(value)


def test_model_rows_of_real_samples(models: Path) -> None:
    """The loan schema encodes every sample, and gives the model back exactly the row it came from."""
    schema = Schema.from_json(models / "loan_schema.json")
    rows = np.load(models / "loan_mlp.npz")["X"]
    batch = schema.encode_batch(rows)
    np.testing.assert_array_equal(batch.to_model_rows(), rows)
    for row, encoded in zip(rows[:20], batch, strict=False):
        assert schema.encode(row.tolist()).codes.tolist() == encoded.codes.tolist()
