"""Shares of one deed: all of them are the deed, a majority buys it at its appraised value, and nobody loses a claim."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.asset_lab import DEED, DOLLAR, SUPPLY, Estate
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, UNIT, Lab, reverts

ZERO = "0x" + "00" * 20
EMPTY, LOCKED, SETTLED, REDEEMED = range(4)


@pytest.fixture(scope="session")
def price_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("price")


@pytest.fixture
def estate(lab: Lab, price_key: Path) -> Estate:
    return Estate.build(lab, price_key)


@pytest.fixture
def divided(estate: Estate) -> Estate:
    """The deed locked and appraised at 400,000; alice has 60 %, bob 30 %, mallory 10 %."""
    estate.appraised(400)
    estate.open()
    estate.give(estate.lab.bob, SUPPLY * 3 // 10)
    estate.give(estate.lab.mallory, SUPPLY // 10)
    return estate


def read(estate: Estate, view: str, *args: object) -> Any:
    return estate.lab.read("AssetShares", view, *args)


def owner(estate: Estate) -> str:
    return str(estate.lab.read("DemoDeed", "ownerOf", DEED))


def dollars(estate: Estate, who: str) -> int:
    return int(estate.lab.read("DemoToken", "balanceOf", who))


def settle(estate: Estate) -> int:
    """Alice buys the others out."""
    lab = estate.lab
    estate.fund(lab.alice, 160_000 * UNIT)
    lab.send("AssetShares", "buyOut", 160_000 * UNIT, lab.alice.address, by=lab.alice)
    return 160_000 * UNIT


# Opening.


def test_locking_a_deed_makes_its_shares(estate: Estate) -> None:
    lab = estate.lab
    assert read(estate, "state") == EMPTY
    assert (read(estate, "totalSupply"), read(estate, "feed")) == (0, ZERO)
    receipt = estate.open()
    assert read(estate, "state") == LOCKED
    assert read(estate, "totalSupply") == read(estate, "balanceOf", lab.alice.address) == SUPPLY
    assert owner(estate) == lab.address("AssetShares")
    assert read(estate, "feed") == lab.address("AppraisalFeed")
    assert (read(estate, "collection"), read(estate, "tokenId")) == (lab.address("DemoDeed"), DEED)
    assert read(estate, "quoteToken") == lab.address("DemoToken")
    assert (read(estate, "name"), read(estate, "symbol"), read(estate, "decimals")) == ("Deed 7 shares", "DEED7", 18)
    assert lab.events(receipt, "AssetShares", "Opened") == [
        {"from": lab.alice.address, "feed": lab.address("AppraisalFeed")}
    ]
    with reverts("WrongState", EMPTY, LOCKED):
        lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=lab.alice)


def test_only_with_the_deed(estate: Estate) -> None:
    lab = estate.lab
    with reverts("ERC721InsufficientApproval"):
        lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=lab.alice)
    lab.send("DemoDeed", "approve", lab.address("AssetShares"), DEED, by=lab.alice)
    with reverts("ERC721IncorrectOwner"):  # an approval lets nobody else open in alice's place
        lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=lab.mallory)


def test_only_with_a_feed_for_these_shares(estate: Estate) -> None:
    lab = estate.lab
    with reverts("InvalidAddress", lab.mallory.address):
        lab.send("AssetShares", "open", lab.mallory.address, by=lab.alice)
    feed, first = lab.address("AppraisalFeed"), lab.address("AssetShares")
    other = lab.deploy("AssetShares", lab.address("DemoDeed"), DEED, lab.address("DemoToken"), "x", "x").address
    with reverts("FeedMismatch", other, first):
        lab.send("AssetShares", "open", feed, by=lab.alice)


def test_a_collection_that_keeps_the_deed(estate: Estate) -> None:
    lab = estate.lab
    stuck = lab.deploy_as("StuckDeed", helper_contracts()["StuckDeed"])
    lab.send("StuckDeed", "mint", lab.alice.address, DEED)
    lab.deploy("AssetShares", stuck.address, DEED, lab.address("DemoToken"), "x", "x")
    estate.deploy_feed()
    with reverts("AssetNotReceived", lab.alice.address):
        lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=lab.alice)


def test_addresses_without_code(estate: Estate) -> None:
    lab = estate.lab
    for collection, quote in ((lab.mallory.address, lab.address("DemoToken")), (lab.address("DemoDeed"), ZERO)):
        with reverts("InvalidAddress", collection if quote != ZERO else ZERO):
            lab.deploy("AssetShares", collection, DEED, quote, "x", "x")


# All shares.


def test_all_shares_are_the_deed(estate: Estate) -> None:
    """Back with everything: without an appraisal, without a payment."""
    lab = estate.lab
    estate.open()
    receipt = lab.send("AssetShares", "redeem", lab.bob.address, by=lab.alice)
    assert owner(estate) == lab.bob.address
    assert (read(estate, "state"), read(estate, "totalSupply")) == (REDEEMED, 0)
    assert lab.events(receipt, "AssetShares", "Redeemed") == [{"holder": lab.alice.address, "to": lab.bob.address}]
    for function, args in (("redeem", ()), ("buyOut", (0,)), ("claim", (1,))):
        with reverts("WrongState", SETTLED if function == "claim" else LOCKED, REDEEMED):
            lab.send("AssetShares", function, *args, lab.alice.address, by=lab.alice)
    estate.surveyed(500)
    with reverts("AssetNotLocked", REDEEMED):
        estate.update()


def test_the_shares_themselves_receive_nothing(estate: Estate) -> None:
    """What came out of the safe and into it again would be lost."""
    lab = estate.lab
    shares = lab.address("AssetShares")
    estate.appraised(400)
    estate.open()
    with reverts("InvalidReceiver", shares):
        lab.send("AssetShares", "redeem", shares, by=lab.alice)
    estate.give(lab.bob, SUPPLY * 4 // 10)
    with reverts("InvalidReceiver", shares):
        lab.send("AssetShares", "buyOut", 2**255, shares, by=lab.alice)
    settle(estate)
    with reverts("InvalidReceiver", shares):
        lab.send("AssetShares", "claim", 1, shares, by=lab.bob)
    assert owner(estate) == lab.alice.address


def test_a_deed_sent_by_hand_stays_for_ever(estate: Estate) -> None:
    """As the interface warns: only open() makes shares."""
    lab = estate.lab
    lab.send("DemoDeed", "transferFrom", lab.alice.address, lab.address("AssetShares"), DEED, by=lab.alice)
    for who in (lab.alice, lab.mallory):
        with reverts("ERC721IncorrectOwner"):
            lab.send("AssetShares", "open", lab.address("AppraisalFeed"), by=who)


def test_one_share_short_is_not_the_deed(estate: Estate) -> None:
    estate.open()
    estate.give(estate.lab.bob, 1)
    with reverts("NotAllShares", SUPPLY, SUPPLY - 1):
        estate.lab.send("AssetShares", "redeem", estate.lab.alice.address, by=estate.lab.alice)


# A majority.


def test_a_majority_pays_the_full_appraisal(divided: Estate) -> None:
    """Not the haircut price that lenders use: 40 % of 400,000."""
    lab = divided.lab
    assert read(divided, "buyOutCost", lab.alice.address) == 160_000 * UNIT
    divided.fund(lab.alice, 200_000 * UNIT)
    receipt = lab.send("AssetShares", "buyOut", 160_000 * UNIT, lab.relayer.address, by=lab.alice)
    assert owner(divided) == lab.relayer.address
    assert dollars(divided, lab.alice.address) == 40_000 * UNIT
    assert dollars(divided, lab.address("AssetShares")) == read(divided, "proceeds") == 160_000 * UNIT
    assert (read(divided, "state"), read(divided, "settledAppraisal")) == (SETTLED, 400_000 * DOLLAR)
    assert read(divided, "totalSupply") == SUPPLY * 4 // 10
    assert lab.events(receipt, "AssetShares", "BoughtOut") == [
        {
            "buyer": lab.alice.address,
            "to": lab.relayer.address,
            "shares": SUPPLY * 6 // 10,
            "cost": 160_000 * UNIT,
            "appraisal": 400_000 * DOLLAR,
        }
    ]
    with reverts("WrongState", LOCKED, SETTLED):
        lab.send("AssetShares", "buyOut", 0, lab.bob.address, by=lab.bob)
    with reverts("WrongState", LOCKED, SETTLED):
        read(divided, "buyOutCost", lab.bob.address)


def test_half_is_no_majority(divided: Estate) -> None:
    lab = divided.lab
    divided.give(lab.bob, SUPPLY // 10)
    with reverts("NotMajority", SUPPLY, SUPPLY // 2):
        lab.send("AssetShares", "buyOut", 2**255, lab.alice.address, by=lab.alice)
    with reverts("NotMajority", SUPPLY, SUPPLY // 10):
        lab.send("AssetShares", "buyOut", 2**255, lab.mallory.address, by=lab.mallory)


def test_all_of_them_is_redemption(estate: Estate) -> None:
    estate.open()
    with reverts("NotMajority", SUPPLY, SUPPLY):
        estate.lab.send("AssetShares", "buyOut", 2**255, estate.lab.alice.address, by=estate.lab.alice)


def test_no_buyout_without_a_standing_appraisal(divided: Estate) -> None:
    """A low old price cannot be kept for a cheap buyout; anybody may commission a new appraisal."""
    lab = divided.lab
    until = lab.read("AppraisalFeed", "expiresAt")
    lab.travel(until)
    for ask in (
        lambda: lab.send("AssetShares", "buyOut", 2**255, lab.alice.address, by=lab.alice),
        lambda: read(divided, "buyOutCost", lab.alice.address),
    ):
        with reverts("AppraisalExpired", until):
            ask()
    divided.appraised(500, subject=lab.mallory)
    assert read(divided, "buyOutCost", lab.alice.address) == 200_000 * UNIT


def test_a_buyer_sets_the_most_it_pays(divided: Estate) -> None:
    lab = divided.lab
    with reverts("CostTooHigh", 160_000 * UNIT, 160_000 * UNIT - 1):
        lab.send("AssetShares", "buyOut", 160_000 * UNIT - 1, lab.alice.address, by=lab.alice)
    with reverts("ERC20InsufficientAllowance"):
        lab.send("AssetShares", "buyOut", 160_000 * UNIT, lab.alice.address, by=lab.alice)


# Claims.


def test_the_minority_gets_its_part_whenever_it_comes(divided: Estate) -> None:
    lab = divided.lab
    settle(divided)
    lab.travel(lab.network.now() + 3_000 * DAY)
    receipt = lab.send("AssetShares", "claim", SUPPLY * 3 // 10, lab.relayer.address, by=lab.bob)
    assert dollars(divided, lab.relayer.address) == 120_000 * UNIT
    assert read(divided, "proceeds") == 40_000 * UNIT
    assert lab.events(receipt, "AssetShares", "Claimed") == [
        {
            "holder": lab.bob.address,
            "to": lab.relayer.address,
            "shares": SUPPLY * 3 // 10,
            "amount": 120_000 * UNIT,
        }
    ]
    lab.send("AssetShares", "transfer", lab.bob.address, SUPPLY // 10, by=lab.mallory)  # claims are transferable
    lab.send("AssetShares", "claim", SUPPLY // 10, lab.bob.address, by=lab.bob)
    assert dollars(divided, lab.bob.address) == 40_000 * UNIT
    assert (
        read(divided, "proceeds") == read(divided, "totalSupply") == dollars(divided, lab.address("AssetShares")) == 0
    )


def test_what_is_no_claim(divided: Estate) -> None:
    lab = divided.lab
    with reverts("WrongState", SETTLED, LOCKED):
        lab.send("AssetShares", "claim", 1, lab.bob.address, by=lab.bob)
    settle(divided)
    with reverts("ZeroShares"):
        lab.send("AssetShares", "claim", 0, lab.bob.address, by=lab.bob)
    with reverts("ERC20InsufficientBalance"):
        lab.send("AssetShares", "claim", SUPPLY // 10 + 1, lab.mallory.address, by=lab.mallory)
    with reverts("ERC20InsufficientBalance"):  # the buyer's shares are gone
        lab.send("AssetShares", "claim", 1, lab.alice.address, by=lab.alice)


def test_a_settled_share_is_priced_as_the_money_it_is(divided: Estate) -> None:
    """The haircut as before, so that nobody borrows more by it; no age, no decay, no further appraisal."""
    lab = divided.lab
    settle(divided)
    lab.travel(lab.network.now() + 500 * DAY)
    assert lab.read("AppraisalFeed", "latestRoundData")[1] == 320_000 * DOLLAR
    assert lab.read("AppraisalFeed", "latestRoundData")[3] - lab.network.now() in (0, 1)  # the block asked in
    divided.surveyed(1_900)
    with reverts("AssetNotLocked", SETTLED):
        divided.update()
    lab.send("AssetShares", "claim", SUPPLY * 3 // 10, lab.bob.address, by=lab.bob)
    lab.send("DemoToken", "mint", lab.address("AssetShares"), UNIT)  # a donation changes no claim
    assert lab.read("AppraisalFeed", "latestRoundData")[1] == 320_000 * DOLLAR
    assert read(divided, "proceeds") == 40_000 * UNIT


@given(
    appraisal=st.integers(10**8, 10**20),
    held=st.integers(SUPPLY // 2 + 1, SUPPLY - 1),
    cuts=st.lists(st.integers(0, 10**18), max_size=8),
    quote_decimals=st.sampled_from([0, 6, 8, 18, 30]),
)
def test_claims_never_exceed_the_money_and_the_last_one_empties_it(
    appraisal: int, held: int, cuts: list[int], quote_decimals: int
) -> None:
    """The contract's arithmetic, by whole numbers: every order of claims pays out the cost, each at most a unit low."""
    minority = SUPPLY - held
    exact = appraisal * 10**quote_decimals * minority
    cost = -(-exact // (SUPPLY * DOLLAR))  # up
    assert 0 <= cost * SUPPLY * DOLLAR - exact < SUPPLY * DOLLAR
    bounds = sorted({0, minority, *(cut % minority for cut in cuts)})
    left, supply = cost, minority
    for low, high in itertools.pairwise(bounds):
        amount = left * (high - low) // supply
        assert 0 <= amount <= left
        assert amount * minority >= cost * (high - low) - len(bounds) * minority
        left, supply = left - amount, supply - (high - low)
    assert left == supply == 0


moves = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, SUPPLY), st.booleans()), max_size=8)


