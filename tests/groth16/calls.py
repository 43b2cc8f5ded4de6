"""Calls of ``verifyProof``: valid, invalid and malformed in every way DESIGN §5.7 lists, each with its right answer.

An answer is ``"true"``, ``"false"``, or what the contract reverts with: an error's name and argument, or ``""`` for
the ABI decoder's revert without data.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.optimized_bn128.optimized_curve import b2, multiply

from prover.field import Q, R
from prover.groth16 import Proof, VerifyingKey, encode_calldata
from prover.groth16.curve import generator_g1, generator_g2, load_g1, load_g2, store_g1, store_g2
from prover.groth16.points import G1Point, G2Point, is_on_g1, is_on_twist

WORDS = 8
PRECOMPILE = "PrecompileFailed()"


@dataclass(frozen=True)
class Call:
    """One call and the answer it must get."""

    kind: str
    calldata: bytes
    answer: str

    @property
    def malformed(self) -> bool:
        return self.answer not in ("true", "false")


class CallMaker:
    """Generates calls around one valid proof.

    Args:
        key: the verifying key.
        proof, signals: a valid pair under it.
        other: a valid proof of other signals under the same key.
    """

    def __init__(self, key: VerifyingKey, proof: Proof, signals: list[int], other: Proof, seed: int) -> None:
        self.key, self.proof, self.signals, self.other = key, proof, signals, other
        self.draw = random.Random(seed)
        self.well_formed: dict[str, Callable[[], Call]] = {
            "valid": self._valid,
            "re-randomised": self._rerandomised,
            "signal changed": self._signal_changed,
            "proof of other signals": self._other_proof,
            "point negated": self._negated,
            "point replaced": self._replaced,
            "point at infinity": self._infinity,
        }
        self.malformed: dict[str, Callable[[], Call]] = {
            "signal plus r": self._signal_plus_r,
            "signal not below r": self._signal_large,
            "coordinate plus q": self._coordinate_plus_q,
            "coordinate not below q": self._coordinate_large,
            "calldata too short": self._short,
            "trailing bytes": self._trailing,
            "point off the curve": self._off_curve,
            "bit flipped": self._bit_flipped,
            "B outside its subgroup": self._off_subgroup,
        }

    def make(self, well_formed: int, malformed: int) -> Iterator[Call]:
        """So many calls, the kinds taking turns."""
        for makers, count in ((self.well_formed, well_formed), (self.malformed, malformed)):
            names = list(makers)
            for index in range(count):
                yield makers[names[index % len(names)]]()

    def _call(self, kind: str, answer: str, words: list[int] | None = None, signals: list[int] | None = None) -> Call:
        data = b"".join(word.to_bytes(32, "big") for word in words or self.proof.words)
        return Call(kind, encode_calldata(signals or self.signals, Proof(data)), answer)

    def _points(self, kind: str, answer: str, a: G1Point, b: G2Point, c: G1Point) -> Call:
        return self._call(kind, answer, Proof.from_points(a, b, c).words)

    def _valid(self) -> Call:
        return self._call("valid", "true")

    def _rerandomised(self) -> Call:
        """(A, B, C) -> (tA, B/t, C): why proof bytes are no identifier."""
        t = self.draw.randrange(2, R)
        a = store_g1(multiply(load_g1(self.proof.a), t))
        b = store_g2(multiply(load_g2(self.proof.b), pow(t, -1, R)))
        return self._points("re-randomised", "true", a, b, self.proof.c)

    def _signal_changed(self) -> Call:
        signals = [*self.signals]
        index = self.draw.randrange(len(signals))
        signals[index] = self.draw.choice([0, 1, R - 1, self.draw.randrange(R), (signals[index] + 1) % R])
        answer = "true" if signals == self.signals else "false"
        return self._call("signal changed", answer, signals=signals)

    def _other_proof(self) -> Call:
        return self._call("proof of other signals", "false", self.other.words)

    def _negated(self) -> Call:
        words = self.proof.words
        for index in self.draw.choice([(1,), (4, 5), (7,)]):
            words[index] = Q - words[index]
        return self._call("point negated", "false", words)

    def _replaced(self) -> Call:
        a, b, c = self.proof.a, self.proof.b, self.proof.c
        which, scalar = self.draw.randrange(4), self.draw.randrange(2, R)
        if which == 0:
            a = store_g1(generator_g1().times(scalar))
        elif which == 1:
            b = store_g2(generator_g2().times(scalar))
        elif which == 2:
            c = store_g1(generator_g1().times(scalar))
        else:
            a, c = c, a
        return self._points("point replaced", "false", a, b, c)

    def _infinity(self) -> Call:
        words = self.proof.words
        spans = self.draw.choice([[(0, 2)], [(2, 6)], [(6, 8)], [(0, 2), (2, 6)], [(0, 8)]])
        for start, end in spans:
            words[start:end] = [0] * (end - start)
        return self._call("point at infinity", "false", words)

    def _signal_plus_r(self) -> Call:
        signals = [*self.signals]
        index = self.draw.randrange(len(signals))
        signals[index] += R * self.draw.randrange(1, 1 + (2**256 - 1 - signals[index]) // R)
        return self._call("signal plus r", f"SignalNotCanonical({index})", signals=signals)

    def _signal_large(self) -> Call:
        signals = [*self.signals]
        index = self.draw.randrange(len(signals))
        signals[index] = self.draw.choice([R, 2**256 - 1, self.draw.randrange(R, 2**256)])
        return self._call("signal not below r", f"SignalNotCanonical({index})", signals=signals)

    def _coordinate_plus_q(self) -> Call:
        words = self.proof.words
        index = self.draw.randrange(WORDS)
        words[index] += Q * self.draw.randrange(1, 1 + (2**256 - 1 - words[index]) // Q)
        return self._call("coordinate plus q", f"CoordinateNotCanonical({index})", words)

    def _coordinate_large(self) -> Call:
        words = self.proof.words
        index = self.draw.randrange(WORDS)
        words[index] = self.draw.choice([Q, 2**256 - 1, self.draw.randrange(Q, 2**256)])
        return self._call("coordinate not below q", f"CoordinateNotCanonical({index})", words)

    def _short(self) -> Call:
        whole = self._valid().calldata
        length = self.draw.choice([4, len(whole) - 1, len(whole) - 32, self.draw.randrange(4, len(whole))])
        return Call("calldata too short", whole[:length], "")

    def _trailing(self) -> Call:
        extra = self.draw.randbytes(self.draw.choice([1, 31, 32, 64, self.draw.randrange(1, 300)]))
        return Call("trailing bytes", self._valid().calldata + extra, "MalformedCalldata()")

    def _off_curve(self) -> Call:
        words = self.proof.words
        words[self.draw.randrange(WORDS)] = self.draw.randrange(Q)
        return self._call("point off the curve", PRECOMPILE, words)

    def _bit_flipped(self) -> Call:
        """One bit of the proof or the signals; the right answer follows from what the bit made of it."""
        calldata = bytearray(self._valid().calldata)
        position = self.draw.randrange(4, len(calldata))
        calldata[position] ^= 1 << self.draw.randrange(8)
        proof = Proof(bytes(calldata[4:260]))
        signals = [int.from_bytes(calldata[start : start + 32], "big") for start in range(260, len(calldata), 32)]
        bad_words = [index for index, word in enumerate(proof.words) if word >= Q]
        bad_signals = [index for index, signal in enumerate(signals) if signal >= R]
        answer = "false"
        if bad_words:
            answer = f"CoordinateNotCanonical({bad_words[0]})"
        elif bad_signals:
            answer = f"SignalNotCanonical({bad_signals[0]})"
        elif not (is_on_g1(proof.a) and is_on_twist(proof.b) and is_on_g1(proof.c)):
            answer = PRECOMPILE
        return Call("bit flipped", bytes(calldata), answer)

    def _off_subgroup(self) -> Call:
        stray = off_subgroup_point(self.draw)
        return self._points("B outside its subgroup", PRECOMPILE, self.proof.a, stray, self.proof.c)


def off_subgroup_point(draw: random.Random) -> G2Point:
    """A point of the twist outside the subgroup of order r: almost every point is."""
    while True:
        x = FQ2([draw.randrange(Q), draw.randrange(Q)])
        square = x * x * x + b2
        root = _square_root((int(square.coeffs[0]), int(square.coeffs[1])))
        if root is not None:
            point = (int(x.coeffs[0]), int(x.coeffs[1])), root
            assert is_on_twist(point)
            return point


def _square_root(value: tuple[int, int]) -> tuple[int, int] | None:
    """A square root in F_q² by the norm; q is 3 modulo 4."""
    a0, a1 = value
    norm = pow(a0 * a0 + a1 * a1, (Q + 1) // 4, Q)
    for sign in (norm, -norm):
        half = (a0 + sign) * pow(2, -1, Q) % Q
        x0 = pow(half, (Q + 1) // 4, Q)
        if x0 and x0 * x0 % Q == half:
            x1 = a1 * pow(2 * x0, -1, Q) % Q
            if (x0 * x0 - x1 * x1 - a0) % Q == 0:
                return x0, x1
    return None
