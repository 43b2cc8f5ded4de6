"""Calibration: a float graph becomes a plan. The only place where data and floats have a say."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError, QuantizationError
from prover.graph import Graph
from prover.quantization.accuracy import measure
from prover.quantization.bounds import LIMIT
from prover.quantization.error_bound import rounds_values, with_error_bound
from prover.quantization.facts import FactSpace
from prover.quantization.frame import Frame, Settings
from prover.quantization.head import Request, add_reveal, resolve_head
from prover.quantization.model import IntegerModel
from prover.quantization.plan import LinearForms, Plan
from prover.quantization.readers import readers
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.quantization.trace import FIXED, IMPUTE, trace_graph
from prover.schema import EncodedBatch, Feature, Reveal, Schema

N_REFINEMENTS = 4
"""Times the default precision is raised by a bit while decisions flip."""

N_SAMPLED = 256
"""Inputs drawn from the schema when there is no calibration data."""


def calibrate(
    graph: Graph,
    schema: Schema,
    samples: NDArray[np.generic] | None = None,
    *,
    request: Request | None = None,
    settings: Settings | None = None,
    model_hash: str = "",
    reference: Callable[[str], NDArray[np.generic]] | None = None,
) -> Plan:
    """Choose integer weights, fraction bits and widths for ``graph`` over the raw facts of ``schema``.

    Args:
        graph: the imported model.
        schema: the facts, in the order of the model's inputs.
        samples: [n, d] rows the model was trained or tested on; None draws from the schema's ranges, which says
            nothing about typical inputs.
        request: what to reveal.
        settings: precision; None starts from the defaults and refines them while a sample's decision flips.
        model_hash: hex sha256 of the model file, kept in the plan.
        reference: the float model's values [n, ...] of a named output on the samples; by default the graph, in numpy.

    Raises:
        UnsupportedOpError: an operator that cannot be proved.
        QuantizationError: numbers that do not fit, or a reveal the model does not have.
        InputError: a sample outside the schema.
    """
    request = request or Request()
    graph = graph.labelled(schema.labels)
    batch = encode_samples(schema, samples)
    given = None if samples is None else batch.missing.sum(axis=0)  # rows in which the caller's data holds NaN
    if settings is not None:
        return _plan(graph, schema, batch, request, settings, model_hash, given)
    rows = model_rows(batch, samples)
    values = functools.cache(reference or (lambda output: graph.run_rows(rows, [output])[output]))
    best: tuple[int, Plan] | None = None
    for step in range(N_REFINEMENTS + 1):
        try:
            plan = _plan(graph, schema, batch, request, Settings().refined(step), model_hash, given)
        except QuantizationError:
            if best is None:
                raise
            break  # finer numbers no longer fit; what we have stands
        run = IntegerModel(plan, schema).run(batch.codes, batch.missing)
        flips = measure(plan, run, values).decision_flips
        if best is None or flips < best[0]:
            best = flips, plan
        if flips == 0:
            break
    assert best is not None
    return best[1]


def _plan(
    graph: Graph,
    schema: Schema,
    batch: EncodedBatch,
    request: Request,
    settings: Settings,
    model_hash: str,
    given: NDArray[np.int64] | None,
) -> Plan:
    facts = FactSpace.of(schema)
    trace, outputs = trace_graph(graph, facts, given)
    head = resolve_head(trace, outputs, request.output)
    if head.logits.optional.any():
        raise QuantizationError(f"output {head.output!r}: {trace.absent(head.logits)}", IMPUTE)
    if trace.coded(head.logits):
        raise QuantizationError(f"output {head.output!r} is feature {trace.coded(head.logits)!r}, a float32", FIXED)
    revealed = add_reveal(trace, head, request, settings.decimals, schema.hash)
    wanted = trace.prune(revealed.matrix)
    frame = Frame(facts, settings, facts.expand(batch.codes, batch.missing))
    steps = []
    for float_step, frame.readers in zip(trace.steps, readers(trace.steps, facts.n_slots), strict=True):
        kind = step_kind(float_step.kind)
        frame.settings = settings.at(float_step.node)
        done = kind.quantise(float_step, frame)
        steps.append(done.step)
        frame.append(done, kind.evaluate(done.step, frame.observed_inputs(done.step.inputs)))
    if not rounds_values(graph):
        steps = with_error_bound(trace.steps, steps, frame)
    matrix = wanted.widen(frame.unit.size)
    span = np.maximum(np.abs(frame.bounds.lo), np.abs(frame.bounds.hi)).astype(np.float64)
    if (matrix.row_sum(np.abs(matrix.data) * span[matrix.cols]) + np.abs(revealed.bias)).max() >= LIMIT:
        raise QuantizationError("an output needs more than 61 bits", "use smaller class labels")
    low, high = _ends(matrix, frame.bounds.lo, frame.bounds.hi)
    errors = [step.integer("error_billionths") for step in steps if "error_billionths" in step.params]
    return Plan(
        model_hash,
        head.output,
        revealed.link,
        head.labels_only,
        facts.n_slots,
        tuple(steps),
        LinearForms(matrix, revealed.bias, low + revealed.bias, high + revealed.bias),
        revealed.layout,
        tuple(head.classes.tolist()),
        head.names,
        max(errors, default=0),
        head.beside if revealed.layout.reveal is Reveal.LABEL else "",
    )


def encode_samples(schema: Schema, samples: NDArray[np.generic] | None) -> EncodedBatch:
    """Calibration rows under the schema; without rows, :data:`N_SAMPLED` inputs drawn from its ranges.

    Raises:
        InputError: a row outside the schema, or no rows at all.
    """
    if samples is None:
        return draw(schema, N_SAMPLED)
    table = np.asarray(samples)
    if table.ndim != 2 or table.shape[0] == 0:
        raise InputError(f"calibration data has shape {table.shape}, expected (rows, {len(schema)})")
    return schema.encode_batch(table)


def model_rows(batch: EncodedBatch, samples: NDArray[np.generic] | None) -> NDArray[np.float32]:
    """What the float model sees: the caller's own numbers, or those of the codes where there are none."""
    if samples is None or np.asarray(samples).dtype.kind in "OU":
        return batch.to_model_rows()
    return np.asarray(samples, dtype=np.float32)


