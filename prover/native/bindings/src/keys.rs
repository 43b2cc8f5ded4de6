//! `ProvingKey` and `verify`.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use pyo3::{prelude::*, types::PyBytes};
use verdict_groth16::{
    prove::prove, verify::verify as verify_proof, zkey::KeyFile, Error, Proof, ProvingKey as Key, Randomness, Result,
    VerifyingKey, Witness,
};

use crate::{
    buffers::{limbs, limbs_or_bytes},
    circuit::Circuit,
    errors,
    runtime::run,
};

struct Lazy {
    file: KeyFile,
    key: Mutex<Option<Arc<Key>>>,
}

impl Lazy {
    /// The whole key, read at the first call. The lock is never held while reading: a pool thread that waits for
    /// others may pick up another proof with the same key, and would wait for itself.
    fn key(&self) -> Result<Arc<Key>> {
        let slot = || self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = slot().as_ref() {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.file.proving_key()?);
        Ok(Arc::clone(slot().get_or_insert(key)))
    }
}

/// A `.zkey`: header and IC are read at once, the rest at the first proof.
#[pyclass(frozen, module = "prover._native")]
pub struct ProvingKey(Arc<Lazy>);

#[pymethods]
impl ProvingKey {
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let file = run(py, None, move |_| KeyFile::open(&path))?;
        Ok(Self(Arc::new(Lazy { file, key: Mutex::new(None) })))
    }

    #[getter]
    fn n_wires(&self) -> usize {
        self.0.file.header().n_wires
    }

    #[getter]
    fn n_public(&self) -> usize {
        self.0.file.header().n_public
    }

    #[getter]
    fn domain_size(&self) -> usize {
        self.0.file.header().domain_size
    }

    fn verifying_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.file.header().verifying_key.to_bytes())
    }

    fn check_circuit(&self, py: Python<'_>, circuit: &Circuit) -> PyResult<()> {
        let (lazy, r1cs) = (Arc::clone(&self.0), Arc::clone(&circuit.0));
        run(py, None, move |_| lazy.key()?.check_circuit(&r1cs))
    }

    #[pyo3(signature = (witness, seed=None, progress=None))]
    fn prove<'py>(
        &self,
        witness: &Bound<'py, PyAny>,
        seed: Option<Vec<u8>>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let values = limbs(witness, "witness")?;
        let lazy = Arc::clone(&self.0);
        let proof = run(witness.py(), progress, move |progress| {
            let witness = Witness::new(values)?;
            progress.report("prove: reading the key", 0.0)?;
            let key = lazy.key()?;
            prove(&key, &witness, &mut Randomness::new(seed.as_deref()), progress)
        })?;
        Ok(PyBytes::new(witness.py(), &proof.to_bytes()))
    }
}

/// Whether a proof proves the statement given by the signals.
#[pyfunction]
pub fn verify(vk: &[u8], signals: &Bound<'_, PyAny>, proof: &[u8]) -> PyResult<bool> {
    let py = signals.py();
    let Some(signals) = limbs_or_bytes(signals, "signals")? else {
        let fault = Error::MalformedProof("the signals are no whole number of 32-byte words".into());
        return Err(errors::to_python(py, &fault));
    };
    let (vk, proof) = (vk.to_vec(), proof.to_vec());
    run(py, None, move |_| verify_proof(&VerifyingKey::from_bytes(&vk)?, &signals, &Proof::from_bytes(&proof)?))
}
