"""How each graph operator acts on symbolic tensors: one module per operator family, found automatically.

``rule_for`` is the only entry. A rule takes the trace, the node and its operands and returns the node's results;
a new operator is one decorated function in one module here. The decoration also says which kinds of steps the rule
may append, from which :mod:`prover.operators` derives what the operator costs and how exact it is.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prover.errors import ModelShapeError
from prover.graph import Node
from prover.quantization.trace import Trace, Value, unsupported

Rule = Callable[[Trace, Node, list[Value | None]], list[Value]]


@dataclass(frozen=True)
class Declaration:
    """What a rule says of itself.

    Attributes:
        steps: kinds of the steps it may append; none for an operator that is linear or only moves numbers. None: it
            does not say.
        exactness, cost: words in place of those that follow from the steps.
    """

    steps: tuple[str, ...] | None = None
    exactness: str = ""
    cost: str = ""


_RULES: dict[tuple[str, str], Rule] = {}
_DECLARED: dict[tuple[str, str], Declaration] = {}


def rule(
    *ops: str,
    domain: str = "ai.onnx",
    steps: Sequence[str] | None = None,
    exactness: str = "",
    cost: str = "",
) -> Callable[[Rule], Rule]:
    """Register a rule for the named operators of ``domain``; the rest is a :class:`Declaration`."""

    def register(function: Rule) -> Rule:
        for op in ops:
            _RULES[domain, op] = function
            _DECLARED[domain, op] = Declaration(None if steps is None else tuple(steps), exactness, cost)
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


def declarations() -> Mapping[tuple[str, str], Declaration]:
    """What every rule says of itself, by (domain, operator)."""
    _load()
    return dict(_DECLARED)


def rule_for(node: Node) -> Rule:
    """The rule of a node's operator. What it raises is typed and names the node, whatever the file says.

    Raises:
        UnsupportedOpError: there is none.
    """
    _load()
    found = _RULES.get((node.domain or "ai.onnx", node.op))
    if found is None:
        names = ", ".join(sorted(op for _, op in _RULES))
        raise unsupported(node, "it cannot be quantised yet", f"operators with a rule: {names}")
    return functools.partial(_guarded, found)


def _guarded(found: Rule, trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Numpy's complaints about shapes and indices that contradict each other become an error about the model."""
    try:
        return found(trace, node, operands)
    except (ValueError, TypeError, IndexError, ArithmeticError, MemoryError) as error:
        raise ModelShapeError(f"{node}: {error}", "check the shapes and attributes of this node") from error


__all__ = ["Declaration", "Rule", "declarations", "rule", "rule_for", "rules"]
