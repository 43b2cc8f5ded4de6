//! From constraints to polynomials: domains, Lagrange bases at τ, and the quotient's evaluations.

use ark_bn254::Fr;
use ark_ff::{FftField, Field, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::{scalars::Limbs, Error, Result};

/// log2 of the largest domain: iden3's H points need the domain of twice the size, and F_r has 2^28 roots of unity.
pub const MAX_LOG_DOMAIN: u32 = 27;

/// The smallest domain for a circuit: iden3 keys add one row per public signal and one for the constant.
///
/// # Errors
/// [`Error::MalformedCircuit`] above 2^27 rows.
pub fn domain_size(n_constraints: usize, n_public: usize) -> Result<usize> {
    let rows = n_constraints + n_public + 1;
    let size = rows.next_power_of_two().max(2);
    if size > 1 << MAX_LOG_DOMAIN {
        return Err(Error::MalformedCircuit(format!("{rows} rows exceed the largest domain, 2^{MAX_LOG_DOMAIN}")));
    }
    Ok(size)
}

/// The domain {ω_N^i}.
fn domain(size: usize) -> Radix2EvaluationDomain<Fr> {
    Radix2EvaluationDomain::new(size).expect("sizes up to 2^28 are checked where they enter")
}

/// ω_{2N}: shifts the domain onto the odd points of the domain of twice the size.
fn shift(size: usize) -> Fr {
    Fr::get_root_of_unity(2 * size as u64).expect("sizes up to 2^27 are checked where they enter")
}

/// `L_i(τ)` for the N-th Lagrange basis. Secret.
pub fn lagrange(size: usize, tau: Fr) -> Zeroizing<Vec<Fr>> {
    Zeroizing::new(domain(size).evaluate_all_lagrange_coefficients(tau))
}

/// The odd members of the 2N-th Lagrange basis at τ: `L'_{2i+1}(τ)`, i < N. Secret.
///
/// The quotient's numerator `P = A·B − C` has degree below 2N and vanishes on the even points, hence
/// `P(τ) = Σ_i P(ω_{2N}^{2i+1}) L'_{2i+1}(τ)`: no division by Z is ever needed.
pub fn odd_lagrange(size: usize, tau: Fr) -> Zeroizing<Vec<Fr>> {
    let mut all = domain(2 * size).evaluate_all_lagrange_coefficients(tau);
    let odd = all.iter().skip(1).step_by(2).copied().collect();
    all.zeroize();
    Zeroizing::new(odd)
}

/// True when τ would make a Lagrange basis degenerate: τ^{2N} = 1.
pub fn is_in_domain(size: usize, tau: Fr) -> bool {
    tau.pow([2 * size as u64]) == Fr::ONE
}

/// `P(ω_{2N}^{2i+1}) = (A·B − C)(...)`, i < N, as canonical limbs, from the rows' values `A_i` and `B_i` (padded to N);
/// `C_i = A_i·B_i` on the domain because the witness satisfies the constraints.
pub fn numerator_on_odd_points(a: Zeroizing<Vec<Fr>>, b: Zeroizing<Vec<Fr>>) -> Zeroizing<Vec<Limbs>> {
    let size = a.len();
    let c = Zeroizing::new(a.par_iter().zip(b.par_iter()).map(|(a, b)| *a * b).collect::<Vec<_>>());
    let (base, coset) = (domain(size), domain(size).get_coset(shift(size)).expect("the shift is not zero"));
    let to_odd = |mut values: Zeroizing<Vec<Fr>>| {
        base.ifft_in_place(&mut *values);
        coset.fft_in_place(&mut *values);
        values
    };
    let ((a, b), c) = rayon::join(|| rayon::join(|| to_odd(a), || to_odd(b)), || to_odd(c));
    let numerator = (0..size).into_par_iter().map(|i| (a[i] * b[i] - c[i]).into_bigint().0).collect();
    Zeroizing::new(numerator)
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;
    use ark_poly::{univariate::DensePolynomial, DenseUVPolynomial, Polynomial};

    use super::*;

    /// The prover's numerator against polynomial arithmetic: P = A·B − C is divisible by Z and
    /// P(τ) = Σ_i P(odd point i) L'_{2i+1}(τ).
    #[test]
    fn numerator_and_odd_basis_give_h_times_z() {
        let size = 16;
        let mut rng = (1u64..).map(|i| Fr::from(i).pow([5, 3, 1]));
        let a: Vec<Fr> = rng.by_ref().take(size).collect();
        let b: Vec<Fr> = rng.by_ref().take(size).collect();
        let c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        let polynomial = |values: &[Fr]| DensePolynomial::from_coefficients_vec(domain(size).ifft(values));
        let numerator = &(&polynomial(&a) * &polynomial(&b)) - &polynomial(&c);
        let (_, remainder) = numerator.divide_by_vanishing_poly(domain(size));
        assert!(remainder.coeffs.iter().all(|value| *value == Fr::ZERO));

        let tau = Fr::from(123_456_789u64);
        let odd = numerator_on_odd_points(Zeroizing::new(a), Zeroizing::new(b));
        let at_tau: Fr = odd
            .iter()
            .zip(odd_lagrange(size, tau).iter())
            .map(|(limbs, basis)| Fr::from_bigint(ark_ff::BigInt::new(*limbs)).unwrap() * basis)
            .sum();
        assert_eq!(at_tau, numerator.evaluate(&tau));
    }

    #[test]
    fn domain_holds_iden3s_own_rows() {
        assert_eq!(domain_size(0, 0).unwrap(), 2);
        assert_eq!(domain_size(5, 2).unwrap(), 8);
        assert_eq!(domain_size(6, 2).unwrap(), 16);
        assert!(domain_size(1 << 27, 0).is_err());
    }

    #[test]
    fn roots_of_unity_are_in_the_domain_of_twice_the_size() {
        assert!(is_in_domain(8, shift(8)));
        assert!(!is_in_domain(8, Fr::from(5u64)));
    }
}
