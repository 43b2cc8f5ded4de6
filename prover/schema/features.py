"""The feature types of a schema, and the integer code each gives to one raw fact.

A feature turns a value into a *code*, an exact integer in [lo, hi]:

    bool       0 or 1
    category   index of the label
    int        the integer itself
    fixed      the value counted in units of 1/scale, rounded half to even: the only rounding anywhere
    float32    the order-preserving code of :mod:`prover.schema.float_codes` (for trees)

Every feature may be optional; a missing value has code 0 and its own bit.
"""

from __future__ import annotations

import abc
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, TypeGuard

import numpy as np

from prover.errors import InputError, SchemaError
from prover.schema.float_codes import LARGEST, SMALLEST, code_of_float32, float32_of_code

EXACT = 1 << 53
"""Integers up to this magnitude are exact in float64, through which batches are encoded."""

EXACT_FIXED = 1 << 51
"""Up to this many units, the float64 nearest to units / scale still rounds back to them, whatever the scale."""

FLOAT_MAX = int(sys.float_info.max)
"""Numbers beyond it are outside every feature and too long to print."""

MAX_LABELS = 1 << 16
"""Most labels of a category: each is one wire of a one-hot vector."""


@dataclass(frozen=True)
class Feature(abc.ABC):
    """One named raw fact. ``optional`` allows it to be missing."""

    name: str
    optional: bool = field(default=False, kw_only=True)

    kind: ClassVar[str]
    scale: ClassVar[int] = 1
    """What a code counts for a value of 1."""

    def __post_init__(self) -> None:
        check_text(self.name, "a feature's name")
        if not isinstance(self.optional, bool):
            raise SchemaError(f"feature {self.name!r}: optional must be true or false, not {self.optional!r}")

    @property
    @abc.abstractmethod
    def lo(self) -> int:
        """Smallest code."""

    @property
    @abc.abstractmethod
    def hi(self) -> int:
        """Largest code."""

    @property
    def span(self) -> int:
        """Largest packed offset, hi - lo. A power of two minus one needs no exact range check in the circuit."""
        return self.hi - self.lo

    @property
    def width(self) -> int:
        """Bits of the packed offset, without the missing bit."""
        return self.span.bit_length()

    @abc.abstractmethod
    def encode(self, value: object) -> int:
        """The code of a value that is present.

        Raises:
            InputError: wrong type, not a number, out of range.
        """

    def decode(self, code: int) -> float:
        """The number a model sees for a code, before it is rounded to the model's own dtype."""
        return code / self.scale

    @abc.abstractmethod
    def to_dict(self) -> dict[str, object]:
        """JSON form; ``optional`` appears only when true."""

    def _dict(self, **fields: object) -> dict[str, object]:
        extra = {"optional": True} if self.optional else {}
        return {"name": self.name, "type": self.kind, **fields, **extra}

    def _number(self, value: object) -> Fraction:
        """The exact rational value of a number; booleans and text are not numbers."""
        if isinstance(value, np.generic) and value.dtype.kind in "iuf" and value.dtype.itemsize <= 8:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
            raise self.error(f"a value of type {type(value).__name__} is not a number")
        if isinstance(value, float | Decimal) and not (Decimal(value).is_finite()):
            raise self.error("the value is not a finite number")
        if isinstance(value, Decimal) and abs(value.adjusted()) > 400:
            raise self.error("the value is too large or too fine")  # before its digits are written out
        number = Fraction(value)
        if abs(number) > FLOAT_MAX:
            raise self.error("the value is beyond any range")
        return number

    def _integer(self, value: object) -> int:
        number = self._number(value)
        if number.denominator != 1:
            raise self.error("the value is not an integer")
        return self._in_range(int(number))

    def _in_range(self, code: int) -> int:
        if not self.lo <= code <= self.hi:
            raise self.error(f"the value is outside [{self.decode(self.lo):.17g}, {self.decode(self.hi):.17g}]")
        return code

    def error(self, problem: str) -> InputError:
        """An InputError that names the feature and what it takes.

        ``problem`` never quotes the value: messages end in logs, and facts are private.
        """
        return InputError(f"feature {self.name!r}: {problem}", f"{self.name!r} takes {self.describe()}")

    @abc.abstractmethod
    def describe(self) -> str:
        """What the feature accepts, for hints."""


