"""Functions of one number in a model: against onnxruntime, at the edges of their domains, and refused beyond them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from prover.errors import QuantizationError, UndefinedError, UnsupportedOpError
from prover.graph import import_model
from prover.quantization import IntegerModel, Plan, Settings, calibrate
from prover.schema import Fixed, Int, Schema

F64 = NDArray[np.float64]

APPROXIMATED = {
    "Exp": (-8, 8), "Log": (0.125, 8), "Sin": (-8, 8), "Cos": (-30, 30), "Tan": (-1.25, 1.25), "Asin": (-1, 1),
    "Acos": (-1, 1), "Atan": (-8, 8), "Sinh": (-8, 8), "Cosh": (-8, 8), "Asinh": (-8, 8), "Acosh": (1, 8),
    "Atanh": (-0.875, 0.875), "Tanh": (-8, 8), "HardSwish": (-8, 8), "Elu": (-8, 8), "Selu": (-8, 8), "Celu": (-8, 8),
    "Softplus": (-8, 8), "Softsign": (-8, 8), "Erf": (-8, 8), "Mish": (-8, 8), "Sqrt": (0, 8), "Reciprocal": (0.25, 8),
    "Gelu": (-8, 8), "HardSigmoid": (-8, 8), "LeakyRelu": (-8, 8), "ThresholdedRelu": (-8, 8), "Shrink": (-8, 8),
}  # fmt: skip

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "Elu": {"alpha": 0.6},
    "Celu": {"alpha": 1.5},
    "Gelu": {"approximate": "tanh"},
    "ThresholdedRelu": {"alpha": 1.25},
    "Shrink": {"lambd": 1.5, "bias": 0.25},
    "LeakyRelu": {"alpha": 0.125},
}

EXACT = ["Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Relu"]


def one_node(op: str, n: int = 1, inputs: dict[str, Any] | None = None, dtype: int = TensorProto.FLOAT) -> bytes:
    """A model of one node over [1, n] features; further inputs are constants."""
    extra = inputs or {}
    node = helper.make_node(op, ["X", *extra], ["y"], f"the_{op}", **ATTRIBUTES.get(op, {}))
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("X", dtype, [1, n])],
        [helper.make_tensor_value_info("y", dtype, [1, n])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in extra.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9).SerializeToString()
    )


def float_outputs(model: bytes, rows: NDArray[Any]) -> F64:
    session = onnxruntime.InferenceSession(model)
    return np.concatenate([session.run(None, {"X": row[None]})[0] for row in rows]).astype(np.float64)


def planned(model: bytes, schema: Schema, rows: NDArray[Any], fine: Settings | None = None) -> tuple[Plan, F64]:
    """The plan, and the revealed values on the rows as real numbers."""
    plan = calibrate(import_model(model), schema, rows, settings=fine or Settings())
    batch = schema.encode_batch(rows)
    run = IntegerModel(plan, schema).run(batch.codes, batch.missing)
    return plan, run.outputs / 10.0 ** np.array(plan.layout.decimals, dtype=np.float64)


def grid(low: float, high: float, scale: int = 1024, n: int = 200) -> NDArray[np.float32]:
    """Rows of one feature: the ends, zero where it is inside, and random places between, all multiples of 1/scale."""
    inside = np.random.default_rng(0).integers(int(low * scale), int(high * scale), n, endpoint=True)
    ends = [low * scale, high * scale, min(max(0, low * scale), high * scale)]
    return (np.concatenate((ends, inside)) / scale).astype(np.float32)[:, None]


def fixed(low: float, high: float, scale: int = 1024) -> Schema:
    return Schema("s", (Fixed("x", scale, int(low * scale), int(high * scale)),))


@pytest.mark.parametrize("bits", [11, pytest.param(16, marks=pytest.mark.full)])
@pytest.mark.parametrize("op", APPROXIMATED)
def test_against_onnxruntime(op: str, bits: int) -> None:
    low, high = APPROXIMATED[op]
    model, rows = one_node(op), grid(low, high)
    plan, got = planned(model, fixed(low, high), rows, Settings(bits, bits, bits + 3))
    wanted = float_outputs(model, rows)
    error = np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)
    assert float(error.max()) <= 1.25 * 2.0**-bits + 2e-6  # the table's 0.8, a linear part's rounding, float32 itself
    for step in plan.steps:
        if step.kind == "function":
            bound = step.integer("bound_billionths") / 1e9
            assert bound <= 1.06 * 2.0**-bits  # a quarter for the rounding of the argument
            if len(plan.steps) == 2:
                assert float(error.max()) <= bound + 2e-6


@pytest.mark.parametrize("op", EXACT)
@pytest.mark.parametrize("scale", [2, 4, 10, 100, 1])
def test_exact_on_exact_inputs(op: str, scale: int) -> None:
    """Every value of a decimal or binary feature; halves, whole numbers and their neighbours are among them."""
    codes = np.arange(-3 * scale - 1, 3 * scale + 2)
    schema = Schema("s", (Fixed("x", scale, int(codes[0]), int(codes[-1])),))
    rows = (codes / scale).astype(np.float32)[:, None]
    model = one_node(op)
    _, got = planned(model, schema, rows)
    assert np.allclose(got, float_outputs(model, rows), atol=1e-9 if op != "Relu" and op != "Abs" else 2.0**-9)


@pytest.mark.parametrize("op", ["Neg", "Abs", "Sign"])
def test_integer_tensors(op: str) -> None:
    rows = np.arange(-7, 8)[:, None]
    model = one_node(op, dtype=TensorProto.INT64)
    _, got = planned(model, Schema("s", (Int("x", -7, 7),)), rows.astype(np.float32))
    assert got.tolist() == float_outputs(model, rows).tolist()


CLIPS = [({"low": -1.0}, -1, 9), ({"low": -1.5, "high": 2.25}, -1.5, 2.25), ({"low": 3.0, "high": -3.0}, -3, -3)]


@pytest.mark.parametrize(("ends", "least", "most"), CLIPS)
def test_clip(ends: dict[str, float], least: float, most: float) -> None:
    rows = grid(-4, 4)
    model = one_node("Clip", inputs={name: np.float32(value) for name, value in ends.items()})
    _, got = planned(model, fixed(-4, 4), rows)
    assert np.allclose(got, np.minimum(np.maximum(rows, least), most), atol=1e-3)


def test_clip_without_ends_costs_nothing() -> None:
    model = one_node("Clip", inputs={"low": np.float32(-np.inf), "high": np.finfo(np.float32).max})
    plan, _ = planned(model, fixed(-4, 4), grid(-4, 4))
    assert [step.kind for step in plan.steps] == ["round"]


def test_prelu_with_a_slope_for_every_channel() -> None:
    model = one_node("PRelu", 2, {"slope": np.array([0.25, -0.5], np.float32)})
    schema = Schema("s", (Fixed("a", 4, -16, 16), Fixed("b", 4, -16, 16)))
    rows = np.stack((np.linspace(-4, 4, 33), np.linspace(4, -4, 33)), axis=1).astype(np.float32)
    _, got = planned(model, schema, rows)
    assert np.allclose(got, float_outputs(model, rows), atol=1e-3)


@pytest.mark.parametrize(
    ("op", "low", "high"),
    [("Log", -4, 4), ("Sqrt", -4, -1), ("Log", -4, 0), ("Asin", -3, 3), ("Acosh", 0.5, 4), ("Atanh", -2, 2)],
)
def test_arguments_outside_the_domain_are_refused_by_name(op: str, low: float, high: float) -> None:
    with pytest.raises((QuantizationError, UnsupportedOpError), match=f"the_{op}"):
        planned(one_node(op), fixed(low, high), grid(low, high))


@pytest.mark.parametrize(("op", "low", "high"), [("Log", -4, 4), ("Asin", -3, 3), ("Acosh", 0, 4)])
def test_inputs_outside_the_domain_have_no_proof(op: str, low: float, high: float) -> None:
    """The model gives no number for what the schema admits there: no clamp makes one up."""
    inside = {"Log": (0.5, 4), "Asin": (-0.75, 0.75), "Acosh": (1.25, 4)}[op]
    rows = grid(*inside)
    model = one_node(op)
    plan, got = planned(model, fixed(low, high), rows)
    assert np.allclose(got, float_outputs(model, rows), atol=2e-3)
    outside = np.array([[-4 << 10], [0]] if op == "Log" else [[-3 << 10], [1 << 8]] if op == "Asin" else [[0], [1023]])
    codes = np.concatenate([outside[:1], np.rint(rows[:1] * 1024).astype(np.int64)])
    run = IntegerModel(plan, fixed(low, high)).run(codes)
    assert run.refused.tolist() == [True, False]
    with pytest.raises(UndefinedError, match=f"the_{op}: the model gives no number for input 0"):
        run.require_decided()
    edge = IntegerModel(plan, fixed(low, high)).run(outside[1:])
    assert edge.refused.tolist() == [op == "Log"]  # 1023/1024 may be a rounded 1


def test_the_logarithm_of_an_income_is_right_far_above_the_samples() -> None:
    schema = Schema("s", (Int("income", 1, 1_000_000),))
    rows = np.exp(np.random.default_rng(1).normal(10, 0.5, (200, 1))).round().astype(np.float32)
    plan, _ = planned(one_node("Log"), schema, rows)
    codes = np.rint(np.geomspace(1, 1e6, 400)).astype(np.int64)[:, None]
    found = IntegerModel(plan, schema).run(codes).outputs / 10.0 ** np.array(plan.layout.decimals)
    assert not {"clamp_lo", "clamp_hi"} & set(plan.steps[0].params)
    assert np.abs(found - np.log(codes)).max() < 8e-3  # a part of 14


@pytest.mark.parametrize(("op", "worst"), [("Log", 4.0), ("Sqrt", 4.0), ("Acos", 1.0)])
def test_roots_and_tables_are_right_up_to_the_domains_end(op: str, worst: float) -> None:
    """Samples that end before the domain does, in a schema that goes beyond it."""
    schema = fixed(-4, 4)
    plan, _ = planned(one_node(op), schema, grid(0.25, worst))
    codes = np.arange(-4096, 4097, 16)[:, None]
    run = IntegerModel(plan, schema).run(codes)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = float_outputs(one_node(op), (codes / 1024).astype(np.float32))
    assert np.array_equal(run.refused, ~np.isfinite(wanted[:, 0]))
    inside = ~run.refused & (codes[:, 0] >= 128)
    assert np.abs(run.outputs[inside] / 1e6 - wanted[inside]).max() < 2e-3


def test_results_outside_the_samples_stay_what_they_are_at_the_clamp() -> None:
    schema = fixed(-64, 64)
    plan, _ = planned(one_node("Exp"), schema, grid(-2, 2))
    step = plan.steps[0]
    run = IntegerModel(plan, schema).run(np.array([[2 << 10], [40 << 10], [64 << 10]]))
    assert run.outputs[1] == run.outputs[2] > run.outputs[0]
    assert "clamp_hi" in step.params
    assert "clamp_lo" not in step.params  # towards 0 the exponential needs no cut


@pytest.mark.parametrize(
    ("op", "low", "high", "samples"),
    [
        ("Log", 0.25, 16, (2, 6)),
        ("Atanh", -0.5, 0.75, (-0.25, 0.25)),
        ("Asinh", -8, 32, (-4, 4)),
        ("Cos", -3, 3, (0, 1)),
        ("Log", 1 / 512, 96, (0.25, 4)),
    ],
)
def test_a_table_covers_the_proven_range_where_that_costs_little(
    op: str, low: float, high: float, samples: tuple[float, float]
) -> None:
    model = one_node(op)
    plan, _ = planned(model, fixed(low, high), grid(*samples))
    assert not any(name.startswith("clamp") for step in plan.steps for name in step.params)
    rows = grid(low, high)
    codes = np.rint(rows * 1024).astype(np.int64)
    found = IntegerModel(plan, fixed(low, high)).run(codes).outputs / 1e6
    assert np.abs(found - float_outputs(model, rows)).max() < 2e-3


@given(
    st.sampled_from(["Tanh", "Gelu", "Exp", "Softplus", "Erf", "Sin", "Atan", "Elu", "Sqrt", "Log", "Floor", "Round"]),
    st.integers(-40, 40),
    st.integers(1, 200),
    st.sampled_from([1, 8, 1024]),
)
@settings(max_examples=40, deadline=None)
def test_any_range_of_facts(op: str, start: int, length: int, scale: int) -> None:
    """Nearly constant features, one-sided and wide ranges."""
    low, high = start * scale // 8, (start + length) * scale // 8 + 1
    if op in ("Sqrt", "Log"):
        low, high = low - min(low, 0) + (op == "Log"), high - min(low, 0) + (op == "Log")
    if op == "Exp" and high / scale > 12:
        return
    schema = Schema("s", (Fixed("x", scale, low, high), Fixed("other", 8, -8, 8)))
    codes = np.unique(np.linspace(low, high, 41).astype(np.int64))
    rows = np.stack((codes / scale, np.zeros(codes.size)), axis=1).astype(np.float32)
    rows[0, 1] = 1.0
    if op in ("Sqrt", "Log"):
        rows[:, 1] = 1.0
        schema = Schema("s", (Fixed("x", scale, low, high), Fixed("other", 8, 8, 16)))
    model = one_node(op, 2)
    _, got = planned(model, schema, rows)
    wanted = float_outputs(model, rows)
    tolerance = 2.0**-11 if op not in ("Floor", "Round") else 1e-9
    assert float((np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)).max()) <= tolerance


def test_a_huge_range_keeps_the_precision_where_the_samples_are() -> None:
    schema = Schema("s", (Fixed("x", 1024, -(1 << 40), 1 << 40),))
    for op in ("Gelu", "Tanh", "Softplus", "Exp", "Sin"):
        rows = grid(-4, 4)
        model = one_node(op)
        _, got = planned(model, schema, rows)
        wanted = float_outputs(model, rows)
        assert float((np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)).max()) <= 2.0**-10.5, op


def chain(nodes: list[Any], constants: dict[str, float]) -> bytes:
    """A model of nodes from X to y over [1, 2] features, with scalar constants."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.float32(value), name) for name, value in constants.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    )


