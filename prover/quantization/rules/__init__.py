"""How each graph operator acts on symbolic tensors: one module per operator family, found automatically.

``rule_for`` is the only entry. A rule takes the trace, the node and its operands and returns the node's results;
a new operator is one decorated function in one module here.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable

from prover.graph import Node
from prover.quantization.trace import Trace, Value, unsupported

Rule = Callable[[Trace, Node, list[Value | None]], list[Value]]

_RULES: dict[tuple[str, str], Rule] = {}


def rule(*ops: str, domain: str = "ai.onnx") -> Callable[[Rule], Rule]:
    """Register a rule for the named operators of ``domain``."""

    def register(function: Rule) -> Rule:
        for op in ops:
            _RULES[domain, op] = function
        return function

    return register


@functools.cache
def _load() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def rules() -> frozenset[tuple[str, str]]:
    """(domain, operator) of every rule."""
    _load()
    return frozenset(_RULES)


def rule_for(node: Node) -> Rule:
    """The rule of a node's operator.

    Raises:
        UnsupportedOpError: there is none.
    """
    _load()
    found = _RULES.get((node.domain or "ai.onnx", node.op))
    if found is None:
        names = ", ".join(sorted(op for _, op in _RULES))
        raise unsupported(node, "it cannot be quantised yet", f"operators with a rule: {names}")
    return found


__all__ = ["Rule", "rule", "rule_for", "rules"]
