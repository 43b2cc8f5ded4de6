"""Elementwise functions of one variable, and roundings to whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.finite import F64, mapped
from prover.quantization.blocks.quotient import quotient
from prover.quantization.blocks.root import inverse_root, square_root
from prover.quantization.blocks.sums import combined, scaled, shifted
from prover.quantization.steps.floor import FLOOR, ROUND, TRUNCATE
from prover.quantization.tables.functions import function
from prover.quantization.trace import Affine, FloatStep, Trace, unsupported

ANYWHERE = (-math.inf, math.inf)

_PERIODS = {"Sin": 2 * math.pi, "Cos": 2 * math.pi, "Tan": math.pi}

_DIRECT = 16.0
"""Sines of a range this wide are tabled as they are; a wider one is cheaper reduced to one period."""

_SLACK = 2.0**-8
"""How far rounding may move an argument out of its period."""


def apply(
    trace: Trace,
    node: Node,
    name: str,
    x: Affine,
    within: tuple[float, float] = ANYWHERE,
    /,
    *,
    ends: bool = False,
    finer: int = 0,
    **params: float,
) -> Affine:
    """The catalogue's function ``name`` (``tables/functions.py``) with its constants ``params``, element by element.

    Results are approximations with a proven error of about 2^-activation_bits, or that fraction of a result above 1;
    elements that take few values (booleans, categories) are exact and cost nothing. ``Reciprocal``, ``Sqrt`` and
    ``Rsqrt`` are no tables but quotients and roots, correct to the last bit.

    Args:
        within: where the caller knows the arguments to lie, whatever intervals say; results stay outside it what they
            are at its ends. Inputs that leave the function's own domain have no proof.
        ends: whether the domain's ends are taken as well where they are poles: the caller reads no result there.
        finer: bits of the result beyond an activation's.

    Raises:
        UnsupportedOpError: an argument proven to lie outside the function's domain.
        QuantizationError: when the step is quantised, of samples outside it.
    """
    if name in _CLOSED:
        meaning, domain, block = _CLOSED[name]
    else:
        shape = function(name, tuple(sorted(params.items())))
        meaning, domain = shape.evaluate, shape.domain

        def block(trace: Trace, node: Node, rest: Affine) -> Affine:
            return _tabled(trace, node, name, params, rest, within, {"ends": ends, "finer": finer})

    def exact(values: F64) -> F64:
        with np.errstate(all="ignore"):
            results = np.asarray(meaning(values), dtype=np.float64)
        if not np.isfinite(results).all():
            wrong = float(values[~np.isfinite(results)][0])
            raise unsupported(node, f"{name} of {wrong:g}, which its input may be, is not defined")
        return results[:, None]

    def step(rest: Affine) -> Affine:
        low, high = trace.interval(rest)
        if bool((high < domain[0]).any() or (low > domain[1]).any()):
            raise unsupported(
                node, f"{name} is defined from {domain[0]:g} to {domain[1]:g}, its input lies in {_text(low, high)}"
            )
        return block(trace, node, rest)

    flat = mapped(trace, x, 1, exact, step)
    return flat.reshaped(x.shape)


def _reciprocal(trace: Trace, node: Node, x: Affine) -> Affine:
    return quotient(trace, node, Affine.constant(np.ones(x.shape), trace.n_variables), x)


Block = Callable[[Trace, Node, Affine], Affine]

_CLOSED: dict[str, tuple[Callable[[F64], F64], tuple[float, float], Block]] = {
    "Reciprocal": (np.reciprocal, ANYWHERE, _reciprocal),
    "Sqrt": (np.sqrt, (0.0, math.inf), square_root),
    "Rsqrt": (lambda x: np.reciprocal(np.sqrt(x)), (0.0, math.inf), inverse_root),
}


def _tabled(
    trace: Trace,
    node: Node,
    name: str,
    params: dict[str, float],
    x: Affine,
    within: tuple[float, float],
    more: dict[str, int],
) -> Affine:
    """A ``function`` step; periodic functions of wide ranges are reduced to one period first."""
    shape = function(name, tuple(sorted(params.items())))
    low, high = trace.interval(x)
    period = _PERIODS.get(name)
    if period and float((high - low).max()) > (_DIRECT if name != "Tan" else 0.0) and not _inside(low, high, period):
        x = combined(x, floor(trace, node, shifted(scaled(x, 1 / period), 0.5)), -period)
        within = -period / 2 - _SLACK, period / 2 + _SLACK
    least, most = max(shape.domain[0], within[0]), min(shape.domain[1], within[1])
    results = shape.range(np.clip(low, least, most), np.clip(high, least, most))
    details = {"function": name, "arguments": params, "within": within, **more}
    return trace.append(FloatStep("function", node.name, x, x.size, details), x.shape, lo=results[0], hi=results[1])


def _inside(low: F64, high: F64, period: float) -> bool:
    """Whether a range lies in the period around 0."""
    return bool((low > -period / 2).all() and (high < period / 2).all())


def _text(low: F64, high: F64) -> str:
    return f"[{float(low.min()):g}, {float(high.max()):g}]"


def floor(trace: Trace, node: Node, x: Affine) -> Affine:
    """The largest whole number not above x. Exact where x is; what is whole already costs nothing."""
    return _rounded(trace, node, x, FLOOR, np.floor)


def ceil(trace: Trace, node: Node, x: Affine) -> Affine:
    """The smallest whole number not below x."""
    return floor(trace, node, x.negated).negated


def round_half_even(trace: Trace, node: Node, x: Affine) -> Affine:
    """The nearest whole number, of two the even one."""
    return _rounded(trace, node, x, ROUND, np.rint)


def truncate(trace: Trace, node: Node, x: Affine) -> Affine:
    """x without its fraction, as a conversion to an integer gives it."""
    low, high = trace.interval(x)
    if bool((low >= 0).all()):
        return floor(trace, node, x)
    if bool((high <= 0).all()):
        return ceil(trace, node, x)
    return _rounded(trace, node, x, TRUNCATE, np.trunc)


def _rounded(trace: Trace, node: Node, x: Affine, mode: int, meaning: Callable[[F64], F64]) -> Affine:
    def step(rest: Affine) -> Affine:
        low, high = (meaning(end) for end in trace.interval(rest))
        params = {"mode": mode}
        return trace.append(
            FloatStep("floor", node.name, rest, rest.size, params), rest.shape, whole=True, lo=low, hi=high
        )

    place = np.arange(x.size, dtype=np.int64)
    open_rows = np.flatnonzero(~trace.is_whole(x))
    if not open_rows.size:
        return x
    found = mapped(trace, x.pick(open_rows), 1, lambda values: meaning(values)[:, None], step)
    place[open_rows] = x.size + np.arange(open_rows.size)
    return Affine.stack([x, found]).pick(place.reshape(x.shape))
