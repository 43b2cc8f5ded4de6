"""Poseidon over BN254's scalar field in plain integers, as circomlib computes it.

Grassi, Khovratovich, Rechberger, Roy, Schofnegger: "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems",
USENIX Security 2021 (ePrint 2019/458). Parameters x^5, 8 full rounds and circomlib's partial rounds for 128 bits;
round constants and matrix from the Grain LFSR of the paper's appendix F, in the order of the authors' reference script
``generate_parameters_grain.sage``. Generated when first asked for, then kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from prover.field import R

FULL_ROUNDS = 8
"""R_F: half before the partial rounds, half after."""

PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
"""R_P for t = 2..17, circomlib's ``N_ROUNDS_P``."""

MAX_INPUTS = 16
"""Most inputs of one permutation: t = 17."""

_BITS = 254
_LFSR_BITS = 80
_WARM_UP = 160
_TAPS = (0, 13, 23, 38, 51, 62)

Parameters = tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...], int, int]
"""(round constants, matrix, R_F, R_P)."""


@cache
def parameters(t: int) -> Parameters:
    """Constants of the permutation of t elements, 2 <= t <= 17.

    Returns:
        round constants c[round][i], R_F + R_P rows of t; the MDS matrix m[i][j], new_i = sum_j m[i][j] * old_j;
        R_F; R_P. Per round: add c, raise to the fifth power (all elements in full rounds, element 0 in partial
        ones), multiply by m.

    Raises:
        ValueError: t out of range.
    """
    if not 2 <= t <= MAX_INPUTS + 1:
        raise ValueError(f"t = {t}, expected 2 to {MAX_INPUTS + 1}")
    partial = PARTIAL_ROUNDS[t - 2]
    rounds = FULL_ROUNDS + partial
    numbers = _grain_numbers(t, FULL_ROUNDS, partial, wanted=rounds * t + 2 * t)
    constants: list[int] = []
    while len(constants) < rounds * t:
        number = next(numbers)
        if number < R:  # constants are drawn again when too large; the matrix's numbers are reduced
            constants.append(number)
    points = [next(numbers) % R for _ in range(2 * t)]
    # Cauchy matrix 1 / (x_i + y_j). The script's search for a secure matrix stops at the first for all of these t.
    matrix = tuple(tuple(pow(x + y, -1, R) for y in points[t:]) for x in points[:t])
    rows = tuple(tuple(constants[start : start + t]) for start in range(0, rounds * t, t))
    return rows, matrix, FULL_ROUNDS, partial


def permute(state: Sequence[int]) -> list[int]:
    """The permutation of t canonical field elements."""
    constants, matrix, full, partial = parameters(len(state))
    now = list(state)
    for index, row in enumerate(constants):
        now = [element + constant for element, constant in zip(now, row, strict=True)]
        if full // 2 <= index < full // 2 + partial:
            now[0] = pow(now[0], 5, R)
        else:
            now = [pow(element, 5, R) for element in now]
        now = [sum(factor * element for factor, element in zip(line, now, strict=True)) % R for line in matrix]
    return now


def poseidon(inputs: Sequence[int], initial_state: int = 0) -> int:
    """circomlib's ``Poseidon(n)``, or the first output of ``PoseidonEx(n, 1)`` with an initial state.

    Args:
        inputs: 1 to 16 canonical field elements.
        initial_state: the capacity element.

    Raises:
        ValueError: too few or too many inputs, or one that is not canonical.
    """
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise ValueError(f"{len(inputs)} inputs, expected 1 to {MAX_INPUTS}")
    state = [initial_state, *inputs]
    if not all(0 <= element < R for element in state):
        raise ValueError("an input is not a canonical field element")
    return permute(state)[0]


def _grain_numbers(t: int, full: int, partial: int, wanted: int) -> Iterator[int]:
    """254-bit numbers of the self-shrinking Grain LFSR, most significant bit first; at least ``wanted`` below r."""
    header = [(1, 2), (0, 4), (_BITS, 12), (t, 12), (full, 10), (partial, 10), ((1 << 30) - 1, 30)]
    seed = "".join(format(value, f"0{width}b") for value, width in header)
    # 3/4 of the numbers are below r and half of the pairs give a bit; a quarter more to be safe.
    pairs = _lfsr(seed, _WARM_UP + int(wanted * _BITS * 4 * 1.7))[_WARM_UP:].reshape(-1, 2)
    bits = pairs[pairs[:, 0] == 1, 1]
    padded = np.zeros((len(bits) // _BITS, 256), dtype=np.uint8)
    padded[:, 256 - _BITS :] = bits[: len(padded) * _BITS].reshape(-1, _BITS)
    raw = np.packbits(padded, axis=1).tobytes()
    return (int.from_bytes(raw[start : start + 32], "big") for start in range(0, len(raw), 32))


def _lfsr(seed: str, count: int) -> NDArray[np.uint8]:
    """``count`` (rounded up to even) bits after the seed: b[n + 80] = sum of b[n + tap] mod 2.

    Squaring the feedback polynomial over GF(2) doubles every distance, so b[n + 80k] = sum of b[n + k * tap] for
    every k = 2^i: blocks of growing length come out of one vector operation each.
    """
    total = _LFSR_BITS + count + count % 2
    bits = np.zeros(total, dtype=np.uint8)
    bits[:_LFSR_BITS] = [int(bit) for bit in seed]
    known, stride = _LFSR_BITS, 1
    while known < total:
        while 2 * stride * _LFSR_BITS <= known:
            stride *= 2
        # Bit n depends on bits up to n - (80 - 62) * stride: that many can be computed at once.
        length = min((_LFSR_BITS - _TAPS[-1]) * stride, total - known)
        start = known - _LFSR_BITS * stride
        for tap in _TAPS:
            first = start + tap * stride
            bits[known : known + length] ^= bits[first : first + length]
        known += length
    return bits[_LFSR_BITS:]
