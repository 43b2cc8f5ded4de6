"""The house and fraud models on a chain: real facts, real proofs, and contracts that act on the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prover
from prover.chain.models import register_model
from prover.chain.networks import connect
from prover.chain.publish import commitment_of, verifier_artifact
from prover.chain.signer import Signer
from prover.chain.transactions import Sender
from tests.contracts.asset_lab import DEED, DOLLAR, HAIRCUT, SUPPLY, Estate
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, MAX_AGE, UNIT, Consent, Lab, Submission, encode_output, reverts

MODELS = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True)
class Model:
    """A compiled model with a key, and its samples."""

    bundle: prover.Bundle
    rows: np.ndarray
    expected: np.ndarray

    def register(self, lab: Lab) -> int:
        """Deploy its verifier and register it."""
        verifier = lab.deploy_as("verifier", verifier_artifact(self.bundle))
        models = lab.contracts["ModelRegistry"]
        owner = Sender(lab.network, lab.owner)
        return register_model(owner, models, commitment_of(self.bundle), verifier.address, MAX_AGE)

    def submission(
        self, lab: Lab, model_id: int, row: np.ndarray, subject: Signer, consumer: str, **facts: Any
    ) -> Submission:
        """The issuer attests the row, the subject consents, the prover proves."""
        opening = prover.Opening.of(self.bundle.schema, row)
        commitment = opening.commitment.to_bytes(32, "big")
        usual = {"subject": subject.address, "schema": self.bundle.schema.hash, "inputCommitment": commitment}
        attestation = lab.attest(**(usual | {"sequence": lab.network.now()} | facts))
        consent = Consent(lab.struct_hash(attestation), model_id, consumer, lab.network.now(), lab.network.now() + DAY)
        proof = prover.prove(self.bundle, opening, context=lab.context(consent))
        return Submission(
            attestation,
            lab.sign(lab.issuer, attestation),
            consent,
            lab.sign(subject, consent),
            encode_output(proof.values),
            proof.proof.data,
        )


@cache
def model(name: str, **options: Any) -> Model:
    samples = np.load(MODELS / f"{name}.npz")
    rows = samples["X"]
    compiled = prover.compile(
        MODELS / f"{name}.onnx", schema=MODELS / f"{name}_schema.json", calibration=rows, name=name, **options
    )
    return Model(prover.setup(compiled), rows, samples["expected"])


@pytest.fixture(scope="module")
def deployed(require_tool: Any, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    for tool in ("native", "node", "solc", "openzeppelin"):
        require_tool(tool)
    return Lab.build(connect("tester"), tmp_path_factory.mktemp("keys"))


@pytest.fixture
def lab(deployed: Lab) -> Iterator[Lab]:
    tester = deployed.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    snapshot, contracts = tester.take_snapshot(), dict(deployed.contracts)
    yield deployed
    tester.revert_to_snapshot(snapshot)
    deployed.contracts = contracts


# Houses.


@pytest.fixture
def estate(lab: Lab) -> Estate:
    """A deed whose feed believes the real house model."""
    house = model("house_price")
    return Estate.of_model(lab, None, house.register(lab))


def appraise(estate: Estate, row: np.ndarray, **facts: Any) -> Submission:
    """A surveyor's statement about the deed's house, proven for the feed; bob commissioned it."""
    lab = estate.lab
    facts = {"personId": estate.asset_id()} | facts
    return model("house_price").submission(lab, estate.model, row, lab.bob, lab.address("AppraisalFeed"), **facts)


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
