"""The Attention operator and RotaryEmbedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.product import product
from prover.quantization.blocks.softmax import shares
from prover.quantization.blocks.sums import combined, scaled, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer, real
from prover.quantization.rules.matrix import matrix_product
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_MASKED = 40.0
"""What a boolean mask that depends on the input lowers a score by, below the range of scores: e^-40 is 2^-57."""


@rule("Attention", steps=("contract", "function", "maximum", "quotient"))
def attention(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``softmax(Q K' * scale + mask) V`` for every head; caches are joined, masks may be constant or private."""
    given = [*operands, *[None] * (7 - len(operands))]
    queries, keys, values = (
        _heads(node, linear(node, value, trace), name)
        for value, name in zip(given[:3], ("q_num_heads", "kv_num_heads", "kv_num_heads"), strict=True)
    )
    past = 0
    if given[4] is not None:
        cached = linear(node, given[4], trace)
        past = cached.shape[2]
        keys, values = (
            _joined(linear(node, old, trace), new) for old, new in zip(given[4:6], (keys, values), strict=True)
        )
    groups = queries.shape[1] // keys.shape[1]
    scores = matrix_product(trace, node, queries, _transposed(_repeated(keys, groups)))
    scale = node.attributes["scale"]
    factor = queries.shape[3] ** -0.5 if scale is None else real(node, "scale")
    scores = scaled(scores, factor)
    raw = scores
    softcap = real(node, "softcap")
    if softcap > 0:
        scores = scaled(apply(trace, node, "Tanh", scaled(scores, 1.0 / softcap)), softcap)
    capped = scores
    scores, keep = _masked(trace, node, scores, given[3], _allowed(node, scores.shape, past, given[6]))
    m, k = scores.size // scores.shape[-1], scores.shape[-1]
    flat = scores.reshaped((m, k))
    weights = shares(trace, node, flat, keep.reshape(m, k))
    weights = weights.reshaped(scores.shape)
    result = matrix_product(trace, node, weights, _repeated(values, groups))
    if len(_shape(operands[0])) == 3:
        b, h, s, d = result.shape
        numbers = np.arange(result.size, dtype=np.int64).reshape(b, h, s, d)
        result = result.pick(numbers.transpose(0, 2, 1, 3).reshape(b, s, h * d))
    shown = (raw, capped, scores, weights)[integer(node, "qk_matmul_output_mode")]
    if len(node.outputs) > 3 and node.outputs[3] and shown is scores and not keep.all():
        raise unsupported(node, "scores with a mask of infinities are not numbers", "qk_matmul_output_mode 0, 1 or 3")
    return [result, keys, values, shown]


