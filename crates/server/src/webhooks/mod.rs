//! Webhooks: which endpoints may receive events, what is sent, and when it is attempted again.

pub(crate) mod attempt;
pub(crate) mod fan_out;
pub(crate) mod guard;
pub(crate) mod job;

use crate::codes::Keyring;
use attempt::{Client, Sender, Tried};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use guard::Policy;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::EndpointError;
use verger_deliver::signature::SigningSecret;
use verger_deliver::{ConfigError, urls};
use verger_wire::{UnixMillis, WebhookEndpointId};

/// Concurrent attempts of all endpoints.
pub(crate) const IN_FLIGHT_MAX: usize = 2_560;

/// The wait before each attempt, in milliseconds: 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.
const RETRY_AFTER_MS: [i64; 8] =
    [0, 5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];
const TRIES_MAX: usize = 32;
const WAIT_MS_MAX: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DAYS_MAX: i64 = 36_500;
/// The margin beyond the longest wait within which two failures belong to the same streak, in milliseconds.
const STREAK_MARGIN_MS: i64 = 60 * 60 * 1000;
const SECRET_BYTES: usize = 24;

/// Section `[webhooks]` of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Time limit of one attempt, in milliseconds: 100 to 60000. Default: 15000.
    pub attempt_timeout_ms: u64,
    /// The wait before each attempt, in milliseconds, up to a tenth longer. There are as many attempts as values.
    pub retry_after_ms: Vec<i64>,
    /// Private networks that may contain endpoints, such as `10.1.0.0/16`. Default: none.
    pub allow_networks: Vec<String>,
    /// Whether endpoints may use `http://`. Default: false.
    pub allow_plain_http: bool,
    /// A PEM file with certificates to trust in addition to those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Days of nothing but failures after which an endpoint is disabled. Default: 5.
    pub disable_after_days: i64,
    /// Retention of events in days: how long they can be replayed and followed. Default: 30.
    pub events_kept_days: i64,
    /// Retention of the audit trail in days. Default: kept forever.
    pub audit_kept_days: Option<i64>,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            attempt_timeout_ms: 15_000,
            retry_after_ms: RETRY_AFTER_MS.to_vec(),
            allow_networks: Vec::new(),
            allow_plain_http: false,
            ca_file: None,
            disable_after_days: 5,
            events_kept_days: 30,
            audit_kept_days: None,
        }
    }
}

/// Settings and HTTP client of webhooks.
pub struct Webhooks {
    pub(crate) config: WebhooksConfig,
    /// Maximum number of concurrent attempts.
    pub(crate) in_flight_max: usize,
    policy: Arc<Policy>,
    client: OnceLock<Result<Client, ConfigError>>,
}

