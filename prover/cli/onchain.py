"""Commands that speak to a chain: node, deploy, attest, consent, submit, decision, and the doctor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import prover
from prover.cli.console import JsonOption, alert, emit, plain, progress_bar, table
from prover.cli.inputs import read_input
from prover.cli.model import Backend, Directory, describe, read_applicant
from prover.cli.network import (
    DEPLOYMENTS,
    AccountOption,
    ChainIdOption,
    DeploymentsOption,
    KeystoreOption,
    NetworkOption,
    open_records,
    open_sender,
    open_stack,
)
from prover.errors import InputError

if TYPE_CHECKING:
    from prover.chain.deploy import Stack
    from prover.chain.life import Life
    from prover.chain.records import Records
    from prover.chain.transactions import Sender

DAY = 86_400


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    for command in (node, deploy, attest, consent, submit, decision, doctor):
        app.command(command.__name__)(command)


def node(
    port: Annotated[int, typer.Option(help="Where it listens, on this machine only.")] = 8545,
    chain_id: Annotated[int, typer.Option("--chain-id", help="Chain id.")] = 31337,
    background: Annotated[bool, typer.Option("--background", help="Return once it answers.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the one in the background.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a development chain (anvil) that survives restarts."""
    from prover.chain import node as local

    if stop:
        stopped = local.stop()
        emit({"stopped": stopped}, as_json=as_json, text="stopped" if stopped else "no node was running")
        raise typer.Exit(0 if stopped else 1)
    if background:
        process = local.start(port, chain_id)
        emit({"url": process.url, "pid": process.pid, "chainId": process.chain_id}, as_json=as_json)
        return
    raise typer.Exit(local.run(port, chain_id))


