"""The five verbs of the public API: compile, setup, prove, verify, export_solidity."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from prover import groth16
from prover.bundle import Bundle
from prover.bundledir import temporary_key_path
from prover.compiler import compile_model, solve
from prover.errors import InputError, KeyMismatchError
from prover.groth16.keystate import refuse_initial
from prover.inference import InferenceProof
from prover.opening import Opening
from prover.progress import Progress, silent
from prover.schema import Schema

CONTEXT_BITS = 253
"""A context is a hash of 256 bits shifted right by three, so that it is below r on every input."""


def compile(
    model: str | os.PathLike[str] | bytes,
    *,
    schema: Schema | str | os.PathLike[str] | None = None,
    calibration: NDArray[Any] | None = None,
    name: str | None = None,
    reveal: str | None = None,
    tiers: Sequence[float] | None = None,
    output: str | None = None,
    polarity: str | None = None,
    target_error: float | None = None,
    max_constraints: int | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    progress: Progress = silent,
) -> Bundle:
    """Compile an ONNX model into a circuit, with its cost and accuracy measured.

    Args:
        model: path of an ONNX file, or its bytes.
        schema: features of the private input: a :class:`Schema` or a JSON file; derived from ``calibration`` if None.
        calibration: number[n, d], samples as the model takes them. They choose bit widths and measure the error.
        name: what contracts call the model; the file's stem by default.
        reveal: ``"tier"``, ``"label"`` or ``"score"``; None chooses tier for a probability of two classes, label for
            more classes, score for a regression.
        tiers: ascending thresholds on the score, for ``reveal="tier"``; 0.5, 0.65 and 0.8 by default.
        output: name of the model's output that decides, when it has several; its probabilities by default.
        polarity: ``"higher_is_better"`` (a probability's default), ``"lower_is_better"`` or ``"none"``.
        target_error: search the precision for the smallest circuit with at most this error of the logit (of the score,
            for a regression) on the calibration samples.
        max_constraints: search the precision for the smallest error in a circuit of at most this many constraints.
            The report's ``front`` then shows what else there is.
        input_shapes: shapes by input name, ``{"x": (1, 20, 8)}``, for inputs whose dimensions the model leaves open,
            such as the length of a sequence; a batch is 1.
        progress: called now and then.

    Raises:
        UnreachableTargetError: no plan has the error or the size asked for; says the nearest.
        ModelError: the model does not load, or holds an operator that is not supported.
        SchemaError: the schema cannot be, or does not fit the model's input.
        InputError: a calibration sample is outside the schema.
        QuantizationError: no plan holds.
    """
    if isinstance(schema, (str, os.PathLike)):
        schema = Schema.from_json(Path(schema))
    onnx = model if isinstance(model, bytes) else None
    parts = compile_model(
        model,
        schema=schema,
        calibration=calibration,
        reveal=reveal,
        output=output,
        tiers=tiers,
        polarity=polarity,
        target_error=target_error,
        max_constraints=max_constraints,
        input_shapes=input_shapes,
        progress=progress,
    )
    stem = "model" if isinstance(model, bytes) else Path(model).stem
    return Bundle(
        name=name or stem,
        onnx=onnx if onnx is not None else Path(os.fspath(model)).read_bytes(),  # type: ignore[arg-type]
        schema=parts.schema,
        plan=parts.plan,
        layout=parts.layout,
        report=parts.report,
        circuit=parts.circuit,
    )


def setup(bundle: Bundle, *, backend: str | None = None, progress: Progress = silent) -> Bundle:
    """Make a development key for the bundle's circuit: fit for development, not for money.

    Returns:
        the bundle with its key; an older key is replaced. Keep it with :meth:`Bundle.save`.

    Raises:
        BackendError: the backend is missing.
        Cancelled: ``progress`` asked to stop.
        StorageError: the key could not be written.
    """
    key = groth16.setup(bundle.circuit.r1cs, temporary_key_path(), backend=backend, progress=progress)
    return bundle.with_key(key)


def prove(
    bundle: Bundle,
    inputs: Any,
    *,
    context: int = 0,
    salt: int | None = None,
    backend: str | None = None,
    progress: Progress = silent,
) -> InferenceProof:
    """Prove one inference. The witness is checked before, the proof after: what is returned is valid.

    Args:
        inputs: one applicant: a mapping feature → value, a sequence or array in schema order, or an
            :class:`~prover.opening.Opening` when the facts were committed to before.
        context: what the proof is bound to, in [0, 2^253).
        salt: the commitment's salt, in [0, r); a fresh one by default. Not with an opening, which has its own.

    Raises:
        InputError: a feature outside its schema, or a context or salt out of range.
        BundleError: the bundle has no key.
        UnsafeKeyError: the key is initial.
        UnsatisfiedError: the witness violates a constraint; always a bug.
    """
    if not 0 <= context < 1 << CONTEXT_BITS:
        raise InputError(f"the context is not in [0, 2^{CONTEXT_BITS})", "shift a 256-bit hash right by three")
    key = bundle.proving_key
    opening = _opening(bundle.schema, inputs, salt)
    solution = solve(bundle.circuit, bundle.layout, opening.encoded, salt=opening.salt, context=context, check=False)
    proof = groth16.prove(key, bundle.circuit.r1cs, solution.witness, backend=backend, progress=progress)
    return InferenceProof(proof, tuple(solution.public_signals), bundle.layout, key.verifying_key.hash)


def _opening(schema: Schema, inputs: Any, salt: int | None) -> Opening:
    if not isinstance(inputs, Opening):
        return Opening.of(schema, inputs, salt)
    if salt is not None:
        raise InputError("an opening has a salt of its own", "pass either an opening or a salt")
    if inputs.schema.hash != schema.hash:
        raise InputError("the opening follows another schema than the model", "commit under the model's schema")
    return inputs


def verify(bundle: Bundle, proof: InferenceProof, *, backend: str | None = None) -> bool:
    """Whether the proof holds for this bundle's key: the contract's answer, off chain.

    Raises:
        KeyMismatchError: the proof was made for another key.
        UnsafeKeyError: the key is initial: anybody can prove anything under it.
        MalformedProofError: what the contract would revert on.
    """
    key = bundle.verifying_key
    refuse_initial(key, "verify")
    if proof.vk_hash != key.hash:
        raise KeyMismatchError("the proof was made for another verifying key", "verify it with that bundle")
    return groth16.verify(key, proof.public_signals, proof.proof, backend=backend)


def export_solidity(bundle: Bundle, *, contract_name: str | None = None) -> str:
    """Solidity source of the bundle's verifier.

    Args:
        contract_name: a Solidity identifier; made from the model's name by default.

    Raises:
        BundleError: the bundle has no key.
        UnsafeKeyError: the key is initial.
        KeyMismatchError: the key is for another circuit.
        InputError: ``contract_name`` is no identifier.
    """
    bundle.check_key()
    try:
        return groth16.export_solidity(
            bundle.verifying_key,
            contract_name=contract_name,
            model_name=bundle.name,
            model_hash=bundle.model_hash,
            circuit_hash=bundle.circuit_hash,
        )
    except ValueError as error:
        raise InputError(str(error), "letters and digits, a letter first") from error
