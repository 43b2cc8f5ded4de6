"""Quantised models against the standard's own reference: every integer the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from prover.compiler import solve
from prover.constraint import ConstraintSystem
from prover.errors import UnsupportedOpError
from prover.graph import import_model
from prover.lowering import lower
from prover.lowering.quantized import requantize
from prover.quantization import IntegerModel, LinearForms, Plan, Request, Settings, Step, calibrate
from prover.quantization.sparse import Sparse
from prover.quantization.steps.requantize import evaluate, exactness
from prover.schema import Fixed, Int, Schema
from tests.lowering.conftest import vouched

WHOLE = Settings(decimals=0)


def model(
    nodes: list[Any],
    inputs: dict[str, tuple[int, list[int]]],
    outputs: dict[str, tuple[int, list[int]]],
    **weights: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "quantised",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def integers(schema: Schema, onnx_model: onnx.ModelProto, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], Plan]:
    """Revealed integers of encoded inputs; the first two are proved as the reference says."""
    graph = import_model(onnx_model.SerializeToString())
    plan = calibrate(graph, schema, request=Request("score"), settings=WHOLE)
    run = IntegerModel(plan, schema).run(codes)
    circuit = lower(schema, plan)
    for index in (0, len(codes) - 1):
        encoded = schema.encode_batch(codes[index][None] / [f.scale for f in schema.features])[0]
        assert list(solve(circuit, plan.layout, encoded, salt=1, context=2).values) == run.outputs[index].tolist()
    return run.outputs, plan


def reference(onnx_model: onnx.ModelProto, name: str, rows: NDArray[Any]) -> NDArray[Any]:
    session = ReferenceEvaluator(onnx_model)
    return np.stack([session.run(None, {name: row})[0].ravel() for row in rows])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
@pytest.mark.parametrize("scale", [0.02, 0.5, 0.0371, 3.0, 1e-4])
def test_every_fact_is_quantised_as_float32_has_it(dtype: type, scale: float) -> None:
    schema = Schema("facts", (Fixed("x", 100, -2000, 2000),))
    zero = dtype(np.iinfo(dtype).min + 77)
    onnx_model = model(
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], "quantize")],
        {"x": (TensorProto.FLOAT, [1, 1])},
        {"y": (helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [1, 1])},
        s=np.float32(scale),
        z=zero,
    )
    codes = np.arange(-2000, 2001, dtype=np.int64)[:, None]
    got, _ = integers(schema, onnx_model, codes)
    rows = (codes / 100).astype(np.float32)[:, None]
    assert np.array_equal(got, reference(onnx_model, "x", rows))


@pytest.mark.parametrize("seed", range(4))
def test_a_quantised_product_at_every_corner_and_many_places(seed: int) -> None:
    generator = np.random.default_rng(seed)
    schema = Schema("q", tuple(Int(f"x{i}", -128, 127) for i in range(6)))
    per_column = seed % 2 == 1
    count = 5 if per_column else 1
    b_scale = generator.uniform(0.001, 0.02, count).astype(np.float32)
    y_scale = np.float32([0.04, 0.5, 0.0625, 0.11][seed])
    onnx_model = model(
        [helper.make_node("QLinearMatMul", ["x", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"], "product")],
        {"x": (TensorProto.INT8, [1, 6])},
        {"y": (TensorProto.INT8, [1, 5])},
        b=generator.integers(-128, 128, (6, 5)).astype(np.int8),
        bs=b_scale if per_column else b_scale[0],
        bz=np.zeros(5, np.int8) if per_column else np.int8(3),
        ys=y_scale,
        yz=np.int8(-5),
        **{"as": np.float32(0.0173), "az": np.int8(4)},
    )
    corners = generator.choice([-128, 127], size=(200, 6))
    codes = np.concatenate((generator.integers(-128, 128, (3000, 6)), corners)).astype(np.int64)
    got, _ = integers(schema, onnx_model, codes)
    assert np.array_equal(got, reference(onnx_model, "x", codes.astype(np.int8)[:, None]))


@pytest.mark.parametrize(
    ("scale", "zero", "how"),
    [
        (0.0271, 3, "line"),
        (0.01234, -7, "line"),
        (2.0**-6, 0, "parities"),
        (2.0**-6, -128, "parities"),
        (2.0**-5, 3, "parities"),
        (3.0 * 2.0**-9, 1, "parities"),
        (2.0, 0, "line"),
        (0.00016, 5, "tables"),
    ],
)
def test_every_accumulator_there_is(scale: float, zero: int, how: str) -> None:
    """x0 + 127 x1 takes every value in reach: thresholds, ties, saturation and all between."""
    schema = Schema("q", (Int("x0", -128, 127), Int("x1", -128, 127)))
    onnx_model = model(
        [helper.make_node("QLinearMatMul", ["x", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"], "product")],
        {"x": (TensorProto.INT8, [1, 2])}, {"y": (TensorProto.INT8, [1, 1])},
        b=np.array([[1], [127]], np.int8), bs=np.float32(1.0), bz=np.int8(0), ys=np.float32(1.0), yz=np.int8(zero),
        **{"as": np.float32(scale), "az": np.int8(0)},
    )  # fmt: skip
    codes = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), axis=-1).reshape(-1, 2).astype(np.int64)
    got, plan = integers(schema, onnx_model, codes)
    total = codes @ np.array([1, 127])
    wanted = np.clip(np.rint(total * np.float64(np.float32(scale)) + zero), -128, 127)
    assert np.array_equal(got[:, 0], wanted)
    params = plan.steps[0].params
    assert how == "line" or how in params
    assert params.keys() & {"parities", "corrected", "tables"} <= {how, "corrected"}


@pytest.mark.parametrize("scale", [0.03787, 0.05885, 0.04456, 0.05, 2.0**-5])
def test_sums_are_quantised_as_float32_divides_them(scale: float) -> None:
    """Multiples of 2^-16 add up exactly in float32; its division by the scale is not exact, and moves thresholds."""
    schema = Schema("q", (Int("x0", -128, 127), Int("x1", -128, 127), Int("x2", -8, 7)))
    single = np.float32(scale)
    onnx_model = model(
        [helper.make_node("MatMul", ["x", "w"], ["sum"], "sum"),
         helper.make_node("QuantizeLinear", ["sum", "s", "z"], ["y"], "quantize")],
        {"x": (TensorProto.FLOAT, [1, 3])}, {"y": (TensorProto.INT8, [1, 1])},
        w=np.float32([[1.0], [256.0], [65536.0]]) / np.float32(65536), s=single, z=np.int8(11),
    )  # fmt: skip
    steps = (np.arange(-140, 140) + 0.5) * float(single) * 65536
    near = np.rint(steps)[:, None].astype(np.int64) + np.arange(-2, 3)
    total = np.unique(np.clip(near, -490_000, 490_000))
    low = (total + 128) % 256 - 128
    middle = ((total - low) // 256 + 128) % 256 - 128
    codes = np.stack((low, middle, (total - low - 256 * middle) // 65536), axis=1)
    got, plan = integers(schema, onnx_model, codes)
    wanted = np.rint((total / 65536).astype(np.float32) / single).astype(np.int64) + 11
    assert np.array_equal(got[:, 0], np.clip(wanted, -128, 127))
    assert ("corrected" in plan.steps[0].params) == (scale != 0.05)


@pytest.mark.parametrize("seed", range(3))
def test_a_quantised_convolution_with_bias_groups_and_padding(seed: int) -> None:
    generator = np.random.default_rng(seed)
    schema = Schema("q", tuple(Int(f"x{i}", 0, 255) for i in range(2 * 16)))
    onnx_model = model(
        [helper.make_node("Reshape", ["x", "shape"], ["image"], "reshape"),
         helper.make_node("QLinearConv", ["image", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["y"], "conv",
                          pads=[1, 1, 1, 1], strides=[2, 2], group=2)],
        {"x": (TensorProto.UINT8, [1, 32])},
        {"y": (TensorProto.UINT8, [1, 4, 2, 2])},
        shape=np.array([1, 2, 4, 4]), xs=np.float32(0.013), xz=np.uint8(111),
        w=generator.integers(-128, 128, (4, 1, 3, 3)).astype(np.int8),
        ws=generator.uniform(0.002, 0.03, 4).astype(np.float32), wz=np.zeros(4, np.int8),
        ys=np.float32(0.07), yz=np.uint8(120), b=generator.integers(-900, 900, 4).astype(np.int32),
    )  # fmt: skip
    codes = np.concatenate((generator.integers(0, 256, (300, 32)), generator.choice([0, 255], size=(60, 32))))
    got, plan = integers(schema, onnx_model, codes.astype(np.int64))
    assert np.array_equal(got, reference(onnx_model, "x", codes.astype(np.uint8)[:, None]))
    assert [step.kind for step in plan.steps].count("requantize") == 1
    assert exactness(plan.steps) == "every quantised integer is the ONNX specification's"


@pytest.mark.parametrize(("between", "strict"), [("Mul", False), ("Add", False), ("Relu", True), ("Neg", True)])
def test_float_operators_between_quantisers_are_not_called_the_specification(between: str, strict: bool) -> None:
    """0.05 q * 0.75 is rounded twice in float32: at halves of 0.075 a runtime decides otherwise."""
    schema = Schema("q", (Int("x", -128, 127),))
    onnx_model = model(
        [helper.make_node("DequantizeLinear", ["x", "a", "z"], ["f"], "dequantize"),
         helper.make_node(between, ["f", "k"] if not strict else ["f"], ["h"], "between"),
         helper.make_node("QuantizeLinear", ["h", "b", "z"], ["y"], "quantize")],
        {"x": (TensorProto.INT8, [1, 1])},
        {"y": (TensorProto.INT8, [1, 1])},
        a=np.float32(0.05), b=np.float32(0.075), k=np.float32([0.75]), z=np.int8(0),
    )  # fmt: skip
    codes = np.arange(-128, 128)[:, None]
    got, plan = integers(schema, onnx_model, codes)
    distance = np.abs(got - reference(onnx_model, "x", codes.astype(np.int8)[:, None]))
    assert exactness(plan.steps).startswith("every quantised integer" if strict else "quantised integers follow sums")
    assert distance.max() <= (0 if strict else 1)


@pytest.mark.parametrize(("kind", "low"), [(TensorProto.INT4, -8), (TensorProto.UINT4, 0)])
def test_four_bits(kind: int, low: int) -> None:
    """Quantised to them, dequantised from them, and weights of them in blocks."""
    generator = np.random.default_rng(2)
    packed = generator.integers(low, low + 16, (4, 3))
    schema = Schema("facts", tuple(Fixed(f"x{i}", 100, -300, 300) for i in range(4)))
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize"),
        helper.make_node("DequantizeLinear", ["w", "ws"], ["weights"], "weights", axis=0, block_size=2),
        helper.make_node("MatMul", ["d", "weights"], ["y"], "product"),
    ]
    graph = helper.make_graph(
        nodes, "four bits",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.float32(0.25), "s"), helper.make_tensor("z", kind, [], [low + 7]),
         helper.make_tensor("w", kind, [4, 3], packed.ravel().tolist()),
         numpy_helper.from_array(np.float32([[0.5, 1, 2], [0.25, 0.125, 1]]), "ws")],
    )  # fmt: skip
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    codes = generator.integers(-300, 301, (300, 4)).astype(np.int64)
    plan = calibrate(
        import_model(onnx_model.SerializeToString()), schema, request=Request("score"), settings=Settings()
    )
    got = IntegerModel(plan, schema).run(codes).outputs / 1e6
    assert np.abs(got - reference(onnx_model, "x", (codes / 100).astype(np.float32)[:, None])).max() < 1e-6
    assert plan.steps[0].integer("bits") == 4


def test_integer_products_are_linear() -> None:
    generator = np.random.default_rng(5)
    schema = Schema("q", tuple(Int(f"x{i}", 0, 255) for i in range(4)))
    onnx_model = model(
        [helper.make_node("MatMulInteger", ["x", "b", "xz", "bz"], ["y"], "product")],
        {"x": (TensorProto.UINT8, [1, 4])},
        {"y": (TensorProto.INT32, [1, 3])},
        b=generator.integers(0, 256, (4, 3)).astype(np.uint8), xz=np.uint8(12), bz=np.array([0, 7, 255], np.uint8),
    )  # fmt: skip
    codes = generator.integers(0, 256, (200, 4)).astype(np.int64)
    got, plan = integers(schema, onnx_model, codes)
    assert np.array_equal(got, reference(onnx_model, "x", codes.astype(np.uint8)[:, None]))
    assert {step.kind for step in plan.steps} <= {"round"}


def digits(scale_by_channel: bool, activation: Any, folder: Path) -> tuple[onnx.ModelProto, NDArray[np.float32]]:
    """A small convolutional network as onnxruntime quantises it, quantisers around float operators."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    generator = np.random.default_rng(0)
    weights = {
        "w0": (6, 1, 3, 3), "b0": (6,), "w1": (8, 6, 3, 3), "b1": (8,), "w2": (10, 32), "b2": (10,),
    }  # fmt: skip
    tensors = {name: generator.normal(0, 0.3, shape).astype(np.float32) for name, shape in weights.items()}
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["image"], "reshape"),
        helper.make_node("Conv", ["image", "w0", "b0"], ["z0"], "conv0", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["z0"], ["a0"], "relu0"),
        helper.make_node("MaxPool", ["a0"], ["p0"], "pool0", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p0", "w1", "b1"], ["z1"], "conv1", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["z1"], ["a1"], "relu1"),
        helper.make_node("Flatten", ["a1"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "w2", "b2"], ["y"], "dense", transB=1),
    ]
    tensors["shape"] = np.array([1, 1, 8, 8])
    plain = model(nodes, {"x": (TensorProto.FLOAT, [1, 64])}, {"y": (TensorProto.FLOAT, [1, 10])}, **tensors)
    rows = (generator.integers(0, 17, (32, 64)) / 16).astype(np.float32)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        left = iter([{"x": row[None]} for row in rows])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self.left, None)

    onnx.save(plain, folder / "plain.onnx")
    quantize_static(
        folder / "plain.onnx", folder / "quantised.onnx", Reader(), quant_format=QuantFormat.QDQ,
        activation_type=activation, weight_type=QuantType.QInt8, per_channel=scale_by_channel,
    )  # fmt: skip
    return onnx.load(folder / "quantised.onnx"), rows


