"""Models over mixed facts whose result is exact: integer reference against the graph's own evaluation and a circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from prover.compiler import solve
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, calibrate, draw
from prover.schema import Bool, Category, EncodedBatch, Fixed, Int, Schema
from tests.quantization.nets import model

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL

MIXED = Schema(
    "mixed",
    (
        Int("age", -3, 12),
        Category("region", ("north", "south", "west")),
        Bool("owner"),
        Fixed("rate", 100, -200, 300),
        Fixed("limit", 100, -200, 300),
        Int("count", 0, 3),
    ),
)
"""Two whole numbers, a category, a boolean and two decimal fractions: columns 0 to 5 of ``X``."""


def one(op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> Any:
    return helper.make_node(op, inputs, [output], output, domain=domain, **attributes)


def column(index: int, output: str, to: int | None = None) -> list[Any]:
    """Column ``index`` of X as a tensor of one element, of another type when asked."""
    place = f"{output}_place"
    nodes = [
        one("Constant", [], place, value=helper.make_tensor(place, INT64, [1], [index])),
        one("Gather", ["X", place], output if to is None else f"{output}_float", axis=1),
    ]
    return nodes if to is None else [*nodes, one("Cast", [f"{output}_float"], output, to=to)]


def exact(
    nodes: list[Any],
    weights: dict[str, Any],
    shape: list[int],
    element: int = INT64,
    *,
    schema: Schema = MIXED,
    batch: EncodedBatch | None = None,
    optional: bool = False,
    opset: int = 17,
    atol: float = 1e-5,
) -> Plan:
    """Compile a model that reveals ``y`` and check that every drawn input gives exactly what the graph computes.

    Floats are revealed in millionths; ``atol`` is what they may be off.
    """
    proto = onnx.load_from_string(model(nodes, weights, len(schema), {"y": (element, shape)}))
    proto.opset_import[0].version, proto.ir_version = opset, 10
    graph = import_model(proto.SerializeToString())
    given = draw(schema, 200, seed=3) if batch is None else batch
    if not optional:
        given = EncodedBatch(given.features, given.codes, np.zeros_like(given.missing))
    rows = given.to_model_rows()
    plan = calibrate(graph, schema, rows, request=Request("score", "y"))
    run = IntegerModel(plan, schema).run(given.codes, given.missing)
    wanted = graph.run_rows(rows)["y"].reshape(len(rows), -1).astype(np.float64)
    scores = run.outputs / 10.0 ** np.array(plan.layout.decimals)
    if element == FLOAT:
        np.testing.assert_allclose(scores, wanted, atol=atol)
    else:
        np.testing.assert_array_equal(scores, wanted)
    circuit = lower(schema, plan)
    for index in range(2):
        solution = solve(circuit, plan.layout, given[index], salt=index + 1, context=index)
        assert list(solution.values) == run.outputs[index].tolist()
    return plan


def kinds(plan: Plan) -> list[str]:
    """Kinds of the steps, without the rounding of what is revealed."""
    return [step.kind for step in plan.steps if step.kind != "round"]
