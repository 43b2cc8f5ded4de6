//! `ecadd`, `ecmul`, `ecpairing`: call data in, return data out; ValueError where the precompile fails.

use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};
use verdict_precompiles::{ec_add, ec_mul, ec_pairing, PointError};

use crate::runtime::run;

fn output<'py, const N: usize>(py: Python<'py>, result: Result<[u8; N], PointError>) -> PyResult<Bound<'py, PyBytes>> {
    match result {
        Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

#[pyfunction]
pub fn ecadd<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    output(py, ec_add(data))
}

#[pyfunction]
pub fn ecmul<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    output(py, ec_mul(data))
}

#[pyfunction]
pub fn ecpairing<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let data = data.to_vec();
    let result = run(py, None, move |_| Ok(ec_pairing(&data)))?;
    output(py, result)
}
