// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title Decisions as entries: what is kept of one, how it is read, how its subject takes it back.
/// @dev Checking and verifying a submission is DecisionRegistry's.
abstract contract DecisionStore is IDecisionRegistry {
    using BitMaps for BitMaps.BitMap;

    /// @dev What is stored of a decision. Outputs fit 64 bits: the first, and mostly the only one, shares a slot with
    /// everything a consumer's read needs besides the two hashes; four of the others share one. An observation lies in
    /// the past, so 40 bits hold its time.
    struct Record {
        uint40 observedAt;
        uint64 validUntil; // zero: nothing stored
        uint64 sequence;
        int64 firstValue;
        uint16 otherCount; // a model has at most 1,024 outputs
        bool withdrawn;
        bytes32 personId;
        bytes32 attestationHash;
        uint176 consentNonce; // read by lifeOf alone, as are the two times behind it
        uint40 submittedAt;
        uint40 withdrawnAt;
        int64[] otherValues; // at least otherCount entries; what lies behind is left from an earlier decision
    }

    struct Accepted {
        uint64 sequence;
        bytes32 attestationHash; // zero: none accepted
    }

    IModelRegistry public immutable modelRegistry;
    IIssuerRegistry public immutable issuerRegistry;

    mapping(bytes32 key => Record record) private _records;
    mapping(address issuer => mapping(address subject => mapping(bytes32 schema => Accepted last))) internal _accepted;
    mapping(address subject => BitMaps.BitMap used) internal _consentNonces;

    constructor(IModelRegistry models, IIssuerRegistry issuers) {
        if (address(models).code.length == 0) revert InvalidRegistry(address(models));
        if (address(issuers).code.length == 0) revert InvalidRegistry(address(issuers));
        modelRegistry = models;
        issuerRegistry = issuers;
    }

    /// @inheritdoc IDecisionRegistry
    function invalidateConsentNonce(uint256 nonce) external {
        if (nonce > type(uint176).max) revert ConsentNonceTooLarge(nonce);
        if (_consentNonces[msg.sender].get(nonce)) revert ConsentNonceUsed(msg.sender, nonce);
        _consentNonces[msg.sender].set(nonce);
        emit ConsentNonceInvalidated(msg.sender, nonce);
    }

    /// @inheritdoc IDecisionRegistry
    function withdrawConsent(uint256 modelId, address issuer, address consumer) external {
        Record storage record = _record(modelId, issuer, msg.sender, consumer);
        if (record.validUntil == 0) revert DecisionMissing();
        bytes32 attestationHash = record.attestationHash;
        if (record.withdrawn) revert DecisionConsentWithdrawn(attestationHash);
        record.withdrawn = true;
        record.withdrawnAt = uint40(block.timestamp);
        emit ConsentWithdrawn(modelId, msg.sender, consumer, issuer, attestationHash);
    }

    /// @inheritdoc IDecisionRegistry
    function tryDecisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) public view returns (DecisionStatus status, Decision memory decision) {
        Record storage record = _record(modelId, issuer, subject, consumer);
        status = _statusOf(record, modelId, issuer, subject);
        if (status != DecisionStatus.Missing) decision = _decision(record, modelId, issuer);
    }

    /// @inheritdoc IDecisionRegistry
    function decisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Decision memory decision) {
        Record storage record = _record(modelId, issuer, subject, consumer);
        _requireValid(record, modelId, issuer, subject);
        return _decision(record, modelId, issuer);
    }

    /// @inheritdoc IDecisionRegistry
    function tryValueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (DecisionStatus status, Value memory value) {
        Record storage record = _record(modelId, issuer, subject, consumer);
        return (_statusOf(record, modelId, issuer, subject), _value(record));
    }

    /// @inheritdoc IDecisionRegistry
    function valueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Value memory value) {
        Record storage record = _record(modelId, issuer, subject, consumer);
        _requireValid(record, modelId, issuer, subject);
        return _value(record);
    }

    /// @inheritdoc IDecisionRegistry
    function lifeOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Life memory life) {
        Record storage record = _record(modelId, issuer, subject, consumer);
        (life.status, life.decision) = tryDecisionOf(modelId, issuer, subject, consumer);
        life.consentNonce = record.consentNonce;
        life.submittedAt = record.submittedAt;
        life.withdrawnAt = record.withdrawnAt;
        (life.modelStatus, life.schema) = modelRegistry.standingOf(modelId);
        life.modelSuccessor = modelRegistry.successorOf(modelId);
        (life.issuerStatus, life.minimumSequence, life.revoked) = issuerRegistry.standingOf(
            issuer,
            subject,
            life.schema,
            record.attestationHash
        );
        life.issuerSuccessor = issuerRegistry.successorOf(issuer);
        Accepted storage last = _accepted[issuer][subject][life.schema];
        life.lastSequence = last.sequence;
        life.superseded = life.status != DecisionStatus.Missing && last.attestationHash != record.attestationHash;
    }

    /// @inheritdoc IDecisionRegistry
    function isConsentNonceUsed(address subject, uint256 nonce) external view returns (bool) {
        return _consentNonces[subject].get(nonce);
    }

    /// @inheritdoc IDecisionRegistry
    function lastAcceptedOf(
        address issuer,
        address subject,
        bytes32 schema
    ) external view returns (uint64 sequence, bytes32 attestationHash) {
        Accepted storage last = _accepted[issuer][subject][schema];
        return (last.sequence, last.attestationHash);
    }

    /// @dev Use up the consent, remember the attestation, write the decision over the one before. The caller checked
    /// all of it: `values` fit 64 bits and are as many as the model's outputs, the nonce fits, nothing lies ahead.
    function _store(
        Attestation calldata attestation,
        Consent calldata consent,
        bytes32 attestationHash,
        uint64 validUntil,
        int256[] memory values
    ) internal {
        _consentNonces[attestation.subject].set(consent.nonce);
        _accepted[attestation.issuer][attestation.subject][attestation.schema] = Accepted(
            attestation.sequence,
            attestationHash
        );
        Record storage record = _record(consent.modelId, attestation.issuer, attestation.subject, consent.consumer);
        uint256 others = values.length - 1;
        record.observedAt = uint40(attestation.observedAt);
        record.validUntil = validUntil;
        record.sequence = attestation.sequence;
        record.firstValue = int64(values[0]);
        record.otherCount = uint16(others);
        record.withdrawn = false;
        record.personId = attestation.personId;
        record.attestationHash = attestationHash;
        record.consentNonce = uint176(consent.nonce);
        record.submittedAt = uint40(block.timestamp);
        record.withdrawnAt = 0;
        if (others == 0) return; // most models have one output, and then the array is not even looked at
        int64[] memory rest = new int64[](others);
        for (uint256 i = 0; i < others; ++i) {
            rest[i] = int64(values[i + 1]);
        }
        record.otherValues = rest;
    }

    /// @dev Whether the subject withdrew the consent behind what is stored, and that rests on this very attestation. An
    /// earlier withdrawn one needs no memory: whatever was stored over it has a higher sequence.
    function _isWithdrawn(
        Attestation calldata attestation,
        bytes32 attestationHash,
        Consent calldata consent
    ) internal view returns (bool) {
        Record storage record = _record(consent.modelId, attestation.issuer, attestation.subject, consent.consumer);
        return record.withdrawn && record.attestationHash == attestationHash;
    }

    /// @dev The decision under a key. Nothing is stored under a zero validUntil.
    function _record(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) private view returns (Record storage) {
        return _records[keccak256(abi.encode(modelId, issuer, subject, consumer))];
    }

    function _value(Record storage record) private view returns (Value memory) {
        return
            Value({
                value: record.firstValue,
                personId: record.personId,
                observedAt: record.observedAt,
                validUntil: record.validUntil
            });
    }

    function _decision(
        Record storage record,
        uint256 modelId,
        address issuer
    ) private view returns (Decision memory decision) {
        uint256 others = record.otherCount;
        int256[] memory values = new int256[](others + 1);
        values[0] = record.firstValue;
        for (uint256 i = 0; i < others; ++i) {
            values[i + 1] = record.otherValues[i];
        }
        (, , , uint8[] memory decimals) = modelRegistry.termsOf(modelId);
        return
            Decision({
                values: values,
                decimals: decimals,
                issuer: issuer,
                personId: record.personId,
                attestationHash: record.attestationHash,
                observedAt: record.observedAt,
                validUntil: record.validUntil,
                sequence: record.sequence
            });
    }

    /// @dev Whether a record counts now, and if not the gravest reason.
    function _statusOf(
        Record storage record,
        uint256 modelId,
        address issuer,
        address subject
    ) private view returns (DecisionStatus) {
        uint64 validUntil = record.validUntil;
        if (validUntil == 0) return DecisionStatus.Missing;
        (IModelRegistry.ModelStatus modelStatus, bytes32 schema) = modelRegistry.standingOf(modelId);
        if (modelStatus == IModelRegistry.ModelStatus.Frozen) return DecisionStatus.ModelFrozen;
        if (modelStatus != IModelRegistry.ModelStatus.Active) return DecisionStatus.ModelDeprecated;
        (IIssuerRegistry.IssuerStatus issuerStatus, uint64 minimum, bool revoked) = issuerRegistry.standingOf(
            issuer,
            subject,
            schema,
            record.attestationHash
        );
        if (
            issuerStatus != IIssuerRegistry.IssuerStatus.Active &&
            issuerStatus != IIssuerRegistry.IssuerStatus.Superseded
        ) return DecisionStatus.IssuerInactive;
        if (revoked || record.sequence < minimum) return DecisionStatus.Revoked;
        if (record.withdrawn) return DecisionStatus.ConsentWithdrawn;
        if (block.timestamp >= validUntil) return DecisionStatus.Expired;
        return DecisionStatus.Valid;
    }

    function _requireValid(Record storage record, uint256 modelId, address issuer, address subject) private view {
        DecisionStatus status = _statusOf(record, modelId, issuer, subject);
        if (status == DecisionStatus.Valid) return;
        if (status == DecisionStatus.Missing) revert DecisionMissing();
        if (status == DecisionStatus.ModelFrozen) revert DecisionModelFrozen(modelId);
        if (status == DecisionStatus.ModelDeprecated) revert DecisionModelDeprecated(modelId);
        if (status == DecisionStatus.IssuerInactive) revert DecisionIssuerInactive(issuer);
        if (status == DecisionStatus.Revoked) revert DecisionRevoked(record.attestationHash);
        if (status == DecisionStatus.ConsentWithdrawn) revert DecisionConsentWithdrawn(record.attestationHash);
        revert DecisionExpired(record.validUntil);
    }
}
