"""``contract``: sums of products of two operands, each a linear form.

    y_r = (sum_i a_left(i) * b_right(i) + half) >> shift    over the pairs i of row r

The inputs are the left operands and then, from ``split`` on, the right ones; where both are the same tensor there is
one block and ``split`` is its length. An operand is the form itself, or the form rounded by its block's ``shifts``
where the sums would otherwise leave 61 bits. A sum of at most 40 bits keeps all its fraction
bits unless dropping them pays: it costs a constraint a bit, and saves who reads the sum a constraint for every bit
dropped.

Error: that of the operands' rounding, and half a unit of the result where ``shift`` is not 0. Whole operands are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.blocks.product import products
from prover.quantization.bounds import LIMIT
from prover.quantization.frame import Frame, Quantised, bit_length, exact_bits
from prover.quantization.intervals import FREE, KNOWN, Ends, known
from prover.quantization.operands import Operand, exponent, operand, result_bits, seen
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import Affine, FloatStep

I64 = NDArray[np.int64]

_UNROUNDED_BITS = 40
"""Widest sum that keeps every fraction bit."""

_WEIGHT_BITS, _LAST_WEIGHT_BITS = 15, 23
"""Bits of a weight that keep the error budgets of hidden layers, and those of a last one: see ``Frame.fit``."""

_LAST = frozenset({"round", "sigmoid", "tier", "argmax"})
"""Kinds of a model's last steps."""

_CELLS = 1 << 22
"""Most products one batch of :func:`evaluate` holds (32 MB)."""


