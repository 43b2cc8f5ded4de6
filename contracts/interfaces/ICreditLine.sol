// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title An ERC-4626 vault that lends its asset unsecured, to whoever proves a good tier.
/// @notice What depositors may rely on:
/// - The owner sets terms and caps for loans to come and can do nothing else: it cannot move money, change an open loan,
///   or stop a repayment or withdrawal. Bad terms still lose deposits: let it be a TimelockController whose delay leaves
///   time to withdraw.
/// - A loan past its due time is delinquent from that very second, without anybody's transaction: it leaves
///   `totalAssets`, and with it the one price at which everybody enters and leaves. What is known but not yet due
///   cannot be priced.
/// - What comes in for a loan at or after its due time, written off or not, is not the vault's: it goes to the pocket of
///   the loan's due day, and whoever held shares at the end of that day claims a part of it in proportion (`claim`), at
///   any time and whatever became of the shares since. So those who bore the loss have the recovery, whoever came later
///   has none of it, and no trading around a payment gains. Shares bought carry no claims, shares sold leave theirs
///   with the seller: a contract that holds shares for others must pass its claims on to them. Nobody else can claim for
///   them: a contract that cannot call `claim` never gets its part, and nobody can push it there to be skimmed. So give
///   these shares to no contract that does not know about claims: a plain AMM pair, an ERC-4626 wrapper or a vault of
///   vaults loses its part, and so does ICollateralMarket, which never claims: do not use these shares as collateral in
///   it, nor lend them there. If nobody held shares that day, it goes to cash.
/// - WRITE_OFF_DELAY after the due time anybody may write a loan off. That is for the books only; the price lost it at
///   the due time.
/// - Only cash can be withdrawn (`maxWithdraw`); the rest follows as loans are repaid. While a share is next to nothing
///   (less than a 10^-24 wei of assets for its smallest unit), deposits are refused. Lateness can do that as losses can:
///   what is paid late goes to pockets, not back into the price, so if all assets were lent and fell late, or most of
///   them many times over, the vault takes no more deposits even if everybody paid in the end: open another. Leaving
///   and claiming never end. So that a nearly empty vault is not worn out for a few wei, whoever deploys it seeds a
///   deposit that stays.
/// - Cash and pockets are what came in through these functions. Tokens sent here otherwise belong to nobody and move no
///   price. When the balance falls below the books (a token that rebased), entering, leaving, claiming and drawing are
///   refused (TokenMissing; the four `max...` are zero) until somebody sends what is missing. A token that charges on
///   transfer is refused (TokenCharges), and one that starts to charge later blocks repayment too: choose one that
///   cannot.
/// - Share prices are final before any token is called, so they may be read from a token's hook. While tokens are on
///   their way the four `max...` may be zero.
///
/// What borrowers may rely on:
/// - A decision gates opening a loan and nothing else. Amount, rate and due time are fixed at opening. Anybody may repay
///   at any time, before or after it; repayment reads no decision and no registry. Terms and tier are those of the
///   moment of drawing: `drawWithin` refuses worse ones than the borrower saw.
/// - Interest is simple: annualRateBps of the outstanding principal per 365 days, by the second, rounded up (against the
///   borrower) whenever the loan is touched, at the same rate past due. Repayment pays interest first.
/// - A loan opened today with termDays n is due at the end of the UTC day n days ahead.
/// - A person with a loan past due, written off or not, draws nothing until it is repaid; and has at most MAX_OPEN_LOANS.
/// - Caps: per loan, per person (outstanding principal of one personId of one issuer, over all wallets), per model
///   and day, per issuer and day. Days are UTC days. A day's caps bound the net new lending of that day: principal
///   repaid on the day its loan was opened gives the day's caps back, principal repaid later does not. So no person
///   can hold more of a day's cap than it owes. Repayment always frees the person's cap.
/// - A loan stays with the personId it was opened under. An issuer that gives a person a second pseudonym gives a
///   second limit, and so does a second issuer; the cap per issuer and day bounds what that costs a day. An issuer that
///   only changed its key is not a second one if the owner links the new key to the old (`linkIssuer`).
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
        address issuer; // under whom it is counted: the first of the issuer's chain
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
    /// @notice What `successor` attests is counted under `root` from now on.
    event IssuerLinked(address indexed successor, address indexed predecessor, address indexed root);
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
    /// @notice `amount` came in late for a loan, for those who held shares at the end of `dueDay`.
    event Recovered(uint256 indexed dueDay, uint256 indexed loanId, uint256 amount);
    event Claimed(uint256 indexed dueDay, address indexed account, address indexed receiver, uint256 amount);
    /// @notice The books moved the loans due before `day` to the delinquent ones; it changes no price.
    event DuesPassed(uint256 indexed day, uint256 debt);

    error ZeroAmount();
    /// @notice `field` of the terms is out of its bounds, or does not fit the model.
    error InvalidTerms(bytes32 field);
    error ModelNotAccepted(uint256 modelId);
    error IssuerNotAccepted(address issuer);
    error NotSuccessor(address successor, address predecessor);
    error IssuerCounted(address issuer);
    error DecisionNegative(uint256 modelId, address borrower);
    error DecisionStale(uint64 observedAt, uint64 maxDecisionAge);
    error RateTooHigh(uint256 most, uint256 actual);
    error DueTooEarly(uint256 least, uint256 actual);
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
    error ReceiverIsVault();
    error OwnershipNotRenounceable();

    /// @notice Borrow `amount` on the caller's own decision by `modelId` over facts attested by `issuer`.
    /// @dev Reverts with the registry's Decision... error when there is no valid decision for the caller and this
    /// contract.
    /// @param modelId Accepted model that judged the caller.
    /// @param issuer Accepted issuer that attested the caller's facts.
    /// @param amount In the asset's smallest unit.
    /// @return loanId The new loan, counted from 1.
    function draw(uint256 modelId, address issuer, uint256 amount) external returns (uint256 loanId);

    /// @notice `draw`, unless the loan would be worse than this: for a borrower whom a change of terms, or of the
    /// decision, may reach first.
    /// @param modelId Accepted model that judged the caller.
    /// @param issuer Accepted issuer that attested the caller's facts.
    /// @param amount In the asset's smallest unit.
    /// @param maxAnnualRateBps Highest rate accepted.
    /// @param minDueAt Earliest due time accepted: a loan's `dueAt`, its first second past due.
    /// @return loanId The new loan, counted from 1.
    function drawWithin(
        uint256 modelId,
        address issuer,
        uint256 amount,
        uint256 maxAnnualRateBps,
        uint256 minDueAt
    ) external returns (uint256 loanId);

    /// @notice Pay back up to `amount` of a loan; anybody may. More than is owed is not taken. Principal paid on the
    /// UTC day the loan was opened frees the caps of that day.
    /// @param loanId The loan.
    /// @param amount In the asset's smallest unit.
    /// @return paid What was taken from the caller, interest first.
    function repay(uint256 loanId, uint256 amount) external returns (uint256 paid);

    /// @notice Take a loan that is WRITE_OFF_DELAY past due off the books; anybody may. The borrower still owes it.
    /// @param loanId The loan.
    function writeOff(uint256 loanId) external;

    /// @notice Take the caller's parts of late payments. Nobody can do it for another.
    /// @param dueDays Days (Unix time / 1 days) at whose ends the loans were due. Days with nothing to claim are passed
    /// over; with nothing to claim at all it reverts (ZeroAmount).
    /// @param receiver Who is paid; not the vault (ReceiverIsVault).
    /// @return amount What the receiver was paid.
    function claim(uint256[] calldata dueDays, address receiver) external returns (uint256 amount);

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

    /// @notice Count what a new key of an issuer attests together with what its old key attested: debts, due days and
    /// the day's total; the cap of a day stays each key's own. Owner only. The issuer registry must name `successor` the
    /// successor of `predecessor`, and nothing may be counted under `successor` yet: link a chain oldest first, and
    /// before `setIssuerDailyCap` accepts the new key. For good.
    /// @param successor The new key.
    /// @param predecessor The old key.
    function linkIssuer(address successor, address predecessor) external;

    /// @notice Set the caps per loan and per person. Owner only.
    /// @param loanCap Most that one loan may be.
    /// @param personCap Most that one person may owe.
    function setCaps(uint256 loanCap, uint256 personCap) external;

    /// @notice The asset held for the shares: what can be lent or withdrawn now.
    /// @return In the asset's smallest unit.
    function cash() external view returns (uint256);

    /// @notice The asset held in pockets, for claims.
    /// @return In the asset's smallest unit.
    function pocketed() external view returns (uint256);

    /// @notice All that came in late for the loans due at the end of a day.
    /// @param dueDay Unix time / 1 days.
    /// @return In the asset's smallest unit.
    function recoveredOf(uint256 dueDay) external view returns (uint256);

    /// @notice What of it an account was paid.
    /// @param dueDay Unix time / 1 days.
    /// @param account Who held shares at the end of that day.
    /// @return In the asset's smallest unit.
    function claimedOf(uint256 dueDay, address account) external view returns (uint256);

    /// @notice What of it an account can claim now, rounded down.
    /// @param dueDay Unix time / 1 days.
    /// @param account Who held shares at the end of that day.
    /// @return In the asset's smallest unit.
    function claimable(uint256 dueDay, address account) external view returns (uint256);

    /// @notice Shares of an account at the end of a UTC day; of a day that is not over, as it is now.
    /// @param day Unix time / 1 days.
    /// @param account The account.
    /// @return In the share's smallest unit.
    function sharesAtEndOf(uint256 day, address account) external view returns (uint256);

    /// @notice All shares at the end of a UTC day; of a day that is not over, as it is now.
    /// @param day Unix time / 1 days.
    /// @return In the share's smallest unit.
    function supplyAtEndOf(uint256 day) external view returns (uint256);

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

    /// @notice Most net new lending on an issuer in one day; zero: not accepted.
    /// @param issuer The issuer.
    /// @return In the asset's smallest unit.
    function issuerDailyCapOf(address issuer) external view returns (uint256);

    /// @notice Under whom an issuer is counted.
    /// @param issuer The issuer.
    /// @return The first of the keys it is linked to; itself if it is not linked.
    function issuerRootOf(address issuer) external view returns (address);

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
