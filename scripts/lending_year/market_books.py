"""A collateral market's books again, in whole numbers, from the promises of ICollateralMarket.

Roundings go against whoever acts: debt up, supply down, seized collateral down. A pool is thought to hold one unit and
a million shares more than it does. Interest compounds by three terms of the exponential series.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum

from lending_year.purse import Purse, up

BPS = 10_000
WAD = 10**18
YEAR = 365 * 86_400
VIRTUAL_SHARES = 10**6


class State(IntEnum):
    """What can happen to a position."""

    NO_DEBT = 0
    HEALTHY = 1
    CALLABLE = 2
    CALLED = 3
    LIQUIDATABLE = 4


@dataclass(frozen=True)
class Rules:
    """The market's numbers, in basis points, seconds and smallest units."""

    lltvs: tuple[int, ...] = (0, 6_500, 7_200, 7_800)
    hard_lltv: int = 8_600
    close_factor: int = 5_000
    incentive: int = 500
    grace: int = 2 * 86_400
    window: int = 5 * 86_400
    min_debt: int = 50 * WAD
    kink: int = 8_000
    base_rate: int = 200
    kink_rate: int = 800
    full_rate: int = 6_000
    price_factor: int = 1
    price_divisor: int = 1
    """Loan units for one collateral unit are the feed's answer times this factor over this divisor."""


@dataclass
class Position:
    """What an account has."""

    supply_shares: int = 0
    debt_shares: int = 0
    collateral: int = 0
    lltv: int = 0
    called_at: int = 0


@dataclass
class Sums:
    """What happened in a month or a year."""

    supplied: int = 0
    withdrawn: int = 0
    borrowed: int = 0
    repaid: int = 0
    liquidated: int = 0
    interest: int = 0
    bad_debt: int = 0


