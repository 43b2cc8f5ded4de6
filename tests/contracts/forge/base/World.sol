// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionRegistry} from "contracts/interfaces/IDecisionRegistry.sol";
import {IERCZKMLRegistry} from "contracts/interfaces/IERCZKMLRegistry.sol";
import {IModelRegistry} from "contracts/interfaces/IModelRegistry.sol";
import {DecisionRegistry} from "contracts/registry/DecisionRegistry.sol";
import {IssuerRegistry} from "contracts/registry/IssuerRegistry.sol";
import {ModelRegistry} from "contracts/registry/ModelRegistry.sol";
import {Harness} from "./Harness.sol";

/// @dev A verifier in miniature: a proof of (commitment, tier, context) opens the commitment to that tier and seals the
/// three together. Like a real one it has no proof of a tier that the committed facts do not have. No pairing: what
/// Groth16 itself refuses is tested from Python with real proofs.
contract SealVerifier {
    bytes32 public constant vkHash = keccak256("seal verifying key");
    bytes32 public constant transcriptHash = keccak256("seal transcript");

    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[3] calldata signals
    ) external pure returns (bool) {
        return _holds([a[0], a[1], b[0][0], b[0][1], b[1][0], b[1][1], c[0], c[1]], signals);
    }

    function verifyProofs(uint256[8][] calldata proofs, uint256[3][] calldata signals) external pure returns (bool) {
        require(proofs.length != 0 && proofs.length == signals.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            if (!_holds(proofs[i], signals[i])) return false;
        }
        return true;
    }

    function commit(uint256 tier, uint256 salt) public pure returns (uint256) {
        return uint256(keccak256(abi.encode("facts", tier, salt))) >> 3;
    }

    function seal(uint256[3] calldata signals) public pure returns (uint256) {
        return uint256(keccak256(abi.encode("seal", signals)));
    }

    function _holds(uint256[8] memory proof, uint256[3] calldata signals) private pure returns (bool) {
        return
            signals[0] == commit(proof[0], proof[1]) &&
            signals[1] == (1 << 63) + proof[0] &&
            proof[2] == seal(signals) &&
            proof[3] | proof[4] | proof[5] | proof[6] | proof[7] == 0;
    }
}

/// @dev The registries, one tier model, one issuer, and people who attest, consent and prove.
contract World is Harness {
    /// @dev What an honest submission is about.
    struct Facts {
        uint256 subjectKey;
        bytes32 personId;
        uint256 tier;
        address consumer;
        uint256 nonce;
        uint64 sequence;
        uint64 observedAt;
        uint64 expiresAt;
    }

    uint256 public constant ISSUER_KEY = 0x1550E4;
    uint64 public constant MAX_AGE = 30 days;
    bytes32 public constant SCHEMA = keccak256("schema");
    uint256 public constant TIERS = 3;

    ModelRegistry public models;
    IssuerRegistry public issuers;
    DecisionRegistry public decisions;
    SealVerifier public verifier;
    uint256 public modelId;
    address public issuer;

    constructor() {
        vm.warp(START);
        models = new ModelRegistry();
        issuers = new IssuerRegistry();
        decisions = new DecisionRegistry(models, issuers);
        verifier = new SealVerifier();
        IModelRegistry.Layout memory chosen = layout();
        modelId = models.registerModel(
            IERCZKMLRegistry.ModelCommitment({
                modelHash: models.modelHashOf(keccak256("content"), chosen),
                circuitHash: keccak256("circuit"),
                vkHash: verifier.vkHash(),
                proofSystemId: models.PROOF_SYSTEM_ID(),
                uri: ""
            })
        );
        models.bindVerifier(modelId, address(verifier), keccak256("content"), chosen, MAX_AGE);
        issuer = vm.addr(ISSUER_KEY);
        vm.prank(issuer);
        issuers.registerIssuer(address(this), "");
    }

    function layout() public pure returns (IModelRegistry.Layout memory outputs) {
        outputs.schemaHash = SCHEMA;
        outputs.decimals = new uint8[](1);
        outputs.polarity = 1;
        outputs.reveal = 2;
        outputs.thresholds = new int256[](TIERS - 1);
        (outputs.thresholds[0], outputs.thresholds[1]) = (500_000, 800_000);
    }

    /// @dev Everything signed and proven as it should be.
    function item(Facts memory facts) public view returns (IDecisionRegistry.Submission memory made) {
        uint256 salt = uint256(keccak256(abi.encode(facts)));
        made.attestation = IDecisionRegistry.Attestation({
            issuer: issuer,
            subject: vm.addr(facts.subjectKey),
            personId: facts.personId,
            schema: SCHEMA,
            inputCommitment: bytes32(verifier.commit(facts.tier, salt)),
            observedAt: facts.observedAt,
            expiresAt: facts.expiresAt,
            sequence: facts.sequence
        });
        bytes32 attestationHash = decisions.hashAttestation(made.attestation);
        made.consent = IDecisionRegistry.Consent({
            attestationHash: attestationHash,
            modelId: modelId,
            consumer: facts.consumer,
            nonce: facts.nonce,
            deadline: uint64(block.timestamp + 1 hours)
        });
        made.issuerSignature = sign(ISSUER_KEY, attestationHash);
        made.subjectSignature = sign(facts.subjectKey, decisions.hashConsent(made.consent));
        made.output = encode(int256(facts.tier));
        made.proof = prove(facts.tier, salt, decisions.contextOf(modelId, attestationHash, facts.nonce));
    }

    /// @dev A fresh decision of `tier` for `consumer`, submitted: what most tests start from.
    function decide(uint256 subjectKey, bytes32 personId, uint256 tier, address consumer, uint64 life) external {
        (uint64 last, ) = decisions.lastAcceptedOf(issuer, vm.addr(subjectKey), SCHEMA);
        Facts memory facts = Facts({
            subjectKey: subjectKey,
            personId: personId,
            tier: tier,
            consumer: consumer,
            nonce: uint256(keccak256(abi.encode(consumer, last))) >> 96,
            sequence: last + 1,
            observedAt: uint64(block.timestamp),
            expiresAt: uint64(block.timestamp) + life
        });
        submit(item(facts));
    }

    function submit(IDecisionRegistry.Submission memory made) public {
        decisions.submit(
            made.attestation,
            made.issuerSignature,
            made.consent,
            made.subjectSignature,
            made.output,
            made.proof
        );
    }

    /// @dev The issuer's administration is this contract's.
    function administer(bytes calldata call) external {
        (bool success, ) = address(issuers).call(call);
        holds(success, "the administrator acts on its issuer");
    }

    function sign(uint256 key, bytes32 structHash) public view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", decisions.domainSeparator(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function encode(int256 value) public pure returns (bytes memory) {
        int256[] memory values = new int256[](1);
        values[0] = value;
        return abi.encode(values);
    }

    function prove(uint256 tier, uint256 salt, uint256 context) public view returns (bytes memory) {
        uint256[3] memory signals = [verifier.commit(tier, salt), (1 << 63) + tier, context];
        return abi.encode(tier, salt, verifier.seal(signals), 0, 0, 0, 0, 0);
    }
}
