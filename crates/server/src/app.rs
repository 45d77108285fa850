//! What all requests share: the store, the clock, the keys in use, and the queues of writers.

use crate::clock::{Clock, WatchedClock};
use crate::codes::Keyring;
use crate::error::Failure;
use crate::followers::Followers;
use crate::inbox::Inbox;
use crate::instances::cache::Instances;
use crate::limits::SendingConfig;
use crate::password_list::{PasswordChecks, PasswordList};
use crate::password_pool::PasswordPool;
use crate::randomness::Randomness;
use crate::readiness::Readiness;
use crate::sessions::Activities;
use crate::turns::Queues;
use crate::webhooks::{Webhooks, WebhooksConfig};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use verger_core::env::IdSequence;
use verger_core::{Env, FrontendHost};
use verger_deliver::{Channel, Delivery, EmailConfig, LogSender, Secret, SmsConfig, build_templates};
use verger_http::reasons::KEY_INVALID;
use verger_store::{Deaths, Environment, Instance, KeyDigest, Store};
use verger_wire::{InstanceId, KeyId, UnixMillis};

/// How long a key that was found is cached: a revoked key is refused everywhere after this time.
const KEY_LIFETIME: Duration = Duration::from_secs(2);
/// Maximum number of cached keys. One more empties the cache.
const KEYS_MAX: usize = 10_000;

/// Limits that an operator can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
}

/// Everything that requests share.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: WatchedClock,
    pub(crate) limits: Limits,
    pub(crate) keyring: Keyring,
    pub(crate) delivery: Delivery,
    pub(crate) sending: SendingConfig,
    /// Senders' names or numbers by instance id: for text messages, then for email.
    pub(crate) delivery_from: (HashMap<String, String>, HashMap<String, String>),
    /// Auth token and public address for status callbacks of Twilio.
    pub(crate) twilio_callbacks: Option<(Secret, String)>,
    /// Set in development only.
    pub(crate) dev: Option<Dev>,
    /// A change was committed, whose events wait for their numbers or their deliveries.
    pub(crate) new_change: tokio::sync::Notify,
    /// A delivery to a webhook endpoint was queued.
    pub(crate) new_delivery: tokio::sync::Notify,
    pub(crate) webhooks: Webhooks,
    /// Where passwords are hashed.
    pub(crate) passwords: PasswordPool,
    /// Passwords that the operator refuses.
    pub(crate) password_list: Option<PasswordList>,
    /// The followers of the feed of events.
    pub(crate) followers: Arc<Followers>,
    /// Background tasks that died.
    pub(crate) deaths: Deaths,
    pub(crate) readiness: Readiness,
    /// A message waits for delivery: a text message, an email.
    new_message: [tokio::sync::Notify; 2],
    randomness: Randomness,
    ids: Arc<IdSequence>,
    keys: Mutex<RememberedKeys>,
    pub(crate) instances: Instances,
    /// When sessions were used, until it is written.
    pub(crate) activities: Activities,
    pub(crate) queues: Queues,
    /// Still serving, but not for long.
    draining: AtomicBool,
    closing: AtomicBool,
}

/// What only `verger dev` and servers inside tests have.
#[derive(Default)]
pub(crate) struct Dev {
    pub(crate) inbox: Inbox,
    /// Set in `verger dev` only, not in a server inside a test.
    pub(crate) verger_dev: OnceLock<VergerDev>,
    /// Under which host browsers reach the server: its address and port.
    pub(crate) frontend_host: OnceLock<FrontendHost>,
    /// The instance of requests that name none.
    pub(crate) default_instance: OnceLock<Arc<Instance>>,
    /// How far the clock of each instance was moved forward, in milliseconds.
    moved: Mutex<HashMap<InstanceId, i64>>,
}

/// What `verger dev` tells people who look at its pages.
pub(crate) struct VergerDev {
    /// The instance of the secret key and of the demo user.
    pub(crate) instance: Instance,
    /// Where the secret key is, as the end of a sentence that begins with it; never the key.
    pub(crate) key_hint: String,
    /// What a shell reads the secret key with, if there is something.
    pub(crate) key_for_shell: Option<String>,
    /// The last characters of the secret key.
    pub(crate) key_end: String,
}

