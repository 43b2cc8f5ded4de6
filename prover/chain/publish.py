"""A bundle on a chain: compile and deploy its verifier, register its model, and find both again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prover.api import export_solidity
from prover.chain.artifacts import Artifact
from prover.chain.contracts import BoundContract
from prover.chain.deploy import Stack
from prover.chain.models import ModelCommitment, ModelStatus, deploy_verifier, model_status, register_model
from prover.chain.records import Records
from prover.chain.solc import compile_sources
from prover.chain.transactions import Sender
from prover.errors import DeploymentError
from prover.groth16.solidity import verifier_name

if TYPE_CHECKING:
    from prover.bundle import Bundle


@dataclass(frozen=True)
class Published:
    """A model that a registry serves."""

    verifier: BoundContract
    model_id: int


def publish(sender: Sender, records: Records, stack: Stack, bundle: Bundle, *, max_age: int) -> Published:
    """Deploy a bundle's verifier and register its model, as far as that is not done yet.

    A verifier recorded for an earlier key of the same model is left where it is: a new key is a new contract.

    Args:
        sender: who deploys and owns the model.
        records: of the sender's network.
        stack: whose ModelRegistry it enters.
        bundle: with a key.
        max_age: seconds after observation during which a decision may be used, at least 1.

    Raises:
        BundleError, UnsafeKeyError: no key, or an initial one.
        CompilerError: solc is missing.
        DeploymentError, ChainError: see :func:`register_model` and :meth:`Sender.send`.
    """
    artifact = verifier_artifact(bundle)
    vk_hash = bundle.verifying_key.hash
    record = records.get(artifact.name)
    other_key = record is not None and record.vk_hash != "0x" + vk_hash.hex()
    verifier = deploy_verifier(sender, records, artifact, vk_hash, fresh=other_key)
    model_id = register_model(sender, stack.models, commitment_of(bundle), verifier.address, max_age)
    return Published(verifier, model_id)


def verifier_artifact(bundle: Bundle) -> Artifact:
    """The bundle's verifier, generated and compiled, after :meth:`Bundle.check_key`; raises CompilerError too."""
    name = verifier_name(bundle.name)
    source = export_solidity(bundle, contract_name=name)
    return compile_sources({f"contracts/generated/{name}.sol": source})[name]


def commitment_of(bundle: Bundle) -> ModelCommitment:
    """What the registry is told about a bundle."""
    return ModelCommitment(bundle.content_hash, bundle.circuit_hash, bundle.verifying_key.hash, bundle.layout)


def model_id_of(stack: Stack, bundle: Bundle, owner: str) -> int:
    """The id this bundle has, or would have, when ``owner`` registers it. Raises ChainError."""
    return int(stack.models.read("modelIdOf", owner, commitment_of(bundle).as_tuple(), 0))


def recorded_model_id(records: Records, stack: Stack, bundle: Bundle) -> int:
    """The id of a bundle that was published from this deployments folder.

    Raises:
        DeploymentError: it was not, or not in this registry.
    """
    record = records.get(verifier_name(bundle.name))
    if record is None or record.vk_hash != "0x" + bundle.verifying_key.hash.hex():
        raise DeploymentError(
            f"{bundle.name} is not deployed on {records.network.name} with this key", "run `verdict deploy` first"
        )
    model_id = model_id_of(stack, bundle, record.deployer)
    if model_status(stack.models, model_id) is ModelStatus.UNKNOWN:
        raise DeploymentError(
            f"model {model_id:#x} of {bundle.name} is not registered here, by the ModelRegistry {stack.models.address}",
            "run `verdict deploy` with this bundle first, or name the bundle that was deployed",
        )
    return model_id
