//! Multi-scalar multiplication: Pippenger's buckets with signed digits and batched affine additions.
//!
//! A witness is mostly zeros, ones and small values of either sign. Each scalar s is taken as ±m with m = min(s, r−s);
//! zeros and points at infinity are dropped, and a small m has non-zero digits in the low windows only, so it costs
//! as many additions as it has digits: a bit or a −1 costs one.

use ark_bn254::Fr;
use ark_ec::{
    short_weierstrass::{Affine, Projective, SWCurveConfig},
    AdditiveGroup, AffineRepr,
};
use ark_ff::{BigInt, BigInteger, PrimeField, Zero};
use rayon::prelude::*;

use crate::{batch_affine::sum_runs, fixed_base::bits, scalars::Limbs};

/// Additions in a batch below which the shared inversion starts to show.
const MIN_TASK: usize = 1 << 12;
/// Points gathered at once: bounds a task's memory to a few MB.
const MAX_BLOCK: usize = 1 << 15;

/// One term: the index of its base, the scalar's magnitude, and its sign.
struct Term {
    base: u32,
    negative: bool,
    magnitude: Limbs,
}

/// Windows `[first, last)` over the terms `[start, end)`.
struct Task {
    first: usize,
    last: usize,
    start: usize,
    end: usize,
}

/// `Σ scalars[i] · bases[i]` for canonical scalars; the shorter slice decides the length.
pub fn msm<P: SWCurveConfig<ScalarField = Fr>>(bases: &[Affine<P>], scalars: &[Limbs]) -> Projective<P> {
    let mut terms = signed_terms(bases, scalars);
    if terms.is_empty() {
        return Projective::zero();
    }
    let mut by_bits = [0usize; 257];
    for term in &terms {
        by_bits[BigInt::new(term.magnitude).num_bits() as usize] += 1;
    }
    let max_bits = by_bits.iter().rposition(|&count| count > 0).unwrap_or(0);
    let width = best_width(&by_bits, max_bits);
    let n_windows = (max_bits + 1).div_ceil(width);
    recode(&mut terms, width, n_windows);
    let counts: Vec<usize> = (0..n_windows).map(|window| entries(&by_bits, window * width)).collect();
    let tasks = plan(&counts, terms.len());
    let partial: Vec<Vec<(usize, Projective<P>)>> =
        tasks.par_iter().map(|task| run(task, bases, &terms, width, n_windows)).collect();
    let mut windows = vec![Projective::<P>::zero(); n_windows];
    for (window, sum) in partial.into_iter().flatten() {
        windows[window] += sum;
    }
    windows.iter().rev().fold(Projective::zero(), |mut total, window| {
        for _ in 0..width {
            total.double_in_place();
        }
        total + window
    })
}

/// The non-trivial terms, each scalar as sign and magnitude at most (r−1)/2.
fn signed_terms<P: SWCurveConfig<ScalarField = Fr>>(bases: &[Affine<P>], scalars: &[Limbs]) -> Vec<Term> {
    let half = BigInt::new(Fr::MODULUS_MINUS_ONE_DIV_TWO.0);
    let mut terms = Vec::with_capacity(bases.len().min(scalars.len()));
    for (index, (base, scalar)) in bases.iter().zip(scalars).enumerate() {
        if *scalar == [0; 4] || base.is_zero() {
            continue;
        }
        let value = BigInt::new(*scalar);
        let negative = value > half;
        let magnitude = if negative {
            let mut difference = Fr::MODULUS;
            difference.sub_with_borrow(&value);
            difference
        } else {
            value
        };
        terms.push(Term { base: index as u32, negative, magnitude: magnitude.0 });
    }
    terms
}

/// How many magnitudes reach above bit `start`, counting the carry of signed digits: about the additions of a window.
fn entries(by_bits: &[usize; 257], start: usize) -> usize {
    by_bits[start.max(1)..].iter().sum()
}

