"""A market's desk: each act once on the chain and once in the books, which must then agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from lending_year.calendar import Calendar
from lending_year.market_books import MarketBooks, Rules, State
from lending_year.people import UNIT, Applicant, wallet
from lending_year.purse import Purse, require
from lending_year.stage import DAY, MAX_AGE, Stage
from prover.chain.contracts import BoundContract
from prover.chain.signer import Signer

LARGEST = 2**256 - 1
MAX_PRICE_AGE = 8 * DAY
NOBODY = "0x" + "00" * 20


class Desk:
    """One market of CollateralMarket and its books.

    Args:
        stage, calendar: where and when.
        market: the contract.
        usd, token: what is lent; the books' count of it and the contract.
        collateral, collateral_token: likewise what is locked.
        feed: the collateral's price feed.
        rules: the market's numbers.
        terms: members of MarketParams that differ from the usual ones.
    """

    def __init__(
        self,
        stage: Stage,
        calendar: Calendar,
        market: BoundContract,
        usd: Purse,
        token: BoundContract,
        collateral: Purse,
        collateral_token: BoundContract,
        feed: BoundContract,
        rules: Rules,
        terms: Mapping[str, object] | None = None,
    ) -> None:
        self.stage, self.calendar, self.market = stage, calendar, market
        self.usd, self.token, self.collateral, self.collateral_token = usd, token, collateral, collateral_token
        self.feed = feed
        self.books = MarketBooks(market.address, usd, collateral, rules)
        self.seen: Counter[str] = Counter()
        self.keeper = wallet("market keeper")
        params = self._params(rules) | dict(terms or {})
        stage.act(stage.owner, market, "createMarket", params)
        self.books.accrued_at = stage.now()
        self.id = bytes(market.read("idOf", params))

    def price_at(self, now: int) -> int:
        """The feed's answer, by our own count."""
        return self.books.price

    # One act each.

    def supply(self, who: Signer, amount: int) -> None:
        self._act(who, "supply", amount, who.address)
        self.books.supply(who.address, amount, self._now())
        self.check()

    def withdraw(self, who: Signer, amount: int) -> None:
        self._act(who, "withdraw", amount, 0, who.address, who.address)
        self.books.withdraw(who.address, amount, self._now())
        self.check()

    def leave(self, who: Signer) -> None:
        """All shares, if everything they are worth is there; else what is there, to the last unit."""
        shown, shares = self.books.at(self.stage.now()), self.books.positions[who.address].supply_shares
        there = shown.supplied - shown.borrowed
        self.seen["exits"] += 1
        if shown.supply_of(who.address) + UNIT < there:
            self._act(who, "withdraw", 0, shares, who.address, who.address)
            self.books.withdraw_shares(who.address, shares, self._now())
            self.check()
        else:
            self.withdraw(who, min(there, shown.supply_of(who.address)))

    def lock(self, person: Applicant, amount: int) -> None:
        self._act(person.signer, "supplyCollateral", amount, person.address)
        self.books.lock(person.address, amount, self._now())
        self.check(person)

    def unlock(self, person: Applicant, amount: int) -> None:
        self._act(person.signer, "withdrawCollateral", amount, person.address, person.address)
        self.books.unlock(person.address, amount, self._now())
        self.check(person)

    def borrow(self, person: Applicant, tier: int, amount: int) -> None:
        self._act(person.signer, "borrow", amount, person.address, person.address)
        self.books.borrow(person.address, amount, tier, self._now())
        self.seen["collateral loans"] += 1
        self.check(person)

    def repay(self, person: Applicant, amount: int) -> None:
        self._act(person.signer, "repay", amount, 0, person.address)
        self.books.repay(person.address, amount, self._now())
        self.check(person)

    def decide(self, person: Applicant) -> int:
        """A fresh decision for this contract; returns its tier."""
        tier = self.stage.decide(person, self.market)
        self.seen["decisions"] += 1
        return tier

    def refused(self, error: str, person: Applicant, amount: int) -> None:
        """A borrow that must end in this error."""
        self.stage.refused(error, lambda: self._act(person.signer, "borrow", amount, person.address, person.address))

    # Who watches.

    def watch(self, person: Applicant) -> None:
        """Call, cure or liquidate as the books say one may; the contract must say the same."""
        who = person.address
        seen_at, now = self.stage.view_time(), self._now()
        require(f"state of {person.name}", int(self._state(who, seen_at)), self._read("stateOf", who)[0])
        state = self._state(who, now)
        if state is State.CALLABLE:
            self.stage.refused_by(("NotCalled", "MarginCallExpired"), lambda: self._sell(who))
            self._act(self.keeper, "marginCall", who)
            self.books.call(who, self._now())
            self.seen["margin calls"] += 1
            self.stage.refused("GracePeriod", lambda: self._sell(who))
            self.on_day(1, lambda: self.answer_call(person))
            self.on_day(3, lambda: self.watch(person))
        elif state is State.LIQUIDATABLE:
            self._liquidate(person)
        elif state is State.HEALTHY and self.books.positions[who].called_at:
            self._act(self.keeper, "cure", who)
            self.books.cure(who, self._now())
            self.seen["cures"] += 1
        else:
            return
        self.check(person)

    def answer_call(self, person: Applicant) -> None:
        """What a borrower does a day after a margin call: nothing."""

    def on_day(self, days: int, event: Callable[[], None]) -> None:
        """Enter something into the calendar, so many days from now."""
        self.calendar.on(self.stage.today() + days, event)

    def outfit(self, who: Signer, money: int) -> None:
        """Ether for gas, play money, and an allowance."""
        if not self.stage.network.w3.eth.get_balance(who.address):
            self.stage.give(who, UNIT)
        self.stage.act(self.stage.owner, self.token, "mint", who.address, money)
        self.usd.mint(who.address, money)
        self.stage.act(who, self.token, "approve", self.market.address, LARGEST)

    # Both counts.

    def check(self, person: Applicant | None = None) -> None:
        """The sums agree after every act, and so does the position it was about."""
        shown, market = self.books.at(self.stage.view_time()), self._read("marketOf")
        ours = (shown.supplied, shown.supply_shares, shown.borrowed, shown.debt_shares)
        require("market", ours, tuple(market[:4]))
        if person is not None:
            self._check_position(person.address)

    def audit(self) -> int:
        """Every position; returns how many figures agreed."""
        self.check()
        shown = self.books.at(self.stage.view_time())
        for who in list(self.books.positions):
            self._check_position(who)
            require(f"debt of {who}", shown.debt(who), self._read("debtOf", who))
            require(f"supply of {who}", shown.supply_of(who), self._read("suppliedOf", who))
        held = self.collateral.held[self.market.address]
        require(f"tracked {self.collateral.symbol}", held, self.market.read("trackedOf", self.collateral_token.address))
        claims = sum(shown.supply_of(who) for who in self.books.positions)
        if claims > shown.supplied:
            raise AssertionError(f"suppliers may claim {claims} of {shown.supplied}")
        return 6 + 7 * len(self.books.positions)

    def _check_position(self, who: str) -> None:
        position, theirs = self.books.positions[who], self._read("positionOf", who)
        ours = (position.supply_shares, position.debt_shares, position.collateral, position.lltv, position.called_at)
        require(f"position of {who}", ours, tuple(theirs[:5]))

    # Helpers.

    def _liquidate(self, person: Applicant) -> None:
        who = person.address
        self._sell(who)
        _, _, lost = self.books.liquidate(who, self.keeper.address, self._now())
        self.seen["liquidations"] += 1
        self.seen["bad debts"] += lost > 0
        if self.books.positions[who].debt_shares:
            self.on_day(1, lambda: self.watch(person))

    def _state(self, who: str, moment: int) -> State:
        shown = self.books.at(moment)
        shown.price = self.price_at(moment)
        return shown.state(who, moment)

    def _sell(self, who: str) -> None:
        self._act(self.keeper, "liquidate", who, LARGEST, 0, b"")

    def _now(self) -> int:
        """The latest block's second; the books' price is brought up to it."""
        now = self.stage.now()
        self.books.price = self.price_at(now)
        return now

    def _act(self, who: Signer, function: str, *args: object) -> None:
        self.stage.act(who, self.market, function, self.id, *args)

    def _read(self, function: str, *args: object) -> tuple[int, ...]:
        answer: tuple[int, ...] = self.market.read(function, self.id, *args)
        return answer

    def _params(self, rules: Rules) -> dict[str, object]:
        return {
            "loanToken": self.token.address,
            "maxPriceAge": MAX_PRICE_AGE,
            "maxLiquidationPriceAge": 30 * DAY,
            "maxDecisionAge": MAX_AGE,
            "collateralToken": self.collateral_token.address,
            "marginCallGrace": rules.grace,
            "marginCallWindow": rules.window,
            "sequencerGrace": 0,
            "collateralFeed": self.feed.address,
            "hardLltvBps": rules.hard_lltv,
            "closeFactorBps": rules.close_factor,
            "incentiveBps": rules.incentive,
            "kinkBps": rules.kink,
            "loanFeed": NOBODY,
            "baseRateBps": rules.base_rate,
            "kinkRateBps": rules.kink_rate,
            "fullRateBps": rules.full_rate,
            "sequencerFeed": NOBODY,
            "issuer": self.stage.issuer.address,
            "minDebt": rules.min_debt,
            "modelId": self.stage.model_id,
            "lltvsBps": list(rules.lltvs),
        }
