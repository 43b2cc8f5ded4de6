"""Deploying twice is deploying once; what is on chain is never taken for what is in the artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prover.chain import node
from prover.chain.artifacts import Artifact, load_artifact
from prover.chain.contracts import BoundContract
from prover.chain.decision import try_decision_of
from prover.chain.deploy import (
    deploy_collateral_market,
    deploy_contract,
    deploy_credit_line,
    deploy_inference_store,
    deploy_stack,
    open_contract,
    open_stack,
    renew,
)
from prover.chain.issuers import register_issuer
from prover.chain.models import deploy_verifier, register_model
from prover.chain.networks import Network, connect
from prover.chain.records import Records
from prover.chain.transactions import Sender
from prover.errors import DeploymentError, KeyMismatchError, StorageError, TransactionReverted
from prover.schema.hashing import keccak256
from tests.chain import tiny
from tests.chain.conftest import free_port, sender_on

STACK = ("AuditRegistry", "DecisionRegistry", "IssuerRegistry", "ModelRegistry")


@pytest.fixture
def records(local_node: Network, tmp_path: Path) -> Records:
    return Records(local_node, tmp_path / "deployments")


@pytest.fixture
def deployer(local_node: Network) -> Sender:
    return sender_on(local_node)


def files(records: Records) -> list[str]:
    assert records.folder is not None
    return sorted(path.name for path in records.folder.iterdir()) if records.folder.exists() else []


def nonce(sender: Sender) -> int:
    return sender.network.w3.eth.get_transaction_count(sender.address)


def test_twice_is_once(records: Records, deployer: Sender, tmp_path: Path) -> None:
    stack = deploy_stack(deployer, records)
    lender = deploy_credit_line(deployer, records, stack)
    market = deploy_collateral_market(deployer, records, stack)
    sent = nonce(deployer)
    lenders = ("CollateralMarket", "CreditLine", "DemoToken")
    assert files(records) == sorted(f"{name}.json" for name in (*STACK, *lenders))
    before = {path: path.read_bytes() for path in records.folder.iterdir()}  # type: ignore[union-attr]

    anew = Records(connect("node"), tmp_path / "deployments")
    again = deploy_stack(deployer, anew)
    assert [c.address for c in vars(again).values()] == [c.address for c in vars(stack).values()]
    assert deploy_credit_line(deployer, anew, again).address == lender.address
    assert deploy_collateral_market(deployer, anew, again).address == market.address
    assert [c.address for c in vars(open_stack(anew)).values()] == [c.address for c in vars(stack).values()]
    assert nonce(deployer) == sent, "the second run sends nothing"
    assert {path: path.read_bytes() for path in records.folder.iterdir()} == before  # type: ignore[union-attr]


def test_what_a_record_says(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    record = records.get("DecisionRegistry")
    assert record is not None
    w3 = deployer.network.w3
    receipt = w3.eth.get_transaction_receipt(record.transaction)
    assert receipt["contractAddress"] == record.address == stack.decisions.address
    assert (receipt["blockNumber"], receipt["from"]) == (record.block, record.deployer)
    assert record.code_hash == "0x" + keccak256(bytes(w3.eth.get_code(stack.decisions.address))).hex()
    assert record.constructor_args == [stack.models.address, stack.issuers.address]
    assert record.settings == load_artifact("DecisionRegistry").settings
    assert record.compiler.startswith("0.8.37+")
    assert record.vk_hash is None
    assert records.folder is not None
    assert records.folder.name == "31337"


def test_the_testers_records_stay_in_memory(tester: Network, tmp_path: Path) -> None:
    records, sender = Records(tester, tmp_path), sender_on(tester)
    stack = deploy_stack(sender, records)
    sent = nonce(sender)
    assert deploy_stack(sender, records).decisions.address == stack.decisions.address
    assert nonce(sender) == sent
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_inferences_is_deployed_when_asked_for(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    assert "InferenceStore.json" not in files(records)
    store = deploy_inference_store(deployer, records, stack)
    sent = nonce(deployer)
    assert store.read("verifier") == stack.models.address
    assert "InferenceStore.json" in files(records)
    assert deploy_inference_store(deployer, records, open_stack(records)).address == store.address
    assert nonce(deployer) == sent
    with pytest.raises(TransactionReverted, match="InferenceNotFound"):
        store.read("getInference", bytes(32))
    elsewhere = deploy_stack(deployer, Records(deployer.network, records.folder / "elsewhere"))  # type: ignore[operator]
    with pytest.raises(DeploymentError, match="was made with arguments"):
        deploy_inference_store(deployer, records, elsewhere)


def test_fresh_contracts_and_the_old_record(records: Records, deployer: Sender) -> None:
    old = deploy_contract(deployer, records, load_artifact("DemoToken"))
    new = deploy_contract(deployer, records, load_artifact("DemoToken"), fresh=True)
    assert old.address != new.address
    assert files(records) == [f"DemoToken.{old.address}.json", "DemoToken.json"]
    assert open_contract(records, "DemoToken").address == new.address


def addresses(records: Records) -> dict[str, str]:
    return {name: record.address for name in records.names() if (record := records.get(name)) is not None}


@pytest.mark.parametrize("where", ["node", "tester"])
def test_only_what_is_asked_for_is_made_anew(request: pytest.FixtureRequest, tmp_path: Path, where: str) -> None:
    network: Network = request.getfixturevalue("local_node" if where == "node" else "tester")
    records, deployer = Records(network, tmp_path / "deployments"), sender_on(network)
    everything = (deploy_credit_line, deploy_collateral_market, deploy_inference_store)

    def deploy() -> dict[str, str]:
        stack = deploy_stack(deployer, records)
        for one in everything:
            one(deployer, records, stack)
        return addresses(records)

    first = deploy()
    assert renew(records, []) == []
    assert renew(records, ["CreditLine"]) == ["CreditLine"]
    second = deploy()
    assert {name for name in first if first[name] != second[name]} == {"CreditLine"}
    assert renew(records, ["DecisionRegistry"]) == ["DecisionRegistry", "CollateralMarket", "CreditLine"]
    third = deploy()
    assert {name for name in first if second[name] != third[name]} == {
        "DecisionRegistry", "CollateralMarket", "CreditLine"
    }  # fmt: skip
    if where == "node":
        assert f"DecisionRegistry.{first['DecisionRegistry']}.json" in files(records)
        assert {f"CreditLine.{one['CreditLine']}.json" for one in (first, second)} <= set(files(records))
    assert set(renew(records, ["DemoToken", "DemoToken"])) == {"DemoToken", "CreditLine"}
    assert set(renew(records, ["all"])) == set(first) - {"DemoToken", "CreditLine"}
    fourth = deploy()
    assert not set(third.values()) & set(fourth.values())
    with pytest.raises(DeploymentError, match="no LoanVerifier to deploy afresh") as caught:
        renew(records, ["CreditLine", "LoanVerifier"])
    assert "CreditLine" in caught.value.hint
    assert addresses(records) == fourth, "nothing was moved"


def test_the_mock_from_python(sender: Sender) -> None:
    """As contracts/README.md shows it."""
    made = sender.create(load_artifact("MockDecisionRegistry"))
    assert made.contract_address is not None
    registry = BoundContract.at(sender.network, made.contract_address, "MockDecisionRegistry")
    issuer, subject, consumer = (f"0x{digit * 40}" for digit in "123")
    sender.transact(registry, "decide", 1, issuer, subject, consumer, 2, b"\7" * 32, 30 * 86_400)
    found = try_decision_of(registry, 1, issuer, subject, consumer)
    assert (found.valid, found.values, found.person_id) == (True, (2,), b"\7" * 32)


def test_a_damaged_record_of_another_contract_stops_nobody(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    (records.folder / "CreditLine.json").write_text("{")  # type: ignore[operator]
    assert open_stack(records).decisions.address == stack.decisions.address
    with pytest.raises(DeploymentError, match="not a deployment record"):
        renew(records, ["all"])
    assert open_stack(records).decisions.address == stack.decisions.address, "nothing was moved"


def test_the_hint_says_what_is_lost(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    deploy_credit_line(deployer, records, stack)
    deployer.network.request("anvil_setCode", [stack.decisions.address, "0x00"])
    with pytest.raises(DeploymentError, match="not the recorded one") as caught:
        open_contract(records, "DecisionRegistry")
    assert "--fresh DecisionRegistry" in caught.value.hint
    assert "sets CreditLine aside" in caught.value.hint
    assert "attestations and consents are signed for it alone" in caught.value.hint


def test_changed_code_is_refused(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    code = bytes(deployer.network.w3.eth.get_code(stack.issuers.address))
    changed = code[:-1] + bytes([code[-1] ^ 1])
    deployer.network.request("anvil_setCode", [stack.issuers.address, "0x" + changed.hex()])
    for attempt in (lambda: deploy_stack(deployer, records), lambda: open_stack(records)):
        with pytest.raises(DeploymentError, match="not the recorded one") as caught:
            attempt()
    assert "--fresh" in caught.value.hint


def test_vanished_code_is_refused(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    deployer.network.request("anvil_setCode", [stack.models.address, "0x"])
    with pytest.raises(DeploymentError, match="no code"):
        deploy_stack(deployer, records)


def test_a_record_that_points_elsewhere_is_refused(records: Records, deployer: Sender) -> None:
    """Whoever edits the record can make its hash right, but not the code the artifact's."""
    deploy_stack(deployer, records)
    mine, other = records.get("IssuerRegistry"), records.get("ModelRegistry")
    assert mine is not None
    assert other is not None
    records.put(replace(other, contract="IssuerRegistry"))
    with pytest.raises(DeploymentError, match="another version"):
        deploy_stack(deployer, records)


