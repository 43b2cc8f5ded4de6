"""Hypothesis strategies for schemas and for values they accept."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from prover.schema import Bool, Category, Feature, Fixed, Float32, Int, Schema


@st.composite
def features(draw: st.DrawFn, name: str) -> Feature:
    optional = draw(st.booleans())
    kind = draw(st.sampled_from(["bool", "category", "int", "fixed", "float32"]))
    if kind == "bool":
        return Bool(name, optional=optional)
    if kind == "category":
        count = draw(st.integers(2, 40))
        return Category(name, tuple(f"label {index}" for index in range(count)), optional=optional)
    if kind == "float32":
        return Float32(name, optional=optional)
    limit = 2**53 if kind == "int" else 2**51
    low = draw(st.integers(-limit, limit - 1))
    high = draw(st.integers(low + 1, limit))
    if kind == "int":
        return Int(name, low, high, optional=optional)
    return Fixed(name, draw(st.sampled_from([1, 3, 10, 100, 1000, 1024, 2**20])), low, high, optional=optional)


@st.composite
def schemas(draw: st.DrawFn, most: int = 12) -> Schema:
    count = draw(st.integers(1, most))
    return Schema("drawn", tuple(draw(features(f"f{index}")) for index in range(count)))


@st.composite
def present_values(draw: st.DrawFn, feature: Feature) -> object:
    """A value the feature takes, in any of the forms it may have."""
    if isinstance(feature, Bool):
        return draw(st.sampled_from([True, False, 0, 1, 1.0, np.bool_(True), np.int8(0)]))
    if isinstance(feature, Category):
        index = draw(st.integers(0, len(feature.labels) - 1))
        return draw(st.sampled_from([feature.labels[index], index, float(index), np.uint16(index)]))
    if isinstance(feature, Float32):
        return np.float32(draw(st.floats(width=32, allow_nan=False, allow_infinity=False)))
    code = draw(st.integers(feature.lo, feature.hi))
    return code if feature.scale == 1 else code / feature.scale


@st.composite
def inputs(draw: st.DrawFn, schema: Schema) -> list[object]:
    return [
        None if feature.optional and draw(st.booleans()) else draw(present_values(feature))
        for feature in schema.features
    ]
