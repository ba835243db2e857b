//! One pool of threads for everything that may block, on every runtime.
//!
//! A runtime's own pool hangs when more functions wait for each other than it has threads. This
//! one is told by [`wait`] which of its threads wait for another entry, and grows for them.
//!
//! Words: a thread *waits* while it is inside [`wait`]; it is *able* otherwise, be it busy, idle
//! or about to start; it is *searching* from being started or woken until it has looked at the
//! queue. The rules, all of them under the one lock:
//!
//! 1. Work is taken from the front, one piece at a time: nothing can be stranded behind a piece
//!    that blocks for ever.
//! 2. While work is queued, a thread is searching, or nobody is idle and there are at least as
//!    many able threads as processors (or as the caps allow). A producer therefore wakes nobody while one is searching;
//!    the searcher that takes a piece and leaves others behind wakes or starts the next one.
//! 3. While work is queued and nobody is idle or searching, the monitor ticks and grows the pool.
//!    Its pace depends on the processors: if they are mostly idle the threads must be blocked,
//!    and their number is multiplied; if they are busy, more threads would only make it worse,
//!    and one is added when nothing moves at all.
//! 4. A thread may go waiting only if afterwards some thread is able or can still be started.
//!    The last able thread at the cap, or where the system refuses another, gets [`Exhausted`].
//! 5. A thread that comes back from waiting is able at once, even if that makes more than the cap
//!    allows; the surplus ends as soon as any piece of work ends.
//! 6. Work for which no thread is able and none can be started is dropped unrun: its own `Drop`
//!    has to tell its owner.
//!
//! Idle threads are woken last in, first out, so that those not needed reach the end of their
//! time and go. The monitor goes in the same way.

use std::{
    cell::Cell,
    collections::VecDeque,
    io, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};

use crate::contain::contained;

/// A function to run once.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Something to run again and again without an allocation for each time.
pub(crate) trait Run: Send + Sync {
    fn run(self: Arc<Self>);

    /// Called instead of `run` where no thread can be had.
    fn refused(self: Arc<Self>);
}

/// No thread would be left to run what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Threads that do not wait.
pub(crate) const MAX_RUNNING: usize = 512;
/// Threads in all.
pub(crate) const MAX_THREADS: usize = 4096;

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(1);
/// Threads added for each able one if the processors are mostly idle. With 1, 200 functions that
/// sleep 10 ms end within 24 to 26 ms from a cold start on two cores, with 3 within 23.
const FACTOR: usize = 3;
/// Ticks without a piece of work taken until a busy process gets one more thread.
const STALLED: u32 = 10;
/// Ticks without work after which the monitor parks.
const LINGER: u32 = 10;
static POOL: Pool =
    Pool::new(Caps { running: MAX_RUNNING, threads: MAX_THREADS, keep_alive: KEEP_ALIVE });

thread_local! {
    static HERE: Cell<Option<&'static Pool>> = const { Cell::new(None) };
    static WAITING: Cell<bool> = const { Cell::new(false) };
}

/// Queues `job`, first in first out. Never blocks for longer than it takes to start a thread.
pub(crate) fn run(job: Job) {
    POOL.queue(Work::Job(job));
}

/// Queues `task` like [`run`].
pub(crate) fn run_task(task: Arc<dyn Run>) {
    POOL.queue(Work::Task(task));
}

/// Is this a thread of the pool?
pub(crate) fn on_pool_thread() -> bool {
    HERE.get().is_some()
}

/// Runs `f`, which blocks until another entry has ended, without counting this thread as running.
///
/// On a thread of somebody else, and inside another `wait`, this only calls `f`.
///
/// # Errors
///
/// [`Exhausted`], and `f` was not called, if nobody could run what `f` may be waiting for.
pub(crate) fn wait<R>(f: impl FnOnce() -> R) -> Result<R, Exhausted> {
    match HERE.get() {
        Some(pool) if !WAITING.get() => {
            pool.begin_wait()?;
            let _back = Waiting::new(pool);
            Ok(f())
        }
        _ => Ok(f()),
    }
}

enum Work {
    Job(Job),
    Task(Arc<dyn Run>),
}

impl Work {
    fn run(self) {
        contained(|| match self {
            Self::Job(job) => job(),
            Self::Task(task) => task.run(),
        });
    }

