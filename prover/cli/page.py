"""A report as one HTML page: no scripts, no fonts, nothing fetched; every name escaped, control characters too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as markup

from prover.cli.console import plain
from prover.cli.report import FRONT, front_rows, measured
from prover.lowering import Report

_STYLE = """
:root { color-scheme: light dark; --bar: #3b6fb6; --line: #8884; --soft: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p.about { color: var(--soft); margin-top: .2rem; }
p.warning { border-left: .3rem solid #d9a400; padding-left: .8rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
td.n, th.n { text-align: right; }
td.name { overflow-wrap: anywhere; }
.bar { background: var(--bar); height: .8rem; border-radius: 2px; min-width: 1px; }
td.wide { width: 45%; vertical-align: middle; }
"""


def page(name: str, report: Report) -> str:
    """The whole page.

    Args:
        name: of the model, shown as the title.
        report: what to show.
    """
    title = escape(f"{name}: cost and accuracy")
    sections = [_pairs(report), _front(report), _layers(report), _widths(report), _errors(report)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(name)}</h1>\n"
        '<p class="about">What proving this model costs, and how far the proved numbers are from its own.</p>\n'
        + "".join(f'<p class="warning">Warning: {escape(text)}</p>\n' for text in report.warnings)
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Text of a page: neither markup nor control characters."""
    return markup(plain(text))


def _pairs(report: Report) -> str:
    rows = [f"<tr><th>{escape(what)}</th><td>{escape(much)}</td></tr>" for what, much in report.summary()]
    return _section("Cost and accuracy", [], rows)


def _front(report: Report) -> str:
    rows = [_row(cells[0], cells[1:]) + "</tr>" for cells in front_rows(report)]
    return _section("Plans to choose from", FRONT, rows) if rows else ""


def _layers(report: Report) -> str:
    most = max((layer.constraints for layer in report.layers), default=0)
    rows = [
        _row(layer.name, [f"{layer.constraints:,}", f"{layer.constraints / max(report.constraints, 1):.1%}"])
        + _bar(layer.constraints, most)
        for layer in report.layers
    ]
    return _section("Constraints by layer", ["layer", "constraints", "share", ""], rows)


def _widths(report: Report) -> str:
    rows = []
    for width in report.widths:
        saturates = "yes" if width.saturated else ""
        numbers = [str(width.proven), str(width.observed), str(width.fraction), saturates]
        rows.append(_row(width.name, numbers) + "</tr>")
    return _section("Bits by step", ["step", "proven", "observed", "fraction", "saturates"], rows) if rows else ""


def _errors(report: Report) -> str:
    found = report.histogram
    if found is None:
        return ""
    most = max(found.counts)
    ends = zip(found.edges[:-1], found.edges[1:], found.counts, strict=True)
    rows = [_row(f"{low:+.2e} … {high:+.2e}", [f"{count:,}"]) + _bar(count, most) for low, high, count in ends]
    return _section(f"Errors of the {measured(report)}", ["from … to", "values", ""], rows)


def _section(title: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(
        f"<th{'' if index == 0 else ' class=n'}>{escape(column)}</th>" for index, column in enumerate(columns)
    )
    head = f"<thead><tr>{cells}</tr></thead>\n" if cells else ""
    body = "\n".join(rows)
    return f"<section>\n<h2>{escape(title)}</h2>\n<table>\n{head}<tbody>\n{body}\n</tbody>\n</table>\n</section>"


def _row(name: str, numbers: Sequence[str]) -> str:
    cells = "".join(f'<td class="n">{escape(number)}</td>' for number in numbers)
    return f'<tr><td class="name">{escape(name)}</td>{cells}'


def _bar(value: int, most: int) -> str:
    if not value:
        return '<td class="wide"></td></tr>'
    width = 100 * value / most
    return f'<td class="wide"><div class="bar" style="width:{width:.2f}%"></div></td></tr>'