impl Webhooks {
    /// With these settings. `is_open`: endpoints may have any address, also without encryption, as in development.
    ///
    /// # Errors
    /// A setting that is out of range, with the range.
    pub fn new(config: WebhooksConfig, is_open: bool) -> Result<Self, ConfigError> {
        let bad = |why: String| Err(ConfigError::new("webhooks", why));
        if !(100..=60_000).contains(&config.attempt_timeout_ms) {
            return bad("attempt_timeout_ms must be from 100 to 60000".to_owned());
        }
        let waits = &config.retry_after_ms;
        if waits.is_empty()
            || waits.len() > TRIES_MAX
            || waits.iter().any(|wait| !(0..=WAIT_MS_MAX).contains(wait))
        {
            return bad(format!("retry_after_ms must have 1 to {TRIES_MAX} values from 0 to {WAIT_MS_MAX}"));
        }
        for (key, days) in [
            ("disable_after_days", Some(config.disable_after_days)),
            ("events_kept_days", Some(config.events_kept_days)),
            ("audit_kept_days", config.audit_kept_days),
        ] {
            if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
                return bad(format!("{key} must be from 1 to {DAYS_MAX}"));
            }
        }
        let policy = Arc::new(Policy::new(&config.allow_networks, config.allow_plain_http, is_open)?);
        let webhooks = Self { config, in_flight_max: IN_FLIGHT_MAX, policy, client: OnceLock::new() };
        if webhooks.config.ca_file.is_some() {
            webhooks.client().map_err(Clone::clone)?;
        }
        Ok(webhooks)
    }

    /// A description of the allowed endpoints, for `verger check`.
    pub(crate) fn whom(&self) -> String {
        let how = if self.config.allow_plain_http { "http and https" } else { "https" };
        let networks = &self.config.allow_networks;
        let beside =
            if networks.is_empty() { String::new() } else { format!(" and in {}", networks.join(", ")) };
        format!("{how} at public addresses{beside}")
    }

    /// Created on first use: most servers in tests send no webhooks, and reading certificates takes a while.
    fn client(&self) -> Result<&Client, &ConfigError> {
        self.client.get_or_init(|| Client::new(&self.policy, self.config.ca_file.as_deref())).as_ref()
    }

    /// Sends one event to one endpoint, once.
    pub(crate) async fn attempt(
        &self,
        url: &str,
        secrets: &[SigningSecret],
        event_id: &str,
        body: Bytes,
        now: UnixMillis,
        timeout: Duration,
    ) -> Tried {
        let sender = Sender { policy: &self.policy, client: self.client() };
        sender.attempt(url, secrets, event_id, body, now, timeout).await
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
        Duration::from_millis(self.config.attempt_timeout_ms)
    }

    /// Two failures within this time belong to the same streak: while deliveries are queued there is an attempt at least
    /// this often.
    pub(crate) fn streak_pause_ms(&self) -> i64 {
        let timeout = i64::try_from(self.config.attempt_timeout_ms).unwrap_or(0);
        self.longest_wait_ms() + timeout + STREAK_MARGIN_MS
    }

    /// The longest wait for an attempt.
    pub(crate) fn longest_wait_ms(&self) -> i64 {
        let longest = self.config.retry_after_ms.iter().copied().max().unwrap_or(0);
        longest + longest / 10
    }

    /// Maximum time from the first attempt of a delivery to the last one.
    fn schedule_ms(&self) -> i64 {
        self.config.retry_after_ms.iter().skip(1).map(|wait| wait + wait / 10).sum()
    }

    /// When a delivery is attempted again: `wait_ms` later, as scheduled, or as much later as the endpoint asks for in
    /// `Retry-After`. That is at most the longest wait of the schedule, and never postpones an attempt beyond the end of
    /// the schedule, which began with the first attempt.
    pub(crate) fn next_try_at(
        &self,
        now: UnixMillis,
        wait_ms: i64,
        retry_after_ms: i64,
        first_try_at: UnixMillis,
    ) -> UnixMillis {
        let by_schedule = now.plus_ms(wait_ms);
        let asked_for = now.plus_ms(retry_after_ms.min(self.longest_wait_ms()));
        by_schedule.max(asked_for.min(first_try_at.min(now).plus_ms(self.schedule_ms())))
    }

    pub(crate) fn disable_after_ms(&self) -> i64 {
        self.config.disable_after_days * DAY_MS
    }

    /// The wait before the n-th attempt; `None` if there is no such attempt.
    pub(crate) fn wait_ms(&self, try_number: i64, draw: u32) -> Option<i64> {
        let at = usize::try_from(try_number - 1).ok()?;
        let wait = *self.config.retry_after_ms.get(at)?;
        // Jitter: deliveries that failed together are not retried together.
        Some(wait + wait / 10 * i64::from(draw % 1_000) / 1_000)
    }

    pub(crate) fn events_kept_ms(&self) -> i64 {
        self.config.events_kept_days * DAY_MS
    }

    pub(crate) fn audit_kept_ms(&self) -> Option<i64> {
        self.config.audit_kept_days.map(|days| days * DAY_MS)
    }

    /// Checks the URL of an endpoint, as far as that is possible without resolving its name.
    ///
    /// # Errors
    /// The problem, in words that complete "url …".
    pub fn check_url(&self, url: &str) -> Result<(), EndpointError> {
        self.policy.parse(url)?;
        urls::check_fragment(url).map_err(|why| EndpointError::Invalid(why.to_owned()))
    }
}

