"""Attacks on the credit line: a leaked issuer key, inflated shares, hooks, tokens of many vices."""

from __future__ import annotations

import pytest
from web3 import Web3

from tests.contracts.circuits import helper_contracts
from tests.contracts.credit_lab import (
    WRITE_OFF_DELAY,
    balance,
    claim,
    deposit,
    due_day,
    free_line,
    gain_interest,
    loan,
    past_due,
    provide,
    redeem_all,
    repay,
    set_terms,
    value,
)
from tests.contracts.lab import CREDIT_TERMS, DAY, TIER_LAYOUT, UNIT, Lab, reverts

POOL = 20_000 * UNIT
FREE = ([(0, 0), (1_000 * UNIT, 0), (5_000 * UNIT, 0)], *CREDIT_TERMS[1:])


def person(number: int) -> bytes:
    return bytes(Web3.keccak(text=f"invented person {number}"))


# A leaked issuer key.


class Thief:
    """Holds the issuer's key and invents people with good tiers until nothing more comes out."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.count, self.stolen = lab, 0, 0

    def invent(self) -> None:
        """One more person with the best tier, all of them the thief's own wallet."""
        self.count += 1
        self.lab.decided(subject=self.lab.mallory, personId=person(self.count), sequence=self.count, nonce=self.count)

    def draw(self, amount: int) -> None:
        self.lab.draw(amount, by=self.lab.mallory)
        self.stolen += amount

    def plunder(self, most: int) -> None:
        """Draw exactly ``most`` in the largest loans there are; a wei more is refused, whoever asks for it."""
        loan_cap, person_cap = value(self.lab, "loanCap"), value(self.lab, "personCap")
        while most:
            self.invent()
            room = person_cap
            while room and most:
                amount = min(room, loan_cap, most)
                self.draw(amount)
                room, most = room - amount, most - amount
        self.invent()
        with reverts("IssuerDailyCapExceeded"):
            self.lab.draw(1, by=self.lab.mallory)


def test_a_leaked_issuer_key_costs_its_caps_and_not_a_wei_more(lab: Lab) -> None:
    """Loss = the issuer's cap per day, less what honest people drew that day, times the days until it is suspended.

    Here: the key leaks on a day on which 1,000 of the cap are used, and is suspended on the third day.
    """
    cap, days = 5_500 * UNIT, 3
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, cap)
    lab.decided(tier=1)
    lab.draw(1_000 * UNIT)
    today = lab.network.now() // DAY
    bound = days * cap - 1_000 * UNIT
    value_before = value(lab, "cash")
    thief = Thief(lab)
    for day in range(days):
        lab.travel(max((today + day) * DAY, lab.network.now() + 1))
        thief.plunder(cap - (1_000 * UNIT if day == 0 else 0))
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    lab.travel((today + days) * DAY)
    with reverts("DecisionIssuerInactive", lab.issuer.address):
        lab.draw(1, by=lab.mallory)
    assert thief.stolen == balance(lab, lab.mallory.address) == bound
    assert value_before - value(lab, "cash") == bound
    for loan_id in range(1, value(lab, "loanCount") + 1):
        lab.travel(max(loan(lab, loan_id)["dueAt"] + WRITE_OFF_DELAY, lab.network.now() + 1))
        lab.send("CreditLine", "writeOff", loan_id)
    honest = 1_000 * UNIT  # alice, who has not paid either
    assert redeem_all(lab, lab.owner) == POOL - bound - honest


def test_the_model_caps_a_leaked_key_too(lab: Lab) -> None:
    """With the issuer's cap above the model's, the model's is the bound of a day."""
    thief = Thief(lab)
    for _ in range(2):
        thief.invent()
        thief.draw(4_000 * UNIT)
    thief.invent()
    with reverts("ModelDailyCapExceeded", lab.tier_model, 8_000 * UNIT, 1, 8_000 * UNIT):
        lab.draw(1, by=lab.mallory)


