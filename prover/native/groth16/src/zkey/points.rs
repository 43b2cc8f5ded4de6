//! Points as the `.zkey` holds them: little-endian Montgomery limbs, which are arkworks' own limbs.

use ark_bn254::{Fq, Fq2};
use ark_ec::{
    short_weierstrass::{Affine, SWCurveConfig},
    AffineRepr,
};
use ark_ff::{BigInt, PrimeField};
use rayon::prelude::*;
use verdict_precompiles::PointError;

use crate::{scalars::limbs_from_le, Error, Result};

/// A coordinate as the file holds it.
pub trait Coordinate: Sized {
    /// Bytes of one coordinate.
    const BYTES: usize;

    /// The coordinate's bytes, appended.
    fn put(&self, out: &mut Vec<u8>);

    /// The coordinate of the first [`Coordinate::BYTES`] bytes; None when it is not below q.
    fn get(bytes: &[u8]) -> Option<Self>;
}

impl Coordinate for Fq {
    const BYTES: usize = 32;

    fn put(&self, out: &mut Vec<u8>) {
        for limb in self.0 .0 {
            out.extend(limb.to_le_bytes());
        }
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let limbs = BigInt::new(limbs_from_le(&bytes[..32]));
        (limbs < Fq::MODULUS).then(|| Self::new_unchecked(limbs))
    }
}

impl Coordinate for Fq2 {
    const BYTES: usize = 64;

    fn put(&self, out: &mut Vec<u8>) {
        self.c0.put(out);
        self.c1.put(out);
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(Fq::get(bytes)?, Fq::get(&bytes[32..])?))
    }
}

/// A curve whose points a `.zkey` holds.
pub trait KeyCurve: SWCurveConfig<BaseField: Coordinate> {
    /// Bytes of one point.
    const POINT_BYTES: usize = 2 * <Self::BaseField as Coordinate>::BYTES;
}

impl<P: SWCurveConfig<BaseField: Coordinate>> KeyCurve for P {}

/// The bytes of many points.
pub fn encode<P: KeyCurve>(points: &[Affine<P>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() * P::POINT_BYTES);
    for point in points {
        point.x.put(&mut out);
        point.y.put(&mut out);
    }
    out
}

/// A point on the curve from exactly [`KeyCurve::POINT_BYTES`] bytes; membership of the subgroup is not checked.
pub fn decode<P: KeyCurve>(bytes: &[u8]) -> std::result::Result<Affine<P>, PointError> {
    let coordinate = |index: usize| {
        let found = P::BaseField::get(&bytes[index * P::POINT_BYTES / 2..]);
        found.ok_or(PointError::CoordinateNotCanonical { index })
    };
    let point = Affine::new_unchecked(coordinate(0)?, coordinate(1)?);
    if point.is_zero() || point.is_on_curve() {
        Ok(point)
    } else {
        Err(PointError::NotOnCurve)
    }
}

/// All points of a section, each checked to be on its curve.
///
/// # Errors
/// [`Error::MalformedKey`] naming the section and the point.
pub fn decode_all<P: KeyCurve>(bytes: &[u8], what: &str) -> Result<Vec<Affine<P>>> {
    bytes
        .par_chunks_exact(P::POINT_BYTES)
        .enumerate()
        .map(|(index, point)| decode(point).map_err(|error| Error::key_point(&format!("{what}[{index}]"), error)))
        .collect()
}