@dataclass(frozen=True)
class Bool(Feature):
    """True or false (or the numbers 1 and 0)."""

    kind: ClassVar[str] = "bool"
    lo: ClassVar[int] = 0
    hi: ClassVar[int] = 1

    def encode(self, value: object) -> int:
        return int(value) if isinstance(value, bool | np.bool_) else self._integer(value)

    def to_dict(self) -> dict[str, object]:
        return self._dict()

    def describe(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Category(Feature):
    """One of a list of labels; given as the label or as its index in the list."""

    labels: tuple[str, ...]

    kind: ClassVar[str] = "category"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.labels, str) or not isinstance(self.labels, list | tuple):
            raise SchemaError(f"feature {self.name!r}: labels must be a list of strings")
        object.__setattr__(self, "labels", tuple(self.labels))
        if not 2 <= len(self.labels) <= MAX_LABELS:
            raise SchemaError(
                f"feature {self.name!r} has {len(self.labels)} labels, expected 2 to {MAX_LABELS}",
                "a category of one label says nothing: drop it, or use an int for more labels than that",
            )
        seen: set[str] = set()
        for label in self.labels:
            check_text(label, f"a label of feature {self.name!r}")
            if label in seen:
                raise SchemaError(f"feature {self.name!r} has the label {label!r} twice", "remove one of them")
            seen.add(label)

    @property
    def lo(self) -> int:
        return 0

    @property
    def hi(self) -> int:
        return len(self.labels) - 1

    def encode(self, value: object) -> int:
        if isinstance(value, str):
            if value not in self.labels:
                raise self.error("the value is none of its labels")
            return self.labels.index(value)
        return self._integer(value)

    def to_dict(self) -> dict[str, object]:
        return self._dict(labels=list(self.labels))

    def describe(self) -> str:
        shown = ", ".join(repr(label) for label in self.labels[:12])
        more = ", ..." if len(self.labels) > 12 else ""
        return f"one of the labels {shown}{more} or an index from 0 to {self.hi}"


@dataclass(frozen=True)
class Int(Feature):
    """An integer in [min, max]."""

    min: int
    max: int

    kind: ClassVar[str] = "int"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self.name, self.min, self.max, EXACT)

    @property
    def lo(self) -> int:
        return self.min

    @property
    def hi(self) -> int:
        return self.max

    def encode(self, value: object) -> int:
        return self._integer(value)

    def to_dict(self) -> dict[str, object]:
        return self._dict(min=self.min, max=self.max)

    def describe(self) -> str:
        return f"an integer from {self.min} to {self.max}"


@dataclass(frozen=True)
class Fixed(Feature):
    """A number counted in units of 1/scale; ``min`` and ``max`` count those units."""

    scale: int = field()  # type: ignore[misc]  # of the instance, where the other kinds have 1
    min: int
    max: int

    kind: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_int(self.scale) or not 1 <= self.scale <= EXACT:
            raise SchemaError(
                f"feature {self.name!r}: scale must be an integer from 1 to 2^53, not {self.scale!r}",
                "scale says how many units make 1: 100 for cents of a currency",
            )
        _check_range(self.name, self.min, self.max, EXACT_FIXED)

    @property
    def lo(self) -> int:
        return self.min

    @property
    def hi(self) -> int:
        return self.max

    def encode(self, value: object) -> int:
        return self._in_range(round(self._number(value) * self.scale))  # Fraction rounds half to even

    def to_dict(self) -> dict[str, object]:
        return self._dict(scale=self.scale, min=self.min, max=self.max)

    def describe(self) -> str:
        return f"a number from {self.decode(self.min):.17g} to {self.decode(self.max):.17g}"


@dataclass(frozen=True)
class Float32(Feature):
    """A finite float32, never rounded: only trees, which compare but do not compute, can use it."""

    kind: ClassVar[str] = "float32"
    lo: ClassVar[int] = SMALLEST
    hi: ClassVar[int] = LARGEST

    def encode(self, value: object) -> int:
        number = self._number(value)
        with np.errstate(over="ignore"):  # the value itself where it is a float: a fraction has no -0
            nearest = np.float32(value if isinstance(value, float | np.floating) else float(number))
        # 0.1 is the shortest spelling of one float32 although it is another float64: both name the same number.
        exact = np.isfinite(nearest) and (Fraction(float(nearest)) == number or float(str(nearest)) == float(number))
        if not exact:
            raise self.error("the value is not exactly a float32")
        return int(code_of_float32(np.array([nearest]))[0])

    def decode(self, code: int) -> float:
        return float(float32_of_code(np.array([code], dtype=np.int64))[0])

    def to_dict(self) -> dict[str, object]:
        return self._dict()

    def describe(self) -> str:
        return "a finite float32; round with numpy.float32(value) first"


def check_text(text: object, what: str) -> None:
    """Refuse what cannot be a name: not a string, empty, or not encodable as UTF-8."""
    if not isinstance(text, str) or not text:
        raise SchemaError(f"{what} must be a non-empty string, not {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SchemaError(f"{what} {text!r} is not valid Unicode: {error.reason}") from error


def _check_range(name: str, low: object, high: object, limit: int) -> None:
    for value in (low, high):
        if not _is_int(value):
            raise SchemaError(f"feature {name!r}: min and max must be integers, not {value!r}")
        if not -limit <= value <= limit:
            raise SchemaError(
                f"feature {name!r}: {value} is beyond 2^{limit.bit_length() - 1}, where float64 stops being exact",
                "narrow the range, or use a coarser unit",
            )
    if _is_int(low) and _is_int(high) and low >= high:
        raise SchemaError(
            f"feature {name!r}: min {low} is not below max {high}",
            "give the range of values the feature can take; a constant belongs into the model",
        )


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: dict[str, type[Feature]] = {cls.kind: cls for cls in (Bool, Category, Int, Fixed, Float32)}
"""Feature class by its JSON type."""
