// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERCZKMLStorageExtension} from "../interfaces/IERCZKMLStorageExtension.sol";
import {IERCZKMLVerifier} from "../interfaces/IERCZKMLVerifier.sol";

/// @title Verified inferences kept for others to read (draft ERC-7992's storage extension). No owner.
/// @notice An inference that stands here held when it was stored, under any context: it says what a model answers to a
/// committed input, not who may act on it. A model deprecated or frozen since keeps its inferences here; ask the registry
/// before relying on one. Decisions about people live in DecisionRegistry instead.
contract InferenceStore is IERCZKMLStorageExtension, ERC165 {
    struct Inference {
        uint256 modelId;
        bytes32 inputCommitment;
        bytes output; // never empty once stored: an encoded array has at least two words
    }

    /// @notice Who verifies: a Verdict ModelRegistry.
    IERCZKMLVerifier public immutable verifier;

    mapping(bytes32 inferenceId => Inference inference) private _inferences;

    error InvalidVerifier(address verifier);
    error InferenceNotFound(bytes32 inferenceId);

    /// @param verifier_ The model registry; never changes.
    constructor(IERCZKMLVerifier verifier_) {
        if (address(verifier_).code.length == 0) revert InvalidVerifier(address(verifier_));
        verifier = verifier_;
    }

    /// @inheritdoc IERCZKMLStorageExtension
    /// @dev Storing again what is stored verifies, changes nothing and returns the same id, so that being overtaken by
    /// another sender of the same inference harms nobody.
    function verifyAndStoreInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external returns (bytes32 inferenceId) {
        inferenceId = keccak256(abi.encodePacked(modelId, inputCommitment, output));
        Inference storage inference = _inferences[inferenceId];
        if (inference.output.length == 0) {
            inference.modelId = modelId;
            inference.inputCommitment = inputCommitment;
            inference.output = output;
            emit InferenceStored(inferenceId);
        }
        verifier.verifyInference(modelId, inputCommitment, output, proof);
    }

    /// @inheritdoc IERCZKMLStorageExtension
    function getInference(
        bytes32 inferenceId
    ) external view returns (uint256 modelId, bytes32 inputCommitment, bytes memory output) {
        Inference storage inference = _inferences[inferenceId];
        if (inference.output.length == 0) revert InferenceNotFound(inferenceId);
        return (inference.modelId, inference.inputCommitment, inference.output);
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERCZKMLStorageExtension).interfaceId || super.supportsInterface(interfaceId);
    }
}
