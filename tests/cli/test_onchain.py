"""deploy, attest, consent, submit and decision against a real node."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from .conftest import ACCOUNTS, Verdict

PERSON = f"0x{0x77:064x}"


def test_a_decision_from_model_to_chain(
    verdict: Verdict, loan: Path, models: Path, chain: str, records: Path, tmp_path: Path
) -> None:
    where = ("--network", chain, "--deployments", records, "--json")
    everything = ("deploy", loan, "--credit-line", "--collateral-market", "--inference-store", *where)
    deployed = verdict(*everything)
    assert deployed.code == 0, deployed.stderr
    assert verdict(*everything).document == deployed.document, "twice is as good as once"
    for name in ("CollateralMarket", "InferenceStore"):
        assert (records / "31337" / f"{name}.json").is_file()
    assert deployed.document["collateralMarket"] != deployed.document["creditLine"]
    lender = deployed.document["creditLine"]
    _, issuer, subject = ACCOUNTS
    paper = tmp_path / "attestation.json"
    attested = verdict(
        "attest", loan, "--input", models / "loan_logistic.npz", "--index", 1, "--subject", subject, "--person-id",
        PERSON, "-o", paper, "--account", 1, *where,
    )  # fmt: skip
    assert attested.code == 0, attested.stderr
    assert attested.document["issuer"] == issuer
    question = ("--issuer", issuer, "--subject", subject, "--consumer", lender, *where)
    missing = verdict("decision", loan, *question)
    assert (missing.code, missing.document["status"]) == (1, "missing")
    opening = attested.document["opening"]
    sent = verdict(
        "submit", loan, "--attestation", paper, "--opening", opening, "--consumer", lender, "--account", 2, *where
    )
    assert sent.code == 0, sent.stderr
    found = verdict("decision", loan, *question)
    assert (found.code, found.document["status"]) == (0, "valid")
    assert found.document["values"] == sent.document["values"]
    life = verdict("decision", loan, "--life", *question)
    assert life.code == 0
    assert found.document.items() <= life.document.items()
    assert life.document["attestationHash"] == attested.document["attestationHash"]
    assert (life.document["modelStatus"], life.document["issuerStatus"]) == ("active", "active")
    assert (life.document["withdrawnAt"], life.document["superseded"]) == (None, False)


def test_a_relayer_submits_what_others_signed_and_proved(
    verdict: Verdict, loan: Path, models: Path, chain: str, records: Path, tmp_path: Path
) -> None:
    where = ("--network", chain, "--deployments", records, "--json")
    lender = verdict("deploy", loan, "--credit-line", *where).document["creditLine"]
    paper, permission, proof = (tmp_path / name for name in ("attestation.json", "consent.json", "proof.json"))
    opening = verdict(
        "attest", loan, "--input", models / "loan_logistic.npz", "--index", 2, "--subject", ACCOUNTS[2], "--sequence",
        "2", "--person-id", PERSON, "-o", paper, "--account", 1, *where,
    ).document["opening"]  # fmt: skip
    stranger = verdict("consent", loan, "--attestation", paper, "--consumer", lender, "-o", permission, *where)
    assert stranger.code == 2
    assert "sign as its subject" in stranger.stderr
    consented = verdict(
        "consent", loan, "--attestation", paper, "--consumer", lender, "-o", permission, "--account", 2, *where
    )
    context = consented.document["context"]
    assert verdict("prove", loan, "--opening", opening, "--context", context, "-o", proof).code == 0
    relay = ("submit", loan, "--attestation", paper, "--consent", permission, "--proof", proof, *where)
    sent = verdict(*relay)
    assert sent.code == 0, sent.stderr
    again = verdict(*relay)
    assert again.code == 2
    assert "ConsentNonceUsed" in again.stderr


def test_a_new_vault_says_what_it_waits_for(verdict: Verdict, loan: Path, chain: str, tmp_path: Path) -> None:
    where = ("--network", chain, "--deployments", tmp_path)
    plain = verdict("deploy", loan, *where)
    assert plain.code == 0, plain.stderr
    assert "development key" in plain.stderr
    assert "next:" not in plain.stdout
    vault = verdict("deploy", loan, "--credit-line", *where)
    for call in ("setModelTerms", "setIssuerDailyCap", "setCaps", "transferOwnership"):
        assert call in vault.stdout
    machine = verdict("deploy", loan, "--credit-line", *where, "--json")
    assert (machine.document["key"], machine.stderr) == ("development", "")


def test_one_contract_is_deployed_afresh(verdict: Verdict, loan: Path, chain: str, tmp_path: Path) -> None:
    lend = ("deploy", loan, "--credit-line", "--network", chain, "--deployments", tmp_path, "--json")
    first = verdict(*lend).document
    second = verdict(*lend, "--fresh", "CreditLine").document
    assert second.pop("recordsSetAside") == ["CreditLine"]
    assert second.pop("creditLine") != first.pop("creditLine")
    assert second == first, "registries, model, verifier and token stay"
    third = verdict(*lend, "--fresh", "all").document
    assert not {third[name] for name in first if name not in ("chainId", "key")} & set(map(str, first.values()))
    unknown = verdict(*lend, "--fresh", "CreditLin")
    assert unknown.code == 2
    assert "name one of ModelRegistry, " in json.loads(unknown.stderr)["hint"]


@pytest.mark.parametrize("short", ["12", "0x77", "0x" + "0" * 63, "0x" + "0" * 65, "z" * 64, ""])
def test_a_pseudonym_is_32_bytes(verdict: Verdict, loan: Path, models: Path, tmp_path: Path, short: str) -> None:
    refused = verdict(
        "attest", loan, "--input", models / "loan_logistic.npz", "--index", 1, "--subject", ACCOUNTS[2], "--person-id",
        short, "-o", tmp_path / "attestation.json", "--network", "http://127.0.0.1:1", "--json",
    )  # fmt: skip
    assert refused.code == 2
    assert "not 32 bytes in hex" in json.loads(refused.stderr)["message"]


def test_a_model_that_is_not_registered_here(verdict: Verdict, loan: Path, chain: str, tmp_path: Path) -> None:
    """Its verifier is on record, the registry knows no such model of its deployer's."""
    where = ("--network", chain, "--deployments", tmp_path, "--json")
    assert verdict("deploy", loan, *where).code == 0
    record = tmp_path / "31337" / "LoanLogisticVerifier.json"
    record.write_text(record.read_text().replace(ACCOUNTS[0], ACCOUNTS[1]))
    question = ("--issuer", ACCOUNTS[1], "--subject", ACCOUNTS[2], "--consumer", ACCOUNTS[0])
    outcome = verdict("decision", loan, *question, *where)
    assert outcome.code == 2
    assert "is not registered here" in json.loads(outcome.stderr)["message"]


def test_another_chain_is_refused(verdict: Verdict, loan: Path, chain: str, records: Path) -> None:
    outcome = verdict("deploy", loan, "--network", chain, "--deployments", records, "--chain-id", 1, "--json")
    assert outcome.code == 2
    assert json.loads(outcome.stderr)["error"] == "WrongChainError"


def test_a_node_that_is_down_is_named(verdict: Verdict, loan: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = verdict("deploy", loan, "--network", f"http://127.0.0.1:{port}", "--deployments", tmp_path, "--json")
    assert outcome.code == 2
    assert json.loads(outcome.stderr)["error"] == "NodeUnreachableError"


def test_nothing_is_read_from_a_chain_nothing_was_deployed_on(
    verdict: Verdict, loan: Path, chain: str, tmp_path: Path
) -> None:
    question = ("--issuer", ACCOUNTS[1], "--subject", ACCOUNTS[2], "--consumer", ACCOUNTS[0])
    outcome = verdict("decision", loan, *question, "--network", chain, "--deployments", tmp_path, "--json")
    assert outcome.code == 2
    assert json.loads(outcome.stderr)["error"] == "DeploymentError"
