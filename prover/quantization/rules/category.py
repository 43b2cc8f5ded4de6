"""Cast: nothing happens where every value fits the other type."""

from __future__ import annotations

from prover.graph import Node
from prover.quantization.dtypes import is_whole
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported

_FLOATS = {1, 11}
_INTEGERS = {2, 3, 4, 5, 6, 7, 12, 13}
"""TensorProto element types that Cast is proved for. Narrower floats overflow and round where the circuit does not."""


@rule("Cast")
def cast(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """To float32 or float64, nothing happens; nor to an integer type, of a value that is whole and fits it.

    Truncation is not proved: onnxruntime truncates a float32 rounding of the value, which may lie on the other side
    of an integer. That a value fits is checked for every integer tensor (:mod:`prover.quantization.dtypes`).
    """
    value = operands[0]
    target = integer(node, "to")
    if target in _FLOATS and isinstance(value, Affine | Link):
        return [value]
    if isinstance(value, Label) and not value.names and target in _FLOATS | _INTEGERS:
        return [value]
    if target not in _INTEGERS or isinstance(value, Link | Label):
        raise unsupported(node, f"a cast to element type {target} is not proved here")
    source = linear(node, value, trace)
    if not is_whole(trace, source):
        raise unsupported(
            node,
            f"a cast to element type {target} of a value that is not known to be whole",
            "integer casts are proved of int, bool and category features and their whole multiples",
        )
    return [source]