/// What codes and messages need. The default is for development: a keyring that nobody knows, no limits, nothing
/// leaves the process.
pub struct Messaging {
    /// Digests codes and seals messages.
    pub keyring: Keyring,
    /// The senders of text messages and email, and their templates.
    pub delivery: Delivery,
    /// Section `[sending]`: limits on countries, counts and cost.
    pub sending: SendingConfig,
    /// Senders' names or numbers by instance id: for text messages, then for email.
    pub from: (HashMap<String, String>, HashMap<String, String>),
    /// Auth token and public address for status callbacks of Twilio.
    pub twilio_callbacks: Option<(Secret, String)>,
    /// Section `[webhooks]`: which addresses may receive events, and the schedule of attempts.
    pub webhooks: Webhooks,
    /// How passwords are hashed, and which are refused.
    pub passwords: PasswordChecks,
    /// Enables the inbox, the clock that can be moved and the reset of an instance. Never set in production.
    pub dev: bool,
}

/// Cached keys by digest, with the time at which they were read.
type RememberedKeys = HashMap<KeyDigest, (Instant, KeyId, Arc<Instance>)>;

impl Default for Limits {
    fn default() -> Self {
        // Below the five seconds after which the strictest official SDK gives up.
        Self { request_timeout_ms: 4_500 }
    }
}

