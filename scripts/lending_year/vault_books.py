"""The credit line's books again: every loan by itself, in exact fractions.

CreditLine never looks at two loans at once: it keeps two straight lines and some sums. Here is the plain way, from the
interface's promises: a list of loans, each with the interest it has earned. Both must agree to the wei.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from lending_year.purse import Purse, up

YEAR = 365 * 86_400
DAY = 86_400
BPS = 10_000
VIRTUAL_SHARES = 10**6


@dataclass
class Loan:
    """One loan. ``interest`` is what was accrued and unpaid at ``touched``."""

    borrower: str
    principal: int
    rate: int
    due: int
    touched: int
    interest: int = 0
    written_off: bool = False

    def worth(self, now: int) -> Fraction:
        """Principal and interest, to the last fraction."""
        return self.principal + self.interest + Fraction(self.principal * self.rate * (now - self.touched), BPS * YEAR)

    def owed(self, now: int) -> int:
        """What would close it: interest rounded up."""
        return self.principal + self.interest + self._earned(now)

    def pay(self, amount: int, now: int) -> tuple[int, int]:
        """Interest and principal paid by up to ``amount``."""
        interest = self.interest + self._earned(now)
        paid_interest = min(amount, interest)
        paid_principal = min(amount - paid_interest, self.principal)
        self.interest = interest - paid_interest
        self.principal -= paid_principal
        self.touched = now
        return paid_interest, paid_principal

    def _earned(self, now: int) -> int:
        return up(self.principal * self.rate * (now - self.touched), BPS * YEAR)


@dataclass
class Month:
    """What happened since the last month's end."""

    deposited: int = 0
    withdrawn: int = 0
    lent: int = 0
    principal_back: int = 0
    interest_paid: int = 0
    recovered: int = 0
    claimed: int = 0
    written_off: int = 0


@dataclass
class VaultBooks:
    """Cash, shares and loans, told what happened and nothing else."""

    address: str
    token: Purse
    shares: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    loans: list[Loan] = field(default_factory=list)
    cash: int = 0
    month: Month = field(default_factory=Month)
    year: Month = field(default_factory=Month)
    recovered: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    claimed: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    _held: list[tuple[int, dict[str, int]]] = field(default_factory=list)

    @property
    def supply(self) -> int:
        return sum(self.shares.values())

    def performing(self, now: int) -> int:
        """Debt not past due, rounded down."""
        return int(sum((loan.worth(now) for loan in self.loans if not loan.written_off and now < loan.due), Fraction()))

    def delinquent(self, now: int) -> int:
        """Debt past due and not written off, rounded down."""
        return int(
            sum((loan.worth(now) for loan in self.loans if not loan.written_off and now >= loan.due), Fraction())
        )

    def assets(self, now: int) -> int:
        """What shares are priced against: a loan past due is not the vault's any more."""
        return self.cash + self.performing(now)

    @property
    def pocketed(self) -> int:
        """What came in late and nobody has claimed."""
        return sum(self.recovered.values()) - sum(self.claimed.values())

    def holders(self, due: int) -> dict[str, int]:
        """Shares in the last second before a due time."""
        return next((held for time, held in reversed(self._held) if time < due), {})

    def claimable(self, due: int, who: str) -> int:
        """A holder's part of what came in late for the loans due then, rounded down."""
        held = self.holders(due)
        if not held.get(who):
            return 0
        return self.recovered[due] * held[who] // sum(held.values()) - self.claimed[due, who]

    def deposit(self, who: str, amount: int, now: int) -> int:
        """Shares for a deposit, rounded down."""
        shares = amount * (self.supply + VIRTUAL_SHARES) // (self.assets(now) + 1)
        self._take(who, amount)
        self._hold(who, shares, now)
        self._note("deposited", amount)
        return shares

    def withdraw(self, who: str, amount: int, now: int) -> int:
        """Shares a withdrawal costs, rounded up."""
        shares = up(amount * (self.supply + VIRTUAL_SHARES), self.assets(now) + 1)
        self._leave(who, amount, shares, now)
        return shares

    def redeem(self, who: str, shares: int, now: int) -> int:
        """What shares bring, rounded down."""
        amount = shares * (self.assets(now) + 1) // (self.supply + VIRTUAL_SHARES)
        self._leave(who, amount, shares, now)
        return amount

    def most_shares(self, who: str, now: int) -> int:
        """How many shares can be redeemed: as far as idle cash reaches."""
        reach = self.cash * (self.supply + VIRTUAL_SHARES) // (self.assets(now) + 1)
        return min(self.shares[who], reach)

    def draw(self, who: str, amount: int, rate: int, term_days: int, now: int) -> int:
        """A loan's number."""
        due = (now // DAY + term_days + 1) * DAY
        self.loans.append(Loan(who, amount, rate, due, now))
        self.cash -= amount
        self.token.move(self.address, who, amount)
        self._note("lent", amount)
        return len(self.loans)

    def repay(self, number: int, payer: str, amount: int, now: int) -> int:
        """What was taken."""
        loan = self.loans[number - 1]
        interest, principal = loan.pay(amount, now)
        paid = interest + principal
        if now >= loan.due and any(self.holders(loan.due).values()):
            self.recovered[loan.due] += paid
            self.token.move(payer, self.address, paid)
            self._note("recovered", paid)
        else:
            self._note("interest_paid", interest)
            self._note("principal_back", principal)
            self._take(payer, paid)
        return paid

    def claim(self, dues: Iterable[int], who: str) -> int:
        """What a holder is paid."""
        paid = 0
        for due in dues:
            part = self.claimable(due, who)
            self.claimed[due, who] += part
            paid += part
        self.token.move(self.address, who, paid)
        self._note("claimed", paid)
        return paid

    def write_off(self, number: int, now: int) -> int:
        """What leaves the books."""
        loan = self.loans[number - 1]
        loan.written_off = True
        self._note("written_off", loan.owed(now))
        return loan.owed(now)

    def flows(self) -> int:
        """Cash by what went in and out in the year."""
        year = self.year
        incoming = year.deposited + year.principal_back + year.interest_paid
        return incoming - year.withdrawn - year.lent

    def close_month(self) -> Month:
        """The month's flows; the next one begins."""
        closed, self.month = self.month, Month()
        return closed

    def _hold(self, who: str, shares: int, now: int) -> None:
        self.shares[who] += shares
        self._held.append((now, dict(self.shares)))

    def _take(self, who: str, amount: int) -> None:
        self.token.move(who, self.address, amount)
        self.cash += amount

    def _leave(self, who: str, amount: int, shares: int, now: int) -> None:
        self._hold(who, -shares, now)
        self.cash -= amount
        self.token.move(self.address, who, amount)
        self._note("withdrawn", amount)

    def _note(self, what: str, amount: int) -> None:
        for period in (self.month, self.year):
            setattr(period, what, getattr(period, what) + amount)
