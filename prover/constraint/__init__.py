"""Constraint systems: linear forms over wires, rank-1 rows, witness programs, and the checks on all of them.

Build with :class:`ConstraintSystem`; ``compile()`` gives a :class:`Circuit` that holds the :class:`R1CS` arrays and
the :class:`WitnessProgram`.
"""

from prover.constraint.circuit import Circuit
from prover.constraint.csr import IntMatrix
from prover.constraint.linear import LinearVector
from prover.constraint.program import WitnessProgram
from prover.constraint.r1cs import R1CS, Matrix
from prover.constraint.system import ConstraintSystem

__all__ = ["R1CS", "Circuit", "ConstraintSystem", "IntMatrix", "LinearVector", "Matrix", "WitnessProgram"]
