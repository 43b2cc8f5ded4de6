"""Tree ensembles against onnxruntime: every decision that is not refused is the model's, wherever inputs aim."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from prover.errors import UndecidedError, UnsupportedOpError, VerdictError
from prover.graph import Graph, import_model
from prover.quantization.calibration import calibrate
from prover.quantization.facts import FactSpace
from prover.quantization.frame import Settings
from prover.quantization.head import Request
from prover.quantization.plan import Plan
from prover.quantization.trees.decisions import tree_exactness
from prover.quantization.trees.partition import Cuts
from prover.schema import Bool, EncodedBatch, Fixed, Float32, Int, Schema
from tests.quantization.forests import (
    MODES,
    aimed,
    answers,
    ballots,
    features,
    model,
    one_vote,
    run,
    session,
    trees,
    votes,
)
from tests.quantization.nets import TREES, schema_of

VALUES = [-2.5, -1.0, 0.0, 0.29, 0.5, 1.0, 1.5, 2.0, 3.0]
SHARES = [0.0, 0.05, 0.1, 0.025, 1 / 60, 0.3]
MIXED = [-0.7, 0.31, 0.1, -0.2, 0.2500001, 1.4]
TIERS = (0.5, 0.65, 0.8)


def near_cuts(graph: Graph, schema: Schema, draw: np.random.Generator, rows: NDArray[Any], count: int) -> EncodedBatch:
    """Samples of which a few features were moved to a cut of the trees or right below it."""
    batch = schema.encode_batch(rows[draw.integers(len(rows), size=count)])
    codes = batch.codes.copy()
    cuts = Cuts.of(graph, FactSpace.of(schema)).cuts
    for column, feature in enumerate(schema.features):
        found = cuts.get(column, np.zeros(0, dtype=np.int64))
        pool = np.concatenate((found, found - 1, [feature.lo, feature.hi]))
        moved = draw.random(count) < 0.4
        codes[moved, column] = draw.choice(pool, int(moved.sum()))
    return EncodedBatch(schema.features, codes, batch.missing)


@pytest.mark.parametrize("name", TREES)
def test_real_models_decide_as_onnxruntime_does(models: Path, name: str) -> None:
    rows = np.load(models / f"{name}.npz")["X"]
    schema, graph, runtime = (
        schema_of(models, name),
        import_model(models / f"{name}.onnx"),
        session(models / f"{name}.onnx"),
    )
    plans = {mode: calibrate(graph, schema, rows, request=Request(mode)) for mode in ("tier", "label")}
    for mode, plan in plans.items():
        assert tree_exactness(plan).startswith("trees: guarded"), mode
    draw = np.random.default_rng(7)
    for batch in (schema.encode_batch(rows), near_cuts(graph, schema, draw, rows, 300)):
        labels, scores = answers(runtime, batch.to_model_rows())
        scores = np.array([list(row.values()) for row in scores]) if scores.dtype == object else scores
        tiers, classes = (run(plans[mode], schema, batch) for mode in ("tier", "label"))
        wanted = np.searchsorted(TIERS, scores[:, 1].astype(np.float64), side="right")
        assert np.array_equal(tiers.outputs[~tiers.refused, 0], wanted[~tiers.refused])
        assert np.array_equal(classes.outputs[~classes.refused, 0], labels[~classes.refused])
        assert max(tiers.refused.mean(), classes.refused.mean()) < 0.01


@example(seed=3)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_random_classifiers_decide_as_onnxruntime_does(seed: int) -> None:
    draw = np.random.default_rng(seed)
    schema = features(
        draw, list(draw.permutation(["bool", "category?", "int", "fixed?", "float32?", "float32", "int?"]))
    )
    outputs, n_classes = [([0], 2), ([1], 2), ([0, 1], 2), ([0, 1, 2], 3)][seed % 4]
    pool = SHARES if seed % 3 else MIXED
    nodes = trees(draw, 7, int(draw.integers(1, 12)), 4, VALUES, MODES if seed % 2 else MODES[:1])
    base = {} if seed % 5 else {"base_values": [0.1, 0.2, 0.3] if n_classes == 3 else [0.25]}
    transform = {"post_transform": ["NONE", "LOGISTIC", "SOFTMAX"][seed % 3]} if n_classes == 2 else {}
    attributes = {**nodes, **votes(draw, nodes, "class", outputs, pool), **base, **transform}
    data = model("TreeEnsembleClassifier", 7, {**attributes, "classlabels_int64s": [*range(n_classes)]}, n_classes)
    plan = calibrate(import_model(data), schema, request=Request("label"))
    batch = aimed(draw, schema, VALUES, 300)
    labels, _ = answers(session(data), batch.to_model_rows())
    found = run(plan, schema, batch)
    assert tree_exactness(plan).startswith(("trees: exact", "trees: guarded"))
    assert np.array_equal(found.outputs[~found.refused, 0], labels[~found.refused])
    if "exact" in tree_exactness(plan):
        assert not found.refused.any()


@pytest.mark.parametrize("seed", range(12))
def test_random_regressors_pass_tiers_as_onnxruntime_does(seed: int) -> None:
    draw = np.random.default_rng(100 + seed)
    schema = features(draw, ["float32", "int", "category", "fixed", "bool?"])
    nodes = trees(draw, 5, 9, 4, VALUES, MODES)
    how = ("SUM", "AVERAGE", "MIN", "MAX")[seed % 4]
    base = {"base_values": [0.7]} if seed % 3 == 0 and how in ("SUM", "AVERAGE") else {}
    attributes = {
        **nodes,
        **votes(draw, nodes, "target", [0], MIXED),
        **base,
        "n_targets": 1,
        "aggregate_function": how,
    }
    data = model("TreeEnsembleRegressor", 5, attributes, 1)
    batch = aimed(draw, schema, VALUES, 300)
    (scores,) = answers(session(data), batch.to_model_rows())
    # Thresholds are sums that occur, in the millionths a layout can say: ties and near ties.
    cuts = sorted({round(float(score), 6) for score in draw.choice(scores[:, 0], 4)})
    plan = calibrate(import_model(data), schema, request=Request("tier", tiers=tuple(cuts)))
    found = run(plan, schema, batch)
    wanted = np.searchsorted(cuts, scores[:, 0].astype(np.float64), side="right")
    kept = ~found.refused
    if how in ("SUM", "AVERAGE"):
        assert np.array_equal(found.outputs[kept, 0], wanted[kept])
    else:
        distance = np.abs(scores[:, :1].astype(np.float64) - np.array(cuts)).min(axis=1)
        clear = kept & (distance > 1e-4)
        assert np.array_equal(found.outputs[clear, 0], wanted[clear])


def chained(schema: Schema, before: list[Any], values: list[float], mode: str) -> tuple[Plan, bytes]:
    """One tree of one test a value behind ``before``: its score counts the tests that hold."""
    n = len(values)
    nodes: dict[str, Any] = {
        "nodes_treeids": [tree for tree in range(n) for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * n,
        "nodes_modes": [mode, "LEAF", "LEAF"] * n,
        "nodes_featureids": [0] * 3 * n,
        "nodes_values": [number for value in values for number in (value, 0.0, 0.0)],
        "nodes_truenodeids": [1, 0, 0] * n,
        "nodes_falsenodeids": [2, 0, 0] * n,
    }
    leaves = {
        "target_treeids": [*range(n)],
        "target_nodeids": [1] * n,
        "target_ids": [0] * n,
        "target_weights": [1.0] * n,
    }
    for tree in range(n):
        leaves["target_treeids"].append(tree)
        leaves["target_nodeids"].append(2)
        leaves["target_ids"].append(0)
        leaves["target_weights"].append(0.0)
    data = model("TreeEnsembleRegressor", 1, {**nodes, **leaves, "n_targets": 1}, 1, before, "Z" if before else "X")
    return calibrate(import_model(data), schema, request=Request("score")), data


ML = {"domain": "ai.onnx.ml"}
CHAINS = {
    "none": [],
    "scaler": [helper.make_node("Scaler", ["X"], ["Z"], offset=[12.3], scale=[0.0371], **ML)],
    "falling": [helper.make_node("Scaler", ["X"], ["Z"], offset=[0.1], scale=[-0.7], **ML)],
    "rounded": [
        helper.make_node("Scaler", ["X"], ["a"], offset=[3.0], scale=[0.1], **ML),
        helper.make_node("Floor", ["a"], ["Z"]),
    ],
    "bent": [helper.make_node("Abs", ["X"], ["Z"])],
}


@pytest.mark.parametrize(("chain", "mode"), [*itertools.product(CHAINS, ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_EQ"))])
def test_cuts_behind_a_chain_are_those_of_its_float32_function(chain: str, mode: str) -> None:
    schema = Schema("one", (Fixed("x", 100, -500, 700),))
    batch = EncodedBatch(schema.features, np.arange(-500, 701)[:, None], np.zeros((1201, 1), dtype=np.bool_))
    rows = batch.to_model_rows()
    x = rows[:, 0]
    image = {
        "none": x,
        "scaler": (x - np.float32(12.3)) * np.float32(0.0371),
        "falling": (x - np.float32(0.1)) * np.float32(-0.7),
        "rounded": np.floor((x - np.float32(3.0)) * np.float32(0.1)),
        "bent": np.abs(x),
    }[chain]
    values = [float(value) for value in np.random.default_rng(1).choice(image, 12)]
    values += [float(np.nextafter(np.float32(value), np.float32(np.inf))) for value in values[:4]]
    plan, data = chained(schema, CHAINS[chain], values, mode)
    (scores,) = answers(session(data), rows)
    found = run(plan, schema, batch)
    assert np.array_equal(found.outputs[:, 0], np.rint(scores[:, 0] * 1e6).astype(np.int64))


def test_whole_numbers_take_the_cuts_of_a_scaler_over_their_whole_range() -> None:
    schema = Schema("one", (Int("amount", 0, 1_000_000),))
    values = [float(value) for value in np.random.default_rng(2).uniform(-1.0, 35.0, 20).astype(np.float32)]
    plan, data = chained(schema, CHAINS["scaler"], values, "BRANCH_LEQ")
    cuts = plan.steps[0].integers("thresholds")
    codes = np.unique(np.concatenate([cuts, cuts - 1, [0, 1_000_000]]))[:, None]
    batch = EncodedBatch(schema.features, codes, np.zeros(codes.shape, dtype=np.bool_))
    (scores,) = answers(session(data), batch.to_model_rows())
    assert np.array_equal(run(plan, schema, batch).outputs[:, 0], np.rint(scores[:, 0] * 1e6).astype(np.int64))
    assert np.unique(scores).size == cuts.size + 1


def test_zeros_compare_alike() -> None:
    schema = Schema("one", (Float32("x", optional=True),))
    for mode in MODES:
        plan, data = chained(schema, [], [0.0], mode)
        rows = np.array([[-0.0], [0.0], [-1e-45], [1e-45], [np.nan]], dtype=np.float32)
        (scores,) = answers(session(data), rows)
        found = run(plan, schema, schema.encode_batch(rows))
        assert np.array_equal(found.outputs[:, 0], scores[:, 0].astype(np.int64) * 1_000_000), mode


def test_equal_votes_are_decided_as_float32_adds_them_and_never_refused() -> None:
    """45 of 90 equal votes: their exact sum is a half but for the rounding of 1/90, and float32 rounds it 90 times."""
    n = 90
    data = ballots(n, [[0, 1 / n]] * n)
    schema = Schema("votes", tuple(Bool(f"b{i}") for i in range(n)))
    plan = calibrate(import_model(data), schema, request=Request("label"))
    rows = np.tril(np.ones((n + 1, n), dtype=np.float32), -1)  # row i has i votes
    found = run(plan, schema, schema.encode_batch(rows))
    assert not found.refused.any()
    assert np.array_equal(found.outputs[:, 0], answers(session(data), rows)[0])
    assert "every sum" in tree_exactness(plan)
    assert "one thread" in tree_exactness(plan)


def test_a_sum_at_its_threshold_is_refused_where_rounding_decides() -> None:
    """Votes of 90 sizes have too many sums to compute: what is as close to a half as their rounding is refused."""
    n = 90
    weights = [float(np.float32((1 + (i // 2) / 997) / 91)) for i in range(n)]
    base = 0.5 - sum(weights[::2])
    data = ballots(n, [[0, weight] for weight in weights], base)
    schema = Schema("votes", tuple(Bool(f"b{i}") for i in range(n)))
    plan = calibrate(import_model(data), schema, request=Request("label"))
    half = np.zeros((3, n), dtype=np.float32)
    half[:, ::2] = 1.0
    half[0, 0], half[2, 1] = 0.0, 1.0
    found = run(plan, schema, schema.encode_batch(half))
    assert found.refused.tolist() == [False, True, False]
    assert found.outputs[[0, 2], 0].tolist() == [0, 1]
    with pytest.raises(UndecidedError, match="input 1 is too close"):
        found.require_decided()


@pytest.mark.parametrize("count", [6, 10, 93])
def test_ties_of_votes_for_three_classes_go_to_the_first_as_in_onnxruntime(count: int) -> None:
    draw = np.random.default_rng(count)
    schema = features(draw, ["int", "float32?"])
    nodes = trees(draw, 2, count, 4, VALUES, MODES)
    data = model("TreeEnsembleClassifier", 2, {**nodes, **one_vote(draw, nodes, 3, 1 / count)}, 3)
    plan = calibrate(import_model(data), schema, request=Request("label"))
    batch = aimed(draw, schema, VALUES, 600)
    labels, scores = answers(session(data), batch.to_model_rows())
    best = np.sort(scores, axis=1)
    assert count > 10 or (best[:, 2] == best[:, 1]).any()
    found = run(plan, schema, batch)
    assert not found.refused.any()
    assert np.array_equal(found.outputs[:, 0], labels)


def test_few_different_sums_are_enumerated_and_never_refused() -> None:
    draw = np.random.default_rng(4)
    schema = Schema("votes", tuple(Bool(f"b{i}") for i in range(8)))
    nodes = trees(draw, 8, 10, 3, [0.5], MODES[:1])
    attributes = {**nodes, **votes(draw, nodes, "class", [0], [0.0, 0.1]), "classlabels_int64s": [0, 1]}
    data = model("TreeEnsembleClassifier", 8, attributes, 2)
    plan = calibrate(import_model(data), schema, request=Request("label"))
    rows = np.array(list(itertools.product((0.0, 1.0), repeat=8)), dtype=np.float32)
    labels, _ = answers(session(data), rows)
    found = run(plan, schema, schema.encode_batch(rows))
    assert "every sum" in tree_exactness(plan)
    assert not found.refused.any()
    assert np.array_equal(found.outputs[:, 0], labels)


def test_leaves_that_need_no_rounding_are_exact() -> None:
    draw = np.random.default_rng(5)
    schema = features(draw, ["int", "float32?"])
    nodes = trees(draw, 2, 60, 3, VALUES, MODES)
    attributes = {**nodes, **votes(draw, nodes, "class", [0, 1, 2], [0.25, -0.5, 1.0]), "classlabels_int64s": [0, 1, 2]}
    data = model("TreeEnsembleClassifier", 2, attributes, 3)
    plan = calibrate(import_model(data), schema, request=Request("label"))
    assert "no rounding" in tree_exactness(plan)
    batch = aimed(draw, schema, VALUES, 400)
    labels, _ = answers(session(data), batch.to_model_rows())
    assert np.array_equal(run(plan, schema, batch).outputs[:, 0], labels)


def test_votes_that_depend_on_the_input_are_refused_by_name() -> None:
    draw = np.random.default_rng(6)
    nodes = trees(draw, 1, 1, 2, VALUES, MODES)
    attributes = {**nodes, **votes(draw, nodes, "class", [0, 1], MIXED), "classlabels_int64s": [0, 1]}
    for name in ("class_treeids", "class_nodeids", "class_ids", "class_weights"):
        attributes[name] = attributes[name][:-1]
    data = model("TreeEnsembleClassifier", 1, attributes, 2)
    with pytest.raises(UnsupportedOpError, match="votes on some inputs only"):
        calibrate(import_model(data), Schema("one", (Int("x", -9, 9),)))


def test_floats_and_missing_values_pass_an_imputer_and_a_scaler_exactly() -> None:
    """Only trees read the chain, so its own float32 arithmetic decides, of float32 features as of any other."""
    schema = Schema("two", (Float32("x", optional=True), Int("n", -40, 40, optional=True)))
    before = [
        helper.make_node("Imputer", ["X"], ["a"], imputed_value_floats=[0.3, -2.0], replaced_value_float=np.nan, **ML),
        helper.make_node("Scaler", ["a"], ["Z"], offset=[0.1, 1.5], scale=[1.7, -0.3], **ML),
    ]
    draw = np.random.default_rng(11)
    image = (np.float32(0.3) - np.float32(0.1)) * np.float32(1.7)  # what a missing x becomes
    values = [float(image), float(np.nextafter(image, np.float32(1.0))), -0.5, 0.0, 1.05, 2.5]
    nodes = trees(draw, 2, 12, 3, values, MODES)
    attributes = {**nodes, **votes(draw, nodes, "class", [0], SHARES), "classlabels_int64s": [0, 1]}
    data = model("TreeEnsembleClassifier", 2, attributes, 2, before, "Z")
    plan = calibrate(import_model(data), schema, request=Request("label"))
    batch = aimed(draw, schema, [0.3, *(value / 1.7 + 0.1 for value in values)], 400)
    labels, _ = answers(session(data), batch.to_model_rows())
    found = run(plan, schema, batch)
    assert np.array_equal(found.outputs[~found.refused, 0], labels[~found.refused])
    assert found.refused.mean() < 0.05


def test_an_element_of_several_features_is_compared_in_fixed_point_and_the_report_says_so() -> None:
    schema = Schema("two", (Fixed("a", 100, -500, 500), Fixed("b", 100, -500, 500)))
    before = [
        helper.make_node("Constant", [], ["w"], value_floats=[0.6, 0.8]),
        helper.make_node("Mul", ["X", "w"], ["m"]),
        helper.make_node("ReduceSum", ["m"], ["Z"], keepdims=1),
    ]
    nodes = trees(np.random.default_rng(3), 1, 5, 3, [-1.0, 0.25, 0.5, 1.5], MODES[:2])
    attributes = {**nodes, **votes(np.random.default_rng(4), nodes, "target", [0], [0.5, 1.0, 4.0]), "n_targets": 1}
    data = model("TreeEnsembleRegressor", 2, attributes, 1, before, "Z")
    plan = calibrate(import_model(data), schema, request=Request("score"))
    assert "not exact" in tree_exactness(plan)
    draw = np.random.default_rng(5)
    codes = draw.integers(-500, 501, size=(300, 2))
    batch = EncodedBatch(schema.features, codes, np.zeros(codes.shape, dtype=np.bool_))
    (scores,) = answers(session(data), batch.to_model_rows())
    found = run(plan, schema, batch)
    assert np.mean(np.abs(found.outputs[:, 0] / 1e6 - scores[:, 0]) < 1e-5) > 0.98


def test_a_label_can_be_computed_with() -> None:
    """A tree in the middle of a graph: its class picks what a second ensemble adds."""
    schema = Schema("one", (Int("x", -20, 20), Bool("b")))
    draw = np.random.default_rng(8)
    first = trees(draw, 2, 3, 3, VALUES, MODES)
    second = trees(draw, 2, 3, 3, VALUES, MODES)
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", ["X"], ["p"], "one", n_targets=1, **first,
            **votes(draw, first, "target", [0], [0.5, -0.25, 2.0]), **ML,
        ),
        helper.make_node("Relu", ["p"], ["r"]),
        helper.make_node("Concat", ["r", "q"], ["scores"], axis=1),
    ]  # fmt: skip
    nodes.insert(
        1,
        helper.make_node(
            "TreeEnsembleRegressor", ["X"], ["q"], "two", n_targets=1, **second,
            **votes(draw, second, "target", [0], [0.5, 1.5]), **ML,
        ),
    )  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "stack",
        [helper.make_tensor_value_info("X", 1, [1, 2])],
        [helper.make_tensor_value_info("scores", 1, [1, 2])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    plan = calibrate(import_model(data), schema, request=Request("score"))
    rows = np.array(list(itertools.product(range(-20, 21), (0, 1))), dtype=np.float32)
    (scores,) = answers(session(data), rows)
    found = run(plan, schema, schema.encode_batch(rows))
    assert np.abs(found.outputs / 1e6 - scores).max() < 1e-3
    assert sum(step.kind == "cuts" for step in plan.steps) == 1


@pytest.mark.parametrize("name", TREES)
def test_near_ties_of_real_models_are_decided_alike_or_refused(models: Path, name: str) -> None:
    """Of thousands of inputs at cuts, those whose sums come closest to a threshold, and their neighbours."""
    rows = np.load(models / f"{name}.npz")["X"]
    schema, graph = schema_of(models, name), import_model(models / f"{name}.onnx")
    plan = calibrate(graph, schema, rows, request=Request("tier"), settings=Settings())
    draw = np.random.default_rng(17)
    pool = near_cuts(graph, schema, draw, rows, 3000)
    for _ in range(2):  # the closest, then the closest of what a few changes make of them
        distance = np.abs(run(plan, schema, pool).inputs[-1] - plan.steps[-1].integers("thresholds")).min(axis=1)
        best = np.argsort(distance)[:60]
        near = EncodedBatch(pool.features, pool.codes[best], pool.missing[best])
        pool = near_cuts(graph, schema, draw, near.to_model_rows(), 3000)
    found = run(plan, schema, near)
    _, scores = answers(session(models / f"{name}.onnx"), near.to_model_rows())
    scores = np.array([list(row.values()) for row in scores]) if scores.dtype == object else scores
    wanted = np.searchsorted(TIERS, scores[:, 1].astype(np.float64), side="right")
    assert np.array_equal(found.outputs[~found.refused, 0], wanted[~found.refused])
    real = distance[best] * 2.0 ** -plan.steps[-1].fraction_bits
    assert real.min() < 1e-3


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"])
def test_transformed_scores_are_close_to_onnxruntime(transform: str) -> None:
    draw = np.random.default_rng(21)
    schema = features(draw, ["int", "category", "bool"])
    nodes = trees(draw, 3, 3, 3, VALUES, MODES)
    attributes = {**nodes, **votes(draw, nodes, "class", [0, 1, 2], [0.1, 0.05, 0.2, 0.3]), "post_transform": transform}
    data = model("TreeEnsembleClassifier", 3, {**attributes, "classlabels_int64s": [4, 5, 6]}, 3)
    graph = import_model(data)
    batch = aimed(draw, schema, VALUES, 60)
    labels, scores = answers(session(data), batch.to_model_rows())
    found = run(calibrate(graph, schema, request=Request("label")), schema, batch)
    assert np.array_equal(found.outputs[~found.refused, 0], labels[~found.refused])
    plan = calibrate(graph, schema, request=Request("score", output="scores"))
    assert np.abs(run(plan, schema, batch).outputs / 1e6 - scores).max() < 5e-3


def test_trees_that_no_admitted_input_tells_apart_are_refused() -> None:
    nodes = trees(np.random.default_rng(1), 2, 3, 3, [20.5, -7.0, 1e30, float("nan")], MODES[:4])
    attributes = {**nodes, **votes(np.random.default_rng(2), nodes, "target", [0], MIXED), "n_targets": 1}
    graph = import_model(model("TreeEnsembleRegressor", 2, attributes, 1))
    with pytest.raises(UnsupportedOpError, match="one outcome for all inputs of the schema"):
        calibrate(graph, Schema("s", (Int("a", 0, 9), Fixed("b", 10, 0, 90))))


@pytest.mark.parametrize("depth", [200, 201, 50_000])
def test_deep_trees_are_refused_before_a_runtime_descends_them(depth: int) -> None:
    """A chain of tests: onnxruntime's recursion overruns the stack at some depth."""
    inner, leaves = range(depth), range(depth, 2 * depth + 1)
    nodes = {
        "nodes_treeids": [0] * (2 * depth + 1),
        "nodes_nodeids": [*inner, *leaves],
        "nodes_modes": ["BRANCH_LEQ"] * depth + ["LEAF"] * (depth + 1),
        "nodes_featureids": [0] * (2 * depth + 1),
        "nodes_values": [float(place) for place in inner] + [0.0] * (depth + 1),
        "nodes_truenodeids": [depth + place for place in inner] + [0] * (depth + 1),
        "nodes_falsenodeids": [*range(1, depth), 2 * depth] + [0] * (depth + 1),
    }
    attributes = {**nodes, **votes(np.random.default_rng(2), nodes, "target", [0], MIXED), "n_targets": 1}
    data = model("TreeEnsembleRegressor", 1, attributes, 1)
    if depth > 200:
        with pytest.raises(VerdictError, match="deeper than 200"):
            import_model(data)
    else:
        assert import_model(data).nodes


