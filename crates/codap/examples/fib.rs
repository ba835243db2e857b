//! Thirty Fibonacci numbers in the background, by key and in order.
//!
//! ```sh
//! cargo run -p codap --example fib
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use codap::{Kv, Ordered};

const SIZE: u32 = 30;

/// Slow on purpose: something to wait for.
fn fib(n: u32) -> u64 {
    match n {
        0 | 1 => n.into(),
        _ => fib(n - 1) + fib(n - 2),
    }
}

fn main() {
    // By key. Every put starts at once, on codap's own threads.
    let by_key = Kv::<u32, u64>::new();
    for n in 0..SIZE {
        by_key.put_blocking(n, move || fib(n));
    }
    // Any of them can be read first, and again: values are lent out and stay.
    println!("fib(29) = {}", by_key[&29]);
    for n in (0..SIZE).rev() {
        assert_eq!(by_key[&n], fib(n), "fib({n})");
    }

    // In order: a list that is read while it is being computed.
    let in_order = Ordered::<u64>::new();
    for n in 0..SIZE {
        in_order.push_blocking(move || fib(n));
    }
    for (n, value) in (0..SIZE).zip(&in_order) {
        let value = value.expect("fib cannot fail");
        assert_eq!(*value, by_key[&n], "fib({n})");
        print!("{value} ");
    }
    println!("\n{} by key and {} in order, and they agree", by_key.done(), in_order.done());
}
