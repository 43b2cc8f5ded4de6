// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IIssuerRegistry} from "contracts/interfaces/IIssuerRegistry.sol";
import {FraudGate} from "contracts/periphery/FraudGate.sol";
import {Harness} from "../base/Harness.sol";
import {World} from "../base/World.sol";

/// @dev Two gated contracts ask about two senders; the books say which transfers must pass.
contract GateHandler is Harness {
    uint192 public constant FREE = 1_000;
    uint64 public constant WINDOW = 1 days;
    uint64 public constant MAX_AGE = 3 days;

    World public immutable world;
    FraudGate public immutable gate;
    uint256 public cleared;
    mapping(uint256 gated => mapping(uint256 sender => uint256)) public startedAt;
    mapping(uint256 gated => mapping(uint256 sender => uint256)) public spent;
    mapping(uint256 gated => mapping(bytes32 attestation => uint256)) public used;
    mapping(uint256 sender => uint256) public tierOf;
    mapping(uint256 sender => uint256) public judgedAt;
    mapping(uint256 sender => bytes32) public attestationOf;

    constructor(World world_) {
        world = world_;
        uint256[] memory allowances = new uint256[](3);
        (allowances[1], allowances[2]) = (5_000, 20_000);
        gate = new FraudGate(world_.decisions(), world_.modelId(), world_.issuer(), FREE, WINDOW, MAX_AGE, allowances);
    }

    function key(uint256 sender) public pure returns (uint256) {
        return 0x5E4D + sender;
    }

    function allowance(uint256 tier) public pure returns (uint256) {
        return tier == 0 ? 0 : tier == 1 ? 5_000 : 20_000;
    }

    /// @dev A transfer passes exactly when the window's free amount or a fresh decision's allowance covers it.
    function send(uint256 gated, uint256 sender, uint256 amount) external {
        (gated, sender, amount) = (gated % 2, sender % 2, bound(amount, 0, 8_000));
        bool fresh = block.timestamp >= startedAt[gated][sender] + WINDOW;
        bool free = (fresh ? 0 : spent[gated][sender]) + amount <= FREE;
        bytes32 attestation = attestationOf[sender];
        bool clear = judgedAt[sender] != 0 &&
            tierOf[sender] != 0 &&
            block.timestamp <= judgedAt[sender] + MAX_AGE &&
            used[gated][attestation] + amount <= allowance(tierOf[sender]);
        address account = vm.addr(key(sender));
        vm.prank(address(uint160(0x6A7E + gated)));
        try gate.beforeTransfer(account, address(1), amount) {
            holds(free || clear, "a transfer above the limit passed without a decision that covers it");
        } catch {
            holds(!free && !clear, "a transfer was stopped that had to pass");
            return;
        }
        if (free) {
            // A window starts with the first transfer that needs it, not with one that was cleared or stopped.
            if (fresh) (startedAt[gated][sender], spent[gated][sender]) = (block.timestamp, 0);
            spent[gated][sender] += amount;
        } else {
            used[gated][attestation] += amount;
            ++cleared;
        }
    }

    function decide(uint256 sender, uint256 tier) public {
        (sender, tier) = (sender % 2, tier % 3);
        world.decide(key(sender), keccak256(abi.encode("sender", sender)), tier, address(gate), 10 days);
        (tierOf[sender], judgedAt[sender]) = (tier, block.timestamp);
        (, attestationOf[sender]) = world.decisions().lastAcceptedOf(world.issuer(), vm.addr(key(sender)), world.SCHEMA());
    }

    function revoke(uint256 sender) external {
        sender %= 2;
        if (judgedAt[sender] == 0) return;
        world.administer(
            abi.encodeCall(IIssuerRegistry.revokeAttestation, (world.issuer(), attestationOf[sender]))
        );
        judgedAt[sender] = 0;
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
    }
}

contract FraudGateTest is Harness {
    GateHandler private _handler;

    function setUp() external {
        _handler = new GateHandler(new World());
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = GateHandler.send.selector;
        selectors[1] = GateHandler.send.selector; // twice as often
        selectors[2] = GateHandler.decide.selector;
        selectors[3] = GateHandler.revoke.selector;
        selectors[4] = GateHandler.wait.selector;
        target(address(_handler), selectors);
    }

    /// @dev Limits are never exceeded: what passed unseen in a window, and what one attestation cleared.
    function invariant_LimitsAreNeverExceeded() external view {
        for (uint256 gated = 0; gated < 2; ++gated) {
            for (uint256 sender = 0; sender < 2; ++sender) {
                atMost(_handler.spent(gated, sender), _handler.FREE(), "free");
                bytes32 attestation = _handler.attestationOf(sender);
                uint256 allowed = _handler.allowance(_handler.tierOf(sender));
                atMost(_handler.used(gated, attestation), allowed, "cleared by one attestation");
                address gate = address(uint160(0x6A7E + gated));
                (uint256 free, uint256 cleared, ) = _handler.gate().clearanceOf(gate, vm.addr(_handler.key(sender)));
                if (block.timestamp < _handler.startedAt(gated, sender) + _handler.WINDOW()) {
                    equal(free, _handler.FREE() - _handler.spent(gated, sender), "free as shown");
                } else {
                    equal(free, _handler.FREE(), "a new window");
                }
                if (cleared != 0) equal(cleared, allowed - _handler.used(gated, attestation), "cleared as shown");
            }
        }
    }

    /// @dev The handler's world is not an empty one: it passes, splits, stops and clears.
    function test_TheHandlerReachesEverything() external {
        _handler.send(0, 0, 600);
        _handler.send(0, 0, 600);
        equal(_handler.spent(0, 0), 600, "splitting does not help");
        _handler.decide(0, 1);
        _handler.send(0, 0, 4_000);
        _handler.send(0, 0, 4_000);
        equal(_handler.cleared(), 1, "one attestation clears its allowance once");
    }
}
