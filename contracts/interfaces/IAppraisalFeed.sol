// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {AggregatorV3Interface} from "./AggregatorV3Interface.sol";
import {IAssetShares} from "./IAssetShares.sol";

/// @title The price of one real-world asset, from proven appraisals.
/// @notice A surveyor (an issuer) attests facts about the ASSET, not about a person: the attestation's personId is
/// assetId(). Anybody may commission one: the subject is any wallet, which consents to this feed. A model's proven
/// answer on these facts becomes a round of the feed when anybody calls update(). What integrators may rely on:
/// - An attestation about another asset, chain or collection cannot price this one: personId must be assetId().
/// - `answer` is the full appraisal less the haircut, rounded down; `updatedAt` is when the surveyor saw the asset,
///   not when somebody sent it here, so a maximum price age means the age of facts. Rounds only move forward in time.
/// - An appraisal below or above the bounds is refused, not clamped: such a model answer or surveyor is broken.
/// - Shares that were opened with another feed have no price here: everything that prices reverts by name.
/// - latestRoundData reads no decision and no registry. After expiresAt() the answer falls linearly over decayPeriod
///   to `floorBps` of itself and stays there; it never reaches zero, so liquidation needs no appraisal.
/// - retract() ends an appraisal that the surveyor or the model's owner withdrew: its answer starts to fall at once,
///   and its age becomes the age of the chain, so that no market with a maximum price age lends on it. Until somebody
///   calls it, latestRoundData still answers, while freshAppraisal, by which buyouts pay, refuses at once.
/// - After a buyout (see IAssetShares) shares are a claim on `quoteToken`: the answer is the buyout's appraisal, less
///   the haircut as before, now.
/// - A market must set a maximum price age for NEW borrowing, at most the model's maximum age: then nobody borrows on
///   an expired appraisal. For liquidation it should set none: the decay takes its place.
/// - A market's creator, and whoever supplies to it, must check what a feed cannot see or choose: that the shares'
///   code is the genuine AssetShares, that `collection` is one that cannot move or double the asset, that surveyor,
///   model, unit, haircut and bounds are sane, and isSoundFor(collateral token, loan token): shares that name this
///   feed and settle in the market's loan token. A quote token that anybody mints buys the asset for nothing and leaves
///   worthless claims at a good price.
/// - The surveyor's administrator (see IIssuerRegistry) is trusted like the surveyor itself: the key it names as a
///   successor attests from followIssuer() on. When a surveyor retires without one, the last appraisal expires or is
///   retracted and the feed ends at its floor; 180 days later hasLapsed() opens the buyout of last resort.
interface IAppraisalFeed is AggregatorV3Interface {
    /// @notice What a feed is built from; nothing of it changes but the issuer, by followIssuer().
    struct Config {
        IAssetShares shares; // of the asset
        IERC20 quoteToken; // what they settle in: one of it is one unit of the feed's currency
        uint256 modelId; // a model that reveals one score
        address issuer; // the surveyor, to begin with
        uint64 unit; // currency units that 1 of the model's output stands for: 1000 for a price in thousands
        uint16 haircutBps; // taken off every appraisal, 10_000 = all of it
        uint16 floorBps; // of the answer: where an expired one stops falling; above zero
        uint32 decayPeriod; // seconds an expired answer takes to fall there
        uint128 minAppraisal; // bounds of a believable appraisal, in the feed's decimals
        uint128 maxAppraisal;
    }

    event Appraised(
        uint80 indexed roundId,
        address indexed subject,
        bytes32 attestationHash,
        uint256 appraisal,
        int256 answer,
        uint64 observedAt,
        uint64 expiresAt
    );
    event Retracted(uint80 indexed roundId, bytes32 attestationHash);
    event IssuerFollowed(address indexed issuer, address indexed successor);

