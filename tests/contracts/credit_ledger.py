"""The credit line's money, kept a second time: a plain list of loans, integers, nothing clever.

Times are those of the transactions. Every method answers what the contract must answer, to the wei.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.contracts.credit_lab import VESTING, VIRTUAL, WRITE_OFF_DELAY
from tests.contracts.lab import DAY

BPS_YEAR = 10_000 * 365 * DAY


def up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


@dataclass
class Entry:
    """A loan."""

    principal: int
    rate: int
    opened: int
    due: int
    interest: int = 0
    accrued: int = field(init=False)
    written_off: bool = False

    def __post_init__(self) -> None:
        self.accrued = self.opened

    def exact(self, time: int) -> int:
        """What is owed, in BPS_YEAR-ths."""
        owed = (self.principal + self.interest) * BPS_YEAR
        return owed + self.principal * self.rate * (time - self.accrued)


@dataclass
class Ledger:
    """A credit line's money."""

    cash: int = 0
    shares: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    loans: list[Entry] = field(default_factory=list)
    vesting: tuple[int, int, int] = (0, 0, 0)  # amount, start, end

    @property
    def supply(self) -> int:
        return sum(self.shares.values())

    def debts(self, time: int) -> tuple[int, int]:
        booked = [loan for loan in self.loans if loan.principal and not loan.written_off]
        good = sum(loan.exact(time) for loan in booked if time < loan.due)
        bad = sum(loan.exact(time) for loan in booked if time >= loan.due)
        return good // BPS_YEAR, bad // BPS_YEAR

    def unvested(self, time: int) -> int:
        amount, start, end = self.vesting
        return up(amount * (end - time), end - start) if time < end else 0

    def idle(self, time: int) -> int:
        return self.cash - self.unvested(time)

    def leaving(self, time: int) -> int:
        return self.idle(time) + self.debts(time)[0]

    def entering(self, time: int) -> int:
        return self.cash + sum(self.debts(time))

    def for_deposit(self, time: int, assets: int) -> int:
        return assets * (self.supply + VIRTUAL) // (self.entering(time) + 1)

    def for_mint(self, time: int, shares: int) -> int:
        return up(shares * (self.entering(time) + 1), self.supply + VIRTUAL)

    def for_redeem(self, time: int, shares: int) -> int:
        return shares * (self.leaving(time) + 1) // (self.supply + VIRTUAL)

    def for_withdraw(self, time: int, assets: int) -> int:
        return up(assets * (self.supply + VIRTUAL), self.leaving(time) + 1)

    def max_withdraw(self, time: int, who: str) -> int:
        return min(self.for_redeem(time, self.shares[who]), self.idle(time))

    def max_redeem(self, time: int, who: str) -> int:
        if self.for_redeem(time, self.shares[who]) <= self.idle(time):
            return self.shares[who]
        return self.idle(time) * (self.supply + VIRTUAL) // (self.leaving(time) + 1)

    def enter(self, who: str, assets: int, shares: int) -> None:
        self.cash += assets
        self.shares[who] += shares

    def draw(self, time: int, amount: int, rate: int, term_days: int) -> None:
        self.cash -= amount
        self.loans.append(Entry(amount, rate, time, (time // DAY + term_days + 1) * DAY))

    def repay(self, time: int, loan_id: int, amount: int) -> tuple[int, int]:
        """Interest and principal that are taken."""
        loan = self.loans[loan_id - 1]
        interest = loan.interest + up(loan.principal * loan.rate * (time - loan.accrued), BPS_YEAR)
        interest_paid = min(amount, interest)
        principal_paid = min(amount - interest_paid, loan.principal)
        paid = interest_paid + principal_paid
        if loan.written_off:
            left = self.unvested(time)
            wait = left * (self.vesting[2] - time) if left else 0
            end = time + (wait + paid * VESTING) // (left + paid)
            self.vesting = (left + paid, time, end)
        loan.accrued, loan.interest = time, interest - interest_paid
        loan.principal -= principal_paid
        self.cash += paid
        return interest_paid, principal_paid

    def may_write_off(self, time: int) -> list[int]:
        """Ids of the loans that may be written off."""
        return [
            number
            for number, loan in enumerate(self.loans, 1)
            if loan.principal and not loan.written_off and time >= loan.due + WRITE_OFF_DELAY
        ]