@settings(max_examples=15, deadline=None)
@given(bought=st.integers(SUPPLY // 2 + 1, SUPPLY - 10), price=st.integers(50 * 10**6, 2_000 * 10**6), moves=moves)
def test_sums_are_conserved_in_any_order(
    deployed: Lab, price_key: Path, bought: int, price: int, moves: list[tuple[int, int, int, bool]]
) -> None:
    """Transfers and claims in any order: shares and money add up after each, and everybody can leave."""
    tester = deployed.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    snapshot, contracts = tester.take_snapshot(), dict(deployed.contracts)
    try:
        _leave_in_order(Estate.build(deployed, price_key), bought, price / 10**6, moves)
    finally:
        tester.revert_to_snapshot(snapshot)
        deployed.contracts = contracts


def _leave_in_order(estate: Estate, bought: int, thousands: float, moves: list[tuple[int, int, int, bool]]) -> None:
    lab = estate.lab
    holders = [lab.bob, lab.mallory, lab.relayer]
    estate.appraised(thousands)
    estate.open()
    estate.give(lab.bob, SUPPLY - bought)
    cost = int(read(estate, "buyOutCost", lab.alice.address))
    estate.fund(lab.alice, cost)
    lab.send("AssetShares", "buyOut", cost, lab.alice.address, by=lab.alice)
    sink, paid = lab.admin.address, 0
    everything = [(number, 0, SUPPLY, True) for number in range(3)]
    for sender, receiver, wanted, claims in [*moves, *everything]:
        by = holders[sender]
        shares = min(wanted, int(read(estate, "balanceOf", by.address)))
        if claims and shares:
            lab.send("AssetShares", "claim", shares, sink, by=by)
            paid = dollars(estate, sink)
        elif not claims:
            lab.send("AssetShares", "transfer", holders[receiver].address, shares, by=by)
        held = sum(int(read(estate, "balanceOf", holder.address)) for holder in holders)
        assert held == read(estate, "totalSupply")
        assert paid + read(estate, "proceeds") == cost
        assert dollars(estate, lab.address("AssetShares")) == read(estate, "proceeds")
    assert paid == cost


# Awkward quote tokens.


@pytest.fixture
def awkward(estate: Estate) -> Estate:
    """The same with a quote token of six decimals that misbehaves when told to."""
    lab = estate.lab
    quote = lab.deploy_as("AwkwardQuote", helper_contracts()["AwkwardQuote"])
    lab.deploy("AssetShares", lab.address("DemoDeed"), DEED, quote.address, "x", "x")
    estate.deploy_feed()
    estate.appraised(400)
    estate.open()
    estate.give(lab.bob, SUPPLY // 4)
    lab.send("AwkwardQuote", "mint", lab.alice.address, 10**12)
    lab.send("AwkwardQuote", "approve", lab.address("AssetShares"), 2**256 - 1, by=lab.alice)
    return estate


def test_a_quote_token_of_six_decimals(awkward: Estate) -> None:
    lab = awkward.lab
    assert read(awkward, "buyOutCost", lab.alice.address) == 100_000 * 10**6
    lab.send("AssetShares", "buyOut", 100_000 * 10**6, lab.alice.address, by=lab.alice)
    lab.send("AssetShares", "claim", 1, lab.bob.address, by=lab.bob)  # less than a unit: rounded down, to nothing
    assert read(awkward, "proceeds") == 100_000 * 10**6
    lab.send("AssetShares", "claim", SUPPLY // 4 - 1, lab.bob.address, by=lab.bob)
    assert lab.read("AwkwardQuote", "balanceOf", lab.bob.address) == 100_000 * 10**6


def test_a_token_that_charges_on_transfer_is_refused(awkward: Estate) -> None:
    lab = awkward.lab
    lab.send("AwkwardQuote", "setFee", 1)
    with reverts("TransferMismatch", 100_000 * 10**6, 99_990 * 10**6):
        lab.send("AssetShares", "buyOut", 2**255, lab.alice.address, by=lab.alice)
    assert owner(awkward) == lab.address("AssetShares")


@pytest.mark.parametrize("function", ["claim", "buyOut", "redeem", "open"])
def test_a_token_that_calls_back_finds_the_door_shut(awkward: Estate, function: str) -> None:
    lab = awkward.lab
    arguments = {"claim": (1, lab.bob.address), "buyOut": (0, lab.bob.address), "redeem": (lab.bob.address,)}
    args = arguments.get(function, (lab.address("AppraisalFeed"),))
    data = lab.contracts["AssetShares"].web3.encode_abi(function, args=list(args))
    lab.send("AwkwardQuote", "hook", lab.address("AssetShares"), data)
    with reverts("ReentrancyGuardReentrantCall"):
        lab.send("AssetShares", "buyOut", 2**255, lab.alice.address, by=lab.alice)


def test_prices_read_in_the_middle_of_a_buyout_are_final(awkward: Estate) -> None:
    """Read-only reentrancy: while the money moves, the feed already says what it says afterwards."""
    lab = awkward.lab
    probe = lab.deploy_as("PriceProbe", helper_contracts()["PriceProbe"], lab.address("AppraisalFeed"))
    data = probe.web3.encode_abi("look", args=[])
    lab.send("AwkwardQuote", "hook", probe.address, data)
    lab.send("AssetShares", "buyOut", 2**255, lab.alice.address, by=lab.alice)
    assert lab.read("PriceProbe", "seen") == lab.read("AppraisalFeed", "latestRoundData")[1] == 320_000 * DOLLAR
