"""The models of tests/models: every sample gives onnxruntime's answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from prover.graph import import_model

MODELS = ["loan_logistic", "loan_mlp", "credit_logistic", "credit_mlp"]


@pytest.mark.parametrize("name", MODELS)
def test_samples(models: Path, name: str) -> None:
    samples = np.load(models / f"{name}.npz")
    graph = import_model(models / f"{name}.onnx")
    session = onnxruntime.InferenceSession(models / f"{name}.onnx")
    results = graph.run_rows(samples["X"])
    assert [info.name for info in graph.outputs] == [output.name for output in session.get_outputs()]
    for output in session.get_outputs():
        expected = [session.run([output.name], {graph.inputs[0].name: row[None]})[0] for row in samples["X"]]
        np.testing.assert_allclose(results[output.name], np.stack(expected), rtol=1e-5, atol=1e-6)
    scores = results["output" if name == "credit_mlp" else "probabilities"]
    np.testing.assert_allclose(scores[:, 0], samples["expected"], rtol=1e-5, atol=1e-6)
    if "label" in samples:
        np.testing.assert_array_equal(results["label"][:, 0], samples["label"])


@pytest.mark.parametrize("name", MODELS)
def test_bytes_and_path_give_the_same_graph(models: Path, name: str) -> None:
    path = models / f"{name}.onnx"
    one, other = import_model(path), import_model(path.read_bytes())
    assert [str(node) for node in one.nodes] == [str(node) for node in other.nodes]
    assert one.tensors == other.tensors


def test_loan_mlp_in_full(models: Path) -> None:
    graph = import_model(models / "loan_mlp.onnx")
    assert [(info.name, info.dtype, info.shape) for info in graph.inputs] == [("X", np.dtype(np.float32), (1, 17))]
    assert [(info.name, info.shape) for info in graph.outputs] == [("label", (1,)), ("probabilities", (1, 2))]
    assert graph.tensors["transformed_column"].shape == (1, 54)
    assert graph.opsets == {"ai.onnx": 14, "ai.onnx.ml": 1}
    assert "cast_input" not in graph.tensors  # a cast from float to float
