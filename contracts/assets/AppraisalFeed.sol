// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";
import {IAppraisalFeed} from "../interfaces/IAppraisalFeed.sol";
import {IAssetShares} from "../interfaces/IAssetShares.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {VerdictConsumer} from "../periphery/VerdictConsumer.sol";

/// @title The price of one real-world asset, from proven appraisals. See IAppraisalFeed.
/// @dev No owner. Reading the price touches this contract's storage and the shares only.
contract AppraisalFeed is IAppraisalFeed, VerdictConsumer {
    uint8 private constant DECIMALS = 8;
    uint256 private constant BPS = 10_000;
    /// @dev Age of a retracted round. Zero would call the round incomplete, which stops liquidation in some markets.
    uint64 private constant LONG_AGO = 1;
    uint256 private constant LAPSE = 180 days;

    struct Round {
        uint128 appraisal; // full, in the feed's decimals; never zero
        uint64 updatedAt; // when the facts held
    }

    /// @dev What only the last round needs.
    struct Latest {
        uint80 roundId;
        uint64 observedAt; // stays when the round is retracted, so that no older one follows
        uint64 expiresAt;
        address subject;
        uint64 sequence;
        bytes32 attestationHash;
        address issuer; // who attested it, whoever is followed now
    }

    IAssetShares public immutable shares;
    IERC20 public immutable quoteToken;
    uint256 public immutable modelId;
    bytes32 private immutable _schema;
    uint64 public immutable unit;
    uint16 public immutable haircutBps;
    uint16 public immutable floorBps;
    uint32 public immutable decayPeriod;
    uint128 public immutable minAppraisal;
    uint128 public immutable maxAppraisal;

    string public description;
    address public issuer;
    uint256 public highestAppraisal;

    mapping(uint80 roundId => Round round) private _rounds;
    Latest private _latest;

    /// @param registry_ Where appraisals are proven.
    /// @param config What the feed is about and how careful it is.
    /// @param description_ For people, such as "deed 7 / USD".
    constructor(
        IDecisionRegistry registry_,
        Config memory config,
        string memory description_
    ) VerdictConsumer(registry_) {
        IModelRegistry.Layout memory outputs = registry_.modelRegistry().layoutOf(config.modelId);
        _require(outputs.reveal == 0 && outputs.decimals.length == 1, "modelId"); // a score
        _require(address(config.shares).code.length != 0, "shares");
        _require(config.issuer != address(0), "issuer");
        _require(config.unit != 0, "unit");
        _require(config.haircutBps < BPS, "haircutBps");
        _require(config.floorBps != 0 && config.floorBps <= BPS, "floorBps");
        _require(config.decayPeriod != 0, "decayPeriod");
        // The smallest answer there can be is above zero: an appraisal at the bound, fully decayed. Rounded in the same
        // two steps as it will be.
        // slither-disable-next-line divide-before-multiply
        uint256 least = (((uint256(config.minAppraisal) * (BPS - config.haircutBps)) / BPS) * config.floorBps) / BPS;
        _require(least != 0, "minAppraisal");
        _require(config.minAppraisal <= config.maxAppraisal, "maxAppraisal");
        IERC20 settled = config.shares.quoteToken();
        if (settled != config.quoteToken) revert QuoteTokenMismatch(address(config.quoteToken), address(settled));
        shares = config.shares;
        quoteToken = config.quoteToken;
        modelId = config.modelId;
        issuer = config.issuer;
        _schema = outputs.schemaHash;
        unit = config.unit;
        haircutBps = config.haircutBps;
        floorBps = config.floorBps;
        decayPeriod = config.decayPeriod;
        minAppraisal = config.minAppraisal;
        maxAppraisal = config.maxAppraisal;
        description = description_;
    }

    /// @inheritdoc IAppraisalFeed
    function update(address subject) external returns (uint80 roundId) {
        IAssetShares.State state = _stateOfShares();
        if (state != IAssetShares.State.Empty && state != IAssetShares.State.Locked) revert AssetNotLocked(state);
        address attester = issuer;
        IDecisionRegistry.Decision memory decision = _decisionOf(modelId, attester, subject);
        if (decision.personId != assetId()) revert WrongAsset(assetId(), decision.personId);
        Latest storage latest = _latest;
        if (decision.observedAt <= latest.observedAt) {
            revert AppraisalNotNewer(latest.observedAt, decision.observedAt);
        }
        uint128 appraisal = _appraisalDown(decision.values[0], decision.decimals[0]);

        roundId = latest.roundId + 1;
        _latest = Latest({
            roundId: roundId,
            observedAt: decision.observedAt,
            expiresAt: decision.validUntil,
            subject: subject,
            sequence: decision.sequence,
            attestationHash: decision.attestationHash,
            issuer: attester
        });
        _rounds[roundId] = Round(appraisal, decision.observedAt);
        if (appraisal > highestAppraisal) highestAppraisal = appraisal;

        emit Appraised(
            roundId,
            subject,
            decision.attestationHash,
            appraisal,
            int256(_afterHaircutDown(appraisal)),
            decision.observedAt,
            decision.validUntil
        );
    }

    /// @inheritdoc IAppraisalFeed
    function retract() external {
        Latest storage latest = _latest;
        if (latest.roundId == 0) revert NoAppraisal();
        if (_rounds[latest.roundId].updatedAt == LONG_AGO) revert AlreadyRetracted(latest.roundId);
        if (!_isWithdrawn(latest)) revert NotWithdrawn(latest.attestationHash);

        latest.expiresAt = uint64(Math.min(latest.expiresAt, block.timestamp));
        _rounds[latest.roundId].updatedAt = LONG_AGO;

        emit Retracted(latest.roundId, latest.attestationHash);
    }

    /// @inheritdoc IAppraisalFeed
    function followIssuer() external {
        address former = issuer;
        address successor = decisionRegistry.issuerRegistry().successorOf(former);
        if (successor == address(0)) revert NoSuccessor(former);

        issuer = successor;

        emit IssuerFollowed(former, successor);
    }

    /// @inheritdoc AggregatorV3Interface
    function decimals() external pure returns (uint8) {
        return DECIMALS;
    }

    /// @inheritdoc AggregatorV3Interface
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc AggregatorV3Interface
    function getRoundData(
        uint80 roundId
    )
        external
        view
        returns (uint80 roundId_, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        _stateOfShares();
        Round memory round = _rounds[roundId];
        if (round.appraisal == 0) revert RoundUnknown(roundId);
        if (round.updatedAt == LONG_AGO) revert RoundRetracted(roundId);
        return (roundId, int256(_afterHaircutDown(round.appraisal)), round.updatedAt, round.updatedAt, roundId);
    }

    /// @inheritdoc AggregatorV3Interface
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        IAssetShares.State state = _stateOfShares();
        Latest memory latest = _latest;
        if (latest.roundId == 0) revert NoAppraisal();
        Round memory round = _rounds[latest.roundId];
        if (state == IAssetShares.State.Settled) {
            // Money, and how much is known: no age.
            answer = int256(_afterHaircutDown(shares.settledAppraisal()));
            return (latest.roundId, answer, round.updatedAt, block.timestamp, latest.roundId);
        }
        answer = int256(_decayedDown(_afterHaircutDown(round.appraisal), latest.expiresAt));
        return (latest.roundId, answer, round.updatedAt, round.updatedAt, latest.roundId);
    }

    /// @inheritdoc IAppraisalFeed
    function freshAppraisal() external view returns (uint256) {
        _stateOfShares();
        Latest memory latest = _latest;
        if (latest.roundId == 0) revert NoAppraisal();
        if (block.timestamp >= latest.expiresAt) revert AppraisalExpired(latest.expiresAt);
        if (_isWithdrawn(latest)) revert AppraisalWithdrawn(latest.attestationHash);
        return _rounds[latest.roundId].appraisal;
    }

    /// @inheritdoc IAppraisalFeed
    function hasLapsed() external view returns (bool) {
        return _latest.roundId != 0 && block.timestamp >= _latest.expiresAt + LAPSE;
    }

    /// @inheritdoc IAppraisalFeed
    function isSoundFor(address collateralToken, address loanToken) external view returns (bool) {
        return
            collateralToken == address(shares) &&
            loanToken == address(quoteToken) &&
            shares.state() == IAssetShares.State.Locked &&
            address(shares.feed()) == address(this);
    }

    /// @inheritdoc IAppraisalFeed
    function expiresAt() external view returns (uint64) {
        return _latest.expiresAt;
    }

    /// @inheritdoc IAppraisalFeed
    function assetId() public view returns (bytes32) {
        return
            keccak256(
                abi.encode(keccak256("verdict/asset/v1"), block.chainid, shares.collection(), shares.tokenId())
            );
    }

    /// @dev What the shares stand for; reverts when they settle by another feed, whose buyout could cost anything.
    function _stateOfShares() private view returns (IAssetShares.State state) {
        state = shares.state();
        if (state == IAssetShares.State.Empty) return state; // nothing is named yet, and there is nothing to price
        address named = address(shares.feed());
        if (named != address(this)) revert SharesNameAnotherFeed(address(this), named);
    }

    /// @dev Asked of the registries of issuers and models: a subject that stores a newer decision, or withdraws its
    /// consent, neither saves nor ends an appraisal that others borrowed on.
    function _isWithdrawn(Latest memory latest) private view returns (bool) {
        (IIssuerRegistry.IssuerStatus status, uint64 minimum, bool revoked) = decisionRegistry
            .issuerRegistry()
            .standingOf(latest.issuer, latest.subject, _schema, latest.attestationHash);
        return
            revoked ||
            latest.sequence < minimum ||
            // Superseded: a planned change of keys, after which what was attested still counts.
            (status != IIssuerRegistry.IssuerStatus.Active && status != IIssuerRegistry.IssuerStatus.Superseded) ||
            decisionRegistry.modelRegistry().statusOf(modelId) != IModelRegistry.ModelStatus.Active;
    }

    /// @dev A model's output in the feed's decimals; reverts outside the bounds.
    function _appraisalDown(int256 value, uint8 valueDecimals) private view returns (uint128) {
        // Outputs fit 64 bits and so does the unit: no overflow.
        int256 scaled = (value * int256(uint256(unit)) * int256(10 ** uint256(DECIMALS))) / int256(10 ** uint256(valueDecimals));
        if (scaled < int256(uint256(minAppraisal)) || scaled > int256(uint256(maxAppraisal))) {
            revert AppraisalOutOfBounds(scaled, minAppraisal, maxAppraisal);
        }
        return uint128(uint256(scaled));
    }

    function _require(bool holds, bytes32 field) private pure {
        if (!holds) revert InvalidConfig(field);
    }

    function _afterHaircutDown(uint256 appraisal) private view returns (uint256) {
        return (appraisal * (BPS - haircutBps)) / BPS;
    }

    /// @dev Full until `expiry`, then along a line to floorBps of it.
    function _decayedDown(uint256 answer, uint64 expiry) private view returns (uint256) {
        if (block.timestamp < expiry) return answer;
        uint256 elapsed = Math.min(block.timestamp - expiry, decayPeriod);
        uint256 lost = Math.mulDiv(answer * (BPS - floorBps), elapsed, BPS * decayPeriod, Math.Rounding.Ceil);
        return answer - lost;
    }
}
