"""One of everything a view can be asked about: decisions, a loan, a market with a debt, a house, an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from web3 import Web3

from tests.contracts.asset_lab import SUPPLY, Estate
from tests.contracts.credit_lab import provide
from tests.contracts.lab import DAY, PERSON, UNIT, Lab, Submission, encode_output
from tests.contracts.market_lab import MarketLab
from tests.contracts.test_audits import state, statement
from tests.contracts.test_inference import VALUES


@dataclass(frozen=True)
class Scene:
    """A lab where every view has something to find. Alice borrows, bob provides."""

    lab: Lab
    estate: Estate
    market: MarketLab
    item: Submission  # alice's to the credit line
    inference: bytes  # id of a stored one

    @classmethod
    def build(cls, lab: Lab, folder: Path) -> Scene:
        """Deploy what the lab has not, and let everybody do what they came for."""
        inference = _infer(lab)
        state(lab, statement(lab))
        item = _lend(lab)
        estate = Estate.build(lab, folder)
        estate.open()
        estate.give(lab.bob, SUPPLY // 4)
        estate.appraised(400)
        _gate(lab)
        _mock(lab)
        market = MarketLab(lab)
        market.borrower(sequence=3, nonce=3)
        return cls(lab, estate, market, item, inference)


def _infer(lab: Lab) -> bytes:
    commitment, output = (7).to_bytes(32, "big"), encode_output(VALUES)
    lab.deploy("InferenceStore", lab.address("ModelRegistry"))
    arguments = (lab.score_model, commitment, output, lab.bare_proof(VALUES))
    lab.send("InferenceStore", "verifyAndStoreInference", *arguments)
    return bytes(Web3.keccak(lab.score_model.to_bytes(32, "big") + commitment + output))


def _lend(lab: Lab) -> Submission:
    provide(lab, 1_000 * UNIT, lab.bob)
    lab.send("CreditLine", "deposit", 100 * UNIT, lab.bob.address, by=lab.bob)
    item = lab.decided()
    lab.draw(1_000 * UNIT)
    provide(lab, 1_000 * UNIT)
    return item


def _gate(lab: Lab) -> None:
    settings = (lab.tier_model, lab.issuer.address, 100 * UNIT, DAY, 3_600, [0, 1_000 * UNIT, 5_000 * UNIT])
    gate = lab.deploy("FraudGate", lab.address("DecisionRegistry"), *settings)
    lab.decided(consumer=gate.address, sequence=2, nonce=2)
    people = (lab.alice.address, lab.bob.address)
    lab.send("FraudGate", "beforeTransfer", *people, 200 * UNIT, by=lab.relayer)


def _mock(lab: Lab) -> None:
    lab.deploy("MockDecisionRegistry")
    where = (lab.tier_model, lab.issuer.address, lab.alice.address, lab.address("CreditLine"))
    lab.send("MockDecisionRegistry", "setTiers", lab.tier_model, 3)
    lab.send("MockDecisionRegistry", "decide", *where, 2, PERSON, 10 * DAY)
