// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionRegistry} from "contracts/interfaces/IDecisionRegistry.sol";
import {IIssuerRegistry} from "contracts/interfaces/IIssuerRegistry.sol";
import {Harness} from "../base/Harness.sol";
import {World} from "../base/World.sol";

/// @dev Submits, forges, replays, revokes, suspends and waits; keeps its own books of what must count.
contract DecisionHandler is Harness {
    struct Stored {
        bytes32 attestationHash;
        bytes32 personId;
        uint256 tier;
        uint64 sequence;
        uint64 validUntil;
    }

    uint256 public constant SUBJECTS = 3;
    uint256 public constant CONSUMERS = 2;
    uint256 public constant NONCES = 8;

    World public immutable world;
    uint256 public accepted;
    bool public suspended;
    mapping(uint256 subject => mapping(uint256 nonce => bool)) public nonceUsed;
    mapping(uint256 subject => mapping(uint256 consumer => Stored)) public stored;
    mapping(uint256 subject => mapping(uint256 consumer => bool)) public withdrawn;
    mapping(uint256 subject => uint64) public minimum;
    mapping(uint256 subject => uint64) public lastSequence;
    mapping(uint256 subject => bytes32) public lastHash;
    mapping(bytes32 attestationHash => bool) public revoked;
    IDecisionRegistry.Submission[] private _history;

    constructor(World world_) {
        world = world_;
    }

    function key(uint256 subject) public pure returns (uint256) {
        return 0xA11CE + subject;
    }

    function consumerAt(uint256 index) public pure returns (address) {
        return address(uint160(0xC0 + index));
    }

    /// @dev An honest submission is accepted exactly when these books say so.
    function submit(uint256 who, uint256 tier, uint256 nonce, uint256 sequence, uint256 age, uint256 life) external {
        World.Facts memory facts = _facts(who % SUBJECTS, tier, nonce % NONCES, sequence, age, life);
        IDecisionRegistry.Submission memory made = world.item(facts);
        bool expected = _enter(who % SUBJECTS, facts, made);
        try world.submit(made) {
            holds(expected, "a submission the books refuse was accepted");
        } catch {
            holds(!expected, "a submission the books accept was refused");
        }
    }

    /// @dev A batch stores what submitting one by one would have stored, whatever is wrong with the others.
    function submitBatch(uint256 first, uint256 second, uint256 tier, uint256 nonce, uint256 life) external {
        IDecisionRegistry.Submission[] memory items = new IDecisionRegistry.Submission[](3);
        uint256 expected;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 who = (i == 1 ? second : first) % SUBJECTS;
            World.Facts memory facts = _facts(who, tier >> i, (nonce >> i) % NONCES, nonce >> (8 * i), life >> 200, life);
            items[i] = world.item(facts);
            if (_enter(who, facts, items[i])) ++expected;
        }
        equal(world.decisions().submitBatch(world.modelId(), items), expected, "stored by a batch");
    }

    function withdrawConsent(uint256 who, uint256 consumer) external {
        who %= SUBJECTS;
        consumer %= CONSUMERS;
        (IDecisionRegistry decisions, uint256 modelId, address issuer) = (
            world.decisions(),
            world.modelId(),
            world.issuer()
        );
        vm.prank(vm.addr(key(who)));
        try decisions.withdrawConsent(modelId, issuer, consumerAt(consumer)) {
            withdrawn[who][consumer] = true;
        } catch {
            holds(withdrawn[who][consumer] || stored[who][consumer].validUntil == 0, "a consent could not be withdrawn");
        }
    }

    /// @dev One thing wrong about an otherwise honest submission: never accepted.
    function submitForged(uint256 who, uint256 tier, uint256 fault, uint256 noise) external {
        who %= SUBJECTS;
        uint256 nonce = type(uint176).max - noise % NONCES;
        IDecisionRegistry.Submission memory made = world.item(_facts(who, tier, nonce, lastSequence[who] + 1, 0, 1 days));
        fault %= 8;
        if (fault == 0) made.output = world.encode(int256(((tier % 3) + 1 + (noise % 2)) % 3));
        if (fault == 1) made.proof[noise % made.proof.length] ^= bytes1(uint8(1 + (noise % 255)));
        if (fault == 2) made.attestation.personId ^= bytes32(noise | 1);
        if (fault == 3) made.consent.consumer = address(uint160(noise | 0x100));
        if (fault == 4) made.issuerSignature[noise % 65] ^= bytes1(uint8(1 + (noise % 255)));
        if (fault == 5) made.subjectSignature[noise % 65] ^= bytes1(uint8(1 + (noise % 255)));
        if (fault == 6) made.consent.deadline += 1;
        if (fault == 7) made.attestation.inputCommitment ^= bytes32(noise | 1);
        try world.submit(made) {
            revert Broken("a decision without a valid proof and both signatures");
        } catch {}
    }

    /// @dev What was accepted once is never accepted again.
    function replay(uint256 which) external {
        if (_history.length == 0) return;
        try world.submit(_history[which % _history.length]) {
            revert Broken("a replayed submission was accepted");
        } catch {}
    }

    function invalidateNonce(uint256 who, uint256 nonce) external {
        who %= SUBJECTS;
        nonce %= NONCES;
        IDecisionRegistry decisions = world.decisions();
        vm.prank(vm.addr(key(who)));
        try decisions.invalidateConsentNonce(nonce) {
            holds(!nonceUsed[who][nonce], "a used nonce was invalidated again");
        } catch {
            holds(nonceUsed[who][nonce], "an unused nonce could not be invalidated");
        }
        nonceUsed[who][nonce] = true;
    }

    function revoke(uint256 which) external {
        if (_history.length == 0) return;
        bytes32 attestationHash = _history[which % _history.length].consent.attestationHash;
        world.administer(abi.encodeCall(IIssuerRegistry.revokeAttestation, (world.issuer(), attestationHash)));
        revoked[attestationHash] = true;
    }

    function raiseMinimum(uint256 who) external {
        who %= SUBJECTS;
        if (lastSequence[who] == 0) return;
        minimum[who] = lastSequence[who] + 1 > minimum[who] ? lastSequence[who] + 1 : minimum[who] + 1;
        world.administer(
            abi.encodeCall(
                IIssuerRegistry.raiseMinimumSequence,
                (world.issuer(), vm.addr(key(who)), world.SCHEMA(), minimum[who])
            )
        );
    }

    function suspendOrResume() external {
        suspended = !suspended;
        address issuer = world.issuer();
        world.administer(
            suspended
                ? abi.encodeCall(IIssuerRegistry.suspendIssuer, (issuer))
                : abi.encodeCall(IIssuerRegistry.resumeIssuer, (issuer))
        );
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 6 days));
    }

    /// @dev Whether the stored decision has to count now.
    function counts(uint256 who, uint256 consumer) external view returns (bool) {
        Stored storage entry = stored[who][consumer];
        return
            entry.validUntil > block.timestamp &&
            !withdrawn[who][consumer] &&
            !suspended &&
            !revoked[entry.attestationHash] &&
            entry.sequence >= minimum[who];
    }

    /// @dev Whether the submission has to be accepted; enters it if so.
    function _enter(
        uint256 who,
        World.Facts memory facts,
        IDecisionRegistry.Submission memory made
    ) private returns (bool expected) {
        uint256 consumer = facts.consumer == consumerAt(0) ? 0 : 1;
        bytes32 attestationHash = made.consent.attestationHash;
        uint64 tooOldAt = facts.observedAt + world.MAX_AGE();
        expected =
            !suspended &&
            !nonceUsed[who][facts.nonce] &&
            tooOldAt > block.timestamp &&
            facts.expiresAt > block.timestamp &&
            facts.sequence >= minimum[who] &&
            !revoked[attestationHash] &&
            !(withdrawn[who][consumer] && stored[who][consumer].attestationHash == attestationHash) &&
            (lastHash[who] == 0 || lastHash[who] == attestationHash || facts.sequence > lastSequence[who]);
        if (!expected) return false;
        ++accepted;
        nonceUsed[who][facts.nonce] = true;
        withdrawn[who][consumer] = false;
        (lastSequence[who], lastHash[who]) = (facts.sequence, attestationHash);
        stored[who][consumer] = Stored({
            attestationHash: attestationHash,
            personId: facts.personId,
            tier: facts.tier,
            sequence: facts.sequence,
            validUntil: facts.expiresAt < tooOldAt ? facts.expiresAt : tooOldAt
        });
        _history.push(made);
    }

    function _facts(
        uint256 who,
        uint256 tier,
        uint256 nonce,
        uint256 sequence,
        uint256 age,
        uint256 life
    ) private view returns (World.Facts memory) {
        return
            World.Facts({
                subjectKey: key(who),
                personId: keccak256(abi.encode("person", who)),
                tier: tier % 3,
                consumer: consumerAt(tier % CONSUMERS),
                nonce: nonce,
                sequence: uint64(bound(sequence, lastSequence[who] > 2 ? lastSequence[who] - 2 : 1, lastSequence[who] + 5)),
                observedAt: uint64(block.timestamp - bound(age, 0, 32 days)),
                expiresAt: uint64(block.timestamp - 1 hours + bound(life, 0, 20 days))
            });
    }
}

