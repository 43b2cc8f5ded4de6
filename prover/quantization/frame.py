"""What a step kind may ask while a float program becomes an integer one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.bounds import LIMIT, Bounds, Relaxation
from prover.quantization.dyadic import fraction_bits
from prover.quantization.facts import FactSpace
from prover.quantization.plan import LinearForms, Step
from prover.quantization.readers import Readers
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine
from prover.quantization.trees.float_sums import SumInfo

RELATIVE_BITS = 20
"""Where sums are too large for the wanted precision, rounding may cost this fraction of the sum of the terms'
magnitudes: what float32 itself loses in a sum of sixteen terms."""

_ACTIVATION_WIDTH = 36
"""Bits of an activation seen on the samples; larger values get fewer fraction bits. float32 carries 24."""


_LOSSLESS_BITS = 56
"""Finest power of two that is looked for when numbers may be exact as they are."""


_SATURATIONS = frozenset({"cap", "clamp_lo", "clamp_hi"})
"""Parameters that say where a step saturates."""


@dataclass(frozen=True)
class Settings:
    """Precision of the integer program. The defaults give no decision flips on any model of the test suite.

    Attributes:
        activation_bits: fraction bits of an activation after a ReLU; fewer where activations are very large.
        hidden_error_bits: weights of a hidden layer get as many bits as keep the root-mean-square effect of their
            rounding below 2^-hidden_error_bits: at the root mean square of activations over the calibration samples,
            and at the largest values seen of the facts.
        logit_error_bits: weights of the last layer get as many bits as keep the *worst* effect of their rounding, at
            the largest values seen, below 2^-logit_error_bits. Where sums do not fit 61 bits then, weights get as
            many as fit, while rounding costs less than 2^-20 of the terms' magnitudes.
        decimals: decimal scale of revealed scores.
        saturation_bits: an activation whose proven width exceeds the width seen in calibration by more than this is
            saturated at the next power of two above 3/2 of what was seen; 0 never saturates.
        steps: (step, bits) pairs: bits that the activations and weights of one step have more than the others.
    """

    activation_bits: int = 11
    hidden_error_bits: int = 10
    logit_error_bits: int = 14
    decimals: int = 6
    saturation_bits: int = 8
    steps: tuple[tuple[str, int], ...] = ()

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
        """The same with ``bits`` more bits for hidden weights and half as many for activations.

        In a deep net a bit of either costs a constraint for every neuron, and weights lose more of the result.
        """
        return replace(
            self, activation_bits=self.activation_bits + bits // 2, hidden_error_bits=self.hidden_error_bits + bits
        )

    def step_bits(self, step: str) -> int:
        """Bits that a step has more than the others."""
        return dict(self.steps).get(step, 0)

    def with_step(self, step: str, bits: int) -> Settings:
        """The same with ``bits`` more bits for one step than for the others."""
        changed = replace(self, steps=tuple(sorted({**dict(self.steps), step: bits}.items())))
        changed.at(step)  # the sum must be in range as well
        return changed

    def at(self, step: str) -> Settings:
        """The settings that hold at one step."""
        bits = self.step_bits(step)
        return self.refined(bits) if bits else self


@dataclass(frozen=True)
class Quantised:
    """A step, the real value of one count of its outputs (one number, or one an output), and how they relax.

    Without a relaxation, bounds follow the step's intervals only. ``sums``, one an output, says how far the model's own
    floating-point sums are from them, where decisions take that into account.
    """

    step: Step
    unit: float | NDArray[np.float64]
    relaxation: Relaxation | None = None
    sums: tuple[SumInfo, ...] = ()


class Frame:
    """The integer program so far, with its behaviour on the calibration samples.

    Attributes:
        settings: precision.
        bounds: proven ranges of all variables.
        unit: float64[n_variables], real value of one count.
        observed: int64[s, n_variables], the variables on the calibration samples.
        saturated: bool[n_variables], outputs of a step that saturates.
        sums: by variable, what is known of the model's own rounding; see :class:`Quantised`.
        readers: what reads the outputs of the step being quantised.
    """

    def __init__(self, facts: FactSpace, settings: Settings, samples: NDArray[np.int64]) -> None:
        self.settings = settings
        self.facts = facts
        self.bounds = Bounds(facts)
        self.unit = facts.unit.copy()
        self.observed = samples
        self.saturated = np.zeros(facts.n_slots, dtype=np.bool_)
        self.sums: dict[int, SumInfo] = {}
        self.readers = Readers()

    def append(self, done: Quantised, outputs: NDArray[np.int64]) -> None:
        """Take a step into the program; ``outputs`` int64[s, k] are its values on the samples."""
        inputs = done.step.inputs
        self.sums |= {self.unit.size + index: info for index, info in enumerate(done.sums)}
        self.bounds.append(inputs.matrix, inputs.bias, done.step.lo, done.step.hi, done.relaxation)
        self.unit = np.concatenate((self.unit, np.broadcast_to(done.unit, done.step.n_outputs)))
        self.observed = np.concatenate((self.observed, outputs), axis=1)
        saturates = not _SATURATIONS.isdisjoint(done.step.params)
        self.saturated = np.concatenate((self.saturated, np.full(done.step.n_outputs, saturates)))

    def hidden_fraction_bits(self, source: Affine) -> int:
        """Fraction bits for a hidden layer's sums: the fewest whose weight rounding stays in budget (rms)."""
        # A fact may be rare in the samples and large all the same; activations are many, and their mean tells.
        seen = np.square(self.observed.astype(np.float64))
        n_facts = self.facts.n_slots
        power = np.concatenate((seen[:, :n_facts].max(axis=0), seen[:, n_facts:].mean(axis=0)))
        spread = np.sqrt(source.matrix.row_sum(np.maximum(power, 1.0)[source.matrix.cols] / 12.0).max(initial=0.0))
        return _bits_for(float(spread), self.settings.hidden_error_bits, self.settings.activation_bits)

    def fraction_bits(self, source: Affine, budget_bits: int) -> int:
        """Fraction bits for a last layer's sums: the fewest whose weight rounding costs at most 2^-budget_bits."""
        worst = source.matrix.row_sum(self._seen(source.matrix) / 2.0).max(initial=0.0) + 0.5
        return _bits_for(float(worst), budget_bits, self.settings.activation_bits)

    def result_bits(self, source: Affine) -> int:
        """Fraction bits of activations: the setting's, or fewer where the samples reach beyond 2^25.

        Raises:
            QuantizationError: a value that is not finite.
        """
        with np.errstate(invalid="ignore"):  # infinite weights are refused below
            values = source.matrix.widen(self.unit.size).apply(self.observed * self.unit) + source.bias
        largest = float(np.abs(values).max(initial=1.0))
        if not math.isfinite(largest):
            raise QuantizationError("a weight is not a finite number", "check the model's parameters")
        width = math.ceil(math.log2(largest))
        return min(self.settings.activation_bits, max(0, _ACTIVATION_WIDTH - width))

    def fit(
        self,
        source: Affine,
        wanted: int,
        what: str,
        *,
        error_bits: int,
        kept: int | None = None,
        least: int = 0,
        scale: float = 1.0,
    ) -> tuple[int, LinearForms]:
        """``scale * source`` with ``wanted`` fraction bits, or as many as fit 61 bits.

        Where fewer bits lose nothing at all, as of sums of integers, no more are used.

        Args:
            source: the linear inputs of a step.
            wanted: fraction bits that keep the error budget.
            what: names the step in errors.
            error_bits: the budget, 2^-error_bits, where fewer bits have to do; see also :data:`RELATIVE_BITS`.
            kept: fraction bits the step keeps; the half its truncation needs is added to the bias. None: no rounding.
            least: fewest fraction bits the step can work with.
            scale: counts of the result for one unit of the source.

        Returns:
            (fraction bits, forms).

        Raises:
            QuantizationError: the sums fit at no precision, or at none within the budget.
        """
        real = source.matrix.widen(self.unit.size).scale_cols(self.unit)
        real, offset = real.with_data(real.data * scale), source.bias * scale
        terms = real.with_data(np.abs(real.data) * self.bounds.span[real.cols])
        reach = terms.row_sum(terms.data) + np.abs(offset)
        if not np.isfinite(reach).all():
            raise QuantizationError(f"{what}: a weight is not a finite number", "check the model's parameters")
        lossless = exact_bits(real.data, offset)
        if lossless is not None:
            wanted = min(wanted, max(lossless, least))
        room = math.floor(math.log2(LIMIT / max(float(reach.max(initial=0.0)), 2.0**-900)))
        for fraction in range(min(wanted, room), least - 1, -1):
            half = 0 if kept is None else (1 << max(fraction - kept, 0)) >> 1
            try:
                forms = self._forms(real, offset, fraction, half, what)
            except QuantizationError:
                continue  # rounding made a sum a little larger
            if fraction < wanted:
                self._check_budget(real, offset, fraction, error_bits, what)
            return fraction, forms
        name = self._largest_feature(terms, int(np.argmax(reach)))
        times = f"its value times {scale:,.0f}" if scale != 1.0 else "a sum"
        digits = f" with {least} fraction bits" if least else ""
        other = ", or reveal tiers of the score" if scale != 1.0 and source.size == 1 else ""
        raise QuantizationError(
            f"{what}: {times} may reach 2^{math.log2(float(reach.max())) + least:.0f}{digits}, beyond the 61 bits of "
            f"exact arithmetic; most of it comes from feature {name!r}",
            f"narrow the range of {name!r} in the schema{other}",
        )

    def centred(self, source: Affine, fraction: int, forms: LinearForms, half: int) -> LinearForms:
        """``forms`` without the mean error their rounding makes on the samples: it costs a bias, which costs nothing.

        Activations are never negative, so a weight's rounding shifts a sum on every input alike (Nagel, van Baalen,
        Blankevoort, Welling, ICCV 2019, §4.2).

        Args:
            source: what the forms stand for.
            fraction, forms: from :meth:`fit`; forms that lost nothing come back as they are.
            half: what :meth:`fit` added to the bias.
        """
        values = source.matrix.widen(self.unit.size).apply(self.observed * self.unit) + source.bias
        error = values * 2.0**fraction + half - self.observed_inputs(forms)
        shift = np.rint(error.mean(axis=0)).astype(np.int64)
        return LinearForms(forms.matrix, forms.bias + shift, forms.lo + shift, forms.hi + shift)

    def exact(self, source: Affine, what: str) -> tuple[int, LinearForms]:
        """``source`` without any rounding: (fraction bits, forms), the fewest bits that do.

        Raises:
            QuantizationError: a coefficient that is no multiple of a power of two, or sums beyond 61 bits.
        """
        real = source.matrix.widen(self.unit.size).scale_cols(self.unit)
        fraction = exact_bits(real.data, source.bias)
        if fraction is None:
            raise QuantizationError(
                f"{what}: its inputs are not multiples of a power of two, and must not be rounded here",
                "give the features it reads scales that are powers of two, or integer ranges",
            )
        return fraction, self._forms(real, source.bias, fraction, 0, what)

    def _forms(self, real: Sparse, offset: NDArray[np.float64], fraction: int, half: int, what: str) -> LinearForms:
        """``round(2^fraction * (real @ variables + offset)) + half`` as integer forms with proven bounds.

        Raises:
            QuantizationError: a coefficient or a sum beyond 61 bits.
        """
        weights, integers = np.rint(real.data * 2.0**fraction), np.rint(offset * 2.0**fraction)
        if max(np.abs(weights).max(initial=0.0), np.abs(integers).max(initial=0.0)) + half >= LIMIT:
            raise QuantizationError(f"{what}: a weight needs more than 61 bits", "check the model's parameters")
        matrix: Sparse = real.with_data(weights.astype(np.int64))
        bias = integers.astype(np.int64) + half
        low, high = self.bounds.of(matrix, bias, what)
        return LinearForms(matrix, bias, low, high)

    def _check_budget(
        self, real: Sparse, offset: NDArray[np.float64], fraction: int, error_bits: int, what: str
    ) -> None:
        """Refuse weights whose rounding, at the largest values seen, costs more than the budget."""
        seen = self._seen(real)
        unit = 2.0**-fraction
        lost = np.abs(np.rint(real.data / unit) * unit - real.data) * seen
        error = real.row_sum(lost) + np.abs(np.rint(offset / unit) * unit - offset)
        terms = real.row_sum(np.abs(real.data) * seen) + np.abs(offset)
        excess = error / np.maximum(2.0**-error_bits, terms * 2.0**-RELATIVE_BITS)
        worst = int(np.argmax(excess))
        if excess[worst] <= 1.0:
            return
        name = self._largest_feature(real.with_data(lost), worst)
        raise QuantizationError(
            f"{what}: to keep its sums within 61 bits, weights would have to be rounded until the result moves by one "
            f"part in {terms[worst] / error[worst]:,.0f}; most of that comes from feature {name!r}",
            f"narrow the range of {name!r} in the schema, or train the model on a larger unit of it, such as thousands",
        )

    def _largest_feature(self, terms: Sparse, row: int) -> str:
        """The feature with the largest entry of a row; where that is a computed value, the one of the widest range."""
        entries = slice(terms.indptr[row], terms.indptr[row + 1])
        n_facts = self.facts.n_slots
        slot = int(terms.cols[entries][np.argmax(terms.data[entries])]) if terms.cols[entries].size else n_facts
        return self.facts.feature_at(slot if slot < n_facts else int(np.argmax(self.bounds.span[:n_facts]))).name

    def observed_inputs(self, forms: LinearForms) -> NDArray[np.int64]:
        """int64[s, m]: the forms on the calibration samples."""
        return forms.evaluate(self.observed)

    def _seen(self, matrix: Sparse) -> NDArray[np.float64]:
        """Largest observed count of the variable of every entry; a variable always 0 counts as 1."""
        largest = np.maximum(np.abs(self.observed).max(axis=0), 1).astype(np.float64)
        return np.asarray(largest[matrix.cols], dtype=np.float64)


def exact_bits(data: NDArray[np.float64], offset: NDArray[np.float64]) -> int | None:
    """Fewest fraction bits, 0 or more, at which all numbers are integers; None beyond :data:`_LOSSLESS_BITS`."""
    most = fraction_bits(np.concatenate((data, offset)))
    return most if most <= _LOSSLESS_BITS else None


def bit_length(values: NDArray[np.int64]) -> int:
    """Bits of a two's complement number that holds every value."""
    low, high = int(values.min()), int(values.max())
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1


def _bits_for(error: float, budget_bits: int, least: int) -> int:
    """Smallest f >= least with ``error * 2^-f <= 2^-budget_bits``."""
    return max(least, budget_bits + int(np.ceil(np.log2(max(error, 2.0**-budget_bits)))))
