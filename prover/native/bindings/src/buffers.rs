//! Python buffers (numpy arrays) as Rust vectors, copied once.

use pyo3::{
    buffer::{Element, PyBuffer},
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyBytes,
};
use verdict_groth16::scalars::Limbs;

/// The array's buffer, when its elements are `T` in this machine's byte order. (PyO3 takes '>' for native on
/// little-endian machines, so the order is checked here.)
fn typed<T: Element>(array: &Bound<'_, PyAny>, name: &str) -> PyResult<PyBuffer<T>> {
    let wrong = || PyTypeError::new_err(format!("{name}: expected an array of {}", std::any::type_name::<T>()));
    let buffer = PyBuffer::<T>::get(array).map_err(|_| wrong())?;
    let foreign: &[u8] = if cfg!(target_endian = "little") { b">!" } else { b"<" };
    match buffer.format().to_bytes().first() {
        Some(order) if foreign.contains(order) => Err(wrong()),
        _ => Ok(buffer),
    }
}

/// A one-dimensional array of a machine integer type.
pub fn vector<T: Element>(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<T>> {
    let buffer = typed::<T>(array, name)?;
    if buffer.dimensions() != 1 {
        return Err(PyValueError::new_err(format!("{name}: expected one dimension, got {}", buffer.dimensions())));
    }
    buffer.to_vec(array.py())
}

/// Scalars from uint64[n, 4].
pub fn limbs(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<Limbs>> {
    let buffer = typed::<u64>(array, name)?;
    if buffer.dimensions() != 2 || buffer.shape()[1] != 4 {
        return Err(PyValueError::new_err(format!("{name}: expected shape [n, 4], got {:?}", buffer.shape())));
    }
    let flat = buffer.to_vec(array.py())?;
    Ok(flat.chunks_exact(4).map(|chunk| [chunk[0], chunk[1], chunk[2], chunk[3]]).collect())
}

/// Scalars from uint64[n, 4] or from bytes, 32 big-endian ones each. None when bytes are no whole number of scalars.
pub fn limbs_or_bytes(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Vec<Limbs>>> {
    let Ok(bytes) = value.cast::<PyBytes>() else {
        return limbs(value, name).map(Some);
    };
    let bytes = bytes.as_bytes();
    if bytes.len() % 32 != 0 {
        return Ok(None);
    }
    let scalar = |word: &[u8]| {
        let mut limbs = [0; 4];
        for (limb, part) in limbs.iter_mut().zip(word.rchunks_exact(8)) {
            *limb = part.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        limbs
    };
    Ok(Some(bytes.chunks_exact(32).map(scalar).collect()))
}
