"""Setup: from a constraint system to a proving key on disk."""

from __future__ import annotations

import os

from prover.constraint.r1cs import R1CS
from prover.errors import MalformedCircuitError
from prover.field import R
from prover.groth16.backend import Backend, get_backend
from prover.groth16.formats.zkey import MAX_DOMAIN
from prover.groth16.prove import ProvingKey
from prover.progress import Progress, silent


def setup(
    r1cs: R1CS,
    path: str | os.PathLike[str],
    *,
    backend: Backend | str | None = None,
    seed: bytes | None = None,
    progress: Progress = silent,
) -> ProvingKey:
    """Make a development key: whoever ran this could have kept its secrets.

    Args:
        path: where the .zkey goes; written atomically.
        backend: by object or name; None picks one (see :func:`get_backend`).
        seed: makes the key reproducible and worthless; for tests only.

    Raises:
        MalformedCircuitError: another field than BN254's, or more rows than it has room for.
        Cancelled, StorageError: nothing was written.
    """
    return _setup(r1cs, path, backend, False, seed, progress)


def setup_initial(
    r1cs: R1CS,
    path: str | os.PathLike[str],
    *,
    backend: Backend | str | None = None,
    seed: bytes | None = None,
    progress: Progress = silent,
) -> ProvingKey:
    """Make a key whose delta is the generator, the point a ceremony starts from. It cannot prove or be deployed.

    Arguments and errors are those of :func:`setup`.
    """
    return _setup(r1cs, path, backend, True, seed, progress)


def _setup(
    r1cs: R1CS,
    path: str | os.PathLike[str],
    backend: Backend | str | None,
    initial: bool,
    seed: bytes | None,
    progress: Progress,
) -> ProvingKey:
    if r1cs.modulus != R:
        raise MalformedCircuitError(f"a circuit over the field of {r1cs.modulus} elements has no BN254 key")
    rows = r1cs.n_constraints + r1cs.n_public + 1
    if rows > MAX_DOMAIN // 2:  # the quotient lives on the doubled domain, and 2²⁸ is all the field has
        raise MalformedCircuitError(f"{rows} rows exceed the {MAX_DOMAIN // 2} a BN254 key can hold")
    chosen = get_backend(backend) if backend is None or isinstance(backend, str) else backend
    chosen.setup(r1cs, path, initial=initial, seed=seed, progress=progress)
    return ProvingKey(path)
