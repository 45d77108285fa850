//! The followers of the feed of events, and what wakes them.
//!
//! A follower reads the store only when there is something for it. Events that are numbered by this server wake the
//! followers of their instance at once. For those that another server numbers, and for revoked keys, one task polls for
//! all followers together: two queries, however many followers there are.

use crate::shares::{NoPlace, Place, Shares};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use verger_store::{KeyDigest, Store};
use verger_wire::InstanceId;

/// Concurrent requests that follow the feed, of all instances.
const FOLLOWERS_MAX: usize = 256;
/// Concurrent requests of one instance that follow the feed.
const FOLLOWERS_PER_INSTANCE_MAX: usize = 64;
/// How often the changes of other servers are polled.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// All followers of this server, and the permits for more.
pub(crate) struct Followers {
    places: Shares,
    state: Mutex<State>,
    /// The server closes: nobody follows any more.
    is_closing: AtomicBool,
}

#[derive(Default)]
struct State {
    next: u64,
    all: HashMap<u64, (InstanceId, KeyDigest, Arc<Wake>)>,
    /// Whether a task polls for them.
    is_watched: bool,
}

/// What a follower waits on.
#[derive(Default)]
struct Wake {
    told: Notify,
    is_over: AtomicBool,
}

/// One follower; it gives up its permit when dropped.
pub(crate) struct Follower {
    followers: Arc<Followers>,
    number: u64,
    wake: Arc<Wake>,
    _place: Place,
}

impl Default for Followers {
    fn default() -> Self {
        Self {
            places: Shares::new(FOLLOWERS_MAX, FOLLOWERS_PER_INSTANCE_MAX),
            state: Mutex::default(),
            is_closing: AtomicBool::new(false),
        }
    }
}

impl Followers {
    /// Admits a follower, if the limits allow it.
    pub(crate) fn begin(
        self: &Arc<Self>,
        store: &Arc<Store>,
        instance: &InstanceId,
        key: KeyDigest,
    ) -> Result<Follower, NoPlace> {
        let place = self.places.take(instance.as_str())?;
        let wake = Arc::new(Wake::default());
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.all.insert(number, (instance.clone(), key, Arc::clone(&wake)));
        if !state.is_watched {
            state.is_watched = true;
            tokio::spawn(watch(Arc::clone(self), Arc::clone(store)));
        }
        Ok(Follower { followers: Arc::clone(self), number, wake, _place: place })
    }

    /// Wakes the followers of an instance whose events got their sequence numbers.
    pub(crate) fn tell(&self, instance: &InstanceId) {
        for (_, _, wake) in self.state().all.values().filter(|(of, ..)| of == instance) {
            wake.told.notify_one();
        }
    }

    /// Ends all followers, also those that begin after this: the server closes.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.end(|_| true);
    }

    fn end(&self, which: impl Fn(&KeyDigest) -> bool) {
        for (_, _, wake) in self.state().all.values().filter(|(_, key, _)| which(key)) {
            wake.is_over.store(true, Ordering::Release);
            wake.told.notify_one();
        }
    }

    /// What to poll for: instances and keys, each once. `None` if no follower is left: then polling stops.
    fn watched(&self) -> Option<(BTreeSet<InstanceId>, Vec<KeyDigest>)> {
        let mut state = self.state();
        if state.all.is_empty() {
            state.is_watched = false;
            return None;
        }
        let instances = state.all.values().map(|(instance, ..)| instance.clone()).collect();
        let mut keys: Vec<KeyDigest> = Vec::new();
        for (_, key, _) in state.all.values() {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        Some((instances, keys))
    }

    /// Ignores poisoning: each entry is valid by itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Resolves when there may be a new event, or the stream must end.
    pub(crate) async fn told(&self) {
        self.wake.told.notified().await;
    }

    /// The server closes, or the key was revoked.
    pub(crate) fn is_over(&self) -> bool {
        self.wake.is_over.load(Ordering::Acquire) || self.followers.is_closing.load(Ordering::Acquire)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.state().all.remove(&self.number);
    }
}

/// If the polling task dies no follower may wait for it: all streams end, clients reconnect, and the first one starts a
/// new task.
struct EndOnDrop<'a>(&'a Followers);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(|_| true);
            self.0.state().is_watched = false;
        }
    }
}

/// Polls for the changes of other servers, as long as there are followers.
async fn watch(followers: Arc<Followers>, store: Arc<Store>) {
    let _end = EndOnDrop(&followers);
    let mut places: HashMap<InstanceId, i64> = HashMap::new();
    let mut is_failing = false;
    while let Some((instances, keys)) = followers.watched() {
        if followers.is_closing.load(Ordering::Acquire) {
            followers.end(|_| true);
        }
        let looked = look(&followers, &store, &instances, &keys, &mut places).await;
        if let Err(error) = &looked
            && !is_failing
        {
            tracing::warn!(%error, "new events cannot be read; will retry");
        }
        is_failing = looked.is_err();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(
    followers: &Followers,
    store: &Store,
    instances: &BTreeSet<InstanceId>,
    keys: &[KeyDigest],
    places: &mut HashMap<InstanceId, i64>,
) -> Result<(), verger_store::StoreError> {
    let deadline = Instant::now() + STORE_TIMEOUT;
    let good = store.open_keys(keys, deadline).await?;
    followers.end(|key| keys.contains(key) && !good.contains(key));
    places.retain(|instance, _| instances.contains(instance));
    for (instance, place) in store.last_event_places(instances, deadline).await? {
        // For an instance that is new here it is unknown how far its followers have read.
        if places.insert(instance.clone(), place) != Some(place) {
            followers.tell(&instance);
        }
    }
    Ok(())
}