def node(op: str, inputs: list[str], output: str) -> Any:
    return helper.make_node(op, inputs, [output], f"{op}_{output}")


GATES = {
    "silu": chain([node("Sigmoid", ["X"], "s"), node("Mul", ["X", "s"], "y")], {}),
    "quick gelu": chain(
        [node("Mul", ["X", "k"], "u"), node("Sigmoid", ["u"], "s"), node("Mul", ["s", "X"], "y")], {"k": 1.702}
    ),
    "gelu": chain(
        [
            node("Div", ["X", "root"], "u"),
            node("Erf", ["u"], "e"),
            node("Add", ["e", "one"], "g"),
            node("Mul", ["X", "g"], "p"),
            node("Mul", ["p", "half"], "y"),
        ],
        {"root": 2.0**0.5, "one": 1.0, "half": 0.5},
    ),
    "mish": chain(
        [node("Softplus", ["X"], "s"), node("Tanh", ["s"], "t"), node("Mul", ["X", "t"], "y")],
        {},
    ),
    "tanh gate": chain(
        [node("Mul", ["X", "k"], "u"), node("Tanh", ["u"], "t"), node("Mul", ["t", "X"], "y")], {"k": -0.7}
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_exported_gates_are_one_table(name: str) -> None:
    schema = Schema("s", (Fixed("a", 256, -2048, 2048), Fixed("b", 256, -2048, 2048)))
    rows = np.concatenate((grid(-8, 8, 256), grid(-8, 8, 256)[::-1]), axis=1)
    plan, got = planned(GATES[name], schema, rows)
    assert [step.kind for step in plan.steps] == ["function", "round"]
    wanted = float_outputs(GATES[name], rows)
    assert float((np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)).max()) <= 2.0**-10


def test_a_gate_of_something_else_is_a_product() -> None:
    model = chain(
        [node("Add", ["X", "one"], "u"), node("Sigmoid", ["u"], "s"), node("Mul", ["X", "s"], "y")], {"one": 1.0}
    )
    schema = Schema("s", (Fixed("a", 256, -1024, 1024), Fixed("b", 256, -1024, 1024)))
    rows = np.concatenate((grid(-4, 4, 256), grid(-4, 4, 256)[::-1]), axis=1)
    plan, got = planned(model, schema, rows)
    assert "contract" in [step.kind for step in plan.steps]
    assert np.allclose(got, float_outputs(model, rows), atol=8e-3)


def mlp_of(act: str, widths: list[int], gain: float, seed: int) -> bytes:
    """Gemm and ``act`` in turn, a Gemm last."""
    draw = np.random.default_rng(seed)
    nodes, weights, last = [], {}, "X"
    for index, (inner, outer) in enumerate(itertools.pairwise(widths)):
        weights[f"w{index}"] = (draw.normal(size=(inner, outer)) * gain / np.sqrt(inner)).astype(np.float32)
        weights[f"b{index}"] = (draw.normal(size=outer) * 0.3).astype(np.float32)
        is_last = index == len(widths) - 2
        name = "y" if is_last else f"z{index}"
        nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [name], f"gemm{index}"))
        if not is_last:
            last = f"a{index}"
            nodes.append(helper.make_node(act, [name], [last], f"act{index}"))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, widths[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, widths[-1]])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString()
    )


