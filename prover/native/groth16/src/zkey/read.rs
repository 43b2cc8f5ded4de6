//! Reading a `.zkey` that may be hostile: sizes are compared with the file's real length before anything is
//! allocated, every index and coordinate is checked, every point is checked to be on its curve.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Mutex,
};

use ark_bn254::{g1, g2, Fq, Fr, G1Affine, G2Affine};
use ark_ec::{short_weierstrass::Affine, AffineRepr};
use ark_ff::{BigInt, PrimeField};
use verdict_precompiles::PointError;

use super::{
    points::{decode, decode_all, KeyCurve},
    section, COEFFICIENT_BYTES, GROTH16, HEADER_BYTES, MAGIC, VERSION,
};
use crate::{
    key_matrix::KeyMatrix,
    keys::{KeyHeader, ProvingKey, VerifyingKey},
    qap::MAX_LOG_DOMAIN,
    r1cs::MAX_WIRES,
    scalars::{is_canonical, limbs_from_le},
    Error, Result,
};

/// Sections beyond this many are no key of ours or iden3's.
const MAX_SECTIONS: u32 = 64;

/// An open key: the header is read and checked, the bulk is read on demand.
pub struct KeyFile {
    path: PathBuf,
    file: Mutex<File>,
    /// (id, offset, size) of each section, all inside the file.
    sections: Vec<(u32, u64, u64)>,
    header: KeyHeader,
}

fn malformed<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::MalformedKey(what.into()))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("a slice of 4 bytes"))
}

impl KeyFile {
    /// Opens a key and reads its header and IC.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file cannot be read, [`Error::MalformedKey`] when it is no Groth16 key over BN254.
    pub fn open(path: &Path) -> Result<Self> {
        let kind = std::fs::metadata(path).map_err(|source| storage(path, source))?;
        if !kind.is_file() {
            return malformed(format!("{} is no regular file", path.display()));
        }
        let mut file = File::open(path).map_err(|source| storage(path, source))?;
        let sections = read_sections(&mut file, path)?;
        let header = KeyHeader {
            n_wires: 0,
            n_public: 0,
            domain_size: 0,
            beta1: G1Affine::identity(),
            delta1: G1Affine::identity(),
            verifying_key: VerifyingKey {
                alpha1: G1Affine::identity(),
                beta2: G2Affine::identity(),
                gamma2: G2Affine::identity(),
                delta2: G2Affine::identity(),
                ic: Vec::new(),
            },
        };
        let mut key = Self { path: path.to_path_buf(), file: Mutex::new(file), sections, header };
        key.header = key.read_header()?;
        key.check_sizes()?;
        Ok(key)
    }

    /// The checked header.
    pub fn header(&self) -> &KeyHeader {
        &self.header
    }

    /// Reads and checks everything a prover needs.
    ///
    /// # Errors
    /// As [`KeyFile::open`].
    pub fn proving_key(&self) -> Result<ProvingKey> {
        let KeyHeader { n_wires, n_public, domain_size, .. } = self.header;
        let (a_rows, b_rows) = self.matrices()?;
        Ok(ProvingKey {
            header: self.header.clone(),
            a_rows,
            b_rows,
            a: self.points(section::A, n_wires, "A")?,
            b1: self.points(section::B1, n_wires, "B1")?,
            b2: self.points(section::B2, n_wires, "B2")?,
            l: self.points(section::L, n_wires - n_public - 1, "L")?,
            h: self.points(section::H, domain_size, "H")?,
        })
    }

    /// Offset and size of a section.
    fn locate(&self, id: u32) -> Result<(u64, u64)> {
        let mut found = self.sections.iter().filter(|(other, ..)| *other == id);
        match (found.next(), found.next()) {
            (Some(&(_, offset, size)), None) => Ok((offset, size)),
            _ => malformed(format!("section {id} must occur exactly once")),
        }
    }

