"""Thresholds on sums that the model computes in floating point: proven decisions are the model's, or none.

The circuit's integers stand for exact sums; the model's own sums differ by rounding (:mod:`float_sums`). Where an
integer is so close to a threshold that the two might fall on different sides, it is *refused*: it lies in a gap below
the threshold, and the circuit has no witness for it. Where all sums there can be are known, as of votes, there is a gap
only if two of them are out of order; a label is then decided with its ties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame
from prover.quantization.plan import LinearForms, Plan
from prover.quantization.trace import Affine
from prover.quantization.trees.float_sums import TEXT, Rounding, SumInfo

LINK_ERROR = 2.0**-21
"""Bound on the distance of onnxruntime's float32 logistic functions from the exact one of the same argument. That of
the trees takes exp within 2 units of its last place (2^-23 of a value below 1) and rounds 1 + e and the quotient by
2^-24 and 2^-25: below 2^-22. That of the operator Sigmoid is a rational approximation, 1.8e-7 off at most where it was
measured, at 24 million arguments from -30 to 30. Twice 2^-22 holds both."""

ORDER = "as onnxruntime decides rows one at a time on one thread"
"""Which of onnxruntime's answers is meant: of batches and on several threads it adds trees in orders of their own."""


@dataclass(frozen=True)
class Cut:
    """An integer threshold: passed from ``at`` on; the ``gap`` integers below it are refused."""

    at: int
    gap: int


@dataclass(frozen=True)
class _Sum:
    """One exact sum behind a form: ``form = factor * sum + offset``, in real numbers."""

    info: SumInfo
    variable: int
    factor: float
    offset: float


def cuts_of(
    frame: Frame,
    source: Affine,
    fraction: int,
    forms: LinearForms,
    thresholds: Sequence[float],
    strict: bool,
    probabilities: Sequence[float] = (),
) -> list[Cut] | None:
    """The integer thresholds of a form that stands for tree sums, gaps included.

    Args:
        frame: knows which variables are such sums.
        source: the one linear form.
        fraction: ``forms`` counts it in units of 2^-fraction.
        forms: the same in integers.
        thresholds: ascending, in real numbers; passed above them where ``strict``, else from them on.
        probabilities: the thresholds before they became logits; the model compares float32 probabilities with them.

    Returns:
        One cut a threshold, not descending; None where the decision cannot be shown to be the model's.
    """
    sums = _sums(frame, source)
    if sums is None or not _lossless(frame, source, fraction, forms):
        return None
    plain = len(sums) == 1 and sums[0].offset == 0.0 and abs(sums[0].factor) == 1.0
    sign_only = len(thresholds) == 1 and thresholds[0] == 0.0 and not probabilities
    if not plain and not (sign_only and _sign_survives(sums, source)):
        return None
    error = sum(abs(each.factor) * each.info.error for each in sums)
    ends = [_ends(threshold, place, probabilities) for place, threshold in enumerate(thresholds)]
    one = sums[0]
    if len(sums) == 1 and one.factor > 0 and one.info.sums is not None and one.info.results is not None:
        unit = float(frame.unit[one.variable])
        counts = np.rint((one.factor * one.info.sums * unit + one.offset) * 2.0**fraction).astype(np.int64)
        return _merged([_enumerated(counts, one, low, high, strict) for low, high in ends])
    lead = _lead(frame, sums, fraction) if len(sums) == 2 else None  # the sign of a difference
    if lead is not None:
        return [Cut(lead, 2 * lead - 1) if lead else Cut(int(strict), 0)]
    return _merged([_bounded(low, high, error, strict, fraction) for low, high in ends])


def margin_of(frame: Frame, source: Affine, fraction: int, forms: LinearForms) -> int | None:
    """By how many counts the largest of several sums must lead for its class to be the model's; None: cannot tell.

    At 0 nothing is refused: equal sums are equal in the model too, and it takes the first of them.
    """
    if not _lossless(frame, source, fraction, forms):
        return None
    every: list[_Sum] = []
    constant = False
    for row in range(source.size):
        sums = _sums(frame, source.pick(np.array([row], dtype=np.int64)))
        if source.matrix.indptr[row] == source.matrix.indptr[row + 1] and source.bias[row] == 0.0:
            constant = True
            continue
        if sums is None or len(sums) != 1 or sums[0].factor != 1.0 or sums[0].offset != 0.0:
            return None
        every += sums
    worst = 2.0 * max((each.info.error for each in every), default=0.0)
    if worst == 0.0:
        return 0
    known = _lead(frame, every, fraction, constant=constant)
    return math.floor(worst * 2.0**fraction) + 2 if known is None else known


def _lead(frame: Frame, sums: Sequence[_Sum], fraction: int, *, constant: bool = False) -> int | None:
    """The least lead of one integer sum over another from which on the model's first is larger as well; 0 where sums
    compare, ties included, as the model's do. None where not all sums there can be are known.

    Args:
        constant: whether the constant 0 competes too.
    """
    counts: list[NDArray[np.int64]] = [np.zeros(int(constant), dtype=np.int64)]
    results: list[NDArray[np.float64]] = [np.zeros((int(constant), 2))]
    for each in sums:
        if each.info.sums is None or each.info.results is None:
            return None
        counts.append(np.rint(each.info.sums * float(frame.unit[each.variable]) * 2.0**fraction).astype(np.int64))
        results.append(each.info.results)
    values, floats = np.concatenate(counts), np.concatenate(results)
    order = np.argsort(values, kind="stable")
    values, floats = values[order], floats[order]
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    values = values[starts]
    least, most = np.minimum.reduceat(floats[:, 0], starts), np.maximum.reduceat(floats[:, 1], starts)
    # Of the integers from one on, the smallest float there can be ascends: the last that is not above ``most``.
    last = np.searchsorted(np.minimum.accumulate(least[::-1])[::-1], most, side="right") - 1
    doubtful = (last > np.arange(values.size)) | (least < most)
    return int((values[last] - values + 1)[doubtful].max(initial=0))