    /// @notice `field` of the config is out of its bounds, or does not fit the model.
    error InvalidConfig(bytes32 field);
    /// @notice The shares settle in another token than the feed was built for.
    error QuoteTokenMismatch(address expected, address found);
    /// @notice The shares were opened with another feed: their buyouts cost what that one says.
    error SharesNameAnotherFeed(address expected, address found);
    error NoAppraisal();
    error RoundUnknown(uint80 roundId);
    error RoundRetracted(uint80 roundId);
    /// @notice The attestation is about something else.
    error WrongAsset(bytes32 expected, bytes32 found);
    /// @notice Not observed after the last accepted appraisal.
    error AppraisalNotNewer(uint64 lastObservedAt, uint64 observedAt);
    error AppraisalOutOfBounds(int256 appraisal, uint256 minimum, uint256 maximum);
    error AppraisalExpired(uint64 expiresAt);
    /// @notice Attestation, surveyor or model of the last appraisal no longer stands.
    error AppraisalWithdrawn(bytes32 attestationHash);
    /// @notice The shares no longer stand for the asset.
    error AssetNotLocked(IAssetShares.State state);
    /// @notice Surveyor, attestation and model of the last appraisal all still stand.
    error NotWithdrawn(bytes32 attestationHash);
    error AlreadyRetracted(uint80 roundId);
    error NoSuccessor(address issuer);

    /// @notice Take over the valid proven appraisal that `subject` commissioned. Anybody may call.
    /// @param subject The wallet of the attestation.
    /// @return roundId The new round.
    function update(address subject) external returns (uint80 roundId);

    /// @notice End the last appraisal because it was withdrawn: attestation revoked or overtaken by the surveyor's
    /// minimum sequence, surveyor suspended or retired, or model no longer active. Anybody may call, and it is final:
    /// afterwards only a newer appraisal counts, also when a suspended surveyor resumes. No withdrawal are mere expiry,
    /// a change of keys that keeps decisions (IIssuerRegistry's Superseded), or anything that a subject does.
    /// getRoundData refuses the round from then on. Rounds before the last are not looked at again.
    function retract() external;

    /// @notice Take the successor that the surveyor's administrator named in the registry as the surveyor. Anybody may
    /// call; of several successors in a row each is one call. Whether the last appraisal stands is still its signer's
    /// matter; the former key's appraisals that are not here yet no longer count.
    function followIssuer() external;

    /// @notice The last full appraisal, without haircut, for payments that must not be made at a wrong one. Asks the
    /// registries of issuers and models; reverts when it expired, was retracted, or could be.
    /// @return appraisal In the feed's decimals.
    function freshAppraisal() external view returns (uint256 appraisal);

    /// @notice First second at which the last appraisal no longer holds and its answer falls; zero without one.
    /// @return The time.
    function expiresAt() external view returns (uint64);

    /// @notice Whether there has been no usable appraisal for 180 days after a last one: the asset would be a hostage
    /// of its smallest shareholder (see IAssetShares.buyOut). False without any.
    /// @return True if so.
    function hasLapsed() external view returns (bool);

    /// @notice The highest full appraisal ever accepted, retracted ones included; zero without one.
    /// @return In the feed's decimals.
    function highestAppraisal() external view returns (uint256);

    /// @notice Whether a market may take these shares as collateral for this token, as far as this feed can tell: they
    /// are the ones it prices, locked, opened with this feed, and settle in the loan token. See the list above for what
    /// remains to be checked. A loan in another token of the same currency is a choice that this view does not approve.
    /// @param collateralToken The market's collateral.
    /// @param loanToken The market's loan token.
    /// @return True if so.
    function isSoundFor(address collateralToken, address loanToken) external view returns (bool);

    /// @notice What a surveyor's attestation must carry as personId: keccak256(abi.encode(
    /// keccak256("verdict/asset/v1"), chain id, collection, token id)).
    /// @return The id.
    function assetId() external view returns (bytes32);

    /// @notice The shares this feed prices.
    /// @return The shares.
    function shares() external view returns (IAssetShares);

    /// @notice What the shares settle in after a buyout.
    /// @return The token.
    function quoteToken() external view returns (IERC20);

    /// @notice The surveyor whose appraisals count now.
    /// @return The issuer.
    function issuer() external view returns (address);
}
