"""Powers and sums of products: Pow, Einsum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from prover.graph.ir import Node
from prover.graph.ops.spec import Inferred, Operand
from prover.graph.ops.standard import standard

_TERM = r"[A-Za-z]*(\.\.\.)?[A-Za-z]*"
_EQUATION = re.compile(f"{_TERM}(,{_TERM})*(->{_TERM})?")


def _infer_einsum(node: Node, inputs: Sequence[Operand | None]) -> Sequence[Inferred]:
    """As the standard; but its shape inference does not come back from an equation that is none."""
    equation = str(node.attributes["equation"])
    if not _EQUATION.fullmatch(equation.replace(" ", "")):
        raise ValueError(f"{equation!r} is no equation")
    return _EINSUM[-1].infer(node, inputs)


_EINSUM = standard("Einsum")

OPS = (
    *standard("Pow"),
    *(replace(entry, infer=_infer_einsum) for entry in _EINSUM),
)
