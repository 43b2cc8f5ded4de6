"""The credit line's books again: every loan by itself, in exact fractions.

CreditLine never looks at two loans at once: it keeps two straight lines and some sums. Here is the plain way, from the
interface's promises: a list of loans, each with the interest it has earned. Both must agree to the wei.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from lending_year.purse import Purse, up

YEAR = 365 * 86_400
DAY = 86_400
BPS = 10_000
VIRTUAL_SHARES = 10**6
VESTING = 7 * DAY


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
    _vesting: tuple[int, int, int] = (0, 0, 0)

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

    def unvested(self, now: int) -> int:
        amount, start, end = self._vesting
        return up(amount * (end - now), end - start) if now < end else 0

    def idle(self, now: int) -> int:
        return self.cash - self.unvested(now)

    def leaving(self, now: int) -> int:
        """What redemptions are priced against."""
        return self.idle(now) + self.performing(now)

    def entering(self, now: int) -> int:
        """What deposits are priced against."""
        return self.cash + self.performing(now) + self.delinquent(now)

    def deposit(self, who: str, amount: int, now: int) -> int:
        """Shares for a deposit, rounded down."""
        shares = amount * (self.supply + VIRTUAL_SHARES) // (self.entering(now) + 1)
        self._take(who, amount)
        self.shares[who] += shares
        self._note("deposited", amount)
        return shares

    def withdraw(self, who: str, amount: int, now: int) -> int:
        """Shares a withdrawal costs, rounded up."""
        shares = up(amount * (self.supply + VIRTUAL_SHARES), self.leaving(now) + 1)
        self._leave(who, amount, shares)
        return shares

    def redeem(self, who: str, shares: int, now: int) -> int:
        """What shares bring, rounded down."""
        amount = shares * (self.leaving(now) + 1) // (self.supply + VIRTUAL_SHARES)
        self._leave(who, amount, shares)
        return amount

    def most_shares(self, who: str, now: int) -> int:
        """How many shares can be redeemed: as far as idle cash reaches."""
        reach = self.idle(now) * (self.supply + VIRTUAL_SHARES) // (self.leaving(now) + 1)
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
        if loan.written_off:
            self._vest(paid, now)
            self._note("recovered", paid)
        else:
            self._note("interest_paid", interest)
            self._note("principal_back", principal)
        self._take(payer, paid)
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
        incoming = year.deposited + year.principal_back + year.interest_paid + year.recovered
        return incoming - year.withdrawn - year.lent

    def close_month(self) -> Month:
        """The month's flows; the next one begins."""
        closed, self.month = self.month, Month()
        return closed

    def _vest(self, amount: int, now: int) -> None:
        left = self.unvested(now)
        time_left = self._vesting[2] - now if left else 0
        total = left + amount
        self._vesting = (total, now, now + (left * time_left + amount * VESTING) // total)

    def _take(self, who: str, amount: int) -> None:
        self.token.move(who, self.address, amount)
        self.cash += amount

    def _leave(self, who: str, amount: int, shares: int) -> None:
        self.shares[who] -= shares
        self.cash -= amount
        self.token.move(self.address, who, amount)
        self._note("withdrawn", amount)

    def _note(self, what: str, amount: int) -> None:
        for period in (self.month, self.year):
            setattr(period, what, getattr(period, what) + amount)
