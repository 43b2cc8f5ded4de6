"""One transaction from intent to receipt: simulate, price, bound the gas, send, wait, and say why when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3.exceptions import TimeExhausted, Web3Exception
from web3.types import LogReceipt, Nonce, TxParams, TxReceipt, Wei

from prover.chain.artifacts import Artifact
from prover.chain.calls import GAS_CEILING, Intent, estimate_gas, explain, simulate
from prover.chain.contracts import BoundContract, creation_code, stock_errors
from prover.chain.networks import MALFORMED, Network
from prover.chain.reverts import ErrorTable
from prover.chain.signer import Signer
from prover.errors import ChainError, NodeUnreachableError, TransactionReverted

_GAS_MARGIN = 1.2
"""Room over the estimate for state that changes between the estimate and the block."""


@dataclass(frozen=True)
class Receipt:
    """A transaction that was included and succeeded.

    Attributes:
        transaction_hash: 32 bytes.
        block: number of its block.
        block_hash: 32 bytes.
        gas_used: gas paid for, intrinsic gas and calldata included.
        fork: the hard fork whose prices ``gas_used`` is counted in.
        contract_address: what a creation created.
        logs: raw event logs.
    """

    transaction_hash: bytes
    block: int
    block_hash: bytes
    gas_used: int
    fork: str
    contract_address: ChecksumAddress | None = None
    logs: tuple[LogReceipt, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Sender:
    """A signer on a network.

    Attributes:
        network: where transactions go.
        signer: who signs and pays.
        patience: seconds to wait for a block.
    """

    network: Network
    signer: Signer
    patience: float = 120.0

    @property
    def address(self) -> ChecksumAddress:
        return self.signer.address

    def transact(self, contract: BoundContract, function: str, *args: Any, value: int = 0, reserve: int = 0) -> Receipt:
        """Call a state-changing function. Simulated first, so that a refused call costs nothing.

        ``reserve`` is gas on top of the estimate, for what called contracts may burn though they did not when asked.

        Raises:
            TransactionReverted: the contract refuses; carries its error's name and arguments.
            ChainError: it needs more than 2^24 gas, the sender cannot pay, or no block took it in time.
        """
        data = contract.encode(function, args)
        return self.send(contract.address, data, f"{contract.name}.{function}", value, contract.errors, reserve)

    def gas_for(self, contract: BoundContract, function: str, *args: Any, reserve: int = 0) -> int:
        """The gas limit :meth:`transact` would set: 2^24, the most there may be, when there is no room for a margin.

        Raises:
            TransactionReverted, ChainError: as :meth:`transact`.
        """
        intent = self._intent(contract.address, contract.encode(function, args), 0)
        return self._simulated_gas(intent, f"{contract.name}.{function}", contract.errors, reserve)

    def create(self, artifact: Artifact, args: Sequence[Any] = ()) -> Receipt:
        """Deploy a contract. Raises as :meth:`transact`."""
        errors = stock_errors()
        errors.add(artifact.abi)
        return self.send(None, creation_code(artifact, args), f"creation of {artifact.name}", 0, errors)

    def send(
        self, to: ChecksumAddress | None, data: bytes, what: str, value: int, errors: ErrorTable, reserve: int = 0
    ) -> Receipt:
        """Send calldata to ``to`` (None creates a contract). ``what`` names the call in messages. Raises as above."""
        intent = self._intent(to, data, value)
        gas = self._simulated_gas(intent, what, errors, reserve)
        transaction: TxParams = {
            "from": self.address,
            "data": HexBytes(data),
            "value": Wei(value),
            "gas": gas,
            "chainId": self.network.chain_id,
        }
        if to is not None:
            transaction["to"] = to
        digest = self._broadcast(transaction, what, errors)
        succeeded, receipt = self._await(digest, what, creation=to is None)
        if not succeeded:
            raise self._afterwards(intent, receipt.block, what, errors)
        return receipt

    def _broadcast(self, transaction: TxParams, what: str, errors: ErrorTable) -> bytes:
        try:
            nonce = Nonce(_number(self.network.w3.eth.get_transaction_count(self.address, "pending"), 64))
            return self.signer.send(self.network, {**transaction, **_fees(self.network), "nonce": nonce})
        except Web3Exception as error:
            raise explain(error, self.network, errors, what, self.address) from error
        except MALFORMED as error:
            raise ChainError(
                f"{self.network.name} answers {what} as no node does: {type(error).__name__}",
                "it may have been sent all the same: look up the sender's transactions before resending",
            ) from None

    def _await(self, digest: bytes, what: str, *, creation: bool) -> tuple[bool, Receipt]:
        """Whether it succeeded, and its receipt. The transaction is out in the world: any error from here on names its
        hash."""
        sent, advice = f"transaction 0x{digest.hex()} ({what})", "it may still be included: look it up before resending"
        eth = self.network.w3.eth
        try:
            raw = eth.wait_for_transaction_receipt(HexBytes(digest), timeout=self.patience, poll_latency=0.1)
            return raw["status"] == 1, _receipt(raw, self.network.fork, creation)
        except TimeExhausted as error:
            raise ChainError(f"no block took {sent} within {self.patience:.0f} s", advice) from error
        except NodeUnreachableError as error:
            raise NodeUnreachableError(f"{sent} was sent, then: {error.message}", advice) from error
        except MALFORMED as error:
            raise ChainError(f"{sent} was sent, then {self.network.name} answered: {error!s:.200}", advice) from error

    def _intent(self, to: ChecksumAddress | None, data: bytes, value: int) -> dict[str, str | int | bytes]:
        intent: dict[str, str | int | bytes] = {"from": self.address, "data": data, "value": value}
        return intent if to is None else {**intent, "to": to}

    def _simulated_gas(self, intent: Intent, what: str, errors: ErrorTable, reserve: int) -> int:
        """Run at the ceiling, then estimate, with a margin and a reserve.

        The verifier reverts when a precompile fails for lack of gas (rather than answer false), so the estimate of a
        call that verifies a proof covers the pairing.
        """
        simulate(self.network, intent, errors, what)
        estimate = estimate_gas(self.network, intent, errors, what)
        if estimate > GAS_CEILING:
            raise ChainError(f"{what} needs {estimate:,} gas, more than the {GAS_CEILING:,} a transaction may carry")
        return min(int(estimate * _GAS_MARGIN) + reserve, GAS_CEILING)

    def _afterwards(self, intent: Intent, block: int, what: str, errors: ErrorTable) -> ChainError:
        """Ask again on the state of the block that included the failed transaction."""
        try:
            simulate(self.network, intent, errors, what, block)
        except TransactionReverted as error:
            return error
        except ChainError as error:
            return TransactionReverted(f"{what} failed in block {block}; the node does not say why: {error.message}")
        return TransactionReverted(f"{what} failed in block {block}", "the state had changed since it was simulated")


def _receipt(raw: TxReceipt, fork: str, creation: bool) -> Receipt:
    """The node's receipt as ours. Raises one of MALFORMED when it is none."""
    return Receipt(
        transaction_hash=bytes(raw["transactionHash"]),
        block=_number(raw["blockNumber"], 64),
        block_hash=bytes(raw["blockHash"]),
        gas_used=_number(raw["gasUsed"], 64),
        fork=fork,
        contract_address=raw.get("contractAddress") if creation else None,
        logs=tuple(raw["logs"]),
    )


def _fees(network: Network) -> TxParams:
    """EIP-1559: the node's tip over twice the base fee, enough for six full blocks in a row."""
    base = network.w3.eth.get_block("latest").get("baseFeePerGas")
    if base is None:
        raise ChainError(f"{network.name} has no base fee (EIP-1559)", "the contracts need a chain at Prague or later")
    tip = Wei(_number(network.w3.eth.max_priority_fee, 128))
    return {"maxPriorityFeePerGas": tip, "maxFeePerGas": Wei(2 * _number(base, 128) + tip)}


def _number(value: int, bits: int) -> int:
    """A number of a node's that a transaction or a message can hold. Raises one of MALFORMED."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"not a number of at most {bits} bits")
    return value
