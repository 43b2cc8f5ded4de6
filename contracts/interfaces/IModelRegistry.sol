// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERCZKMLRegistry} from "./IERCZKMLRegistry.sol";
import {IERCZKMLVerifier} from "./IERCZKMLVerifier.sol";
import {IVerdictVerifierErrors} from "./IVerdictVerifier.sol";

/// @title Verdict's model registry: ERC-7992's registry and verifier in one contract.
/// @notice Policies the ERC leaves open, and what an integrator may rely on:
/// - A model id names its content: it is a hash of this registry, the owner and the commitment. It never changes
///   meaning, not after an update (there is none) and not after a reorganisation of the chain.
/// - Registration is open to everybody. An id says what is proved, not that the model is good or its owner honest:
///   a consumer pins the ids it accepts.
/// - A model is pending until its owner binds a verifier, once. The verifier's code hash is pinned then and compared
///   in every call. The pin fixes the code, not what the code does: a verifier that reads storage, delegates or asks
///   other contracts can answer differently tomorrow with the same hash. So a model id whose verifier nobody audited
///   is trust in the model's owner. Whoever accepts a model checks that its verifier is the generated source, which
///   reads nothing but its calldata and constants, or names an auditor who did.
/// - A verifier can be frozen, once and for ever, by the model's owner or by a guardian the owner named for that alone.
///   The model then verifies nothing, its stored decisions stop counting at the next read, and that code is never
///   bound again by that owner. A compromised owner can at worst do the same to its own models: read no decision for
///   anything but new exposure, and a freeze costs nobody what they hold.
/// - A model with transcriptHash zero runs on a development key, whose maker can forge proofs. Do not lend on it.
/// @dev A bound verifier's errors reach the caller as they are, so they belong to this ABI.
interface IModelRegistry is IERCZKMLRegistry, IERCZKMLVerifier, IVerdictVerifierErrors {
    enum ModelStatus {
        Unknown, // never registered
        Pending, // registered, no verifier yet
        Active, // proofs are verified
        Deprecated, // retired for good
        Frozen // its verifier is switched off for good, whether deprecated or not
    }

    /// @notice Meaning of the public outputs, part of the model's hash.
    struct Layout {
        bytes32 schemaHash; // keccak256 of the input schema's canonical JSON
        uint8[] decimals; // one entry per output: value v stands for v / 10^decimals
        uint8 polarity; // 0 none, 1 higher is better, 2 lower is better
        uint8 reveal; // 0 score, 1 label, 2 tier
        int256[] thresholds; // tier mode: ascending, in millionths of the score; empty otherwise
    }

    /// @notice What binding a verifier fixed.
    struct Binding {
        address verifier;
        uint64 maxAge; // seconds after observation during which a decision may be used
        uint16 outputCount;
        bytes4 selector; // of verifyProof with the model's number of signals
        bytes32 codeHash; // of the verifier
        bytes32 layoutHash;
        bytes32 transcriptHash;
    }

    /// @notice One of several inferences of one model.
    struct Inference {
        bytes32 inputCommitment;
        bytes output; // as verifyInference takes it
        bytes proof; // as verifyInference takes it
    }

    event SuccessorRegistered(uint256 indexed modelId, uint256 indexed supersedes);
    event VerifierBound(
        uint256 indexed modelId,
        address indexed verifier,
        bytes32 indexed schemaHash,
        bytes32 codeHash,
        bytes32 layoutHash,
        bytes32 transcriptHash,
        uint64 maxAge
    );
    event ModelSuperseded(uint256 indexed modelId, uint256 indexed successor);
    event GuardianNamed(uint256 indexed modelId, address indexed guardian);
    event VerifierFrozen(uint256 indexed modelId, address indexed verifier, bytes32 indexed codeHash, address caller);
    event ModelOwnershipOffered(uint256 indexed modelId, address indexed owner, address indexed pendingOwner);
    event ModelOwnershipTransferred(uint256 indexed modelId, address indexed previousOwner, address indexed owner);

