"""How far the integer program is from the float model, on samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.quantization.error_bound import error_bound
from prover.quantization.head import DEFAULT_TIERS
from prover.quantization.model import Run
from prover.quantization.plan import Plan
from prover.schema import THRESHOLD_DECIMALS, Reveal

F64 = NDArray[np.float64]

_SATURATED = 1e-6
"""Probabilities this close to 0 or 1 have lost their logit to float32 rounding: they do not count in logit space."""


BINS = 21
"""Bins of an error histogram; odd, so that the middle one is around zero."""


@dataclass(frozen=True)
class Histogram:
    """Signed errors, integer program minus float model, in bins of one width.

    Attributes:
        edges: ends of the bins, ascending, one more than there are bins.
        counts: values in each bin; the last bin holds its upper end too.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("the edges of a histogram do not fit its counts")

    @classmethod
    def of(cls, errors: NDArray[np.float64]) -> Histogram | None:
        """:data:`BINS` bins, symmetric about zero; None without errors to count."""
        values = errors[np.isfinite(errors)]
        if not values.size:
            return None
        reach = float(np.abs(values).max()) or 1.0
        counts, edges = np.histogram(values, BINS, (-reach, reach))
        return cls(tuple(edges.tolist()), tuple(counts.tolist()))


@dataclass(frozen=True)
class Accuracy:
    """Distance of the integer program from the float model.

    Attributes:
        samples: rows compared.
        max_abs_error, mean_abs_error: in the score (a probability, or a raw output); None when the model gives
            labels only, or several linked probabilities.
        max_logit_error, mean_logit_error: before the link function; for raw outputs the same as above.
        label_flips: rows whose class differs, from the model's own label where that is revealed, or one of several
            independent probabilities lies on the other side of a half; 0 for raw scores.
        tier_flips: rows whose tier differs, at the plan's thresholds or the default ones; 0 without tiers.
        decision_flips: flips of what is revealed: tiers of a tier plan, classes of any other.
        near_threshold: rows whose logit lies within the largest known error of a tier threshold or the class boundary.
        within_bound: the same for the error bound that the plan proves; 0 where it proves none.
        histogram: of the logits' errors, or of the scores' where there is no logit; None for labels only.
        refused: rows too close to a threshold to be proved; they count in nothing above.
    """

    samples: int
    max_abs_error: float | None
    mean_abs_error: float | None
    max_logit_error: float | None
    mean_logit_error: float | None
    label_flips: int
    tier_flips: int
    decision_flips: int
    near_threshold: int
    histogram: Histogram | None = None
    refused: int = 0
    within_bound: int = 0

    @property
    def largest_error(self) -> float | None:
        """Of the logit, or of the score where there is none; None for labels only."""
        return self.max_abs_error if self.max_logit_error is None else self.max_logit_error


def measure(plan: Plan, run: Run, values: Callable[[str], NDArray[np.generic]], *, slack: float = 0.0) -> Accuracy:
    """:func:`compare`; ``values`` gives the float model's values [s, ...] of a named output for the run's rows."""
    labels = values(plan.label_output) if plan.label_output else None
    return compare(plan, run, values(plan.output), labels=labels, slack=slack)


def compare(
    plan: Plan,
    run: Run,
    expected: NDArray[np.generic],
    *,
    labels: NDArray[np.generic] | None = None,
    slack: float = 0.0,
) -> Accuracy:
    """Compare a run of the plan with the float values of the plan's output.

    Args:
        plan: the plan.
        run: its reference model on s rows.
        expected: [s, ...] values of the graph output ``plan.output`` for the same rows.
        labels: [s, 1] values of the model's own label where the plan reveals it; without them the label is taken to be
            the class of the largest score, or of one above a half, which is not always true of ties.
        slack: an error known from other rows; the larger of it and the largest error here counts as near.
    """
    if run.refused.any() and not run.refused.all():
        kept = ~run.refused
        own = None if labels is None else np.asarray(labels)[kept]
        decided = compare(plan, run.decided(), np.asarray(expected)[kept], labels=own, slack=slack)
        return replace(decided, refused=int(run.refused.sum()))
    wanted = np.asarray(expected).reshape(len(run.outputs), -1)
    if plan.link == "whole":
        distances = np.abs(run.outputs - wanted.astype(np.float64))
        changed = int(np.count_nonzero(distances.any(axis=1)))
        return Accuracy(len(wanted), *_extremes(distances), None, None, changed, 0, changed, 0)
    logits = _logits(plan, run)
    if plan.labels_only:
        flips = _changed(plan, run, wanted)
        return Accuracy(len(wanted), None, None, None, None, flips, 0, flips, 0)
    wanted = wanted.astype(np.float64)
    if logits.shape[1] == 1 and wanted.shape[1] == 2:
        wanted = wanted[:, 1:]  # (1 - p, p)
    scores: F64 | None = None
    exact: F64 | None = None
    if plan.link == "sigmoid":
        scores, exact = _sigmoid(logits), _logit(wanted)
    elif plan.link == "none":
        scores, exact = logits, wanted
    elif plan.link == "softmax":
        logits, exact = _centred(logits), _centred(_log(wanted))
    if plan.layout.reveal is Reveal.SCORE:
        scores = run.outputs / 10.0 ** np.array(plan.layout.decimals)
    error = None if scores is None else np.abs(scores - wanted)
    distance = None if exact is None else np.abs(logits - exact)[np.isfinite(exact).all(axis=1)]
    flips = _flips(plan, logits, wanted) if labels is None else _changed(plan, run, np.asarray(labels))
    largest = 0.0 if distance is None or not distance.size else float(distance.max())
    tiers, near = _tiers(plan, run, logits, wanted, max(slack, largest))
    bound = error_bound(plan.steps)
    return Accuracy(
        len(wanted),
        *_extremes(error),
        *_extremes(distance),
        flips,
        tiers,
        tiers if plan.layout.reveal is Reveal.TIER else flips,
        near,
        Histogram.of(_signed(logits, exact, scores, wanted)),
        within_bound=0 if bound is None else _tiers(plan, run, logits, wanted, bound)[1],
    )


