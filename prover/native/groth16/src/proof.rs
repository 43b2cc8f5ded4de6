//! The proof and its 256 bytes.

use ark_bn254::{G1Affine, G2Affine};
use verdict_precompiles::{decode_g1, decode_g2, encode_g1, encode_g2};

use crate::{Error, Result};

/// Bytes of an encoded proof.
pub const PROOF_BYTES: usize = 256;

/// A Groth16 proof, with fresh r, s ∈ F_r:
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// `A = [α + Σ_j z_j u_j(τ) + r δ]₁`
    pub a: G1Affine,
    /// `B = [β + Σ_j z_j v_j(τ) + s δ]₂`
    pub b: G2Affine,
    /// `C = [(Σ_{j>l} z_j (β u_j(τ) + α v_j(τ) + w_j(τ)) + h(τ) Z(τ)) / δ]₁ + s A + r [B]₁ − r s [δ]₁`
    pub c: G1Affine,
}

impl Proof {
    /// `A.x A.y | B.x.c1 B.x.c0 B.y.c1 B.y.c0 | C.x C.y`, 32 big-endian bytes each: EIP-197's order.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0; PROOF_BYTES];
        out[..64].copy_from_slice(&encode_g1(&self.a));
        out[64..192].copy_from_slice(&encode_g2(&self.b));
        out[192..].copy_from_slice(&encode_g1(&self.c));
        out
    }

    /// Reads [`Proof::to_bytes`]. (0, 0) is infinity, as for the precompiles.
    ///
    /// # Errors
    /// [`Error::MalformedProof`]: another length, a coordinate not below q, a point off its curve or subgroup.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != PROOF_BYTES {
            return Err(Error::MalformedProof(format!("expected {PROOF_BYTES} bytes, got {}", bytes.len())));
        }
        Ok(Self {
            a: decode_g1(&bytes[..64]).map_err(|error| Error::proof_point("A", error))?,
            b: decode_g2(&bytes[64..192]).map_err(|error| Error::proof_point("B", error))?,
            c: decode_g1(&bytes[192..]).map_err(|error| Error::proof_point("C", error))?,
        })
    }
}
