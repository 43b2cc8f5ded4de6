"""How long work reports itself and how it is stopped."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work.

    Args:
        stage: what is being done, for example ``"setup: multiplying points"``.
        fraction: how much of the whole is done, in [0, 1].

    Returns:
        True to go on, False to stop: the work then raises :class:`prover.errors.Cancelled` and leaves no file.
    """

    def __call__(self, stage: str, fraction: float) -> bool: ...


def silent(stage: str, fraction: float) -> bool:
    """The progress callback of somebody who does not care."""
    return True
