//! Where the real servers are, and a runtime that ends.

use std::future::Future;
use std::time::Duration;

/// The address of the server `name` of `cargo xtask servers`; `None` if it was left out.
///
/// # Panics
/// If nobody said where it is: a test that needs it must not pass without it.
pub(crate) fn server(name: &str) -> Option<String> {
    let without = std::env::var("CODAP_TEST_WITHOUT").unwrap_or_default();
    if without.split(',').any(|it| it == name) {
        println!("LEFT OUT: this test needs the server {name}");
        return None;
    }
    Some(told(name, &format!("CODAP_TEST_{}", name.to_uppercase())))
}

/// Where the server `name` speaks TLS, and the file with the authority that vouches for it.
pub(crate) fn server_with_tls(name: &str) -> Option<(String, String)> {
    let address = server(name)?;
    let upper = name.to_uppercase();
    let authority = told(name, &format!("CODAP_TEST_{upper}_AUTHORITY"));
    // PostgreSQL has both on one port.
    let other = std::env::var(format!("CODAP_TEST_{upper}_TLS"));
    Some((other.unwrap_or(address), authority))
}

fn told(name: &str, variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set, so there is no server {name} to test against: run `cargo xtask \
             test --only sources`, or `cargo xtask servers` and set what it prints, or \
             CODAP_TEST_WITHOUT={name}"
        )
    })
}

/// Runs a test on a runtime with two workers. A test that takes longer than a minute hangs.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}
