"""Elementwise functions of one variable."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.finite import F64, mapped
from prover.quantization.functions import function
from prover.quantization.trace import Affine, FloatStep, Trace, unsupported


def apply(trace: Trace, node: Node, name: str, x: Affine, **params: float) -> Affine:
    """The function ``name`` of :mod:`prover.quantization.functions`, with its constants ``params``, element by element.

    Results are approximations with a proven error of about 2^-activation_bits, or that fraction of a result above 1;
    elements that take few values (booleans, categories) are exact and cost nothing.

    Raises:
        UnsupportedOpError: an argument proven to lie outside the function's domain.
        QuantizationError: when the step is quantised, of samples outside it.
    """
    shape = function(name, tuple(sorted(params.items())))

    def meaning(values: F64) -> F64:
        with np.errstate(all="ignore"):
            results = np.asarray(shape.evaluate(values), dtype=np.float64)
        if not np.isfinite(results).all():
            wrong = float(values[~np.isfinite(results)][0])
            raise unsupported(node, f"{name} of {wrong:g}, which its input may be, is not defined")
        return results[:, None]

    def step(rest: Affine) -> Affine:
        low, high = trace.interval(rest)
        least, most = shape.domain
        if bool((high < least).any() or (low > most).any()):
            raise unsupported(
                node, f"{name} is defined from {least:g} to {most:g}, its input lies in {_text(low, high)}"
            )
        ends = shape.range(np.clip(low, least, most), np.clip(high, least, most))
        params_ = {"function": name, "arguments": params}
        return trace.append(
            FloatStep("function", node.name, rest, rest.size, params_), rest.shape, lo=ends[0], hi=ends[1]
        )

    flat = mapped(trace, x, 1, meaning, step)
    return flat.pick(np.arange(flat.size, dtype=np.int64).reshape(x.shape))


def _text(low: F64, high: F64) -> str:
    return f"[{float(low.min()):g}, {float(high.max()):g}]"
