//! What only a `Kv` does: keys, and putting one again.

use std::future::pending;

use super::kit::{Home, wait};
use crate::Kv;

pub(super) fn a_replaced_entry_is_cancelled(runtime: &Home) {
    let kv = Kv::<&str, u32>::on(runtime);
    let old = kv.put("a", pending::<u32>());
    kv.put("a", async { 2 });
    let error = wait(old.get()).unwrap_err();
    assert!(error.is_cancelled() && error.to_string().contains("put again"), "{error}");
    assert_eq!(*wait(kv.get("a")).unwrap(), 2);
    assert_eq!(kv.len(), 2);
}

pub(super) fn a_finished_entry_outlives_its_replacement(runtime: &Home) {
    let kv = Kv::<&str, u32>::on(runtime);
    let old = kv.insert("a", 1);
    let place: *const u32 = wait(kv.get("a")).unwrap();
    let slot = kv.slot("a");
    assert!(kv.try_get("a").is_none(), "the key means the new entry");
    assert_eq!(*wait(old.get()).unwrap(), 1);
    assert!(std::ptr::eq(place, wait(old.get()).unwrap()));
    assert!(slot.fill(2));
    assert_eq!(kv["a"], 2);
    let mut both = Vec::new();
    while let Some((key, reply)) = wait(kv.next()) {
        both.push((*key, *reply.unwrap()));
    }
    assert_eq!(both, [("a", 1), ("a", 2)], "both are handed out");
}

pub(super) fn an_unknown_key_is_missing(runtime: &Home) {
    let kv = Kv::<String, u32>::on(runtime);
    let errors = [
        wait(kv.get("nobody")).unwrap_err(),
        kv.get_blocking("nobody").unwrap_err(),
        kv.try_get("nobody").unwrap().unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_missing() && error.ending().is_none());
        assert_eq!(error.entry(), Some("\"nobody\""));
    }
    assert!(!kv.contains_key("nobody") && !kv.cancel("nobody"));
    assert!(kv.reply("nobody").is_none() && kv.ending("nobody").is_none());
}

pub(super) fn keys_are_looked_up_by_what_they_borrow_as(runtime: &Home) {
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct NotClone(u8);
    let kv = Kv::<NotClone, u32>::on(runtime);
    for n in 0..=u8::MAX {
        kv.put(NotClone(n), async move { u32::from(n) });
    }
    for n in 0..=u8::MAX {
        assert_eq!(kv[&NotClone(n)], u32::from(n));
    }
    let owned = Kv::<String, u32>::on(runtime);
    owned.put("key".to_owned(), async { 1 });
    assert_eq!(owned["key"], 1);
    assert!(owned.contains_key("key"));
}
