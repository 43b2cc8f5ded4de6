// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERCZKMLVerifier} from "../interfaces/IERCZKMLVerifier.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title Model outputs: canonical ABI bytes to integers, integers to public signals.
/// @dev One output v in [-2^63, 2^63) becomes the 64-bit lane v + 2^63; three lanes make a signal, lane 0 lowest,
/// unused lanes zero. A signal is below 2^192 and so always below r.
library OutputCodec {
    int256 internal constant MIN = -(2 ** 63);
    int256 internal constant MAX = 2 ** 63 - 1;
    uint256 internal constant LANE_BITS = 64;
    uint256 internal constant LANES = 3;

    /// @notice Number of public signals that `count` outputs take.
    function signalCount(uint256 count) internal pure returns (uint256) {
        return (count + LANES - 1) / LANES;
    }

    /// @notice Decode `output`, which must be exactly abi.encode(int256[]) of `count` values in range.
    /// @dev The ABI decoder would also accept other offsets and trailing bytes: two encodings of one output.
    function decode(bytes calldata output, uint256 count) internal pure returns (int256[] memory values) {
        if (output.length < 64) revert IModelRegistry.OutputNotCanonical();
        uint256 length = uint256(bytes32(output[32:64]));
        // The division keeps a huge length from overflowing; the remainder refuses a partial word.
        if (
            uint256(bytes32(output[:32])) != 32 ||
            (output.length - 64) % 32 != 0 ||
            (output.length - 64) / 32 != length
        ) {
            revert IModelRegistry.OutputNotCanonical();
        }
        if (length != count) revert IERCZKMLVerifier.OutputMismatch();
        values = new int256[](count);
        for (uint256 i = 0; i < count; ++i) {
            int256 value = int256(uint256(bytes32(output[64 + 32 * i:96 + 32 * i])));
            if (value < MIN || value > MAX) revert IModelRegistry.OutputOutOfRange(i);
            values[i] = value;
        }
    }

    /// @notice Public signals of `values`, which must be in range (`decode` checks it).
    function pack(int256[] memory values) internal pure returns (uint256[] memory signals) {
        signals = new uint256[](signalCount(values.length));
        for (uint256 i = 0; i < values.length; ++i) {
            signals[i / LANES] |= uint256(values[i] - MIN) << (LANE_BITS * (i % LANES));
        }
    }
}
