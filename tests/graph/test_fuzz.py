"""Mutated models and random bytes: a graph that runs, or a ModelError."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.errors import InputError, ModelError, ModelFileError
from prover.graph import Limits, import_model

from .onnx_models import looped, mlp, old

SMALL = Limits(nodes=1 << 12, tensor_elements=1 << 20, total_elements=1 << 24, folding_work=1 << 29)


def mutate(data: bytes, seed: int, count: int) -> bytes:
    """Flip, insert, delete, copy or truncate at random places."""
    generator = random.Random(seed)
    result = bytearray(data)
    for _ in range(count):
        place = generator.randrange(len(result) + 1)
        kind = generator.randrange(6)
        if kind <= 1 and place < len(result):
            result[place] ^= 1 << generator.randrange(8)
        elif kind == 2 and place < len(result):
            result[place] = generator.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 3:
            result[place:place] = generator.randbytes(generator.randrange(1, 9))
        elif kind == 4:
            del result[place : place + generator.randrange(1, 9)]
        else:
            source = generator.randrange(len(result) + 1)
            result[place:place] = result[source : source + generator.randrange(1, 65)]
        if not result:
            break
    return bytes(result)


FUZZED = ["credit_logistic", "credit_mlp", "loan_logistic", "loan_mlp"]
MADE = {"mlp": mlp, "looped": looped, "old": old}


@settings(max_examples=400)
@given(st.sampled_from([*FUZZED, *MADE]), st.integers(0, 2**32), st.integers(1, 12))
def test_mutated_models(models: Path, name: str, seed: int, count: int) -> None:
    """Either still a model, whose tensors then are what the graph says, or a ModelError."""
    data = MADE[name]().SerializeToString() if name in MADE else (models / f"{name}.onnx").read_bytes()
    try:
        graph = import_model(mutate(data, seed, count), limits=SMALL)
    except ModelError:
        return
    try:
        values = graph.run({info.name: np.zeros(info.shape, info.dtype) for info in graph.inputs})
    except InputError:  # a one-hot encoder that has lost its category 0
        return
    for info in graph.outputs:
        assert (values[info.name].dtype, values[info.name].shape) == (info.dtype, info.shape)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    with pytest.raises(ModelFileError):
        import_model(data)
