"""``eth_call`` and ``eth_estimateGas`` with the contract's own answer: decoded values, or the decoded error.

web3.py's own reading of errors is not used: it raises KeyError on a panic code it does not know, UnicodeDecodeError on
a reason that is no text, and would fetch URLs named by the contract (EIP-3668).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from web3.exceptions import Web3Exception, Web3RPCError
from web3.types import RPCEndpoint

from prover.chain.networks import Network
from prover.chain.reverts import ErrorTable
from prover.errors import ChainError

GAS_CEILING = 1 << 24
"""Most gas one transaction may carry since Osaka (EIP-7825); kept on every fork, so that it works on all of them."""

Intent = Mapping[str, str | int | bytes]
"""A transaction before it has a price: ``from``, ``to``, ``data``, ``value``."""


def simulate(network: Network, intent: Intent, errors: ErrorTable, what: str, block: int | str = "latest") -> bytes:
    """What a call returns on the state of a block, with as much gas as a transaction may have.

    Args:
        network: where.
        intent: the call.
        errors: how the contracts it reaches say no.
        what: names the call in messages: ``"DecisionRegistry.submit"``.
        block: number, or ``latest``.

    Raises:
        TransactionReverted: a contract refuses.
        ChainError: the node refuses.
    """
    tag = block if isinstance(block, str) else hex(block)
    answer = _ask(network, "eth_call", [_hexadecimal({**intent, "gas": GAS_CEILING}), tag], errors, what)
    return _bytes(answer, network, what)


def estimate_gas(network: Network, intent: Intent, errors: ErrorTable, what: str) -> int:
    """Gas a transaction needs. Raises as :func:`simulate`."""
    answer = _ask(network, "eth_estimateGas", [_hexadecimal({**intent, "gas": GAS_CEILING})], errors, what)
    try:
        gas = int(answer, 16) if isinstance(answer, str) else int(answer)
        if not 0 <= gas < 1 << 64:
            raise ValueError("no amount of gas")
        return gas
    except (TypeError, ValueError) as error:
        raise ChainError(f"{network.name} estimates {answer!r:.80} gas for {what}") from error


def explain(error: Web3Exception, network: Network, errors: ErrorTable, what: str, sender: str = "") -> ChainError:
    """The exception for what a node said no with: TransactionReverted when it was a contract's no."""
    response: Any = getattr(error, "rpc_response", None) or {}
    told: Mapping[str, Any] = response.get("error") or {}
    text = str(told.get("message") or error)
    data = _revert_data(told.get("data", getattr(error, "data", None)))
    if data or told.get("code") == 3 or any(word in text.lower() for word in ("revert", "out of gas", "opcode")):
        return errors.explain(data, what)
    poor = any(word in text.lower() for word in ("insufficient", "afford", "enough balance", "enough funds"))
    return ChainError(f"{network.name} refused {what}: {text}", f"fund {sender}" if poor and sender else "")


def decode_outputs(outputs: Sequence[Mapping[str, Any]], data: bytes) -> Any:
    """Values of a function's outputs, addresses with their checksum; one output is not wrapped in a tuple.

    Raises:
        ValueError: the bytes are not such values.
    """
    try:
        values = decode([collapse_if_tuple(dict(entry)) for entry in outputs], data)
    except (DecodingError, OverflowError) as error:
        raise ValueError(str(error)) from error
    named = tuple(readable(entry, value) for entry, value in zip(outputs, values, strict=True))
    return named[0] if len(named) == 1 else named


def readable(entry: Mapping[str, Any], value: Any) -> Any:
    """One decoded ABI value, addresses in it with their checksum."""
    kind = str(entry["type"])
    if kind.endswith("]"):
        inner = {**entry, "type": kind[: kind.rindex("[")]}
        return [readable(inner, item) for item in value]
    if kind == "tuple":
        return tuple(readable(part, item) for part, item in zip(entry["components"], value, strict=True))
    return to_checksum_address(value) if kind == "address" else value


def _ask(network: Network, method: str, parameters: list[Any], errors: ErrorTable, what: str) -> Any:
    try:
        return network.w3.manager.request_blocking(RPCEndpoint(method), parameters)
    except (Web3RPCError, Web3Exception) as error:
        raise explain(error, network, errors, what, str(parameters[0].get("from", ""))) from error


def _hexadecimal(intent: Intent) -> dict[str, str]:
    """The form JSON-RPC takes."""
    return {
        key: value if isinstance(value, str) else hex(value) if isinstance(value, int) else "0x" + value.hex()
        for key, value in intent.items()
    }


def _bytes(answer: Any, network: Network, what: str) -> bytes:
    try:
        return bytes(answer) if isinstance(answer, bytes) else bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, TypeError, ValueError) as error:
        raise ChainError(f"{network.name} answers {answer!r:.80} to {what}") from error


def _revert_data(data: Any) -> bytes:
    """Nodes put it into ``data`` as hex, some inside an object, some behind the word ``Reverted``."""
    while isinstance(data, Mapping):
        data = data.get("data") or data.get("result")
    text = data.removeprefix("Reverted ") if isinstance(data, str) else ""
    try:
        return bytes.fromhex(text[2:]) if text.startswith("0x") else b""
    except ValueError:
        return b""