    fn refuse(self) {
        contained(|| match self {
            Self::Job(job) => drop(job),
            Self::Task(task) => task.refused(),
        });
    }
}

struct Caps {
    running: usize,
    threads: usize,
    keep_alive: Duration,
}

struct Pool {
    caps: Caps,
    cores: OnceLock<usize>,
    state: Mutex<State>,
    to_monitor: Condvar,
    #[cfg(test)]
    refuse: AtomicBool,
}

struct State {
    queue: VecDeque<Work>,
    /// Able or waiting, those being started included.
    threads: usize,
    waiting: usize,
    searching: usize,
    idle: Vec<Arc<Idle>>,
    /// Pieces of work taken so far.
    taken: usize,
    /// Threads started so far: the next one's name.
    started: usize,
    monitor: Monitor,
}

struct Idle {
    thread: thread::Thread,
    woken: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Monitor {
    Absent,
    Parked,
    Ticking,
}

/// What is to be done after the lock is given back.
#[must_use]
enum Step {
    Nothing,
    Wake(Arc<Idle>),
    /// A thread of this number, already counted as able and searching.
    Start(usize),
    WakeMonitor,
    StartMonitor,
}

impl State {
    const fn able(&self) -> usize {
        self.threads - self.waiting
    }

    /// Rule 2 for one thread more, if the caps allow it.
    fn add(&mut self, caps: &Caps) -> Step {
        if let Some(idle) = self.idle.pop() {
            self.searching += 1;
            idle.woken.store(true, Release);
            Step::Wake(idle)
        } else if self.able() < caps.running && self.threads < caps.threads {
            self.threads += 1;
            self.searching += 1;
            self.started += 1;
            Step::Start(self.started)
        } else {
            Step::Nothing
        }
    }

    /// Rules 2 and 3 restored after work was queued or a searcher has taken some.
    fn next_step(&mut self, cores: usize, caps: &Caps) -> Step {
        if self.queue.is_empty() || self.searching > 0 {
            return Step::Nothing;
        }
        if !self.idle.is_empty() || self.able() < cores {
            let step = self.add(caps);
            if !matches!(step, Step::Nothing) {
                return step;
            }
        }
        self.tick()
    }

    /// Takes back what [`Self::add`] had counted.
    const fn forget_start(&mut self) {
        self.threads -= 1;
        self.searching -= 1;
    }

