//! What only a `FirstReply` does: arrivals by number.

use super::kit::{Gate, Home, wait};
use crate::{Error, FirstReply};

pub(super) fn reads_are_in_the_order_of_arrival(runtime: &Home) {
    let list = FirstReply::<u64>::on(runtime);
    let slots: Vec<_> = (0..10).map(|_| list.slot()).collect();
    let pushed = [3, 9, 0, 1, 8, 2, 7, 4, 6, 5];
    let mut slots: Vec<_> = slots.into_iter().map(Some).collect();
    assert!(list.try_get(0).is_none() && list.pushed_as(0).is_none());
    for n in pushed {
        assert!(slots[n].take().unwrap().fill(n as u64));
    }
    for _ in 0..2 {
        for (nth, n) in pushed.into_iter().enumerate() {
            assert_eq!(list[nth], n as u64);
            assert_eq!(*wait(list.get(nth)).unwrap(), n as u64);
            assert_eq!(list.pushed_as(nth), Some(n));
        }
    }
    let Ok(results) = wait(list.into_results()) else { panic!("nothing is out") };
    assert!(results.into_iter().map(|(n, _)| n).eq(pushed));
}

pub(super) fn an_arrival_beyond_the_pushes_is_missing(runtime: &Home) {
    let list = FirstReply::<u64>::on(runtime);
    assert!(wait(list.get(0)).unwrap_err().is_missing());
    let slot = list.slot();
    assert!(wait(list.get(1)).unwrap_err().is_missing());
    assert!(list.try_get(1).unwrap().unwrap_err().is_missing());
    assert!(list.get_blocking(usize::MAX).unwrap_err().is_missing());
    assert!(slot.fail("refused"));
    assert!(wait(list.get(0)).unwrap_err().is_failed(), "a failure is a reply too");
}

pub(super) fn an_entry_that_waits_for_its_own_arrival_gets_an_error(runtime: &Home) {
    let list = FirstReply::<u64>::on(runtime);
    let gate = Gate::default();
    let replies = [0, 1].map(|_| {
        let (handle, passed) = (list.handle(), gate.passed());
        list.push(async move {
            passed.await;
            Ok::<_, Error>(*handle.get(0).await?)
        })
    });
    gate.open();
    for reply in replies {
        assert!(wait(reply.get()).unwrap_err().root().is_cycle());
    }
}
