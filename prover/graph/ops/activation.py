"""Functions of one number: activations, elementary functions, rounding, sign."""

from __future__ import annotations

from prover.graph.ops.spec import OpSpec
from prover.graph.ops.standard import standard

_ELEMENTARY = (
    *("Sqrt", "Reciprocal", "Exp", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan"),
    *("Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
)
_ACTIVATIONS = ("Tanh", "HardSwish", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Erf", "Mish", "Swish")
_EXACT = (
    "Neg",
    "Abs",
    "Sign",
    "Floor",
    "Ceil",
    "Round",
    "LeakyRelu",
    "PRelu",
    "HardSigmoid",
    "ThresholdedRelu",
    "Shrink",
)

OPS: tuple[OpSpec, ...] = (
    *(spec for op in (*_ELEMENTARY, *_ACTIVATIONS, *_EXACT) for spec in standard(op)),
    *standard("Gelu", allowed={"approximate": ("none", "tanh")}),
    *standard("Clip", infinite=(1, 2)),
)
