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
    from prover.chain.batch import Fate, Outcome, Submission, submit_batch
    from prover.chain.contracts import BoundContract
    from prover.chain.decision import Decision, DecisionStatus, decision_of, domain_of, submit, try_decision_of
    from prover.chain.deploy import (
        Stack,
        deploy_collateral_market,
        deploy_contract,
        deploy_credit_line,
        deploy_inference_store,
        deploy_stack,
        open_stack,
    )
    from prover.chain.eip712 import Attestation, Consent, Domain, context_for
    from prover.chain.issuers import (
        IssuerStatus,
        register_issuer,
        resume_issuer,
        retire_issuer,
        supersede_issuer,
        suspend_issuer,
    )
    from prover.chain.life import Life, life_of, withdraw_consent
    from prover.chain.models import (
        ModelCommitment,
        ModelStatus,
        deploy_verifier,
        freeze_verifier,
        name_guardian,
        register_model,
    )
    from prover.chain.networks import Network, connect
    from prover.chain.records import Deployment, Records
    from prover.chain.signer import Signer, development_signers, signer_for
    from prover.chain.transactions import Receipt, Sender

_HOME = {
    "attest": ("SignedAttestation", "SignedConsent"),
    "batch": ("Fate", "Outcome", "Submission", "submit_batch"),
    "contracts": ("BoundContract",),
    "decision": ("Decision", "DecisionStatus", "decision_of", "domain_of", "submit", "try_decision_of"),
    "deploy": (
        "Stack",
        "deploy_collateral_market",
        "deploy_contract",
        "deploy_credit_line",
        "deploy_inference_store",
        "deploy_stack",
        "open_stack",
    ),
    "eip712": ("Attestation", "Consent", "Domain", "context_for"),
    "issuers": (
        "IssuerStatus",
        "register_issuer",
        "resume_issuer",
        "retire_issuer",
        "supersede_issuer",
        "suspend_issuer",
    ),
    "life": ("Life", "life_of", "withdraw_consent"),
    "models": (
        "ModelCommitment",
        "ModelStatus",
        "deploy_verifier",
        "freeze_verifier",
        "name_guardian",
        "register_model",
    ),
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
    "Fate",
    "IssuerStatus",
    "Life",
    "ModelCommitment",
    "ModelStatus",
    "Network",
    "Outcome",
    "Receipt",
    "Records",
    "Sender",
    "SignedAttestation",
    "SignedConsent",
    "Signer",
    "Stack",
    "Submission",
    "connect",
    "context_for",
    "decision_of",
    "deploy_collateral_market",
    "deploy_contract",
    "deploy_credit_line",
    "deploy_inference_store",
    "deploy_stack",
    "deploy_verifier",
    "development_signers",
    "domain_of",
    "freeze_verifier",
    "life_of",
    "name_guardian",
    "open_stack",
    "register_issuer",
    "register_model",
    "resume_issuer",
    "retire_issuer",
    "signer_for",
    "submit",
    "submit_batch",
    "supersede_issuer",
    "suspend_issuer",
    "try_decision_of",
    "withdraw_consent",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
