//! Entries that wait for entries: never a deadlock, and a circle is an error.

use std::future::pending;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use super::kit::{Gate, Home, Shape, Value, wait};
use crate::{BoxFuture, Error, Reply, carry};

const DEPTH: usize = 20;

pub(super) fn entries_wait_for_entries_under_limit_one<C: Shape>(runtime: &Home) {
    type Nest = std::pin::Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;
    fn nest<C: Shape>(handle: C::Handle, n: usize) -> Nest {
        Box::pin(async move {
            if n == DEPTH {
                return Ok(Value::new(1));
            }
            let next = C::put(&handle, n + 1, nest::<C>(handle.clone(), n + 1));
            Ok(Value::new(next.get().await?.number + 1))
        })
    }
    let c = C::builder().on(runtime).limit(1).build();
    let outermost = c.add(0, nest::<C>(c.handle(), 0));
    assert_eq!(wait(outermost.get()).unwrap().number, DEPTH as u64 + 1);
}

pub(super) fn functions_wait_for_functions_under_limit_one<C: Shape>(runtime: &Home) {
    fn nest<C: Shape>(handle: &C::Handle, n: usize) -> Result<Value, Error> {
        if n == DEPTH {
            return Ok(Value::new(1));
        }
        let inner = handle.clone();
        let next = C::put_blocking(handle, n + 1, move || nest::<C>(&inner, n + 1));
        Ok(Value::new(next.get_blocking()?.number + 1))
    }
    let c = C::builder().on(runtime).limit(1).build();
    let handle = c.handle();
    let outermost = c.add_blocking(0, move || nest::<C>(&handle, 0));
    assert_eq!(wait(outermost.get()).unwrap().number, DEPTH as u64 + 1);
}

pub(super) fn a_carried_subtask_waits_under_limit_one<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (handle, spawner) = (c.handle(), runtime.clone());
    let outer = c.add(0, async move {
        let inner = C::put(&handle, 1, async { Value::new(41) });
        let gate = Gate::default();
        let (done, answer) = (gate.clone(), Arc::new(OnceLock::new()));
        let number = answer.clone();
        let subtask: BoxFuture = Box::pin(carry(async move {
            let value = inner.get().await.map(|value| value.number);
            number.set(value).expect("the subtask ends once");
            done.open();
        }));
        spawner.spawn(subtask);
        gate.passed().await;
        let inner = answer.get().expect("the subtask has ended").clone()?;
        Ok::<_, Error>(Value::new(inner + 1))
    });
    assert_eq!(wait(outer.get()).unwrap().number, 42);
}

pub(super) fn who_comes_back_goes_first<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (open, opened) = channel();
    // Outside work stands in line within the call that asks, whatever the runtime is up to.
    let put = |n| {
        let open = open.clone();
        c.external(n, move |entry| open.send((n, entry)).unwrap())
    };
    let (_first, second, _third) = (put(0), put(1), put(2));
    let (_, first) = opened.recv().unwrap();
    let pause = first.pause_for(&second).unwrap();
    let (n, second) = opened.recv().unwrap();
    assert_eq!(n, 1, "a pause gives the permit to the next");
    let (back, resumed) = channel();
    pause.resume(move || back.send(first).unwrap());
    assert!(resumed.try_recv().is_err(), "the only permit is in use");
    assert!(second.fill(Value::new(0)));
    let first = resumed.try_recv().expect("who comes back goes before who has not started");
    assert!(opened.try_recv().is_err(), "the third waits on");
    assert!(first.fill(Value::new(0)));
    let (n, third) = opened.recv().unwrap();
    assert!(n == 2 && third.fill(Value::new(0)));
}

/// Replies that the entries themselves can reach, once all of them are put.
type Known = Arc<OnceLock<Vec<Reply<Value>>>>;

fn reply_of(known: &Known, n: usize) -> &Reply<Value> {
    &known.get().expect("the gate opens after all are known")[n]
}

/// Each of `len` entries waits for the next, the last for the first, each in a container of its
/// own choice.
fn circle<C: Shape>(len: usize, of: impl Fn(usize) -> C::Handle) {
    let (known, gate) = (Known::default(), Gate::default());
    let replies: Vec<_> = (0..len)
        .map(|n| {
            let (known, passed) = (known.clone(), gate.passed());
            C::put(&of(n), n, async move {
                passed.await;
                let next = reply_of(&known, (n + 1) % len).get().await?;
                Ok::<_, Error>(Value::new(next.number))
            })
        })
        .collect();
    known.set(replies.clone()).expect("they are put once");
    gate.open();
    assert_circle(&replies);
}

fn assert_circle(replies: &[Reply<Value>]) {
    for reply in replies {
        let error = wait(reply.get()).expect_err("nobody on a circle has a value");
        assert!(error.is_failed() && error.root().is_cycle(), "{error}");
        assert!(error.to_string().contains("waits for"), "{error}");
    }
}

pub(super) fn an_entry_that_awaits_itself_gets_an_error<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    circle::<C>(1, |_| c.handle());
}

pub(super) fn cycles_of_two_and_three_get_an_error<C: Shape>(runtime: &Home) {
    for len in [2, 3, 10] {
        let c = C::builder().on(runtime).limit(1).build();
        circle::<C>(len, |_| c.handle());
        let after = c.add(100, async { Value::new(5) });
        assert_eq!(wait(after.get()).unwrap().number, 5, "permits are whole");
    }
}

pub(super) fn a_cycle_through_two_containers_gets_an_error<C: Shape>(runtime: &Home) {
    let both = [C::on(runtime), C::builder().on(runtime).limit(2).build()];
    circle::<C>(4, |n| both[n % 2].handle());
}

pub(super) fn a_cycle_of_functions_gets_an_error<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let known = Known::default();
    let replies: Vec<_> = (0..3)
        .map(|n| {
            let known = known.clone();
            c.add_blocking(n, move || {
                let next = known.wait()[(n + 1) % 3].get_blocking()?;
                Ok::<_, Error>(Value::new(next.number))
            })
        })
        .collect();
    known.set(replies.clone()).expect("they are put once");
    assert_circle(&replies);
}

pub(super) fn a_subtask_in_a_cycle_gets_an_error<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let (known, gate) = (Known::default(), Gate::default());
    let (inner, passed, spawner) = (known.clone(), gate.passed(), runtime.clone());
    let (failed, errors) = channel();
    let reply = c.add(0, async move {
        passed.await;
        let subtask: BoxFuture = Box::pin(carry(async move {
            let error = reply_of(&inner, 0).get().await.map(|value| value.number);
            failed.send(error).expect("the check waits");
        }));
        spawner.spawn(subtask);
        pending::<Value>().await
    });
    known.set(vec![reply]).expect("it is put once");
    gate.open();
    assert!(errors.recv().expect("the subtask ends").unwrap_err().is_cycle());
}
