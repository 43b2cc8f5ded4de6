// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {AccountCode} from "./AccountCode.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title Calling a generated verifier: its selector, its answer, its errors.
library VerifierCall {
    /// @notice Bytes of a Groth16 proof: A (64), B (128), C (64).
    uint256 internal constant PROOF_BYTES = 256;
    /// @dev Bytes of a batch before its first proof: selector, two offsets, count.
    uint256 private constant BATCH_HEAD = 100;
    /// @notice Most bytes of the verifier's error that are passed on: its errors have at most one argument.
    uint256 private constant MAX_ERROR_BYTES = 68;

    /// @notice Selector of verifyProof for `n` public signals, as snarkjs declares it.
    function selectorOf(uint256 n) internal pure returns (bytes4) {
        string memory signature = string.concat(
            "verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[",
            Strings.toString(n),
            "])"
        );
        return bytes4(keccak256(bytes(signature)));
    }

    /// @notice Selector of verifyProofs for `n` public signals a proof.
    function batchSelector(uint256 n) internal pure returns (bytes4) {
        return bytes4(keccak256(bytes(string.concat("verifyProofs(uint256[8][],uint256[", Strings.toString(n), "][])"))));
    }

    /// @notice A call of verifyProofs for `count` proofs of `n` signals, all zero until putProof and putSignals fill it.
    /// @dev Selector, two offsets, the count, the proofs, the count again, the signals: the one canonical encoding.
    function batch(uint256 count, uint256 n) internal pure returns (bytes memory data) {
        uint256 proofs = count * PROOF_BYTES;
        data = new bytes(BATCH_HEAD + proofs + 32 + 32 * n * count);
        bytes4 head = batchSelector(n);
        assembly ("memory-safe") {
            let start := add(data, 0x20) // behind the length
            mstore(start, head)
            mstore(add(start, 0x04), 0x40) // offset of the proofs
            mstore(add(start, 0x24), add(0x60, proofs)) // offset of the signals
            mstore(add(start, 0x44), count)
            mstore(add(start, add(BATCH_HEAD, proofs)), count)
        }
    }

    /// @notice Fill in proof `index` of a `batch`: the first 256 bytes of `proof`.
    function putProof(bytes memory data, uint256 index, bytes calldata proof) internal pure {
        assembly ("memory-safe") {
            calldatacopy(add(add(data, add(0x20, BATCH_HEAD)), mul(index, PROOF_BYTES)), proof.offset, PROOF_BYTES)
        }
    }

    /// @notice Fill in the signals of proof `index` of a `batch` of `count`: commitment, outputs, and the context that
    /// stands behind the 256 bytes of `proof`.
    function putSignals(
        bytes memory data,
        uint256 count,
        uint256 index,
        bytes32 inputCommitment,
        uint256[] memory outputs,
        bytes calldata proof
    ) internal pure {
        assembly ("memory-safe") {
            let length := shl(5, mload(outputs)) // bytes of the packed outputs
            let row := add(add(data, add(0x40, BATCH_HEAD)), mul(count, PROOF_BYTES)) // behind both counts and proofs
            row := add(row, mul(index, add(0x40, length)))
            mstore(row, inputCommitment)
            mcopy(add(row, 0x20), add(outputs, 0x20), length)
            calldatacopy(add(add(row, 0x20), length), add(proof.offset, PROOF_BYTES), 0x20) // the context
        }
    }

    /// @notice Revert unless `verifier` has code of its own, and return that code's hash.
    function pin(address verifier) internal view returns (bytes32) {
        if (verifier.code.length == 0) revert IModelRegistry.VerifierWithoutCode(verifier);
        if (AccountCode.isDelegated(verifier)) revert IModelRegistry.VerifierDelegated(verifier);
        return verifier.codehash;
    }

    /// @notice The word a getter of the verifier returns; reverts with VerifierCallFailed when it has no such getter.
    function read(address verifier, bytes4 getter) internal view returns (bytes32) {
        (bool success, uint256 size, uint256 word) = _staticcall(verifier, abi.encodePacked(getter));
        if (!success || size != 32) revert IModelRegistry.VerifierCallFailed(verifier);
        return bytes32(word);
    }

    /// @notice Revert unless the verifier answers "false" to the all-zero proof of `n` zero signals.
    /// @dev All points at infinity are well formed and satisfy the equation for no key. Shows that the verifier takes
    /// `n` signals and does not accept just anything.
    function probe(address verifier, bytes4 proofSelector, uint256 n) internal view {
        bytes memory data = abi.encodePacked(proofSelector, new bytes(PROOF_BYTES + 32 * n));
        (bool success, uint256 size, uint256 word) = _staticcall(verifier, data);
        if (!success || size != 32 || word != 0) revert IModelRegistry.VerifierProbeFailed(verifier);
    }

    /// @notice The same of a batch of one: shows that the verifier has a batch entry that does not accept just anything.
    function probeBatch(address verifier, uint256 n) internal view {
        (bool success, uint256 size, uint256 word) = _staticcall(verifier, batch(1, n));
        if (!success || size != 32 || word != 0) revert IModelRegistry.VerifierProbeFailed(verifier);
    }

    /// @notice The verifier's answer to `data` (selector, proof, signals). Reverts with the verifier's own error on a
    /// malformed call, and with VerifierCallFailed when the answer is not a boolean.
    function ask(address verifier, bytes memory data) internal view returns (bool) {
        (bool success, uint256 size, uint256 word) = _staticcall(verifier, data);
        if (!success && size >= 4) _bubble(size);
        if (!success || size != 32 || word > 1) revert IModelRegistry.VerifierCallFailed(verifier);
        return word == 1;
    }

    /// @return success Whether the call returned.
    /// @return size Bytes it returned.
    /// @return word Their first word, zero when there are fewer than 32.
    function _staticcall(
        address target,
        bytes memory data
    ) private view returns (bool success, uint256 size, uint256 word) {
        assembly ("memory-safe") {
            mstore(0x00, 0) // scratch: so that a short answer does not leave old bytes in it
            success := staticcall(gas(), target, add(data, 0x20), mload(data), 0x00, 0x20)
            size := returndatasize()
            if gt(size, 0x1f) {
                word := mload(0x00)
            }
        }
    }

    /// @dev Revert with the last call's error, cut to the length of the longest error a verifier has.
    function _bubble(uint256 size) private pure {
        if (size > MAX_ERROR_BYTES) size = MAX_ERROR_BYTES;
        assembly ("memory-safe") {
            let pointer := mload(0x40) // free memory: nothing runs after this
            returndatacopy(pointer, 0, size)
            revert(pointer, size)
        }
    }
}
