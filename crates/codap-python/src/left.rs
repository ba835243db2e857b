//! What a native thread left behind, as Python code makes a value or an exception of it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::cell::Ended;
use crate::refusal::Refusal;

/// A tuple: what it is, and what there is to know of it.
pub(crate) fn left(py: Python<'_>, ended: Ended) -> PyResult<Bound<'_, PyAny>> {
    let it = match ended {
        Ended::Document(it) => {
            let bytes = PyBytes::new(py, it.bytes());
            let uri = it.uri().to_string();
            let facts = (it.content_type(), it.version(), it.is_length_verified());
            ("document", bytes, uri, facts).into_pyobject(py)?
        }
        Ended::Archived(it) => {
            let refusal = |it: &Refusal| (it.text.clone(), it.kind, it.transient);
            let failed = it.failed.iter().map(|it| (&it.uri, &it.name, refusal(&it.why)));
            let failed = PyList::new(py, failed.collect::<Vec<_>>())?;
            let sizes = (it.entries, it.bytes, it.archived_bytes);
            ("archive", &it.target, &it.refused, sizes, failed, &it.renamed).into_pyobject(py)?
        }
        Ended::Failed(it) => ("failed", it.text, it.kind, it.transient).into_pyobject(py)?,
        Ended::Panicked(text) => ("panicked", text).into_pyobject(py)?,
        Ended::TimedOut(after, rule) => {
            ("timed out", after.as_secs_f64(), rule).into_pyobject(py)?
        }
    };
    Ok(it.into_any())
}
