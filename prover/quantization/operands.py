"""Operands of products and quotients: linear forms, or the truncation of linear forms, with a known number of bits.

A product takes its operands as they are wherever the result stays within int64: a linear form costs nothing, and a
product costs one constraint however wide its sides are. Where it would not stay within, an operand is rounded first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.bounds import LIMIT
from prover.quantization.frame import Frame
from prover.quantization.plan import LinearForms
from prover.quantization.trace import Affine

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

RESULT_BITS = 36
"""Widest result, at the largest value seen, that is rounded to no fewer bits than settings ask for."""


@dataclass(frozen=True)
class Operand:
    """``forms >> shift``, which counts 2^-bits; the rounding half is part of the forms' bias."""

    forms: LinearForms
    shift: int
    bits: int

    @property
    def lo(self) -> I64:
        """int64[m]: proven lower ends."""
        return self.forms.lo >> self.shift

    @property
    def hi(self) -> I64:
        """int64[m]: proven upper ends."""
        return self.forms.hi >> self.shift

    @property
    def cost(self) -> int:
        """Constraints of the truncation: a digit each."""
        return len(self.forms) * self.forms.width if self.shift else 0

    def evaluate(self, variables: I64) -> I64:
        """int64[s, n_variables] -> int64[s, m]."""
        return self.forms.evaluate(variables) >> self.shift


def operand(frame: Frame, source: Affine, what: str, wanted: int, kept: int | None = None) -> Operand:
    """``source`` with ``wanted`` fraction bits, or as many as fit; rounded to ``kept`` of them where there are more.

    Raises:
        QuantizationError: the sums fit at no precision, or at none within the budget.
    """
    budget = frame.settings.hidden_error_bits
    fraction, forms = frame.fit(source, wanted, what, error_bits=budget, kept=kept)
    shift = 0 if kept is None else max(fraction - kept, 0)
    return Operand(forms, shift, fraction - shift)


def lifted(frame: Frame, forms: LinearForms, bits: int, what: str) -> LinearForms:
    """``forms * 2^bits``.

    Raises:
        QuantizationError: a sum beyond 61 bits.
    """
    if bits == 0:
        return forms
    largest = max(float(np.abs(forms.matrix.data).max(initial=0)), float(np.abs(forms.bias).max()))
    if largest * 2.0**bits >= LIMIT:
        raise QuantizationError(f"{what}: a weight needs more than 61 bits")
    matrix, bias = forms.matrix.with_data(forms.matrix.data << bits), forms.bias << bits
    return LinearForms(matrix, bias, *frame.bounds.of(matrix, bias, what))


def seen(frame: Frame, source: Affine) -> F64:
    """float64[s, m]: the real values of ``source`` on the calibration samples."""
    real = source.matrix.widen(frame.unit.size).apply(frame.observed * frame.unit)
    return np.asarray(real + source.bias, dtype=np.float64)


def result_bits(frame: Frame, largest: float) -> int:
    """Fraction bits of a rounded result whose largest value seen is ``largest``.

    Those of an activation; more for tensors of small numbers, so that they keep their digits, and fewer for very large
    ones.
    """
    size = exponent(largest)
    return max(0, min(frame.settings.activation_bits + max(0, -size), RESULT_BITS - size))


def exponent(value: float) -> int:
    """Least e with ``|value| <= 2^e``; 0 for 0."""
    return math.ceil(math.log2(abs(value))) if value else 0
