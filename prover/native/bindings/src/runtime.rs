//! Where the work runs: a thread pool of our own, the GIL released, callbacks on the caller's thread.

use std::{
    any::Any,
    cell::Cell,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        mpsc::{channel, sync_channel, RecvTimeoutError, Sender, SyncSender},
        Arc, Mutex, PoisonError,
    },
    time::Duration,
};

use pyo3::{exceptions::PyValueError, prelude::*};
use rayon::{ThreadPool, ThreadPoolBuilder};
use verdict_groth16::{Progress, Result};

use crate::errors;

/// How often a waiting caller looks for Ctrl-C.
const SIGNAL_PERIOD: Duration = Duration::from_millis(100);

/// The pool and the process that made it. A forked child has the memory but not the threads of its parent's pool, so
/// it must make its own and never touch (not even drop) the inherited one.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// A pool of `count` threads; 0 asks RAYON_NUM_THREADS, then the number of cores.
fn build(py: Python<'_>, count: usize) -> PyResult<Arc<ThreadPool>> {
    let builder = ThreadPoolBuilder::new().num_threads(count).thread_name(|index| format!("verdict-{index}"));
    builder.build().map(Arc::new).map_err(|error| errors::from_panic(py, &error.to_string()))
}

fn replace(slot: &mut Option<(u32, Arc<ThreadPool>)>, pool: &Arc<ThreadPool>) {
    let old = slot.replace((std::process::id(), Arc::clone(pool)));
    if let Some((process, pool)) = old {
        if process != std::process::id() {
            std::mem::forget(pool);
        }
    }
}

fn pool(py: Python<'_>) -> PyResult<Arc<ThreadPool>> {
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, pool)) = slot.as_ref() {
        if *process == std::process::id() {
            return Ok(Arc::clone(pool));
        }
    }
    let pool = build(py, 0)?;
    replace(&mut slot, &pool);
    Ok(pool)
}

/// Use so many threads from now on; work under way keeps its own.
#[pyfunction]
pub fn set_threads(py: Python<'_>, count: usize) -> PyResult<()> {
    if count == 0 || count > 1024 {
        return Err(PyValueError::new_err("the number of threads must lie in [1, 1024]"));
    }
    let pool = build(py, count)?;
    replace(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner), &pool);
    Ok(())
}

/// How many threads are used.
#[pyfunction]
pub fn threads(py: Python<'_>) -> PyResult<usize> {
    Ok(pool(py)?.current_num_threads())
}

enum Message<T> {
    /// A stage, a fraction, and where to answer whether to go on.
    Stage(String, f64, SyncSender<bool>),
    Done(std::result::Result<Result<T>, Box<dyn Any + Send>>),
}

/// Sends reports to the caller's thread and waits for its answer.
struct Reporter<T>(Sender<Message<T>>);

impl<T: Send> Progress for Reporter<T> {
    fn advance(&self, stage: &str, fraction: f64) -> bool {
        let (answer, answered) = sync_channel(1);
        let sent = self.0.send(Message::Stage(stage.to_owned(), fraction, answer));
        sent.is_ok() && answered.recv().unwrap_or(false)
    }
}

thread_local! {
    /// True while this thread runs a progress callback. The pool's threads may all be waiting for its answer, so
    /// native calls made by the callback get a pool of their own.
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on the pool with the GIL released. `progress`, if any, is called on this thread; when it returns false
/// or raises, or a signal handler raises, the work stops at its next report.
pub fn run<T, W>(py: Python<'_>, progress: Option<Bound<'_, PyAny>>, work: W) -> PyResult<T>
where
    T: Send + 'static,
    W: FnOnce(&dyn Progress) -> Result<T> + Send + 'static,
{
    let (sender, receiver) = channel();
    let pool = if IN_CALLBACK.get() { build(py, 0)? } else { pool(py)? };
    pool.spawn(move || {
        let reporter = Reporter(sender.clone());
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&reporter)));
        // The caller waits for this message, so the channel is open.
        let _ = sender.send(Message::Done(outcome));
    });
    let mut raised: Option<PyErr> = None;
    let receiver = Mutex::new(receiver);
    loop {
        let receive = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SIGNAL_PERIOD);
        match py.detach(receive) {
            Ok(Message::Stage(stage, fraction, answer)) => {
                let go_on = raised.is_none() && advance(py, progress.as_ref(), &stage, fraction, &mut raised);
                // The work waits for the answer, so the channel is open.
                let _ = answer.send(go_on);
            }
            Ok(Message::Done(outcome)) => {
                return match (raised, outcome) {
                    (Some(error), _) => Err(error),
                    (None, Ok(Ok(value))) => Ok(value),
                    (None, Ok(Err(error))) => Err(errors::to_python(py, &error)),
                    (None, Err(panic)) => Err(errors::from_panic(py, panic.as_ref())),
                };
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = py.check_signals() {
                    raised.get_or_insert(error);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(errors::from_panic(py, &"a worker thread disappeared"));
            }
        }
    }
}

fn advance(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    stage: &str,
    fraction: f64,
    raised: &mut Option<PyErr>,
) -> bool {
    let answer = py.check_signals().and_then(|()| match progress {
        None => Ok(true),
        Some(callback) => {
            let outer = IN_CALLBACK.replace(true);
            let answer = callback.call1((stage, fraction)).and_then(|answer| answer.is_truthy());
            IN_CALLBACK.set(outer);
            answer
        }
    });
    answer.unwrap_or_else(|error| {
        raised.get_or_insert(error);
        false
    })
}