@pytest.mark.parametrize(("per_channel", "activation"), [(True, "QUInt8"), (False, "QInt8")])
def test_quantisers_around_float_operators_run_on_integers(per_channel: bool, activation: str, tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType

    quantised, rows = digits(per_channel, QuantType[activation], tmp_path)
    schema = Schema("pixels", tuple(Fixed(f"p{i}", 16, 0, 16) for i in range(64)))
    graph = import_model(quantised.SerializeToString())
    plan = calibrate(graph, schema, rows, request=Request("score"), settings=Settings(decimals=6))
    fresh = (np.random.default_rng(1).integers(0, 17, (100, 64)) / 16).astype(np.float32)
    batch = schema.encode_batch(np.concatenate((rows, fresh)))
    run = IntegerModel(plan, schema).run(batch.codes)
    wanted = reference(quantised, "x", np.concatenate((rows, fresh))[:, None])
    assert np.abs(run.outputs / 1e6 - wanted).max() < 2e-6  # the same integers, dequantised
    kinds = [step.kind for step in plan.steps]
    assert kinds.count("requantize") == 6
    assert "relu" not in kinds
    assert exactness(plan.steps).startswith("quantised integers follow sums and products in real arithmetic")
    pool = next(step for step in plan.steps if step.kind == "maximum")
    assert pool.inputs.width <= 9  # of the integers themselves
    solution = solve(lower(schema, plan), plan.layout, batch[0], salt=1, context=2)
    assert list(solution.values) == run.outputs[0].tolist()


def test_what_is_no_multiple_of_a_unit_is_rounded_and_says_so() -> None:
    schema = Schema("x", tuple(Fixed(f"x{i}", 100, -300, 300) for i in range(3)))
    onnx_model = model(
        [helper.make_node("MatMul", ["x", "w"], ["sum"], "sum"),
         helper.make_node("QuantizeLinear", ["sum", "s"], ["y"], "quantize")],
        {"x": (TensorProto.FLOAT, [1, 3])}, {"y": (TensorProto.UINT8, [1, 1])},
        w=np.float32([[0.7391], [-0.1123], [np.pi]]), s=np.float32(0.1),
    )  # fmt: skip
    codes = np.random.default_rng(0).integers(-300, 301, (2000, 3)).astype(np.int64)
    got, plan = integers(schema, onnx_model, codes)
    wanted = reference(onnx_model, "x", (codes / 100).astype(np.float32)[:, None])
    assert plan.steps[0].integer("rounded") == 1
    assert exactness(plan.steps) == ""
    assert np.abs(got - wanted.astype(np.int64)).max() <= 1
    assert np.count_nonzero(got != wanted) <= 20  # near thresholds only


def test_a_dynamic_range_divides_privately() -> None:
    """A half is decided by how float32 rounds the private scale: there, and nowhere else, results may differ by 1."""
    generator = np.random.default_rng(4)
    schema = Schema("x", tuple(Fixed(f"x{i}", 4, -40, 40) for i in range(4)))
    onnx_model = model(
        [helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"], "dynamic")],
        {"x": (TensorProto.FLOAT, [1, 4])},
        {"y": (TensorProto.UINT8, [1, 4])},
    )
    codes = np.concatenate((generator.integers(-40, 41, (300, 4)), [[0, 0, 0, 0], [40, 40, 40, 40]])).astype(np.int64)
    graph = import_model(onnx_model.SerializeToString())
    rows = (codes / 4).astype(np.float32)
    plan = calibrate(graph, schema, rows, request=Request("score"), settings=Settings(decimals=0, activation_bits=16))
    got = IntegerModel(plan, schema).run(codes).outputs
    error = np.abs(got - reference(onnx_model, "x", rows[:, None]).astype(np.int64))
    assert error.max() <= 1
    reach = (np.maximum(codes.max(axis=1), 0) - np.minimum(codes.min(axis=1), 0))[:, None]
    halves = (510 * codes - reach) % np.maximum(2 * reach, 1) == 0
    moved = (510 * np.minimum(codes.min(axis=1), 0)[:, None] - reach) % np.maximum(2 * reach, 1) == 0
    assert not error[~(halves | moved)].any()
    solution = solve(lower(schema, plan), plan.layout, schema.encode_batch(rows[:1])[0], salt=1, context=2)
    assert list(solution.values) == got[0].tolist()


TAMPERED: dict[str, tuple[int, ...] | int] = {
    "divisors": (4,), "bits": 40, "parities": (1,) * 4, "tables": (0, -1, -1, -1), "corrected": (4,), "at": (1, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_parameters_somebody_changed_are_refused_by_both(name: str) -> None:
    """The reference and the circuit refuse the same."""
    matrix = Sparse.selection(np.arange(4), 4).with_data(np.ones(4, dtype=np.int64))
    inputs = LinearForms(matrix, *(np.full(4, end) for end in (0, -50, 50)))
    params: dict[str, tuple[int, ...] | int] = {
        "low": 0, "bits": 2, "divisors": (4, 3, 0, 1), "tables": (-1, -1, 0, -1), "counts": (2,), "bases": (0,),
        "cuts": (-3, 9), "corrected": (1,), "at": (5,), "by": (1,),
    }  # fmt: skip
    step = Step("requantize", "q", inputs, np.zeros(4, dtype=np.int64), np.full(4, 4), 0, 0, params)
    values, cs = np.array([[9, 5, 9, -2]]), ConstraintSystem()
    x = cs.private("x", 4, (-50, 50))
    assert evaluate(step, values).tolist() == [[2, 2, 2, 0]]
    requantize(cs, vouched(step), x)
    tampered = replace(step, params=params | {name: TAMPERED[name]})
    with pytest.raises(ValueError, match=r"\w+"):
        evaluate(tampered, values)
    with pytest.raises(ValueError, match=r"\w+"):
        requantize(cs, vouched(tampered), x)


def test_other_precisions_and_scales_are_refused() -> None:
    schema = Schema("x", (Fixed("x", 100, -100, 100),))
    for scale, attributes, message in (
        (np.float32(-0.1), {}, "not positive"),
        (np.ones(3, np.float32), {"axis": 1}, "axis 1"),
    ):
        onnx_model = model(
            [helper.make_node("QuantizeLinear", ["x", "s"], ["y"], "quantize", **attributes)],
            {"x": (TensorProto.FLOAT, [1, 1])},
            {"y": (TensorProto.UINT8, [1, 1])},
            s=scale,
        )
        with pytest.raises(UnsupportedOpError, match=message):
            calibrate(import_model(onnx_model.SerializeToString()), schema)
