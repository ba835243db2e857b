//! The list of checks, and how one of them is run.

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::kit::{Home, Shape, Value};
use super::{arrival, endings, first_reply, kv, lifetime, limits, nesting, ordered, outside};
use super::{panics, reading};
use crate::{FirstReply, Kv, Ordered, Runtime};

/// A check that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One behaviour of one container, to be checked on a runtime; from [`checks`].
pub struct Check<R> {
    body: Body,
    runtime: PhantomData<fn(&R)>,
}

/// The same for any runtime, as codap keeps it: compiled once, with the library.
struct Body {
    name: &'static str,
    container: &'static str,
    body: fn(&Home),
}

impl<R: Runtime + Clone> Check<R> {
    /// What is checked.
    pub fn name(&self) -> &'static str {
        self.body.name
    }

    /// Of which container.
    pub fn container(&self) -> &'static str {
        self.body.container
    }

    /// Runs the check on a thread of its own, and waits for it, for a minute at most.
    ///
    /// # Errors
    /// What was found, or that the check hangs.
    ///
    /// # Panics
    /// If the operating system refuses the thread.
    pub fn run(&self, runtime: &R) -> Result<(), Failure> {
        self.body.run(Home::of(runtime)).map_err(|message| Failure {
            check: self.body.name,
            container: self.body.container,
            runtime: type_name::<R>(),
            message,
        })
    }
}

impl Body {
    fn run(&self, home: Home) -> Result<(), String> {
        let (done, ended) = channel();
        let body = self.body;
        let thread = thread::Builder::new().name(format!("{}/{}", self.name, self.container));
        let thread = thread
            .spawn(move || {
                body(&home);
                // Nobody listens any more if this comes too late.
                let _ = done.send(());
            })
            .expect("the operating system starts a thread for the check");
        match ended.recv_timeout(PATIENCE) {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Timeout) => Err(format!("hangs: no end within {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => {
                thread.join().map_err(|payload| text_of(&*payload))
            }
        }
    }
}

impl<R> fmt::Debug for Check<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({} of {})", self.body.name, self.body.container)
    }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// A check that failed: which, of which container, on which runtime, and what was seen.
#[derive(Debug, Clone)]
pub struct Failure {
    check: &'static str,
    container: &'static str,
    runtime: &'static str,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, container, runtime, message } = self;
        write!(f, "{check} of {container} on {runtime}: {message}")
    }
}

impl std::error::Error for Failure {}

/// Runs every check on `runtime`, one after another, each on a thread of its own: a second or two. It
/// cannot be broken off; what a check puts is cancelled when the check is over.
///
/// # Panics
/// With the names and findings of all checks that fail.
pub fn run(runtime: &(impl Runtime + Clone)) {
    let failures = checks().into_iter().filter_map(|check| check.run(runtime).err());
    let failures: Vec<String> = failures.map(|failure| failure.to_string()).collect();
    let count = failures.len();
    assert!(count == 0, "{count} conformance checks failed:\n{}", failures.join("\n"));
}

/// Names functions once for one container.
macro_rules! list {
    ($container:expr, $($module:ident::$check:ident $(::<$shape:ty>)?),+ $(,)?) => {
        [$(Body {
            name: stringify!($check),
            container: $container,
            body: $module::$check $(::<$shape>)?,
        }),+]
    };
}

/// Every check, for every container: to be run one by one where [`run`] is too coarse.
pub fn checks<R: Runtime + Clone>() -> Vec<Check<R>> {
    bodies().into_iter().map(|body| Check { body, runtime: PhantomData }).collect()
}

fn bodies() -> Vec<Body> {
    let mut all = shared::<Kv<usize, Value>>();
    all.extend(shared::<Ordered<Value>>());
    all.extend(shared::<FirstReply<Value>>());
    all.extend(own());
    all
}