/// The digit width with the fewest field multiplications: 6 to add a point to a bucket, 27 to fold a bucket in.
fn best_width(by_bits: &[usize; 257], max_bits: usize) -> usize {
    let cost = |width: usize| -> usize {
        (0..(max_bits + 1).div_ceil(width))
            .map(|window| 6 * entries(by_bits, window * width) + 27 * (1 << (width - 1)))
            .sum()
    };
    (1..=15).min_by_key(|&width| cost(width)).expect("the range of widths is not empty")
}

/// Adds 2^(c−1) to every digit but the top one. Then digit − 2^(c−1) is the signed digit in [−2^(c−1), 2^(c−1)), and
/// the carries between digits have happened in this one addition; the top digit stays in [0, 2^(c−1)].
fn recode(terms: &mut [Term], width: usize, n_windows: usize) {
    let mut offset = BigInt::<4>::zero();
    for window in 0..n_windows - 1 {
        let bit = window * width + width - 1;
        offset.0[bit / 64] |= 1 << (bit % 64);
    }
    for term in terms {
        let mut value = BigInt::new(term.magnitude);
        value.add_with_carry(&offset);
        term.magnitude = value.0;
    }
}

/// Cuts the windows (and a long window's terms) into tasks of similar size, a few per thread.
fn plan(counts: &[usize], n_terms: usize) -> Vec<Task> {
    let total: usize = counts.iter().sum();
    let target = (total / (4 * rayon::current_num_threads())).max(MIN_TASK);
    let mut tasks = Vec::new();
    let mut first = 0;
    while first < counts.len() {
        let mut last = first + 1;
        let mut size = counts[first];
        while last < counts.len() && size + counts[last] <= target {
            size += counts[last];
            last += 1;
        }
        let pieces = (size / (2 * target)).max(1);
        for piece in 0..pieces {
            let (start, end) = (n_terms * piece / pieces, n_terms * (piece + 1) / pieces);
            tasks.push(Task { first, last, start, end });
        }
        first = last;
    }
    tasks
}

/// The sums of one task's windows.
fn run<P: SWCurveConfig<ScalarField = Fr>>(
    task: &Task,
    bases: &[Affine<P>],
    terms: &[Term],
    width: usize,
    n_windows: usize,
) -> Vec<(usize, Projective<P>)> {
    let per_window = 1usize << (width - 1);
    let n_windows_here = task.last - task.first;
    let mut buckets = vec![Affine::<P>::identity(); per_window * n_windows_here];
    let block = (MAX_BLOCK / n_windows_here).max(1);
    let mut entries = Vec::new();
    let mut start = task.start;
    while start < task.end {
        let end = (start + block).min(task.end);
        entries.clear();
        for (offset, term) in terms[start..end].iter().enumerate() {
            for window in task.first..task.last {
                let raw = bits(&term.magnitude, window * width, width) as i64;
                let bias = if window + 1 < n_windows { per_window as i64 } else { 0 };
                let digit = raw - bias;
                if digit != 0 {
                    let bucket = (window - task.first) * per_window + digit.unsigned_abs() as usize - 1;
                    let negative = (digit < 0) != term.negative;
                    entries.push((bucket as u32, ((start + offset) as u32) << 1 | u32::from(negative)));
                }
            }
        }
        accumulate(&mut buckets, &entries, |index| bases[terms[index].base as usize]);
        start = end;
    }
    (task.first..task.last).zip(buckets.chunks_exact(per_window).map(fold_buckets)).collect()
}

/// `buckets[b] += ±point` for every entry `(b, index << 1 | negative)`.
fn accumulate<P: SWCurveConfig>(buckets: &mut [Affine<P>], entries: &[(u32, u32)], point: impl Fn(usize) -> Affine<P>) {
    // Counting sort by bucket; a bucket that already holds a sum is the first member of its own run.
    let mut lengths = vec![0u32; buckets.len()];
    for (length, bucket) in lengths.iter_mut().zip(buckets.iter()) {
        *length = u32::from(!bucket.is_zero());
    }
    for &(bucket, _) in entries {
        lengths[bucket as usize] += 1;
    }
    let mut cursors = Vec::with_capacity(lengths.len());
    let mut total = 0;
    for &length in &lengths {
        cursors.push(total);
        total += length as usize;
    }
    let mut points = vec![Affine::<P>::identity(); total];
    for (cursor, bucket) in cursors.iter_mut().zip(buckets.iter()) {
        if !bucket.is_zero() {
            points[*cursor] = *bucket;
            *cursor += 1;
        }
    }
    for &(bucket, packed) in entries {
        let base = point((packed >> 1) as usize);
        let cursor = &mut cursors[bucket as usize];
        points[*cursor] = if packed & 1 == 1 { -base } else { base };
        *cursor += 1;
    }
    sum_runs(&mut points, &mut lengths);
    let mut sums = points.into_iter();
    for (bucket, &length) in buckets.iter_mut().zip(&lengths) {
        if length > 0 {
            *bucket = sums.next().expect("one sum per run");
        }
    }
}