@pytest.mark.parametrize("getter", ["modelRegistry", "issuerRegistry"])
def test_genuine_code_with_foreign_contracts_behind_it_is_refused(
    records: Records, deployer: Sender, tmp_path: Path, getter: str
) -> None:
    """A forged record: everything on it is true, only it trusts somebody else's registry."""
    stack = deploy_stack(deployer, records)
    elsewhere = deploy_stack(deployer, Records(deployer.network, tmp_path / "elsewhere"))
    models, issuers = (
        (elsewhere.models.address, stack.issuers.address)
        if getter == "modelRegistry"
        else (stack.models.address, elsewhere.issuers.address)
    )
    forger = Records(deployer.network, tmp_path / "forged")
    deploy_contract(deployer, forger, load_artifact("DecisionRegistry"), (models, issuers))
    forged = forger.get("DecisionRegistry")
    assert forged is not None
    records.put(forged)
    with pytest.raises(DeploymentError, match=f"has {getter} 0x") as caught:
        open_stack(records)
    assert "do not trust" in caught.value.hint

    records.put(replace(forged, constructor_args=[stack.models.address, stack.issuers.address]))
    sent = nonce(deployer)
    for attempt in (lambda: deploy_stack(deployer, records), lambda: open_stack(records)):
        with pytest.raises(DeploymentError, match=f"has {getter} 0x"):
            attempt()
    assert nonce(deployer) == sent


