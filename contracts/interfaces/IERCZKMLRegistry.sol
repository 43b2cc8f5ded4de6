// SPDX-License-Identifier: CC0-1.0
pragma solidity ^0.8.28;

/// @title Errors of ERC-7992's registry that its draft cannot declare where it names them.
/// @dev The draft gives IERCZKMLRegistry an event and an error both called ModelDeprecated, which does not compile.
/// The event keeps its place; the error moves here, with the same name, arguments and therefore selector.
library ZKMLRegistryErrors {
    error ModelDeprecated(uint256 modelId);
}

/// @title Registry of machine-learning model commitments, draft ERC-7992.
/// @notice Text of the interface as drafted (commit 08db064 of the ERC), save for the error moved to the library above.
interface IERCZKMLRegistry {
    /// @notice What ties a model id to one set of weights, one circuit and one key.
    struct ModelCommitment {
        bytes32 modelHash; // weights and architecture; here also the layout of the public signals
        bytes32 circuitHash; // arithmetic circuit
        bytes32 vkHash; // verifying key
        bytes4 proofSystemId; // bytes4(keccak256(name of the proving system)), see proofSystemOf
        string uri; // optional metadata off chain
    }

    event ModelRegistered(uint256 indexed modelId, address indexed owner, ModelCommitment commitment);

    event ModelUpdated(uint256 indexed modelId, ModelCommitment oldCommitment, ModelCommitment newCommitment);

    event ModelDeprecated(uint256 indexed modelId);

    error ModelNotFound(uint256 modelId);
    error NotModelOwner(uint256 modelId, address caller);

    /// @notice Register a model; the caller becomes its owner.
    /// @param commitment What the id will stand for.
    /// @return modelId Unique id of the model.
    function registerModel(ModelCommitment calldata commitment) external returns (uint256 modelId);

    /// @notice Replace a model's commitment, where an implementation allows it. Verdict's never does.
    /// @param modelId Id of the model.
    /// @param newCommitment Ignored: models never change.
    function updateModel(uint256 modelId, ModelCommitment calldata newCommitment) external;

    /// @notice Retire a model for good. Only its owner may.
    /// @param modelId Id of the model.
    function deprecateModel(uint256 modelId) external;

    /// @notice The commitment, whether it is deprecated, and its owner. Reverts with ModelNotFound.
    /// @param modelId Id of the model.
    /// @return commitment What the id stands for.
    /// @return deprecated Whether it is retired.
    /// @return owner Who may bind, hand over and retire it.
    function getModel(
        uint256 modelId
    ) external view returns (ModelCommitment memory commitment, bool deprecated, address owner);
}
