//! `prover._native`: the Rust crates as a Python module. Nothing is computed here; arguments are copied in, the GIL is
//! released, results are copied out. The Python side's signatures are in `prover/_native.pyi`.

mod buffers;
mod circuit;
mod errors;
mod keys;
mod precompiles;
mod runtime;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<circuit::Circuit>()?;
    module.add_class::<keys::ProvingKey>()?;
    module.add_function(wrap_pyfunction!(circuit::setup, module)?)?;
    module.add_function(wrap_pyfunction!(circuit::setup_initial, module)?)?;
    module.add_function(wrap_pyfunction!(keys::verify, module)?)?;
    module.add_function(wrap_pyfunction!(precompiles::ecadd, module)?)?;
    module.add_function(wrap_pyfunction!(precompiles::ecmul, module)?)?;
    module.add_function(wrap_pyfunction!(precompiles::ecpairing, module)?)?;
    module.add_function(wrap_pyfunction!(runtime::set_threads, module)?)?;
    module.add_function(wrap_pyfunction!(runtime::threads, module)?)?;
    Ok(())
}