    /// The header's counts against the sections' sizes, hence against the file's real length.
    fn check_sizes(&self) -> Result<()> {
        let KeyHeader { n_wires, n_public, domain_size, .. } = self.header;
        for (id, size) in [
            (section::A, n_wires * g1::Config::POINT_BYTES),
            (section::B1, n_wires * g1::Config::POINT_BYTES),
            (section::B2, n_wires * g2::Config::POINT_BYTES),
            (section::L, (n_wires - n_public - 1) * g1::Config::POINT_BYTES),
            (section::H, domain_size * g1::Config::POINT_BYTES),
        ] {
            self.expect_size(id, size)?;
        }
        self.locate(section::COEFFICIENTS).map(|_| ())
    }

    fn expect_size(&self, id: u32, expected: usize) -> Result<()> {
        let (_, size) = self.locate(id)?;
        if size == expected as u64 {
            Ok(())
        } else {
            malformed(format!("section {id} has {size} bytes where {expected} are due"))
        }
    }

    /// The content of a section.
    fn section(&self, id: u32) -> Result<Vec<u8>> {
        let (offset, size) = self.locate(id)?;
        let mut bytes = Vec::new();
        let reserved = usize::try_from(size).is_ok_and(|size| bytes.try_reserve_exact(size).is_ok());
        if !reserved {
            return malformed(format!("section {id} has {size} bytes, more than memory"));
        }
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| (&mut *file).take(size).read_to_end(&mut bytes));
        match read {
            Ok(count) if count as u64 == size => Ok(bytes),
            Ok(_) => malformed("the file was truncated after it was opened"),
            Err(source) => Err(storage(&self.path, source)),
        }
    }

    fn points<P: KeyCurve>(&self, id: u32, count: usize, what: &str) -> Result<Vec<Affine<P>>> {
        self.expect_size(id, count * P::POINT_BYTES)?;
        decode_all(&self.section(id)?, what)
    }

    fn read_header(&self) -> Result<KeyHeader> {
        self.expect_size(section::PROTOCOL, 4)?;
        let protocol = self.section(section::PROTOCOL)?;
        if u32_at(&protocol, 0) != GROTH16 {
            return malformed("the key is for another proof system than Groth16");
        }
        self.expect_size(section::HEADER, HEADER_BYTES)?;
        let bytes = self.section(section::HEADER)?;
        for (offset, modulus) in [(0, Fq::MODULUS), (36, Fr::MODULUS)] {
            if u32_at(&bytes, offset) != 32 || limbs_from_le(&bytes[offset + 4..offset + 36]) != modulus.0 {
                return malformed("the key is for another curve than BN254");
            }
        }
        let [n_wires, n_public, domain_size] = [72, 76, 80].map(|offset| u32_at(&bytes, offset) as usize);
        if n_wires <= n_public || n_wires > MAX_WIRES as usize {
            return malformed(format!("{n_wires} wires with {n_public} public signals"));
        }
        if !domain_size.is_power_of_two() || !(1..=MAX_LOG_DOMAIN).contains(&domain_size.trailing_zeros()) {
            return malformed(format!("a domain of {domain_size} rows"));
        }
        let point1 = |offset: usize, what: &str| -> Result<G1Affine> {
            decode(&bytes[offset..offset + 64]).map_err(|error| Error::key_point(what, error))
        };
        let point2 = |offset: usize, what: &str| -> Result<G2Affine> {
            decode(&bytes[offset..offset + 128])
                .and_then(|point: G2Affine| {
                    let member = point.is_in_correct_subgroup_assuming_on_curve();
                    member.then_some(point).ok_or(PointError::NotInSubgroup)
                })
                .map_err(|error| Error::key_point(what, error))
        };
        let verifying_key = VerifyingKey {
            alpha1: point1(84, "alpha1")?,
            beta2: point2(212, "beta2")?,
            gamma2: point2(340, "gamma2")?,
            delta2: point2(532, "delta2")?,
            ic: self.points(section::IC, n_public + 1, "IC")?,
        };
        if verifying_key.gamma2 != G2Affine::generator() {
            return malformed("gamma2 is not the generator");
        }
        let (beta1, delta1) = (point1(148, "beta1")?, point1(468, "delta1")?);
        Ok(KeyHeader { n_wires, n_public, domain_size, beta1, delta1, verifying_key })
    }

    /// Section 4 as two matrices by rows, whatever order the entries come in.
    fn matrices(&self) -> Result<(KeyMatrix, KeyMatrix)> {
        let bytes = self.section(section::COEFFICIENTS)?;
        if bytes.len() < 4 || bytes.len() - 4 != u32_at(&bytes, 0) as usize * COEFFICIENT_BYTES {
            return malformed("the coefficients' section has another size than its count says");
        }
        let (rows, wires) = (self.header.domain_size, self.header.n_wires);
        let entries = bytes[4..].chunks_exact(COEFFICIENT_BYTES);
        let mut starts = [vec![0u32; rows + 1], vec![0u32; rows + 1]];
        for (index, entry) in entries.clone().enumerate() {
            let [matrix, row, wire] = [0, 4, 8].map(|offset| u32_at(entry, offset) as usize);
            if matrix > 1 || row >= rows || wire >= wires || !is_canonical(&limbs_from_le(&entry[12..])) {
                return malformed(format!("coefficient {index} is out of range"));
            }
            starts[matrix][row + 1] += 1;
        }
        for start in &mut starts {
            for row in 0..rows {
                start[row + 1] += start[row];
            }
        }
        let mut matrices = starts.clone().map(|indptr| {
            let count = indptr[rows] as usize;
            KeyMatrix { indptr, wires: vec![0; count], values: vec![Fr::default(); count] }
        });
        for entry in entries {
            let (matrix, row) = (u32_at(entry, 0) as usize, u32_at(entry, 4) as usize);
            let slot = starts[matrix][row] as usize;
            starts[matrix][row] += 1;
            matrices[matrix].wires[slot] = u32_at(entry, 8);
            matrices[matrix].values[slot] = Fr::new_unchecked(BigInt::new(limbs_from_le(&entry[12..])));
        }
        let [a, b] = matrices;
        Ok((a, b))
    }
}