    fn tick(&mut self) -> Step {
        if self.queue.is_empty() {
            return Step::Nothing;
        }
        match mem::replace(&mut self.monitor, Monitor::Ticking) {
            Monitor::Ticking => Step::Nothing,
            Monitor::Parked => Step::WakeMonitor,
            Monitor::Absent => Step::StartMonitor,
        }
    }
}

impl Pool {
    const fn new(caps: Caps) -> Self {
        Self {
            caps,
            cores: OnceLock::new(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                threads: 0,
                waiting: 0,
                searching: 0,
                idle: Vec::new(),
                taken: 0,
                started: 0,
                monitor: Monitor::Absent,
            }),
            to_monitor: Condvar::new(),
            #[cfg(test)]
            refuse: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cores(&self) -> usize {
        *self.cores.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
    }

    fn queue(&'static self, work: Work) {
        let cores = self.cores();
        let mut state = self.lock();
        state.queue.push_back(work);
        let step = state.next_step(cores, &self.caps);
        drop(state);
        self.perform(step);
    }

    /// Returns false if a thread was refused.
    fn perform(&'static self, step: Step) -> bool {
        match step {
            Step::Nothing => true,
            Step::Wake(idle) => {
                idle.thread.unpark();
                true
            }
            Step::Start(number) => {
                let started = self.start_thread(number);
                if !started {
                    self.start_failed();
                }
                started
            }
            Step::WakeMonitor => {
                self.to_monitor.notify_one();
                true
            }
            Step::StartMonitor => {
                let started = self.start("codap-monitor".into(), Self::watch).is_ok();
                if !started {
                    self.lock().monitor = Monitor::Absent;
                }
                started
            }
        }
    }

    fn start(&'static self, name: String, body: fn(&'static Self)) -> io::Result<()> {
        #[cfg(test)]
        if self.refuse.load(SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::Builder::new().name(name).spawn(move || body(self)).map(drop)
    }

    fn start_thread(&'static self, number: usize) -> bool {
        self.start(format!("codap-{number}"), Self::work).is_ok()
    }

    fn start_failed(&'static self) {
        let mut state = self.lock();
        state.forget_start();
        if state.able() > 0 {
            let step = state.tick();
            drop(state);
            self.perform(step);
        } else {
            let refused = mem::take(&mut state.queue);
            drop(state);
            refused.into_iter().for_each(Work::refuse);
        }
    }

    fn begin_wait(&'static self) -> Result<(), Exhausted> {
        let mut state = self.lock();
        state.waiting += 1;
        if state.able() == 0 && state.threads >= self.caps.threads {
            state.waiting -= 1;
            return Err(Exhausted);
        }
        if state.queue.is_empty() || state.searching > 0 {
            return Ok(());
        }
        let step = state.add(&self.caps);
        drop(state);
        let Step::Start(number) = step else {
            self.perform(step);
            return Ok(());
        };
        if self.start_thread(number) {
            return Ok(());
        }
        let mut state = self.lock();
        state.forget_start();
        if state.able() == 0 {
            state.waiting -= 1;
            return Err(Exhausted);
        }
        let step = state.tick();
        drop(state);
        self.perform(step);
        Ok(())
    }

    fn end_wait(&self) {
        self.lock().waiting -= 1;
    }

    /// The life of one thread.
    fn work(&'static self) {
        HERE.set(Some(self));
        let cores = self.cores();
        let me = Arc::new(Idle { thread: thread::current(), woken: AtomicBool::new(false) });
        let mut searching = true;
        let mut state = self.lock();
        loop {
            if let Some(work) = state.queue.pop_front() {
                state.taken = state.taken.wrapping_add(1);
                let step = if mem::take(&mut searching) {
                    state.searching -= 1;
                    state.next_step(cores, &self.caps)
                } else {
                    Step::Nothing
                };
                drop(state);
                self.perform(step);
                work.run();
                state = self.lock();
                if state.able() > self.caps.running {
                    break;
                }
                continue;
            }
            if mem::take(&mut searching) {
                state.searching -= 1;
            }
            state.idle.push(Arc::clone(&me));
            drop(state);
            state = self.sleep(&me);
            if !me.woken.swap(false, Acquire) {
                state.idle.retain(|idle| !Arc::ptr_eq(idle, &me));
                break;
            }
            searching = true;
        }
        state.threads -= 1;
    }

    /// Until woken or too long idle.
    fn sleep(&self, me: &Idle) -> MutexGuard<'_, State> {
        let since = Instant::now();
        while !me.woken.load(Acquire) {
            let Some(left) = self.caps.keep_alive.checked_sub(since.elapsed()) else { break };
            thread::park_timeout(left);
        }
        self.lock()
    }

    /// The life of the monitor: rule 3.
    fn watch(&'static self) {
        loop {
            self.tick_while_work_waits();
            let mut state = self.lock();
            if !state.queue.is_empty() {
                continue;
            }
            state.monitor = Monitor::Parked;
            let parked = self.to_monitor.wait_timeout_while(state, self.caps.keep_alive, |state| {
                state.monitor == Monitor::Parked
            });
            let (mut state, timeout) = parked.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                state.monitor = Monitor::Absent;
                return;
            }
        }
    }

    fn tick_while_work_waits(&'static self) {
        let cores = self.cores();
        let mut pace = Pace::new(self.lock().taken);
        let mut quiet = 0;
        while quiet < LINGER {
            thread::sleep(TICK);
            let state = self.lock();
            quiet = if state.queue.is_empty() { quiet + 1 } else { 0 };
            let wanted = pace.wanted(state.taken, state.able(), cores);
            drop(state);
            if self.grow_by(wanted) > 0 {
                // Starting threads is no sign of a busy process.
                pace.restart();
            }
        }
    }

    /// At most `wanted`, at most one for each piece of work that nobody is searching for.
    fn grow_by(&'static self, wanted: usize) -> usize {
        for grown in 0..wanted {
            let mut state = self.lock();
            if state.queue.len() <= state.searching {
                return grown;
            }
            let step = state.add(&self.caps);
            drop(state);
            if matches!(step, Step::Nothing) || !self.perform(step) {
                return grown;
            }
        }
        wanted
    }
}

/// What the monitor remembers from one tick to the next.
struct Pace {
    at: Instant,
    cpu: Option<Duration>,
    taken: usize,
    stalled: u32,
}

