"""From a float graph to a float program: linear operators folded away, one step per nonlinearity left.

Every tensor of the graph is followed symbolically. A linear one is an :class:`Affine` map over *variables*: first
the schema's fact slots, then the outputs of each step in order. Folding is done in float64, so a chain of Scaler,
Concat and Gemm loses nothing before it is rounded once to integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import ModelShapeError, UnsupportedOpError
from prover.graph import Graph, Node, TensorInfo
from prover.quantization import intervals
from prover.quantization.facts import FactSpace
from prover.quantization.sparse import Sparse

if TYPE_CHECKING:
    from prover.quantization.trees.partition import Cuts


@dataclass(frozen=True)
class Affine:
    """A tensor whose flattened elements are ``matrix @ variables + bias``.

    Attributes:
        shape: shape of the tensor, batch dimension 1 included.
        matrix: float64, one row per element; an entry multiplies the variable's *real* value.
        bias: float64[size].
        optional: bool[size], elements that are NaN when their fact is missing.
    """

    shape: tuple[int, ...]
    matrix: Sparse
    bias: NDArray[np.float64]
    optional: NDArray[np.bool_]

    @property
    def size(self) -> int:
        return int(self.bias.size)

    @classmethod
    def constant(cls, values: NDArray[Any], n_variables: int) -> Affine:
        """A tensor that does not depend on the input."""
        flat = np.asarray(values, dtype=np.float64).ravel()
        return cls(values.shape, Sparse.zeros(flat.size, n_variables), flat, np.zeros(flat.size, dtype=np.bool_))

    @classmethod
    def variables(cls, shape: tuple[int, ...], start: int, size: int) -> Affine:
        """The variables ``start .. start + size`` themselves."""
        matrix = Sparse.selection(np.arange(start, start + size), start + size)
        return cls(shape, matrix, np.zeros(size), np.zeros(size, dtype=np.bool_))

    def pick(self, elements: NDArray[np.int64]) -> Affine:
        """The tensor whose entry i is element ``elements[i]`` of this one; the result has that array's shape."""
        flat = elements.ravel()
        return Affine(elements.shape, self.matrix.take(flat), self.bias[flat], self.optional[flat])

    def reshaped(self, shape: tuple[int, ...]) -> Affine:
        """The same elements in another shape; one length may be -1, as in numpy.

        Raises:
            ValueError: a shape of another size.
        """
        return replace(self, shape=np.broadcast_to(0, self.size).reshape(shape).shape)

    @property
    def flat(self) -> Affine:
        """The same elements in one row."""
        return self.reshaped((self.size,))

    def mapped(self, rows: Sparse, bias: NDArray[np.float64], shape: tuple[int, ...]) -> Affine:
        """``rows @ self + bias``, the general linear operator."""
        spread = np.zeros(rows.n_rows, dtype=np.bool_)
        spread[rows.rows[self.optional[rows.cols]]] = True
        return Affine(shape, rows.compose(self.matrix), rows.apply(self.bias[None])[0] + bias, spread)

    @property
    def negated(self) -> Affine:
        negative = Sparse(self.matrix.indptr, self.matrix.cols, -self.matrix.data, self.matrix.n_cols)
        return Affine(self.shape, negative, -self.bias, self.optional)

    def renumbered(self, place: NDArray[np.int64]) -> Affine:
        """The same tensor after variable j became variable ``place[j]``."""
        return replace(self, matrix=self.matrix.renumbered(place, int(place[-1]) + 1))

    @staticmethod
    def stack(parts: Sequence[Affine]) -> Affine:
        """All elements of all parts as one flat tensor."""
        size = sum(part.size for part in parts)
        return Affine(
            (size,),
            Sparse.stack([part.matrix for part in parts]),
            np.concatenate([part.bias for part in parts]),
            np.concatenate([part.optional for part in parts]),
        )


@dataclass(frozen=True)
class Link:
    """A probability tensor at the end of a model: a link function of logits.

    Attributes:
        kind: ``"sigmoid"`` (each element by itself), ``"softmax"`` (over all elements) or ``"normalized"`` (sigmoids
            divided by their sum).
        logits: the linear scores, in the shape of the tensor.
    """

    kind: str
    logits: Affine

    @property
    def shape(self) -> tuple[int, ...]:
        return self.logits.shape


