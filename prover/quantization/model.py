"""The integer reference model: the definition, bit by bit, of what a proof says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from prover.errors import UNDECIDED_HINT, UNDEFINED_HINT, InputError, QuantizationError, UndecidedError, UndefinedError
from prover.quantization.facts import FactSpace
from prover.quantization.plan import LinearForms, Plan
from prover.quantization.steps import step_kind
from prover.schema import Schema

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """Everything the reference model computed for s inputs.

    Attributes:
        variables: int64[s, n_variables], fact slots first.
        inputs: per step its linear inputs, int64[s, m].
        outputs: int64[s, k], the revealed values.
        refused: bool[s], inputs the circuit has no witness for: too close to a threshold, or outside a domain.
        undefined: the node whose function's domain an input leaves, by the input's number.
    """

    variables: I64
    inputs: tuple[I64, ...]
    outputs: I64
    refused: NDArray[np.bool_]
    undefined: Mapping[int, str] = field(default_factory=dict)

    def decided(self) -> Run:
        """The same without the refused inputs."""
        kept = ~self.refused
        inputs = tuple(forms[kept] for forms in self.inputs)
        return Run(self.variables[kept], inputs, self.outputs[kept], self.refused[kept])

    def require_decided(self) -> None:
        """
        Raises:
            UndecidedError: an input was refused.
            UndefinedError: the model gives no number for it.
        """
        if self.refused.any():
            row = int(np.argmax(self.refused))
            where = f"input {row}" if self.refused.size > 1 else "this input"
            if row in self.undefined:
                raise UndefinedError(
                    f"{self.undefined[row]}: the model gives no number for {where}, which leaves the function's domain",
                    UNDEFINED_HINT,
                )
            raise UndecidedError(f"{where} is too close to a threshold to be decided", UNDECIDED_HINT)


class IntegerModel:
    """Runs a plan on batches of encoded inputs, in int64 that the plan's bounds prove large enough."""

    def __init__(self, plan: Plan, schema: Schema) -> None:
        """
        Raises:
            QuantizationError: the plan belongs to another schema, or counts other fact slots.
        """
        if plan.layout.schema_hash != schema.hash:
            raise QuantizationError("the plan was made for another schema", "compile the model again")
        self.plan = plan
        self.facts = FactSpace.of(schema)
        plan.require_facts(self.facts.n_slots)
        self._schema = schema

    def run(self, codes: I64, missing: NDArray[np.bool_] | None = None) -> Run:
        """Evaluate encoded inputs.

        Args:
            codes: int64[s, d] as :meth:`Schema.encode_batch` gives them.
            missing: bool[s, d], or None when nothing is missing.

        Raises:
            InputError: a code outside its feature's range.
            QuantizationError: a value left its proven bounds: the plan is not what calibration made.
        """
        self._check(codes, missing)
        variables = self.facts.expand(codes, missing)
        refused = np.zeros(len(codes), dtype=np.bool_)
        undefined: dict[int, str] = {}
        inputs = []
        for step in self.plan.steps:
            forms = _within(step.inputs, step.inputs.evaluate(variables), step.node)
            try:
                outputs = step_kind(step.kind).evaluate(step, forms)
            except (ValueError, IndexError) as error:
                raise QuantizationError(
                    f"{step.node}: parameters that make no sense: {error}", "compile again"
                ) from error
            if outputs.shape[1] != step.n_outputs:
                raise QuantizationError(f"{step.node}: {outputs.shape[1]} of {step.n_outputs} outputs", "compile again")
            kind = step_kind(step.kind)
            if kind.refuses is not None:
                refused |= kind.refuses(step, forms)
            if kind.undefined is not None:
                outside = kind.undefined(step, forms)
                refused |= outside
                for row in np.flatnonzero(outside).tolist():
                    undefined.setdefault(row, step.node)
            inputs.append(forms)
            variables = np.concatenate((variables, outputs), axis=1)
        revealed = _within(self.plan.outputs, self.plan.outputs.evaluate(variables), "outputs")
        return Run(variables, tuple(inputs), revealed, refused, undefined)

    def _check(self, codes: I64, missing: NDArray[np.bool_] | None) -> None:
        features = self._schema.features
        if codes.ndim != 2 or codes.shape[1] != len(features) or codes.dtype != np.int64:
            raise InputError(f"codes are {codes.dtype}{codes.shape}, expected int64(rows, {len(features)})")
        absent = np.zeros(codes.shape, dtype=np.bool_) if missing is None else missing
        for column, feature in enumerate(features):
            gone = absent[:, column]
            if gone.any() and not feature.optional:
                raise InputError(f"feature {feature.name!r} is missing, but not optional")
            inside = (codes[:, column] >= feature.lo) & (codes[:, column] <= feature.hi)
            if not np.all(np.where(gone, codes[:, column] == 0, inside)):
                raise InputError(f"feature {feature.name!r}: a code is outside [{feature.lo}, {feature.hi}]")


def _within(forms: LinearForms, values: I64, what: str) -> I64:
    if np.any(values < forms.lo) or np.any(values > forms.hi):
        raise QuantizationError(f"{what}: a value left its proven bounds", "compile the model again")
    return values
