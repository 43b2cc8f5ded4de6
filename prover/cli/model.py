"""Commands on a model and its bundle: compile, report, setup, prove, verify, export."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

import prover
from prover.cli.console import JsonOption, emit, plain, progress_bar
from prover.cli.inputs import integer, read_input, read_samples
from prover.cli.page import page
from prover.cli.report import show
from prover.errors import BundleError, InputError, MalformedProofError
from prover.files import write_atomic
from prover.schema.layout import THRESHOLD_DECIMALS

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Bundle directory.")]
Force = Annotated[bool, typer.Option("--force", help="Give up the key that is there.")]
Backend = Annotated[str | None, typer.Option("--backend", help="native or reference; the fastest there is by default.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    for command in (compile_, report, setup, prove, verify, export):
        app.command(command.__name__.rstrip("_"))(command)


def compile_(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Bundle directory to write.")],
    schema: Annotated[Path | None, typer.Option(help="Schema of the private input (JSON).")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Samples: .npz with X, .npy or .csv.")] = None,
    name: Annotated[str | None, typer.Option(help="What contracts call the model.")] = None,
    reveal: Annotated[str | None, typer.Option(help="tier, label or score.")] = None,
    tiers: Annotated[str | None, typer.Option(help="Thresholds on the score, ascending: 0.5,0.65,0.8")] = None,
    decides: Annotated[str | None, typer.Option("--decides", help="Name of the model's output that decides.")] = None,
    polarity: Annotated[str | None, typer.Option(help="higher_is_better, lower_is_better or none.")] = None,
    target_error: Annotated[
        float | None,
        typer.Option(help="Search for the smallest circuit with at most this error of the logit or score."),
    ] = None,
    max_constraints: Annotated[
        int | None, typer.Option(help="Search for the smallest error in a circuit of at most this size.")
    ] = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=1,20,8", help="Shape of an input that leaves dimensions open; repeat it for more."),
    ] = None,
    force: Force = False,
    as_json: JsonOption = False,
) -> None:
    """Compile an ONNX model into a circuit and say what it will cost and what it gets wrong."""
    features = None if schema is None else prover.Schema.from_json(schema)
    samples = None if calibration is None else read_samples(calibration, features)
    with progress_bar(as_json=as_json) as progress:
        bundle = prover.compile(
            model,
            schema=schema,
            calibration=samples,
            name=name,
            reveal=reveal,
            tiers=_tiers(tiers),
            output=decides,
            polarity=polarity,
            target_error=target_error,
            max_constraints=max_constraints,
            input_shapes=_shapes(input_shape or []),
            progress=progress,
        )
        _keep_key(bundle, output, force).save(output)
    _show_report(bundle, as_json=as_json)
    if not as_json:
        if tiers is None and bundle.layout.thresholds:
            cuts = ",".join(f"{cut / 10**THRESHOLD_DECIMALS:g}" for cut in bundle.layout.thresholds)
            print(f"\ntiers begin at the scores {cuts}: the defaults, which know nothing of this model; see --tiers")
        print(plain(f"\nwritten to {output}; next: verdict setup {shlex.quote(str(output))}"))


def report(
    directory: Directory,
    html: Annotated[Path | None, typer.Option("--html", metavar="F", help="Write it as one HTML page.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a bundle's cost and accuracy: layers, widths, errors."""
    bundle = prover.load(directory)
    if html is not None:
        write_atomic(html, page(bundle.name, bundle.report))
    _show_report(bundle, as_json=as_json)
    if html is not None and not as_json:
        print(f"written to {html}")


def setup(directory: Directory, backend: Backend = None, force: Force = False, as_json: JsonOption = False) -> None:
    """Make a development key. Production keys come from a ceremony."""
    from prover.groth16 import key_state

    bundle = prover.load(directory)
    if bundle.key is not None and not force:
        raise BundleError(
            f"{directory} has a key; a new one would orphan every verifier made from it",
            "--force replaces it all the same",
        )
    started = time.perf_counter()
    with progress_bar(as_json=as_json) as progress:
        bundle = prover.setup(bundle, backend=backend, progress=progress)
        bundle.save(directory)
    document = {
        "state": key_state(bundle.verifying_key).value,
        "vkHash": "0x" + bundle.verifying_key.hash.hex(),
        "provingKeyBytes": bundle.proving_key.path.stat().st_size,
        "seconds": round(time.perf_counter() - started, 3),
    }
    emit(document, as_json=as_json)


