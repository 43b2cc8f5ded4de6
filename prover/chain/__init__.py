"""Everything between Verdict and an Ethereum chain: networks, signers, transactions, deployments, decisions.

The usual names are listed in ``__all__`` and loaded on first use: importing ``prover.chain`` loads neither web3 nor
py-evm. ``attest`` and ``node`` are modules here; the functions of the first are ``prover.chain.attest.attest`` and
``consent``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prover.chain.attest import SignedAttestation, SignedConsent
    from prover.chain.contracts import BoundContract
    from prover.chain.decision import Decision, DecisionStatus, decision_of, domain_of, submit, try_decision_of
    from prover.chain.deploy import (
        Stack,
        deploy_collateral_market,
        deploy_contract,
        deploy_credit_line,
        deploy_stack,
        open_stack,
    )
    from prover.chain.eip712 import Attestation, Consent, Domain, context_for
    from prover.chain.models import ModelCommitment, deploy_verifier, register_issuer, register_model
    from prover.chain.networks import Network, connect
    from prover.chain.records import Deployment, Records
    from prover.chain.signer import Signer, development_signers, signer_for
    from prover.chain.transactions import Receipt, Sender

_HOME = {
    "attest": ("SignedAttestation", "SignedConsent"),
    "contracts": ("BoundContract",),
    "decision": ("Decision", "DecisionStatus", "decision_of", "domain_of", "submit", "try_decision_of"),
    "deploy": (
        "Stack",
        "deploy_collateral_market",
        "deploy_contract",
        "deploy_credit_line",
        "deploy_stack",
        "open_stack",
    ),
    "eip712": ("Attestation", "Consent", "Domain", "context_for"),
    "models": ("ModelCommitment", "deploy_verifier", "register_issuer", "register_model"),
    "networks": ("Network", "connect"),
    "records": ("Deployment", "Records"),
    "signer": ("Signer", "development_signers", "signer_for"),
    "transactions": ("Receipt", "Sender"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Attestation",
    "BoundContract",
    "Consent",
    "Decision",
    "DecisionStatus",
    "Deployment",
    "Domain",
    "ModelCommitment",
    "Network",
    "Receipt",
    "Records",
    "Sender",
    "SignedAttestation",
    "SignedConsent",
    "Signer",
    "Stack",
    "connect",
    "context_for",
    "decision_of",
    "deploy_collateral_market",
    "deploy_contract",
    "deploy_credit_line",
    "deploy_stack",
    "deploy_verifier",
    "development_signers",
    "domain_of",
    "open_stack",
    "register_issuer",
    "register_model",
    "signer_for",
    "submit",
    "try_decision_of",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
