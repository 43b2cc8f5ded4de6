"""Layouts: which public signals a proof has, in which order, and what their numbers mean.

A layout kind is an ordered list of named slots. Slots the circuit computes come first (iden3 calls them outputs), slots
the caller chooses last. A later kind with ``weightsCommitment`` or state slots is one more entry of :data:`KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from prover.errors import MalformedProofError, QuantizationError, SchemaError
from prover.schema.hashing import abi_encode, keccak256

LANES = 3
"""Output values packed into one signal."""

LANE_BITS = 64
LANE_OFFSET = 1 << 63
"""Added to a value in [-2^63, 2^63), so that it fits a lane."""

MAX_OUTPUTS = 1024
MAX_THRESHOLDS = 255
MAX_DECIMALS = 18
THRESHOLD_DECIMALS = 6
"""Scale of a tier layout's thresholds: millionths, whatever else is revealed at. Fixed, so that it needs no slot."""


class Polarity(IntEnum):
    """Which direction of the score is good for its subject."""

    NONE = 0
    HIGHER_IS_BETTER = 1
    LOWER_IS_BETTER = 2


class Reveal(IntEnum):
    """What of the model's output becomes public."""

    SCORE = 0
    LABEL = 1
    TIER = 2


@dataclass(frozen=True)
class Slot:
    """A named run of public signals.

    Attributes:
        name: for example ``"inputCommitment"``.
        computed: the circuit computes it; otherwise the caller chooses it.
        packed_outputs: it holds the packed outputs, as many signals as they need; otherwise one signal.
    """

    name: str
    computed: bool
    packed_outputs: bool = False


KINDS: Mapping[str, tuple[Slot, ...]] = {
    "verdict/v1": (
        Slot("inputCommitment", computed=True),
        Slot("outputs", computed=True, packed_outputs=True),
        Slot("context", computed=False),
    ),
}
"""Slots by layout id, computed ones first."""

DEFAULT_KIND = "verdict/v1"
_MODEL_TAG = keccak256(b"verdict/model/v1")


