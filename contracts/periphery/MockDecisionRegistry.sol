// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {LayoutLib} from "../libraries/LayoutLib.sol";

/// @title A decision registry to test your own contracts with: what you set is what they read.
/// @notice Answers the four reads of IDecisionRegistry, with its statuses and its errors, and expires decisions by
/// itself. Anybody sets anything: never use it where something is at stake. In a test:
///
///     MockDecisionRegistry registry = new MockDecisionRegistry();
///     Lender lender = new Lender(IDecisionRegistry(address(registry)), modelId, issuer);
///     registry.decide(modelId, issuer, alice, address(lender), 2, keccak256("alice"), 30 days);
///     registry.setStatus(modelId, issuer, alice, address(lender), IDecisionRegistry.DecisionStatus.Revoked);
///
/// A contract that asks what a model's outputs mean (a gate, a market, a vault) is told by `setTiers`. Every issuer is
/// active. Of the registries of models and issuers there is that much and no more.
contract MockDecisionRegistry {
    struct Entry {
        IDecisionRegistry.DecisionStatus status;
        IDecisionRegistry.Decision decision;
    }

    /// @notice A decision without a value, or not as many decimals as values: no model gives one.
    error DecisionWithoutValues(uint256 values, uint256 decimals);

    mapping(bytes32 key => Entry entry) private _entries;
    mapping(uint256 modelId => uint8 count) private _tiers;
    uint256 private _decided;

    /// @notice Let a model be known as one of `count` tiers, the higher the better; zero forgets it.
    function setTiers(uint256 modelId, uint8 count) external {
        _tiers[modelId] = count;
    }

    /// @notice Store a decision with one output without decimals, observed now and valid for `life` seconds; for ever if
    /// they lead beyond time. Each is under an attestation of its own.
    function decide(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer,
        int256 value,
        bytes32 personId,
        uint64 life
    ) external {
        IDecisionRegistry.Decision memory decision;
        decision.values = new int256[](1);
        decision.values[0] = value;
        decision.decimals = new uint8[](1);
        decision.issuer = issuer;
        decision.personId = personId;
        decision.attestationHash = keccak256(abi.encode(modelId, issuer, subject, personId, ++_decided));
        decision.observedAt = uint64(block.timestamp);
        decision.validUntil = life < type(uint64).max - block.timestamp ? uint64(block.timestamp) + life : type(uint64).max;
        decision.sequence = 1;
        setDecision(modelId, subject, consumer, decision);
    }

    /// @notice Store any decision; it is valid until its validUntil.
    function setDecision(
        uint256 modelId,
        address subject,
        address consumer,
        IDecisionRegistry.Decision memory decision
    ) public {
        uint256 count = decision.values.length;
        if (count == 0 || decision.decimals.length != count) {
            revert DecisionWithoutValues(count, decision.decimals.length);
        }
        Entry storage entry = _entries[_key(modelId, decision.issuer, subject, consumer)];
        entry.status = IDecisionRegistry.DecisionStatus.Valid;
        entry.decision = decision;
    }

    /// @notice Let a stored decision read as withdrawn for some reason, or as valid again; reverts with
    /// DecisionMissing if none was ever stored.
    function setStatus(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer,
        IDecisionRegistry.DecisionStatus status
    ) external {
        Entry storage entry = _entries[_key(modelId, issuer, subject, consumer)];
        if (entry.decision.values.length == 0) revert IDecisionRegistry.DecisionMissing();
        entry.status = status;
    }

    /// @notice As IDecisionRegistry's.
    function tryDecisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) public view returns (IDecisionRegistry.DecisionStatus status, IDecisionRegistry.Decision memory decision) {
        Entry storage entry = _entries[_key(modelId, issuer, subject, consumer)];
        status = entry.status;
        if (status == IDecisionRegistry.DecisionStatus.Missing) return (status, decision);
        decision = entry.decision;
        if (status == IDecisionRegistry.DecisionStatus.Valid && block.timestamp >= decision.validUntil) {
            status = IDecisionRegistry.DecisionStatus.Expired;
        }
    }

    /// @notice As IDecisionRegistry's.
    function decisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) public view returns (IDecisionRegistry.Decision memory decision) {
        IDecisionRegistry.DecisionStatus status;
        (status, decision) = tryDecisionOf(modelId, issuer, subject, consumer);
        if (status == IDecisionRegistry.DecisionStatus.Valid) return decision;
        if (status == IDecisionRegistry.DecisionStatus.Missing) revert IDecisionRegistry.DecisionMissing();
        if (status == IDecisionRegistry.DecisionStatus.ModelFrozen) {
            revert IDecisionRegistry.DecisionModelFrozen(modelId);
        }
        if (status == IDecisionRegistry.DecisionStatus.ModelDeprecated) {
            revert IDecisionRegistry.DecisionModelDeprecated(modelId);
        }
        if (status == IDecisionRegistry.DecisionStatus.IssuerInactive) {
            revert IDecisionRegistry.DecisionIssuerInactive(issuer);
        }
        if (status == IDecisionRegistry.DecisionStatus.Revoked) {
            revert IDecisionRegistry.DecisionRevoked(decision.attestationHash);
        }
        if (status == IDecisionRegistry.DecisionStatus.ConsentWithdrawn) {
            revert IDecisionRegistry.DecisionConsentWithdrawn(decision.attestationHash);
        }
        revert IDecisionRegistry.DecisionExpired(decision.validUntil);
    }

    /// @notice As IDecisionRegistry's.
    function tryValueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (IDecisionRegistry.DecisionStatus status, IDecisionRegistry.Value memory value) {
        IDecisionRegistry.Decision memory decision;
        (status, decision) = tryDecisionOf(modelId, issuer, subject, consumer);
        if (status != IDecisionRegistry.DecisionStatus.Missing) value = _value(decision);
    }

    /// @notice As IDecisionRegistry's.
    function valueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (IDecisionRegistry.Value memory) {
        return _value(decisionOf(modelId, issuer, subject, consumer));
    }

    /// @notice As IDecisionRegistry's: this contract itself, which answers statusOf and layoutOf.
    function modelRegistry() external view returns (IModelRegistry) {
        return IModelRegistry(address(this));
    }

    /// @notice As IDecisionRegistry's: this contract itself, which answers statusOf.
    function issuerRegistry() external view returns (IIssuerRegistry) {
        return IIssuerRegistry(address(this));
    }

    /// @notice As IModelRegistry's: active once its tiers are set.
    function statusOf(uint256 modelId) external view returns (IModelRegistry.ModelStatus) {
        return _tiers[modelId] == 0 ? IModelRegistry.ModelStatus.Unknown : IModelRegistry.ModelStatus.Active;
    }

    /// @notice As IIssuerRegistry's: active, but for nobody.
    function statusOf(address issuer) external pure returns (IIssuerRegistry.IssuerStatus) {
        return issuer == address(0) ? IIssuerRegistry.IssuerStatus.Unknown : IIssuerRegistry.IssuerStatus.Active;
    }

    /// @notice As IModelRegistry's: one output of as many tiers as were set.
    function layoutOf(uint256 modelId) external view returns (IModelRegistry.Layout memory layout) {
        uint256 count = _tiers[modelId];
        if (count == 0) return layout;
        layout.schemaHash = keccak256(abi.encode(modelId));
        layout.decimals = new uint8[](1);
        layout.polarity = LayoutLib.POLARITY_HIGHER;
        layout.reveal = LayoutLib.REVEAL_TIER;
        layout.thresholds = new int256[](count - 1);
        for (uint256 i = 0; i + 1 < count; ++i) {
            layout.thresholds[i] = int256(i + 1);
        }
    }

    function _value(
        IDecisionRegistry.Decision memory decision
    ) private pure returns (IDecisionRegistry.Value memory) {
        return
            IDecisionRegistry.Value(
                decision.values[0],
                decision.personId,
                decision.observedAt,
                decision.validUntil
            );
    }

    function _key(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) private pure returns (bytes32) {
        return keccak256(abi.encode(modelId, issuer, subject, consumer));
    }
}
