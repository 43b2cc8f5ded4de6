// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";
import {ICollateralMarket} from "../interfaces/ICollateralMarket.sol";

/// @title Reading a price feed that may be down, late, wrong or hostile.
/// @notice `check` never reverts, for callers that must go on without a price; `fail` says what was wrong. The call
/// gets bounded gas and its answer bounded length, so no feed can burn or blow up a repayment that looks at it.
library FeedReader {
    /// @notice Gas for one call: many times what Chainlink's proxies use. A caller with too little left fails as a whole.
    uint256 internal constant FEED_GAS = 400_000;
    /// @notice Bytes of latestRoundData's answer.
    uint256 private constant ANSWER_BYTES = 160;

    enum Fault {
        None,
        Unavailable, // reverts, has no code, answers too little, or an impossible time
        NotPositive,
        Incomplete, // the round has no answer yet
        Future,
        Stale
    }

    /// @notice The latest answer of `feed` and what is wrong with it at `maxAge` seconds.
    /// @return fault None if the answer counts.
    /// @return answer The price.
    /// @return updatedAt When it was given.
    function check(
        address feed,
        uint256 maxAge
    ) internal view returns (Fault fault, int256 answer, uint256 updatedAt) {
        bool success;
        (success, answer, , updatedAt) = latest(feed);
        if (!success) return (Fault.Unavailable, answer, updatedAt);
        if (answer <= 0) return (Fault.NotPositive, answer, updatedAt);
        if (updatedAt == 0) return (Fault.Incomplete, answer, updatedAt);
        if (updatedAt > block.timestamp) return (Fault.Future, answer, updatedAt);
        if (block.timestamp - updatedAt > maxAge) return (Fault.Stale, answer, updatedAt);
    }

    /// @notice Revert with the error that names `fault`.
    function fail(Fault fault, address feed, int256 answer, uint256 updatedAt, uint256 maxAge) internal pure {
        if (fault == Fault.Unavailable) revert ICollateralMarket.PriceUnavailable(feed);
        if (fault == Fault.NotPositive) revert ICollateralMarket.PriceNotPositive(feed, answer);
        if (fault == Fault.Incomplete) revert ICollateralMarket.RoundIncomplete(feed);
        if (fault == Fault.Future) revert ICollateralMarket.PriceFromFuture(feed, updatedAt);
        revert ICollateralMarket.PriceStale(feed, updatedAt, maxAge);
    }

    /// @notice Whether `feed` knows latestRoundData: it answers a round, or says with an error why it has none yet.
    /// What reverts without a word, answers too little or has no code is no feed.
    function isFeed(address feed) internal view returns (bool known) {
        bytes4 selector = AggregatorV3Interface.latestRoundData.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector) // scratch; the answer is measured, not taken
            switch staticcall(FEED_GAS, feed, 0x00, 4, 0x00, 0)
            case 0 {
                known := gt(returndatasize(), 3)
            }
            default {
                known := gt(returndatasize(), sub(ANSWER_BYTES, 1))
            }
        }
    }

    /// @notice The latest round, without looking at it.
    /// @return success False if the feed did not answer.
    /// @return answer The price, or the state of a sequencer.
    /// @return startedAt When the round started.
    /// @return updatedAt When the answer was given.
    function latest(
        address feed
    ) internal view returns (bool success, int256 answer, uint256 startedAt, uint256 updatedAt) {
        bytes4 selector = AggregatorV3Interface.latestRoundData.selector;
        assembly ("memory-safe") {
            let pointer := mload(0x40) // free memory: receives the five words, nothing is kept there
            mstore(pointer, selector)
            success := staticcall(FEED_GAS, feed, pointer, 4, pointer, ANSWER_BYTES)
            success := and(success, gt(returndatasize(), sub(ANSWER_BYTES, 1))) // code without an answer, or no code
            if success {
                answer := mload(add(pointer, 0x20))
                startedAt := mload(add(pointer, 0x40))
                updatedAt := mload(add(pointer, 0x60))
            }
        }
    }
}
