"""ONNX-ML feature engineering: ArrayFeatureExtractor, OneHotEncoder, Scaler, Normalizer, ZipMap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.errors import InputError
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import (
    ML_DOMAIN,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    reals,
    same_dtype,
    text,
    texts,
    unsupported,
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


def _categories(node: Node) -> tuple[int, ...]:
    if node.attributes["cats_strings"] is not None:
        raise unsupported(node, "cats_strings", "encode categories as integers before the model")
    categories = node.attributes["cats_int64s"]
    if not isinstance(categories, tuple) or not categories:
        raise ValueError("cats_int64s is empty")
    return categories


def _infer_one_hot(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    return [Inferred(_FLOAT32, (*data.shape, len(_categories(node))))]


def _one_hot(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    # As onnxruntime: numbers are truncated to integers before they are looked up.
    hot = data.astype(np.int64)[..., None] == np.array(_categories(node), dtype=np.int64)
    if not node.attributes["zeros"] and not hot.any(axis=-1).all():
        raise InputError(f"{node}: a value is none of the categories {_categories(node)[:16]}")
    return [hot.astype(np.float32)]


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


_CATEGORIES = {"cats_int64s": integers(), "cats_strings": texts(), "zeros": integer(1, allowed=(0, 1))}
_SCALER = {"offset": reals(required=True), "scale": reals(required=True)}
_NORM = {"norm": text("MAX", allowed=("MAX", "L1", "L2"))}
_LABELS = {"classlabels_int64s": integers(), "classlabels_strings": texts()}

OPS = (
    OpSpec("ArrayFeatureExtractor", _infer_extractor, _extractor, ML_DOMAIN, inputs=(2, 2)),
    OpSpec("OneHotEncoder", _infer_one_hot, _one_hot, ML_DOMAIN, attributes=_CATEGORIES),
    OpSpec("Scaler", _infer_scaler, _scaler, ML_DOMAIN, attributes=_SCALER),
    OpSpec("Normalizer", _infer_normalizer, _normalizer, ML_DOMAIN, attributes=_NORM),
    # A list of maps from label to score: the same numbers, in the order of the labels.
    OpSpec("ZipMap", _infer_zip_map, _zip_map, ML_DOMAIN, attributes=_LABELS, transparent=_always),
)
