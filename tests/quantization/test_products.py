"""Products, quotients, powers and reductions of computed values, against onnxruntime and in the integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from prover.errors import QuantizationError, UnsupportedOpError
from prover.graph import import_model
from prover.quantization import IntegerModel, Request, Settings, calibrate
from prover.schema import Fixed, Int, Schema
from tests.quantization.agreement import agreement
from tests.quantization.nets import model

FINE = Settings(activation_bits=18, hidden_error_bits=18, logit_error_bits=18)

RNG = np.random.default_rng(3)
W = RNG.normal(size=(6, 4)).astype(np.float32) / 2
V = RNG.normal(size=(6, 4)).astype(np.float32) / 2
POSITIVE = np.abs(W[:, :1])


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), [output], output, **attributes)


def dense(name: str, weights: str) -> Any:
    return node("MatMul", f"X {weights}", name)


MATRIX = [node("Reshape", "X two", "m"), node("Transpose", "m", "t", perm=[1, 0])]

CASES: dict[str, tuple[list[Any], list[int]]] = {
    "square": ([node("Mul", "X X")], [1, 6]),
    "product": ([dense("a", "W"), dense("b", "V"), node("Mul", "a b")], [1, 4]),
    "broadcast": ([dense("a", "p"), node("Mul", "X a")], [1, 6]),
    "gram": ([*MATRIX, node("MatMul", "m t")], [2, 2]),
    "gemm": ([*MATRIX, node("Gemm", "m m c", alpha=0.5, beta=2.0, transB=1)], [2, 2]),
    "batched": ([node("Reshape", "X batch", "m"), node("Transpose", "m", "t", perm=[0, 2, 1]), node("MatMul", "t m")],
                [2, 3, 3]),
    "batch of a constant": ([node("Reshape", "X batch", "m"), node("MatMul", "k m")], [2, 2, 3]),
    "vector": ([node("Reshape", "X six", "v"), node("MatMul", "v v")], []),
    "quotient": ([dense("a", "W"), dense("b", "V"), node("Mul", "b b", "s"), node("Add", "s one", "d"),
                  node("Div", "a d")], [1, 4]),
    "negative divisor": ([node("Mul", "X X", "s"), node("Add", "s one", "d"), node("Neg", "d", "n"),
                          node("Div", "X n")], [1, 6]),
    "shared divisor": ([node("Mul", "X X", "s"), node("ReduceSum", "s axis", "t"), node("Add", "t one", "d"),
                        node("Div", "X d")], [1, 6]),
    "cube": ([node("Pow", "X three")], [1, 6]),
    "inverse square": ([node("Mul", "X X", "s"), node("Add", "s one", "d"), node("Pow", "d minus_two")], [1, 6]),
    "root": ([node("Mul", "X X", "s"), node("Pow", "s half")], [1, 6]),
    "inverse root": ([node("Mul", "X X", "s"), node("Add", "s one", "d"), node("Pow", "d minus_half")], [1, 6]),
    "power": ([node("Mul", "X X", "s"), node("Add", "s one", "d"), node("Pow", "d fraction")], [1, 6]),
    "power of what may be 0": ([node("Relu", "X", "r"), node("Pow", "r fraction")], [1, 6]),
    "exponential": ([node("Pow", "one X")], [1, 6]),
    "several powers": ([node("Pow", "X powers")], [1, 6]),
    "einsum": ([node("Reshape", "X batch", "m"), node("Einsum", "m m", equation="bij,bik->bjk")], [2, 3, 3]),
    "einsum of three": ([*MATRIX, node("Einsum", "m t m", equation="ij,jk,kl->il")], [2, 3]),
    "einsum with an ellipsis": ([node("Reshape", "X batch", "m"), node("Einsum", "m k", equation="...ij,ki->...kj")],
                                [2, 2, 3]),
    "sum of squares": ([node("ReduceSumSquare", "X", axes=[1])], [1, 1]),
    "L1": ([node("ReduceL1", "X", axes=[1])], [1, 1]),
    "L2": ([node("ReduceL2", "X", axes=[1])], [1, 1]),
    "log of a sum": ([node("Mul", "X X", "s"), node("Add", "s one", "d"), node("ReduceLogSum", "d", axes=[1])], [1, 1]),
    "log of exponentials": ([node("ReduceLogSumExp", "X", axes=[1], keepdims=0)], [1]),
    "product of all": ([node("Reshape", "X batch", "m"), node("ReduceProd", "m", axes=[2])], [2, 1, 1]),
    "mean of three": ([dense("a", "W"), dense("b", "V"), node("Mean", "a b c4")], [1, 4]),
}  # fmt: skip

WEIGHTS = {
    "W": W, "V": V, "p": POSITIVE, "c": np.float32([[0.5, -1.0]]), "c4": np.float32([1, 2, 3, 4]),
    "two": np.array([2, 3]), "six": np.array([6]), "batch": np.array([2, 1, 3]), "axis": np.array([1]),
    "k": np.float32([[0.5], [-2.0]]), "one": np.float32(1.5), "three": np.float32(3), "minus_two": np.float32(-2),
    "half": np.float32(0.5), "minus_half": np.float32(-0.5), "fraction": np.float32(1.7),
    "powers": np.float32([[0, 1, 2, 2, 3, 1]]),
}  # fmt: skip


CURVED = ("power", "power of what may be 0", "exponential", "log of a sum", "log of exponentials")
"""Cases with a function's table, which takes seconds to find at fine settings; tests of functions do."""


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_onnxruntime(name: str) -> None:
    """At default settings within a few thousandths of the values, and far closer at finer settings."""
    nodes, shape = CASES[name]
    used = {item for one in nodes for item in one.input} & WEIGHTS.keys()
    weights = {key: WEIGHTS[key] for key in used}
    ends = (-2.0, 2.0)
    coarse = agreement(nodes, weights, 6, shape, ends=ends)
    assert coarse.error < (0.03 if name in CURVED else 0.01)
    if name not in CURVED:
        assert agreement(nodes, weights, 6, shape, ends=ends, settings=FINE).error < 3e-4


