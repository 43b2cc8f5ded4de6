"""Choice between whole numbers by a boolean."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.trace import Affine, FloatStep, Trace


def select(trace: Trace, node: Node, condition: Affine, a: Affine, b: Affine) -> Affine:
    """``a`` where the boolean ``condition`` is 1, ``b`` elsewhere: three tensors of whole numbers and of one shape.

    The result lies between the operands, which a sum with a product would not show. Where the condition or both
    numbers are constants it is linear.
    """
    flags, first, second = condition, a, b
    fixed = np.diff(flags.matrix.indptr) == 0
    difference = first.matrix.add(second.matrix.scale_rows(np.full(second.size, -1.0)))
    constant = np.diff(difference.indptr) == 0
    step = first.bias - second.bias
    # b + c (a - b): with c constant, or with a - b constant.
    by_flag = first.matrix.scale_rows(flags.bias).add(second.matrix.scale_rows(1.0 - flags.bias))
    by_step = second.matrix.add(flags.matrix.scale_rows(step))
    matrix = by_flag.scale_rows(fixed.astype(np.float64)).add(by_step.scale_rows((~fixed).astype(np.float64)))
    linear = Affine(condition.shape, matrix, second.bias + flags.bias * step, np.zeros(flags.size, dtype=np.bool_))
    rows = np.flatnonzero(~fixed & ~constant)
    if not rows.size:
        return linear
    inputs = Affine.stack([part.pick(rows) for part in (flags, first, second)])
    ends = [trace.interval(part.pick(rows)) for part in (first, second)]
    low, high = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
    chosen = FloatStep("select", node.name, inputs, rows.size)
    outputs = trace.append(chosen, (rows.size,), whole=True, lo=low, hi=high)
    order = np.arange(flags.size, dtype=np.int64)
    order[rows] = flags.size + np.arange(rows.size)
    return Affine.stack([linear, outputs]).pick(order.reshape(condition.shape))
