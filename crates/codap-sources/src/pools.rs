//! One client per origin, made when it is first asked for and shared from then on.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Clients by what tells them apart (origin and credentials, say). A client is a handle that is
/// cheap to clone: a connection pool in most of them.
pub(crate) struct Pools<C>(Mutex<HashMap<String, Arc<OnceCell<C>>>>);

impl<C> Default for Pools<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Clone> Pools<C> {
    /// The client of `key`. Of many callers one connects, and the others wait for it; if it fails
    /// or is dropped, the next one tries.
    pub(crate) async fn get<E>(
        &self,
        key: &str,
        connect: impl Future<Output = Result<C, E>>,
    ) -> Result<C, E> {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match cells.get(key) {
                Some(cell) => cell.clone(),
                None => cells.entry(key.to_owned()).or_default().clone(),
            }
        };
        cell.get_or_try_init(|| connect).await.cloned()
    }
}
