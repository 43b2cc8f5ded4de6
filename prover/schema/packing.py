"""Codes packed into field elements: what the commitment hashes and the circuit takes apart.

Features follow in schema order from the lowest bit up. Each takes ``width`` bits of its offset, code - lo, and, when
optional, one missing bit above them; a missing value has offset 0. No feature straddles two elements, and no element
holds more than 252 bits, so that every packed integer is below r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prover.errors import InputError, SchemaError
from prover.schema.encoding import EncodedInput
from prover.schema.features import Feature

ELEMENT_BITS = 252
"""Most bits of one packed element; 2^252 < r."""


@dataclass(frozen=True)
class PackedField:
    """A run of bits of one element.

    Attributes:
        element: index of the field element.
        shift: lowest bit.
        width: number of bits.
        kind: ``"value"``, the offset code - lo, or ``"missing"``, one bit.
        feature: index of the feature.
        lo: code that packs to offset 0 (kind "value"; 0 for "missing").
        span: largest offset; less than 2^width - 1 asks the circuit for an exact range check.
    """

    element: int
    shift: int
    width: int
    kind: str
    feature: int
    lo: int
    span: int


@dataclass(frozen=True)
class PackingPlan:
    """Where every feature sits.

    Attributes:
        fields: by element and shift; a feature's missing bit follows its value.
        n_elements: field elements in all.
        n_features: features in all.
    """

    fields: tuple[PackedField, ...]
    n_elements: int
    n_features: int

    def pack(self, encoded: EncodedInput) -> list[int]:
        """The elements of one encoded input, each in [0, 2^252).

        Raises:
            InputError: a code outside its feature, or a missing value of a feature that is not optional: the
                input was encoded under another schema.
        """
        codes, missing = encoded.codes.tolist(), encoded.missing.tolist()
        if len(codes) != self.n_features or len(missing) != self.n_features:
            raise InputError(f"{len(codes)} codes for {self.n_features} features", "encode with this schema")
        elements = [0] * self.n_elements
        has_missing_bit: set[int] = {item.feature for item in self.fields if item.kind == "missing"}
        for item in self.fields:
            absent = bool(missing[item.feature])
            offset = int(absent) if item.kind == "missing" else 0 if absent else codes[item.feature] - item.lo
            if not 0 <= offset <= item.span or (absent and item.feature not in has_missing_bit):
                raise InputError(f"code {codes[item.feature]} does not fit feature {item.feature}", "encode it first")
            elements[item.element] |= offset << item.shift
        return elements

    def unpack(self, elements: Sequence[int], features: tuple[Feature, ...]) -> EncodedInput:
        """Inverse of :meth:`pack`; for audits.

        Raises:
            InputError: not the packing of any input: bits beyond the fields, an offset out of range, or a missing
                feature with a value.
        """
        if len(elements) != self.n_elements:
            raise InputError(f"{len(elements)} elements, expected {self.n_elements}")
        codes = np.zeros(self.n_features, dtype=np.int64)
        missing = np.zeros(self.n_features, dtype=np.bool_)
        for item in self.fields:
            offset = (elements[item.element] >> item.shift) & ((1 << item.width) - 1)
            if item.kind == "missing":
                missing[item.feature] = bool(offset)
                codes[item.feature] = 0 if offset else codes[item.feature]
            elif offset <= item.span:
                codes[item.feature] = offset + item.lo
        encoded = EncodedInput(features, codes, missing)
        if self.pack(encoded) != list(elements):
            raise InputError("these elements are not the packing of any input of the schema")
        return encoded


def plan_packing(features: tuple[Feature, ...]) -> PackingPlan:
    """Lay the features out, greedily in schema order.

    Raises:
        SchemaError: a feature alone is wider than an element.
    """
    fields: list[PackedField] = []
    element, used = 0, 0
    for index, feature in enumerate(features):
        bits = feature.width + int(feature.optional)
        if bits > ELEMENT_BITS:
            raise SchemaError(f"feature {feature.name!r} takes {bits} bits, more than {ELEMENT_BITS}")
        if used + bits > ELEMENT_BITS:
            element, used = element + 1, 0
        fields.append(PackedField(element, used, feature.width, "value", index, feature.lo, feature.span))
        if feature.optional:
            fields.append(PackedField(element, used + feature.width, 1, "missing", index, 0, 1))
        used += bits
    return PackingPlan(tuple(fields), element + 1, len(features))
