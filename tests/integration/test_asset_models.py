"""The house and fraud models on a chain: real facts, real proofs, and contracts that act on the answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.contracts.asset_lab import DEED, DOLLAR, HAIRCUT, SUPPLY, Estate
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, UNIT, Lab, encode_output, reverts
from tests.integration.asset_models import appraise, model

# Houses.


@pytest.mark.parametrize("index", [0, 100, 200])
def test_a_real_house_is_appraised(estate: Estate, index: int) -> None:
    """What the feed answers is what onnxruntime says of the house, less the haircut."""
    house = model("house_price")
    estate.lab.submit(appraise(estate, house.rows[index]))
    estate.update()
    dollars = float(house.expected.ravel()[index]) * 1_000
    appraisal = estate.lab.read("AppraisalFeed", "freshAppraisal")
    assert appraisal / DOLLAR == pytest.approx(dollars, abs=2)  # float32 sums against integers
    assert estate.answer() == appraisal * (10_000 - HAIRCUT) // 10_000


def test_no_other_price_is_proven_for_the_house(estate: Estate) -> None:
    submission = appraise(estate, model("house_price").rows[0])
    value = int.from_bytes(submission.output[-32:], "big")
    forged = replace(submission, output=encode_output([value + 1]))
    with reverts("InvalidProof"):
        estate.lab.submit(forged)


def test_the_house_next_door_prices_nothing(estate: Estate) -> None:
    """The surveyor's true statement about another deed, brought to this feed."""
    other = estate.asset_id(DEED + 1)
    estate.lab.submit(appraise(estate, model("house_price").rows[0], personId=other))
    with reverts("WrongAsset", estate.asset_id(), other):
        estate.update()


def test_the_majority_takes_the_house_at_its_appraised_value(estate: Estate) -> None:
    lab = estate.lab
    lab.submit(appraise(estate, model("house_price").rows[0]))
    estate.update()
    estate.open()
    estate.give(lab.bob, SUPPLY // 4)
    appraisal = lab.read("AppraisalFeed", "freshAppraisal")
    estate.fund(lab.alice, 10**6 * UNIT)
    lab.send("AssetShares", "buyOut", 10**6 * UNIT, lab.alice.address, by=lab.alice)
    lab.send("AssetShares", "claim", SUPPLY // 4, lab.bob.address, by=lab.bob)
    assert lab.read("DemoToken", "balanceOf", lab.bob.address) == appraisal * UNIT // DOLLAR // 4
    assert lab.read("DemoDeed", "ownerOf", DEED) == lab.alice.address


# Payments.


@pytest.fixture
def gated(lab: Lab) -> tuple[Lab, int]:
    """A token gated by the real fraud model, of which alice has a lot."""
    fraud = model("card_fraud", tiers=(0.5, 0.9))
    model_id = fraud.register(lab)
    limits = (100 * UNIT, DAY, 3_600, [0, 1_000 * UNIT, 5_000 * UNIT])
    lab.deploy("FraudGate", lab.address("DecisionRegistry"), model_id, lab.issuer.address, *limits)
    lab.deploy_as("GatedToken", helper_contracts()["GatedToken"], lab.address("FraudGate"))
    lab.send("GatedToken", "mint", lab.alice.address, 10**6 * UNIT)
    return lab, model_id


def judged(gated: tuple[Lab, int], score: str) -> None:
    """The card network attests the payment with the highest or lowest score of the samples."""
    lab, model_id = gated
    fraud = model("card_fraud", tiers=(0.5, 0.9))
    place = int(np.argmax(fraud.expected[:, 1]) if score == "genuine" else np.argmin(fraud.expected[:, 1]))
    lab.submit(fraud.submission(lab, model_id, fraud.rows[place], lab.alice, lab.address("FraudGate")))


def test_a_payment_proven_genuine_passes(gated: tuple[Lab, int]) -> None:
    lab, _ = gated
    with reverts("DecisionMissing"):
        lab.send("GatedToken", "transfer", lab.bob.address, 5_000 * UNIT, by=lab.alice)
    judged(gated, "genuine")
    lab.send("GatedToken", "transfer", lab.bob.address, 5_000 * UNIT, by=lab.alice)
    assert lab.read("GatedToken", "balanceOf", lab.bob.address) == 5_000 * UNIT


def test_a_fraudulent_payment_does_not(gated: tuple[Lab, int]) -> None:
    lab, _ = gated
    judged(gated, "fraud")
    with reverts("SenderRefused", lab.alice.address):
        lab.send("GatedToken", "transfer", lab.bob.address, 5_000 * UNIT, by=lab.alice)
    lab.send("GatedToken", "transfer", lab.bob.address, 100 * UNIT, by=lab.alice)


def test_the_model_on_real_payments_is_as_recorded() -> None:
    """Of the samples' 64 later frauds, as many are refused as the file of models says, give or take the choice."""
    fraud = model("card_fraud", tiers=(0.5, 0.9))
    tiers = np.array([fraud.bundle.decide(row)[0] for row in fraud.rows])
    assert ((fraud.expected[:, 1] >= 0.5).astype(int) + (fraud.expected[:, 1] >= 0.9) == tiers).all()
    assert 64 * 0.7 < (tiers == 0).sum() < 64 * 0.9
