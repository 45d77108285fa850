//! The threads of the store, and what they share.

use crate::StoreError;
use std::sync::atomic::AtomicU64;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the threads share.
pub(super) struct Shared {
    pub(super) commits: AtomicU64,
    pub(super) stop: Mutex<bool>,
    pub(super) stopped: Condvar,
}

impl Shared {
    /// Waits this long, or until the database is closed; `true` if it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let stop = lock(&self.stop);
        let waited = self.stopped.wait_timeout_while(stop, time, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| StoreError::Unavailable(format!("no thread: {error}")))
}

/// Ignores poisoning: what a lock guards is replaced whole, never left half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
