// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICollateralMarket} from "contracts/interfaces/ICollateralMarket.sol";
import {CollateralMarket} from "contracts/lending/CollateralMarket.sol";
import {Harness} from "../base/Harness.sol";
import {MarketHandler} from "../base/MarketHandler.sol";
import {World} from "../base/World.sol";

contract CollateralMarketTest is Harness {
    MarketHandler private _handler;
    CollateralMarket private _market;
    bytes32 private _id;

    function setUp() external {
        _handler = new MarketHandler(new World());
        (_market, _id) = (_handler.market(), _handler.id());
        bytes4[] memory selectors = new bytes4[](18);
        selectors[0] = MarketHandler.supply.selector;
        selectors[1] = MarketHandler.withdraw.selector;
        selectors[2] = MarketHandler.withdrawShares.selector;
        selectors[3] = MarketHandler.donate.selector;
        selectors[4] = MarketHandler.supplyCollateral.selector;
        selectors[5] = MarketHandler.withdrawCollateral.selector;
        selectors[6] = MarketHandler.borrow.selector;
        selectors[7] = MarketHandler.repay.selector;
        selectors[8] = MarketHandler.decide.selector;
        selectors[9] = MarketHandler.revoke.selector;
        selectors[10] = MarketHandler.marginCall.selector;
        selectors[11] = MarketHandler.cure.selector;
        selectors[12] = MarketHandler.liquidate.selector;
        selectors[13] = MarketHandler.setPrice.selector;
        selectors[14] = MarketHandler.nudgePrice.selector;
        selectors[15] = MarketHandler.breakPrice.selector;
        selectors[16] = MarketHandler.wait.selector;
        selectors[17] = MarketHandler.borrow.selector; // twice as often: everything else needs debts
        target(address(_handler), selectors);
    }

    /// @dev Solvency: the tokens are there, and suppliers claim no more than what is here and what is owed.
    function invariant_AssetsCoverClaims() external view {
        ICollateralMarket.Market memory sums = _market.marketOf(_id);
        uint256 tracked = _market.trackedOf(address(_handler.loan()));
        equal(tracked, _handler.loanBooks(), "tracked loan tokens");
        holds(_handler.loan().balanceOf(address(_market)) >= tracked, "loan tokens");
        atMost(sums.totalBorrowAssets, sums.totalSupplyAssets, "borrowed");
        equal(sums.totalSupplyAssets - sums.totalBorrowAssets, tracked, "liquidity");
        holds(sums.totalBorrowShares != 0 || sums.totalBorrowAssets == 0, "a debt nobody owes");
        uint256 claims;
        uint256 debts;
        for (uint256 i = 0; i < _handler.ACCOUNTS(); ++i) {
            claims += _market.suppliedOf(_id, _handler.accounts(i));
            debts += _market.debtOf(_id, _handler.accounts(i));
        }
        atMost(claims, sums.totalSupplyAssets, "claims");
        atMost(sums.totalBorrowAssets, debts, "borrowers owe all that is lent");
    }

    /// @dev Sums are conserved: shares and collateral of all accounts are those of the market.
    function invariant_SumsAreConserved() external view {
        ICollateralMarket.Market memory sums = _market.marketOf(_id);
        uint256 collateral;
        for (uint256 i = 0; i < _handler.ACCOUNTS(); ++i) {
            ICollateralMarket.Position memory position = _market.positionOf(_id, _handler.accounts(i));
            sums.totalSupplyShares -= position.supplyShares;
            sums.totalBorrowShares -= position.borrowShares;
            collateral += position.collateral;
        }
        equal(sums.totalSupplyShares, 0, "supply shares nobody has");
        equal(sums.totalBorrowShares, 0, "debt shares nobody owes");
        equal(collateral, _handler.collateralBooks(), "collateral in the books");
        equal(collateral, _market.trackedOf(address(_handler.collateral())), "tracked collateral");
        holds(_handler.collateral().balanceOf(address(_market)) >= collateral, "collateral tokens");
    }

    /// @dev No draw without a valid decision: every debt was opened by a borrow the books allowed, at a tier's LLTV.
    function invariant_NoDrawWithoutAValidDecision() external view {
        uint256 debts;
        for (uint256 i = 0; i < _handler.ACCOUNTS(); ++i) {
            ICollateralMarket.Position memory position = _market.positionOf(_id, _handler.accounts(i));
            bool owes = position.borrowShares != 0;
            if (owes) ++debts;
            holds(owes == (position.lltvBps != 0) && owes == (position.personId != 0), "a debt has LLTV and person");
            holds(owes || position.calledAt == 0, "a call needs a debt");
        }
        equal(debts, _handler.lawfulDebts(), "debts");
    }

    /// @dev The handler's world is not an empty one: it borrows, falls, is called, liquidated and loses.
    function test_TheHandlerReachesEverything() external {
        _handler.borrow(1, 100_000e6);
        equal(_handler.borrows(), 1, "borrows");
        _handler.setPrice(24_000e8);
        _handler.liquidate(1, 0, true);
        equal(_handler.liquidations(), 0, "not before a call");
        _handler.marginCall(1);
        _handler.wait(1 days);
        _handler.liquidate(1, 10_000e6, false);
        equal(_handler.liquidations(), 1, "after the grace");
        _handler.repay(1, 1_000e6, false);
        uint256 supplied = _market.marketOf(_id).totalSupplyAssets;
        _handler.setPrice(15_000e8);
        _handler.liquidate(1, 0, true);
        equal(_handler.liquidations(), 2, "at once above the hard LLTV");
        holds(_market.marketOf(_id).totalSupplyAssets < supplied, "bad debt is the suppliers'");
        _handler.withdrawShares(0, type(uint256).max);
    }

    /// @dev Shares never inflate: whoever comes first and donates takes nothing from whoever comes next.
    function testFuzz_FirstSupplierTakesNothing(uint256 first, uint256 donation, uint256 second) external {
        _handler.withdrawShares(0, _market.positionOf(_id, _handler.accounts(0)).supplyShares);
        (first, second) = (bound(first, 1, 1_000_000e6), bound(second, 1, 1_000_000e6));
        _handler.supply(0, first);
        _handler.donate(donation, true);
        _handler.supply(2, second);
        atMost(_market.suppliedOf(_id, _handler.accounts(0)), first + 1, "the first gained");
        atMost(second, _market.suppliedOf(_id, _handler.accounts(2)) + 1, "the second lost more than the rounding");
    }
}
