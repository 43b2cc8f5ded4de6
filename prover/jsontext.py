"""Reading JSON that somebody else wrote.

py_ecc and py-evm raise Python's recursion limit to 100,000 and more, which turns the RecursionError of a deeply
nested document into a crash of the process. So depth is bounded here, before the parser sees the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 64
"""Nesting that no file of ours comes near."""

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse_json(text: str | bytes | bytearray, **options: Any) -> Any:
    """``json.loads`` for hostile text; takes its options.

    Raises:
        ValueError: not JSON, not UTF-8, or nested deeper than :data:`MAX_DEPTH`.
    """
    if not isinstance(text, str):
        text = text.decode("utf-8")
    depth = 0
    for token in _TOKENS.finditer(text):
        character = text[token.start()]
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        elif character != '"':
            depth -= 1
    return json.loads(text, **options)
