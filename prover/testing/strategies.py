"""Hypothesis strategies for circuits: integer matrices and vectors, layers with inputs inside their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray


def integer_matrices(rows: int, columns: int, magnitude: int) -> st.SearchStrategy[NDArray[np.int64]]:
    """int64[rows, columns] with entries in [-magnitude, magnitude]."""
    elements = st.integers(-magnitude, magnitude)
    strategy: st.SearchStrategy[NDArray[Any]] = hnp.arrays(np.int64, (rows, columns), elements=elements)
    return strategy


@dataclass(frozen=True)
class BoundedVector:
    """Integers with declared ranges that hold them: lo ≤ values ≤ hi, all int64[n]."""

    lo: NDArray[np.int64]
    hi: NDArray[np.int64]
    values: NDArray[np.int64]


@st.composite
def bounded_vectors(draw: st.DrawFn, max_size: int = 8, magnitude: int = 1 << 40) -> BoundedVector:
    """Vectors whose entries like to sit on the ends of their ranges."""
    n = draw(st.integers(1, max_size))
    ends = [sorted(draw(st.tuples(*[st.integers(-magnitude, magnitude)] * 2))) for _ in range(n)]
    values = [draw(st.one_of(st.just(lo), st.just(hi), st.integers(lo, hi))) for lo, hi in ends]
    lo, hi = np.array(ends, dtype=np.int64).T
    return BoundedVector(lo, hi, np.array(values, dtype=np.int64))


@dataclass(frozen=True)
class Layer:
    """An integer affine layer and an input: weights int64[k, n], bias int64[k], over a bounded vector."""

    x: BoundedVector
    weights: NDArray[np.int64]
    bias: NDArray[np.int64]

    @property
    def outputs(self) -> NDArray[np.int64]:
        """weights · x + bias."""
        return np.asarray(self.weights @ self.x.values + self.bias, dtype=np.int64)


@st.composite
def layers(draw: st.DrawFn, max_inputs: int = 8, max_outputs: int = 5, magnitude: int = 1 << 12) -> Layer:
    """Affine layers small enough for exact int64 arithmetic."""
    x = draw(bounded_vectors(max_inputs, 1 << 20))
    k = draw(st.integers(1, max_outputs))
    weights = draw(integer_matrices(k, x.values.size, magnitude))
    bias = draw(integer_matrices(1, k, magnitude))[0]
    return Layer(x, weights, bias)
