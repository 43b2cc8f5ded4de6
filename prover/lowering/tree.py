"""Decision trees: ``cuts`` and ``trees`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets.boolean import boolean
from prover.lowering.located import reached
from prover.lowering.selection import ONE, Form, Selection, Value
from prover.lowering.sure import SureStep
from prover.quantization import FactSpace, Plan
from prover.quantization.steps.cuts import offsets
from prover.quantization.steps.trees import LISTS
from prover.quantization.trees.forest import Forest


def ranged_by_cuts(plan: Plan, space: FactSpace) -> frozenset[int]:
    """Numeric features whose offset a ``cuts`` step proves to lie in 0 .. span: they need no range check of their own.

    The step must name the feature and have exactly its offset as a form, with at least one threshold inside.
    """
    found: set[int] = set()
    for step in plan.steps:
        if step.kind != "cuts":
            continue
        features, counts = step.integers("features"), step.integers("counts")
        ends = np.concatenate(([0], np.cumsum(counts)))
        for row in np.flatnonzero(features >= 0).tolist():
            feature = int(features[row])
            if feature >= len(space.features) or space.features[feature].is_category:
                continue
            wanted = offsets(space, features[row : row + 1], step.inputs.matrix.n_cols)
            mine = step.inputs.rows(np.array([row]))
            cuts = step.integers("thresholds")[ends[row] : ends[row + 1]]
            same = np.array_equal(wanted.matrix.cols, mine.matrix.cols) and np.array_equal(
                wanted.matrix.data, mine.matrix.data
            )
            same = same and bool(wanted.bias[0] == mine.bias[0] and wanted.lo[0] == mine.lo[0])
            if same and bool(wanted.hi[0] == mine.hi[0]) and bool(((cuts > 0) & (cuts <= wanted.hi[0])).any()):
                found.add(feature)
    return frozenset(found)


def cuts(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """One interval a form, which proves the form's range; thresholds that coincide or are decided cost nothing."""
    every, counts = step.integers("thresholds"), step.integers("counts")
    ends = np.concatenate(([0], np.cumsum(counts)))
    results: list[LinearVector] = []
    for row in range(len(inputs)):
        wanted = every[ends[row] : ends[row + 1]]
        least, most = int(step.least[row]), int(step.most[row])
        results.append(reached(cs, inputs[row], wanted, least, most, f"interval[{row}]", exact=True))
    return LinearVector.concat(results).with_bounds(0, 1)


def trees(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """The sums as products level by level, see :mod:`prover.lowering.selection`; and a row for each input that is not
    surely 0 or 1, or not surely at most the one before it in its group."""
    loose = np.flatnonzero((step.least < 0) | (step.most > 1))
    if loose.size:
        boolean(cs, inputs[loose], "atom.boolean")
    group = np.repeat(np.arange(step.integers("atoms").size), np.maximum(step.integers("atoms") - 1, 0))
    unordered = np.flatnonzero((group[1:] == group[:-1]) & ~step.descends)
    if unordered.size:
        cs.enforce(inputs[unordered + 1], inputs[unordered] - inputs[unordered + 1], 0, "atom.descending")
    lists = {name: step.integers(name) for name in LISTS}
    selection = Selection(Forest.read(lists))
    forms = selection.sums(lists["base"].size)
    products = selection.products
    terms = inputs
    numbers = list(range(products.n_inputs))  # of the terms so far, by place
    place = {number: number for number in numbers}
    depth = np.array(products.depth, dtype=np.int64)
    for level in range(1, int(depth.max(initial=0)) + 1):
        chosen = np.flatnonzero(depth == level).tolist()
        tests = _forms(terms, [products.factors[index][0] for index in chosen], place).with_bounds(0, 1)
        others = [products.factors[index][1] for index in chosen]
        taken = cs.product(tests, _values(terms, others, place), f"select[{level}]")
        for offset, index in enumerate(chosen):
            place[products.n_inputs + index] = len(terms) + offset
        terms = LinearVector.concat([terms, taken])
    return _forms(terms, forms, place) + lists["base"]


def _values(terms: LinearVector, values: list[Value], place: dict[int, int]) -> LinearVector:
    ends = [np.array([getattr(value, name) for value in values], dtype=np.int64) for name in ("lo", "hi")]
    return _forms(terms, [value.form for value in values], place).with_bounds(*ends)


def _forms(terms: LinearVector, forms: list[Form], place: dict[int, int]) -> LinearVector:
    entries = [
        (row, place[term], coefficient)
        for row, form in enumerate(forms)
        for term, coefficient in form.items()
        if term != ONE
    ]
    rows, columns, values = (np.array([entry[i] for entry in entries], dtype=np.int64) for i in range(3))
    constants = np.array([form.get(ONE, 0) for form in forms], dtype=np.int64)
    return terms.matmul(IntMatrix.from_triples(rows, columns, values, (len(forms), len(terms)))) + constants


LOWERINGS = {"cuts": cuts, "trees": trees}