impl Pace {
    fn new(taken: usize) -> Self {
        Self { at: Instant::now(), cpu: process_cpu_time(), taken, stalled: 0 }
    }

    fn restart(&mut self) {
        self.at = Instant::now();
        self.cpu = process_cpu_time();
    }

    /// How many threads more, if work waits.
    fn wanted(&mut self, taken: usize, able: usize, cores: usize) -> usize {
        let before = mem::replace(self, Self::new(taken));
        self.stalled = if taken == before.taken { before.stalled + 1 } else { 0 };
        let Some((cpu_now, cpu_before)) = self.cpu.zip(before.cpu) else {
            return usize::from(self.stalled > 0);
        };
        let wall = self.at.duration_since(before.at).as_secs_f64();
        let busy = cpu_now.saturating_sub(cpu_before).as_secs_f64() / (wall * cores as f64);
        if busy < 0.5 {
            able.max(1) * FACTOR
        } else if self.stalled >= STALLED {
            self.stalled = 0;
            1
        } else {
            0
        }
    }
}

/// None where the system has no such clock: then the pool grows by time alone.
fn process_cpu_time() -> Option<Duration> {
    #[cfg(all(unix, not(miri)))]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(time).ok()
    }
    #[cfg(not(all(unix, not(miri))))]
    None
}

