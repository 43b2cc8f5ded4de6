//! A rank-1 constraint system: `(A z)_i · (B z)_i = (C z)_i` for every row i.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, PrimeField};
use rayon::prelude::*;

use crate::{
    scalars::{Limbs, Witness},
    Error, Result,
};

/// No sensible circuit over a domain of at most 2^27 rows has more wires; keys with more are refused.
pub const MAX_WIRES: u32 = 1 << 28;

/// A sparse matrix by rows: row i has the non-zeros `indptr[i] .. indptr[i+1]`, each a wire and the index of its
/// coefficient in the circuit's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    pub indptr: Vec<i64>,
    pub wires: Vec<u32>,
    pub coefficients: Vec<u32>,
}

impl Matrix {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// The (wire, coefficient index) pairs of one row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let span = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        self.wires[span.clone()].iter().copied().zip(self.coefficients[span].iter().copied())
    }

    fn validate(&self, name: &str, n_wires: u32, table: usize) -> Result<()> {
        let fault = |what: &str| Err(Error::MalformedCircuit(format!("matrix {name}: {what}")));
        let non_zeros = self.wires.len();
        if self.indptr.first() != Some(&0) || self.indptr.last() != i64::try_from(non_zeros).ok().as_ref() {
            return fault("indptr does not run from 0 to the number of wires listed");
        }
        if self.indptr.windows(2).any(|pair| pair[0] > pair[1]) {
            return fault("indptr decreases");
        }
        if self.coefficients.len() != non_zeros {
            return fault("as many coefficients as wires are needed");
        }
        if self.wires.iter().any(|&wire| wire >= n_wires) {
            return fault("a wire is out of range");
        }
        if self.coefficients.iter().any(|&id| id as usize >= table) {
            return fault("a coefficient is outside the table");
        }
        Ok(())
    }
}

/// The constraint system in native memory. Immutable.
#[derive(Debug)]
pub struct R1cs {
    /// Wires, the constant one included.
    pub n_wires: u32,
    /// Public signals, the constant one not included: wires 1 .. n_public.
    pub n_public: u32,
    pub a: Matrix,
    pub b: Matrix,
    pub c: Matrix,
    /// Coefficients, each value once.
    pub table: Vec<Fr>,
}

impl R1cs {
    /// Checks every index, so that later passes need not.
    ///
    /// # Errors
    /// [`Error::MalformedCircuit`] naming the fault.
    pub fn new(n_wires: u32, n_public: u32, matrices: [Matrix; 3], table: &[Limbs]) -> Result<Self> {
        if n_wires > MAX_WIRES {
            return Err(Error::MalformedCircuit(format!("{n_wires} wires, at most {MAX_WIRES} are possible")));
        }
        if n_wires <= n_public {
            return Err(Error::MalformedCircuit(format!(
                "{n_wires} wires cannot hold the constant and {n_public} public signals"
            )));
        }
        let table = table
            .iter()
            .map(|limbs| Fr::from_bigint(BigInt::new(*limbs)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::MalformedCircuit("a coefficient is not below r".into()))?;
        for (matrix, name) in matrices.iter().zip(["A", "B", "C"]) {
            if matrix.indptr.is_empty() {
                return Err(Error::MalformedCircuit(format!("matrix {name}: indptr is empty")));
            }
            matrix.validate(name, n_wires, table.len())?;
        }
        let [a, b, c] = matrices;
        if a.rows() != b.rows() || a.rows() != c.rows() {
            return Err(Error::MalformedCircuit("A, B and C differ in their number of rows".into()));
        }
        Ok(Self { n_wires, n_public, a, b, c, table })
    }

    /// Number of constraints.
    pub fn n_constraints(&self) -> usize {
        self.a.rows()
    }

    /// The inner product of one row with the wires.
    fn dot(&self, matrix: &Matrix, row: usize, wires: &[Fr]) -> Fr {
        matrix.row(row).fold(Fr::ZERO, |sum, (wire, id)| sum + self.table[id as usize] * wires[wire as usize])
    }

    /// Index of the first constraint the witness violates; None when it satisfies all of them.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when the witness has another number of wires.
    pub fn check(&self, witness: &Witness) -> Result<Option<usize>> {
        if witness.values().len() != self.n_wires as usize {
            return Err(Error::KeyMismatch(format!(
                "the circuit has {} wires, the witness {}",
                self.n_wires,
                witness.values().len()
            )));
        }
        let wires: Vec<Fr> = witness
            .values()
            .par_iter()
            .map(|limbs| Fr::from_bigint(BigInt::new(*limbs)).expect("a witness is canonical"))
            .collect();
        let wires = zeroize::Zeroizing::new(wires);
        Ok((0..self.n_constraints()).into_par_iter().find_first(|&row| {
            self.dot(&self.a, row, &wires) * self.dot(&self.b, row, &wires) != self.dot(&self.c, row, &wires)
        }))
    }
}
