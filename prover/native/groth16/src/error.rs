//! Why an operation failed. The bindings raise one Python exception class for each variant.

use verdict_precompiles::PointError;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Matrices that contradict each other or the header.
    #[error("malformed circuit: {0}")]
    MalformedCircuit(String),
    /// A witness that cannot be one: an element not below r, or a first element other than 1.
    #[error("malformed witness: {0}")]
    MalformedWitness(String),
    /// Bytes that are not a key.
    #[error("malformed key: {0}")]
    MalformedKey(String),
    /// A key, a witness and a circuit that do not belong together.
    #[error("{0}")]
    KeyMismatch(String),
    /// A verification call the on-chain verifier would revert on.
    #[error("malformed proof: {0}")]
    MalformedProof(String),
    /// A key file that could not be read or written.
    #[error("cannot {action} {path}: {source}")]
    Storage { action: &'static str, path: String, source: std::io::Error },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
    /// The progress callback asked to stop.
    #[error("cancelled by the progress callback")]
    Cancelled,
}

impl Error {
    /// A point inside a key: `what` names it by its symbol in the paper.
    pub(crate) fn key_point(what: &str, error: PointError) -> Self {
        Self::MalformedKey(format!("{what}: {error}"))
    }

    /// A point inside a proof: `what` names it by its symbol in the paper.
    pub(crate) fn proof_point(what: &str, error: PointError) -> Self {
        Self::MalformedProof(format!("{what}: {error}"))
    }
}
