"""``verifyProofs``: one pairing for many proofs, on chain and off, answers what the single entry answers to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from eth_abi.abi import encode
from py_ecc.optimized_bn128.optimized_curve import add, multiply
from web3.types import RPCEndpoint

from prover.chain.networks import Network, connect
from prover.chain.solc import compile_sources
from prover.errors import MalformedProofError
from prover.field import Q, R
from prover.groth16 import Proof, encode_batch_calldata, get_backend, prove, verify, verify_batch, verify_batch_calldata
from prover.groth16.batch import MULTIPLIER_BITS, batch_selector, multipliers
from prover.groth16.curve import generator_g1, load_g1, load_g2, store_g1, store_g2
from tests.groth16.calls import CallMaker
from tests.groth16.circuits import random_example
from tests.groth16.conftest import Case, Workshop
from tests.groth16.contract import NAME, compiled, returned, reverted, source

PRECOMPILE, MALFORMED = "PrecompileFailed()", "MalformedCalldata()"
Item = tuple[Proof, list[int]]


@dataclass(frozen=True)
class Bench:
    """A deployed verifier, and five proofs of five statements under its key."""

    case: Case
    network: Network
    address: str
    items: list[Item]
    maker: CallMaker

    def ask(self, items: Sequence[Item]) -> str:
        """The contract's answer, after making sure that the twin gives the same."""
        proofs, signals = [proof for proof, _ in items], [row for _, row in items]
        answer = self.send(encode_batch_calldata(signals, proofs))
        try:
            twin = verify_batch(self.case.verifying_key, signals, proofs, chain_id=self.network.chain_id)
        except MalformedProofError:
            assert answer not in ("true", "false")
        else:
            assert answer == str(twin).lower()
        return answer

    def send(self, calldata: bytes, gas: int = 5_000_000, address: str | None = None) -> str:
        call = {"from": self.network.w3.eth.accounts[0], "to": address or self.address, "data": "0x" + calldata.hex()}
        answer = cast(
            dict[str, object],
            self.network.w3.provider.make_request(RPCEndpoint("eth_call"), [{**call, "gas": gas}, "latest"]),
        )
        if "result" in answer:
            return returned(bytes.fromhex(str(answer["result"])[2:]))
        return reverted(bytes.fromhex(str(cast(dict[str, object], answer["error"]).get("data") or "0x")[2:]))


def deploy(network: Network, bytecode: bytes) -> str:
    sent = network.w3.eth.send_transaction({"from": network.w3.eth.accounts[0], "data": bytecode})
    return str(network.w3.eth.wait_for_transaction_receipt(sent)["contractAddress"])


@pytest.fixture(scope="module")
def bench(workshop: Workshop, require_tool: Callable[[str], Path]) -> Bench:
    require_tool("node")
    require_tool("native")
    case = workshop.case("toy", get_backend("native"))
    items = [(case.proof, case.example.signals)]
    for context in (424242, 1, 2, 3):
        example = random_example(12, context=context)
        items.append((prove(case.key, case.example.r1cs, example.witness, backend=case.backend), example.signals))
    network = connect("tester")
    address = deploy(network, compiled(case.verifying_key).bytecode)
    maker = CallMaker(case.verifying_key, case.proof, case.example.signals, items[1][0], seed=5)
    return Bench(case, network, address, items, maker)


def moved(proof: Proof, offset: int, *, a: bool = False) -> Proof:
    """The proof with ``offset`` times the generator added to C, or to A."""
    point = store_g1(add(load_g1(proof.a if a else proof.c), generator_g1().times(offset % R)))
    return Proof.from_points(point if a else proof.a, proof.b, proof.c if a else point)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_valid_batches(bench: Bench, count: int) -> None:
    assert bench.ask(bench.items[:count]) == "true"
    assert bench.ask(bench.items[::-1][:count]) == "true"


