//! Writing a `.zkey` in one pass: every section's size is known before its content.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use ark_bn254::{Fq, Fr};
use ark_ec::short_weierstrass::Affine;
use ark_ff::PrimeField;

use super::{
    points::{encode, KeyCurve},
    section, COEFFICIENT_BYTES, GROTH16, HEADER_BYTES, MAGIC, VERSION,
};
use crate::{key_matrix::MONTGOMERY_R, keys::KeyHeader, r1cs::R1cs, Error, Result};

const N_SECTIONS: u32 = 10;
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// The sections of points, in the order snarkjs writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointSection {
    Ic,
    H,
    L,
    A,
    B1,
    B2,
}

impl PointSection {
    fn id(self) -> u32 {
        match self {
            Self::Ic => section::IC,
            Self::H => section::H,
            Self::L => section::L,
            Self::A => section::A,
            Self::B1 => section::B1,
            Self::B2 => section::B2,
        }
    }
}

/// A key being written beside its final path; it appears there, whole and on disk, at [`KeyWriter::finish`].
/// Dropping the writer before leaves nothing behind.
pub struct KeyWriter {
    file: Option<BufWriter<File>>,
    partial: PathBuf,
    path: PathBuf,
}

impl KeyWriter {
    /// # Errors
    /// [`Error::Storage`] when no file can be made in the directory.
    pub fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Unique among this machine's processes and this process's threads.
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_file_name(format!(".{name}.{}.{serial}.part", std::process::id()));
        let file = File::create(&partial).map_err(|source| storage(path, source))?;
        let file = Some(BufWriter::with_capacity(1 << 20, file));
        let mut writer = Self { file, partial, path: path.to_path_buf() };
        writer.put(MAGIC)?;
        writer.put_u32(VERSION)?;
        writer.put_u32(N_SECTIONS)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let file = self.file.as_mut().expect("the file is open until finish");
        file.write_all(bytes).map_err(|source| storage(&self.path, source))
    }

    fn put_u32(&mut self, value: u32) -> Result<()> {
        self.put(&value.to_le_bytes())
    }

    fn begin(&mut self, id: u32, size: usize) -> Result<()> {
        self.put_u32(id)?;
        self.put(&(size as u64).to_le_bytes())
    }

    /// Sections 1 and 2.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn header(&mut self, header: &KeyHeader) -> Result<()> {
        self.begin(section::PROTOCOL, 4)?;
        self.put_u32(GROTH16)?;
        self.begin(section::HEADER, HEADER_BYTES)?;
        for modulus in [Fq::MODULUS.0, Fr::MODULUS.0] {
            self.put_u32(32)?;
            for limb in modulus {
                self.put(&limb.to_le_bytes())?;
            }
        }
        for count in [header.n_wires, header.n_public, header.domain_size] {
            self.put_u32(count as u32)?;
        }
        let key = &header.verifying_key;
        let mut points = encode(&[key.alpha1, header.beta1]);
        points.extend(encode(&[key.beta2, key.gamma2]));
        points.extend(encode(&[header.delta1]));
        points.extend(encode(&[key.delta2]));
        self.put(&points)
    }

    /// Section 4: A and B row by row, then iden3's own row `1 · z_j` in A for the constant and each public signal.
    ///
    /// # Errors
    /// [`Error::Storage`]; [`Error::MalformedCircuit`] when there are 2^32 non-zeros or more.
    pub fn coefficients(&mut self, circuit: &R1cs) -> Result<()> {
        let public_rows = circuit.n_public + 1;
        let count = circuit.a.wires.len() + circuit.b.wires.len() + public_rows as usize;
        let count32 = u32::try_from(count)
            .map_err(|_| Error::MalformedCircuit("a key holds fewer than 2^32 non-zeros".into()))?;
        self.begin(section::COEFFICIENTS, 4 + count * COEFFICIENT_BYTES)?;
        self.put_u32(count32)?;
        let table: Vec<Fr> = circuit.table.iter().map(|value| *value * MONTGOMERY_R).collect();
        for row in 0..circuit.n_constraints() {
            for (matrix, id) in [(&circuit.a, 0), (&circuit.b, 1)] {
                for (wire, coefficient) in matrix.row(row) {
                    self.coefficient(id, row as u32, wire, &table[coefficient as usize])?;
                }
            }
        }
        for signal in 0..public_rows {
            self.coefficient(0, circuit.n_constraints() as u32 + signal, signal, &MONTGOMERY_R)?;
        }
        Ok(())
    }

    fn coefficient(&mut self, matrix: u32, row: u32, wire: u32, value: &Fr) -> Result<()> {
        let mut entry = [0; COEFFICIENT_BYTES];
        for (slot, word) in entry.chunks_exact_mut(4).zip([matrix, row, wire]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        for (slot, limb) in entry[12..].chunks_exact_mut(8).zip(value.0 .0) {
            slot.copy_from_slice(&limb.to_le_bytes());
        }
        self.put(&entry)
    }

    /// Starts a section of `count` points; [`KeyWriter::points`] then writes exactly so many.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn begin_points<P: KeyCurve>(&mut self, section: PointSection, count: usize) -> Result<()> {
        self.begin(section.id(), count * P::POINT_BYTES)
    }

    /// Some of the points of the section begun last.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn points<P: KeyCurve>(&mut self, points: &[Affine<P>]) -> Result<()> {
        self.put(&encode(points))
    }

    /// Section 10 without contributions.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn no_contributions(&mut self, circuit_hash: &[u8; 64]) -> Result<()> {
        self.begin(section::CONTRIBUTIONS, 64 + 4)?;
        self.put(circuit_hash)?;
        self.put_u32(0)
    }

    /// Flushes to disk and moves the file to its path.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn finish(mut self) -> Result<()> {
        let file = self.file.take().expect("the file is open until finish");
        let written = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        written
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&self.partial, &self.path))
            .map_err(|source| storage(&self.path, source))
    }
}

impl Drop for KeyWriter {
    fn drop(&mut self) {
        self.file = None;
        // After a successful rename there is nothing to remove, and that is the only error expected here.
        let _ = std::fs::remove_file(&self.partial);
    }
}

fn storage(path: &Path, source: std::io::Error) -> Error {
    Error::Storage { action: "write", path: path.display().to_string(), source }
}
