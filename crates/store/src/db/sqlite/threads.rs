//! The threads of the store, and what they share.

use crate::StoreError;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the threads share.
#[derive(Default)]
pub(super) struct Shared {
    /// Commits that wrote something.
    pub(super) commits: AtomicU64,
    /// Bytes in the log after the last commit that wrote something.
    pub(super) log_bytes: AtomicI64,
    /// The checkpointer asks the writer to begin the log anew. As in `signals.restart`, without its lock.
    wants_restart: AtomicBool,
    /// The checkpointer cannot copy: a reader needs the log, or another process is at it.
    log_is_held: AtomicBool,
    signals: Mutex<Signals>,
    changed: Condvar,
}

/// What a thread waits for.
#[derive(Default)]
struct Signals {
    /// The database is closed.
    stop: bool,
    /// The log has reached the size from which on it is copied back.
    log_is_full: bool,
    restart: Restart,
}

/// Whether the writer begins the log anew.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Restart {
    #[default]
    NotWanted,
    Wanted,
    Done,
    Failed,
}

impl Shared {
    /// Waits this long, or until the database is closed; `true` if it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.wait(time, |signals| signals.stop).stop
    }

    /// Waits this long, or until the database is closed or the log is full; `true` if it is closed.
    pub(super) fn pause_until_full(&self, time: Duration) -> bool {
        let mut signals = self.wait(time, |signals| signals.stop || signals.log_is_full);
        signals.log_is_full = false;
        signals.stop
    }

    /// Tells the checkpointer that the log is full.
    pub(super) fn log_is_full(&self) {
        lock(&self.signals).log_is_full = true;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.signals).stop = true;
        self.changed.notify_all();
    }

    /// Has the writer begin the log anew after its next commit. How that went, or `None` if nobody wrote within this
    /// time: then it does so whenever it writes next.
    pub(super) fn restart_log(&self, time: Duration) -> Option<bool> {
        lock(&self.signals).restart = Restart::Wanted;
        self.wants_restart.store(true, Ordering::Release);
        match self.wait(time, |signals| signals.stop || signals.restart != Restart::Wanted).restart {
            Restart::Done => Some(true),
            Restart::Failed => Some(false),
            Restart::Wanted | Restart::NotWanted => None,
        }
    }

    /// Waits until the checkpointer asks for the log to be begun anew, or cannot copy it, at most this long.
    pub(super) fn wait_for_checkpointer(&self, time: Duration) {
        if !self.log_is_held.load(Ordering::Acquire) {
            drop(self.wait(time, |signals| {
                signals.stop || signals.restart == Restart::Wanted || self.log_is_held.load(Ordering::Acquire)
            }));
        }
    }

    /// Tells the writer whether it is of use to wait.
    pub(super) fn hold_log(&self, is_held: bool) {
        if self.log_is_held.swap(is_held, Ordering::AcqRel) != is_held {
            // Whoever has looked and begins to wait has this lock.
            drop(lock(&self.signals));
            self.changed.notify_all();
        }
    }

    /// The log was emptied: there is nothing to begin anew.
    pub(super) fn log_is_empty(&self) {
        self.wants_restart.store(false, Ordering::Release);
        self.log_bytes.store(0, Ordering::Relaxed);
    }

    /// Whether the writer is to begin the log anew.
    pub(super) fn wants_restart(&self) -> bool {
        self.wants_restart.load(Ordering::Acquire)
    }

    /// Tells the checkpointer how that went.
    pub(super) fn restarted_log(&self, is_done: bool) {
        self.wants_restart.store(false, Ordering::Release);
        lock(&self.signals).restart = if is_done { Restart::Done } else { Restart::Failed };
        self.changed.notify_all();
    }

    fn wait(&self, time: Duration, until: impl Fn(&Signals) -> bool) -> MutexGuard<'_, Signals> {
        let waited = self.changed.wait_timeout_while(lock(&self.signals), time, |signals| !until(signals));
        waited.unwrap_or_else(PoisonError::into_inner).0
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
