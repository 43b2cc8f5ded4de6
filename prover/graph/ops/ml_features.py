"""ONNX-ML feature engineering: extraction, scaling, imputation, thresholds, vectors; ZipMap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import (
    MANY,
    ML_DOMAIN,
    Attribute,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    real,
    reals,
    same_dtype,
    text,
    texts,
)

_FLOAT32 = np.dtype(np.float32)


def _infer_extractor(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data, indices = needed(inputs[0]), needed(inputs[1])
    if not data.shape:
        raise ValueError("the input is a scalar")
    if indices.dtype != np.int64:
        raise ValueError(f"indices have dtype {indices.dtype}, expected int64")
    count = int(np.prod(indices.shape, dtype=object))
    if count == 0:
        raise ValueError("no indices")
    length = data.shape[-1]
    if indices.value is not None and ((indices.value < 0) | (indices.value >= length)).any():
        raise ValueError(f"an index is outside the last axis of length {length}")
    lead = (1,) if len(data.shape) == 1 else data.shape[:-1]  # a vector counts as one row
    return [Inferred(data.dtype, (*lead, count))]


def _extractor(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data, indices = array(inputs[0]), array(inputs[1]).reshape(-1)
    return [np.take(np.atleast_2d(data) if data.ndim == 1 else data, indices, axis=-1)]


def _per_feature(node: Node, name: str, width: int) -> Array:
    value = node.attributes[name]
    if not isinstance(value, np.ndarray) or value.size not in (1, width):
        size = value.size if isinstance(value, np.ndarray) else 0
        raise ValueError(f"{name} has {size} entries for {width} features")
    return value


def _infer_scaler(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    if not data.shape:
        raise ValueError("the input is a scalar")
    sizes = {_per_feature(node, name, data.shape[-1]).size for name in ("offset", "scale")}
    if len(sizes) != 1:
        raise ValueError("offset and scale have different lengths")
    return [Inferred(_FLOAT32, data.shape)]


def _scaler(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    width = data.shape[-1]
    shifted = data.astype(np.float32) - _per_feature(node, "offset", width)
    return [np.asarray(shifted * _per_feature(node, "scale", width)).astype(np.float32)]


def _infer_normalizer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    if len(data.shape) not in (1, 2):
        raise ValueError(f"the input has rank {len(data.shape)}, expected 1 or 2")
    return [Inferred(_FLOAT32, data.shape)]


def _normalizer(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0]).astype(np.float32)
    norm = node.attributes["norm"]
    if norm == "MAX":
        size = data.max(axis=-1, keepdims=True)
    elif norm == "L1":
        size = np.abs(data).sum(axis=-1, keepdims=True)
    else:
        size = np.sqrt((data * data).sum(axis=-1, keepdims=True))
    return [np.asarray(data / np.where(size == 0, np.float32(1), size)).astype(np.float32)]


def _replaced(node: Node, data: np.dtype[Any]) -> tuple[Any, Array]:
    """(the value an Imputer replaces, what it puts there, one for each column or one for all)."""
    floats, ints = node.attributes["imputed_value_floats"], node.attributes["imputed_value_int64s"]
    if data.kind == "f" and isinstance(floats, np.ndarray) and floats.size:
        return node.attributes["replaced_value_float"], floats.astype(data)
    if data.kind == "i" and isinstance(ints, tuple) and ints:
        return node.attributes["replaced_value_int64"], np.array(ints, dtype=data)
    raise ValueError(f"no imputed values for an input of {data}")


def imputation(node: Node, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[float, Array]:
    """(replaced value, its replacements in the input's shape); as onnxruntime, one value counts for all columns."""
    replaced, values = _replaced(node, dtype)
    width = shape[0] if len(shape) == 1 else shape[1]
    row = values if values.size == width else np.repeat(values[:1], width)
    return replaced, np.broadcast_to(row, shape) if len(shape) < 3 else np.resize(row, shape)


def _infer_imputer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    if not data.shape:
        raise ValueError("the input is a scalar")
    imputation(node, data.shape, data.dtype)
    return [Inferred(data.dtype, data.shape)]


def _imputer(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    replaced, values = imputation(node, data.shape, data.dtype)
    return [np.where(np.isnan(data) if np.isnan(replaced) else data == replaced, values, data)]


def _infer_binarizer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    return [Inferred(data.dtype, data.shape)]


def _binarizer(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data, threshold = array(inputs[0]), node.attributes["threshold"]
    assert isinstance(threshold, float)
    return [(data > np.float32(threshold)).astype(data.dtype)]


def _infer_vectorizer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    present = [needed(operand) for operand in inputs]
    same_dtype(inputs)
    widths = [int(np.prod(operand.shape[1:], dtype=object)) for operand in present]
    dimensions = node.attributes["inputdimensions"]
    if any(len(operand.shape) < 2 for operand in present) or len({operand.shape[0] for operand in present}) != 1:
        raise ValueError("inputs without a row of columns, or of different numbers of rows")
    if dimensions is not None and list(dimensions) != widths:  # type: ignore[call-overload]
        raise ValueError(f"inputdimensions {dimensions} for inputs of {widths} columns")
    return [Inferred(_FLOAT32, (present[0].shape[0], sum(widths)))]


def _vectorizer(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    rows = [array(value).reshape(len(array(value)), -1).astype(np.float32) for value in inputs]
    return [np.concatenate(rows, axis=1)]


def _infer_zip_map(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs, "f")
    labels = node.attributes["classlabels_int64s"] or node.attributes["classlabels_strings"]
    if not data.shape or not isinstance(labels, tuple) or len(labels) != data.shape[-1]:
        raise ValueError(f"labels do not match the scores of shape {data.shape}")
    return [Inferred(data.dtype, data.shape)]


def _zip_map(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [array(inputs[0])]


def _always(node: Node, inputs: Sequence[Operand | None]) -> bool:
    return True


_IMPUTER = {
    "imputed_value_floats": reals(),
    "imputed_value_int64s": integers(),
    "replaced_value_float": Attribute("float", 0.0, finite=False),
    "replaced_value_int64": integer(0),
}
_SCALER = {"offset": reals(required=True), "scale": reals(required=True)}
_NORM = {"norm": text("MAX", allowed=("MAX", "L1", "L2"))}
_LABELS = {"classlabels_int64s": integers(), "classlabels_strings": texts()}

OPS = (
    OpSpec("ArrayFeatureExtractor", _infer_extractor, _extractor, ML_DOMAIN, inputs=(2, 2)),
    OpSpec("Scaler", _infer_scaler, _scaler, ML_DOMAIN, attributes=_SCALER),
    OpSpec("Imputer", _infer_imputer, _imputer, ML_DOMAIN, attributes=_IMPUTER),
    OpSpec("Binarizer", _infer_binarizer, _binarizer, ML_DOMAIN, attributes={"threshold": real(0.0)}),
    OpSpec(
        "FeatureVectorizer",
        _infer_vectorizer,
        _vectorizer,
        ML_DOMAIN,
        inputs=(1, MANY),
        attributes={"inputdimensions": integers()},
    ),
    OpSpec("Normalizer", _infer_normalizer, _normalizer, ML_DOMAIN, attributes=_NORM),
    # A list of maps from label to score: the same numbers, in the order of the labels.
    OpSpec("ZipMap", _infer_zip_map, _zip_map, ML_DOMAIN, attributes=_LABELS, transparent=_always),
)
