//! What the Python package is built on. Users import `codap`; what lies here is private to it.
//!
//! 1. **No Rust frame ever lies under code of the user.** Functions are called, and waits are
//!    made, by Python code; what it calls in here are leaves: they return without running Python
//!    code, without blocking and without giving the interpreter up.
//! 2. **No native thread ever attaches to the interpreter.** A fetch or a timer that ends on a
//!    thread of tokio's leaves its outcome in a `Cell`, which knows no Python object, and rings a
//!    `Bell`. Whoever waits hears it in Python code, and takes the outcome over from there.
//!
//! Anything else crashes when an interpreter before 3.14 exits while work is in flight: it ends
//! each thread that asks for it in the middle of whatever lies on that thread's stack.
//!
//! The lifecycle of entries that Python runs is kept here and not in a container of the core: a
//! Python container is a cache that lives as long as its process and is put to without end, while
//! the core's arena keeps an entry until its container goes; and a value of Python's has to be
//! seen by Python's garbage collector. Native fetches and archives are the
//! core's, with its policies.

mod archive;
mod archiving;
mod bell;
mod cell;
mod fetch;
mod gate;
mod inbox;
mod left;
mod listing;
mod log;
mod order;
mod record;
mod refusal;
mod runtime;
mod slot;
mod sync;
mod task;
mod timer;
mod waiter;
mod wake;
mod works;

use pyo3::prelude::*;

/// The private half of the package.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::archive::archive;
    #[pymodule_export]
    use crate::fetch::fetch;
    #[pymodule_export]
    use crate::gate::Gate;
    #[pymodule_export]
    use crate::inbox::Inbox;
    #[pymodule_export]
    use crate::record::Record;
    #[pymodule_export]
    use crate::runtime::{after_fork, generation, redact};
    #[pymodule_export]
    use crate::slot::Slot;
    #[pymodule_export]
    use crate::task::panic;
    #[pymodule_export]
    use crate::timer::{Timer, start_timer};
    #[pymodule_export]
    use crate::wake::Wake;
    /// What a panic in a call becomes. The package makes it an ordinary exception.
    #[pymodule_export]
    use pyo3::panic::PanicException;
}
