//! What only an `Ordered` does: positions.

use super::kit::{Home, wait};
use crate::Ordered;

pub(super) fn reads_are_in_the_order_of_the_pushes(runtime: &Home) {
    let list = Ordered::<u64>::on(runtime);
    let slots: Vec<_> = (0..100).map(|_| list.slot()).collect();
    for (n, slot) in slots.into_iter().enumerate().rev() {
        assert!(slot.fill(n as u64));
    }
    assert!((&list).into_iter().map(|reply| *reply.unwrap()).eq(0..100));
    assert_eq!(list[42], 42);
    assert_eq!(*wait(list.get(7)).unwrap(), 7);
    let Ok(results) = wait(list.into_results()) else { panic!("nothing is out") };
    assert!(results.into_iter().map(Result::unwrap).eq(0..100));
}

pub(super) fn a_range_is_read_in_order(runtime: &Home) {
    let list = Ordered::<u64>::on(runtime);
    for n in 0..10 {
        list.push(async move { n });
    }
    let mut some = list.range(3..6);
    assert_eq!(*wait(some.get(2)).unwrap(), 5);
    assert!(wait(some.get(3)).unwrap_err().is_missing(), "beyond the range");
    let mut read = Vec::new();
    while let Some(reply) = wait(some.next()) {
        read.push(*reply.unwrap());
    }
    assert_eq!(read, [3, 4, 5]);
    let mut open = list.range(8..);
    list.insert(10);
    assert!(open.by_ref().map(|reply| *reply.unwrap()).eq(8..=10));
    list.insert(11);
    assert_eq!(*open.next_blocking().unwrap().unwrap(), 11, "an open range goes on");
    assert_eq!(list.range(..=2).count(), 3);
}

pub(super) fn a_position_beyond_the_end_is_missing(runtime: &Home) {
    let list = Ordered::<u64>::on(runtime);
    list.insert(0);
    for position in [1, usize::MAX] {
        assert!(wait(list.get(position)).unwrap_err().is_missing());
        assert!(list.get_blocking(position).unwrap_err().is_missing());
        assert!(list.try_get(position).unwrap().unwrap_err().is_missing());
        assert!(!list.cancel(position) && list.reply(position).is_none());
    }
}
