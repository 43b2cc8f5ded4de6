"""What a step of a plan file must be before anything is computed from it: lists of lengths that fit, indices in range.

Whoever wrote the file chose every number in it. Sizes follow from lists that are in memory already, so a check costs no
more than reading did, and what passes makes no later stage allocate more than the plan's own size suggests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from prover.quantization.plan import Step

I64 = NDArray[np.int64]

MOST_SHIFT = 62
"""Largest shift: numbers have 63 bits and a sign."""

_SHIFTS = ("shift", "lift", "out_shift")
_NODE = 3
"""Integers of a node of a forest."""


def check_step(step: Step) -> None:
    """
    Raises:
        ValueError: an output without an input, a list of another length, an index or a shift out of range.
        QuantizationError: a parameter that is missing, or a list where a number belongs.
    """
    if step.lo.size != step.hi.size or not step.n_outputs:
        raise ValueError(f"step {step.node!r} has {step.lo.size} lower and {step.hi.size} upper ends")
    for name in _SHIFTS:
        if name in step.params:
            _require(step, 0 <= step.integer(name) <= MOST_SHIFT, f"{name} is out of range")
    _CHECKS.get(step.kind, _elementwise)(step)


def _require(step: Step, holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"step {step.node!r} ({step.kind}): {what}")


def _outputs(step: Step, count: int) -> None:
    _require(step, step.n_outputs == count, f"{step.n_outputs} outputs where its parameters give {count}")


def _within(step: Step, name: str, values: I64, stop: int) -> None:
    _require(step, bool(values.size == 0 or (values.min() >= 0 and values.max() < stop)), f"{name} out of range")


def _ascending(step: Step, name: str, values: I64, *, strict: bool = False) -> None:
    steps = values[1:] > values[:-1] if strict else values[1:] >= values[:-1]
    _require(step, bool(steps.all()), f"{name} do not ascend")


def _pointers(step: Step, name: str, values: I64, total: int) -> None:
    """Starts of runs of a list of ``total`` numbers, and its end."""
    _require(step, values.size > 0 and values[0] == 0 and values[-1] == total, f"{name} do not span their list")
    _ascending(step, name, values)


def _elementwise(step: Step) -> None:
    _outputs(step, len(step.inputs))


def _function(step: Step) -> None:
    _outputs(step, len(step.inputs))
    starts, coefficients = step.integers("starts"), step.integers("coefficients")
    whole = starts.size > 0 and coefficients.size > 0 and coefficients.size % starts.size == 0
    _require(step, whole, "coefficients that are not so many a piece")
    _ascending(step, "starts", starts, strict=True)


def _argmax(step: Step) -> None:
    _outputs(step, 1)
    _require(step, step.integers("classes").size == len(step.inputs), "not as many classes as inputs")
    if "margin" in step.params:
        _require(step, step.integer("margin") >= 0, "a negative margin")


def _rows(step: Step) -> int:
    """Rows of k inputs."""
    k = step.integer("k")
    _require(step, 0 < k <= len(step.inputs) and len(step.inputs) % k == 0, "its inputs are not rows of k")
    return len(step.inputs) // k


def _of_rows(step: Step) -> None:
    _outputs(step, _rows(step))


def _contract(step: Step) -> None:
    left, right, starts = (step.integers(name) for name in ("left", "right", "starts"))
    split, shifts, count = step.integer("split"), step.integers("shifts"), len(step.inputs)
    _outputs(step, starts.size)
    _require(step, 0 < left.size == right.size, "not as many left as right operands")
    _within(step, "left", left, count)
    _within(step, "right", right, count)
    _require(step, starts[0] == 0 and starts[-1] < left.size, "starts out of range")
    _ascending(step, "starts", starts, strict=True)
    _require(step, 0 <= split <= count, "split is out of range")
    _require(step, shifts.size == 2, "not two shifts")
    _within(step, "shifts", shifts, MOST_SHIFT + 1)


def _cuts(step: Step) -> None:
    counts, thresholds = step.integers("counts"), step.integers("thresholds")
    _outputs(step, thresholds.size)
    _require(step, step.integers("features").size == counts.size == len(step.inputs), "not one count an input")
    _within(step, "counts", counts, thresholds.size + 1)
    # Sums of numbers below the list's length do not overflow before they exceed it.
    ends = np.cumsum(counts)
    _require(step, bool(ends.size and ends[-1] == thresholds.size), "counts that do not add up to the thresholds")
    inner = np.ones(max(thresholds.size - 1, 0), dtype=np.bool_)
    inner[ends[(ends > 0) & (ends < thresholds.size)] - 1] = False
    _require(step, bool((thresholds[1:] >= thresholds[:-1])[inner].all()), "thresholds do not ascend")


def _one_hot(step: Step) -> None:
    k = step.integer("k")
    _require(step, k > 0, "vectors of no element")
    _outputs(step, k * len(step.inputs))


def _quotient(step: Step) -> None:
    places = step.integers("divisor")
    _outputs(step, places.size)
    divisors = len(step.inputs) - places.size
    _require(step, divisors > 0, "no divisor")
    _within(step, "divisor", places, divisors)
    _require(step, step.integer("sign") in (-1, 0, 1), "sign is none")
    if "clamp_lo" in step.params:
        _require(step, step.integer("clamp_lo") > 0, "clamp_lo is not positive")


def _remainder(step: Step) -> None:
    divisors = step.integers("divisors")
    _outputs(step, len(step.inputs))
    _require(step, divisors.size == len(step.inputs) and divisors.min() > 0, "not one positive divisor an input")


def _floor(step: Step) -> None:
    _outputs(step, len(step.inputs))
    _require(step, step.integer("divisor") > 0, "a divisor that is not positive")


def _root(step: Step) -> None:
    _outputs(step, len(step.inputs))
    for name in ("scale", "clamp_lo"):
        if name in step.params:
            _require(step, step.integer(name) >= (name == "scale"), f"{name} is out of range")


def _select(step: Step) -> None:
    _require(step, len(step.inputs) == 3 * step.n_outputs, "not three inputs an output")


def _tier(step: Step) -> None:
    thresholds = step.integers("thresholds")
    _outputs(step, 1)
    _require(step, len(step.inputs) == 1, "not one input")
    _ascending(step, "thresholds", thresholds)
    if "gaps" in step.params:
        gaps = step.integers("gaps")
        _require(step, gaps.size == thresholds.size and bool((gaps >= 0).all()), "not one gap a threshold")


def _topk(step: Step) -> None:
    n, k, indices = (step.integer(name) for name in ("n", "k", "indices"))
    count = len(step.inputs)
    _require(step, 0 < k <= n <= count and count % n == 0 and indices in (0, 1), "its inputs are not rows of n")
    _outputs(step, count // n * k * (1 + indices))


def _trees(step: Step) -> None:
    atoms, nodes, base = (step.integers(name) for name in ("atoms", "nodes", "base"))
    _outputs(step, base.size)
    count = len(step.inputs)
    _within(step, "atoms", atoms - 1, count + 1)
    _require(step, int((atoms - 1).sum()) == count, "atoms that do not add up to the inputs")
    runs, starts = step.integers("set_runs"), step.integers("set_starts")
    _within(step, "set_runs", runs, int(atoms.max(initial=0)) + 1)
    _pointers(step, "set_starts", starts, runs.size)
    _require(step, step.integers("set_groups").size == starts.size - 1, "not one group a set")
    outputs, leaves = step.integers("leaf_outputs"), step.integers("leaf_starts")
    _require(step, outputs.size == step.integers("leaf_values").size, "not one value a leaf's output")
    _within(step, "leaf_outputs", outputs, base.size)
    _pointers(step, "leaf_starts", leaves, outputs.size)
    _require(step, nodes.size % _NODE == 0, "nodes that are not triples")


_CHECKS: dict[str, Callable[[Step], None]] = {
    "argmax": _argmax,
    "argmax_rows": _of_rows,
    "contract": _contract,
    "cuts": _cuts,
    "floor": _floor,
    "function": _function,
    "maximum": _of_rows,
    "one_hot": _one_hot,
    "quotient": _quotient,
    "remainder": _remainder,
    "root": _root,
    "select": _select,
    "sigmoid": _function,
    "tier": _tier,
    "topk": _topk,
    "trees": _trees,
}
"""By kind; the others have an output for each input."""
