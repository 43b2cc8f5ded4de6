// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Loan tokens' smallest units for one smallest unit of collateral, as a fraction. Neither part is zero.
struct Price {
    uint256 numerator;
    uint256 denominator;
}

/// @title Between collateral and loan tokens, each with its direction in the name.
/// @notice A fraction and 512-bit products, so that tokens and feeds of 0 to 30 decimals lose no digit. Results that do
/// not fit a word become the largest word: a value that large is enough for any debt here, all of which fit 128 bits.
library PriceLib {
    uint256 internal constant BPS = 10_000;

    /// @notice The fraction for two answers and the power of ten between their scale and the tokens'.
    /// @return fits False when it does not fit; the price is zero over zero then.
    function compose(
        uint256 collateralAnswer,
        uint256 loanAnswer,
        int256 exponent
    ) internal pure returns (bool fits, Price memory price) {
        uint256 power = 10 ** uint256(exponent < 0 ? -exponent : exponent); // tokens and feeds: within 60
        if (exponent >= 0) {
            (fits, price.numerator) = Math.tryMul(collateralAnswer, power);
            price.denominator = loanAnswer;
        } else {
            price.numerator = collateralAnswer;
            (fits, price.denominator) = Math.tryMul(loanAnswer, power);
        }
        if (!fits) price = Price(0, 0);
    }

    /// @notice Value of collateral, rounded down: what secures a debt.
    function valueDown(Price memory price, uint256 collateral) internal pure returns (uint256) {
        return mulDivDown(collateral, price.numerator, price.denominator);
    }

    /// @notice Loan tokens that buy all of `collateral` at `incentiveBps` below the price, rounded up.
    function costUp(Price memory price, uint256 collateral, uint256 incentiveBps) internal pure returns (uint256) {
        uint256 value = mulDivDown(collateral, price.numerator, price.denominator);
        if (value == type(uint256).max) return value;
        if (mulmod(collateral, price.numerator, price.denominator) != 0) ++value;
        return Math.mulDiv(value, BPS, BPS + incentiveBps, Math.Rounding.Ceil);
    }

    /// @notice Most debt that `value` pays together with `incentiveBps` of it, rounded down.
    function payableDown(uint256 value, uint256 incentiveBps) internal pure returns (uint256) {
        return Math.mulDiv(value, BPS, BPS + incentiveBps);
    }

    /// @notice Collateral bought by `assets` loan tokens at `incentiveBps` below the price, rounded down.
    function boughtDown(Price memory price, uint256 assets, uint256 incentiveBps) internal pure returns (uint256) {
        // Amounts fit 128 bits, so the product does. Dividing twice rounds down as dividing once would.
        return mulDivDown(assets * (BPS + incentiveBps), price.denominator, price.numerator) / BPS;
    }

    /// @notice `value * bps / BPS` rounded down: the most debt that a value secures.
    function shareDown(uint256 value, uint256 bps) internal pure returns (uint256) {
        return Math.mulDiv(value, bps, BPS);
    }

    /// @notice a * b / c rounded down, or the largest word where that does not fit. c is not zero.
    function mulDivDown(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        (uint256 high, ) = Math.mul512(a, b);
        return high >= c ? type(uint256).max : Math.mulDiv(a, b, c);
    }
}
