//! The constraints' matrices as a key holds them: with iden3's own rows, coefficients never converted.

use ark_bn254::{Fr, FrConfig};
use ark_ff::{AdditiveGroup, BigInt, MontConfig};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::{
    r1cs::{Matrix, R1cs},
    scalars::Limbs,
};

/// R = 2^256 as an element of F_r: its Montgomery limbs are R², and those of k·R are k·R².
pub const MONTGOMERY_R: Fr = Fr::new_unchecked(FrConfig::R2);

/// One sparse matrix by rows, as many rows as the domain has.
#[derive(Debug)]
pub struct KeyMatrix {
    /// Row i has the non-zeros `indptr[i] .. indptr[i+1]`.
    pub indptr: Vec<u32>,
    pub wires: Vec<u32>,
    /// Each coefficient k as the element k·R of F_r: its Montgomery limbs are the k·R² that iden3 stores.
    pub values: Vec<Fr>,
}

impl KeyMatrix {
    /// The matrices A and B of the key for a circuit: constraint rows, then the own rows `1 · z_j` in A, then empty
    /// rows up to the domain's size.
    pub fn of_circuit(circuit: &R1cs, domain_size: usize) -> [Self; 2] {
        let convert = |matrix: &Matrix, own_rows: u32| {
            let mut indptr: Vec<u32> = matrix.indptr.iter().map(|&start| start as u32).collect();
            let mut wires = matrix.wires.clone();
            let table: Vec<Fr> = circuit.table.iter().map(|value| *value * MONTGOMERY_R).collect();
            let mut values: Vec<Fr> = matrix.coefficients.iter().map(|&id| table[id as usize]).collect();
            for wire in 0..own_rows {
                wires.push(wire);
                values.push(MONTGOMERY_R);
                indptr.push(wires.len() as u32);
            }
            indptr.resize(domain_size + 1, wires.len() as u32);
            Self { indptr, wires, values }
        };
        [convert(&circuit.a, circuit.n_public + 1), convert(&circuit.b, 0)]
    }

    /// The values of all rows. The factor R in the coefficients cancels against reading the wires' canonical limbs
    /// as Montgomery limbs, so neither is ever converted.
    pub fn evaluate(&self, witness: &[Limbs]) -> Zeroizing<Vec<Fr>> {
        let rows = self.indptr.par_windows(2).map(|span| {
            let span = span[0] as usize..span[1] as usize;
            self.wires[span.clone()].iter().zip(&self.values[span]).fold(Fr::ZERO, |sum, (&wire, value)| {
                sum + *value * Fr::new_unchecked(BigInt::new(witness[wire as usize]))
            })
        });
        Zeroizing::new(rows.collect())
    }

    /// The non-zeros of a row in canonical order: what is written first does not matter.
    fn sorted_row(&self, row: usize) -> Vec<(u32, Fr)> {
        let span = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        let mut entries: Vec<_> =
            self.wires[span.clone()].iter().copied().zip(self.values[span].iter().copied()).collect();
        entries.sort_unstable();
        entries
    }

    /// The first row in which two matrices of the same height differ.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        (0..self.indptr.len() - 1).find(|&row| self.sorted_row(row) != other.sorted_row(row))
    }
}
