// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {AccountCode} from "./AccountCode.sol";

/// @title Signatures of wallets: plain keys, contracts, and keys that delegate to code.
/// @notice OpenZeppelin's SignatureChecker with two differences. An account delegated by EIP-7702 still has its key,
/// and a signature by that key counts, whatever the delegate thinks; the delegate is asked only when it does not.
/// And the call to a wallet has bounded gas and its answer bounded length, so that no wallet can burn or blow up the
/// relayer's transaction. A wallet that says no because less than that bound could be handed to it has not been heard:
/// the transaction reverts, so that no search for the least gas settles where a valid signature looks invalid.
library Signatures {
    /// @notice A wallet's signature did not check out, and it was not given all the gas it is due.
    error TooLittleGasForSignature(address signer);

    /// @notice Gas for one ERC-1271 call: several times what multisigs need, enough for a P-256 check in Solidity.
    uint256 internal constant ERC1271_GAS = 400_000;

    /// @notice Whether `signature` is `signer`'s over `digest`. High-s and 64-byte ECDSA signatures do not count.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer.code.length == 0) return _isOwnKey(signer, digest, signature);
        if (AccountCode.isDelegated(signer) && _isOwnKey(signer, digest, signature)) return true;
        return _isContractValid(signer, digest, signature);
    }

    function _isOwnKey(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address recovered, ECDSA.RecoverError fault, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return fault == ECDSA.RecoverError.NoError && recovered == signer;
    }

    function _isContractValid(
        address signer,
        bytes32 digest,
        bytes calldata signature
    ) private view returns (bool valid) {
        bool heard;
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes4 magic = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            // A call is given at most all but a 64th of the gas that is left; opening it costs at most 2,600 before.
            let left := gas()
            heard := gt(sub(left, shr(6, left)), add(ERC1271_GAS, 5000))
            mstore(0x00, 0) // scratch: receives at most one word of the answer
            let success := staticcall(ERC1271_GAS, signer, add(data, 0x20), mload(data), 0x00, 0x20)
            // A bytes4 answer is one word, left-aligned, with zeros behind it.
            valid := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), magic))
        }
        if (!valid && !heard) revert TooLittleGasForSignature(signer);
    }
}
