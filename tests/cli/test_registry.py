"""submit-batch and freeze against a real node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import ACCOUNTS, Verdict

LAST = 5
"""Subjects are the accounts from the second to this one."""


@pytest.fixture
def where(chain: str, records: Path) -> tuple[object, ...]:
    return ("--network", chain, "--deployments", records, "--json")


def prepared(
    verdict: Verdict, loan: Path, models: Path, where: tuple[object, ...], folder: Path, lender: str, account: int
) -> Path:
    """A folder with somebody's attestation, consent and proof."""
    folder.mkdir(parents=True)
    paper, consent, proof = (folder / f"{name}.json" for name in ("attestation", "consent", "proof"))
    attested = verdict(
        "attest", loan, "--input", models / "loan_logistic.npz", "--index", account, "--subject", subject(account),
        "--person-id", f"{account:064x}", "-o", paper, "--opening", folder / "opening", "--account", 1, *where,
    )  # fmt: skip
    assert attested.code == 0, attested.stderr
    consented = verdict(
        "consent", loan, "--attestation", paper, "--consumer", lender, "-o", consent, "--account", account, *where
    )
    context = consented.document["context"]
    assert verdict("prove", loan, "--opening", folder / "opening", "--context", context, "-o", proof).code == 0
    return folder


def subject(account: int) -> str:
    """anvil's development accounts."""
    return (
        *ACCOUNTS,
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
        "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
    )[account]


def fates(document: Any) -> list[str]:
    return [row["fate"] for row in document["items"]]


def test_a_relayer_submits_many(
    verdict: Verdict, loan: Path, models: Path, where: tuple[object, ...], tmp_path: Path
) -> None:
    lender = verdict("deploy", loan, "--credit-line", *where).document["creditLine"]
    one, two, three = (
        prepared(verdict, loan, models, where, tmp_path / str(account), lender, account) for account in range(2, LAST)
    )
    swapped = tmp_path / "swapped"
    shutil.copytree(three, swapped)
    shutil.copy(one / "proof.json", swapped / "proof.json")

    mixed = verdict("submit-batch", loan, one, swapped, two, *where)
    assert (mixed.code, fates(mixed.document)) == (1, ["stored", "refused", "stored"])
    assert mixed.document["transactions"] == 1
    assert "does not show these outputs" in mixed.document["items"][1]["reason"]
    for account in (2, 3):
        question = ("--issuer", ACCOUNTS[1], "--subject", subject(account), "--consumer", lender, *where)
        found = verdict("decision", loan, *question)
        assert (found.code, found.document["values"]) == (0, mixed.document["items"][(account - 2) * 2]["values"])

    again = verdict("submit-batch", loan, one, three, *where)
    assert (again.code, fates(again.document)) == (0, ["already stored", "stored"])
    assert again.document["items"][0]["error"] == "ConsentNonceUsed"
    nothing = verdict("submit-batch", loan, one, three, *where[:-1])
    assert nothing.code == 0
    assert "already stored: 2\nskipped: 0\nrefused: 0\ntransactions: 0" in nothing.stdout
    for heading in ("folder", "fate", "reason"):
        assert heading in nothing.stdout
    assert "ConsentNonceUsed" in "".join(nothing.stdout.split())

    broken = tmp_path / "broken"
    shutil.copytree(one, broken)
    (broken / "consent.json").write_text("{}")
    refused = verdict("submit-batch", loan, two, broken, *where)
    assert refused.code == 2
    assert json.loads(refused.stderr)["message"].startswith(f"{broken}: not a signed consent")


def test_a_subject_takes_back_what_it_allowed(
    verdict: Verdict, loan: Path, models: Path, where: tuple[object, ...], tmp_path: Path
) -> None:
    lender = verdict("deploy", loan, "--credit-line", *where).document["creditLine"]
    folder = prepared(verdict, loan, models, where, tmp_path / "regretted", lender, LAST)
    me = ("--account", LAST, *where)
    stranger = verdict("invalidate", folder / "consent.json", *where)
    assert stranger.code == 2
    assert "was signed by" in stranger.stderr
    assert verdict("invalidate", folder / "consent.json", *me).code == 0
    assert "ConsentNonceUsed" in verdict("invalidate", folder / "consent.json", *me).stderr
    late = verdict("submit-batch", loan, folder, *where)
    assert (late.code, fates(late.document)) == (1, ["skipped"])
    (folder / "consent.json").unlink()
    assert verdict("invalidate", folder / "consent.json", *me).code == 2

    parties = ("--issuer", ACCOUNTS[1], "--consumer", lender)
    nothing = verdict("withdraw", loan, *parties, *me)
    assert nothing.code == 2
    assert "DecisionMissing" in nothing.stderr
    folder = prepared(verdict, loan, models, where, tmp_path / "stored", lender, LAST)
    assert verdict("submit-batch", loan, folder, *where).code == 0
    taken = verdict("withdraw", loan, *parties, *me)
    assert (taken.code, taken.document["status"]) == (0, "consent_withdrawn")
    assert verdict("decision", loan, *parties, "--subject", subject(LAST), *where).code == 1
    assert "DecisionConsentWithdrawn" in verdict("withdraw", loan, *parties, *me).stderr


def test_a_consent_for_another_registry_is_not_invalidated(
    verdict: Verdict, loan: Path, models: Path, chain: str, where: tuple[object, ...], tmp_path: Path
) -> None:
    elsewhere = ("--network", chain, "--deployments", tmp_path / "elsewhere", "--json")
    lender = verdict("deploy", loan, "--credit-line", *elsewhere).document["creditLine"]
    folder = prepared(verdict, loan, models, elsewhere, tmp_path / "one", lender, 2)
    refused = verdict("invalidate", folder / "consent.json", "--account", 2, *where)
    assert refused.code == 2
    assert "for another registry" in refused.stderr


def test_freezing_is_meant_and_for_good(verdict: Verdict, loan: Path, where: tuple[object, ...]) -> None:
    assert verdict("deploy", loan, *where).code == 0
    hesitant = verdict("freeze", loan, *where)
    assert hesitant.code == 2
    assert "--for-good" in json.loads(hesitant.stderr)["hint"]
    stranger = verdict("freeze", loan, "--for-good", "--account", 7, *where)
    assert (stranger.code, json.loads(stranger.stderr)["error"]) == (2, "TransactionReverted")
    assert "NotModelGuardian" in stranger.stderr
    frozen = verdict("freeze", loan, "--for-good", *where)
    assert (frozen.code, frozen.document["status"]) == (0, "frozen")
    assert "VerifierIsFrozen" in verdict("freeze", loan, "--for-good", *where).stderr
    assert "is frozen for good" in verdict("deploy", loan, *where).stderr
