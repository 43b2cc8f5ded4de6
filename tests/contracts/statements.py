"""Statements of Solidity sources and which of them a run of bytecode reached.

solc's source map gives each instruction a range of its source. A statement was reached when an instruction was
executed whose range lies in it and in no smaller statement, so that the two halves of ``if (x) revert Y();`` count
apart. What has no instruction in any contract is unreached: dead code counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PUSH1, PUSH32 = 0x60, 0x7F
# What runs before a compound statement's parts do; the parts are statements of their own.
HEADS = {
    "IfStatement": "condition",
    "WhileStatement": "condition",
    "DoWhileStatement": "condition",
    "ForStatement": "condition",
    "TryStatement": "externalCall",
}
SIMPLE = {
    "ExpressionStatement",
    "VariableDeclarationStatement",
    "Return",
    "EmitStatement",
    "RevertStatement",
    "Break",
    "Continue",
    "InlineAssembly",  # as one: its instructions all have the range of the whole block
}


@dataclass(frozen=True, order=True)
class Span:
    """Bytes [start, end) of a source."""

    source: str
    start: int
    end: int


def statements(source: str, tree: Mapping[str, Any]) -> Iterator[Span]:
    """Every statement that has to do something, from a source's AST."""
    for node in _nodes(tree):
        kind = node.get("nodeType")
        if kind in HEADS:
            head = node.get(HEADS[kind])
            if head is not None:
                yield _span(source, head)
        elif kind in SIMPLE and (kind != "VariableDeclarationStatement" or node.get("initialValue")):
            yield _span(source, node)  # but `uint256 x;` only names x


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)


def _span(source: str, node: Mapping[str, Any]) -> Span:
    start, length, _ = (int(part) for part in node["src"].split(":"))
    return Span(source, start, start + length)


def instruction_spans(code: bytes, source_map: str, sources: Mapping[int, str]) -> dict[int, Span]:
    """Program counter -> range of source, for instructions that have one."""
    start, length, index = 0, 0, -1
    spans: dict[int, Span] = {}
    for counter, entry in zip(_counters(code), source_map.split(";"), strict=False):
        fields = entry.split(":")
        start = int(fields[0]) if fields[0] else start
        length = int(fields[1]) if len(fields) > 1 and fields[1] else length
        index = int(fields[2]) if len(fields) > 2 and fields[2] else index
        if index in sources:
            spans[counter] = Span(sources[index], start, start + length)
    return spans


def _counters(code: bytes) -> Iterator[int]:
    counter = 0
    while counter < len(code):
        yield counter
        opcode = code[counter]
        counter += 1 + (opcode - PUSH1 + 1 if PUSH1 <= opcode <= PUSH32 else 0)


def reached(found: Iterable[Span], executed: Iterable[Span]) -> set[Span]:
    """Which of the statements ``found`` have an executed instruction of their own."""
    by_source: dict[str, list[Span]] = {}
    for statement in found:
        by_source.setdefault(statement.source, []).append(statement)
    hit: set[Span] = set()
    for span in set(executed):
        around = [s for s in by_source.get(span.source, ()) if s.start <= span.start and span.end <= s.end]
        if around:
            hit.add(min(around, key=lambda statement: statement.end - statement.start))
    return hit
