// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAuditRegistry} from "../interfaces/IAuditRegistry.sol";
import {IERCZKMLRegistry} from "../interfaces/IERCZKMLRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Auditors' statements about models. No owner; see IAuditRegistry.
contract AuditRegistry is IAuditRegistry, EIP712 {
    struct Record {
        bytes32 evidenceHash;
        uint64 signedAt;
        bool withdrawn;
    }

    bytes32 private constant STATEMENT_TYPEHASH =
        keccak256(
            "Statement(address auditor,uint256 modelId,bytes32 vkHash,bytes32 circuitHash,bytes32 transcriptHash,"
            "bytes32 verifierCodeHash,bytes32 evidenceHash,uint64 signedAt)"
        );

    IModelRegistry public immutable modelRegistry;

    mapping(uint256 modelId => mapping(address auditor => Record record)) private _records;

    /// @param models Registry whose models are audited; never changes.
    constructor(IModelRegistry models) EIP712("Verdict Audit", "1") {
        if (address(models).code.length == 0) revert InvalidRegistry(address(models));
        modelRegistry = models;
    }

    /// @inheritdoc IAuditRegistry
    function state(Statement calldata statement, bytes calldata signature) external {
        if (statement.transcriptHash == 0) revert StatementForDevelopmentKey(statement.modelId);
        if (statement.signedAt > block.timestamp) revert StatementFromFuture(statement.signedAt);
        Record storage record = _records[statement.modelId][statement.auditor];
        if (statement.signedAt <= record.signedAt) revert StatementNotNewer(record.signedAt, statement.signedAt);
        _checkModel(statement);
        bytes32 digest = _hashTypedDataV4(hashStatement(statement));
        if (!Signatures.isValid(statement.auditor, digest, signature)) {
            revert InvalidAuditorSignature(statement.auditor);
        }

        record.evidenceHash = statement.evidenceHash;
        record.signedAt = statement.signedAt;
        record.withdrawn = false;
        emit ProductionStated(statement.auditor, statement.modelId, statement.evidenceHash, statement.signedAt);
    }

    /// @inheritdoc IAuditRegistry
    function withdraw(uint256 modelId) external {
        Record storage record = _records[modelId][msg.sender];
        record.withdrawn = true;
        // Whatever was signed up to now is void, or an older signature could be relayed after the withdrawal.
        record.signedAt = uint64(block.timestamp);
        emit ProductionWithdrawn(msg.sender, modelId);
    }

    /// @inheritdoc IAuditRegistry
    function isProduction(uint256 modelId, address auditor) external view returns (bool) {
        // What the statement named cannot have changed since: commitment and binding of a model never do.
        Record storage record = _records[modelId][auditor];
        if (record.signedAt == 0 || record.withdrawn) return false;
        return modelRegistry.statusOf(modelId) == IModelRegistry.ModelStatus.Active;
    }

    /// @inheritdoc IAuditRegistry
    function statementOf(
        uint256 modelId,
        address auditor
    ) external view returns (bytes32 evidenceHash, uint64 signedAt) {
        Record storage record = _records[modelId][auditor];
        if (!record.withdrawn) return (record.evidenceHash, record.signedAt);
    }

    /// @inheritdoc IAuditRegistry
    function hashStatement(Statement calldata statement) public pure returns (bytes32) {
        return keccak256(abi.encode(STATEMENT_TYPEHASH, statement));
    }

    /// @dev Revert unless the model is active and every hash in the statement is the registered one.
    function _checkModel(Statement calldata statement) private view {
        IModelRegistry.Binding memory binding = modelRegistry.bindingOf(statement.modelId);
        (IERCZKMLRegistry.ModelCommitment memory commitment, , ) = modelRegistry.getModel(statement.modelId);
        if (
            modelRegistry.statusOf(statement.modelId) != IModelRegistry.ModelStatus.Active ||
            commitment.vkHash != statement.vkHash ||
            commitment.circuitHash != statement.circuitHash ||
            binding.transcriptHash != statement.transcriptHash ||
            binding.codeHash != statement.verifierCodeHash
        ) revert StatementMismatch(statement.modelId);
    }
}
