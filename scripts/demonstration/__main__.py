"""The demonstration: a real loan model decides on a chain that accepts only proven decisions.

Two applicants are attested, proven and submitted; one draws a loan, the other is refused; then every attack we know
is tried and must end in the contract's own named error. The last line counts the checks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from attacks import ATTACKS, Attack
from ledger import Ledger
from world import LIMITS, Person, World, open_world

import prover
from prover.errors import TransactionReverted, VerdictError
from prover.groth16 import KeyState, get_backend, key_state

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"


def main() -> int:
    """Run the demonstration; returns the process's exit code: 0 only when every check passed."""
    ledger = Ledger()
    native = get_backend().name == "native"
    model = "loan_mlp" if native else "loan_logistic"
    if not native:
        ledger.say(
            "Without the native core this runs loan_logistic on the py_ecc reference backend: the same files "
            "and the same answers, about a hundred times slower."
        )
    bundle = compile_model(ledger, model)
    bundle = make_key(ledger, bundle)
    world = deploy(ledger, bundle)
    lend(ledger, world)
    ledger.heading("Attacks")
    for attack in ATTACKS:
        attempt(ledger, world, attack)
    ledger.heading("Figures")
    ledger.summary()
    return ledger.close()


def compile_model(ledger: Ledger, model: str) -> prover.Bundle:
    """Compile the model over the loan schema, and look at its price before anything is paid."""
    ledger.heading(f"Compile {model}.onnx: raw applicant facts in, P(repaid) out")
    rows = np.load(MODELS / f"{model}.npz")["X"]
    with ledger.timed("compile"):
        bundle = prover.compile(MODELS / f"{model}.onnx", schema=MODELS / "loan_schema.json", calibration=rows)
    for key, value in bundle.report.summary():
        ledger.say(f"  {key:<34} {value}")
    ledger.check("no decision of the 256 samples differs from onnxruntime's", bundle.report.decision_flips == 0)
    ledger.figure("constraints", f"{bundle.report.constraints:,}")
    return bundle


def make_key(ledger: Ledger, bundle: prover.Bundle) -> prover.Bundle:
    """A development key: enough to lend play money."""
    ledger.heading("Key")
    with ledger.timed("setup"):
        bundle = prover.setup(bundle)
    ledger.check("the key says that it is for development", key_state(bundle.verifying_key) is KeyState.DEVELOPMENT)
    ledger.figure("proving key", f"{bundle.proving_key.path.stat().st_size:,} bytes")
    return bundle


def deploy(ledger: Ledger, bundle: prover.Bundle) -> World:
    """Registries, verifier, lender; one issuer, two applicants."""
    ledger.heading("Deploy on the embedded chain")
    with ledger.timed("deploy"):
        world = open_world(bundle)
    vk_hash = bytes(world.published.verifier.read("vkHash"))
    ledger.check("the verifier on chain holds this key", vk_hash == bundle.verifying_key.hash)
    return world


def lend(ledger: Ledger, world: World) -> None:
    """The main job: the good applicant borrows, the other one cannot."""
    ledger.heading("Lend")
    good, bad = world.good, world.bad
    for person in (good, bad):
        decide(ledger, world, person)
    ledger.check(f"{good.name} is in tier {good.tier} of {len(LIMITS) - 1}", good.tier > 0)
    ledger.check(f"{bad.name} is in tier 0: a refusal, as valid as any other decision", bad.tier == 0)
    amount = LIMITS[good.tier]
    receipt = world.draw(good, amount)
    balance = world.token.read("balanceOf", good.address)
    ledger.check(f"{good.name} draws {amount // 10**18:,} vUSD", balance == amount)
    ledger.figure("gas: draw", f"{receipt.gas_used:,} ({receipt.fork})")
    refuse(ledger, f"{bad.name} is refused", lambda: world.draw(bad, 1), "DecisionNegative")
    ledger.check("no transaction carries an applicant's facts or salt", not world.secrets_on_chain())


def decide(ledger: Ledger, world: World, person: Person) -> None:
    """Attest, consent, prove, verify off chain, submit, read back."""
    with ledger.timed("attest and consent"):
        world.attest(person)
        world.consent(person)
    with ledger.timed("prove"):
        world.prove(person)
    with ledger.timed("verify off chain"):
        valid = prover.verify(world.bundle, person.proof)
    ledger.check(f"{person.name}'s proof verifies off chain", valid)
    with ledger.timed("submit"):
        receipt = world.submit(person)
    stored = world.decision(person)
    ledger.check(
        f"{person.name}'s decision is on chain and valid", stored.valid and stored.values == person.proof.values
    )
    ledger.figure("gas: submit a decision", f"{receipt.gas_used:,} ({receipt.fork})")


def attempt(ledger: Ledger, world: World, attack: Attack) -> None:
    """One attack, which must be refused by the error it names."""
    expected, call = attack(world)
    refuse(ledger, (attack.__doc__ or attack.__name__).splitlines()[0], call, expected)


def refuse(ledger: Ledger, title: str, call: Callable[[], object], expected: str) -> None:
    """Check that ``call`` is refused by the contract error ``expected``."""
    try:
        call()
    except TransactionReverted as error:
        ledger.check(f"{title}: {error.error}", error.error == expected, f"expected {expected}: {error}")
    else:
        ledger.check(f"{title}: NOT REFUSED", False, f"expected {expected}")


if __name__ == "__main__":
    try:
        code = main()
    except VerdictError as failure:
        print(f"demo: {type(failure).__name__}: {failure}", file=sys.stderr)
        code = 2
    sys.exit(code)
