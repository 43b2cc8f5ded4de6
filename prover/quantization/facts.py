"""Raw facts as integer slots: the variables every integer program starts from.

A schema's features become slots in order: bool, int and fixed take one, a category takes one boolean per label (a
one-hot group), and an optional feature one more boolean that says it is missing (for a category it joins the group).
A slot's real value is ``slot * unit``; a missing number has slot 0. A float32 feature's slot holds its code, which
trees compare and nothing computes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from prover.schema import Category, Feature, Float32, Schema

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True)
class FactSlots:
    """Where one feature lives among the slots.

    Attributes:
        feature: the schema's feature.
        start: first slot.
        count: slots of the value itself (a category's labels, otherwise 1).
        missing: the slot of the missing flag, or -1.
    """

    feature: Feature
    start: int
    count: int
    missing: int

    @property
    def is_category(self) -> bool:
        return isinstance(self.feature, Category)

    @property
    def last(self) -> int:
        """The last slot of the value."""
        return self.start + self.count - 1


@dataclass(frozen=True)
class FactSpace:
    """All slots of a schema.

    Attributes:
        features: one entry per schema feature, in order.
        lo, hi: int64[n_slots], the declared range of every slot.
        unit: float64[n_slots], the real value one count stands for.
        groups: int64[n_slots], the one-hot group a slot belongs to, or -1: exactly one slot of a group is 1.
        coded: bool[n_slots], slots of float32 features: they hold the order-preserving code, which can be compared
            but not computed with.
    """

    features: tuple[FactSlots, ...]
    lo: NDArray[np.int64]
    hi: NDArray[np.int64]
    unit: NDArray[np.float64]
    groups: NDArray[np.int64]
    coded: NDArray[np.bool_]

    @property
    def n_slots(self) -> int:
        return int(self.lo.size)

    @classmethod
    def of(cls, schema: Schema) -> FactSpace:
        """Lay the slots of ``schema`` out."""
        features: list[FactSlots] = []
        lo: list[int] = []
        hi: list[int] = []
        unit: list[float] = []
        groups: list[int] = []
        coded: list[bool] = []
        for index, feature in enumerate(schema.features):
            start = len(lo)
            count, low, high, scale = _shape(feature)
            total = count + (1 if feature.optional else 0)
            is_group = isinstance(feature, Category)
            features.append(FactSlots(feature, start, count, start + count if feature.optional else -1))
            # A missing number has slot 0, whatever its declared range.
            lo += [min(low, 0) if feature.optional else low] * count + [0] * (total - count)
            hi += [max(high, 0) if feature.optional else high] * count + [1] * (total - count)
            unit += [1.0 / scale] * count + [1.0] * (total - count)
            groups += [index if is_group else -1] * total
            coded += [isinstance(feature, Float32)] * count + [False] * (total - count)
        as_int = [np.array(column, dtype=np.int64) for column in (lo, hi, groups)]
        units = np.array(unit, dtype=np.float64)
        return cls(tuple(features), as_int[0], as_int[1], units, as_int[2], np.array(coded, dtype=np.bool_))

    def expand(self, codes: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Slots of a batch of encoded inputs.

        Args:
            codes: int64[s, d], one code per feature as :meth:`Schema.encode` gives it (a category: its index).
            missing: bool[s, d], or None when nothing is missing.

        Returns:
            int64[s, n_slots].
        """
        slots = np.zeros((codes.shape[0], self.n_slots), dtype=np.int64)
        for column, fact in enumerate(self.features):
            code = codes[:, column]
            if fact.is_category:
                slots[:, fact.start : fact.start + fact.count] = code[:, None] == np.arange(fact.count)
            else:
                slots[:, fact.start] = code
            if missing is not None and fact.missing >= 0:
                absent = missing[:, column]
                slots[absent, fact.start : fact.start + fact.count] = 0
                slots[absent, fact.missing] = 1
        return slots

    def feature_at(self, slot: int) -> Feature:
        """The feature a slot belongs to."""
        return next(fact.feature for fact in self.features if fact.start <= slot <= max(fact.last, fact.missing))

    def extreme(self, weights: NDArray[Number]) -> NDArray[Number]:
        """Largest value of each linear form over all admitted facts; exactly one slot of a group counts.

        Args:
            weights: dtype[m, n_slots]; int64 gives exact results where no sum overflows.

        Returns:
            dtype[m].
        """
        free = self.groups < 0
        best = np.maximum(weights[:, free] * self.lo[free], weights[:, free] * self.hi[free]).sum(axis=1)
        for group in np.unique(self.groups[~free]):
            best = best + weights[:, self.groups == group].max(axis=1)
        return np.asarray(best, dtype=weights.dtype)


def _shape(feature: Feature) -> tuple[int, int, int, int]:
    """(slots, lo, hi, scale) of a feature's value."""
    if isinstance(feature, Category):
        return len(feature.labels), 0, 1, 1
    return 1, feature.lo, feature.hi, feature.scale
