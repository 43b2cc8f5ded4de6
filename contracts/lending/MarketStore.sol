// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralMarket} from "../interfaces/ICollateralMarket.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {FeedReader} from "../libraries/FeedReader.sol";
import {KinkRate} from "../libraries/KinkRate.sol";
import {Price, PriceLib} from "../libraries/PriceLib.sol";
import {SharesLib} from "../libraries/SharesLib.sol";
import {VerdictConsumer} from "../periphery/VerdictConsumer.sol";

/// @title Storage of CollateralMarket, and what its functions and its views both need.
abstract contract MarketStore is ICollateralMarket, VerdictConsumer {
    using SafeERC20 for IERC20;
    using PriceLib for Price;

    /// @dev A debt, what secures it, and at what price.
    struct Risk {
        uint256 debt; // rounded up
        uint256 value; // of the collateral, rounded down
        Price price;
    }

    uint256 internal constant BPS = 10_000;

    mapping(bytes32 id => MarketParams params) internal _params;
    mapping(bytes32 id => Market market) internal _markets;
    mapping(bytes32 id => mapping(address account => Position position)) internal _positions;

    /// @inheritdoc ICollateralMarket
    mapping(address token => uint256 amount) public trackedOf;
    /// @inheritdoc ICollateralMarket
    mapping(address authorizer => mapping(address authorized => bool allowed)) public isAuthorized;

    /// @dev A market with interest up to now, in memory: whoever changes it stores it, once.
    function _accrued(bytes32 id) internal view returns (Market memory market, uint256 rate, uint256 interest) {
        market = _markets[id];
        if (market.accruedAt == 0) revert UnknownMarket(id);
        MarketParams storage params = _params[id];
        rate = _rate(params, market);
        // Both sides get the same number; what is below a smallest unit is carried over, so that accruing every second
        // neither forgives nor invents anything. Capped where the sums are full: a market left alone must still open.
        uint256 growth = KinkRate.growth(rate, block.timestamp - market.accruedAt);
        uint256 scaled = market.totalBorrowAssets * growth + market.interestRemainder;
        interest = Math.min(scaled / KinkRate.WAD, type(uint128).max - market.totalSupplyAssets);
        // slither-disable-next-line weak-prng (a remainder, nobody's dice)
        market.interestRemainder = uint64(scaled % KinkRate.WAD);
        market.accruedAt = uint64(block.timestamp);
        market.totalSupplyAssets += uint128(interest);
        market.totalBorrowAssets += uint128(interest);
    }

    /// @dev The same, and say so.
    function _accrue(bytes32 id) internal returns (Market memory market) {
        uint256 rate;
        uint256 interest;
        (market, rate, interest) = _accrued(id);
        if (interest != 0) emit InterestAccrued(id, rate, interest);
    }

    function _rate(MarketParams storage params, Market memory market) internal view returns (uint256) {
        uint256 borrowed = market.totalBorrowAssets; // never above what is supplied
        uint256 utilisation = borrowed == 0 ? 0 : (borrowed * KinkRate.WAD) / market.totalSupplyAssets;
        return
            KinkRate.annual(utilisation, params.baseRateBps, params.kinkRateBps, params.fullRateBps, params.kinkBps);
    }

    /// @dev What an account owes, rounded up. The market must be accrued.
    function _debtUp(Market memory market, uint256 shares) internal pure returns (uint256) {
        return SharesLib.toAssetsUp(shares, market.totalBorrowAssets, market.totalBorrowShares);
    }

    /// @dev Debt and collateral's value at a price not older than `maxAge`; reverts with the reason if there is none.
    function _risk(
        bytes32 id,
        Market memory market,
        Position memory position,
        uint256 maxAge
    ) internal view returns (Risk memory risk) {
        (, risk.price) = _price(_params[id], market.priceExponent, maxAge, true);
        risk.debt = _debtUp(market, position.borrowShares);
        risk.value = risk.price.valueDown(position.collateral);
    }

    /// @dev Most debt that a position's collateral secures at its own LLTV.
    function _maxDebt(Risk memory risk, Position memory position) internal pure returns (uint256) {
        return PriceLib.shareDown(risk.value, position.lltvBps);
    }

    /// @dev Where a position with debt stands, and the most that a liquidation repays now.
    function _standing(
        MarketParams storage params,
        Position memory position,
        Risk memory risk
    ) internal view returns (PositionState state, uint256 maxRepay) {
        if (risk.debt <= _maxDebt(risk, position)) return (PositionState.Healthy, 0);
        bool hard = risk.debt > PriceLib.shareDown(risk.value, params.hardLltvBps);
        if (!hard) {
            if (position.calledAt == 0) return (PositionState.Callable, 0);
            uint256 liquidatableAt = _liquidatableAt(params, position);
            if (block.timestamp > liquidatableAt + params.marginCallWindow) return (PositionState.Callable, 0);
            if (block.timestamp < liquidatableAt) return (PositionState.Called, 0);
        }
        return (PositionState.Liquidatable, _maxRepay(params, position, risk, hard));
    }

    /// @dev When the grace of a call ends. It begins anew when the sequencer returns while the call holds: during an
    /// outage nobody could act. A call that is over by then stays over, or a liquidation could come without a warning.
    function _liquidatableAt(MarketParams storage params, Position memory position) internal view returns (uint256) {
        uint256 from = position.calledAt;
        address feed = params.sequencerFeed;
        if (feed != address(0)) {
            (, , uint256 since, ) = FeedReader.latest(feed);
            uint256 over = from + params.marginCallGrace + params.marginCallWindow;
            if (since <= block.timestamp && since <= over) from = Math.max(from, since);
        }
        return from + params.marginCallGrace;
    }

    function _maxRepay(
        MarketParams storage params,
        Position memory position,
        Risk memory risk,
        bool hard
    ) private view returns (uint256 maxRepay) {
        uint256 incentive = params.incentiveBps;
        if (risk.debt > PriceLib.payableDown(risk.value, incentive)) {
            return Math.min(risk.debt, risk.price.costUp(position.collateral, incentive));
        }
        if (hard) return risk.debt;
        maxRepay = Math.ceilDiv(risk.debt * params.closeFactorBps, BPS);
        if (risk.debt - maxRepay < params.minDebt) maxRepay = risk.debt;
    }

    /// @dev Tier and LLTV of a valid, fresh, positive decision about `borrower`.
    function _judge(
        MarketParams storage params,
        address borrower
    ) internal view returns (uint256 tier, uint256 lltvBps, bytes32 personId) {
        uint256 modelId = params.modelId;
        IDecisionRegistry.Value memory proven = _valueOf(modelId, params.issuer, borrower);
        uint64 maxAge = params.maxDecisionAge;
        if (block.timestamp > uint256(proven.observedAt) + maxAge) revert DecisionStale(proven.observedAt, maxAge);
        lltvBps = _lltvOf(params, proven.value);
        if (lltvBps == 0) revert DecisionNegative(modelId, borrower);
        return (uint256(proven.value), lltvBps, proven.personId);
    }

    /// @dev LLTV of a tier; zero for a refusal. The circuit bounds the tier; one beyond the list fails the array access.
    function _lltvOf(MarketParams storage params, int256 tier) internal view returns (uint256) {
        return tier <= 0 ? 0 : params.lltvsBps[uint256(tier)];
    }

    /// @dev The price, if the sequencer is up and both feeds have one not older than `maxAge`. With `strict`, reverts
    /// with the reason otherwise; without, never reverts.
    function _price(
        MarketParams storage params,
        int256 exponent,
        uint256 maxAge,
        bool strict
    ) internal view returns (bool counts, Price memory price) {
        if (!_isSequencerUp(params, strict)) return (false, price);
        uint256 collateralAnswer = _answer(params.collateralFeed, maxAge, strict);
        address loanFeed = params.loanFeed;
        uint256 loanAnswer = loanFeed == address(0) ? 1 : _answer(loanFeed, maxAge, strict);
        if (collateralAnswer == 0 || loanAnswer == 0) return (false, price);
        (counts, price) = PriceLib.compose(collateralAnswer, loanAnswer, exponent);
        if (strict && !counts) revert PriceOutOfRange(collateralAnswer, loanAnswer);
    }

    /// @dev A feed's answer, or zero when it does not count.
    function _answer(address feed, uint256 maxAge, bool strict) private view returns (uint256) {
        (FeedReader.Fault fault, int256 answer, uint256 updatedAt) = FeedReader.check(feed, maxAge);
        if (fault == FeedReader.Fault.None) return uint256(answer);
        if (strict) FeedReader.fail(fault, feed, answer, updatedAt, maxAge);
        return 0;
    }

    /// @dev After an outage prices are old and borrowers could not act: they get a grace before any price counts.
    function _isSequencerUp(MarketParams storage params, bool strict) private view returns (bool) {
        address feed = params.sequencerFeed;
        if (feed == address(0)) return true;
        (bool success, int256 down, uint256 startedAt, ) = FeedReader.latest(feed);
        if (success && startedAt != 0 && down == 0) {
            uint256 grace = params.sequencerGrace;
            if (startedAt <= block.timestamp && block.timestamp - startedAt >= grace) return true;
            if (strict) revert SequencerGracePeriod(startedAt, grace);
        } else if (strict) {
            if (success && down != 0) revert SequencerDown(feed);
            revert PriceUnavailable(feed);
        }
        return false;
    }

    /// @dev Take tokens from the caller; reverts unless exactly `amount` arrives.
    function _pull(address token, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _checkMoved(token, amount, before, IERC20(token).balanceOf(address(this)));
    }

    /// @dev Send tokens; reverts unless exactly `amount` leaves: a charge on top would be other people's money.
    function _push(address token, address receiver, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(receiver, amount);
        _checkMoved(token, amount, IERC20(token).balanceOf(address(this)), before);
    }

    /// @dev New money must not fill a hole that others' losses made.
    function _checkWhole(address token) internal view {
        (uint256 tracked, uint256 balance) = _holdings(token);
        if (balance < tracked) revert TokenShortfall(token, tracked, balance);
    }

    /// @dev What belongs to somebody here, and what the token says is here.
    function _holdings(address token) internal view returns (uint256 tracked, uint256 balance) {
        return (trackedOf[token], IERC20(token).balanceOf(address(this)));
    }

    function _checkAuthorized(address owner) internal view {
        if (msg.sender != owner && !isAuthorized[owner][msg.sender]) revert Unauthorized(owner, msg.sender);
    }

    function _checkMoved(address token, uint256 expected, uint256 low, uint256 high) private pure {
        uint256 moved = Math.saturatingSub(high, low);
        if (moved != expected) revert UnexpectedTransfer(token, expected, moved);
    }
}
