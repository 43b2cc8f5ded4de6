// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ICollateralMarket} from "../interfaces/ICollateralMarket.sol";
import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {FeedReader} from "./FeedReader.sol";
import {LayoutLib} from "./LayoutLib.sol";

/// @title What a market may be. See ICollateralMarket.createMarket.
library MarketParamsLib {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_DECIMALS = 30;
    uint256 private constant MAX_INCENTIVE_BPS = 2_500;
    uint256 private constant MIN_CLOSE_FACTOR_BPS = 1_000;
    uint256 private constant MAX_ANNUAL_RATE_BPS = 100_000; // 1,000 % a year: above it is a slip of the pen
    uint256 private constant MAX_GRACE = 30 days;
    uint256 private constant MIN_WINDOW = 1 hours;
    uint256 private constant MAX_WINDOW = 365 days;
    uint256 private constant MAX_SEQUENCER_GRACE = 1 days;
    /// @dev One repayment rounds by less than a smallest unit, so it moves a debt share's price by less than a millionth.
    uint256 private constant LEAST_MIN_DEBT = 1e6;

    /// @notice Revert with InvalidParams and the field's name unless the market may exist.
    function check(
        ICollateralMarket.MarketParams memory params,
        IModelRegistry models,
        IIssuerRegistry issuers
    ) internal view {
        _require(params.collateralToken != params.loanToken, "collateralToken");
        _require(params.maxPriceAge != 0, "maxPriceAge");
        _require(params.maxLiquidationPriceAge >= params.maxPriceAge, "maxLiquidationPriceAge");
        _require(params.maxDecisionAge != 0, "maxDecisionAge");
        _require(FeedReader.isFeed(params.collateralFeed), "collateralFeed");
        _require(params.loanFeed == address(0) || FeedReader.isFeed(params.loanFeed), "loanFeed");
        _require(params.sequencerFeed == address(0) || FeedReader.isFeed(params.sequencerFeed), "sequencerFeed");
        _require(params.sequencerGrace <= MAX_SEQUENCER_GRACE, "sequencerGrace");
        _require(params.sequencerFeed == address(0) || params.sequencerGrace != 0, "sequencerGrace");
        _require(issuers.statusOf(params.issuer) == IIssuerRegistry.IssuerStatus.Active, "issuer");
        _require(params.minDebt >= LEAST_MIN_DEBT, "minDebt");
        _checkLiquidation(params);
        _checkRates(params);
        _checkTiers(params, models);
    }

    /// @notice Power of ten by which the fraction of the two answers becomes one of smallest units.
    function priceExponent(ICollateralMarket.MarketParams memory params) internal view returns (int16 exponent) {
        exponent = _decimals(params.loanToken, "loanToken");
        exponent -= _decimals(params.collateralToken, "collateralToken");
        exponent -= _decimals(params.collateralFeed, "collateralFeed");
        if (params.loanFeed != address(0)) exponent += _decimals(params.loanFeed, "loanFeed");
    }

    function _checkLiquidation(ICollateralMarket.MarketParams memory params) private pure {
        uint256 incentive = params.incentiveBps;
        _require(incentive != 0 && incentive <= MAX_INCENTIVE_BPS, "incentiveBps");
        _require(uint256(params.hardLltvBps) * (BPS + incentive) <= BPS * BPS, "hardLltvBps");
        _require(params.closeFactorBps >= MIN_CLOSE_FACTOR_BPS && params.closeFactorBps <= BPS, "closeFactorBps");
        _require(params.marginCallGrace != 0 && params.marginCallGrace <= MAX_GRACE, "marginCallGrace");
        _require(params.marginCallWindow >= MIN_WINDOW && params.marginCallWindow <= MAX_WINDOW, "marginCallWindow");
        // A call that an outage interrupted must come to a price that counts before it is over.
        _require(params.marginCallWindow > params.sequencerGrace, "marginCallWindow");
    }

    function _checkRates(ICollateralMarket.MarketParams memory params) private pure {
        _require(params.kinkBps != 0 && params.kinkBps < BPS, "kinkBps");
        _require(params.baseRateBps <= params.kinkRateBps, "baseRateBps");
        _require(params.kinkRateBps <= params.fullRateBps, "kinkRateBps");
        _require(params.fullRateBps <= MAX_ANNUAL_RATE_BPS, "fullRateBps");
    }

    /// @dev The loop is bounded by the model's thresholds, of which there are at most 255.
    function _checkTiers(ICollateralMarket.MarketParams memory params, IModelRegistry models) private view {
        _require(models.statusOf(params.modelId) == IModelRegistry.ModelStatus.Active, "modelId");
        IModelRegistry.Layout memory outputs = models.layoutOf(params.modelId);
        _require(
            outputs.reveal == LayoutLib.REVEAL_TIER && outputs.polarity == LayoutLib.POLARITY_HIGHER,
            "modelId"
        );
        uint256 count = params.lltvsBps.length;
        _require(count == outputs.thresholds.length + 1 && params.lltvsBps[0] == 0, "lltvsBps");
        for (uint256 i = 1; i < count; ++i) {
            _require(params.lltvsBps[i] >= params.lltvsBps[i - 1], "lltvsBps");
        }
        uint256 best = params.lltvsBps[count - 1];
        _require(best != 0 && best < params.hardLltvBps, "lltvsBps");
    }

    /// @dev `decimals()` of a token or a feed: both have the same getter. Whatever is no such thing is named.
    function _decimals(address source, bytes32 field) private view returns (int16) {
        bytes4 selector = IERC20Metadata.decimals.selector;
        uint256 gasLimit = FeedReader.FEED_GAS;
        bool success;
        uint256 decimals;
        assembly ("memory-safe") {
            mstore(0x00, selector) // scratch: receives one word
            success := staticcall(gasLimit, source, 0x00, 4, 0x00, 0x20)
            success := and(success, gt(returndatasize(), 0x1f)) // code without an answer, or no code
            decimals := mload(0x00)
        }
        _require(success && decimals <= MAX_DECIMALS, field);
        return int16(uint16(decimals));
    }

    function _require(bool holds, bytes32 field) private pure {
        if (!holds) revert ICollateralMarket.InvalidParams(field);
    }
}