/// `Σ (b+1) · buckets[b]` by running sums.
fn fold_buckets<P: SWCurveConfig>(buckets: &[Affine<P>]) -> Projective<P> {
    let mut running = Projective::<P>::zero();
    let mut total = Projective::<P>::zero();
    for bucket in buckets.iter().rev() {
        running += bucket;
        total += running;
    }
    total
}

#[cfg(test)]
mod tests {
    use ark_bn254::{g1, g2, G1Affine, G2Affine};
    use ark_ec::CurveGroup;
    use ark_ff::Field;
    use proptest::prelude::*;

    use super::*;
    use crate::fixed_base::FixedBase;

    /// Scalars as witnesses have them: zeros, ones, small values of both signs, edges, full-size ones.
    fn scalar() -> impl Strategy<Value = Fr> {
        let full = prop::array::uniform4(any::<u64>()).prop_map(|limbs| {
            let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
            Fr::from_le_bytes_mod_order(&bytes)
        });
        prop_oneof![
            Just(Fr::ZERO),
            Just(Fr::ONE),
            Just(-Fr::ONE),
            Just(Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap()),
            Just(Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap() + Fr::ONE),
            any::<i16>().prop_map(Fr::from),
            any::<i64>().prop_map(Fr::from),
            full,
        ]
    }

    /// Few distinct logarithms, so that equal and opposite bases meet in a bucket; 0 is infinity.
    fn terms(most: usize) -> impl Strategy<Value = Vec<(i8, Fr)>> {
        prop::collection::vec((-4i8..=4, scalar()), 0..most)
    }

    fn agrees<P: SWCurveConfig<ScalarField = Fr>>(generator: Affine<P>, logs: &[Fr], scalars: &[Fr]) -> bool {
        let bases = FixedBase::new(generator, logs.len()).multiply(logs);
        let limbs: Vec<Limbs> = scalars.iter().map(|scalar| scalar.into_bigint().0).collect();
        let expected: Fr = logs.iter().zip(scalars).map(|(log, scalar)| *log * scalar).sum();
        msm(&bases, &limbs).into_affine() == (generator * expected).into_affine()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn equals_the_sum_of_products(terms in terms(200)) {
            let (logs, scalars): (Vec<Fr>, Vec<Fr>) = terms.iter().map(|(log, scalar)| (Fr::from(*log), *scalar)).unzip();
            prop_assert!(agrees::<g1::Config>(G1Affine::generator(), &logs, &scalars));
            prop_assert!(agrees::<g2::Config>(G2Affine::generator(), &logs, &scalars));
        }
    }

    /// Large enough that windows are split into tasks and tasks into blocks.
    #[test]
    fn equals_the_sum_of_products_when_split() {
        let size = 3 * MAX_BLOCK;
        let mut state = Fr::from(3u64);
        let mut next = || {
            state = state.square() + Fr::ONE;
            state
        };
        let logs: Vec<Fr> = (0..size).map(|i| Fr::from(i as u64 % 5000)).collect();
        let mostly_bits: Vec<Fr> =
            (0..size).map(|i| if i % 50 == 0 { next() } else { Fr::from(i as u64 % 2) }).collect();
        assert!(agrees::<g1::Config>(G1Affine::generator(), &logs, &mostly_bits));
        let full: Vec<Fr> = (0..size).map(|_| next()).collect();
        assert!(agrees::<g1::Config>(G1Affine::generator(), &logs, &full));
    }
}