def refused(thresholds: NDArray[np.int64], gaps: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[s]: values[s] that lie in the gap below some threshold."""
    below = values[:, None] < thresholds
    return np.asarray((below & (values[:, None] >= thresholds - gaps)).any(axis=1))


def tree_exactness(plan: Plan) -> str:
    """What is known of the decisions of a plan with trees, in a sentence; empty without trees."""
    roundings = [Rounding(step.integer("rounding")) for step in plan.steps if step.kind == "trees"]
    if not roundings:
        return ""
    if any(step.kind == "cuts" and bool((step.integers("features") < 0).any()) for step in plan.steps):
        return "trees: not exact, a test compares a number computed from several features, in fixed point"
    deciding = [step for step in plan.steps if step.kind in ("tier", "argmax")]
    if not deciding:
        return "trees: leaves exact, the score is rounded"
    if not all("exact" in step.params for step in deciding):
        return (
            "trees: not exact: their comparisons are, but the decision is of a mean, or another function, of their "
            "sums, in fixed point, and ties or near ties may fall otherwise than in the model's float32"
        )
    guarded = any("gaps" in step.params or "margin" in step.params for step in deciding)
    if not guarded:
        return f"trees: {TEXT[min(max(roundings), Rounding.ENUMERATED)]}, {ORDER}"
    bands = [
        (step.integer("margin") if "margin" in step.params else int(step.integers("gaps").max()))
        * 2.0**-step.fraction_bits
        for step in deciding
        if "gaps" in step.params or "margin" in step.params
    ]
    return f"trees: {TEXT[Rounding.BOUNDED]}, {max(bands):.1e} at most, {ORDER}"


def _sums(frame: Frame, source: Affine) -> list[_Sum] | None:
    """The tree sums of a form; None when it reads anything else."""
    columns = source.matrix.cols.tolist()
    if source.size != 1 or not columns or any(column not in frame.sums for column in columns):
        return None
    offset = float(source.bias[0])
    pairs = zip(columns, source.matrix.data.tolist(), strict=True)
    return [_Sum(frame.sums[column], column, float(factor), offset) for column, factor in pairs]


def _sign_survives(sums: list[_Sum], source: Affine) -> bool:
    """Whether the sign of the form is the model's comparison: of a sum with a half, or of two sums."""
    if len(sums) == 1:
        return (sums[0].factor, sums[0].offset) in ((2.0, -1.0), (1.0, -0.5))
    return len(sums) == 2 and sorted(each.factor for each in sums) == [-1.0, 1.0] and not source.bias.any()


def _lossless(frame: Frame, source: Affine, fraction: int, forms: LinearForms) -> bool:
    """Whether the integer forms are the real ones, without any rounding."""
    real = source.matrix.widen(frame.unit.size).scale_cols(frame.unit)
    return (
        np.array_equal(real.cols, forms.matrix.cols)
        and np.array_equal(real.data * 2.0**fraction, forms.matrix.data.astype(np.float64))
        and np.array_equal(source.bias * 2.0**fraction, forms.bias.astype(np.float64))
    )


def _ends(threshold: float, place: int, probabilities: Sequence[float]) -> tuple[float, float]:
    """(surely failed below, surely passed from): one number, or what a rounded probability leaves open."""
    if not probabilities:
        return threshold, threshold
    low, high = (min(max(probabilities[place] + end, 2.0**-40), 1.0 - 2.0**-40) for end in (-LINK_ERROR, LINK_ERROR))
    return math.log(low / (1.0 - low)), math.log(high / (1.0 - high))


def _bounded(low: float, high: float, error: float, strict: bool, fraction: int) -> Cut:
    slack = error + (abs(low) + abs(high) + error) * 2.0**-48 if error or low != high else 0.0
    first, last = (low - slack) * 2.0**fraction, (high + slack) * 2.0**fraction
    if strict:
        start, at = math.floor(first) + 1, math.floor(last) + 1
    else:
        start, at = math.ceil(first), math.ceil(last)
    return Cut(at, at - start)


def _enumerated(counts: NDArray[np.int64], one: _Sum, low: float, high: float, strict: bool) -> Cut:
    assert one.info.results is not None
    results = one.factor * one.info.results + one.offset
    passed = results[:, 0] > high if strict else results[:, 0] >= high
    failed = results[:, 1] <= low if strict else results[:, 1] < low
    first = int(np.argmax(~failed)) if not failed.all() else counts.size  # of those that may pass
    last = counts.size - 1 - int(np.argmax(~passed[::-1])) if not passed.all() else -1  # of those that may fail
    if first > last:
        return Cut(int(counts[first]) if first < counts.size else int(counts[-1]) + 1, 0)
    return Cut(int(counts[last]) + 1, int(counts[last]) + 1 - int(counts[first]))


def _merged(cuts: list[Cut]) -> list[Cut]:
    """Thresholds whose gaps touch are passed together."""
    result: list[Cut] = []
    for cut in cuts:
        start = cut.at - cut.gap
        joined = [other for other in result if cut.gap and start <= other.at]
        result = [other for other in result if other not in joined]
        start = min([start, *(other.at - other.gap for other in joined)])
        result += [Cut(cut.at, cut.at - start)] * (len(joined) + 1)
    return result


__all__ = ["Cut", "cuts_of", "margin_of", "refused", "tree_exactness"]
