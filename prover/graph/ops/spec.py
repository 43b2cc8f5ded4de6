"""What the importer knows of an operator: versions, inputs, attributes, shapes, and its meaning in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import UnsupportedOpError
from prover.graph.ir import Array, Node

DEFAULT_DOMAIN = "ai.onnx"
ML_DOMAIN = "ai.onnx.ml"

OLDEST = {DEFAULT_DOMAIN: 9, ML_DOMAIN: 1}
"""First version of each domain whose operators are described here."""

NEWEST = {DEFAULT_DOMAIN: 28, ML_DOMAIN: 5}
"""Last version of each domain against which the entries were checked."""

MANY = 1 << 16
"""Upper end of a variadic number of inputs."""


@dataclass(frozen=True, eq=False)
class Operand:
    """An input of a node while shapes are inferred; ``value`` is known for constants."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    value: Array | None = None


@dataclass(frozen=True, eq=False)
class Inferred:
    """An output of a node: dtype and shape, and the value where it does not depend on the node's inputs."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    value: Array | None = None


Infer = Callable[[Node, Sequence[Operand | None]], Sequence[Inferred]]
"""Types of the outputs. Raises ValueError, without the node's name, when the inputs contradict each other."""

Evaluate = Callable[[Node, Sequence[Array | None]], Sequence[Array]]
"""Outputs for given inputs, with the dtypes that ``Infer`` announced."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of an operator. Build it with the functions below.

    Attributes:
        type: ``"int"``, ``"float"``, ``"string"``, their plurals, ``"tensor"``, ``"sparse_tensor"`` (read as a
            dense array), or ``"graph"``.
        default: value when absent; None for an optional attribute without default.
        required: absent is an error.
        allowed: the values that are supported; None for all.
        finite: NaN and infinities are refused.
    """

    type: str
    default: object = None
    required: bool = False
    allowed: tuple[object, ...] | None = None
    finite: bool = True


def integer(default: int | None = None, *, required: bool = False, allowed: Sequence[int] | None = None) -> Attribute:
    """A Python int."""
    return Attribute("int", default, required, None if allowed is None else tuple(allowed))


def real(default: float | None = None, *, required: bool = False) -> Attribute:
    """A Python float that is a float32."""
    return Attribute("float", default, required)


def text(default: str | None = None, *, required: bool = False, allowed: Sequence[str] | None = None) -> Attribute:
    """A str."""
    return Attribute("string", default, required, None if allowed is None else tuple(allowed))


def integers(*, required: bool = False) -> Attribute:
    """A tuple of int."""
    return Attribute("ints", None, required)


def reals(*, required: bool = False, finite: bool = True) -> Attribute:
    """float32[n]."""
    return Attribute("floats", None, required, finite=finite)


def texts() -> Attribute:
    """A tuple of str."""
    return Attribute("strings")


def tensor() -> Attribute:
    """An array of any dtype and shape."""
    return Attribute("tensor")


@dataclass(frozen=True, eq=False)
class OpSpec:
    """One operator over a range of versions in which it means the same.

    Attributes:
        op: operator type.
        infer: see :data:`Infer`.
        evaluate: see :data:`Evaluate`.
        domain: operator-set domain.
        since, until: first and last version; by default all that are described here.
        inputs, outputs: least and most number of each.
        attributes: by name. An attribute that is not listed is refused, never ignored.
        static: indices of inputs that must be constants, with the name the specification gives them.
        infinite: indices of inputs that may hold infinities; constants elsewhere are finite.
        transparent: says that a node only renames its first input; such nodes are removed.
        work: multiplications an evaluation takes, where they exceed the number of elements: bounds folding.
        standard: shapes and meaning come from the onnx package (``standard.py``); its own node tests cover the entry.
    """

    op: str
    infer: Infer
    evaluate: Evaluate
    domain: str = DEFAULT_DOMAIN
    since: int = 0
    until: int = 0
    inputs: tuple[int, int] = (1, 1)
    outputs: tuple[int, int] = (1, 1)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    static: Mapping[int, str] = field(default_factory=dict)
    infinite: tuple[int, ...] = ()
    transparent: Callable[[Node, Sequence[Operand | None]], bool] | None = None
    work: Callable[[Node, Sequence[Operand | None]], int] | None = None
    standard: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", self.since or OLDEST[self.domain])
        object.__setattr__(self, "until", self.until or NEWEST[self.domain])


def unsupported(node: Node, problem: str, hint: str = "") -> UnsupportedOpError:
    """An UnsupportedOpError about one node, for evaluators and shape functions to raise."""
    return UnsupportedOpError(
        f"{node} of opset {node.opset}: {problem}",
        hint,
        node=node.name,
        op=node.op,
        domain=node.domain,
        opset=node.opset,
    )


def needed(operand: Operand | None) -> Operand:
    """An input that must not be left out."""
    if operand is None:
        raise ValueError("a required input is absent")
    return operand


def array(value: Array | None) -> NDArray[Any]:
    """An input array that must not be left out."""
    if value is None:
        raise ValueError("a required input is absent")
    return value


def normal_axis(axis: int, rank: int) -> int:
    """An axis in [-rank, rank) as one in [0, rank)."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is outside a tensor of rank {rank}")
    return axis % rank


def same_dtype(operands: Sequence[Operand | None], kinds: str = "fiu") -> np.dtype[Any]:
    """The common dtype of the inputs that are present, which must be of one of the numpy kinds."""
    present = [operand for operand in operands if operand is not None]
    dtypes = {operand.dtype for operand in present}
    if len(dtypes) != 1:
        listed = ", ".join(f"{operand.name!r} {operand.dtype}" for operand in present)
        raise ValueError(f"inputs of different dtypes: {listed}")
    dtype = dtypes.pop()
    if dtype.kind not in kinds:
        raise ValueError(f"input {present[0].name!r} has dtype {dtype}, which the operator does not take")
    return dtype
