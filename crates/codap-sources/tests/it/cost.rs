//! What a fetch costs before it does anything.

use codap_sources::Sources;

/// A future is moved about before it is pinned, and stands in an allocation of its size then.
#[test]
fn the_future_of_a_fetch_is_small() {
    let fetch = Sources::new().fetch(&"http://127.0.0.1/".parse().unwrap());
    let size = size_of_val(&fetch);
    assert!(size <= 1024, "{size} bytes");
}
