//! The two keys, field by field. z_0 = 1, wires 1..=l are public, N is the domain's size.

use ark_bn254::{G1Affine, G2Affine};
use verdict_precompiles::{decode_g1, decode_g2, encode_g1, encode_g2, G1_BYTES, G2_BYTES};

use crate::{key_matrix::KeyMatrix, qap::domain_size, r1cs::R1cs, Error, Result};

/// What a verifier needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    /// `[α]₁`
    pub alpha1: G1Affine,
    /// `[β]₂`
    pub beta2: G2Affine,
    /// `[γ]₂`; iden3's γ is 1, so this is the generator.
    pub gamma2: G2Affine,
    /// `[δ]₂`
    pub delta2: G2Affine,
    /// `IC_j = [(β u_j(τ) + α v_j(τ) + w_j(τ)) / γ]₁`, 0 ≤ j ≤ l
    pub ic: Vec<G1Affine>,
}

impl VerifyingKey {
    /// Number of public signals, the constant one not included.
    pub fn n_public(&self) -> usize {
        self.ic.len() - 1
    }

    /// `α₁ β₂ γ₂ δ₂ IC_0 .. IC_l`, uncompressed in EVM order: what vkHash is the Keccak of.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = encode_g1(&self.alpha1).to_vec();
        for point in [&self.beta2, &self.gamma2, &self.delta2] {
            out.extend(encode_g2(point));
        }
        for point in &self.ic {
            out.extend(encode_g1(point));
        }
        out
    }

    /// Reads [`VerifyingKey::to_bytes`].
    ///
    /// # Errors
    /// [`Error::MalformedKey`]: a length that fits no number of signals, or an invalid point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        const HEAD: usize = G1_BYTES + 3 * G2_BYTES;
        if bytes.len() < HEAD + G1_BYTES || (bytes.len() - HEAD) % G1_BYTES != 0 {
            return Err(Error::MalformedKey(format!("{} bytes fit no verifying key", bytes.len())));
        }
        let g2 = |index: usize, what: &str| {
            let start = G1_BYTES + index * G2_BYTES;
            decode_g2(&bytes[start..start + G2_BYTES]).map_err(|error| Error::key_point(what, error))
        };
        let ic = bytes[HEAD..]
            .chunks_exact(G1_BYTES)
            .enumerate()
            .map(|(index, point)| decode_g1(point).map_err(|error| Error::key_point(&format!("IC[{index}]"), error)));
        Ok(Self {
            alpha1: decode_g1(&bytes[..G1_BYTES]).map_err(|error| Error::key_point("alpha1", error))?,
            beta2: g2(0, "beta2")?,
            gamma2: g2(1, "gamma2")?,
            delta2: g2(2, "delta2")?,
            ic: ic.collect::<Result<_>>()?,
        })
    }
}

/// A proving key without its bulk: what the header of a `.zkey` and its IC section say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHeader {
    /// n, the constant one included.
    pub n_wires: usize,
    /// l
    pub n_public: usize,
    /// N, a power of two
    pub domain_size: usize,
    /// `[β]₁`
    pub beta1: G1Affine,
    /// `[δ]₁`
    pub delta1: G1Affine,
    pub verifying_key: VerifyingKey,
}

/// What a prover needs.
#[derive(Debug)]
pub struct ProvingKey {
    pub header: KeyHeader,
    /// The constraints' matrix A, with iden3's own rows: row m+j holds `1 · z_j`, 0 ≤ j ≤ l.
    pub a_rows: KeyMatrix,
    /// The constraints' matrix B. There is no C: on the domain C = A∘B for a witness that satisfies them.
    pub b_rows: KeyMatrix,
    /// `[u_j(τ)]₁`, 0 ≤ j < n
    pub a: Vec<G1Affine>,
    /// `[v_j(τ)]₁`, 0 ≤ j < n
    pub b1: Vec<G1Affine>,
    /// `[v_j(τ)]₂`, 0 ≤ j < n
    pub b2: Vec<G2Affine>,
    /// `[(β u_j(τ) + α v_j(τ) + w_j(τ)) / δ]₁`, l < j < n
    pub l: Vec<G1Affine>,
    /// `[L'_{2i+1}(τ) / δ]₁`, 0 ≤ i < N: the odd Lagrange basis of the domain of size 2N
    pub h: Vec<G1Affine>,
}

impl ProvingKey {
    /// Compares the key's matrices A and B, and its counts, with a circuit's. (A key holds no C: a circuit that differs
    /// there only is not told apart, but its proofs do not verify.)
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] naming the first difference.
    pub fn check_circuit(&self, circuit: &R1cs) -> Result<()> {
        let header = &self.header;
        let counts = (circuit.n_wires as usize, circuit.n_public as usize);
        if (header.n_wires, header.n_public) != counts {
            return Err(Error::KeyMismatch(format!(
                "the key has {} wires of which {} public, the circuit {} and {}",
                header.n_wires, header.n_public, counts.0, counts.1
            )));
        }
        let size = domain_size(circuit.n_constraints(), counts.1)?;
        if header.domain_size != size {
            return Err(Error::KeyMismatch(format!(
                "the key has a domain of {} rows, the circuit needs {size}",
                header.domain_size
            )));
        }
        let own = KeyMatrix::of_circuit(circuit, size);
        for (name, ours, theirs) in [("A", &self.a_rows, &own[0]), ("B", &self.b_rows, &own[1])] {
            if let Some(row) = ours.first_difference(theirs) {
                return Err(Error::KeyMismatch(format!("key and circuit differ in row {row} of matrix {name}")));
            }
        }
        Ok(())
    }
}
