"""Off-chain answers, class by class; test_soundness compares them with the contract's."""

from __future__ import annotations

import pytest

from prover.errors import MalformedProofError
from prover.field import Q, R
from prover.groth16 import Proof, encode_calldata, verify, verify_calldata
from prover.groth16.verify import selector
from tests.groth16.calls import CallMaker
from tests.groth16.conftest import Case
from tests.groth16.contract import off_chain


def _replace(proof: Proof, words: dict[int, int]) -> Proof:
    values = proof.words
    for index, word in words.items():
        values[index] = word
    return Proof(b"".join(value.to_bytes(32, "big") for value in values))


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize("excess", [0, 1, 2**256 - 1 - Q])
def test_a_coordinate_at_or_above_q_is_malformed(case: Case, index: int, excess: int) -> None:
    with pytest.raises(MalformedProofError, match=f"coordinate {index} "):
        verify(
            case.verifying_key, case.example.signals, _replace(case.proof, {index: Q + excess}), backend=case.backend
        )


@pytest.mark.parametrize("signal", [R, R + 1, 2**256 - 1, 2**256, -1, -R])
def test_a_signal_outside_the_field_is_malformed(case: Case, signal: int) -> None:
    for index in range(len(case.example.signals)):
        signals = [*case.example.signals]
        signals[index] = signal
        with pytest.raises(MalformedProofError, match=f"signal {index} "):
            verify(case.verifying_key, signals, case.proof, backend=case.backend)


def test_another_number_of_signals_is_malformed(case: Case) -> None:
    for signals in ([], case.example.signals[:-1], [*case.example.signals, 0]):
        with pytest.raises(MalformedProofError, match="public signals"):
            verify(case.verifying_key, signals, case.proof, backend=case.backend)


def test_points_off_the_curve_are_malformed_even_for_other_signals(case: Case) -> None:
    signals = [(signal + 1) % R for signal in case.example.signals]
    for words in ({1: 5}, {0: 0}, {3: 1}, {5: 0}, {7: 1}, {6: 0, 7: 1}, {2: 0, 3: 0}):
        with pytest.raises(MalformedProofError, match=r"group|curve|subgroup"):
            verify(case.verifying_key, signals, _replace(case.proof, words), backend=case.backend)


def test_infinity_is_well_formed_and_proves_nothing(cubic_case: Case) -> None:
    case = cubic_case
    for span in (range(2), range(2, 6), range(6, 8), range(8)):
        proof = _replace(case.proof, dict.fromkeys(span, 0))
        assert verify(case.verifying_key, case.example.signals, proof, backend=case.backend) is False


def test_every_kind_of_call_gets_its_answer_from_both_backends(cubic_case: Case) -> None:
    case = cubic_case
    maker = CallMaker(case.verifying_key, case.proof, case.example.signals, case.proof, seed=3)
    makers = {**maker.well_formed, **maker.malformed}
    del makers["proof of other signals"]  # which takes a second proof
    for kind, make in makers.items():
        call = make()
        expected = "malformed" if call.malformed else call.answer
        assert off_chain(case.verifying_key, call.calldata, case.backend) == expected, kind


def test_calldata_goes_round(toy: Case) -> None:
    calldata = encode_calldata(toy.example.signals, toy.proof)
    assert calldata[:4] == selector(3)
    assert verify_calldata(toy.verifying_key, calldata, backend=toy.backend)
    a, b, c = toy.proof.calldata
    assert [*a, *b[0], *b[1], *c] == toy.proof.words


def test_the_selector_is_snarkjss() -> None:
    """Known from deployed snarkjs verifiers with one and two public signals."""
    assert selector(1).hex() == "43753b4d"
    assert selector(2).hex() == "f5c9d69e"