/// The checks that hold for each of the three.
fn shared<C: Shape>() -> Vec<Body> {
    let mut all = Vec::new();
    all.extend(list![
        C::NAME,
        endings::a_value_is_ok::<C>,
        endings::an_error_is_failed_and_keeps_its_source::<C>,
        endings::a_panic_is_panicked_with_its_message::<C>,
        endings::a_deadline_ends_what_is_pending::<C>,
        endings::a_deadline_counts_the_time_in_the_queue::<C>,
        endings::a_cancelled_entry_is_cancelled_and_its_future_dropped::<C>,
        endings::a_dropped_slot_is_abandoned::<C>,
        endings::the_first_ending_stays::<C>,
        endings::every_way_to_add_gives_its_value::<C>,
        reading::started_work_runs_unread::<C>,
        reading::reads_repeat_at_one_place::<C>,
        reading::a_read_that_is_given_up_changes_nothing::<C>,
        reading::all_readers_of_an_entry_get_its_reply::<C>,
        reading::entries_are_added_while_others_read::<C>,
        reading::a_failure_harms_nobody_else::<C>,
        reading::the_key_travels_with_every_result::<C>,
        reading::try_get_never_waits::<C>,
        reading::counters_count::<C>,
        reading::ten_thousand_are_all_there::<C>,
    ]);
    all.extend(list![
        C::NAME,
        arrival::replies_come_in_the_order_of_their_ends::<C>,
        arrival::the_one_cursor_hands_out_each_reply_once::<C>,
        arrival::own_cursors_see_everything::<C>,
        arrival::join_waits_for_everything::<C>,
        arrival::try_join_stops_at_the_first_error::<C>,
        arrival::first_is_whoever_ends_first::<C>,
        arrival::first_ok_takes_the_first_success_and_cancels_the_rest::<C>,
        arrival::first_ok_keeps_every_error::<C>,
        arrival::finish_by_is_never_early::<C>,
        arrival::finish_by_tells_who_is_missing_and_why::<C>,
        arrival::results_are_moved_out::<C>,
        lifetime::dropping_cancels_what_is_pending::<C>,
        lifetime::dropping_starts_nothing::<C>,
        lifetime::a_handle_does_not_keep_the_work_alive::<C>,
        lifetime::what_is_put_after_the_end_is_cancelled::<C>,
        lifetime::detached_work_runs_on::<C>,
        lifetime::shutdown_waits_until_all_work_is_gone::<C>,
        lifetime::a_cancelled_function_frees_its_reader_at_once::<C>,
        lifetime::values_and_futures_are_dropped_with_the_container::<C>,
    ]);
    all.extend(list![
        C::NAME,
        limits::starts_are_in_the_order_of_the_puts::<C>,
        limits::the_limit_is_reached_and_not_exceeded::<C>,
        limits::permits_are_whole_after_cancels::<C>,
        limits::a_future_cancelled_in_line_goes_at_once::<C>,
        limits::a_cancelled_function_keeps_its_permit_until_it_returns::<C>,
        limits::slots_and_values_need_no_permit::<C>,
        nesting::entries_wait_for_entries_under_limit_one::<C>,
        nesting::functions_wait_for_functions_under_limit_one::<C>,
        nesting::a_carried_subtask_waits_under_limit_one::<C>,
        nesting::who_comes_back_goes_first::<C>,
        nesting::an_entry_that_awaits_itself_gets_an_error::<C>,
        nesting::cycles_of_two_and_three_get_an_error::<C>,
        nesting::a_cycle_through_two_containers_gets_an_error::<C>,
        nesting::a_cycle_of_functions_gets_an_error::<C>,
        nesting::a_subtask_in_a_cycle_gets_an_error::<C>,
        panics::in_the_drop_of_a_value::<C>,
        panics::in_the_drop_of_a_future::<C>,
        panics::in_the_drop_of_a_payload::<C>,
        panics::in_the_conversion_of_an_error::<C>,
        panics::in_the_waker_of_a_reader::<C>,
        panics::in_a_callback::<C>,
        panics::in_a_function::<C>,
        outside::external_entries_obey_the_limit::<C>,
        outside::external_entries_end_in_every_way::<C>,
        outside::a_pause_gives_the_permit_back::<C>,
        outside::a_pause_that_would_never_end_is_a_cycle::<C>,
        outside::callbacks_are_called_once::<C>,
        outside::events_tell_what_happened::<C>,
    ]);
    all
}

/// The checks that only one of the three has.
fn own() -> Vec<Body> {
    let mut all = Vec::new();
    all.extend(list![
        "Kv",
        kv::a_replaced_entry_is_cancelled,
        kv::a_finished_entry_outlives_its_replacement,
        kv::an_unknown_key_is_missing,
        kv::keys_are_looked_up_by_what_they_borrow_as,
    ]);
    all.extend(list![
        "Ordered",
        ordered::reads_are_in_the_order_of_the_pushes,
        ordered::a_range_is_read_in_order,
        ordered::a_position_beyond_the_end_is_missing,
    ]);
    all.extend(list![
        "FirstReply",
        first_reply::reads_are_in_the_order_of_arrival,
        first_reply::an_arrival_beyond_the_pushes_is_missing,
        first_reply::an_entry_that_waits_for_its_own_arrival_gets_an_error,
    ]);
    all
}
