"""Issuers of attestations: registered by themselves; suspended, resumed, retired, succeeded by their administrator."""

from __future__ import annotations

from enum import IntEnum

from prover.chain.contracts import BoundContract, checked_address
from prover.chain.transactions import Receipt, Sender
from prover.errors import DeploymentError


class IssuerStatus(IntEnum):
    """Where an issuer stands in its registry."""

    UNKNOWN = 0
    ACTIVE = 1
    SUSPENDED = 2
    RETIRED = 3
    SUPERSEDED = 4


_REMEDY = {
    IssuerStatus.SUSPENDED: "its administrator may resume it",
    IssuerStatus.RETIRED: "that is for good: register another key",
    IssuerStatus.SUPERSEDED: "that is for good: its successor attests now",
}


def register_issuer(sender: Sender, issuers: BoundContract, administrator: str | None = None, uri: str = "") -> None:
    """Register the sender as an issuer of attestations, unless it already is one.

    Args:
        sender: the issuer itself.
        issuers: the IssuerRegistry.
        administrator: who may suspend and retire it, best a cold key; the issuer itself when None.
        uri: where it describes itself.

    Raises:
        DeploymentError: it was suspended, retired or superseded.
        ChainError: see :meth:`Sender.send`.
    """
    status = issuer_status(issuers, sender.address)
    if status is IssuerStatus.UNKNOWN:
        sender.transact(issuers, "registerIssuer", checked_address(administrator or sender.address), uri)
    elif status is not IssuerStatus.ACTIVE:
        raise DeploymentError(f"issuer {sender.address} is {status.name.lower()}", _REMEDY[status])


def issuer_status(issuers: BoundContract, issuer: str) -> IssuerStatus:
    """Where an issuer stands. Raises ChainError when there is no such registry."""
    return IssuerStatus(issuers.read("statusOf", checked_address(issuer)))


def suspend_issuer(sender: Sender, issuers: BoundContract, issuer: str) -> Receipt:
    """As its administrator, let nothing of an issuer count until it is resumed.

    Raises:
        TransactionReverted: NotIssuerAdministrator, IssuerNotRegistered, IssuerIsRetired or IssuerIsSuperseded.
        ChainError: no address, or see :meth:`Sender.send`.
    """
    return sender.transact(issuers, "suspendIssuer", checked_address(issuer))


def resume_issuer(sender: Sender, issuers: BoundContract, issuer: str) -> Receipt:
    """As its administrator, end a suspension. Raises as :func:`suspend_issuer`."""
    return sender.transact(issuers, "resumeIssuer", checked_address(issuer))


def retire_issuer(sender: Sender, issuers: BoundContract, issuer: str) -> Receipt:
    """As its administrator or the issuer itself, end an issuer for good; its stored decisions fall.

    Raises:
        TransactionReverted: NotIssuer, IssuerNotRegistered or IssuerIsRetired.
        ChainError: no address, or see :meth:`Sender.send`.
    """
    return sender.transact(issuers, "retireIssuer", checked_address(issuer))


def supersede_issuer(
    sender: Sender, issuers: BoundContract, issuer: str, successor: str, *, keeps_decisions: bool
) -> Receipt:
    """As the administrator of both, end one signing key for another, for good.

    Args:
        sender: the administrator.
        issuers: the IssuerRegistry.
        issuer: the old key, active or suspended.
        successor: the new key, an active issuer under the same administrator.
        keeps_decisions: True for a planned change: what is stored counts until it expires. False for a stolen key:
            it falls at once.

    Raises:
        TransactionReverted: InvalidSuccessor, or as :func:`suspend_issuer`.
        ChainError: no address, or see :meth:`Sender.send`.
    """
    keys = (checked_address(issuer), checked_address(successor))
    return sender.transact(issuers, "supersedeIssuer", *keys, keeps_decisions)


def successor_of(issuers: BoundContract, issuer: str) -> str | None:
    """The key that took over from this one, if any. Raises ChainError when there is no such registry."""
    successor = str(issuers.read("successorOf", checked_address(issuer)))
    return successor if int(successor, 16) else None
