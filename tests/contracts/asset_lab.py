"""A deed, its shares and its appraisal feed, on a lab; and surveyors' appraisals, proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from web3 import Web3

from prover.chain.artifacts import Artifact
from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from tests.contracts.circuits import Circuit, free_circuit, free_wires
from tests.contracts.lab import DAY, SCHEMA, Consent, Lab, Submission, encode_output, pack_outputs

PRICE_LAYOUT = (SCHEMA, [6], 0, 0, [])
"""A price in thousands, with six decimals, as ``house_price`` compiles."""

DEED = 7
SUPPLY = 10**18
DOLLAR = 10**8  # of the feed
HAIRCUT, FLOOR, DECAY = 2_000, 5_000, 100 * DAY
LEAST, MOST = 50_000 * DOLLAR, 2_000_000 * DOLLAR
COMMITMENT = 7


@cache
def price_circuit(folder: Path) -> tuple[Circuit, Artifact]:
    """A circuit of one output whose statement is any; made once a session."""
    circuit = free_circuit(folder, 3)
    return circuit, circuit.verifier("PriceVerifier")


@dataclass
class Estate:
    """What the tests of shares and feed act on. Alice owns the deed."""

    lab: Lab
    circuit: Circuit | None
    model: int

    @classmethod
    def build(cls, lab: Lab, folder: Path, **config: object) -> Estate:
        """Deploy and register; nothing is locked yet and nothing appraised."""
        circuit, verifier = price_circuit(folder)
        lab.deploy_as("PriceVerifier", verifier)
        return cls.of_model(lab, circuit, lab.register("PriceVerifier", PRICE_LAYOUT), **config)

    @classmethod
    def of_model(cls, lab: Lab, circuit: Circuit | None, model: int, **config: object) -> Estate:
        """The same for a model that is registered already; without its circuit, somebody else makes surveys."""
        estate = cls(lab, circuit, model)
        lab.deploy("DemoDeed")
        lab.send("DemoDeed", "mint", lab.alice.address, DEED)
        estate.redeploy(**config)
        return estate

    def redeploy(self, **config: object) -> None:
        """New shares of the deed, and a feed for them."""
        lab = self.lab
        quote = lab.address("DemoToken")
        lab.deploy("AssetShares", lab.address("DemoDeed"), DEED, quote, "Deed 7 shares", "DEED7")
        self.deploy_feed(**config)

    def config(self, **changes: object) -> tuple[object, ...]:
        """The feed's, with changes."""
        usual = {
            "shares": self.lab.address("AssetShares"),
            "quoteToken": self.lab.read("AssetShares", "quoteToken"),
            "modelId": self.model,
            "issuer": self.lab.issuer.address,
            "unit": 1_000,
            "haircutBps": HAIRCUT,
            "floorBps": FLOOR,
            "decayPeriod": DECAY,
            "minAppraisal": LEAST,
            "maxAppraisal": MOST,
        }
        return tuple((usual | changes).values())

    def deploy_feed(self, **changes: object) -> None:
        """A feed of this configuration, called AppraisalFeed."""
        registry = self.lab.address("DecisionRegistry")
        self.lab.deploy("AppraisalFeed", registry, self.config(**changes), "deed 7 / USD")

    def open(self) -> Receipt:
        """Alice locks the deed and holds all shares."""
        lab = self.lab
        lab.send("DemoDeed", "approve", lab.address("AssetShares"), DEED, by=lab.alice)
        return lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=lab.alice)

    def asset_id(self, token_id: int = DEED, chain_id: int | None = None) -> bytes:
        """personId of the asset, by the interface's formula."""
        chain_id = self.lab.network.chain_id if chain_id is None else chain_id
        name = Web3.keccak(text="verdict/asset/v1")
        types = ["bytes32", "uint256", "address", "uint256"]
        return bytes(Web3.keccak(encode(types, [name, chain_id, self.lab.address("DemoDeed"), token_id])))

    def survey(
        self, thousands: float, *, subject: Signer | None = None, surveyor: Signer | None = None, **facts: Any
    ) -> Submission:
        """A surveyor's attestation of the deed, judged at ``thousands``, consented to the feed and proven."""
        lab, subject, surveyor = self.lab, subject or self.lab.bob, surveyor or self.lab.issuer
        nonce = int(facts.pop("nonce", lab.network.now()))
        values: Sequence[int] = [round(thousands * 10**6)]
        commitment = COMMITMENT.to_bytes(32, "big")
        people = {"issuer": surveyor.address, "subject": subject.address, "personId": self.asset_id()}
        people["inputCommitment"] = commitment
        attestation = lab.attest(**(people | {"sequence": lab.network.now()} | facts))
        consent = Consent(
            attestationHash=lab.struct_hash(attestation),
            modelId=self.model,
            consumer=lab.address("AppraisalFeed"),
            nonce=nonce,
            deadline=lab.network.now() + DAY,
        )
        assert self.circuit is not None
        wires = free_wires([COMMITMENT, *pack_outputs(values), lab.context(consent)])
        return Submission(
            attestation,
            lab.sign(surveyor, attestation),
            consent,
            lab.sign(subject, consent),
            encode_output(values),
            self.circuit.prove(wires),
        )

    def surveyed(self, thousands: float, **facts: Any) -> Submission:
        """A survey whose decision is stored."""
        submission = self.survey(thousands, **facts)
        self.lab.submit(submission)
        return submission

    def update(self, subject: Signer | None = None) -> Receipt:
        """Anybody takes the subject's appraisal over."""
        lab = self.lab
        return lab.send("AppraisalFeed", "update", (subject or lab.bob).address, by=lab.mallory)

    def appraised(self, thousands: float, **facts: Any) -> Submission:
        """An appraisal that became a round."""
        submission = self.surveyed(thousands, **facts)
        self.update(facts.get("subject"))
        return submission

    def answer(self) -> int:
        """The feed's latest."""
        return int(self.lab.read("AppraisalFeed", "latestRoundData")[1])

    def give(self, who: Signer, shares: int) -> None:
        """Alice sends shares."""
        self.lab.send("AssetShares", "transfer", who.address, shares, by=self.lab.alice)

    def fund(self, who: Signer, amount: int) -> None:
        """Quote tokens, allowed to the shares."""
        self.lab.send("DemoToken", "mint", who.address, amount)
        self.lab.send("DemoToken", "approve", self.lab.address("AssetShares"), 2**256 - 1, by=who)
