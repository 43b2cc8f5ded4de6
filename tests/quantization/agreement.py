"""A small model proved and run: integer reference against onnxruntime, circuit against reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto

from prover.compiler import solve
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, Settings, calibrate
from prover.schema import Fixed, Schema
from tests.quantization.nets import model

SCALE = 256
"""Counts of one unit of a fact."""


@dataclass(frozen=True)
class Agreement:
    """What became of a model.

    Attributes:
        plan: made on the samples.
        error: largest distance of a revealed score from onnxruntime's.
        constraints: rows of the circuit that come from the model's own nodes.
    """

    plan: Plan
    error: float
    constraints: int


def agreement(
    nodes: list[Any],
    weights: dict[str, Any],
    n: int,
    shape: list[int],
    *,
    ends: tuple[float, float] = (-4.0, 4.0),
    settings: Settings | None = None,
    opset: int = 17,
    element: int = TensorProto.FLOAT,
    rows: int = 24,
    lower_too: bool = True,
) -> Agreement:
    """Compile a model of ``n`` facts within ``ends`` that reveals ``y``, and compare it with onnxruntime.

    The circuit's witness of the first two rows must satisfy it and give the reference's outputs.
    """
    low, high = (round(end * SCALE) for end in ends)
    schema = Schema("agreement", tuple(Fixed(f"x{i}", SCALE, low, high) for i in range(n)))
    proto = onnx.load_from_string(model(nodes, weights, n, {"y": (element, shape)}))
    proto.opset_import[0].version, proto.ir_version = opset, 10
    data = proto.SerializeToString()
    samples = (np.random.default_rng(5).integers(low, high + 1, (rows, n)) / SCALE).astype(np.float32)
    plan = calibrate(import_model(data), schema, samples, request=Request("score"), settings=settings or Settings())
    batch = schema.encode_batch(samples)
    run = IntegerModel(plan, schema).run(batch.codes)
    wanted = expected(data, samples)
    scores = run.outputs / 10.0 ** np.array(plan.layout.decimals)
    constraints = 0
    if lower_too:
        circuit = lower(schema, plan)
        for index in range(2):
            solution = solve(circuit, plan.layout, batch[index], salt=index + 1, context=index)
            assert list(solution.values) == run.outputs[index].tolist()
        steps = {step.node.strip("/") for step in plan.steps}
        origins = circuit.r1cs.rows_by_origin()
        constraints = sum(count for origin, count in origins.items() if origin.split("/")[0] in steps - {"y"})
    return Agreement(plan, float(np.abs(scores - wanted).max()), constraints)


def expected(data: bytes, samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """onnxruntime's ``y``, flat, row by row."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return np.stack([session.run(["y"], {"X": row[None]})[0].ravel() for row in samples]).astype(np.float64)
