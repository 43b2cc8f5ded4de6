// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626, IERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICreditLine} from "../interfaces/ICreditLine.sol";
import {LoanBook} from "../libraries/LoanBook.sol";

/// @title The money side of a credit line: shares, cash, the loans' value and what vests. See ICreditLine.
/// @dev The lending side opens and changes loans in `_book` and moves tokens by `_receive` and `_send` alone, both after
/// every other change of state: whoever a token's hook calls sees final prices.
abstract contract LendingVault is ICreditLine, ERC4626, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using LoanBook for LoanBook.Book;

    /// @notice How long a recovery takes to count for those who leave.
    uint256 public constant VESTING_PERIOD = 7 days;
    /// @dev A second wall against inflated shares; the first is that donations do not count.
    uint8 private constant SHARE_DECIMALS = 6;
    /// @dev Keeps every product of the books far inside a word: 2^128 * rate * time is below 2^210.
    uint256 private constant MAX_CASH = type(uint128).max;

    struct Vesting {
        uint256 amount; // unvested at `start`
        uint64 start;
        uint64 end;
    }

    /// @inheritdoc ICreditLine
    uint256 public cash;

    LoanBook.Book internal _book;
    Vesting private _vesting;

    constructor(IERC20 asset_) ERC20("Verdict credit line", "vCREDIT") ERC4626(asset_) {
        _book.rolledTo = block.timestamp / 1 days;
    }

    // Entering and leaving.

    /// @inheritdoc IERC4626
    function deposit(
        uint256 assets,
        address receiver
    ) public override(ERC4626, IERC4626) nonReentrant returns (uint256) {
        _roll();
        return super.deposit(assets, receiver);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver) public override(ERC4626, IERC4626) nonReentrant returns (uint256) {
        _roll();
        return super.mint(shares, receiver);
    }

    /// @inheritdoc IERC4626
    function withdraw(
        uint256 assets,
        address receiver,
        address owner
    ) public override(ERC4626, IERC4626) nonReentrant returns (uint256) {
        _roll();
        return super.withdraw(assets, receiver, owner);
    }

    /// @inheritdoc IERC4626
    function redeem(
        uint256 shares,
        address receiver,
        address owner
    ) public override(ERC4626, IERC4626) nonReentrant returns (uint256) {
        _roll();
        return super.redeem(shares, receiver, owner);
    }

    /// @inheritdoc ICreditLine
    function roll() external nonReentrant {
        _roll();
    }

    // What it is worth.

    /// @notice What withdrawals are priced against: idle cash and loans that are not past due, rounded down.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        (uint256 performing, ) = debts();
        return idle() + performing;
    }

    /// @inheritdoc ICreditLine
    function entryAssets() public view returns (uint256) {
        (uint256 performing, uint256 delinquent) = debts();
        return cash + performing + delinquent;
    }

    /// @inheritdoc ICreditLine
    function debts() public view returns (uint256 performing, uint256 delinquent) {
        return _book.debtsDown(block.timestamp);
    }

    /// @inheritdoc ICreditLine
    function idle() public view returns (uint256) {
        return cash - unvested();
    }

    /// @inheritdoc ICreditLine
    function unvested() public view returns (uint256) {
        (uint256 start, uint256 end) = (_vesting.start, _vesting.end);
        if (block.timestamp >= end) return 0;
        return Math.mulDiv(_vesting.amount, end - block.timestamp, end - start, Math.Rounding.Ceil);
    }

    /// @notice Shares for a deposit, rounded down.
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        return Math.mulDiv(assets, _sharesAndVirtual(), entryAssets() + 1);
    }

    /// @notice Assets for shares to be minted, rounded up.
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        return Math.mulDiv(shares, entryAssets() + 1, _sharesAndVirtual(), Math.Rounding.Ceil);
    }

    /// @notice Most that can be deposited: zero once nothing is left while there are shares, whose holders a deposit at
    /// that price would rob of every later recovery.
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        if (totalSupply() != 0 && entryAssets() == 0) return 0;
        return Math.saturatingSub(MAX_CASH, cash);
    }

    /// @notice Most shares that can be minted; less than the true bound where that would not fit a word.
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return Math.saturatingMul(maxDeposit(receiver), _sharesAndVirtual()) / (entryAssets() + 1);
    }

    /// @notice What the owner's shares are worth leaving, as far as idle cash reaches.
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return Math.min(previewRedeem(balanceOf(owner)), idle());
    }

    /// @notice The owner's shares, as far as idle cash reaches.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 shares = balanceOf(owner);
        uint256 available = idle();
        return previewRedeem(shares) <= available ? shares : convertToShares(available);
    }

    /// @inheritdoc ERC4626
    function decimals() public view override(ERC4626, IERC20Metadata) returns (uint8) {
        return super.decimals();
    }

    // For the lending side.

    /// @dev Move the days that have passed in the books.
    function _roll() internal {
        LoanBook.Line memory passed = _book.roll(block.timestamp / 1 days);
        if (passed.slope == 0 && passed.offset == 0) return;
        emit DuesPassed(block.timestamp / 1 days, LoanBook.debtDown(passed, block.timestamp));
    }

    /// @dev Let `amount`, which is about to come in, vest. The new end is the average of what was left and a full
    /// period, weighted by amounts and rounded down: never before the old end, and not later for a payment of dust.
    function _vest(uint256 loanId, uint256 amount) internal {
        uint256 left = unvested();
        uint256 timeLeft = left == 0 ? 0 : _vesting.end - block.timestamp;
        uint256 total = left + amount;
        uint256 end = block.timestamp + (left * timeLeft + amount * VESTING_PERIOD) / total;
        _vesting = Vesting(total, uint64(block.timestamp), uint64(end));
        emit Recovered(loanId, amount, total, end);
    }

    /// @dev Take `amount`, already in the books, from `from`; refuse a token that delivers less.
    function _receive(address from, uint256 amount) internal {
        IERC20 token = IERC20(asset());
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 received = Math.saturatingSub(token.balanceOf(address(this)), before);
        if (received < amount) revert TokenCharges(amount, received);
    }

    /// @dev Pay `amount`, already out of the books, to `to`; the rest of the books must still be there.
    function _send(address to, uint256 amount) internal {
        IERC20(asset()).safeTransfer(to, amount);
        _requireBooked();
    }

    function _requireBooked() private view {
        uint256 balance = IERC20(asset()).balanceOf(address(this));
        if (balance < cash) revert TokenMissing(cash, balance);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        cash += assets;
        _mint(receiver, shares);
        emit Deposit(caller, receiver, assets, shares);
        _receive(caller, assets);
        _requireBooked();
    }

    function _withdraw(
        address caller,
        address receiver,
        address owner,
        uint256 assets,
        uint256 shares
    ) internal override {
        if (caller != owner) _spendAllowance(owner, caller, shares);
        cash -= assets;
        _burn(owner, shares);
        emit Withdraw(caller, receiver, owner, assets, shares);
        _send(receiver, assets);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return SHARE_DECIMALS;
    }

    function _sharesAndVirtual() private view returns (uint256) {
        return totalSupply() + 10 ** SHARE_DECIMALS;
    }
}