/// Ends the wait of this thread, also by a panic.
struct Waiting(&'static Pool);

impl Waiting {
    fn new(pool: &'static Pool) -> Self {
        WAITING.set(true);
        Self(pool)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.set(false);
        self.0.end_wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{catch_unwind, panic_any},
        sync::{
            Barrier,
            atomic::AtomicUsize,
            mpsc::{Receiver, Sender, channel},
        },
    };

    use super::*;
    use crate::leaks::Watch;

    /// A receiver that has gone wants to know nothing.
    fn tell<T>(to: &Sender<T>, what: T) {
        let _ = to.send(what);
    }

    const fn pool(running: usize, threads: usize) -> Pool {
        Pool::new(Caps { running, threads, keep_alive: Duration::from_millis(50) })
    }

    impl Pool {
        fn run(&'static self, job: impl FnOnce() + Send + 'static) {
            self.queue(Work::Job(Box::new(job)));
        }

        fn with_cores(&'static self, cores: usize) -> &'static Self {
            self.cores.set(cores).expect("a test's own pool is new");
            self
        }

        fn until(&self, what: impl Fn(&State) -> bool) {
            while !what(&self.lock()) {
                thread::yield_now();
            }
        }

        /// Until nothing is left of it.
        fn settled(&self) {
            self.until(|state| state.threads == 0 && state.monitor == Monitor::Absent);
            let state = self.lock();
            assert_eq!((state.waiting, state.searching), (0, 0));
            assert!(state.queue.is_empty() && state.idle.is_empty());
        }
    }

    /// A payload whose drop panics with another such payload.
    struct Bomb(u8);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(rest) = self.0.checked_sub(1) {
                panic_any(Self(rest));
            }
        }
    }

    struct Tell(Sender<&'static str>);

    impl Drop for Tell {
        fn drop(&mut self) {
            tell(&self.0, "dropped");
        }
    }

    /// A job that waits for another one, and so on to `depth`.
    fn nest(pool: &'static Pool, depth: usize) -> Receiver<Result<usize, Exhausted>> {
        let (tx, rx) = channel();
        pool.run(move || {
            let answer = if depth == 0 {
                Ok(0)
            } else {
                let inner = nest(pool, depth - 1);
                let waited = wait(|| inner.recv().expect("every job answers"));
                waited.and_then(|answer| answer).map(|depth| depth + 1)
            };
            tell(&tx, answer);
        });
        rx
    }

    #[test]
    fn the_shared_one() {
        let _watch = Watch::new();
        let (tx, rx) = channel();
        assert!(!on_pool_thread());
        run(Box::new(move || {
            let name = thread::current().name().map(str::to_owned);
            tell(&tx, (on_pool_thread(), POOL.lock().threads, name));
        }));
        let (on_pool, threads, name) = rx.recv().expect("the job answers");
        assert!(on_pool && threads > 0);
        assert!(name.is_some_and(|name| name.starts_with("codap-")));
        assert_eq!(wait(|| 1), Ok(1));
    }

    #[test]
    fn first_in_first_out() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 1);
        POOL.with_cores(1);
        let (tx, rx) = channel();
        for i in 0..100 {
            let tx = tx.clone();
            POOL.run(move || tell(&tx, i));
        }
        drop(tx);
        assert!(rx.iter().eq(0..100));
        POOL.settled();
    }

    #[test]
    fn a_thread_survives_panics() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 1);
        POOL.with_cores(1);
        let (tx, rx) = channel();
        let first = tx.clone();
        let (open, gate) = channel::<()>();
        POOL.run(move || {
            assert!(gate.recv().is_err());
            tell(&first, thread::current().id());
        });
        POOL.run(|| panic!("in a job"));
        POOL.run(|| panic_any(Bomb(3)));
        POOL.run(move || tell(&tx, thread::current().id()));
        drop(open);
        assert_eq!(rx.recv(), rx.recv());
        POOL.settled();
    }

    #[test]
    fn nothing_is_stranded_behind_a_blocked_job() {
        let _watch = Watch::new();
        static POOL: Pool = pool(64, 64);
        POOL.with_cores(2);
        let (tx, rx) = channel::<()>();
        let (done, all) = channel();
        POOL.run(move || {
            assert!(rx.recv().is_err());
            tell(&done, ());
        });
        for _ in 0..100 {
            let tx = tx.clone();
            POOL.run(move || drop(tx));
        }
        drop(tx);
        assert_eq!(all.recv(), Ok(()));
        POOL.settled();
    }

    #[test]
    fn grows_for_blocked_jobs() {
        let _watch = Watch::new();
        const N: usize = if cfg!(miri) { 6 } else { 40 };
        static POOL: Pool = pool(64, 64);
        POOL.with_cores(2);
        let all = Arc::new(Barrier::new(N + 1));
        for _ in 0..N {
            let all = Arc::clone(&all);
            POOL.run(move || {
                all.wait();
            });
        }
        all.wait();
        POOL.settled();
    }

    #[test]
    fn running_threads_are_capped() {
        let _watch = Watch::new();
        static POOL: Pool = pool(3, 64);
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        POOL.with_cores(2);
        let (tx, rx) = channel();
        let three = Arc::new(Barrier::new(3));
        for _ in 0..30 {
            let (three, tx) = (Arc::clone(&three), tx.clone());
            POOL.run(move || {
                let running = RUNNING.fetch_add(1, SeqCst) + 1;
                three.wait();
                RUNNING.fetch_sub(1, SeqCst);
                tell(&tx, running);
            });
        }
        drop(tx);
        assert_eq!(rx.iter().max(), Some(3));
        POOL.settled();
    }

    #[test]
    fn nested_waits_end() {
        let _watch = Watch::new();
        const DEPTH: usize = if cfg!(miri) { 12 } else { 600 };
        static POOL: Pool = pool(MAX_RUNNING, MAX_THREADS);
        POOL.with_cores(2);
        assert_eq!(nest(&POOL, DEPTH).recv(), Ok(Ok(DEPTH)));
        POOL.settled();
    }

    #[test]
    fn nested_waits_end_with_one_running() {
        let _watch = Watch::new();
        const DEPTH: usize = if cfg!(miri) { 12 } else { 600 };
        static POOL: Pool = pool(1, MAX_THREADS);
        POOL.with_cores(1);
        assert_eq!(nest(&POOL, DEPTH).recv(), Ok(Ok(DEPTH)));
        POOL.settled();
    }

    #[test]
    fn exhaustion_is_an_error() {
        let _watch = Watch::new();
        static POOL: Pool = pool(8, 8);
        POOL.with_cores(2);
        assert_eq!(nest(&POOL, 7).recv(), Ok(Ok(7)));
        for depth in [8, 30] {
            assert_eq!(nest(&POOL, depth).recv(), Ok(Err(Exhausted)));
            // The jobs that nobody waited for run as well, and may take threads to the cap.
            POOL.until(|state| state.queue.is_empty() && state.idle.len() == state.threads);
        }
        assert_eq!(nest(&POOL, 7).recv(), Ok(Ok(7)));
        POOL.settled();
    }

    #[test]
    fn many_nested_at_once_end_one_way_or_the_other() {
        let _watch = Watch::new();
        const N: usize = if cfg!(miri) { 4 } else { 50 };
        static POOL: Pool = pool(4, 16);
        POOL.with_cores(2);
        let answers: Vec<_> = (0..N).map(|i| nest(&POOL, i % 10)).collect();
        for answer in answers {
            answer.recv().expect("every job answers").ok();
        }
        POOL.settled();
    }

    #[test]
    fn the_last_thread_does_not_wait_for_work_still_to_come() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 1);
        POOL.with_cores(1);
        let (tx, rx) = channel();
        POOL.run(move || tell(&tx, wait(|| ())));
        assert_eq!(rx.recv(), Ok(Err(Exhausted)));
        POOL.settled();
    }

    #[test]
    fn work_queued_while_all_wait_gets_a_thread() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 3);
        POOL.with_cores(1);
        let (open, gate) = channel();
        let (tx, rx) = channel();
        POOL.run(move || tell(&tx, wait(|| gate.recv())));
        POOL.until(|state| state.waiting == 1 && state.threads == 1);
        POOL.run(move || tell(&open, 7));
        assert_eq!(rx.recv(), Ok(Ok(Ok(7))));
        POOL.settled();
    }

    #[test]
    fn the_surplus_after_a_wait_ends() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 3);
        POOL.with_cores(1);
        let (a, gate_a) = channel();
        let (b, gate_b) = channel::<()>();
        let (tx, rx) = channel();
        POOL.run(move || tell(&tx, wait(|| gate_a.recv())));
        POOL.until(|state| state.waiting == 1);
        POOL.run(move || assert!(gate_b.recv().is_err()));
        POOL.until(|state| state.threads == 2 && state.searching == 0 && state.queue.is_empty());
        tell(&a, ());
        assert_eq!(rx.recv(), Ok(Ok(Ok(()))));
        POOL.until(|state| state.threads == 1 || !state.idle.is_empty());
        assert!(POOL.lock().idle.is_empty(), "it went idle, where it should have ended");
        drop(b);
        POOL.settled();
    }

    #[test]
    fn a_wait_inside_a_wait_counts_once_and_survives_a_panic() {
        let _watch = Watch::new();
        static POOL: Pool = pool(1, 2);
        POOL.with_cores(1);
        let (tx, rx) = channel();
        POOL.run(move || {
            let inside = wait(|| wait(|| POOL.lock().waiting));
            let panicked = catch_unwind(|| wait(|| panic!("in a wait"))).is_err();
            tell(&tx, (inside, panicked, POOL.lock().waiting));
        });
        assert_eq!(rx.recv(), Ok((Ok(Ok(1)), true, 0)));
        POOL.settled();
    }

    #[test]
    fn without_any_thread_a_job_is_dropped() {
        let _watch = Watch::new();
        static POOL: Pool = pool(4, 4);
        POOL.with_cores(2).refuse.store(true, SeqCst);
        let (tx, rx) = channel();
        let guard = Tell(tx);
        POOL.run(move || tell(&guard.0, "run"));
        assert_eq!(rx.try_recv(), Ok("dropped"));
        POOL.settled();
    }

    #[test]
    fn a_refused_thread_is_exhaustion_only_for_the_last_one() {
        let _watch = Watch::new();
        static POOL: Pool = pool(4, 4);
        POOL.with_cores(1);
        let (tx, rx) = channel();
        let (ran, inner) = channel();
        POOL.run(move || {
            POOL.refuse.store(true, SeqCst);
            POOL.run(move || tell(&ran, ()));
            tell(&tx, wait(|| ()));
        });
        assert_eq!(rx.recv(), Ok(Err(Exhausted)));
        assert_eq!(inner.recv(), Ok(()));
        POOL.settled();
    }

    #[test]
    #[cfg_attr(miri, ignore = "50,000 jobs take minutes")]
    fn none_lost_from_many_producers() {
        let _watch = Watch::new();
        static POOL: Pool = pool(64, 64);
        static RUN: AtomicUsize = AtomicUsize::new(0);
        for round in 0..100 {
            let (tx, rx) = channel::<()>();
            thread::scope(|scope| {
                for _ in 0..5 {
                    scope.spawn(|| {
                        for _ in 0..100 {
                            let tx = tx.clone();
                            POOL.run(move || {
                                RUN.fetch_add(1, SeqCst);
                                drop(tx);
                            });
                        }
                    });
                }
            });
            drop(tx);
            assert!(rx.recv().is_err());
            assert_eq!(RUN.load(SeqCst), (round + 1) * 500);
        }
        POOL.settled();
    }
}
