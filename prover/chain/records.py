"""What was deployed where: ``deployments/<chain id>/<Contract>.json``, one file per contract, whole or absent.

A record is believed only after the chain confirmed it (see ``prover.chain.deploy``). Records of the in-process tester
stay in memory: that chain dies with its process.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from web3.exceptions import BlockNotFound

from prover.chain.networks import MALFORMED, Network
from prover.errors import ChainError, DeploymentError, StorageError
from prover.files import write_atomic
from prover.jsontext import parse_json

DEFAULT_FOLDER = Path("deployments")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True)
class Deployment:
    """One deployed contract.

    Attributes:
        contract: its Solidity name.
        address: checksummed.
        transaction: hash of the creation, 0x-hex, like every hash here.
        block: number of its block.
        block_hash: of that block: tells two chains of one id apart, such as two lives of a development node.
        deployer: who sent it.
        source: source unit name.
        compiler: solc's long version.
        settings: compiler settings that reproduce the code.
        code_hash: keccak256 of the runtime code on chain, immutables filled in.
        constructor_args: as JSON: integers and bytes as strings.
        vk_hash: verifiers only: the verifying key's.
        transcript_hash: verifiers only: the ceremony's; zeros for a development key.
    """

    contract: str
    address: str
    transaction: str
    block: int
    block_hash: str
    deployer: str
    source: str
    compiler: str
    settings: Mapping[str, Any] = field(repr=False)
    code_hash: str = ""
    constructor_args: list[Any] = field(default_factory=list)
    vk_hash: str | None = None
    transcript_hash: str | None = None


class Records:
    """The deployments of one chain.

    Args:
        network: whose they are.
        folder: parent of the ``<chain id>`` folders; ignored for the tester.
    """

    def __init__(self, network: Network, folder: Path = DEFAULT_FOLDER) -> None:
        self.network = network
        self.folder = folder / str(network.chain_id) if network.persistent else None
        self._memory: dict[str, Deployment] = {}

    def same_chain(self, record: Deployment) -> bool:
        """Whether the network has the very block that created the contract.

        The block's hash is asked for rather than block 0's: anvil makes a new block 0 whenever it loads its state.

        Raises:
            ChainError: the node does not say.
        """
        try:
            block = bytes(self.network.w3.eth.get_block(record.block)["hash"])
        except BlockNotFound:
            return False
        except MALFORMED as error:
            raise ChainError(f"{self.network.name} refused block {record.block}: {error!s:.200}") from error
        return "0x" + block.hex() == record.block_hash

    def get(self, contract: str) -> Deployment | None:
        """The record of a contract, unverified; None when there is none.

        Raises:
            DeploymentError: its file is damaged.
        """
        if self.folder is None:
            return self._memory.get(contract)
        path = self._path(contract)
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeploymentError(f"cannot read {path}: {error.strerror}") from error
        try:
            return Deployment(**parse_json(text))
        except (ValueError, TypeError) as error:
            raise DeploymentError(
                f"{path} is not a deployment record: {error}", "restore it from version control, or delete it"
            ) from error

    def require_writable(self) -> None:
        """Find out before a contract is paid for whether its record can be written. Raises StorageError."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(bytes(1 << 16))
        except OSError as error:
            raise StorageError(
                f"cannot write deployment records to {self.folder}: {error.strerror or error}",
                "nothing was deployed; name another folder with --deployments",
            ) from error

    def put(self, record: Deployment) -> None:
        """Keep a record. One it replaces on a living chain stays beside it as ``<Contract>.<address>.json``.

        Raises:
            StorageError: it could not be written; the contract is on chain all the same.
        """
        if self.folder is None:
            self._memory[record.contract] = record
            return
        path = self._path(record.contract)
        earlier = self.get(record.contract)
        if earlier is not None and earlier.address != record.address and self.same_chain(earlier):
            write_atomic(path.with_suffix(f".{earlier.address}.json"), _text(earlier))
        write_atomic(path, _text(record))

    def names(self) -> list[str]:
        """The contracts that have a record."""
        if self.folder is None:
            return sorted(self._memory)
        return sorted(path.stem for path in self.folder.glob("*.json") if _NAME.fullmatch(path.stem))

    def relying_on(self, contract: str) -> list[str]:
        """Recorded contracts that were made with the address of this one, or of one that was.

        Raises:
            DeploymentError: a record is damaged.
        """
        records = {name: record for name in self.names() if (record := self.get(name)) is not None}
        found: list[str] = []
        addresses = {records[contract].address} if contract in records else set()
        while news := [
            name
            for name, record in records.items()
            if name not in (contract, *found)
            and any(isinstance(one, str) and one in addresses for one in record.constructor_args)
        ]:
            found += news
            addresses |= {records[name].address for name in news}
        return found

    def set_aside(self, contract: str) -> list[str]:
        """Rename the record of a contract, and of all that rely on it, to ``<Contract>.<address>.json``.

        Returns:
            The names of the contracts whose records were moved; none when there is no record.

        Raises:
            DeploymentError: a record is damaged.
            StorageError: the folder cannot be written.
        """
        moved = [name for name in (contract, *self.relying_on(contract)) if self.get(name) is not None]
        for name in reversed(moved):  # what others rely on goes last: an interrupted run is finished by the next one
            record = self.get(name)
            if self.folder is None:
                del self._memory[name]
            elif record is not None:
                path = self._path(name)
                try:
                    path.replace(path.with_suffix(f".{record.address}.json"))
                except OSError as error:
                    raise StorageError(f"cannot move {path}: {error.strerror or error}") from error
        return moved

    def _path(self, contract: str) -> Path:
        if self.folder is None or not _NAME.fullmatch(contract):
            raise DeploymentError(f"{contract!r} is not a contract name")
        return self.folder / f"{contract}.json"


def as_json(value: Any) -> Any:
    """A constructor argument as it is recorded: integers as decimal strings, bytes as hex."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return str(value)


def _text(record: Deployment) -> str:
    return json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"
