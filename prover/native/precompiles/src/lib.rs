//! The three BN254 precompiles of the EVM, and the point encoding they share with proofs and verifying keys.
//!
//! Sources: EIP-196 (ecAdd, ecMul), EIP-197 (pairing check). Every function takes call data and gives return data;
//! an error is what makes the precompile consume all its gas and fail. Gas itself is the caller's business.

mod eip196;
mod eip197;
mod point;

pub use eip196::{ec_add, ec_mul};
pub use eip197::ec_pairing;
pub use point::{decode_coordinate, decode_g1, decode_g2, encode_g1, encode_g2, PointError, G1_BYTES, G2_BYTES};
