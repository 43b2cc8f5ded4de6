"""The search for a plan: what it finds is what was asked for, and nothing it tried is better."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from prover.compiler import compile_model
from prover.errors import QuantizationError, UnreachableTargetError
from prover.lowering import Report
from prover.quantization import Settings
from prover.quantization.search import EVALUATIONS, Point, Wish, pareto, search
from tests.quantization.nets import samples, schema_of


class Landscape:
    """A model in which every bit costs ten constraints and halves the error of its part."""

    def __init__(self, limit: int = 40) -> None:
        self.tried: list[Settings] = []
        self.limit = limit

    def __call__(self, settings: Settings) -> Point | None:
        assert settings not in self.tried, "made twice"
        self.tried.append(settings)
        bits = [settings.at(step).hidden_error_bits for step in ("a", "b")]
        total = sum(bits) + settings.activation_bits + settings.logit_error_bits // 2
        if total > self.limit:
            return None
        error = sum(2.0**-bit for bit in (*bits, settings.activation_bits, settings.logit_error_bits))
        return Point(settings, 10 * total, error, int(error > 0.01), ("a", "b"))


@pytest.mark.parametrize("wish", [Wish(0.005), Wish(0.02), Wish(None, 330), Wish(0.01, 350), Wish(0.004, 400)], ids=str)
def test_the_best_of_all_that_was_tried_meets_the_wish(wish: Wish) -> None:
    landscape = Landscape()
    best, front = search(landscape, wish)
    assert wish.excess(best) == 0
    assert len(landscape.tried) <= EVALUATIONS
    points = [point for settings in landscape.tried if (point := Landscape()(settings)) is not None]
    assert best == min(points, key=wish.rank)
    assert front == pareto(points)
    assert not any(one.dominates(other) for one in front for other in front)


def test_a_step_that_matters_more_gets_more_bits() -> None:
    def uneven(settings: Settings) -> Point:
        bits = {step: settings.at(step).hidden_error_bits for step in ("a", "b")}
        return Point(settings, 10 * sum(bits.values()), 2.0 ** -bits["a"] + 64 * 2.0 ** -bits["b"], 0, ("a", "b"))

    best, _ = search(uneven, Wish(0.05), evaluations=64)
    assert best.settings.at("b").hidden_error_bits > best.settings.at("a").hidden_error_bits


@pytest.mark.parametrize("wish", [Wish(1e-9), Wish(None, 10), Wish(0.005, 200)], ids=str)
def test_what_cannot_be_is_said_with_the_nearest(wish: Wish) -> None:
    with pytest.raises(UnreachableTargetError) as caught:
        search(Landscape(), wish)
    assert str(wish) in caught.value.message
    assert caught.value.nearest
    assert "constraints with an error of" in caught.value.hint
    nearest = [point for point in caught.value.nearest if isinstance(point, Point)]
    assert nearest == sorted(nearest, key=wish.rank)


def test_no_plan_at_all() -> None:
    with pytest.raises(QuantizationError, match="no plan holds"):
        search(lambda settings: None, Wish(1.0))


@pytest.mark.parametrize("target", [0.0, -1.0, math.nan, math.inf])
def test_impossible_targets(target: float) -> None:
    with pytest.raises(QuantizationError, match="positive"):
        Wish(target)


def test_impossible_sizes() -> None:
    with pytest.raises(QuantizationError, match="positive"):
        Wish(None, 0)
    with pytest.raises(QuantizationError, match="nothing"):
        Wish()


def test_a_step_may_differ_from_the_others() -> None:
    settings = Settings().with_step("conv", 3)
    assert settings.at("conv") == settings.refined(3)
    assert settings.at("other") == settings
    assert settings.with_step("conv", 0).step_bits("conv") == 0
    with pytest.raises(QuantizationError):
        settings.with_step("conv", 100)


def test_a_real_net_meets_its_target(models: Path) -> None:
    rows, _ = samples(models, "loan_mlp")
    schema = schema_of(models, "loan_mlp")
    path = models / "loan_mlp.onnx"
    default = compile_model(path, schema=schema, calibration=rows).report
    assert default.front == ()
    coarse = compile_model(path, schema=schema, calibration=rows, target_error=0.05).report
    assert coarse.max_logit_error is not None
    assert coarse.max_logit_error <= 0.05
    assert coarse.decision_flips == 0
    assert coarse.constraints < default.constraints
    sizes = [plan.constraints for plan in coarse.front]
    assert sizes == sorted(sizes)
    assert (coarse.constraints, coarse.max_logit_error) in [(plan.constraints, plan.error) for plan in coarse.front]
    assert Report.from_json(coarse.to_json()) == coarse
    with pytest.raises(UnreachableTargetError, match="at most 100 constraints"):
        compile_model(path, schema=schema, calibration=rows, max_constraints=100)
