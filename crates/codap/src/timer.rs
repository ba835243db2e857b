//! One thread for all deadlines, whatever the runtime: a runtime's own timer is late while its
//! workers compute, and some runtimes have none.
//!
//! The thread starts with the first [`Sleep`] that has to wait, parks while there is none, and
//! never ends. The rules:
//!
//! 1. A registered waker is taken out of the map exactly once: by the thread when its time has
//!    come, by a poll that brings another waker, or by the drop of its `Sleep`.
//! 2. Wakers are foreign code. They are cloned, woken and dropped outside the lock, and a panic
//!    in one ends there.
//! 3. The thread is notified only when a deadline comes before the one it is parked for. One
//!    that is removed costs at most an idle turn of the thread.
//! 4. Where the system refuses the thread, everything registered is woken, and until the next
//!    attempt a poll wakes its own task instead of registering: such a sleep costs processor
//!    time, but is neither early nor lost. A later poll attempts the start again.

use std::{
    collections::BTreeMap,
    fmt, io, mem,
    pin::Pin,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use crate::contain::{quietly, wake};

/// Wakers taken out under one hold of the lock, so that nobody waits for a crowd that is due.
const BATCH: usize = 128;
/// From a refused start of the thread to the next attempt.
const RETRY: Duration = Duration::from_millis(10);

static TIMER: Timer = Timer::new();

/// A future that is ready at `at`: never before, and as soon after as the system allows.
pub(crate) fn sleep_until(at: Instant) -> Sleep {
    TIMER.sleep_until(at)
}

/// See [`sleep_until`]. Dropping it deregisters it.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Sleep {
    timer: &'static Timer,
    at: Instant,
    /// Makes the key unique among equal deadlines; 0 = not registered so far.
    id: u64,
}

struct Timer {
    state: Mutex<State>,
    changed: Condvar,
    #[cfg(test)]
    refuse: std::sync::atomic::AtomicBool,
}

struct State {
    sleeping: BTreeMap<(Instant, u64), Waker>,
    last_id: u64,
    thread: Thread,
}

enum Thread {
    /// Not started so far, or refused: then no attempt before `retry`.
    Absent {
        retry: Option<Instant>,
    },
    /// Started or running: it looks at the map before it parks.
    Awake,
    Parked {
        until: Option<Instant>,
    },
}

impl State {
    /// The thread as it was, if it has to be told of `at`, otherwise `Awake`.
    fn rouse(&mut self, at: Instant) -> Thread {
        match self.thread {
            Thread::Awake => Thread::Awake,
            Thread::Parked { until: Some(until) } if until <= at => Thread::Awake,
            _ => mem::replace(&mut self.thread, Thread::Awake),
        }
    }
}

