// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {AccountCode} from "./AccountCode.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title Calling a generated verifier: its selector, its answer, its errors.
library VerifierCall {
    /// @notice Bytes of a Groth16 proof: A (64), B (128), C (64).
    uint256 internal constant PROOF_BYTES = 256;
    /// @notice Most bytes of the verifier's error that are passed on: its errors have at most one argument.
    uint256 private constant MAX_ERROR_BYTES = 68;

    /// @notice Selector of verifyProof for `n` public signals, as snarkjs declares it.
    function selector(uint256 n) internal pure returns (bytes4) {
        string memory signature = string.concat(
            "verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[",
            Strings.toString(n),
            "])"
        );
        return bytes4(keccak256(bytes(signature)));
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
