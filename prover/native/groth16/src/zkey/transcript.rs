//! iden3's circuit hash: what every ceremony contribution to a key starts from.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use blake2::{Blake2b512, Digest};
use verdict_precompiles::{encode_g1, encode_g2};

/// BLAKE2b-512 over the initial key (δ = 1): its header's points, then every list of points preceded by its length
/// as a big-endian u32, in snarkjs's order: IC, the differences [τ^i Z(τ)]₁ for i < N − 1, L, A, B1, B2. Points are
/// uncompressed big-endian, as the EVM has them.
pub struct CircuitHash(Blake2b512);

impl CircuitHash {
    /// Starts from `[α]₁ [β]₁ [β]₂`, followed by γ = δ = 1.
    pub fn new(alpha1: &G1Affine, beta1: &G1Affine, beta2: &G2Affine) -> Self {
        let mut hash = Self(Blake2b512::new());
        hash.g1(&[*alpha1, *beta1]);
        hash.g2(&[*beta2, G2Affine::generator()]);
        hash.g1(&[G1Affine::generator()]);
        hash.g2(&[G2Affine::generator()]);
        hash
    }

    /// How many differences [τ^i Z(τ)]₁ are hashed for a domain of N rows: N − 1, but snarkjs works in chunks of 2^14
    /// and fills up the last one.
    pub fn powers(domain_size: usize) -> usize {
        if domain_size <= 1 << 14 {
            domain_size - 1
        } else {
            domain_size
        }
    }

    /// A list follows.
    pub fn length(&mut self, count: usize) {
        self.0.update((count as u32).to_be_bytes());
    }

    /// Members of a list of G1 points.
    pub fn g1(&mut self, points: &[G1Affine]) {
        for point in points {
            self.0.update(encode_g1(point));
        }
    }

    /// Members of a list of G2 points.
    pub fn g2(&mut self, points: &[G2Affine]) {
        for point in points {
            self.0.update(encode_g2(point));
        }
    }

    /// The 64 bytes.
    pub fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}
