"""Random small models: whatever the shape, schema and head, the circuit computes the reference model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.compiler import CompiledParts, compile_model, solve
from prover.errors import InputError, QuantizationError
from prover.field import from_limbs
from prover.quantization import IntegerModel, Settings, draw
from prover.schema import Bool, Category, Fixed, Int, Schema, commit
from prover.testing.lying import surviving_mutations
from tests.quantization.nets import linear_classifier, mlp

FEATURES = (
    Bool("b"),
    Int("i", -7, 12),
    Fixed("f", 64, -300, 500),
    Category("c", ("x", "y", "z")),
    Int("p", 0, 255),
    Fixed("g", 10, 0, 999),
)


def agree(parts: CompiledParts, count: int, seed: int) -> None:
    """Witness, signals and reference agree on drawn inputs and on the corners of the ranges."""
    batch = draw(parts.schema, count, seed)
    codes = batch.codes.copy()
    codes[0] = [feature.lo for feature in parts.schema.features]
    codes[1] = [feature.hi for feature in parts.schema.features]
    codes = np.where(batch.missing, 0, codes)
    run = IntegerModel(parts.plan, parts.schema).run(codes, batch.missing)
    for index in range(count):
        encoded = type(batch[0])(batch.features, codes[index], batch.missing[index])
        if run.refused[index]:
            with pytest.raises(InputError):
                solve(parts.circuit, parts.layout, encoded, salt=seed, context=index)
            continue
        solution = solve(parts.circuit, parts.layout, encoded, salt=seed, context=index)
        assert list(solution.values) == run.outputs[index].tolist()
        assert solution.public_signals[0] == commit(parts.schema, encoded, seed)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    hidden=st.lists(st.integers(1, 7), max_size=2),
    n_outputs=st.integers(1, 4),
    head=st.sampled_from(["Sigmoid", "Softmax", ""]),
    reveal=st.sampled_from([None, "label", "score"]),
    n_inputs=st.integers(1, 6),
    activation_bits=st.integers(4, 14),
)
def test_random_mlps(
    seed: int, hidden: list[int], n_outputs: int, head: str, reveal: str | None, n_inputs: int, activation_bits: int
) -> None:
    schema = Schema("random", FEATURES[:n_inputs])
    onnx = mlp([n_inputs, *hidden, n_outputs], seed, head, gain=0.5)
    chosen = Settings(activation_bits=activation_bits, saturation_bits=4)
    if impossible(head, n_outputs, reveal):
        with pytest.raises(QuantizationError):
            compile_model(onnx, schema=schema, reveal=reveal, settings=chosen)
    else:
        agree(compile_model(onnx, schema=schema, reveal=reveal, settings=chosen), 6, seed)


def impossible(head: str, n_outputs: int, reveal: str | None) -> bool:
    """One raw score has no label; nor has a softmax of one, which is always 1, though it is asked for one."""
    return n_outputs == 1 and (head, reveal) in {("", "label"), ("Softmax", "label"), ("Softmax", None)}


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), labels=st.permutations([3, 5, 11]))
def test_uneven_class_labels_are_looked_up(seed: int, labels: list[int]) -> None:
    weights = np.random.default_rng(seed).normal(size=18).tolist()
    onnx = linear_classifier(weights, [0.0, 0.1, -0.1], labels, "SOFTMAX", 6)
    parts = compile_model(onnx, schema=Schema("s", FEATURES), reveal="label")
    agree(parts, 6, seed)
    assert parts.plan.classes == tuple(labels)


def test_many_outputs_pack_three_to_a_signal() -> None:
    parts = compile_model(mlp([6, 7], seed=5, head="", gain=0.3), schema=Schema("s", FEATURES), reveal="score")
    assert parts.layout.n_output_signals == 3
    assert parts.layout.n_outputs == 7
    agree(parts, 8, 1)


@pytest.mark.parametrize("bias", [0.0, -3.0, 5.0, -9.0])
@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
def test_thresholds_at_the_edge_of_the_range(bias: float, reveal: str) -> None:
    schema = Schema("bits", (Bool("a"), Bool("b")))
    onnx = linear_classifier([1.0, 2.0], [bias], [0, 1], "LOGISTIC", 2)
    agree(compile_model(onnx, schema=schema, reveal=reveal), 8, 1)


@pytest.mark.parametrize("weight", [0.0, 1e-7])
@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
def test_logits_that_hardly_move(weight: float, reveal: str) -> None:
    schema = Schema("bits", (Bool("a"), Bool("b")))
    onnx = linear_classifier([weight, 0.0], [0.7], [0, 1], "LOGISTIC", 2)
    agree(compile_model(onnx, schema=schema, reveal=reveal), 4, 1)


@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
def test_sums_near_the_limit(reveal: str) -> None:
    schema = Schema("wide", (Int("a", 0, 10**9), Int("b", -(10**9), 10**9)))
    onnx = linear_classifier([1e-3, 5e-4], [-5e5], [0, 1], "LOGISTIC", 2)
    parts = compile_model(onnx, schema=schema, reveal=reveal)
    assert max(width.proven for width in parts.report.widths) >= 54
    agree(parts, 16, 1)


@pytest.mark.parametrize("high", [10**10, 10**12, 4 * 10**12])
def test_scores_near_the_limit(high: int) -> None:
    """From several fraction bits down to none, where the form is the score."""
    parts = compile_model(mlp([1, 1], seed=1, head=""), schema=Schema("wide", (Int("a", 0, high),)))
    assert parts.report.widths[0].proven > 58
    assert (parts.report.widths[0].fraction == 0) == (high == 4 * 10**12)
    agree(parts, 16, 1)


@pytest.mark.parametrize(("n_outputs", "head"), [(1, ""), (3, ""), (3, "Softmax")])
def test_wide_nets_near_the_limit(n_outputs: int, head: str) -> None:
    schema = Schema("wide", (Int("a", 0, 10**8), Int("b", -(10**9), 10**9), Bool("c")))
    agree(compile_model(mlp([3, 4, n_outputs], seed=3, head=head), schema=schema), 16, 1)


def test_saturated_nets_agree_beyond_the_samples() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    schema = Schema("wide", tuple(Fixed(f"x{i}", 256, -(1 << 18), (1 << 18) - 1) for i in range(4)))
    parts = compile_model(mlp([4, 8, 8, 1], seed=4, gain=1.5), schema=schema, calibration=rows)
    assert parts.report.saturated > 0
    agree(parts, 40, 3)


def test_optional_facts_are_committed_and_canonical() -> None:
    """A model that reads only mandatory facts, over a schema with optional ones of every kind."""
    from onnx import TensorProto, helper

    from tests.quantization.nets import model

    schema = Schema(
        "optional",
        (
            Int("read", 0, 9),
            Int("i", -5, 20, optional=True),
            Category("c", ("x", "y", "z"), optional=True),
            Bool("b", optional=True),
            Fixed("f", 8, 3, 90, optional=True),
        ),
    )
    nodes = [
        helper.make_node("Gather", ["X", "first"], ["g"], "gather", axis=1),
        helper.make_node("MatMul", ["g", "w"], ["y"], "matmul"),
    ]
    weights = {"first": np.array([0]), "w": np.array([[0.5]], dtype=np.float32)}
    onnx = model(nodes, weights, 5, {"y": (TensorProto.FLOAT, [1, 1])})
    parts = compile_model(onnx, schema=schema, reveal="score")
    agree(parts, 40, 2)
    encoded = schema.encode([4, None, None, None, None])
    assert encoded.missing.sum() == 4
    solution = solve(parts.circuit, parts.layout, encoded, salt=3, context=0)
    witness = from_limbs(solution.witness)
    slot = parts.circuit.program.slots["offsets"]
    # A missing fact with a value is not canonical: its commitment would be a second one to the same facts.
    wires = range(slot.first, slot.first + slot.count)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []
    assert list(surviving_mutations(parts.circuit.r1cs, witness, range(1, parts.circuit.r1cs.n_wires))) == []