@pytest.mark.parametrize("gain", [0.3, 1.0, 6.0])
@pytest.mark.parametrize(("act", "width"), [("Tanh", 40), ("Gelu", 40), ("Sigmoid", 800), ("Softplus", 300)])
def test_networks_keep_the_bits_their_readers_round(act: str, width: int, gain: float) -> None:
    """The last hidden layer is not rounded, whatever the weights are; the sums that read it fit all the same."""
    model = mlp_of(act, [6, 16, width, 1], gain, seed=width)
    schema = Schema("s", tuple(Fixed(f"f{i}", 64, -256, 256) for i in range(6)))
    rows = (np.random.default_rng(1).integers(-256, 257, (60, 6)) / 64).astype(np.float32)
    plan, got = planned(model, schema, rows)
    last = [step for step in plan.steps if step.kind == "function"][-1]
    assert last.integer("out_shift") == 0 or (act, gain) == ("Softplus", 6.0)  # there sums have no room to spare
    wanted = float_outputs(model, rows)
    assert float(np.abs(got - wanted).max()) <= 0.01 * max(gain**2, 1.0)


def test_weights_that_are_not_finite_are_refused_by_name() -> None:
    model = chain([node("Mul", ["X", "k"], "u"), node("Tanh", ["u"], "y")], {"k": 3e38})
    schema = Schema("s", (Fixed("a", 1, -100, 100), Fixed("b", 1, -100, 100)))
    rows = np.arange(-100, 100, dtype=np.float32).reshape(-1, 2)
    with pytest.raises(QuantizationError, match="Tanh_y"):
        planned(model, schema, rows)
