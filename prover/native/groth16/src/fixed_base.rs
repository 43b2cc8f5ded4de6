//! Many multiples of one base point: a table of the base's windows, then batched affine additions.

use ark_bn254::Fr;
use ark_ec::{
    short_weierstrass::{Affine, Projective, SWCurveConfig},
    AffineRepr, CurveGroup,
};
use ark_ff::{PrimeField, Zero};
use rayon::prelude::*;

use crate::batch_affine;

/// Scalars handled together: enough to share an inversion, few enough to stay in cache.
const BATCH: usize = 1024;

/// Multiples of one point: `windows[i][d] = d · 2^(width·i) · base` for every digit d.
pub struct FixedBase<P: SWCurveConfig> {
    width: usize,
    windows: Vec<Vec<Affine<P>>>,
}

impl<P: SWCurveConfig<ScalarField = Fr>> FixedBase<P> {
    /// A table sized for about `count` multiplications.
    pub fn new(base: Affine<P>, count: usize) -> Self {
        // The width w minimises count·254/w additions to use the table plus 2^w·254/w to build it.
        let width = (4..=12)
            .min_by_key(|&width| (count.max(1) + (2usize << width)) * 254usize.div_ceil(width))
            .expect("the range of widths is not empty");
        let mut starts = Vec::with_capacity(254usize.div_ceil(width));
        let mut start = base.into_group();
        for _ in 0..254usize.div_ceil(width) {
            starts.push(start);
            for _ in 0..width {
                start = start + start;
            }
        }
        let windows = starts
            .into_par_iter()
            .map(|start| {
                let mut multiples = vec![Projective::<P>::zero()];
                for digit in 1..1usize << width {
                    multiples.push(multiples[digit - 1] + start);
                }
                Projective::normalize_batch(&multiples)
            })
            .collect();
        Self { width, windows }
    }

    /// `scalar · base` for each scalar, in order.
    pub fn multiply(&self, scalars: &[Fr]) -> Vec<Affine<P>> {
        scalars.par_chunks(BATCH).flat_map_iter(|batch| self.multiply_batch(batch)).collect()
    }

    fn multiply_batch(&self, scalars: &[Fr]) -> Vec<Affine<P>> {
        let mut sums = vec![Affine::<P>::identity(); scalars.len()];
        let limbs: Vec<[u64; 4]> = scalars.iter().map(|scalar| scalar.into_bigint().0).collect();
        let mut terms = Vec::with_capacity(scalars.len());
        for (index, window) in self.windows.iter().enumerate() {
            terms.clear();
            terms.extend(limbs.iter().map(|value| window[bits(value, index * self.width, self.width)]));
            batch_affine::add_assign(&mut sums, &terms);
        }
        sums
    }
}

/// Bits `[start, start + width)` of a 256-bit integer; bits beyond its end are zero. `width` < 64.
pub fn bits(limbs: &[u64; 4], start: usize, width: usize) -> usize {
    let (limb, shift) = (start / 64, start % 64);
    if limb > 3 {
        return 0;
    }
    let mut value = limbs[limb] >> shift;
    if shift + width > 64 && limb < 3 {
        value |= limbs[limb + 1] << (64 - shift);
    }
    (value & ((1 << width) - 1)) as usize
}
