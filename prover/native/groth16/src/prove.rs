//! The prover. Equations: [`crate::Proof`].

use std::sync::{Mutex, PoisonError};

use ark_bn254::{G1Projective, G2Projective};
use ark_ec::CurveGroup;
use zeroize::Zeroizing;

use crate::{msm::msm, qap::numerator_on_odd_points, Error, Progress, Proof, ProvingKey, Randomness, Result, Witness};

/// Adds up the shares of steps that finish on several threads, so that the fraction reported never falls.
struct Steps<'a> {
    progress: &'a dyn Progress,
    done: Mutex<f64>,
}

impl Steps<'_> {
    fn add(&self, stage: &str, share: f64) -> Result<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += share;
        self.progress.report(stage, done.min(1.0))
    }
}

/// A proof for a witness that satisfies the key's constraints. A key holds no matrix C, so whether it does cannot be
/// seen here: check the witness against the circuit first, and verify the proof after.
///
/// # Errors
/// [`Error::KeyMismatch`] when the witness has another number of wires, [`Error::Cancelled`],
/// [`Error::Randomness`].
pub fn prove(
    key: &ProvingKey,
    witness: &Witness,
    randomness: &mut Randomness,
    progress: &dyn Progress,
) -> Result<Proof> {
    let header = &key.header;
    let z = witness.values();
    if z.len() != header.n_wires {
        return Err(Error::KeyMismatch(format!("the key has {} wires, the witness {}", header.n_wires, z.len())));
    }
    let r = Zeroizing::new(randomness.scalar()?);
    let s = Zeroizing::new(randomness.scalar()?);
    let steps = Steps { progress, done: Mutex::new(0.0) };
    let quotient = || -> Result<G1Projective> {
        let numerator = numerator_on_odd_points(key.a_rows.evaluate(z), key.b_rows.evaluate(z));
        steps.add("prove: polynomials transformed", 0.2)?;
        let product = msm(&key.h, &numerator);
        steps.add("prove: quotient multiplied", 0.4)?;
        Ok(product)
    };
    let wires = || -> Result<(G1Projective, G1Projective, G2Projective, G1Projective)> {
        let b2 = msm(&key.b2, z);
        steps.add("prove: B multiplied", 0.2)?;
        let private = msm(&key.l, &z[header.n_public + 1..]);
        let (a, b1) = (msm(&key.a, z), msm(&key.b1, z));
        steps.add("prove: A and C multiplied", 0.2)?;
        Ok((a, b1, b2, private))
    };
    steps.add("prove: started", 0.0)?;
    let (quotient, wires) = rayon::join(quotient, wires);
    let (a, b1, b2, private) = wires?;
    let a = a + header.verifying_key.alpha1 + header.delta1 * *r;
    let b1 = b1 + header.beta1 + header.delta1 * *s;
    let b2 = b2 + header.verifying_key.beta2 + header.verifying_key.delta2 * *s;
    let c = private + quotient? + a * *s + b1 * *r - header.delta1 * (*r * *s);
    Ok(Proof { a: a.into_affine(), b: b2.into_affine(), c: c.into_affine() })
}
