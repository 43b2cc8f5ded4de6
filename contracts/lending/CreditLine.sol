// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICreditLine} from "../interfaces/ICreditLine.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {LayoutLib} from "../libraries/LayoutLib.sol";
import {VerdictConsumer} from "../periphery/VerdictConsumer.sol";

/// @title A pool that lends to whoever proves a good tier. See ICreditLine.
/// @dev External functions go: validate, accrue, update, emit, transfer.
contract CreditLine is ICreditLine, VerdictConsumer, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant BPS_YEAR = 10_000 * 365 days;
    uint32 private constant MAX_ANNUAL_RATE_BPS = 100_000; // 1,000 % a year: above it is a slip of the pen

    IERC20 public immutable token;

    uint256 public loanCap;
    uint256 public personCap;
    uint256 public loanCount;

    mapping(uint256 loanId => Loan loan) private _loans;
    mapping(uint256 modelId => ModelTerms terms) private _terms;
    mapping(address issuer => uint256 dailyCap) public issuerDailyCapOf;
    mapping(address issuer => mapping(bytes32 personId => uint256 principal)) public outstandingOf;
    mapping(uint256 modelId => mapping(uint256 day => uint256 amount)) public lentOnModel;
    mapping(address issuer => mapping(uint256 day => uint256 amount)) public lentOnIssuer;

    /// @param registry_ Where decisions are read.
    /// @param token_ What is lent; neither charging on transfer nor rebasing.
    /// @param owner_ The lender.
    constructor(
        IDecisionRegistry registry_,
        IERC20 token_,
        address owner_
    ) VerdictConsumer(registry_) Ownable(owner_) {
        token = token_;
    }

    /// @inheritdoc ICreditLine
    function draw(uint256 modelId, address issuer, uint256 amount) external nonReentrant returns (uint256 loanId) {
        if (amount == 0) revert ZeroAmount();
        ModelTerms storage terms = _terms[modelId];
        if (terms.limits.length == 0) revert ModelNotAccepted(modelId);
        IDecisionRegistry.Decision memory decision = _decisionOf(modelId, issuer, msg.sender);
        uint256 tier = _checkDecision(decision, terms, modelId);
        uint256 day = block.timestamp / 1 days;
        _checkCaps(terms, modelId, decision, tier, amount, day);

        outstandingOf[issuer][decision.personId] += amount;
        lentOnModel[modelId][day] += amount;
        lentOnIssuer[issuer][day] += amount;
        loanId = ++loanCount;
        _loans[loanId] = Loan({
            borrower: msg.sender,
            accruedAt: uint64(block.timestamp),
            annualRateBps: terms.annualRateBps,
            issuer: issuer,
            openedAt: uint64(block.timestamp),
            personId: decision.personId,
            modelId: modelId,
            principal: amount,
            interest: 0
        });

        emit LoanDrawn(loanId, msg.sender, modelId, issuer, decision.personId, tier, amount);

        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ICreditLine
    function repay(uint256 loanId, uint256 amount) external nonReentrant returns (uint256 paid) {
        if (amount == 0) revert ZeroAmount();
        Loan storage loan = _loans[loanId];
        if (loan.principal == 0 && loan.interest == 0) revert LoanNotOpen(loanId);

        loan.interest += _interestUp(loan);
        loan.accruedAt = uint64(block.timestamp);

        uint256 interestPaid = Math.min(amount, loan.interest);
        uint256 principalPaid = Math.min(amount - interestPaid, loan.principal);
        paid = interestPaid + principalPaid;
        loan.interest -= interestPaid;
        loan.principal -= principalPaid;
        outstandingOf[loan.issuer][loan.personId] -= principalPaid;
        _freeDay(loan, principalPaid);

        emit LoanRepaid(loanId, msg.sender, interestPaid, principalPaid);

        token.safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc ICreditLine
    function fund(uint256 amount) external onlyOwner nonReentrant {
        if (amount == 0) revert ZeroAmount();
        emit Funded(msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc ICreditLine
    function withdraw(address to, uint256 amount) external onlyOwner nonReentrant {
        if (amount == 0) revert ZeroAmount();
        _checkLiquidity(amount);
        emit Withdrawn(to, amount);
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc ICreditLine
    function setModelTerms(uint256 modelId, ModelTerms calldata terms) external onlyOwner {
        IModelRegistry models = decisionRegistry.modelRegistry();
        if (models.statusOf(modelId) != IModelRegistry.ModelStatus.Active) revert ModelNotAccepted(modelId);
        IModelRegistry.Layout memory outputs = models.layoutOf(modelId);
        if (
            outputs.reveal != LayoutLib.REVEAL_TIER ||
            outputs.polarity != LayoutLib.POLARITY_HIGHER ||
            terms.limits.length != outputs.thresholds.length + 1 ||
            terms.limits[0] != 0 ||
            terms.maxDecisionAge == 0 ||
            terms.annualRateBps > MAX_ANNUAL_RATE_BPS
        ) revert InvalidTerms();
        _terms[modelId] = terms;
        emit ModelTermsSet(modelId, terms);
    }

    /// @inheritdoc ICreditLine
    function setIssuerDailyCap(address issuer, uint256 dailyCap) external onlyOwner {
        issuerDailyCapOf[issuer] = dailyCap;
        emit IssuerDailyCapSet(issuer, dailyCap);
    }

    /// @inheritdoc ICreditLine
    function setCaps(uint256 newLoanCap, uint256 newPersonCap) external onlyOwner {
        loanCap = newLoanCap;
        personCap = newPersonCap;
        emit CapsSet(newLoanCap, newPersonCap);
    }

    /// @notice Always reverts: without an owner the lender's tokens could never be withdrawn.
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
    function modelTermsOf(uint256 modelId) external view returns (ModelTerms memory) {
        return _terms[modelId];
    }

    /// @dev Principal back on the day it was lent never left: without this, one borrower in a circle of draws and
    /// repayments would use up everybody's day. Cannot underflow: the day counts all of the loan's principal.
    function _freeDay(Loan storage loan, uint256 principalPaid) private {
        uint256 day = block.timestamp / 1 days;
        if (principalPaid == 0 || loan.openedAt / 1 days != day) return;
        lentOnModel[loan.modelId][day] -= principalPaid;
        lentOnIssuer[loan.issuer][day] -= principalPaid;
    }

    /// @dev Revert unless the decision is recent and positive; return its tier, an index into the terms' limits.
    function _checkDecision(
        IDecisionRegistry.Decision memory decision,
        ModelTerms storage terms,
        uint256 modelId
    ) private view returns (uint256 tier) {
        if (block.timestamp > uint256(decision.observedAt) + terms.maxDecisionAge) {
            revert DecisionStale(decision.observedAt, terms.maxDecisionAge);
        }
        // Tier mode: one output, the number of thresholds passed. The circuit bounds it; a value beyond the limits
        // would fail the array access.
        if (decision.values[0] <= 0) revert DecisionNegative(modelId, msg.sender);
        return uint256(decision.values[0]);
    }

    /// @dev Revert unless `amount` fits the caps per loan, person, model and day, issuer and day, and the pool.
    function _checkCaps(
        ModelTerms storage terms,
        uint256 modelId,
        IDecisionRegistry.Decision memory decision,
        uint256 tier,
        uint256 amount,
        uint256 day
    ) private view {
        address issuer = decision.issuer;
        uint256 cap = issuerDailyCapOf[issuer];
        if (cap == 0) revert IssuerNotAccepted(issuer);
        uint256 used = lentOnIssuer[issuer][day];
        if (used + amount > cap) revert IssuerDailyCapExceeded(issuer, used, amount, cap);

        cap = terms.dailyCap;
        used = lentOnModel[modelId][day];
        if (used + amount > cap) revert ModelDailyCapExceeded(modelId, used, amount, cap);

        if (amount > loanCap) revert LoanCapExceeded(amount, loanCap);

        cap = Math.min(terms.limits[tier], personCap);
        used = outstandingOf[issuer][decision.personId];
        if (used + amount > cap) revert PersonCapExceeded(decision.personId, used, amount, cap);

        _checkLiquidity(amount);
    }

    function _checkLiquidity(uint256 amount) private view {
        uint256 available = token.balanceOf(address(this));
        if (amount > available) revert InsufficientLiquidity(available, amount);
    }

    /// @dev Interest since the loan was last touched, rounded up, against the borrower.
    function _interestUp(Loan storage loan) private view returns (uint256) {
        uint256 rateTime = uint256(loan.annualRateBps) * (block.timestamp - loan.accruedAt);
        return Math.mulDiv(loan.principal, rateTime, BPS_YEAR, Math.Rounding.Ceil);
    }
}
