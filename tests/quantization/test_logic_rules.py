"""Comparisons, logic, choices, casts and remainders: exact on exact facts, free where a category or boolean decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prover.errors import QuantizationError, UnsupportedOpError
from prover.graph import import_model
from prover.quantization import IntegerModel, Request, calibrate
from prover.schema import Category, Fixed, Int, Schema
from tests.quantization.exact import BOOL, FLOAT, INT64, MIXED, column, exact, kinds, one
from tests.quantization.nets import mlp, model

CUTS = np.array([4, 1, 0.5, 0.37, -1.29, 2], dtype=np.float32)


@pytest.mark.parametrize("op", ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"])
def test_columns_against_constants(op: str) -> None:
    """0.37 of a decimal feature is no binary fraction, and no float32: cuts are found in counts of a hundredth."""
    nodes = [one(op, ["X", "c"], "b"), one("Cast", ["b"], "y", to=INT64)]
    plan = exact(nodes, {"c": CUTS}, [1, 6])
    # The category and the boolean take few values, so that any function of them is linear.
    assert [len(step.inputs) for step in plan.steps if step.kind in ("compare", "equal")] == [4]


@pytest.mark.parametrize("op", ["Greater", "LessOrEqual", "Equal"])
def test_columns_against_each_other(op: str) -> None:
    nodes = [*column(3, "a"), *column(4, "b"), one(op, ["a", "b"], "t"), one("Cast", ["t"], "y", to=INT64)]
    plan = exact(nodes, {}, [1, 1])
    (step,) = [step for step in plan.steps if step.kind != "round"]
    assert sorted(np.abs(step.inputs.matrix.data).tolist()) == [1, 1]  # counts, not fractions


def test_repeated_comparisons_are_one() -> None:
    nodes = [*column(0, "a"), one("Greater", ["a", "c"], "b"), one("Cast", ["b"], "y", to=INT64)]
    plan = exact(nodes, {"c": np.full((3, 2), 5, dtype=np.float32)}, [3, 2])
    assert [len(step.inputs) for step in plan.steps if step.kind == "compare"] == [1]


def test_sums_that_are_not_commensurable_are_rounded() -> None:
    """Weights of a third: the comparison of a rounded sum, as precise as a logit."""
    w = np.array([1 / 3, 0, 0, 0.7, -0.2, 1], dtype=np.float32)[:, None]
    nodes = [one("MatMul", ["X", "w"], "m"), one("Greater", ["m", "c"], "b"), one("Cast", ["b"], "y", to=INT64)]
    plan = exact(nodes, {"w": w, "c": np.array([1.2345], dtype=np.float32)}, [1, 1])
    assert [step.fraction_bits > 10 for step in plan.steps if step.kind == "compare"] == [True]


def test_sums_that_are_commensurable_but_too_wide_are_rounded() -> None:
    """A millionth of one feature and a million of another: in counts the sum would need 64 bits."""
    schema = Schema("wide", (Int("a", 0, 1 << 24), Int("b", 0, 1 << 24)))
    nodes = [one("MatMul", ["X", "w"], "m"), one("Greater", ["m", "c"], "b"), one("Cast", ["b"], "y", to=INT64)]
    weights = {"w": np.array([[2.0**-20], [2.0**20]], np.float32), "c": np.array([3.0 * 2**40], np.float32)}
    rows = np.array([[5, 3 << 20], [5, (3 << 20) + 1], [0, 9], [1 << 24, 1 << 24]])
    exact(nodes, weights, [1, 1], schema=schema, batch=schema.encode_batch(rows))


def test_equality_of_rounded_sums_is_refused() -> None:
    w = np.array([1 / 3, 0, 0, 0.7, -0.2, 1], dtype=np.float32)[:, None]
    nodes = [one("MatMul", ["X", "w"], "m"), one("Equal", ["m", "c"], "b"), one("Cast", ["b"], "y", to=INT64)]
    graph = import_model(model(nodes, {"w": w, "c": np.array([1.2345], np.float32)}, 6, {"y": (INT64, [1, 1])}))
    with pytest.raises(QuantizationError, match="rounding would decide"):
        calibrate(graph, MIXED)


def test_a_probability_against_a_constant_compares_logits() -> None:
    nodes = [
        one("MatMul", ["X", "w"], "m"),
        one("Sigmoid", ["m"], "p"),
        one("Greater", ["p", "c"], "b"),
        one("Cast", ["b"], "y", to=INT64),
    ]
    weights = {"w": np.eye(6, 3, dtype=np.float32), "c": np.array([0.75, 0.0, 1.5], dtype=np.float32)}
    plan = exact(nodes, weights, [1, 3])
    assert kinds(plan) == ["compare"]


FLAGS = [*column(0, "a"), *column(3, "b"), one("Greater", ["a", "zero"], "p"), one("Less", ["b", "zero"], "q")]
ZERO = {"zero": np.zeros(1, dtype=np.float32)}


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic_of_two_conditions(op: str) -> None:
    plan = exact([*FLAGS, one(op, ["p", "q"], "t"), one("Not", ["t"], "y")], ZERO, [1, 1], BOOL)
    assert kinds(plan) == ["compare", "compare", "contract"]


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
@pytest.mark.parametrize("flag", [False, True])
def test_logic_with_a_constant_is_linear(op: str, flag: bool) -> None:
    nodes = [*column(2, "o", BOOL), one(op, ["o", "k"], "y")]
    assert kinds(exact(nodes, {"k": np.array([flag])}, [1, 1], BOOL)) == []


@pytest.mark.parametrize(
    ("left", "right", "steps"),
    [("a", "c", ["select"]), ("two", "c", ["select"]), ("two", "seven", []), ("a", "a", [])],
)
def test_choices_of_whole_numbers(left: str, right: str, steps: list[str]) -> None:
    nodes = [
        *column(0, "a", INT64),
        *column(5, "c", INT64),
        *column(2, "o", BOOL),
        one("Where", ["o", left, right], "y"),
    ]
    weights = {"two": np.array([2]), "seven": np.array([7])}
    assert kinds(exact(nodes, weights, [1, 1])) == steps


def test_choices_of_other_numbers() -> None:
    nodes = [*column(3, "a"), *column(4, "b"), *column(2, "o", BOOL), one("Where", ["o", "a", "b"], "y")]
    assert kinds(exact(nodes, {}, [1, 1], FLOAT)) == ["select"]


def test_choices_of_activations() -> None:
    nodes = [
        one("MatMul", ["X", "w"], "m"),
        one("Relu", ["m"], "r"),
        *column(2, "o", BOOL),
        one("Where", ["o", "r", "m"], "y"),
    ]
    w = np.array([1 / 3, 0, 0, 0.7, -0.2, 1], dtype=np.float32)[:, None]
    assert kinds(exact(nodes, {"w": w}, [1, 1], FLOAT, atol=2e-3)) == ["relu", "contract"]


def test_a_constant_condition_moves() -> None:
    nodes = [one("Where", ["k", "X", "z"], "y")]
    weights = {"k": np.array([[True, False] * 3]), "z": np.float32(0.5)}
    assert kinds(exact(nodes, weights, [1, 6], FLOAT)) == []


OPTIONAL = Schema("optional", (Fixed("rate", 100, -200, 300, optional=True), Int("age", 0, 9, optional=True)))


@pytest.mark.parametrize("negated", [False, True])
def test_missing_values_are_filled_in_by_where(negated: bool) -> None:
    """As torch.nan_to_num and its like are exported: linear, since a missing number has slot 0."""
    condition = [one("IsNaN", ["s"], "n"), *([one("Not", ["n"], "m")] if negated else [])]
    choice = ["m", "s", "fill"] if negated else ["n", "fill", "s"]
    nodes = [one("Squeeze", ["X"], "s"), *condition, one("Where", choice, "y")]
    weights = {"fill": np.array([7.25, 3], np.float32)}
    assert kinds(exact(nodes, weights, [2], FLOAT, schema=OPTIONAL, optional=True)) == []


def test_another_condition_does_not_fill_in() -> None:
    nodes = [one("IsNaN", ["X"], "n"), one("Gather", ["n", "i"], "m", axis=1), one("Where", ["m", "fill", "X"], "y")]
    weights = {"i": np.array([1, 0]), "fill": np.array([7.25, 3], np.float32)}
    graph = import_model(model(nodes, weights, 2, {"y": (FLOAT, [1, 2])}))
    with pytest.raises(UnsupportedOpError, match="may be missing"):
        calibrate(graph, OPTIONAL)


@pytest.mark.parametrize("op", ["Min", "Max"])
def test_extremes_of_several_tensors(op: str) -> None:
    nodes = [*column(0, "a"), one(op, ["a", "X", "c"], "m"), one("Cast", ["m"], "y", to=INT64)]
    schema = Schema("whole", tuple(Int(f"n{index}", -9, 9 + index) for index in range(6)))
    exact(nodes, {"c": np.float32(2)}, [1, 6], schema=schema)


@pytest.mark.parametrize("op", ["Equal"])
def test_texts_are_compared_as_texts(op: str) -> None:
    schema = Schema("texts", (Category("from", ("x", "y", "z")), Category("to", ("z", "w"))))

    def build(second: list[str]) -> bytes:
        nodes = [
            one("Gather", ["X", "first"], "a", axis=1),
            one(op, ["a", *second], "b"),
            one("Cast", ["b"], "y", to=INT64),
        ]
        if second == ["c"]:
            nodes.insert(1, one("Gather", ["X", "last"], "c", axis=1))
        graph = helper.make_graph(
            nodes,
            "texts",
            [helper.make_tensor_value_info("X", TensorProto.STRING, [1, 2])],
            [helper.make_tensor_value_info("y", INT64, [1, 1])],
            [
                numpy_helper.from_array(np.array([0]), "first"),
                numpy_helper.from_array(np.array([1]), "last"),
                helper.make_tensor("z", TensorProto.STRING, [1], [b"z"]),
            ],
        )
        opsets = [helper.make_opsetid("", 19)]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())

    codes = np.array([[a, b] for a in range(3) for b in range(2)])
    for second, wanted in ((["c"], codes == [2, 0]), (["z"], codes[:, :1] == 2)):
        plan = calibrate(import_model(build(second)), schema, request=Request("score"))
        outputs = IntegerModel(plan, schema).run(codes).outputs
        np.testing.assert_array_equal(outputs[:, 0], wanted.all(axis=1))


@pytest.mark.parametrize(("to", "steps"), [(FLOAT, []), (INT64, ["floor"]), (BOOL, ["equal"])])
def test_casts_of_decimal_fractions(to: int, steps: list[str]) -> None:
    nodes = [*column(3, "a"), one("Cast", ["a"], "c", to=to), one("Cast", ["c"], "y", to=FLOAT)]
    assert kinds(exact(nodes, {}, [1, 1], FLOAT)) == steps


def test_casts_like_another_tensor() -> None:
    nodes = [*column(3, "a"), one("CastLike", ["a", "k"], "y")]
    assert kinds(exact(nodes, {"k": np.array([1])}, [1, 1])) == ["floor"]


@pytest.mark.parametrize("to", [TensorProto.INT4, TensorProto.UINT4])
def test_casts_to_four_bits_keep_the_number(to: int) -> None:
    exact([*column(5, "a", to), one("Cast", ["a"], "y", to=INT64)], {}, [1], opset=21)
    for place, problem in ((0, "does not hold"), (3, "with a fraction")):
        with pytest.raises(UnsupportedOpError, match=problem):
            exact([*column(place, "a", to), one("Cast", ["a"], "y", to=INT64)], {}, [1], opset=21)


def test_numbers_that_do_not_fit_a_type_are_refused() -> None:
    nodes = [*column(0, "a"), one("Cast", ["a"], "u", to=2), one("Cast", ["u"], "y", to=INT64)]
    graph = import_model(model(nodes, {}, 6, {"y": (INT64, [1, 1])}))
    with pytest.raises(UnsupportedOpError, match=r"\[-3, 12\], which uint8 does not hold"):
        calibrate(graph, MIXED)


@pytest.mark.parametrize("fmod", [0, 1])
@pytest.mark.parametrize("divisor", [3, -3, 1, 40])
def test_remainders(fmod: int, divisor: int) -> None:
    nodes = [*column(0, "a", INT64), one("Mod", ["a", "d"], "y", fmod=fmod)]
    exact(nodes, {"d": np.array([divisor])}, [1, 1])


@pytest.mark.parametrize("divisor", [-(2**63), 2**63 - 1, 2**52 + 1])
@pytest.mark.parametrize("fmod", [0, 1])
def test_remainders_by_the_largest_integers_are_refused(fmod: int, divisor: int) -> None:
    with pytest.raises(UnsupportedOpError, match="a divisor beyond 2\\^52"):
        exact([*column(0, "a", INT64), one("Mod", ["a", "d"], "y", fmod=fmod)], {"d": np.array([divisor])}, [1])


@pytest.mark.parametrize("fmod", [0, 1])
def test_remainders_by_a_private_divisor(fmod: int) -> None:
    nodes: list[Any] = [
        *column(0, "a", INT64),
        *column(5, "b", INT64),
        one("Add", ["b", "one"], "d"),
        one("Mod", ["a", "d"], "y", fmod=fmod),
    ]
    exact(nodes, {"one": np.array([1])}, [1, 1])


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts_of_bits(direction: str) -> None:
    nodes = [
        *column(5, "a", 2),
        one("Mul", ["a", "k"], "b"),
        one("BitShift", ["b", "s"], "c", direction=direction),
        one("Cast", ["c"], "y", to=INT64),
    ]
    weights = {"k": np.array([77], dtype=np.uint8), "s": np.array([0, 1, 3], dtype=np.uint8)}
    exact(nodes, weights, [1, 3])


def test_private_shifts_of_bits() -> None:
    nodes = [
        *column(5, "s", 2),
        one("BitShift", ["k", "s"], "l", direction="LEFT"),
        one("BitShift", ["k", "s"], "r", direction="RIGHT"),
        one("Concat", ["l", "r"], "c", axis=1),
        one("Cast", ["c"], "y", to=INT64),
    ]
    exact(nodes, {"k": np.array([[77, 30]], dtype=np.uint8)}, [1, 4])


def test_a_comparison_of_activations_is_exact_on_what_the_plan_computes() -> None:
    """A ReLU's outputs are multiples of a power of two, and so are their comparisons with one."""
    proto = onnx.load_from_string(mlp([6, 4, 2], 3, head=""))
    proto.graph.node.append(one("Greater", ["y", "c"], "b"))
    proto.graph.node.append(one("Cast", ["b"], "t", to=INT64))
    proto.graph.initializer.append(numpy_helper.from_array(np.float32([0.25, -1]), "c"))
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("t", INT64, [1, 2]))
    plan = calibrate(import_model(proto.SerializeToString()), MIXED)
    assert kinds(plan) == ["relu", "compare"]


