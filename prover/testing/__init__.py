"""Testing circuits: one assertion with escalating tiers, and a search for witnesses that lie.

:func:`check_circuit` runs a gadget or layer through reference, constraints, mutation, serialisation and proof;
:func:`check_unique` proves by exhaustion in a small field that outputs are functions of the inputs; :func:`omit` drops
constraints so that a test can show what they were for. ``prover.testing.strategies`` needs hypothesis and is imported
by itself.
"""

from prover.testing.assertions import Tier, build_circuit, check_circuit, check_unique, find_lie
from prover.testing.lying import all_witnesses, mutants, omit

__all__ = [
    "Tier",
    "all_witnesses",
    "build_circuit",
    "check_circuit",
    "check_unique",
    "find_lie",
    "mutants",
    "omit",
]
