"""All twelve models of the test suite, from the ONNX file to a verdict of the verifier contract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prover
from prover.chain.networks import Network, connect
from prover.chain.signer import development_signers
from prover.chain.solc import compile_sources
from prover.chain.transactions import Sender
from prover.groth16 import VerifyingKey


@dataclass(frozen=True)
class Wanted:
    """What a model must cost at most, with its default reveal; None where no figure was promised."""

    constraints: int | None
    schema: str | None = None


MODELS = {
    "credit_mlp": Wanted(1_900),
    "credit_logistic": Wanted(500),
    "credit_forest": Wanted(1_500),
    "credit_xgboost": Wanted(1_500),
    "digits_cnn": Wanted(24_500),
    "lenet5": Wanted(190_000),
    "loan_logistic": Wanted(500, schema="loan"),
    "loan_mlp": Wanted(None, schema="loan"),
    "loan_forest": Wanted(1_800, schema="loan"),  # 40 trees of 51 leaves: a product for every test above another
    "loan_xgboost": Wanted(1_500, schema="loan"),
    "house_price": Wanted(2_000, schema="house_price"),  # a regression: its score is revealed
    "card_fraud": Wanted(1_600, schema="card_fraud"),
}


def samples(folder: Path, name: str) -> np.ndarray:
    rows: np.ndarray = np.load(folder / f"{name}.npz")["X"]
    return rows.reshape(len(rows), -1)


@cache
def compiled(folder: Path, name: str) -> prover.Bundle:
    named = MODELS[name].schema
    schema = folder / f"{named}_schema.json" if named else None
    return prover.compile(folder / f"{name}.onnx", schema=schema, calibration=samples(folder, name))


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "tests" / "models"


@pytest.fixture(scope="module")
def network() -> Network:
    return connect("tester")


@pytest.mark.parametrize("name", MODELS)
def test_every_decision_is_onnxruntimes_at_the_promised_cost(folder: Path, name: str) -> None:
    report = compiled(folder, name).report
    assert report.samples == 256
    assert report.decision_flips == 0
    assert report.label_flips == 0
    if report.max_logit_error is not None:
        assert report.max_logit_error <= 0.04
    limit = MODELS[name].constraints
    assert limit is None or report.constraints <= limit


@pytest.mark.parametrize("name", MODELS)
def test_a_proof_of_every_model_convinces_its_contract(
    folder: Path, name: str, network: Network, require_tool: Any
) -> None:
    for tool in ("native", "node", "solc"):
        require_tool(tool)
    bundle = prover.setup(compiled(folder, name))
    row = samples(folder, name)[7]
    proof = prover.prove(bundle, row, context=2**252 + 7)
    assert prover.verify(bundle, proof)
    assert on_chain(network, bundle, proof.proof.data, list(proof.public_signals))
    forged = list(proof.public_signals)
    forged[1] += 1  # the next value of the first output
    assert not on_chain(network, bundle, proof.proof.data, forged)


_verifiers: dict[bytes, Any] = {}


def on_chain(network: Network, bundle: prover.Bundle, proof: bytes, signals: list[int]) -> bool:
    """The verifier contract's answer on the embedded chain."""
    key: VerifyingKey = bundle.verifying_key
    if key.hash not in _verifiers:
        artifact = compile_sources({"M.sol": prover.export_solidity(bundle, contract_name="M")})["M"]
        sender = Sender(network, development_signers(network)[0])
        receipt = sender.create(artifact)
        _verifiers[key.hash] = network.w3.eth.contract(address=receipt.contract_address, abi=artifact.abi)
    words = [int.from_bytes(proof[i : i + 32], "big") for i in range(0, 256, 32)]
    a, b, c = words[:2], [words[2:4], words[4:6]], words[6:]
    return bool(_verifiers[key.hash].functions.verifyProof(a, b, c, signals).call())
