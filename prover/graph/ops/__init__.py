"""The table of supported operators: one module per family, found by itself.

To add an operator, add an :class:`OpSpec` to the ``OPS`` tuple of a module here, or a new module with such a tuple;
nothing else changes. An entry says

- its versions: one entry per range of opsets in which the operator means the same (``since``, ``until``);
- its attributes, with defaults and supported values (anything else is refused by name);
- ``infer``: dtypes and shapes of the outputs; raise ValueError with a sentence when the inputs make no sense, and
  compute shapes without allocating anything, since sizes are checked between ``infer`` and ``evaluate``;
- ``evaluate``: its meaning in numpy, as onnxruntime computes it. tests/graph/test_ops.py compares every entry with
  onnxruntime and fails for one that has no case there.

How an operator is proved is not said here but in :mod:`prover.lowering`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from prover.errors import UnsupportedOpError
from prover.graph.ops.spec import NEWEST, OLDEST, OpSpec

__all__ = ["OpSpec", "find_spec", "registry", "supported"]


@cache
def registry() -> Mapping[tuple[str, str], tuple[OpSpec, ...]]:
    """All entries by (domain, operator), each list ascending by version without overlaps."""
    table: dict[tuple[str, str], list[OpSpec]] = {}
    for module in pkgutil.iter_modules(__path__):
        for spec in getattr(importlib.import_module(f"{__name__}.{module.name}"), "OPS", ()):
            table.setdefault((spec.domain, spec.op), []).append(spec)
    return {key: tuple(sorted(specs, key=lambda spec: spec.since)) for key, specs in table.items()}


def supported(domain: str) -> tuple[str, ...]:
    """Operators of a domain, sorted."""
    return tuple(sorted(op for known, op in registry() if known == domain))


def find_spec(domain: str, op: str, opset: int, node: str = "") -> OpSpec:
    """The entry that describes an operator at a version.

    Raises:
        UnsupportedOpError: naming the node, the operator, its domain and version, and what is supported.
    """
    specs = registry().get((domain, op), ())
    for spec in specs:
        if spec.since <= opset <= spec.until:
            return spec
    where = f"node {node!r}: " if node else ""
    if specs:
        problem = f"{op} is supported in opsets {specs[0].since} to {specs[-1].until} of {domain}, not {opset}"
        hint = "export the model with an opset in that range"
    elif domain in OLDEST:
        problem = f"operator {op} of {domain} (opset {opset}) is not supported"
        hint = f"supported in {domain} up to opset {NEWEST[domain]}: " + ", ".join(supported(domain))
    else:
        problem = f"operator {op} of the domain {domain!r} (opset {opset}) is not supported"
        hint = _foreign(domain, op)
    raise UnsupportedOpError(where + problem, hint, node=node, op=op, domain=domain, opset=opset)


def _foreign(domain: str, op: str) -> str:
    """What to do about an operator of a domain that is not ONNX's."""
    if domain == "com.microsoft" and op.startswith(("Q", "DynamicQuantize", "MatMulInteger")):
        return "quantise with quant_format=QuantFormat.QDQ: QuantizeLinear and DequantizeLinear are proved bit for bit"
    if domain == "com.microsoft":
        return "onnxruntime's optimiser makes such operators: export the model as it was before it was optimised"
    return "supported domains: " + ", ".join(OLDEST) + "; custom and local functions must be inlined first"
