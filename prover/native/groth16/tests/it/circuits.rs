//! Malformed circuits are refused where they enter.

use crate::common::{cubic, cubic_witness, limbs};
use verdict_groth16::{
    r1cs::{Matrix, R1cs},
    Error, Witness,
};

fn matrix(indptr: &[i64], wires: &[u32], coefficients: &[u32]) -> Matrix {
    Matrix { indptr: indptr.to_vec(), wires: wires.to_vec(), coefficients: coefficients.to_vec() }
}

fn refused(n_wires: u32, n_public: u32, a: Matrix, rows: usize) -> bool {
    let empty = matrix(&vec![0; rows + 1], &[], &[]);
    let outcome = R1cs::new(n_wires, n_public, [a, empty.clone(), empty], &[limbs(1)]);
    matches!(outcome, Err(Error::MalformedCircuit(_)))
}

#[test]
fn indices_are_checked() {
    assert!(!refused(2, 1, matrix(&[0, 1], &[1], &[0]), 1));
    assert!(refused(2, 2, matrix(&[0, 1], &[1], &[0]), 1), "public signals without wires");
    assert!(refused(2, 1, matrix(&[0, 1], &[2], &[0]), 1), "wire");
    assert!(refused(u32::MAX, 1, matrix(&[0, 1], &[1], &[0]), 1), "too many wires");
    assert!(refused(2, 1, matrix(&[0, 1], &[1], &[1]), 1), "coefficient");
    assert!(refused(2, 1, matrix(&[0, 1], &[1, 1], &[0, 0]), 1), "end of indptr");
    assert!(refused(2, 1, matrix(&[1, 1], &[1], &[0]), 1), "start of indptr");
    assert!(refused(2, 1, matrix(&[], &[], &[]), 1), "no indptr");
    assert!(refused(2, 1, matrix(&[0, 1], &[1], &[]), 1), "missing coefficient");
    assert!(refused(2, 1, matrix(&[0, 2, 1], &[1], &[0]), 2), "decreasing indptr");
    assert!(refused(2, 1, matrix(&[0, -1, 1], &[1], &[0]), 2), "negative indptr");
    assert!(refused(2, 1, matrix(&[0, 1], &[1], &[0]), 2), "different heights");
    let r = <ark_bn254::Fr as ark_ff::PrimeField>::MODULUS.0;
    let empty = matrix(&[0], &[], &[]);
    assert!(R1cs::new(1, 0, [empty.clone(), empty.clone(), empty], &[r]).is_err(), "coefficient not below r");
}

#[test]
fn the_first_violated_row_is_named() {
    assert_eq!(cubic().check(&cubic_witness(-7)).unwrap(), None);
    let violated = |values: [i64; 5]| cubic().check(&Witness::new(values.map(limbs).to_vec()).unwrap()).unwrap();
    assert_eq!(violated([1, 36, 3, 9, 27]), Some(2));
    assert_eq!(violated([1, 35, 3, 9, 28]), Some(1));
    assert_eq!(violated([1, 35, 3, 8, 28]), Some(0));
}
