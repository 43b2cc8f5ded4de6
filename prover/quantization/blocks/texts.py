"""Functions of texts: a text the model reads is one label of a category of the schema, so they are all linear.

A text tensor is an :class:`Affine` whose elements are the index of their category's label: the operators that only
move elements need not know that they move text. A missing category is the empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, unsupported

MISSING = ""
"""What a model with text inputs reads where a category is missing."""

Function = Callable[[Sequence[str]], NDArray[np.float64]]
"""n texts to float64[n, width] results."""


def of_texts(trace: Trace, node: Node, texts: Affine, width: int, function: Function) -> Affine:
    """``function`` of every element, without any constraint: shape ``(*texts.shape, width)``.

    Raises:
        UnsupportedOpError: an element that is no text of the schema.
    """
    rows, cols, data = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for element in range(texts.size):
        slots, labels = _labels(trace, node, texts, element)
        results = function(labels).reshape(slots.size, width)
        place, result = np.nonzero(results)
        rows.append(element * width + result)
        cols.append(slots[place])
        data.append(results[place, result])
    size = texts.size * width
    columns = (np.concatenate(rows), np.concatenate(cols), np.concatenate(data))
    matrix = Sparse.from_triplets(*columns, (size, trace.n_variables))
    return Affine((*texts.shape, width), matrix, np.zeros(size), np.zeros(size, dtype=np.bool_))


def _labels(trace: Trace, node: Node, texts: Affine, element: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(slots of the element's category, the text each one stands for)."""
    columns = texts.matrix.cols[texts.matrix.indptr[element] : texts.matrix.indptr[element + 1]]
    for fact in trace.facts.features:
        labels = getattr(fact.feature, "labels", None)
        if labels is None or not columns.size or not fact.start <= columns[0] <= fact.last:
            continue
        count = fact.count + (fact.missing >= 0)
        return np.arange(fact.start, fact.start + count), (*labels, MISSING)[:count]
    raise unsupported(node, "it reads a text that is no category of the schema", "declare the feature a category")