@pytest.mark.parametrize("at", range(5))
def test_one_false_item_anywhere_makes_the_batch_false(bench: Bench, at: int) -> None:
    proof, signals = bench.items[at]
    other = bench.items[(at + 1) % 5]
    for item in (
        (proof, [*signals[:-1], (signals[-1] + 1) % R]),
        (proof, [(signals[0] + 1) % R, *signals[1:]]),
        (other[0], signals),
        (moved(proof, 1), signals),
        (moved(proof, 1, a=True), signals),
        (Proof(bytes(256)), signals),
    ):
        items = [*bench.items[:at], item, *bench.items[at + 1 :]]
        assert bench.ask(items) == "false"


def test_proofs_in_each_others_place_are_false(bench: Bench) -> None:
    (first, one), (second, two), *rest = bench.items
    assert bench.ask([(second, one), (first, two), *rest]) == "false"


@pytest.mark.parametrize("kind", ["C", "signals"])
def test_errors_that_would_cancel_do_not(bench: Bench, kind: str) -> None:
    """Two false items whose errors add up to nothing: a plain sum accepts them, the hashed combination does not."""
    (first, one), (second, two), *rest = bench.items
    pair: list[Item]
    if kind == "C":
        pair = [(moved(first, 77), one), (moved(second, -77), two)]
    else:
        pair = [(first, [*one[:-1], (one[-1] + 77) % R]), (second, [*two[:-1], (two[-1] - 77) % R])]
    key, backend = bench.case.verifying_key, bench.case.backend
    sums = [2, *((x + y) % R for x, y in zip(pair[0][1], pair[1][1], strict=True))]
    assert backend.verify_combination(key, sums, [1, 1], [proof for proof, _ in pair])
    assert not any(verify(key, signals, proof) for proof, signals in pair)
    assert bench.ask(pair) == "false"
    assert bench.ask([*rest, *pair]) == "false"
    assert bench.ask([pair[0], *rest, pair[1]]) == "false"


def test_repeated_items(bench: Bench) -> None:
    proof, signals = bench.items[0]
    assert bench.ask([(proof, signals)] * 4) == "true"
    assert bench.ask([(moved(proof, 1), signals)] * 2) == "false"
    assert bench.ask([(moved(proof, 1), signals)] * 2 + [(moved(proof, -2), signals)]) == "false"


def test_a_re_randomised_proof_is_as_good(bench: Bench) -> None:
    proof, signals = bench.items[0]
    a, b = multiply(load_g1(proof.a), 12345), multiply(load_g2(proof.b), pow(12345, -1, R))
    assert bench.ask([(Proof.from_points(store_g1(a), store_g2(b), proof.c), signals), *bench.items[1:]]) == "true"


@pytest.mark.parametrize("well_formed", [True, False])
def test_every_kind_of_call_answers_as_alone(bench: Bench, well_formed: bool) -> None:
    """Each call of the single entry, as the second item of three; word and signal numbers count through."""
    n = bench.case.verifying_key.n_public
    for kind, make in (bench.maker.well_formed if well_formed else bench.maker.malformed).items():
        if kind in ("calldata too short", "trailing bytes"):
            continue
        call = make()
        signals = [int.from_bytes(call.calldata[at : at + 32], "big") for at in range(260, len(call.calldata), 32)]
        expected = call.answer
        for name, per_item in (("CoordinateNotCanonical", 8), ("SignalNotCanonical", n)):
            if expected.startswith(name):
                expected = f"{name}({int(expected[len(name) + 1 : -1]) + per_item})"
        items = [bench.items[1], (Proof(call.calldata[4:260]), signals), bench.items[2]]
        assert bench.ask(items) == expected, kind


