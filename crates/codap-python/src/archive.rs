//! Many objects into one archive, for an entry.

use std::path::PathBuf;
use std::sync::Arc;

use codap_archive::Format;
use codap_sources::Sources;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::archiving::{self, Plan};
use crate::cell::Ended;
use crate::gate::Gate;
use crate::listing::Item;
use crate::slot::Slot;
use crate::task;
use crate::timer::seconds;

/// What the name of the target is to tell, or `format` is to say.
const FORMATS: [Format; 4] = [Format::Zip, Format::Tar, Format::TarGz, Format::TarZst];

/// Makes `target` of `items`: URIs, each with the name that its object is to have or `None`. So
/// many are under way at once, and bodies have so much memory; after each of the `backoff` delays an
/// object is tried again.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "each is one of Python's")]
#[pyo3(signature = (entry, target, items, format, parallel, memory, backoff, fail_fast, gate=None))]
pub(crate) fn archive(
    entry: &Bound<'_, Slot>,
    target: PathBuf,
    items: Vec<(String, Option<String>)>,
    format: Option<&str>,
    parallel: usize,
    memory: usize,
    backoff: Vec<f64>,
    fail_fast: bool,
    gate: Option<&Bound<'_, Gate>>,
) -> PyResult<()> {
    let named = |format: &str| FORMATS.into_iter().find(|it| it.extension() == format);
    let of_name = || Format::of_name(&target);
    let known = "known are zip, tar, tar.gz, tar.zst";
    let format = match format {
        Some(format) => named(format)
            .ok_or_else(|| PyValueError::new_err(format!("format={format:?}: {known}")))?,
        None => of_name().ok_or_else(|| {
            let target = target.display();
            PyValueError::new_err(format!("{target}: its name tells no format; {known} (format=)"))
        })?,
    };
    let items = items.into_iter().map(|(uri, name)| Item { uri, name }).collect();
    let backoff = backoff.into_iter().map(seconds).collect::<PyResult<Vec<_>>>()?;
    let plan = Plan { target, format, items, limit: parallel, memory, backoff, fail_fast };
    task::start(entry, gate, |sources: Sources| async move {
        Ended::Archived(Arc::new(archiving::run(sources, plan).await))
    })
}
