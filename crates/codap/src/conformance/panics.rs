//! Nothing that panics gets out of its entry.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};

use super::kit::{Home, Shape, Value, wait};
use crate::BoxError;

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("deliberate, in the drop of {}", self.0);
    }
}

/// The container takes and gives values, after all.
fn assert_works<C: Shape>(c: &C) {
    let reply = c.add(10_000, async { Value::new(9) });
    assert_eq!(wait(reply.get()).unwrap().number, 9);
    assert_eq!(c.pending(), 0);
}

pub(super) fn in_the_drop_of_a_value<C: Shape>(runtime: &Home) {
    // `Value` itself is harmless: a container of bombs, whichever the shape.
    let c = crate::Kv::<usize, Bomb>::on(runtime);
    for n in 0..40 {
        c.insert(n, Bomb("a value"));
    }
    let late = c.slot(40);
    assert!(late.reply().cancel());
    assert!(!late.fill(Bomb("a value that came too late")));
    drop(c);
    assert_works(&C::on(runtime));
}

pub(super) fn in_the_drop_of_a_future<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let ready = c.add(0, {
        let bomb = Bomb("a future that was ready");
        std::future::poll_fn(move |_| {
            let _ = &bomb;
            std::task::Poll::Ready(Value::new(1))
        })
    });
    let error = wait(ready.get()).unwrap_err();
    assert!(error.is_panic() && error.to_string().contains("future"), "{error}");
    let (started, starts) = channel();
    let cancelled = c.add(1, async move {
        let _bomb = Bomb("a future that was cancelled");
        started.send(()).unwrap();
        std::future::pending::<Value>().await
    });
    starts.recv().unwrap();
    assert!(cancelled.cancel());
    assert!(wait(cancelled.get()).unwrap_err().is_cancelled());
    let captured = Bomb("a function's capture");
    let function = c.add_blocking(2, move || {
        let _captured = captured;
        Value::new(1)
    });
    assert!(wait(function.get()).unwrap_err().is_panic());
    assert_works(&c);
}

pub(super) fn in_the_drop_of_a_payload<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let replies = [
        c.add(0, async { panic_any(Bomb("a payload")) as Value }),
        c.add_blocking(1, || panic_any(Bomb("a payload")) as Value),
    ];
    for reply in replies {
        assert!(wait(reply.get()).unwrap_err().is_panic());
    }
    assert_works(&c);
}

pub(super) fn in_the_conversion_of_an_error<C: Shape>(runtime: &Home) {
    struct Odd;
    impl From<Odd> for BoxError {
        fn from(_: Odd) -> Self {
            panic!("deliberate, in a conversion")
        }
    }
    let c = C::on(runtime);
    let replies =
        [c.add(0, async { Err::<Value, _>(Odd) }), c.add_blocking(1, || Err::<Value, _>(Odd))];
    for reply in replies {
        let error = wait(reply.get()).unwrap_err();
        assert!(error.is_panic() && error.to_string().contains("conversion"), "{error}");
    }
    assert_works(&c);
}

pub(super) fn in_the_waker_of_a_reader<C: Shape>(runtime: &Home) {
    struct Fuse;
    impl Wake for Fuse {
        fn wake(self: Arc<Self>) {
            panic!("deliberate, in a waker");
        }
    }
    let c = C::on(runtime);
    let gate = super::kit::Gate::default();
    let passed = gate.passed();
    let reply = c.add(0, async move {
        passed.await;
        Value::new(3)
    });
    let fuse = Waker::from(Arc::new(Fuse));
    let mut doomed = reply.get();
    let poll = std::pin::Pin::new(&mut doomed).poll(&mut Context::from_waker(&fuse));
    assert!(poll.is_pending());
    let (callback, called) = channel();
    reply.on_done(move |reply| callback.send(reply.map(|value| value.number)).unwrap());
    let other = reply.clone();
    let reader = c.add(1, async move { other.get().await.map(|value| Value::new(value.number)) });
    gate.open();
    assert_eq!(wait(reply.get()).unwrap().number, 3);
    assert_eq!(called.recv().unwrap().unwrap(), 3, "a later waiter was left waiting");
    assert_eq!(wait(reader.get()).unwrap().number, 3);
    assert_works(&c);
}

pub(super) fn in_a_callback<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slot = c.slot(0);
    slot.reply().on_done(|_| panic!("deliberate, in a callback"));
    let (called, calls) = channel();
    slot.reply().on_done(move |_| called.send(()).unwrap());
    assert!(slot.fill(Value::new(0)));
    calls.recv().unwrap();
    c.external(1, |_| panic!("deliberate, in a start"));
    assert_works(&c);
}

pub(super) fn in_a_function<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    for n in 0..50 {
        c.add_blocking(n, || panic!("deliberate") as Value);
    }
    assert!(
        wait(c.join()).iter().all(|(_, reply)| reply.as_ref().is_err_and(crate::Error::is_panic))
    );
    assert_works(&c);
}
