"""Schemas: what can be one, its JSON, and its hash."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import SchemaError
from prover.schema import Bool, Category, Feature, Fixed, Float32, Int, Schema

from .strategies import schemas


def schema_json(**entry: object) -> str:
    return json.dumps({"name": "s", "features": [{"name": "f", **entry}]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int("age", 5, 5), "feature 'age': min 5 is not below max 5"),
        (lambda: Int("age", 6, 5), "feature 'age': min 6 is not below max 5"),
        (lambda: Int("age", 0, 2**53 + 1), "feature 'age'.*beyond 2\\^53"),
        (lambda: Int("age", -(2**63), 0), "feature 'age'.*beyond 2\\^53"),
        (lambda: Int("age", 0, 1.5), "feature 'age': min and max must be integers, not 1.5"),
        (lambda: Int("age", False, 3), "feature 'age': min and max must be integers, not False"),
        (lambda: Int("age", 0, 1, optional=1), "feature 'age': optional must be true or false"),
        (lambda: Int("", 0, 1), "a feature's name must be a non-empty string"),
        (lambda: Int(7, 0, 1), "a feature's name must be a non-empty string, not 7"),
        (lambda: Int("\ud800", 0, 1), "not valid Unicode"),
        (lambda: Fixed("price", 0, 0, 1), "feature 'price': scale must be an integer from 1"),
        (lambda: Fixed("price", 0.5, 0, 1), "feature 'price': scale must be an integer from 1"),
        (lambda: Fixed("price", 3, 0, 2**51 + 1), "feature 'price'.*beyond 2\\^51"),
        (lambda: Fixed("price", 10, 3, 2), "feature 'price': min 3 is not below max 2"),
        (lambda: Category("colour", ("red",)), "feature 'colour' has 1 labels, expected 2"),
        (lambda: Category("colour", ("red", "red")), "feature 'colour' has the label 'red' twice"),
        (lambda: Category("colour", ("red", "")), "a label of feature 'colour' must be a non-empty string"),
        (lambda: Category("colour", ("red", 3)), "a label of feature 'colour' must be a non-empty string, not 3"),
        (lambda: Category("colour", "red"), "feature 'colour': labels must be a list"),
        (lambda: Category("colour", tuple(map(str, range(2**16 + 1)))), "feature 'colour' has 65537 labels"),
        (lambda: Schema("s", ()), "1 to 65536 features, not 0"),
        (lambda: Schema("s", tuple(Bool(str(i)) for i in range(2**16 + 1))), "1 to 65536 features, not 65537"),
        (lambda: Schema("s", (Bool("a"), Int("a", 0, 1))), "two features are called 'a'"),
        (lambda: Schema("s", ("a",)), "'a' is not a feature"),
        (lambda: Schema("", (Bool("a"),)), "the schema's name must be a non-empty string"),
    ],
)
def test_impossible_schemas_are_refused(make: object, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"name": "s"}', "the schema has no 'features'"),
        ('{"name": "s", "features": {}}', "features must be a list"),
        ('{"name": "s", "features": [], "extra": 1}', "unknown key 'extra'"),
        ('{"name": "s", "name": "t", "features": []}', "'name' appears twice"),
        ('{"name": "s", "source": 3, "features": []}', "source must be a string"),
        ('{"name": "s", "features": [3]}', "feature 0 must be a JSON object"),
        ('{"name": 3, "features": [{"name": "f", "type": "bool"}]}', "the schema's name"),
        (schema_json(), "feature 'f' has the unknown type None"),
        (schema_json(type="real"), "feature 'f' has the unknown type 'real'"),
        (schema_json(type=["bool"]), "feature 'f' has the unknown type"),
        (schema_json(type="bool", min=0), "feature 'f' has the unknown key 'min'"),
        (schema_json(type="int", min=0), "feature 'f' has no 'max'"),
        (schema_json(type="int", min=0, max=math.nan), "NaN is not a JSON number"),
        (schema_json(type="int", min=0, max="9"), "feature 'f': min and max must be integers"),
        (schema_json(type="bool", optional="yes"), "feature 'f': optional must be true or false"),
        (schema_json(type="category", labels={"a": 1}), "feature 'f': labels must be a list"),
        ('{"name": ' + "[" * 100_000, "not JSON"),
        ('{"name": "s", "features": [' + "9" * 5000 + "]}", "not JSON"),
        ("/no/such/file.json", "no schema file"),
        ("\0", "cannot read the schema|no schema file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "a schema is a JSON object"),
    ],
)
def test_bad_json_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {"name": st.text(max_size=3) | JSON, "type": st.sampled_from(["bool", "category", "int", "fixed", "float32"])},
    optional={"min": JSON, "max": st.integers(0, 9) | JSON, "scale": JSON, "labels": JSON, "optional": JSON, "z": JSON},
)


@given(st.lists(ENTRY | JSON, max_size=3) | JSON, st.just("s") | JSON)
def test_any_json_gives_a_schema_or_a_schema_error(features: object, name: object) -> None:
    try:
        schema = Schema.from_json(json.dumps({"name": name, "features": features}))
    except SchemaError:
        return
    assert Schema.from_json(schema.to_json()).hash == schema.hash


def test_deep_json_under_a_raised_recursion_limit() -> None:
    """py_ecc raises Python's limit so far that a nested document would crash the process."""
    code = (
        "import sys; sys.setrecursionlimit(10**6)\n"
        "from prover.errors import SchemaError\nfrom prover.schema import Schema\n"
        "try: Schema.from_json('{\"name\": ' + '[' * 300_000)\n"
        "except SchemaError as error: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


@given(schemas())
def test_json_round_trip(schema: Schema) -> None:
    again = Schema.from_json(schema.to_json())
    assert again == schema
    assert again.hash == schema.hash


def test_canonical_bytes_and_hash() -> None:
    schema = Schema("prices", (Fixed("Preis €", 100, 0, 999, optional=True), Bool("new")), source="a shop")
    expected = (
        '{"features":[{"max":999,"min":0,"name":"Preis €","optional":true,"scale":100,"type":"fixed"},'
        '{"name":"new","type":"bool"}],"name":"prices"}'
    ).encode()
    assert schema.canonical_bytes() == expected
    assert schema.hash == keccak(expected)


def test_hash_ignores_sources_spelling_and_order_of_keys() -> None:
    plain = Schema.from_json('{"name":"s","features":[{"name":"f","type":"int","min":0,"max":9}]}')
    other = Schema.from_json(
        '{"source":"x", "features":[{"max":9, "source":"y", "min":0, "optional":false, "type":"int",'
        ' "name":"\\u0066"}], "name":"s"}'
    )
    assert plain.hash == other.hash


@pytest.mark.parametrize(
    "features",
    [
        (Int("g", 0, 9), Bool("b")),
        (Int("f", 1, 9), Bool("b")),
        (Int("f", 0, 9, optional=True), Bool("b")),
        (Bool("b"), Int("f", 0, 9)),
        (Fixed("f", 1, 0, 9), Bool("b")),
        (Int("f", 0, 9),),
    ],
)
def test_hash_depends_on_everything_else(features: tuple[Feature, ...]) -> None:
    assert Schema("s", features).hash != Schema("s", (Int("f", 0, 9), Bool("b"))).hash


def test_loan_schema(models: Path) -> None:
    schema = Schema.from_json(models / "loan_schema.json")
    assert len(schema) == 17
    assert sum(isinstance(feature, Category) for feature in schema.features) == 11
    assert schema.hash.hex() == "404e52401244bdabc8cc3eb4ec5502f1c61098b156aba7837e363e00deb6c1fe"
    assert schema == Schema.from_json((models / "loan_schema.json").read_text())
    assert schema == Schema.from_json(str(models / "loan_schema.json"))


def test_width_and_span() -> None:
    kinds = [Bool("b"), Category("c", ("x", "y", "z")), Int("i", -4, 3), Int("j", 0, 8), Fixed("f", 10, 5, 6)]
    assert [(feature.width, feature.span) for feature in kinds] == [(1, 1), (2, 2), (3, 7), (4, 8), (1, 1)]
    assert Float32("x").width == 32


def test_import_is_cheap() -> None:
    heavy = "{'onnx', 'web3', 'rich', 'pydantic'}"
    code = f"import sys, prover.schema, prover.graph; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