    error InvalidCommitment();
    error ModelAlreadyRegistered(uint256 modelId);
    error ModelImmutable(uint256 modelId);
    error ModelPending(uint256 modelId);
    error ModelAlreadyBound(uint256 modelId);
    error ModelAlreadySuperseded(uint256 modelId, uint256 successor);
    error NotModelGuardian(uint256 modelId, address caller);
    error VerifierIsFrozen(uint256 modelId);
    /// @notice This owner froze a verifier with this very code.
    error VerifierCodeFrozen(address owner, bytes32 codeHash);
    error EmptyBatch();
    error NotPendingOwner(uint256 modelId, address caller);
    /// @notice `field` of the layout is out of its bounds, or does not fit the others.
    error InvalidLayout(bytes32 field);
    error InvalidMaxAge();
    error ModelHashMismatch(bytes32 expected, bytes32 actual);
    error VerifyingKeyMismatch(bytes32 expected, bytes32 actual);
    error VerifierWithoutCode(address verifier);
    error VerifierDelegated(address verifier);
    error VerifierProbeFailed(address verifier);
    error VerifierCodeChanged(uint256 modelId, address verifier);
    error VerifierCallFailed(address verifier);
    error MalformedProof(uint256 length);
    error OutputNotCanonical();
    error OutputOutOfRange(uint256 index);

    /// @notice Register the model that is to replace `supersedes`. The caller must own both.
    /// @dev The link shows on the predecessor (`successorOf`) once the new model is bound.
    /// @param commitment What the id will stand for.
    /// @param supersedes Id of the model it replaces; zero for none.
    /// @return modelId Id of the new model.
    function registerSuccessor(
        ModelCommitment calldata commitment,
        uint256 supersedes
    ) external returns (uint256 modelId);

    /// @notice Activate a pending model. Only its owner may, once.
    /// @dev Reverts unless the commitment's modelHash equals modelHashOf(contentHash, outputLayout), the verifier
    /// reports the committed vkHash, has code of its own that the caller never froze, and answers "false" to the
    /// all-zero proof of its number of signals, alone and as a batch of one.
    /// @param modelId The pending model.
    /// @param verifier The generated verifier.
    /// @param contentHash Hash of the model's file and plan, see the bundle's manifest.
    /// @param outputLayout Meaning of the outputs.
    /// @param maxAge Seconds after observation during which a decision may be used; not zero.
    function bindVerifier(
        uint256 modelId,
        address verifier,
        bytes32 contentHash,
        Layout calldata outputLayout,
        uint64 maxAge
    ) external;

    /// @notice Verify several inferences of one model by one pairing; reverts unless every single one holds.
    /// @dev Each further proof costs about 48,000 gas in the verifier instead of 200,000. Emits InferenceVerified for each.
    /// A repeated inference counts as often as it stands there. Numbers in the verifier's errors (SignalNotCanonical,
    /// CoordinateNotCanonical) count through the batch.
    /// @param modelId Id of the model.
    /// @param inferences At least one; commitment, output and proof of each as verifyInference takes them.
    function verifyInferences(uint256 modelId, Inference[] calldata inferences) external;

    /// @notice Name who, besides the owner, may freeze the model's verifier, and may do nothing else. Owner only. Zero
    /// names nobody; a new owner starts without one.
    /// @param modelId Id of the model.
    /// @param guardian Best a key that is awake when the owner's, a timelock, is not.
    function nameGuardian(uint256 modelId, address guardian) external;

    /// @notice Switch the verifier of a bound model off for ever. Its owner or its guardian.
    /// @dev Acts on this model alone: another model bound to the same code is frozen by a call of its own. The code's
    /// hash is barred from later bindings by the model's present owner.
    /// @param modelId Id of the model.
    function freezeVerifier(uint256 modelId) external;

