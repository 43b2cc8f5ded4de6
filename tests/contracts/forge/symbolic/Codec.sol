// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OutputCodec} from "contracts/libraries/OutputCodec.sol";

/// @dev For every input, not some: halmos runs these on symbols. An assertion is what it proves.
/// That each output comes back from its lane is the fuzzer's (Libraries.t.sol): halmos 0.3.3 answers with values that pass
/// when they are run.
contract CodecProofs {
    /// @dev Two outputs that differ never share their signals.
    function check_PackIsInjective(int64[3] memory left, int64[3] memory right) external pure {
        int256[] memory a = new int256[](3);
        int256[] memory b = new int256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (a[i], b[i]) = (left[i], right[i]);
        }
        if (OutputCodec.pack(a)[0] != OutputCodec.pack(b)[0]) return;
        for (uint256 i = 0; i < 3; ++i) {
            assert(left[i] == right[i]);
        }
    }

    /// @dev Bytes that decode are abi.encode of what they decode to: there is no second encoding.
    function check_DecodeIsCanonical(uint256 offset, uint256 length, uint256 first, uint256 second) external view {
        bytes memory output = abi.encode(offset, length, first, second);
        try this.decode(output, 2) returns (int256[] memory values) {
            assert(keccak256(output) == keccak256(abi.encode(values)));
            assert(offset == 32 && length == 2);
            assert(values[0] == int256(first) && values[1] == int256(second));
        } catch {}
    }

    function decode(bytes calldata output, uint256 count) external pure returns (int256[] memory) {
        return OutputCodec.decode(output, count);
    }
}