def draw(schema: Schema, count: int, seed: int = 0) -> EncodedBatch:
    """``count`` inputs, every feature uniform over its codes; the same for the same seed."""
    generator = np.random.default_rng(seed)
    codes = np.stack([generator.integers(f.lo, f.hi, count, endpoint=True) for f in schema.features], axis=1)
    missing = np.stack([_absent(f, generator, count) for f in schema.features], axis=1)
    codes = np.where(missing, 0, codes).astype(np.int64)
    return EncodedBatch(schema.features, codes, missing)


def probe(schema: Schema, near: EncodedBatch, count: int, seed: int = 0) -> EncodedBatch:
    """``count`` inputs where errors hide from samples; the same for the same seed.

    Half of them are drawn as :func:`draw` does. A quarter are corners, every feature at an end of its range, the first
    two all at the lower and all at the upper; a quarter are rows of ``near`` with every code moved by at most one.
    """
    generator = np.random.default_rng(seed)
    few = count // 4
    drawn = draw(schema, count - 2 * few, seed)
    low, high = (np.array(ends, dtype=np.int64) for ends in zip(*((f.lo, f.hi) for f in schema.features), strict=True))
    upper = generator.random((few, len(schema))) < 0.5
    upper[:2] = np.array([[False], [True]])[:few]
    rows = generator.integers(len(near.codes), size=few)
    beside = np.clip(near.codes[rows] + generator.integers(-1, 1, (few, len(schema)), endpoint=True), low, high)
    missing = near.missing[rows]
    return EncodedBatch(
        schema.features,
        np.concatenate([drawn.codes, np.where(upper, high, low), np.where(missing, 0, beside)]),
        np.concatenate([drawn.missing, np.zeros_like(upper), missing]),
    )


def _absent(feature: Feature, generator: np.random.Generator, count: int) -> NDArray[np.bool_]:
    if not feature.optional:
        return np.zeros(count, dtype=np.bool_)
    return np.asarray(generator.random(count) < 0.125)


def _ends(matrix: Sparse, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = matrix.data * lo[matrix.cols], matrix.data * hi[matrix.cols]
    return matrix.row_sum(np.minimum(*ends)), matrix.row_sum(np.maximum(*ends))