impl App {
    /// An application on a store with the current schema.
    pub fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        randomness: Randomness,
        limits: Limits,
        messaging: Messaging,
    ) -> Self {
        // Unless it was given more of them: see [`hand_over`](crate::trail_keys::hand_over).
        store.set_trail_keys(crate::trail_keys::known(&messaging.keyring, &[]));
        Self {
            store,
            clock: WatchedClock::new(clock),
            limits,
            keyring: messaging.keyring,
            delivery: messaging.delivery,
            sending: messaging.sending,
            delivery_from: messaging.from,
            twilio_callbacks: messaging.twilio_callbacks,
            dev: messaging.dev.then(Dev::default),
            new_change: tokio::sync::Notify::new(),
            new_delivery: tokio::sync::Notify::new(),
            webhooks: messaging.webhooks,
            passwords: PasswordPool::new(messaging.passwords.hash_slots),
            password_list: messaging.passwords.list,
            followers: Arc::default(),
            deaths: Deaths::default(),
            readiness: Readiness::default(),
            new_message: Default::default(),
            randomness,
            ids: Arc::default(),
            keys: Mutex::default(),
            instances: Instances::default(),
            activities: Activities::default(),
            queues: Queues::default(),
            draining: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    /// The store of this server.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// An environment for one decision: the current time, and randomness. Nobody else waits for it.
    pub fn env(&self) -> Env {
        Env::sharing(self.clock.now(), self.randomness.rng(), Arc::clone(&self.ids))
    }

    /// Something of an instance was changed beside this server: it is read anew.
    pub fn forget_instance(&self, instance: &InstanceId) {
        self.instances.forget(instance);
    }

    /// The clock of an instance, which can be moved in development.
    pub(crate) fn now(&self, instance: &InstanceId) -> UnixMillis {
        self.clock.now().plus_ms(self.dev.as_ref().map_or(0, |dev| dev.moved_ms(instance)))
    }

    /// The environment of a decision of one instance.
    pub(crate) fn env_of(&self, instance: &InstanceId) -> Env {
        let mut env = self.env();
        env.now = self.now(instance);
        env
    }

    /// The tools of development for this instance; `None` for production instances, whenever and by whomever they were
    /// created.
    pub(crate) fn dev_of(&self, instance: &Instance) -> Option<&Dev> {
        self.dev.as_ref().filter(|_| instance.environment == Environment::Development)
    }

    /// Says that this is `verger dev`, once.
    pub(crate) fn set_verger_dev(&self, verger_dev: VergerDev) {
        if let Some(dev) = &self.dev {
            // A second one would be another server's.
            let _ = dev.verger_dev.set(verger_dev);
        }
    }

    /// Says where a server for development listens, and which instance is meant there, once. It is reached without TLS.
    pub(crate) fn set_frontend(&self, instance: &Instance, address: SocketAddr) {
        let ip = match address.ip().to_canonical() {
            IpAddr::V4(ip) if !ip.is_unspecified() => ip,
            // Publishable keys need a dot in their host, and a program on this machine can connect to it.
            IpAddr::V4(_) | IpAddr::V6(_) => Ipv4Addr::LOCALHOST,
        };
        let host = FrontendHost::parse(&format!("{ip}:{}", address.port()));
        if let (Some(dev), Ok(host)) = (&self.dev, host) {
            // A second one would be another server's.
            let _ = dev.frontend_host.set(host);
            let _ = dev.default_instance.set(Arc::new(instance.clone()));
        }
    }

    /// What only `verger dev` has.
    pub(crate) fn verger_dev(&self) -> Option<&VergerDev> {
        self.dev.as_ref()?.verger_dev.get()
    }

    /// Changes of this instance were committed: whoever reads them is told.
    pub(crate) fn tell_of_changes(&self, instance: &InstanceId) {
        if self.store.numbers_at_commit() {
            self.followers.tell(instance);
        }
        self.new_change.notify_one();
    }

    /// From now on the server reports that it is not ready, so that load balancers send it no new requests. Those that
    /// come are still served.
    pub(crate) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why the server is not ready, in words that are safe to publish; the log has the cause.
    pub(crate) async fn why_not_ready(&self) -> Option<String> {
        self.readiness.why_not(&self.store, &self.deaths, self.is_draining()).await
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From now on the server accepts no new requests.
    pub fn begin_closing(&self) {
        self.begin_draining();
        self.closing.store(true, Ordering::Relaxed);
        self.new_message.iter().for_each(tokio::sync::Notify::notify_one);
        self.new_change.notify_one();
        self.new_delivery.notify_one();
        self.followers.close();
    }

    /// Notified when a message waits for delivery on this channel.
    pub(crate) fn new_message(&self, channel: Channel) -> &tokio::sync::Notify {
        let [sms, email] = &self.new_message;
        if channel == Channel::Sms { sms } else { email }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The instance that the secret key with this digest belongs to.
    pub(crate) async fn authenticate(
        &self,
        digest: KeyDigest,
        deadline: Instant,
    ) -> Result<(KeyId, Arc<Instance>), Failure> {
        let now = Instant::now();
        if let Some((found_at, key_id, instance)) = self.remembered_keys().get(&digest)
            && now.duration_since(*found_at) < KEY_LIFETIME
        {
            return Ok((key_id.clone(), Arc::clone(instance)));
        }
        let Some((key_id, instance)) = self.store.find_key(&digest, deadline).await? else {
            self.remembered_keys().remove(&digest);
            return Err((&KEY_INVALID).into());
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
}

impl Dev {
    fn moved(&self) -> MutexGuard<'_, HashMap<InstanceId, i64>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved_ms(&self, instance: &InstanceId) -> i64 {
        self.moved().get(instance).copied().unwrap_or(0)
    }

    /// Moves the clock of an instance forward; returns how far it has been moved in total, in milliseconds.
    pub(crate) fn advance(&self, instance: &InstanceId, advance_ms: i64) -> i64 {
        let mut moved = self.moved();
        let total = moved.entry(instance.clone()).or_default();
        *total = total.saturating_add(advance_ms);
        *total
    }

    /// The instances whose clock was moved, and how far.
    pub(crate) fn moved_clocks(&self) -> Vec<(InstanceId, i64)> {
        let mut moved: Vec<_> = self.moved().iter().map(|(id, ms)| (id.clone(), *ms)).collect();
        moved.retain(|(_, ms)| *ms > 0);
        moved.sort_unstable_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
        moved
    }

    /// Clears the inbox of an instance and sets its clock back.
    pub(crate) fn reset(&self, instance: &InstanceId) {
        self.moved().remove(instance);
        self.inbox.clear(instance);
    }
}

impl Messaging {
    /// For development and tests: no limits, nothing leaves the process, messages can be read.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn development() -> std::io::Result<Self> {
        let key = Keyring::generate().map_err(std::io::Error::other)?;
        Ok(Self {
            keyring: Keyring::parse(&key).map_err(std::io::Error::other)?,
            delivery: Delivery {
                sms: Arc::new(LogSender),
                email: Arc::new(LogSender),
                templates: build_templates(&SmsConfig::default(), &EmailConfig::default())
                    .map_err(std::io::Error::other)?,
            },
            sending: SendingConfig::unlimited(),
            from: Default::default(),
            twilio_callbacks: None,
            webhooks: Webhooks::new(WebhooksConfig::default(), true).map_err(std::io::Error::other)?,
            passwords: PasswordChecks::default(),
            dev: true,
        })
    }
}

#[cfg(test)]
mod tests;