def test_only_the_canonical_encoding_counts(bench: Bench) -> None:
    n = bench.case.verifying_key.n_public
    proofs, signals = [proof for proof, _ in bench.items[:2]], [row for _, row in bench.items[:2]]
    good = encode_batch_calldata(signals, proofs)
    by_abi = encode(["uint256[8][]", f"uint256[{n}][]"], [[proof.words for proof in proofs], signals])
    assert good == batch_selector(n) + by_abi

    def word(value: int) -> bytes:
        return value.to_bytes(32, "big")

    proof_part, signal_part = good[68 : 100 + 512], good[100 + 512 :]
    for calldata, answer in (
        (batch_selector(n) + word(64) + word(96) + word(0) + word(0), MALFORMED),
        (batch_selector(n) + word(64) + word(64) + word(0), MALFORMED),
        (good + b"\0", MALFORMED),
        (good + bytes(32), MALFORMED),
        (good[:-1], ""),
        (good[:-32], ""),
        (good[:4], ""),
        (good[:68], ""),
        # The arrays in the other order, with a gap, one proof too few, one too many, and a count that wraps.
        (batch_selector(n) + word(64 + len(signal_part)) + word(64) + signal_part + proof_part, MALFORMED),
        (batch_selector(n) + word(96) + word(128 + 512) + bytes(32) + proof_part + signal_part, MALFORMED),
        (good[:68] + word(1) + good[100:], MALFORMED),
        (good[: 100 + 512] + word(1) + signals[0][0].to_bytes(32, "big") * n, MALFORMED),
        (good[:68] + word(3) + good[100:], ""),
        (good[:68] + word(2**255 + 2) + good[100:], ""),
        (good[: 100 + 512] + word(2**251) + good[132 + 512 :], ""),
    ):
        assert bench.send(calldata) == answer
        with pytest.raises(MalformedProofError):
            verify_batch_calldata(bench.case.verifying_key, calldata, chain_id=1)
    assert bench.send(good) == "true"
    assert verify_batch_calldata(bench.case.verifying_key, good, chain_id=bench.network.chain_id)


def test_the_twin_refuses_what_is_no_batch(bench: Bench) -> None:
    key = bench.case.verifying_key
    proof, signals = bench.items[0]
    for rows, proofs in (([], []), ([signals], [proof, proof]), ([signals[:-1]], [proof]), ([[*signals, 0]], [proof])):
        with pytest.raises(MalformedProofError):
            verify_batch(key, rows, proofs, chain_id=1)
    with pytest.raises(MalformedProofError):
        encode_batch_calldata([], [])
    with pytest.raises(MalformedProofError, match="not in"):
        verify_batch(key, [[-1, *signals[1:]]], [proof], chain_id=1)


def test_the_reference_agrees(bench: Bench) -> None:
    key, reference = bench.case.verifying_key, get_backend("reference")
    proofs, signals = [proof for proof, _ in bench.items[:2]], [row for _, row in bench.items[:2]]
    assert verify_batch(key, signals, proofs, chain_id=1, backend=reference)
    assert not verify_batch(key, signals, proofs[::-1], chain_id=1, backend="reference")
    off = bench.maker.malformed["B outside its subgroup"]()
    for backend in ("native", "reference"):
        with pytest.raises(MalformedProofError):
            verify_batch(key, signals, [proofs[0], Proof(off.calldata[4:260])], chain_id=1, backend=backend)


def test_multipliers_hang_on_everything_that_was_said(bench: Bench, workshop: Workshop) -> None:
    """Another chain, key, order, count, or one bit of a proof or signal: other multipliers for every item."""
    key = bench.case.verifying_key
    other_key = workshop.case("random", get_backend("native")).verifying_key
    proofs, signals = [proof for proof, _ in bench.items], [row for _, row in bench.items]
    bent = Proof(proofs[4].data[:-1] + bytes([proofs[4].data[-1] ^ 1]))
    drawn = [
        multipliers(key, signals, proofs, 1),
        multipliers(key, signals, proofs, 2),
        multipliers(other_key, signals, proofs, 1),
        multipliers(key, signals, proofs[::-1], 1),
        multipliers(key, signals[:4], proofs[:4], 1),
        multipliers(key, signals, [*proofs[:4], bent], 1),
        multipliers(key, [*signals[:4], [*signals[4][:-1], signals[4][-1] ^ 1]], proofs, 1),
        multipliers(key, [signals[0]] * 5, [proofs[0]] * 5, 1),
    ]
    every = [factor for row in drawn for factor in row]
    assert len(set(every)) == len(every) == 39
    assert all(factor >> MULTIPLIER_BITS == 1 for factor in every)


