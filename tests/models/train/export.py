"""From a trained XGBoost model to the three files a model has in ``tests/models``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

MODELS = Path(__file__).resolve().parents[1]
OPSET = 15


def to_units(columns: NDArray[np.float64], scales: list[int]) -> NDArray[np.float32]:
    """Facts as they are attested: whole units of 1/scale, so that a model never sees finer digits than it proves."""
    scale = np.array(scales, dtype=np.float64)
    return (np.rint(columns * scale) / scale).astype(np.float32)


def export(name: str, model: Any, schema: dict[str, Any], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write ONNX, schema and 256 samples with onnxruntime's answers; returns these answers."""
    width = len(schema["features"])
    graph = convert_xgboost(model, initial_types=[("input", FloatTensorType([None, width]))], target_opset=OPSET)
    graph.graph.name, graph.producer_version = name, ""  # the converter's name is a random one
    onnx.save(graph, MODELS / f"{name}.onnx")
    (MODELS / f"{name}_schema.json").write_text(json.dumps(schema, indent=1) + "\n")
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    answers = session.run(None, {"input": samples})
    arrays = {"X": samples, "expected": np.asarray(answers[-1])}
    if len(answers) > 1:
        arrays["label"] = np.asarray(answers[0])
    np.savez_compressed(MODELS / f"{name}.npz", **arrays)
    return arrays["expected"]