def test_exact_operands_have_exact_products() -> None:
    """A product of facts keeps every bit: the error is that of the revealed decimals, and it costs one constraint."""
    found = agreement([node("Mul", "X X", "s"), node("Mul", "s one")], {"one": np.float32(1.0)}, 4, [1, 4])
    assert found.error < 1e-6
    assert found.constraints == 4


def test_products_of_decimal_facts_are_exact() -> None:
    """Hundredths are no powers of two: their products are counted in ten-thousandths, with no rounding at all."""
    schema = Schema("money", (Fixed("a", 100, -999, 999), Fixed("b", 10, -999, 999)))
    nodes = [
        node("Gather", "X i", "g", axis=1),
        node("Gather", "X j", "h", axis=1),
        node("Mul", "h minus", "n"),
        node("Mul", "g n"),
    ]
    data = model(
        nodes, {"i": np.array([0]), "j": np.array([1]), "minus": np.float32(-2)}, 2, {"y": (TensorProto.FLOAT, [1, 1])}
    )
    codes = np.array([[999, -999], [-999, -999], [1, 1], [0, 5], [7, -13]])
    plan = calibrate(import_model(data), schema, codes / [100, 10], request=Request("score"), settings=Settings())
    assert [step.kind for step in plan.steps] == ["contract", "round"]
    assert plan.steps[0].integer("shift") == 0
    run = IntegerModel(plan, schema).run(codes)
    assert run.outputs[:, 0].tolist() == (-2000 * codes[:, 0] * codes[:, 1]).tolist()


def test_a_number_times_its_sigmoid_is_one_function() -> None:
    nodes = [dense("a", "W"), node("Sigmoid", "a", "s"), node("Mul", "s a")]
    found = agreement(nodes, {"W": W}, 6, [1, 4])
    assert [step.kind for step in found.plan.steps] == ["function", "round"]
    assert found.error < 4e-3


