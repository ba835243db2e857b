use std::future::{pending, ready};
use std::time::{Duration, Instant};

use codap::{Ending, Error, Kv, fetch};

use super::{Oops, every, oops};
use crate::clock::ms;
use crate::leaks::Watch;
use crate::stage::{bounded, wait};
use crate::watched::On;

const LONG: Duration = Duration::from_secs(3600);

/// Fails, hangs, and then succeeds.
async fn third_time_lucky() -> Result<u64, Error> {
    let mut nth = 0;
    fetch(move || {
        nth += 1;
        let nth = nth;
        async move {
            match nth {
                1 => Err(Oops(1)),
                2 => pending().await,
                _ => Ok(nth),
            }
        }
    })
    .timeout(ms(10))
    .retry([ms(5), ms(7)])
    .await
}

async fn outside() {
    let began = Instant::now();
    assert_eq!(third_time_lucky().await.unwrap(), 3);
    assert!(began.elapsed() >= ms(5 + 10 + 7), "early: {:?}", began.elapsed());

    let fails = fetch(|| ready(Err::<u64, _>(Oops(1))));
    let error = fails.retry([ms(1)]).await.unwrap_err();
    assert!(error.is_failed() && error.elapsed() >= ms(1));
    assert_eq!((error.entry(), error.attempts(), oops(&error)), (None, 2, Some(1)));
    assert!(error.to_string().starts_with("the fetch failed after 2 attempts and "), "{error}");

    let error = fetch(pending::<Result<u64, Oops>>).timeout(ms(1)).await.unwrap_err();
    assert!(error.is_timeout() && error.entry().is_none(), "{error}");

    let fails = fetch(|| ready(Err::<u64, _>(Oops(1))));
    assert_eq!(fails.or_else(|error| oops(error).unwrap() + 1).await.unwrap(), 2);
}

#[test]
fn it_needs_no_container_and_no_runtime() {
    let _watch = Watch::new();
    wait(outside());
    bounded(|| wait(outside()));
}

#[cfg(feature = "smol")]
#[test]
fn it_needs_no_container_on_smol() {
    let _watch = Watch::new();
    smol::block_on(outside());
    smol::block_on(smol::spawn(outside()));
}

/// tokio's own timer is not enabled: nothing here needs it.
#[cfg(feature = "tokio")]
#[test]
fn it_needs_no_container_on_tokio() {
    let _watch = Watch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(outside());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(runtime.spawn(outside())).unwrap();
}

#[test]
fn timeouts_rests_and_defaults_on_every_runtime() {
    let _watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let kv = on.build(Kv::<_, u64>::builder().record(true));
            let began = Instant::now();
            kv.put("lucky", third_time_lucky());
            kv.put("default", fetch(pending::<Result<u64, Oops>>).timeout(ms(5)).or(7));
            assert_eq!(*kv.get("lucky").await.unwrap(), 3);
            assert!(began.elapsed() >= ms(22), "early on {on:?}: {:?}", began.elapsed());
            assert_eq!(*kv.get("default").await.unwrap(), 7);
            assert_eq!(kv.ending("default"), Some(Ending::Defaulted));
            kv.put("fails", fetch(|| ready(Err::<u64, _>(Oops(1)))).retry([ms(1)]));
            let error = kv.get("fails").await.unwrap_err();
            assert_eq!((error.attempts(), error.entry()), (2, Some("\"fails\"")), "on {on:?}");
        });
    }
}

#[test]
fn the_deadline_is_kept_to_on_every_runtime() {
    let _watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let kv = on.build(Kv::<_, u64>::builder().deadline(Duration::from_secs(40)));
            let fails = || fetch(|| ready(Err::<u64, _>(Oops(1))));
            // Nobody waits an hour to be told that there is no time left.
            kv.put("error", fails().retry(every(LONG)));
            kv.put("default", fails().retry(every(LONG)).or(7));
            assert_eq!(oops(&kv.get("error").await.unwrap_err()), Some(1), "on {on:?}");
            assert_eq!(*kv.get("default").await.unwrap(), 7, "on {on:?}");
        });
    }
}

#[test]
fn a_rest_gives_the_permit_back_on_every_runtime() {
    let watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let kv = on.build(Kv::<_, u64>::builder().limit(1));
            let life = watch.life();
            let fails = move || {
                let _life = &life;
                ready(Err::<u64, _>(Oops(1)))
            };
            let rests = kv.put("rests", fetch(fails).retry(every(LONG)));
            let other = kv.put("other", async { 2 });
            assert_eq!(*other.get().await.unwrap(), 2, "on {on:?}");
            assert!(rests.try_get().is_none() && rests.cancel());
            kv.shutdown().await;
            assert_eq!(watch.alive(), 0, "on {on:?}");
        });
    }
}
