"""Gadgets: reusable constraints, one per file, each stating what it proves, what it costs and why it is sound.

Every gadget takes a :class:`prover.constraint.ConstraintSystem` and linear forms and returns linear forms whose values
are functions of the inputs for arbitrary field-valued inputs: bounds decide widths, never soundness.
"""

from prover.gadgets.argmax import argmax
from prover.gadgets.bits import Bits, decompose
from prover.gadgets.boolean import boolean
from prover.gadgets.clipped_relu import clipped_relu
from prover.gadgets.compare import greater_equal
from prover.gadgets.divide import divide
from prover.gadgets.equal import equal, is_zero
from prover.gadgets.interval import Interval, interval
from prover.gadgets.maximum import maximum
from prover.gadgets.one_hot import one_hot, one_hot_of, thermometer
from prover.gadgets.pack import pack, pack_outputs
from prover.gadgets.piecewise import piecewise_polynomial, piecewise_reference
from prover.gadgets.poseidon import PoseidonParameters, poseidon
from prover.gadgets.range import range_bits, range_exact
from prover.gadgets.relu import relu_truncate
from prover.gadgets.saturate import saturate
from prover.gadgets.select import select
from prover.gadgets.top import top
from prover.gadgets.truncate import truncate

__all__ = [
    "Bits",
    "Interval",
    "PoseidonParameters",
    "argmax",
    "boolean",
    "clipped_relu",
    "decompose",
    "divide",
    "equal",
    "greater_equal",
    "interval",
    "is_zero",
    "maximum",
    "one_hot",
    "one_hot_of",
    "pack",
    "pack_outputs",
    "piecewise_polynomial",
    "piecewise_reference",
    "poseidon",
    "range_bits",
    "range_exact",
    "relu_truncate",
    "saturate",
    "select",
    "thermometer",
    "top",
    "truncate",
]
