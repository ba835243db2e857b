//! How long work lives: as long as its container, but for functions that run and what is detached.

use std::future::pending;
use std::sync::mpsc::channel;

use super::kit::{Census, Gate, Home, Shape, Value, wait};

pub(super) fn dropping_cancels_what_is_pending<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(50).build();
    let census = Census::default();
    let replies: Vec<_> = (0..100)
        .map(|n| {
            let life = census.life();
            c.add(n, async move {
                let _life = life;
                pending::<Value>().await
            })
        })
        .collect();
    let (life, function) = (census.life(), census.life());
    let outside = c.external(100, move |entry| drop((life, entry)));
    let blocking = c.add_blocking(101, move || {
        drop(function);
        Value::new(0)
    });
    drop(c);
    census.wait_for_none();
    for reply in replies.iter().chain([&outside, &blocking]) {
        assert!(wait(reply.get()).unwrap_err().is_cancelled());
    }
}

/// Cancelled from the front, the end of the one that ran let the next in line start, which was
/// about to be cancelled: a drop began work.
pub(super) fn dropping_starts_nothing<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (open, opened) = channel();
    let running = c.external(0, move |entry| open.send(entry).unwrap());
    running.on_done(move |_| drop(opened.try_recv().unwrap()));
    let (started, starts) = channel();
    let in_function = started.clone();
    c.external(1, move |_| started.send(1).unwrap());
    c.add_blocking(2, move || {
        in_function.send(2).unwrap();
        Value::new(0)
    });
    wait(c.shutdown());
    assert_eq!(starts.iter().next(), None, "an end started the next");
}

pub(super) fn a_handle_does_not_keep_the_work_alive<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let census = Census::default();
    let (started, starts) = channel();
    for n in 0..10 {
        let (handle, life, started) = (c.handle(), census.life(), started.clone());
        c.add(n, async move {
            let (_handle, _life) = (handle, life);
            started.send(()).unwrap();
            pending::<Value>().await
        });
    }
    for _ in 0..10 {
        starts.recv().unwrap();
    }
    drop(c);
    census.wait_for_none();
}

pub(super) fn what_is_put_after_the_end_is_cancelled<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let handle = c.handle();
    let done = c.insert(0, Value::new(1));
    drop(c);
    let census = Census::default();
    let (in_future, in_function) = (census.life(), census.life());
    let future = C::put(&handle, 1, async move {
        let _life = in_future;
        pending::<Value>().await
    });
    let function = C::put_blocking(&handle, 2, move || {
        drop(in_function);
        Value::new(0)
    });
    for reply in [future, function] {
        assert!(wait(reply.get()).unwrap_err().is_cancelled());
    }
    census.wait_for_none();
    assert_eq!(wait(done.get()).unwrap().number, 1, "what has ended stays readable");
}

pub(super) fn detached_work_runs_on<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let gate = Gate::default();
    let (ran, runs) = channel();
    for n in 0..5 {
        let (ran, passed) = (ran.clone(), gate.passed());
        c.add(n, async move {
            passed.await;
            ran.send(n).unwrap();
            Value::new(0)
        });
    }
    let in_function = ran.clone();
    c.add_blocking(5, move || {
        in_function.send(5).unwrap();
        Value::new(0)
    });
    drop(ran);
    c.detach();
    gate.open();
    let ran: Vec<_> = runs.iter().collect();
    assert_eq!(ran, [0, 1, 2, 3, 4, 5]);
}

pub(super) fn shutdown_waits_until_all_work_is_gone<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(2).build();
    let census = Census::default();
    let (started, starts) = channel();
    let (release, held) = channel::<()>();
    let life = census.life();
    let function = c.add_blocking(0, move || {
        started.send(()).unwrap();
        let _ = held.recv();
        drop(life);
        Value::new(0)
    });
    starts.recv().unwrap();
    for n in 1..10 {
        let life = census.life();
        c.add(n, async move {
            let _life = life;
            pending::<Value>().await
        });
    }
    let mut shutdown = Box::pin(c.shutdown());
    assert!(super::kit::poll_once(&mut shutdown).is_pending(), "a function still runs");
    assert!(wait(function.get()).unwrap_err().is_cancelled());
    drop(release);
    wait(shutdown);
    assert_eq!(census.alive(), 0);
}

pub(super) fn a_cancelled_function_frees_its_reader_at_once<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let (started, starts) = channel();
    let (release, held) = channel::<()>();
    let census = Census::default();
    let life = census.life();
    let reply = c.add_blocking(0, move || {
        started.send(()).unwrap();
        let _ = held.recv();
        Value::alive(1, life)
    });
    starts.recv().unwrap();
    assert!(reply.cancel());
    assert!(wait(reply.get()).unwrap_err().is_cancelled());
    drop(release);
    census.wait_for_none();
    assert!(reply.try_get().unwrap().unwrap_err().is_cancelled(), "what came late counts not");
}

pub(super) fn values_and_futures_are_dropped_with_the_container<C: Shape>(runtime: &Home) {
    let (values, work) = (Census::default(), Census::default());
    let c = C::on(runtime);
    let replies: Vec<_> = (0..100)
        .map(|n| {
            let (value, guard) = (values.life(), work.life());
            c.add(n, async move {
                let _guard = guard;
                Value::alive(n as u64, value)
            })
        })
        .collect();
    for reply in &replies {
        wait(reply.get()).unwrap();
        // A future's guards are released before its value can be read.
    }
    assert_eq!((values.alive(), work.alive()), (100, 0));
    drop(c);
    assert_eq!(values.alive(), 100, "a reply keeps what it reads");
    drop(replies);
    values.wait_for_none();
}
