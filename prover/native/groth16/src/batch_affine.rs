//! Many independent affine additions that share one field inversion (Montgomery's trick).
//!
//! An affine addition costs 2M + 1S and an inversion; sharing the inversion costs 3M more, so about 6M in all
//! against about 11M for a mixed projective addition. Every case is handled: equal points (duplicate wires do occur),
//! opposite points, infinity.

use ark_ec::{
    short_weierstrass::{Affine, SWCurveConfig},
    AffineRepr,
};
use ark_ff::{AdditiveGroup, Field};

/// The denominator of the slope through `p` and `q`, or 1 where no slope is needed.
pub fn slope_denominator<P: SWCurveConfig>(p: &Affine<P>, q: &Affine<P>) -> P::BaseField {
    if p.is_zero() || q.is_zero() {
        return P::BaseField::ONE;
    }
    if p.x != q.x {
        return q.x - p.x;
    }
    if p.y == q.y && p.y != P::BaseField::ZERO {
        return p.y.double();
    }
    P::BaseField::ONE
}

/// `p + q`, given the inverse of their [`slope_denominator`]. For curves with a = 0.
pub fn add_with_inverse<P: SWCurveConfig>(p: &Affine<P>, q: &Affine<P>, inverse: &P::BaseField) -> Affine<P> {
    if p.is_zero() {
        return *q;
    }
    if q.is_zero() {
        return *p;
    }
    let numerator = if p.x != q.x {
        q.y - p.y
    } else if p.y == q.y && p.y != P::BaseField::ZERO {
        let square = p.x.square();
        square.double() + square
    } else {
        return Affine::identity();
    };
    let slope = numerator * inverse;
    let x = slope.square() - p.x - q.x;
    let y = slope * (p.x - x) - p.y;
    Affine::new_unchecked(x, y)
}

/// Inverts every element in place; none may be zero. `scratch` is reused between calls.
pub fn invert_all<F: Field>(elements: &mut [F], scratch: &mut Vec<F>) {
    scratch.clear();
    let mut product = F::ONE;
    for element in elements.iter() {
        scratch.push(product);
        product *= element;
    }
    let mut inverse = product.inverse().expect("slope denominators are never zero");
    for (element, before) in elements.iter_mut().zip(scratch.iter()).rev() {
        let next = inverse * *element;
        *element = inverse * before;
        inverse = next;
    }
}

/// `sums[i] += terms[i]` for every i.
pub fn add_assign<P: SWCurveConfig>(sums: &mut [Affine<P>], terms: &[Affine<P>]) {
    let mut denominators: Vec<_> = sums.iter().zip(terms).map(|(sum, term)| slope_denominator(sum, term)).collect();
    invert_all(&mut denominators, &mut Vec::new());
    for ((sum, term), inverse) in sums.iter_mut().zip(terms).zip(&denominators) {
        *sum = add_with_inverse(sum, term, inverse);
    }
}

/// Sums runs of neighbouring points: `lengths[i]` points, then the next run. On return `points` holds one sum per
/// run, in order; an empty run leaves no point behind.
pub fn sum_runs<P: SWCurveConfig>(points: &mut Vec<Affine<P>>, lengths: &mut [u32]) {
    let mut denominators = Vec::new();
    let mut scratch = Vec::new();
    while lengths.iter().any(|&length| length > 1) {
        denominators.clear();
        let mut start = 0;
        for &length in lengths.iter() {
            let run = &points[start..start + length as usize];
            denominators.extend(run.chunks_exact(2).map(|pair| slope_denominator(&pair[0], &pair[1])));
            start += length as usize;
        }
        invert_all(&mut denominators, &mut scratch);
        let mut inverses = denominators.iter();
        let (mut read, mut write) = (0, 0);
        for length in lengths.iter_mut() {
            for _ in 0..*length / 2 {
                let inverse = inverses.next().expect("one inverse per pair");
                points[write] = add_with_inverse(&points[read], &points[read + 1], inverse);
                read += 2;
                write += 1;
            }
            if *length % 2 == 1 {
                points[write] = points[read];
                read += 1;
                write += 1;
            }
            *length = length.div_ceil(2);
        }
        points.truncate(write);
    }
}