def _signed(logits: F64, exact: F64 | None, scores: F64 | None, wanted: F64) -> F64:
    """Signed errors of the logits, else of the scores, flat; NaN where the float model's logit is lost."""
    if exact is not None and np.isfinite(exact).any():
        return (logits - exact).ravel()
    return np.zeros(0) if scores is None else (scores - wanted).ravel()


def _logits(plan: Plan, run: Run) -> F64:
    """float64[s, k]: the head's linear forms as real numbers, their rounding halves taken out.

    The head's steps are those whose outputs are revealed: a classifier inside the model has steps of the same kinds.
    """
    columns = []
    revealed = np.unique(plan.outputs.matrix.cols)
    stop = plan.n_facts
    for step, inputs in zip(plan.steps, run.inputs, strict=True):
        start, stop = stop, stop + step.n_outputs
        head = np.any((revealed >= start) & (revealed < stop))
        if step.kind not in ("tier", "argmax", "sigmoid", "round") or not head:
            continue
        half = (1 << step.integer("shift")) >> 1 if "shift" in step.params else 0
        scale = 2.0**step.fraction_bits * (10.0 ** plan.layout.decimals[0] if step.kind == "round" else 1.0)
        columns.append((inputs - half) / scale)
    return np.concatenate(columns, axis=1)


def _changed(plan: Plan, run: Run, labels: NDArray[np.generic]) -> int:
    """Rows whose revealed label is not the model's."""
    return int(np.count_nonzero(run.outputs[:, 0] != _integers(plan, labels.reshape(len(run.outputs), -1)[:, -1])))


def _integers(plan: Plan, labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """Labels as the plan counts them: texts by their place."""
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    places = {name: place for place, name in enumerate(plan.class_names)}
    return np.array([places.get(str(label), -1) for label in labels], dtype=np.int64)


def _flips(plan: Plan, logits: F64, wanted: F64) -> int:
    if logits.shape[1] == 1:
        if plan.link != "sigmoid" and len(plan.classes) != 2:
            return 0
        boundary = 0.0 if plan.link == "sigmoid" else 0.5  # of a probability that needs no link
        return int(np.count_nonzero((logits[:, 0] > boundary) != (wanted[:, 0] > 0.5)))
    if not plan.classes and plan.layout.reveal is not Reveal.LABEL:
        if plan.link != "sigmoid":
            return 0
        return int(np.count_nonzero(((logits > 0) != (wanted > 0.5)).any(axis=1)))
    return int(np.count_nonzero(np.argmax(logits, axis=1) != np.argmax(wanted, axis=1)))


def _tiers(plan: Plan, run: Run, logits: F64, wanted: F64, slack: float) -> tuple[int, int]:
    """(tier flips, rows near a boundary)."""
    if logits.shape[1] > 1:
        best = np.sort(logits, axis=1)
        return 0, int(np.count_nonzero(best[:, -1] - best[:, -2] <= 2 * slack)) if plan.classes else 0
    cuts = [cut / 10.0**THRESHOLD_DECIMALS for cut in plan.layout.thresholds]
    if plan.link != "sigmoid":
        real, bounds = wanted[:, 0], cuts
    else:
        cuts = cuts or list(DEFAULT_TIERS)
        real, bounds = wanted[:, 0], [math.log(cut / (1 - cut)) for cut in cuts]
    revealed = plan.layout.reveal is Reveal.TIER
    passed = run.outputs[:, 0] if revealed else np.searchsorted(bounds, logits[:, 0], side="right")
    exact = np.searchsorted(cuts, real, side="right")
    edges = sorted({*bounds, 0.0}) if plan.link == "sigmoid" else bounds
    near = np.zeros(len(logits), dtype=np.bool_)
    for edge in edges:
        near |= np.abs(logits[:, 0] - edge) <= slack
    return int(np.count_nonzero(passed != exact)), int(np.count_nonzero(near))


def _extremes(error: F64 | None) -> tuple[float | None, float | None]:
    if error is None or error.size == 0:
        return None, None
    return float(error.max()), float(error.mean())


def _sigmoid(x: F64) -> F64:
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small), dtype=np.float64)


def _logit(p: F64) -> F64:
    inside = np.clip(p, _SATURATED, 1.0 - _SATURATED)
    return np.where(inside == p, np.log(inside / (1.0 - inside)), np.nan)


def _log(p: F64) -> F64:
    inside = np.maximum(p, _SATURATED)
    return np.where(inside == p, np.log(inside), np.nan)


def _centred(values: F64) -> F64:
    return np.asarray(values - values.mean(axis=1, keepdims=True), dtype=np.float64)
