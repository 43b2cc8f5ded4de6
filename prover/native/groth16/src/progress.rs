//! How long work reports itself and how it is stopped.

use crate::{Error, Result};

/// Called now and then, from any thread, with the stage's name and the fraction of the whole that is done.
pub trait Progress: Sync {
    /// True to go on, false to stop.
    fn advance(&self, stage: &str, fraction: f64) -> bool;

    /// [`Progress::advance`] as a step of a fallible computation.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the answer is false.
    fn report(&self, stage: &str, fraction: f64) -> Result<()> {
        if self.advance(stage, fraction) {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

/// The callback of somebody who does not care.
pub struct Silent;

impl Progress for Silent {
    fn advance(&self, _stage: &str, _fraction: f64) -> bool {
        true
    }
}
