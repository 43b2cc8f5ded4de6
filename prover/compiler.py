"""From an ONNX file to a circuit and its price: import, calibrate, lower, report."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.capacity import require_memory
from prover.constraint import Circuit
from prover.errors import Cancelled, InputError, ModelFileError, QuantizationError, SchemaError
from prover.field import from_limbs
from prover.graph import Graph, import_model
from prover.lowering import Report, assignments, build_report, lower
from prover.progress import Progress, silent
from prover.quantization import SEMANTICS, IntegerModel, Plan, Request, Settings, calibrate, encode_samples
from prover.quantization.accuracy import Accuracy, measure
from prover.quantization.calibration import model_rows, probe
from prover.quantization.categories import compared_columns, encoded_categories
from prover.quantization.saturation import saturation_warnings
from prover.quantization.search import EVALUATIONS, Point, Wish, search
from prover.schema import Category, EncodedBatch, EncodedInput, Fixed, Float32, Layout, Schema

SEMANTICS_VERSION = SEMANTICS
"""What integer programs mean in this version; bundles carry it."""

N_DRAWN = 128
"""Inputs of the schema beside the caller's samples, to see what the error is where no sample lies."""

_AFFORDABLE = 1 << 30
"""Products that running a model on them may take."""

__all__ = ["SEMANTICS_VERSION", "CompiledParts", "Report", "Solution", "compile_model", "solve"]


@dataclass(frozen=True)
class CompiledParts:
    """Everything compilation makes.

    Attributes:
        graph: the imported model.
        schema: the given schema, or the derived one.
        plan: the integer program.
        layout: what the public signals mean.
        circuit: R1CS and witness program.
        report: cost and accuracy.
    """

    graph: Graph
    schema: Schema
    plan: Plan
    layout: Layout
    circuit: Circuit
    report: Report


@dataclass(frozen=True)
class Solution:
    """A satisfying witness.

    Attributes:
        witness: uint64[n_wires, 4].
        public_signals: in the layout's order.
        values: the revealed outputs.
    """

    witness: NDArray[np.uint64]
    public_signals: tuple[int, ...]
    values: tuple[int, ...]


