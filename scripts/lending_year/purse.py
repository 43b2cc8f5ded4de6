"""Who holds how much of each token, by our own count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field


class BooksError(Exception):
    """The contracts and our books disagree; the message says where and by how much."""


@dataclass
class Purse:
    """One token's holders, in its smallest unit."""

    symbol: str
    held: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    minted: int = 0

    def mint(self, to: str, amount: int) -> None:
        self.held[to] += amount
        self.minted += amount

    def move(self, source: str, to: str, amount: int) -> None:
        if not 0 <= amount <= self.held[source]:
            raise BooksError(f"{source} cannot pay {amount} of {self.held[source]} {self.symbol}")
        self.held[source] -= amount
        self.held[to] += amount

    def burn(self, source: str, amount: int) -> None:
        self.held[source] -= amount
        self.minted -= amount

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(list(self.held.items()))


def require(what: str, ours: object, theirs: object) -> None:
    """Both counts are the same, to the last unit. Raises BooksError."""
    if ours != theirs:
        apart = f" ({theirs - ours:+,})" if isinstance(ours, int) and isinstance(theirs, int) else ""
        raise BooksError(f"{what}: the books say {ours}, the chain says {theirs}{apart}")


def up(numerator: int, denominator: int) -> int:
    """A quotient rounded up."""
    return -(-numerator // denominator)
