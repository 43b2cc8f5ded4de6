"""A house as collateral: surveyed, lent on, left without a survey until a keeper owns most of it, and bought out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lending_year.calendar import Calendar
from lending_year.desk import LARGEST, Desk
from lending_year.market_books import BPS, Rules, State
from lending_year.people import MODELS, UNIT, Applicant, wallet
from lending_year.purse import Purse, require, up
from lending_year.stage import DAY, MAX_AGE, Judge, Stage
from prover.chain.artifacts import load_artifact
from prover.chain.contracts import BoundContract
from prover.chain.issuers import register_issuer
from prover.chain.publish import publish

DEED = 7
DOLLAR = 10**8  # of the feed
HAIRCUT, FLOOR, DECAY = 2_000, 5_000, 100 * DAY
BOUNDS = (50_000 * DOLLAR, 5_000_000 * DOLLAR)
MOVES_IN, SECOND_SURVEY, LAST_SURVEY = 15, 100, 290


@dataclass
class Appraisal:
    """The feed's answer by our own count: less a haircut, and falling once it is too old."""

    full: int
    expires: int
    settled: int = 0

    def answer(self, now: int) -> int:
        if self.settled:
            return self.settled * (BPS - HAIRCUT) // BPS
        careful = self.full * (BPS - HAIRCUT) // BPS
        late = min(max(0, now - self.expires), DECAY)
        return careful - up(careful * (BPS - FLOOR) * late, BPS * DECAY)


class HouseYear(Desk):
    """The market of one house's shares, eighteen decimals, against vUSD."""

    def __init__(
        self, stage: Stage, calendar: Calendar, market: BoundContract, usd: Purse, token: BoundContract
    ) -> None:
        self.surveyor = wallet("surveyor")
        stage.give(self.surveyor, UNIT)
        register_issuer(stage.sender(self.surveyor), stage.stack.issuers, administrator=stage.owner.address)
        bundle = stage.script.appraiser
        model = publish(stage.deployer, stage.records, stage.stack, bundle, max_age=MAX_AGE)
        self.judge = Judge(bundle, model.model_id, self.surveyor)
        self.deeds = stage.create(load_artifact("DemoDeed"))
        shares = stage.create(
            load_artifact("AssetShares"), self.deeds.address, DEED, token.address, "House 7", "HOUSE7"
        )
        about = (shares.address, token.address, model.model_id, self.surveyor.address)
        config = (*about, 1_000, HAIRCUT, FLOOR, DECAY, *BOUNDS)
        registry = stage.stack.decisions.address
        feed = stage.create(load_artifact("AppraisalFeed"), registry, config, "house 7 / USD")
        rules = Rules(price_divisor=DOLLAR)
        terms = {"maxPriceAge": MAX_AGE, "maxLiquidationPriceAge": 2**32 - 1}
        super().__init__(stage, calendar, market, usd, token, Purse("HOUSE7"), shares, feed, rules, terms)
        self.appraisal = Appraisal(0, 0)
        self.lender = wallet("house lender")
        self._surveys = 0
        self.outfit(self.lender, 400_000 * UNIT)

    def plan(self, owner: Applicant) -> None:
        """Enter the house's year into the calendar; its owner is one whom the model trusts."""
        on = self.calendar.on
        on(0, lambda: self.supply(self.lender, 400_000 * UNIT))
        on(MOVES_IN, lambda: self._move_in(owner))
        on(SECOND_SURVEY, lambda: self._survey(owner, between=(375, 385)))
        for day in range(SECOND_SURVEY, LAST_SURVEY, 7):
            on(day + 1, lambda: self._pass_by(owner))
        on(LAST_SURVEY, lambda: self._survey(owner, between=(440, 460)))
        on(LAST_SURVEY + 1, lambda: self._buy_out(owner))
        on(364, lambda: self.leave(self.lender))

    def price_at(self, now: int) -> int:
        return self.appraisal.answer(now)

    def answer_call(self, person: Applicant) -> None:
        """The owner finds money once."""
        if not self.seen["answered calls"] and self.books.positions[person.address].called_at:
            self.seen["answered calls"] += 1
            self.repay(person, self.books.debt(person.address) // 8)

    def _move_in(self, owner: Applicant) -> None:
        who, act = owner.signer, self.stage.act
        self.outfit(who, 400_000 * UNIT)
        act(self.stage.owner, self.deeds, "mint", owner.address, DEED)
        act(who, self.deeds, "approve", self.collateral_token.address, DEED)
        act(who, self.collateral_token, "open", self.feed.address)
        pair = (self.collateral_token.address, self.token.address)
        require("whether feed, shares and loans belong together", True, self.feed.read("isSoundFor", *pair))
        self.collateral.mint(owner.address, UNIT)
        act(who, self.collateral_token, "approve", self.market.address, LARGEST)
        self.lock(owner, UNIT)
        tier = self.decide(owner)
        self.refused("PriceUnavailable", owner, UNIT)
        self._survey(owner, between=(440, 460))
        room = self.books.room(owner.address, tier)
        self.refused("BorrowLimitExceeded", owner, room + 1)
        self.borrow(owner, tier, room * 9 // 10)

    def _survey(self, owner: Applicant, between: tuple[int, int]) -> None:
        """The surveyor sees a house that the model values so; anybody takes the proof over into the feed."""
        self._surveys += 1
        samples = np.load(MODELS / "house_price.npz")
        values = samples["expected"].ravel()
        row = samples["X"][int(np.flatnonzero((values > between[0]) & (values < between[1]))[0])]
        asset = bytes(self.feed.read("assetId"))
        label = f"house 7/{self._surveys}"
        value, arguments = self.stage.papers(self.judge, self.keeper, asset, row, self._surveys, self.feed, label)
        observed = self.stage.now()
        self.stage.submit(arguments)
        self.stage.act(self.stage.relayer, self.feed, "update", self.keeper.address)
        self.appraisal = Appraisal(value * 1_000 * DOLLAR // 10**6, observed + MAX_AGE)
        self.seen["surveys"] += 1
        self._now()
        self.check(owner)

    def _pass_by(self, owner: Applicant) -> None:
        """The keeper looks at the position, and at the feed."""
        seen_at = self.stage.view_time()
        require("the house's price", self.price_at(seen_at), self.feed.read("latestRoundData")[1])
        if self.books.at(self.stage.now()).state(owner.address, self.stage.now()) is not State.NO_DEBT:
            self.watch(owner)

    def _buy_out(self, owner: Applicant) -> None:
        """With most of the shares, the keeper pays the owner for the rest, and takes the house."""
        shares, keeper = self.collateral_token, self.keeper
        held = self.collateral.held[keeper.address]
        cost = up(self.appraisal.full * (UNIT - held), DOLLAR)
        require("the rest's price", cost, shares.read("buyOutCost", keeper.address))
        self.stage.act(keeper, self.token, "approve", shares.address, cost)
        self.stage.act(keeper, shares, "buyOut", cost, keeper.address)
        self.collateral.burn(keeper.address, held)
        self.usd.move(keeper.address, shares.address, cost)
        self.appraisal.settled = self.appraisal.full
        require("the deed's owner", keeper.address, self.deeds.read("ownerOf", DEED))
        self.repay(owner, LARGEST)
        rest = self.books.positions[owner.address].collateral
        self.unlock(owner, rest)
        self.stage.act(owner.signer, shares, "claim", rest, owner.address)
        self.collateral.burn(owner.address, rest)
        self.usd.move(shares.address, owner.address, cost)
        self.seen["buyouts"] += 1
        self.check(owner)
