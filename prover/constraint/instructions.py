"""The instruction set of witness programs: how each kind of step computes its wires from its inputs.

A step never decides soundness; a wrong value only makes the constraint check fail. Every instruction has an integer
form (numpy int64, whole vectors) or a field form (Python integers in [0, p)), or both; a step runs in the field form
when one of its inputs or outputs is field-valued. Preconditions are checked: a value out of range is an error that
names the step, never a wrapped number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prover.constraint.csr import Ints
from prover.roots import integer_root

Params = Mapping[str, Any]
"""Values are int, int64 arrays or lists of Python integers."""

IntegerForm = Callable[[Sequence[Ints], Params], Ints]
FieldForm = Callable[[Sequence[list[int]], Params, int], list[int]]


class WitnessValueError(ValueError):
    """A value outside what an instruction can represent; carries the index of the offending form."""


class WitnessUndefinedError(WitnessValueError):
    """A value outside the domain of the function it is given to."""


class WitnessRefusedError(WitnessValueError):
    """A value the circuit has no witness for on purpose: it is too close to a threshold to be decided."""


@dataclass(frozen=True)
class Instruction:
    """Both forms of one instruction; None where it has none."""

    integer: IntegerForm | None = None
    field: FieldForm | None = None


INSTRUCTIONS: dict[str, Instruction] = {}


def integer_form(kind: str) -> Callable[[IntegerForm], IntegerForm]:
    """Register the int64 form of an instruction."""

    def register(function: IntegerForm) -> IntegerForm:
        INSTRUCTIONS[kind] = Instruction(function, INSTRUCTIONS.get(kind, Instruction()).field)
        return function

    return register


def field_form(kind: str) -> Callable[[FieldForm], FieldForm]:
    """Register the Python-integer form of an instruction."""

    def register(function: FieldForm) -> FieldForm:
        INSTRUCTIONS[kind] = Instruction(INSTRUCTIONS.get(kind, Instruction()).integer, function)
        return function

    return register


@integer_form("linear")
def _linear(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> x."""
    return inputs[0]


