//! Many multiples of one base point: a table of the base's windows, then batched affine additions.

use ark_bn254::Fr;
use ark_ec::{
    short_weierstrass::{Affine, Projective, SWCurveConfig},
    AffineRepr, CurveGroup,
};
use ark_ff::{PrimeField, Zero};
use rayon::prelude::*;

use zeroize::Zeroizing;

use crate::{batch_affine, scalars::Limbs};

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
        // Setup's scalars are secret.
        let limbs: Zeroizing<Vec<Limbs>> =
            Zeroizing::new(scalars.iter().map(|scalar| scalar.into_bigint().0).collect());
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
pub fn bits(limbs: &Limbs, start: usize, width: usize) -> usize {
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

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G2Affine};
    use ark_ff::{AdditiveGroup, Field};

    use super::*;

    #[test]
    fn multiplies_edges_as_arkworks_does() {
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(u64::MAX), Fr::from(7u64).pow([1000])];
        for count in [1, 5000] {
            let (table1, table2) =
                (FixedBase::new(G1Affine::generator(), count), FixedBase::new(G2Affine::generator(), count));
            for ((scalar, one), two) in edges.iter().zip(table1.multiply(&edges)).zip(table2.multiply(&edges)) {
                assert_eq!(one, (G1Affine::generator() * scalar).into_affine());
                assert_eq!(two, (G2Affine::generator() * scalar).into_affine());
            }
        }
    }

    #[test]
    fn bits_cross_limbs_and_stop_at_the_end() {
        let limbs = [1 << 63, 1, 0, 0xF << 60];
        assert_eq!(bits(&limbs, 62, 4), 0b0110);
        assert_eq!(bits(&limbs, 252, 8), 0b1111);
        assert_eq!(bits(&limbs, 256, 8), 0);
    }
}
