//! EIP-196: addition and scalar multiplication on G1.

use ark_bn254::{Fr, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::PrimeField;

use crate::point::{decode_g1, encode_g1, PointError, G1_BYTES};

/// Call data as the EVM reads it: missing bytes are zero, bytes beyond the end are ignored.
fn padded<const N: usize>(input: &[u8]) -> [u8; N] {
    let mut data = [0; N];
    let length = input.len().min(N);
    data[..length].copy_from_slice(&input[..length]);
    data
}

/// Precompile 6: the sum of two points.
///
/// # Errors
/// A coordinate not below q, or a point off the curve.
pub fn ec_add(input: &[u8]) -> Result<[u8; G1_BYTES], PointError> {
    let data = padded::<128>(input);
    let left = decode_g1(&data[..64])?;
    let right = decode_g1(&data[64..])?;
    let sum = G1Projective::from(left) + right;
    Ok(encode_g1(&sum.into_affine()))
}

/// Precompile 7: a point times a 256-bit scalar, which may be r or more.
///
/// # Errors
/// A coordinate not below q, or a point off the curve.
pub fn ec_mul(input: &[u8]) -> Result<[u8; G1_BYTES], PointError> {
    let data = padded::<96>(input);
    let point = decode_g1(&data[..64])?;
    // The group has order r, so reducing the scalar does not change the product.
    let scalar = Fr::from_be_bytes_mod_order(&data[64..]);
    Ok(encode_g1(&(point * scalar).into_affine()))
}
