//! Foreign code cannot take the process down: panics are caught and disposed of, and calls that
//! lead to further calls run one after another instead of one inside another.
//!
//! Foreign code here is work, callbacks, wakers, and `Drop` of futures, values, errors and panic
//! payloads. Rust aborts when a destructor panics during another panic, so each of them is
//! dropped on its own.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::sync::thread_local;

/// Runs `f`; a panic in it comes back as its message.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message = match payload.downcast_ref::<&'static str>() {
            Some(text) => (*text).to_owned(),
            None => match payload.downcast_ref::<String>() {
                Some(text) => text.clone(),
                None => "a payload that is not a string".to_owned(),
            },
        };
        dispose(payload);
        message
    })
}

/// Calls `f`; a panic in it goes no further.
pub(crate) fn contained(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        dispose(payload);
    }
}

/// Drops `value`; a panic in its `Drop` goes no further.
pub(crate) fn quietly<T>(value: T) {
    if std::mem::needs_drop::<T>() {
        contained(|| drop(value));
    }
}

/// Calls `waker`; a panic in it keeps nobody else from being woken.
pub(crate) fn wake(waker: Waker) {
    contained(|| waker.wake());
}

/// Drops a panic payload. One whose own `Drop` panics is leaked: nothing else is safe to do.
fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(payload);
    }
}

/// The calls that stand in line, while one of them runs.
type Line = Option<VecDeque<Box<dyn FnOnce()>>>;

thread_local! {
    static TURN: RefCell<Line> = const { RefCell::new(None) };
}

/// Runs `f` now, or after the one that is running on this thread already, and contains its panics.
///
/// An ending that starts an entry that ends at once, or an error whose source holds an error, would
/// otherwise use stack for each link of a chain that may have 300,000.
pub(crate) fn in_turn(f: Box<dyn FnOnce()>) {
    let mut next = Some(f);
    let begun = TURN.try_with(|turn| {
        let mut turn = turn.borrow_mut();
        match &mut *turn {
            Some(queue) => queue.extend(next.take()),
            None => *turn = Some(VecDeque::new()),
        }
    });
    while let Some(f) = next {
        contained(f);
        next = if begun.is_ok() { take_turn() } else { None };
    }
}

fn take_turn() -> Option<Box<dyn FnOnce()>> {
    TURN.try_with(|turn| {
        let mut turn = turn.borrow_mut();
        let next = turn.as_mut().and_then(VecDeque::pop_front);
        if next.is_none() {
            *turn = None;
        }
        next
    })
    .ok()
    .flatten()
}
