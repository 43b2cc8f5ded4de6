// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "./IModelRegistry.sol";

/// @title Auditors' signed statements that a model is fit for production.
/// @notice A key's state is a fact about its ceremony that no contract can check. An auditor replays the transcript,
/// rebuilds circuit and verifier from the model, and signs what was found. The registry has no owner and ranks nobody:
/// a consumer chooses the auditors it trusts, and a statement speaks for its auditor alone.
/// @dev A statement names what was audited by hashes. It counts only while the model is active and the registry holds
/// exactly those hashes, and never for a development key (transcriptHash zero).
interface IAuditRegistry {
    /// @notice What an auditor signs (EIP-712, domain "Verdict Audit" version "1" of this contract).
    struct Statement {
        address auditor;
        uint256 modelId;
        bytes32 vkHash; // verifying key that was rebuilt
        bytes32 circuitHash; // circuit that was rebuilt
        bytes32 transcriptHash; // ceremony that was replayed; not zero
        bytes32 verifierCodeHash; // code of the verifier that was reproduced
        bytes32 evidenceHash; // of the auditor's report
        uint64 signedAt; // Unix seconds; a later statement replaces an earlier one
    }

    event ProductionStated(address indexed auditor, uint256 indexed modelId, bytes32 evidenceHash, uint64 signedAt);
    event ProductionWithdrawn(address indexed auditor, uint256 indexed modelId);

    error InvalidRegistry(address registry);
    error InvalidAuditorSignature(address auditor);
    error StatementMismatch(uint256 modelId);
    error StatementForDevelopmentKey(uint256 modelId);
    error StatementNotNewer(uint64 current, uint64 signedAt);
    error StatementFromFuture(uint64 signedAt);

    /// @notice Record a statement. Anybody may relay it.
    /// @param statement What the auditor found.
    /// @param signature The auditor's, over the statement: ECDSA, or ERC-1271 asked with up to 400,000 gas.
    function state(Statement calldata statement, bytes calldata signature) external;

    /// @notice Withdraw the caller's statement about a model, relayed or not: what was signed until now never counts.
    /// @param modelId Id of the model.
    function withdraw(uint256 modelId) external;

    /// @notice Whether `auditor` states, and has not withdrawn, that the model as registered now is in production.
    /// @param modelId Id of the model.
    /// @param auditor The auditor.
    /// @return True while the statement counts.
    function isProduction(uint256 modelId, address auditor) external view returns (bool);

    /// @notice The hash of the auditor's report and when it was signed; zeros if there is no statement.
    /// @param modelId Id of the model.
    /// @param auditor The auditor.
    /// @return evidenceHash Hash of the report.
    /// @return signedAt When it was signed, Unix seconds.
    function statementOf(
        uint256 modelId,
        address auditor
    ) external view returns (bytes32 evidenceHash, uint64 signedAt);

    /// @notice EIP-712 struct hash of a statement.
    /// @param statement What the auditor found.
    /// @return The struct hash.
    function hashStatement(Statement calldata statement) external pure returns (bytes32);

    /// @notice Where models are registered.
    /// @return The registry.
    function modelRegistry() external view returns (IModelRegistry);
}