def compile_model(
    model: str | os.PathLike[str] | bytes,
    *,
    schema: Schema | None = None,
    calibration: NDArray[np.generic] | None = None,
    reveal: str | None = None,
    output: str | None = None,
    tiers: Sequence[float] | None = None,
    polarity: str | None = None,
    settings: Settings | None = None,
    target_error: float | None = None,
    max_constraints: int | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    progress: Progress = silent,
) -> CompiledParts:
    """Compile an ONNX model.

    Args:
        model: path of an ONNX file, or its bytes.
        schema: features of the private input; derived from ``calibration`` when None.
        calibration: number[n, d], rows as the model takes them; objects where it takes texts.
        reveal: ``"tier"``, ``"label"`` or ``"score"``; by default tier for a probability of two classes, label for
            more classes, score for a regression or for several independent probabilities.
        output: name of the model's output to reveal; by default its probabilities.
        tiers: ascending thresholds; by default 0.5, 0.65 and 0.8.
        polarity: ``"none"``, ``"higher_is_better"`` (a probability's default) or ``"lower_is_better"``.
        settings: precision; by default the coarsest at which no calibration row changes its decision.
        target_error: search the precision for the smallest circuit whose largest error on the calibration rows, of the
            logit or of a regression's score, is at most this.
        max_constraints: search the precision for the smallest error in a circuit of at most this size.
        input_shapes: shapes by input name, for inputs whose dimensions the model leaves open; a batch is 1.
        progress: called now and then.

    Raises:
        ModelError: the model does not load, holds an operator that is not supported, or exceeds the memory there is.
        SchemaError: neither a schema nor calibration data, or no schema fits the data.
        InputError: a calibration row is outside the schema.
        QuantizationError: no plan holds.
        UnreachableTargetError: no plan was found that has the error or the size asked for.
        Cancelled: ``progress`` asked to stop.
    """
    _report_progress(progress, "compile: reading the model", 0.0)
    data = model if isinstance(model, bytes) else None
    graph = import_model(model, input_shapes=input_shapes)
    require_memory(graph)
    digest = hashlib.sha256(data if data is not None else Path(os.fspath(model)).read_bytes()).hexdigest()  # type: ignore[arg-type]
    if schema is None:
        schema = _derive(graph, calibration)
    graph = graph.labelled(schema.labels)
    _report_progress(progress, "compile: choosing integers", 0.1)
    request = Request(reveal, output, None if tiers is None else tuple(tiers), polarity)
    batch = encode_samples(schema, calibration)
    rows = model_rows(batch, calibration)
    expected = functools.cache(functools.partial(model_outputs, model, graph, rows))
    front: tuple[Point, ...] = ()
    make = functools.partial(calibrate, graph, schema, calibration, request=request, model_hash=digest)
    if target_error is not None or max_constraints is not None:
        tried = itertools.count(1)

        def evaluate(candidate: Settings) -> Point | None:
            _report_progress(progress, f"compile: plan {next(tried)} of at most {EVALUATIONS}", 0.3)
            return _point(make, candidate, schema, batch, expected)

        best, front = search(evaluate, Wish(target_error, max_constraints), settings)
        settings = best.settings
    plan = make(settings=settings, reference=expected)
    _report_progress(progress, "compile: constraints", 0.5)
    circuit = lower(schema, plan)
    _report_progress(progress, "compile: measuring", 0.8)
    drawn, warnings = None, saturation_warnings(plan, None, 0)
    if calibration is not None:
        drawn, warnings = _drawn_accuracy(model, graph, schema, plan, batch)
    run = IntegerModel(plan, schema).run(batch.codes, batch.missing)
    accuracy = measure(plan, run, expected, slack=0.0 if drawn is None else drawn.largest_error or 0.0)
    report = build_report(
        plan, circuit, accuracy, calibrated=calibration is not None, drawn=drawn, front=front, warnings=warnings
    )
    _report_progress(progress, "compile: done", 1.0)
    return CompiledParts(graph, schema, plan, plan.layout, circuit, report)


def _point(
    make: Callable[..., Plan],
    settings: Settings,
    schema: Schema,
    batch: EncodedBatch,
    expected: Callable[[str], NDArray[np.generic]],
) -> Point | None:
    """The plan of some settings, measured; None where none holds."""
    try:
        plan = make(settings=settings)
        constraints = lower(schema, plan).r1cs.n_constraints
    except QuantizationError:
        return None
    found = measure(plan, IntegerModel(plan, schema).run(batch.codes, batch.missing), expected)
    sizes = {step.node: step.n_outputs for step in plan.steps}
    steps = tuple(sorted(sizes, key=lambda name: (-sizes[name], name)))
    return Point(settings, constraints, found.largest_error or 0.0, found.decision_flips, steps)


def _drawn_accuracy(
    model: str | os.PathLike[str] | bytes, graph: Graph, schema: Schema, plan: Plan, samples: EncodedBatch
) -> tuple[Accuracy | None, tuple[str, ...]]:
    """Accuracy on :func:`probe`'s inputs, and what to warn of.

    There is none where the model is too large for it, or refuses them all. Inputs that overflow the float model, so
    that it gives no number, are left out.
    """
    silent = None, saturation_warnings(plan, None, 0)
    terms = sum(step.inputs.matrix.nnz for step in plan.steps)
    if terms * N_DRAWN > _AFFORDABLE:
        return silent
    batch = probe(schema, samples, N_DRAWN, seed=1)
    try:
        values = functools.cache(functools.partial(model_outputs, model, graph, batch.to_model_rows()))
        expected = values(plan.output)
    except (InputError, ModelFileError):
        return silent
    kept = np.ones(N_DRAWN, dtype=np.bool_)
    if expected.dtype.kind == "f":
        kept = np.isfinite(expected.reshape(N_DRAWN, -1)).all(axis=1)
    found, integers = None, IntegerModel(plan, schema)
    if kept.any():
        run = integers.run(batch.codes[kept], batch.missing[kept])
        found = measure(plan, run, lambda output: values(output)[kept])
    flips = 0 if found is None else found.decision_flips
    return found, saturation_warnings(plan, integers.run(batch.codes, batch.missing), flips)


