//! iden3's `.zkey` of protocol 1 (Groth16), as snarkjs 0.7 writes and reads it.
//!
//! `"zkey"`, version u32 = 1, number of sections u32, then per section: id u32, size u64, content. All integers are
//! little-endian; coordinates are Montgomery residues (R = 2^256), infinity is (0, 0), Fq2 is c0 then c1.
//!
//! | id | content                                                                                  |
//! |----|------------------------------------------------------------------------------------------|
//! | 1  | protocol u32 = 1                                                                         |
//! | 2  | 32, q, 32, r, n, l, N, [α]₁ [β]₁ [β]₂ [γ]₂ [δ]₁ [δ]₂                                     |
//! | 3  | IC_0 .. IC_l                                                                             |
//! | 4  | count u32, then (matrix u32: 0 = A, 1 = B; row u32; wire u32; k·R² mod r as plain limbs) |
//! | 5  | [u_j(τ)]₁, all wires                                                                     |
//! | 6  | [v_j(τ)]₁, all wires                                                                     |
//! | 7  | [v_j(τ)]₂, all wires                                                                     |
//! | 8  | L_j, private wires                                                                       |
//! | 9  | [L'_{2i+1}(τ)/δ]₁, N of them                                                             |
//! | 10 | circuit hash (64 bytes), number of contributions u32, contributions                      |

mod points;
mod read;
mod transcript;
mod write;

pub use points::KeyCurve;
pub use read::KeyFile;
pub use transcript::CircuitHash;
pub use write::{KeyWriter, PointSection};

const MAGIC: &[u8; 4] = b"zkey";
const VERSION: u32 = 1;
const GROTH16: u32 = 1;

/// Section ids.
mod section {
    pub const PROTOCOL: u32 = 1;
    pub const HEADER: u32 = 2;
    pub const IC: u32 = 3;
    pub const COEFFICIENTS: u32 = 4;
    pub const A: u32 = 5;
    pub const B1: u32 = 6;
    pub const B2: u32 = 7;
    pub const L: u32 = 8;
    pub const H: u32 = 9;
    pub const CONTRIBUTIONS: u32 = 10;
}

/// Bytes of one entry of the coefficients' section.
const COEFFICIENT_BYTES: usize = 12 + 32;
/// Bytes of the groth header: two moduli with their lengths, three counts, three G1 and three G2 points.
const HEADER_BYTES: usize = 2 * (4 + 32) + 3 * 4 + 3 * 64 + 3 * 128;
