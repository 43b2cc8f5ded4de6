// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Unsecured loans in one ERC-20, opened by a proven decision.
/// @notice First version: one lender (the owner) funds the pool. What borrowers and the lender may rely on:
/// - A decision gates opening a loan and nothing else. Rate and amount are fixed at opening; repayment is always
///   possible, by anybody, and reads no decision.
/// - Interest is simple: annualRateBps of the outstanding principal per 365 days, by the second, rounded up (against
///   the borrower) whenever the loan is touched. Repayment pays interest first. There is no due date, collateral or
///   liquidation in this version.
/// - Caps: per loan, per person (outstanding principal of one personId of one issuer, over all wallets), per model
///   and day, per issuer and day. Days are UTC days. A day's caps bound the net new lending of that day: principal
///   repaid on the day its loan was opened gives the day's caps back, principal repaid later does not. So no person
///   can hold more of a day's cap than it owes. Repayment always frees the person's cap.
/// - A loan stays with the personId it was opened under. An issuer that gives a person a second pseudonym gives a
///   second limit, and so does a second issuer; the cap per issuer and day bounds what that costs a day.
/// - The token must neither charge on transfer nor rebase; a token with hooks meets a reentrancy guard.
interface ICreditLine {
    /// @notice How much a model's tiers may borrow. Applies to loans opened afterwards.
    struct ModelTerms {
        uint256[] limits; // by tier: most a person may owe; limits[0] is zero: tier 0 is a refusal
        uint256 dailyCap; // most net new lending on this model in one day; zero stops it
        uint64 maxDecisionAge; // seconds since observation; on top of the registry's own limit
        uint32 annualRateBps; // simple interest, 10_000 = 100 % a year
    }

    struct Loan {
        address borrower;
        uint64 accruedAt;
        uint32 annualRateBps;
        address issuer;
        uint64 openedAt; // its UTC day is the one whose caps count the loan
        bytes32 personId;
        uint256 modelId;
        uint256 principal; // outstanding
        uint256 interest; // accrued up to accruedAt and unpaid
    }

    event ModelTermsSet(uint256 indexed modelId, ModelTerms terms);
    event IssuerDailyCapSet(address indexed issuer, uint256 dailyCap);
    event CapsSet(uint256 loanCap, uint256 personCap);
    event Funded(address indexed from, uint256 amount);
    event Withdrawn(address indexed to, uint256 amount);
    event LoanDrawn(
        uint256 indexed loanId,
        address indexed borrower,
        uint256 indexed modelId,
        address issuer,
        bytes32 personId,
        uint256 tier,
        uint256 amount
    );
    event LoanRepaid(uint256 indexed loanId, address indexed payer, uint256 interestPaid, uint256 principalPaid);

    error ZeroAmount();
    error InvalidTerms();
    error ModelNotAccepted(uint256 modelId);
    error IssuerNotAccepted(address issuer);
    error DecisionNegative(uint256 modelId, address borrower);
    error DecisionStale(uint64 observedAt, uint64 maxDecisionAge);
    error LoanCapExceeded(uint256 amount, uint256 cap);
    error PersonCapExceeded(bytes32 personId, uint256 outstanding, uint256 amount, uint256 cap);
    error ModelDailyCapExceeded(uint256 modelId, uint256 lentToday, uint256 amount, uint256 cap);
    error IssuerDailyCapExceeded(address issuer, uint256 lentToday, uint256 amount, uint256 cap);
    error InsufficientLiquidity(uint256 available, uint256 amount);
    error LoanNotOpen(uint256 loanId);
    error OwnershipNotRenounceable();

    /// @notice Borrow `amount` on the caller's own decision by `modelId` over facts attested by `issuer`.
    /// @dev Reverts with the registry's Decision... error when there is no valid decision for the caller and this
    /// contract.
    /// @param modelId Accepted model that judged the caller.
    /// @param issuer Accepted issuer that attested the caller's facts.
    /// @param amount In the token's smallest unit.
    /// @return loanId The new loan, counted from 1.
    function draw(uint256 modelId, address issuer, uint256 amount) external returns (uint256 loanId);

    /// @notice Pay back up to `amount` of a loan; anybody may. More than is owed is not taken. Principal paid on the
    /// UTC day the loan was opened frees the caps of that day.
    /// @param loanId The loan.
    /// @param amount In the token's smallest unit.
    /// @return paid What was taken from the caller, interest first.
    function repay(uint256 loanId, uint256 amount) external returns (uint256 paid);

    /// @notice Add lendable tokens. Owner only: it is the one lender.
    /// @param amount In the token's smallest unit.
    function fund(uint256 amount) external;

    /// @notice Take back tokens that are not lent. Owner only.
    /// @param to Receiver.
    /// @param amount In the token's smallest unit.
    function withdraw(address to, uint256 amount) external;

    /// @notice Accept a model, or change its terms. Owner only. The model must be bound, reveal tiers and count
    /// higher as better; `limits` has one entry per tier.
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

    /// @notice Principal and interest owed on a loan now, rounded up.
    /// @param loanId The loan.
    /// @return In the token's smallest unit.
    function owedUp(uint256 loanId) external view returns (uint256);

    /// @notice A loan as stored.
    /// @param loanId The loan.
    /// @return The loan; empty if there is none.
    function loanOf(uint256 loanId) external view returns (Loan memory);

    /// @notice Terms of a model; empty if it is not accepted.
    /// @param modelId Id of the model.
    /// @return The terms.
    function modelTermsOf(uint256 modelId) external view returns (ModelTerms memory);

    /// @notice Principal a person owes over all wallets.
    /// @param issuer The issuer.
    /// @param personId The issuer's pseudonym of the person.
    /// @return Principal, without interest.
    function outstandingOf(address issuer, bytes32 personId) external view returns (uint256);

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
