// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A hook that lets large transfers pass only with a fresh proven non-fraud decision about the sender.
/// @notice A token, vault or router calls beforeTransfer before it moves a sender's money. Up to `freeLimit` in a
/// window passes unseen; a transfer that would take the window's sum above it must be covered by a clearance: the
/// sender's valid decision of a tier above zero, consented to this gate and fresh. What an integrator may rely on:
/// - No owner, nothing changes after deployment. State is kept per calling contract, so anybody may use a gate and
///   nobody can use up another contract's limits; amounts are in the caller's own units.
/// - Splitting a transfer does not help: the window counts the sum, and a clearance counts what it has covered. A
///   clearance covers at most its tier's allowance, ever, once for EACH gated contract: it is counted by attestation, not
///   by submission, and for each calling contract by itself. N contracts behind one gate let N allowances pass on one
///   attestation; where they should share one, deploy a gate for each or route them through one caller.
/// - A window starts with the first transfer after the last one ended, so that at most 2 * freeLimit can pass unseen
///   in any span as long as a window.
/// - A transfer is covered whole or not at all: one above the free rest counts in full against the clearance.
/// - Small transfers read no registry: they pass whatever becomes of issuer and model. Large ones stop when the issuer
///   is suspended or the model deprecated. Do not gate repayments, withdrawals or liquidations.
/// - Its issuer is that one address for ever: it follows no successor of a rotated key. Once the issuer retired or was
///   superseded, or the model is deprecated or frozen, only small transfers pass, and a new gate is the only way out. An
///   issuer whose keys must change is best a contract (ERC-1271) that keeps its address; keep a way to name another gate.
/// - The gate knows wallets. Somebody who splits money over many wallets first uses up a free limit for each: count
///   the transfers that fill them, as they are gated as well.
/// - It trusts its caller about sender and amount, which can only hurt the caller.
interface IFraudGate {
    event FreeTransfer(address indexed gated, address indexed sender, uint256 amount, uint256 spent);
    event ClearedTransfer(
        address indexed gated,
        address indexed sender,
        bytes32 indexed attestationHash,
        uint256 amount,
        uint256 used
    );

    /// @notice `field` of the constructor's arguments makes no sense, or does not fit the model.
    error InvalidLimits(bytes32 field);
    /// @notice Above the free limit, and the decision's tier allows nothing: zero, or one that there is not.
    error SenderRefused(address sender);
    error ClearanceStale(uint64 observedAt, uint64 maxAge);
    error AllowanceExceeded(bytes32 attestationHash, uint256 used, uint256 amount, uint256 allowance);

    /// @notice Count a transfer of `sender`, or revert: with the registry's reason when there is no valid decision.
    /// @param sender Whose money moves.
    /// @param to Where to; only for the caller's convenience, the gate does not judge receivers.
    /// @param amount How much.
    function beforeTransfer(address sender, address to, uint256 amount) external;

    /// @notice What `sender` could still move through `gated` now.
    /// @param gated The calling contract.
    /// @param sender Whose money.
    /// @return free Without a clearance, in this window.
    /// @return cleared Under the present clearance, in one or more transfers; zero without one.
    /// @return until First second at which the clearance no longer counts; zero without one.
    function clearanceOf(
        address gated,
        address sender
    ) external view returns (uint256 free, uint256 cleared, uint256 until);

    /// @notice Most that passes unseen in a window.
    /// @return The limit.
    function freeLimit() external view returns (uint256);

    /// @notice Seconds of a window.
    /// @return The length.
    function window() external view returns (uint64);

    /// @notice Seconds since observation after which a decision is no clearance any more.
    /// @return The age.
    function maxAge() external view returns (uint64);

    /// @notice What one attestation covers at each gated contract, by tier.
    /// @param tier The tier.
    /// @return The allowance; zero for a tier that there is not.
    function allowanceOf(uint256 tier) external view returns (uint256);
}
