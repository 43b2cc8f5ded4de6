"""The house and fraud models of ``tests/models`` on a lab: registered, and proven for facts an issuer attests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import prover
from prover.chain.models import register_model
from prover.chain.publish import commitment_of, verifier_artifact
from prover.chain.signer import Signer
from prover.chain.transactions import Sender
from tests.contracts.asset_lab import Estate
from tests.contracts.lab import DAY, MAX_AGE, Consent, Lab, Submission, encode_output

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


def appraise(estate: Estate, row: np.ndarray, **facts: Any) -> Submission:
    """A surveyor's statement about the deed's house, proven for the feed; bob commissioned it."""
    lab = estate.lab
    facts = {"personId": estate.asset_id()} | facts
    return model("house_price").submission(lab, estate.model, row, lab.bob, lab.address("AppraisalFeed"), **facts)