MASKED = [
    one("MatMul", ["X", "w"], "m"),
    one("Slice", ["X", "zero", "three", "axis"], "head"),
    one("Greater", ["head", "cut"], "seen"),
    one("Where", ["seen", "m", "lowest"], "scores"),
]
MASK_WEIGHTS = {
    "w": np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32),
    "zero": np.array([0]),
    "three": np.array([3]),
    "axis": np.array([1]),
    "cut": np.array([-5, 0, 0], dtype=np.float32),  # the first is always seen
    "lowest": np.float32(-np.inf),
}


@pytest.mark.parametrize("seen", ["private", "constant"])
def test_what_is_masked_by_minus_infinity_has_no_share(seen: str) -> None:
    nodes = [*MASKED, one("Softmax", ["scores"], "s", axis=1), one("Mul", ["s", "four"], "y")]
    weights = {**MASK_WEIGHTS, "four": np.float32(4)}
    if seen == "constant":
        del nodes[2]
        weights["seen"] = np.array([[True, False, True]])
    exact(nodes, weights, [1, 3], FLOAT, atol=2e-2)


def test_infinities_that_are_computed_with_are_refused() -> None:
    graph = import_model(model([*MASKED, one("Exp", ["scores"], "y")], MASK_WEIGHTS, 6, {"y": (FLOAT, [1, 3])}))
    with pytest.raises(UnsupportedOpError, match="which only Softmax and maxima may read"):
        calibrate(graph, MIXED)
