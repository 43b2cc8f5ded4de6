"""Commands for those who run models: submit-batch relays many decisions, freeze switches a verifier off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import prover
from prover.cli.console import JsonOption, emit, table
from prover.cli.model import Backend, Directory
from prover.cli.network import (
    DEPLOYMENTS,
    AccountOption,
    ChainIdOption,
    DeploymentsOption,
    KeystoreOption,
    NetworkOption,
    open_sender,
    open_stack,
)
from prover.errors import FormatError, InputError, TransactionReverted, VerdictError

if TYPE_CHECKING:
    from prover.chain.batch import Outcome, Submission


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("submit-batch")(submit_batch)
    app.command("freeze")(freeze)


def submit_batch(
    directory: Directory,
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Each holds attestation.json, consent.json and proof.json."),
    ],
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    backend: Backend = None,
    as_json: JsonOption = False,
) -> None:
    """Relay many decisions of one model in few transactions: exit code 0 if all are stored, 1 if not.

    False proofs are refused before anything is sent; what is used up, overtaken or withdrawn is skipped. Running it
    again is harmless.
    """
    from prover.chain.batch import Fate
    from prover.chain.batch import submit_batch as send

    bundle = prover.load(directory)
    items = [_read(folder, bundle) for folder in folders]
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    outcomes = send(sender, stack.decisions, bundle.verifying_key, items, backend=backend)
    rows = [_row(folder, item, outcome) for folder, item, outcome in zip(folders, items, outcomes, strict=True)]
    used = {one.receipt.transaction_hash: one.receipt.gas_used for one in outcomes if one.receipt}
    counts = {fate.value: sum(one.fate is fate for one in outcomes) for fate in Fate}
    summary = {**counts, "transactions": len(used), "gasUsed": sum(used.values())}
    if not as_json:
        table("", ["folder", "", ""], [[row["folder"], row["fate"], row["reason"] or ""] for row in rows])
    emit({**summary, "items": rows} if as_json else summary, as_json=as_json)
    raise typer.Exit(0 if counts[Fate.STORED] == len(outcomes) else 1)


def freeze(
    directory: Directory,
    for_good: Annotated[bool, typer.Option("--for-good", help="Yes: it cannot be undone.")] = False,
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """As a model's owner or guardian, switch its verifier off for ever. Its decisions stop counting at once."""
    from prover.chain.models import freeze_verifier, model_status
    from prover.chain.publish import recorded_model_id

    if not for_good:
        raise InputError("a frozen model never decides again", "say --for-good if that is meant")
    bundle = prover.load(directory)
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    model_id = recorded_model_id(records, stack, bundle)
    receipt = freeze_verifier(sender, stack.models, model_id)
    document = {
        "modelId": hex(model_id),
        "status": model_status(stack.models, model_id).name.lower(),
        "transaction": "0x" + receipt.transaction_hash.hex(),
    }
    emit(document, as_json=as_json)


def _read(folder: Path, bundle: prover.Bundle) -> Submission:
    """The submission in a folder. Raises FormatError, which names the folder."""
    from prover.chain.attest import SignedAttestation, SignedConsent
    from prover.chain.batch import Submission

    try:
        attestation = SignedAttestation.load(folder / "attestation.json")
        consent = SignedConsent.load(folder / "consent.json")
        inference = prover.InferenceProof.load(folder / "proof.json", bundle.layout)
        return Submission(attestation, consent, inference.values, inference.proof.data)
    except VerdictError as error:
        raise FormatError(f"{folder}: {error.message}", "nothing was sent; leave the folder out") from error


def _row(folder: Path, item: Submission, outcome: Outcome) -> dict[str, Any]:
    reason = outcome.reason
    return {
        "folder": str(folder),
        "subject": item.attestation.attestation.subject,
        "attestationHash": "0x" + item.attestation.attestation.hash.hex(),
        "values": list(item.values),
        "fate": outcome.fate.value,
        "error": reason.error if isinstance(reason, TransactionReverted) else None,
        "reason": reason.message if reason else None,
        "transaction": "0x" + outcome.receipt.transaction_hash.hex() if outcome.receipt else None,
    }
