"""What every command that speaks to a chain is told: which chain, which deployment, who signs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from prover.chain.deploy import Stack
    from prover.chain.records import Records
    from prover.chain.transactions import Sender

NetworkOption = Annotated[str, typer.Option("--network", metavar="N", help="node (of `verdict node`) or an RPC URL.")]
ChainIdOption = Annotated[int | None, typer.Option("--chain-id", help="Refuse any other chain.")]
KeystoreOption = Annotated[Path | None, typer.Option("--keystore", help="Signing key; else VERDICT_PRIVATE_KEY.")]
AccountOption = Annotated[int, typer.Option("--account", help="Development chains: which of their accounts signs.")]
DeploymentsOption = Annotated[Path, typer.Option("--deployments", help="Folder of the deployment records.")]
DEPLOYMENTS = Path("deployments")


def open_records(network: str, chain_id: int | None, deployments: Path) -> Records:
    """The deployments on a network, which is connected to."""
    from prover.chain.networks import connect
    from prover.chain.records import Records

    return Records(connect(network, chain_id), deployments)


def open_sender(
    network: str, chain_id: int | None, keystore: Path | None, account: int, deployments: Path
) -> tuple[Sender, Records]:
    """The same with somebody who signs."""
    from prover.chain.signer import signer_for
    from prover.chain.transactions import Sender

    records = open_records(network, chain_id, deployments)
    return Sender(records.network, signer_for(records.network, keystore, account)), records


def open_stack(records: Records) -> Stack:
    """The recorded registries, checked against the chain."""
    from prover.chain.deploy import open_stack as opened

    return opened(records)