def test_audits_of_foreign_models_are_refused(records: Records, deployer: Sender, tmp_path: Path) -> None:
    deploy_stack(deployer, records)
    elsewhere = Records(deployer.network, tmp_path / "elsewhere")
    deploy_stack(deployer, elsewhere)
    forged = elsewhere.get("AuditRegistry")
    assert forged is not None
    records.put(forged)
    with pytest.raises(DeploymentError, match=r"AuditRegistry at .* has modelRegistry"):
        open_stack(records)


@pytest.mark.parametrize("getter", ["decisionRegistry", "asset"])
def test_a_lender_with_foreign_contracts_behind_it_is_refused(
    records: Records, deployer: Sender, tmp_path: Path, getter: str
) -> None:
    stack = deploy_stack(deployer, records)
    deploy_credit_line(deployer, records, stack)
    mine = records.get("CreditLine")
    assert mine is not None
    decisions, token, owner = mine.constructor_args
    foreign = (stack.models.address, token) if getter == "decisionRegistry" else (decisions, stack.models.address)
    elsewhere = Records(deployer.network, tmp_path / "elsewhere")
    deploy_contract(deployer, elsewhere, load_artifact("CreditLine"), (*foreign, owner))
    forged = elsewhere.get("CreditLine")
    assert forged is not None
    records.put(replace(forged, constructor_args=mine.constructor_args))
    with pytest.raises(DeploymentError, match=f"has {getter} {stack.models.address}"):
        deploy_credit_line(deployer, records, stack)


def test_another_version_of_the_artifact_is_refused(records: Records, deployer: Sender) -> None:
    artifact = load_artifact("DemoToken")
    deploy_contract(deployer, records, artifact)
    code = artifact.deployed_bytecode
    newer = replace(artifact, deployed_bytecode=code[:-1] + bytes([code[-1] ^ 1]))
    with pytest.raises(DeploymentError, match="another version"):
        deploy_contract(deployer, records, newer)


def test_a_node_that_creates_something_else(records: Records, deployer: Sender) -> None:
    artifact = load_artifact("DemoToken")
    mixed = replace(artifact, bytecode=load_artifact("IssuerRegistry").bytecode)
    with pytest.raises(DeploymentError, match="other code than was sent"):
        deploy_contract(deployer, records, mixed)
    assert files(records) == []


