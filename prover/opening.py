"""An opening: what shows which input a commitment was made to. Private; its owner is whom the facts are about.

An issuer commits to a person's facts and hands the opening over with the attestation; the prover needs it to show a
model's decision on exactly those facts.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from prover.errors import FormatError, InputError
from prover.field import R
from prover.files import write_atomic
from prover.jsontext import parse_json
from prover.schema import EncodedInput, Schema, commit, new_salt
from prover.schema.encoding import FeatureValues

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Opening:
    """Facts and salt.

    Attributes:
        schema: what the facts follow.
        encoded: the facts as integer codes.
        salt: in [0, r); 248 random bits keep the commitment from being guessed.
    """

    schema: Schema = field(repr=False)
    encoded: EncodedInput = field(repr=False)
    salt: int = field(repr=False)

    @classmethod
    def of(cls, schema: Schema, values: FeatureValues | EncodedInput, salt: int | None = None) -> Opening:
        """Encode facts under a fresh salt, or the one given.

        Raises:
            InputError: a value outside its feature, or a salt that is no field element.
        """
        chosen = new_salt() if salt is None else salt
        if not 0 <= chosen < R:
            raise InputError("the salt is not a field element", "make one with prover.schema.new_salt()")
        encoded = values if isinstance(values, EncodedInput) else schema.encode(values)
        return cls(schema, encoded, chosen)

    @cached_property
    def commitment(self) -> int:
        """Poseidon commitment, in [0, r): all that becomes public."""
        return commit(self.schema, self.encoded, self.salt)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file that only its owner may read.

        Raises:
            StorageError: the file could not be written.
        """
        document = {
            "format": _FORMAT,
            "kind": "opening",
            "schema": "0x" + self.schema.hash.hex(),
            "commitment": hex(self.commitment),
            "salt": hex(self.salt),
            "elements": [hex(element) for element in self.schema.packing.pack(self.encoded)],
        }
        return write_atomic(path, json.dumps(document, indent=1) + "\n", mode=0o600)

    @classmethod
    def load(cls, path: str | os.PathLike[str], schema: Schema) -> Opening:
        """Read a file of :meth:`save`.

        Raises:
            FormatError: not such a file, or its commitment is not the one its facts and salt give.
            InputError: the facts follow another schema.
        """
        try:
            document = parse_json(Path(path).read_text(encoding="utf-8"))
            if document["format"] != _FORMAT or document["kind"] != "opening":
                raise ValueError(f"it is a {document['kind']!r} of format {document['format']!r}")
            salt, commitment = int(document["salt"], 16), int(document["commitment"], 16)
            elements = [int(element, 16) for element in document["elements"]]
            schema_hash = document["schema"]
        except OSError as error:
            raise FormatError(f"cannot read {path}: {error.strerror}") from error
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise FormatError(f"{path} is not an opening", "give the file that `verdict attest` wrote") from error
        if schema_hash != "0x" + schema.hash.hex():
            raise InputError(f"{path} opens a commitment under another schema", f"this model's is {schema.name!r}")
        opening = cls.of(schema, schema.packing.unpack(elements, schema.features), salt)
        if opening.commitment != commitment:
            raise FormatError(f"{path} does not open the commitment it names", "the file was altered")
        return opening
