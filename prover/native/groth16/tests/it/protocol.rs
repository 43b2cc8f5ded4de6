//! Setup, prove and verify as one.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{circuit, cubic, cubic_values, cubic_witness, key, limbs};
use proptest::prelude::*;
use verdict_groth16::{
    prove::prove, r1cs::R1cs, setup::setup, verify::verify, Error, Progress, Proof, ProvingKey, Randomness, Silent,
    VerifyingKey, Witness,
};

fn proven(key: &ProvingKey, witness: &Witness) -> Proof {
    prove(key, witness, &mut Randomness::new(None), &Silent).unwrap()
}

#[test]
fn a_true_statement_verifies_and_a_false_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&cubic(), &folder.path().join("k.zkey"), b"1");
    let proof = proven(&file.proving_key().unwrap(), &cubic_witness(3));
    let vk = &file.header().verifying_key;
    assert!(verify(vk, &[limbs(35)], &proof).unwrap());
    assert!(!verify(vk, &[limbs(36)], &proof).unwrap());
    assert!(!verify(vk, &[limbs(35)], &Proof { a: -proof.a, ..proof }).unwrap());
    assert!(!verify(vk, &[limbs(35)], &Proof { c: proof.a, ..proof }).unwrap());
    assert_eq!(Proof::from_bytes(&proof.to_bytes()).unwrap(), proof);
    assert_eq!(&VerifyingKey::from_bytes(&vk.to_bytes()).unwrap(), vk);
}

#[test]
fn a_false_witness_gives_a_proof_that_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&cubic(), &folder.path().join("k.zkey"), b"1");
    let pk = file.proving_key().unwrap();
    for wire in 1..5 {
        let mut values = cubic_values(3);
        values[wire] = limbs(1000 + wire as i64);
        let witness = Witness::new(values.clone()).unwrap();
        assert!(cubic().check(&witness).unwrap().is_some());
        assert!(!verify(&file.header().verifying_key, &values[1..2], &proven(&pk, &witness)).unwrap());
    }
}

#[test]
fn proofs_are_blinded_and_seeds_reproduce() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&cubic(), &folder.path().join("k.zkey"), b"1");
    let pk = file.proving_key().unwrap();
    let witness = cubic_witness(3);
    assert_ne!(proven(&pk, &witness), proven(&pk, &witness));
    let seeded = || prove(&pk, &witness, &mut Randomness::new(Some(b"s")), &Silent).unwrap();
    assert_eq!(seeded(), seeded());
    key(&cubic(), &folder.path().join("again.zkey"), b"1");
    key(&cubic(), &folder.path().join("other.zkey"), b"2");
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("k.zkey"), bytes("again.zkey"));
    assert_ne!(bytes("k.zkey"), bytes("other.zkey"));
}

#[test]
fn malformed_calls_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&cubic(), &folder.path().join("k.zkey"), b"1");
    let pk = file.proving_key().unwrap();
    let vk = &file.header().verifying_key;
    let proof = proven(&pk, &cubic_witness(3));
    let r = <ark_bn254::Fr as ark_ff::PrimeField>::MODULUS.0;
    assert!(matches!(verify(vk, &[r], &proof), Err(Error::MalformedProof(_))));
    assert!(matches!(verify(vk, &[], &proof), Err(Error::MalformedProof(_))));
    assert!(matches!(verify(vk, &[limbs(35); 2], &proof), Err(Error::MalformedProof(_))));
    assert!(matches!(Witness::new(vec![limbs(2)]), Err(Error::MalformedWitness(_))));
    assert!(matches!(Witness::new(vec![]), Err(Error::MalformedWitness(_))));
    assert!(matches!(Witness::new(vec![limbs(1), r]), Err(Error::MalformedWitness(_))));
    let short = Witness::new(vec![limbs(1)]).unwrap();
    assert!(matches!(cubic().check(&short), Err(Error::KeyMismatch(_))));
    assert!(matches!(prove(&pk, &short, &mut Randomness::new(None), &Silent), Err(Error::KeyMismatch(_))));
}

