// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IIssuerRegistry} from "./IIssuerRegistry.sol";
import {IModelRegistry} from "./IModelRegistry.sol";

/// @title Proven decisions about people, read like a price feed.
/// @notice A decision is stored when three things meet: an issuer attested the commitment of a subject's facts, the
/// subject consented that one model judges them for one consumer, and a proof shows the model's output on them.
///
/// What an integrator may rely on, and must do itself:
/// - Decisions are stored per (model, issuer, subject, consumer). A consumer reads with its own address and thereby
///   sees only what its subjects consented to; inherit VerdictConsumer, which does. Chain data is public: consent
///   governs what a consumer acts on, it does not hide anything.
/// - Check the issuer. Anybody can register as one.
/// - Count exposure by (issuer, personId), not by wallet: personId is the issuer's pseudonym of one human being.
///   The same person has unrelated pseudonyms at two issuers; bound each issuer's total.
/// - One attestation serves any number of models and consumers over its schema, each under a consent of its own.
///   A sequence below the last accepted for (issuer, subject, schema) is refused, and so is another attestation of
///   the same sequence.
/// - A subject chooses which attestations to bring. An issuer that learns worse facts must raise its minimum sequence;
///   merely signing a newer attestation withdraws nothing.
/// - Proof bytes are malleable and never an identifier. Replay is stopped by the consent's nonce, which the proof's
///   context binds together with chain, registry, model and attestation.
/// - A valid decision can be withdrawn at any moment (by the issuer, the subject, the model's owner or guardian): act on
///   it in the transaction that reads it, and let nothing but NEW borrowing depend on it.
/// - History is the event DecisionStored, with the outputs and nothing more: of a tier model, the tier.
/// - Whoever sees a submission before it is mined can only submit it first, to the same effect: nothing depends on the
///   caller. Submissions may arrive in any order; an older attestation than the last accepted is refused.
interface IDecisionRegistry {
    /// @notice What an issuer signs (EIP-712, domain "Verdict" version "1" of this contract).
    struct Attestation {
        address issuer;
        address subject; // wallet that may use it
        bytes32 personId; // the issuer's pseudonym of the person behind the wallet
        bytes32 schema; // hash of the schema the facts follow
        bytes32 inputCommitment; // salted Poseidon commitment to the facts, below r
        uint64 observedAt; // when the facts held, Unix seconds
        uint64 expiresAt; // first second at which the attestation no longer holds
        uint64 sequence; // per (issuer, subject, schema), rising
    }

    /// @notice What the subject signs (EIP-712, same domain).
    struct Consent {
        bytes32 attestationHash; // EIP-712 struct hash of the attestation
        uint256 modelId; // the model that may judge it
        address consumer; // the contract that may act on it
        uint256 nonce; // any unused number of the subject's below 2^176
        uint64 deadline; // last second at which it may be submitted
    }

    /// @notice Why a decision counts or does not. Of several reasons the gravest is named: Missing, ModelFrozen,
    /// ModelDeprecated, IssuerInactive, Revoked, ConsentWithdrawn, Expired.
    enum DecisionStatus {
        Missing, // none stored for this key
        Valid,
        ModelDeprecated,
        IssuerInactive, // suspended or retired
        Revoked, // the attestation, or every sequence up to it
        Expired, // past validUntil
        ConsentWithdrawn, // by the subject
        ModelFrozen // the model's verifier is switched off for good
    }

    /// @notice A stored decision.
    struct Decision {
        int256[] values; // the model's outputs
        uint8[] decimals; // value i stands for values[i] / 10^decimals[i]
        address issuer;
        bytes32 personId;
        bytes32 attestationHash;
        uint64 observedAt;
        uint64 validUntil; // first second at which it no longer counts
        uint64 sequence;
    }

    /// @notice What gating a loan takes of a decision.
    struct Value {
        int256 value; // the first output: of a tier model the tier
        bytes32 personId;
        uint64 observedAt;
        uint64 validUntil;
    }

    /// @notice All that is known on chain about a stored decision, for auditors.
    struct Life {
        DecisionStatus status;
        Decision decision;
        uint256 consentNonce;
        uint64 submittedAt; // when it was stored
        uint64 withdrawnAt; // when the subject withdrew the consent; zero if it did not
        bytes32 schema;
        IModelRegistry.ModelStatus modelStatus;
        uint256 modelSuccessor; // zero if none
        IIssuerRegistry.IssuerStatus issuerStatus;
        address issuerSuccessor; // zero if none
        uint64 minimumSequence; // of the issuer, for this subject and schema
        bool revoked; // this very attestation
        bool superseded; // the issuer's last accepted attestation for this subject and schema is another one
        uint64 lastSequence; // sequence of that last one
    }

