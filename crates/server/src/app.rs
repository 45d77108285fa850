//! What all requests share: the store, the clock, the keys in use, and the queues of users that are being written.

use crate::error::Failure;
use crate::metrics::RouteMetrics;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::OwnedMutexGuard;
use verger_core::Env;
use verger_store::{Instance, KeyDigest, Store};
use verger_wire::{KeyId, UnixMillis};

/// How long a key that was found is not looked up again: a revoked key is refused everywhere after this time.
const KEY_LIFETIME: Duration = Duration::from_secs(2);
/// Keys that are remembered. One more empties the memory.
const KEYS_MAX: usize = 10_000;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The moment it is.
    fn now(&self) -> UnixMillis;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

/// Limits that an operator can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
}

/// Everything that requests share.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) routes: RouteMetrics,
    env: Mutex<Env>,
    keys: Mutex<RememberedKeys>,
    queues: Queues,
    closing: AtomicBool,
}

/// Keys that were found, and when.
type RememberedKeys = HashMap<KeyDigest, (Instant, KeyId, Arc<Instance>)>;

/// Who waits to write which user. Without them, writers of one user would overtake each other for as long as they last.
#[derive(Default)]
struct Queues(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// A turn at writing one user; gives it on when dropped.
pub(crate) struct Turn<'a> {
    queues: &'a Queues,
    user: String,
    guard: Option<OwnedMutexGuard<()>>,
    /// Somebody else had it before, so the user may have changed.
    pub(crate) waited: bool,
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the operating system for the time"
    )]
    fn now(&self) -> UnixMillis {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves it forward.
    pub fn advance_ms(&self, duration_ms: i64) {
        self.0.fetch_add(duration_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}

impl Default for Limits {
    fn default() -> Self {
        // Below the five seconds after which the strictest official SDK gives up.
        Self { request_timeout_ms: 4_500 }
    }
}

/// A generator seeded by the operating system.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn system_rng() -> std::io::Result<Box<dyn Rng + Send>> {
    let rng = StdRng::try_from_rng(&mut SysRng).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Box::new(rng))
}

impl App {
    /// An application on a store that is migrated.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, rng: Box<dyn Rng + Send>, limits: Limits) -> Self {
        let env = Env::new(clock.now(), rng);
        Self {
            store,
            clock,
            limits,
            routes: RouteMetrics::new(),
            env: Mutex::new(env),
            keys: Mutex::default(),
            queues: Queues::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The environment of a decision: the time it is now, and randomness. Decisions are short.
    pub fn env(&self) -> MutexGuard<'_, Env> {
        let mut env = self.env.lock().unwrap_or_else(PoisonError::into_inner);
        env.now = self.clock.now();
        env
    }

    /// From now on the server says that it is not ready, so that nobody sends it new work.
    pub fn begin_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The instance that a secret opens.
    pub(crate) async fn authenticate(
        &self,
        secret: &str,
        deadline: Instant,
    ) -> Result<(KeyId, Arc<Instance>), Failure> {
        let digest = KeyDigest::of(secret);
        let now = Instant::now();
        if let Some((found_at, key_id, instance)) = self.remembered_keys().get(&digest)
            && now.duration_since(*found_at) < KEY_LIFETIME
        {
            return Ok((key_id.clone(), Arc::clone(instance)));
        }
        let Some((key_id, instance)) = self.store.find_key(&digest, deadline).await? else {
            self.remembered_keys().remove(&digest);
            return Err(Failure::KeyInvalid);
        };
        let instance = Arc::new(instance);
        let mut keys = self.remembered_keys();
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        keys.insert(digest, (now, key_id.clone(), Arc::clone(&instance)));
        Ok((key_id, instance))
    }

    fn remembered_keys(&self) -> MutexGuard<'_, RememberedKeys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn at writing a user, in the order of arrival.
    pub(crate) async fn turn(&self, user: &str, deadline: Instant) -> Result<Turn<'_>, Failure> {
        let queue = {
            let mut queues = self.queues.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(queues.entry(user.to_owned()).or_default())
        };
        let mut turn = Turn { queues: &self.queues, user: user.to_owned(), guard: None, waited: false };
        turn.guard = match Arc::clone(&queue).try_lock_owned() {
            Ok(guard) => Some(guard),
            Err(_) => {
                turn.waited = true;
                let waiting = tokio::time::timeout_at(deadline.into(), queue.lock_owned());
                Some(waiting.await.map_err(|_| Failure::Unavailable("Too many requests change this user."))?)
            }
        };
        Ok(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut queues = self.queues.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else holds or waits: the map is the only owner.
        if queues.get(&self.user).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.user);
        }
    }
}
