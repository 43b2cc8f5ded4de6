// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title An ERC-4626 vault that lends its asset unsecured, to whoever proves a good tier.
/// @notice What depositors may rely on:
/// - The owner sets terms and caps for loans to come and can do nothing else: it cannot move money, change an open loan,
///   or stop a repayment or withdrawal. Bad terms still lose deposits: let it be a TimelockController whose delay leaves
///   time to withdraw.
/// - A loan past its due time is delinquent from that very second, without anybody's transaction. Leaving (`withdraw`,
///   `redeem`, `totalAssets`, `convertTo...`) then values it at zero: nobody leaves at a price that hides a loss.
///   Entering (`deposit`, `mint`, `entryAssets`) still values it in full: nobody buys into a repayment cheaply. So while
///   loans are delinquent, entering costs more than leaving pays; ERC-4626 allows that (a preview may be worse than a
///   conversion), and the gap belongs to those who stay. It cannot price what is known but not yet due.
/// - WRITE_OFF_DELAY after the due time anybody may write a loan off. Everybody present bears it in equal parts: the
///   leaving price had left it out already, now the entering price does. What the borrower pays later joins the leaving
///   price evenly over VESTING_PERIOD and the entering price at once, so that trading around the payment gains nothing;
///   until vested it is neither lent nor withdrawn. It belongs to whoever holds shares while it vests, whether or not
///   they bore the loss: deposits made after a loss share in later recoveries, nearly all of them where the loss left
///   nearly nothing. With nothing left at all the vault takes no deposits.
/// - Only idle cash can be withdrawn (`maxWithdraw`); the rest follows as loans are repaid.
/// - Cash is what came in through these functions. Tokens sent here otherwise belong to nobody and move no price. A
///   token that charges on transfer is refused (TokenCharges); when the balance falls below the books (a token that
///   rebased), entering, leaving and drawing are refused (TokenMissing) until somebody sends what is missing.
/// - Share prices are final before any token is called, so they may be read from a token's hook.
///
/// What borrowers may rely on:
/// - A decision gates opening a loan and nothing else. Amount, rate and due time are fixed at opening. Anybody may repay
///   at any time, before or after it; repayment reads no decision and no registry.
/// - Interest is simple: annualRateBps of the outstanding principal per 365 days, by the second, rounded up (against the
///   borrower) whenever the loan is touched, at the same rate past due. Repayment pays interest first.
/// - A loan opened today with termDays n is due at the end of the UTC day n days ahead.
/// - A person with a loan past due, written off or not, draws nothing until it is repaid; and has at most MAX_OPEN_LOANS.
/// - Caps: per loan, per person (outstanding principal of one personId of one issuer, over all wallets), per model
///   and day, per issuer and day. Days are UTC days. A day's caps bound the net new lending of that day: principal
///   repaid on the day its loan was opened gives the day's caps back, principal repaid later does not. So no person
///   can hold more of a day's cap than it owes. Repayment always frees the person's cap.
/// - A loan stays with the personId it was opened under. An issuer that gives a person a second pseudonym gives a
///   second limit, and so does a second issuer; the cap per issuer and day bounds what that costs a day.
interface ICreditLine is IERC4626 {
    enum LoanStatus {
        None,
        Performing,
        Delinquent,
        WrittenOff,
        Repaid
    }

    /// @notice What one tier may do.
    struct Tier {
        uint128 limit; // most a person may owe
        uint32 annualRateBps; // simple interest, 10_000 = 100 % a year
    }

    /// @notice How a model's tiers may borrow. Applies to loans opened afterwards.
    struct ModelTerms {
        Tier[] tiers; // by tier; the first is all zero: tier 0 is a refusal
        uint256 dailyCap; // most net new lending on this model in one day; zero stops it
        uint64 maxDecisionAge; // seconds since observation; on top of the registry's own limit
        uint32 termDays; // 1 to MAX_TERM_DAYS
    }

    struct Loan {
        address borrower;
        uint64 accruedAt;
        uint32 annualRateBps;
        address issuer;
        uint40 openedAt; // its UTC day is the one whose caps count the loan
        uint40 dueAt; // the first second past due
        bool writtenOff;
        bytes32 personId;
        uint256 modelId;
        uint256 principal; // outstanding
        uint256 interest; // accrued up to accruedAt and unpaid
    }

    event ModelTermsSet(uint256 indexed modelId, ModelTerms terms);
    event IssuerDailyCapSet(address indexed issuer, uint256 dailyCap);
    event CapsSet(uint256 loanCap, uint256 personCap);
    event LoanDrawn(
        uint256 indexed loanId,
        address indexed borrower,
        uint256 indexed modelId,
        address issuer,
        bytes32 personId,
        uint256 tier,
        uint256 amount,
        uint32 annualRateBps,
        uint40 dueAt
    );
    event LoanRepaid(uint256 indexed loanId, address indexed payer, uint256 interestPaid, uint256 principalPaid);
    event LoanWrittenOff(uint256 indexed loanId, uint256 principal, uint256 interest);
    /// @notice `amount` of a written-off loan came back; `unvested` in all is now to vest until `vestedAt`.
    event Recovered(uint256 indexed loanId, uint256 amount, uint256 unvested, uint256 vestedAt);
    /// @notice The books moved the loans due before `day` to the delinquent ones; it changes no price.
    event DuesPassed(uint256 indexed day, uint256 debt);

