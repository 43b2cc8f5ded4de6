"""Nodes that stand for graphs: If, Loop and Scan with their bodies, operators on sequences, and operators the standard
defines by others.

They live only until the builder meets them: there constants are known, so that it can choose a branch, unroll a loop
or ask the standard for a body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prover.errors import UnsupportedOpError
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Attribute, integer, integers

_BODY = Attribute("graph", required=True)

BODIES: Mapping[str, Mapping[str, Attribute]] = {
    "If": {"then_branch": _BODY, "else_branch": _BODY},
    "Loop": {"body": _BODY},
    "Scan": {
        "body": _BODY,
        "num_scan_inputs": integer(required=True),
        "scan_input_axes": integers(),
        "scan_input_directions": integers(),
        "scan_output_axes": integers(),
        "scan_output_directions": integers(),
    },
}
"""Attributes of the operators with bodies."""

SEQUENCES: Mapping[str, Mapping[str, Attribute]] = {
    "SequenceConstruct": {},
    "SequenceEmpty": {"dtype": integer()},
    "SequenceInsert": {},
    "SequenceErase": {},
    "SequenceAt": {},
    "SequenceLength": {},
    "SplitToSequence": {"axis": integer(0), "keepdims": integer(1)},
    "ConcatFromSequence": {"axis": integer(required=True), "new_axis": integer(0)},
}
"""Attributes of the operators on sequences."""


@dataclass(frozen=True, eq=False)
class Subgraph:
    """A body.

    Attributes:
        inputs, outputs: names of its own tensors.
        nodes: producers first.
        constants: its initializers.
        captures: tensors of the graphs around it that it reads.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    captures: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ControlNode(Node):
    """If, Loop or Scan.

    Attributes:
        bodies: by attribute name.
        captures: tensors that bodies read from outside, as the bodies call them.
        meaning: what each of them is called now, where a body around this node was renamed.
    """

    bodies: Mapping[str, Subgraph] = field(default_factory=dict)
    captures: tuple[str, ...] = ()
    meaning: Mapping[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.inputs, *(self.meaning.get(name, name) for name in self.captures))


@dataclass(frozen=True, eq=False)
class FunctionNode(Node):
    """An operator without an entry in the table, which the standard defines by a function.

    Attributes:
        proto: its NodeProto, with attributes only.
        refusal: the error to raise when the function cannot take its place.
    """

    proto: Any = None
    refusal: UnsupportedOpError | None = None
