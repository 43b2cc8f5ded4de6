// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";

/// @title Issuers of attestations and their withdrawals. No owner; see IIssuerRegistry.
contract IssuerRegistry is IIssuerRegistry {
    struct Issuer {
        IssuerStatus status;
        address administrator;
        address pendingAdministrator;
        address successor;
    }

    mapping(address issuer => Issuer record) private _issuers;
    mapping(address issuer => mapping(address subject => mapping(bytes32 schema => uint64 minimum))) private _minimums;
    mapping(address issuer => mapping(bytes32 attestationHash => bool revoked)) private _revoked;

    /// @inheritdoc IIssuerRegistry
    function registerIssuer(address administrator, string calldata uri) external {
        if (administrator == address(0)) revert InvalidAdministrator();
        Issuer storage record = _issuers[msg.sender];
        if (record.status != IssuerStatus.Unknown) revert IssuerAlreadyRegistered(msg.sender);
        record.status = IssuerStatus.Active;
        record.administrator = administrator;
        emit IssuerRegistered(msg.sender, administrator, uri);
    }

    /// @inheritdoc IIssuerRegistry
    function suspendIssuer(address issuer) external {
        _setStatus(_administered(issuer), issuer, IssuerStatus.Suspended);
    }

    /// @inheritdoc IIssuerRegistry
    function resumeIssuer(address issuer) external {
        _setStatus(_administered(issuer), issuer, IssuerStatus.Active);
    }

    /// @inheritdoc IIssuerRegistry
    function retireIssuer(address issuer) external {
        _setStatus(_controlled(issuer), issuer, IssuerStatus.Retired);
    }

    /// @inheritdoc IIssuerRegistry
    function supersedeIssuer(address issuer, address successor, bool keepsDecisions) external {
        Issuer storage record = _administered(issuer);
        Issuer storage next = _administered(successor);
        if (record.status == IssuerStatus.Superseded) revert IssuerIsSuperseded(issuer, record.successor);
        if (issuer == successor || next.status != IssuerStatus.Active) revert InvalidSuccessor(issuer, successor);
        _setStatus(record, issuer, keepsDecisions ? IssuerStatus.Superseded : IssuerStatus.Retired);
        record.successor = successor;
        emit IssuerSuperseded(issuer, successor, keepsDecisions);
    }

    /// @inheritdoc IIssuerRegistry
    function offerAdministration(address issuer, address newAdministrator) external {
        _administered(issuer).pendingAdministrator = newAdministrator;
        emit AdministrationOffered(issuer, newAdministrator);
    }

    /// @inheritdoc IIssuerRegistry
    function acceptAdministration(address issuer) external {
        Issuer storage record = _known(issuer);
        if (record.pendingAdministrator != msg.sender) revert NotPendingAdministrator(issuer, msg.sender);
        record.administrator = msg.sender;
        record.pendingAdministrator = address(0);
        emit AdministrationTransferred(issuer, msg.sender);
    }

    /// @inheritdoc IIssuerRegistry
    function revokeAttestation(address issuer, bytes32 attestationHash) external {
        _controlled(issuer);
        _revoked[issuer][attestationHash] = true;
        emit AttestationRevoked(issuer, attestationHash);
    }

    /// @inheritdoc IIssuerRegistry
    function raiseMinimumSequence(address issuer, address subject, bytes32 schema, uint64 minimumSequence) external {
        _controlled(issuer);
        uint64 current = _minimums[issuer][subject][schema];
        if (minimumSequence <= current) revert SequenceNotAbove(current, minimumSequence);
        _minimums[issuer][subject][schema] = minimumSequence;
        emit MinimumSequenceRaised(issuer, subject, schema, minimumSequence);
    }

    /// @inheritdoc IIssuerRegistry
    function statusOf(address issuer) external view returns (IssuerStatus) {
        return _issuers[issuer].status;
    }

    /// @inheritdoc IIssuerRegistry
    function administratorOf(address issuer) external view returns (address) {
        return _issuers[issuer].administrator;
    }

    /// @inheritdoc IIssuerRegistry
    function pendingAdministratorOf(address issuer) external view returns (address) {
        return _issuers[issuer].pendingAdministrator;
    }

    /// @inheritdoc IIssuerRegistry
    function successorOf(address issuer) external view returns (address) {
        return _issuers[issuer].successor;
    }

    /// @inheritdoc IIssuerRegistry
    function minimumSequenceOf(address issuer, address subject, bytes32 schema) external view returns (uint64) {
        return _minimums[issuer][subject][schema];
    }

    /// @inheritdoc IIssuerRegistry
    function isRevoked(address issuer, bytes32 attestationHash) external view returns (bool) {
        return _revoked[issuer][attestationHash];
    }

    /// @inheritdoc IIssuerRegistry
    function standingOf(
        address issuer,
        address subject,
        bytes32 schema,
        bytes32 attestationHash
    ) external view returns (IssuerStatus status, uint64 minimumSequence, bool revoked) {
        return (_issuers[issuer].status, _minimums[issuer][subject][schema], _revoked[issuer][attestationHash]);
    }

    function _setStatus(Issuer storage record, address issuer, IssuerStatus status) private {
        if (record.status == IssuerStatus.Retired) revert IssuerIsRetired(issuer);
        if (record.status == IssuerStatus.Superseded && status != IssuerStatus.Retired) {
            revert IssuerIsSuperseded(issuer, record.successor);
        }
        record.status = status;
        emit IssuerStatusChanged(issuer, status);
    }

    function _known(address issuer) private view returns (Issuer storage record) {
        record = _issuers[issuer];
        if (record.status == IssuerStatus.Unknown) revert IssuerNotRegistered(issuer);
    }

    /// @dev The record, if the caller is the issuer's administrator.
    function _administered(address issuer) private view returns (Issuer storage record) {
        record = _known(issuer);
        if (record.administrator != msg.sender) revert NotIssuerAdministrator(issuer, msg.sender);
    }

    /// @dev The record, if the caller is the issuer or its administrator.
    function _controlled(address issuer) private view returns (Issuer storage record) {
        record = _known(issuer);
        if (msg.sender != issuer && msg.sender != record.administrator) revert NotIssuer(issuer, msg.sender);
    }
}
