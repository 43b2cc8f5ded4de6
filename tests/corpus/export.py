"""Training and exporting: scikit-learn through skl2onnx, XGBoost and LightGBM through onnxmltools."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .data import Table
from .entry import OPSETS, ROWS, Entry, Exported


@contextmanager
def plain_attributes() -> Iterator[None]:
    """skl2onnx hands numpy's booleans to protobuf, which takes Python's integers only."""
    from skl2onnx.common import _container

    write = _container.make_node

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [int(item) if isinstance(item, bool | np.bool_) else item for item in value]
        return value

    def make_node(*args: Any, **attributes: Any) -> Any:
        return write(*args, **{key: plain(value) for key, value in attributes.items()})

    _container.make_node = make_node
    try:
        yield
    finally:
        _container.make_node = write


def spread(n: int) -> slice:
    """Every so manieth row, about :data:`ROWS` of them."""
    return slice(None, None, max(1, n // ROWS))


def sklearn_entry(
    name: str,
    make: Callable[[], Any],
    table: Callable[[], Table],
    *,
    reveal: str | None = None,
    output: str | None = None,
    target: Callable[[Table], Any] | None = None,
    **options: Any,
) -> Entry:
    """One float tensor in, as ``to_onnx`` does by itself; ``options`` are the converter's."""

    def build() -> Exported:
        from skl2onnx import to_onnx

        data = table()
        model = make()
        x = data.x.astype(np.float32)
        with warnings.catch_warnings(), plain_attributes():
            warnings.simplefilter("ignore")
            model.fit(x, data.y if target is None else target(data))
            exported = to_onnx(model, x[:1], target_opset=OPSETS, options=converter(model, options))
        return Exported(exported.SerializeToString(), data.schema, data.x[spread(len(x))], output, reveal)

    return Entry(name, build)


def converter(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The converter's options: plain tensors in place of maps wherever the model has class probabilities."""
    from sklearn.base import is_classifier

    classifier = is_classifier(model)
    return {**({"zipmap": False} if classifier and options.pop("zipped", True) else {}), **options}


def booster_entry(
    name: str, make: Callable[[], Any], table: Callable[[], Table], *, reveal: str | None = None
) -> Entry:
    """An XGBoost or LightGBM estimator with scikit-learn's interface."""

    def build() -> Exported:
        import onnxmltools
        from onnxmltools.convert.common.data_types import FloatTensorType

        data = table()
        model = make()
        x = data.x.astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(model, "fit_groups"):
                model.fit_groups(x, data.y)
            else:
                model.fit(x, data.y)
            kinds = [("X", FloatTensorType([None, x.shape[1]]))]
            is_lightgbm = type(model).__module__.startswith("lightgbm")
            convert = onnxmltools.convert_lightgbm if is_lightgbm else onnxmltools.convert_xgboost
            extra = {"zipmap": False} if is_lightgbm else {}
            exported = convert(model, initial_types=kinds, target_opset=15, **extra)
        return Exported(exported.SerializeToString(), data.schema, data.x[spread(len(x))], None, reveal)

    return Entry(name, build)