contract DecisionsTest is Harness {
    World private _world;
    DecisionHandler private _handler;

    function setUp() external {
        _world = new World();
        _handler = new DecisionHandler(_world);
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = DecisionHandler.submit.selector;
        selectors[1] = DecisionHandler.submitForged.selector;
        selectors[2] = DecisionHandler.replay.selector;
        selectors[3] = DecisionHandler.invalidateNonce.selector;
        selectors[4] = DecisionHandler.revoke.selector;
        selectors[5] = DecisionHandler.raiseMinimum.selector;
        selectors[6] = DecisionHandler.suspendOrResume.selector;
        selectors[7] = DecisionHandler.wait.selector;
        selectors[8] = DecisionHandler.submitBatch.selector;
        selectors[9] = DecisionHandler.withdrawConsent.selector;
        target(address(_handler), selectors);
    }

    /// @dev The handler's world is not an empty one: it accepts, by one and by batch.
    function test_TheHandlerReachesEverything() external {
        _handler.submit(0, 1, 0, 1, 0, 10 days);
        equal(_handler.accepted(), 1, "accepted");
        holds(_handler.counts(0, 1), "counts");
        _handler.withdrawConsent(0, 1);
        holds(!_handler.counts(0, 1), "withdrawn");
        this.invariant_NoDecisionWithoutAValidProof();
        _handler.submitBatch(0, 1, 2, 6, 10 days);
        equal(_handler.accepted(), 3, "two of three, one overtaken by the first");
        this.invariant_NoDecisionWithoutAValidProof();
    }

    /// @dev No decision without a valid proof: what is stored is the tier that the attested facts have, and it counts
    /// exactly while nobody withdrew it and it has not expired.
    function invariant_NoDecisionWithoutAValidProof() external view {
        IDecisionRegistry decisions = _world.decisions();
        for (uint256 who = 0; who < _handler.SUBJECTS(); ++who) {
            for (uint256 consumer = 0; consumer < _handler.CONSUMERS(); ++consumer) {
                (IDecisionRegistry.DecisionStatus status, IDecisionRegistry.Decision memory decision) = decisions
                    .tryDecisionOf(
                        _world.modelId(),
                        _world.issuer(),
                        vm.addr(_handler.key(who)),
                        _handler.consumerAt(consumer)
                    );
                (bytes32 attestationHash, bytes32 personId, uint256 tier, , uint64 validUntil) = _handler.stored(
                    who,
                    consumer
                );
                bool valid = status == IDecisionRegistry.DecisionStatus.Valid;
                holds(valid == _handler.counts(who, consumer), "counts exactly while it should");
                if (validUntil == 0) {
                    holds(status == IDecisionRegistry.DecisionStatus.Missing, "nothing was submitted");
                    continue;
                }
                equal(uint256(decision.values[0]), tier, "tier");
                equal(uint256(decision.attestationHash), uint256(attestationHash), "attestation");
                equal(uint256(decision.personId), uint256(personId), "person");
                equal(decision.validUntil, validUntil, "valid until");
            }
        }
    }

    /// @dev Nonces are never reused, nor forgotten.
    function invariant_NoncesAreNeverReused() external view {
        for (uint256 who = 0; who < _handler.SUBJECTS(); ++who) {
            for (uint256 nonce = 0; nonce < _handler.NONCES(); ++nonce) {
                bool used = _world.decisions().isConsentNonceUsed(vm.addr(_handler.key(who)), nonce);
                holds(used == _handler.nonceUsed(who, nonce), "nonce");
            }
        }
    }

    /// @dev Sequences accepted for a subject never fall.
    function invariant_SequencesOnlyRise() external view {
        for (uint256 who = 0; who < _handler.SUBJECTS(); ++who) {
            (uint64 sequence, ) = _world.decisions().lastAcceptedOf(
                _world.issuer(),
                vm.addr(_handler.key(who)),
                _world.SCHEMA()
            );
            equal(sequence, _handler.lastSequence(who), "sequence");
        }
    }
}
