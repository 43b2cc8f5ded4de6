// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERCZKMLRegistry} from "../interfaces/IERCZKMLRegistry.sol";
import {IERCZKMLVerifier} from "../interfaces/IERCZKMLVerifier.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerdictVerifier} from "../interfaces/IVerdictVerifier.sol";
import {LayoutLib} from "../libraries/LayoutLib.sol";
import {OutputCodec} from "../libraries/OutputCodec.sol";
import {VerifierCall} from "../libraries/VerifierCall.sol";
import {ModelStore} from "./ModelStore.sol";

/// @title Registered models and the verification of their inferences (draft ERC-7992).
/// @notice No owner, no upgrade, no fee. See IModelRegistry for what an integrator may rely on.
/// @dev Proof encoding: 256 proof bytes in calldata order (A, B with the imaginary parts first, C), then the 32-byte
/// context the proof is bound to. What a context means is the caller's business; DecisionRegistry's stops replay.
contract ModelRegistry is ModelStore, ERC165 {
    uint256 private constant PROOF_AND_CONTEXT_BYTES = VerifierCall.PROOF_BYTES + 32;

    /// @inheritdoc IModelRegistry
    function bindVerifier(
        uint256 modelId,
        address verifier,
        bytes32 contentHash,
        Layout calldata outputLayout,
        uint64 maxAge
    ) external {
        Entry storage entry = _owned(modelId);
        _checkBindable(entry, modelId);
        if (maxAge == 0) revert InvalidMaxAge();
        LayoutLib.check(outputLayout);
        bytes32 layoutHash = LayoutLib.hash(outputLayout);
        bytes32 modelHash = LayoutLib.modelHash(contentHash, layoutHash);
        if (modelHash != entry.commitment.modelHash) revert ModelHashMismatch(entry.commitment.modelHash, modelHash);

        uint256 signals = _signalCount(outputLayout.decimals.length);
        Binding memory binding = Binding({
            verifier: verifier,
            maxAge: maxAge,
            outputCount: uint16(outputLayout.decimals.length), // at most LayoutLib.MAX_OUTPUTS
            selector: VerifierCall.selectorOf(signals),
            codeHash: VerifierCall.pin(verifier),
            layoutHash: layoutHash,
            transcriptHash: 0
        });
        if (_frozenCode[msg.sender][binding.codeHash]) revert VerifierCodeFrozen(msg.sender, binding.codeHash);
        bytes32 vkHash = VerifierCall.read(verifier, IVerdictVerifier.vkHash.selector);
        if (vkHash != entry.commitment.vkHash) revert VerifyingKeyMismatch(entry.commitment.vkHash, vkHash);
        binding.transcriptHash = VerifierCall.read(verifier, IVerdictVerifier.transcriptHash.selector);
        VerifierCall.probe(verifier, binding.selector, signals);
        VerifierCall.probeBatch(verifier, signals);

        entry.bound = true;
        entry.binding = binding;
        entry.outputLayout = outputLayout;
        if (entry.supersedes != 0) {
            _entries[entry.supersedes].successor = modelId;
            emit ModelSuperseded(entry.supersedes, modelId);
        }
        emit VerifierBound(
            modelId,
            verifier,
            outputLayout.schemaHash,
            binding.codeHash,
            layoutHash,
            binding.transcriptHash,
            maxAge
        );
    }

    /// @inheritdoc IERCZKMLVerifier
    /// @dev A malformed call (a signal not below r, a coordinate not below q, a point off its curve) reverts with the
    /// verifier's own error, see IVerdictVerifier; a well-formed proof that does not hold with InvalidProof.
    function verifyInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external {
        Binding memory binding = _verifiable(modelId);
        if (proof.length != PROOF_AND_CONTEXT_BYTES) revert MalformedProof(proof.length);
        // Only the outputs vary in length, and the binding fixes that.
        // slither-disable-next-line encode-packed-collision
        bytes memory data = abi.encodePacked(
            binding.selector,
            proof[:VerifierCall.PROOF_BYTES],
            inputCommitment,
            OutputCodec.pack(OutputCodec.decode(output, binding.outputCount)),
            proof[VerifierCall.PROOF_BYTES:]
        );
        if (!VerifierCall.ask(binding.verifier, data)) revert InvalidProof();
        emit InferenceVerified(modelId, inputCommitment, output, msg.sender);
    }

    /// @inheritdoc IModelRegistry
    function verifyInferences(uint256 modelId, Inference[] calldata inferences) external {
        Binding memory binding = _verifiable(modelId);
        uint256 count = inferences.length;
        if (count == 0) revert EmptyBatch();
        uint256 signals = _signalCount(binding.outputCount);
        bytes memory data = VerifierCall.batch(count, signals);
        for (uint256 i = 0; i < count; ++i) {
            Inference calldata inference = inferences[i];
            if (inference.proof.length != PROOF_AND_CONTEXT_BYTES) revert MalformedProof(inference.proof.length);
            uint256[] memory outputs = OutputCodec.pack(OutputCodec.decode(inference.output, binding.outputCount));
            VerifierCall.putProof(data, i, inference.proof);
            VerifierCall.putSignals(data, count, i, inference.inputCommitment, outputs, inference.proof);
        }
        if (!VerifierCall.ask(binding.verifier, data)) revert InvalidProof();
        for (uint256 i = 0; i < count; ++i) {
            emit InferenceVerified(modelId, inferences[i].inputCommitment, inferences[i].output, msg.sender);
        }
    }

    /// @inheritdoc IERCZKMLVerifier
    function proofSystemOf(uint256 modelId) external view returns (bytes4) {
        return _known(modelId).commitment.proofSystemId;
    }

    /// @inheritdoc IERCZKMLVerifier
    function registry() external view returns (address registryAddress) {
        return address(this);
    }

    /// @inheritdoc IModelRegistry
    function modelHashOf(bytes32 contentHash, Layout calldata outputLayout) external pure returns (bytes32) {
        return LayoutLib.modelHash(contentHash, LayoutLib.hash(outputLayout));
    }

    /// @inheritdoc IModelRegistry
    function layoutHashOf(Layout calldata outputLayout) external pure returns (bytes32) {
        return LayoutLib.hash(outputLayout);
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(IERCZKMLRegistry).interfaceId ||
            interfaceId == type(IERCZKMLVerifier).interfaceId ||
            interfaceId == type(IModelRegistry).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    /// @dev Public signals of a model with `outputs` outputs: the commitment, the packed outputs, the context.
    function _signalCount(uint256 outputs) private pure returns (uint256) {
        return 2 + OutputCodec.signalCount(outputs);
    }

    /// @dev The binding of a model that may verify, its verifier's code being the pinned one.
    function _verifiable(uint256 modelId) private view returns (Binding memory binding) {
        Entry storage entry = _known(modelId);
        if (entry.frozen) revert VerifierIsFrozen(modelId);
        if (entry.deprecated) revert VerificationRefused_ModelDeprecated(modelId);
        if (!entry.bound) revert ModelPending(modelId);
        binding = entry.binding;
        if (binding.verifier.codehash != binding.codeHash) revert VerifierCodeChanged(modelId, binding.verifier);
    }

    /// @dev Revert unless the model is pending and its predecessor, if any, is still the caller's and not replaced.
    function _checkBindable(Entry storage entry, uint256 modelId) private view {
        if (entry.deprecated) revert VerificationRefused_ModelDeprecated(modelId);
        if (entry.bound) revert ModelAlreadyBound(modelId);
        if (entry.supersedes == 0) return;
        uint256 successor = _owned(entry.supersedes).successor;
        if (successor != 0) revert ModelAlreadySuperseded(entry.supersedes, successor);
    }
}
