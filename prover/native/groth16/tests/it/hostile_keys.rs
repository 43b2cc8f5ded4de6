//! Files that are not keys, or keys somebody changed: typed errors, no panic, no memory by claimed lengths.

use std::path::Path;

use crate::common::{cubic, cubic_witness, key};
use proptest::prelude::*;
use verdict_groth16::{prove::prove, zkey::KeyFile, Error, Randomness, Silent};

fn good_key() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.zkey");
    key(&cubic(), &path, b"1");
    std::fs::read(path).unwrap()
}

/// Loads, and when that works proves; every failure must be one of the typed ones.
fn load_and_prove(path: &Path) -> Result<(), Error> {
    let file = KeyFile::open(path)?;
    let pk = file.proving_key()?;
    prove(&pk, &cubic_witness(3), &mut Randomness::new(None), &Silent).map(|_| ())
}

fn outcome(bytes: &[u8]) -> Result<(), Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    load_and_prove(file.path())
}

fn malformed(bytes: &[u8]) -> bool {
    matches!(outcome(bytes), Err(Error::MalformedKey(_)))
}

/// Offset of a section's content.
fn section(bytes: &[u8], id: u32) -> usize {
    let mut offset = 12;
    loop {
        let size = u64::from_le_bytes(bytes[offset + 4..offset + 12].try_into().unwrap()) as usize;
        if bytes[offset..offset + 4] == id.to_le_bytes() {
            return offset + 12;
        }
        offset += 12 + size;
    }
}

#[test]
fn every_truncation_is_malformed() {
    let good = good_key();
    assert!(outcome(&good).is_ok());
    for length in 0..good.len() {
        assert!(malformed(&good[..length]), "{length} bytes");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(malformed(&longer));
}

#[test]
fn no_file_no_key() {
    assert!(matches!(load_and_prove(Path::new("/nowhere/at/all.zkey")), Err(Error::Storage { action: "read", .. })));
    assert!(matches!(load_and_prove(&std::env::temp_dir()), Err(Error::MalformedKey(_))));
}

#[test]
fn named_faults_are_malformed() {
    let good = good_key();
    let header = section(&good, 2);
    let put = |offset: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let max = u32::MAX.to_le_bytes();
    assert!(malformed(&put(0, b"wtns")), "magic");
    assert!(malformed(&put(4, &2u32.to_le_bytes())), "version");
    assert!(malformed(&put(8, &max)), "number of sections");
    assert!(malformed(&put(16, &u64::MAX.to_le_bytes())), "size of a section");
    assert!(malformed(&put(section(&good, 1), &2u32.to_le_bytes())), "PLONK");
    assert!(malformed(&put(header + 4, &[0; 32])), "q");
    assert!(malformed(&put(header + 40, &[0; 32])), "r");
    assert!(malformed(&put(header + 72, &max)), "wires");
    assert!(malformed(&put(header + 72, &(1u32 << 27).to_le_bytes())), "wires beyond the file");
    assert!(malformed(&put(header + 76, &5u32.to_le_bytes())), "as many public signals as wires");
    assert!(malformed(&put(header + 80, &(1u32 << 27).to_le_bytes())), "domain beyond the file");
    assert!(malformed(&put(header + 80, &7u32.to_le_bytes())), "domain no power of two");
    assert!(malformed(&put(header + 84, &[0xFF; 32])), "alpha1 not below q");
    assert!(malformed(&put(header + 84, &[1; 16])), "alpha1 off the curve");
    let beta2 = good[header + 212..header + 340].to_vec();
    assert!(malformed(&put(header + 340, &beta2)), "gamma2 not the generator");
    let coefficients = section(&good, 4);
    assert!(malformed(&put(coefficients, &max)), "number of coefficients");
    assert!(malformed(&put(coefficients + 4, &2u32.to_le_bytes())), "matrix C");
    assert!(malformed(&put(coefficients + 8, &max)), "row");
    assert!(malformed(&put(coefficients + 12, &max)), "wire");
    assert!(malformed(&put(coefficients + 16, &[0xFF; 32])), "coefficient not below r");
    for id in [3, 5, 6, 7, 8, 9] {
        assert!(malformed(&put(section(&good, id), &[1; 16])), "a point of section {id} off the curve");
        let mut renamed = good.clone();
        let name = section(&good, id) - 12;
        renamed[name..name + 4].copy_from_slice(&10u32.to_le_bytes());
        assert!(malformed(&renamed), "section {id} missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever bytes are changed: a typed error, or a key that still proves something.
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = good_key();
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if let Err(error) = outcome(&bytes) {
            prop_assert!(matches!(error, Error::MalformedKey(_) | Error::KeyMismatch(_)), "{error}");
        }
    }
}
