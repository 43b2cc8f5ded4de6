//! Points as the EVM writes them: big-endian 32-byte coordinates, the imaginary part of Fq2 first, (0, 0) is infinity.

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, BigInteger, PrimeField};

/// Bytes of an uncompressed G1 point: x, y.
pub const G1_BYTES: usize = 64;
/// Bytes of an uncompressed G2 point: x.c1, x.c0, y.c1, y.c0.
pub const G2_BYTES: usize = 128;

/// Why bytes are not a point. The index counts 32-byte words from the start of the decoded slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    #[error("expected {expected} bytes, got {got}")]
    Length { expected: usize, got: usize },
    #[error("coordinate {index} is not below the base field's modulus")]
    CoordinateNotCanonical { index: usize },
    #[error("the point is not on the curve")]
    NotOnCurve,
    #[error("the G2 point is not in the subgroup of order r")]
    NotInSubgroup,
}

/// The 256-bit integer of 32 big-endian bytes.
pub(crate) fn big_endian(bytes: &[u8; 32]) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, word) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = u64::from_be_bytes(word.try_into().expect("rchunks_exact gives 8 bytes"));
    }
    BigInt::new(limbs)
}

/// One base field element from 32 big-endian bytes.
///
/// # Errors
/// [`PointError::CoordinateNotCanonical`] with index 0 when the integer is not below q.
pub fn decode_coordinate(bytes: &[u8; 32]) -> Result<Fq, PointError> {
    Fq::from_bigint(big_endian(bytes)).ok_or(PointError::CoordinateNotCanonical { index: 0 })
}

/// `N` coordinates from exactly `32 N` bytes.
fn coordinates<const N: usize>(bytes: &[u8]) -> Result<[Fq; N], PointError> {
    if bytes.len() != 32 * N {
        return Err(PointError::Length { expected: 32 * N, got: bytes.len() });
    }
    let mut out = [Fq::default(); N];
    for (index, word) in bytes.chunks_exact(32).enumerate() {
        let word: &[u8; 32] = word.try_into().expect("chunks_exact gives 32 bytes");
        out[index] = decode_coordinate(word).map_err(|_| PointError::CoordinateNotCanonical { index })?;
    }
    Ok(out)
}

/// A G1 point from 64 bytes. The curve has prime order: being on it is being in the group.
///
/// # Errors
/// Every [`PointError`] except `NotInSubgroup`.
pub fn decode_g1(bytes: &[u8]) -> Result<G1Affine, PointError> {
    let [x, y] = coordinates::<2>(bytes)?;
    let point = G1Affine::new_unchecked(x, y); // (0, 0) is arkworks' infinity too
    if point.is_zero() || point.is_on_curve() {
        Ok(point)
    } else {
        Err(PointError::NotOnCurve)
    }
}

/// A G2 point from 128 bytes, checked to lie in the subgroup of order r (the twist has a large cofactor).
///
/// # Errors
/// Every [`PointError`].
pub fn decode_g2(bytes: &[u8]) -> Result<G2Affine, PointError> {
    let [x1, x0, y1, y0] = coordinates::<4>(bytes)?;
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    if point.is_zero() {
        return Ok(point);
    }
    if !point.is_on_curve() {
        return Err(PointError::NotOnCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PointError::NotInSubgroup);
    }
    Ok(point)
}

fn put(out: &mut [u8], coordinate: Fq) {
    out.copy_from_slice(&coordinate.into_bigint().to_bytes_be());
}

/// x, y; infinity is 64 zero bytes.
pub fn encode_g1(point: &G1Affine) -> [u8; G1_BYTES] {
    let mut out = [0; G1_BYTES];
    put(&mut out[..32], point.x);
    put(&mut out[32..], point.y);
    out
}

/// x.c1, x.c0, y.c1, y.c0; infinity is 128 zero bytes.
pub fn encode_g2(point: &G2Affine) -> [u8; G2_BYTES] {
    let mut out = [0; G2_BYTES];
    for (word, coordinate) in out.chunks_exact_mut(32).zip([point.x.c1, point.x.c0, point.y.c1, point.y.c0]) {
        put(word, coordinate);
    }
    out
}