def solve(
    circuit: Circuit, layout: Layout, encoded: EncodedInput, *, salt: int, context: int, check: bool = True
) -> Solution:
    """The witness of one inference.

    Args:
        circuit: from :func:`compile_model`.
        layout: of the same model.
        encoded: the private input under the model's schema.
        salt: of the commitment, in [0, r).
        context: what the proof is bound to, in [0, r).
        check: check it against every constraint here; False where the prover does so next, in native code.

    Raises:
        InputError: an input of another schema, or a salt or context that is not a field element.
        UnsatisfiedError: the witness violates a constraint; always a bug.
    """
    witness = circuit.witness(assignments(encoded, salt=salt, context=context), check=check)
    signals = tuple(from_limbs(witness[1 : 1 + layout.n_public]))
    values = tuple(layout.unpack_outputs(layout.slot(signals, "outputs")))
    return Solution(witness, signals, values)


def model_outputs(
    model: str | os.PathLike[str] | bytes, graph: Graph, rows: NDArray[np.float32], output: str
) -> NDArray[np.generic]:
    """The model's own answer for rows float32[n, d]: onnxruntime where it is installed, else the graph in numpy.

    Returns:
        [n, ...] values of ``output``.

    Raises:
        ModelFileError: onnxruntime refuses the model.
        InputError: a row an integer input of the model cannot hold.
    """
    try:
        import onnxruntime
    except ImportError:
        return graph.run_rows(rows, [output])[output]
    source = model if isinstance(model, bytes) else os.fspath(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # single rows gain nothing from threads
    # The model as it is written: the optimiser's rewrites are not always equivalent.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # One row at a time: graphs are imported with batch 1, and some exports fix it.
    feeds = [graph.feed(row) for row in rows]
    try:
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return np.stack([_array(session.run([output], feed)[0]) for feed in feeds])
    except Exception as error:  # onnxruntime's exceptions share no other base
        raise ModelFileError(
            f"onnxruntime does not run this model: {str(error).strip()[:300]}", "check the file, or export it again"
        ) from error


def _array(result: Any) -> NDArray[np.generic]:
    """An output of onnxruntime as an array; ZipMap gives a list of dictionaries, class to score."""
    if isinstance(result, list) and result and isinstance(result[0], dict):
        return np.array([list(entry.values()) for entry in result])
    return np.asarray(result)


def _derive(graph: Graph, calibration: NDArray[np.generic] | None) -> Schema:
    """A schema from calibration data; columns the model looks up become categories of the labels it knows, and real
    numbers that only trees read stay the float32 they are.

    The elements of an input of more than two axes, an image, are of one type and range.
    """
    if calibration is None:
        raise SchemaError(
            "there is neither a schema nor calibration data", "give schema=..., or calibration rows to derive one from"
        )
    image = len(graph.inputs) == 1 and len(graph.inputs[0].shape) > 2
    schema = Schema.derive(np.asarray(calibration), graph.name or "derived", uniform=image)
    features = list(schema.features)
    for column in compared_columns(graph):
        given = features[column]
        if isinstance(given, Fixed):
            features[column] = Float32(given.name, optional=given.optional)
    for column, labels in encoded_categories(graph).items():
        given = features[column]
        others = given.labels if isinstance(given, Category) else ()
        known = dict.fromkeys((*labels, *others))  # the model may ignore a label that the data has
        features[column] = Category(given.name, tuple(known), optional=given.optional)
    return replace(schema, features=tuple(features))


def _report_progress(progress: Progress, stage: str, fraction: float) -> None:
    if not progress(stage, fraction):
        raise Cancelled("compilation was stopped")
