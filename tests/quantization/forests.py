"""Tree ensembles made on the spot, inputs that aim at their thresholds, and onnxruntime's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from prover.quantization import IntegerModel, Plan
from prover.quantization.model import Run
from prover.schema import Bool, Category, EncodedBatch, Feature, Fixed, Float32, Int, Schema
from prover.schema.float_codes import code_of_float32

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def trees(
    draw: np.random.Generator, features: int, count: int, depth: int, values: list[float], modes: tuple[str, ...]
) -> dict[str, Any]:
    """``nodes_*`` attributes of random trees; a third of the nodes lead NaN to their true branch."""
    lists: dict[str, list[Any]] = {
        name: []
        for name in (
            "treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids",
            "missing_value_tracks_true",
        )
    }  # fmt: skip

    def grow(tree: int, left: int) -> int:
        number = sum(owner == tree for owner in lists["treeids"])
        leaf = left == 0 or (number > 0 and draw.random() < 0.2)
        entry = {
            "treeids": tree,
            "nodeids": number,
            "modes": "LEAF" if leaf else str(draw.choice(modes)),
            "featureids": 0 if leaf else int(draw.integers(features)),
            "values": 0.0 if leaf else float(draw.choice(values)),
            "truenodeids": 0,
            "falsenodeids": 0,
            "missing_value_tracks_true": int(not leaf and draw.random() < 0.3),
        }
        place = len(lists["treeids"])
        for name, value in entry.items():
            lists[name].append(value)
        if not leaf:
            lists["truenodeids"][place] = grow(tree, left - 1)
            lists["falsenodeids"][place] = grow(tree, left - 1)
        return number

    for tree in range(count):
        grow(tree, depth)
    return {f"nodes_{name}": entries for name, entries in lists.items()}


def votes(
    draw: np.random.Generator, nodes: dict[str, Any], prefix: str, outputs: list[int], pool: Any
) -> dict[str, Any]:
    """Every leaf votes for every output with a weight from ``pool``."""
    leaves = [
        (tree, number)
        for tree, number, mode in zip(nodes["nodes_treeids"], nodes["nodes_nodeids"], nodes["nodes_modes"], strict=True)
        if mode == "LEAF"
    ]
    entries = [(tree, number, output) for tree, number in leaves for output in outputs]
    return {
        f"{prefix}_treeids": [tree for tree, _, _ in entries],
        f"{prefix}_nodeids": [number for _, number, _ in entries],
        f"{prefix}_ids": [output for _, _, output in entries],
        f"{prefix}_weights": [float(draw.choice(pool)) for _ in entries],
    }


def one_vote(draw: np.random.Generator, nodes: dict[str, Any], classes: int, weight: float) -> dict[str, Any]:
    """Every leaf gives ``weight`` to one class and 0 to the others, as fully grown forests do."""
    made = votes(draw, nodes, "class", list(range(classes)), [0.0])
    leaves = len(made["class_ids"]) // classes
    for leaf in range(leaves):
        made["class_weights"][leaf * classes + int(draw.integers(classes))] = weight
    return {**made, "classlabels_int64s": list(range(classes))}


def ballots(n: int, weights: list[list[float]], base: float | None = None) -> bytes:
    """A binary classifier of ``n`` trees: tree i gives ``weights[i]`` without and with feature i."""
    attributes: dict[str, Any] = {
        "nodes_treeids": [tree for tree in range(n) for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * n,
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * n,
        "nodes_featureids": [number for tree in range(n) for number in (tree, 0, 0)],
        "nodes_values": [0.5, 0.0, 0.0] * n,
        "nodes_truenodeids": [1, 0, 0] * n,
        "nodes_falsenodeids": [2, 0, 0] * n,
        "class_treeids": [tree for tree in range(n) for _ in range(2)],
        "class_nodeids": [1, 2] * n,
        "class_ids": [0] * 2 * n,
        "class_weights": [float(weight) for pair in weights for weight in pair],
        "classlabels_int64s": [0, 1],
    }
    if base is not None:
        attributes["base_values"] = [base]
    return model("TreeEnsembleClassifier", n, attributes, 2)


def model(
    op: str, width: int, attributes: dict[str, Any], outputs: int, before: list[Any] | None = None, source: str = "X"
) -> bytes:
    """One ensemble over ``X`` [1, width], behind the nodes ``before``, whose result is called ``source``."""
    classifies = op == "TreeEnsembleClassifier"
    names = ["label", "scores"] if classifies else ["scores"]
    nodes = [*(before or []), helper.make_node(op, [source], names, "trees", domain="ai.onnx.ml", **attributes)]
    infos = [helper.make_tensor_value_info("label", TensorProto.INT64, [1])] if classifies else []
    infos.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, outputs]))
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, width])]
    graph = helper.make_graph(nodes, "trees", inputs, infos)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def session(model: Any) -> ort.InferenceSession:
    """One thread: trees are added in their order whatever their number."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answers(runtime: ort.InferenceSession, rows: NDArray[np.float32]) -> list[NDArray[Any]]:
    """Every output of onnxruntime, stacked over rows that are run one at a time."""
    name = runtime.get_inputs()[0].name
    results = [runtime.run(None, {name: row[None]}) for row in rows]
    return [np.concatenate([np.asarray(result[place]) for result in results]) for place in range(len(results[0]))]


def run(plan: Plan, schema: Schema, batch: EncodedBatch) -> Run:
    """The integer reference model."""
    return IntegerModel(plan, schema).run(batch.codes, batch.missing)


def features(draw: np.random.Generator, kinds: list[str]) -> Schema:
    """A schema of the named kinds; a ``?`` behind a name makes the feature optional."""
    made: list[Feature] = []
    for place, kind in enumerate(kinds):
        name, optional = f"f{place}", kind.endswith("?")
        match kind.rstrip("?"):
            case "bool":
                made.append(Bool(name, optional=optional))
            case "category":
                made.append(Category(name, ("a", "b", "c", "d"), optional=optional))
            case "int":
                made.append(Int(name, -9, 12, optional=optional))
            case "fixed":
                made.append(Fixed(name, 100, -250, 777, optional=optional))
            case _:
                made.append(Float32(name, optional=optional))
    del draw
    return Schema("made", tuple(made))


def aimed(draw: np.random.Generator, schema: Schema, values: list[float], count: int) -> EncodedBatch:
    """Inputs whose numbers like to be thresholds, their neighbours, both zeros, and the ends of their ranges."""
    columns, flags = [], []
    for feature in schema.features:
        targets = []
        for value in values:
            if isinstance(feature, Float32):
                code = int(code_of_float32(np.array([value], dtype=np.float32))[0])
            else:
                code = round(value * feature.scale)
            targets += [code - 1, code, code + 1]
        targets += [feature.lo, feature.hi]
        if isinstance(feature, Float32):
            targets += [int(code) for code in code_of_float32(np.array([-0.0, 0.0], dtype=np.float32))]
        pool = np.array([code for code in targets if feature.lo <= code <= feature.hi], dtype=np.int64)
        gone = draw.random(count) < 0.2 if feature.optional else np.zeros(count, dtype=np.bool_)
        columns.append(np.where(gone, 0, draw.choice(pool, count)))
        flags.append(gone)
    return EncodedBatch(schema.features, np.stack(columns, axis=1), np.stack(flags, axis=1))
