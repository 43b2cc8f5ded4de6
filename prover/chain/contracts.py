"""A contract at an address: encodes calls, reads views, and knows its name for the messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract.contract import Contract
from web3.exceptions import Web3Exception

from prover.chain.artifacts import Artifact, artifact_names, load_artifact
from prover.chain.calls import decode_outputs, simulate
from prover.chain.networks import Network
from prover.chain.reverts import ErrorTable
from prover.errors import ChainError

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class BoundContract:
    """A deployed contract on a network.

    Attributes:
        network: where it lives.
        name: its Solidity name.
        web3: web3.py's object for it, for whatever this class does not offer.
        errors: error types its calls can end in, its own and those that bubble up from contracts it calls.
    """

    network: Network
    name: str
    web3: Contract = field(repr=False)
    errors: ErrorTable = field(repr=False)

    @classmethod
    def at(
        cls, network: Network, address: str, name: str, abi: Sequence[Mapping[str, Any]] | None = None
    ) -> BoundContract:
        """Open ``name`` at ``address``, by the stock artifact's ABI or the one given.

        Raises:
            ChainError: ``address`` is not an address.
            DeploymentError: no stock artifact of that name.
        """
        known = abi if abi is not None else load_artifact(name).abi
        contract = network.w3.eth.contract(address=checked_address(address), abi=cast(Any, known))
        errors = stock_errors()
        errors.add(known)
        return cls(network, name, contract, errors)

    @property
    def address(self) -> ChecksumAddress:
        return self.web3.address

    def encode(self, function: str, args: Sequence[Any] = ()) -> bytes:
        """Calldata. Raises ChainError when the arguments do not fit the function's ABI."""
        try:
            return bytes(HexBytes(self.web3.encode_abi(function, args=list(args))))
        except (Web3Exception, TypeError, ValueError) as error:
            raise ChainError(f"arguments do not fit {self.name}.{function}: {error}") from error

    def read(self, function: str, *args: Any, block: int | str = "latest") -> Any:
        """Call a view function: its value, or a tuple of its values; addresses with their checksum.

        Raises:
            TransactionReverted: the contract refuses.
            ChainError: no such contract at the address, no such function, or arguments that do not fit.
        """
        what = f"{self.name}.{function}"
        data = self.encode(function, args)
        answer = simulate(self.network, {"to": self.address, "data": data}, self.errors, what, block)
        try:
            return decode_outputs(self.web3.get_function_by_name(function).abi["outputs"], answer)
        except (Web3Exception, ValueError) as error:
            raise ChainError(
                f"{self.address} on {self.network.name} does not answer {what}", "is it deployed there?"
            ) from error


def creation_code(artifact: Artifact, args: Sequence[Any]) -> bytes:
    """Bytecode followed by the encoded constructor arguments. Raises ChainError when they do not fit."""
    try:
        factory = Web3().eth.contract(abi=cast(Any, artifact.abi), bytecode=HexBytes(artifact.bytecode))
        return bytes(HexBytes(factory.constructor(*args).data_in_transaction))
    except (Web3Exception, TypeError, ValueError) as error:
        raise ChainError(f"arguments do not fit the constructor of {artifact.name}: {error}") from error


def stock_errors() -> ErrorTable:
    """The errors of all stock contracts: a call to one of them can end in another's."""
    return ErrorTable.of(load_artifact(name).abi for name in artifact_names())


def checked_address(address: str) -> ChecksumAddress:
    """The address with its checksum. Raises ChainError when it is none, or its capitals contradict the checksum."""
    plain = isinstance(address, str) and _ADDRESS.fullmatch(address) is not None
    digits = address[2:] if plain else ""
    checksummed = Web3.to_checksum_address(address) if plain else None
    if checksummed is None or (digits not in (digits.lower(), digits.upper()) and address != checksummed):
        raise ChainError(f"{address!r} is not an address", "0x and 40 hex digits, capitals as in its checksum")
    return checksummed
