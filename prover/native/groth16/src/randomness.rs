//! Uniform scalars: from the operating system, or from a seed in tests.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use blake2::{Blake2b512, Digest};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Where secrets come from.
pub enum Randomness {
    /// The operating system, for every real key and proof.
    System,
    /// Reproducible, for tests only: whoever knows the seed knows every secret drawn from it.
    Seeded { seed: Zeroizing<Vec<u8>>, counter: u64 },
}

impl Randomness {
    /// The operating system's generator, or a reproducible one when there is a seed.
    pub fn new(seed: Option<&[u8]>) -> Self {
        match seed {
            None => Self::System,
            Some(seed) => Self::Seeded { seed: Zeroizing::new(seed.to_vec()), counter: 0 },
        }
    }

    /// A scalar of F_r; 512 bits are reduced, so the distance from uniform is below 2^-256.
    ///
    /// # Errors
    /// [`Error::Randomness`] when the operating system gives none.
    pub fn scalar(&mut self) -> Result<Fr> {
        let mut wide = Zeroizing::new([0u8; 64]);
        match self {
            Self::System => {
                getrandom::fill(wide.as_mut()).map_err(|error| Error::Randomness(error.to_string()))?;
            }
            Self::Seeded { seed, counter } => {
                let mut hasher = Blake2b512::new();
                hasher.update(b"verdict/seed");
                hasher.update(counter.to_le_bytes());
                hasher.update(seed.as_slice());
                wide.copy_from_slice(&hasher.finalize());
                *counter += 1;
            }
        }
        Ok(Fr::from_le_bytes_mod_order(wide.as_slice()))
    }
}
