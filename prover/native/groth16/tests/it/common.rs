//! Circuits and witnesses for the tests.

use std::path::Path;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use verdict_groth16::{
    r1cs::{Matrix, R1cs},
    scalars::Limbs,
    setup::setup,
    zkey::KeyFile,
    Randomness, Silent, Witness,
};

type Row = Vec<(u32, i64)>;

pub fn limbs(value: i64) -> Limbs {
    Fr::from(value).into_bigint().0
}

/// A circuit from rows of (wire, coefficient).
pub fn circuit(n_wires: u32, n_public: u32, rows: [&[Row]; 3]) -> R1cs {
    let mut table: Vec<i64> = Vec::new();
    let matrices = rows.map(|rows| {
        let mut matrix = Matrix { indptr: vec![0], wires: Vec::new(), coefficients: Vec::new() };
        for &(wire, value) in rows.iter().flat_map(|row| row.iter()) {
            let id = table.iter().position(|known| *known == value).unwrap_or_else(|| {
                table.push(value);
                table.len() - 1
            });
            matrix.wires.push(wire);
            matrix.coefficients.push(id as u32);
        }
        let mut end = 0;
        for row in rows {
            end += row.len() as i64;
            matrix.indptr.push(end);
        }
        matrix
    });
    let table: Vec<Limbs> = table.into_iter().map(limbs).collect();
    R1cs::new(n_wires, n_public, matrices, &table).unwrap()
}

/// x³ + x + 5 = y with public y: wires 1, y, x, x², x³.
pub fn cubic() -> R1cs {
    circuit(
        5,
        1,
        [
            &[vec![(2, 1)], vec![(3, 1)], vec![(4, 1), (2, 1), (0, 5)]],
            &[vec![(2, 1)], vec![(2, 1)], vec![(0, 1)]],
            &[vec![(3, 1)], vec![(4, 1)], vec![(1, 1)]],
        ],
    )
}

pub fn cubic_values(x: i64) -> Vec<Limbs> {
    [1, x * x * x + x + 5, x, x * x, x * x * x].map(limbs).to_vec()
}

pub fn cubic_witness(x: i64) -> Witness {
    Witness::new(cubic_values(x)).unwrap()
}

/// A key for the circuit from a seed.
pub fn key(circuit: &R1cs, path: &Path, seed: &[u8]) -> KeyFile {
    setup(circuit, path, false, &mut Randomness::new(Some(seed)), &Silent).unwrap();
    KeyFile::open(path).unwrap()
}
