//! The futures that are put: each answers with its number.

/// How an entry comes to its answer.
pub(crate) trait Answer: 'static {
    fn to(number: u64) -> impl Future<Output = u64> + Send + 'static;
}

/// It is there at the first poll.
pub(crate) struct AtOnce;

/// It is there at the second poll: the task goes to the end of tokio's queue in between.
pub(crate) struct Yields;

/// The same on smol.
pub(crate) struct YieldsToSmol;

impl Answer for AtOnce {
    async fn to(number: u64) -> u64 {
        number
    }
}

impl Answer for Yields {
    async fn to(number: u64) -> u64 {
        tokio::task::yield_now().await;
        number
    }
}

impl Answer for YieldsToSmol {
    async fn to(number: u64) -> u64 {
        smol::future::yield_now().await;
        number
    }
}

/// Every work ends with this: all answers came, none twice.
pub(crate) fn check(sum: u64, n: u64) {
    assert_eq!(sum, n * (n - 1) / 2, "an answer was lost, or came twice");
}
