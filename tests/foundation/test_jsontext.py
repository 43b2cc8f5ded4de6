"""JSON that would crash the parser is refused before it gets there."""

from __future__ import annotations

import json

import py_ecc  # noqa: F401  (raises the recursion limit, which is what makes deep nesting dangerous)
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.jsontext import MAX_DEPTH, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_reads_is_read(value: object) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**6, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(ValueError, match="nested"):
        parse_json(text)


def test_brackets_in_strings_do_not_count() -> None:
    text = json.dumps(["[" * 1000, '\\"[[' * 100])
    assert parse_json(text) == json.loads(text)
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)


@pytest.mark.parametrize("text", ["", "[", '"', '"[[[', b"\xff", "]" * 100 + "[" * 200])
def test_what_is_not_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the parser's own words)
        parse_json(text)
