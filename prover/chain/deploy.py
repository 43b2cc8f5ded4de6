"""Deploy, or find again, the contracts of Verdict. Running it twice changes nothing the second time.

A recorded contract is reused only when the code on chain is the recorded one *and* the artifact's (its immutables
masked) *and* it was made with the same arguments *and* it says itself that it works with those contracts (they are
immutables, which the comparison of code cannot see); anything else is a DeploymentError, never a silent second copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.chain.artifacts import Artifact, load_artifact
from prover.chain.contracts import BoundContract, checked_address
from prover.chain.networks import DEVELOPMENT_CHAINS, Network
from prover.chain.records import Deployment, Records, as_json
from prover.chain.transactions import Sender
from prover.errors import DeploymentError
from prover.schema.hashing import keccak256

_STACK = ("ModelRegistry", "IssuerRegistry", "DecisionRegistry", "AuditRegistry")


@dataclass(frozen=True)
class Stack:
    """The contracts every model, issuer and consumer of a chain shares."""

    models: BoundContract
    issuers: BoundContract
    decisions: BoundContract
    audits: BoundContract

    @property
    def network(self) -> Network:
        return self.decisions.network


def deploy_stack(sender: Sender, records: Records) -> Stack:
    """Deploy ModelRegistry, IssuerRegistry, DecisionRegistry and AuditRegistry, or reuse the recorded ones.

    Args:
        sender: who deploys; the registries have no owner.
        records: of the sender's network.

    Raises:
        DeploymentError: see :func:`deploy_contract`.
        ChainError: see :meth:`Sender.send`.
    """
    models = deploy_contract(sender, records, load_artifact("ModelRegistry"))
    issuers = deploy_contract(sender, records, load_artifact("IssuerRegistry"))
    arguments = (models.address, issuers.address)
    decisions = deploy_contract(sender, records, load_artifact("DecisionRegistry"), arguments)
    audits = deploy_contract(sender, records, load_artifact("AuditRegistry"), (models.address,))
    return _linked(Stack(models, issuers, decisions, audits))


def deploy_credit_line(sender: Sender, records: Records, stack: Stack, token: str | None = None) -> BoundContract:
    """Deploy CreditLine, a vault that lends by proven tier, or reuse the recorded one.

    Args:
        sender: its owner, who sets terms and caps; anybody deposits. Hand it to a timelock for others' money.
        records: of the sender's network.
        stack: whose DecisionRegistry it reads.
        token: the ERC-20 deposited and lent; None deploys DemoToken, which anybody mints: development only.

    Raises:
        DeploymentError, ChainError: see :func:`deploy_contract`.
    """
    if token is None:
        token = deploy_contract(sender, records, load_artifact("DemoToken")).address
    arguments = (stack.decisions.address, checked_address(token), sender.address)
    lender = deploy_contract(sender, records, load_artifact("CreditLine"), arguments)
    _require_link(lender, "decisionRegistry", stack.decisions.address)
    _require_link(lender, "asset", checked_address(token))
    return lender


def deploy_collateral_market(sender: Sender, records: Records, stack: Stack) -> BoundContract:
    """Deploy CollateralMarket, in which anybody then creates markets, or reuse the recorded one. It has no owner.

    Args:
        sender: who deploys.
        records: of the sender's network.
        stack: whose DecisionRegistry it reads.

    Raises:
        DeploymentError, ChainError: see :func:`deploy_contract`.
    """
    arguments = (stack.decisions.address,)
    market = deploy_contract(sender, records, load_artifact("CollateralMarket"), arguments)
    _require_link(market, "decisionRegistry", stack.decisions.address)
    return market


def deploy_inference_store(sender: Sender, records: Records, stack: Stack) -> BoundContract:
    """Deploy InferenceStore, which keeps verified inferences for anybody to read, or reuse the recorded one. No owner.

    Args:
        sender: who deploys.
        records: of the sender's network.
        stack: whose ModelRegistry verifies for it.

    Raises:
        DeploymentError, ChainError: see :func:`deploy_contract`.
    """
    store = deploy_contract(sender, records, load_artifact("InferenceStore"), (stack.models.address,))
    _require_link(store, "verifier", stack.models.address)
    return store


def open_stack(records: Records) -> Stack:
    """The recorded stack, checked against the chain; deploys nothing.

    Raises:
        DeploymentError: not deployed here, or not what was recorded.
    """
    return _linked(Stack(*(open_contract(records, name) for name in _STACK)))


def open_contract(records: Records, name: str, artifact: Artifact | None = None) -> BoundContract:
    """A recorded contract, checked against the chain and against its artifact (the stock one unless given).

    Raises:
        DeploymentError: no record, no code, or other code.
    """
    known = artifact or load_artifact(name)
    record = records.get(name)
    if record is None:
        raise DeploymentError(
            f"no {name} is recorded for {records.network.name}, chain {records.network.chain_id}",
            "run `verdict deploy` first, or point --deployments at the folder that has the record",
        )
    if not records.same_chain(record):
        anew = records.network.chain_id in DEVELOPMENT_CHAINS
        raise DeploymentError(
            f"the record of {name} is of another chain with id {records.network.chain_id}",
            "the local chain was started anew: run `verdict deploy` again" if anew else _again(records, name),
        )
    _check_code(records, record, known)
    return BoundContract.at(records.network, record.address, name, known.abi)


def deploy_contract(
    sender: Sender, records: Records, artifact: Artifact, args: Sequence[Any] = (), *, fresh: bool = False
) -> BoundContract:
    """Deploy a contract and record it, or reuse the recorded one.

    Raises:
        DeploymentError: the recorded address has no code or other code, or the contract was made with other
            arguments or for another chain of the same id that is not a development chain.
        StorageError: records cannot be written; nothing was sent, unless the disk filled up in between.
        ChainError: see :meth:`Sender.send`.
    """
    record = None if fresh else _reusable(records, artifact, args)
    if record is None:
        records.require_writable()
        record = _create(sender, records, artifact, args)
        records.put(record)
    return BoundContract.at(records.network, record.address, artifact.name, artifact.abi)


RENEWABLE = (*_STACK, "CreditLine", "DemoToken", "CollateralMarket", "InferenceStore")
"""What :func:`renew` takes. A verifier is bound to its model for good: a new one needs a new ModelRegistry."""

EVERYTHING = "all"


def renew(records: Records, names: Sequence[str]) -> list[str]:
    """Make the next deployment create these contracts anew: their records, and those of contracts that rely on them,
    are set aside. What the old contracts hold stays theirs: models, issuers, decisions, deposits, loans.

    Args:
        records: of one network.
        names: of :data:`RENEWABLE`, or :data:`EVERYTHING`, verifiers too.

    Returns:
        The contracts whose records were set aside.

    Raises:
        DeploymentError: another name, or a damaged record; nothing was moved.
        StorageError: the folder of the records cannot be written.
    """
    for name in names:
        if name not in (*RENEWABLE, EVERYTHING):
            raise DeploymentError(
                f"there is no {name} to deploy afresh", f"name one of {', '.join(RENEWABLE)}, or {EVERYTHING}"
            )
    chosen = records.names() if EVERYTHING in names else names
    for name in records.names():
        records.get(name)
    if chosen:
        records.require_writable()
    moved = [one for name in chosen for one in records.set_aside(name)]
    return list(dict.fromkeys(moved))


def _again(records: Records, name: str) -> str:
    """How to get a new contract in the place of a recorded one, and what that costs."""
    if name not in RENEWABLE:
        return (
            f"`verdict deploy --fresh {EVERYTHING}` deploys everything anew; what the old contracts hold stays theirs"
        )
    relying = records.relying_on(name)
    others = f" and sets {', '.join(relying)} aside, which rely on it" if relying else ""
    return (
        f"`verdict deploy --fresh {name}` deploys a new one{others}; what the old one holds stays there "
        f"({_HOLDS.get(name, 'nothing of value')}), its record is kept beside the new one"
    )


_HOLDS = {
    "ModelRegistry": "all models, hence every decision about them",
    "IssuerRegistry": "all issuers, hence every decision they vouch for",
    "DecisionRegistry": "all decisions; attestations and consents are signed for it alone",
    "AuditRegistry": "all audits",
    "CreditLine": "deposits, loans, terms and caps",
    "DemoToken": "all balances",
    "CollateralMarket": "all markets and positions",
    "InferenceStore": "all inferences",
}


def _linked(stack: Stack) -> Stack:
    """The stack itself, its contracts being each other's; a record can name genuine code that trusts other contracts.

    Raises:
        DeploymentError: they are not.
    """
    _require_link(stack.decisions, "modelRegistry", stack.models.address)
    _require_link(stack.decisions, "issuerRegistry", stack.issuers.address)
    _require_link(stack.audits, "modelRegistry", stack.models.address)
    return stack


def _require_link(contract: BoundContract, getter: str, expected: str) -> None:
    found = contract.read(getter)
    if found != expected:
        raise DeploymentError(
            f"{contract.name} at {contract.address} has {getter} {found}, not {expected}",
            f"do not trust that address; `verdict deploy --fresh {contract.name}` deploys a new one",
        )


def _reusable(records: Records, artifact: Artifact, args: Sequence[Any]) -> Deployment | None:
    record = records.get(artifact.name)
    if record is None:
        return None
    network = records.network
    if not records.same_chain(record):
        if network.chain_id in DEVELOPMENT_CHAINS:
            return None  # a local chain that was started anew
        raise DeploymentError(
            f"the record of {artifact.name} is of another chain with id {network.chain_id}",
            "use another deployments folder for a copy of a public chain",
        )
    _check_code(records, record, artifact)
    if record.constructor_args != as_json(list(args)):
        raise DeploymentError(
            f"{artifact.name} at {record.address} was made with arguments {record.constructor_args}, "
            f"not {as_json(list(args))}",
            _again(records, artifact.name),
        )
    return record


def _check_code(records: Records, record: Deployment, artifact: Artifact) -> None:
    network, name = records.network, record.contract
    code = network.code_at(checked_address(record.address))
    where = f"{record.contract} at {record.address} on {network.name}"
    if not code:
        raise DeploymentError(f"no code for {where}", f"the chain was rolled back? {_again(records, name)}")
    if _hex(keccak256(code)) != record.code_hash:
        raise DeploymentError(
            f"the code of {where} is not the recorded one", f"do not trust that address; {_again(records, name)}"
        )
    if not artifact.matches(code):
        raise DeploymentError(
            f"{where} was compiled from another version (solc {record.compiler}) than the artifact here",
            _again(records, name),
        )


def _create(sender: Sender, records: Records, artifact: Artifact, args: Sequence[Any]) -> Deployment:
    receipt = sender.create(artifact, args)
    address = receipt.contract_address
    code = records.network.code_at(address) if address else b""
    if address is None or not artifact.matches(code):
        raise DeploymentError(f"{records.network.name} created {artifact.name} with other code than was sent")
    vk_hash, transcript_hash = _key_hashes(records.network, address, artifact)
    return Deployment(
        contract=artifact.name,
        address=address,
        transaction=_hex(receipt.transaction_hash),
        block=receipt.block,
        block_hash=_hex(receipt.block_hash),
        deployer=sender.address,
        source=artifact.source,
        compiler=artifact.compiler,
        settings=artifact.settings,
        code_hash=_hex(keccak256(code)),
        constructor_args=as_json(list(args)),
        vk_hash=vk_hash,
        transcript_hash=transcript_hash,
    )


def _key_hashes(network: Network, address: str, artifact: Artifact) -> tuple[str | None, str | None]:
    """``vkHash()`` and ``transcriptHash()`` of a verifier; None for any other contract."""
    getters = {entry.get("name") for entry in artifact.abi if entry.get("type") == "function"}
    if not {"vkHash", "transcriptHash"} <= getters:
        return None, None
    verifier = BoundContract.at(network, address, artifact.name, artifact.abi)
    return _hex(verifier.read("vkHash")), _hex(verifier.read("transcriptHash"))


def _hex(data: bytes) -> str:
    return "0x" + bytes(data).hex()