impl Timer {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                sleeping: BTreeMap::new(),
                last_id: 0,
                thread: Thread::Absent { retry: None },
            }),
            changed: Condvar::new(),
            #[cfg(test)]
            refuse: std::sync::atomic::AtomicBool::new(false),
        }
    }

    const fn sleep_until(&'static self, at: Instant) -> Sleep {
        Sleep { timer: self, at, id: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&'static self, at: Instant, id: &mut u64, waker: &Waker, now: Instant) {
        if *id != 0 && self.lock().sleeping.get(&(at, *id)).is_some_and(|w| w.will_wake(waker)) {
            return;
        }
        let waker = waker.clone();
        let mut state = self.lock();
        if let Thread::Absent { retry: Some(retry) } = state.thread
            && now < retry
        {
            drop(state);
            waker.wake();
            thread::yield_now();
            return;
        }
        if *id == 0 {
            state.last_id += 1;
            *id = state.last_id;
        }
        let replaced = state.sleeping.insert((at, *id), waker);
        let was = state.rouse(at);
        drop(state);
        quietly(replaced);
        match was {
            Thread::Awake => {}
            Thread::Parked { .. } => self.changed.notify_one(),
            Thread::Absent { .. } => {
                if self.start().is_err() {
                    self.refused();
                }
            }
        }
    }

    fn deregister(&self, at: Instant, id: u64) {
        let waker = self.lock().sleeping.remove(&(at, id));
        quietly(waker);
    }

    fn start(&'static self) -> io::Result<()> {
        #[cfg(test)]
        if self.refuse.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::Builder::new().name("codap-timer".into()).spawn(|| self.serve()).map(drop)
    }

    fn refused(&self) {
        let mut state = self.lock();
        state.thread = Thread::Absent { retry: Instant::now().checked_add(RETRY) };
        let sleeping = mem::take(&mut state.sleeping);
        drop(state);
        for waker in sleeping.into_values() {
            wake(waker);
        }
    }

    fn serve(&self) {
        let mut due = Vec::with_capacity(BATCH);
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while due.len() < BATCH
                && let Some(first) = state.sleeping.first_entry()
                && first.key().0 <= now
            {
                due.push(first.remove());
            }
            if !due.is_empty() {
                drop(state);
                for waker in due.drain(..) {
                    wake(waker);
                }
                state = self.lock();
                continue;
            }
            let until = state.sleeping.first_key_value().map(|(&(at, _), _)| at);
            state.thread = Thread::Parked { until };
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let wait = self.changed.wait_timeout(state, at.duration_since(now));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.thread = Thread::Awake;
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let now = Instant::now();
        if now >= this.at {
            return Poll::Ready(());
        }
        this.timer.register(this.at, &mut this.id, cx.waker(), now);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.id != 0 {
            self.timer.deregister(self.at, self.id);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::panic_any,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::*},
            mpsc::{Sender, channel},
        },
        task::Wake,
    };

    use super::*;
    use crate::leaks::Watch;

    /// A receiver that has gone wants to know nothing.
    fn tell<T>(to: &Sender<T>, what: T) {
        let _ = to.send(what);
    }

    struct Call<F>(F);

    impl<F: Fn() + Send + Sync + 'static> Wake for Call<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }

    fn calls(f: impl Fn() + Send + Sync + 'static) -> Waker {
        Arc::new(Call(f)).into()
    }

    fn sends<T: Clone + Send + Sync + 'static>(to: &Sender<T>, what: T) -> Waker {
        let to = to.clone();
        calls(move || tell(&to, what.clone()))
    }

    fn poll(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
        Pin::new(sleep).poll(&mut Context::from_waker(waker))
    }

    /// Miri's clock advances with every step, so that registering takes its time.
    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(if cfg!(miri) { ms * 50 } else { ms })
    }

    fn parked(timer: &Timer) -> Option<Instant> {
        match timer.lock().thread {
            Thread::Parked { until } => until,
            _ => None,
        }
    }

    #[test]
    fn in_order_and_never_early() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        let base = in_ms(200);
        let mut sleeps = Vec::new();
        for i in 0..40 {
            let nth = i * 17 % 40;
            let at = base + Duration::from_micros(500) * nth;
            let mut sleep = TIMER.sleep_until(at);
            let tx = tx.clone();
            let waker = calls(move || tell(&tx, (nth, Instant::now() >= at)));
            assert!(poll(&mut sleep, &waker).is_pending());
            sleeps.push((nth, sleep));
        }
        for nth in 0..40 {
            assert_eq!(rx.recv(), Ok((nth, true)));
        }
        for (_, sleep) in &mut sleeps {
            assert!(poll(sleep, Waker::noop()).is_ready());
        }
    }

    #[test]
    fn past_needs_no_thread() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let mut sleep = TIMER.sleep_until(Instant::now());
        assert!(poll(&mut sleep, Waker::noop()).is_ready());
        assert!(matches!(TIMER.lock().thread, Thread::Absent { retry: None }));
    }

    #[test]
    fn drop_deregisters() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let count = Arc::new(());
        let waker = {
            let count = Arc::clone(&count);
            calls(move || drop(Arc::clone(&count)))
        };
        let mut sleeps: Vec<_> = (0..100).map(|i| TIMER.sleep_until(in_ms(100_000 + i))).collect();
        for sleep in &mut sleeps {
            assert!(poll(sleep, &waker).is_pending());
            assert!(poll(sleep, &waker).is_pending());
        }
        drop(waker);
        assert_eq!(TIMER.lock().sleeping.len(), 100);
        sleeps.truncate(30);
        assert_eq!(TIMER.lock().sleeping.len(), 30);
        assert_eq!(Arc::strong_count(&count), 2);
        drop(sleeps);
        assert_eq!(TIMER.lock().sleeping.len(), 0);
        assert_eq!(Arc::strong_count(&count), 1);
    }

    #[test]
    fn waker_is_replaced() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        let old = Arc::new(Call({
            let tx = tx.clone();
            move || tell(&tx, "old")
        }));
        let mut sleep = TIMER.sleep_until(in_ms(200));
        assert!(poll(&mut sleep, &Arc::clone(&old).into()).is_pending());
        assert_eq!(Arc::strong_count(&old), 2);
        assert!(poll(&mut sleep, &sends(&tx, "new")).is_pending());
        assert_eq!(Arc::strong_count(&old), 1);
        assert_eq!(TIMER.lock().sleeping.len(), 1);
        drop((old, tx));
        assert_eq!(rx.iter().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn only_an_earlier_deadline_rouses_the_thread() {
        let _watch = Watch::new();
        let (early, middle, late) = (in_ms(1), in_ms(2_000), in_ms(3_000));
        let timer = Timer::new();
        let mut state = timer.lock();
        assert!(matches!(state.rouse(late), Thread::Absent { .. }));
        assert!(matches!(state.rouse(early), Thread::Awake));
        state.thread = Thread::Parked { until: Some(middle) };
        assert!(matches!(state.rouse(late), Thread::Awake));
        assert!(matches!(state.rouse(early), Thread::Parked { .. }));
        assert!(matches!(state.rouse(early), Thread::Awake), "told twice");
        state.thread = Thread::Parked { until: None };
        assert!(matches!(state.rouse(late), Thread::Parked { .. }));
    }

    #[test]
    fn an_earlier_deadline_is_not_late() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        let mut far = TIMER.sleep_until(in_ms(1_000_000));
        assert!(poll(&mut far, Waker::noop()).is_pending());
        while parked(&TIMER).is_none() {
            thread::yield_now();
        }
        let mut near = TIMER.sleep_until(in_ms(200));
        assert!(poll(&mut near, &sends(&tx, ())).is_pending());
        assert_eq!(rx.recv(), Ok(()));
    }

    #[test]
    fn a_panicking_waker_harms_nobody_else() {
        let _watch = Watch::new();
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in the drop of a payload");
            }
        }

        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        let at = in_ms(200);
        let mut sleeps = [(); 3].map(|()| TIMER.sleep_until(at));
        assert!(poll(&mut sleeps[0], &calls(|| panic!("in a waker"))).is_pending());
        assert!(poll(&mut sleeps[1], &calls(|| panic_any(Bomb))).is_pending());
        assert!(poll(&mut sleeps[2], &sends(&tx, ())).is_pending());
        assert_eq!(rx.recv(), Ok(()));
    }

    #[test]
    fn wakers_may_use_the_timer() {
        let _watch = Watch::new();
        struct Again(Sender<&'static str>);
        impl Again {
            fn sleep(&self) {
                let mut sleep = TIMER.sleep_until(in_ms(100_000));
                assert!(poll(&mut sleep, Waker::noop()).is_pending());
            }
        }
        impl Wake for Again {
            fn wake(self: Arc<Self>) {
                self.sleep();
                tell(&self.0, "woken");
            }
        }
        impl Drop for Again {
            fn drop(&mut self) {
                self.sleep();
                tell(&self.0, "dropped");
            }
        }

        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        let mut sleep = TIMER.sleep_until(in_ms(100_000));
        assert!(poll(&mut sleep, &Arc::new(Again(tx.clone())).into()).is_pending());
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        assert_eq!(rx.recv(), Ok("dropped"));
        assert!(poll(&mut sleep, &Arc::new(Again(tx.clone())).into()).is_pending());
        drop(sleep);
        assert_eq!(rx.recv(), Ok("dropped"));
        let mut sleep = TIMER.sleep_until(in_ms(5));
        if poll(&mut sleep, &Arc::new(Again(tx)).into()).is_pending() {
            assert_eq!(rx.recv(), Ok("woken"));
        }
        assert_eq!(rx.recv(), Ok("dropped"));
    }

    #[test]
    fn without_a_thread_it_is_neither_early_nor_lost() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        TIMER.refuse.store(true, SeqCst);
        let (tx, rx) = channel();
        let waker = sends(&tx, ());
        let at = in_ms(25);
        let mut sleep = TIMER.sleep_until(at);
        while poll(&mut sleep, &waker).is_pending() {
            assert_eq!(rx.recv(), Ok(()));
        }
        assert!(Instant::now() >= at);
        assert!(TIMER.lock().sleeping.is_empty());
        TIMER.refuse.store(false, SeqCst);
        let mut sleep = TIMER.sleep_until(in_ms(100_000));
        while TIMER.lock().sleeping.is_empty() {
            assert!(poll(&mut sleep, &waker).is_pending());
        }
        assert!(matches!(TIMER.lock().thread, Thread::Awake | Thread::Parked { .. }));
    }

    #[test]
    fn a_refused_start_wakes_those_who_relied_on_it() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        let (tx, rx) = channel();
        TIMER.lock().thread = Thread::Awake;
        let mut sleep = TIMER.sleep_until(in_ms(100_000));
        assert!(poll(&mut sleep, &sends(&tx, ())).is_pending());
        assert!(rx.try_recv().is_err());
        TIMER.refused();
        assert_eq!(rx.try_recv(), Ok(()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "100,000 timers take minutes")]
    fn a_hundred_thousand() {
        let _watch = Watch::new();
        static TIMER: Timer = Timer::new();
        static WOKEN: AtomicUsize = AtomicUsize::new(0);
        let (tx, rx) = channel();
        let waker = calls(move || {
            if WOKEN.fetch_add(1, SeqCst) == 49_999 {
                tell(&tx, ());
            }
        });
        let base = in_ms(1_000);
        let mut kept = Vec::new();
        for i in 0_u64..100_000 {
            let mut sleep = TIMER.sleep_until(base + Duration::from_nanos(i * 7_919 % 100_000_000));
            assert!(poll(&mut sleep, &waker).is_pending(), "registering took too long");
            if i % 2 == 0 {
                kept.push(sleep);
            }
        }
        rx.recv().expect("the last one sends");
        assert!(TIMER.lock().sleeping.is_empty());
        drop(kept);
        assert_eq!(WOKEN.load(SeqCst), 50_000);
    }
}
