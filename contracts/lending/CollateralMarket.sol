// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ICollateralMarket, ILiquidationCallback} from "../interfaces/ICollateralMarket.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {MarketParamsLib} from "../libraries/MarketParamsLib.sol";
import {Price, PriceLib} from "../libraries/PriceLib.sol";
import {SharesLib} from "../libraries/SharesLib.sol";
import {VerdictConsumer} from "../periphery/VerdictConsumer.sol";
import {MarketViews} from "./MarketViews.sol";

/// @title Isolated lending markets whose loan-to-value follows a proven risk tier. See ICollateralMarket.
/// @dev External functions go: validate, accrue, update, emit, transfer. Feeds and the decision registry are asked
/// before or between, by static calls only; all state is final before a token or a callback is called.
contract CollateralMarket is MarketViews, ReentrancyGuardTransient {
    using SafeCast for uint256;
    using PriceLib for Price;

    /// @param registry_ Where decisions are read.
    constructor(IDecisionRegistry registry_) VerdictConsumer(registry_) {}

    /// @inheritdoc ICollateralMarket
    /// @dev In memory: twenty-two fields checked one by one from calldata are a kilobyte more of code.
    // solhint-disable-next-line gas-calldata-parameters
    function createMarket(MarketParams memory params) external nonReentrant returns (bytes32 id) {
        id = idOf(params);
        if (_markets[id].accruedAt != 0) revert MarketExists(id);
        MarketParamsLib.check(params, decisionRegistry.modelRegistry(), decisionRegistry.issuerRegistry());
        _params[id] = params;
        Market memory market;
        market.accruedAt = uint64(block.timestamp);
        market.priceExponent = MarketParamsLib.priceExponent(params);
        _markets[id] = market;
        emit MarketCreated(id, params);
    }

    /// @inheritdoc ICollateralMarket
    function supply(bytes32 id, uint256 assets, address onBehalf) external nonReentrant returns (uint256 shares) {
        if (onBehalf == address(0)) revert ZeroAddress();
        Market memory market = _accrue(id);
        address token = _params[id].loanToken;
        _checkWhole(token);
        shares = SharesLib.toSharesDown(assets.toUint128(), market.totalSupplyAssets, market.totalSupplyShares);
        if (shares == 0) revert ZeroAmount();

        market.totalSupplyAssets += assets.toUint128();
        market.totalSupplyShares += shares.toUint128();
        _markets[id] = market;
        _positions[id][onBehalf].supplyShares += uint128(shares);
        trackedOf[token] += assets;

        emit Supplied(id, msg.sender, onBehalf, assets, shares);

        _pull(token, assets);
    }

    /// @inheritdoc ICollateralMarket
    function withdraw(
        bytes32 id,
        uint256 assets,
        uint256 shares,
        address onBehalf,
        address receiver
    ) external nonReentrant returns (uint256 assetsOut, uint256 sharesIn) {
        _checkEither(assets, shares);
        if (receiver == address(0)) revert ZeroAddress();
        _checkAuthorized(onBehalf);
        Market memory market = _accrue(id);
        Position storage position = _positions[id][onBehalf];
        (uint256 totalAssets, uint256 totalShares) = (market.totalSupplyAssets, market.totalSupplyShares);
        uint256 available = totalAssets - market.totalBorrowAssets;
        if (shares > position.supplyShares) revert InsufficientShares(position.supplyShares, shares);
        assetsOut = shares == 0 ? assets : SharesLib.toAssetsDown(shares, totalAssets, totalShares);
        if (assetsOut > available) revert InsufficientLiquidity(available, assetsOut);
        if (assetsOut == 0) revert ZeroAmount();
        sharesIn = shares == 0 ? SharesLib.toSharesUp(assets, totalAssets, totalShares) : shares;
        if (sharesIn > position.supplyShares) revert InsufficientShares(position.supplyShares, sharesIn);

        position.supplyShares -= uint128(sharesIn);
        market.totalSupplyShares -= uint128(sharesIn);
        market.totalSupplyAssets -= uint128(assetsOut);
        _markets[id] = market;
        address token = _params[id].loanToken;
        trackedOf[token] -= assetsOut;

        emit Withdrawn(id, msg.sender, onBehalf, receiver, assetsOut, sharesIn);

        _push(token, receiver, assetsOut);
    }

    /// @inheritdoc ICollateralMarket
    function supplyCollateral(bytes32 id, uint256 amount, address onBehalf) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        if (onBehalf == address(0)) revert ZeroAddress();
        Market memory market = _accrue(id);
        address token = _params[id].collateralToken;
        _checkWhole(token);

        Position memory position = _positions[id][onBehalf];
        position.collateral += amount.toUint128();
        _cureIfHealthy(id, market, position, onBehalf);
        _store(id, market, onBehalf, position);
        trackedOf[token] += amount;

        emit CollateralSupplied(id, msg.sender, onBehalf, amount);

        _pull(token, amount);
    }

    /// @inheritdoc ICollateralMarket
    function withdrawCollateral(
        bytes32 id,
        uint256 amount,
        address onBehalf,
        address receiver
    ) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        if (receiver == address(0)) revert ZeroAddress();
        _checkAuthorized(onBehalf);
        Market memory market = _accrue(id);
        Position memory position = _positions[id][onBehalf];
        if (amount > position.collateral) revert InsufficientCollateral(position.collateral, amount);

        position.collateral -= uint128(amount);
        if (position.borrowShares != 0) {
            _requireHealthy(id, market, position);
            _endCall(id, position, onBehalf);
        }
        _store(id, market, onBehalf, position);
        address token = _params[id].collateralToken;
        trackedOf[token] -= amount;

        emit CollateralWithdrawn(id, msg.sender, onBehalf, receiver, amount);

        _push(token, receiver, amount);
    }

    /// @inheritdoc ICollateralMarket
    function borrow(
        bytes32 id,
        uint256 assets,
        address onBehalf,
        address receiver
    ) external nonReentrant returns (uint256 shares) {
        return _borrow(id, assets, onBehalf, receiver, 0);
    }

    /// @inheritdoc ICollateralMarket
    function borrowWithin(
        bytes32 id,
        uint256 assets,
        address onBehalf,
        address receiver,
        uint256 minLltvBps
    ) external nonReentrant returns (uint256 shares) {
        return _borrow(id, assets, onBehalf, receiver, minLltvBps);
    }

    /// @inheritdoc ICollateralMarket
    function repay(
        bytes32 id,
        uint256 assets,
        uint256 shares,
        address onBehalf
    ) external nonReentrant returns (uint256 assetsIn, uint256 sharesOut) {
        _checkEither(assets, shares);
        Market memory market = _accrue(id);
        Position memory position = _positions[id][onBehalf];
        uint256 owedShares = position.borrowShares;
        if (owedShares == 0) revert NoDebt(onBehalf);
        assetsIn = _debtUp(market, owedShares);
        sharesOut = owedShares;
        if (shares != 0 && shares < owedShares) {
            (assetsIn, sharesOut) = (_debtUp(market, shares), shares);
        } else if (shares == 0 && assets < assetsIn) {
            // Whoever paid a little first must not make a sum refused that would have saved the position.
            assetsIn = Math.min(assets, Math.saturatingSub(assetsIn, _params[id].minDebt));
            sharesOut = SharesLib.toSharesDown(assetsIn, market.totalBorrowAssets, market.totalBorrowShares);
        }
        if (sharesOut == 0) revert ZeroAmount();

        _reduceDebt(id, market, position, assetsIn, sharesOut);
        _requireNotDust(id, market, position);
        _cureIfHealthy(id, market, position, onBehalf);
        _store(id, market, onBehalf, position);
        address token = _params[id].loanToken;
        trackedOf[token] += assetsIn;

        emit Repaid(id, msg.sender, onBehalf, assetsIn, sharesOut);

        _pull(token, assetsIn);
    }

    /// @inheritdoc ICollateralMarket
    function marginCall(bytes32 id, address borrower) external nonReentrant {
        Market memory market = _accrue(id);
        MarketParams storage params = _params[id];
        Position memory position = _positions[id][borrower];
        if (position.borrowShares == 0) revert NoDebt(borrower);
        (uint256 grace, uint256 window) = (params.marginCallGrace, params.marginCallWindow);
        if (position.calledAt != 0) {
            uint256 expiresAt = _liquidatableAt(params, position) + window;
            if (block.timestamp <= expiresAt) revert MarginCallHolds(expiresAt);
        }
        Risk memory risk = _risk(id, market, position, params.maxLiquidationPriceAge);
        uint256 maxDebt = _maxDebt(risk, position);
        if (risk.debt <= maxDebt) revert PositionHealthy(risk.debt, maxDebt);

        position.calledAt = uint64(block.timestamp);
        _store(id, market, borrower, position);

        emit MarginCalled(
            id,
            borrower,
            msg.sender,
            risk.debt,
            risk.value,
            block.timestamp + grace,
            block.timestamp + grace + window
        );
    }

    /// @inheritdoc ICollateralMarket
    function cure(bytes32 id, address borrower) external nonReentrant {
        Market memory market = _accrue(id);
        Position memory position = _positions[id][borrower];
        if (position.calledAt == 0) revert NotCalled(borrower);
        Risk memory risk = _risk(id, market, position, _params[id].maxLiquidationPriceAge);
        uint256 maxDebt = _maxDebt(risk, position);
        if (risk.debt > maxDebt) revert PositionUnhealthy(risk.debt, maxDebt);
        _endCall(id, position, borrower);
        _store(id, market, borrower, position);
    }

    /// @inheritdoc ICollateralMarket
    function liquidate(
        bytes32 id,
        address borrower,
        uint256 repayAssets,
        uint256 minCollateral,
        bytes calldata data
    ) external nonReentrant returns (uint256 repaid, uint256 seized) {
        if (repayAssets == 0) revert ZeroAmount();
        Market memory market = _accrue(id);
        (repaid, seized) = _close(id, market, borrower, repayAssets);
        if (seized < minCollateral) revert SlippageExceeded(minCollateral, seized);

        (address loanToken, address collateralToken) = (_params[id].loanToken, _params[id].collateralToken);
        trackedOf[collateralToken] -= seized;
        trackedOf[loanToken] += repaid;

        _push(collateralToken, msg.sender, seized);
        if (data.length != 0) ILiquidationCallback(msg.sender).onLiquidation(repaid, seized, data);
        _pull(loanToken, repaid);
    }

    /// @inheritdoc ICollateralMarket
    function accrueInterest(bytes32 id) external nonReentrant {
        _markets[id] = _accrue(id);
    }

    /// @inheritdoc ICollateralMarket
    function setAuthorization(address authorized, bool newIsAuthorized) external {
        isAuthorized[msg.sender][authorized] = newIsAuthorized;
        emit AuthorizationSet(msg.sender, authorized, newIsAuthorized);
    }

    /// @dev Open or enlarge a debt, unless its threshold would be below `minLltvBps`.
    function _borrow(
        bytes32 id,
        uint256 assets,
        address onBehalf,
        address receiver,
        uint256 minLltvBps
    ) private returns (uint256 shares) {
        if (assets == 0) revert ZeroAmount();
        if (receiver == address(0)) revert ZeroAddress();
        _checkAuthorized(onBehalf);
        Market memory market = _accrue(id);
        uint256 available = market.totalSupplyAssets - market.totalBorrowAssets;
        if (assets > available) revert InsufficientLiquidity(available, assets);
        address token = _params[id].loanToken;
        _checkWhole(token);
        Position memory position = _positions[id][onBehalf];
        _openOrLimit(id, position, onBehalf);
        if (position.lltvBps < minLltvBps) revert LltvTooLow(minLltvBps, position.lltvBps);

        shares = SharesLib.toSharesUp(assets, market.totalBorrowAssets, market.totalBorrowShares);
        position.borrowShares += shares.toUint128();
        market.totalBorrowShares += uint128(shares);
        market.totalBorrowAssets += uint128(assets);
        trackedOf[token] -= assets;
        _requireHealthy(id, market, position);
        _requireNotDust(id, market, position);
        _endCall(id, position, onBehalf);
        _store(id, market, onBehalf, position);

        emit Borrowed(id, msg.sender, onBehalf, receiver, assets, shares);

        _push(token, receiver, assets);
    }

    /// @dev Judge a borrow: fix the threshold of a position without debt, lower an open one's to today's if that is less.
    /// Lowered for good, not for this borrow alone: else collateral locked for its sake could leave again right after.
    function _openOrLimit(bytes32 id, Position memory position, address borrower) private {
        (uint256 tier, uint256 lltvBps, bytes32 personId) = _judge(_params[id], borrower);
        if (position.borrowShares != 0) {
            if (position.personId != personId) revert PersonMismatch(position.personId, personId);
            if (lltvBps >= position.lltvBps) return;
            position.lltvBps = uint16(lltvBps);
            emit ThresholdLowered(id, borrower, tier, lltvBps);
            return;
        }
        position.lltvBps = uint16(lltvBps);
        position.personId = personId;
        emit PositionOpened(id, borrower, personId, tier, lltvBps);
    }

    /// @dev Revert unless the debt is within the position's threshold at a fresh price.
    function _requireHealthy(bytes32 id, Market memory market, Position memory position) private view {
        Risk memory risk = _risk(id, market, position, _params[id].maxPriceAge);
        uint256 maxDebt = _maxDebt(risk, position);
        if (risk.debt > maxDebt) revert BorrowLimitExceeded(risk.debt, maxDebt);
    }

    /// @dev Revert if a debt is left that is not worth anybody's gas, and against which a share's price has no digits.
    function _requireNotDust(bytes32 id, Market memory market, Position memory position) private view {
        if (position.borrowShares == 0) return;
        uint256 debt = _debtUp(market, position.borrowShares);
        uint256 minDebt = _params[id].minDebt;
        if (debt < minDebt) revert DebtTooSmall(debt, minDebt);
    }

    /// @dev The books of one liquidation: debt, collateral, and what nobody pays. Emits Liquidated.
    function _close(
        bytes32 id,
        Market memory market,
        address borrower,
        uint256 repayAssets
    ) private returns (uint256 repaid, uint256 seized) {
        Position memory position = _positions[id][borrower];
        if (position.borrowShares == 0) revert NoDebt(borrower);
        MarketParams storage params = _params[id];
        Risk memory risk = _risk(id, market, position, params.maxLiquidationPriceAge);
        (PositionState state, uint256 maxRepay) = _standing(params, position, risk);
        if (state != PositionState.Liquidatable) _refuse(params, position, borrower, risk);

        uint256 incentive = params.incentiveBps;
        uint256 shares = position.borrowShares;
        uint256 lost;
        uint256 lostShares;
        repaid = Math.min(repayAssets, maxRepay);
        if (risk.debt > PriceLib.payableDown(risk.value, incentive)) {
            // Any part of it sold with the incentive would raise the rest's loan-to-value: all or nothing.
            if (repaid < maxRepay) revert FullClosingRequired(maxRepay, repayAssets);
            seized = position.collateral;
            if (repaid < risk.debt) {
                shares = SharesLib.toSharesDown(repaid, market.totalBorrowAssets, market.totalBorrowShares);
            }
            _reduceDebt(id, market, position, repaid, shares);
            (lost, lostShares) = _loseRest(id, market, position);
        } else {
            if (repaid < risk.debt) {
                shares = SharesLib.toSharesDown(repaid, market.totalBorrowAssets, market.totalBorrowShares);
            }
            if (shares == 0) revert ZeroAmount();
            _reduceDebt(id, market, position, repaid, shares);
            _requireNotDust(id, market, position);
            // Collateral goes for the debt that is really gone, so that rounding raises nobody's loan-to-value.
            uint256 gone = Math.min(repaid, Math.saturatingSub(risk.debt, _debtUp(market, position.borrowShares)));
            seized = Math.min(risk.price.boughtDown(gone, incentive), position.collateral);
        }
        position.collateral -= uint128(seized);
        _cureIfHealthy(id, market, position, borrower);
        _store(id, market, borrower, position);

        emit Liquidated(id, borrower, msg.sender, repaid, shares, seized, lost, lostShares);
    }

    /// @dev Take what a position still owes off the books: whoever supplies at this moment bears it.
    function _loseRest(
        bytes32 id,
        Market memory market,
        Position memory position
    ) private returns (uint256 lost, uint256 lostShares) {
        lostShares = position.borrowShares;
        if (lostShares == 0) return (0, 0);
        lost = Math.min(_debtUp(market, lostShares), market.totalBorrowAssets);
        market.totalSupplyAssets -= uint128(lost);
        _reduceDebt(id, market, position, lost, lostShares);
    }

    /// @dev When the last debt is gone, the sum of debts is not exactly gone with it: the virtual shares' part of the
    /// interest is owed by nobody, and rounding up may have asked for a smallest unit more. Suppliers bear the one and
    /// get the other, so that what they own is what is here.
    function _reduceDebt(
        bytes32 id,
        Market memory market,
        Position memory position,
        uint256 assets,
        uint256 shares
    ) private {
        position.borrowShares -= uint128(shares);
        market.totalBorrowShares -= uint128(shares);
        uint256 owed = market.totalBorrowAssets;
        if (market.totalBorrowShares != 0) {
            market.totalBorrowAssets = uint128(Math.saturatingSub(owed, assets)); // others owe the smallest debt at least
            return;
        }
        market.totalBorrowAssets = 0;
        if (assets == owed) return;
        uint256 rest = uint256(market.totalSupplyAssets) + assets - owed;
        market.totalSupplyAssets = uint128(Math.min(rest, type(uint128).max));
        emit RoundingSettled(id, int256(assets) - int256(owed));
    }

    /// @dev Say why a position cannot be liquidated.
    function _refuse(
        MarketParams storage params,
        Position memory position,
        address borrower,
        Risk memory risk
    ) private view {
        uint256 maxDebt = _maxDebt(risk, position);
        if (risk.debt <= maxDebt) revert PositionHealthy(risk.debt, maxDebt);
        if (position.calledAt == 0) revert NotCalled(borrower);
        uint256 liquidatableAt = _liquidatableAt(params, position);
        if (block.timestamp < liquidatableAt) revert GracePeriod(liquidatableAt);
        revert MarginCallExpired(liquidatableAt + params.marginCallWindow);
    }

    /// @dev Forget what belonged to a debt that is gone; otherwise end its margin call if the price says it is healthy.
    /// Never reverts: repayment and new collateral must not depend on a feed.
    function _cureIfHealthy(
        bytes32 id,
        Market memory market,
        Position memory position,
        address borrower
    ) private {
        if (position.borrowShares == 0) return _reset(id, position, borrower);
        if (position.calledAt == 0) return;
        MarketParams storage params = _params[id];
        (bool counts, Price memory price) = _price(params, market.priceExponent, params.maxLiquidationPriceAge, false);
        if (!counts) return;
        uint256 maxDebt = PriceLib.shareDown(price.valueDown(position.collateral), position.lltvBps);
        if (_debtUp(market, position.borrowShares) <= maxDebt) _endCall(id, position, borrower);
    }

    function _reset(bytes32 id, Position memory position, address borrower) private {
        if (position.lltvBps == 0) return;
        _endCall(id, position, borrower);
        position.lltvBps = 0;
        position.personId = 0;
    }

    function _endCall(bytes32 id, Position memory position, address borrower) private {
        if (position.calledAt == 0) return;
        position.calledAt = 0;
        emit MarginCallEnded(id, borrower);
    }

    function _store(bytes32 id, Market memory market, address account, Position memory position) private {
        _markets[id] = market;
        _positions[id][account] = position;
    }

    function _checkEither(uint256 assets, uint256 shares) private pure {
        if ((assets == 0) == (shares == 0)) revert AmountOrShares(assets, shares);
    }
}