/// The section table, every section inside the file and nothing behind the last.
fn read_sections(file: &mut File, path: &Path) -> Result<Vec<(u32, u64, u64)>> {
    let length = file.metadata().map_err(|source| storage(path, source))?.len();
    let mut read = |offset: u64, size: usize| -> Result<Vec<u8>> {
        let end = offset.checked_add(size as u64);
        if end.is_none_or(|end| end > length) {
            return malformed("the file is truncated");
        }
        let mut bytes = vec![0; size];
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| storage(path, source))?;
        Ok(bytes)
    };
    let head = read(0, 12)?;
    if &head[..4] != MAGIC || u32_at(&head, 4) != VERSION {
        return malformed("no .zkey of version 1");
    }
    let count = u32_at(&head, 8);
    if count > MAX_SECTIONS {
        return malformed(format!("{count} sections"));
    }
    let mut sections = Vec::new();
    let mut offset = 12u64;
    for _ in 0..count {
        let entry = read(offset, 12)?;
        let size = u64::from_le_bytes(entry[4..].try_into().expect("a slice of 8 bytes"));
        sections.push((u32_at(&entry, 0), offset + 12, size));
        offset = match (offset + 12).checked_add(size) {
            Some(end) if end <= length => end,
            _ => return malformed("a section reaches beyond the end of the file"),
        };
    }
    if offset != length {
        return malformed("bytes behind the last section");
    }
    Ok(sections)
}

fn storage(path: &Path, source: std::io::Error) -> Error {
    Error::Storage { action: "read", path: path.display().to_string(), source }
}
