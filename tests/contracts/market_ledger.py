"""An independent ledger of one collateral market: what CollateralMarket must answer, to the smallest unit.

Whole numbers only, written from the interface: shares and debts, interest by utilisation, what a price lets happen to a
position. Amounts of both tokens have 18 decimals and the feed quotes one whole collateral token in 1e-8 loan tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BPS, WAD, YEAR = 10_000, 10**18, 365 * 86_400
FEED = 10**8
VIRTUAL_SHARES, VIRTUAL_ASSETS = 10**6, 1
LARGEST_EXPONENT = 1_000 * WAD


@dataclass(frozen=True)
class Terms:
    """The market's parameters that money depends on."""

    hard: int
    close_factor: int
    incentive: int
    kink: int
    base_rate: int
    kink_rate: int
    full_rate: int
    min_debt: int
    grace: int
    window: int


@dataclass
class Account:
    """What one account has."""

    supply: int = 0
    borrow: int = 0
    collateral: int = 0
    lltv: int = 0
    called_at: int = 0


@dataclass
class MarketLedger:
    """Sums and accounts. Every function takes the time and brings interest up to it first."""

    terms: Terms
    accrued_at: int
    supplied: int = 0
    supply_shares: int = 0
    borrowed: int = 0
    borrow_shares: int = 0
    remainder: int = 0
    held: int = 0  # loan tokens that belong to somebody
    settled: int = 0  # what rounding left when the last debt was closed
    accounts: dict[str, Account] = field(default_factory=dict)

    def of(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account())

    # Interest.
    def rate(self) -> int:
        """Annual rate by utilisation, straight lines from base to kink to full."""
        terms, unit = self.terms, WAD // BPS
        used = min(self.borrowed * WAD // self.supplied, WAD) if self.borrowed else 0
        bend = terms.kink * unit
        if used <= bend:
            return terms.base_rate * unit + (terms.kink_rate - terms.base_rate) * unit * used // bend
        steep = (terms.full_rate - terms.kink_rate) * unit
        return terms.kink_rate * unit + steep * (used - bend) // (WAD - bend)

    def accrue(self, now: int) -> None:
        """Interest of e^x - 1 to its third term; what is below a unit is kept."""
        if now == self.accrued_at:
            return
        x = min(self.rate() * (now - self.accrued_at) // YEAR, LARGEST_EXPONENT)
        square = x * x // (2 * WAD)
        interest, self.remainder = divmod(self.borrowed * (x + square + square * x // (3 * WAD)) + self.remainder, WAD)
        assert interest >= 0
        self.supplied += interest
        self.borrowed += interest
        self.accrued_at = now

    # Shares.
    def supply_for(self, assets: int) -> int:
        return assets * (self.supply_shares + VIRTUAL_SHARES) // (self.supplied + VIRTUAL_ASSETS)

    def supply_cost(self, assets: int) -> int:
        return -(-assets * (self.supply_shares + VIRTUAL_SHARES) // (self.supplied + VIRTUAL_ASSETS))

    def worth(self, shares: int) -> int:
        return shares * (self.supplied + VIRTUAL_ASSETS) // (self.supply_shares + VIRTUAL_SHARES)

    def debt_shares_up(self, assets: int) -> int:
        return -(-assets * (self.borrow_shares + VIRTUAL_SHARES) // (self.borrowed + VIRTUAL_ASSETS))

    def debt_shares_down(self, assets: int) -> int:
        return assets * (self.borrow_shares + VIRTUAL_SHARES) // (self.borrowed + VIRTUAL_ASSETS)

    def debt_of(self, shares: int) -> int:
        return -(-shares * (self.borrowed + VIRTUAL_ASSETS) // (self.borrow_shares + VIRTUAL_SHARES))

    def debt(self, name: str) -> int:
        return self.debt_of(self.of(name).borrow)

    def liquidity(self) -> int:
        return self.supplied - self.borrowed

    # Suppliers and borrowers.
    def supply(self, name: str, assets: int) -> int:
        shares = self.supply_for(assets)
        self.supplied += assets
        self.supply_shares += shares
        self.held += assets
        self.of(name).supply += shares
        return shares

    def withdraw(self, name: str, assets: int, shares: int) -> None:
        self.supplied -= assets
        self.supply_shares -= shares
        self.held -= assets
        self.of(name).supply -= shares

    def borrow(self, name: str, assets: int, lltv: int) -> int:
        account, shares = self.of(name), self.debt_shares_up(assets)
        account.lltv = min(lltv, account.lltv) if account.borrow else lltv
        account.borrow += shares
        account.called_at = 0  # healthy, or it would be refused
        self.borrowed += assets
        self.borrow_shares += shares
        self.held -= assets
        return shares

    def payment(self, name: str, assets: int) -> tuple[int, int]:
        """Assets taken and shares gone for a repayment of at most ``assets``."""
        shares, debt = self.of(name).borrow, self.debt(name)
        if assets >= debt:
            return debt, shares
        assets = min(assets, max(debt - self.terms.min_debt, 0))
        return assets, self.debt_shares_down(assets)

    def left(self, name: str, paid: int, shares: int) -> int:
        """What is owed after a payment."""
        rest = self.of(name).borrow - shares
        owed = max(self.borrowed - paid, 0) + VIRTUAL_ASSETS
        return -(-rest * owed // (self.borrow_shares - shares + VIRTUAL_SHARES))

    def repay(self, name: str, paid: int, shares: int) -> None:
        self.reduce(name, paid, shares)
        self.held += paid

    def reduce(self, name: str, assets: int, shares: int) -> None:
        account = self.of(name)
        account.borrow -= shares
        self.borrow_shares -= shares
        if self.borrow_shares:
            self.borrowed = max(self.borrowed - assets, 0)
        else:  # suppliers own what is here: not what nobody owes, but what was paid above the sum
            self.settled = assets - self.borrowed
            self.supplied += self.settled
            self.borrowed = 0
        if not account.borrow:
            account.lltv = account.called_at = 0

    # Prices.
    def most(self, name: str, price: int, lltv: int) -> int:
        """Most debt that the collateral secures."""
        return self.of(name).collateral * price // FEED * lltv // BPS

    def healthy(self, name: str, price: int) -> bool:
        return self.debt(name) <= self.most(name, price, self.of(name).lltv)

    def settle(self, name: str, price: int | None) -> None:
        """A call ends as soon as an action leaves the position healthy; without a price nobody can tell."""
        if price is not None and self.healthy(name, price):
            self.of(name).called_at = 0

    def repayable(self, name: str, price: int, now: int) -> int:
        """Most that a liquidation repays now; zero when it is not allowed."""
        terms, account, debt = self.terms, self.of(name), self.debt(name)
        if self.healthy(name, price):
            return 0
        hard = debt > self.most(name, price, terms.hard)
        ready = account.called_at + terms.grace
        if not hard and not (account.called_at and ready <= now <= ready + terms.window):
            return 0
        if self.insolvent(name, price):
            value = -(-account.collateral * price // FEED)
            return min(debt, -(-value * BPS // (BPS + terms.incentive)))
        part = -(-debt * terms.close_factor // BPS)
        return debt if hard or debt - part < terms.min_debt else part

    def insolvent(self, name: str, price: int) -> bool:
        """Whether the collateral does not pay debt and incentive."""
        value = self.of(name).collateral * price // FEED
        return self.debt(name) > value * BPS // (BPS + self.terms.incentive)

    def liquidate(self, name: str, price: int, repaid: int) -> tuple[int, int]:
        """Books of a liquidation that is allowed; collateral seized and debt lost."""
        account, debt = self.of(name), self.debt(name)
        shares = account.borrow if repaid == debt else self.debt_shares_down(repaid)
        whole = self.insolvent(name, price)
        self.reduce(name, repaid, shares)
        lost = 0
        if whole:
            seized = account.collateral
            if account.borrow:
                lost = min(self.debt(name), self.borrowed)
                self.reduce(name, lost, account.borrow)
                self.supplied -= lost
        else:
            gone = min(repaid, max(debt - self.debt(name), 0))
            bought = gone * (BPS + self.terms.incentive) * FEED // price // BPS
            seized = min(bought, account.collateral)
        account.collateral -= seized
        self.held += repaid
        if account.borrow:
            self.settle(name, price)
        return seized, lost
