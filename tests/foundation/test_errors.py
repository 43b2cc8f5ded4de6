"""The tree drawn in the docstring is the tree there is."""

from __future__ import annotations

import inspect
import re

from prover import errors


def test_the_drawing_is_true() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^    ([ │├└─]*)(\w+)(?: .*)?$", line)
        if not match:
            continue
        depth = len(match[1]) // 4
        path[depth:] = [match[2]]
        drawn[match[2]] = path[depth - 1] if depth else "Exception"
    classes = {
        name: item.__bases__[0].__name__
        for name, item in vars(errors).items()
        if inspect.isclass(item) and issubclass(item, Exception)
    }
    assert drawn == classes


def test_the_hint_follows_the_message() -> None:
    assert str(errors.InputError("wrong", "mend it")) == "wrong\n  hint: mend it"
    assert str(errors.InputError("wrong")) == "wrong"