@field_form("linear")
def _linear_field(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    return inputs[0]


@integer_form("product")
def _product(inputs: Sequence[Ints], params: Params) -> Ints:
    """[a, b] -> a·b elementwise."""
    return inputs[0] * inputs[1]


@field_form("product")
def _product_field(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    return [a * b % modulus for a, b in zip(*inputs, strict=True)]


@integer_form("bits")
def _bits(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> bits skip..width-1 of every x, form after form, lowest first. Params: widths, skip (0 or 1): int64[m]."""
    x, widths, skip = inputs[0], np.asarray(params["widths"], np.int64), np.asarray(params["skip"], np.int64)
    _require_widths(widths, skip)
    outside = np.flatnonzero((x < 0) | ((x >> np.minimum(widths, 62)) != 0))
    if outside.size:
        form = int(outside[0])
        raise WitnessValueError(f"value {int(x[form])} of form {form} does not fit {int(widths[form])} bits")
    counts = widths - skip
    starts = np.cumsum(counts) - counts
    position = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(starts - skip, counts)
    return np.asarray((np.repeat(x, counts) >> position) & 1, dtype=np.int64)


@field_form("bits")
def _bits_field(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    bits: list[int] = []
    _require_widths(params["widths"], params["skip"])
    shapes = zip(params["widths"].tolist(), params["skip"].tolist(), strict=True)
    for form, (value, (width, skip)) in enumerate(zip(inputs[0], shapes, strict=True)):
        if value >> width:
            raise WitnessValueError(f"value {value} of form {form} does not fit {width} bits")
        bits += [(value >> position) & 1 for position in range(skip, width)]
    return bits


def _require_widths(widths: Ints, skip: Ints) -> None:
    if widths.size and (int(widths.max()) > 252 or int((widths - skip).min()) < 0 or int(skip.min()) < 0):
        raise ValueError("bit widths outside 0..252")


@integer_form("weighted_bits")
def _weighted_bits(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> for every x in 0..D its booleans of weights 1, 2, .., 2^(n-2), ``tops``: see ``gadgets/range.py``.

    Params: widths int64[m] (n ≥ 2), tops int64[m], skip int64[m] (1 leaves out the lowest boolean).
    """
    x, tops = inputs[0], np.asarray(params["tops"], np.int64)
    widths, skip = np.asarray(params["widths"], np.int64), np.asarray(params["skip"], np.int64)
    top = (x >= (np.int64(1) << (widths - 1))).astype(np.int64)
    low = _bits([x - top * tops], {"widths": widths - 1, "skip": skip})
    return np.asarray(np.insert(low, np.cumsum(widths - 1 - skip), top), dtype=np.int64)


@integer_form("thermometer")
def _thermometer(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> (x ≥ threshold) for every threshold, form after form. Params: thresholds int64[n]."""
    thresholds = np.asarray(params["thresholds"], dtype=np.int64)
    return np.asarray(inputs[0][:, None] >= thresholds[None, :], dtype=np.int64).reshape(-1)


@integer_form("offset_parts")
def _offset_parts(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> the parts of x's offset in its interval, greedy from the last weight: see ``gadgets/interval.py``.

    Params: starts int64[s] ascending, weights int64[s·n] row by row, skip (1 leaves out the first part), granule g (0
    if absent; parts from column g on are multiples of 2^g and come divided by it), domain (1 where the intervals are
    all that a function is defined on).
    """
    x, starts, skip = inputs[0], np.asarray(params["starts"], np.int64), int(params["skip"])
    weights = np.asarray(params["weights"], np.int64).reshape(starts.size, -1)
    segment = np.maximum(np.searchsorted(starts, x, side="right") - 1, 0)
    rest, own = x - starts[segment], weights[segment]
    reach = np.cumsum(own, axis=1) - own
    parts = np.zeros_like(own)
    for i in range(own.shape[1] - 1, -1, -1):
        parts[:, i] = np.where(rest > reach[:, i], own[:, i], 0)
        rest = rest - parts[:, i]
    if bool((rest != 0).any()):
        form = int(np.flatnonzero(rest)[0])
        if starts[0] <= x[form] < starts[-1]:
            raise WitnessRefusedError("the value lies in a gap between intervals")
        outside = WitnessUndefinedError if params.get("domain") else WitnessValueError
        raise outside(f"value {int(x[form])} of form {form} lies in no interval")
    granule = int(params.get("granule", 0))
    parts[:, granule:] >>= granule
    return parts[:, skip:].reshape(-1)


@integer_form("clear_argmax")
def _clear_argmax(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> the place of the largest of all x, which must lead by ``margin``."""
    order = np.argsort(inputs[0], kind="stable")
    if inputs[0][order[-1]] - inputs[0][order[-2]] < int(params["margin"]):
        raise WitnessRefusedError("the largest value does not lead clearly")
    return np.asarray(order[-1:], dtype=np.int64)


@integer_form("floor_divide")
def _floor_divide(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x, d] -> ⌊x / d⌋ for positive d."""
    x, divisor = inputs
    if bool((divisor <= 0).any()):
        form = int(np.flatnonzero(divisor <= 0)[0])
        raise WitnessValueError(f"divisor {int(divisor[form])} of form {form} is not positive")
    return np.asarray(x // divisor, dtype=np.int64)


@integer_form("square_root")
def _square_root(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> ⌊√x⌋."""
    form = np.flatnonzero(inputs[0] < 0)
    if form.size:
        raise WitnessValueError(f"value {int(inputs[0][form[0]])} of form {int(form[0])} is negative")
    return integer_root(inputs[0])


@integer_form("inverse_root")
def _inverse_root(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> ⌊√(scale / x)⌋ of positive x. Params: scale."""
    form = np.flatnonzero(inputs[0] <= 0)
    if form.size:
        raise WitnessValueError(f"value {int(inputs[0][form[0]])} of form {int(form[0])} is not positive")
    return integer_root(np.asarray(int(params["scale"]) // inputs[0], dtype=np.int64))


@integer_form("is_zero")
def _is_zero(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> 1 where x = 0."""
    return np.asarray(inputs[0] == 0, dtype=np.int64)


@field_form("is_zero")
def _is_zero_field(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    return [int(value == 0) for value in inputs[0]]


@field_form("inverse")
def _inverse(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    """[x] -> 1/x, and 0 for 0."""
    return [pow(value, -1, modulus) if value else 0 for value in inputs[0]]


@integer_form("clamp")
def _clamp(inputs: Sequence[Ints], params: Params) -> Ints:
    """[x] -> min(max(x >> shift, 0), cap). Params: shift, cap; parity, of the quotients in 0..cap that lose 1 where the
    shift drops nothing."""
    x, shift, cap = inputs[0], int(params["shift"]), int(params["cap"])
    quotient = x >> shift
    result = np.clip(quotient, 0, cap)
    if "parity" in params:
        whole = (quotient == result) & (quotient << shift == x)
        result = result - (whole & ((quotient & 1) == int(params["parity"])))
    return np.asarray(result, dtype=np.int64)


@field_form("ratio")
def _ratio(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    """[a, b] -> a/b, and 0 where b = 0."""
    return [a * pow(b, -1, modulus) % modulus if b else 0 for a, b in zip(*inputs, strict=True)]


@field_form("poseidon")
def _poseidon(inputs: Sequence[list[int]], params: Params, modulus: int) -> list[int]:
    """[state] -> x², x⁴, x⁵ of every S-box in round order; with ``constant`` = 1 without the very first S-box.

    Params: t, full_rounds, partial_rounds, constants list[t·rounds], matrix list[t·t] row by row, constant 0|1.
    """
    t, full, partial = int(params["t"]), int(params["full_rounds"]), int(params["partial_rounds"])
    constants, flat = params["constants"], params["matrix"]
    matrix = [flat[row * t : (row + 1) * t] for row in range(t)]
    state, wires = list(inputs[0]), []
    for round_ in range(full + partial):
        state = [(s + constants[round_ * t + i]) % modulus for i, s in enumerate(state)]
        boxes = range(t) if round_ < full // 2 or round_ >= full // 2 + partial else range(1)
        for i in boxes:
            square = state[i] * state[i] % modulus
            fourth = square * square % modulus
            state[i] = fourth * state[i] % modulus
            if round_ > 0 or i >= int(params["constant"]):
                wires += [square, fourth, state[i]]
        state = [sum(m * s for m, s in zip(row, state, strict=True)) % modulus for row in matrix]
    return wires
