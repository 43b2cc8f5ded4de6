// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Tells what a view costs the contract that reads it.
contract Gauge {
    /// @dev Gas of one call: the opcode, the access to a target nobody touched before in this transaction, the target's
    /// own work. Calldata in the transaction and the decoding of the answer are not in it.
    function gasOf(address target, bytes memory data) external view returns (bool success, uint256 used) {
        assembly ("memory-safe") {
            let before := gas()
            success := staticcall(gas(), target, add(data, 0x20), mload(data), 0, 0)
            used := sub(before, gas())
        }
    }
}