@dataclass(frozen=True)
class Label:
    """The label of a classifier: ``classes[argmax(logits)]``, ties to the first index.

    Attributes:
        logits: one linear score per class, flat.
        classes: int64[k], the integers the model returns; a model with text labels counts them from 0.
        names: the texts of such a model, otherwise empty.
        shape: shape of the label tensor (one element).
    """

    logits: Affine
    classes: NDArray[np.int64]
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()


Value = Affine | Link | Label | NDArray[Any]


@dataclass(frozen=True)
class FloatStep:
    """One nonlinearity: ``kind(matrix @ variables + bias)`` appends ``n_outputs`` variables.

    Attributes:
        kind: name of a registered step kind.
        node: the graph node it stands for, for reports and errors.
        inputs: its linear inputs.
        n_outputs: variables it appends.
        params: what else the kind needs to quantise itself.
    """

    kind: str
    node: str
    inputs: Affine
    n_outputs: int
    params: dict[str, Any] = field(default_factory=dict)


IMPUTE = (
    "fill missing values with a default in the data and make the feature mandatory in the schema, or cut it off the "
    "model's inputs; an Imputer that reads the feature before anything else is proved as it is"
)
"""Hint where a feature that may be missing is computed with."""


FIXED = "float32 features are for tree ensembles, which only compare; declare it as `fixed` with a scale and a range"
"""Hint where a float32 feature is computed with."""


