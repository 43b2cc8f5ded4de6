"""Arguments of every view that takes some, by contract, on the scene of ``gas_view_scene``.

A key is the function, and after a comma what is special when it is called more than once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tests.contracts.asset_lab import DEED
from tests.contracts.credit_lab import due_day
from tests.contracts.gas_view_scene import Scene
from tests.contracts.lab import CONTENT, DAY, PERSON, SCHEMA, TIER_LAYOUT, UNIT
from tests.contracts.test_audits import statement

Calls: TypeAlias = dict[str, tuple[object, ...]]

ERC165 = bytes.fromhex("01ffc9a7")
SHARES = 10**20  # of the credit line
READS = ("decisionOf", "tryDecisionOf", "valueOf", "tryValueOf")


def models(scene: Scene) -> Calls:
    lab = scene.lab
    model = (lab.tier_model,)
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "ipfs://model")
    of_model = (
        *("bindingOf", "getModel", "guardianOf", "layoutOf", "pendingOwnerOf", "proofSystemOf"),
        *("standingOf", "statusOf", "successorOf", "supersedesOf", "termsOf"),
    )
    return dict.fromkeys(of_model, model) | {
        "isCodeFrozen": (lab.owner.address, CONTENT),
        "layoutHashOf": (TIER_LAYOUT,),
        "modelHashOf": (CONTENT, TIER_LAYOUT),
        "modelIdOf": (lab.owner.address, commitment, 0),
        "supportsInterface": (ERC165,),
        "updateModel": (lab.tier_model, commitment),
    }


def issuers(scene: Scene) -> Calls:
    lab, digest = scene.lab, scene.item.consent.attestationHash
    issuer, subject = lab.issuer.address, lab.alice.address
    of_issuer = ("administratorOf", "pendingAdministratorOf", "statusOf", "successorOf")
    return dict.fromkeys(of_issuer, (issuer,)) | {
        "isRevoked": (issuer, digest),
        "minimumSequenceOf": (issuer, subject, SCHEMA),
        "standingOf": (issuer, subject, SCHEMA, digest),
    }


def decisions(scene: Scene) -> Calls:
    lab, item = scene.lab, scene.item
    consent = item.consent
    where = (lab.tier_model, lab.issuer.address, lab.alice.address, lab.address("CreditLine"))
    nobody = (*where[:2], lab.mallory.address, where[3])
    return dict.fromkeys((*READS, "lifeOf"), where) | {
        "tryDecisionOf, missing": nobody,
        "tryValueOf, missing": nobody,
        "contextOf": (lab.tier_model, consent.attestationHash, consent.nonce),
        "hashAttestation": (item.args[0],),
        "hashConsent": (item.args[2],),
        "isConsentNonceUsed": (lab.alice.address, consent.nonce),
        "lastAcceptedOf": (lab.issuer.address, lab.alice.address, SCHEMA),
    }


def mock(scene: Scene) -> Calls:
    lab = scene.lab
    where = (lab.tier_model, lab.issuer.address, lab.alice.address, lab.address("CreditLine"))
    return dict.fromkeys(READS, where) | {
        "layoutOf": where[:1],
        "statusOf(uint256)": where[:1],
        "statusOf(address)": where[1:2],
    }


def audits(scene: Scene) -> Calls:
    lab = scene.lab
    return {
        "hashStatement": (tuple(statement(lab).values()),),
        "isProduction": (lab.tier_model, lab.bob.address),
        "statementOf": (lab.tier_model, lab.bob.address),
    }


def inferences(scene: Scene) -> Calls:
    return {"getInference": (scene.inference,), "supportsInterface": (ERC165,)}


def credit(scene: Scene) -> Calls:
    lab = scene.lab
    issuer, bob, today = lab.issuer.address, lab.bob.address, lab.network.now() // DAY
    return (
        dict.fromkeys(("balanceOf", "maxDeposit", "maxMint", "maxRedeem", "maxWithdraw"), (bob,))
        | dict.fromkeys(("convertToShares", "previewDeposit", "previewWithdraw"), (UNIT,))
        | dict.fromkeys(("convertToAssets", "previewMint", "previewRedeem"), (SHARES,))
        | dict.fromkeys(("loanOf", "owedUp", "statusOf"), (1,))
        | dict.fromkeys(("issuerDailyCapOf", "issuerRootOf"), (issuer,))
        | dict.fromkeys(("earliestDueOf", "outstandingOf"), (issuer, PERSON))
        | {
            "allowance": (bob, lab.owner.address),
            "lentOnIssuer": (issuer, today),
            "lentOnModel": (lab.tier_model, today),
            "modelTermsOf": (lab.tier_model,),
        }
    )


def late_credit(scene: Scene) -> Calls:
    """When a part of a late loan was paid: that day's pocket has something to tell."""
    bob, day = scene.lab.bob.address, due_day(scene.lab)
    return dict.fromkeys(("claimable", "claimedOf", "sharesAtEndOf"), (day, bob)) | dict.fromkeys(
        ("recoveredOf", "supplyAtEndOf"), (day,)
    )


def market(scene: Scene) -> Calls:
    lab, id_ = scene.lab, scene.market.id
    position = (id_, lab.alice.address)
    return (
        dict.fromkeys(("borrowRateOf", "marketOf", "paramsOf", "priceOf"), (id_,))
        | dict.fromkeys(("debtOf", "healthFactorOf", "maxBorrowOf", "positionOf", "stateOf"), position)
        | {
            "idOf": (scene.market.params.args,),
            "isAuthorized": (lab.alice.address, lab.bob.address),
            "suppliedOf": (id_, lab.bob.address),
            "trackedOf": (lab.address("Dollar"),),
        }
    )


def shares(scene: Scene) -> Calls:
    alice, bob = scene.lab.alice.address, scene.lab.bob.address
    return {"allowance": (alice, bob), "balanceOf": (alice,), "buyOutCost": (alice,)}


def appraisals(scene: Scene) -> Calls:
    lab = scene.lab
    return {"getRoundData": (1,), "isSoundFor": (lab.address("AssetShares"), lab.address("DemoToken"))}


def gate(scene: Scene) -> Calls:
    lab = scene.lab
    return {"allowanceOf": (2,), "clearanceOf": (lab.relayer.address, lab.alice.address)}


def deed(scene: Scene) -> Calls:
    lab = scene.lab
    owner = lab.address("AssetShares")
    return dict.fromkeys(("getApproved", "ownerOf", "tokenURI"), (DEED,)) | {
        "balanceOf": (owner,),
        "isApprovedForAll": (owner, lab.bob.address),
        "supportsInterface": (ERC165,),
    }


def token(scene: Scene) -> Calls:
    lab = scene.lab
    return {"allowance": (lab.alice.address, lab.address("CreditLine")), "balanceOf": (lab.alice.address,)}


def feed(_: Scene) -> Calls:
    return {"getRoundData": (1,)}


CALLS: dict[str, Callable[[Scene], Calls]] = {
    "AppraisalFeed": appraisals,
    "AssetShares": shares,
    "AuditRegistry": audits,
    "CollateralMarket": market,
    "CreditLine": credit,
    "DecisionRegistry": decisions,
    "DemoDeed": deed,
    "DemoFeed": feed,
    "DemoToken": token,
    "FraudGate": gate,
    "InferenceStore": inferences,
    "IssuerRegistry": issuers,
    "MockDecisionRegistry": mock,
    "ModelRegistry": models,
}
