//! Entries that wait for entries: never a deadlock, and a circle is an error.

use std::future::pending;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use super::kit::{Gate, Home, Shape, Value, wait};
use crate::{BoxFuture, Error, Reply, carry};

const DEPTH: usize = 20;

pub(super) fn entries_wait_for_entries_under_limit_one<C: Shape, R: Home>(runtime: &R) {
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

pub(super) fn functions_wait_for_functions_under_limit_one<C: Shape, R: Home>(runtime: &R) {
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

pub(super) fn a_carried_subtask_waits_under_limit_one<C: Shape, R: Home>(runtime: &R) {
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

pub(super) fn who_comes_back_goes_first<C: Shape, R: Home>(runtime: &R) {
    let c = C::builder().on(runtime).limit(1).build();
    let (log, logged) = channel();
    let slot = c.slot(0);
    let awaited = slot.reply();
    let gates = [Gate::default(), Gate::default()];
    let (running, back) = (gates[0].clone(), gates[1].passed());
    let in_first = log.clone();
    c.add(1, async move {
        let value = awaited.get().await.map(|value| Value::new(value.number));
        in_first.send(1).unwrap();
        value
    });
    let in_second = log.clone();
    c.add(2, async move {
        running.open();
        back.await;
        in_second.send(2).unwrap();
        Value::new(0)
    });
    c.add(3, async move {
        log.send(3).unwrap();
        Value::new(0)
    });
    // The second runs: the first has given its permit back, and the third stands in line.
    wait(gates[0].passed());
    assert!(slot.fill(Value::new(0)));
    // The first is back in line before the second lets go, if its task is polled before: it is
    // let in first or the permit finds nobody but the third.
    gates[1].open();
    let order: Vec<_> = logged.iter().collect();
    assert!(order == [2, 1, 3] || order == [2, 3, 1], "{order:?}");
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

pub(super) fn an_entry_that_awaits_itself_gets_an_error<C: Shape, R: Home>(runtime: &R) {
    let c = C::on(runtime);
    circle::<C>(1, |_| c.handle());
}

pub(super) fn cycles_of_two_and_three_get_an_error<C: Shape, R: Home>(runtime: &R) {
    for len in [2, 3, 10] {
        let c = C::builder().on(runtime).limit(1).build();
        circle::<C>(len, |_| c.handle());
        let after = c.add(100, async { Value::new(5) });
        assert_eq!(wait(after.get()).unwrap().number, 5, "permits are whole");
    }
}

pub(super) fn a_cycle_through_two_containers_gets_an_error<C: Shape, R: Home>(runtime: &R) {
    let both = [C::on(runtime), C::builder().on(runtime).limit(2).build()];
    circle::<C>(4, |n| both[n % 2].handle());
}

pub(super) fn a_cycle_of_functions_gets_an_error<C: Shape, R: Home>(runtime: &R) {
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

pub(super) fn a_subtask_in_a_cycle_gets_an_error<C: Shape, R: Home>(runtime: &R) {
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