    /// @notice One of several submissions: the six arguments of `submit`.
    struct Submission {
        Attestation attestation;
        bytes issuerSignature;
        Consent consent;
        bytes subjectSignature;
        bytes output;
        bytes proof;
    }

    event DecisionStored(
        uint256 indexed modelId,
        address indexed subject,
        address indexed consumer,
        address issuer,
        bytes32 personId,
        bytes32 attestationHash,
        int256[] values,
        uint64 observedAt,
        uint64 validUntil,
        uint64 sequence
    );
    /// @notice Item `index` of a batch was left out; `reason` is the error that `submit` would have reverted with.
    event SubmissionSkipped(
        uint256 indexed modelId,
        bytes32 indexed attestationHash,
        uint256 index,
        bytes reason
    );
    event ConsentNonceInvalidated(address indexed subject, uint256 nonce);
    event ConsentWithdrawn(
        uint256 indexed modelId,
        address indexed subject,
        address indexed consumer,
        address issuer,
        bytes32 attestationHash
    );

    error InvalidRegistry(address registry);
    error MalformedProofLength(uint256 length);
    error ConsentExpired(uint64 deadline);
    error ConsentMismatch(bytes32 expected, bytes32 actual);
    error ConsentNonceUsed(address subject, uint256 nonce);
    error ConsentNonceTooLarge(uint256 nonce);
    /// @notice The subject withdrew the consent to judging this attestation for this consumer; a new one is needed.
    error ConsentIsWithdrawn(bytes32 attestationHash);
    error EmptyBatch();
    error SubmissionOfAnotherModel(uint256 index, uint256 expected, uint256 actual);
    error UnknownIssuer(address issuer);
    error IssuerNotActive(address issuer);
    error AttestationIsRevoked(bytes32 attestationHash);
    error AttestationFromFuture(uint64 observedAt);
    error AttestationExpired(uint64 expiresAt);
    error AttestationTooOld(uint64 observedAt, uint64 maxAge);
    error SchemaMismatch(bytes32 expected, bytes32 actual);
    /// @notice Below `floor`, the issuer's minimum; or `floor` is the sequence of the last accepted attestation, and
    /// another one of that sequence or below is refused.
    error StaleSequence(uint64 floor, uint64 sequence);
    error InvalidIssuerSignature(address issuer);
    error InvalidSubjectSignature(address subject);

    error DecisionMissing();
    error DecisionModelFrozen(uint256 modelId);
    error DecisionModelDeprecated(uint256 modelId);
    error DecisionIssuerInactive(address issuer);
    error DecisionRevoked(bytes32 attestationHash);
    error DecisionConsentWithdrawn(bytes32 attestationHash);
    error DecisionExpired(uint64 validUntil);

    /// @notice Verify and store a decision. Anybody may relay it; nothing depends on the caller.
    /// @param attestation The issuer's statement.
    /// @param issuerSignature Over the attestation: ECDSA, or ERC-1271 asked with up to 400,000 gas.
    /// @param consent The subject's permission.
    /// @param subjectSignature Over the consent: ECDSA, or ERC-1271 asked with up to 400,000 gas.
    /// @param output abi.encode(int256[]) of the model's outputs, canonical.
    /// @param proof The 256 bytes of the Groth16 proof. The context is computed here and appended.
    function submit(
        Attestation calldata attestation,
        bytes calldata issuerSignature,
        Consent calldata consent,
        bytes calldata subjectSignature,
        bytes calldata output,
        bytes calldata proof
    ) external;

    /// @notice Verify and store several decisions of one model with one pairing. Anybody may relay them.
    /// @dev The state afterwards is that of submitting them one by one in this order and dropping those that revert.
    /// An item that `submit` would refuse for its time, its nonce, a newer attestation, the issuer or a signature is
    /// skipped before the pairing and reported by SubmissionSkipped: so whoever uses up or withdraws one item first
    /// cannot spoil the others. What no one can change after the fact is the relayer's to check, and reverts the batch:
    /// an item of another model, a malformed proof or output, and a proof that does not hold.
    /// A wallet with code is asked with up to 400,000 gas, may take all of it and then say no, though it said yes to an
    /// estimate; a batch that cannot hand out that much reverts rather than skip the item. Add 400,000 to the estimate's
    /// gas for every signer with code, issuers included: what is not used is not paid for.
    /// @param modelId The one model.
    /// @param items At least one submission.
    /// @return stored How many were stored; zero if all were skipped.
    function submitBatch(uint256 modelId, Submission[] calldata items) external returns (uint256 stored);

