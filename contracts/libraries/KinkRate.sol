// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title An interest rate that rises with utilisation, gently up to a kink and steeply above it.
library KinkRate {
    uint256 internal constant WAD = 1e18;
    uint256 private constant BPS = 10_000;
    uint256 private constant WAD_PER_BPS = WAD / BPS;
    /// @notice Longest time and highest rate at which growth is computed; later interest is that much less.
    uint256 internal constant MAX_EXPONENT = 1_000 * WAD;

    /// @notice Annual rate at a utilisation, rounded down.
    /// @param utilisation Borrowed over supplied, WAD; above WAD counts as WAD.
    /// @param base Annual rate at zero, bps; `atKink` and `atFull` likewise, none below the one before.
    /// @param kink Utilisation of the bend, bps, strictly between 0 and BPS.
    /// @return Annual rate, WAD.
    function annual(
        uint256 utilisation,
        uint256 base,
        uint256 atKink,
        uint256 atFull,
        uint256 kink
    ) internal pure returns (uint256) {
        if (utilisation > WAD) utilisation = WAD;
        uint256 bend = kink * WAD_PER_BPS;
        if (utilisation <= bend) return base * WAD_PER_BPS + ((atKink - base) * WAD_PER_BPS * utilisation) / bend;
        return atKink * WAD_PER_BPS + ((atFull - atKink) * WAD_PER_BPS * (utilisation - bend)) / (WAD - bend);
    }

    /// @notice e^(rate * time) - 1 by the first three terms of its series, rounded down. Accruing often or seldom
    /// comes to nearly the same, and never to more for a borrower whom others accrue often than e^x says.
    /// @param annualRate WAD.
    /// @param elapsed Seconds.
    /// @return Growth, WAD.
    function growth(uint256 annualRate, uint256 elapsed) internal pure returns (uint256) {
        // Rounded down at each step, for the borrower, by less than 1e-18 of the debt.
        // slither-disable-next-line divide-before-multiply
        uint256 x = (annualRate * elapsed) / 365 days;
        if (x > MAX_EXPONENT) x = MAX_EXPONENT;
        uint256 square = (x * x) / (2 * WAD);
        return x + square + (square * x) / (3 * WAD);
    }
}
