// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICollateralMarket} from "contracts/interfaces/ICollateralMarket.sol";
import {IIssuerRegistry} from "contracts/interfaces/IIssuerRegistry.sol";
import {CollateralMarket} from "contracts/lending/CollateralMarket.sol";
import {DemoFeed} from "contracts/periphery/DemoFeed.sol";
import {Coin} from "./Coin.sol";
import {Harness} from "./Harness.sol";
import {World} from "./World.sol";

/// @dev Suppliers, borrowers and liquidators of one market whose price jumps, stales and fails.
contract MarketHandler is Harness {
    uint256 public constant ACCOUNTS = 3;
    uint256 public constant HARD = 9_000;
    uint256 public constant GRACE = 1 days;
    uint256 public constant WINDOW = 3 days;
    uint256 public constant INCENTIVE = 500;
    uint256 public constant MIN_DEBT = 100e6;
    uint64 public constant MAX_DECISION_AGE = 7 days;

    World public immutable world;
    CollateralMarket public immutable market;
    Coin public immutable loan;
    Coin public immutable collateral;
    DemoFeed public immutable feed;
    bytes32 public immutable id;
    address[ACCOUNTS] public accounts;
    mapping(uint256 account => uint256) public tierOf;
    mapping(uint256 account => uint256) public judgedAt;
    mapping(uint256 account => bytes32) private _attestation;
    /// @dev Loan tokens that came in less those that went out, by what was asked for and answered.
    uint256 public loanBooks;
    uint256 public collateralBooks;
    uint256 public lawfulDebts;
    uint256 public borrows;
    uint256 public liquidations;
    bool private _lossExpected;

    constructor(World world_) {
        world = world_;
        market = new CollateralMarket(world_.decisions());
        (loan, collateral) = (new Coin(6), new Coin(8));
        feed = new DemoFeed(8, "coin / coin", 30_000e8);
        for (uint256 i = 0; i < ACCOUNTS; ++i) accounts[i] = vm.addr(key(i));
        ICollateralMarket.MarketParams memory params;
        params.loanToken = address(loan);
        params.collateralToken = address(collateral);
        params.collateralFeed = address(feed);
        params.maxPriceAge = 2 days;
        params.maxLiquidationPriceAge = 30 days;
        params.maxDecisionAge = uint32(MAX_DECISION_AGE);
        params.marginCallGrace = uint32(GRACE);
        params.marginCallWindow = uint32(WINDOW);
        params.hardLltvBps = uint16(HARD);
        params.closeFactorBps = 5_000;
        params.incentiveBps = uint16(INCENTIVE);
        params.kinkBps = 8_000;
        (params.baseRateBps, params.kinkRateBps, params.fullRateBps) = (100, 1_000, 50_000);
        params.issuer = world_.issuer();
        params.minDebt = uint128(MIN_DEBT);
        params.modelId = world_.modelId();
        params.lltvsBps = new uint16[](3);
        (params.lltvsBps[1], params.lltvsBps[2]) = (5_000, 8_000);
        id = market.createMarket(params);
        supply(0, 500_000e6);
        supplyCollateral(1, 5e8);
        decide(1, 2);
    }

    /// @dev What a supply share is worth never falls, save by bad debt; debt never shrinks by itself.
    modifier priced() {
        ICollateralMarket.Market memory before = market.marketOf(id);
        _;
        ICollateralMarket.Market memory after_ = market.marketOf(id);
        if (_lossExpected) {
            _lossExpected = false;
            return;
        }
        uint256 left = (uint256(after_.totalSupplyAssets) + 1) * (uint256(before.totalSupplyShares) + 1e6);
        uint256 right = (uint256(before.totalSupplyAssets) + 1) * (uint256(after_.totalSupplyShares) + 1e6);
        holds(left >= right, "the price of a supply share fell");
    }

    function key(uint256 account) public pure returns (uint256) {
        return 0xB0B + account;
    }

    // Suppliers.

    function supply(uint256 who, uint256 assets) public priced {
        assets = bound(assets, 1, 1_000_000e6);
        address account = _provide(loan, who, assets);
        vm.prank(account);
        market.supply(id, assets, account);
        loanBooks += assets;
    }

    /// @dev Whoever has shares takes out what they are worth as far as it is not lent, whatever the feed does.
    function withdraw(uint256 who, uint256 assets) external priced {
        address account = accounts[who % ACCOUNTS];
        ICollateralMarket.Market memory sums = market.marketOf(id);
        uint256 most = market.suppliedOf(id, account);
        if (most > sums.totalSupplyAssets - sums.totalBorrowAssets) most = sums.totalSupplyAssets - sums.totalBorrowAssets;
        assets = bound(assets, 1, most + 5);
        vm.prank(account);
        try market.withdraw(id, assets, 0, account, account) {
            atMost(assets, most, "withdrawn");
            loanBooks -= assets;
        } catch {
            holds(assets > most, "a withdrawal was refused");
        }
    }

    function withdrawShares(uint256 who, uint256 shares) external priced {
        address account = accounts[who % ACCOUNTS];
        uint256 owned = market.positionOf(id, account).supplyShares;
        if (owned == 0) return;
        shares = bound(shares, 1, owned);
        vm.prank(account);
        try market.withdraw(id, 0, shares, account, account) returns (uint256 assets, uint256) {
            loanBooks -= assets;
        } catch {}
    }

    /// @dev Tokens sent unasked move nothing.
    function donate(uint256 amount, bool which) external {
        bytes32 before = keccak256(abi.encode(market.marketOf(id)));
        (which ? loan : collateral).mint(address(market), bound(amount, 1, 1e24));
        equal(uint256(keccak256(abi.encode(market.marketOf(id)))), uint256(before), "a donation moved the market");
    }

    // Borrowers.

    function supplyCollateral(uint256 who, uint256 amount) public priced {
        amount = bound(amount, 1, 20e8);
        address account = _provide(collateral, who, amount);
        vm.prank(account);
        market.supplyCollateral(id, amount, account);
        collateralBooks += amount;
    }

    function withdrawCollateral(uint256 who, uint256 amount) external priced {
        address account = accounts[who % ACCOUNTS];
        ICollateralMarket.Position memory before = market.positionOf(id, account);
        amount = bound(amount, 1, uint256(before.collateral) + 1);
        vm.prank(account);
        try market.withdrawCollateral(id, amount, account, account) {
            collateralBooks -= amount;
            uint256 debt = market.debtOf(id, account);
            if (debt != 0) atMost(debt, value(before.collateral - amount) * before.lltvBps / 10_000, "collateral left");
        } catch {
            holds(amount > before.collateral || before.borrowShares != 0, "free collateral was kept");
        }
    }

    /// @dev A borrow succeeds only on a valid decision and within its LLTV, and does when the view says so.
    function borrow(uint256 who, uint256 amount) external priced {
        who %= ACCOUNTS;
        address account = accounts[who];
        uint256 most = market.maxBorrowOf(id, account);
        ICollateralMarket.Position memory before = market.positionOf(id, account);
        uint256 debt = market.debtOf(id, account);
        amount = bound(amount, 1, most + most / 8 + 10);
        vm.prank(account);
        try market.borrow(id, amount, account, account) {
            ++borrows;
            holds(mayBorrow(who), "a borrow without a valid decision");
            if (before.borrowShares == 0) ++lawfulDebts;
            uint256 lltv = tierOf[who] == 2 ? 8_000 : 5_000;
            if (before.borrowShares != 0 && before.lltvBps < lltv) lltv = before.lltvBps;
            equal(market.positionOf(id, account).lltvBps, lltv, "the threshold is the lower one from now on");
            debt = market.debtOf(id, account);
            atMost(debt, value(before.collateral) * lltv / 10_000, "debt of a borrower");
            atMost(MIN_DEBT, debt, "least debt");
            loanBooks -= amount;
        } catch {
            holds(amount > most || debt + amount < MIN_DEBT, "a borrow within the limits was refused");
        }
    }

    /// @dev Anybody may repay at any time, whatever feed, issuer and decision do.
    function repay(uint256 who, uint256 amount, bool whole) external priced {
        address account = accounts[who % ACCOUNTS];
        uint256 debt = market.debtOf(id, account);
        if (debt == 0) return;
        amount = whole ? type(uint256).max : bound(amount, 1, debt);
        _provide(loan, who, debt);
        uint256 shares = market.positionOf(id, account).borrowShares;
        vm.prank(account);
        try market.repay(id, amount, 0, account) returns (uint256 paid, uint256 gone) {
            loanBooks += paid;
            atMost(paid, debt, "paid");
            if (whole) equal(gone, shares, "all of it");
            if (gone == shares) --lawfulDebts;
            else atMost(MIN_DEBT, market.debtOf(id, account), "dust after a repayment");
            _lossExpected = market.marketOf(id).totalBorrowShares == 0; // what rounding left is taken off
        } catch {
            bool dust = amount < debt && debt <= MIN_DEBT + 1; // what is above the least may be nothing, or that unit
            holds(!whole && (amount == 1 || dust), "a repayment was refused"); // one unit may be less than a share
        }
    }

    function decide(uint256 who, uint256 tier) public {
        who %= ACCOUNTS;
        tier %= 3;
        world.decide(key(who), keccak256(abi.encode("borrower", who)), tier, address(market), 20 days);
        (tierOf[who], judgedAt[who]) = (tier, block.timestamp);
        (, _attestation[who]) = world.decisions().lastAcceptedOf(world.issuer(), accounts[who], world.SCHEMA());
    }

    function revoke(uint256 who) external {
        who %= ACCOUNTS;
        if (judgedAt[who] == 0) return;
        world.administer(abi.encodeCall(IIssuerRegistry.revokeAttestation, (world.issuer(), _attestation[who])));
        judgedAt[who] = 0;
    }

    // Liquidators.

    function marginCall(uint256 who) external priced {
        address account = accounts[who % ACCOUNTS];
        ICollateralMarket.Position memory before = market.positionOf(id, account);
        bool unhealthy = _unhealthy(account, before.lltvBps);
        try market.marginCall(id, account) {
            holds(unhealthy, "a healthy position was called");
        } catch {
            bool running = before.calledAt != 0 && block.timestamp <= before.calledAt + GRACE + WINDOW;
            holds(!unhealthy || running || !_priceCounts(), "a margin call was refused");
        }
    }

    function cure(uint256 who) external priced {
        address account = accounts[who % ACCOUNTS];
        ICollateralMarket.Position memory before = market.positionOf(id, account);
        bool unhealthy = _unhealthy(account, before.lltvBps);
        try market.cure(id, account) {
            holds(!unhealthy && before.calledAt != 0, "an unhealthy position was cured");
        } catch {
            holds(unhealthy || before.calledAt == 0 || !_priceCounts(), "a cure was refused");
        }
    }

    /// @dev Liquidation touches no healthy position, no uncalled one below the hard LLTV, and never worsens one.
    function liquidate(uint256 who, uint256 amount, bool whole) external priced {
        address account = accounts[who % ACCOUNTS];
        ICollateralMarket.Position memory before = market.positionOf(id, account);
        uint256 debt = market.debtOf(id, account);
        if (debt == 0) return;
        uint256 supplied = market.marketOf(id).totalSupplyAssets;
        amount = whole ? type(uint256).max : bound(amount, 1, debt);
        address liquidator = _provide(loan, who + 1, debt + 1);
        uint256 liquidatableAt = before.calledAt + GRACE;
        bool called = before.calledAt != 0 &&
            block.timestamp >= liquidatableAt &&
            block.timestamp <= liquidatableAt + WINDOW;
        bool lawful = _unhealthy(account, before.lltvBps) && (called || _unhealthy(account, HARD));
        vm.prank(liquidator);
        try market.liquidate(id, account, amount, 0, "") returns (uint256 repaid, uint256 seized) {
            holds(lawful, "a healthy or uncalled position was liquidated");
            ++liquidations;
            (loanBooks, collateralBooks) = (loanBooks + repaid, collateralBooks - seized);
            ICollateralMarket.Position memory left = market.positionOf(id, account);
            uint256 debtLeft = market.debtOf(id, account);
            if (debtLeft == 0) --lawfulDebts;
            else atMost(MIN_DEBT, debtLeft, "dust after a liquidation");
            holds(debtLeft * before.collateral <= debt * left.collateral, "liquidation raised the loan-to-value");
            uint256 bought = value(seized) * 10_000;
            atMost(bought, repaid * (10_000 + INCENTIVE) + 20_000, "more than the incentive");
            _lossExpected = market.marketOf(id).totalSupplyAssets < supplied;
            bool rounded = market.marketOf(id).totalBorrowShares == 0;
            holds(!_lossExpected || rounded || left.collateral == 0, "bad debt while there is collateral");
        } catch {
            holds(!lawful || !whole || !_priceCounts(), "a liquidation was refused");
        }
    }

    // The world.

    function setPrice(uint256 answer) external {
        feed.set(int256(bound(answer, 15_000e8, 40_000e8)));
    }

    function nudgePrice(uint256 bps) external {
        (, int256 answer, , , ) = feed.latestRoundData();
        uint256 moved = (uint256(answer) * bound(bps, 9_300, 10_600)) / 10_000;
        feed.set(int256(moved < 1e8 ? 1e8 : moved));
    }

    /// @dev A feed that answers nothing usable.
    function breakPrice(uint256 how) external {
        if (how % 4 == 0) feed.set(0);
        if (how % 4 == 1) feed.setRound(30_000e8, block.timestamp, 0);
        if (how % 4 == 2) feed.setRound(30_000e8, block.timestamp, block.timestamp + 1);
    }

    function wait(uint256 time) external priced {
        uint256 before = market.marketOf(id).totalBorrowAssets;
        uint256[ACCOUNTS] memory debts;
        for (uint256 i = 0; i < ACCOUNTS; ++i) debts[i] = market.debtOf(id, accounts[i]);
        vm.warp(block.timestamp + bound(time, 1, 3 days));
        if (time % 2 == 0) market.accrueInterest(id);
        holds(market.marketOf(id).totalBorrowAssets >= before, "negative interest");
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            holds(market.debtOf(id, accounts[i]) >= debts[i], "a debt shrank by waiting");
        }
    }

    // The books.

    function mayBorrow(uint256 who) public view returns (bool) {
        return tierOf[who] != 0 && judgedAt[who] != 0 && block.timestamp <= judgedAt[who] + MAX_DECISION_AGE;
    }

    /// @dev Collateral (8 decimals) at the feed's answer (8 decimals) in loan tokens (6 decimals), rounded down.
    function value(uint256 amount) public view returns (uint256) {
        (, int256 answer, , , ) = feed.latestRoundData();
        return answer <= 0 ? 0 : (amount * uint256(answer)) / 1e10;
    }

    function _unhealthy(address account, uint256 lltvBps) private view returns (bool) {
        uint256 debt = market.debtOf(id, account);
        return debt > (value(market.positionOf(id, account).collateral) * lltvBps) / 10_000;
    }

    function _priceCounts() private view returns (bool) {
        (, int256 answer, , uint256 updatedAt, ) = feed.latestRoundData();
        return answer > 0 && updatedAt != 0 && updatedAt <= block.timestamp && block.timestamp - updatedAt <= 30 days;
    }

    function _provide(Coin coin, uint256 who, uint256 amount) private returns (address account) {
        account = accounts[who % ACCOUNTS];
        coin.mint(account, amount);
        vm.prank(account);
        coin.approve(address(market), type(uint256).max);
    }
}