@dataclass(frozen=True)
class Layout:
    """The public signals of one model.

    Attributes:
        schema_hash: 32 bytes.
        decimals: for each output value, how many decimal digits its integer carries: 4 means 10000 is 1.
        polarity: see :class:`Polarity`.
        reveal: see :class:`Reveal`; TIER has the single output "number of thresholds passed", decimals (0,).
        thresholds: TIER only: strictly ascending scores in millionths; a score >= threshold passes it.
        kind: layout id, a key of :data:`KINDS`.

    Raises:
        SchemaError: a combination that has no meaning.
    """

    schema_hash: bytes
    decimals: tuple[int, ...]
    polarity: Polarity = Polarity.NONE
    reveal: Reveal = Reveal.SCORE
    thresholds: tuple[int, ...] = ()
    kind: str = DEFAULT_KIND

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SchemaError(f"unknown layout {self.kind!r}", "known: " + ", ".join(KINDS))
        if not isinstance(self.schema_hash, bytes) or len(self.schema_hash) != 32:
            raise SchemaError("a layout's schema hash is 32 bytes")
        try:
            object.__setattr__(self, "polarity", Polarity(self.polarity))
            object.__setattr__(self, "reveal", Reveal(self.reveal))
        except ValueError as error:
            raise SchemaError(f"layout: {error}") from error
        object.__setattr__(self, "decimals", tuple(self.decimals))
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 1 <= len(self.decimals) <= MAX_OUTPUTS:
            raise SchemaError(f"a layout has 1 to {MAX_OUTPUTS} outputs, not {len(self.decimals)}")
        for decimals in self.decimals:
            if not _is_int(decimals) or not 0 <= decimals <= MAX_DECIMALS:
                raise SchemaError(f"output decimals must be an integer from 0 to {MAX_DECIMALS}, not {decimals!r}")
        for threshold in self.thresholds:
            if not _is_int(threshold) or not -LANE_OFFSET <= threshold < LANE_OFFSET:
                raise SchemaError(f"threshold {threshold!r} is not a 64-bit integer")
        if any(low >= high for low, high in zip(self.thresholds, self.thresholds[1:], strict=False)):
            raise SchemaError(f"thresholds {list(self.thresholds)} do not ascend")
        if self.reveal is Reveal.TIER:
            if self.decimals != (0,) or not 1 <= len(self.thresholds) <= MAX_THRESHOLDS:
                raise SchemaError(f"a tier layout has one output of 0 decimals and 1 to {MAX_THRESHOLDS} thresholds")
        elif self.thresholds:
            raise SchemaError("only a tier layout has thresholds", "reveal='tier'")

    @property
    def n_outputs(self) -> int:
        """Output values, before packing."""
        return len(self.decimals)

    @property
    def n_output_signals(self) -> int:
        """Signals the packed outputs take: three values to one."""
        return -(-self.n_outputs // LANES)

    @cached_property
    def slots(self) -> Mapping[str, range]:
        """Indices of each slot's signals among the public signals, in order."""
        result: dict[str, range] = {}
        start = 0
        for slot in KINDS[self.kind]:
            length = self.n_output_signals if slot.packed_outputs else 1
            result[slot.name] = range(start, start + length)
            start += length
        return result

    def slot(self, signals: Sequence[int], name: str) -> tuple[int, ...]:
        """The signals of one slot out of all public signals.

        Raises:
            MalformedProofError: not as many signals as the layout has.
            SchemaError: the layout has no such slot.
        """
        if len(signals) != self.n_public:
            raise MalformedProofError(f"{len(signals)} public signals, the layout has {self.n_public}")
        if name not in self.slots:
            raise SchemaError(f"layout {self.kind!r} has no slot {name!r}", "it has " + ", ".join(self.slots))
        indices = self.slots[name]
        return tuple(signals[indices.start : indices.stop])

    @property
    def n_public(self) -> int:
        """Public signals in all."""
        return sum(len(indices) for indices in self.slots.values())

    @property
    def n_computed(self) -> int:
        """Public signals the circuit computes: ``nOut`` of an iden3 header; the others are its ``nPubIn``."""
        return sum(len(self.slots[slot.name]) for slot in KINDS[self.kind] if slot.computed)

    @property
    def signal_names(self) -> tuple[str, ...]:
        """One name per public signal, for example ``("inputCommitment", "outputs[0]", "context")``."""
        names = []
        for slot in KINDS[self.kind]:
            indices = self.slots[slot.name]
            names += [f"{slot.name}[{i}]" for i in range(len(indices))] if slot.packed_outputs else [slot.name]
        return tuple(names)

    @cached_property
    def hash(self) -> bytes:
        """Keccak-256 of ``abi.encode(keccak(kind), schema hash, decimals, polarity, reveal, thresholds)``."""
        kind = keccak256(self.kind.encode())
        return keccak256(
            abi_encode(kind, self.schema_hash, self.decimals, int(self.polarity), int(self.reveal), self.thresholds)
        )

    def model_hash(self, content_hash: bytes) -> bytes:
        """The registry's ``modelHashOf``: what ERC-7992 calls ``modelHash``, over content (32 bytes) and layout."""
        return keccak256(abi_encode(_MODEL_TAG, content_hash, self.hash))

    def pack_outputs(self, values: Sequence[int]) -> list[int]:
        """Signals of the output values: value + 2^63 in 64 bits, three to a signal, lowest bits first.

        Raises:
            QuantizationError: a value outside [-2^63, 2^63), or not as many values as outputs.
        """
        if len(values) != self.n_outputs:
            raise QuantizationError(f"{len(values)} output values, the layout has {self.n_outputs}")
        signals = [0] * self.n_output_signals
        for index, value in enumerate(values):
            if not -LANE_OFFSET <= value < LANE_OFFSET:
                raise QuantizationError(f"output {index} is {value}, which does not fit 64 bits")
            signals[index // LANES] |= (int(value) + LANE_OFFSET) << (LANE_BITS * (index % LANES))
        return signals

    def unpack_outputs(self, signals: Sequence[int]) -> list[int]:
        """Inverse of :meth:`pack_outputs`.

        Raises:
            MalformedProofError: a wrong number of signals, or bits beyond the used lanes.
        """
        if len(signals) != self.n_output_signals:
            raise MalformedProofError(f"{len(signals)} output signals, the layout has {self.n_output_signals}")
        values = []
        for index in range(self.n_outputs):
            lane = signals[index // LANES] >> (LANE_BITS * (index % LANES)) & ((1 << LANE_BITS) - 1)
            values.append(lane - LANE_OFFSET)
        if self.pack_outputs(values) != list(signals):
            raise MalformedProofError("an output signal has bits beyond its values")
        return values

    def to_dict(self) -> dict[str, object]:
        """JSON form, read back by :meth:`from_dict`."""
        return {
            "kind": self.kind,
            "schemaHash": "0x" + self.schema_hash.hex(),
            "decimals": list(self.decimals),
            "polarity": self.polarity.name.lower(),
            "reveal": self.reveal.name.lower(),
            "thresholds": list(self.thresholds),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, object]) -> Layout:
        """Read :meth:`to_dict`'s form.

        Raises:
            SchemaError: a missing or unknown key, or a value of the wrong type.
        """
        expected = {"kind", "schemaHash", "decimals", "polarity", "reveal", "thresholds"}
        if not isinstance(document, Mapping) or document.keys() != expected:
            raise SchemaError("not a layout", "expected the keys " + ", ".join(sorted(expected)))
        lists = {key: document[key] for key in ("decimals", "thresholds")}
        for key, value in lists.items():
            if not isinstance(value, list):
                raise SchemaError(f"layout: {key} must be a list")
        try:
            return cls(
                schema_hash=bytes.fromhex(str(document["schemaHash"]).removeprefix("0x")),
                decimals=tuple(lists["decimals"]),  # type: ignore[arg-type]
                polarity=Polarity[str(document["polarity"]).upper()],
                reveal=Reveal[str(document["reveal"]).upper()],
                thresholds=tuple(lists["thresholds"]),  # type: ignore[arg-type]
                kind=str(document["kind"]),
            )
        except (ValueError, KeyError) as error:
            raise SchemaError(f"layout: {error}") from error


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
