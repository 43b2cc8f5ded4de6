"""Signers sign, and no channel a key could leak through shows it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from prover.chain import node
from prover.chain.attest import attest
from prover.chain.eip712 import Domain, digest
from prover.chain.networks import Network, connect
from prover.chain.reverts import ErrorTable
from prover.chain.signer import (
    KEY_VARIABLE,
    PASSWORD_VARIABLE,
    LocalSigner,
    Signer,
    UnlockedSigner,
    development_signers,
    from_environment,
    from_keystore,
    signer_for,
)
from prover.chain.transactions import Sender
from prover.errors import ChainError, SignerError, TransactionReverted
from tests.chain.conftest import REVERTER, free_port, put_code

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)


@pytest.fixture
def in_environment(monkeypatch: pytest.MonkeyPatch) -> Signer:
    monkeypatch.setenv(KEY_VARIABLE, "0x" + KEY)
    return from_environment()


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(Account.encrypt("0x" + KEY, PASSWORD, kdf="pbkdf2", iterations=1000)))
    return path


def assert_silent(text: str) -> None:
    lowered = text.lower()
    assert KEY not in lowered
    assert str(int(KEY, 16)) not in text
    assert repr(bytes.fromhex(KEY)).lower()[2:-1] not in lowered
    assert PASSWORD not in text


def with_locals(error: BaseException) -> str:
    """A traceback as rich and pytest print it, local variables and causes included, without the test's own frame."""
    own_frame = error.__traceback__
    error.__traceback__ = own_frame.tb_next if own_frame else None
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format(chain=True))


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, f"  0x{KEY.upper()}\n"])
def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(KEY_VARIABLE, text)
    assert from_environment().address == ADDRESS


@pytest.mark.parametrize("text", ["", "zz" + KEY[2:], KEY[:-2], KEY + "00", "0" * 64, "f" * 64, "no key at all"])
def test_no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(SignerError, match=KEY_VARIABLE) as caught:
        from_environment()
    assert not text or text not in with_locals(caught.value)


def test_a_keystore_with_the_password_in_the_environment(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    assert from_keystore(keystore).address == ADDRESS


def test_a_keystore_that_asks_for_its_password(keystore: Path) -> None:
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return PASSWORD

    assert from_keystore(keystore, prompt).address == ADDRESS
    assert len(asked) == 1
    assert str(keystore) in asked[0]


def test_a_keystore_that_does_not_open(keystore: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SignerError, match="password"):
        from_keystore(keystore)  # no terminal under pytest
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD + "!")
    with pytest.raises(SignerError, match="does not open") as caught:
        from_keystore(keystore)
    assert_silent(with_locals(caught.value))
    with pytest.raises(SignerError, match="cannot read"):
        from_keystore(tmp_path / "nowhere.json")
    for number, text in enumerate(["", "{}", "[1]", '"crypto"', "\x00\xff", '{"crypto": 7}']):
        damaged = tmp_path / f"{number}.json"
        damaged.write_bytes(text.encode("latin-1"))
        with pytest.raises(SignerError):
            from_keystore(damaged)


def test_the_key_is_nowhere_to_be_seen(in_environment: Signer) -> None:
    assert ADDRESS in repr(in_environment)
    for shown in (repr(in_environment), str(in_environment), repr(vars(in_environment)), f"{[in_environment]}"):
        assert_silent(shown)
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SignerError, match="private key"):
            duplicate(in_environment)


