"""The tester's native precompiles against py-evm's own: same answers, same refusals, same gas."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from eth.vm.forks.prague.computation import PragueComputation
from hexbytes import HexBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as bn
from web3.exceptions import ContractLogicError

from prover.chain import tester as tester_module
from prover.chain.networks import Network, connect
from prover.chain.tester import Bn254, native_bn254
from prover.errors import BackendError
from prover.field import Q, R
from tests.chain.conftest import REVERTER, put_code

ADD, MUL, PAIRING = (f"0x{number:040x}" for number in (6, 7, 8))
Outcome = tuple[int, int, bytes]


@pytest.fixture(scope="module")
def both(require_tool: Callable[[str], Path]) -> tuple[Network, Network]:
    """A tester on the native core and one on py-evm's own precompiles."""
    require_tool("native")
    return connect("tester", precompiles="native"), connect("tester", precompiles="py-evm")


def outcome(network: Network, precompile: str, data: bytes, gas: int) -> Outcome:
    """Status and gas of a transaction to a precompile, and what a call returns."""
    sender = network.w3.eth.accounts[0]
    intent = {"from": sender, "to": precompile, "data": HexBytes(data), "gas": gas}
    receipt = network.w3.eth.wait_for_transaction_receipt(network.w3.eth.send_transaction(intent))
    try:
        answer = bytes(network.w3.eth.call(intent))
    except ContractLogicError:
        answer = b"refused"
    return receipt["status"], receipt["gasUsed"], answer


def assert_same(both: tuple[Network, Network], precompile: str, data: bytes, gas: int = 1_000_000) -> Outcome:
    native, own = (outcome(network, precompile, data, gas) for network in both)
    assert native == own, data.hex()
    return native


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def g1(scalar: int) -> bytes:
    x, y = bn.normalize(bn.multiply(bn.G1, scalar % R)) if scalar % R else (bn.FQ(0), bn.FQ(0))
    return words(x.n, y.n)


def g2(scalar: int) -> bytes:
    return encode_g2(bn.normalize(bn.multiply(bn.G2, scalar)))


def encode_g2(point: tuple[bn.FQ2, bn.FQ2]) -> bytes:
    (x, y) = point
    return words(int(x.coeffs[1]), int(x.coeffs[0]), int(y.coeffs[1]), int(y.coeffs[0]))


