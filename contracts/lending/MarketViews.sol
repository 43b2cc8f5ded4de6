// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralMarket} from "../interfaces/ICollateralMarket.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {Price, PriceLib} from "../libraries/PriceLib.sol";
import {SharesLib} from "../libraries/SharesLib.sol";
import {MarketStore} from "./MarketStore.sol";

/// @title What CollateralMarket shows, with interest up to the moment of asking.
abstract contract MarketViews is MarketStore {
    using PriceLib for Price;

    /// @inheritdoc ICollateralMarket
    function idOf(MarketParams memory params) public pure returns (bytes32) {
        return keccak256(abi.encode(params));
    }

    /// @inheritdoc ICollateralMarket
    function paramsOf(bytes32 id) external view returns (MarketParams memory) {
        return _params[id];
    }

    /// @inheritdoc ICollateralMarket
    function marketOf(bytes32 id) external view returns (Market memory) {
        return _upToNow(id);
    }

    /// @inheritdoc ICollateralMarket
    function borrowRateOf(bytes32 id) external view returns (uint256) {
        return _rate(_params[id], _upToNow(id));
    }

    /// @inheritdoc ICollateralMarket
    function positionOf(bytes32 id, address account) external view returns (Position memory) {
        return _positions[id][account];
    }

    /// @inheritdoc ICollateralMarket
    function debtOf(bytes32 id, address account) external view returns (uint256) {
        return _debtUp(_upToNow(id), _positions[id][account].borrowShares);
    }

    /// @inheritdoc ICollateralMarket
    function suppliedOf(bytes32 id, address account) external view returns (uint256) {
        Market memory market = _upToNow(id);
        uint256 shares = _positions[id][account].supplyShares;
        return SharesLib.toAssetsDown(shares, market.totalSupplyAssets, market.totalSupplyShares);
    }

    /// @inheritdoc ICollateralMarket
    function priceOf(bytes32 id) external view returns (uint256 numerator, uint256 denominator) {
        MarketParams storage params = _params[id];
        Market memory market = _upToNow(id);
        (, Price memory price) = _price(params, market.priceExponent, params.maxLiquidationPriceAge, true);
        return (price.numerator, price.denominator);
    }

    /// @inheritdoc ICollateralMarket
    function healthFactorOf(bytes32 id, address account) external view returns (uint256) {
        Market memory market = _upToNow(id);
        Position memory position = _positions[id][account];
        if (position.borrowShares == 0) return type(uint256).max;
        Risk memory risk = _risk(id, market, position, _params[id].maxLiquidationPriceAge);
        return PriceLib.mulDivDown(_maxDebt(risk, position), 1e18, risk.debt);
    }

    /// @inheritdoc ICollateralMarket
    function maxBorrowOf(bytes32 id, address account) external view returns (uint256) {
        MarketParams storage params = _params[id];
        Market memory market = _upToNow(id);
        Position memory position = _positions[id][account];
        uint256 lltvBps = _provenLltv(params, position, account);
        if (lltvBps == 0) return 0;
        (uint256 tracked, uint256 balance) = _holdings(params.loanToken);
        if (balance < tracked) return 0;
        (bool counts, Price memory price) = _price(params, market.priceExponent, params.maxPriceAge, false);
        if (!counts) return 0;
        uint256 maxDebt = PriceLib.shareDown(price.valueDown(position.collateral), lltvBps);
        uint256 debt = _debtUp(market, position.borrowShares);
        // One less than the gap: shares are rounded up at each borrow, and the sum of two may round up once more.
        uint256 room = Math.saturatingSub(maxDebt, position.borrowShares == 0 ? debt : debt + 1);
        room = Math.min(room, market.totalSupplyAssets - market.totalBorrowAssets);
        return debt + room < params.minDebt ? 0 : room;
    }

    /// @inheritdoc ICollateralMarket
    function stateOf(bytes32 id, address account) external view returns (PositionState state, uint256 maxRepay) {
        Market memory market = _upToNow(id);
        Position memory position = _positions[id][account];
        if (position.borrowShares == 0) return (PositionState.NoDebt, 0);
        MarketParams storage params = _params[id];
        return _standing(params, position, _risk(id, market, position, params.maxLiquidationPriceAge));
    }

    /// @dev LLTV that a borrow by `account` would have to respect; zero if it would be refused.
    function _provenLltv(
        MarketParams storage params,
        Position memory position,
        address account
    ) private view returns (uint256 lltvBps) {
        (IDecisionRegistry.DecisionStatus status, IDecisionRegistry.Value memory proven) = _tryValueOf(
            params.modelId,
            params.issuer,
            account
        );
        if (status != IDecisionRegistry.DecisionStatus.Valid) return 0;
        if (block.timestamp > uint256(proven.observedAt) + params.maxDecisionAge) return 0;
        lltvBps = _lltvOf(params, proven.value);
        if (position.borrowShares == 0) return lltvBps;
        return proven.personId == position.personId ? Math.min(lltvBps, position.lltvBps) : 0;
    }

    function _upToNow(bytes32 id) private view returns (Market memory market) {
        (market, , ) = _accrued(id);
    }
}
