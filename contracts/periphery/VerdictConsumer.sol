// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";

/// @title Base of a contract that acts on proven decisions.
/// @notice Reads only decisions whose subjects consented to this very contract. Inherit it, pick the models and the
/// issuers you accept, and read in the transaction that acts:
///
///     IDecisionRegistry.Decision memory decision = _decisionOf(modelId, issuer, msg.sender);
///
/// What stays yours: which models (by id) and issuers (by address) to accept, what a value means (the model's layout:
/// polarity, reveal, thresholds), and counting exposure by (issuer, personId).
abstract contract VerdictConsumer {
    /// @notice Where decisions are read.
    IDecisionRegistry public immutable decisionRegistry;

    error InvalidDecisionRegistry(address decisionRegistry);

    constructor(IDecisionRegistry registry_) {
        if (address(registry_).code.length == 0) revert InvalidDecisionRegistry(address(registry_));
        decisionRegistry = registry_;
    }

    /// @dev The valid decision about `subject` for this contract; reverts with the registry's reason otherwise.
    function _decisionOf(
        uint256 modelId,
        address issuer,
        address subject
    ) internal view returns (IDecisionRegistry.Decision memory) {
        return decisionRegistry.decisionOf(modelId, issuer, subject, address(this));
    }

    /// @dev The first output (of a tier model the tier), whose it is and its times, if the decision is valid; reverts with
    /// the registry's reason otherwise. What a loan needs, for about two thirds of _decisionOf's gas.
    function _valueOf(
        uint256 modelId,
        address issuer,
        address subject
    ) internal view returns (IDecisionRegistry.Value memory) {
        return decisionRegistry.valueOf(modelId, issuer, subject, address(this));
    }

    /// @dev The same without reverting; use the value only when the status is Valid.
    function _tryValueOf(
        uint256 modelId,
        address issuer,
        address subject
    ) internal view returns (IDecisionRegistry.DecisionStatus, IDecisionRegistry.Value memory) {
        return decisionRegistry.tryValueOf(modelId, issuer, subject, address(this));
    }

    /// @dev The decision without reverting; use the decision only when the status is Valid.
    function _tryDecisionOf(
        uint256 modelId,
        address issuer,
        address subject
    ) internal view returns (IDecisionRegistry.DecisionStatus, IDecisionRegistry.Decision memory) {
        return decisionRegistry.tryDecisionOf(modelId, issuer, subject, address(this));
    }
}
