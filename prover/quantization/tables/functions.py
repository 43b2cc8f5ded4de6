"""Univariate functions as float64 code, with what an error proof needs to know of them.

A proof of a piecewise polynomial's error samples it on a grid and bounds what happens between two grid points by the
second derivative; far from the origin many functions are within a known distance of a straight line. Both are given
here by hand, function by function. Nothing in this module is needed once a plan exists.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

PRECISION = 2.0**-48
"""Relative error granted to every evaluation in float64; numpy's own is below 2^-50 for all of these."""


@dataclass(frozen=True)
class Tail:
    """A straight line that a function approaches: ``|f(x) - (slope * x + intercept)| <= error(a)`` for x beyond a."""

    slope: float
    intercept: float
    error: Callable[[float], float]


@dataclass(frozen=True)
class Function:
    """One real function of one variable.

    Attributes:
        evaluate: float64[n] -> float64[n], on the domain.
        curvature: (a, b) -> an upper bound of |f''| on [a, b], an interval without a break inside; may be infinite.
        low, high: lines approached towards -inf and +inf.
        domain: smallest and largest argument.
        open: whether the ends of the domain, where finite, are poles.
        breaks: arguments where a derivative jumps.
        steep: whether it grows exponentially, so that a wide domain would leave no precision where arguments are.
        turns: (a, b) -> the extrema inside [a, b]; between two of them the function is monotone.
    """

    evaluate: Callable[[F64], F64]
    curvature: Callable[[float, float], float]
    low: Tail | None = None
    high: Tail | None = None
    domain: tuple[float, float] = (-math.inf, math.inf)
    open: bool = False
    breaks: tuple[float, ...] = ()
    steep: bool = False
    turns: Callable[[float, float], list[float]] = lambda a, b: []

    def range(self, low: F64, high: F64) -> tuple[F64, F64]:
        """Smallest and largest value on each [low_i, high_i] of the domain; the ends may be infinite."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            ends = np.stack((self._limit(low), self._limit(high)))
        least, most = ends.min(axis=0), ends.max(axis=0)
        for turn in self.turns(float(low.min(initial=math.inf)), float(high.max(initial=-math.inf))):
            inside = (low <= turn) & (turn <= high)
            value = float(self.evaluate(np.array([turn]))[0])
            least = np.where(inside, np.minimum(least, value), least)
            most = np.where(inside, np.maximum(most, value), most)
        unknown = np.isnan(least) | np.isnan(most)
        return np.where(unknown, -math.inf, least), np.where(unknown, math.inf, most)

    def _limit(self, x: F64) -> F64:
        value = np.asarray(self.evaluate(x), dtype=np.float64)
        for tail, sign in ((self.low, -1.0), (self.high, 1.0)):
            end = math.nan if tail is None else tail.intercept if tail.slope == 0 else tail.slope * sign * math.inf
            value = np.where(np.isnan(value) & (x == sign * math.inf), end, value)
        return value


Maker = Callable[..., Function]

_MAKERS: dict[str, Maker] = {}


def _function(*names: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        for name in names:
            _MAKERS[name] = maker
        return maker

    return register


@functools.cache
def function(name: str, arguments: tuple[tuple[str, float], ...] = ()) -> Function:
    """The function called ``name``; ``arguments`` are its constants by name.

    Raises:
        KeyError: there is none.
    """
    return _MAKERS[name](**dict(arguments))


def names() -> tuple[str, ...]:
    """Every function there is, sorted."""
    return tuple(sorted(_MAKERS))


def _bounded(limit: float) -> Callable[[float, float], float]:
    return lambda a, b: limit


def _nearest(a: float, b: float) -> float:
    """Smallest magnitude in [a, b]."""
    return 0.0 if a <= 0 <= b else min(abs(a), abs(b))


def _farthest(a: float, b: float) -> float:
    return max(abs(a), abs(b))


def _turn(*places: float) -> Callable[[float, float], list[float]]:
    return lambda a, b: [place for place in places if a < place < b]


def _periodic(first: float) -> Callable[[float, float], list[float]]:
    """Extrema first + k·π; a range of more than two periods has a pair of them wherever one looks."""

    def turns(a: float, b: float) -> list[float]:
        if not (math.isfinite(a) and math.isfinite(b)) or b - a > 1e4:
            return [first, first + math.pi]
        return [
            first + k * math.pi for k in range(math.ceil((a - first) / math.pi), math.floor((b - first) / math.pi) + 1)
        ]

    return turns


def logistic(x: F64) -> F64:
    """1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small))