@pytest.mark.parametrize("output", ["label", "mean"])
def test_a_label_of_a_mean_of_forests_is_not_called_exact(output: str) -> None:
    """As bagging exports it: what is compared is no sum of one ensemble."""
    ensembles = [f"e{i}" for i in range(3)]
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", ["X"], [name], domain="ai.onnx.ml", n_targets=2,
            nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
            nodes_featureids=[i, 0, 0], nodes_values=[0.5, 0.0, 0.0], nodes_truenodeids=[1, 0, 0],
            nodes_falsenodeids=[2, 0, 0], target_treeids=[0] * 4, target_nodeids=[1, 1, 2, 2],
            target_ids=[0, 1, 0, 1], target_weights=[1.0, 0.0, 0.3, 0.7],
        )
        for i, name in enumerate(ensembles)
    ]  # fmt: skip
    nodes += [helper.make_node("Mean", ensembles, ["mean"]), helper.make_node("ArgMax", ["mean"], ["label"], axis=1)]
    infos = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [1, 1]),
        helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, 2]),
    ]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, 3])]
    graph = helper.make_graph(nodes, "bag", inputs, infos)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    data = bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    schema = Schema("bag", tuple(Bool(f"b{i}") for i in range(3)))
    plan = calibrate(import_model(data), schema, request=Request("label", output))
    assert tree_exactness(plan).startswith("trees: not exact")
