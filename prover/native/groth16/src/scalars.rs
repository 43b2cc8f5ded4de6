//! Canonical scalars at the crate's border: four little-endian 64-bit limbs below r, as iden3's files hold them.

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};

use crate::{Error, Result};

/// The value of one scalar, not in Montgomery form.
pub type Limbs = [u64; 4];

/// Bytes of one scalar or coordinate.
pub const SCALAR_BYTES: usize = 32;

/// True when the integer is below r.
pub fn is_canonical(limbs: &Limbs) -> bool {
    BigInt::new(*limbs) < Fr::MODULUS
}

/// Limbs of 32 little-endian bytes, unchecked.
pub fn limbs_from_le(bytes: &[u8]) -> Limbs {
    let mut limbs = [0; 4];
    for (limb, word) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(word.try_into().expect("chunks_exact gives 8 bytes"));
    }
    limbs
}

/// A full assignment of the wires: canonical, with `z_0 = 1`. Zeroised when dropped.
pub struct Witness(zeroize::Zeroizing<Vec<Limbs>>);

impl Witness {
    /// Takes ownership of the wires' values, in wire order.
    ///
    /// # Errors
    /// [`Error::MalformedWitness`] when a value is not below r, or the first is not 1.
    pub fn new(values: Vec<Limbs>) -> Result<Self> {
        let values = zeroize::Zeroizing::new(values);
        if values.first() != Some(&[1, 0, 0, 0]) {
            return Err(Error::MalformedWitness("wire 0 is not the constant 1".into()));
        }
        match values.iter().position(|value| !is_canonical(value)) {
            Some(wire) => Err(Error::MalformedWitness(format!("the value of wire {wire} is not below r"))),
            None => Ok(Self(values)),
        }
    }

    /// The values in wire order.
    pub fn values(&self) -> &[Limbs] {
        &self.0
    }
}