def test_rounding_pays_where_many_read() -> None:
    """The same product is kept as it is for one reader, and rounded for sixty."""
    spread = RNG.normal(size=(6, 60)).astype(np.float32)
    for weights, rounded in ((spread[:, :1], False), (spread, True)):
        nodes = [node("Mul", "X X", "p"), node("MatMul", "p u", "z"), node("Relu", "z")]
        found = agreement(nodes, {"u": weights}, 6, [1, weights.shape[1]], lower_too=False)
        step = next(step for step in found.plan.steps if step.kind == "contract")
        assert (step.integer("shift") > 0) == rounded
        assert found.error < 0.01


def test_wide_products_are_rounded() -> None:
    """Six factors of twenty bits each do not fit 61 bits: operands and sums are rounded, in relative terms little."""
    nodes = [node("Mul", "X X", "a"), node("Mul", "a a", "b"), node("Mul", "a b")]
    found = agreement(nodes, {}, 2, [1, 2], ends=(-64.0, 64.0), lower_too=False)
    assert found.error < 64.0**6 * 1e-4
    for step in found.plan.steps:
        if step.kind == "contract":
            assert max(int(step.hi.max()), -int(step.lo.min())).bit_length() <= 61
    first = found.plan.steps[0]
    assert first.integer("shift") == 0
    assert int(first.hi.max()).bit_length() <= 40


def test_integers_are_multiplied_and_divided_exactly() -> None:
    schema = Schema("integers", (Int("a", -9, 9), Int("b", -4, 4)))
    for op, function in (("Mul", lambda a, b: a * b), ("Div", lambda a, b: int(a / b) if b else None)):
        nodes = [
            node("Cast", "X", "i", to=TensorProto.INT64),
            helper.make_node("Split", ["i", "halves"], ["a", "b"], "split", axis=1),
            node(op, "a b"),
        ]
        data = model(nodes, {"halves": np.array([1, 1])}, 2, {"y": (TensorProto.INT64, [1, 1])})
        rows = np.array([[a, b] for a in range(-9, 10) for b in range(-4, 5)])
        plan = calibrate(import_model(data), schema, rows, request=Request("score"), settings=Settings(decimals=0))
        run = IntegerModel(plan, schema).run(rows)
        for (a, b), got in zip(rows.tolist(), run.outputs[:, 0].tolist(), strict=True):
            assert function(a, b) in (got, None), (op, a, b)
    assert plan.steps[0].params["clamp_lo"] == 1  # a divisor of 0 is possible, and says so


def test_a_divisor_that_may_be_zero_is_saturated_and_reported() -> None:
    found = agreement([node("Mul", "X X", "s"), node("Div", "X s")], {}, 4, [1, 4])
    step = next(step for step in found.plan.steps if step.kind == "quotient")
    assert step.integer("clamp_lo") >= 1
    assert step.integer("sign") == 1
    nodes = [node("Gather", "X i", "g", axis=1), node("Gather", "X j", "h", axis=1), node("Div", "g h")]
    found = agreement(nodes, {"i": np.array([0]), "j": np.array([1])}, 2, [1, 1])
    assert next(step for step in found.plan.steps if step.kind == "quotient").integer("sign") == 0


def compiled(nodes: list[Any], schema: Schema, rows: np.ndarray, **weights: Any) -> None:
    data = model(nodes, weights, len(schema), {"y": (TensorProto.FLOAT, [1, 1])})
    calibrate(import_model(data), schema, rows, request=Request("score"))


def test_what_cannot_be_divided_is_refused_by_name() -> None:
    schema = Schema("zero", (Fixed("a", 4, 0, 40), Fixed("b", 4, 0, 40)))
    nodes = [node("Gather", "X i", "g", axis=1), node("Gather", "X j", "h", axis=1), node("Div", "g h")]
    with pytest.raises(QuantizationError, match=r"y: its divisor is 0 in every sample"):
        compiled(nodes, schema, np.array([[1.0, 0.0], [2.0, 0.0]]), i=np.array([0]), j=np.array([1]))
    nodes = [node("Gather", "X i", "g", axis=1), node("Div", "g z")]
    with pytest.raises(UnsupportedOpError, match="constant zero"):
        compiled(nodes, schema, np.array([[1.0, 0.0]]), i=np.array([0]), z=np.float32(0))
    with pytest.raises(QuantizationError, match=r"root is of no positive number"):
        compiled(
            [node("ReduceSumSquare", "X", "s", axes=[1]), node("Pow", "s h")],
            schema,
            np.zeros((2, 2)),
            h=np.float32(0.5),
        )


