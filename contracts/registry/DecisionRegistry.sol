// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {IERCZKMLRegistry} from "../interfaces/IERCZKMLRegistry.sol";
import {IERCZKMLVerifier} from "../interfaces/IERCZKMLVerifier.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {DecisionHash} from "../libraries/DecisionHash.sol";
import {OutputCodec} from "../libraries/OutputCodec.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {VerifierCall} from "../libraries/VerifierCall.sol";

/// @title Proven decisions: submitted once, read by consumers. No owner; see IDecisionRegistry.
contract DecisionRegistry is IDecisionRegistry, EIP712 {
    using BitMaps for BitMaps.BitMap;

    /// @dev What is stored of a decision. Outputs fit 64 bits: the first, and mostly the only one, shares a slot with
    /// the times; four of the others share one.
    struct Record {
        uint64 observedAt;
        uint64 validUntil; // zero: nothing stored
        uint64 sequence;
        int64 firstValue;
        bytes32 personId;
        bytes32 attestationHash;
        int64[] otherValues;
    }

    struct Accepted {
        uint64 sequence;
        bytes32 attestationHash; // zero: none accepted
    }

    IModelRegistry public immutable modelRegistry;
    IIssuerRegistry public immutable issuerRegistry;

    mapping(bytes32 key => Record record) private _records;
    mapping(address issuer => mapping(address subject => mapping(bytes32 schema => Accepted last))) private _accepted;
    mapping(address subject => BitMaps.BitMap used) private _consentNonces;

    /// @param models Registry whose models decide; never changes.
    /// @param issuers Registry of who attests; never changes.
    constructor(IModelRegistry models, IIssuerRegistry issuers) EIP712("Verdict", "1") {
        if (address(models).code.length == 0) revert InvalidRegistry(address(models));
        if (address(issuers).code.length == 0) revert InvalidRegistry(address(issuers));
        modelRegistry = models;
        issuerRegistry = issuers;
    }

    /// @inheritdoc IDecisionRegistry
    function submit(
        Attestation calldata attestation,
        bytes calldata issuerSignature,
        Consent calldata consent,
        bytes calldata subjectSignature,
        bytes calldata output,
        bytes calldata proof
    ) external {
        if (proof.length != VerifierCall.PROOF_BYTES) revert MalformedProofLength(proof.length);
        bytes32 attestationHash = DecisionHash.hash(attestation);
        _checkConsent(consent, attestation.subject, attestationHash);
        (uint256 outputCount, uint64 validUntil) = _checkFacts(attestation, consent.modelId);
        _checkStanding(attestation, attestationHash);
        if (!Signatures.isValid(attestation.issuer, _hashTypedDataV4(attestationHash), issuerSignature)) {
            revert InvalidIssuerSignature(attestation.issuer);
        }
        bytes32 consentDigest = _hashTypedDataV4(DecisionHash.hash(consent));
        if (!Signatures.isValid(attestation.subject, consentDigest, subjectSignature)) {
            revert InvalidSubjectSignature(attestation.subject);
        }
        int256[] memory values = OutputCodec.decode(output, outputCount);

        // State before the call that may still revert everything: nothing can re-enter with this consent.
        _store(attestation, consent, attestationHash, validUntil, values);
        emit DecisionStored(
            consent.modelId,
            attestation.subject,
            consent.consumer,
            attestation.issuer,
            attestation.personId,
            attestationHash,
            values,
            attestation.observedAt,
            validUntil,
            attestation.sequence
        );

        modelRegistry.verifyInference(
            consent.modelId,
            attestation.inputCommitment,
            output,
            abi.encodePacked(proof, contextOf(consent.modelId, attestationHash, consent.nonce))
        );
    }

    /// @inheritdoc IDecisionRegistry
    function invalidateConsentNonce(uint256 nonce) external {
        if (_consentNonces[msg.sender].get(nonce)) revert ConsentNonceUsed(msg.sender, nonce);
        _consentNonces[msg.sender].set(nonce);
        emit ConsentNonceInvalidated(msg.sender, nonce);
    }

    /// @inheritdoc IDecisionRegistry
    function tryDecisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) public view returns (DecisionStatus status, Decision memory decision) {
        Record storage record = _records[_key(modelId, issuer, subject, consumer)];
        if (record.validUntil == 0) return (DecisionStatus.Missing, decision);
        (IModelRegistry.ModelStatus modelStatus, bytes32 schema, , uint8[] memory decimals) = modelRegistry.termsOf(
            modelId
        );
        decision = _decision(record, issuer, decimals);
        status = _statusOf(decision, modelStatus, subject, schema);
    }

    /// @inheritdoc IDecisionRegistry
    function decisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Decision memory decision) {
        DecisionStatus status;
        (status, decision) = tryDecisionOf(modelId, issuer, subject, consumer);
        if (status == DecisionStatus.Valid) return decision;
        if (status == DecisionStatus.Missing) revert DecisionMissing();
        if (status == DecisionStatus.ModelDeprecated) revert DecisionModelDeprecated(modelId);
        if (status == DecisionStatus.IssuerInactive) revert DecisionIssuerInactive(issuer);
        if (status == DecisionStatus.Revoked) revert DecisionRevoked(decision.attestationHash);
        revert DecisionExpired(decision.validUntil);
    }

    /// @inheritdoc IDecisionRegistry
    function contextOf(uint256 modelId, bytes32 attestationHash, uint256 consentNonce) public view returns (uint256) {
        return DecisionHash.context(address(this), modelId, attestationHash, consentNonce);
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

    /// @inheritdoc IDecisionRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IDecisionRegistry
    function hashAttestation(Attestation calldata attestation) external pure returns (bytes32) {
        return DecisionHash.hash(attestation);
    }

    /// @inheritdoc IDecisionRegistry
    function hashConsent(Consent calldata consent) external pure returns (bytes32) {
        return DecisionHash.hash(consent);
    }

    /// @dev Revert unless the consent is open, unused and about this attestation.
    function _checkConsent(Consent calldata consent, address subject, bytes32 attestationHash) private view {
        if (consent.attestationHash != attestationHash) {
            revert ConsentMismatch(consent.attestationHash, attestationHash);
        }
        if (block.timestamp > consent.deadline) revert ConsentExpired(consent.deadline);
        if (_consentNonces[subject].get(consent.nonce)) revert ConsentNonceUsed(subject, consent.nonce);
    }

    /// @dev Revert unless the model is active, over the attested schema, and the facts are fresh enough for it.
    /// @return outputCount The model's number of outputs.
    /// @return validUntil First second at which the decision no longer counts; above the present time.
    function _checkFacts(
        Attestation calldata attestation,
        uint256 modelId
    ) private view returns (uint256 outputCount, uint64 validUntil) {
        (IModelRegistry.ModelStatus status, bytes32 schema, uint64 maxAge, uint8[] memory decimals) = modelRegistry
            .termsOf(modelId);
        if (status == IModelRegistry.ModelStatus.Unknown) revert IERCZKMLRegistry.ModelNotFound(modelId);
        if (status == IModelRegistry.ModelStatus.Pending) revert IModelRegistry.ModelPending(modelId);
        if (status == IModelRegistry.ModelStatus.Deprecated) {
            revert IERCZKMLVerifier.VerificationRefused_ModelDeprecated(modelId);
        }
        if (attestation.schema != schema) revert SchemaMismatch(schema, attestation.schema);
        if (attestation.observedAt > block.timestamp) revert AttestationFromFuture(attestation.observedAt);
        if (attestation.expiresAt <= block.timestamp) revert AttestationExpired(attestation.expiresAt);
        uint256 tooOldAt = uint256(attestation.observedAt) + maxAge;
        if (tooOldAt <= block.timestamp) revert AttestationTooOld(attestation.observedAt, maxAge);
        outputCount = decimals.length;
        validUntil = uint64(Math.min(attestation.expiresAt, tooOldAt));
    }

    /// @dev Revert unless the issuer is active and neither it nor a newer attestation has overtaken this one.
    function _checkStanding(Attestation calldata attestation, bytes32 attestationHash) private view {
        (IIssuerRegistry.IssuerStatus status, uint64 minimum, bool revoked) = issuerRegistry.standingOf(
            attestation.issuer,
            attestation.subject,
            attestation.schema,
            attestationHash
        );
        if (status == IIssuerRegistry.IssuerStatus.Unknown) revert UnknownIssuer(attestation.issuer);
        if (status != IIssuerRegistry.IssuerStatus.Active) revert IssuerNotActive(attestation.issuer);
        if (revoked) revert AttestationIsRevoked(attestationHash);
        if (attestation.sequence < minimum) revert StaleSequence(minimum, attestation.sequence);
        Accepted storage last = _accepted[attestation.issuer][attestation.subject][attestation.schema];
        if (last.attestationHash == 0 || last.attestationHash == attestationHash) return;
        if (attestation.sequence <= last.sequence) revert StaleSequence(last.sequence, attestation.sequence);
    }

    function _store(
        Attestation calldata attestation,
        Consent calldata consent,
        bytes32 attestationHash,
        uint64 validUntil,
        int256[] memory values
    ) private {
        _consentNonces[attestation.subject].set(consent.nonce);
        _accepted[attestation.issuer][attestation.subject][attestation.schema] = Accepted(
            attestation.sequence,
            attestationHash
        );
        Record storage record = _records[
            _key(consent.modelId, attestation.issuer, attestation.subject, consent.consumer)
        ];
        record.observedAt = attestation.observedAt;
        record.validUntil = validUntil;
        record.sequence = attestation.sequence;
        record.personId = attestation.personId;
        record.attestationHash = attestationHash;
        // Every model has an output, and OutputCodec.decode checked that they fit.
        record.firstValue = int64(values[0]);
        int64[] memory others = new int64[](values.length - 1);
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] = int64(values[i + 1]);
        }
        record.otherValues = others;
    }

    function _decision(
        Record storage record,
        address issuer,
        uint8[] memory decimals
    ) private view returns (Decision memory decision) {
        int64[] memory others = record.otherValues;
        int256[] memory values = new int256[](others.length + 1);
        values[0] = record.firstValue;
        for (uint256 i = 0; i < others.length; ++i) {
            values[i + 1] = others[i];
        }
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

    function _statusOf(
        Decision memory decision,
        IModelRegistry.ModelStatus modelStatus,
        address subject,
        bytes32 schema
    ) private view returns (DecisionStatus) {
        if (modelStatus != IModelRegistry.ModelStatus.Active) return DecisionStatus.ModelDeprecated;
        (IIssuerRegistry.IssuerStatus issuerStatus, uint64 minimum, bool revoked) = issuerRegistry.standingOf(
            decision.issuer,
            subject,
            schema,
            decision.attestationHash
        );
        if (issuerStatus != IIssuerRegistry.IssuerStatus.Active) return DecisionStatus.IssuerInactive;
        if (revoked || decision.sequence < minimum) return DecisionStatus.Revoked;
        if (block.timestamp >= decision.validUntil) return DecisionStatus.Expired;
        return DecisionStatus.Valid;
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
