"""A report as tables on the terminal: cost, layers, widths, errors."""

from __future__ import annotations

from prover.cli.console import alert, table
from prover.lowering import Report

_BAR = 32
"""Characters of the longest bar."""


def show(name: str, report: Report) -> None:
    """Print everything a report of the model ``name`` holds."""
    table(f"{name}: cost and accuracy", ["", ""], [list(row) for row in report.summary()])
    for warning in report.warnings:
        alert(warning)
    if report.front:
        table("Plans to choose from, this one with an arrow", FRONT, front_rows(report))
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


FRONT = ["", "constraints", "max error", "flips", "activation", "weights", "last layer", "steps of their own"]
"""Columns of the Pareto front; the bits of settings are explained by :class:`prover.quantization.Settings`."""


def front_rows(report: Report) -> list[list[str]]:
    """One row for every plan that no other beats in constraints, error and flips."""
    rows = []
    for plan in report.front:
        own = ", ".join(f"{step} {extra:+d}" for step, extra in plan.steps.items())
        bits = [str(plan.activation_bits), str(plan.hidden_error_bits), str(plan.logit_error_bits)]
        chosen = "→" if plan.constraints == report.constraints and plan.error == report.largest_error else ""
        rows.append([chosen, f"{plan.constraints:,}", f"{plan.error:.3g}", str(plan.decision_flips), *bits, own])
    return rows


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
    """A bar of block characters."""
    eighths = round(8 * _BAR * value / most)
    blocks = "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
    return blocks or ("▏" if value else "")
