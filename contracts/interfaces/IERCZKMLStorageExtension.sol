// SPDX-License-Identifier: CC0-1.0
pragma solidity ^0.8.28;

/// @title Verified inferences kept for others to read, draft ERC-7992's storage extension.
interface IERCZKMLStorageExtension {
    event InferenceStored(bytes32 indexed inferenceId);

    /// @notice Verify an inference and keep it; reverts as verifyInference does.
    /// @param modelId Id in the registry.
    /// @param inputCommitment Commitment to the private input.
    /// @param output ABI-encoded public outputs.
    /// @param proof Proof bytes, in the encoding of the implementation.
    /// @return inferenceId keccak256(abi.encodePacked(modelId, inputCommitment, output)).
    function verifyAndStoreInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external returns (bytes32 inferenceId);

    /// @notice A kept inference. Reverts for an id that was never stored.
    /// @param inferenceId Id that storing it returned.
    /// @return modelId Id in the registry.
    /// @return inputCommitment Commitment to the private input.
    /// @return output ABI-encoded public outputs.
    function getInference(
        bytes32 inferenceId
    ) external view returns (uint256 modelId, bytes32 inputCommitment, bytes memory output);
}