    error ZeroAmount();
    error InvalidTerms();
    error ModelNotAccepted(uint256 modelId);
    error IssuerNotAccepted(address issuer);
    error DecisionNegative(uint256 modelId, address borrower);
    error DecisionStale(uint64 observedAt, uint64 maxDecisionAge);
    error LoanCapExceeded(uint256 amount, uint256 cap);
    error PersonCapExceeded(bytes32 personId, uint256 outstanding, uint256 amount, uint256 cap);
    error PersonDelinquent(bytes32 personId, uint256 dueAt);
    error TooManyLoans(bytes32 personId, uint256 most);
    error ModelDailyCapExceeded(uint256 modelId, uint256 lentToday, uint256 amount, uint256 cap);
    error IssuerDailyCapExceeded(address issuer, uint256 lentToday, uint256 amount, uint256 cap);
    error InsufficientLiquidity(uint256 available, uint256 amount);
    error LoanNotOpen(uint256 loanId);
    error LoanAlreadyWrittenOff(uint256 loanId);
    error WriteOffTooEarly(uint256 loanId, uint256 allowedAt);
    error TokenCharges(uint256 expected, uint256 received);
    error TokenMissing(uint256 booked, uint256 balance);
    error OwnershipNotRenounceable();

    /// @notice Borrow `amount` on the caller's own decision by `modelId` over facts attested by `issuer`.
    /// @dev Reverts with the registry's Decision... error when there is no valid decision for the caller and this
    /// contract.
    /// @param modelId Accepted model that judged the caller.
    /// @param issuer Accepted issuer that attested the caller's facts.
    /// @param amount In the asset's smallest unit.
    /// @return loanId The new loan, counted from 1.
    function draw(uint256 modelId, address issuer, uint256 amount) external returns (uint256 loanId);

    /// @notice Pay back up to `amount` of a loan; anybody may. More than is owed is not taken. Principal paid on the
    /// UTC day the loan was opened frees the caps of that day.
    /// @param loanId The loan.
    /// @param amount In the asset's smallest unit.
    /// @return paid What was taken from the caller, interest first.
    function repay(uint256 loanId, uint256 amount) external returns (uint256 paid);

    /// @notice Take a loan that is WRITE_OFF_DELAY past due off the books; anybody may. The borrower still owes it.
    /// @param loanId The loan.
    function writeOff(uint256 loanId) external;

    /// @notice Move loans whose day has passed to the delinquent ones in the books. Nobody has to: every function that
    /// changes the books does so first, and the views reckon as if it had been done.
    function roll() external;

    /// @notice Accept a model, or change its terms. Owner only. The model must be bound, reveal tiers and count
    /// higher as better; there is one entry per tier.
    /// @param modelId Id of the model.
    /// @param terms The new terms.
    function setModelTerms(uint256 modelId, ModelTerms calldata terms) external;

    /// @notice Accept an issuer with a daily cap; zero stops it. Owner only.
    /// @param issuer The issuer.
    /// @param dailyCap Most net new lending in one day.
    function setIssuerDailyCap(address issuer, uint256 dailyCap) external;

    /// @notice Set the caps per loan and per person. Owner only.
    /// @param loanCap Most that one loan may be.
    /// @param personCap Most that one person may owe.
    function setCaps(uint256 loanCap, uint256 personCap) external;

    /// @notice What deposits are priced against: cash, performing and delinquent loans in full. Never below totalAssets.
    /// @return In the asset's smallest unit, rounded down.
    function entryAssets() external view returns (uint256);

    /// @notice The asset held for depositors, unvested recoveries included.
    /// @return In the asset's smallest unit.
    function cash() external view returns (uint256);

    /// @notice Cash that can be lent or withdrawn now.
    /// @return In the asset's smallest unit.
    function idle() external view returns (uint256);

    /// @notice Recoveries of written-off loans that do not count for those who leave yet.
    /// @return In the asset's smallest unit, rounded up.
    function unvested() external view returns (uint256);

    /// @notice Debt of the loans in the books, principal and interest: not yet due, and past due.
    /// @return performing In the asset's smallest unit, rounded down.
    /// @return delinquent The same.
    function debts() external view returns (uint256 performing, uint256 delinquent);

    /// @notice Principal and interest owed on a loan now, rounded up.
    /// @param loanId The loan.
    /// @return In the asset's smallest unit.
    function owedUp(uint256 loanId) external view returns (uint256);

    /// @notice A loan as stored.
    /// @param loanId The loan.
    /// @return The loan; empty if there is none.
    function loanOf(uint256 loanId) external view returns (Loan memory);

    /// @notice Where a loan stands now.
    /// @param loanId The loan.
    /// @return Its status.
    function statusOf(uint256 loanId) external view returns (LoanStatus);

    /// @notice Terms of a model; empty if it is not accepted.
    /// @param modelId Id of the model.
    /// @return The terms.
    function modelTermsOf(uint256 modelId) external view returns (ModelTerms memory);

    /// @notice Principal a person owes over all wallets, written-off loans included.
    /// @param issuer The issuer.
    /// @param personId The issuer's pseudonym of the person.
    /// @return Principal, without interest.
    function outstandingOf(address issuer, bytes32 personId) external view returns (uint256);

    /// @notice When the earliest open loan of a person is due: from then on the person draws nothing. Zero: none open.
    /// @param issuer The issuer.
    /// @param personId The issuer's pseudonym of the person.
    /// @return The first second past due.
    function earliestDueOf(address issuer, bytes32 personId) external view returns (uint256);

    /// @notice Principal lent on a model on a day, less what of it was repaid that same day.
    /// @param modelId Id of the model.
    /// @param day Unix time / 1 days.
    /// @return Net principal, without interest.
    function lentOnModel(uint256 modelId, uint256 day) external view returns (uint256);

    /// @notice Principal lent on an issuer's attestations on a day, less what of it was repaid that same day.
    /// @param issuer The issuer.
    /// @param day Unix time / 1 days.
    /// @return Net principal, without interest.
    function lentOnIssuer(address issuer, uint256 day) external view returns (uint256);
}
