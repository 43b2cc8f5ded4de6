"""ONNX element types as numpy dtypes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

BFLOAT16 = 16
"""The upper half of a float32."""

ELEMENT_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    4: np.dtype(np.uint16),
    5: np.dtype(np.int16),
    6: np.dtype(np.int32),
    7: np.dtype(np.int64),
    8: np.dtype(object),  # strings, as str
    9: np.dtype(np.bool_),
    10: np.dtype(np.float16),
    11: np.dtype(np.float64),
    12: np.dtype(np.uint32),
    13: np.dtype(np.uint64),
    BFLOAT16: np.dtype(np.float32),
    21: np.dtype(ml_dtypes.uint4),
    22: np.dtype(ml_dtypes.int4),
}
"""By ``TensorProto.DataType``. bfloat16 is computed in float32; complex, narrower and 8-bit float types are not
supported."""

NIBBLES = {np.dtype(ml_dtypes.uint4): (0, 15), np.dtype(ml_dtypes.int4): (-8, 7)}
"""Types that files store two to a byte, the first in its lower half, with their ranges."""


def integer_range(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Smallest and largest value of an integer type; None for other types."""
    if dtype in NIBBLES:
        return NIBBLES[dtype]
    return (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) if dtype.kind in "iu" else None
