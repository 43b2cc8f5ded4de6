// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What kind of code an account has.
library AccountCode {
    uint256 private constant DELEGATION_BYTES = 23; // EIP-7702: 0xef0100 and the delegate's address
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;

    /// @notice Whether `account` is an externally owned account that delegates to code by EIP-7702.
    /// @dev No deployed contract starts with 0xef (EIP-3541), so the prefix is unambiguous.
    function isDelegated(address account) internal view returns (bool delegated) {
        if (account.code.length != DELEGATION_BYTES) return false;
        bytes3 prefix;
        assembly ("memory-safe") {
            mstore(0x00, 0) // scratch: three bytes of code land in front of zeros
            extcodecopy(account, 0x00, 0, 3)
            prefix := mload(0x00)
        }
        return prefix == DELEGATION_PREFIX;
    }
}