def deploy(
    directory: Directory,
    network: NetworkOption = "node",
    max_age: Annotated[int, typer.Option(help="Seconds after observation that a decision counts.")] = 30 * DAY,
    credit_line: Annotated[bool, typer.Option("--credit-line", help="The lending vault and a token, too.")] = False,
    market: Annotated[bool, typer.Option("--collateral-market", help="The collateral market, too.")] = False,
    inferences: Annotated[bool, typer.Option("--inference-store", help="A store of inferences, too.")] = False,
    fresh: Annotated[
        list[str] | None,
        typer.Option(metavar="CONTRACT", help="Deploy it anew, e.g. CreditLine, or all; repeat it for more."),
    ] = None,
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy the registries and the bundle's verifier, and register the model. Twice is as good as once.

    --fresh deploys one contract anew and sets aside the records of those that rely on the old one; what the old ones
    hold (models, decisions, deposits) stays theirs. The bundle's verifier goes with --fresh all only.
    """
    from prover.chain.deploy import (
        deploy_collateral_market,
        deploy_credit_line,
        deploy_inference_store,
        deploy_stack,
        renew,
    )
    from prover.chain.publish import publish
    from prover.groth16 import key_state

    bundle = prover.load(directory)
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    aside = renew(records, fresh or [])
    stack = deploy_stack(sender, records)
    published = publish(sender, records, stack, bundle, max_age=max_age)
    document: dict[str, Any] = {
        "chainId": sender.network.chain_id,
        "modelRegistry": stack.models.address,
        "issuerRegistry": stack.issuers.address,
        "decisionRegistry": stack.decisions.address,
        "verifier": published.verifier.address,
        "modelId": hex(published.model_id),
    }
    if credit_line:
        lender = deploy_credit_line(sender, records, stack)
        document |= {"creditLine": lender.address, "token": lender.read("asset")}
    if market:
        document["collateralMarket"] = deploy_collateral_market(sender, records, stack).address
    if inferences:
        document["inferenceStore"] = deploy_inference_store(sender, records, stack).address
    document["key"] = key_state(bundle.verifying_key).value
    if aside:
        document["recordsSetAside"] = aside
    emit(document, as_json=as_json)
    if not as_json:
        _say_what_is_left(document)


def attest(
    directory: Directory,
    input_: Annotated[Path, typer.Option("--input", metavar="F", help="Facts: .npz, .npy, .csv or .json.")],
    subject: Annotated[str, typer.Option(help="Wallet that may use the attestation.")],
    person_id: Annotated[str, typer.Option(help="Your pseudonym of the person: 32 bytes in hex.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Signed attestation to write.")],
    opening: Annotated[Path | None, typer.Option(help="Private opening to write; FILE.opening by default.")] = None,
    index: Annotated[int | None, typer.Option(help="Which input of the file.")] = None,
    sequence: Annotated[int, typer.Option(help="Rises with each new statement about this wallet.")] = 1,
    valid_for: Annotated[int, typer.Option(help="Seconds until it expires.")] = 30 * DAY,
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """As an issuer, commit to a person's facts and sign the commitment. Registers the issuer on its first use."""
    from prover.chain.attest import attest as sign
    from prover.chain.decision import domain_of
    from prover.chain.issuers import register_issuer

    person = _bytes32("--person-id", person_id)
    bundle = prover.load(directory)
    facts = prover.Opening.of(bundle.schema, read_input(input_, index, bundle.schema))
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    register_issuer(sender, stack.issuers)
    observed = sender.network.now()
    signed = sign(
        sender.signer,
        bundle.schema.hash,
        facts.commitment,
        subject,
        person,
        observed,
        observed + valid_for,
        sequence,
        domain_of(stack.decisions),
    )
    private = opening or output.with_name(output.name + ".opening")
    facts.save(private)
    signed.save(output)
    document = {
        "issuer": sender.address,
        "attestation": str(output),
        "opening": str(private),
        "commitment": hex(facts.commitment),
        "attestationHash": "0x" + signed.attestation.hash.hex(),
    }
    emit(document, as_json=as_json)


def consent(
    directory: Directory,
    attestation: Annotated[Path, typer.Option(help="Attestation file.")],
    consumer: Annotated[str, typer.Option(help="Contract that may act on the decision.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Signed consent to write.")],
    valid_for: Annotated[int, typer.Option(help="Seconds within which it must be submitted.")] = DAY,
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the subject, allow this model to judge an attestation for one consumer. Prints the proof's context."""
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    bundle, stack = prover.load(directory), open_stack(records)
    signed, context = _consent(sender, records, stack, bundle, attestation, consumer, valid_for)
    signed.save(output)
    emit({"consent": str(output), "context": hex(context)}, as_json=as_json)


def submit(
    directory: Directory,
    attestation: Annotated[Path, typer.Option(help="Attestation file.")],
    opening: Annotated[Path | None, typer.Option(help="Its opening: prove here and now.")] = None,
    consumer: Annotated[str | None, typer.Option(help="With --opening: contract that may act on the decision.")] = None,
    consent: Annotated[Path | None, typer.Option(help="Consent file, for a proof made before.")] = None,
    proof: Annotated[Path | None, typer.Option(help="Proof file, made for that consent's context.")] = None,
    valid_for: Annotated[int, typer.Option(help="With --opening: seconds the consent holds.")] = DAY,
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    keystore: KeystoreOption = None,
    account: AccountOption = 0,
    chain_id: ChainIdOption = None,
    backend: Backend = None,
    as_json: JsonOption = False,
) -> None:
    """Put a decision on chain.

    With --opening and --consumer the subject consents, proves and submits in one go. With --consent and --proof
    anybody relays what was signed and proven elsewhere.
    """
    from prover.chain.attest import SignedAttestation, SignedConsent
    from prover.chain.decision import submit as send

    bundle = prover.load(directory)
    sender, records = open_sender(network, chain_id, keystore, account, deployments)
    stack = open_stack(records)
    statement = SignedAttestation.load(attestation)
    if (opening is None) == (proof is None):
        raise InputError("say what to submit", "give --opening and --consumer, or --consent and --proof, not both")
    if proof is not None and consent is not None:
        permission = SignedConsent.load(consent)
        inference = prover.InferenceProof.load(proof, bundle.layout)
    elif opening is not None and consumer is not None:
        permission, context = _consent(sender, records, stack, bundle, attestation, consumer, valid_for)
        with progress_bar(as_json=as_json) as progress:
            facts = read_applicant(bundle, None, None, opening)
            inference = prover.prove(bundle, facts, context=context, backend=backend, progress=progress)
    else:
        raise InputError("nothing to submit", "give --opening and --consumer, or --consent and --proof")
    receipt = send(sender, stack.decisions, statement, permission, inference.values, inference.proof.data)
    document = {
        **describe(bundle, inference),
        "transaction": "0x" + receipt.transaction_hash.hex(),
        "block": receipt.block,
        "gasUsed": receipt.gas_used,
        "fork": receipt.fork,
    }
    emit(document, as_json=as_json)


def decision(
    directory: Directory,
    issuer: Annotated[str, typer.Option(help="Whose attestation it rests on.")],
    subject: Annotated[str, typer.Option(help="Whom it is about.")],
    consumer: Annotated[str, typer.Option(help="Contract it was consented to.")],
    life: Annotated[bool, typer.Option("--life", help="All that became of it: for auditors.")] = False,
    network: NetworkOption = "node",
    deployments: DeploymentsOption = DEPLOYMENTS,
    chain_id: ChainIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a decision as a consumer would: exit code 0 if it is valid, 1 if it is not."""
    from prover.chain.decision import try_decision_of
    from prover.chain.life import life_of
    from prover.chain.publish import recorded_model_id

    bundle, records = prover.load(directory), open_records(network, chain_id, deployments)
    stack = open_stack(records)
    model_id = recorded_model_id(records, stack, bundle)
    whole = life_of(stack.decisions, model_id, issuer, subject, consumer) if life else None
    found = whole.decision if whole else try_decision_of(stack.decisions, model_id, issuer, subject, consumer)
    document = {
        "status": found.status.name.lower(),
        "values": list(found.values),
        "decimals": list(found.decimals),
        "personId": "0x" + found.person_id.hex(),
        "observedAt": found.observed_at,
        "validUntil": found.valid_until,
        "sequence": found.sequence,
    }
    if whole:
        document |= _life(whole)
    emit(document, as_json=as_json)
    raise typer.Exit(0 if found.valid else 1)


def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, what is missing, and how to get it."""
    from prover.chain.doctor import examine, healthy

    checks = examine()
    well = healthy(checks)
    if as_json:
        rows = [{**vars(check), "ok": check.ok} for check in checks]
        emit({"healthy": well, "checks": rows}, as_json=True)
    else:
        drawn = [[check.name, check.found or "missing", check.needed_for, check.remedy] for check in checks]
        table("verdict doctor", ["", "found", "needed for", "to do"], drawn)
    raise typer.Exit(0 if well else 1)


def _consent(
    sender: Sender,
    records: Records,
    stack: Stack,
    bundle: prover.Bundle,
    attestation: Path,
    consumer: str,
    valid_for: int,
) -> tuple[Any, int]:
    """A fresh consent of the sender to the bundle's model, and the context a proof for it carries."""
    from prover.chain.attest import SignedAttestation
    from prover.chain.attest import consent as sign
    from prover.chain.decision import domain_of
    from prover.chain.eip712 import context_for
    from prover.chain.publish import recorded_model_id

    statement = SignedAttestation.load(attestation).attestation
    if statement.subject != sender.address:
        raise InputError(f"the attestation is about {statement.subject}, not {sender.address}", "sign as its subject")
    domain = domain_of(stack.decisions)
    model_id = recorded_model_id(records, stack, bundle)
    deadline = sender.network.now() + valid_for
    signed = sign(sender.signer, statement.hash, model_id, consumer, deadline, domain)
    context = context_for(domain.chain_id, domain.verifying_contract, model_id, statement.hash, signed.consent.nonce)
    return signed, context


def _life(life: Life) -> dict[str, Any]:
    """What ``--life`` adds. Numbers beyond 64 bits are texts, as in the signed files."""
    return {
        "consentNonce": str(life.consent_nonce),
        "submittedAt": life.submitted_at,
        "withdrawnAt": life.withdrawn_at,
        "attestationHash": "0x" + life.decision.attestation_hash.hex(),
        "revoked": life.revoked,
        "superseded": life.superseded,
        "lastSequence": life.last_sequence,
        "minimumSequence": life.minimum_sequence,
        "schema": "0x" + life.schema_hash.hex(),
        "modelStatus": life.model_status.name.lower(),
        "modelSuccessor": None if life.model_successor is None else hex(life.model_successor),
        "issuerStatus": life.issuer_status.name.lower(),
        "issuerSuccessor": life.issuer_successor,
    }


def _say_what_is_left(deployed: dict[str, Any]) -> None:
    """For people: a key that is not for money, and what an empty vault waits for."""
    if deployed["key"] != "production":
        alert(f"the model runs on a {deployed['key']} key: whoever made it can prove anything; no real money on it")
    if "creditLine" in deployed:
        line = deployed["creditLine"]
        print(
            plain(
                f"\nnext: the vault {line} lends nothing yet. As its owner, say what it lends with setModelTerms (for "
                f"model {deployed['modelId']}), whom it believes with setIssuerDailyCap, how much with setCaps; then "
                "transferOwnership to a timelock, which accepts it. See contracts/README.md, Deploy"
            )
        )


def _bytes32(name: str, text: str) -> bytes:
    """Exactly 32 bytes: a person's identity must not depend on how many zeros somebody left out."""
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{64}", text):
        raise InputError(f"{name} is {text!r}, not 32 bytes in hex", "write 64 hexadecimal digits, after 0x or not")
    return bytes.fromhex(text[-64:])
