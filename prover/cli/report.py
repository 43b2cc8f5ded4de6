"""A report as tables on the terminal: cost, layers, widths, errors."""

from __future__ import annotations

from prover.cli.console import table
from prover.lowering import Report

_BAR = 32
"""Characters of the longest bar."""


def show(report: Report) -> None:
    """Print everything a report holds."""
    table("Cost and accuracy", ["", ""], [list(row) for row in report.summary()])
    total = max(report.constraints, 1)
    most = max((layer.constraints for layer in report.layers), default=1)
    rows = [
        [layer.name, f"{layer.constraints:,}", f"{layer.constraints / total:.1%}", bar(layer.constraints, most)]
        for layer in report.layers
    ]
    table("Constraints by layer", ["layer", "constraints", "share", ""], rows)
    if report.widths:
        rows = [
            [width.name, str(width.proven), str(width.observed), str(width.fraction), "yes" if width.saturated else ""]
            for width in report.widths
        ]
        table("Bits by step", ["step", "proven", "observed", "fraction", "saturates"], rows)
    if report.histogram is not None:
        table(f"Errors of the {measured(report)}", ["from", "to", "values", ""], histogram_rows(report))


def measured(report: Report) -> str:
    """What the histogram counts errors of."""
    return "score" if report.max_logit_error is None else "logit"


def histogram_rows(report: Report) -> list[list[str]]:
    """One row a bin: its ends, its count, and a bar."""
    found = report.histogram
    if found is None:
        return []
    most = max(max(found.counts), 1)
    ends = zip(found.edges[:-1], found.edges[1:], found.counts, strict=True)
    return [[f"{low:+.2e}", f"{high:+.2e}", f"{count:,}", bar(count, most)] for low, high, count in ends]


def bar(value: int, most: int) -> str:
    """A bar of block characters, padded so that bars of one column align to the left."""
    eighths = round(8 * _BAR * value / most)
    blocks = "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
    return (blocks or ("▏" if value else "")).ljust(_BAR)
