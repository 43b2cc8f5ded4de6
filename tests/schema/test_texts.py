"""Tables of texts: numpy's string arrays are taken for what they say."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import prover
from prover.errors import InputError
from prover.schema import Category, Fixed, Schema
from prover.schema.texts import from_texts

SCHEMA = Schema("s", (Category("job", ("clerk", "other")), Fixed("rate", 4, -40, 40)))
MIXED = np.array([["clerk", 1.5], ["other", -2.25]], dtype=object)


def test_columns_are_numbers_where_all_cells_are() -> None:
    table = from_texts(np.array([["1", "a"], ["", "2"]]), {})
    assert table[0].tolist() == [1.0, "a"]
    assert np.isnan(table[1, 0])
    assert table[1, 1] == "2"
    assert from_texts(np.array([["1", "2"]]), {}).dtype == np.float64
    assert from_texts(np.array([["1", "2"]]), {0: ("1", "7")})[0].tolist() == ["1", 2.0]


def test_string_arrays_encode_as_objects_do() -> None:
    texts = MIXED.astype(str)
    assert texts.dtype.kind == "U"
    one, other = SCHEMA.encode_batch(texts), SCHEMA.encode_batch(MIXED)
    assert np.array_equal(one.codes, other.codes)
    with pytest.raises(InputError, match="job"):
        SCHEMA.encode_batch(np.array([["none", "1.5"]]))
    assert Schema.derive(texts, "s").features == Schema.derive(MIXED, "s").features


def test_a_model_is_calibrated_on_texts() -> None:
    nodes = [
        helper.make_node(
            "LabelEncoder", ["job"], ["j"], domain="ai.onnx.ml", keys_strings=["clerk"], values_floats=[2.5]
        ),
        helper.make_node("Add", ["j", "rate"], ["score"]),
    ]
    kinds = {"job": TensorProto.STRING, "rate": TensorProto.FLOAT}
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()]
    output = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, output), opset_imports=opsets, ir_version=8)
    for rows in (MIXED, MIXED.astype(str), MIXED.tolist()):
        bundle = prover.compile(model.SerializeToString(), schema=SCHEMA, calibration=rows)
        assert bundle.report.max_abs_error == 0
