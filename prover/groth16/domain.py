"""Evaluation domains of r's field: roots of unity, the number-theoretic transform, Lagrange values. Reference only."""

from __future__ import annotations

from prover.field import R

TWO_ADICITY = 28
_ROOT = pow(5, (R - 1) >> TWO_ADICITY, R)
"""A primitive 2²⁸-th root of unity; 5 is the non-residue iden3 and arkworks take too, so the domains agree."""


def root_of_unity(size: int) -> int:
    """The primitive root of order ``size``, a power of two up to 2²⁸."""
    return pow(_ROOT, (1 << TWO_ADICITY) // size, R)


def domain_size(rows: int) -> int:
    """The smallest power of two >= rows."""
    return 1 << max(rows - 1, 0).bit_length()


def transform(values: list[int], inverse: bool = False) -> list[int]:
    """Coefficients to evaluations at 1, ω, ω², …, or back; the length is a power of two."""
    size = len(values)
    omega = root_of_unity(size)
    if inverse:
        omega = pow(omega, -1, R)
    output = _recurse(values, omega)
    if inverse:
        scale = pow(size, -1, R)
        output = [value * scale % R for value in output]
    return output


def _recurse(values: list[int], omega: int) -> list[int]:
    if len(values) == 1:
        return values
    even = _recurse(values[0::2], omega * omega % R)
    odd = _recurse(values[1::2], omega * omega % R)
    twiddled, power = [], 1
    for value in odd:
        twiddled.append(power * value % R)
        power = power * omega % R
    pairs = list(zip(even, twiddled, strict=True))
    return [(a + b) % R for a, b in pairs] + [(a - b) % R for a, b in pairs]


def odd_coset(values: list[int]) -> list[int]:
    """From evaluations on the domain of size n to those at the odd powers of the 2n-th root of unity."""
    shift = root_of_unity(2 * len(values))
    coefficients, power = transform(values, inverse=True), 1
    for index, value in enumerate(coefficients):
        coefficients[index] = value * power % R
        power = power * shift % R
    return transform(coefficients)


def lagrange(size: int, tau: int) -> list[int]:
    """Lᵢ(τ) = ωⁱ(τⁿ - 1) / (n(τ - ωⁱ)) for every i.

    Raises:
        ZeroDivisionError: τ lies in the domain.
    """
    vanishing = (pow(tau, size, R) - 1) % R
    if not vanishing:
        raise ZeroDivisionError("tau lies in the domain")
    omega, power, values = root_of_unity(size), 1, []
    for _ in range(size):
        values.append(power * vanishing % R * pow(size * (tau - power), -1, R) % R)
        power = power * omega % R
    return values
