// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "contracts/interfaces/IModelRegistry.sol";
import {LayoutLib} from "contracts/libraries/LayoutLib.sol";
import {OutputCodec} from "contracts/libraries/OutputCodec.sol";
import {Price, PriceLib} from "contracts/libraries/PriceLib.sol";
import {SharesLib} from "contracts/libraries/SharesLib.sol";
import {Harness} from "../base/Harness.sol";

/// @dev The libraries' internal functions, callable.
contract Libraries {
    function decode(bytes calldata output, uint256 count) external pure returns (int256[] memory) {
        return OutputCodec.decode(output, count);
    }

    function pack(int256[] memory values) external pure returns (uint256[] memory) {
        return OutputCodec.pack(values);
    }

    function check(IModelRegistry.Layout calldata layout) external pure {
        LayoutLib.check(layout);
    }
}

contract LibrariesTest is Harness {
    Libraries private _libraries;

    function setUp() external {
        _libraries = new Libraries();
    }

    /// @dev decode and abi.encode are each other's inverse on values in range.
    function testFuzz_CanonicalOutputsRoundTrip(int64[] calldata raw) external view {
        int256[] memory values = _widen(raw);
        int256[] memory decoded = _libraries.decode(abi.encode(values), values.length);
        equal(uint256(keccak256(abi.encode(decoded))), uint256(keccak256(abi.encode(values))), "round trip");
    }

    /// @dev No second encoding of an output is accepted: whatever decodes is what abi.encode makes.
    function testFuzz_NoSecondEncoding(int64[] calldata raw, uint256 at, uint8 flip, bytes calldata tail) external view {
        bytes memory output = bytes.concat(abi.encode(_widen(raw)), tail);
        output[at % output.length] ^= bytes1(flip);
        try _libraries.decode(output, raw.length) returns (int256[] memory decoded) {
            equal(uint256(keccak256(abi.encode(decoded))), uint256(keccak256(output)), "another encoding");
        } catch {}
    }

    /// @dev Each lane of a signal is one output, and a signal stays below the field's order.
    function testFuzz_SignalsHoldEachOutputOnce(int64[] calldata raw) external view {
        uint256[] memory signals = _libraries.pack(_widen(raw));
        equal(signals.length, (raw.length + 2) / 3, "signals");
        for (uint256 i = 0; i < raw.length; ++i) {
            uint256 lane = (signals[i / 3] >> (64 * (i % 3))) & type(uint64).max;
            equal(lane, uint256(int256(raw[i]) + 2 ** 63), "lane");
        }
        for (uint256 i = 0; i < signals.length; ++i) {
            atMost(signals[i], 2 ** 192 - 1, "signal");
        }
    }

    /// @dev A value outside 64 bits never decodes.
    function testFuzz_OutOfRangeIsRefused(int256 value) external {
        vm.assume(value < -(2 ** 63) || value >= 2 ** 63);
        int256[] memory values = new int256[](1);
        values[0] = value;
        vm.expectPartialRevert(IModelRegistry.OutputOutOfRange.selector);
        _libraries.decode(abi.encode(values), 1);
    }

    /// @dev A tier layout is accepted exactly when it is one: written again here, the long way.
    function testFuzz_LayoutsAreWhatTheySay(IModelRegistry.Layout memory layout, uint8 shape) external view {
        layout.reveal = shape % 4;
        layout.polarity = (shape >> 2) % 4;
        if (shape & 0x10 != 0) layout.decimals = new uint8[](1);
        if (shape & 0x20 != 0) delete layout.thresholds;
        bool valid = layout.schemaHash != 0 && layout.polarity < 3 && layout.reveal < 3;
        valid = valid && layout.decimals.length > 0 && layout.decimals.length < 1025;
        for (uint256 i = 0; i < layout.decimals.length; ++i) {
            if (layout.decimals[i] > 18) valid = false;
        }
        if (layout.reveal == 2) {
            valid = valid && layout.decimals.length == 1 && layout.decimals[0] == 0;
            valid = valid && layout.thresholds.length > 0 && layout.thresholds.length < 256;
            for (uint256 i = 0; i < layout.thresholds.length; ++i) {
                int256 threshold = layout.thresholds[i];
                if (threshold != int256(int64(threshold))) valid = false;
                if (i > 0 && layout.thresholds[i - 1] >= threshold) valid = false;
            }
        } else if (layout.thresholds.length > 0) {
            valid = false;
        }
        try _libraries.check(layout) {
            holds(valid, "an invalid layout passed");
        } catch {
            holds(!valid, "a valid layout was refused");
        }
    }

    /// @dev Supplying and withdrawing never gains; nobody's shares are worth less after another's supply.
    function testFuzz_SupplyNeverGains(uint128 assets, uint128 pool, uint128 shares) external pure {
        uint256 given = SharesLib.toSharesDown(assets, pool, shares);
        uint256 poolAfter = uint256(pool) + assets;
        uint256 sharesAfter = uint256(shares) + given;
        atMost(SharesLib.toAssetsDown(given, poolAfter, sharesAfter), assets, "gained");
        uint256 before = SharesLib.toAssetsDown(shares, pool, shares);
        atMost(before, SharesLib.toAssetsDown(shares, poolAfter, sharesAfter), "diluted");
        atMost(given, SharesLib.toSharesUp(assets, pool, shares), "direction");
    }

    /// @dev A debt's shares cost at least what was lent for them.
    function testFuzz_DebtNeverForgives(uint128 assets, uint128 pool, uint128 shares) external pure {
        uint256 owed = SharesLib.toSharesUp(assets, pool, shares);
        uint256 debt = SharesLib.toAssetsUp(owed, uint256(pool) + assets, uint256(shares) + owed);
        atMost(assets, debt, "forgiven");
    }

    /// @dev Collateral bought at the incentive is worth no more than what was paid and the incentive.
    function testFuzz_LiquidatorsGetNoMoreThanTheIncentive(
        uint96 paid,
        uint96 numerator,
        uint96 denominator,
        uint16 incentive
    ) external pure {
        vm.assume(numerator != 0 && denominator != 0 && incentive <= 2_500);
        Price memory price = Price(numerator, denominator);
        uint256 bought = PriceLib.boughtDown(price, paid, incentive);
        uint256 worth = PriceLib.valueDown(price, bought);
        atMost(worth * 10_000, uint256(paid) * (10_000 + uint256(incentive)), "more than the incentive");
    }

    function _widen(int64[] calldata raw) private pure returns (int256[] memory values) {
        values = new int256[](raw.length);
        for (uint256 i = 0; i < raw.length; ++i) {
            values[i] = raw[i];
        }
    }
}
