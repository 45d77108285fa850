//! What every request needs to know of its instance: what it is set to, under which hosts it answers, which key signs for it.
//!
//! It is cached for a moment, so that minting a token costs no query. A change on this server is seen at once; one on another
//! server within [`cache::FACTS_LIFETIME`]. What is published to verifiers is never cached: a new key is known everywhere as soon
//! as it is stored.

pub(crate) mod cache;
pub(crate) mod facts;
pub(crate) mod keys;

use self::cache::{ReadAt, fresh, lock};
pub(crate) use self::facts::InstanceFacts;
use self::keys::{Keys, sealed};
pub(crate) use self::keys::{Signer, published, seal_name};
use crate::app::App;
use crate::engine::Engine;
use crate::error::Failure;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::SigningKey;
use verger_store::{Instance, KeySet};
use verger_wire::{InstanceId, UnixMillis};

/// How long making and storing the first key of an instance may take.
const FIRST_KEY_TIMEOUT: Duration = Duration::from_secs(30);

impl App {
    /// The keys of an instance as they are stored. Its first one is made here, once whoever asks at the same time.
    pub(crate) async fn key_set(&self, instance: &InstanceId, deadline: Instant) -> Result<KeySet, Failure> {
        let set = self.store.instance(instance).signing_keys(deadline).await?;
        if !set.keys.is_empty() {
            return Ok(set);
        }
        // Once in the life of an instance: what took long to make is not thrown away because a request has no time left.
        let deadline = deadline.max(Instant::now() + FIRST_KEY_TIMEOUT);
        let first = sealed(&self.keyring, SigningKey::first(instance, self.clock.now())).await?;
        Engine::of_job(self, instance, deadline).keep_first_key(first).await?;
        Ok(self.store.instance(instance).signing_keys(deadline).await?)
    }

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
        let keys = Arc::new(Keys::open(&self.keyring, set, known.as_deref()));
        *lock(&slot.keys) = Some((read_at, Arc::clone(&keys)));
        let now = self.clock.now();
        keys.signer_at(now).unwrap_or_else(|| Err(no_signer(instance, now)))
    }
}

fn no_signer(instance: &InstanceId, now: UnixMillis) -> Failure {
    Failure::Bug(format!("no key of {instance} signs at {now:?}: is the clock of this server right?"))
}

#[cfg(test)]
mod tests;
