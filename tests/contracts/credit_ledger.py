"""The credit line's money, kept a second time: a plain list of loans, integers, nothing clever.

Times are those of the transactions. Every method answers what the contract must answer, to the wei.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.contracts.credit_lab import VIRTUAL, WRITE_OFF_DELAY
from tests.contracts.lab import DAY

BPS_YEAR = 10_000 * 365 * DAY
SHARES_PER_WEI = 10**24  # where deposits end


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
    history: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # all balances after each change
    pockets: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by due time: what came in late
    claimed: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def supply(self) -> int:
        return sum(self.shares.values())

    def debts(self, time: int) -> tuple[int, int]:
        booked = [loan for loan in self.loans if loan.principal and not loan.written_off]
        good = sum(loan.exact(time) for loan in booked if time < loan.due)
        bad = sum(loan.exact(time) for loan in booked if time >= loan.due)
        return good // BPS_YEAR, bad // BPS_YEAR

    @property
    def pocketed(self) -> int:
        return sum(self.pockets.values()) - sum(self.claimed.values())

    def assets(self, time: int) -> int:
        return self.cash + self.debts(time)[0]

    def open(self, time: int) -> bool:
        """Whether deposits are taken."""
        return self.supply <= (self.assets(time) + 1) * SHARES_PER_WEI

    def holders(self, due: int) -> dict[str, int]:
        """Who held how much in the last second before a due time."""
        return next((held for time, held in reversed(self.history) if time < due), {})

    def claimable(self, due: int, who: str) -> int:
        held = self.holders(due)
        if not (recovered := self.pockets[due]):
            return 0
        return recovered * held.get(who, 0) // sum(held.values()) - self.claimed[due, who]

    def for_deposit(self, time: int, assets: int) -> int:
        return assets * (self.supply + VIRTUAL) // (self.assets(time) + 1)

    def for_mint(self, time: int, shares: int) -> int:
        return up(shares * (self.assets(time) + 1), self.supply + VIRTUAL)

    def for_redeem(self, time: int, shares: int) -> int:
        return shares * (self.assets(time) + 1) // (self.supply + VIRTUAL)

    def for_withdraw(self, time: int, assets: int) -> int:
        return up(assets * (self.supply + VIRTUAL), self.assets(time) + 1)

    def max_withdraw(self, time: int, who: str) -> int:
        return min(self.for_redeem(time, self.shares[who]), self.cash)

    def max_redeem(self, time: int, who: str) -> int:
        most = self.shares[who]
        if self.for_redeem(time, most) > self.cash:
            most = self.cash * (self.supply + VIRTUAL) // (self.assets(time) + 1)
        return most if self.for_redeem(time, most) else 0

    def enter(self, time: int, who: str, assets: int, shares: int) -> None:
        self.cash += assets
        self.shares[who] += shares
        self.history.append((time, dict(self.shares)))

    def transfer(self, time: int, who: str, to: str, shares: int) -> None:
        self.shares[who] -= shares
        self.shares[to] += shares
        self.history.append((time, dict(self.shares)))

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
        loan.accrued, loan.interest = time, interest - interest_paid
        loan.principal -= principal_paid
        if time >= loan.due and sum(self.holders(loan.due).values()):
            self.pockets[loan.due] += paid
        else:
            self.cash += paid
        return interest_paid, principal_paid

    def may_write_off(self, time: int) -> list[int]:
        """Ids of the loans that may be written off."""
        return [
            number
            for number, loan in enumerate(self.loans, 1)
            if loan.principal and not loan.written_off and time >= loan.due + WRITE_OFF_DELAY
        ]
