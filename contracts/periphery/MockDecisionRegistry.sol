// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";

/// @title A decision registry to test your own contracts with: what you set is what they read.
/// @notice Answers the four reads of IDecisionRegistry, with its statuses and its errors, and expires decisions by
/// itself. Anybody sets anything: never use it where something is at stake. In a test:
///
///     MockDecisionRegistry registry = new MockDecisionRegistry();
///     Lender lender = new Lender(IDecisionRegistry(address(registry)), modelId, issuer);
///     registry.decide(modelId, issuer, alice, address(lender), 2, keccak256("alice"), 30 days);
///     registry.setStatus(modelId, issuer, alice, address(lender), IDecisionRegistry.DecisionStatus.Revoked);
contract MockDecisionRegistry {
    struct Entry {
        IDecisionRegistry.DecisionStatus status;
        IDecisionRegistry.Decision decision;
    }

    mapping(bytes32 key => Entry entry) private _entries;

    /// @notice Store a decision with one output without decimals, observed now and valid for `life` seconds.
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
        decision.attestationHash = keccak256(abi.encode(modelId, issuer, subject, personId, block.timestamp));
        decision.observedAt = uint64(block.timestamp);
        decision.validUntil = uint64(block.timestamp) + life;
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
        Entry storage entry = _entries[_key(modelId, decision.issuer, subject, consumer)];
        entry.status = IDecisionRegistry.DecisionStatus.Valid;
        entry.decision = decision;
    }

    /// @notice Let a stored decision read as withdrawn for some reason, or as valid again.
    function setStatus(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer,
        IDecisionRegistry.DecisionStatus status
    ) external {
        _entries[_key(modelId, issuer, subject, consumer)].status = status;
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