def test_a_call_with_too_little_gas_reverts_and_never_says_false(bench: Bench) -> None:
    calldata = encode_batch_calldata([row for _, row in bench.items], [proof for proof, _ in bench.items])
    seen = {bench.send(calldata, gas=gas) for gas in range(60_000, 560_000, 7_000)}
    assert seen in ({"true", PRECOMPILE}, {"true", PRECOMPILE, ""})


def test_bad_points_burn_bounded_gas(bench: Bench) -> None:
    """The first point off its curve ends the call; one outside its subgroup burns twice the pairing's price."""
    proof, signals = bench.items[0]
    off_curve = Proof(proof.data[:63] + bytes([proof.data[63] ^ 1]) + proof.data[64:])
    off_group = Proof(bench.maker.malformed["B outside its subgroup"]().calldata[4:260])
    for bad, limit in ((off_curve, 200_000), (off_group, 2 * (45_000 + 12 * 34_000) + 9 * 13_000 + 60_000)):
        calldata = encode_batch_calldata([signals] * 9, [bad] * 9)
        assert bench.send(calldata, gas=limit) == PRECOMPILE
        transaction = {
            "from": bench.network.w3.eth.accounts[0],
            "to": bench.address,
            "data": calldata,
            "gas": 5_000_000,
        }
        sent = bench.network.w3.eth.send_transaction(transaction)  # type: ignore[arg-type]
        receipt = bench.network.w3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 0
        assert receipt["gasUsed"] < 21_000 + 16 * len(calldata) + limit


@pytest.mark.parametrize("via_ir", [False, True])
@pytest.mark.parametrize("runs", [1, 10_000])
def test_the_answer_does_not_depend_on_memory_or_compiler_settings(bench: Bench, via_ir: bool, runs: int) -> None:
    marker = "// 1. The batch"
    dirt = (
        "mstore(0x00, not(0)) mstore(0x20, not(0)) "
        "for { let d := mload(0x40) } lt(d, 0x2000) { d := add(d, 0x20) } { mstore(d, not(0)) }\n            "
    )
    text = source(bench.case.verifying_key)
    assert text.count(marker) == 1
    artifact = compile_sources({"t.sol": text.replace(marker, dirt + marker)}, via_ir=via_ir, optimizer_runs=runs)[NAME]
    address = deploy(bench.network, artifact.bytecode)
    proofs, signals = [proof for proof, _ in bench.items], [row for _, row in bench.items]
    assert bench.send(encode_batch_calldata(signals, proofs), address=address) == "true"
    assert bench.send(encode_batch_calldata(signals, proofs[::-1]), address=address) == "false"


@pytest.mark.parametrize("call", ["ECMUL_GAS, 0x07", "ECADD_GAS, 0x06", "price, 0x08"])
def test_a_chain_without_a_precompile_gets_no_answer(bench: Bench, call: str) -> None:
    text = source(bench.case.verifying_key)
    assert call in text
    elsewhere = compile_sources({"t.sol": text.replace(call, call.replace("0x0", "0xdead0"))})[NAME]
    address = deploy(bench.network, elsewhere.bytecode)
    proof, signals = bench.items[0]
    assert bench.send(encode_batch_calldata([signals], [proof]), address=address) == PRECOMPILE


def test_py_evms_own_precompiles_agree(bench: Bench) -> None:
    network = connect("tester", precompiles="py-evm")
    judge = Bench(
        bench.case, network, deploy(network, compiled(bench.case.verifying_key).bytecode), bench.items, bench.maker
    )
    assert judge.ask(bench.items[:2]) == "true"
    assert judge.ask([bench.items[0], (moved(bench.items[1][0], 1), bench.items[1][1])]) == "false"


def test_coordinates_and_signals_at_the_border(bench: Bench) -> None:
    proof, signals = bench.items[0]
    words = proof.words
    high = Proof(b"".join(word.to_bytes(32, "big") for word in [Q, *words[1:]]))
    assert bench.ask([bench.items[1], (high, signals)]) == "CoordinateNotCanonical(8)"
    assert bench.ask([(proof, [R, *signals[1:]]), bench.items[1]]) == "SignalNotCanonical(0)"
    assert bench.ask([bench.items[1], (proof, [*signals[:-1], R - 1])]) == "false"
