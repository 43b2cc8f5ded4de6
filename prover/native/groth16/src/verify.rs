//! Verification: `e(A, B) = e(α, β) · e(IC₀ + Σ_j x_j IC_j, γ) · e(C, δ)`.

use ark_bn254::{Bn254, Fr};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup};
use ark_ff::{BigInt, Field, PrimeField};

use crate::{scalars::Limbs, Error, Proof, Result, VerifyingKey};

/// True when the proof proves the statement; false when it is well formed and does not.
///
/// # Errors
/// [`Error::MalformedProof`] for calls the on-chain verifier reverts on: a wrong number of signals, a signal not
/// below r. (Points are checked where they are decoded.)
pub fn verify(key: &VerifyingKey, signals: &[Limbs], proof: &Proof) -> Result<bool> {
    if signals.len() != key.n_public() {
        return Err(Error::MalformedProof(format!(
            "the key has {} public signals, the call {}",
            key.n_public(),
            signals.len()
        )));
    }
    let mut statement = key.ic[0].into_group();
    for (index, (signal, point)) in signals.iter().zip(&key.ic[1..]).enumerate() {
        let signal = Fr::from_bigint(BigInt::new(*signal))
            .ok_or_else(|| Error::MalformedProof(format!("signal {index} is not below r")))?;
        statement += *point * signal;
    }
    let product = Bn254::multi_pairing(
        [-proof.a, key.alpha1, statement.into_affine(), proof.c],
        [proof.b, key.beta2, key.gamma2, key.delta2],
    );
    Ok(product.0 == <Bn254 as Pairing>::TargetField::ONE)
}