def _e(x: float) -> float:
    """exp(x), at most exp(700)."""
    return math.exp(min(x, 700.0))


_erf = np.vectorize(math.erf, otypes=[np.float64])


@_function("Exp")
def _exp() -> Function:
    return Function(np.exp, lambda a, b: _e(b), low=Tail(0.0, 0.0, _e), steep=True)


@_function("Log")
def _log() -> Function:
    return Function(np.log, lambda a, b: a**-2.0 if a > 0 else math.inf, domain=(0.0, math.inf), open=True)


@_function("Sin")
def _sin() -> Function:
    return Function(np.sin, _bounded(1.0), turns=_periodic(math.pi / 2))


@_function("Cos")
def _cos() -> Function:
    return Function(np.cos, _bounded(1.0), turns=_periodic(0.0))


@_function("Tan")
def _tan() -> Function:
    """Between the poles at -π/2 and π/2."""

    def curvature(a: float, b: float) -> float:
        m = _farthest(a, b)
        return 2 * math.tan(m) / math.cos(m) ** 2 if m < math.pi / 2 else math.inf

    return Function(np.tan, curvature, domain=(-math.pi / 2, math.pi / 2), open=True)


def _towards_one(power: float, factor: float) -> Callable[[float, float], float]:
    """factor · m / (1 - m²)^power at the largest magnitude m."""

    def curvature(a: float, b: float) -> float:
        m = _farthest(a, b)
        return factor * m / (1 - m * m) ** power if m < 1 else math.inf

    return curvature


@_function("Asin")
def _asin() -> Function:
    return Function(np.arcsin, _towards_one(1.5, 1.0), domain=(-1.0, 1.0))


@_function("Acos")
def _acos() -> Function:
    return Function(np.arccos, _towards_one(1.5, 1.0), domain=(-1.0, 1.0))


@_function("Atanh")
def _atanh() -> Function:
    return Function(np.arctanh, _towards_one(2.0, 2.0), domain=(-1.0, 1.0), open=True)


@_function("Atan")
def _atan() -> Function:
    def curvature(a: float, b: float) -> float:
        return min(0.65, 2 / max(_nearest(a, b), 1e-9) ** 3)

    high = Tail(0.0, math.pi / 2, lambda a: 1 / max(a, 1e-9))
    return Function(np.arctan, curvature, Tail(0.0, -math.pi / 2, lambda a: 1 / max(-a, 1e-9)), high)


@_function("Sinh")
def _sinh() -> Function:
    return Function(np.sinh, lambda a, b: math.sinh(min(_farthest(a, b), 700.0)), steep=True)


@_function("Cosh")
def _cosh() -> Function:
    return Function(np.cosh, lambda a, b: math.cosh(min(_farthest(a, b), 700.0)), steep=True, turns=_turn(0.0))


@_function("Asinh")
def _asinh() -> Function:
    return Function(np.arcsinh, lambda a, b: min(0.39, max(_nearest(a, b), 1e-9) ** -2.0))


@_function("Acosh")
def _acosh() -> Function:
    return Function(np.arccosh, lambda a, b: a / (a * a - 1) ** 1.5 if a > 1 else math.inf, domain=(1.0, math.inf))