@dataclass
class Trace:
    """The state of one walk through a graph.

    Attributes:
        facts: the schema's slots.
        missing: int64[d], rows of the caller's samples in which each feature is NaN; None without samples.
        steps: the nonlinearities so far.
        n_variables: fact slots and outputs of the steps.
        labels: what classifier nodes call the winner of their scores, whether or not the model returns it.
        tensors: the graph's tensors, for rules that depend on the element type of an operand.
        vocabulary: place of every text; see :mod:`prover.quantization.blocks.texts`.
        graph: the model, for rules that look at more than one node.
        cuts: where the trees of the model cut each feature; None without trees.
        shared: what rules keep for the nodes that follow, by a name of their own.
        lo, hi: float64[n_variables], proven range of every variable's real value; infinite where nothing is known.
        unit: float64[n_variables], the real value of one count where it is known before quantisation: facts, and
            integers (1); 0 elsewhere.
    """

    facts: FactSpace
    missing: NDArray[np.int64] | None = None
    steps: list[FloatStep] = field(default_factory=list)
    n_variables: int = 0
    labels: list[Label] = field(default_factory=list)
    tensors: Mapping[str, TensorInfo] = field(default_factory=dict)
    vocabulary: dict[str, int] = field(default_factory=dict)
    graph: Graph | None = None
    cuts: Cuts | None = None
    shared: dict[str, Any] = field(default_factory=dict)
    lo: NDArray[np.float64] = field(init=False)
    hi: NDArray[np.float64] = field(init=False)
    unit: NDArray[np.float64] = field(init=False)
    _proved: dict[int, tuple[Link | Label, Affine]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.n_variables = self.facts.n_slots
        self.unit = self.facts.unit.copy()
        self.lo, self.hi = self.facts.lo * self.unit, self.facts.hi * self.unit

    def append(
        self,
        step: FloatStep,
        shape: tuple[int, ...],
        *,
        whole: bool | NDArray[np.bool_] = False,
        lo: float | NDArray[np.float64] | None = None,
        hi: float | NDArray[np.float64] | None = None,
    ) -> Affine:
        """Add a step; returns its outputs as a tensor of ``shape``.

        Args:
            whole: the outputs (or those marked, bool[n_outputs]) are integers whose count is their value: booleans,
                indices, quantised numbers.
            lo, hi: proven real range of the outputs, whatever the facts are; scalars or float64[n_outputs].
        """
        start, count = self.n_variables, step.n_outputs
        self.steps.append(step)
        self.n_variables += count
        ends = (-np.inf if lo is None else lo, np.inf if hi is None else hi)
        self.lo = np.concatenate((self.lo, np.broadcast_to(np.asarray(ends[0], dtype=np.float64), count)))
        self.hi = np.concatenate((self.hi, np.broadcast_to(np.asarray(ends[1], dtype=np.float64), count)))
        self.unit = np.concatenate((self.unit, np.broadcast_to(np.asarray(whole, dtype=np.float64), count)))
        return Affine.variables(shape, start, count)

    def interval(self, value: Affine) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Proven (smallest, largest) real value of every element, float64[m] each; infinite where nothing is known."""
        groups = np.full(self.n_variables, -1, dtype=np.int64)
        groups[: self.facts.n_slots] = self.facts.groups
        low, high = intervals.interval(value.matrix, self.lo, self.hi, groups)
        return low + value.bias, high + value.bias

    def is_whole(self, value: Affine) -> NDArray[np.bool_]:
        """bool[m]: elements that are integers whatever the facts are, in float32 as in exact arithmetic."""
        units = self.unit[value.matrix.cols]
        steps = value.matrix.data * units
        # A unit of 1/100 is no float32, and a hundred times 0.29 not 29.
        broken = (np.frexp(units)[0] != 0.5) | (steps != np.rint(steps))
        whole = (value.matrix.row_sum(broken.astype(np.int64)) == 0) & (value.bias == np.rint(value.bias))
        return np.asarray(whole, dtype=np.bool_)

    def proved(self, node: Node, value: Link | Label) -> Affine:
        """A probability or a label as variables of its own, computed once however often it is read."""
        from prover.quantization.materialise import materialise

        found = self._proved.get(id(value))
        if found is None:
            found = value, materialise(self, node, value)  # holding the value keeps its id its own
            self._proved[id(value)] = found
        return found[1]

    def absent(self, value: Affine) -> str:
        """Says which feature ``value`` reads although it may be missing, and in how many samples it is."""
        columns = value.matrix.take(np.flatnonzero(value.optional)).cols
        for index, fact in enumerate(self.facts.features):
            if fact.missing < 0 or not np.any((columns >= fact.start) & (columns <= fact.missing)):
                continue
            text = f"optional feature {fact.feature.name!r} is computed with while it may be missing"
            count = 0 if self.missing is None else int(self.missing[index])
            return text if not count else f"{text}: its column holds NaN in {count} of the calibration rows"
        return "an optional feature is computed with while it may be missing"

    def coded(self, value: Affine) -> str:
        """Name of a float32 feature an element of ``value`` reads, whose slot is a code; empty when none does."""
        columns = value.matrix.cols[value.matrix.cols < self.facts.n_slots]
        found = columns[self.facts.coded[columns]]
        return self.facts.feature_at(int(found[0])).name if found.size else ""

    def prune(self, wanted: Sparse) -> Sparse:
        """Drop the steps no wanted row depends on, as of outputs that are not revealed; returns the rows renumbered."""
        starts = np.cumsum([self.facts.n_slots] + [step.n_outputs for step in self.steps])
        needed = np.zeros(self.n_variables, dtype=np.bool_)
        needed[: self.facts.n_slots] = True
        needed[wanted.cols] = True
        for step, start in zip(reversed(self.steps), reversed(starts[:-1].tolist()), strict=True):
            outputs = slice(start, start + step.n_outputs)
            if needed[outputs].any():
                needed[outputs] = True  # a step stays or goes as a whole
                needed[step.inputs.matrix.cols] = True
        place = np.cumsum(needed) - 1
        kept = [step for step, start in zip(self.steps, starts[:-1].tolist(), strict=True) if needed[start]]
        self.steps = [replace(step, inputs=step.inputs.renumbered(place)) for step in kept]
        self.lo, self.hi, self.unit = self.lo[needed], self.hi[needed], self.unit[needed]
        self.n_variables = int(needed.sum())
        return wanted.renumbered(place, self.n_variables)

    def feature_row(self) -> Affine:
        """What the model sees of the facts: one float per feature, shape (d,). A category is its index."""
        rows, cols, data, optional = [], [], [], []
        for index, fact in enumerate(self.facts.features):
            slots = range(fact.start, fact.start + fact.count)
            rows += [index] * fact.count
            cols += list(slots)
            data += [float(k) for k in range(fact.count)] if fact.is_category else [1.0]
            optional.append(fact.missing >= 0)
        size = len(self.facts.features)
        matrix = Sparse.from_triplets(np.array(rows), np.array(cols), np.array(data), (size, self.n_variables))
        return Affine((size,), matrix, np.zeros(size), np.array(optional, dtype=np.bool_))


def trace_graph(
    graph: Graph, facts: FactSpace, missing: NDArray[np.int64] | None = None
) -> tuple[Trace, dict[str, Value]]:
    """Follow every node of ``graph``.

    Args:
        graph: the model.
        facts: slots of the schema.
        missing: see :class:`Trace`.

    Returns:
        The trace with its steps, and the symbolic value of each graph output.

    Raises:
        UnsupportedOpError: a node without a rule, or one whose rule cannot express it.
        ModelShapeError: the model does not take one row of the schema's features.
    """
    from prover.quantization.dtypes import check_result
    from prover.quantization.rules import rule_for
    from prover.quantization.trees.partition import Cuts

    cuts = Cuts.of(graph, facts)
    unread = cuts.unread(graph) if cuts is not None else frozenset()
    trace = Trace(facts, missing, tensors=graph.tensors, graph=graph, cuts=cuts)
    values: dict[str, Value] = dict(graph.constants)
    _bind_inputs(graph, trace, values)
    for node in graph.nodes:
        if unread.issuperset(filter(None, node.outputs)):
            continue
        operands = [values.get(name) if name else None for name in node.inputs]
        results = rule_for(node)(trace, node, operands)
        for name, value in zip(node.outputs, results, strict=False):
            if name:
                check_result(trace, node, graph.tensors[name], value)
                values[name] = value
    outputs = {tensor.name: values[tensor.name] for tensor in graph.outputs}
    texts = {tensor.name for tensor in graph.outputs if tensor.dtype.kind == "O"}
    return trace, {name: value for name, value in outputs.items() if name not in texts or not isinstance(value, Affine)}


def _bind_inputs(graph: Graph, trace: Trace, values: dict[str, Value]) -> None:
    from prover.quantization.blocks.texts import text_input
    from prover.quantization.dtypes import check_input

    row = trace.feature_row()
    if graph.n_features != row.size:
        names = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in graph.inputs)
        raise ModelShapeError(
            f"the model takes {graph.n_features} values ({names}), the schema has {row.size} features",
            "give the schema this model was trained on; features are matched by position; an open first dimension "
            "is 1, unless input_shapes (--input-shape) says otherwise",
        )
    start = 0
    for tensor in graph.inputs:
        numbers = np.arange(start, start + tensor.size, dtype=np.int64)
        if tensor.dtype.kind == "O":
            value = text_input(trace, tensor, trace.facts.features[start : start + tensor.size])
        else:
            value = row.pick(numbers.reshape(tensor.shape))
            check_input(trace, tensor, value)
        values[tensor.name] = value
        start += tensor.size


def unsupported(node: Node, reason: str, hint: str = "") -> UnsupportedOpError:
    """The error of a rule that cannot express ``node``."""
    return UnsupportedOpError(
        f"node {node.name!r} ({node.domain}:{node.op}, opset {node.opset}): {reason}",
        hint,
        node=node.name,
        op=node.op,
        domain=node.domain,
        opset=node.opset,
    )


def linear(node: Node, value: Value | None, trace: Trace) -> Affine:
    """``value`` as an affine tensor whose elements are never NaN; a probability or a label becomes variables.

    Raises:
        UnsupportedOpError: an optional fact that reaches arithmetic without an Imputer, or a label of text.
    """
    if value is None:
        raise unsupported(node, "a required input is absent")
    if isinstance(value, Link | Label):
        return trace.proved(node, value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        from prover.quantization.blocks.texts import constant_texts

        return constant_texts(trace, value)
    affine = value if isinstance(value, Affine) else Affine.constant(value, trace.n_variables)
    if affine.optional.any():
        raise unsupported(node, trace.absent(affine), IMPUTE)
    if trace.coded(affine):
        raise unsupported(node, f"it computes with feature {trace.coded(affine)!r}, which is float32", FIXED)
    return affine
