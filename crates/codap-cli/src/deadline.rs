//! The time that a whole run has.

use std::time::Duration;

/// Ends when it has passed; without one, never.
pub(crate) async fn passed(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline).await,
        None => std::future::pending().await,
    }
}
