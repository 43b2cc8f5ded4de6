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
import {DecisionStore} from "./DecisionStore.sol";

/// @title Proven decisions: submitted once, read by consumers. No owner; see IDecisionRegistry.
/// @dev A refusal is the bytes of a custom error: `submit` reverts with it, `submitBatch` reports it and goes on.
contract DecisionRegistry is DecisionStore, EIP712 {
    using BitMaps for BitMaps.BitMap;

    /// @dev What the submissions of one model have in common.
    struct Terms {
        bytes32 schema;
        uint64 maxAge;
        uint256 outputCount;
    }

    /// @param models Registry whose models decide; never changes.
    /// @param issuers Registry of who attests; never changes.
    constructor(
        IModelRegistry models,
        IIssuerRegistry issuers
    ) DecisionStore(models, issuers) EIP712("Verdict", "1") {}

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
        Terms memory terms = _termsOf(consent.modelId);
        bytes32 attestationHash = DecisionHash.hash(attestation);
        bytes memory refusal = _refusal(
            terms,
            attestation,
            attestationHash,
            issuerSignature,
            consent,
            subjectSignature
        );
        if (refusal.length != 0) _revertWith(refusal);
        // State before the call that may still revert everything: nothing can re-enter with this consent.
        _accept(terms, attestation, attestationHash, consent, output);
        modelRegistry.verifyInference(
            consent.modelId,
            attestation.inputCommitment,
            output,
            _bound(proof, consent, attestationHash)
        );
    }

    /// @inheritdoc IDecisionRegistry
    function submitBatch(uint256 modelId, Submission[] calldata items) external returns (uint256 stored) {
        if (items.length == 0) revert EmptyBatch();
        Terms memory terms = _termsOf(modelId);
        IModelRegistry.Inference[] memory inferences = new IModelRegistry.Inference[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            Submission calldata item = items[i];
            if (item.consent.modelId != modelId) revert SubmissionOfAnotherModel(i, modelId, item.consent.modelId);
            if (item.proof.length != VerifierCall.PROOF_BYTES) revert MalformedProofLength(item.proof.length);
            bytes32 attestationHash = DecisionHash.hash(item.attestation);
            bytes memory refusal = _refusal(
                terms,
                item.attestation,
                attestationHash,
                item.issuerSignature,
                item.consent,
                item.subjectSignature
            );
            if (refusal.length != 0) {
                emit SubmissionSkipped(modelId, attestationHash, i, refusal);
                continue;
            }
            // Stored now, so that the next item meets it as it would in a transaction of its own. Until the proofs are
            // verified below, only static calls (of signers' wallets) go out: nobody can act on it, and if one proof
            // does not hold, nothing happened.
            _accept(terms, item.attestation, attestationHash, item.consent, item.output);
            inferences[stored] = IModelRegistry.Inference(
                item.attestation.inputCommitment,
                item.output,
                _bound(item.proof, item.consent, attestationHash)
            );
            ++stored;
        }
        if (stored == 0) return 0;
        assembly ("memory-safe") {
            mstore(inferences, stored) // cut the array to what was not skipped
        }
        modelRegistry.verifyInferences(modelId, inferences);
    }

    /// @inheritdoc IDecisionRegistry
    function contextOf(uint256 modelId, bytes32 attestationHash, uint256 consentNonce) public view returns (uint256) {
        return DecisionHash.context(address(this), modelId, attestationHash, consentNonce);
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

    /// @dev Store and announce a submission that was not refused and whose proof is verified next.
    function _accept(
        Terms memory terms,
        Attestation calldata attestation,
        bytes32 attestationHash,
        Consent calldata consent,
        bytes calldata output
    ) private {
        int256[] memory values = OutputCodec.decode(output, terms.outputCount);
        uint64 validUntil = uint64(Math.min(attestation.expiresAt, _tooOldAt(terms, attestation)));
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
    }

    /// @dev Revert unless the model is active.
    function _termsOf(uint256 modelId) private view returns (Terms memory terms) {
        (IModelRegistry.ModelStatus status, bytes32 schema, uint64 maxAge, uint8[] memory decimals) = modelRegistry
            .termsOf(modelId);
        if (status == IModelRegistry.ModelStatus.Unknown) revert IERCZKMLRegistry.ModelNotFound(modelId);
        if (status == IModelRegistry.ModelStatus.Pending) revert IModelRegistry.ModelPending(modelId);
        if (status == IModelRegistry.ModelStatus.Frozen) revert IModelRegistry.VerifierIsFrozen(modelId);
        if (status == IModelRegistry.ModelStatus.Deprecated) {
            revert IERCZKMLVerifier.VerificationRefused_ModelDeprecated(modelId);
        }
        return Terms(schema, maxAge, decimals.length);
    }

    /// @dev Why a submission cannot count, whatever its proof: an encoded error, or nothing. Only this depends on time,
    /// on other submissions, on the issuer's withdrawals and on wallets' moods; what does not, reverts elsewhere.
    function _refusal(
        Terms memory terms,
        Attestation calldata attestation,
        bytes32 attestationHash,
        bytes calldata issuerSignature,
        Consent calldata consent,
        bytes calldata subjectSignature
    ) private view returns (bytes memory refusal) {
        refusal = _consentRefusal(consent, attestation.subject, attestationHash);
        if (refusal.length == 0) refusal = _factsRefusal(terms, attestation);
        if (refusal.length == 0) refusal = _standingRefusal(attestation, attestationHash);
        if (refusal.length != 0) return refusal;
        if (_isWithdrawn(attestation, attestationHash, consent)) {
            return abi.encodeWithSelector(ConsentIsWithdrawn.selector, attestationHash);
        }
        if (!Signatures.isValid(attestation.issuer, _hashTypedDataV4(attestationHash), issuerSignature)) {
            return abi.encodeWithSelector(InvalidIssuerSignature.selector, attestation.issuer);
        }
        bytes32 consentDigest = _hashTypedDataV4(DecisionHash.hash(consent));
        if (!Signatures.isValid(attestation.subject, consentDigest, subjectSignature)) {
            return abi.encodeWithSelector(InvalidSubjectSignature.selector, attestation.subject);
        }
    }

    /// @dev The consent is open, unused and about this attestation.
    function _consentRefusal(
        Consent calldata consent,
        address subject,
        bytes32 attestationHash
    ) private view returns (bytes memory refusal) {
        if (consent.attestationHash != attestationHash) {
            return abi.encodeWithSelector(ConsentMismatch.selector, consent.attestationHash, attestationHash);
        }
        if (block.timestamp > consent.deadline) return abi.encodeWithSelector(ConsentExpired.selector, consent.deadline);
        if (consent.nonce > type(uint176).max) return abi.encodeWithSelector(ConsentNonceTooLarge.selector, consent.nonce);
        if (_consentNonces[subject].get(consent.nonce)) {
            return abi.encodeWithSelector(ConsentNonceUsed.selector, subject, consent.nonce);
        }
    }

    /// @dev The facts are over the model's schema and fresh enough for it.
    function _factsRefusal(
        Terms memory terms,
        Attestation calldata attestation
    ) private view returns (bytes memory refusal) {
        if (attestation.schema != terms.schema) {
            return abi.encodeWithSelector(SchemaMismatch.selector, terms.schema, attestation.schema);
        }
        if (attestation.observedAt > block.timestamp) {
            return abi.encodeWithSelector(AttestationFromFuture.selector, attestation.observedAt);
        }
        if (attestation.expiresAt <= block.timestamp) {
            return abi.encodeWithSelector(AttestationExpired.selector, attestation.expiresAt);
        }
        if (_tooOldAt(terms, attestation) <= block.timestamp) {
            return abi.encodeWithSelector(AttestationTooOld.selector, attestation.observedAt, terms.maxAge);
        }
    }

    /// @dev The issuer is active, and neither it nor a newer attestation has overtaken this one.
    function _standingRefusal(
        Attestation calldata attestation,
        bytes32 attestationHash
    ) private view returns (bytes memory refusal) {
        (IIssuerRegistry.IssuerStatus status, uint64 minimum, bool revoked) = issuerRegistry.standingOf(
            attestation.issuer,
            attestation.subject,
            attestation.schema,
            attestationHash
        );
        if (status == IIssuerRegistry.IssuerStatus.Unknown) {
            return abi.encodeWithSelector(UnknownIssuer.selector, attestation.issuer);
        }
        if (status != IIssuerRegistry.IssuerStatus.Active) {
            return abi.encodeWithSelector(IssuerNotActive.selector, attestation.issuer);
        }
        if (revoked) return abi.encodeWithSelector(AttestationIsRevoked.selector, attestationHash);
        if (attestation.sequence < minimum) {
            return abi.encodeWithSelector(StaleSequence.selector, minimum, attestation.sequence);
        }
        Accepted storage last = _accepted[attestation.issuer][attestation.subject][attestation.schema];
        if (last.attestationHash == 0 || last.attestationHash == attestationHash) return "";
        if (attestation.sequence <= last.sequence) {
            return abi.encodeWithSelector(StaleSequence.selector, last.sequence, attestation.sequence);
        }
    }

    /// @dev The proof with the context it must be bound to, as the model registry takes it.
    function _bound(
        bytes calldata proof,
        Consent calldata consent,
        bytes32 attestationHash
    ) private view returns (bytes memory) {
        return abi.encodePacked(proof, contextOf(consent.modelId, attestationHash, consent.nonce));
    }

    /// @dev First second at which the facts are too old for the model; a sum of two 64-bit numbers.
    function _tooOldAt(Terms memory terms, Attestation calldata attestation) private pure returns (uint256) {
        return uint256(attestation.observedAt) + terms.maxAge;
    }

    function _revertWith(bytes memory refusal) private pure {
        assembly ("memory-safe") {
            revert(add(refusal, 0x20), mload(refusal)) // the encoded error
        }
    }
}
