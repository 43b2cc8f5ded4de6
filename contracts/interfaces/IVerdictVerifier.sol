// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Errors of a generated Groth16 verifier: the call was malformed, which is not the same as an invalid proof.
interface IVerdictVerifierErrors {
    /// @notice Public signal `index` is not below the order r of the scalar field. In a batch signals are numbered through.
    error SignalNotCanonical(uint256 index);
    /// @notice Proof coordinate `index` (0..7, in calldata order; in a batch numbered through) is not below the base
    /// field's modulus q.
    error CoordinateNotCanonical(uint256 index);
    /// @notice The calldata is longer than the proof and the signals; or a batch is empty, has not as many proofs as rows
    /// of signals, or is not canonically encoded. Shorter calldata reverts without data: Solidity's
    /// decoder refuses it before the contract's own code runs.
    error MalformedCalldata();
    /// @notice A curve precompile refused its input (a point off the curve or outside its group) or lacked gas.
    error PrecompileFailed();
}

/// @title What every generated Groth16 verifier offers besides its proof function.
/// @notice The proof function has snarkjs's ABI, whose selector depends on the number n of public signals and so
/// cannot stand in one interface: `verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[n]) view returns (bool)`.
/// Beside it stands `verifyProofs(uint256[8][],uint256[n][]) view returns (bool)`: whether all of several proofs hold.
/// The model registry computes the selectors from n.
/// @dev A well-formed proof that does not hold returns false. A malformed call reverts with one of the errors above.
interface IVerdictVerifier is IVerdictVerifierErrors {
    /// @notice keccak256 of the verifying key: alpha, beta, gamma, delta, IC, uncompressed, big-endian.
    /// @return The hash.
    function vkHash() external view returns (bytes32);

    /// @notice Hash of the ceremony's transcript; zero for a development key, whose maker could forge proofs.
    /// @return The hash, or zero.
    function transcriptHash() external view returns (bytes32);
}