/// Infinity in the place of every proof point is well formed, as on chain, and proves nothing.
#[test]
fn infinity_is_well_formed_and_false() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&cubic(), &folder.path().join("k.zkey"), b"1");
    let proof = Proof::from_bytes(&[0; 256]).unwrap();
    assert!(!verify(&file.header().verifying_key, &[limbs(35)], &proof).unwrap());
}

#[test]
fn a_key_knows_its_circuit() {
    let folder = tempfile::tempdir().unwrap();
    let pk = key(&cubic(), &folder.path().join("k.zkey"), b"1").proving_key().unwrap();
    pk.check_circuit(&cubic()).unwrap();
    let row = |wire| vec![vec![(wire, 1)]; 3];
    let other = circuit(5, 1, [&row(2), &row(2), &row(3)]);
    let larger = circuit(6, 1, [&row(2), &row(2), &row(3)]);
    for circuit in [other, larger] {
        assert!(matches!(pk.check_circuit(&circuit), Err(Error::KeyMismatch(_))));
    }
}

/// Stops at the n-th report.
struct StopAt(AtomicUsize);

impl Progress for StopAt {
    fn advance(&self, _stage: &str, fraction: f64) -> bool {
        assert!((0.0..=1.0).contains(&fraction));
        self.0.fetch_sub(1, Ordering::SeqCst) > 1
    }
}

#[test]
fn cancelling_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for reports in 1..=7 {
        let stop = StopAt(AtomicUsize::new(reports));
        let path = folder.path().join("k.zkey");
        let outcome = setup(&cubic(), &path, false, &mut Randomness::new(None), &stop);
        assert!(matches!(outcome, Err(Error::Cancelled)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let pk = key(&cubic(), &folder.path().join("k.zkey"), b"1").proving_key().unwrap();
    for reports in 1..=5 {
        let stop = StopAt(AtomicUsize::new(reports));
        let outcome = prove(&pk, &cubic_witness(3), &mut Randomness::new(None), &stop);
        assert!(matches!(outcome, Err(Error::Cancelled)));
    }
}

/// Products of random linear forms: each new wire is one.
fn random_circuit() -> impl Strategy<Value = (R1cs, Vec<i64>)> {
    let form = || prop::collection::vec((any::<prop::sample::Index>(), -3i64..=3), 1..4);
    (0u32..4, prop::collection::vec((form(), form()), 1..12)).prop_map(|(n_public, products)| {
        let mut values: Vec<i64> = std::iter::once(1).chain((0..=i64::from(n_public)).map(|i| i - 1)).collect();
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        for (left, right) in products {
            let known = values.len();
            let row = |form: &Vec<(prop::sample::Index, i64)>| -> Vec<(u32, i64)> {
                form.iter().map(|(wire, coefficient)| (wire.index(known) as u32, *coefficient)).collect()
            };
            let value = |row: &Vec<(u32, i64)>| row.iter().map(|(wire, k)| values[*wire as usize] * k).sum::<i64>();
            let (left, right) = (row(&left), row(&right));
            // Values stay small: a product is folded back into [-3, 3] by a constant.
            let product = value(&left) * value(&right);
            values.push(product % 4);
            c.push(vec![(known as u32, 1), (0, product - product % 4)]);
            a.push(left);
            b.push(right);
        }
        (circuit(values.len() as u32, n_public, [&a, &b, &c]), values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_satisfied_circuit_proves((circuit, values) in random_circuit(), initial in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.zkey");
        let values: Vec<_> = values.into_iter().map(limbs).collect();
        let witness = Witness::new(values.clone()).unwrap();
        prop_assert_eq!(circuit.check(&witness).unwrap(), None);
        setup(&circuit, &path, initial, &mut Randomness::new(None), &Silent).unwrap();
        let file = verdict_groth16::zkey::KeyFile::open(&path).unwrap();
        let pk = file.proving_key().unwrap();
        pk.check_circuit(&circuit).unwrap();
        let signals = &values[1..=circuit.n_public as usize];
        prop_assert!(verify(&file.header().verifying_key, signals, &proven(&pk, &witness)).unwrap());
    }
}
