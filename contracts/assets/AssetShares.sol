// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAppraisalFeed} from "../interfaces/IAppraisalFeed.sol";
import {IAssetShares} from "../interfaces/IAssetShares.sol";

/// @title One ERC-721 asset, divided into ERC-20 shares. See IAssetShares.
/// @dev Functions go: validate, update, emit, transfer. State is final before any call that could re-enter.
contract AssetShares is IAssetShares, ERC20, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant SUPPLY = 1e18;
    /// @dev The scale of every appraisal here, whatever a feed says later.
    uint8 private constant PRICE_DECIMALS = 8;
    uint256 private constant PRICE_UNIT = 10 ** uint256(PRICE_DECIMALS);

    IERC721 public immutable collection;
    uint256 public immutable tokenId;
    IERC20 public immutable quoteToken;
    uint256 private immutable _quoteUnit;

    State public state;
    IAppraisalFeed public feed;
    uint256 public settledAppraisal;
    uint256 public proceeds;

    /// @param collection_ The asset's collection.
    /// @param tokenId_ The asset.
    /// @param quoteToken_ What buyouts are paid in: one of it is one unit of the feed's currency.
    /// @param name_ Name of the shares.
    /// @param symbol_ Symbol of the shares.
    constructor(
        IERC721 collection_,
        uint256 tokenId_,
        IERC20Metadata quoteToken_,
        string memory name_,
        string memory symbol_
    ) ERC20(name_, symbol_) {
        if (address(collection_).code.length == 0) revert InvalidAddress(address(collection_));
        if (address(quoteToken_).code.length == 0) revert InvalidAddress(address(quoteToken_));
        collection = collection_;
        tokenId = tokenId_;
        quoteToken = quoteToken_;
        _quoteUnit = 10 ** quoteToken_.decimals();
    }

    /// @inheritdoc IAssetShares
    function open(IAppraisalFeed appraisals) external nonReentrant {
        _expect(State.Empty);
        if (address(appraisals).code.length == 0) revert InvalidAddress(address(appraisals));
        address priced = address(appraisals.shares());
        if (priced != address(this)) revert FeedMismatch(address(this), priced);
        uint8 decimals_ = appraisals.decimals();
        if (decimals_ != PRICE_DECIMALS) revert FeedDecimalsMismatch(PRICE_DECIMALS, decimals_);

        state = State.Locked;
        feed = appraisals;
        _mint(msg.sender, SUPPLY);

        emit Opened(msg.sender, appraisals);

        collection.transferFrom(msg.sender, address(this), tokenId);
        address holder = collection.ownerOf(tokenId);
        if (holder != address(this)) revert AssetNotReceived(holder);
    }

    /// @inheritdoc IAssetShares
    function redeem(address to) external nonReentrant {
        _expect(State.Locked);
        _receives(to);
        uint256 held = balanceOf(msg.sender);
        if (held != SUPPLY) revert NotAllShares(SUPPLY, held);

        state = State.Redeemed;
        _burn(msg.sender, held);

        emit Redeemed(msg.sender, to);

        collection.transferFrom(address(this), to, tokenId);
    }

    /// @inheritdoc IAssetShares
    function buyOut(uint256 maxCost, address to) external nonReentrant returns (uint256 cost) {
        _expect(State.Locked);
        _receives(to);
        uint256 held = balanceOf(msg.sender);
        if (held * 2 <= SUPPLY || held == SUPPLY) revert NotMajority(SUPPLY, held);
        uint256 appraisal = _appraisalFor(held);
        cost = _costUp(appraisal, held);
        if (cost > maxCost) revert CostTooHigh(cost, maxCost);

        state = State.Settled;
        settledAppraisal = appraisal;
        proceeds = cost;
        _burn(msg.sender, held);

        emit BoughtOut(msg.sender, to, held, cost, appraisal);

        uint256 before = quoteToken.balanceOf(address(this));
        quoteToken.safeTransferFrom(msg.sender, address(this), cost);
        uint256 received = quoteToken.balanceOf(address(this)) - before;
        if (received != cost) revert TransferMismatch(cost, received);
        collection.transferFrom(address(this), to, tokenId);
    }

    /// @inheritdoc IAssetShares
    function claim(uint256 shares, address to) external nonReentrant returns (uint256 amount) {
        _expect(State.Settled);
        _receives(to);
        if (shares == 0) revert ZeroShares();
        // What rounding leaves stays for the claims behind; the last one gets the rest.
        amount = Math.mulDiv(proceeds, shares, totalSupply());

        proceeds -= amount;
        _burn(msg.sender, shares);

        emit Claimed(msg.sender, to, shares, amount);

        quoteToken.safeTransfer(to, amount);
    }

    /// @inheritdoc IAssetShares
    function buyOutCost(address holder) external view returns (uint256) {
        _expect(State.Locked);
        uint256 held = balanceOf(holder);
        return _costUp(_appraisalFor(held), held);
    }

    /// @dev The standing appraisal; once there is none for long, for nine tenths, the best there ever was.
    function _appraisalFor(uint256 held) private view returns (uint256) {
        if (held * 10 >= SUPPLY * 9 && feed.hasLapsed()) return feed.highestAppraisal();
        return feed.freshAppraisal();
    }

    function _costUp(uint256 appraisal, uint256 held) private view returns (uint256) {
        return Math.mulDiv(appraisal * _quoteUnit, SUPPLY - held, SUPPLY * PRICE_UNIT, Math.Rounding.Ceil);
    }

    /// @dev What this contract gets outside of open() and buyOut() never leaves it.
    function _receives(address to) private view {
        if (to == address(this)) revert InvalidReceiver(to);
    }

    function _expect(State expected) private view {
        if (state != expected) revert WrongState(expected, state);
    }
}
