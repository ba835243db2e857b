//! One task of the native runtime for one entry.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use codap_sources::Sources;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::cell::{EndOnDrop, Ended};
use crate::gate::Gate;
use crate::runtime;
use crate::slot::Slot;

/// Has `work` end the entry, once `gate` permits. If the entry ends otherwise it is stopped.
pub(crate) fn start<W: Future<Output = Ended> + Send + 'static>(
    entry: &Bound<'_, Slot>,
    gate: Option<&Bound<'_, Gate>>,
    work: impl FnOnce(Sources) -> W,
) -> PyResult<()> {
    let cell = entry.get().cell().clone();
    let (runtime, sources) = runtime::native().map_err(no_threads)?;
    let (end, work) = (EndOnDrop(cell.clone()), work(sources));
    let place = gate.map(|gate| gate.get().place());
    let task = runtime.spawn(async move {
        let _permit = match place {
            Some(place) => place.permit().await,
            None => None,
        };
        end.0.start();
        end.0.end(contained(work).await);
    });
    cell.stops(task.abort_handle());
    Ok(())
}

/// A panic of the work is the end of its entry and harms nobody else.
async fn contained(work: impl Future<Output = Ended>) -> Ended {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Ended::Panicked(message(&*payload))))
    })
    .await
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    codap::redact(&text.unwrap_or_else(|| "without a message".to_owned()))
}

/// Ends `entry` by a panic on a native thread, or without one panics in the call itself: for tests,
/// which find no other way to make one.
#[pyfunction]
pub(crate) fn panic(entry: Option<&Bound<'_, Slot>>, text: String) -> PyResult<()> {
    let Some(entry) = entry else { std::panic::panic_any(text) };
    start(entry, None, |_| async move { std::panic::panic_any(text) })
}

pub(crate) fn no_threads(error: std::io::Error) -> PyErr {
    let what = "the threads for native work could not be started";
    PyRuntimeError::new_err(format!("{what}: {error}"))
}