@rule("RotaryEmbedding", steps=("contract",))
def rotary(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Pairs of numbers rotated by cached angles, one per position."""
    source = linear(node, operands[0], trace)
    numbers = np.arange(source.size, dtype=np.int64).reshape(source.shape)
    if len(source.shape) == 4:
        numbers = numbers.transpose(0, 2, 1, 3)
    else:
        b, s, hidden = source.shape
        heads = integer(node, "num_heads")
        numbers = numbers.reshape(b, s, heads, hidden // heads)
    width = integer(node, "rotary_embedding_dim") or numbers.shape[-1]
    turned, rest = numbers[..., :width], numbers[..., width:]
    if integer(node, "interleaved"):
        first, second = turned[..., 0::2], turned[..., 1::2]
    else:
        first, second = turned[..., : width // 2], turned[..., width // 2 :]
    cosines, sines = (_angles(trace, node, value, operands, first.shape) for value in operands[1:3])
    x, y = source.pick(first), source.pick(second)
    left = combined(product(trace, node, x, cosines), product(trace, node, y, sines), -1.0)
    right = combined(product(trace, node, x, sines), product(trace, node, y, cosines))
    places = np.empty_like(numbers)
    places[..., width:] = rest
    halves = source.size + np.arange(first.size, dtype=np.int64).reshape(first.shape)
    if integer(node, "interleaved"):
        places[..., 0:width:2], places[..., 1:width:2] = halves, halves + first.size
    else:
        places[..., : width // 2], places[..., width // 2 : width] = halves, halves + first.size
    if len(source.shape) == 4:
        places = places.transpose(0, 2, 1, 3)
    return [Affine.stack([source, left, right]).pick(places.reshape(source.shape))]


def _angles(
    trace: Trace, node: Node, cache: Value | None, operands: list[Value | None], shape: tuple[int, ...]
) -> Affine:
    """Cached numbers for every position, ready to broadcast over heads: [b, s, 1, width / 2]."""
    table = linear(node, cache, trace)
    positions = operands[3] if len(operands) > 3 else None
    numbers = np.arange(table.size, dtype=np.int64).reshape(table.shape)
    rows = numbers[np.asarray(positions, dtype=np.int64)] if isinstance(positions, np.ndarray) else numbers
    return table.pick(rows.reshape(shape[0], shape[1], 1, rows.shape[-1])[..., : shape[-1]])


def _heads(node: Node, value: Affine, name: str) -> Affine:
    """[b, s, h * d] as [b, h, s, d]."""
    if len(value.shape) == 4:
        return value
    heads = node.attributes[name]
    if not isinstance(heads, int):
        raise unsupported(node, f"three-dimensional operands need the attribute {name}")
    b, s, hidden = value.shape
    numbers = np.arange(value.size, dtype=np.int64).reshape(b, s, heads, hidden // heads)
    return value.pick(numbers.transpose(0, 2, 1, 3))


def _joined(old: Affine, new: Affine) -> Affine:
    first = np.arange(old.size, dtype=np.int64).reshape(old.shape)
    second = old.size + np.arange(new.size, dtype=np.int64).reshape(new.shape)
    return Affine.stack([old, new]).pick(np.concatenate((first, second), axis=2))


def _repeated(value: Affine, times: int) -> Affine:
    """Every head ``times`` times in a row: groups of queries share keys and values."""
    numbers = np.arange(value.size, dtype=np.int64).reshape(value.shape)
    return value.pick(np.repeat(numbers, times, axis=1)) if times > 1 else value


def _transposed(value: Affine) -> Affine:
    return value.pick(np.swapaxes(np.arange(value.size, dtype=np.int64).reshape(value.shape), -1, -2))


def _allowed(node: Node, shape: tuple[int, ...], past: int, lengths: Value | None) -> NDArray[np.bool_]:
    """bool[b, 1, q, k]: keys that position alone lets a query see: causality, windows, padding."""
    i, j = np.arange(shape[2])[:, None], np.arange(shape[3])[None, :]
    offset: I64 = np.full((1, 1, 1, 1), past, dtype=np.int64)
    keep = np.ones((1, 1, shape[2], shape[3]), dtype=np.bool_)
    if isinstance(lengths, np.ndarray):
        valid = lengths.astype(np.int64).reshape(-1, 1, 1, 1)
        keep = keep & (j < valid)
        offset = valid - shape[2]
    ahead = j - (i + offset)
    if integer(node, "is_causal"):
        keep = keep & (ahead <= 0)
    for name, sign in (("left_window_size", -1), ("right_window_size", 1)):
        size = node.attributes.get(name)
        if isinstance(size, int) and size >= 0:
            keep = keep & (sign * ahead <= size)
    return keep


def _masked(
    trace: Trace, node: Node, scores: Affine, mask: Value | None, keep: NDArray[np.bool_]
) -> tuple[Affine, NDArray[np.bool_]]:
    """Scores with the mask added, and which of them count at all."""
    shape = scores.shape
    keep = np.broadcast_to(keep, shape)
    if mask is None:
        return scores, keep
    missing = shape[-1] - _shape(mask)[-1]
    if isinstance(mask, np.ndarray):
        boolean = mask.dtype == np.bool_
        bias: F64 = np.where(mask, 0.0, -np.inf) if boolean else mask.astype(np.float64)
        padded = np.concatenate((bias, np.full((*bias.shape[:-1], missing), -np.inf)), axis=-1)
        every = np.broadcast_to(padded, shape)
        finite = np.where(np.isneginf(every), 0.0, every)
        return combined(scores, Affine.constant(finite, trace.n_variables)), keep & ~np.isneginf(every)
    added = linear(node, mask, trace)
    if trace.tensors[node.inputs[3]].dtype == np.bool_:
        low, high = trace.interval(scores)
        depth = float(np.max(high) - np.min(low)) + _MASKED
        if not np.isfinite(depth):
            raise unsupported(node, "a mask that depends on the input, on scores of unknown range")
        added = scaled(shifted(added, -1.0), depth)
    if missing:
        keep = keep & (np.arange(shape[-1]) < shape[-1] - missing)
        numbers = np.arange(added.size, dtype=np.int64).reshape(added.shape)
        added = added.pick(np.concatenate((numbers, np.repeat(numbers[..., :1], missing, axis=-1)), axis=-1))
    return combined(scores, added), keep


def _shape(value: Value | None) -> tuple[int, ...]:
    return () if value is None else tuple(value.shape)
