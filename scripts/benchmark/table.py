"""The results as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmark.result import Result


def print_results(console: Console, results: Sequence[Result]) -> None:
    """One table of cost to the prover and one of sizes, then the ratios to Verdict's figures."""
    columns: list[tuple[str, Callable[[Result], str]]] = [
        ("compile", lambda r: seconds(r.compile)),
        ("setup", lambda r: seconds(r.setup)),
        ("witness", lambda r: samples(r.witness)),
        ("groth16", lambda r: samples(r.groth16)),
        ("CPU", lambda r: samples(r.groth16_cpu)),
        ("prove", lambda r: samples(r.prove)),
        ("CPU", lambda r: samples(r.prove_cpu)),
        ("verify", lambda r: seconds(r.verify)),
        ("setup mem", lambda r: size(r.setup_memory)),
        ("prove mem", lambda r: size(r.prove_memory)),
    ]
    console.print(
        _table(
            "Time and peak memory; samples as median / minimum; groth16: witness to proof, prove: input to proof",
            results,
            columns,
        )
    )
    columns = [
        ("constraints", lambda r: count(r.constraints)),
        ("domain", lambda r: count(r.domain)),
        ("proving key", lambda r: size(r.proving_key)),
        ("verifying key", lambda r: size(r.verifying_key)),
        ("proof", lambda r: size(r.proof)),
        ("gas", lambda r: count(r.gas)),
    ]
    console.print(_table("Size", results, columns))
    for result in results:
        if result.reason:
            console.print(f"{result.model}: no figures of {result.tool}: {result.reason}", markup=False)
    for line in ratios(results):
        console.print(line, markup=False, highlight=False)


def ratios(results: Sequence[Result]) -> list[str]:
    """How many times as long and as much memory each peer takes, against Verdict's median in the same run.

    A peer that starts from the same witness is compared from there, any other one from the input.
    """
    lines = []
    for own in (result for result in results if result.tool == "verdict" and result.prove):
        for peer in results:
            if peer.model != own.model or peer.tool == own.tool or peer.reason:
                continue
            span, name = ("witness", "groth16") if peer.groth16 else ("input", "prove")
            slower = median(getattr(peer, name)) / median(getattr(own, name))
            busier = median(getattr(peer, f"{name}_cpu")) / median(getattr(own, f"{name}_cpu"))
            larger = (peer.prove_memory or 0) / (own.prove_memory or 1)
            figures = f"{slower:.2f} x the time, {busier:.2f} x the CPU time and {larger:.2f} x the memory"
            lines.append(f"{own.model}: from {span} to proof {peer.tool} takes {figures} of verdict")
    return lines


def samples(values: Sequence[float]) -> str:
    """Median and minimum."""
    return f"{seconds(median(values))} / {seconds(min(values))}" if values else ""


def seconds(value: float | None) -> str:
    """A duration with three digits."""
    if value is None:
        return ""
    if value < 0.1:
        return f"{value * 1e3:.3g} ms"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def size(value: int | None) -> str:
    """A number of bytes in decimal units."""
    if value is None:
        return ""
    if value < 1000:
        return f"{value} B"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if value < factor * 1000:
            return f"{value / factor:.3g} {unit}"
    return f"{value / 1e9:.3g} GB"


def count(value: int | None) -> str:
    """A number in groups of three digits."""
    return "" if value is None else f"{value:,}"


def _table(title: str, results: Sequence[Result], columns: Sequence[tuple[str, Callable[[Result], str]]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("model")
    table.add_column("tool")
    for heading, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        if not result.reason:
            table.add_row(result.model, result.tool, *(show(result) for _, show in columns))
    return table
