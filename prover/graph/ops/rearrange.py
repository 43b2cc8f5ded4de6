"""Operators that cut, repeat, pad and rearrange tensors; like those of :mod:`movement`, they compute nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, needed, normal_axis, unsupported
from prover.graph.ops.standard import standard

_NUMPY_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def pad_widths(node: Node, inputs: Sequence[Array | None]) -> list[tuple[int, int]]:
    """Elements added before and after, axis by axis; negative numbers remove."""
    rank = array(inputs[0]).ndim
    pads = node.attributes["pads"] if "pads" in node.attributes else array(inputs[1]).tolist()
    assert isinstance(pads, tuple | list)
    given = array(inputs[3]).tolist() if len(inputs) > 3 and inputs[3] is not None else list(range(rank))
    axes = [normal_axis(axis, rank) for axis in given]
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes):
        raise ValueError(f"{len(pads)} pads for {len(axes)} axes")
    widths = [(0, 0)] * rank
    for index, axis in enumerate(axes):
        widths[axis] = int(pads[index]), int(pads[index + len(axes)])
    return widths


def _pad(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    widths = pad_widths(node, inputs)
    mode = str(node.attributes["mode"])
    if mode != "constant" and data.size == 0:
        raise ValueError(f"a tensor of shape {data.shape} has nothing to pad with")
    grown = [(max(before, 0), max(after, 0)) for before, after in widths]
    if mode == "constant":
        fill = inputs[2] if len(inputs) > 2 else node.attributes.get("value")
        value = np.zeros((), dtype=data.dtype) if fill is None else np.asarray(fill).astype(data.dtype).reshape(())
        padded = np.pad(data, grown, constant_values=value)
    else:
        padded = np.pad(data, grown, _NUMPY_MODES[mode])  # type: ignore[call-overload]
    cut = tuple(
        slice(max(-before, 0), size - max(-after, 0))
        for (before, after), size in zip(widths, padded.shape, strict=True)
    )
    return [np.asarray(padded[cut])]


def _infer_compress(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data, condition = needed(inputs[0]), needed(inputs[1]).value
    if condition is None or condition.dtype != np.bool_ or condition.ndim != 1:
        raise ValueError("the condition must be a constant list of booleans")
    axis = node.attributes["axis"]
    if axis is None:
        room = int(np.prod(data.shape, dtype=object))
        shape: tuple[int, ...] = (int(np.count_nonzero(condition)),)
    else:
        assert isinstance(axis, int)
        axis = normal_axis(axis, len(data.shape))
        room = data.shape[axis]
        shape = (*data.shape[:axis], int(np.count_nonzero(condition)), *data.shape[axis + 1 :])
    if condition.size > room:
        raise ValueError(f"a condition of {condition.size} elements for {room}")
    return [Inferred(data.dtype, shape)]


def _only_renames(node: Node, inputs: Sequence[Operand | None]) -> bool:
    ratio, training = (
        inputs[place].value if len(inputs) > place and inputs[place] is not None else None  # type: ignore[union-attr]
        for place in (1, 2)
    )
    if training is not None and bool(training.any()) and (ratio is None or bool(ratio.any())):
        raise unsupported(node, "it drops elements at random", "export the model in inference mode: model.eval()")
    return len(node.outputs) == 1


_PADS = {1: "pads", 3: "axes"}
_MODES = {"mode": tuple(_NUMPY_MODES)}

OPS: tuple[OpSpec, ...] = (
    *standard("Split", static={1: "split"}),
    *standard("Slice", static={1: "starts", 2: "ends", 3: "axes", 4: "steps"}),
    *standard("Pad", static=_PADS, allowed=_MODES, evaluate=_pad),
    *standard("Expand", static={1: "shape"}, infinite=(0,)),
    *standard("Tile", static={1: "repeats"}),
    *standard("DepthToSpace"),
    *standard("SpaceToDepth"),
    *standard("ReverseSequence", static={1: "sequence_lens"}),
    *standard("Compress", static={1: "condition"}, infer=_infer_compress),
    *standard("CenterCropPad", static={1: "shape"}),
    *standard("Trilu", static={1: "k"}),
    *standard("Dropout", static={1: "ratio", 2: "training_mode"}, transparent=_only_renames),
)
