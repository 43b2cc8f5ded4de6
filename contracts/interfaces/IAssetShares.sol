// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IAppraisalFeed} from "./IAppraisalFeed.sol";

/// @title One ERC-721 asset, divided into a fixed supply of ERC-20 shares that a market can hold as collateral.
/// @notice The whole supply is 1e18: one share of 18 decimals is the whole asset, so a price feed of the asset is a
/// price feed of the share. No owner, no fees, no way to issue more. What holders may rely on:
/// - Shares come into being once, when somebody locks the asset, and name their appraisal feed for ever.
/// - Whoever holds all shares takes the asset out and the shares are gone.
/// - Whoever holds more than half buys the rest out at the last full appraisal (without the haircut that lenders
///   apply), which must stand: neither expired nor withdrawn. So a minority, such as a liquidator's remainder, cannot
///   hold the asset hostage, and gets its full share of the appraised value: the money waits here without a deadline.
/// - When appraisals have ended, because the surveyor retired or the model was deprecated: 180 days after the last one
///   stopped to stand, whoever holds nine tenths buys the rest out at the highest full appraisal ever accepted. Where
///   nothing was ever appraised, only all shares take the asset out: open() after the first appraisal.
/// - From the buyout on a share is a claim on that money; it stays transferable, and its price is the buyout's.
/// What a holder must judge: the collection (one that moves tokens at will takes the asset away), the feed (whose
/// surveyor and model decide the buyout's price: shares that name a feed of somebody's own making are bought out for
/// nothing), the quote token (one that anybody mints pays nothing; its issuer can freeze it; one that charges on
/// transfer is refused when it is paid in), and who may hold a majority. What a market's creator must check beyond is
/// listed in IAppraisalFeed.
/// NEVER send the asset here by a plain transferFrom: only open() makes shares, and nothing gives back an asset, a
/// token or shares that came here otherwise.
interface IAssetShares is IERC20 {
    /// @notice What the shares stand for.
    enum State {
        Empty, // nothing was locked yet; there are no shares
        Locked, // the asset
        Settled, // money, after a buyout
        Redeemed // nothing: one holder had all of them and took the asset
    }

    event Opened(address indexed from, IAppraisalFeed feed);
    event Redeemed(address indexed holder, address indexed to);
    event BoughtOut(address indexed buyer, address indexed to, uint256 shares, uint256 cost, uint256 appraisal);
    event Claimed(address indexed holder, address indexed to, uint256 shares, uint256 amount);

    error InvalidAddress(address given);
    error WrongState(State expected, State found);
    /// @notice The feed is about other shares.
    error FeedMismatch(address expected, address found);
    /// @notice Appraisals here have eight decimals.
    error FeedDecimalsMismatch(uint8 expected, uint8 found);
    /// @notice The collection did not hand the asset over.
    error AssetNotReceived(address holder);
    error NotAllShares(uint256 supply, uint256 held);
    /// @notice A buyout takes more than half, and less than all: with all of them, redeem.
    error NotMajority(uint256 supply, uint256 held);
    error CostTooHigh(uint256 cost, uint256 maxCost);
    /// @notice The quote token delivered another amount than was sent: it charges on transfer.
    error TransferMismatch(uint256 expected, uint256 received);
    error ZeroShares();
    /// @notice These shares themselves: what they receive is lost.
    error InvalidReceiver(address to);

    /// @notice Lock the asset, which the caller approved, and receive all shares. Works once.
    /// @param appraisals The feed that prices the asset, deployed for these shares.
    function open(IAppraisalFeed appraisals) external;

    /// @notice With all shares: burn them and take the asset.
    /// @param to Receives the asset; not these shares; must be able to hold it, no hook is called.
    function redeem(address to) external;

    /// @notice With more than half of the shares: pay for all others at the last full appraisal and take the asset; with
    /// nine tenths, once the feed hasLapsed(), at its highest. The caller's shares are burned, the others become claims on what was paid.
    /// @param maxCost Most the caller pays, in quote tokens, against an appraisal that moves before.
    /// @param to Receives the asset; not these shares; must be able to hold it, no hook is called.
    /// @return cost What was paid, rounded up.
    function buyOut(uint256 maxCost, address to) external returns (uint256 cost);

    /// @notice After a buyout: burn shares for their part of the money, rounded down.
    /// @param shares How many of the caller's.
    /// @param to Receives the money; not these shares.
    /// @return amount Quote tokens paid.
    function claim(uint256 shares, address to) external returns (uint256 amount);

    /// @notice What a buyout by `holder` would cost now, rounded up. Reverts like buyOut without a usable appraisal.
    /// @param holder Who would buy.
    /// @return cost In quote tokens.
    function buyOutCost(address holder) external view returns (uint256 cost);

    /// @notice What the shares stand for.
    /// @return The state.
    function state() external view returns (State);

    /// @notice Full appraisal at which the buyout settled, in eight decimals; zero before.
    /// @return The appraisal.
    function settledAppraisal() external view returns (uint256);

    /// @notice Money left for claims, in quote tokens.
    /// @return The money.
    function proceeds() external view returns (uint256);

    /// @notice The asset's collection.
    /// @return The collection.
    function collection() external view returns (IERC721);

    /// @notice The asset's token id.
    /// @return The id.
    function tokenId() external view returns (uint256);

    /// @notice What buyouts are paid in; counted as one unit of the feed's currency.
    /// @return The token.
    function quoteToken() external view returns (IERC20);

    /// @notice The feed that prices the asset; zero before it is locked.
    /// @return The feed.
    function feed() external view returns (IAppraisalFeed);
}
