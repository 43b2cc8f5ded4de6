// SPDX-License-Identifier: CC0-1.0
pragma solidity ^0.8.28;

/// @title Verification of one inference of a registered model, draft ERC-7992.
interface IERCZKMLVerifier {
    event InferenceVerified(
        uint256 indexed modelId,
        bytes32 indexed inputCommitment,
        bytes output,
        address indexed caller
    );

    error InvalidProof();
    error ModelMismatch();
    error InputCommitmentMismatch();
    error OutputMismatch();
    error UnsupportedProofSystem(bytes4 proofSystemId);
    error VerificationRefused_ModelDeprecated(uint256 modelId);

    /// @notice Return only if `proof` shows that model `modelId`, run on the input behind `inputCommitment`, gave
    /// `output`; revert in every other case.
    /// @param modelId Id in the registry.
    /// @param inputCommitment Commitment to the private input.
    /// @param output ABI-encoded public outputs.
    /// @param proof Proof bytes, in the encoding of the implementation.
    function verifyInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external;

    /// @notice bytes4(keccak256(name)) of the model's proving system, for example of "groth16-bn254-v1".
    /// @param modelId Id of the model.
    /// @return Id of the proving system.
    function proofSystemOf(uint256 modelId) external view returns (bytes4);

    /// @notice Where the model commitments are read from.
    /// @return registryAddress The registry.
    function registry() external view returns (address registryAddress);
}
