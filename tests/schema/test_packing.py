"""Packing codes into field elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import InputError
from prover.schema import ELEMENT_BITS, Bool, Category, EncodedInput, Fixed, Float32, Int, PackedField, Schema

from .strategies import inputs, schemas


def test_fields_and_elements_by_hand() -> None:
    schema = Schema(
        "s", (Bool("b"), Category("c", ("x", "y", "z"), optional=True), Int("i", -4, 3), Fixed("f", 10, 5, 6))
    )
    assert schema.packing.fields == (
        PackedField(0, 0, 1, "value", 0, 0, 1),
        PackedField(0, 1, 2, "value", 1, 0, 2),
        PackedField(0, 3, 1, "missing", 1, 0, 1),
        PackedField(0, 4, 3, "value", 2, -4, 7),
        PackedField(0, 7, 1, "value", 3, 5, 1),
    )
    assert schema.packing.pack(schema.encode([True, "z", -1, 0.6])) == [0b1_011_0_10_1]
    assert schema.packing.pack(schema.encode([False, None, -4, 0.5])) == [0b0_000_1_00_0]


def test_features_do_not_straddle_elements() -> None:
    schema = Schema("s", tuple(Float32(f"x{index}", optional=index == 7) for index in range(10)))
    plan = schema.packing
    assert [field.element for field in plan.fields if field.kind == "value"] == [0] * 7 + [1] * 3
    assert plan.fields[8] == PackedField(1, 32, 1, "missing", 7, 0, 1)
    exact = Schema("s", tuple(Int(f"x{index}", 0, 2**36 - 1) for index in range(7)))
    assert exact.packing.n_elements == 1
    one_more = Schema("s", (*exact.features, Bool("b")))
    assert one_more.packing.n_elements == 2


@given(schemas(most=40))
def test_plan_is_tight_ordered_and_disjoint(schema: Schema) -> None:
    plan = schema.packing
    end = (0, 0)
    for field in plan.fields:
        start = (field.element, field.shift)
        assert start == end or start == (end[0] + 1, 0)
        assert field.shift + field.width <= ELEMENT_BITS
        assert field.span.bit_length() == field.width
        end = (field.element, field.shift + field.width)
    assert plan.n_elements == end[0] + 1
    bits = sum(feature.width + feature.optional for feature in schema.features)
    assert sum(field.width for field in plan.fields) == bits


@given(st.data())
def test_pack_is_injective_and_unpacks(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    encoded = schema.encode(data.draw(inputs(schema)))
    elements = schema.packing.pack(encoded)
    assert len(elements) == schema.packing.n_elements
    assert all(0 <= element < 2**ELEMENT_BITS for element in elements)
    again = schema.packing.unpack(elements, schema.features)
    assert again.codes.tolist() == encoded.codes.tolist()
    assert again.missing.tolist() == encoded.missing.tolist()


@pytest.mark.parametrize("element", [0b11, 0b101, 1 << 3, 1 << 252, -1])
def test_unpack_refuses_what_pack_never_gives(element: int) -> None:
    """Offset 3 of three labels; a missing value with an offset; bits beyond the fields."""
    schema = Schema("s", (Category("c", ("x", "y", "z"), optional=True),))
    assert schema.packing.unpack([0b100], schema.features).missing.all()
    with pytest.raises(InputError, match="not the packing of any input"):
        schema.packing.unpack([element], schema.features)
    with pytest.raises(InputError, match="2 elements, expected 1"):
        schema.packing.unpack([0, 0], schema.features)


@pytest.mark.parametrize(("codes", "missing"), [([4, 0], [0, 0]), ([-1, 0], [0, 0]), ([0, 0], [0, 1]), ([0], [0])])
def test_pack_refuses_an_input_of_another_schema(codes: list[int], missing: list[int]) -> None:
    schema = Schema("s", (Int("a", 0, 3), Bool("b")))
    foreign = EncodedInput(schema.features, np.array(codes), np.array(missing, dtype=bool))
    with pytest.raises(InputError, match="feature"):
        schema.packing.pack(foreign)


def test_loan_applicant_takes_one_element(models: Path) -> None:
    assert Schema.from_json(models / "loan_schema.json").packing.n_elements == 1
