"""IssuerRegistry: who attests, who may stop whom."""

from __future__ import annotations

import pytest

from prover.chain.signer import Signer
from tests.contracts.lab import CONTENT, SCHEMA, Lab, reverts

UNKNOWN, ACTIVE, SUSPENDED, RETIRED = range(4)


def send(lab: Lab, function: str, *args: object, by: Signer) -> object:
    return lab.send("IssuerRegistry", function, lab.issuer.address, *args, by=by)


def status(lab: Lab) -> int:
    return int(lab.read("IssuerRegistry", "statusOf", lab.issuer.address))


def test_an_issuer_registers_itself(lab: Lab) -> None:
    assert lab.read("IssuerRegistry", "statusOf", lab.bob.address) == UNKNOWN
    receipt = lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "uri", by=lab.bob)
    assert lab.events(receipt, "IssuerRegistry", "IssuerRegistered") == [
        {"issuer": lab.bob.address, "administrator": lab.admin.address, "uri": "uri"}
    ]
    assert lab.read("IssuerRegistry", "statusOf", lab.bob.address) == ACTIVE
    assert lab.read("IssuerRegistry", "administratorOf", lab.bob.address) == lab.admin.address


def test_registration_happens_once_and_names_an_administrator(lab: Lab) -> None:
    with reverts("IssuerAlreadyRegistered", lab.issuer.address):
        lab.send("IssuerRegistry", "registerIssuer", lab.bob.address, "", by=lab.issuer)
    with reverts("InvalidAdministrator"):
        lab.send("IssuerRegistry", "registerIssuer", "0x" + "00" * 20, "", by=lab.bob)


def test_the_administrator_suspends_and_resumes(lab: Lab) -> None:
    receipt = send(lab, "suspendIssuer", by=lab.admin)
    assert status(lab) == SUSPENDED
    assert lab.events(receipt, "IssuerRegistry", "IssuerStatusChanged") == [  # type: ignore[arg-type]
        {"issuer": lab.issuer.address, "status": SUSPENDED}
    ]
    send(lab, "resumeIssuer", by=lab.admin)
    assert status(lab) == ACTIVE


@pytest.mark.parametrize("function", ["suspendIssuer", "resumeIssuer"])
def test_the_signing_key_cannot_suspend_or_resume_itself(lab: Lab, function: str) -> None:
    """A thief of the signing key must not be able to undo what the administrator did."""
    for signer in (lab.issuer, lab.mallory):
        with reverts("NotIssuerAdministrator", lab.issuer.address, signer.address):
            send(lab, function, by=signer)


@pytest.mark.parametrize("who", ["issuer", "admin"])
def test_retirement_is_for_good(lab: Lab, who: str) -> None:
    send(lab, "retireIssuer", by=getattr(lab, who))
    assert status(lab) == RETIRED
    for function in ("resumeIssuer", "suspendIssuer", "retireIssuer"):
        with reverts("IssuerIsRetired", lab.issuer.address):
            send(lab, function, by=lab.admin)
    with reverts("IssuerAlreadyRegistered", lab.issuer.address):
        lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.issuer)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("retireIssuer", ()),
        ("revokeAttestation", (CONTENT,)),
        ("raiseMinimumSequence", ("0x" + "11" * 20, SCHEMA, 1)),
    ],
)
def test_strangers_withdraw_nothing(lab: Lab, function: str, args: tuple[object, ...]) -> None:
    with reverts("NotIssuer", lab.issuer.address, lab.mallory.address):
        send(lab, function, *args, by=lab.mallory)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("suspendIssuer", ()),
        ("resumeIssuer", ()),
        ("retireIssuer", ()),
        ("offerAdministration", ("0x" + "11" * 20,)),
        ("acceptAdministration", ()),
        ("revokeAttestation", (CONTENT,)),
        ("raiseMinimumSequence", ("0x" + "11" * 20, SCHEMA, 1)),
    ],
)
def test_nothing_is_done_to_an_unknown_issuer(lab: Lab, function: str, args: tuple[object, ...]) -> None:
    with reverts("IssuerNotRegistered", lab.bob.address):
        lab.send("IssuerRegistry", function, lab.bob.address, *args, by=lab.bob)


