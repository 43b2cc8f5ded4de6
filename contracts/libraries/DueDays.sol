// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The due days of a person's open loans: eight 32-bit lanes in one word, zero meaning none.
/// @notice A multiset: loans due on the same day are told apart by nothing, so closing one frees any lane of its day.
library DueDays {
    uint256 internal constant LANES = 8;
    uint256 private constant BITS = 32;

    /// @notice Enter a day (1 to 2^32 - 1); `entered` is false when all lanes are taken.
    function enter(uint256 lanes, uint256 day) internal pure returns (uint256 result, bool entered) {
        for (uint256 shift = 0; shift < LANES * BITS; shift += BITS) {
            if (uint32(lanes >> shift) == 0) return (lanes | (day << shift), true);
        }
        return (lanes, false);
    }

    /// @notice Take a day out once; unchanged if it is not there.
    function remove(uint256 lanes, uint256 day) internal pure returns (uint256) {
        for (uint256 shift = 0; shift < LANES * BITS; shift += BITS) {
            if (uint32(lanes >> shift) == day) return lanes ^ (day << shift);
        }
        return lanes;
    }

    /// @notice The earliest day; zero if there is none.
    function earliest(uint256 lanes) internal pure returns (uint256 first) {
        for (uint256 shift = 0; shift < LANES * BITS; shift += BITS) {
            uint256 day = uint32(lanes >> shift);
            if (day != 0 && (first == 0 || day < first)) first = day;
        }
    }
}
