"""Where a plan cuts values off, or refuses them, inside the ranges of the schema: what a user must be told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.model import Run
from prover.quantization.plan import Plan, Step
from prover.quantization.steps import step_kind

I64 = NDArray[np.int64]


def saturation_warnings(plan: Plan, run: Run | None, flips: int) -> tuple[str, ...]:
    """One sentence for every step that inputs of the schema take beyond its ends.

    Args:
        run: of the plan, on inputs drawn from the whole schema; None where there is none. Then only domains are told.
        flips: decisions among these inputs that differ from the model's.
    """
    found: list[str] = []
    met: NDArray[np.bool_] | None = None
    for number, step in enumerate(plan.steps):
        if "refuse_lo" in step.params or "refuse_hi" in step.params:
            outside, kind = 0.0, step_kind(step.kind)
            if run is not None and kind.undefined is not None:
                outside = float(kind.undefined(step, run.inputs[number]).mean())
            found.append(
                f"{step.node}: inputs outside the domain of its function have no proof, as the model has no number for "
                f"them: {outside:.0%} of the inputs drawn from the schema"
            )
        if run is None:
            continue
        cut = saturated(step, run.inputs[number]) & ~run.refused
        if cut.any():
            met = cut if met is None else met | cut
            found.append(
                f"{step.node}: {cut.mean():.0%} of the inputs drawn from the schema go beyond what the samples reach, "
                "and are cut off there"
            )
    if met is not None:
        found.append(
            f"{met.mean():.0%} of the inputs drawn from the schema are cut off somewhere; of all drawn, {flips} are "
            "decided otherwise than by the model: give samples that reach the schema's ends, or narrow its ranges"
        )
    return tuple(found)


def saturated(step: Step, inputs: I64) -> NDArray[np.bool_]:
    """Which inputs int64[s, m] of a step are cut off at a ``cap`` or a clamp: bool[s]."""
    if "cap" in step.params:
        return np.asarray((step_kind(step.kind).evaluate(step, inputs) >= step.integer("cap")).any(axis=1))
    if step.kind == "quotient":
        inputs = np.abs(inputs[:, step.integers("divisor").size :] >> step.integer("shift"))
    elif "clamp_lo" in step.params or "clamp_hi" in step.params:
        inputs = inputs >> step.integer("shift")
    beyond = np.zeros(len(inputs), dtype=np.bool_)
    if "clamp_lo" in step.params:
        beyond |= (inputs < step.integer("clamp_lo")).any(axis=1)
    if "clamp_hi" in step.params:
        beyond |= (inputs > step.integer("clamp_hi")).any(axis=1)
    return beyond