def test_administration_moves_in_two_steps(lab: Lab) -> None:
    with reverts("NotIssuerAdministrator"):
        send(lab, "offerAdministration", lab.mallory.address, by=lab.issuer)
    receipt = send(lab, "offerAdministration", lab.bob.address, by=lab.admin)
    assert lab.events(receipt, "IssuerRegistry", "AdministrationOffered") == [  # type: ignore[arg-type]
        {"issuer": lab.issuer.address, "pendingAdministrator": lab.bob.address}
    ]
    assert lab.read("IssuerRegistry", "pendingAdministratorOf", lab.issuer.address) == lab.bob.address
    with reverts("NotPendingAdministrator", lab.issuer.address, lab.mallory.address):
        send(lab, "acceptAdministration", by=lab.mallory)
    receipt = send(lab, "acceptAdministration", by=lab.bob)
    assert lab.events(receipt, "IssuerRegistry", "AdministrationTransferred") == [  # type: ignore[arg-type]
        {"issuer": lab.issuer.address, "administrator": lab.bob.address}
    ]
    with reverts("NotIssuerAdministrator"):
        send(lab, "suspendIssuer", by=lab.admin)
    with reverts("NotPendingAdministrator"):
        send(lab, "acceptAdministration", by=lab.bob)
    send(lab, "suspendIssuer", by=lab.bob)


def test_an_offer_can_be_withdrawn(lab: Lab) -> None:
    send(lab, "offerAdministration", lab.bob.address, by=lab.admin)
    send(lab, "offerAdministration", "0x" + "00" * 20, by=lab.admin)
    with reverts("NotPendingAdministrator"):
        send(lab, "acceptAdministration", by=lab.bob)


@pytest.mark.parametrize("who", ["issuer", "admin"])
def test_issuer_and_administrator_revoke(lab: Lab, who: str) -> None:
    receipt = send(lab, "revokeAttestation", CONTENT, by=getattr(lab, who))
    assert lab.events(receipt, "IssuerRegistry", "AttestationRevoked") == [  # type: ignore[arg-type]
        {"issuer": lab.issuer.address, "attestationHash": CONTENT}
    ]
    assert lab.read("IssuerRegistry", "isRevoked", lab.issuer.address, CONTENT)
    assert not lab.read("IssuerRegistry", "isRevoked", lab.bob.address, CONTENT)


@pytest.mark.parametrize("who", ["issuer", "admin"])
def test_a_minimum_only_rises(lab: Lab, who: str) -> None:
    by, subject = getattr(lab, who), lab.alice.address
    receipt = send(lab, "raiseMinimumSequence", subject, SCHEMA, 7, by=by)
    assert lab.events(receipt, "IssuerRegistry", "MinimumSequenceRaised") == [  # type: ignore[arg-type]
        {"issuer": lab.issuer.address, "subject": subject, "schema": SCHEMA, "minimumSequence": 7}
    ]
    for requested in (7, 6, 0):
        with reverts("SequenceNotAbove", 7, requested):
            send(lab, "raiseMinimumSequence", subject, SCHEMA, requested, by=by)
    assert lab.read("IssuerRegistry", "minimumSequenceOf", lab.issuer.address, subject, SCHEMA) == 7
    assert lab.read("IssuerRegistry", "minimumSequenceOf", lab.issuer.address, lab.bob.address, SCHEMA) == 0


def test_standing_is_all_three_at_once(lab: Lab) -> None:
    arguments = (lab.issuer.address, lab.alice.address, SCHEMA, CONTENT)
    assert lab.read("IssuerRegistry", "standingOf", *arguments) == (ACTIVE, 0, False)
    send(lab, "raiseMinimumSequence", lab.alice.address, SCHEMA, 3, by=lab.issuer)
    send(lab, "revokeAttestation", CONTENT, by=lab.issuer)
    send(lab, "retireIssuer", by=lab.issuer)
    assert lab.read("IssuerRegistry", "standingOf", *arguments) == (RETIRED, 3, True)
