//! What was read of instances, and when.

use super::facts::InstanceFacts;
use super::keys::Keys;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use verger_wire::{InstanceId, UnixMillis};

/// How long what was read is used. Another server that still signs with a key that was retired at once does so for no longer.
pub(crate) const FACTS_LIFETIME: Duration = Duration::from_secs(1);
/// Instances that are cached. One more empties the cache.
const INSTANCES_MAX: usize = 10_000;

/// What was read of instances, and when.
#[derive(Default)]
pub(crate) struct Instances {
    slots: Mutex<HashMap<InstanceId, Arc<Slot>>>,
}

#[derive(Default)]
pub(super) struct Slot {
    pub(super) facts: Mutex<Option<(ReadAt, Arc<InstanceFacts>)>>,
    pub(super) keys: Mutex<Option<(ReadAt, Arc<Keys>)>>,
    /// One of many that find it too old reads anew, and the others wait for that.
    pub(super) reading: tokio::sync::Mutex<()>,
}

/// When something was read, by both clocks: one that was set forward must not make what is old look new, nor stand still while
/// time passes.
#[derive(Clone, Copy)]
pub(super) struct ReadAt {
    pub(super) instant: Instant,
    pub(super) now: UnixMillis,
}

impl ReadAt {
    fn is_fresh(self, now: UnixMillis) -> bool {
        let lifetime_ms = i64::try_from(FACTS_LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let is_near = (0..lifetime_ms).contains(&now.0.saturating_sub(self.now.0));
        is_near && self.instant.elapsed() < FACTS_LIFETIME
    }
}

impl Instances {
    pub(super) fn slot(&self, instance: &InstanceId) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(instance) {
            return Arc::clone(slot);
        }
        if slots.len() >= INSTANCES_MAX {
            slots.clear();
        }
        Arc::clone(slots.entry(instance.clone()).or_default())
    }

    /// Something of the instance was changed here.
    pub(crate) fn forget(&self, instance: &InstanceId) {
        let slot = self.slot(instance);
        *lock(&slot.facts) = None;
        *lock(&slot.keys) = None;
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn fresh<T>(cached: &Mutex<Option<(ReadAt, Arc<T>)>>, now: UnixMillis) -> Option<Arc<T>> {
    let cached = lock(cached);
    let (read_at, value) = cached.as_ref()?;
    read_at.is_fresh(now).then(|| Arc::clone(value))
}
