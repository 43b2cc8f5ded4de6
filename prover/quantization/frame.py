"""What a step kind may ask while a float program becomes an integer one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.bounds import LIMIT, Bounds, Relaxation
from prover.quantization.facts import FactSpace
from prover.quantization.plan import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine


@dataclass(frozen=True)
class Settings:
    """Precision of the integer program. The defaults give no decision flips on any model of the test suite.

    Attributes:
        activation_bits: fraction bits of an activation after a ReLU.
        hidden_error_bits: weights of a hidden layer get as many bits as keep the root-mean-square effect of their
            rounding, at the largest values seen in calibration, below 2^-hidden_error_bits.
        logit_error_bits: weights of the last layer get as many bits as keep the *worst* effect of their rounding, at
            the largest values seen, below 2^-logit_error_bits.
        decimals: decimal scale of revealed scores.
        saturation_bits: an activation whose proven width exceeds the width seen in calibration by more than this is
            saturated two bits above what was seen; 0 never saturates.
    """

    activation_bits: int = 11
    hidden_error_bits: int = 10
    logit_error_bits: int = 14
    decimals: int = 6
    saturation_bits: int = 8

    def __post_init__(self) -> None:
        ranges = {
            "activation_bits": (1, 24),
            "hidden_error_bits": (1, 30),
            "logit_error_bits": (1, 40),
            "decimals": (0, 18),
            "saturation_bits": (0, 62),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise QuantizationError(f"setting {name} must be an integer from {low} to {high}, not {value!r}")

    def refined(self, bits: int) -> Settings:
        """The same with ``bits`` more bits for activations and hidden weights."""
        return replace(
            self, activation_bits=self.activation_bits + bits, hidden_error_bits=self.hidden_error_bits + bits
        )


@dataclass(frozen=True)
class Quantised:
    """A step, the real value one count of its outputs stands for, and how they relax (None: intervals only)."""

    step: Step
    unit: float
    relaxation: Relaxation | None = None


class Frame:
    """The integer program so far, with its behaviour on the calibration samples.

    Attributes:
        settings: precision.
        bounds: proven ranges of all variables.
        unit: float64[n_variables], real value of one count.
        observed: int64[s, n_variables], the variables on the calibration samples.
    """

    def __init__(self, facts: FactSpace, settings: Settings, samples: NDArray[np.int64]) -> None:
        self.settings = settings
        self.bounds = Bounds(facts)
        self.unit = facts.unit.copy()
        self.observed = samples

    def append(self, done: Quantised, outputs: NDArray[np.int64]) -> None:
        """Take a step into the program; ``outputs`` int64[s, k] are its values on the samples."""
        inputs = done.step.inputs
        self.bounds.append(inputs.matrix, inputs.bias, done.step.lo, done.step.hi, done.relaxation)
        self.unit = np.concatenate((self.unit, np.full(done.step.n_outputs, done.unit)))
        self.observed = np.concatenate((self.observed, outputs), axis=1)

    def hidden_fraction_bits(self, source: Affine) -> int:
        """Fraction bits for a hidden layer's sums: the fewest whose weight rounding stays in budget (rms)."""
        seen = self._seen(source)
        spread = np.sqrt(source.matrix.row_sum(seen**2 / 12.0).max(initial=0.0))
        return _bits_for(float(spread), self.settings.hidden_error_bits, self.settings.activation_bits)

    def fraction_bits(self, source: Affine, budget_bits: int) -> int:
        """Fraction bits for a last layer's sums: the fewest whose weight rounding costs at most 2^-budget_bits."""
        worst = source.matrix.row_sum(self._seen(source) / 2.0).max(initial=0.0) + 0.5
        return _bits_for(float(worst), budget_bits, self.settings.activation_bits)

    def forms(self, source: Affine, factor: float, what: str, bias: int = 0) -> LinearForms:
        """``round(factor * source) + bias`` as integer linear forms with proven bounds.

        Raises:
            QuantizationError: a coefficient or a sum beyond 61 bits.
        """
        n_variables = self.unit.size
        real = source.matrix.widen(n_variables).scale_cols(self.unit)
        if not (np.isfinite(real.data).all() and np.isfinite(source.bias).all()):
            raise QuantizationError(f"{what}: a weight is not a finite number", "check the model's parameters")
        weights, offset = np.rint(real.data * factor), np.rint(source.bias * factor)
        if max(np.abs(weights).max(initial=0.0), np.abs(offset).max(initial=0.0)) + abs(bias) >= LIMIT:
            raise QuantizationError(f"{what}: a weight needs more than 61 bits", "use fewer fraction bits")
        matrix: Sparse = real.with_data(weights.astype(np.int64))
        integers = offset.astype(np.int64) + bias
        low, high = self.bounds.of(matrix, integers, what)
        return LinearForms(matrix, integers, low, high)

    def observed_inputs(self, forms: LinearForms) -> NDArray[np.int64]:
        """int64[s, m]: the forms on the calibration samples."""
        return forms.evaluate(self.observed)

    def _seen(self, source: Affine) -> NDArray[np.float64]:
        """Largest observed count of the variable of every entry; a variable always 0 counts as 1."""
        largest = np.maximum(np.abs(self.observed).max(axis=0), 1).astype(np.float64)
        return np.asarray(largest[source.matrix.cols], dtype=np.float64)


def bit_length(values: NDArray[np.int64]) -> int:
    """Bits of a two's complement number that holds every value."""
    low, high = int(values.min()), int(values.max())
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1


def _bits_for(error: float, budget_bits: int, least: int) -> int:
    """Smallest f >= least with ``error * 2^-f <= 2^-budget_bits``."""
    return max(least, budget_bits + int(np.ceil(np.log2(max(error, 2.0**-budget_bits)))))
