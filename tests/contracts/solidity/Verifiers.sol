// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelRegistry} from "contracts/interfaces/IModelRegistry.sol";

/// @dev Stands in for a verifier in tests of the registry's bookkeeping; answers what it was built to answer to
/// every proof. Never used where a proof matters.
contract StubVerifier {
    bytes32 public immutable vkHash;
    bytes32 public immutable transcriptHash;
    bytes private answer;
    bool private immutable reverts;

    constructor(bytes32 vkHash_, bytes32 transcriptHash_, bytes memory answer_, bool reverts_) {
        vkHash = vkHash_;
        transcriptHash = transcriptHash_;
        answer = answer_;
        reverts = reverts_;
    }

    fallback() external {
        bytes memory data = answer;
        if (reverts) {
            assembly {
                revert(add(data, 0x20), mload(data))
            }
        }
        assembly {
            return(add(data, 0x20), mload(data))
        }
    }

    /// @dev Changes the answer after the registry has probed it.
    function setAnswer(bytes calldata answer_) external {
        answer = answer_;
    }
}

/// @dev Has code but none of a verifier's getters.
contract NoVerifier {}

/// @dev A verifier that its maker can remove in the transaction that creates it (EIP-6780).
contract KillableVerifier {
    bytes32 public immutable vkHash;
    bytes32 public constant transcriptHash = 0;

    constructor(bytes32 vkHash_) {
        vkHash = vkHash_;
    }

    fallback() external {
        assembly {
            mstore(0, 0)
            return(0, 0x20)
        }
    }

    function kill() external {
        selfdestruct(payable(msg.sender));
    }
}

/// @dev Registers a model whose verifier is gone when the transaction ends, so that other code could take its place.
contract MetamorphicOwner {
    uint256 public modelId;

    function run(
        IModelRegistry models,
        IModelRegistry.ModelCommitment calldata commitment,
        bytes32 contentHash,
        IModelRegistry.Layout calldata layout
    ) external {
        KillableVerifier verifier = new KillableVerifier(commitment.vkHash);
        modelId = models.registerModel(commitment);
        models.bindVerifier(modelId, address(verifier), contentHash, layout, 1);
        verifier.kill();
    }
}