@_function("Probit")
def _probit() -> Function:
    """The normal quantile as onnxruntime approximates it (Winitzki 2008, 0.147).

    The exact quantile z of p has |z''| = |z| / phi(z)^2, at most 1 / d^2 at a distance d from 0 and 1: beyond |z| = 1
    because d <= phi(z) / |z|, below because phi(z) is at least 0.24. The approximation stays within twice that.
    """

    def evaluate(p: F64) -> F64:
        x = 2.0 * p - 1.0
        log = np.log((1.0 - x) * (1.0 + x))
        half = 2.0 / (math.pi * 0.147) + 0.5 * log
        square = np.sqrt(half * half - log / 0.147) - half
        return np.asarray(np.copysign(np.sqrt(2.0 * np.maximum(square, 0.0)), x))

    def curvature(a: float, b: float) -> float:
        distance = min(a, 1.0 - b)
        return 2.0 / distance**2 if distance > 0 else math.inf

    return Function(evaluate, curvature, domain=(0.0, 1.0), open=True)


@_function("Sigmoid")
def _sigmoid() -> Function:
    return Function(logistic, _bounded(0.0963), Tail(0.0, 0.0, _e), Tail(0.0, 1.0, lambda a: _e(-a)))


@_function("Tanh")
def _tanh() -> Function:
    low = Tail(0.0, -1.0, lambda a: 2 * _e(2 * a))
    return Function(np.tanh, _bounded(0.77), low, Tail(0.0, 1.0, lambda a: 2 * _e(-2 * a)))


@_function("Erf")
def _erf_function() -> Function:
    """1 - erf(a) <= exp(-a²) for a >= 0 (Chernoff)."""
    low = Tail(0.0, -1.0, lambda a: math.exp(-(a**2)) if a < 0 else 2.0)
    return Function(_erf, _bounded(0.97), low, Tail(0.0, 1.0, lambda a: math.exp(-(a**2)) if a > 0 else 2.0))


def _gate_tail(decay: Callable[[float], float], sign: float, slope: float) -> Tail:
    """A tail whose distance |x|·decay(|x|) falls once |x| >= 2."""
    return Tail(slope, 0.0, lambda a: sign * a * decay(sign * a) if sign * a >= 2 else math.inf)


@_function("Gelu")
def _gelu() -> Function:
    """x·Φ(x): its distance from the tails is x·(1 - Φ(x)) <= x·exp(-x²/2)/2; f'' = φ(x)·(2 - x²)."""

    def evaluate(x: F64) -> F64:
        return np.asarray(x * 0.5 * (1.0 + _erf(x / math.sqrt(2.0))))

    def decay(m: float) -> float:
        return 0.5 * math.exp(-m * m / 2)

    return Function(
        evaluate, _bounded(0.8), _gate_tail(decay, -1.0, 0.0), _gate_tail(decay, 1.0, 1.0), turns=_turn(-0.7517915)
    )


@_function("GeluTanh")
def _gelu_tanh() -> Function:
    """The tanh form of Gelu; |f''| is below 0.82 (sampled maximum 0.7979)."""
    c = math.sqrt(2 / math.pi)

    def evaluate(x: F64) -> F64:
        return np.asarray(x * 0.5 * (1.0 + np.tanh(c * (x + 0.044715 * x**3))))

    def decay(m: float) -> float:
        return math.exp(-2 * c * (m + 0.044715 * m**3))

    return Function(
        evaluate, _bounded(0.82), _gate_tail(decay, -1.0, 0.0), _gate_tail(decay, 1.0, 1.0), turns=_turn(-0.7524614)
    )


@_function("Silu")
def _silu(alpha: float = 1.0) -> Function:
    """x·sigmoid(alpha·x)."""

    def evaluate(x: F64) -> F64:
        return np.asarray(x * logistic(alpha * x))

    def decay(m: float) -> float:
        return _e(-alpha * m) if alpha * m >= 1 else math.inf

    return Function(
        evaluate,
        _bounded(0.5 * alpha),
        _gate_tail(decay, -1.0, 0.0),
        _gate_tail(decay, 1.0, 1.0),
        turns=_turn(-1.2784645 / alpha),
    )


