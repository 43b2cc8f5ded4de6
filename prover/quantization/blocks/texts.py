"""Texts as numbers: every text a model knows has a place in one vocabulary, and a text tensor holds places.

A text the model reads is one label of a category of the schema, so its place is linear in the category's one-hot, and
so is any function of it. Operators that move, choose or compare elements need not know that they are texts. A missing
category is the empty text, whose place is 0.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from prover.errors import ModelShapeError
from prover.graph import TensorInfo
from prover.quantization.facts import FactSlots
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace
from prover.schema import Category

MISSING = ""
"""What a model with text inputs reads where a category is missing."""


def places(trace: Trace, texts: Iterable[object]) -> NDArray[np.float64]:
    """float64[n]: the place of each text in the vocabulary, to which new ones are added."""
    known = trace.vocabulary
    known.setdefault(MISSING, 0)
    return np.array([known.setdefault(str(text), len(known)) for text in texts], dtype=np.float64)


def text_at(trace: Trace, place: float) -> str:
    """The text at a place, for messages."""
    return next((repr(text) for text, known in trace.vocabulary.items() if known == place), "of an unknown place")


def constant_texts(trace: Trace, texts: NDArray[np.object_]) -> Affine:
    """A tensor of known texts."""
    return Affine.constant(places(trace, texts.ravel()).reshape(texts.shape), trace.n_variables)


def text_input(trace: Trace, tensor: TensorInfo, facts: tuple[FactSlots, ...]) -> Affine:
    """What a text input holds: the label of each of its features.

    Raises:
        ModelShapeError: a feature that is no category.
    """
    rows, cols, data = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for row, fact in enumerate(facts):
        if not isinstance(fact.feature, Category):
            raise ModelShapeError(
                f"input {tensor.name!r} holds texts, feature {fact.feature.name!r} is none",
                "declare the feature a category, with the texts as its labels",
            )
        slots = np.arange(fact.start, fact.start + fact.count)
        rows.append(np.full(slots.size, row))
        cols.append(slots)
        data.append(places(trace, fact.feature.labels))
    columns = np.concatenate(rows), np.concatenate(cols), np.concatenate(data)
    matrix = Sparse.from_triplets(*columns, (len(facts), trace.n_variables))
    return Affine(tensor.shape, matrix, np.zeros(len(facts)), np.zeros(len(facts), dtype=np.bool_))
