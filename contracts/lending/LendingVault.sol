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
import {ShareHistory} from "./ShareHistory.sol";

/// @title The money side of a credit line: shares, cash, the loans' value, and pockets of late payments. See ICreditLine.
/// @dev The lending side opens and changes loans in `_book` and moves tokens by `_receive` and `_send` alone, both after
/// every other change of state: whoever a token's hook calls sees final prices.
abstract contract LendingVault is ICreditLine, ERC4626, ShareHistory, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using LoanBook for LoanBook.Book;

    /// @dev A second wall against inflated shares; the first is that donations do not count.
    uint8 private constant SHARE_DECIMALS = 6;
    /// @dev Keeps every product of the books far inside a word: 2^128 * rate * time is below 2^210.
    uint256 private constant MAX_ASSETS = type(uint128).max;
    /// @dev Most shares for a wei of assets at which deposits are taken, 10^18 times what the first got: a mint ends at
    /// most at (MAX_ASSETS + 1) * (MAX_SHARES_PER_WEI + 10^SHARE_DECIMALS) < 2^208, what ShareHistory holds, whatever
    /// is lost how often. Shares meet amounts in mulDiv alone, whose products are 512 bits wide.
    uint256 private constant MAX_SHARES_PER_WEI = 1e24;

    /// @inheritdoc ICreditLine
    uint256 public cash;
    /// @inheritdoc ICreditLine
    uint256 public pocketed;
    /// @inheritdoc ICreditLine
    mapping(uint256 dueDay => uint256 amount) public recoveredOf;
    /// @inheritdoc ICreditLine
    mapping(uint256 dueDay => mapping(address account => uint256 amount)) public claimedOf;

    LoanBook.Book internal _book;

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
    function claim(uint256[] calldata dueDays, address receiver) external nonReentrant returns (uint256 amount) {
        if (receiver == address(this)) revert ReceiverIsVault();
        for (uint256 i = 0; i < dueDays.length; ++i) {
            uint256 part = claimable(dueDays[i], msg.sender);
            if (part == 0) continue;
            amount += part;
            claimedOf[dueDays[i]][msg.sender] += part;
            emit Claimed(dueDays[i], msg.sender, receiver, part);
        }
        if (amount == 0) revert ZeroAmount();
        pocketed -= amount;
        _send(receiver, amount);
    }

    /// @inheritdoc ICreditLine
    function roll() external nonReentrant {
        _roll();
    }

    // What it is worth.

    /// @notice Cash and loans that are not past due, rounded down: what entering and leaving are priced against.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        (uint256 performing, ) = debts();
        return cash + performing;
    }

    /// @inheritdoc ICreditLine
    function debts() public view returns (uint256 performing, uint256 delinquent) {
        return _book.debtsDown(block.timestamp);
    }

    /// @inheritdoc ICreditLine
    function claimable(uint256 dueDay, address account) public view returns (uint256) {
        uint256 recovered = recoveredOf[dueDay];
        if (recovered == 0) return 0;
        // Not zero: a day without shares at its end has no pocket.
        uint256 part = Math.mulDiv(recovered, _sharesAtEndOf(dueDay, account), _supplyAtEndOf(dueDay));
        return part - claimedOf[dueDay][account];
    }

    /// @inheritdoc ICreditLine
    function sharesAtEndOf(uint256 day, address account) external view returns (uint256) {
        return _sharesAtEndOf(day, account);
    }

    /// @inheritdoc ICreditLine
    function supplyAtEndOf(uint256 day) external view returns (uint256) {
        return _supplyAtEndOf(day);
    }

    /// @notice Most that can be deposited. Zero while tokens are missing, and while losses, or loans that are late, leave so
    /// little for a share that new ones would be minted without end.
    function maxDeposit(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 assets = totalAssets();
        if (receiver == address(this) || _missing() || totalSupply() > (assets + 1) * MAX_SHARES_PER_WEI) return 0;
        return Math.saturatingSub(MAX_ASSETS, assets);
    }

    /// @notice Most shares that can be minted.
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return convertToShares(maxDeposit(receiver));
    }

    /// @notice What the owner's shares are worth, as far as cash reaches. Zero while tokens are missing.
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return _missing() ? 0 : Math.min(previewRedeem(balanceOf(owner)), cash);
    }

    /// @notice The owner's shares, as far as cash reaches. Zero while tokens are missing or when they bring nothing.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        if (_missing()) return 0;
        uint256 shares = balanceOf(owner);
        if (previewRedeem(shares) > cash) shares = convertToShares(cash);
        return previewRedeem(shares) == 0 ? 0 : shares;
    }

    /// @inheritdoc ERC4626
    function decimals() public view override(ERC20, ERC4626, IERC20Metadata) returns (uint8) {
        return super.decimals();
    }

    // For the lending side.

    /// @dev Move the days that have passed in the books.
    function _roll() internal {
        LoanBook.Line memory passed = _book.roll(block.timestamp / 1 days);
        if (passed.slope == 0 && passed.offset == 0) return;
        emit DuesPassed(block.timestamp / 1 days, LoanBook.debtDown(passed, block.timestamp));
    }

    /// @dev Put what is about to come in late for a loan into its day's pocket; into cash if nobody held shares then.
    function _pocket(uint256 loanId, uint256 dueDay, uint256 amount) internal {
        if (_supplyAtEndOf(dueDay) == 0) {
            cash += amount;
            return;
        }
        recoveredOf[dueDay] += amount;
        pocketed += amount;
        emit Recovered(dueDay, loanId, amount);
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
        if (balance < cash + pocketed) revert TokenMissing(cash + pocketed, balance);
    }

    function _missing() private view returns (bool) {
        return IERC20(asset()).balanceOf(address(this)) < cash + pocketed;
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        if (assets != 0 && shares == 0) revert ZeroAmount();
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
        if (receiver == address(this)) revert ReceiverIsVault();
        if (shares != 0 && assets == 0) revert ZeroAmount();
        if (caller != owner) _spendAllowance(owner, caller, shares);
        cash -= assets;
        _burn(owner, shares);
        emit Withdraw(caller, receiver, owner, assets, shares);
        _send(receiver, assets);
    }

    /// @dev Shares of the vault in itself would be lost, and so would be their part of every pocket.
    function _update(address from, address to, uint256 amount) internal override(ERC20, ShareHistory) {
        if (to == address(this)) revert ReceiverIsVault();
        super._update(from, to, amount);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return SHARE_DECIMALS;
    }
}
