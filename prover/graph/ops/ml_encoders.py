"""Lookups: OneHotEncoder, LabelEncoder and CategoryMapper of ONNX-ML, and StringNormalizer where it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prover.errors import InputError
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import (
    DEFAULT_DOMAIN,
    ML_DOMAIN,
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
    tensor,
    text,
    texts,
    unsupported,
)

_FLOAT32 = np.dtype(np.float32)
_INT64 = np.dtype(np.int64)
_TEXT = np.dtype(object)
_DTYPES: dict[str, np.dtype[Any]] = {"floats": _FLOAT32, "int64s": _INT64, "strings": _TEXT}


@dataclass(frozen=True)
class Lookup:
    """What an encoder replaces by what.

    Attributes:
        table: value by key; of keys that occur twice the first counts.
        default: value of every other key.
        keys, values: dtypes of input and output.
        nan: the value of NaN, where that is a key.
    """

    table: Mapping[Any, Any]
    default: Any
    keys: np.dtype[Any]
    values: np.dtype[Any]
    nan: Any = None

    def __call__(self, key: Any) -> Any:
        """The value of one key."""
        if isinstance(key, float | np.floating) and np.isnan(key):
            return self.default if self.nan is None else self.nan
        return self.table.get(key, self.default)

    def apply(self, data: Array) -> Array:
        """Every element replaced."""
        result = np.empty(data.shape, dtype=self.values)
        result.ravel()[:] = [self(key) for key in data.ravel().tolist()]
        return result


def lookup_of(node: Node, dtype: np.dtype[Any]) -> Lookup:
    """The table of a LabelEncoder or CategoryMapper that reads elements of ``dtype``.

    Raises:
        ValueError: keys and values that do not match each other or ``dtype``.
    """
    if node.op == "CategoryMapper":
        numbers, names = _entries(node, "cats_int64s"), _entries(node, "cats_strings")
        return _both_ways(node, dtype, numbers, names)
    if node.opset < 2:
        names = _entries(node, "classes_strings")
        return _both_ways(node, dtype, list(range(len(names))), names)
    keys, values = _column(node, "keys"), _column(node, "values")
    if keys[0] != dtype or len(keys[1]) != len(values[1]):
        raise ValueError(f"{len(keys[1])} keys of {keys[0]} and {len(values[1])} values for an input of {dtype}")
    default = _default(node, values[0])
    pairs = list(zip(keys[1], values[1], strict=True))
    nan = next((value for key, value in pairs if key != key), None) if node.opset >= 4 else None
    return Lookup({key: value for key, value in reversed(pairs) if key == key}, default, *(keys[0], values[0]), nan)


def _both_ways(node: Node, dtype: np.dtype[Any], numbers: Sequence[int], names: Sequence[str]) -> Lookup:
    """A table that is read from texts to numbers or back, as the input demands."""
    if len(numbers) != len(names) or not names or dtype not in (_INT64, _TEXT):
        raise ValueError(f"{len(numbers)} numbers and {len(names)} texts for an input of {dtype}")
    if dtype == _TEXT:
        return Lookup(_first(names, numbers), node.attributes["default_int64"], _TEXT, _INT64)
    return Lookup(_first(numbers, names), node.attributes["default_string"], _INT64, _TEXT)


def _first(keys: Sequence[Any], values: Sequence[Any]) -> dict[Any, Any]:
    return dict(reversed(list(zip(keys, values, strict=True))))


def _entries(node: Node, name: str) -> tuple[Any, ...]:
    value = node.attributes[name]
    return value if isinstance(value, tuple) else ()


def _column(node: Node, side: str) -> tuple[np.dtype[Any], list[Any]]:
    """(dtype, entries) of the keys or of the values, whichever attribute holds them."""
    given = {kind: node.attributes.get(f"{side}_{kind}") for kind in (*_DTYPES, "tensor")}
    present: dict[str, Any] = {kind: value for kind, value in given.items() if value is not None}
    if len(present) != 1:
        raise ValueError(f"expected one of the attributes {side}_floats, {side}_int64s, {side}_strings, {side}_tensor")
    kind, value = present.popitem()
    if isinstance(value, np.ndarray):
        return (value.dtype if kind == "tensor" else _DTYPES[kind]), value.ravel().tolist()
    assert isinstance(value, tuple)
    return _DTYPES[kind], list(value)


def _default(node: Node, dtype: np.dtype[Any]) -> Any:
    given = node.attributes.get("default_tensor")
    if isinstance(given, np.ndarray):
        if given.size != 1 or given.dtype != dtype:
            raise ValueError(f"default_tensor is {given.dtype}{list(given.shape)}, expected one {dtype}")
        return given.ravel().tolist()[0]
    kind = {"f": "float", "i": "int64", "O": "string"}[dtype.kind]
    return node.attributes[f"default_{kind}"]


def _infer_lookup(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    return [Inferred(lookup_of(node, data.dtype).values, data.shape)]


def _lookup(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    return [lookup_of(node, data.dtype).apply(data)]


def one_hot_categories(node: Node, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """The categories an OneHotEncoder counts: texts for a text input, integers otherwise."""
    name = "cats_strings" if dtype.kind == "O" else "cats_int64s"
    categories = _entries(node, name)
    if not categories:
        raise ValueError(f"{name} is empty, the input has dtype {dtype}")
    if len(set(categories)) != len(categories):
        raise ValueError(f"{name} holds an entry twice")  # which of the two is hot, runtimes do not agree on
    return categories


def _infer_one_hot(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs, "fiuO")
    return [Inferred(_FLOAT32, (*data.shape, len(one_hot_categories(node, data.dtype))))]


def _one_hot(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    categories = one_hot_categories(node, data.dtype)
    if data.dtype.kind == "O":
        hot = np.array([[key == category for category in categories] for key in data.ravel()], dtype=np.bool_)
        hot = hot.reshape(*data.shape, len(categories))
    else:  # as onnxruntime: numbers are truncated to integers before they are looked up
        hot = data.astype(np.int64)[..., None] == np.array(categories, dtype=np.int64)
    if not node.attributes["zeros"] and not hot.any(axis=-1).all():
        raise InputError(f"{node}: a value is none of the categories {categories[:16]}")
    return [hot.astype(np.float32)]


def _infer_texts(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs, "O")
    if node.attributes["stopwords"]:
        raise unsupported(node, "stopwords", "remove stop words before the model")
    return [Inferred(data.dtype, data.shape)]


def _texts(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [array(inputs[0])]


def _always(node: Node, inputs: Sequence[Operand | None]) -> bool:
    return True


_ONE_HOT = {"cats_int64s": integers(), "cats_strings": texts(), "zeros": integer(1, allowed=(0, 1))}
_DEFAULTS = {"default_int64": integer(-1), "default_string": text("_Unused")}
_MAPPER = {"cats_int64s": integers(), "cats_strings": texts(), **_DEFAULTS}
_CLASSES = {"classes_strings": texts(), **_DEFAULTS}
_COLUMNS = {
    "keys_floats": reals(finite=False),
    "keys_int64s": integers(),
    "keys_strings": texts(),
    "values_floats": reals(),
    "values_int64s": integers(),
    "values_strings": texts(),
    "default_float": real(-0.0),
    **_DEFAULTS,
}
_TENSORS = {**_COLUMNS, "keys_tensor": tensor(), "values_tensor": tensor(), "default_tensor": tensor()}
_NORMALIZER = {
    "case_change_action": text("NONE", allowed=("NONE",)),
    "is_case_sensitive": integer(0),
    "locale": text(),
    "stopwords": texts(),
}


def _encoder(since: int, until: int, attributes: Mapping[str, Any]) -> OpSpec:
    return OpSpec("LabelEncoder", _infer_lookup, _lookup, ML_DOMAIN, since, until, attributes=attributes)


OPS = (
    OpSpec("OneHotEncoder", _infer_one_hot, _one_hot, ML_DOMAIN, attributes=_ONE_HOT),
    _encoder(1, 1, _CLASSES),
    _encoder(2, 3, _COLUMNS),
    _encoder(4, 0, _TENSORS),
    OpSpec("CategoryMapper", _infer_lookup, _lookup, ML_DOMAIN, attributes=_MAPPER),
    OpSpec(
        "StringNormalizer",
        _infer_texts,
        _texts,
        DEFAULT_DOMAIN,
        since=10,
        attributes=_NORMALIZER,
        transparent=_always,
    ),
)