def prove(
    directory: Directory,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Proof file to write.")],
    input_: Annotated[Path | None, typer.Option("--input", metavar="F", help="Applicant: .npz, .csv or .json.")] = None,
    index: Annotated[int | None, typer.Option(help="Which input of the file.")] = None,
    context: Annotated[str, typer.Option(help="Value the proof is bound to, below 2^253.")] = "0",
    opening: Annotated[
        Path | None, typer.Option(help="Instead of --input: the opening that `verdict attest` wrote.")
    ] = None,
    backend: Backend = None,
    as_json: JsonOption = False,
) -> None:
    """Prove one inference; the input stays private."""
    bundle = prover.load(directory)
    applicant = read_applicant(bundle, input_, index, opening)
    bound_to = integer("--context", context)
    started = time.perf_counter()
    with progress_bar(as_json=as_json) as progress:
        proof = prover.prove(bundle, applicant, context=bound_to, backend=backend, progress=progress)
    seconds = time.perf_counter() - started
    proof.save(output)
    emit({**describe(bundle, proof), "seconds": round(seconds, 3), "proof": str(output)}, as_json=as_json)


def verify(
    directory: Directory,
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="Proof file.")],
    backend: Backend = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a proof: exit code 0 if it holds, 1 if it does not."""
    bundle = prover.load(directory)
    reason = "the pairing check fails"
    try:
        inference = prover.InferenceProof.load(proof, bundle.layout)
        if prover.verify(bundle, inference, backend=backend):
            emit({"valid": True, **describe(bundle, inference)}, as_json=as_json)
            return
    except MalformedProofError as error:
        reason = error.message
    emit({"valid": False, "reason": reason}, as_json=as_json)
    raise typer.Exit(1)


def export(
    directory: Directory,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Solidity file to write.")],
    contract: Annotated[str | None, typer.Option(help="Contract name; made from the model's name by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the bundle's verifier in Solidity."""
    bundle = prover.load(directory)
    write_atomic(output, prover.export_solidity(bundle, contract_name=contract))
    emit({"source": str(output), "vkHash": "0x" + bundle.verifying_key.hash.hex()}, as_json=as_json)


def describe(bundle: prover.Bundle, proof: prover.InferenceProof) -> dict[str, Any]:
    """What a proof reveals, for printing. Every entry is public."""
    return {
        "model": bundle.name,
        "reveals": bundle.layout.reveal.name.lower(),
        "values": list(proof.values),
        "meaning": bundle.meaning(proof.values),
        "decimals": list(bundle.layout.decimals),
        "commitment": hex(proof.commitment),
        "context": hex(proof.context),
    }


def read_applicant(
    bundle: prover.Bundle, input_: Path | None, index: int | None, opening: Path | None
) -> prover.Opening:
    """The applicant a command is about, from ``--input`` (under a fresh salt) or ``--opening``.

    Raises:
        InputError, FormatError: neither, both, or a file that does not read.
    """
    if (input_ is None) == (opening is None):
        raise InputError("say whom to prove", "give either --input (with --index) or --opening")
    if opening is not None:
        return prover.Opening.load(opening, bundle.schema)
    assert input_ is not None
    return prover.Opening.of(bundle.schema, read_input(input_, index, bundle.schema))


def _keep_key(bundle: prover.Bundle, directory: Path, force: bool) -> prover.Bundle:
    """The new bundle with the key of the one it replaces, where that is for the very same circuit.

    Raises:
        BundleError: it is for another circuit, and ``force`` is not given.
    """
    if force or not (directory / "proving_key.zkey").exists():
        return bundle
    earlier = prover.load(directory)
    if earlier.key is None:
        return bundle
    if earlier.circuit_hash != bundle.circuit_hash:
        raise BundleError(
            f"{directory} has a key for another circuit, which this model would replace",
            "choose another directory, or give the key up with --force",
        )
    return bundle.with_key(earlier.key)


def _shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shapes[name] = tuple(int(size) for size in sizes.split(","))
        except ValueError as error:
            raise InputError(f"--input-shape {text!r} is no shape", "write NAME=1,20,8") from error
    return shapes


def _tiers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--tiers {text!r} is no list of numbers", "write 0.5,0.65,0.8") from error


def _show_report(bundle: prover.Bundle, *, as_json: bool) -> None:
    if as_json:
        print(bundle.report.to_json())
        return
    show(bundle.name, bundle.report)
