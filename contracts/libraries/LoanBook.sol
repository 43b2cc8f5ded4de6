// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What all loans together owe, without a list of them.
/// @notice Simple interest makes a loan's debt a straight line in time, and the sum of straight lines is one too:
///
///     debt(t) * BPS_YEAR = slope * t + offset
///     slope  = sum of principal * annualRateBps
///     offset = sum of (principal + interest) * BPS_YEAR - principal * annualRateBps * accruedAt
///
/// Both are integers and exact: adding a loan and taking it away again leaves nothing behind. A book keeps one line for
/// the loans that perform, one for those past due, and one for each day on which loans fall due. At a day's end its line
/// moves from the first to the second; a bit for every day with dues finds them 256 days at a time.
library LoanBook {
    /// @notice Basis points of a year in seconds: the unit of rate times time.
    uint256 internal constant BPS_YEAR = 10_000 * 365 days;

    struct Line {
        uint256 slope;
        int256 offset;
    }

    struct Book {
        Line performing;
        Line delinquent;
        uint256 rolledTo; // loans due on earlier days are in `delinquent`
        mapping(uint256 day => Line dues) dueOn; // of days before rolledTo: history, never read again
        mapping(uint256 word => uint256 bits) dueDays; // bit `day % 256` of word `day / 256`
    }

    /// @notice One loan's line.
    function lineOf(
        uint256 principal,
        uint256 interest,
        uint256 annualRateBps,
        uint256 accruedAt
    ) internal pure returns (Line memory) {
        uint256 slope = principal * annualRateBps;
        return Line(slope, int256((principal + interest) * BPS_YEAR) - int256(slope * accruedAt));
    }

    /// @notice Interest on `principal` over `elapsed` seconds, rounded up, against the borrower.
    function interestUp(uint256 principal, uint256 annualRateBps, uint256 elapsed) internal pure returns (uint256) {
        return Math.mulDiv(principal, annualRateBps * elapsed, BPS_YEAR, Math.Rounding.Ceil);
    }

    /// @notice A line's debt at a time, rounded down, against whoever shares in it. Never negative: no loan's is.
    function debtDown(Line memory line, uint256 time) internal pure returns (uint256) {
        return uint256(int256(line.slope * time) + line.offset) / BPS_YEAR;
    }

    /// @notice Enter a loan due on `dueDay`, which is not over. The book must be rolled to today.
    function open(Book storage book, Line memory loan, uint256 dueDay) internal {
        _add(book.performing, loan);
        _add(book.dueOn[dueDay], loan);
        book.dueDays[dueDay >> 8] |= 1 << (dueDay & 0xff);
    }

    /// @notice Put `now_` in the place of a loan's line `before`. The book must be rolled to today.
    function change(Book storage book, Line memory before, Line memory now_, uint256 dueDay) internal {
        if (dueDay < book.rolledTo) {
            _replace(book.delinquent, before, now_);
            return;
        }
        _replace(book.performing, before, now_);
        _replace(book.dueOn[dueDay], before, now_);
    }

    /// @notice Take a loan that is past due off the book. The book must be rolled to today.
    function strike(Book storage book, Line memory loan) internal {
        _replace(book.delinquent, loan, Line(0, 0));
    }

    /// @notice Move what fell due before `today` from performing to delinquent.
    /// @dev The steps are bounded by the days with dues, which a loan's longest term bounds: every draw rolls first.
    /// @return passed The line that moved.
    function roll(Book storage book, uint256 today) internal returns (Line memory passed) {
        if (book.rolledTo >= today) return passed;
        passed = duesBefore(book, today);
        book.rolledTo = today;
        if (passed.slope == 0 && passed.offset == 0) return passed;
        _add(book.delinquent, passed);
        _replace(book.performing, passed, Line(0, 0));
    }

    /// @notice Sum of the lines of days before `today` that are not rolled yet.
    function duesBefore(Book storage book, uint256 today) internal view returns (Line memory dues) {
        for (uint256 day = _nextDue(book, book.rolledTo, today); day < today; day = _nextDue(book, day + 1, today)) {
            Line storage due = book.dueOn[day];
            dues.slope += due.slope;
            dues.offset += due.offset;
        }
    }

    /// @notice Debt of the performing and of the delinquent loans at a time, each rounded down, as if rolled.
    function debtsDown(Book storage book, uint256 time) internal view returns (uint256 performing, uint256 delinquent) {
        Line memory due = duesBefore(book, time / 1 days);
        Line memory good = book.performing;
        Line memory bad = book.delinquent;
        performing = debtDown(Line(good.slope - due.slope, good.offset - due.offset), time);
        delinquent = debtDown(Line(bad.slope + due.slope, bad.offset + due.offset), time);
    }

    /// @dev The first day from `day` on and before `end` that has dues; `end` if there is none.
    function _nextDue(Book storage book, uint256 day, uint256 end) private view returns (uint256) {
        while (day < end) {
            uint256 bits = book.dueDays[day >> 8] >> (day & 0xff);
            if (bits != 0) return Math.min(day + Math.log2(bits & (~bits + 1)), end);
            day = ((day >> 8) + 1) << 8;
        }
        return end;
    }

    function _add(Line storage line, Line memory other) private {
        line.slope += other.slope;
        line.offset += other.offset;
    }

    function _replace(Line storage line, Line memory before, Line memory now_) private {
        line.slope = line.slope + now_.slope - before.slope;
        line.offset = line.offset + now_.offset - before.offset;
    }
}