@_function("Mish")
def _mish() -> Function:
    """x·tanh(softplus(x)); tanh(softplus(x)) lies between 0 and exp(x), and is within 2·exp(-2x) of 1."""

    def evaluate(x: F64) -> F64:
        return np.asarray(x * np.tanh(np.logaddexp(0.0, x)))

    low = _gate_tail(lambda m: math.exp(-m), -1.0, 0.0)
    high = _gate_tail(lambda m: 2 * math.exp(-2 * m), 1.0, 1.0)
    return Function(evaluate, _bounded(0.7), low, high, turns=_turn(-1.1924312))


@_function("Softplus")
def _softplus() -> Function:
    def evaluate(x: F64) -> F64:
        return np.asarray(np.logaddexp(0.0, x))

    return Function(evaluate, _bounded(0.25), Tail(0.0, 0.0, _e), Tail(1.0, 0.0, lambda a: _e(-a)))


@_function("Softsign")
def _softsign() -> Function:
    def evaluate(x: F64) -> F64:
        return np.asarray(x / (1.0 + np.abs(x)))

    return Function(
        evaluate,
        lambda a, b: 2 * (1 + _nearest(a, b)) ** -3,
        Tail(0.0, -1.0, lambda a: 1 / (1 + max(-a, 0.0))),
        Tail(0.0, 1.0, lambda a: 1 / (1 + max(a, 0.0))),
        breaks=(0.0,),
    )


def _exponential_below(scale: float, rate: float, slope: float) -> Function:
    """slope·x for x > 0 and scale·(exp(x / rate) - 1) below."""

    def evaluate(x: F64) -> F64:
        return np.asarray(np.where(x > 0, slope * x, scale * np.expm1(np.minimum(x, 0.0) / rate)))

    def curvature(a: float, b: float) -> float:
        return 0.0 if a >= 0 else abs(scale) / rate**2 * math.exp(min(b, 0.0) / rate)

    low = Tail(0.0, -scale, lambda a: abs(scale) * _e(a / rate))
    high = Tail(slope, 0.0, lambda a: 0.0 if a >= 0 else math.inf)
    turns = _turn(0.0) if scale < 0 else _turn()
    return Function(evaluate, curvature, low, high, breaks=(0.0,), turns=turns)


@_function("Elu")
def _elu(alpha: float = 1.0) -> Function:
    return _exponential_below(alpha, 1.0, 1.0)


@_function("Selu")
def _selu(alpha: float, gamma: float) -> Function:
    return _exponential_below(alpha * gamma, 1.0, gamma)


@_function("Celu")
def _celu(alpha: float = 1.0) -> Function:
    return _exponential_below(alpha, alpha, 1.0)


@_function("HardSwish")
def _hard_swish() -> Function:
    """x·clip(x / 6 + 1/2, 0, 1)."""

    def evaluate(x: F64) -> F64:
        return np.asarray(x * np.clip(x / 6 + 0.5, 0.0, 1.0))

    low = Tail(0.0, 0.0, lambda a: 0.0 if a <= -3 else math.inf)
    high = Tail(1.0, 0.0, lambda a: 0.0 if a >= 3 else math.inf)
    return Function(evaluate, _bounded(1 / 3), low, high, breaks=(-3.0, 3.0), turns=_turn(-1.5))


@_function("HardSigmoid")
def _hard_sigmoid(alpha: float, beta: float) -> Function:
    """clip(alpha x + beta, 0, 1) for alpha > 0."""
    low, high = -beta / alpha, (1 - beta) / alpha

    def evaluate(x: F64) -> F64:
        return np.asarray(np.clip(alpha * x + beta, 0.0, 1.0))

    return Function(
        evaluate,
        _bounded(0.0),
        Tail(0.0, 0.0, lambda a: 0.0 if a <= low else math.inf),
        Tail(0.0, 1.0, lambda a: 0.0 if a >= high else math.inf),
        breaks=(low, high),
    )
