// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {DueDays} from "../libraries/DueDays.sol";
import {LayoutLib} from "../libraries/LayoutLib.sol";
import {LoanBook} from "../libraries/LoanBook.sol";
import {VerdictConsumer} from "../periphery/VerdictConsumer.sol";
import {ICreditLine, LendingVault} from "./LendingVault.sol";

/// @title A vault that lends to whoever proves a good tier. See ICreditLine.
/// @dev External functions go: validate, roll, update, emit, transfer.
contract CreditLine is LendingVault, VerdictConsumer, Ownable2Step {
    using LoanBook for LoanBook.Book;
    using DueDays for uint256;

    /// @notice How long past due a loan stays in the books.
    uint256 public constant WRITE_OFF_DELAY = 30 days;
    /// @notice Longest term; bounds how many days with dues there can be, and so the work of a roll.
    uint256 public constant MAX_TERM_DAYS = 730;
    /// @notice Most loans of one person at a time.
    uint256 public constant MAX_OPEN_LOANS = DueDays.LANES;
    uint32 private constant MAX_ANNUAL_RATE_BPS = 100_000; // 1,000 % a year: above it is a slip of the pen

    /// @dev How an issuer is counted here.
    struct Exposure {
        uint256 dailyCap;
        address root; // whose numbers it shares: the first of its chain of successors; zero for itself
        bool counts; // it has lent, or others share its numbers: it can no longer be linked to another
    }

    uint256 public loanCap;
    uint256 public personCap;
    uint256 public loanCount;

    mapping(uint256 loanId => Loan loan) private _loans;
    mapping(uint256 modelId => ModelTerms terms) private _terms;
    mapping(address issuer => Exposure exposure) private _exposures;
    mapping(address root => mapping(bytes32 personId => uint256 principal)) private _outstanding;
    mapping(address root => mapping(bytes32 personId => uint256 lanes)) private _dueDays;
    mapping(uint256 modelId => mapping(uint256 day => uint256 amount)) public lentOnModel;
    mapping(address root => mapping(uint256 day => uint256 amount)) private _lentOnRoot;

    /// @param registry_ Where decisions are read.
    /// @param asset_ What is deposited and lent; neither charging on transfer nor rebasing.
    /// @param owner_ Who sets terms and caps: a TimelockController, or depositors have only their word.
    constructor(
        IDecisionRegistry registry_,
        IERC20 asset_,
        address owner_
    ) LendingVault(asset_) VerdictConsumer(registry_) Ownable(owner_) {}

    /// @inheritdoc ICreditLine
    function draw(uint256 modelId, address issuer, uint256 amount) external returns (uint256 loanId) {
        return drawWithin(modelId, issuer, amount, type(uint256).max, 0);
    }

    /// @inheritdoc ICreditLine
    function drawWithin(
        uint256 modelId,
        address issuer,
        uint256 amount,
        uint256 maxAnnualRateBps,
        uint256 minDueAt
    ) public nonReentrant returns (uint256 loanId) {
        if (amount == 0) revert ZeroAmount();
        ModelTerms storage terms = _terms[modelId];
        if (terms.tiers.length == 0) revert ModelNotAccepted(modelId);
        IDecisionRegistry.Value memory decision = _valueOf(modelId, issuer, msg.sender);
        uint256 tier = _checkDecision(decision, terms, modelId);
        Tier memory tierTerms = terms.tiers[tier];
        uint256 day = block.timestamp / 1 days;
        uint256 dueDay = day + terms.termDays;
        uint256 dueAt = (dueDay + 1) * 1 days;
        _checkBounds(maxAnnualRateBps, tierTerms.annualRateBps, minDueAt, dueAt);
        address root = issuerRootOf(issuer);
        _checkCaps(terms, modelId, issuer, decision.personId, tierTerms.limit, amount, day);
        uint256 dueDays = _withDueDay(root, decision.personId, dueDay);
        _roll();

        _count(root, decision.personId, modelId, amount, day);
        cash -= amount;
        loanId = ++loanCount;
        Loan storage loan = _loans[loanId];
        loan.borrower = msg.sender;
        loan.accruedAt = uint64(block.timestamp);
        loan.annualRateBps = tierTerms.annualRateBps;
        loan.issuer = root;
        loan.openedAt = uint40(block.timestamp);
        loan.dueAt = uint40(dueAt);
        loan.personId = decision.personId;
        loan.modelId = modelId;
        loan.principal = amount;
        _dueDays[root][decision.personId] = dueDays;
        _book.open(_lineOf(loan), dueDay);

        emit LoanDrawn(
            loanId,
            msg.sender,
            modelId,
            issuer,
            decision.personId,
            tier,
            amount,
            loan.annualRateBps,
            loan.dueAt
        );

        _send(msg.sender, amount);
    }

    /// @inheritdoc ICreditLine
    function repay(uint256 loanId, uint256 amount) external nonReentrant returns (uint256 paid) {
        if (amount == 0) revert ZeroAmount();
        Loan storage loan = _openLoan(loanId);
        _roll();

        LoanBook.Line memory before = _lineOf(loan);
        uint256 interest = loan.interest + _interestUp(loan);
        uint256 interestPaid = Math.min(amount, interest);
        uint256 principalPaid = Math.min(amount - interestPaid, loan.principal);
        paid = interestPaid + principalPaid;
        loan.accruedAt = uint64(block.timestamp);
        loan.interest = interest - interestPaid;
        loan.principal -= principalPaid;
        _outstanding[loan.issuer][loan.personId] -= principalPaid;
        _freeDay(loan, principalPaid);
        uint256 dueDay = _dueDayOf(loan);
        if (loan.principal == 0) {
            // Interest is paid first, so nothing is owed.
            _dueDays[loan.issuer][loan.personId] = _dueDays[loan.issuer][loan.personId].remove(dueDay);
        }
        if (!loan.writtenOff) _book.change(before, _lineOf(loan), dueDay);
        if (block.timestamp < loan.dueAt) cash += paid;
        else _pocket(loanId, dueDay, paid);

        emit LoanRepaid(loanId, msg.sender, interestPaid, principalPaid);

        _receive(msg.sender, paid);
    }

    /// @inheritdoc ICreditLine
    function writeOff(uint256 loanId) external nonReentrant {
        Loan storage loan = _openLoan(loanId);
        if (loan.writtenOff) revert LoanAlreadyWrittenOff(loanId);
        uint256 allowedAt = loan.dueAt + WRITE_OFF_DELAY;
        if (block.timestamp < allowedAt) revert WriteOffTooEarly(loanId, allowedAt);
        _roll();

        _book.strike(_lineOf(loan));
        loan.writtenOff = true;

        emit LoanWrittenOff(loanId, loan.principal, loan.interest + _interestUp(loan));
    }

    /// @inheritdoc ICreditLine
    function setModelTerms(uint256 modelId, ModelTerms calldata terms) external onlyOwner {
        IModelRegistry models = decisionRegistry.modelRegistry();
        if (models.statusOf(modelId) != IModelRegistry.ModelStatus.Active) revert ModelNotAccepted(modelId);
        IModelRegistry.Layout memory outputs = models.layoutOf(modelId);
        uint256 count = terms.tiers.length;
        if (outputs.reveal != LayoutLib.REVEAL_TIER || outputs.polarity != LayoutLib.POLARITY_HIGHER) {
            revert InvalidTerms("modelId");
        }
        if (
            count != outputs.thresholds.length + 1 || terms.tiers[0].limit != 0 || terms.tiers[0].annualRateBps != 0
        ) revert InvalidTerms("tiers");
        if (terms.maxDecisionAge == 0) revert InvalidTerms("maxDecisionAge");
        if (terms.termDays == 0 || terms.termDays > MAX_TERM_DAYS) revert InvalidTerms("termDays");
        for (uint256 tier = 1; tier < count; ++tier) {
            if (terms.tiers[tier].annualRateBps > MAX_ANNUAL_RATE_BPS) revert InvalidTerms("tiers");
        }
        _terms[modelId] = terms;
        emit ModelTermsSet(modelId, terms);
    }

    /// @inheritdoc ICreditLine
    function setIssuerDailyCap(address issuer, uint256 dailyCap) external onlyOwner {
        _exposures[issuer].dailyCap = dailyCap;
        emit IssuerDailyCapSet(issuer, dailyCap);
    }

    /// @inheritdoc ICreditLine
    function linkIssuer(address successor, address predecessor) external onlyOwner {
        // The registry names nobody where there is no successor: nobody must not be linked.
        if (successor == address(0) || decisionRegistry.issuerRegistry().successorOf(predecessor) != successor) {
            revert NotSuccessor(successor, predecessor);
        }
        Exposure storage exposure = _exposures[successor];
        if (exposure.counts || exposure.root != address(0)) revert IssuerCounted(successor);
        address root = issuerRootOf(predecessor);
        exposure.root = root;
        _exposures[root].counts = true;
        emit IssuerLinked(successor, predecessor, root);
    }

    /// @inheritdoc ICreditLine
    function setCaps(uint256 newLoanCap, uint256 newPersonCap) external onlyOwner {
        loanCap = newLoanCap;
        personCap = newPersonCap;
        emit CapsSet(newLoanCap, newPersonCap);
    }

    /// @notice Always reverts: without an owner nobody could stop lending on an issuer whose key leaked.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipNotRenounceable();
    }

    /// @inheritdoc ICreditLine
    function owedUp(uint256 loanId) external view returns (uint256) {
        Loan storage loan = _loans[loanId];
        return loan.principal + loan.interest + _interestUp(loan);
    }

    /// @inheritdoc ICreditLine
    function loanOf(uint256 loanId) external view returns (Loan memory) {
        return _loans[loanId];
    }

    /// @inheritdoc ICreditLine
    function statusOf(uint256 loanId) external view returns (LoanStatus) {
        Loan storage loan = _loans[loanId];
        if (loan.borrower == address(0)) return LoanStatus.None;
        if (loan.principal == 0) return LoanStatus.Repaid;
        if (loan.writtenOff) return LoanStatus.WrittenOff;
        return block.timestamp < loan.dueAt ? LoanStatus.Performing : LoanStatus.Delinquent;
    }

    /// @inheritdoc ICreditLine
    function modelTermsOf(uint256 modelId) external view returns (ModelTerms memory) {
        return _terms[modelId];
    }

    /// @inheritdoc ICreditLine
    function outstandingOf(address issuer, bytes32 personId) external view returns (uint256) {
        return _outstanding[issuerRootOf(issuer)][personId];
    }

    /// @inheritdoc ICreditLine
    function earliestDueOf(address issuer, bytes32 personId) external view returns (uint256) {
        uint256 day = _dueDays[issuerRootOf(issuer)][personId].earliest();
        return day == 0 ? 0 : (day + 1) * 1 days;
    }

    /// @inheritdoc ICreditLine
    function lentOnIssuer(address issuer, uint256 day) external view returns (uint256) {
        return _lentOnRoot[issuerRootOf(issuer)][day];
    }

    /// @inheritdoc ICreditLine
    function issuerDailyCapOf(address issuer) external view returns (uint256) {
        return _exposures[issuer].dailyCap;
    }

    /// @inheritdoc ICreditLine
    function issuerRootOf(address issuer) public view returns (address) {
        address root = _exposures[issuer].root;
        return root == address(0) ? issuer : root;
    }

    /// @dev Count new principal against the caps of its person and day.
    function _count(address root, bytes32 personId, uint256 modelId, uint256 amount, uint256 day) private {
        if (!_exposures[root].counts) _exposures[root].counts = true;
        _outstanding[root][personId] += amount;
        lentOnModel[modelId][day] += amount;
        _lentOnRoot[root][day] += amount;
    }

    /// @dev Principal back on the day it was lent never left: without this, one borrower in a circle of draws and
    /// repayments would use up everybody's day. Cannot underflow: the day counts all of the loan's principal.
    function _freeDay(Loan storage loan, uint256 principalPaid) private {
        uint256 day = block.timestamp / 1 days;
        if (principalPaid == 0 || loan.openedAt / 1 days != day) return;
        lentOnModel[loan.modelId][day] -= principalPaid;
        _lentOnRoot[loan.issuer][day] -= principalPaid;
    }

    /// @dev Revert when the loan would be worse than its borrower asked for.
    function _checkBounds(uint256 maxRate, uint256 rate, uint256 minDueAt, uint256 dueAt) private pure {
        if (rate > maxRate) revert RateTooHigh(maxRate, rate);
        if (dueAt < minDueAt) revert DueTooEarly(minDueAt, dueAt);
    }

    /// @dev The person's due days with one more; revert when an open loan is past due or there are too many.
    function _withDueDay(address root, bytes32 personId, uint256 dueDay) private view returns (uint256 dueDays) {
        dueDays = _dueDays[root][personId];
        uint256 first = dueDays.earliest();
        if (first != 0 && first < block.timestamp / 1 days) revert PersonDelinquent(personId, (first + 1) * 1 days);
        bool entered;
        (dueDays, entered) = dueDays.enter(dueDay);
        if (!entered) revert TooManyLoans(personId, MAX_OPEN_LOANS);
    }

    /// @dev Revert unless the decision is recent and positive; return its tier, an index into the terms' tiers.
    function _checkDecision(
        IDecisionRegistry.Value memory decision,
        ModelTerms storage terms,
        uint256 modelId
    ) private view returns (uint256 tier) {
        if (block.timestamp > uint256(decision.observedAt) + terms.maxDecisionAge) {
            revert DecisionStale(decision.observedAt, terms.maxDecisionAge);
        }
        // Tier mode: one output, the number of thresholds passed. The circuit bounds it; a value beyond the tiers
        // would fail the array access.
        if (decision.value <= 0) revert DecisionNegative(modelId, msg.sender);
        return uint256(decision.value);
    }

    /// @dev Revert unless `amount` fits the caps per loan, person, model and day, issuer and day, and the cash.
    function _checkCaps(
        ModelTerms storage terms,
        uint256 modelId,
        address issuer,
        bytes32 personId,
        uint256 limit,
        uint256 amount,
        uint256 day
    ) private view {
        uint256 cap = _exposures[issuer].dailyCap;
        if (cap == 0) revert IssuerNotAccepted(issuer);
        address root = issuerRootOf(issuer);
        uint256 used = _lentOnRoot[root][day];
        if (used + amount > cap) revert IssuerDailyCapExceeded(issuer, used, amount, cap);

        cap = terms.dailyCap;
        used = lentOnModel[modelId][day];
        if (used + amount > cap) revert ModelDailyCapExceeded(modelId, used, amount, cap);

        if (amount > loanCap) revert LoanCapExceeded(amount, loanCap);

        cap = Math.min(limit, personCap);
        used = _outstanding[root][personId];
        if (used + amount > cap) revert PersonCapExceeded(personId, used, amount, cap);

        if (amount > cash) revert InsufficientLiquidity(cash, amount);
    }

    function _openLoan(uint256 loanId) private view returns (Loan storage loan) {
        loan = _loans[loanId];
        if (loan.principal == 0) revert LoanNotOpen(loanId);
    }

    /// @dev Interest since the loan was last touched, rounded up, against the borrower.
    function _interestUp(Loan storage loan) private view returns (uint256) {
        return LoanBook.interestUp(loan.principal, loan.annualRateBps, block.timestamp - loan.accruedAt);
    }

    function _lineOf(Loan storage loan) private view returns (LoanBook.Line memory) {
        return LoanBook.lineOf(loan.principal, loan.interest, loan.annualRateBps, loan.accruedAt);
    }

    /// @dev The last UTC day on which the loan is not past due.
    function _dueDayOf(Loan storage loan) private view returns (uint256) {
        return loan.dueAt / 1 days - 1;
    }
}
