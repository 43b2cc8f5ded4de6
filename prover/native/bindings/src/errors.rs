//! Each Rust error as the exception of `prover.errors` that means the same.

use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyType};
use verdict_groth16::Error;

/// The exception class for each variant, and what its user can do.
fn class_and_hint(error: &Error) -> (&'static str, &'static str) {
    match error {
        Error::MalformedCircuit(_) => ("MalformedCircuitError", ""),
        Error::MalformedWitness(_) => ("FormatError", "values are uint64[n, 4], little-endian limbs, below r"),
        Error::MalformedKey(_) => ("FormatError", "make the key again, or get an undamaged copy"),
        Error::KeyMismatch(_) => ("KeyMismatchError", "use the key made for this circuit"),
        Error::MalformedProof(_) => ("MalformedProofError", ""),
        Error::Storage { action: "write", .. } => {
            ("StorageError", "free some space or choose another directory; the previous file, if any, is untouched")
        }
        Error::Storage { .. } => ("StorageError", "check the path and its permissions"),
        Error::Randomness(_) => ("BackendError", ""),
        Error::Cancelled => ("Cancelled", ""),
    }
}

/// An exception of `prover.errors` by name.
fn exception(py: Python<'_>, class: &str, message: String, hint: &str) -> PyErr {
    let found = py.import("prover.errors").and_then(|errors| errors.getattr(class));
    match found.and_then(|class| Ok(class.cast_into::<PyType>()?)) {
        Ok(class) => PyErr::from_type(class, (message, hint.to_owned())),
        Err(_) => PyRuntimeError::new_err(message),
    }
}

/// The Python exception for a Rust error.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let (class, hint) = class_and_hint(error);
    exception(py, class, error.to_string(), hint)
}

/// The Python exception for a panic: always a bug.
pub fn from_panic(py: Python<'_>, payload: &(dyn std::any::Any + Send)) -> PyErr {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    exception(py, "BackendError", format!("the native core failed: {message}"), "this is a bug: please report it")
}
