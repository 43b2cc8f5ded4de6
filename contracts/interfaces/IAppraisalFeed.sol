// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

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
/// - latestRoundData reads no decision and no registry. After expiresAt() the answer falls linearly over decayPeriod
///   to `floorBps` of itself and stays there; it never reaches zero, so liquidation needs no appraisal.
/// - retract() ends an appraisal that the surveyor or the model's owner withdrew: its answer starts to fall at once,
///   and its age becomes the age of the chain, so that no market with a maximum price age lends on it.
/// - After a buyout (see IAssetShares) shares are a claim on money: the answer is the buyout's full appraisal, now.
/// - A market must set a maximum price age for NEW borrowing, at most the model's maximum age: then nobody borrows on
///   an expired appraisal. For liquidation it should set none: the decay takes its place.
/// - The surveyor's address never changes. One whose keys rotate is a contract account (ERC-1271); when it retires, the
///   last appraisal expires or is retracted and the feed ends at its floor.
interface IAppraisalFeed is AggregatorV3Interface {
    /// @notice What a feed is built from; never changes.
    struct Config {
        IAssetShares shares; // of the asset
        uint256 modelId; // a model that reveals one score
        address issuer; // the surveyor
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

    error InvalidConfig();
    error NoAppraisal();
    error RoundUnknown(uint80 roundId);
    /// @notice The attestation is about something else.
    error WrongAsset(bytes32 expected, bytes32 found);
    /// @notice Not observed after the last accepted appraisal.
    error AppraisalNotNewer(uint64 lastObservedAt, uint64 observedAt);
    error AppraisalOutOfBounds(int256 appraisal, uint256 minimum, uint256 maximum);
    error AppraisalExpired(uint64 expiresAt);
    /// @notice The shares no longer stand for the asset.
    error AssetNotLocked(IAssetShares.State state);
    /// @notice Surveyor, attestation and model of the last appraisal all still stand.
    error NotWithdrawn(bytes32 attestationHash);
    error AlreadyRetracted(uint80 roundId);

    /// @notice Take over the valid proven appraisal that `subject` commissioned. Anybody may call.
    /// @param subject The wallet of the attestation.
    /// @return roundId The new round.
    function update(address subject) external returns (uint80 roundId);

    /// @notice End the last appraisal because it was withdrawn: attestation revoked or overtaken by the surveyor's
    /// minimum sequence, surveyor suspended or retired, or model no longer active. Anybody may call, and it is final:
    /// afterwards only a newer appraisal counts. Mere expiry is no withdrawal, and a subject cannot withdraw one.
    function retract() external;

    /// @notice The last full appraisal, without haircut. Reverts when it expired or was retracted.
    /// @return appraisal In the feed's decimals.
    function freshAppraisal() external view returns (uint256 appraisal);

    /// @notice First second at which the last appraisal no longer holds and its answer falls; zero without one.
    /// @return The time.
    function expiresAt() external view returns (uint64);

    /// @notice What a surveyor's attestation must carry as personId: keccak256(abi.encode(
    /// keccak256("verdict/asset/v1"), chain id, collection, token id)).
    /// @return The id.
    function assetId() external view returns (bytes32);

    /// @notice The shares this feed prices.
    /// @return The shares.
    function shares() external view returns (IAssetShares);
}
