// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DueDays} from "contracts/libraries/DueDays.sol";
import {KinkRate} from "contracts/libraries/KinkRate.sol";
import {LoanBook} from "contracts/libraries/LoanBook.sol";

/// @dev For every input, not some: halmos runs these on symbols. An assertion is what it proves. Quotients of
/// symbols are hard for solvers: where one is taken amounts are bytes, small, but all of them; and shares, which divide
/// by sums of symbols, are left to the fuzzer (Libraries.t.sol).
contract LendingProofs {
    LoanBook.Book private _book;

    /// @dev A day entered is there once more, and the seven other lanes are untouched.
    function check_DueDayEntersOneFreeLane(uint256 lanes, uint32 day) external pure {
        if (day == 0) return;
        (uint256 after_, bool entered) = DueDays.enter(lanes, day);
        if (!entered) {
            assert(after_ == lanes);
            for (uint256 i = 0; i < 8; ++i) assert(uint32(lanes >> (32 * i)) != 0);
            return;
        }
        uint256 changed;
        for (uint256 i = 0; i < 8; ++i) {
            (uint32 old, uint32 now_) = (uint32(lanes >> (32 * i)), uint32(after_ >> (32 * i)));
            if (old == now_) continue;
            assert(old == 0 && now_ == day);
            ++changed;
        }
        assert(changed == 1);
    }

    /// @dev Removing takes exactly one lane of that day, if there is one.
    function check_DueDayLeavesOneLane(uint256 lanes, uint32 day) external pure {
        if (day == 0) return;
        uint256 after_ = DueDays.remove(lanes, day);
        uint256 changed;
        bool present;
        for (uint256 i = 0; i < 8; ++i) {
            (uint32 old, uint32 now_) = (uint32(lanes >> (32 * i)), uint32(after_ >> (32 * i)));
            if (old == day) present = true;
            if (old == now_) continue;
            assert(old == day && now_ == 0);
            ++changed;
        }
        assert(changed == (present ? 1 : 0));
    }

    /// @dev The earliest day is one of the lanes, and none is earlier. Four lanes: eight have too many orders.
    function check_EarliestIsTheLeast(uint128 lanes) external pure {
        uint256 first = DueDays.earliest(lanes);
        if (first == 0) {
            assert(lanes == 0);
            return;
        }
        bool found;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 day = uint32(lanes >> (32 * i));
            found = found || day == first;
            assert(day == 0 || day >= first);
        }
        assert(found);
    }

    /// @dev A loan entered and taken away leaves nothing behind, whatever stood there.
    function check_BookForgetsExactly(uint128 slope, int128 offset, uint128 principal, uint64 rate, uint40 at) external {
        _book.performing = LoanBook.Line(slope, offset);
        _book.rolledTo = 0;
        if (principal > type(uint96).max || rate > 100_000) return;
        LoanBook.Line memory loan = LoanBook.lineOf(principal, 0, rate, at);
        LoanBook.open(_book, loan, 20_000);
        LoanBook.change(_book, loan, LoanBook.Line(0, 0), 20_000);
        assert(_book.performing.slope == slope && _book.performing.offset == offset);
        assert(_book.dueOn[20_000].slope == 0 && _book.dueOn[20_000].offset == 0);
    }

    /// @dev Interest is rounded up, by less than one unit.
    function check_InterestRoundsUp(uint8 principal, uint8 rate, uint8 elapsed) external pure {
        uint256 product = uint256(principal) * (uint256(rate) * elapsed);
        uint256 interest = LoanBook.interestUp(principal, rate, elapsed);
        assert(interest * LoanBook.BPS_YEAR >= product);
        assert(interest == 0 || (interest - 1) * LoanBook.BPS_YEAR < product);
    }

    /// @dev Growth is never negative and starts at nothing.
    function check_GrowthIsNeverNegative(uint64 rate, uint32 elapsed) external pure {
        uint256 growth = KinkRate.growth(rate, elapsed);
        uint256 x = (uint256(rate) * elapsed) / 365 days;
        assert(x > KinkRate.MAX_EXPONENT || growth >= x);
        assert(x != 0 || growth == 0);
    }
}