/// A new signing secret: `whsec_` and 24 random bytes in base64.
///
/// # Errors
/// The operating system has no randomness to give.
pub(crate) fn new_secret() -> std::io::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| std::io::Error::other("no randomness from the operating system"))?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// The associated data of an endpoint's sealed secrets.
pub(crate) fn seal_name(id: &WebhookEndpointId) -> String {
    format!("webhook secret of {id}")
}

/// Seals a signing secret, bound to the row of its endpoint.
pub(crate) fn seal_secret(keyring: &Keyring, id: &WebhookEndpointId, secret: &str) -> Option<String> {
    keyring.seal(&seal_name(id), secret)
}

/// The secrets that sign for an endpoint now, newest first; `None` if the newest cannot be opened.
pub(crate) fn secrets_of(
    keyring: &Keyring,
    endpoint: &WebhookEndpoint,
    now: UnixMillis,
) -> Option<Vec<SigningSecret>> {
    let open = |sealed: &str| {
        let secret = keyring.open(&seal_name(&endpoint.id), sealed)?;
        SigningSecret::parse(&secret).ok()
    };
    let mut secrets = vec![open(&endpoint.secret)?];
    secrets.extend(endpoint.former_secret_at(now).and_then(open));
    Some(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        for (text, words) in [
            ("attempt_timeout_ms = 99", "attempt_timeout_ms must be from 100 to 60000"),
            ("retry_after_ms = []", "retry_after_ms must have 1 to 32 values"),
            ("retry_after_ms = [-1]", "retry_after_ms must have"),
            ("disable_after_days = 0", "disable_after_days must be from 1"),
            ("audit_kept_days = 0", "audit_kept_days must be from 1"),
            ("allow_networks = [\"10.0.0.0/33\"]", "allow_networks"),
            ("allow_networks = [\"ten\"]", "allow_networks"),
            ("ca_file = \"/nowhere/ca.pem\"", "ca_file"),
        ] {
            let config: WebhooksConfig = toml::from_str(text).unwrap();
            let error = Webhooks::new(config, false).err().unwrap().to_string();
            assert!(error.contains("[webhooks]") && error.contains(words), "{text}: {error}");
        }
        assert!(Webhooks::new(WebhooksConfig::default(), false).is_ok());
    }

    #[test]
    fn tries_wait_as_documented_and_at_most_a_tenth_longer() {
        let webhooks = Webhooks::new(WebhooksConfig::default(), false).unwrap();
        for (at, wait) in RETRY_AFTER_MS.iter().enumerate() {
            let number = i64::try_from(at).unwrap() + 1;
            assert_eq!(webhooks.wait_ms(number, 0), Some(*wait));
            let longest = webhooks.wait_ms(number, 999).unwrap();
            assert!((*wait..=wait + wait / 10).contains(&longest), "{longest}");
        }
        assert_eq!((webhooks.wait_ms(0, 0), webhooks.wait_ms(9, 0)), (None, None));
    }

    #[test]
    fn both_secrets_sign_until_the_former_expires() {
        let keyring = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        let id = WebhookEndpointId::from("whe_1");
        let (new, old) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(new, old);
        let mut endpoint = WebhookEndpoint {
            url: String::new(),
            events: Vec::new(),
            secret: seal_secret(&keyring, &id, &new).unwrap(),
            former_secret: seal_secret(&keyring, &id, &old),
            former_expires_at: Some(UnixMillis(10)),
            failing_since: None,
            last_failed_at: None,
            disabled_at: None,
            disabled_reason: None,
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
            id,
        };
        let signs = |endpoint: &WebhookEndpoint, now| {
            let secrets = secrets_of(&keyring, endpoint, UnixMillis(now))?;
            Some(secrets.iter().map(|secret| secret.sign("a", 1, b"b")).collect::<Vec<_>>())
        };
        let by = |secret: &str| SigningSecret::parse(secret).unwrap().sign("a", 1, b"b");
        assert_eq!(signs(&endpoint, 9), Some(vec![by(&new), by(&old)]));
        assert_eq!(signs(&endpoint, 10), Some(vec![by(&new)]));
        // A secret that was copied from another row cannot be opened.
        endpoint.id = "whe_2".into();
        assert_eq!(signs(&endpoint, 9), None);
    }
}
