//! What every request needs to know of its instance: what it is set to, under which hosts it answers, which key signs for it.
//!
//! It is cached for a moment, so that minting a token costs no query. A change on this server is seen at once; one on another
//! server within [`FACTS_LIFETIME`]. What is published to verifiers is never cached: a new key is known everywhere as soon
//! as it is stored.

mod keys;

use crate::app::App;
use crate::error::Failure;
use crate::reasons::FRONTEND_HOST_MISSING;
pub(crate) use keys::{Signer, published, seal_name, sealed};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use verger_core::instance::cookie_domain;
use verger_core::origin::AllowedOrigins;
use verger_core::{Environment, FrontendHost, Settings};
use verger_store::Instance;
use verger_wire::{InstanceId, UnixMillis};

/// How long what was read is used. Another server that still signs with a key that was retired at once does so for no longer.
const FACTS_LIFETIME: Duration = Duration::from_secs(1);
/// Instances that are cached. One more empties the cache.
const INSTANCES_MAX: usize = 10_000;

/// What there is to know of an instance.
#[derive(Clone, Debug)]
pub(crate) struct InstanceFacts {
    /// What it is for.
    pub(crate) environment: Environment,
    /// What it is set to.
    pub(crate) settings: Settings,
    /// Under which hosts browsers reach it, the first one first.
    pub(crate) hosts: Vec<FrontendHost>,
    /// Whether these hosts are reached without TLS, which only `verger dev` is.
    pub(crate) is_plain: bool,
}

/// What was read of instances, and when.
#[derive(Default)]
pub(crate) struct Instances {
    slots: Mutex<HashMap<InstanceId, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    facts: Mutex<Option<(ReadAt, Arc<InstanceFacts>)>>,
    keys: Mutex<Option<(ReadAt, Arc<keys::Keys>)>>,
    /// One of many that find it too old reads anew, and the others wait for that.
    reading: tokio::sync::Mutex<()>,
}

/// When something was read, by both clocks: one that was set forward must not make what is old look new, nor stand still while
/// time passes.
#[derive(Clone, Copy)]
struct ReadAt {
    instant: Instant,
    now: UnixMillis,
}

impl ReadAt {
    fn is_fresh(self, now: UnixMillis) -> bool {
        let lifetime_ms = i64::try_from(FACTS_LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let is_near = (0..lifetime_ms).contains(&now.0.saturating_sub(self.now.0));
        is_near && self.instant.elapsed() < FACTS_LIFETIME
    }
}

impl Instances {
    fn slot(&self, instance: &InstanceId) -> Arc<Slot> {
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

impl InstanceFacts {
    /// What tokens name as their issuer: the host that the request came to if it is one of the instance's, else the first.
    ///
    /// # Errors
    /// The instance has no host.
    pub(crate) fn issuer(&self, asked: Option<&str>) -> Result<String, Failure> {
        let of_request = asked.and_then(|asked| self.hosts.iter().find(|host| host.as_str() == asked));
        let host = of_request.or(self.hosts.first()).ok_or_else(|| Failure::from(&FRONTEND_HOST_MISSING))?;
        Ok(self.url_of(host))
    }

    /// Where a host is reached, without a slash at the end.
    pub(crate) fn url_of(&self, host: &FrontendHost) -> String {
        format!("{}://{host}", if self.is_plain { "http" } else { "https" })
    }

    /// The origins that may use the Frontend API of the instance.
    pub(crate) fn allowed_origins(&self) -> AllowedOrigins {
        let own: Vec<_> = self.hosts.iter().map(|host| self.url_of(host)).collect();
        let listed = self.settings.frontend.allowed_origins.iter().map(String::as_str);
        AllowedOrigins::new(self.environment, own.iter().map(String::as_str), listed)
    }

    /// The domain of the cookies that pages and the frontend host share; in production alone.
    pub(crate) fn cookie_domain(&self) -> Option<String> {
        let frontend = &self.settings.frontend;
        let domain = cookie_domain(&self.hosts, frontend.cookie_domain.as_deref(), &frontend.allowed_origins);
        domain.filter(|_| self.environment == Environment::Production)
    }
}

impl App {
    /// What there is to know of an instance.
    pub(crate) async fn instance_facts(
        &self,
        instance: &Instance,
        deadline: Instant,
    ) -> Result<Arc<InstanceFacts>, Failure> {
        let slot = self.instances.slot(&instance.id);
        let fresh = || fresh(&slot.facts, self.clock.now());
        if let Some(facts) = fresh() {
            return Ok(facts);
        }
        let _reading = slot.reading.lock().await;
        if let Some(facts) = fresh() {
            return Ok(facts);
        }
        let read_at = self.read_at();
        let facts = Arc::new(self.read_facts(instance, deadline).await?);
        *lock(&slot.facts) = Some((read_at, Arc::clone(&facts)));
        Ok(facts)
    }

    /// The same as of now, for whoever shows it.
    pub(crate) async fn read_facts(
        &self,
        instance: &Instance,
        deadline: Instant,
    ) -> Result<InstanceFacts, Failure> {
        let scoped = self.store.instance(&instance.id);
        let settings = scoped.settings(deadline).await?;
        let stored = scoped.frontend_hosts(deadline).await?;
        let of_dev = self.dev_of(instance).and_then(|dev| dev.frontend_host.get());
        let hosts = of_dev.cloned().into_iter().chain(stored.into_iter().map(|stored| stored.host)).collect();
        Ok(InstanceFacts { environment: instance.environment, settings, hosts, is_plain: of_dev.is_some() })
    }

    fn read_at(&self) -> ReadAt {
        ReadAt { instant: Instant::now(), now: self.clock.now() }
    }

    /// The key that signs for an instance now. Its first key is made when it is asked for.
    pub(crate) async fn signer(
        &self,
        instance: &InstanceId,
        deadline: Instant,
    ) -> Result<Arc<Signer>, Failure> {
        let slot = self.instances.slot(instance);
        // Real time: verifiers compare with their own clocks.
        let now = self.clock.now();
        let fresh = || fresh(&slot.keys, now).and_then(|keys| keys.signer_at(now));
        if let Some(signer) = fresh() {
            return signer;
        }
        let _reading = slot.reading.lock().await;
        if let Some(signer) = fresh() {
            return signer;
        }
        let read_at = self.read_at();
        let set = self.key_set(instance, deadline).await?;
        let known = lock(&slot.keys).take().map(|(_, keys)| keys);
        let keys = Arc::new(keys::Keys::open(&self.keyring, set, known.as_deref()));
        *lock(&slot.keys) = Some((read_at, Arc::clone(&keys)));
        let now = self.clock.now();
        keys.signer_at(now).unwrap_or_else(|| Err(no_signer(instance, now)))
    }
}

fn no_signer(instance: &InstanceId, now: UnixMillis) -> Failure {
    Failure::Bug(format!("no key of {instance} signs at {now:?}: is the clock of this server right?"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fresh<T>(cached: &Mutex<Option<(ReadAt, Arc<T>)>>, now: UnixMillis) -> Option<Arc<T>> {
    let cached = lock(cached);
    let (read_at, value) = cached.as_ref()?;
    read_at.is_fresh(now).then(|| Arc::clone(value))
}

#[cfg(test)]
mod tests;
