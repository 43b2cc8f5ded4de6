"""Layouts of public signals."""

from __future__ import annotations

import json

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import MalformedProofError, QuantizationError, SchemaError
from prover.schema import Layout, Polarity, Reveal, Slot, abi_encode
from prover.schema import layout as layout_module

HASH = bytes(range(32))
INT64 = st.integers(-(2**63), 2**63 - 1)


def test_slots_in_order() -> None:
    layout = Layout(HASH, (4, 4, 4, 4))
    assert layout.signal_names == ("inputCommitment", "outputs[0]", "outputs[1]", "context")
    assert (layout.n_public, layout.n_computed, layout.n_output_signals) == (4, 3, 2)
    assert layout.slot([10, 11, 12, 13], "outputs") == (11, 12)
    assert layout.slot([10, 11, 12, 13], "context") == (13,)
    with pytest.raises(MalformedProofError, match="3 public signals, the layout has 4"):
        layout.slot([1, 2, 3], "context")
    with pytest.raises(SchemaError, match="no slot 'weights'"):
        layout.slot([1, 2, 3, 4], "weights")


def test_a_later_kind_is_one_more_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = (
        Slot("weightsCommitment", True),
        Slot("stateOut", True),
        Slot("outputs", True, True),
        Slot("stateIn", False),
    )
    monkeypatch.setitem(layout_module.KINDS, "test/v9", slots)
    layout = Layout(HASH, (0,), kind="test/v9")
    assert layout.signal_names == ("weightsCommitment", "stateOut", "outputs[0]", "stateIn")
    assert layout.n_computed == 3
    assert layout.hash != Layout(HASH, (0,)).hash


def test_hash_is_solidity_abi() -> None:
    layout = Layout(HASH, (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (-5, 700_000))
    types = ["bytes32", "bytes32", "uint8[]", "uint8", "uint8", "int256[]"]
    expected = keccak(encode(types, [keccak(b"verdict/v1"), HASH, [0], 1, 2, [-5, 700_000]]))
    assert layout.hash == expected


@given(st.lists(st.integers(0, 255), max_size=4), st.lists(INT64, max_size=4), st.integers(0, 2**256 - 1))
def test_abi_encode_matches_eth_abi(small: list[int], signed: list[int], single: int) -> None:
    theirs = encode(["uint8[]", "bytes32", "int256[]", "uint256"], [small, HASH, signed, single])
    assert abi_encode(small, HASH, signed, single) == theirs


def test_hash_depends_on_every_field() -> None:
    base = Layout(HASH, (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (1, 2))
    others = [
        Layout(HASH[::-1], (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (1, 2)),
        Layout(HASH, (0,), Polarity.LOWER_IS_BETTER, Reveal.TIER, (1, 2)),
        Layout(HASH, (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (1, 3)),
        Layout(HASH, (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (1,)),
        Layout(HASH, (0,), Polarity.HIGHER_IS_BETTER, Reveal.LABEL),
        Layout(HASH, (1,), Polarity.HIGHER_IS_BETTER, Reveal.SCORE),
        Layout(HASH, (1, 1), Polarity.HIGHER_IS_BETTER, Reveal.SCORE),
    ]
    assert len({layout.hash for layout in [base, *others]}) == len(others) + 1


def test_packing_by_hand() -> None:
    layout = Layout(HASH, (0,) * 4)
    packed = layout.pack_outputs([0, -1, 2**63 - 1, -(2**63)])
    assert packed == [2**63 | (2**63 - 1) << 64 | (2**64 - 1) << 128, 0]


@given(st.lists(INT64, min_size=1, max_size=10))
def test_outputs_round_trip(values: list[int]) -> None:
    layout = Layout(HASH, (2,) * len(values))
    signals = layout.pack_outputs(values)
    assert all(0 <= signal < 2**192 for signal in signals)
    assert layout.unpack_outputs(signals) == values


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64])
def test_outputs_that_do_not_fit(value: int) -> None:
    with pytest.raises(QuantizationError, match="output 1 is"):
        Layout(HASH, (0, 0)).pack_outputs([0, value])
    with pytest.raises(QuantizationError, match="1 output values, the layout has 2"):
        Layout(HASH, (0, 0)).pack_outputs([0])


@pytest.mark.parametrize("signals", [[1 << 128], [1 << 192], [-1], [0, 0], []])
def test_non_canonical_output_signals(signals: list[int]) -> None:
    with pytest.raises(MalformedProofError):
        Layout(HASH, (0, 0)).unpack_outputs(signals)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "verdict/v0"}, "unknown layout 'verdict/v0'"),
        ({"schema_hash": b"short"}, "32 bytes"),
        ({"decimals": ()}, "1 to 1024 outputs, not 0"),
        ({"decimals": (0,) * 1025}, "1 to 1024 outputs, not 1025"),
        ({"decimals": (-1,)}, "from 0 to 18, not -1"),
        ({"decimals": (19,)}, "from 0 to 18, not 19"),
        ({"decimals": (True,)}, "from 0 to 18, not True"),
        ({"polarity": 3}, "3 is not a valid Polarity"),
        ({"reveal": 9}, "9 is not a valid Reveal"),
        ({"thresholds": (1,)}, "only a tier layout has thresholds"),
        ({"reveal": Reveal.TIER}, "1 to 255 thresholds"),
        ({"reveal": Reveal.TIER, "thresholds": (1,), "decimals": (2,)}, "0 decimals"),
        ({"reveal": Reveal.TIER, "thresholds": (2, 2)}, "do not ascend"),
        ({"reveal": Reveal.TIER, "thresholds": (2, 1)}, "do not ascend"),
        ({"reveal": Reveal.TIER, "thresholds": (2**63,)}, "not a 64-bit integer"),
        ({"reveal": Reveal.TIER, "thresholds": (0.5,)}, "not a 64-bit integer"),
    ],
)
def test_impossible_layouts(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Layout(**{"schema_hash": HASH, "decimals": (0,), **fields})


def test_json_round_trip_and_refusals() -> None:
    layout = Layout(HASH, (0,), Polarity.LOWER_IS_BETTER, Reveal.TIER, (-1, 5))
    document = json.loads(json.dumps(layout.to_dict()))
    assert Layout.from_dict(document) == layout
    for change in (
        {"reveal": "all"},
        {"polarity": 1},
        {"schemaHash": "0xzz"},
        {"decimals": 3},
        {"thresholds": {}},
        {"thresholds": ["1"]},
        {"extra": 1},
    ):
        with pytest.raises(SchemaError):
            Layout.from_dict({**document, **change})
    del document["kind"]
    with pytest.raises(SchemaError, match="expected the keys"):
        Layout.from_dict(document)
