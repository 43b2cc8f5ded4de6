"""Models on a deployed stack: registered, retired, switched off. Registering twice finds what the first run did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from prover.chain.artifacts import Artifact
from prover.chain.contracts import BoundContract, checked_address
from prover.chain.deploy import deploy_contract
from prover.chain.records import Records
from prover.chain.transactions import Receipt, Sender
from prover.errors import DeploymentError, KeyMismatchError
from prover.schema.hashing import keccak256
from prover.schema.layout import Layout

PROOF_SYSTEM_ID = keccak256(b"groth16-bn254-v1")[:4]
NOBODY = "0x" + "00" * 20


class ModelStatus(IntEnum):
    """Where a model stands in its registry."""

    UNKNOWN = 0
    PENDING = 1
    ACTIVE = 2
    DEPRECATED = 3
    FROZEN = 4


@dataclass(frozen=True)
class ModelCommitment:
    """What a model id stands for.

    Attributes:
        content_hash: 32 bytes, the ONNX file and the plan (the bundle's manifest).
        circuit_hash: 32 bytes, the R1CS.
        vk_hash: 32 bytes, the verifying key.
        layout: what the public signals mean.
        uri: where the model describes itself; may be empty.
    """

    content_hash: bytes
    circuit_hash: bytes
    vk_hash: bytes
    layout: Layout
    uri: str = ""

    @property
    def model_hash(self) -> bytes:
        """keccak256(abi.encode(keccak256("verdict/model/v1"), content hash, layout hash))."""
        return self.layout.model_hash(self.content_hash)

    def as_tuple(self) -> tuple[bytes, bytes, bytes, bytes, str]:
        """ERC-7992's ModelCommitment struct."""
        return (self.model_hash, self.circuit_hash, self.vk_hash, PROOF_SYSTEM_ID, self.uri)


def layout_tuple(layout: Layout) -> tuple[bytes, list[int], int, int, list[int]]:
    """The Solidity struct of a layout."""
    return (
        layout.schema_hash,
        list(layout.decimals),
        int(layout.polarity),
        int(layout.reveal),
        list(layout.thresholds),
    )


_ZEROS_TO_SPARE = 4
"""Leading zero bytes of a hash that code may lack; more of them have a probability of 2^-40."""


def deploy_verifier(
    sender: Sender, records: Records, artifact: Artifact, vk_hash: bytes, *, fresh: bool = False
) -> BoundContract:
    """Deploy a generated verifier, or reuse it. (``export_solidity`` generates none for an initial key.)

    Args:
        sender: who deploys; a verifier has no owner.
        records: of the sender's network.
        artifact: the compiled verifier.
        vk_hash: 32 bytes, hash of the key it must verify for.
        fresh: deploy a new one whatever is recorded.

    Raises:
        KeyMismatchError: the verifier is for another key.
        DeploymentError, ChainError: see :func:`prover.chain.deploy.deploy_contract`.
    """
    if not _holds(artifact.deployed_bytecode, vk_hash):
        raise KeyMismatchError(
            f"{artifact.name} does not verify for the key with hash 0x{vk_hash.hex()}", "export the verifier again"
        )
    verifier = deploy_contract(sender, records, artifact, fresh=fresh)
    if bytes(verifier.read("vkHash")) != vk_hash:
        raise KeyMismatchError(f"{artifact.name} at {verifier.address} reports another key than its artifact holds")
    return verifier


def register_model(
    sender: Sender, models: BoundContract, commitment: ModelCommitment, verifier: str, max_age: int, supersedes: int = 0
) -> int:
    """Register a model and bind its verifier, as far as that is not done yet.

    Args:
        sender: the model's owner.
        models: the ModelRegistry.
        commitment: what is registered.
        verifier: address of the generated verifier.
        max_age: seconds after observation during which a decision may be used, at least 1.
        supersedes: id of the owner's model this one replaces; 0 for none.

    Returns:
        The model's id.

    Raises:
        DeploymentError: the model is deprecated or frozen, or bound to another verifier or maximum age.
        TransactionReverted: the registry refuses the commitment or the verifier.
        ChainError: see :meth:`Sender.send`.
    """
    struct, verifier = commitment.as_tuple(), checked_address(verifier)
    model_id: int = models.read("modelIdOf", sender.address, struct, supersedes)
    status = model_status(models, model_id)
    if status in (ModelStatus.DEPRECATED, ModelStatus.FROZEN):
        raise DeploymentError(
            f"model {model_id:#x} is {status.name.lower()} for good", "register a changed model as its successor"
        )
    if status is ModelStatus.ACTIVE:
        _check_binding(models, model_id, verifier, max_age)
        return model_id
    if status is ModelStatus.UNKNOWN and supersedes:
        sender.transact(models, "registerSuccessor", struct, supersedes)
    elif status is ModelStatus.UNKNOWN:
        sender.transact(models, "registerModel", struct)
    layout = layout_tuple(commitment.layout)
    sender.transact(models, "bindVerifier", model_id, verifier, commitment.content_hash, layout, max_age)
    return model_id


def model_status(models: BoundContract, model_id: int) -> ModelStatus:
    """Where a model stands. Raises ChainError when there is no such registry."""
    return ModelStatus(models.read("statusOf", model_id))


def deprecate_model(sender: Sender, models: BoundContract, model_id: int) -> None:
    """Retire a model for good; its stored decisions stop counting. Raises TransactionReverted, ChainError."""
    sender.transact(models, "deprecateModel", model_id)


def freeze_verifier(sender: Sender, models: BoundContract, model_id: int) -> Receipt:
    """Switch a model's verifier off, for ever; decisions it stored stop counting at the next read.

    Args:
        sender: the model's owner or its guardian. The owner can bind that code to none of its models again.
        models: the ModelRegistry.
        model_id: a bound model, deprecated or not.

    Raises:
        TransactionReverted: NotModelGuardian, ModelPending, ModelNotFound, or VerifierIsFrozen when it is already.
        ChainError: see :meth:`Sender.send`.
    """
    return sender.transact(models, "freezeVerifier", model_id)


def name_guardian(sender: Sender, models: BoundContract, model_id: int, guardian: str | None) -> Receipt:
    """As a model's owner, name who may freeze its verifier besides, and do nothing else; None dismisses.

    Raises:
        TransactionReverted: NotModelOwner, ModelNotFound.
        ChainError: no address, or see :meth:`Sender.send`.
    """
    return sender.transact(models, "nameGuardian", model_id, checked_address(guardian or NOBODY))


def _check_binding(models: BoundContract, model_id: int, verifier: str, max_age: int) -> None:
    binding: Any = models.read("bindingOf", model_id)
    if binding[0] != verifier or binding[1] != max_age:
        raise DeploymentError(
            f"model {model_id:#x} is bound to {binding[0]} with maximum age {binding[1]} s for good, "
            f"not to {verifier} with {max_age} s",
            "deploy with the same verifier and --max-age, or register a successor",
        )


def _holds(code: bytes, constant: bytes) -> bool:
    """Whether code pushes a 32-byte constant. The compiler leaves leading zeros out, or pushes the complement."""
    inverted = bytes(byte ^ 0xFF for byte in constant)
    return any(_without_zeros(value) in code for value in (constant, inverted))


def _without_zeros(value: bytes) -> bytes:
    stripped = value.lstrip(b"\0")
    return value[min(len(value) - len(stripped), _ZEROS_TO_SPARE) :]