def test_midnight_gives_one_more_day_and_no_more(lab: Lab) -> None:
    """Timestamp play: around midnight two days' caps fit in two seconds; a block's choice of time gives no third."""
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, 1_000 * UNIT)
    thief = Thief(lab)
    thief.invent()
    thief.invent()
    midnight = (lab.network.now() // DAY + 1) * DAY
    lab.travel(midnight - 1)
    thief.draw(1_000 * UNIT)
    lab.travel(midnight)
    thief.draw(1_000 * UNIT)
    with reverts("IssuerDailyCapExceeded"):
        lab.draw(1, by=lab.mallory)


# Inflated shares.


def empty_line(lab: Lab, token: str = "DemoToken") -> str:
    """A line nobody deposited in."""
    return lab.deploy("CreditLine", lab.address("DecisionRegistry"), lab.address(token), lab.owner.address).address


def test_a_first_depositors_donation_belongs_to_nobody(lab: Lab) -> None:
    """Attack: one wei of shares, then a donation, so that the next deposit rounds to nothing."""
    line = empty_line(lab)
    deposit(lab, 1, lab.mallory)
    lab.send("DemoToken", "mint", line, 1_000_000 * UNIT)
    assert value(lab, "totalAssets") == value(lab, "cash") == 1
    shares = deposit(lab, 1_000 * UNIT, lab.bob)
    assert shares == 1_000 * UNIT * 10**6
    assert redeem_all(lab, lab.mallory) == 1
    assert redeem_all(lab, lab.bob) == 1_000 * UNIT


def test_interest_inflates_less_than_it_costs(lab: Lab) -> None:
    """Attack: the only depositor lends to herself and pays interest, the one thing that can be given to the books.

    The virtual shares take a part of it that no one gets; the victim loses to rounding less than a millionth of it.
    """
    free_line(lab, 100_000, 730)
    deposit(lab, 1, lab.mallory)
    gain_interest(lab)
    interest = value(lab, "cash") - 1
    assert interest == 21  # of one wei; rounded up, against the borrower
    deposit(lab, 20_001, lab.bob)
    assert redeem_all(lab, lab.mallory) <= (1 + interest) // 2 + 1, "the virtual shares hold the other half"
    assert redeem_all(lab, lab.bob) >= 20_000


def test_dust_deposits_gain_nothing(lab: Lab) -> None:
    past_due(lab, 3)
    provide(lab, 30, lab.bob)
    for _ in range(10):
        lab.send("CreditLine", "deposit", 1, lab.bob.address, by=lab.bob)
    assert redeem_all(lab, lab.bob) <= 10


# Hooks.


def line_with(lab: Lab, token: str) -> None:
    """Replace the credit line by one that lends another token."""
    lab.deploy_as("DemoToken", helper_contracts()[token])
    empty_line(lab)
    lab.open_credit()


CALLS = {
    "deposit": lambda lab: (1, lab.bob.address),
    "mint": lambda lab: (1, lab.bob.address),
    "withdraw": lambda lab: (1, lab.owner.address, lab.owner.address),
    "redeem": lambda lab: (1, lab.owner.address, lab.owner.address),
    "draw": lambda lab: (lab.tier_model, lab.issuer.address, UNIT),
    "drawWithin": lambda lab: (lab.tier_model, lab.issuer.address, UNIT, 10_000, 0),
    "repay": lambda lab: (1, 1),
    "claim": lambda lab: ([due_day(lab, 2)], lab.owner.address),
    "writeOff": lambda lab: (1,),
    "roll": lambda lab: (),
}


def with_a_pocket(lab: Lab) -> None:
    """Alice's loan is open, bob's is late and partly paid."""
    lab.decided()
    lab.decided(subject=lab.bob, personId=person(2))
    lab.draw(1_000 * UNIT)
    set_terms(lab, 3, 1)
    lab.draw(UNIT, by=lab.bob)
    provide(lab, 1_000 * UNIT)
    lab.travel(loan(lab, 2)["dueAt"])
    repay(lab, 2, UNIT // 2)


@pytest.mark.parametrize("function", CALLS)
def test_no_reentry_from_the_token(lab: Lab, function: str) -> None:
    line_with(lab, "HookedToken")
    with_a_pocket(lab)
    line = lab.contracts["CreditLine"]
    lab.send("DemoToken", "hook", line.address, line.encode(function, CALLS[function](lab)))
    owner = lab.owner.address
    for call, by in (
        (("draw", lab.tier_model, lab.issuer.address, UNIT), lab.alice),
        (("repay", 1, 1), lab.alice),
        (("claim", [due_day(lab, 2)], owner), lab.owner),
        (("deposit", 1, owner), lab.owner),
        (("mint", 1, owner), lab.owner),
        (("withdraw", 1, owner, owner), lab.owner),
        (("redeem", 10**9, owner, owner), lab.owner),
    ):
        with reverts("ReentrancyGuardReentrantCall"):
            lab.send("CreditLine", *call, by=by)


def test_prices_are_final_when_the_token_is_called(lab: Lab) -> None:
    """Read-only reentrancy: what a hook sees before and after the tokens move is what everybody sees afterwards."""
    line_with(lab, "WitnessedToken")
    lab.send("CreditLine", "setModelTerms", lab.tier_model, FREE)  # without interest no second changes a price
    lab.decided()
    lab.decided(subject=lab.bob, personId=person(2))
    lab.draw(1_000 * UNIT)
    lab.send("CreditLine", "setModelTerms", lab.tier_model, (*FREE[:3], 1))
    lab.draw(UNIT, by=lab.bob)
    lab.travel(loan(lab, 2)["dueAt"])
    witness = lab.deploy_as("Witness", helper_contracts()["Witness"])
    line, owner = lab.address("CreditLine"), lab.owner.address
    provide(lab, 1_000 * UNIT)
    lab.send("DemoToken", "watch", witness.address, line)
    calls = (
        (("draw", lab.tier_model, lab.issuer.address, UNIT), lab.alice),
        (("repay", 1, 300 * UNIT), lab.alice),
        (("repay", 2, UNIT // 2), lab.alice),
        (("claim", [due_day(lab, 2)], owner), lab.owner),
        (("deposit", 77 * UNIT, owner), lab.owner),
        (("mint", 10**23, owner), lab.owner),
        (("withdraw", 5 * UNIT, owner, owner), lab.owner),
        (("redeem", 10**23, owner, owner), lab.owner),
    )
    for call, by in calls:
        seen = len(lab.read("Witness", "seen"))
        lab.send("CreditLine", *call, by=by)
        lab.send("Witness", "look", line)
        looks = lab.read("Witness", "seen")[seen:]
        assert len(looks) == 18
        assert looks[:6] == looks[6:12] == looks[12:], call[0]


# Tokens.


def test_a_token_that_charges_is_refused(lab: Lab) -> None:
    line_with(lab, "MoodyToken")
    lab.decided()
    lab.draw(10 * UNIT)
    provide(lab, UNIT)
    lab.send("DemoToken", "charge", 100, 0)
    with reverts("TokenCharges", UNIT, UNIT * 99 // 100):
        lab.send("CreditLine", "deposit", UNIT, lab.alice.address, by=lab.alice)
    with reverts("TokenCharges"):
        lab.send("CreditLine", "mint", UNIT * 10**6, lab.alice.address, by=lab.alice)
    with reverts("TokenCharges", UNIT, UNIT * 99 // 100):
        repay(lab, 1, UNIT)
    owner = lab.owner.address
    lab.send("CreditLine", "withdraw", UNIT, owner, owner)  # the receiver bears it, the books do not
    assert balance(lab, lab.address("CreditLine")) == value(lab, "cash")


def test_a_token_that_takes_more_from_the_sender_is_refused(lab: Lab) -> None:
    line_with(lab, "MoodyToken")
    lab.decided()
    lab.send("DemoToken", "charge", 0, 100)
    owner, booked = lab.owner.address, POOL - UNIT
    for call, by in (
        (("draw", lab.tier_model, lab.issuer.address, UNIT), lab.alice),
        (("withdraw", UNIT, owner, owner), lab.owner),
        (("redeem", UNIT * 10**6, owner, owner), lab.owner),
    ):
        with reverts("TokenMissing", booked, booked - UNIT // 100):
            lab.send("CreditLine", *call, by=by)


def test_a_token_that_shrank_is_refused_until_healed(lab: Lab) -> None:
    """Nobody enters, leaves, claims or draws on books that are not there; repaying still works, anybody can heal it."""
    line_with(lab, "MoodyToken")
    with_a_pocket(lab)
    line, owner = lab.address("CreditLine"), lab.owner.address
    booked = value(lab, "cash") + value(lab, "pocketed")
    lab.send("DemoToken", "rebase", line, 1)
    for most in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"):
        assert value(lab, most, owner) == 0
    calls = (
        (("draw", lab.tier_model, lab.issuer.address, 1), lab.alice, "TokenMissing", (booked - 1, booked - 2)),
        (("claim", [due_day(lab, 2)], owner), lab.owner, "TokenMissing", (booked - UNIT // 2, booked - UNIT // 2 - 1)),
        (("deposit", 1, owner), lab.alice, "ERC4626ExceededMaxDeposit", (owner, 1, 0)),
        (("mint", 10**6, owner), lab.alice, "ERC4626ExceededMaxMint", (owner, 10**6, 0)),
        (("withdraw", 1, owner, owner), lab.owner, "ERC4626ExceededMaxWithdraw", (owner, 1, 0)),
        (("redeem", 10**9, owner, owner), lab.owner, "ERC4626ExceededMaxRedeem", (owner, 10**9, 0)),
    )
    for call, by, error, args in calls:
        with reverts(error, *args):
            lab.send("CreditLine", *call, by=by)
    repay(lab, 1, UNIT)
    lab.send("DemoToken", "mint", line, 1)
    for call, by, _, _ in calls:
        lab.send("CreditLine", *call, by=by)


def test_a_token_that_returns_nothing_works(lab: Lab) -> None:
    line_with(lab, "SilentToken")
    lab.decided()
    lab.draw(10 * UNIT)
    provide(lab, UNIT)
    repay(lab)
    redeem_all(lab, lab.owner)
    assert value(lab, "decimals") == 24  # of a token that tells none: 18


def test_a_token_that_returns_false_is_refused(lab: Lab) -> None:
    line_with(lab, "SilentToken")
    lab.decided()
    lab.draw(UNIT)
    lab.send("DemoToken", "refuse")
    for call in (("draw", lab.tier_model, lab.issuer.address, 1), ("repay", 1, 1), ("deposit", 1, lab.bob.address)):
        with reverts("SafeERC20FailedOperation", lab.address("DemoToken")):
            lab.send("CreditLine", *call, by=lab.alice)


# Registries that fail.


def test_repaying_and_leaving_survive_the_registries(lab: Lab) -> None:
    """Registry destroyed, model deprecated, issuer gone: only drawing stops."""
    decisions = lab.deploy_as("OpenDecisions", helper_contracts()["OpenDecisions"])
    lab.deploy("CreditLine", decisions.address, lab.address("DemoToken"), lab.owner.address)
    lab.open_credit()
    lab.draw(100 * UNIT)
    lab.send("OpenDecisions", "destroy")
    with reverts("Error"):
        lab.draw(1)
    provide(lab, 10 * UNIT)
    lab.send("CreditLine", "repay", 1, 60 * UNIT, by=lab.alice)
    lab.travel(loan(lab)["dueAt"] + WRITE_OFF_DELAY)
    lab.send("CreditLine", "writeOff", 1)
    repay(lab)
    assert claim(lab, due_day(lab), lab.owner) > 40 * UNIT
    deposit(lab, UNIT, lab.bob)
    redeem_all(lab, lab.bob)
    redeem_all(lab, lab.owner)


def test_a_second_model_does_not_lift_a_persons_limit(lab: Lab) -> None:
    other = lab.register("TierVerifier", TIER_LAYOUT, "another")
    lab.send("CreditLine", "setModelTerms", other, lab.read("CreditLine", "modelTermsOf", lab.tier_model))
    facts = lab.decided(tier=1).attestation
    lab.decided(tier=1, attestation=facts, model=other, nonce=1)
    lab.draw(1_000 * UNIT)
    with reverts("PersonCapExceeded"):
        lab.draw(1, model=other)
