"""Gas of every function of shares, appraisal feed and fraud gate."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contracts.asset_lab import SUPPLY, Estate
from tests.contracts.lab import DAY, UNIT, Lab


def measure_assets(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    with TemporaryDirectory() as folder:
        return _shares(Estate.build(lab, Path(folder))) | _gate(lab) | _successor(lab)


def _shares(estate: Estate) -> dict[str, int]:
    gas: dict[str, int] = {}
    lab = estate.lab
    alice, bob = lab.alice.address, lab.bob.address

    def send(row: str, function: str, *args: object, by: object = None) -> None:
        gas[f"AssetShares.{row}"] = lab.send("AssetShares", function, *args, by=by or lab.alice).gas_used  # type: ignore[arg-type]

    gas["AssetShares.open"] = estate.open().gas_used
    send("redeem", "redeem", alice)

    estate.redeploy()
    estate.open()
    estate.surveyed(400)
    gas["AppraisalFeed.update, first"] = estate.update().gas_used
    lab.travel(lab.network.now() + DAY)
    submission = estate.surveyed(401)
    gas["AppraisalFeed.update, later one"] = estate.update().gas_used
    digest = submission.consent.attestationHash
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer)
    gas["AppraisalFeed.retract"] = lab.send("AppraisalFeed", "retract").gas_used
    lab.travel(lab.network.now() + DAY)
    estate.appraised(402)

    send("transfer", "transfer", bob, SUPPLY // 4)
    send("approve", "approve", bob, SUPPLY)
    send("transferFrom", "transferFrom", alice, bob, SUPPLY // 8, by=lab.bob)
    estate.fund(lab.alice, 10**6 * UNIT)
    send("buyOut", "buyOut", 10**6 * UNIT, alice)
    send("claim, part", "claim", SUPPLY // 8, bob, by=lab.bob)
    send("claim, last", "claim", SUPPLY // 4, bob, by=lab.bob)
    return gas


def _gate(lab: Lab) -> dict[str, int]:
    gas: dict[str, int] = {}
    allowances = [0, 1_000 * UNIT, 5_000 * UNIT]
    settings = (lab.tier_model, lab.issuer.address, 100 * UNIT, DAY, 3_600, allowances)
    gate = lab.deploy("FraudGate", lab.address("DecisionRegistry"), *settings)
    lab.decided(consumer=gate.address, sequence=2**40, nonce=2**40)
    rows = {"free, first": 1, "free, later one": 1, "cleared, first": 200, "cleared, later one": 200}
    for row, tokens in rows.items():
        people = (lab.alice.address, lab.bob.address)
        receipt = lab.send("FraudGate", "beforeTransfer", *people, tokens * UNIT, by=lab.relayer)
        gas[f"FraudGate.beforeTransfer, {row}"] = receipt.gas_used
    return gas


def _successor(lab: Lab) -> dict[str, int]:
    """Last, for the issuer attests no more."""
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.relayer)
    lab.send("IssuerRegistry", "supersedeIssuer", lab.issuer.address, lab.relayer.address, True, by=lab.admin)
    return {"AppraisalFeed.followIssuer": lab.send("AppraisalFeed", "followIssuer").gas_used}