def test_other_arguments_are_refused(records: Records, deployer: Sender) -> None:
    stack = deploy_stack(deployer, records)
    deploy_credit_line(deployer, records, stack)
    with pytest.raises(DeploymentError, match="was made with arguments"):
        deploy_credit_line(deployer, records, stack, token=stack.models.address)
    with pytest.raises(DeploymentError, match="was made with arguments"):
        deploy_credit_line(sender_on(deployer.network, 1), records, stack)
    deploy_collateral_market(deployer, records, stack)
    other = deploy_stack(deployer, Records(deployer.network, records.folder / "other"))  # type: ignore[operator]
    with pytest.raises(DeploymentError, match="was made with arguments"):
        deploy_collateral_market(deployer, records, other)


def test_a_local_chain_that_was_started_anew(records: Records, deployer: Sender, home: Path, tmp_path: Path) -> None:
    deploy_stack(deployer, records)
    node.stop()
    (home / "node" / "state.json").unlink()
    node.start(free_port())
    network = connect("node")
    anew = Records(network, tmp_path / "deployments")
    network.advance_time(1)
    with pytest.raises(DeploymentError, match="another chain") as caught:
        open_stack(anew)
    assert "run `verdict deploy` again" in caught.value.hint
    assert "--fresh" not in caught.value.hint, "the plain command does it here, as the next line shows"
    stack = deploy_stack(sender_on(network), anew)
    assert open_stack(anew).decisions.address == stack.decisions.address
    assert files(anew) == sorted(f"{name}.json" for name in STACK), "no record of the dead chain stays"


def test_a_copy_of_a_public_chain_is_refused(
    home: Path, require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VERDICT_ANVIL", str(require_tool("anvil")))
    node.start(free_port(), chain_id=10)
    network = connect("node", expected_chain_id=10)
    records = Records(network, tmp_path)
    deploy_stack(sender_on(network), records)
    node.stop()
    (home / "node" / "state.json").unlink()
    node.start(free_port(), chain_id=10)
    network = connect("node")
    with pytest.raises(DeploymentError, match="another chain with id 10"):
        deploy_stack(sender_on(network), Records(network, tmp_path))
    with pytest.raises(DeploymentError, match="another chain with id 10") as caught:
        open_stack(Records(network, tmp_path))
    assert "--fresh" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"contract": "DemoToken"}'])
def test_a_damaged_record(records: Records, deployer: Sender, text: str) -> None:
    assert records.folder is not None
    records.folder.mkdir(parents=True)
    (records.folder / "DemoToken.json").write_text(text)
    with pytest.raises(DeploymentError, match="not a deployment record"):
        deploy_contract(deployer, records, load_artifact("DemoToken"))
    assert nonce(deployer) == 0


def test_a_folder_that_cannot_be_written(deployer: Sender, tmp_path: Path) -> None:
    """Found out before the contract is paid for."""
    (tmp_path / "31337").symlink_to("/proc/self/fdinfo")
    records = Records(deployer.network, tmp_path)
    with pytest.raises(StorageError, match="cannot write deployment records"):
        deploy_contract(deployer, records, load_artifact("DemoToken"))
    assert nonce(deployer) == 0


def test_nothing_deployed_yet(records: Records) -> None:
    with pytest.raises(DeploymentError, match="no ModelRegistry is recorded") as caught:
        open_stack(records)
    assert "verdict deploy" in caught.value.hint
    for name in ("../evil", "", "a/b", "x.json"):
        with pytest.raises(DeploymentError):
            records.get(name)


def test_a_verifiers_record_names_its_key(model: tiny.TinyModel, records: Records, deployer: Sender) -> None:
    key = model.key.verifying_key
    deploy_verifier(deployer, records, model.verifier, key.hash)
    record = records.get("TinyVerifier")
    assert record is not None
    assert (record.vk_hash, record.transcript_hash) == ("0x" + key.hash.hex(), "0x" + "00" * 32)


def test_a_verifier_of_another_key(model: tiny.TinyModel, tester: Network, tmp_path: Path) -> None:
    sender, records = sender_on(tester), Records(tester)
    with pytest.raises(KeyMismatchError):
        deploy_verifier(sender, records, model.verifier, bytes(31) + b"\1")
    assert nonce(sender) == 0
    deploy_verifier(sender, records, model.verifier, model.key.verifying_key.hash)
    other = tiny.make(tmp_path)
    with pytest.raises(DeploymentError, match="another version"):
        deploy_verifier(sender, records, other.verifier, other.key.verifying_key.hash)


