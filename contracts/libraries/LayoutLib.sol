// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {OutputCodec} from "./OutputCodec.sol";

/// @title What a model's public outputs mean: checks and hashes of a layout.
library LayoutLib {
    /// @notice Id of the public signals' order: [inputCommitment, packed outputs..., context].
    bytes32 internal constant LAYOUT_ID = keccak256("verdict/v1");
    bytes32 internal constant MODEL_DOMAIN = keccak256("verdict/model/v1");

    uint8 internal constant POLARITY_HIGHER = 1;
    uint8 internal constant MAX_POLARITY = 2;
    uint8 internal constant REVEAL_TIER = 2;
    uint8 internal constant MAX_REVEAL = 2;

    /// @notice Most outputs of a model and most thresholds, as off chain.
    uint256 internal constant MAX_OUTPUTS = 1024;
    uint256 internal constant MAX_THRESHOLDS = 255;
    /// @notice Most decimals: 10^18 < 2^63 < 10^19, so that one whole unit always fits an output.
    uint256 internal constant MAX_DECIMALS = 18;

    /// @notice Hash of a layout, the same as off chain.
    function hash(IModelRegistry.Layout calldata outputLayout) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    LAYOUT_ID,
                    outputLayout.schemaHash,
                    outputLayout.decimals,
                    outputLayout.polarity,
                    outputLayout.reveal,
                    outputLayout.thresholds
                )
            );
    }

    /// @notice A model's hash: its file and plan, and what its outputs mean.
    function modelHash(bytes32 contentHash, bytes32 layoutHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(MODEL_DOMAIN, contentHash, layoutHash));
    }

    /// @notice Revert with InvalidLayout and the field's name unless the layout can be that of a model.
    /// @dev Tier mode: one output without decimals, at least one threshold, all ascending and in range.
    /// Other modes have no thresholds.
    function check(IModelRegistry.Layout calldata outputLayout) internal pure {
        uint256 count = outputLayout.decimals.length;
        _require(outputLayout.schemaHash != 0, "schemaHash");
        _require(count != 0 && count <= MAX_OUTPUTS, "decimals");
        for (uint256 i = 0; i < count; ++i) {
            _require(outputLayout.decimals[i] <= MAX_DECIMALS, "decimals");
        }
        _require(outputLayout.polarity <= MAX_POLARITY, "polarity");
        _require(outputLayout.reveal <= MAX_REVEAL, "reveal");
        if (outputLayout.reveal == REVEAL_TIER) {
            _require(count == 1 && outputLayout.decimals[0] == 0, "decimals");
            _require(_ascending(outputLayout.thresholds), "thresholds");
        } else {
            _require(outputLayout.thresholds.length == 0, "thresholds");
        }
    }

    function _require(bool holds, bytes32 field) private pure {
        if (!holds) revert IModelRegistry.InvalidLayout(field);
    }

    function _ascending(int256[] calldata thresholds) private pure returns (bool) {
        if (thresholds.length == 0 || thresholds.length > MAX_THRESHOLDS) return false;
        for (uint256 i = 0; i < thresholds.length; ++i) {
            if (thresholds[i] < OutputCodec.MIN || thresholds[i] > OutputCodec.MAX) return false;
            if (i != 0 && thresholds[i] <= thresholds[i - 1]) return false;
        }
        return true;
    }
}
