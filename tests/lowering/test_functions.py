"""Functions and roundings in circuits: the witness is the reference model's, at every corner and behind every clamp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from prover.compiler import CompiledParts, compile_model
from prover.errors import UndefinedError
from prover.lowering.functions import floor, function
from prover.quantization import Settings
from prover.quantization.steps import step_kind
from prover.quantization.tables.piecewise import Spec, cheapest_table
from prover.schema import Fixed, Schema
from prover.testing import Tier, check_circuit, check_unique, find_lie
from tests.lowering.test_random_models import agree
from tests.lowering.test_steps import builder, make_step, referee

CURVES = (
    "Exp Sin Cos Atan Sinh Cosh Asinh Tanh HardSwish Elu Selu Celu Softplus Softsign Erf Mish Gelu".split()  # noqa: SIM905
)
ROUNDINGS = ["Floor", "Ceil", "Round", "Sign", "Abs", "Neg", "LeakyRelu", "HardSigmoid", "ThresholdedRelu", "Shrink"]
POSITIVE = ["Log", "Sqrt", "Reciprocal", "Acosh"]
SMALL = ["Asin", "Acos", "Atanh", "Tan"]


def side_by_side(ops: list[str], scale: float, offset: float, squared: bool = False) -> bytes:
    """Every operator of ``scale * X + offset``, one output each: the results, or their squares."""
    constants: dict[str, Any] = {"scale": np.array([scale], np.float32), "offset": np.array([offset], np.float32)}
    nodes = [
        helper.make_node("Mul", ["X", "scale"], ["s"], "mul"),
        helper.make_node("Add", ["s", "offset"], ["x"], "add"),
    ]
    nodes += [helper.make_node(op, ["x"], [op], f"the_{op}") for op in ops]
    if squared:
        nodes += [helper.make_node("Mul", [op, op], [f"{op}_2"], f"square_{op}") for op in ops]
    results = [f"{op}_2" for op in ops] if squared else ops
    nodes.append(helper.make_node("Concat", results, ["y"], "concat", axis=1))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, len(ops)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9).SerializeToString()
    )


def compiled(
    ops: list[str], ends: tuple[int, int], seen: tuple[int, int], scale: float, offset: float
) -> CompiledParts:
    schema = Schema("s", (Fixed("x", 8, *ends),))
    rows: NDArray[np.float32] = (np.linspace(*seen, 60).astype(np.int64) / 8).astype(np.float32)[:, None]
    model = side_by_side(ops, scale, offset)
    return compile_model(model, schema=schema, calibration=rows, reveal="score", settings=Settings())


@pytest.mark.parametrize(
    ("ops", "ends", "seen", "scale", "offset"),
    [
        (CURVES, (-64, 64), (-64, 64), 1.0, 0.0),
        (CURVES, (-1 << 20, 1 << 20), (-32, 32), 0.37, 0.11),
        (ROUNDINGS, (-64, 64), (-64, 64), 1.0, 0.0),
        (ROUNDINGS, (-1000, 3000), (-64, 64), 0.3, -0.05),
        (POSITIVE, (1, 999), (8, 80), 1.0, 1.0),
        (POSITIVE, (-999, 999), (8, 80), 0.7, 0.5),
        (SMALL, (-7, 7), (-6, 6), 0.14, 0.01),
        (SMALL, (-70, 70), (-6, 6), 0.14, 0.01),
    ],
)
def test_the_circuit_computes_the_reference(
    ops: list[str], ends: tuple[int, int], seen: tuple[int, int], scale: float, offset: float
) -> None:
    agree(compiled(ops, ends, seen, scale, offset), 12, seed=3)


COSTS = {
    "Exp": (97, 63), "Tanh": (69, 29), "Gelu": (68, 29), "Softplus": (67, 26), "HardSwish": (60, 20),
    "HardSigmoid": (41, 18), "Floor": (17, 17), "Round": (20, 20), "Sign": (34, 34), "Abs": (18, 18), "Log": (67, 28),
    "Sqrt": (45, 45), "Reciprocal": (47, 47),
}  # fmt: skip
"""Constraints of one element at the default precision, for multiples of 2^-12 in [-8, 8], or [1/8, 8]: where a product
reads it, and where one sum does, which rounds it then."""


@pytest.mark.parametrize("squared", [True, False])
def test_costs_per_element(squared: bool) -> None:
    """A numerical library's last bit may move a segment's end, so a constraint or two are no news."""
    costs = {}
    for op in COSTS:
        low, high = (-8 << 12 if op not in ("Log", "Sqrt", "Reciprocal") else 1 << 9), 8 << 12
        rows = (np.linspace(low, high, 100).astype(np.int64) / 4096).astype(np.float32)[:, None]
        schema = Schema("s", (Fixed("x", 4096, low, high),))
        model = side_by_side([op], 1.0, 0.0, squared)
        parts = compile_model(model, schema=schema, calibration=rows, reveal="score", settings=Settings())
        rows_by_origin = parts.circuit.r1cs.rows_by_origin()
        costs[op] = sum(count for name, count in rows_by_origin.items() if name.startswith(f"the_{op}/"))
    assert {op: cost for op, cost in costs.items() if abs(cost - COSTS[op][not squared]) > 2} == {}


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("divisor", [2, 4])
def test_floor_steps(mode: int, divisor: int) -> None:
    field = 101
    step = make_step("floor", (-8, 7), (-4, 4), mode=mode, divisor=divisor)
    cases = [[x % field] for x in range(-8, 8)]
    circuit = check_unique(builder(floor, step), field, referee(step, (-8, 7)), cases)
    for origin in {name for name in circuit.r1cs.origins if name != "check.outputs"}:
        assert find_lie(circuit, origin, cases, referee(step, (-8, 7))), origin


def test_a_table_has_no_witness_outside_its_domain() -> None:
    """Two segments, below and above which the reference refuses; a constant outside is no exception."""
    field = 101
    params: dict[str, int | tuple[int, ...]] = {"starts": (-3, 1), "coefficients": (1, 2, 0, 9), "out_shift": 0}
    step = make_step("function", (-12, 11), (0, 9), shift=1, refuse_lo=-3, refuse_hi=4, **params)

    def reference(x: int) -> list[int] | None:
        outside = step_kind("function").undefined
        assert outside is not None
        return None if outside(step, np.array([[x]]))[0] else referee(step, (-12, 11))(x)

    cases = [[x % field] for x in range(-12, 12)]
    circuit = check_unique(builder(function, step), field, reference, cases)
    assert [reference(x) for x in (-7, -6, 9, 10)] == [None, [2], [9], None]
    for x in (-7, 10):
        with pytest.raises(UndefinedError, match="gives no number"):
            circuit.program.run({"x": [x]})


def test_a_saturating_table_in_bn254() -> None:
    """Both constant ends, one argument whose result is known, thousands of elements of one table."""
    reach = 1 << 30
    table = cheapest_table(Spec("Exp", (), -reach, reach, (-5000, 9000), 12, 2.0**11, 0.3 * 2.0**-11, True))
    params: dict[str, int | tuple[int, ...]] = {
        "starts": tuple(table.starts.tolist()),
        "coefficients": tuple(table.coefficients.ravel().tolist()),
        "shift": 3,
        "out_shift": table.shift,
    }
    ends = -(reach << 3), (reach << 3) + 7
    x = np.array([*ends, 0, -1, -5000 << 3, (9001 << 3) - 1, 9001 << 3, 12345])
    step = make_step("function", ends, (0, 1 << 40), n=x.size, **params)
    wanted = step_kind("function").evaluate(step, x[None])[0]
    assert wanted[0] == wanted[4]
    assert wanted[1] == wanted[6] == wanted[5]
    check_circuit(builder(function, step), {"x": x}, wanted, tiers=Tier.FAST)
    check_circuit(
        builder(function, make_step("function", ends, (0, 1 << 40), **params)), {"x": x[-1:]}, wanted[-1:],
        free=["segment.parts"],  # where two subsets of an interval's weights have one sum, both are true
    )  # fmt: skip
    many = np.random.default_rng(0).integers(*ends, 3000, endpoint=True)
    step = make_step("function", ends, (0, 1 << 40), n=many.size, **params)
    check_circuit(
        builder(function, step),
        {"x": many},
        step_kind("function").evaluate(step, many[None])[0],
        tiers=Tier.CONSTRAINTS,
    )