    /// @notice Offer the model to `newOwner`, who must accept. Zero withdraws an offer.
    /// @param modelId Id of the model.
    /// @param newOwner The future owner; zero withdraws an offer.
    function transferModelOwnership(uint256 modelId, address newOwner) external;

    /// @notice Accept a model offered to the caller.
    /// @param modelId Id of the model.
    function acceptModelOwnership(uint256 modelId) external;

    /// @notice Id that `owner` would get for `commitment`. `supersedes` is zero for a first model.
    /// @param owner Account that registers.
    /// @param commitment What the id will stand for.
    /// @param supersedes Id of the model it replaces; zero for none.
    /// @return The id.
    function modelIdOf(
        address owner,
        ModelCommitment calldata commitment,
        uint256 supersedes
    ) external view returns (uint256);

    /// @notice keccak256(abi.encode(keccak256("verdict/model/v1"), contentHash, layoutHash)).
    /// @param contentHash Hash of the model's file and plan.
    /// @param outputLayout Meaning of the outputs.
    /// @return The hash.
    function modelHashOf(bytes32 contentHash, Layout calldata outputLayout) external pure returns (bytes32);

    /// @notice keccak256(abi.encode(keccak256("verdict/v1"), schemaHash, decimals, polarity, reveal, thresholds)).
    /// @param outputLayout Meaning of the outputs.
    /// @return The hash.
    function layoutHashOf(Layout calldata outputLayout) external pure returns (bytes32);

    /// @notice Status of a model. Never reverts.
    /// @param modelId Id of the model.
    /// @return The status.
    function statusOf(uint256 modelId) external view returns (ModelStatus);

    /// @notice Status, input schema, life of a decision and scale of the outputs, in one call. Never reverts;
    /// everything but the status is empty for a model that was never bound.
    /// @param modelId Id of the model.
    /// @return status Unknown, pending, active, deprecated or frozen.
    /// @return schemaHash Hash of the input schema.
    /// @return maxAge Seconds after observation during which a decision may be used.
    /// @return decimals Scale of each output.
    function termsOf(
        uint256 modelId
    ) external view returns (ModelStatus status, bytes32 schemaHash, uint64 maxAge, uint8[] memory decimals);

    /// @notice The part of `termsOf` that a stored decision hangs on, for less gas. Never reverts.
    /// @param modelId Id of the model.
    /// @return status Unknown, pending, active, deprecated or frozen.
    /// @return schemaHash Hash of the input schema; zero before binding.
    function standingOf(uint256 modelId) external view returns (ModelStatus status, bytes32 schemaHash);

    /// @notice The guardian of a model; zero if none.
    /// @param modelId Id of the model.
    /// @return An account, or zero.
    function guardianOf(uint256 modelId) external view returns (address);

    /// @notice Whether `owner` froze a verifier with this code and can bind it no more.
    /// @param owner Owner of models.
    /// @param codeHash Hash of a verifier's code.
    /// @return True once frozen.
    function isCodeFrozen(address owner, bytes32 codeHash) external view returns (bool);

    /// @notice The layout of a bound model; empty before.
    /// @param modelId Id of the model.
    /// @return The layout.
    function layoutOf(uint256 modelId) external view returns (Layout memory);

    /// @notice What binding fixed; empty before.
    /// @param modelId Id of the model.
    /// @return The binding.
    function bindingOf(uint256 modelId) external view returns (Binding memory);

    /// @notice The model this one replaces; zero if none.
    /// @param modelId Id of the model.
    /// @return An id, or zero.
    function supersedesOf(uint256 modelId) external view returns (uint256);

    /// @notice The bound model that replaces this one; zero if none.
    /// @param modelId Id of the model.
    /// @return An id, or zero.
    function successorOf(uint256 modelId) external view returns (uint256);

    /// @notice The account the model is offered to; zero if none.
    /// @param modelId Id of the model.
    /// @return An account, or zero.
    function pendingOwnerOf(uint256 modelId) external view returns (address);
}
