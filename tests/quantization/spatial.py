"""One node over an image of whole numbers: what onnxruntime says, the folded program, and the integer program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from prover.graph import Graph, import_model
from prover.quantization import FactSpace, IntegerModel, Plan, Request, Settings, calibrate
from prover.quantization.trace import Affine, trace_graph
from prover.schema import Int, Schema

FINE = Settings(activation_bits=16, hidden_error_bits=16, logit_error_bits=16, decimals=4)


def one_node(
    op: str,
    shape: Sequence[int],
    attributes: Mapping[str, Any],
    constants: Sequence[NDArray[Any] | None] = (),
    *,
    opset: int = 20,
    outputs: Sequence[str] = ("y",),
    infer: bool = True,
) -> bytes:
    """A model of one node over ``x`` float32[shape] and constant inputs behind it; outputs called "" are left out.

    Types of outputs are inferred by onnx; without ``infer`` they are float32 of unknown shapes.
    """
    names = [f"c{index}" if array is not None else "" for index, array in enumerate(constants)]
    node = helper.make_node(op, ["x", *names], list(outputs), "node", **attributes)
    weights = [
        numpy_helper.from_array(array, name) for name, array in zip(names, constants, strict=True) if array is not None
    ]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", 1, shape)],
        [
            onnx.ValueInfoProto(name=name) if infer else helper.make_tensor_value_info(name, 1, None)
            for name in outputs
            if name
        ],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if not infer:
        return bytes(made.SerializeToString())
    return onnx.shape_inference.infer_shapes(made, strict_mode=True).SerializeToString()


def images(shape: Sequence[int], count: int = 3, seed: int = 0) -> NDArray[np.float32]:
    """Whole numbers from -8 to 7, with many ties: [count, size]."""
    size = int(np.prod(shape))
    return np.random.default_rng(seed).integers(-8, 8, (count, size)).astype(np.float32)


def runtime(data: bytes, rows: NDArray[np.float32], shape: Sequence[int]) -> list[NDArray[Any]]:
    """onnxruntime's outputs, each [count, ...]."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    results = [session.run(None, {"x": row.reshape(shape)}) for row in rows]
    return [np.stack([result[index] for result in results]) for index in range(len(results[0]))]


def folded(graph: Graph, rows: NDArray[np.float32]) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Shape and values [count, size] of a linear graph's symbolic output."""
    schema = schema_of(rows.shape[1])
    facts = FactSpace.of(schema)
    trace, outputs = trace_graph(graph, facts)
    value = outputs["y"]
    assert isinstance(value, Affine)
    assert not trace.steps
    slots = facts.expand(schema.encode_batch(rows).codes) * facts.unit
    return value.shape, value.matrix.widen(facts.n_slots).apply(slots) + value.bias


def program(graph: Graph, rows: NDArray[np.float32], output: str = "y") -> tuple[Plan, NDArray[np.float64]]:
    """The integer program with fine settings, and its revealed values [count, size] in real units."""
    schema = schema_of(rows.shape[1])
    plan = calibrate(graph, schema, rows, request=Request("score", output), settings=FINE)
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    return plan, run.outputs / 10.0 ** np.array(plan.layout.decimals)


def schema_of(size: int) -> Schema:
    """Pixels from -8 to 7."""
    return Schema("pixels", tuple(Int(f"x{index}", -8, 7) for index in range(size)))


def check_linear(data: bytes, shape: Sequence[int], seed: int = 0) -> None:
    """Graph evaluation and folded program agree with onnxruntime."""
    rows, graph = images(shape, seed=seed), import_model(data)
    expected = runtime(data, rows, shape)[0]
    np.testing.assert_allclose(graph.run_rows(rows)["y"], expected, rtol=1e-4, atol=1e-4)
    made, values = folded(graph, rows)
    assert made == expected.shape[1:]
    np.testing.assert_allclose(values, expected.reshape(len(rows), -1), rtol=1e-4, atol=1e-4)


def check_exact(data: bytes, shape: Sequence[int], seed: int = 0) -> None:
    """Graph evaluation and integer program equal onnxruntime on every output: no number of theirs is rounded."""
    rows, graph = images(shape, seed=seed), import_model(data)
    for info, expected in zip(graph.outputs, runtime(data, rows, shape), strict=True):
        np.testing.assert_array_equal(graph.run_rows(rows)[info.name], expected)
        _, values = program(graph, rows, info.name)
        np.testing.assert_array_equal(values, expected.reshape(len(rows), -1))
