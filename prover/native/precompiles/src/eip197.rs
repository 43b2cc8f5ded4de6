//! EIP-197: the pairing check.

use ark_bn254::Bn254;
use ark_ec::pairing::Pairing;

use crate::point::{decode_g1, decode_g2, PointError, G1_BYTES, G2_BYTES};

const PAIR_BYTES: usize = G1_BYTES + G2_BYTES;

/// Precompile 8: 32 bytes, one or zero, whether ∏ e(aᵢ, bᵢ) = 1 over the pairs (aᵢ ∈ G1, bᵢ ∈ G2) of the input.
/// No pairs at all is true. Nothing is padded.
///
/// # Errors
/// A length that is no multiple of 192, or any invalid point.
pub fn ec_pairing(input: &[u8]) -> Result<[u8; 32], PointError> {
    if input.len() % PAIR_BYTES != 0 {
        let expected = input.len().next_multiple_of(PAIR_BYTES);
        return Err(PointError::Length { expected, got: input.len() });
    }
    let mut left = Vec::with_capacity(input.len() / PAIR_BYTES);
    let mut right = Vec::with_capacity(input.len() / PAIR_BYTES);
    for pair in input.chunks_exact(PAIR_BYTES) {
        left.push(decode_g1(&pair[..G1_BYTES])?);
        right.push(decode_g2(&pair[G1_BYTES..])?);
    }
    let mut output = [0; 32];
    output[31] = u8::from(Bn254::multi_pairing(left, right).0 == ark_ff::Field::ONE);
    Ok(output)
}
