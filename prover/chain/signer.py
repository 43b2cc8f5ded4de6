"""Who signs: a key from a keystore file or the environment, or an unlocked development account of the node.

A key lives in one private attribute of eth-account's object. It is in no repr, no message, no pickle, and no frame
that raises holds it in a local variable, so that not even a traceback with local variables shows it.
"""

from __future__ import annotations

import getpass
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.types import TxParams

from prover.chain.networks import MALFORMED, Network
from prover.chain.tester import TesterProvider
from prover.errors import ChainError, SignerError
from prover.jsontext import parse_json

KEY_VARIABLE = "VERDICT_PRIVATE_KEY"
PASSWORD_VARIABLE = "VERDICT_KEYSTORE_PASSWORD"


class Signer(ABC):
    """Somebody who signs transactions and EIP-712 messages for one address."""

    @property
    @abstractmethod
    def address(self) -> ChecksumAddress:
        """The account it signs for."""

    @abstractmethod
    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """65 bytes r ‖ s ‖ v over an EIP-712 message ``{types, primaryType, domain, message}``."""

    @abstractmethod
    def send(self, network: Network, transaction: TxParams) -> bytes:
        """Sign and broadcast a complete transaction; returns its 32-byte hash."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"


class LocalSigner(Signer):
    """A private key in this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        return self._account.address

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        return bytes(self._account.sign_message(encode_typed_data(full_message=dict(message))).signature)

    def send(self, network: Network, transaction: TxParams) -> bytes:
        signed = self._account.sign_transaction(cast(Any, transaction))
        return bytes(network.w3.eth.send_raw_transaction(signed.raw_transaction))

    def __reduce__(self) -> NoReturn:
        raise SignerError("a signer is not pickled: it would carry its private key")


class UnlockedSigner(Signer):
    """An account whose key the node holds: anvil's development accounts."""

    def __init__(self, network: Network, address: ChecksumAddress) -> None:
        self._network, self._address = network, address

    @property
    def address(self) -> ChecksumAddress:
        return self._address

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """Ask the node.

        Raises:
            SignerError: the node does not sign for this account.
        """
        try:
            signature = self._network.request("eth_signTypedData_v4", [self._address, _jsonable(message)])
        except ChainError as error:
            raise SignerError(f"{self._network.name} does not sign for {self._address}: {error.message}") from error
        try:
            return bytes.fromhex(str(signature).removeprefix("0x"))
        except ValueError:
            raise SignerError(f"{self._network.name} answers {self._address} with no signature") from None

    def send(self, network: Network, transaction: TxParams) -> bytes:
        return bytes(network.w3.eth.send_transaction({**transaction, "from": self._address}))


def from_environment() -> LocalSigner:
    """The key in VERDICT_PRIVATE_KEY: 32 bytes in hex.

    Raises:
        SignerError: the variable is missing or is no key. The message never quotes it.
    """
    if not os.environ.get(KEY_VARIABLE):
        raise SignerError(f"{KEY_VARIABLE} is not set", "export a key, or name a keystore file")
    account = _account_in_environment()
    if account is None:
        raise SignerError(f"{KEY_VARIABLE} does not hold a private key", "64 hex digits, with or without 0x")
    return LocalSigner(account)


def from_keystore(path: str | os.PathLike[str], prompt: Callable[[str], str] | None = None) -> LocalSigner:
    """The key in a Web3 Secret Storage file (version 3), as geth, clef and foundry write it.

    The password is taken from VERDICT_KEYSTORE_PASSWORD, else asked for.

    Args:
        path: the keystore file.
        prompt: asks for a password without echo; ``getpass`` by default, and only at a terminal.

    Raises:
        SignerError: no such file, not a keystore, no password, or the wrong one.
    """
    try:
        keystore = parse_json(Path(path).read_text())
    except OSError as error:
        raise SignerError(f"cannot read the keystore {path}: {error.strerror}") from error
    except ValueError:
        keystore = None
    if not isinstance(keystore, dict) or not ({"crypto", "Crypto"} & keystore.keys()):
        raise SignerError(f"{path} is not a keystore file", "make one with `cast wallet import` or `geth account new`")
    if PASSWORD_VARIABLE not in os.environ and prompt is None:
        if not sys.stdin.isatty():
            raise SignerError("the keystore needs a password", f"set {PASSWORD_VARIABLE} or run at a terminal")
        prompt = getpass.getpass
    account = _account_in_keystore(keystore, f"Password of {path}: ", prompt)
    if account is None:
        raise SignerError(f"the keystore {path} does not open", "wrong password, or a damaged file")
    return LocalSigner(account)


def development_signers(network: Network) -> list[Signer]:
    """The funded accounts a development chain comes with; empty on any other chain, whatever its node holds."""
    if isinstance(network.w3.provider, TesterProvider):
        keys = network.w3.provider.backend.account_keys
        return [LocalSigner(Account.from_key(key.to_bytes())) for key in keys]
    if not network.development:
        return []
    try:
        return [UnlockedSigner(network, address) for address in network.w3.eth.accounts]
    except MALFORMED:
        return []


def signer_for(network: Network, keystore: str | os.PathLike[str] | None = None, account: int = 0) -> Signer:
    """The signer a command should use: the keystore, else the environment's key, else a development account.

    Args:
        network: where it will sign; development accounts are looked for there.
        keystore: path of a keystore file.
        account: index among the development accounts.

    Raises:
        SignerError: none of the three is there.
    """
    if keystore is not None:
        return from_keystore(keystore)
    if os.environ.get(KEY_VARIABLE):
        return from_environment()
    accounts = development_signers(network)
    if 0 <= account < len(accounts):
        return accounts[account]
    if accounts:
        raise SignerError(f"{network.name} has {len(accounts)} development accounts, asked for number {account}")
    raise SignerError(f"nobody to sign on {network.name}", f"set {KEY_VARIABLE} or name a keystore file")


def _account_in_environment() -> LocalAccount | None:
    """None instead of an exception: the exceptions of the key parsers may quote what they parsed."""
    try:
        return cast(LocalAccount, Account.from_key(os.environ[KEY_VARIABLE].strip()))
    except Exception:
        return None


def _account_in_keystore(
    keystore: Mapping[str, Any], question: str, prompt: Callable[[str], str] | None
) -> LocalAccount | None:
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None and prompt is not None:
        password = prompt(question)
    try:
        return cast(LocalAccount, Account.from_key(Account.decrypt(dict(keystore), password or "")))
    except Exception:
        return None


def _jsonable(value: Any) -> Any:
    """Bytes as hex and integers as decimal strings, as eth_signTypedData_v4 takes them."""
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value
