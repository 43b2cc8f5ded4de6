"""ONNX element types as numpy dtypes."""

from __future__ import annotations

from typing import Any

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
}
"""By ``TensorProto.DataType``. bfloat16 is computed in float32; complex and narrower types are not supported."""
