// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";

/// @title EIP-712 struct hashes of attestation and consent, and the context a proof is bound to.
library DecisionHash {
    bytes32 internal constant ATTESTATION_TYPEHASH =
        keccak256(
            "Attestation(address issuer,address subject,bytes32 personId,bytes32 schema,bytes32 inputCommitment,"
            "uint64 observedAt,uint64 expiresAt,uint64 sequence)"
        );
    bytes32 internal constant CONSENT_TYPEHASH =
        keccak256("Consent(bytes32 attestationHash,uint256 modelId,address consumer,uint256 nonce,uint64 deadline)");
    bytes32 internal constant CONTEXT_DOMAIN = keccak256("verdict/decision/v1");

    function hash(IDecisionRegistry.Attestation calldata attestation) internal pure returns (bytes32) {
        // All members are static, so abi.encode of the struct is the concatenation EIP-712 asks for.
        return keccak256(abi.encode(ATTESTATION_TYPEHASH, attestation));
    }

    function hash(IDecisionRegistry.Consent calldata consent) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONSENT_TYPEHASH, consent));
    }

    /// @return 253 bits: below r, whose length is 254 bits.
    function context(
        address decisionRegistry,
        uint256 modelId,
        bytes32 attestationHash,
        uint256 consentNonce
    ) internal view returns (uint256) {
        return
            uint256(
                keccak256(
                    abi.encode(CONTEXT_DOMAIN, block.chainid, decisionRegistry, modelId, attestationHash, consentNonce)
                )
            ) >> 3;
    }
}
