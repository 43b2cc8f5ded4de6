// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CreditLine} from "contracts/lending/CreditLine.sol";
import {DemoToken} from "contracts/periphery/DemoToken.sol";
import {CreditHandler} from "../base/CreditHandler.sol";
import {Harness} from "../base/Harness.sol";
import {World} from "../base/World.sol";

contract CreditLineTest is Harness {
    World private _world;
    CreditHandler private _handler;
    CreditLine private _line;

    function setUp() external {
        _world = new World();
        _handler = new CreditHandler(_world);
        _line = _handler.line();
        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = CreditHandler.deposit.selector;
        selectors[1] = CreditHandler.mint.selector;
        selectors[2] = CreditHandler.withdraw.selector;
        selectors[3] = CreditHandler.redeem.selector;
        selectors[4] = CreditHandler.donate.selector;
        selectors[5] = CreditHandler.decide.selector;
        selectors[6] = CreditHandler.revoke.selector;
        selectors[7] = CreditHandler.draw.selector;
        selectors[8] = CreditHandler.repay.selector;
        selectors[9] = CreditHandler.writeOff.selector;
        selectors[10] = CreditHandler.wait.selector;
        selectors[11] = CreditHandler.transfer.selector;
        selectors[12] = CreditHandler.claim.selector;
        selectors[13] = CreditHandler.draw.selector; // twice as often: everything else needs loans
        target(address(_handler), selectors);
    }

    /// @dev Solvency: the tokens are there, and all shares together claim no more than the assets.
    function invariant_AssetsCoverClaims() external view {
        equal(_line.cash(), _handler.cash(), "cash is what came in less what went out");
        equal(_line.pocketed(), _handler.pocketed(), "pockets are what came in late less what was claimed");
        atMost(_line.cash() + _line.pocketed(), _handler.token().balanceOf(address(_line)), "tokens for both");
        atMost(_line.convertToAssets(_line.totalSupply()), _line.totalAssets(), "claims");
    }

    /// @dev Every late payment belongs to the lenders of its due time, to the last wei but one a lender.
    function invariant_PocketsCoverClaims() external view {
        uint256 claims;
        for (uint256 i = 0; i < _handler.dueCount(); ++i) {
            uint256 dueAt = _handler.dues(i);
            uint256 recovered = _line.recoveredOf(dueAt / 1 days - 1);
            equal(recovered, _handler.recovered(dueAt), "recovered");
            if (recovered == 0) continue;
            uint256 all;
            for (uint256 j = 0; j < _handler.LENDERS(); ++j) {
                uint256 left = _line.claimable(dueAt / 1 days - 1, _handler.lenders(j));
                equal(left, _handler.claimable(dueAt, j), "claimable");
                all += left + _handler.claimed(dueAt, j);
                claims += left;
            }
            atMost(all, recovered, "claims of a day");
            atMost(recovered, all + _handler.LENDERS() - 1, "a day's money nobody can claim");
        }
        atMost(claims, _line.pocketed(), "claims");
    }

    /// @dev Sums are conserved: the straight lines of the books equal the loans one by one, and the lenders' shares are
    /// all shares.
    function invariant_SumsAreConserved() external view {
        (uint256 performing, uint256 delinquent) = _line.debts();
        (uint256 performingBooks, uint256 delinquentBooks) = _handler.debts();
        equal(performing, performingBooks, "performing");
        equal(delinquent, delinquentBooks, "delinquent");
        equal(
            _line.balanceOf(_handler.lenders(0)) + _line.balanceOf(_handler.lenders(1)),
            _line.totalSupply(),
            "shares"
        );
    }

    /// @dev Caps are never exceeded: per person over all wallets, per loan, per day.
    function invariant_CapsAreNeverExceeded() external view {
        for (uint256 i = 0; i < _handler.PERSONS(); ++i) {
            (uint256 owed, uint256 open, ) = _handler.person(i);
            equal(_line.outstandingOf(_world.issuer(), _handler.personId(i)), owed, "outstanding");
            atMost(owed, _handler.PERSON_CAP(), "person's cap");
            atMost(open, _line.MAX_OPEN_LOANS(), "open loans");
        }
        for (uint256 i = 0; i < _handler.dayCount(); ++i) {
            uint256 day = _handler.days_(i);
            equal(_line.lentOnModel(_world.modelId(), day), _handler.lentOn(day), "lent on the model");
            equal(_line.lentOnIssuer(_world.issuer(), day), _handler.lentOn(day), "lent on the issuer");
            atMost(_handler.lentOn(day), _handler.ISSUER_DAY(), "the day's cap");
        }
    }

    /// @dev Interest is never negative, and what is owed is principal and interest rounded up.
    function invariant_InterestIsNeverNegative() external view {
        for (uint256 i = 0; i < _handler.loanCount(); ++i) {
            (, uint256 principal, , , , , , ) = _handler.loans(i);
            equal(_line.owedUp(i + 1), _handler.owedUp(i), "owed");
            atMost(principal, _line.owedUp(i + 1), "principal");
        }
    }

    /// @dev No draw without a valid decision: there are the loans that the handler's books allowed, and no others.
    function invariant_NoDrawWithoutAValidDecision() external view {
        equal(_line.loanCount(), _handler.loanCount(), "loans");
    }

    /// @dev The handler's world is not an empty one: it draws, repays, falls due, writes off and recovers.
    function test_TheHandlerReachesEverything() external {
        _handler.draw(0, 2_000e18);
        _handler.draw(0, 1_000e18);
        _handler.repay(0, 500e18, 0);
        equal(_handler.loanCount(), 2, "loans");
        _handler.wait(12 days);
        _handler.wait(12 days);
        (, uint256 delinquent) = _line.debts();
        holds(delinquent > 2_500e18, "past due");
        _handler.decide(0, 2);
        _handler.draw(0, 1);
        equal(_handler.loanCount(), 2, "no loan for a person past due");
        for (uint256 i = 0; i < 3; ++i) _handler.wait(10 days);
        _handler.writeOff(0);
        atMost(_line.totalAssets(), 9_501e18, "the loss is shared");
        _handler.repay(0, 1_000e18, 1);
        equal(_line.pocketed(), 1_000e18, "the recovery waits");
        _handler.claim(0, 0);
        equal(_line.pocketed(), 0, "the recovery is claimed");
        _handler.redeem(0, _line.maxRedeem(_handler.lenders(0)));
        atMost(_line.cash(), 1, "all that is left, but for the rounding");
    }

    /// @dev Shares never inflate: whoever comes first and donates takes nothing from whoever comes next.
    function testFuzz_FirstDepositorTakesNothing(uint256 first, uint256 donation, uint256 second) external {
        CreditLine line = _empty();
        (first, donation, second) = (bound(first, 1, 1e24), bound(donation, 0, 1e30), bound(second, 1, 1e24));
        uint256 attacker = _deposit(line, first);
        _handler.token().mint(address(line), donation);
        uint256 victim = _deposit(line, second);
        atMost(line.previewRedeem(attacker), first, "the attacker gained");
        atMost(second, line.previewRedeem(victim) + 1, "the victim lost more than the rounding");
    }

    /// @dev In and out again, by any of the four doors, never gains.
    function testFuzz_RoundTripsNeverGain(uint256 seed, uint256 amount, uint8 doors) external {
        CreditLine line = _empty();
        _deposit(line, bound(seed, 1, 1e24));
        amount = bound(amount, 1, 1e24);
        DemoToken token = _handler.token();
        token.mint(address(this), type(uint128).max);
        uint256 before = token.balanceOf(address(this));
        uint256 shares = doors & 1 == 0 ? line.deposit(amount, address(this)) : amount * 1e6;
        if (doors & 1 != 0) line.mint(shares, address(this));
        if (doors & 2 == 0) line.redeem(shares, address(this), address(this));
        else line.withdraw(line.previewRedeem(shares), address(this), address(this));
        atMost(token.balanceOf(address(this)), before, "a round trip gained");
    }

    function _empty() private returns (CreditLine line) {
        line = new CreditLine(_world.decisions(), _handler.token(), address(this));
        _handler.token().approve(address(line), type(uint256).max);
    }

    function _deposit(CreditLine line, uint256 assets) private returns (uint256) {
        _handler.token().mint(address(this), assets);
        return line.deposit(assets, address(this));
    }
}
