//! `Circuit`, `setup`, `setup_initial`.

use std::{path::PathBuf, sync::Arc};

use pyo3::prelude::*;
use verdict_groth16::{
    qap,
    r1cs::{Matrix, R1cs},
    setup::setup as make_key,
    Randomness, Witness,
};

use crate::{
    buffers::{limbs, vector},
    errors,
    runtime::run,
};

type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn matrix((indptr, wires, coefficients): &Arrays<'_>, name: &str) -> PyResult<Matrix> {
    Ok(Matrix {
        indptr: vector(indptr, &format!("{name}.indptr"))?,
        wires: vector(wires, &format!("{name}.wires"))?,
        coefficients: vector(coefficients, &format!("{name}.coef_ids"))?,
    })
}

/// A rank-1 constraint system in native memory.
#[pyclass(frozen, module = "prover._native")]
pub struct Circuit(pub Arc<R1cs>);

#[pymethods]
impl Circuit {
    #[new]
    fn new(
        py: Python<'_>,
        n_wires: u32,
        n_public: u32,
        a: Arrays<'_>,
        b: Arrays<'_>,
        c: Arrays<'_>,
        table: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let matrices = [matrix(&a, "a")?, matrix(&b, "b")?, matrix(&c, "c")?];
        let table = limbs(table, "table")?;
        let circuit = run(py, None, move |_| R1cs::new(n_wires, n_public, matrices, &table))?;
        Ok(Self(Arc::new(circuit)))
    }

    #[getter]
    fn n_wires(&self) -> u32 {
        self.0.n_wires
    }

    #[getter]
    fn n_public(&self) -> u32 {
        self.0.n_public
    }

    #[getter]
    fn n_constraints(&self) -> usize {
        self.0.n_constraints()
    }

    #[getter]
    fn domain_size(&self, py: Python<'_>) -> PyResult<usize> {
        qap::domain_size(self.0.n_constraints(), self.0.n_public as usize)
            .map_err(|error| errors::to_python(py, &error))
    }

    fn check(&self, py: Python<'_>, witness: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let values = limbs(witness, "witness")?;
        let circuit = Arc::clone(&self.0);
        run(py, None, move |_| circuit.check(&Witness::new(values)?))
    }
}

fn key(
    circuit: &Bound<'_, Circuit>,
    path: PathBuf,
    initial: bool,
    seed: Option<Vec<u8>>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    let r1cs = Arc::clone(&circuit.get().0);
    run(circuit.py(), progress, move |progress| {
        make_key(&r1cs, &path, initial, &mut Randomness::new(seed.as_deref()), progress)
    })
}

/// Writes a development key: all secrets, δ among them, drawn and forgotten.
#[pyfunction]
#[pyo3(signature = (circuit, path, seed=None, progress=None))]
pub fn setup(
    circuit: &Bound<'_, Circuit>,
    path: PathBuf,
    seed: Option<Vec<u8>>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    key(circuit, path, false, seed, progress)
}

/// Writes a key in the state a ceremony starts from: δ = 1.
#[pyfunction]
#[pyo3(signature = (circuit, path, seed=None, progress=None))]
pub fn setup_initial(
    circuit: &Bound<'_, Circuit>,
    path: PathBuf,
    seed: Option<Vec<u8>>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    key(circuit, path, true, seed, progress)
}
