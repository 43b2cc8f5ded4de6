"""Runs a node test through the compiler: integer reference, constraints, and the values the project expects."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import FrameType

import numpy as np

from prover.compiler import solve
from prover.constraint import Circuit
from prover.errors import ModelError, QuantizationError, VerdictError
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, Settings, calibrate, draw
from prover.quantization.model import Run
from prover.schema import EncodedBatch
from tests.backend.cases import NodeCase, obstacle
from tests.backend.facts import Statement, statement_of

TOLERANCE = 1e-3
"""Relative and absolute, as the project's own runner allows relatively."""

FINE = Settings(activation_bits=18, hidden_error_bits=18, logit_error_bits=18)

SECONDS = 60
"""A case that takes more time of a processor fails."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case: ``"passed"``, ``"skipped"`` or ``"failed"``, and why.

    A passed case says which of its inputs were constants.
    """

    status: str
    reason: str = ""


class Mismatch(Exception):  # noqa: N818 - what was found, not what went wrong
    """The circuit computes something else than it should."""


class TooSlow(Exception):  # noqa: N818
    """The time is up."""


def run_case(case: NodeCase, seconds: float = SECONDS) -> Outcome:
    """Compile every output of a case and compare it; with one private input only where several are refused."""
    reason = obstacle(case)
    if reason:
        return Outcome("skipped", reason)
    first: Outcome | None = None
    for single in (False, True):
        try:
            with time_limit(seconds):
                constants = [check_output(case, output, single=single) for output in case.outputs]
            names = list(dict.fromkeys(name for some in constants for name in some))
            return Outcome("passed", "constant: " + ", ".join(names) if names else "")
        except (VerdictError, Mismatch, TooSlow) as error:
            first = first or Outcome("failed", _line(error))
        except Exception as error:  # whatever it is, it must not end the run of the other cases
            first = first or Outcome("failed", f"bug: {type(error).__name__}: {_line(error)}")
        if len(case.inputs) == 1:
            break
    assert first is not None
    return first


def check_output(case: NodeCase, output: str, *, single: bool = False) -> tuple[str, ...]:
    """Everything about one output: reference against expected values, circuit against reference.

    Returns:
        the inputs that were constants.

    Raises:
        Mismatch: they differ.
    """
    statement = statement_of(case, output, single=single)
    try:
        compiled(statement)
    except ModelError as error:
        if "does not depend on its input" not in error.message:
            raise
        statement = statement_of(case, output, constant=True)
        compiled(statement)
    return statement.constants


def compiled(statement: Statement) -> tuple[Plan, Circuit, EncodedBatch]:
    """A statement's plan and circuit, after both gave the expected values for the case's data, and the same for
    facts drawn from the schema.

    Returns:
        plan, circuit, and the encoded inputs they were tried on: the case's first.

    Raises:
        Mismatch: they did not.
    """
    plan, batch = plan_of(statement)
    run = IntegerModel(plan, statement.schema).run(batch.codes)
    compare(plan, run, statement)
    circuit = lower(statement.schema, plan)
    for index in range(len(batch)):
        solution = solve(circuit, plan.layout, batch[index], salt=index + 1, context=index)
        if list(solution.values) != run.outputs[index].tolist():
            raise Mismatch("the circuit computes other values than the integer reference")
    return plan, circuit, batch


def plan_of(statement: Statement) -> tuple[Plan, EncodedBatch]:
    """The plan, calibrated on the case's data, and that data with one more input, drawn from the schema."""
    graph = import_model(statement.model)
    exact = statement.expected.dtype.kind in "biuOUS"
    settings = replace(FINE, decimals=0 if exact else FINE.decimals)
    row = statement.row[None]
    try:
        plan = calibrate(graph, statement.schema, row, request=Request("score", statement.output), settings=settings)
    except QuantizationError as error:
        if "is a label" not in error.message:
            raise
        plan = calibrate(graph, statement.schema, row, request=Request("label", statement.output), settings=settings)
    given, drawn = statement.schema.encode_batch(row), draw(statement.schema, 1)
    codes = np.concatenate([given.codes, drawn.codes])
    return plan, EncodedBatch(given.features, codes, np.zeros(codes.shape, dtype=np.bool_))


def compare(plan: Plan, run: Run, statement: Statement) -> None:
    """The first row's revealed values against the expected ones.

    Raises:
        Mismatch: an integer or boolean differs at all, a float by more than the tolerance.
    """
    got, wanted = run.outputs[0], statement.expected
    if got.size != wanted.size:
        raise Mismatch(f"{got.size} values instead of {wanted.size}")
    if wanted.dtype.kind in "biu":
        wrong = np.flatnonzero(got != wanted.astype(np.int64))
        if wrong.size:
            place = wrong[0]
            raise Mismatch(
                f"{wrong.size} of {wanted.size} integers differ: [{place}] {got[place]}, not {wanted[place]}"
            )
        return
    real = got / 10.0 ** np.array(plan.layout.decimals)
    error = np.abs(real - wanted)
    excess = error - TOLERANCE * (1.0 + np.abs(wanted))
    place = int(np.argmax(excess))
    if excess[place] > 0:
        raise Mismatch(
            f"{np.count_nonzero(excess > 0)} of {wanted.size} values differ: [{place}] {real[place]:.6g}, "
            f"not {wanted[place]:.6g}"
        )


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises :class:`TooSlow` inside the block when its processor time is up. Main thread only."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooSlow(f"slower than {seconds:g} s")

    earlier = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