def test_no_log_and_no_traceback_shows_the_key(
    in_environment: Signer, tester: Network, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rich = tester.w3.eth.accounts[0]
    poor = Sender(tester, in_environment)
    with pytest.raises(ChainError) as unpaid:
        poor.send(rich, b"", "nothing", 10**18, ErrorTable())
    assert poor.address in unpaid.value.hint
    tester.w3.eth.send_transaction({"from": rich, "to": ADDRESS, "value": 10**18})
    poor.send(rich, b"", "a payment", 1, ErrorTable())
    with pytest.raises(TransactionReverted) as reverted:
        poor.send(put_code(tester, REVERTER), b"1234", "probe", 0, ErrorTable())
    assert_silent(caplog.text)
    assert_silent(with_locals(unpaid.value))
    assert_silent(with_locals(reverted.value))
    assert caplog.text


def test_which_signer_a_command_uses(
    keystore: Path, tester: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accounts = [signer.address for signer in development_signers(tester)]
    assert accounts == list(tester.w3.eth.accounts)
    assert signer_for(tester).address == accounts[0]
    assert signer_for(tester, account=3).address == accounts[3]
    for outside in (-1, len(accounts)):
        with pytest.raises(SignerError, match="development accounts"):
            signer_for(tester, account=outside)
    monkeypatch.setenv(KEY_VARIABLE, "11" * 32)
    assert signer_for(tester).address == Account.from_key("11" * 32).address
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    assert signer_for(tester, keystore).address == ADDRESS


def test_unlocked_accounts_of_a_real_chain_are_not_used(
    home: Path, require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERDICT_ANVIL", str(require_tool("anvil")))
    process = node.start(free_port(), chain_id=10)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("VERDICT_HOME", str(home / "of-somebody-else"))
        elsewhere.setattr(node, "DEFAULT_PORT", process.port)
        for foreign in (connect(process.url), connect("node")):
            assert foreign.kind == "url"
            assert len(foreign.w3.eth.accounts) == 10
            assert development_signers(foreign) == []
            with pytest.raises(SignerError, match="nobody to sign") as caught:
                signer_for(foreign)
            assert KEY_VARIABLE in caught.value.hint


@pytest.mark.parametrize("chain_id", [1, 7])
def test_our_own_node_is_ours_whatever_its_chain_id(
    home: Path, require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, chain_id: int
) -> None:
    monkeypatch.setenv("VERDICT_ANVIL", str(require_tool("anvil")))
    process = node.start(free_port(), chain_id=chain_id)
    local = f"://localhost:{process.port}"
    for name in ("node", process.url, "http" + local, "ws" + local):
        network = connect(name, expected_chain_id=chain_id)
        assert network.kind == "node"
        assert len(development_signers(network)) == 10
    monkeypatch.setattr(node, "running", lambda: replace(process, port=process.port + 1))
    assert development_signers(connect(process.url)) == [], "the node that runs here is another one"


def test_local_and_unlocked_signers_make_the_same_signature(local_node: Network) -> None:
    """anvil's first account is derived from its well-known mnemonic; both ways of signing must agree to the byte."""
    unlocked = development_signers(local_node)[0]
    assert isinstance(unlocked, UnlockedSigner)
    key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    local = LocalSigner(Account.from_key(key))
    assert local.address == unlocked.address
    domain = Domain(local_node.chain_id, "0x" + "11" * 20)
    members = (b"\1" * 32, 2**253 + 7, "0x" + "22" * 20, b"\xff" * 32, 1, 2**64 - 1, 2**64 - 1, domain)
    mine, theirs = attest(local, *members), attest(unlocked, *members)
    assert mine == theirs
    recovered = Account._recover_hash(digest(mine.attestation, domain), signature=mine.signature)
    assert recovered == unlocked.address


def test_an_account_the_node_does_not_hold(local_node: Network) -> None:
    stranger = UnlockedSigner(local_node, ADDRESS)
    with pytest.raises(SignerError, match=ADDRESS):
        attest(stranger, bytes(32), 1, ADDRESS, bytes(32), 1, 2, 0, Domain(1, ADDRESS))
    with pytest.raises(ChainError):
        Sender(local_node, stranger).send(None, b"\x00", "creation", 0, ErrorTable())


def test_a_transaction_for_another_chain_is_not_accepted(tester: Network) -> None:
    """The chain id is inside what is signed."""
    signer = development_signers(tester)[0]
    elsewhere = Network(tester.w3, 1, "tester", "prague", "elsewhere")
    with pytest.raises(ChainError, match="chain 1"):
        Sender(elsewhere, signer).send(signer.address, b"", "a payment", 1, ErrorTable())
