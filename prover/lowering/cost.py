"""The price of a model before any setup: accuracy lost, constraints, time, memory, key sizes, gas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from prover.constraint import R1CS, Circuit
from prover.errors import BundleError
from prover.jsontext import parse_json
from prover.quantization import Plan, Step
from prover.quantization.accuracy import Accuracy, Histogram
from prover.quantization.error_bound import error_bound
from prover.quantization.search import Point
from prover.quantization.steps.requantize import exactness as quantised_exactness
from prover.quantization.trees.decisions import tree_exactness
from prover.schema import THRESHOLD_DECIMALS

GAS_BASE, GAS_PER_SIGNAL = 183_000, 6_500
"""Execution gas of the verifier contract: at most base + n * per signal (DESIGN §7)."""

GAS_FORK = "prague"

_SECONDS_BASE, _SECONDS_PER_WIRE, _SECONDS_PER_ROW = 0.02, 4.0e-6, 4.0e-6
"""CPU time of a proof on the native backend, measured from 500 to 33,000 rows; two idle cores need less time."""

_ROUNDED = "rounded to fixed point; decisions follow the integer numbers, and reproduce no rounding of float32"

_MEMORY_BASE = 90 << 20
"""Resident memory of a process that has proved the smallest circuit."""


@dataclass(frozen=True)
class LayerCost:
    """One stretch of the circuit: its name and its constraints."""

    name: str
    constraints: int


@dataclass(frozen=True)
class Width:
    """Bits of one step's linear inputs: proven over the schema's ranges, and observed on the samples."""

    name: str
    proven: int
    observed: int
    fraction: int
    saturated: bool


@dataclass(frozen=True)
class Alternative:
    """One plan of a search: its settings (see :class:`prover.quantization.frame.Settings`), cost and error."""

    constraints: int
    error: float
    decision_flips: int
    activation_bits: int
    hidden_error_bits: int
    logit_error_bits: int
    steps: dict[str, int]

    @classmethod
    def of(cls, point: Point) -> Alternative:
        """From the search's own."""
        settings = point.settings
        bits = settings.activation_bits, settings.hidden_error_bits, settings.logit_error_bits
        own = {step: extra for step, extra in settings.steps if extra}
        return cls(point.constraints, point.error, point.flips, *bits, own)