@dataclass(frozen=True)
class _Pairs:
    """Products by their operands, rows one after another from ``starts``; ``split`` as in the module's docstring."""

    left: I64
    right: I64
    starts: I64
    split: int

    @property
    def longest(self) -> int:
        return int(np.diff(np.append(self.starts, self.left.size)).max())


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: see ``blocks/product.py``, which makes them."""
    pairs = _Pairs(*(step.params[name] for name in ("left", "right", "starts", "split")))
    counted = _counted(step, frame, pairs)
    if counted is not None:
        return counted
    blocks, whole = _operands(step, frame, pairs), bool(step.params["whole"])
    forms = LinearForms.stack([block.forms for block in blocks])
    fraction = blocks[0].bits + blocks[-1].bits
    lo, hi = (np.concatenate([getattr(block, end) for block in blocks]) for end in ("lo", "hi"))
    low, high = _range(lo, hi, pairs, np.full(pairs.starts.size, float(step.params["limit"]) * 2.0**fraction))
    params = _params(pairs, (blocks[0].shift, blocks[-1].shift))
    observed = frame.observed_inputs(forms)
    plain = Step("contract", step.node, forms, low, high, fraction, bit_length(observed), params)
    width = bit_length(np.stack((low, high)))
    kept = result_bits(frame, float(np.abs(evaluate(plain, observed)).max()) * 2.0**-fraction)
    shift = max(fraction - kept - int(step.params["finer"]), 0)
    pays = width > _widest(frame) or shift * frame.readers.rows > width * low.size
    if whole or not pays:
        return Quantised(plain, 2.0**-fraction)
    half = (1 << shift) >> 1
    done = Step(
        "contract", step.node, forms, (low + half) >> shift, (high + half) >> shift, fraction,
        bit_length(observed), {**params, "shift": shift},
    )  # fmt: skip
    return Quantised(done, 2.0 ** (shift - fraction))


def _counted(step: FloatStep, frame: Frame, pairs: _Pairs) -> Quantised | None:
    """Products of single variables in counts, exact where units are no powers of two, as of hundredths.

    None where they are, where numbers are whole, where a row adds products of different units up, and where counts are
    too wide.
    """
    if step.params["whole"]:
        return None
    real = step.inputs.matrix.widen(frame.unit.size).scale_cols(frame.unit)
    if step.inputs.bias.any() or np.any(np.diff(real.indptr) != 1) or np.all(np.abs(np.frexp(real.data)[0]) == 0.5):
        return None
    units = np.abs(real.data[pairs.left] * real.data[pairs.right])
    unit = units[pairs.starts]
    if np.any(np.repeat(unit, np.diff(np.append(pairs.starts, units.size))) != units):
        return None
    matrix = real.with_data(np.sign(real.data).astype(np.int64))
    bias = np.zeros(matrix.n_rows, dtype=np.int64)
    forms = LinearForms(matrix, bias, *frame.bounds.of(matrix, bias, step.node))
    if _span(forms.lo, forms.hi, pairs) >= 2.0 ** (_widest(frame) - 1):
        return None
    low, high = _range(forms.lo, forms.hi, pairs, float(step.params["limit"]) / unit)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("contract", step.node, forms, low, high, 0, observed, _params(pairs, (0, 0))), unit)


def _range(lo: I64, hi: I64, pairs: _Pairs, limit: NDArray[np.float64]) -> tuple[I64, I64]:
    """Proven ends of every sum, within -limit and limit counts."""
    low, high = products(lo[pairs.left], hi[pairs.left], lo[pairs.right], hi[pairs.right], pairs.left == pairs.right)
    most = np.ceil(np.minimum(limit, LIMIT)).astype(np.int64)
    return (
        np.maximum(np.add.reduceat(low, pairs.starts), -most),
        np.minimum(np.add.reduceat(high, pairs.starts), most),
    )


def _params(pairs: _Pairs, shifts: tuple[int, int]) -> dict[str, Param]:
    """What :func:`evaluate` reads; sums are not rounded."""
    return {
        "left": tuple(pairs.left.tolist()),
        "right": tuple(pairs.right.tolist()),
        "starts": tuple(pairs.starts.tolist()),
        "split": pairs.split,
        "shifts": shifts,
        "shift": 0,
    }


def evaluate(step: Step, inputs: I64) -> I64:
    left, right, starts = (step.integers(name) for name in ("left", "right", "starts"))
    split, (first, second) = step.integer("split"), step.integers("shifts").tolist()
    shift = step.integer("shift")
    half = (1 << shift) >> 1
    batch = max(1, _CELLS // left.size)
    sums = []
    for start in range(0, len(inputs), batch):
        rows = inputs[start : start + batch]
        operands = np.concatenate((rows[:, :split] >> first, rows[:, split:] >> second), axis=1)
        sums.append(np.add.reduceat(operands[:, left] * operands[:, right], starts, axis=1))
    return np.asarray((np.concatenate(sums) + half) >> shift, dtype=np.int64)


def _operands(step: FloatStep, frame: Frame, pairs: _Pairs) -> list[Operand]:
    """The cheapest choice of exact and rounded operands whose sums fit; fewer bits where none does."""
    total = step.inputs.size
    ends = [0, pairs.split] if pairs.split == total else [0, pairs.split, total]
    sources = [step.inputs.pick(np.arange(a, b, dtype=np.int64)) for a, b in itertools.pairwise(ends)]
    if step.params["whole"]:
        exact = [Operand(frame.exact(source, step.node)[1], 0, 0) for source in sources]
        _require(_reach(exact, pairs) < LIMIT, step.node)
        return exact
    values = [seen(frame, source) for source in sources]
    sizes = [float(np.abs(value).max(initial=0.0)) for value in values]
    # The rounding of one side counts as often as the other side is large, and less where the sum itself has fewer bits.
    largest = _largest(values, pairs)
    slack = max(0, exponent(largest)) if step.params["relative"] else 0
    slack = max(slack, frame.settings.activation_bits - result_bits(frame, largest))
    gains = [exponent(other * pairs.longest**0.5) + 1 - slack for other in reversed(sizes)]
    wanted = [max(0, frame.hidden_fraction_bits(source) + gain) for source, gain in zip(sources, gains, strict=True)]
    # Samples tell little of single variables that are rarely large: rounding must not drop one where exact forms fit.
    lossless = [max(bits, _exact_bits(frame, source)) for source, bits in zip(sources, wanted, strict=True)]
    for choice in (lossless, wanted) if lossless != wanted else (wanted,):
        plain = [operand(frame, source, step.node, bits) for source, bits in zip(sources, choice, strict=True)]
        if exponent(_reach(plain, pairs)) < _widest(frame):
            return plain  # nothing is rounded at all
    for drop in range(frame.settings.activation_bits):
        kept = [max(0, frame.settings.activation_bits + 1 + gain - drop) for gain in gains]
        rounded = [operand(frame, *item) for item in zip(sources, [step.node] * 2, wanted, kept, strict=False)]
        fitting = [blocks for blocks in _choices(plain, rounded) if _reach(blocks, pairs) < LIMIT]
        if fitting:
            return min(fitting, key=lambda blocks: _cost(blocks, pairs, frame))
    _require(False, step.node)
    return plain


def _exact_bits(frame: Frame, source: Affine) -> int:
    """Fraction bits at which the forms lose nothing; 0 where there are none, or more than twice an activation's."""
    real = source.matrix.widen(frame.unit.size).scale_cols(frame.unit)
    found = exact_bits(real.data, source.bias)
    return 0 if found is None or found > 2 * frame.settings.activation_bits else found


