"""Preprocessing of ai.onnx.ml: Imputer, Binarizer, FeatureVectorizer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.ml_features import imputation
from prover.quantization.blocks.compare import at_least_zero, equal_zero
from prover.quantization.blocks.sums import shifted
from prover.quantization.rules import rule
from prover.quantization.rules.linear import real
from prover.quantization.sparse import Sparse
from prover.quantization.trace import FIXED, Affine, Trace, Value, linear, unsupported

F64 = NDArray[np.float64]
_ML = "ai.onnx.ml"


@rule("Imputer", domain=_ML, steps=("equal",), cost="0; of a number that stands for missing 2")
def imputer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Replace missing values, or one number, by constants.

    A missing number has slot 0 and its flag is 1, so adding the flag times a constant puts any value in its place:
    that is linear. Where x is a number r, x + (v - r) is v: one equality for each element.
    """
    value = operands[0]
    source = value if isinstance(value, Affine) else linear(node, value, trace)
    if trace.coded(source):
        raise unsupported(node, f"it imputes feature {trace.coded(source)!r}, which is float32", FIXED)
    replaced, values = imputation(node, source.shape, trace.tensors[node.inputs[0]].dtype)
    flat = np.asarray(values, dtype=np.float64).ravel()
    if np.isnan(replaced):
        return [_filled(trace, node, source, flat)]
    if np.isinf(replaced):
        return [source]  # no value of the circuit is infinite
    return [_exchanged(trace, node, source, float(replaced), flat)]


def _filled(trace: Trace, node: Node, source: Affine, values: F64) -> Affine:
    """``values`` where the element's optional feature is missing: its slot is 0 then, which leaves the bias."""
    added = _flags(trace, node, source).scale_rows(values - source.bias)
    return Affine(source.shape, source.matrix.add(added), source.bias, np.zeros(source.size, dtype=np.bool_))


def _flags(trace: Trace, node: Node, source: Affine) -> Sparse:
    """Row i picks the missing flag of element i, where it has one.

    Raises:
        UnsupportedOpError: an element that is NaN when any of several features is missing.
    """
    rows = np.flatnonzero(source.optional)
    flags = []
    for element in rows.tolist():
        entries = slice(source.matrix.indptr[element], source.matrix.indptr[element + 1])
        flag = _flag(trace, source.matrix.cols[entries])
        if flag is None:
            raise unsupported(
                node,
                f"{trace.absent(source.pick(np.array([element])))}, together with other features",
                "impute each feature before it is computed with",
            )
        flags.append(flag)
    return Sparse.from_triplets(
        rows, np.array(flags, dtype=np.int64), np.ones(rows.size), (source.size, trace.n_variables)
    )


def _flag(trace: Trace, columns: NDArray[np.int64]) -> int | None:
    """The missing flag of the one feature that all ``columns`` belong to; None when they belong to several."""
    for fact in trace.facts.features:
        if columns.size and fact.start <= columns[0] <= fact.last:
            return fact.missing if columns[-1] <= fact.last and fact.missing >= 0 else None
    return None


def _exchanged(trace: Trace, node: Node, source: Affine, number: float, values: F64) -> Affine:
    """``values`` where the element is ``number``; NaN stays NaN."""
    present = replace(source, optional=np.zeros(source.size, dtype=np.bool_))
    hits = equal_zero(trace, node, shifted(present, -number))
    change = values - number
    matrix = source.matrix.add(hits.matrix.scale_rows(change))
    return Affine(source.shape, matrix, source.bias + hits.bias * change, source.optional)


@rule("IsNaN", steps=())
def is_nan(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The missing flag of an optional feature; no other value is NaN."""
    value = operands[0]
    if not isinstance(value, Affine) or not value.optional.any():
        return [np.zeros(trace.tensors[node.inputs[0]].shape, dtype=np.bool_)]
    flags = _flags(trace, node, value)
    return [Affine(value.shape, flags, np.zeros(value.size), np.zeros(value.size, dtype=np.bool_))]


@rule("Binarizer", domain=_ML, steps=("compare",))
def binarizer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``1 if x > threshold else 0``, exact on exact inputs."""
    source = linear(node, operands[0], trace)
    return [at_least_zero(trace, node, shifted(source, -real(node, "threshold")), strict=True)]


@rule("FeatureVectorizer", domain=_ML, steps=())
def feature_vectorizer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """All columns of all inputs, side by side."""
    joined = Affine.stack([linear(node, value, trace) for value in operands])
    return [joined.reshaped((1, -1))]