def test_products_beyond_61_bits_are_refused_by_name() -> None:
    schema = Schema("wide", (Int("a", -(2**40), 2**40), Int("b", -(2**40), 2**40)))
    nodes = [
        node("Gather", "X i", "g", axis=1),
        node("Gather", "X j", "h", axis=1),
        node("Cast", "g", "gi", to=TensorProto.INT64),
        node("Cast", "h", "hi", to=TensorProto.INT64),
        node("Mul", "gi hi", "p"),
        node("Cast", "p", "y", to=TensorProto.FLOAT),
    ]
    with pytest.raises((QuantizationError, UnsupportedOpError), match=r"p"):
        compiled(nodes, schema, np.array([[1.0, 2.0]]), i=np.array([0]), j=np.array([1]))


@given(
    st.lists(st.tuples(st.integers(-64, 64), st.integers(0, 64)), min_size=2, max_size=2),
    st.integers(-96, 96).filter(lambda value: abs(value) > 8),
)
@settings(max_examples=25, deadline=None)
def test_any_ranges_and_signs(ranges: list[tuple[int, int]], offset: int) -> None:
    """x * y and x / (y^2 + y * offset / 16 + offset) on any declared ranges: the proven bounds hold at their ends."""
    schema = Schema("any", tuple(Fixed(f"x{i}", 16, low, low + span + 1) for i, (low, span) in enumerate(ranges)))
    corners = np.array([[a, b] for a in (ranges[0][0], sum(ranges[0]) + 1) for b in (ranges[1][0], sum(ranges[1]) + 1)])
    nodes = [
        node("Gather", "X i", "g", axis=1),
        node("Gather", "X j", "h", axis=1),
        node("Mul", "h h", "s"),
        node("Add", "s c", "d"),
        node("Div", "g d", "q"),
        node("Mul", "g h", "p"),
        node("Add", "p q"),
    ]
    weights = {"i": np.array([0]), "j": np.array([1]), "c": np.float32(offset)}
    data = model(nodes, weights, 2, {"y": (TensorProto.FLOAT, [1, 1])})
    rows = corners / 16.0
    plan = calibrate(import_model(data), schema, rows, request=Request("score"), settings=Settings())
    run = IntegerModel(plan, schema).run(corners)
    x, y = rows.T
    with np.errstate(divide="ignore"):
        wanted = x * y + x / (y * y + offset)
    far = np.abs(y * y + offset) > 0.25
    np.testing.assert_allclose(run.outputs[far, 0] / 1e6, wanted[far], atol=2e-2, rtol=2e-2)


def test_a_variable_that_samples_never_show_is_not_rounded_away() -> None:
    """``(1 - x0 x1) x2``, calibrated where x0 is 0: forms that lose nothing cost a product no constraint more."""
    nodes = [
        helper.make_node("Split", ["X"], ["a", "b", "c"], "split", axis=1),
        helper.make_node("Mul", ["a", "b"], ["m"], "inner"),
        helper.make_node("Sub", ["one", "m"], ["rest"], "rest"),
        helper.make_node("Mul", ["rest", "c"], ["y"], "outer"),
    ]
    data = model(nodes, {"one": np.float32([[1.0]])}, 3, {"y": (1, [1, 1])})
    schema = Schema("s", tuple(Fixed(f"x{index}", 256, 0, 256) for index in range(3)))
    rows = np.random.default_rng(1).integers(0, 257, (40, 3)) / 256
    rows[:, 0] = 0.0
    codes = np.random.default_rng(2).integers(0, 257, (100, 3))
    found = IntegerModel(calibrate(import_model(data), schema, rows), schema).run(codes).outputs[:, 0] / 1e6
    x = codes / 256
    assert np.abs(found - (1 - x[:, 0] * x[:, 1]) * x[:, 2]).max() < 1e-3
