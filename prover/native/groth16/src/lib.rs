//! Groth16 [Gro16, section 3.2] over BN254 on iden3's `.zkey`. Knows no Python.
//!
//! In the order data passes: [`r1cs`] → [`qap`] → [`setup`] → [`zkey`] → [`keys`] → [`prove`] → [`proof`] → [`verify`].
//!
//! Notation, used in every module: wires `z_0 = 1, z_1 .. z_l` (public), `z_{l+1} .. z_{n-1}` (private); the QAP
//! polynomials `u_j, v_j, w_j` interpolate the columns of A, B, C over the domain `{ω^i}` of size N; `Z = X^N − 1`;
//! `[x]₁, [x]₂` are multiples of the generators. iden3 fixes γ = 1.
//!
//! [Gro16]: J. Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016.

mod batch_affine;
pub mod error;
mod fixed_base;
pub mod key_matrix;
pub mod keys;
mod msm;
pub mod progress;
pub mod proof;
pub mod prove;
pub mod qap;
pub mod r1cs;
mod randomness;
pub mod scalars;
pub mod setup;
pub mod verify;
pub mod zkey;

pub use error::{Error, Result};
pub use keys::{ProvingKey, VerifyingKey};
pub use progress::{Progress, Silent};
pub use proof::Proof;
pub use randomness::Randomness;
pub use scalars::Witness;
