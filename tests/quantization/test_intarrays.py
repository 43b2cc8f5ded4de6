"""Packed integer arrays: one text for each array, and nothing else reads."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prover.errors import BundleError
from prover.graph import import_model
from prover.quantization import Plan, calibrate
from prover.quantization.intarrays import LISTED, pack, unpack
from prover.schema import Fixed, Schema
from tests.quantization.nets import mlp

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(arrays.arrays(np.int64, st.integers(0, 3 * LISTED), elements=st.one_of(st.integers(-200, 200), INT64)))
def test_arrays_come_back(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    text = json.dumps(pack(values))
    assert np.array_equal(unpack(json.loads(text)), values)
    assert ("[" in text) == (values.size <= LISTED)


@pytest.mark.parametrize("bits", [7, 8, 15, 16, 31, 32, 63])
def test_width_is_the_least(bits: int) -> None:
    for end in (-(1 << bits), (1 << bits) - 1):
        values = np.full(LISTED + 1, end, dtype=np.int64)
        packed = pack(values)
        assert isinstance(packed, str)
        assert int(packed[0]) * 8 > bits >= {1: 0, 2: 8, 4: 16, 8: 32}[int(packed[0])]
        assert np.array_equal(unpack(packed), values)


def _text(width: int, count: int, end: bytes = b"") -> str:
    return f"{width}:" + base64.b64encode(b"\1" + bytes(width * count - 1) + end).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "3:" + _text(1, 99)[2:],
        _text(1, LISTED),  # as a list
        _text(2, 99),  # every number fits one byte
        _text(2, 99, b"\1"),
        _text(1, 99)[:-1],
        _text(1, 99) + "\n",
        _text(1, 100)[:-3] + "B==",  # stray bits
        "8:!" + _text(8, 99)[3:],
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    assert np.array_equal(unpack(_text(1, 100)), [1] + [0] * 99)
    with pytest.raises(ValueError, match=r"integer|padding|base64|character"):
        unpack(text)


def test_a_plan_with_a_longer_text_of_the_same_numbers_is_refused() -> None:
    schema = Schema("s", tuple(Fixed(f"x{i}", 16, -64, 63) for i in range(20)))
    plan = calibrate(import_model(mlp([20, 8, 1], seed=3)), schema)
    text = plan.to_json()
    assert Plan.from_json(text).to_json() == text
    raw = json.loads(text)
    packed = raw["steps"][0]["inputs"]["cols"]
    assert packed.startswith("1:")
    wide = unpack(packed).astype("<i8").tobytes()
    raw["steps"][0]["inputs"]["cols"] = "8:" + base64.b64encode(wide).decode()
    with pytest.raises(BundleError, match="shortest form"):
        Plan.from_json(json.dumps(raw))
