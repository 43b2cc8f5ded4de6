"""From revert data to the contract's own words: custom errors by name, whichever contract they bubbled up from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from prover.errors import TransactionReverted

PANICS = {
    0x01: "assertion",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x22: "damaged storage array",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of an unset function pointer",
}


@dataclass(frozen=True)
class ErrorType:
    """A Solidity error: its name and the names and ABI types of its arguments."""

    name: str
    arguments: tuple[str, ...]
    types: tuple[str, ...]


_BUILTIN = {
    keccak(text="Error(string)")[:4]: ErrorType("Error", ("reason",), ("string",)),
    keccak(text="Panic(uint256)")[:4]: ErrorType("Panic", ("code",), ("uint256",)),
}


@dataclass
class ErrorTable:
    """Error types by selector."""

    errors: dict[bytes, ErrorType] = field(default_factory=lambda: dict(_BUILTIN))

    @classmethod
    def of(cls, abis: Iterable[Sequence[Mapping[str, Any]]]) -> ErrorTable:
        """The errors of several contracts. Solidity copies into an ABI only errors it sees thrown: give them all."""
        table = cls()
        for abi in abis:
            table.add(abi)
        return table

    def add(self, abi: Sequence[Mapping[str, Any]]) -> None:
        """Learn the errors of one more contract."""
        for entry in abi:
            if entry.get("type") == "error":
                inputs = entry.get("inputs", ())
                types = tuple(collapse_if_tuple(dict(item)) for item in inputs)
                selector = keccak(text=f"{entry['name']}({','.join(types)})")[:4]
                names = tuple(item.get("name") or f"arg{i}" for i, item in enumerate(inputs))
                self.errors[selector] = ErrorType(entry["name"], names, types)

    def explain(self, data: bytes, what: str) -> TransactionReverted:
        """The exception for revert data.

        Args:
            data: returned by the call; empty for a bare ``revert()``, an invalid opcode or gas that ran out.
            what: the call that failed, for the message: ``"DecisionRegistry.submit"``.

        Returns:
            TransactionReverted whose ``error`` is the error's name (empty when unknown) and ``args_`` its arguments.
        """
        if not data:
            return TransactionReverted(f"{what} reverted without a reason", "out of gas, or no such function")
        known = self.errors.get(data[:4])
        if known is None:
            return TransactionReverted(f"{what} reverted with unknown error 0x{data[:4].hex()}")
        try:
            values = tuple(map(_readable, known.types, decode(known.types, data[4:])))
        except (DecodingError, UnicodeDecodeError, OverflowError):
            return TransactionReverted(f"{what} reverted with {known.name} and malformed arguments", error=known.name)
        if known is _BUILTIN[b"\x08\xc3y\xa0"]:
            return TransactionReverted(f"{what} reverted: {values[0]}", error=known.name, args_=values)
        if known.name == "Panic" and values[0] in PANICS:
            return TransactionReverted(f"{what} panicked: {PANICS[values[0]]}", error=known.name, args_=values)
        shown = ", ".join(f"{name}={_show(value)}" for name, value in zip(known.arguments, values, strict=True))
        return TransactionReverted(f"{what} reverted: {known.name}({shown})", error=known.name, args_=values)


def _readable(kind: str, value: Any) -> Any:
    """Addresses with their checksum, as everywhere else."""
    return to_checksum_address(value) if kind == "address" else value


def _show(value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(_show, value)) + ")"
    return str(value)
