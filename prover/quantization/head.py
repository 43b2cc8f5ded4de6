"""The head of a model: which output is revealed, what it means, and the last steps that compute it.

A probability model is proved on its logit: tiers and labels compare the logit with the thresholds' logits, which are
computed once, at calibration, and stored as integers. Only a revealed score evaluates the link function in circuit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import ModelError, QuantizationError
from prover.graph import Node
from prover.quantization.rules.activation import complementary
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Label, Link, Trace, Value
from prover.schema import THRESHOLD_DECIMALS, Layout, Polarity, Reveal

DEFAULT_TIERS = (0.5, 0.65, 0.8)
"""Probability thresholds of the default tier reveal."""


@dataclass(frozen=True)
class Request:
    """What the caller wants revealed; None leaves the choice to the model's kind.

    Attributes:
        reveal: ``"score"``, ``"label"`` or ``"tier"``.
        output: name of the graph output.
        tiers: ascending thresholds: probabilities, or raw scores of a regression.
        polarity: ``"none"``, ``"higher_is_better"`` or ``"lower_is_better"``.
    """

    reveal: str | None = None
    output: str | None = None
    tiers: tuple[float, ...] | None = None
    polarity: str | None = None


@dataclass(frozen=True)
class Head:
    """The revealed output before any rounding.

    Attributes:
        output: name of the graph output.
        link: ``"sigmoid"``, ``"softmax"``, ``"normalized"``, ``"none"`` (raw scores) or ``"whole"`` (integers and
            booleans, which are revealed as they are).
        logits: flat; one element for a binary probability, whose class 1 it scores.
        classes: int64, what the model calls its classes; empty for raw scores and for independent probabilities.
        labels_only: the graph's output is the label itself.
        names: texts of the classes, when the model has text labels.
        boundary: what the score of class 1 must exceed: 0 of a logit, 1/2 where it is a probability already.
        places: how many vectors of scores the output holds; with more than one there is no one label.
        label: where the model's label does not follow from these scores, what it follows from.
        beside: name of the graph output that is the label of these scores, when there is one.
    """

    output: str
    link: str
    logits: Affine
    classes: NDArray[np.int64]
    labels_only: bool = False
    names: tuple[str, ...] = ()
    boundary: float = 0.0
    places: int = 1
    label: Label | None = None
    beside: str = ""

    @property
    def binary(self) -> bool:
        return (self.link == "sigmoid" or self.boundary > 0.0) and self.logits.size == 1


@dataclass(frozen=True)
class Revealed:
    """The last steps' result: the outputs as ``matrix @ variables + bias`` (all integers), and their layout.

    Attributes:
        matrix, bias: over all variables.
        layout: what the outputs mean.
        link: how the float model's output follows from the inputs of the last steps; see :class:`Head`.
    """

    matrix: Sparse
    bias: NDArray[np.int64]
    layout: Layout
    link: str


def resolve_head(trace: Trace, outputs: Mapping[str, Value], wanted: str | None) -> Head:
    """Find the output to reveal: the named one, else the probabilities, else the raw scores, else the label.

    Args:
        trace: of the graph; scores that belong to one of its classifiers have its classes, though the label be cut off.
        outputs: the graph's outputs.
        wanted: name of one, or None.

    Raises:
        ModelError: no such output, none that depends on the input, or several that may be meant.
    """
    if wanted is not None and wanted not in outputs:
        raise ModelError(f"the model has no output {wanted!r}", "its outputs: " + ", ".join(outputs))
    candidates = {name: value for name, value in outputs.items() if not isinstance(value, np.ndarray)}
    names = [wanted] if wanted else _best(trace, candidates)
    if not names or names[0] not in candidates:
        raise ModelError("the model's output does not depend on its input", "export the model again")
    if len(names) > 1:
        raise ModelError(
            "several outputs of the model may be its decision: " + ", ".join(map(repr, names)),
            f"name the one to reveal: output={names[0]!r} (--decides {names[0]})",
        )
    value = candidates[names[0]]
    if isinstance(value, Label):
        return _label_head(names[0], value)
    if isinstance(value, Affine) and _is_integer(trace, names[0]):
        return Head(names[0], "whole", value.flat, np.zeros(0, dtype=np.int64))
    beside, label = next(((name, other) for name, other in candidates.items() if isinstance(other, Label)), ("", None))
    if label is None:
        logits = value.logits if isinstance(value, Link) else value
        label = next((found for found in trace.labels if _same(found.logits, logits)), None)
    if isinstance(value, Affine):
        if label is not None and wanted is None and not _same(label.logits, value):
            return _label_head(beside, label)  # these scores do not tell the label
        known = label is not None and label.classes.size == value.size and _agree(label.logits, value.flat)
        if known and label is not None and _shares(value) and _same(label.logits, value):
            score = value.flat.pick(np.array([1], dtype=np.int64))
            return Head(names[0], "none", score, label.classes, names=label.names, boundary=0.5, beside=beside)
        if known and label is not None:
            return Head(names[0], "none", value.flat, label.classes, names=label.names, beside=beside)
        return Head(names[0], "none", value.flat, np.zeros(0, dtype=np.int64), places=_places(value.shape))
    assert isinstance(value, Link)
    head = _link_head(names[0], value, label)
    astray = label is not None and bool(head.classes.size) and not _agree(label.logits, value.logits.flat)
    return replace(head, label=label if astray else None, beside=beside if head.classes.size else "")


def add_reveal(trace: Trace, head: Head, request: Request, decimals: int, schema_hash: bytes) -> Revealed:
    """Append the head's steps to the trace.

    Raises:
        QuantizationError: a reveal this head does not have, or thresholds out of order or range.
    """
    mode = request.reveal or _default_mode(head)
    if head.labels_only and mode != "label":
        raise QuantizationError(
            f"output {head.output!r} is a label: it has no {mode}", "reveal='label', or name another output"
        )
    polarity = _polarity(head, mode, request.polarity)
    if head.link == "whole" and mode != "tier":
        return _whole(head, request, mode, polarity, schema_hash, trace)
    if mode == "tier":
        return _tier(trace, head, request.tiers, polarity, schema_hash)
    if request.tiers is not None:
        raise QuantizationError("tier thresholds are for reveal='tier' only", f"drop them, or the reveal {mode!r}")
    if mode == "label":
        return _label(trace, head, polarity, schema_hash)
    if mode == "score":
        return _score(trace, head, decimals, polarity, schema_hash)
    raise QuantizationError(f"unknown reveal {mode!r}", "score, label or tier")


def _default_mode(head: Head) -> str:
    """A class where the model has classes; several targets or independent probabilities compete for nothing."""
    if head.binary and not head.labels_only:
        return "tier"
    single = head.link == "whole" and head.logits.size == 1
    return "label" if head.classes.size > 1 or single else "score"


def _whole(head: Head, request: Request, mode: str, polarity: Polarity, schema_hash: bytes, trace: Trace) -> Revealed:
    """Integers need no step: their forms are what is revealed, at no decimals."""
    if request.tiers is not None:
        raise QuantizationError("tier thresholds are for reveal='tier' only", f"drop them, or the reveal {mode!r}")
    try:
        reveal = {"label": Reveal.LABEL, "score": Reveal.SCORE}[mode]
    except KeyError:
        raise QuantizationError(f"unknown reveal {mode!r}", "score, label or tier") from None
    matrix = _integers(head.logits.matrix.widen(trace.n_variables).scale_cols(trace.unit))
    bias = np.rint(head.logits.bias).astype(np.int64)
    layout = Layout(schema_hash, (0,) * head.logits.size, polarity, reveal)
    return Revealed(matrix, bias, layout, head.link)


def _tier(trace: Trace, head: Head, tiers: Sequence[float] | None, polarity: Polarity, schema_hash: bytes) -> Revealed:
    if head.logits.size != 1:
        raise QuantizationError("tiers need one score; this model has several", "reveal='label' proves the class")
    if not head.binary and tiers is None:
        raise QuantizationError("a regression has no default tiers", "give the thresholds, tiers=(...)")
    cuts = [float(tier) for tier in (DEFAULT_TIERS if tiers is None else tiers)]
    if not cuts or not all(math.isfinite(cut) for cut in cuts) or sorted(set(cuts)) != cuts:
        raise QuantizationError(f"tier thresholds must be finite and ascend: {cuts}")
    counts = [round(cut * 10**THRESHOLD_DECIMALS) for cut in cuts]
    if len(set(counts)) != len(counts):
        raise QuantizationError(f"two tier thresholds are the same in millionths: {cuts}", "space them by 0.000001")
    if head.binary and not all(0 < count < 10**THRESHOLD_DECIMALS for count in counts):
        raise QuantizationError(f"probability thresholds must lie between 0 and 1, in millionths: {cuts}")
    # The layout publishes the thresholds in millionths: those, not the caller's floats, are what is proved.
    exact = [count / 10**THRESHOLD_DECIMALS for count in counts]
    params: dict[str, object] = {"thresholds": exact}
    if head.link == "sigmoid":
        params = {"thresholds": [math.log(p / (1.0 - p)) for p in exact], "probabilities": exact}
    step = FloatStep("tier", head.output, head.logits, 1, params)
    tier = trace.append(step, (1,))
    layout = Layout(schema_hash, (0,), polarity, Reveal.TIER, tuple(counts))
    link = "sigmoid" if head.link == "sigmoid" else "none"
    return Revealed(_integers(tier.matrix), np.zeros(1, dtype=np.int64), layout, link)


def _label(trace: Trace, head: Head, polarity: Polarity, schema_hash: bytes) -> Revealed:
    layout = Layout(schema_hash, (0,), polarity, Reveal.LABEL)
    if head.places > 1:
        raise QuantizationError(
            f"output {head.output!r} scores {head.places} places by themselves: there is no one label",
            "reveal='score', or end the model with an ArgMax along the classes and reveal that",
        )
    if head.label is not None:
        head = _label_head(head.output, head.label)
    if head.binary:
        step = FloatStep("tier", head.output, head.logits, 1, {"thresholds": [head.boundary], "strict": True})
        above = trace.append(step, (1,))
        low, high = (int(label) for label in head.classes)
        matrix = _integers(above.matrix.scale_rows(np.array([float(high - low)])))
        return Revealed(matrix, np.array([low], dtype=np.int64), layout, head.link)
    if head.logits.size < 2:
        raise QuantizationError("this model has one raw score and no label", "reveal='score', or tiers=(...)")
    classes = head.classes if head.classes.size else np.arange(head.logits.size, dtype=np.int64)
    step = FloatStep("argmax", head.output, head.logits, 1, {"classes": classes.tolist()})
    label = trace.append(step, (1,))
    return Revealed(_integers(label.matrix), np.zeros(1, dtype=np.int64), layout, head.link)


def _score(trace: Trace, head: Head, decimals: int, polarity: Polarity, schema_hash: bytes) -> Revealed:
    count = head.logits.size
    if head.link == "sigmoid":  # one table of its own for every element
        parts = []
        for element in range(count):
            logit = head.logits.pick(np.array([element], dtype=np.int64))
            parts.append(trace.append(FloatStep("sigmoid", head.output, logit, 1, {"decimals": decimals}), (1,)))
        scores = Affine.stack(parts)
    else:
        source = head.logits
        if head.link != "none":
            source = trace.proved(_node(head), Link(head.link, head.logits))
        scores = trace.append(FloatStep("round", head.output, source, count, {"decimals": decimals}), (count,))
    layout = Layout(schema_hash, (decimals,) * count, polarity, Reveal.SCORE)
    link = "sigmoid" if head.link == "sigmoid" else "none"
    return Revealed(_integers(scores.matrix), np.zeros(count, dtype=np.int64), layout, link)


def _node(head: Head) -> Node:
    """Stands for the output in the names of steps and in errors."""
    return Node(head.output, "Output", "ai.onnx", 0, (), (head.output,), {})


def _link_head(name: str, value: Link, label: Label | None) -> Head:
    flat, size = value.logits.flat, value.logits.size
    classes = np.arange(max(size, 2), dtype=np.int64)
    names: tuple[str, ...] = ()
    if label is not None and label.classes.size == classes.size:
        classes, names = label.classes, label.names
    if value.kind == "sigmoid" and size == 1:
        return Head(name, "sigmoid", flat, classes, names=names)
    if complementary(value):
        return Head(name, "sigmoid", flat.pick(np.array([1], dtype=np.int64)), classes, names=names)
    if value.kind == "sigmoid" and label is None:
        classes = classes[:0]  # independent probabilities: no class wins
    return Head(name, value.kind, flat, classes, names=names, places=_places(value.shape))


def _label_head(name: str, value: Label) -> Head:
    binary = value.logits.size == 2
    logits = _difference(value.logits) if binary else value.logits
    return Head(name, "sigmoid" if binary else "none", logits, value.classes, labels_only=True, names=value.names)


def _agree(first: Affine, second: Affine) -> bool:
    """Whether two vectors of scores have their largest element in the same place, whatever the facts are."""
    if first.size != 2 or second.size != 2:
        return _same(first, second)
    one, other = _difference(first), _difference(second)
    if not np.array_equal(one.matrix.cols, other.matrix.cols) or not one.matrix.nnz:
        return False
    ratio = other.matrix.data[0] / one.matrix.data[0]
    return bool(
        ratio > 0.0
        and np.array_equal(one.matrix.data * ratio, other.matrix.data)
        and np.array_equal(one.bias * ratio, other.bias)
    )


def _places(shape: tuple[int, ...]) -> int:
    """Vectors of scores along the last axis that is longer than 1."""
    return math.prod([size for size in shape if size > 1][:-1])


def _shares(pair: Affine) -> bool:
    """Whether two scores are ``(1 - p, p)``."""
    if pair.size != 2:
        return False
    total = pair.matrix.take(np.array([0])).add(pair.matrix.take(np.array([1])))
    return total.nnz == 0 and float(pair.bias.sum()) == 1.0


def _difference(pair: Affine) -> Affine:
    return pair.mapped(Sparse.from_dense(np.array([[-1.0, 1.0]])), np.zeros(1), (1,))


def _same(first: Affine, second: Affine) -> bool:
    return (
        np.array_equal(first.bias, second.bias)
        and np.array_equal(first.matrix.indptr, second.matrix.indptr)
        and np.array_equal(first.matrix.cols, second.matrix.cols)
        and np.array_equal(first.matrix.data, second.matrix.data)
    )


def _best(trace: Trace, candidates: Mapping[str, Value]) -> list[str]:
    """The outputs most likely to be the decision: probabilities before raw scores before labels and other integers."""
    ranks: dict[int, list[str]] = {0: [], 1: [], 2: [], 3: []}
    for name, value in candidates.items():
        if isinstance(value, Affine):
            ranks[3 if _is_integer(trace, name) else 1].append(name)
        else:
            ranks[0 if isinstance(value, Link) else 2].append(name)
    return next((names for names in ranks.values() if names), [])


def _is_integer(trace: Trace, name: str) -> bool:
    """Whether an output's element type is an integer or a boolean; floats stay floats, whatever their weights."""
    return name in trace.tensors and trace.tensors[name].dtype.kind in "iub"


def _integers(matrix: Sparse) -> Sparse:
    return matrix.with_data(np.rint(matrix.data).astype(np.int64))


def _polarity(head: Head, mode: str, wanted: str | None) -> Polarity:
    if wanted is None:
        return Polarity.HIGHER_IS_BETTER if head.binary and mode != "label" else Polarity.NONE
    try:
        return Polarity[wanted.upper()]
    except KeyError:
        known = ", ".join(polarity.name.lower() for polarity in Polarity)
        raise QuantizationError(f"unknown polarity {wanted!r}", known) from None
