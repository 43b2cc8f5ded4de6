// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDecisionRegistry} from "../interfaces/IDecisionRegistry.sol";
import {IFraudGate} from "../interfaces/IFraudGate.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {LayoutLib} from "../libraries/LayoutLib.sol";
import {VerdictConsumer} from "./VerdictConsumer.sol";

/// @title Large transfers need a fresh proven non-fraud decision. See IFraudGate.
contract FraudGate is IFraudGate, VerdictConsumer {
    struct Window {
        uint64 startedAt;
        uint192 spent; // never above freeLimit
    }

    uint256 public immutable modelId;
    address public immutable issuer;
    uint256 public immutable freeLimit;
    uint64 public immutable window;
    uint64 public immutable maxAge;

    uint256[] private _allowances;
    mapping(address gated => mapping(address sender => Window counted)) private _windows;
    mapping(address gated => mapping(bytes32 attestationHash => uint256 used)) private _used;

    /// @param registry_ Where decisions are read.
    /// @param modelId_ A model of tiers, the higher the better; tier 0 is fraud.
    /// @param issuer_ Who attests the facts.
    /// @param freeLimit_ Most that passes unseen in a window.
    /// @param window_ Seconds of a window.
    /// @param maxAge_ Seconds since observation for which a decision clears.
    /// @param allowances What one attestation covers, by tier: zero for tier 0, never less for a higher tier.
    constructor(
        IDecisionRegistry registry_,
        uint256 modelId_,
        address issuer_,
        uint192 freeLimit_,
        uint64 window_,
        uint64 maxAge_,
        uint256[] memory allowances
    ) VerdictConsumer(registry_) {
        IModelRegistry.Layout memory outputs = registry_.modelRegistry().layoutOf(modelId_);
        _require(
            outputs.reveal == LayoutLib.REVEAL_TIER && outputs.polarity == LayoutLib.POLARITY_HIGHER,
            "modelId"
        );
        _require(issuer_ != address(0), "issuer");
        _require(window_ != 0, "window");
        _require(maxAge_ != 0, "maxAge");
        _require(allowances.length == outputs.thresholds.length + 1 && allowances[0] == 0, "allowances");
        for (uint256 i = 1; i < allowances.length; ++i) {
            _require(allowances[i] >= allowances[i - 1], "allowances");
        }
        modelId = modelId_;
        // slither-disable-next-line missing-zero-check (required above)
        issuer = issuer_;
        freeLimit = freeLimit_;
        window = window_;
        maxAge = maxAge_;
        _allowances = allowances;
    }

    /// @inheritdoc IFraudGate
    function beforeTransfer(address sender, address, uint256 amount) external {
        Window memory counted = _windowOf(msg.sender, sender);
        if (amount <= freeLimit - counted.spent) {
            // Below freeLimit, which fits.
            counted.spent += uint192(amount);
            _windows[msg.sender][sender] = counted;
            emit FreeTransfer(msg.sender, sender, amount, counted.spent);
            return;
        }
        IDecisionRegistry.Decision memory decision = _decisionOf(modelId, issuer, sender);
        uint256 allowance = _allowanceOf(decision.values[0]);
        if (allowance == 0) revert SenderRefused(sender);
        if (block.timestamp > uint256(decision.observedAt) + maxAge) {
            revert ClearanceStale(decision.observedAt, maxAge);
        }
        bytes32 attestation = decision.attestationHash;
        uint256 used = _used[msg.sender][attestation];
        if (amount > Math.saturatingSub(allowance, used)) revert AllowanceExceeded(attestation, used, amount, allowance);
        _used[msg.sender][attestation] = used + amount;
        emit ClearedTransfer(msg.sender, sender, attestation, amount, used + amount);
    }

    /// @inheritdoc IFraudGate
    function clearanceOf(
        address gated,
        address sender
    ) external view returns (uint256 free, uint256 cleared, uint256 until) {
        free = freeLimit - _windowOf(gated, sender).spent;
        (IDecisionRegistry.DecisionStatus status, IDecisionRegistry.Decision memory decision) = _tryDecisionOf(
            modelId,
            issuer,
            sender
        );
        if (status != IDecisionRegistry.DecisionStatus.Valid) return (free, 0, 0);
        uint256 allowance = _allowanceOf(decision.values[0]);
        if (allowance == 0) return (free, 0, 0);
        until = Math.min(decision.validUntil, uint256(decision.observedAt) + maxAge + 1);
        if (block.timestamp >= until) return (free, 0, 0);
        cleared = Math.saturatingSub(allowance, _used[gated][decision.attestationHash]);
    }

    /// @inheritdoc IFraudGate
    function allowanceOf(uint256 tier) public view returns (uint256) {
        return tier < _allowances.length ? _allowances[tier] : 0;
    }

    /// @dev Nothing for a tier that there is not: a model on a development key proves any.
    function _allowanceOf(int256 tier) private view returns (uint256) {
        return tier < 0 ? 0 : allowanceOf(uint256(tier));
    }

    function _require(bool holds, bytes32 field) private pure {
        if (!holds) revert InvalidLimits(field);
    }

    /// @dev The running window, or a new one that starts now.
    function _windowOf(address gated, address sender) private view returns (Window memory counted) {
        counted = _windows[gated][sender];
        if (block.timestamp >= uint256(counted.startedAt) + window) counted = Window(uint64(block.timestamp), 0);
    }
}
