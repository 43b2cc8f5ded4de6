// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERCZKMLRegistry, ZKMLRegistryErrors} from "../interfaces/IERCZKMLRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title Models as entries: registration, ownership, succession, retirement, freezing.
/// @dev Binding a verifier and asking it are ModelRegistry's.
abstract contract ModelStore is IModelRegistry {
    struct Entry {
        address owner;
        bool bound;
        bool deprecated;
        bool frozen;
        address pendingOwner;
        address guardian;
        uint256 supersedes;
        uint256 successor;
        ModelCommitment commitment;
        Binding binding;
        Layout outputLayout;
    }

    /// @notice proofSystemId of the one proving system accepted here.
    bytes4 public constant PROOF_SYSTEM_ID = bytes4(keccak256("groth16-bn254-v1"));
    bytes32 private constant MODEL_ID_DOMAIN = keccak256("verdict/model-id/v1");

    // slither-disable-next-line uninitialized-state (written through storage pointers)
    mapping(uint256 modelId => Entry entry) internal _entries;
    mapping(address owner => mapping(bytes32 codeHash => bool frozen)) internal _frozenCode;

    /// @inheritdoc IERCZKMLRegistry
    function registerModel(ModelCommitment calldata commitment) external returns (uint256 modelId) {
        return _register(commitment, 0);
    }

    /// @inheritdoc IModelRegistry
    function registerSuccessor(
        ModelCommitment calldata commitment,
        uint256 supersedes
    ) external returns (uint256 modelId) {
        Entry storage predecessor = _owned(supersedes);
        if (predecessor.successor != 0) revert ModelAlreadySuperseded(supersedes, predecessor.successor);
        modelId = _register(commitment, supersedes);
        emit SuccessorRegistered(modelId, supersedes);
    }

    /// @notice Always reverts: a model id never changes meaning. Register a successor instead.
    /// @inheritdoc IERCZKMLRegistry
    function updateModel(uint256 modelId, ModelCommitment calldata) external view {
        _owned(modelId);
        revert ModelImmutable(modelId);
    }

    /// @inheritdoc IERCZKMLRegistry
    function deprecateModel(uint256 modelId) external {
        Entry storage entry = _owned(modelId);
        if (entry.deprecated) revert ZKMLRegistryErrors.ModelDeprecated(modelId);
        entry.deprecated = true;
        emit ModelDeprecated(modelId);
    }

    /// @inheritdoc IModelRegistry
    function nameGuardian(uint256 modelId, address guardian) external {
        _owned(modelId).guardian = guardian;
        emit GuardianNamed(modelId, guardian);
    }

    /// @inheritdoc IModelRegistry
    function freezeVerifier(uint256 modelId) external {
        Entry storage entry = _known(modelId);
        address owner = entry.owner;
        if (msg.sender != owner && msg.sender != entry.guardian) revert NotModelGuardian(modelId, msg.sender);
        if (!entry.bound) revert ModelPending(modelId);
        if (entry.frozen) revert VerifierIsFrozen(modelId);
        bytes32 codeHash = entry.binding.codeHash;
        entry.frozen = true;
        _frozenCode[owner][codeHash] = true;
        emit VerifierFrozen(modelId, entry.binding.verifier, codeHash, msg.sender);
    }

    /// @inheritdoc IModelRegistry
    function transferModelOwnership(uint256 modelId, address newOwner) external {
        Entry storage entry = _owned(modelId);
        entry.pendingOwner = newOwner;
        emit ModelOwnershipOffered(modelId, msg.sender, newOwner);
    }

    /// @inheritdoc IModelRegistry
    function acceptModelOwnership(uint256 modelId) external {
        Entry storage entry = _known(modelId);
        if (entry.pendingOwner != msg.sender) revert NotPendingOwner(modelId, msg.sender);
        address previous = entry.owner;
        entry.owner = msg.sender;
        entry.pendingOwner = address(0);
        entry.guardian = address(0); // trusted by the previous owner, not by this one
        emit ModelOwnershipTransferred(modelId, previous, msg.sender);
    }

    /// @inheritdoc IERCZKMLRegistry
    function getModel(
        uint256 modelId
    ) external view returns (ModelCommitment memory commitment, bool deprecated, address owner) {
        Entry storage entry = _known(modelId);
        return (entry.commitment, entry.deprecated, entry.owner);
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(
        address owner,
        ModelCommitment calldata commitment,
        uint256 supersedes
    ) public view returns (uint256) {
        return
            uint256(
                keccak256(abi.encode(MODEL_ID_DOMAIN, block.chainid, address(this), owner, commitment, supersedes))
            );
    }

    /// @inheritdoc IModelRegistry
    function statusOf(uint256 modelId) public view returns (ModelStatus) {
        Entry storage entry = _entries[modelId];
        if (entry.owner == address(0)) return ModelStatus.Unknown;
        if (entry.frozen) return ModelStatus.Frozen;
        if (entry.deprecated) return ModelStatus.Deprecated;
        return entry.bound ? ModelStatus.Active : ModelStatus.Pending;
    }

    /// @inheritdoc IModelRegistry
    function standingOf(uint256 modelId) external view returns (ModelStatus status, bytes32 schemaHash) {
        return (statusOf(modelId), _entries[modelId].outputLayout.schemaHash);
    }

    /// @inheritdoc IModelRegistry
    function guardianOf(uint256 modelId) external view returns (address) {
        return _entries[modelId].guardian;
    }

    /// @inheritdoc IModelRegistry
    function isCodeFrozen(address owner, bytes32 codeHash) external view returns (bool) {
        return _frozenCode[owner][codeHash];
    }

    /// @inheritdoc IModelRegistry
    function termsOf(
        uint256 modelId
    ) external view returns (ModelStatus status, bytes32 schemaHash, uint64 maxAge, uint8[] memory decimals) {
        Entry storage entry = _entries[modelId];
        return (statusOf(modelId), entry.outputLayout.schemaHash, entry.binding.maxAge, entry.outputLayout.decimals);
    }

    /// @inheritdoc IModelRegistry
    function layoutOf(uint256 modelId) external view returns (Layout memory) {
        return _entries[modelId].outputLayout;
    }

    /// @inheritdoc IModelRegistry
    function bindingOf(uint256 modelId) external view returns (Binding memory) {
        return _entries[modelId].binding;
    }

    /// @inheritdoc IModelRegistry
    function supersedesOf(uint256 modelId) external view returns (uint256) {
        return _entries[modelId].supersedes;
    }

    /// @inheritdoc IModelRegistry
    function successorOf(uint256 modelId) external view returns (uint256) {
        return _entries[modelId].successor;
    }

    /// @inheritdoc IModelRegistry
    function pendingOwnerOf(uint256 modelId) external view returns (address) {
        return _entries[modelId].pendingOwner;
    }

    function _register(ModelCommitment calldata commitment, uint256 supersedes) private returns (uint256 modelId) {
        if (commitment.modelHash == 0 || commitment.circuitHash == 0 || commitment.vkHash == 0) {
            revert InvalidCommitment();
        }
        if (commitment.proofSystemId != PROOF_SYSTEM_ID) revert UnsupportedProofSystem(commitment.proofSystemId);
        modelId = modelIdOf(msg.sender, commitment, supersedes);
        Entry storage entry = _entries[modelId];
        if (entry.owner != address(0)) revert ModelAlreadyRegistered(modelId);
        entry.owner = msg.sender;
        entry.supersedes = supersedes;
        entry.commitment = commitment;
        emit ModelRegistered(modelId, msg.sender, commitment);
    }

    /// @dev The entry of a registered model; reverts with ModelNotFound.
    function _known(uint256 modelId) internal view returns (Entry storage entry) {
        entry = _entries[modelId];
        if (entry.owner == address(0)) revert ModelNotFound(modelId);
    }

    /// @dev The entry of a model of the caller's; reverts with NotModelOwner.
    function _owned(uint256 modelId) internal view returns (Entry storage entry) {
        entry = _known(modelId);
        if (entry.owner != msg.sender) revert NotModelOwner(modelId, msg.sender);
    }
}
