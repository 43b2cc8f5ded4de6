"""What the report counts as a changed label, where the model's own label is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from prover.compiler import compile_model
from prover.graph import import_model
from prover.quantization import IntegerModel
from prover.quantization.accuracy import compare, measure
from prover.quantization.calibration import calibrate
from prover.quantization.head import Request
from prover.schema import Bool, Schema
from tests.quantization.forests import answers, ballots, session

N = 12
SCHEMA = Schema("votes", tuple(Bool(f"b{i}") for i in range(N)))
ROWS = np.tril(np.ones((N + 1, N), dtype=np.float32), -1)
"""Row i has i votes."""


@pytest.mark.parametrize("output", [None, "label", "scores"])
def test_labels_of_tied_votes_are_no_flips(output: str | None) -> None:
    """Six of twelve votes of a twelfth are above a half in float32 or are not: onnxruntime's label says which."""
    data = ballots(N, [[0, 1 / N]] * N)
    report = compile_model(data, schema=SCHEMA, calibration=ROWS, reveal="label", output=output).report
    assert (report.decision_flips, report.refused) == (0, 0)
    assert report.drawn is not None
    assert report.drawn.decision_flips == 0


def test_a_wrong_label_is_a_flip_whatever_the_scores_say() -> None:
    data = ballots(N, [[0, 1 / N]] * N)
    plan = calibrate(import_model(data), SCHEMA, ROWS, request=Request("label", "scores"))
    batch = SCHEMA.encode_batch(ROWS)
    found = IntegerModel(plan, SCHEMA).run(batch.codes, batch.missing)
    labels, scores = answers(session(data), ROWS)
    own = {"scores": scores, "label": labels}
    assert measure(plan, found, own.__getitem__).decision_flips == 0
    own["label"] = np.where(np.arange(N + 1) < 3, 1 - labels, labels)
    assert measure(plan, found, own.__getitem__).decision_flips == 3
    assert compare(plan, found, scores).label_flips <= 1


def test_tiers_are_compared_by_the_scores() -> None:
    plan = calibrate(import_model(ballots(N, [[0, 1 / N]] * N)), SCHEMA, ROWS)
    assert plan.layout.reveal.name == "TIER"
    assert plan.label_output == ""