@dataclass
class MarketBooks:
    """One market, told what happened and when."""

    address: str
    loan: Purse
    collateral: Purse
    rules: Rules = Rules()
    positions: defaultdict[str, Position] = field(default_factory=lambda: defaultdict(Position))
    supplied: int = 0
    supply_shares: int = 0
    borrowed: int = 0
    debt_shares: int = 0
    accrued_at: int = 0
    price: int = 0
    month: Sums = field(default_factory=Sums)
    year: Sums = field(default_factory=Sums)
    _remainder: int = 0

    # Interest.

    def rate(self) -> int:
        """Annual rate at the present utilisation, 1e18 = 100 %."""
        used = min(self.borrowed * WAD // self.supplied, WAD) if self.borrowed else 0
        rules, bend, point = self.rules, self.rules.kink * WAD // BPS, WAD // BPS
        if used <= bend:
            return rules.base_rate * point + (rules.kink_rate - rules.base_rate) * point * used // bend
        steep = (rules.full_rate - rules.kink_rate) * point
        return rules.kink_rate * point + steep * (used - bend) // (WAD - bend)

    def accrue(self, now: int) -> None:
        """Interest up to now, for both sides alike; what is below a unit waits."""
        x = self.rate() * (now - self.accrued_at) // YEAR
        square = x * x // (2 * WAD)
        growth = x + square + square * x // (3 * WAD)
        interest, self._remainder = divmod(self.borrowed * growth + self._remainder, WAD)
        self.supplied += interest
        self.borrowed += interest
        self.accrued_at = now
        self._note("interest", interest)

    def at(self, now: int) -> MarketBooks:
        """The sums as a view shows them at a moment, without touching these."""
        shown = MarketBooks(self.address, self.loan, self.collateral, self.rules, self.positions)
        for name in ("supplied", "supply_shares", "borrowed", "debt_shares", "accrued_at", "price", "_remainder"):
            setattr(shown, name, getattr(self, name))
        shown.accrue(now)
        return shown

    def debt(self, who: str) -> int:
        """What an account owes, rounded up. Accrue first."""
        return self._assets_up(self.positions[who].debt_shares)

    def supply_of(self, who: str) -> int:
        """What an account's supply is worth, rounded down. Accrue first."""
        shares = self.positions[who].supply_shares
        return shares * (self.supplied + 1) // (self.supply_shares + VIRTUAL_SHARES)

    # Suppliers.

    def supply(self, who: str, amount: int, now: int) -> None:
        self.accrue(now)
        shares = amount * (self.supply_shares + VIRTUAL_SHARES) // (self.supplied + 1)
        self.positions[who].supply_shares += shares
        self.supply_shares += shares
        self.supplied += amount
        self.loan.move(who, self.address, amount)
        self._note("supplied", amount)

    def withdraw_shares(self, who: str, shares: int, now: int) -> int:
        """What the shares brought."""
        self.accrue(now)
        amount = shares * (self.supplied + 1) // (self.supply_shares + VIRTUAL_SHARES)
        self._withdraw(who, amount, shares)
        return amount

    def withdraw(self, who: str, amount: int, now: int) -> None:
        self.accrue(now)
        self._withdraw(who, amount, up(amount * (self.supply_shares + VIRTUAL_SHARES), self.supplied + 1))

    # Borrowers.

    def lock(self, who: str, amount: int, now: int) -> None:
        """Collateral in."""
        self.accrue(now)
        self.positions[who].collateral += amount
        self.collateral.move(who, self.address, amount)
        self._cure_if_healthy(who)

    def unlock(self, who: str, amount: int, now: int) -> None:
        """Collateral out."""
        self.accrue(now)
        self.positions[who].collateral -= amount
        self.collateral.move(self.address, who, amount)
        self.positions[who].called_at = 0

    def borrow(self, who: str, amount: int, tier: int, now: int) -> None:
        self.accrue(now)
        position = self.positions[who]
        lltv = self.rules.lltvs[tier]
        position.lltv = min(lltv, position.lltv) if position.debt_shares else lltv
        shares = up(amount * (self.debt_shares + VIRTUAL_SHARES), self.borrowed + 1)
        position.debt_shares += shares
        position.called_at = 0
        self.debt_shares += shares
        self.borrowed += amount
        self.loan.move(self.address, who, amount)
        self._note("borrowed", amount)

    def repay(self, who: str, amount: int, now: int) -> int:
        """What was taken: no more than is owed, and of less than that no more than leaves the least debt."""
        self.accrue(now)
        position, owed = self.positions[who], self.debt(who)
        shares = position.debt_shares
        if amount < owed:
            amount = min(amount, max(owed - self.rules.min_debt, 0))
            shares = self._shares_down(amount)
        paid = min(amount, owed)
        self._reduce(position, paid, shares)
        self._cure_if_healthy(who)
        self.loan.move(who, self.address, paid)
        self._note("repaid", paid)
        return paid

    # Risk. Accrue first.

    def value(self, who: str) -> int:
        """Collateral in loan tokens, rounded down."""
        worth = self.positions[who].collateral * self.price * self.rules.price_factor
        return worth // self.rules.price_divisor

    def room(self, who: str, tier: int) -> int:
        """Most debt that the collateral secures in a tier."""
        return self.value(who) * self.rules.lltvs[tier] // BPS

    def state(self, who: str, now: int) -> State:
        position, debt, value = self.positions[who], self.debt(who), self.value(who)
        if not position.debt_shares:
            return State.NO_DEBT
        if debt <= value * position.lltv // BPS:
            return State.HEALTHY
        if debt > value * self.rules.hard_lltv // BPS:
            return State.LIQUIDATABLE
        ripe = position.called_at + self.rules.grace
        if not position.called_at or now > ripe + self.rules.window:
            return State.CALLABLE
        return State.CALLED if now < ripe else State.LIQUIDATABLE

    def call(self, who: str, now: int) -> None:
        self.accrue(now)
        self.positions[who].called_at = now

    def cure(self, who: str, now: int) -> None:
        self.accrue(now)
        self.positions[who].called_at = 0

    def liquidate(self, who: str, liquidator: str, now: int) -> tuple[int, int, int]:
        """As much as may be repaid at once: repaid, seized, and what nobody pays."""
        self.accrue(now)
        position, debt, value, rules = self.positions[who], self.debt(who), self.value(who), self.rules
        with_incentive = BPS + rules.incentive
        lost = 0
        if debt > value * BPS // with_incentive:
            worth_up = up(position.collateral * self.price * rules.price_factor, rules.price_divisor)
            repaid, seized = min(debt, up(worth_up * BPS, with_incentive)), position.collateral
            self._reduce(position, repaid, position.debt_shares if repaid == debt else self._shares_down(repaid))
            if position.debt_shares:
                lost = min(self.debt(who), self.borrowed)
                self._reduce(position, lost, position.debt_shares)
                self.supplied -= lost
        else:
            repaid = debt
            if debt <= value * rules.hard_lltv // BPS:
                repaid = up(debt * rules.close_factor, BPS)
                repaid = debt if debt - repaid < rules.min_debt else repaid
            self._reduce(position, repaid, position.debt_shares if repaid == debt else self._shares_down(repaid))
            gone = min(repaid, max(0, debt - self.debt(who)))
            bought = gone * with_incentive * rules.price_divisor // (self.price * rules.price_factor) // BPS
            seized = min(bought, position.collateral)
        position.collateral -= seized
        self._cure_if_healthy(who)
        self.loan.move(liquidator, self.address, repaid)
        self.collateral.move(self.address, liquidator, seized)
        self._note("liquidated", repaid)
        self._note("bad_debt", lost)
        return repaid, seized, lost

    def flows(self) -> int:
        """Loan tokens here by what came and went in the year."""
        year = self.year
        return year.supplied - year.withdrawn - year.borrowed + year.repaid + year.liquidated

    def close_month(self) -> Sums:
        """The month's flows; the next one begins."""
        closed, self.month = self.month, Sums()
        return closed

    def _withdraw(self, who: str, amount: int, shares: int) -> None:
        self.positions[who].supply_shares -= shares
        self.supply_shares -= shares
        self.supplied -= amount
        self.loan.move(self.address, who, amount)
        self._note("withdrawn", amount)

    def _assets_up(self, shares: int) -> int:
        return up(shares * (self.borrowed + 1), self.debt_shares + VIRTUAL_SHARES)

    def _shares_down(self, assets: int) -> int:
        return assets * (self.debt_shares + VIRTUAL_SHARES) // (self.borrowed + 1)

    def _reduce(self, position: Position, assets: int, shares: int) -> None:
        position.debt_shares -= shares
        self.debt_shares -= shares
        if self.debt_shares:
            self.borrowed = max(0, self.borrowed - assets)
            return
        self.supplied += assets - self.borrowed  # what rounding left of the sum is nobody's debt, so it is no claim
        self.borrowed = 0

    def _cure_if_healthy(self, who: str) -> None:
        position = self.positions[who]
        if not position.debt_shares:
            position.lltv = position.called_at = 0
        elif self.debt(who) <= self.value(who) * position.lltv // BPS:
            position.called_at = 0

    def _note(self, what: str, amount: int) -> None:
        for period in (self.month, self.year):
            setattr(period, what, getattr(period, what) + amount)
