"""The plan: the integer program a circuit proves, as canonical JSON without a single float.

A program works on one growing vector of integer *variables*. The first are the schema's fact slots; every step takes
linear forms of the variables so far and appends its outputs; the revealed outputs are linear forms of all of them.
Plan, schema, layout and :data:`SEMANTICS` determine the circuit's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import BundleError, QuantizationError, SchemaError, VerdictError
from prover.jsontext import parse_json
from prover.quantization.intarrays import pack, unpack
from prover.quantization.sparse import Sparse
from prover.quantization.wellformed import check_step
from prover.schema import Layout

SEMANTICS = "verdict-integer/1"
"""Meaning of the step kinds below. It changes whenever the same plan would give another number."""

Param = int | tuple[int, ...]


@dataclass(frozen=True)
class LinearForms:
    """m integer linear forms of the variables, with proven bounds.

    Attributes:
        matrix: int64 coefficients, one row per form.
        bias: int64[m].
        lo, hi: int64[m], proven range of every form over all admitted facts.
    """

    matrix: Sparse
    bias: NDArray[np.int64]
    lo: NDArray[np.int64]
    hi: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.bias.size)

    @property
    def width(self) -> int:
        """Bits of a two's complement number that holds every form."""
        return max(int(self.hi.max()).bit_length(), int(~self.lo.min()).bit_length() if self.lo.min() < 0 else 0) + 1

    @classmethod
    def stack(cls, parts: Sequence[LinearForms]) -> LinearForms:
        """The forms of all parts, one after another."""
        columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("bias", "lo", "hi"))
        return cls(Sparse.stack([part.matrix for part in parts]), *columns)

    def rows(self, index: NDArray[np.int64]) -> LinearForms:
        """The forms ``index`` names, repeats allowed."""
        return LinearForms(self.matrix.take(index), self.bias[index], self.lo[index], self.hi[index])

    def evaluate(self, variables: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[s, n_variables] -> int64[s, m]."""
        return np.asarray(self.matrix.apply(variables) + self.bias, dtype=np.int64)

    def to_dict(self) -> dict[str, object]:
        columns = {
            "indptr": self.matrix.indptr,
            "cols": self.matrix.cols,
            "coefs": self.matrix.data,
            "bias": self.bias,
            "lo": self.lo,
            "hi": self.hi,
        }
        packed: dict[str, object] = {name: pack(column) for name, column in columns.items()}
        return {"variables": self.matrix.n_cols, **packed}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LinearForms:
        names = ("indptr", "cols", "coefs", "bias", "lo", "hi")
        indptr, cols, coefs, bias, lo, hi = (unpack(raw[name]) for name in names)
        n_cols = int(raw["variables"])
        if not bias.size == lo.size == hi.size == indptr.size - 1 or cols.size != coefs.size:
            raise ValueError("columns of linear forms have different lengths")
        if indptr[0] != 0 or indptr[-1] != cols.size or np.any(np.diff(indptr) < 0):
            raise ValueError("row pointers of linear forms do not ascend")
        if cols.size and not (cols.min() >= 0 and cols.max() < n_cols):
            raise ValueError("a linear form names a variable that is not there")
        inner = np.ones(max(cols.size - 1, 0), dtype=np.bool_)
        inner[indptr[(indptr > 0) & (indptr < cols.size)] - 1] = False
        if not (cols[1:] > cols[:-1])[inner].all():
            raise ValueError("the variables of a linear form do not ascend")
        if not coefs.all():
            raise ValueError("a linear form has a coefficient that is zero")
        return cls(Sparse(indptr, cols, coefs, n_cols), bias, lo, hi)


@dataclass(frozen=True)
class Step:
    """One nonlinearity of the integer program.

    Attributes:
        kind: a registered step kind; it gives the semantics.
        node: graph node it stands for.
        inputs: its linear inputs.
        lo, hi: int64[k], proven range of each of the k variables it appends.
        fraction_bits: the inputs count 2^-fraction_bits (times 10^decimals for rescaled scores).
        observed_bits: width of the largest input seen on the calibration samples, to compare with the proven one.
        params: integers the kind needs.
    """

    kind: str
    node: str
    inputs: LinearForms
    lo: NDArray[np.int64]
    hi: NDArray[np.int64]
    fraction_bits: int
    observed_bits: int
    params: dict[str, Param] = field(default_factory=dict)

    @property
    def n_outputs(self) -> int:
        return int(self.lo.size)

    def integer(self, name: str) -> int:
        """A scalar parameter."""
        value = self.params.get(name)
        if not isinstance(value, int):
            raise QuantizationError(f"step {self.node!r}: parameter {name!r} is not an integer", "compile again")
        return value

    def integers(self, name: str) -> NDArray[np.int64]:
        """A vector parameter."""
        value = self.params.get(name)
        if not isinstance(value, tuple):
            raise QuantizationError(f"step {self.node!r}: parameter {name!r} is not a list", "compile again")
        return np.array(value, dtype=np.int64)

    def to_dict(self) -> dict[str, object]:
        params = {
            name: value if isinstance(value, int) else pack(np.array(value, np.int64))
            for name, value in self.params.items()
        }
        return {
            "kind": self.kind,
            "node": self.node,
            "inputs": self.inputs.to_dict(),
            "lo": pack(self.lo),
            "hi": pack(self.hi),
            "fraction_bits": self.fraction_bits,
            "observed_bits": self.observed_bits,
            "params": params,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Step:
        """Read :meth:`to_dict`.

        Raises:
            ValueError, KeyError, TypeError, OverflowError, QuantizationError: not a step, or one that
                :mod:`prover.quantization.wellformed` refuses.
        """
        params = {name: _param(value) for name, value in raw["params"].items()}
        step = cls(
            str(raw["kind"]),
            str(raw["node"]),
            LinearForms.from_dict(raw["inputs"]),
            unpack(raw["lo"]),
            unpack(raw["hi"]),
            int(raw["fraction_bits"]),
            int(raw["observed_bits"]),
            params,
        )
        check_step(step)
        return step


@dataclass(frozen=True)
class Plan:
    """Everything lowering needs beside the schema.

    Attributes:
        model_hash: hex sha256 of the model file.
        output: name of the graph output that is revealed.
        link: how that output follows from the logits: ``"sigmoid"``, ``"softmax"``, ``"normalized"``, ``"none"``.
        labels_only: that output is a label, not a score.
        n_facts: fact slots of the schema.
        steps: the program.
        outputs: revealed values as linear forms of all variables.
        layout: what they mean; it names the schema by its hash.
        classes: the integer of each class the model knows; empty for raw scores.
        class_names: their texts, when the model's labels are texts counted from 0.
        error_billionths: proven bound on the distance of a revealed probability from the sigmoid of the integer
            logit, in 10^-9 (0 for labels, tiers and linear scores).
        label_output: name of the graph output that is the revealed label, when ``output`` is its scores; only for
            measuring the plan, and no part of its JSON.
    """

    model_hash: str
    output: str
    link: str
    labels_only: bool
    n_facts: int
    steps: tuple[Step, ...]
    outputs: LinearForms
    layout: Layout
    classes: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    error_billionths: int = 0
    label_output: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        known = self.n_facts
        for step in self.steps:
            if step.inputs.matrix.n_cols > known:
                raise QuantizationError(f"step {step.node!r} reads a variable that comes later", "compile again")
            known += step.n_outputs
        if self.outputs.matrix.n_cols > known or len(self.outputs) != self.layout.n_outputs:
            raise QuantizationError("the plan's outputs are not those of its layout", "compile again")

    def require_facts(self, n_slots: int) -> None:
        """
        Raises:
            QuantizationError: the schema has another number of fact slots than the plan.
        """
        if self.n_facts != n_slots:
            raise QuantizationError(
                f"the plan has {self.n_facts:,} fact slots, its schema {n_slots:,}", "compile the model again"
            )

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, ASCII."""
        document = {
            "semantics": SEMANTICS,
            "model": self.model_hash,
            "output": self.output,
            "link": self.link,
            "labels_only": self.labels_only,
            "facts": self.n_facts,
            "steps": [step.to_dict() for step in self.steps],
            "outputs": self.outputs.to_dict(),
            "layout": self.layout.to_dict(),
            "classes": list(self.classes),
            "class_names": list(self.class_names),
            "error_billionths": self.error_billionths,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read :meth:`to_json`.

        Raises:
            BundleError: not a plan, or one of other semantics.
        """
        try:
            raw = parse_json(text, parse_float=_no_float)
            if raw["semantics"] != SEMANTICS:
                raise BundleError(
                    f"the plan has semantics {raw['semantics']!r}, this version proves {SEMANTICS!r}",
                    "compile the model again",
                )
            return cls(
                raw["model"],
                raw["output"],
                raw["link"],
                bool(raw["labels_only"]),
                int(raw["facts"]),
                tuple(Step.from_dict(step) for step in raw["steps"]),
                LinearForms.from_dict(raw["outputs"]),
                Layout.from_dict(raw["layout"]),
                tuple(int(label) for label in raw["classes"]),
                tuple(str(name) for name in raw["class_names"]),
                int(raw["error_billionths"]),
            )
        except (
            SchemaError,
            QuantizationError,
            KeyError,
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
            RecursionError,
        ) as error:
            reason = error.message if isinstance(error, VerdictError) else error
            raise BundleError(f"not a plan: {reason}", "compile the model again") from error


def _no_float(text: str) -> float:
    raise ValueError(f"a plan holds integers only, not {text}")


def _param(value: object) -> Param:
    if type(value) is int and abs(value) < 1 << 63:
        return value
    return tuple(unpack(value).tolist())