def test_a_key_whose_hash_begins_with_zeros(tester: Network, tmp_path: Path, require_tool: object) -> None:
    """Code holds such a hash without them; one key in 256 is like that."""
    model = tiny.make(tmp_path, seed=b"leading zeros 399")
    key_hash = model.key.verifying_key.hash
    assert key_hash[0] == 0, "the seed must give the key this test is about"
    sender, records = sender_on(tester), Records(tester)
    verifier = deploy_verifier(sender, records, model.verifier, key_hash)
    assert bytes(verifier.read("vkHash")) == key_hash
    with pytest.raises(KeyMismatchError):
        deploy_verifier(sender, records, model.verifier, bytes(4) + key_hash[4:])


def test_a_model_is_registered_once(model: tiny.TinyModel, tester: Network) -> None:
    owner, records = sender_on(tester), Records(tester)
    stack = deploy_stack(owner, records)
    verifier = deploy_verifier(owner, records, model.verifier, model.key.verifying_key.hash)
    register: Callable[..., int] = lambda **changes: register_model(  # noqa: E731
        **{
            "sender": owner,
            "models": stack.models,
            "commitment": model.commitment,
            "verifier": verifier.address,
            "max_age": 60,
        }
        | changes
    )
    model_id = register()
    sent = nonce(owner)
    assert register() == model_id
    assert nonce(owner) == sent
    for change in ({"max_age": 61}, {"verifier": stack.models.address}):
        with pytest.raises(DeploymentError, match="for good"):
            register(**change)
    stranger = sender_on(tester, 1)
    assert register(sender=stranger) != model_id, "an id is its owner's"

    successor = register(commitment=replace(model.commitment, uri="v2"), supersedes=model_id)
    assert stack.models.read("successorOf", model_id) == successor
    owner.transact(stack.models, "deprecateModel", model_id)
    with pytest.raises(DeploymentError, match="deprecated"):
        register()


def test_an_interrupted_registration_goes_on(model: tiny.TinyModel, tester: Network) -> None:
    owner, records = sender_on(tester), Records(tester)
    stack = deploy_stack(owner, records)
    owner.transact(stack.models, "registerModel", model.commitment.as_tuple())
    with pytest.raises(TransactionReverted) as caught:
        register_model(owner, stack.models, model.commitment, stack.issuers.address, 60)
    assert caught.value.error == "VerifierCallFailed"
    verifier = deploy_verifier(owner, records, model.verifier, model.key.verifying_key.hash)
    model_id = register_model(owner, stack.models, model.commitment, verifier.address, 60)
    binding: Any = stack.models.read("bindingOf", model_id)
    assert binding[0] == verifier.address
    hashes = stack.models.read("modelHashOf", model.commitment.content_hash, layout_struct(model))
    assert bytes(hashes) == model.commitment.model_hash


def layout_struct(model: tiny.TinyModel) -> tuple[Any, ...]:
    layout = model.commitment.layout
    return (layout.schema_hash, layout.decimals, int(layout.polarity), int(layout.reveal), layout.thresholds)


def test_an_issuer_registers_once(tester: Network) -> None:
    issuer, records = sender_on(tester, 2), Records(tester)
    stack = deploy_stack(sender_on(tester), records)
    register_issuer(issuer, stack.issuers, uri="https://bank.example")
    sent = nonce(issuer)
    register_issuer(issuer, stack.issuers)
    assert nonce(issuer) == sent
    issuer.transact(stack.issuers, "retireIssuer", issuer.address)
    with pytest.raises(DeploymentError, match="retired"):
        register_issuer(issuer, stack.issuers)


def test_immutables_are_masked_and_nothing_else(tester: Network) -> None:
    """DecisionRegistry's code on chain holds two addresses and its EIP-712 cache where the artifact has zeros."""
    sender = sender_on(tester)
    artifact: Artifact = load_artifact("DecisionRegistry")
    stack = deploy_stack(sender, Records(tester))
    code = bytearray(tester.w3.eth.get_code(stack.decisions.address))
    assert bytes(code) != artifact.deployed_bytecode
    assert artifact.matches(bytes(code))
    masked = {position for start, length in artifact.immutables for position in range(start, start + length)}
    for position in range(0, len(code), 97):
        changed = code[:position] + bytes([code[position] ^ 0xFF]) + code[position + 1 :]
        assert artifact.matches(bytes(changed)) == (position in masked)


def test_a_record_is_plain_json(records: Records, deployer: Sender) -> None:
    deploy_contract(deployer, records, load_artifact("DemoToken"))
    assert records.folder is not None
    text = (records.folder / "DemoToken.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
