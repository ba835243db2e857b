//! The memory that bodies may hold, given out in the order of asking.
//!
//! Rules, which together rule out that everybody waits:
//! 1. A body asks for memory while it holds none: before its first byte, and again before each piece
//!    after it has handed over the one before.
//! 2. What is handed over gives its memory back whatever bodies do: workers and the writer never ask
//!    for any.
//! 3. Nobody asks for more than a quarter of it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Small enough that small bodies are not counted for much more than they are, large enough that
/// any budget is a small number of it.
const UNIT: usize = 64 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
}

/// Memory that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit(OwnedSemaphorePermit);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes / UNIT)) }
    }

    /// Waits in line for memory of `bytes`; an error once the budget is closed. Dropping the future
    /// gives up the place in line.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Permit, Error> {
        let permit = self.free.clone().acquire_many_owned(units(bytes)).await;
        permit.map(Permit).map_err(|_| Error::aborted())
    }

    /// Nobody waits any more.
    pub(crate) fn close(&self) {
        self.free.close();
    }

    #[cfg(test)]
    fn free(&self) -> usize {
        self.free.available_permits() * UNIT
    }
}

impl Permit {
    /// Gives back what is not needed for `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let more = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(more));
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_given_back_is_there_again() {
        let budget = Budget::new(16 * UNIT);
        let mut permit = budget.take(10 * UNIT + 1).await.unwrap();
        assert_eq!(budget.free(), 5 * UNIT);
        permit.shrink_to(2 * UNIT);
        assert_eq!(budget.free(), 14 * UNIT);
        permit.shrink_to(7 * UNIT);
        assert_eq!(budget.free(), 14 * UNIT, "it only shrinks");
        drop(permit);
        assert_eq!(budget.free(), 16 * UNIT);
        budget.close();
        assert!(budget.take(1).await.is_err());
    }
}