@dataclass(frozen=True)
class Report:
    """Everything known of a model before setup. ``None`` in an error means it has no meaning for this model.

    Attributes:
        constraints: rows of the R1CS, commitment included.
        wires: witness length; ``public_signals`` of them are public.
        nonzeros_a, nonzeros_b, nonzeros_c: terms of the matrices.
        domain: size of the evaluation domain, a power of two.
        layers, widths: by part of the model.
        saturated: steps with explicit saturation.
        max_abs_error .. within_bound: see :class:`prover.quantization.accuracy.Accuracy`.
        drawn: the same over other inputs of the schema: random ones, corners of the ranges, neighbours of the
            caller's samples; None where no samples were given, or the model is too large to run on more.
        known_error: the largest error of the logit, or of the score where there is none, on samples and drawn inputs.
            ``near_threshold`` counts the samples that lie so close to a decision boundary.
        error_bound: the largest error possible on any input of the schema, against the model in exact arithmetic,
            which is not float32's; see :mod:`prover.quantization.error_bound`. ``within_bound`` counts the samples
            that close to a boundary. None where no bound is proved.
        exactness: in words, how the proved decision relates to the model's.
        warnings: what inputs of the schema meet that samples do not: where values are cut off, or have no proof.
        front: the plans that a search for an error or a size found, none of them worse than another in everything.
        score_error_bound: proven bound on the distance of a revealed probability from the sigmoid of its logit.
        calibrated: whether the samples are the caller's; otherwise they were drawn from the schema's ranges.
        reveal, output, thresholds, decimals: what is revealed.
        proving_seconds, proving_memory: estimates for the native backend on two idle cores.
        proving_key_bytes, verifying_key_bytes: exact.
        gas: upper bound of the verification's execution gas on ``gas_fork``.
    """

    constraints: int
    wires: int
    public_signals: int
    nonzeros_a: int
    nonzeros_b: int
    nonzeros_c: int
    domain: int
    layers: tuple[LayerCost, ...]
    widths: tuple[Width, ...]
    saturated: int
    samples: int
    calibrated: bool
    max_abs_error: float | None
    mean_abs_error: float | None
    max_logit_error: float | None
    mean_logit_error: float | None
    label_flips: int
    tier_flips: int
    decision_flips: int
    near_threshold: int
    histogram: Histogram | None
    refused: int
    within_bound: int
    drawn: Accuracy | None
    known_error: float | None
    error_bound: float | None
    exactness: str
    front: tuple[Alternative, ...]
    warnings: tuple[str, ...]
    score_error_bound: float
    reveal: str
    output: str
    thresholds: tuple[float, ...]
    decimals: tuple[int, ...]
    proving_seconds: float
    proving_memory: int
    proving_key_bytes: int
    verifying_key_bytes: int
    gas: int
    gas_fork: str = GAS_FORK

    def to_json(self) -> str:
        """Indented JSON, keys sorted; read back by :meth:`from_json`."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read :meth:`to_json`.

        Raises:
            BundleError: not a report.
        """
        try:
            raw = parse_json(text)
            lists = {key: tuple(value) for key, value in _fields(cls, raw).items() if isinstance(value, list)}
            lists["layers"] = tuple(LayerCost(**_fields(LayerCost, entry)) for entry in raw["layers"])
            lists["front"] = tuple(Alternative(**_fields(Alternative, entry)) for entry in raw["front"])
            if not isinstance(raw["warnings"], list) or not all(isinstance(text, str) for text in raw["warnings"]):
                raise ValueError("warnings are no list of texts")
            lists["widths"] = tuple(Width(**_fields(Width, entry)) for entry in raw["widths"])
            nested = {"histogram": _histogram(raw["histogram"]), "drawn": _accuracy(raw["drawn"])}
            return cls(**{**raw, **lists, **nested})
        except (ValueError, TypeError, RecursionError) as error:
            raise BundleError(f"not a report: {error}", "compile the model again") from error

    @property
    def largest_error(self) -> float | None:
        """Of the logit on the samples, or of the score where there is none."""
        return self.max_abs_error if self.max_logit_error is None else self.max_logit_error

    def summary(self) -> list[tuple[str, str]]:
        """Rows for a table: what, how much."""
        source = "the given samples" if self.calibrated else "samples drawn from the schema's ranges"
        rows = [
            ("reveals", self._revealed()),
            ("constraints", f"{self.constraints:,} (domain {self.domain:,})"),
            ("wires", f"{self.wires:,}, {self.public_signals} of them public"),
            ("non-zeros A, B, C", f"{self.nonzeros_a:,}, {self.nonzeros_b:,}, {self.nonzeros_c:,}"),
            ("accuracy measured on", f"{self.samples} rows: {source}"),
            ("max, mean error of the score", f"{_number(self.max_abs_error)}, {_number(self.mean_abs_error)}"),
            ("max, mean error of the logit", f"{_number(self.max_logit_error)}, {_number(self.mean_logit_error)}"),
            ("decision flips", f"{self.decision_flips} (labels {self.label_flips}, tiers {self.tier_flips})"),
            *self._drawn_rows(),
            ("largest error known", self._within(self.known_error, self.near_threshold)),
            ("proven error bound, of real arithmetic", self._within(self.error_bound, self.within_bound)),
            ("exactness", self.exactness),
            *([("samples refused", str(self.refused))] if self.refused else []),
            ("saturated steps", str(self.saturated)),
            ("proving time, estimated", f"{self.proving_seconds:.2f} s"),
            ("proving memory, estimated", f"{self.proving_memory / 2**20:.0f} MB"),
            ("proving key", f"{self.proving_key_bytes:,} bytes"),
            ("verifying key", f"{self.verifying_key_bytes:,} bytes"),
            ("verification gas, at most", f"{self.gas:,} ({self.gas_fork})"),
        ]
        if self.score_error_bound:
            rows.insert(7, ("proven error of the sigmoid", _number(self.score_error_bound)))
        return rows

    def _within(self, error: float | None, count: int) -> str:
        return "-" if error is None else f"{_number(error)}; {count} samples lie within it of a decision boundary"

    def _drawn_rows(self) -> list[tuple[str, str]]:
        if self.drawn is None:
            return []
        found = f"max error {_number(self.drawn.largest_error)}, {self.drawn.decision_flips} decision flips"
        return [(f"on {self.drawn.samples} other inputs of the schema", found)]

    def _revealed(self) -> str:
        if self.thresholds:
            return f"tier of {self.output}: thresholds " + ", ".join(f"{cut:g}" for cut in self.thresholds)
        return f"{self.reveal} of {self.output}"


