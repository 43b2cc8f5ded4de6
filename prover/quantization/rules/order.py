"""Operators that compare the elements along one axis: ArgMax, ArgMin, TopK."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.axes import gathered, shape_without
from prover.quantization.blocks.variables import is_read
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Affine, FloatStep, Label, Link, Trace, Value, linear, unsupported


@rule("ArgMax", "ArgMin", steps=("argmax", "argmax_rows"))
def argmax(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Index of the largest or smallest element, ties to the first or, with ``select_last_index``, to the last.

    Over all elements it is a label, for the head to reveal. A link function keeps the order of its logits.
    """
    value = operands[0]
    x = value.logits if isinstance(value, Link) else linear(node, value, trace)
    if node.op == "ArgMin":
        x = x.negated
    axis = integer(node, "axis") % len(x.shape)
    if isinstance(value, Link) and value.kind != "sigmoid" and x.shape[axis] != x.size:
        x = linear(node, value, trace)  # elements that compete in different sums are not ordered as their logits
        x = x.negated if node.op == "ArgMin" else x
    rows = gathered(x.shape, (axis,))
    m, k = rows.shape
    shape = shape_without(x.shape, (axis,), keep=bool(integer(node, "keepdims")))
    classes = np.arange(k, dtype=np.int64)
    if node.attributes.get("select_last_index"):  # the first of the reversed row is the last
        rows, classes = rows[:, ::-1], classes[::-1]
    if k == 1 or m == 0:
        return [np.zeros(shape, dtype=np.int64)]
    scores = x.pick(rows.ravel())
    if m == 1:
        return [Label(scores, np.ascontiguousarray(classes), shape)]
    step = FloatStep("argmax_rows", node.name, scores, m, {"k": k})
    place = trace.append(step, (m,), whole=True, lo=0.0, hi=float(k - 1))
    if classes[0]:
        place = Affine((m,), place.negated.matrix, np.full(m, float(k - 1)), place.optional)
    return [place.reshaped(shape)]


@rule("TopK", steps=("topk",))
def top_k(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The k largest or smallest elements in order, and their indices; of equal elements the first comes first.

    With ``sorted = 0`` any order would do; it is this one.
    """
    x = linear(node, operands[0], trace)
    k = _count(node, operands)
    axis = integer(node, "axis") % len(x.shape)
    rows = gathered(x.shape, (axis,))
    m, n = rows.shape
    if not 0 <= k <= n:
        raise unsupported(node, f"the {k} largest of {n} elements")
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    if not m * k:
        return [np.zeros(shape), np.zeros(shape, dtype=np.int64)]
    largest = node.attributes.get("largest", 1)
    source = (x if largest else x.negated).pick(rows.ravel())
    lo, hi = (end.reshape(m, n) for end in trace.interval(source))
    ends = [np.sort(end, axis=1)[:, ::-1][:, :k].ravel() for end in (lo, hi)]
    whole = np.full(m * k, trace.is_whole(source).all())
    indexed = len(node.outputs) > 1 and is_read(trace, node.outputs[1])
    if indexed:
        ends = [np.append(end, np.full(m * k, last)) for end, last in zip(ends, (0.0, n - 1.0), strict=True)]
        whole = np.append(whole, np.ones(m * k, dtype=np.bool_))
    step = FloatStep("topk", node.name, source, whole.size, {"n": n, "k": k, "indices": indexed})
    found = trace.append(step, (whole.size,), whole=whole, lo=ends[0], hi=ends[1])
    # Rows lie along the axis: [outer, inner, k] to [outer, k, inner].
    order = np.moveaxis(np.arange(m * k).reshape(*x.shape[:axis], *x.shape[axis + 1 :], k), -1, axis)
    values = found.pick(order)
    results: list[Value] = [values if largest else values.negated]
    return [*results, found.pick(m * k + order)] if indexed else results


def _count(node: Node, operands: list[Value | None]) -> int:
    if "k" in node.attributes:
        return integer(node, "k")
    given = operands[1]
    if not isinstance(given, np.ndarray) or given.size != 1:
        raise unsupported(node, "k depends on the input")
    return int(given.ravel()[0])