def outside_the_subgroup() -> tuple[bn.FQ2, bn.FQ2]:
    """A point of the twist whose order is not r: the twist's cofactor is large, so the first root found is one."""
    for start in range(1, 50):
        x = bn.FQ2([start, 1])
        square = x * x * x + bn.b2
        candidate = square ** ((Q - 3) // 4)
        alpha, root = candidate * candidate * square, candidate * square
        root = root * bn.FQ2([0, 1]) if alpha == -bn.FQ2.one() else root * (bn.FQ2.one() + alpha) ** ((Q - 1) // 2)
        if root * root == square:
            return x, root
    raise AssertionError("no point found")


EDGE_ADDITIONS = {
    "empty": b"",
    "two infinities": bytes(128),
    "one point, short": g1(5),
    "doubling": g1(5) * 2,
    "inverse": g1(5) + g1(-5),
    "longer than 128": g1(5) + g1(6) + b"\xff" * 77,
    "cut inside a word": (g1(5) + g1(6))[:101],
    "off the curve": g1(5) + words(1, 3),
    "coordinate q": g1(5) + words(Q, 0),
    "coordinate x + q": words(1 + Q, 2),
    "largest words": b"\xff" * 128,
}
EDGE_PRODUCTS = {
    "empty": b"",
    "zero scalar": g1(5) + words(0),
    "order": g1(5) + words(R),
    "beyond the order": g1(5) + words(R + 7),
    "largest scalar": g1(5) + b"\xff" * 32,
    "infinity": words(0, 0, 9),
    "short scalar": g1(5) + b"\x01",
    "longer than 96": g1(5) + words(3) + b"\xff" * 50,
    "off the curve": words(2, 2, 2),
    "coordinate y + q": words(1, 2 + Q, 1),
}
EDGE_PAIRINGS = {
    "empty": b"",
    "true": g1(6) + g2(5) + g1(-30) + g2(1),
    "false": g1(6) + g2(5) + g1(-30) + g2(2),
    "infinities": bytes(192),
    "infinite G2": g1(3) + bytes(128),
    "infinite G1": bytes(64) + g2(3),
    "one byte short": (g1(6) + g2(5))[:-1],
    "one byte long": g1(6) + g2(5) + b"\0",
    "G1 off the curve": words(1, 3) + g2(5),
    "G2 off the curve": g1(1) + words(1, 2, 3, 4),
    "G2 outside the subgroup": g1(1) + encode_g2(outside_the_subgroup()),
    "G2 coordinate q": g1(1) + words(Q, 0, 0, 0),
    "G2 real parts first": g1(1) + b"".join(g2(5)[32 * i : 32 * i + 32] for i in (1, 0, 3, 2)),
}


@pytest.mark.parametrize("data", EDGE_ADDITIONS.values(), ids=EDGE_ADDITIONS)
def test_additions_agree_at_the_edges(both: tuple[Network, Network], data: bytes) -> None:
    assert_same(both, ADD, data)


@pytest.mark.parametrize("data", EDGE_PRODUCTS.values(), ids=EDGE_PRODUCTS)
def test_products_agree_at_the_edges(both: tuple[Network, Network], data: bytes) -> None:
    assert_same(both, MUL, data)


@pytest.mark.parametrize("name", EDGE_PAIRINGS)
def test_pairings_agree_at_the_edges(both: tuple[Network, Network], name: str) -> None:
    status, _, answer = assert_same(both, PAIRING, EDGE_PAIRINGS[name])
    accepted = name in ("empty", "true", "false", "infinities", "infinite G2", "infinite G1")
    assert status == accepted
    if accepted:
        assert answer == words(name != "false")


@pytest.mark.parametrize(("precompile", "cost"), [(ADD, 150), (MUL, 6_000), (PAIRING, 45_000)])
def test_gas_that_does_not_suffice_is_refused_at_the_same_unit(
    both: tuple[Network, Network], precompile: str, cost: int
) -> None:
    assert assert_same(both, precompile, b"", 21_000 + cost)[:2] == (1, 21_000 + cost)
    assert assert_same(both, precompile, b"", 21_000 + cost - 1)[0] == 0


@settings(max_examples=30)
@given(first=st.integers(0, R - 1), second=st.integers(0, R - 1), flip=st.integers(-1, 1023))
def test_random_additions_agree(both: tuple[Network, Network], first: int, second: int, flip: int) -> None:
    data = bytearray(g1(first) + g1(second))
    if flip >= 0:
        data[flip // 8] ^= 1 << flip % 8
    assert_same(both, ADD, bytes(data))


@settings(max_examples=20)
@given(scalar=st.integers(0, R - 1), factor=st.integers(0, 2**256 - 1))
def test_random_products_agree(both: tuple[Network, Network], scalar: int, factor: int) -> None:
    assert_same(both, MUL, g1(scalar) + words(factor))


@pytest.mark.parametrize("seed", range(2))
def test_random_pairings_agree(both: tuple[Network, Network], seed: int) -> None:
    """e(aP, bQ) · e(cP, dQ) = 1 just when ab + cd = 0 mod r."""
    rng = random.Random(seed)
    a, b, d = (rng.randrange(1, R) for _ in range(3))
    c = -a * b * pow(d, -1, R) % R
    _, gas, answer = assert_same(both, PAIRING, g1(a) + g2(b) + g1(c) + g2(d))
    assert answer == words(1)
    assert gas >= 45_000 + 2 * 34_000
    assert assert_same(both, PAIRING, g1(a) + g2(b) + g1(c + 1) + g2(d))[2] == words(0)


def test_the_swap_is_really_used_and_leaks_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []

    def spy(data: bytes) -> bytes:
        calls.append(data)
        return b"\x2a" * 64

    own = dict(PragueComputation.get_precompiles())
    monkeypatch.setattr(tester_module, "native_bn254", lambda: Bn254(spy, spy, spy))
    swapped = connect("tester")
    assert swapped.w3.provider.backend.precompiles == "native"
    assert bytes(swapped.w3.eth.call({"to": ADD, "data": HexBytes(g1(2))})) == b"\x2a" * 64
    assert calls == [g1(2) + bytes(64)]
    assert PragueComputation.get_precompiles() == own
    untouched = connect("tester", precompiles="py-evm")
    assert bytes(untouched.w3.eth.call({"to": ADD, "data": HexBytes(g1(2))})) == g1(2)


def test_without_the_native_core_the_tester_runs_py_evms_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tester_module, "native_bn254", lambda: None)
    network = connect("tester")
    assert network.w3.provider.backend.precompiles == "py-evm"
    assert bytes(network.w3.eth.call({"to": ADD, "data": HexBytes(g1(2) + g1(3))})) == g1(5)
    with pytest.raises(BackendError, match="not built"):
        connect("tester", precompiles="native")


def test_the_native_core_is_found_where_it_is_built(require_tool: Callable[[str], Path]) -> None:
    require_tool("native")
    curve = native_bn254()
    assert curve is not None
    assert curve.ecadd(g1(2) + g1(3)) == g1(5)


def test_revert_data_arrives_whole(tester: Network) -> None:
    """Also data that happens to decode as a string, which eth-tester would have turned into its text."""
    reverter = put_code(tester, REVERTER)
    for data in (b"\xde\xad\xbe\xef", b"\xde\xad\xbe\xef" + words(0x20, 3) + b"abc" + bytes(29), b"\xff" * 99):
        for request in (tester.w3.eth.call, tester.w3.eth.estimate_gas):
            with pytest.raises(ContractLogicError) as caught:
                request({"to": reverter, "data": HexBytes(data)})
            assert caught.value.data == "0x" + data.hex()


def test_the_gas_estimate_is_enough_and_not_much_more(tester: Network) -> None:
    """Storing a word costs 21,000 + 22,100 + a few; freeing it needs more at hand than it ends up costing."""
    store = put_code(tester, bytes.fromhex("5f355f5500"))  # sstore(0, calldataload(0))
    account = tester.w3.eth.accounts[0]
    for value, cheapest in ((7, 43_000), (0, 26_000)):
        intent = {"from": account, "to": store, "data": HexBytes(words(value))}
        gas = tester.w3.eth.estimate_gas(intent)
        assert cheapest < gas < cheapest * 1.25
        receipt = tester.w3.eth.wait_for_transaction_receipt(tester.w3.eth.send_transaction({**intent, "gas": gas}))
        assert receipt["status"] == 1
