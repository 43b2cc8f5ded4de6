"""Integer square roots of int64 arrays, exact on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def integer_root(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """⌊√x⌋ of every x in 0 .. 2^62: a float64 guess is off by one at most, and integers correct it.

    Raises:
        ValueError: a negative number, or one beyond 2^62.
    """
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 1 << 62:
        raise ValueError("the square root of a number outside 0 .. 2^62")
    guess = np.sqrt(values.astype(np.float64)).astype(np.int64)
    guess = guess - (guess * guess > values)
    return np.asarray(guess + ((guess + 1) * (guess + 1) <= values), dtype=np.int64)
