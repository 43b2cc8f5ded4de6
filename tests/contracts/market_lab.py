"""A collateral market on the deployed system: a token borrowed, a token locked, two feeds, four people.

Bob supplies 100,000 dollars; one collateral token is worth 200 dollars. Tier 1 may owe 50 %, tier 2 may owe 75 % of
its collateral; above 90 % there is no margin call. Alice borrows, mallory attacks, the relayer liquidates.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from eth_abi.abi import encode
from web3 import Web3

from prover.chain.artifacts import Artifact, load_artifact
from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from tests.contracts.lab import DAY, UNIT, Lab

ZERO = "0x" + "00" * 20
YEAR = 365 * DAY
HOUR = 3_600
BPS = 10_000
WAD = 10**18
MAX = 2**256 - 1
PRICE = 200 * 10**8
SUPPLIED = 100_000 * UNIT
STATES = ("NoDebt", "Healthy", "Callable", "Called", "Liquidatable")
PARAMS_ABI = (
    "(address,uint32,uint32,uint32,address,uint32,uint32,uint32,address,uint16,uint16,uint16,uint16,"
    "address,uint32,uint32,uint32,address,address,uint128,uint256,uint16[])"
)


@dataclass(frozen=True)
class Params:
    """ICollateralMarket.MarketParams, field by field."""

    loan_token: str
    max_price_age: int
    max_liquidation_price_age: int
    max_decision_age: int
    collateral_token: str
    grace: int
    window: int
    sequencer_grace: int
    collateral_feed: str
    hard_lltv: int
    close_factor: int
    incentive: int
    kink: int
    loan_feed: str
    base_rate: int
    kink_rate: int
    full_rate: int
    sequencer_feed: str
    issuer: str
    min_debt: int
    model_id: int
    lltvs: tuple[int, ...]

    @property
    def args(self) -> tuple[Any, ...]:
        return tuple(vars(self).values())

    @property
    def id(self) -> bytes:
        return bytes(Web3.keccak(encode([PARAMS_ABI], [self.args])))


class MarketLab:
    """A ``Lab`` with one market open; its contracts are named Dollar, Gold, GoldFeed, DollarFeed, CollateralMarket."""

    def __init__(self, lab: Lab, **changes: Any) -> None:
        self.lab = lab
        lab.deploy("CollateralMarket", lab.address("DecisionRegistry"))
        for token in ("Dollar", "Gold"):
            if token not in lab.contracts:
                self.token(token, load_artifact("DemoToken"))
        lab.deploy_as("GoldFeed", load_artifact("DemoFeed"), 8, "gold / USD", PRICE)
        lab.deploy_as("DollarFeed", load_artifact("DemoFeed"), 8, "dollar / USD", 10**8)
        self.params = self.usual(**changes)
        self.id = self.params.id
        self.create(self.params)

    @property
    def market(self) -> str:
        return self.lab.address("CollateralMarket")

    def usual(self, **changes: Any) -> Params:
        """The parameters of the module's market, with changes."""
        lab = self.lab
        usual = Params(
            loan_token=lab.address("Dollar"),
            max_price_age=DAY,
            max_liquidation_price_age=7 * DAY,
            max_decision_age=7 * DAY,
            collateral_token=lab.address("Gold"),
            grace=6 * HOUR,
            window=DAY,
            sequencer_grace=HOUR,
            collateral_feed=lab.address("GoldFeed"),
            hard_lltv=9_000,
            close_factor=5_000,
            incentive=500,
            kink=8_000,
            loan_feed=lab.address("DollarFeed"),
            base_rate=100,
            kink_rate=500,
            full_rate=10_000,
            sequencer_feed=ZERO,
            issuer=lab.issuer.address,
            min_debt=100 * UNIT,
            model_id=lab.tier_model,
            lltvs=(0, 5_000, 7_500),
        )
        return replace(usual, **changes)

    def token(self, name: str, artifact: Artifact, *args: object) -> None:
        """Deploy a token and allow the market to take everybody's."""
        self.lab.deploy_as(name, artifact, *args)
        for person in self.lab.signers[:7]:
            self.lab.send(name, "approve", self.market, MAX, by=person)

    def create(self, params: Params, by: Signer | None = None) -> Receipt:
        return self.send("createMarket", params.args, by=by)

    def open(self, **changes: Any) -> bytes:
        """Create another market, and use it from now on."""
        self.params = self.usual(**changes)
        self.create(self.params)
        self.id = self.params.id
        return self.id

    # Calls.
    def send(self, function: str, *args: object, by: Signer | None = None) -> Receipt:
        return self.lab.send("CollateralMarket", function, *args, by=by)

    def read(self, function: str, *args: object) -> Any:
        return self.lab.read("CollateralMarket", function, *args)

    def events(self, receipt: Receipt, event: str) -> list[dict[str, Any]]:
        return self.lab.events(receipt, "CollateralMarket", event)

    def mint(self, token: str, to: Signer, amount: int) -> None:
        self.lab.send(token, "mint", to.address, amount)

    def supply(self, amount: int = SUPPLIED, by: Signer | None = None) -> Receipt:
        by = by or self.lab.bob
        self.mint("Dollar", by, amount)
        return self.send("supply", self.id, amount, by.address, by=by)

    def lock(self, amount: int, by: Signer | None = None) -> Receipt:
        by = by or self.lab.alice
        self.mint("Gold", by, amount)
        return self.send("supplyCollateral", self.id, amount, by.address, by=by)

    def borrow(self, amount: int, by: Signer | None = None, receiver: Signer | None = None) -> Receipt:
        by = by or self.lab.alice
        return self.send("borrow", self.id, amount, by.address, (receiver or by).address, by=by)

    def repay(self, assets: int = MAX, shares: int = 0, by: Signer | None = None, of: Signer | None = None) -> Receipt:
        by = by or self.lab.alice
        return self.send("repay", self.id, assets, shares, (of or self.lab.alice).address, by=by)

    def withdraw(self, assets: int = 0, shares: int = 0, by: Signer | None = None) -> Receipt:
        by = by or self.lab.bob
        return self.send("withdraw", self.id, assets, shares, by.address, by.address, by=by)

    def release(self, amount: int, by: Signer | None = None) -> Receipt:
        by = by or self.lab.alice
        return self.send("withdrawCollateral", self.id, amount, by.address, by.address, by=by)

    def call(self, of: Signer | None = None) -> Receipt:
        return self.send("marginCall", self.id, (of or self.lab.alice).address, by=self.lab.relayer)

    def liquidate(self, amount: int = MAX, least: int = 0, data: bytes = b"", of: Signer | None = None) -> Receipt:
        return self.send("liquidate", self.id, (of or self.lab.alice).address, amount, least, data, by=self.lab.relayer)

    def quote(self, dollars: float, feed: str = "GoldFeed") -> None:
        """A new price, as of now."""
        self.lab.send(feed, "set", round(dollars * 10**8))

    def pass_time(self, seconds: int, dollars: float | None = None) -> None:
        """Let ``seconds`` pass; with ``dollars`` both feeds are fresh afterwards."""
        self.lab.travel(self.lab.network.now() + seconds)
        if dollars is not None:
            self.quote(dollars)
            self.quote(1, "DollarFeed")

    # Scenes.
    def borrower(self, amount: int = 1_500 * UNIT, gold: int = 10 * UNIT, tier: int = 2, **facts: Any) -> Signer:
        """Alice (or ``subject``) with collateral and debt, in a market bob supplies."""
        lab = self.lab
        who: Signer = facts.pop("subject", lab.alice)
        if self.sums()["totalSupplyAssets"] < SUPPLIED:
            self.supply()
        self.lock(gold, who)
        facts.setdefault("expiresAt", lab.network.now() + 30 * DAY)
        lab.decided(tier, subject=who, consumer=self.market, **facts)
        if amount:
            self.borrow(amount, who)
        return who

    # Books.
    def sums(self) -> dict[str, int]:
        names = ("totalSupplyAssets", "totalSupplyShares", "totalBorrowAssets", "totalBorrowShares", "accruedAt")
        return dict(zip((*names, "interestRemainder", "priceExponent"), self.read("marketOf", self.id), strict=True))

    def position(self, who: Signer | None = None) -> dict[str, Any]:
        names = ("supplyShares", "borrowShares", "collateral", "lltvBps", "calledAt", "personId")
        found = self.read("positionOf", self.id, (who or self.lab.alice).address)
        return dict(zip(names, found, strict=True))

    def debt(self, who: Signer | None = None) -> int:
        return int(self.read("debtOf", self.id, (who or self.lab.alice).address))

    def supplied(self, who: Signer | None = None) -> int:
        return int(self.read("suppliedOf", self.id, (who or self.lab.bob).address))

    def health(self, who: Signer | None = None) -> int:
        return int(self.read("healthFactorOf", self.id, (who or self.lab.alice).address))

    def state(self, who: Signer | None = None) -> tuple[str, int]:
        state, most = self.read("stateOf", self.id, (who or self.lab.alice).address)
        return STATES[state], most

    def balance(self, token: str, who: Signer | str) -> int:
        return int(self.lab.read(token, "balanceOf", who if isinstance(who, str) else who.address))

    def check_books(self) -> None:
        """Tokens are there for everything tracked, and tracked is what the market's sums say, to the last unit.

        For the one market of its loan token.
        """
        sums = self.sums()
        loan = self.lab.network.w3.eth.contract(address=self.params.loan_token, abi=load_artifact("DemoToken").abi)
        tracked = self.read("trackedOf", self.params.loan_token)
        assert tracked == sums["totalSupplyAssets"] - sums["totalBorrowAssets"]
        assert loan.functions.balanceOf(self.market).call() >= tracked
        assert sums["totalBorrowShares"] or not sums["totalBorrowAssets"]
        assert self.balance("Gold", self.market) >= self.read("trackedOf", self.lab.address("Gold"))


@contextlib.contextmanager
def standing_market(lab: Lab, **changes: Any) -> Iterator[MarketLab]:
    """A market that a whole file of tests starts from; building one takes forty transactions."""
    tester = cast(Any, lab.network.w3.provider).ethereum_tester
    snapshot, contracts = tester.take_snapshot(), dict(lab.contracts)
    yield MarketLab(lab, **changes)
    tester.revert_to_snapshot(snapshot)
    lab.contracts = contracts


def handle(market: MarketLab) -> MarketLab:
    """A handle of its own for one test, which may open other markets with it."""
    return copy.copy(market)