def _largest(values: list[NDArray[np.float64]], pairs: _Pairs) -> float:
    """Largest magnitude of a sum on the samples."""
    operands, largest = np.concatenate(values, axis=1), 0.0
    batch = max(1, _CELLS // pairs.left.size)
    for start in range(0, len(operands), batch):
        rows = operands[start : start + batch]
        sums = np.add.reduceat(rows[:, pairs.left] * rows[:, pairs.right], pairs.starts, axis=1)
        largest = max(largest, float(np.abs(sums).max()))
    return largest


def _choices(plain: list[Operand], rounded: list[Operand]) -> Iterator[list[Operand]]:
    for chosen in itertools.product(*zip(plain, rounded, strict=True)):
        yield list(chosen)


def _reach(blocks: list[Operand], pairs: _Pairs) -> float:
    """Largest magnitude any partial sum can have."""
    lo, hi = (np.concatenate([getattr(block, end) for block in blocks]) for end in ("lo", "hi"))
    return _span(lo, hi, pairs)


def _span(lo: I64, hi: I64, pairs: _Pairs) -> float:
    reach = np.maximum(np.abs(lo), np.abs(hi)).astype(np.float64)
    return float(np.add.reduceat(reach[pairs.left] * reach[pairs.right], pairs.starts).max())


def _cost(blocks: list[Operand], pairs: _Pairs, frame: Frame) -> int:
    """Constraints of the roundings: of operands, and of the sums where they are too wide to be kept."""
    width = exponent(_reach(blocks, pairs)) + 1
    rounding = pairs.starts.size * width if width > _widest(frame) else 0
    return sum(block.cost for block in blocks) + rounding


def _widest(frame: Frame) -> int:
    """Widest sum that may stay as it is: of the 61 bits, readers need some for their weights and for their own sums."""
    weights = _LAST_WEIGHT_BITS if frame.readers.kinds & _LAST else _WEIGHT_BITS
    return min(_UNROUNDED_BITS, 61 - weights - exponent(float(frame.readers.longest)))


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise QuantizationError(
            f"{what}: a product of two computed values may reach 2^61, beyond exact arithmetic",
            "narrow the ranges of the schema's features, or scale the model's inputs down",
        )


def ends(step: Step, lo: I64, hi: I64) -> Ends:
    left, right, starts = (step.integers(name) for name in ("left", "right", "starts"))
    split, (first, second), shift = step.integer("split"), step.integers("shifts").tolist(), step.integer("shift")
    low, high = (np.concatenate((end[:split] >> first, end[split:] >> second)) for end in (lo, hi))
    reach = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
    total = np.add.reduceat(reach[left] * reach[right], starts)
    sure = known(lo, hi)
    exact = (total < KNOWN) & np.logical_and.reduceat(sure[left] & sure[right], starts)
    least, most = products(low[left], high[left], low[right], high[right], left == right)
    half = (1 << shift) >> 1
    least, most = ((np.add.reduceat(end, starts) + half) >> shift for end in (least, most))
    return np.where(exact, least, -FREE), np.where(exact, most, FREE)


KIND = StepKind("contract", quantise, evaluate, ends=ends)
