"""Poseidon against circomlibjs, the authors' published vectors and the LFSR written out bit by bit."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from prover.field import R
from prover.schema import parameters, poseidon
from prover.schema.poseidon import _grain_numbers, permute

VECTORS = Path(__file__).parent.parent / "vectors" / "poseidon.json"


def vectors() -> list[dict[str, object]]:
    return json.loads(VECTORS.read_text())["cases"]


def test_circomlib_readme_vector() -> None:
    assert poseidon([1, 2]) == 7853200120776062878684798364095072458815029376092732009249414926327459813530


def test_published_permutations() -> None:
    """hadeshash, ``test_vectors.txt``: poseidonperm_x5_254_3 and poseidonperm_x5_254_5."""
    assert permute([0, 1, 2]) == [
        0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A,
        0x0FCA49B798923AB0239DE1C9E7A4A9A2210312B6A2F616D18B5A87F9B628AE29,
        0x0E7AE82E40091E63CBD4F16A6D16310B3729D4B6E138FCF54110E2867045A30C,
    ]
    assert permute([0, 1, 2, 3, 4]) == [
        0x299C867DB6C1FDD79DCEFA40E4510B9837E60EBB1CE0663DBAA525DF65250465,
        0x1148AAEF609AA338B27DAFD89BB98862D8BB2B429ACEAC47D86206154FFE053D,
        0x24FEBB87FED7462E23F6665FF9A0111F4044C38EE1672C1AC6B0637D34F24907,
        0x0EB08F6D809668A981C186BEAF6110060707059576406B248E5D9CF6E78B3D3E,
        0x07748BC6877C9B82C8B98666EE9D0626EC7F5BE4205F79EE8528EF1C4A376FC7,
    ]


def test_stored_vectors_of_circomlibjs() -> None:
    cases = vectors()
    assert {len(case["inputs"]) for case in cases} == set(range(1, 17))
    for case in cases:
        inputs = [int(item) for item in case["inputs"]]
        assert poseidon(inputs, int(case["initialState"])) == int(case["hash"])


def test_circomlibjs_itself(require_tool: Callable[[str], Path]) -> None:
    generator = random.Random(2021)
    cases = [
        {"inputs": [str(generator.randrange(R)) for _ in range(n)], "initialState": str(generator.randrange(R))}
        for n in range(1, 17)
        for _ in range(3)
    ] + [{"inputs": [str(R - 1)] * 16, "initialState": str(R - 1)}, {"inputs": ["0"], "initialState": "0"}]
    script = Path(__file__).with_name("poseidon_circomlibjs.mjs")
    command = [str(require_tool("node")), str(script), str(require_tool("circomlibjs"))]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=120)
    theirs = [int(item) for item in json.loads(done.stdout)]
    ours = [poseidon([int(item) for item in case["inputs"]], int(case["initialState"])) for case in cases]
    assert ours == theirs


def reference_grain(t: int, full: int, partial: int) -> list[int]:
    """The first 40 numbers, clocked one bit at a time as in ``generate_parameters_grain.sage``."""
    header = [(1, 2), (0, 4), (254, 12), (t, 12), (full, 10), (partial, 10), (2**30 - 1, 30)]
    state = [int(bit) for value, width in header for bit in format(value, f"0{width}b")]

    def clock() -> int:
        bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        state.append(bit)
        del state[0]
        return bit

    def shrunk() -> int:
        while not clock():
            clock()
        return clock()

    for _ in range(160):
        clock()
    return [int("".join(str(shrunk()) for _ in range(254)), 2) for _ in range(40)]


@pytest.mark.parametrize("t", [2, 3, 17])
def test_lfsr_matches_its_definition(t: int) -> None:
    rows, _, full, partial = parameters(t)
    assert list(islice(_grain_numbers(t, full, partial, 40), 40)) == reference_grain(t, full, partial)
    assert len(rows) == full + partial
    assert all(len(row) == t for row in rows)


def test_matrix_is_the_inverse_of_sums() -> None:
    """A Cauchy matrix: for all i, j, k, l, 1/m_ij - 1/m_kj does not depend on j."""
    _, matrix, _, _ = parameters(5)
    inverse = [[pow(item, -1, R) for item in row] for row in matrix]
    for row in inverse[1:]:
        assert len({(a - b) % R for a, b in zip(row, inverse[0], strict=True)}) == 1


def test_constants_are_generated_quickly() -> None:
    parameters.cache_clear()
    start = time.process_time()
    parameters(3)
    assert time.process_time() - start < 0.05


@pytest.mark.parametrize("inputs", [[], [0] * 17, [R], [-1], [1, R + 1]])
def test_bad_inputs_are_refused(inputs: list[int]) -> None:
    with pytest.raises(ValueError, match=r"expected 1 to 16|canonical"):
        poseidon(inputs)


def test_bad_widths_are_refused() -> None:
    for t in (0, 1, 18):
        with pytest.raises(ValueError, match="expected 2 to 17"):
            parameters(t)