def build_report(
    plan: Plan,
    circuit: Circuit,
    accuracy: Accuracy,
    *,
    calibrated: bool,
    drawn: Accuracy | None = None,
    front: Sequence[Point] = (),
    warnings: tuple[str, ...] = (),
) -> Report:
    """Put the costs of a circuit beside the accuracy of its plan.

    Args:
        plan, circuit: what was compiled.
        accuracy: on the samples; ``calibrated`` says whether they are the caller's.
        calibrated: see there.
        drawn: on inputs drawn from the schema.
        front: of the search that chose the plan.
        warnings: of :func:`prover.quantization.saturation.saturation_warnings`.
    """
    r1cs, layout = circuit.r1cs, plan.layout
    domain = domain_size(r1cs)
    key_bytes = zkey_bytes(r1cs)
    rows = r1cs.n_constraints + r1cs.n_public + 1
    errors = [accuracy.largest_error, None if drawn is None else drawn.largest_error]
    return Report(
        constraints=r1cs.n_constraints,
        wires=r1cs.n_wires,
        public_signals=r1cs.n_public,
        nonzeros_a=int(r1cs.a.wires.size),
        nonzeros_b=int(r1cs.b.wires.size),
        nonzeros_c=int(r1cs.c.wires.size),
        domain=domain,
        layers=_layers(r1cs.rows_by_origin()),
        widths=tuple(
            Width(step.node, step.inputs.width, step.observed_bits, step.fraction_bits, _saturates(step))
            for step in plan.steps
        ),
        saturated=sum(map(_saturates, plan.steps)),
        calibrated=calibrated,
        **{item.name: getattr(accuracy, item.name) for item in fields(Accuracy)},
        drawn=drawn,
        known_error=max((error for error in errors if error is not None), default=None),
        error_bound=error_bound(plan.steps),
        exactness=_exactness(plan),
        front=tuple(Alternative.of(point) for point in front),
        warnings=warnings,
        score_error_bound=plan.error_billionths / 1e9,
        reveal=layout.reveal.name.lower(),
        output=plan.output,
        thresholds=tuple(cut / 10**THRESHOLD_DECIMALS for cut in layout.thresholds),
        decimals=layout.decimals,
        proving_seconds=round(_SECONDS_BASE + _SECONDS_PER_WIRE * r1cs.n_wires + _SECONDS_PER_ROW * domain, 3),
        proving_memory=_MEMORY_BASE + 2 * key_bytes + 6 * 32 * max(domain, rows),
        proving_key_bytes=key_bytes,
        verifying_key_bytes=64 + 3 * 128 + 64 * (r1cs.n_public + 1),
        gas=GAS_BASE + GAS_PER_SIGNAL * r1cs.n_public,
    )


def domain_size(r1cs: R1CS) -> int:
    """Smallest power of two with a place for every row and for the row the key adds per public signal and constant."""
    return 1 << (r1cs.n_constraints + r1cs.n_public).bit_length()


def zkey_bytes(r1cs: R1CS) -> int:
    """Exact size of a development key: iden3's ten sections, without contributions."""
    wires, public, domain = r1cs.n_wires, r1cs.n_public, domain_size(r1cs)
    coefficients = int(r1cs.a.wires.size + r1cs.b.wires.size) + public + 1
    sections = (
        4,
        2 * (4 + 32) + 3 * 4 + 3 * 64 + 3 * 128,
        64 * (public + 1),
        4 + 44 * coefficients,
        64 * wires,
        64 * wires,
        128 * wires,
        64 * (wires - public - 1),
        64 * domain,
        64 + 4,
    )
    return 12 + 12 * len(sections) + sum(sections)


def _layers(rows: Mapping[str, int]) -> tuple[LayerCost, ...]:
    """Rows by the outermost scope of their origin, in order."""
    totals: dict[str, int] = {}
    for origin, count in rows.items():
        name = origin.split("/")[0]
        totals[name] = totals.get(name, 0) + count
    return tuple(LayerCost(name, count) for name, count in totals.items())


def _saturates(step: Step) -> bool:
    """Whether values beyond some end are cut off there."""
    return any(name == "cap" or name.startswith("clamp") for name in step.params)


def _exactness(plan: Plan) -> str:
    """What the plan says of itself; else whether anything in it rounds."""
    known = tree_exactness(plan) or quantised_exactness(plan.steps)
    return known or _ROUNDED


def _fields(cls: type[Any], raw: Any) -> dict[str, Any]:
    """``raw`` where it is an object with exactly the fields of a dataclass.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(raw, dict) or raw.keys() != {item.name for item in fields(cls)}:
        raise ValueError(f"{cls.__name__} has other keys")
    return raw


def _histogram(raw: Any) -> Histogram | None:
    if raw is None:
        return None
    entry = _fields(Histogram, raw)
    return Histogram(tuple(map(float, entry["edges"])), tuple(map(int, entry["counts"])))


def _accuracy(raw: Any) -> Accuracy | None:
    if raw is None:
        return None
    return Accuracy(**{**_fields(Accuracy, raw), "histogram": _histogram(raw["histogram"])})


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}"