    /// @notice Make one of the caller's consent nonces unusable, for a consent signed but regretted.
    /// @param nonce Nonce of the consent, below 2^176; no consent with a larger one is ever accepted.
    function invalidateConsentNonce(uint256 nonce) external;

    /// @notice Withdraw the consent behind a stored decision about the caller: it stops counting at the next read. Only
    /// a new attestation brings a decision back, under a consent of its own: the same one is refused from then on for this
    /// model and consumer (ConsentIsWithdrawn), whatever other consents to it were signed before. A consent to another
    /// attestation that is signed but not yet submitted is taken back with `invalidateConsentNonce`.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param consumer Contract the caller consented to.
    function withdrawConsent(uint256 modelId, address issuer, address consumer) external;

    /// @notice The decision and whether it counts now. Never reverts. With status Missing the decision is empty;
    /// with any other it is what was stored, for information.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param consumer Contract the subject consented to.
    /// @return status Whether the decision counts now, and if not why.
    /// @return decision What is stored.
    function tryDecisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (DecisionStatus status, Decision memory decision);

    /// @notice The decision if it counts now; reverts with the reason otherwise.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param consumer Contract the subject consented to.
    /// @return decision The valid decision.
    function decisionOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Decision memory decision);

    /// @notice The first output and what is needed to act on it, if the decision counts now; reverts with decisionOf's
    /// reason otherwise. For a tier about two thirds of decisionOf's gas in a transaction that touched none of it
    /// before, and half of it in one that did.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param consumer Contract the subject consented to.
    /// @return value The first output, whose it is, and its times.
    function valueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Value memory value);

    /// @notice The same with the status. Never reverts; use the value only when the status is Valid.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param consumer Contract the subject consented to.
    /// @return status Whether the decision counts now, and if not why.
    /// @return value What is stored; zeros if nothing is.
    function tryValueOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (DecisionStatus status, Value memory value);

    /// @notice Everything about a decision's life, for auditors; not meant for contracts. Never reverts.
    /// @param modelId Id of the model.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param consumer Contract the subject consented to.
    /// @return life What is stored, what became of it, and where model and issuer stand.
    function lifeOf(
        uint256 modelId,
        address issuer,
        address subject,
        address consumer
    ) external view returns (Life memory life);

    /// @notice Public signal a proof must carry: keccak256(abi.encode(keccak256("verdict/decision/v1"), chain id, this
    /// registry, modelId, attestationHash, consentNonce)) >> 3, a value of 253 bits.
    /// @param modelId Id of the model.
    /// @param attestationHash EIP-712 struct hash of the attestation.
    /// @param consentNonce Nonce of the consent.
    /// @return The context, below 2^253.
    function contextOf(
        uint256 modelId,
        bytes32 attestationHash,
        uint256 consentNonce
    ) external view returns (uint256);

    /// @notice EIP-712 struct hash of an attestation: its name in a consent and in a proof's context.
    /// @param attestation The issuer's statement.
    /// @return The struct hash.
    function hashAttestation(Attestation calldata attestation) external pure returns (bytes32);

    /// @notice EIP-712 struct hash of a consent.
    /// @param consent The subject's permission.
    /// @return The struct hash.
    function hashConsent(Consent calldata consent) external pure returns (bytes32);

    /// @notice The EIP-712 domain separator on this chain.
    /// @return The domain separator.
    function domainSeparator() external view returns (bytes32);

    /// @notice Whether a consent nonce of `subject` is used or invalidated.
    /// @param subject Wallet the attestations are about.
    /// @param nonce Nonce of the consent.
    /// @return True once used or invalidated.
    function isConsentNonceUsed(address subject, uint256 nonce) external view returns (bool);

    /// @notice Sequence and hash of the last attestation accepted for (issuer, subject, schema).
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param schema Hash of the schema they follow.
    /// @return sequence The last accepted sequence.
    /// @return attestationHash Hash of its attestation; zero if none was accepted.
    function lastAcceptedOf(
        address issuer,
        address subject,
        bytes32 schema
    ) external view returns (uint64 sequence, bytes32 attestationHash);

    /// @notice Where models and verifiers are registered.
    /// @return The registry.
    function modelRegistry() external view returns (IModelRegistry);

    /// @notice Where issuers are registered.
    /// @return The registry.
    function issuerRegistry() external view returns (IIssuerRegistry);
}
