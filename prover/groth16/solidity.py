"""The Solidity verifier of one key: one contract, its constants in code, snarkjs's ABI."""

from __future__ import annotations

import re
import unicodedata
from importlib import resources
from string import Template

from eth_hash.auto import keccak

from prover.groth16.batch import BATCH_DOMAIN
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.keystate import key_state, refuse_initial
from prover.groth16.points import G1Point, G2Point, negate_g2

GENERATOR = "verdict/verifier/2"
"""Version of the text this module writes; it changes whenever one byte of it may."""

_ERRORS = {
    "signal_not_canonical": "SignalNotCanonical(uint256)",
    "coordinate_not_canonical": "CoordinateNotCanonical(uint256)",
    "malformed_calldata": "MalformedCalldata()",
    "precompile_failed": "PrecompileFailed()",
}
_SINGLE_MEMORY = 0x300
"""Bytes of the pairing's input of one proof: four pairs."""
_BATCH_GAS, _BATCH_SIGNAL_GAS = 47_700, 140
"""About what each further proof of a batch costs, and each of its signals."""
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)


def verifier_name(model_name: str) -> str:
    """A contract name from a model's name: ``loan_mlp`` becomes ``LoanMlpVerifier``.

    Accents are dropped, every other character that no identifier may hold separates words, at most 40 characters are
    kept, and a name that would be empty or start with a digit is preceded by ``Model``.
    """
    ascii_name = unicodedata.normalize("NFKD", model_name).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", ascii_name)
    joined = "".join(word[0].upper() + word[1:] for word in words)[:40]
    if joined.endswith("Verifier"):
        joined = joined.removesuffix("Verifier")
    return f"{'' if joined[:1].isalpha() else 'Model'}{joined}Verifier"


def export_solidity(
    vk: VerifyingKey,
    *,
    contract_name: str | None = None,
    model_name: str,
    model_hash: bytes,
    circuit_hash: bytes,
    transcript_hash: bytes | None = None,
) -> str:
    """The verifier's source. The same arguments give the same bytes.

    Args:
        contract_name: an ASCII identifier; None derives one from the model's name by :func:`verifier_name`.
        model_name: for the header comment; characters outside printable ASCII are replaced.
        model_hash: 32 bytes, hash of the model file.
        circuit_hash: 32 bytes, hash of the circuit.
        transcript_hash: 32 bytes, hash of the ceremony's transcript; None for a development key.

    Raises:
        UnsafeKeyError: the key is initial.
        ValueError: a hash is not 32 bytes, the name is no identifier, or the key has no public signal.
    """
    refuse_initial(vk, "export a verifier")
    if not vk.n_public:
        raise ValueError("a verifier without public signals has no ABI in Solidity")
    contract_name = contract_name or verifier_name(model_name)
    if not _IDENTIFIER.fullmatch(contract_name):
        raise ValueError(f"{contract_name!r} is not a contract name: letters and digits, at most 64, a letter first")
    hashes = {"model_hash": model_hash, "circuit_hash": circuit_hash, "transcript_hash": transcript_hash or bytes(32)}
    for name, value in hashes.items():
        if len(value) != 32:
            raise ValueError(f"{name} has {len(value)} bytes, not 32")
    state = f"{key_state(vk).value}: its maker could forge proofs"
    if transcript_hash is not None:
        state = "as good as the ceremony of the transcript below; this generator did not verify it"
    template = Template(resources.files(__package__).joinpath("verifier.sol.template").read_text("utf-8"))
    return template.substitute(
        {name: f"0x{value.hex()}" for name, value in hashes.items()},
        generator=GENERATOR,
        contract=contract_name,
        model=comment_text(model_name),
        state=state,
        vk_hash=f"0x{vk.hash.hex()}",
        n=vk.n_public,
        calldata_size=4 + 32 * (8 + vk.n_public),
        signal_bytes=f"0x{32 * vk.n_public:x}",
        sums_bytes=f"0x{32 * (1 + vk.n_public):x}",
        single_memory=f"0x{_SINGLE_MEMORY + 32 * vk.n_public:x}",
        batch_domain=f"0x{BATCH_DOMAIN.hex()}",
        batch_gas=f"{_BATCH_GAS + _BATCH_SIGNAL_GAS * vk.n_public:,}",
        constants=_constants(vk),
        signal_checks=_signal_checks(vk.n_public),
        signal_steps=_signal_steps(vk.n_public),
        **{name: _error_word(signature) for name, signature in _ERRORS.items()},
    )


def comment_text(text: str, limit: int = 80) -> str:
    """Text that cannot end a comment, start a NatSpec tag, or show one thing and mean another."""
    return "".join(
        character if character.isascii() and (character.isalnum() or character in " ._-()+,:") else "?"
        for character in text[:limit]
    )


def _constants(vk: VerifyingKey) -> str:
    """Solidity constants of the key. β, γ and δ enter the pairing product negated, so they are stored so."""
    lines = [*_g1_constants("ALPHA", vk.alpha1)]
    for name, point in (("MINUS_BETA", vk.beta2), ("MINUS_GAMMA", vk.gamma2), ("MINUS_DELTA", vk.delta2)):
        lines += _g2_constants(name, negate_g2(point))
    for index, ic in enumerate(vk.ic):
        lines += _g1_constants(f"IC{index}", ic)
    return "\n".join(f"    {line}" for line in lines)


def _g1_constants(name: str, point: G1Point) -> list[str]:
    return [_constant(f"{name}_{axis}", value) for axis, value in zip("XY", point, strict=True)]


def _g2_constants(name: str, point: G2Point) -> list[str]:
    (x0, x1), (y0, y1) = point
    return [_constant(f"{name}_{axis}", value) for axis, value in (("X1", x1), ("X0", x0), ("Y1", y1), ("Y0", y0))]


def _constant(name: str, value: int) -> str:
    return f"uint256 private constant {name} = 0x{value:064x};"


def _error_word(signature: str) -> str:
    """An error's selector, left-aligned in a word, as a literal."""
    return f"0x{bytes(keccak(signature.encode()))[:4].ljust(32, bytes(1)).hex()}"


def _signal_checks(n_public: int) -> str:
    """Assembly that clears ``ok`` unless every signal is canonical."""
    return "\n".join(
        f"            ok := and(ok, lt(calldataload({_at('signals', index)}), R)) // s[{index}]"
        for index in range(n_public)
    )


def _signal_steps(n_public: int) -> str:
    """Assembly that adds every signal's term to the statement point."""
    return "\n".join(
        f"""\
            mstore(term, IC{index + 1}_X) // ECMUL input: x of IC{index + 1}
            mstore(termY, IC{index + 1}_Y) // y
            mstore(scalar, mload({_at("scalars", index)})) // factor[{index}]
            ok := and(ok, and(eq(returndatasize(), 0x40), staticcall(ECMUL_GAS, 0x07, term, 0x60, term, 0x40))) // mul
            ok := and(ok, and(eq(returndatasize(), 0x40), staticcall(ECADD_GAS, 0x06, sum, 0x80, sum, 0x40))) // add"""
        for index in range(n_public)
    )


def _at(array: str, index: int) -> str:
    """Where word ``index`` of an array lies."""
    return f"add({array}, 0x{32 * index:02x})" if index else array
