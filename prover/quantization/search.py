"""The plan that meets a wish: a target error, a number of constraints, or both.

Precision is searched where it is decided: first all activations and weights together, bit by bit, then the last
layer's, then every step's own. Each candidate is a whole plan, measured on the calibration samples; what is not
dominated by another in constraints, error and decision flips is the Pareto front. The search is deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from prover.errors import QuantizationError, UnreachableTargetError
from prover.quantization.frame import Settings

LADDER = (0, -2, 2, -4, 4, -1, 1, -3, 3, 6, -6)
"""Bits added to the default precision, in the order in which they are tried."""

EVALUATIONS = 32
"""Plans that are made and measured, at most."""


@dataclass(frozen=True)
class Point:
    """One plan, as the search sees it.

    Attributes:
        settings: that make it.
        constraints: of its circuit.
        error: largest error of the logit on the samples, or of the score where there is none.
        flips: samples whose decision differs.
        steps: names of its steps, those with most outputs first.
    """

    settings: Settings
    constraints: int
    error: float
    flips: int
    steps: tuple[str, ...] = ()

    def dominates(self, other: Point) -> bool:
        """At least as good in everything, and not the same."""
        mine, its = self._costs(), other._costs()
        return mine != its and all(a <= b for a, b in zip(mine, its, strict=True))

    def _costs(self) -> tuple[int, float, int]:
        return self.constraints, self.error, self.flips


@dataclass(frozen=True)
class Wish:
    """What the plan should be.

    Attributes:
        target_error: largest error allowed, in the logit (or the score of a regression).
        max_constraints: largest circuit allowed.

    Raises:
        QuantizationError: neither is given, or one is no positive number.
    """

    target_error: float | None = None
    max_constraints: int | None = None

    def __post_init__(self) -> None:
        if self.target_error is None and self.max_constraints is None:
            raise QuantizationError("there is nothing to search for", "give a target error or a number of constraints")
        if self.target_error is not None and not (math.isfinite(self.target_error) and self.target_error > 0):
            raise QuantizationError(f"the target error must be a positive number, not {self.target_error!r}")
        if self.max_constraints is not None and self.max_constraints < 1:
            raise QuantizationError(f"the number of constraints must be positive, not {self.max_constraints!r}")

    def excess(self, point: Point) -> float:
        """How far a point is from the wish, relatively; 0 where it is met."""
        error = 0.0 if self.target_error is None else point.error / self.target_error - 1.0
        size = 0.0 if self.max_constraints is None else point.constraints / self.max_constraints - 1.0
        return max(error, 0.0) + max(size, 0.0)

    def rank(self, point: Point) -> tuple[float, int, float, float]:
        """Smaller is better: the wish first, then the decisions, then what the wish leaves open."""
        size, error = float(point.constraints), point.error
        open_first = (error, size) if self.target_error is None else (size, error)
        return (self.excess(point), point.flips, *open_first)

    def __str__(self) -> str:
        parts = []
        if self.target_error is not None:
            parts.append(f"an error of at most {self.target_error:g}")
        if self.max_constraints is not None:
            parts.append(f"at most {self.max_constraints:,} constraints")
        return " and ".join(parts)


Evaluate = Callable[[Settings], Point | None]
"""Makes and measures the plan of some settings; None where none holds."""


def search(
    evaluate: Evaluate, wish: Wish, base: Settings | None = None, *, evaluations: int = EVALUATIONS
) -> tuple[Point, tuple[Point, ...]]:
    """The best point for a wish, and the Pareto front of all that were tried.

    Args:
        evaluate: see :data:`Evaluate`.
        wish: what the plan should be.
        base: settings to start from.
        evaluations: plans to try, at most.

    Raises:
        UnreachableTargetError: no point meets the wish; carries the nearest.
        QuantizationError: no plan holds at all.
    """
    tried: dict[Settings, Point | None] = {}

    def visit(settings: Settings | None) -> Point | None:
        if settings is None or (settings not in tried and len(tried) >= evaluations):
            return None
        if settings not in tried:
            tried[settings] = evaluate(settings)
        return tried[settings]

    start = base or Settings()
    for bits in LADDER:
        visit(_refined(start, bits))
    points = [point for point in tried.values() if point is not None]
    if not points:
        raise QuantizationError("no plan holds at any precision", "compile without a target, to see what is wrong")
    best = min(points, key=wish.rank)
    improved = True
    while improved and len(tried) < evaluations:
        improved = False
        for settings in _neighbours(best, wish):
            point = visit(settings)
            if point is not None and wish.rank(point) < wish.rank(best):
                best, improved = point, True
                break
    points = [point for point in tried.values() if point is not None]
    front = pareto(points)
    if wish.excess(best) > 0:
        nearest = sorted(front, key=wish.rank)[:3]
        listed = "; ".join(f"{point.constraints:,} constraints with an error of {point.error:.3g}" for point in nearest)
        raise UnreachableTargetError(
            f"no plan has {wish}: {len(tried)} were tried", f"the nearest: {listed}", nearest=tuple(nearest)
        )
    return best, front


def pareto(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points no other dominates, the smallest circuit first; one of each kind."""
    kept = {
        (point.constraints, point.error, point.flips): point
        for point in points
        if not any(other.dominates(point) for other in points)
    }
    return tuple(kept[costs] for costs in sorted(kept))


def _neighbours(best: Point, wish: Wish) -> Iterator[Settings | None]:
    """One bit more or less: cheaper where the wish is met by error, finer where constraints are left."""
    settings = best.settings
    finer = wish.target_error is None or (wish.max_constraints is None and wish.excess(best) > 0)
    for change in (1, -1) if finer else (-1, 1):
        for name in ("logit_error_bits", "hidden_error_bits", "activation_bits"):
            yield _changed(settings, name, change)
        for step in best.steps:
            yield _stepped(settings, step, change)


def _refined(settings: Settings, bits: int) -> Settings | None:
    try:
        return settings.refined(bits)
    except QuantizationError:
        return None


def _changed(settings: Settings, name: str, change: int) -> Settings | None:
    try:
        return replace(settings, **{name: getattr(settings, name) + change})
    except QuantizationError:
        return None


def _stepped(settings: Settings, step: str, change: int) -> Settings | None:
    try:
        return settings.with_step(step, settings.step_bits(step) + change)
    except QuantizationError:
        return None
