// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Who signs attestations, and what they have withdrawn.
/// @notice The registry has no owner: an issuer registers itself, which costs nothing and proves nothing but control
/// of the key. Whom to believe is each consumer's choice, by address; registration is what lets an issuer revoke.
/// An unregistered issuer's attestations are refused.
///
/// Two keys: the issuer's own signs attestations (online); its administrator (a cold key or a multisig) can suspend,
/// resume and retire it, so that the thief of a signing key cannot keep it alive. Either may revoke.
///
/// A signing key is changed by registering the new one as an issuer under the same administrator and naming it the
/// successor of the old one. The link is a fact to see, not to follow blindly: each consumer decides when it accepts
/// the new address, and pseudonyms (personId) are the issuer's to carry over unchanged, or exposure counted under the old
/// address and the new one belongs to two people.
/// @dev Every withdrawal acts on decisions already stored, at their next read.
interface IIssuerRegistry {
    enum IssuerStatus {
        Unknown, // never registered
        Active,
        Suspended, // by its administrator, who may resume it
        Retired, // for good
        Superseded // attests no more, for good; what was stored before still counts
    }

    event IssuerRegistered(address indexed issuer, address indexed administrator, string uri);
    event IssuerStatusChanged(address indexed issuer, IssuerStatus status);
    event IssuerSuperseded(address indexed issuer, address indexed successor, bool keepsDecisions);
    event AdministrationOffered(address indexed issuer, address indexed pendingAdministrator);
    event AdministrationTransferred(address indexed issuer, address indexed administrator);
    event AttestationRevoked(address indexed issuer, bytes32 indexed attestationHash);
    event MinimumSequenceRaised(
        address indexed issuer,
        address indexed subject,
        bytes32 indexed schema,
        uint64 minimumSequence
    );

    error IssuerAlreadyRegistered(address issuer);
    error IssuerNotRegistered(address issuer);
    error IssuerIsRetired(address issuer);
    error IssuerIsSuperseded(address issuer, address successor);
    error InvalidSuccessor(address issuer, address successor);
    error NotIssuerAdministrator(address issuer, address caller);
    error NotPendingAdministrator(address issuer, address caller);
    error NotIssuer(address issuer, address caller);
    error InvalidAdministrator();
    error SequenceNotAbove(uint64 minimumSequence, uint64 requested);

    /// @notice Register the caller as an issuer.
    /// @param administrator Who may suspend and retire it; not zero. The caller itself is allowed, not advised.
    /// @param uri Where the issuer describes itself; may be empty.
    function registerIssuer(address administrator, string calldata uri) external;

    /// @notice Make every attestation of `issuer` unusable until `resumeIssuer`. Administrator only.
    /// @param issuer The issuer.
    function suspendIssuer(address issuer) external;

    /// @notice End a suspension. Administrator only.
    /// @param issuer The issuer.
    function resumeIssuer(address issuer) external;

    /// @notice Make every attestation of `issuer` unusable for good. The administrator or the issuer itself.
    /// @param issuer The issuer.
    function retireIssuer(address issuer) external;

    /// @notice End the service of one signing key in favour of another, for good. Administrator of both only.
    /// @dev With `keepsDecisions` the issuer becomes Superseded: nothing new is accepted from it, what was stored before
    /// counts until it expires; for a planned change of keys. Without, it becomes Retired and stored decisions fall;
    /// for a stolen key. A superseded issuer can still revoke, raise minimums and be retired (retireIssuer); its successor
    /// is named once and never changes.
    /// @param issuer The old key; active or suspended, not superseded.
    /// @param successor The new key; active, registered under the same administrator, another one.
    /// @param keepsDecisions Whether stored decisions stay.
    function supersedeIssuer(address issuer, address successor, bool keepsDecisions) external;

    /// @notice Offer the administration to another account, which must accept. Zero withdraws an offer.
    /// @param issuer The issuer.
    /// @param newAdministrator The future administrator; zero withdraws an offer.
    function offerAdministration(address issuer, address newAdministrator) external;

    /// @notice Accept the administration offered to the caller.
    /// @param issuer The issuer.
    function acceptAdministration(address issuer) external;

    /// @notice Withdraw one attestation. The issuer or its administrator.
    /// @param issuer The issuer.
    /// @param attestationHash EIP-712 struct hash of the attestation.
    function revokeAttestation(address issuer, bytes32 attestationHash) external;

    /// @notice Withdraw every attestation about (subject, schema) with a sequence below `minimumSequence`.
    /// The issuer or its administrator; the minimum only rises.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param schema Hash of the schema they follow.
    /// @param minimumSequence Lowest sequence that still counts.
    function raiseMinimumSequence(
        address issuer,
        address subject,
        bytes32 schema,
        uint64 minimumSequence
    ) external;

    /// @notice Status of an issuer. Never reverts.
    /// @param issuer The issuer.
    /// @return The status.
    function statusOf(address issuer) external view returns (IssuerStatus);

    /// @notice Administrator of an issuer, zero if unknown.
    /// @param issuer The issuer.
    /// @return An account, or zero.
    function administratorOf(address issuer) external view returns (address);

    /// @notice Account the administration is offered to, zero if none.
    /// @param issuer The issuer.
    /// @return An account, or zero.
    function pendingAdministratorOf(address issuer) external view returns (address);

    /// @notice The issuer that took over from this one; zero if none.
    /// @param issuer The issuer.
    /// @return An issuer, or zero.
    function successorOf(address issuer) external view returns (address);

    /// @notice Lowest usable sequence for (issuer, subject, schema).
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param schema Hash of the schema they follow.
    /// @return The lowest usable sequence; zero if never raised.
    function minimumSequenceOf(address issuer, address subject, bytes32 schema) external view returns (uint64);

    /// @notice Whether `issuer` withdrew this attestation.
    /// @param issuer The issuer.
    /// @param attestationHash EIP-712 struct hash of the attestation.
    /// @return True once revoked.
    function isRevoked(address issuer, bytes32 attestationHash) external view returns (bool);

    /// @notice All that decides whether an attestation still counts, in one call. Never reverts.
    /// @param issuer The issuer.
    /// @param subject Wallet the attestations are about.
    /// @param schema Hash of the schema they follow.
    /// @param attestationHash EIP-712 struct hash of the attestation.
    /// @return status Status of the issuer.
    /// @return minimumSequence Lowest usable sequence for (issuer, subject, schema).
    /// @return revoked Whether this attestation is revoked.
    function standingOf(
        address issuer,
        address subject,
        bytes32 schema,
        bytes32 attestationHash
    ) external view returns (IssuerStatus status, uint64 minimumSequence, bool revoked);
}
