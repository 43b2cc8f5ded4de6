"""The collateral market: supplying, borrowing on a proven tier, repaying, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from prover.chain.artifacts import load_artifact
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, PERSON, SCHEMA, UNIT, Lab, reverts, word
from tests.contracts.market_lab import HOUR, MAX, SUPPLIED, WAD, YEAR, ZERO, MarketLab, handle, standing_market

SHARE = 10**6  # shares of an asset in an untouched pool


@pytest.fixture(scope="module")
def standing(deployed: Lab) -> Iterator[MarketLab]:
    with standing_market(deployed) as market:
        yield market


@pytest.fixture
def market(standing: MarketLab, lab: Lab) -> MarketLab:
    return handle(standing)


def test_the_id_is_the_hash_of_the_parameters(market: MarketLab) -> None:
    assert market.read("idOf", market.params.args) == market.id
    *fields, lltvs = market.read("paramsOf", market.id)
    assert (*fields, tuple(lltvs)) == market.params.args


def test_supplying_gives_shares(market: MarketLab) -> None:
    lab = market.lab
    receipt = market.supply(1_000 * UNIT)
    assert market.events(receipt, "Supplied") == [
        {
            "id": market.id,
            "caller": lab.bob.address,
            "onBehalf": lab.bob.address,
            "assets": 1_000 * UNIT,
            "shares": 1_000 * UNIT * SHARE,
        }
    ]
    assert market.supplied() == 1_000 * UNIT
    assert market.balance("Dollar", market.market) == 1_000 * UNIT
    market.check_books()


def test_a_good_decision_opens_a_debt(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(0)
    receipt = market.borrow(1_500 * UNIT, receiver=lab.owner)
    assert market.balance("Dollar", lab.owner) == 1_500 * UNIT
    assert market.position() == {
        "supplyShares": 0,
        "borrowShares": 1_500 * UNIT * SHARE,
        "collateral": 10 * UNIT,
        "lltvBps": 7_500,
        "calledAt": 0,
        "personId": PERSON,
    }
    assert market.events(receipt, "PositionOpened") == [
        {"id": market.id, "borrower": lab.alice.address, "personId": PERSON, "tier": 2, "lltvBps": 7_500}
    ]
    assert market.events(receipt, "Borrowed") == [
        {
            "id": market.id,
            "caller": lab.alice.address,
            "onBehalf": lab.alice.address,
            "receiver": lab.owner.address,
            "assets": 1_500 * UNIT,
            "shares": 1_500 * UNIT * SHARE,
        }
    ]
    assert market.health() <= WAD  # at the threshold, and the view sees a second of interest
    assert market.health() > WAD * 999_999 // 1_000_000
    market.check_books()


def test_everything_is_paid_back(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(1_000 * UNIT)
    lab.travel(lab.network.now() + YEAR)
    owed = market.debt()
    assert 1_000 * UNIT < owed < 1_020 * UNIT
    market.mint("Dollar", lab.alice, 100 * UNIT)
    market.repay()
    market.release(10 * UNIT)
    market.withdraw(shares=market.position(lab.bob)["supplyShares"])
    assert market.balance("Gold", lab.alice) == 10 * UNIT
    assert market.balance("Dollar", lab.bob) >= SUPPLIED + owed - 1_000 * UNIT - 1
    assert set(market.position().values()) == {0, bytes(32)}
    assert market.balance("Dollar", market.market) <= 2
    market.check_books()


def test_interest_compounds_whoever_calls_when(market: MarketLab) -> None:
    """Accrued daily or once a month comes to the same, but for the third power of a small number."""
    lab = market.lab
    market.borrower(1_400 * UNIT)
    start, seconds = lab.network.now(), 30 * DAY
    rate = market.read("borrowRateOf", market.id) / WAD
    for day in range(1, 30):
        lab.travel(start + day * DAY)
        market.send("accrueInterest", market.id, by=lab.mallory)
    lab.travel(start + seconds)
    owed = market.debt()
    expected = 1_400 * UNIT * (1 + rate * seconds / YEAR + (rate * seconds / YEAR) ** 2 / 2)
    assert abs(owed - expected) < expected / 10**7
    market.check_books()


def test_interest_below_a_unit_is_not_forgiven(market: MarketLab) -> None:
    """A token without decimals, and somebody who accrues three times a minute: the remainder is kept."""
    from tests.contracts.circuits import helper_contracts

    lab = market.lab
    market.token("Coin", helper_contracts()["MarketScaledToken"], 0)
    lab.deploy_as("CoinFeed", load_artifact("DemoFeed"), 8, "a thousandth of a dollar", 10**5)
    market.open(loan_token=lab.address("Coin"), min_debt=10**6, loan_feed=lab.address("CoinFeed"))
    lab.send("Coin", "mint", lab.bob.address, 10**6)
    market.send("supply", market.id, 10**6, lab.bob.address, by=lab.bob)
    market.lock(10 * UNIT)
    lab.decided(2, consumer=market.market)
    market.borrow(10**6)
    start = lab.network.now()
    for tick in range(1, 30):
        lab.travel(start + 20 * tick)  # not one of them earns a unit by itself
        market.send("accrueInterest", market.id)
    assert market.sums()["totalBorrowAssets"] == 10**6 + 10**6 * 29 * 20 // YEAR  # 100 % a year, all lent


@pytest.mark.parametrize(
    ("borrowed", "bps"), [(0, 100), (40_000, 300), (80_000, 500), (90_000, 5_250), (100_000, 10_000)]
)
def test_the_rate_bends_at_the_kink(market: MarketLab, borrowed: int, bps: int) -> None:
    market.borrower(0, gold=1_000 * UNIT)
    if borrowed:
        market.borrow(borrowed * UNIT)
    assert abs(market.read("borrowRateOf", market.id) - bps * 10**14) < 10**12


# Borrowing: what is refused.


def test_no_decision_no_debt(market: MarketLab) -> None:
    market.supply()
    market.lock(10 * UNIT)
    with reverts("DecisionMissing"):
        market.borrow(100 * UNIT)
    market.lab.decided(2)  # for the credit line
    with reverts("DecisionMissing"):
        market.borrow(100 * UNIT)
    assert market.read("maxBorrowOf", market.id, market.lab.alice.address) == 0


def test_a_refusal_opens_nothing(market: MarketLab) -> None:
    market.borrower(0, tier=0)
    with reverts("DecisionNegative", market.lab.tier_model, market.lab.alice.address):
        market.borrow(100 * UNIT)
    assert market.read("maxBorrowOf", market.id, market.lab.alice.address) == 0


def test_a_stale_or_expired_or_withdrawn_decision_opens_nothing(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(200 * UNIT)
    observed = lab.network.now()
    market.pass_time(7 * DAY + HOUR, 200)
    with reverts("DecisionStale"):
        market.borrow(100 * UNIT)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 0
    lab.decided(2, consumer=market.market, nonce=1, sequence=2, expiresAt=lab.network.now() + DAY)
    market.borrow(100 * UNIT)
    assert market.position()["lltvBps"] == 7_500
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    with reverts("DecisionIssuerInactive", lab.issuer.address):
        market.borrow(100 * UNIT)
    lab.send("IssuerRegistry", "resumeIssuer", lab.issuer.address, by=lab.admin)
    market.pass_time(2 * DAY, 200)
    with reverts("DecisionExpired"):
        market.borrow(100 * UNIT)
    assert observed < lab.network.now()


def test_the_tier_sets_the_threshold(market: MarketLab) -> None:
    market.borrower(0, tier=1)
    most = market.read("maxBorrowOf", market.id, market.lab.alice.address)
    assert most == 1_000 * UNIT
    with reverts("BorrowLimitExceeded", 1_000 * UNIT + 1, 1_000 * UNIT):
        market.borrow(1_000 * UNIT + 1)
    market.borrow(most)
    assert market.position()["lltvBps"] == 5_000


def test_an_open_debt_keeps_its_threshold_until_it_grows_on_a_worse_tier(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(900 * UNIT, tier=2)
    lab.decided(1, consumer=market.market, nonce=1, sequence=2)
    assert abs(market.read("maxBorrowOf", market.id, lab.alice.address) - 100 * UNIT) < UNIT
    with reverts("BorrowLimitExceeded"):
        market.borrow(101 * UNIT)
    assert market.position()["lltvBps"] == 7_500
    market.quote(140)
    assert market.health() > WAD  # at the opening's threshold, though not at today's
    market.quote(200)
    receipt = market.borrow(99 * UNIT)
    assert market.events(receipt, "ThresholdLowered") == [
        {"id": market.id, "borrower": lab.alice.address, "tier": 1, "lltvBps": 5_000}
    ]
    assert market.position()["lltvBps"] == 5_000
    lab.decided(2, consumer=market.market, nonce=2, sequence=3)
    with reverts("BorrowLimitExceeded"):
        market.borrow(100 * UNIT)  # a better tier lifts nothing
    market.mint("Dollar", lab.alice, 10 * UNIT)
    market.repay()
    market.borrow(1_500 * UNIT)


def test_a_better_tier_does_not_lift_an_open_debt(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(900 * UNIT, tier=1)
    lab.decided(2, consumer=market.market, nonce=1, sequence=2)
    with reverts("BorrowLimitExceeded"):
        market.borrow(101 * UNIT)
    market.mint("Dollar", lab.alice, UNIT)
    market.repay()
    market.borrow(1_500 * UNIT)
    assert market.position()["lltvBps"] == 7_500


def test_one_debt_is_one_persons(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(500 * UNIT)
    other = SCHEMA
    lab.decided(2, consumer=market.market, nonce=1, sequence=2, personId=other)
    with reverts("PersonMismatch", PERSON, other):
        market.borrow(100 * UNIT)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 0


def test_a_debt_has_a_least_size(market: MarketLab) -> None:
    market.borrower(0)
    with reverts("DebtTooSmall", 99 * UNIT, 100 * UNIT):
        market.borrow(99 * UNIT)
    market.borrow(100 * UNIT)
    market.borrow(1)


def test_only_what_is_there_is_lent_or_withdrawn(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(0, gold=1_000 * UNIT)
    with reverts("InsufficientLiquidity", SUPPLIED, SUPPLIED + 1):
        market.borrow(SUPPLIED + 1)
    market.borrow(SUPPLIED - 1)
    with reverts("InsufficientLiquidity"):
        market.withdraw(2)
    with reverts("InsufficientShares"):
        market.withdraw(shares=market.position(lab.bob)["supplyShares"] + 1)
    with reverts("InsufficientShares"):
        market.withdraw(1, by=lab.mallory)
    market.withdraw(1)
    with reverts("InsufficientCollateral", 1_000 * UNIT, 1_000 * UNIT + 1):
        market.release(1_000 * UNIT + 1)
    with reverts("BorrowLimitExceeded"):
        market.release(400 * UNIT)


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        ("supply", (0, "bob"), "ZeroAmount"),
        ("supply", (1, None), "ZeroAddress"),
        ("supply", (2**128, "bob"), "SafeCastOverflowedUintDowncast"),
        ("withdraw", (0, 0, "bob", "bob"), "AmountOrShares"),
        ("withdraw", (1, 1, "bob", "bob"), "AmountOrShares"),
        ("withdraw", (1, 0, "bob", None), "ZeroAddress"),
        ("withdraw", (1, 0, "alice", "bob"), "Unauthorized"),
        ("withdraw", (0, 1, "bob", "bob"), "ZeroAmount"),
        ("supplyCollateral", (0, "bob"), "ZeroAmount"),
        ("supplyCollateral", (1, None), "ZeroAddress"),
        ("withdrawCollateral", (0, "bob", "bob"), "ZeroAmount"),
        ("withdrawCollateral", (1, "bob", None), "ZeroAddress"),
        ("withdrawCollateral", (1, "alice", "bob"), "Unauthorized"),
        ("borrow", (0, "bob", "bob"), "ZeroAmount"),
        ("borrow", (1, "bob", None), "ZeroAddress"),
        ("borrow", (1, "alice", "bob"), "Unauthorized"),
        ("repay", (0, 0, "bob"), "AmountOrShares"),
        ("repay", (1, 1, "bob"), "AmountOrShares"),
        ("repay", (1, 0, "bob"), "NoDebt"),
    ],
)
def test_arguments_are_checked(market: MarketLab, function: str, args: tuple[Any, ...], error: str) -> None:
    lab = market.lab
    market.supply()
    people = {"bob": lab.bob.address, "alice": lab.alice.address}
    real = [ZERO if arg is None else people.get(arg, arg) if isinstance(arg, str) else arg for arg in args]
    with reverts(error):
        market.send(function, market.id, *real, by=lab.bob)


def test_paying_less_than_a_share_is_refused(market: MarketLab) -> None:
    market.borrower(1_000 * UNIT)
    market.repay(0, 1)  # a whole unit for a millionth of one
    assert market.position()["borrowShares"] == 1_000 * UNIT * SHARE - 1


def test_an_unknown_market_is_named(market: MarketLab) -> None:
    nowhere = bytes(31) + b"\1"
    people = (market.lab.alice.address, market.lab.alice.address)
    for function, args in {
        "supply": (1, people[0]),
        "withdraw": (1, 0, *people),
        "supplyCollateral": (1, people[0]),
        "withdrawCollateral": (1, *people),
        "borrow": (1, *people),
        "repay": (1, 0, people[0]),
        "marginCall": people[:1],
        "cure": people[:1],
        "liquidate": (people[0], 1, 0, b""),
        "accrueInterest": (),
    }.items():
        with reverts("UnknownMarket", nowhere):
            market.send(function, nowhere, *args, by=market.lab.alice)
    with reverts("UnknownMarket", nowhere):
        market.read("marketOf", nowhere)


def test_an_authorised_account_acts_for_another(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(0)
    people = (lab.alice.address, lab.mallory.address)
    with reverts("Unauthorized", *people):
        market.send("borrow", market.id, 200 * UNIT, *people, by=lab.mallory)
    receipt = market.send("setAuthorization", lab.mallory.address, True, by=lab.alice)
    assert market.events(receipt, "AuthorizationSet") == [
        {"authorizer": people[0], "authorized": people[1], "isAuthorized": True}
    ]
    market.send("borrow", market.id, 200 * UNIT, *people, by=lab.mallory)
    market.send("withdrawCollateral", market.id, UNIT, *people, by=lab.mallory)
    assert market.balance("Dollar", lab.mallory) == 200 * UNIT
    market.send("setAuthorization", lab.mallory.address, False, by=lab.alice)
    with reverts("Unauthorized", *people):
        market.send("withdrawCollateral", market.id, UNIT, *people, by=lab.mallory)


# What a market may be.


def test_a_market_exists_once(market: MarketLab) -> None:
    with reverts("MarketExists", market.id):
        market.create(market.params)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("collateralToken", {"collateral_token": "Dollar"}),
        ("loanToken", {"loan_token": ZERO}),
        ("collateralToken", {"collateral_token": ZERO}),
        ("collateralFeed", {"collateral_feed": ZERO}),
        ("loanFeed", {"loan_feed": "0x" + "11" * 20}),
        ("sequencerFeed", {"sequencer_feed": "0x" + "11" * 20}),
        ("sequencerGrace", {"sequencer_grace": DAY + 1}),
        ("sequencerGrace", {"sequencer_grace": 0, "sequencer_feed": "GoldFeed"}),
        ("minDebt", {"min_debt": 0}),
        ("minDebt", {"min_debt": 10**6 - 1}),
        ("maxPriceAge", {"max_price_age": 0}),
        ("maxLiquidationPriceAge", {"max_liquidation_price_age": DAY - 1}),
        ("maxDecisionAge", {"max_decision_age": 0}),
        ("issuer", {"issuer": ZERO}),
        ("issuer", {"issuer": "0x" + "11" * 20}),  # nobody registered it
        ("incentiveBps", {"incentive": 0}),
        ("incentiveBps", {"incentive": 2_501, "hard_lltv": 7_600}),
        ("hardLltvBps", {"hard_lltv": 9_524}),
        ("closeFactorBps", {"close_factor": 999}),
        ("closeFactorBps", {"close_factor": 10_001}),
        ("marginCallGrace", {"grace": 0}),
        ("marginCallGrace", {"grace": 30 * DAY + 1}),
        ("marginCallWindow", {"window": HOUR - 1}),
        ("marginCallWindow", {"window": YEAR + 1}),
        ("marginCallWindow", {"window": 2 * HOUR, "sequencer_grace": 2 * HOUR}),
        ("kinkBps", {"kink": 0}),
        ("kinkBps", {"kink": 10_000}),
        ("baseRateBps", {"base_rate": 501}),
        ("kinkRateBps", {"kink_rate": 10_001}),
        ("fullRateBps", {"full_rate": 100_001}),
        ("modelId", {"model_id": 1}),
        ("modelId", {"model_id": "score"}),
        ("lltvsBps", {"lltvs": ()}),
        ("lltvsBps", {"lltvs": (0, 5_000)}),
        ("lltvsBps", {"lltvs": (1, 5_000, 7_500)}),
        ("lltvsBps", {"lltvs": (0, 7_500, 5_000)}),
        ("lltvsBps", {"lltvs": (0, 0, 0)}),
        ("lltvsBps", {"lltvs": (0, 5_000, 9_000)}),
    ],
)
def test_parameters_have_bounds(market: MarketLab, field: str, changes: dict[str, Any]) -> None:
    lab = market.lab
    changes = {name: lab.address(to) if to in ("Dollar", "GoldFeed") else to for name, to in changes.items()}
    if changes.get("model_id") == "score":
        changes = {"model_id": lab.score_model}
    with reverts("InvalidParams", word(field)):
        market.create(market.usual(**changes))


def test_what_is_no_token_and_no_feed_is_named(market: MarketLab) -> None:
    """Contracts that answer something else, too little, or that burn what they are given."""
    lab = market.lab
    registry, mute = lab.address("DecisionRegistry"), lab.deploy_as("Mute", helper_contracts()["HostileFeed"])
    for field, changes in {
        "loanToken": {"loan_token": registry},
        "collateralToken": {"collateral_token": registry},
        "collateralFeed": {"collateral_feed": lab.address("Gold")},  # decimals, and no price
        "loanFeed": {"loan_feed": lab.address("Gold")},
        "sequencerFeed": {"sequencer_feed": registry},
    }.items():
        with reverts("InvalidParams", word(field)):
            market.create(market.usual(**changes))
    for mood in (1, 3):  # burns its gas, a byte too few
        lab.send("Mute", "turn", mood)
        with reverts("InvalidParams", word("collateralFeed")):
            market.create(market.usual(collateral_feed=mute.address))


def test_the_issuer_is_active_when_the_market_opens(market: MarketLab) -> None:
    lab = market.lab
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    with reverts("InvalidParams", word("issuer")):
        market.open(min_debt=UNIT)
    lab.send("IssuerRegistry", "resumeIssuer", lab.issuer.address, by=lab.admin)
    market.open(min_debt=UNIT)


def test_the_models_better_is_higher(market: MarketLab) -> None:
    model = market.lab.register("TierVerifier", (SCHEMA, [0], 2, 2, [5_000, 8_000]), "lower is better")
    with reverts("InvalidParams", word("modelId")):
        market.create(market.usual(model_id=model))


def test_markets_are_isolated(market: MarketLab) -> None:
    """A loss in one costs the suppliers of another nothing, though they share the tokens."""
    lab = market.lab
    first = market.id
    market.borrower(1_400 * UNIT)
    market.open(min_debt=UNIT)
    market.supply(1_000 * UNIT, lab.mallory)
    market.quote(100)
    market.id = first
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    market.liquidate()
    market.id = market.params.id
    assert market.supplied(lab.mallory) == 1_000 * UNIT
    market.send("withdraw", market.id, 1_000 * UNIT, 0, lab.mallory.address, lab.mallory.address, by=lab.mallory)
    with reverts("PositionHealthy" if market.debt() else "NoDebt"):
        market.liquidate(MAX)
