"""Commands for many decisions and for the end of one: submit-batch, withdraw, invalidate; freeze ends a whole model."""

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
    app.command("withdraw")(withdraw)
    app.command("invalidate")(invalidate)
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
    again is harmless: what is stored stays so, and is called already stored.
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
        cells = [[row["folder"], row["fate"], row["reason"] or ""] for row in rows]
        table("", ["folder", "fate", "reason"], cells, words=True)
    emit({**summary, "items": rows} if as_json else summary, as_json=as_json)
    there = counts[Fate.STORED] + counts[Fate.ALREADY_STORED]
    raise typer.Exit(0 if there == len(outcomes) else 1)


def withdraw(
    directory: Directory,
    issuer: Annotated[str, typer.Option(help="Whose attestation the decision rests on.")],
    consumer: Annotated[str, typer.Option(help="Contract it was consented to.")],
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the subject, withdraw the consent behind a stored decision: it stops counting at once, for good."""
    from prover.chain.decision import try_decision_of
    from prover.chain.life import withdraw_consent
    from prover.chain.publish import recorded_model_id

    bundle = prover.load(directory)
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    model_id = recorded_model_id(records, stack, bundle)
    receipt = withdraw_consent(sender, stack.decisions, model_id, issuer, consumer)
    found = try_decision_of(stack.decisions, model_id, issuer, sender.address, consumer)
    document = {"status": found.status.name.lower(), "transaction": "0x" + receipt.transaction_hash.hex()}
    emit(document, as_json=as_json)


def invalidate(
    consent: Annotated[Path, typer.Argument(metavar="CONSENT", help="Consent file, not yet submitted.")],
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the subject, make a consent that was signed but not submitted unusable, whoever holds it."""
    from prover.chain.attest import SignedConsent
    from prover.chain.decision import domain_of
    from prover.chain.life import invalidate_nonce

    signed = SignedConsent.load(consent)
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    if signed.domain != domain_of(stack.decisions):
        raise InputError(f"{consent} is a consent for another registry", "name its --network and --deployments")
    if signed.signer != sender.address:  # the registry would spend the sender's own nonce, and the consent live on
        by = signed.signer or "no key"
        raise InputError(f"{consent} was signed by {by}, not by {sender.address}", "sign as its subject")
    nonce = signed.consent.nonce
    receipt = invalidate_nonce(sender, stack.decisions, nonce)
    emit({"nonce": str(nonce), "transaction": "0x" + receipt.transaction_hash.hex()}, as_json=as_json)


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
