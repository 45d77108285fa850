//! A webhook endpoint: where it listens, to which events, what signs what it is told, and when nothing more is sent to it.
//!
//! Secrets are sealed before they come here. How long an endpoint has failed is written by tries that end at any moment in
//! any server, so it is no part of its version: see [`WebhookEndpoint::version`].

use crate::event::{
    ENDPOINT_CREATED, ENDPOINT_DELETED, ENDPOINT_DISABLED, ENDPOINT_SECRET_ROTATED, ENDPOINT_UPDATED,
    EVENT_TYPES,
};
use crate::time::age_ms;
use std::fmt;
use verger_wire::{UnixMillis, WebhookEndpointId};

/// The most endpoints of one instance.
pub const ENDPOINTS_MAX: usize = 200;
/// The most types of events that an endpoint can name.
pub const EVENTS_MAX: usize = 50;
/// The most bytes of a URL.
pub const URL_BYTES_MAX: usize = 2_000;
/// How long the former secret signs beside the new one unless the request says otherwise, in seconds.
pub const FORMER_SECONDS_DEFAULT: i64 = 24 * 60 * 60;
/// How long it can sign beside the new one, in seconds.
pub const FORMER_SECONDS_MAX: i64 = 30 * FORMER_SECONDS_DEFAULT;
/// An endpoint that has failed for this long has a smaller share of the tries, in milliseconds.
const FAILING_AFTER_MS: i64 = 60_000;

/// A webhook endpoint: a URL of the application that events are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// `whe_…`, given when it was added.
    pub id: WebhookEndpointId,
    /// Where events are posted to.
    pub url: String,
    /// Types of events, or beginnings such as `user.*`; empty for all.
    pub events: Vec<String>,
    /// The secret that signs, sealed.
    pub secret: String,
    /// The secret that signs beside it until it expires, sealed.
    pub former_secret: Option<String>,
    /// When the former secret expires.
    pub former_expires_at: Option<UnixMillis>,
    /// The first failed try after the last good one.
    pub failing_since: Option<UnixMillis>,
    /// The last failed try since then, to within a minute.
    pub last_failed_at: Option<UnixMillis>,
    /// Since when nothing is sent.
    pub disabled_at: Option<UnixMillis>,
    /// Why nothing is sent; there exactly if `disabled_at` is.
    pub disabled_reason: Option<DisabledReason>,
    /// When it was added, by the clock of the server that did it.
    pub created_at: UnixMillis,
    /// When a request last changed it. Moves with every such change, by a millisecond at least.
    pub updated_at: UnixMillis,
}

/// What tells two states of an endpoint apart. Neither sealing its secret with another key nor disabling it after failures
/// moves `updated_at`, which is of what requests change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointVersion<'a> {
    /// When a request last changed it.
    pub updated_at: UnixMillis,
    /// The sealed secret that signs.
    pub secret: &'a str,
    /// Since when nothing is sent.
    pub disabled_at: Option<UnixMillis>,
}

/// Why nothing is sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledReason {
    /// Every try failed for as long as the operator allows.
    Failing,
    /// It answered 410: it will never take anything again.
    Gone,
    /// A request asked for it.
    Requested,
}

/// Why an endpoint is to be disabled, with what must still be so when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabling<'a> {
    /// It has failed for too long.
    Failing {
        /// The first failure: one success ends the streak.
        since: UnixMillis,
    },
    /// It answered 410 (RFC 9110 section 15.5.11).
    Gone {
        /// Where: what one address answered says nothing of another.
        url: &'a str,
    },
}

/// The fields of an update; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointUpdate {
    /// Where events are posted to.
    pub url: Option<String>,
    /// Types of events, or beginnings such as `user.*`; empty for all.
    pub events: Option<Vec<String>>,
    /// Whether nothing is sent. `false` also ends a streak of failures.
    pub disabled: Option<bool>,
}

/// The instance has [`ENDPOINTS_MAX`] endpoints already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyEndpoints;

/// What is wrong with a value, in words that complete a sentence that begins with its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It does not have the form of its field.
    Invalid(String),
    /// A URL without encryption where it must have it.
    Insecure(&'static str),
    /// A text that is too long.
    TooLong {
        /// The most bytes it may have.
        bytes_max: usize,
        /// The bytes that the URL has.
        bytes: usize,
    },
}

/// A rule that an endpoint breaks. Seen only if stored data was damaged or a command has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenEndpoint {
    /// It is disabled without a reason, or has one and is not disabled.
    DisabledReason,
    /// A former secret that never expires, or an expiry of nothing.
    FormerSecret,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => f.write_str(why),
            Self::Insecure(why) => f.write_str(why),
            Self::TooLong { bytes_max, bytes } => {
                write!(f, "may have at most {bytes_max} bytes; it has {bytes}")
            }
        }
    }
}

impl std::error::Error for EndpointError {}

impl DisabledReason {
    /// The name in answers, in the event and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Requested => "requested",
        }
    }

    /// The reason with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Failing, Self::Gone, Self::Requested].into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Disabling<'_> {
    /// The reason that is written for it.
    pub fn reason(self) -> DisabledReason {
        match self {
            Self::Failing { .. } => DisabledReason::Failing,
            Self::Gone { .. } => DisabledReason::Gone,
        }
    }
}

/// The type of the event of a change; `None` if nothing differs but the moment of the request. `None` on a side stands for an
/// endpoint that does not exist.
pub fn event_between(
    before: Option<&WebhookEndpoint>,
    after: Option<&WebhookEndpoint>,
) -> Option<&'static str> {
    let (before, after) = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => return Some(ENDPOINT_CREATED),
        (Some(_), None) => return Some(ENDPOINT_DELETED),
        (Some(before), Some(after)) => (before, after),
    };
    let is_by_request = after.disabled_reason == Some(DisabledReason::Requested);
    if before.disabled_at.is_none() && after.disabled_at.is_some() && !is_by_request {
        return Some(ENDPOINT_DISABLED);
    }
    if before.secret != after.secret {
        return Some(ENDPOINT_SECRET_ROTATED);
    }
    let is_same = *before == WebhookEndpoint { updated_at: before.updated_at, ..after.clone() };
    (!is_same).then_some(ENDPOINT_UPDATED)
}

impl WebhookEndpoint {
    /// An endpoint of an instance that has `existing` already. `url` and `events` were judged, `secret` is sealed.
    ///
    /// # Errors
    /// There is no room for one more.
    pub fn create(
        id: WebhookEndpointId,
        url: String,
        events: Vec<String>,
        secret: String,
        existing: usize,
        now: UnixMillis,
    ) -> Result<Self, TooManyEndpoints> {
        if existing >= ENDPOINTS_MAX {
            return Err(TooManyEndpoints);
        }
        Ok(Self {
            id,
            url,
            events,
            secret,
            former_secret: None,
            former_expires_at: None,
            failing_since: None,
            last_failed_at: None,
            disabled_at: None,
            disabled_reason: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// Changes where it listens and to what, or whether it is told at all.
    #[must_use]
    pub fn update(&self, update: EndpointUpdate, now: UnixMillis) -> Self {
        let mut after = self.clone();
        if let Some(url) = update.url {
            after.url = url;
        }
        if let Some(events) = update.events {
            after.events = events;
        }
        match update.disabled {
            Some(true) if self.disabled_at.is_none() => {
                after.disabled_at = Some(now);
                after.disabled_reason = Some(DisabledReason::Requested);
            }
            Some(false) => {
                after.disabled_at = None;
                after.disabled_reason = None;
                after.failing_since = None;
                after.last_failed_at = None;
            }
            Some(true) | None => {}
        }
        after.touched(self, now)
    }

    /// Signs with `secret`, which is sealed; the secret before it signs beside it for `former_lives_ms`.
    #[must_use]
    pub fn rotate_secret(&self, secret: String, former_lives_ms: i64, now: UnixMillis) -> Self {
        let mut after = self.clone();
        after.former_secret = Some(std::mem::replace(&mut after.secret, secret));
        after.former_expires_at = Some(now.plus_ms(former_lives_ms));
        after.touched(self, now)
    }

    /// Stops sending to it; `None` if nothing is sent already or the reason no longer holds.
    #[must_use]
    pub fn disable(&self, because: Disabling<'_>, now: UnixMillis) -> Option<Self> {
        let holds = match because {
            Disabling::Failing { since } => self.failing_since == Some(since),
            Disabling::Gone { url } => self.url == url,
        };
        if self.disabled_at.is_some() || !holds {
            return None;
        }
        Some(Self { disabled_at: Some(now), disabled_reason: Some(because.reason()), ..self.clone() })
    }

    /// Why it should be disabled after one more failure: it has failed for `disable_after_ms`, and never for longer than
    /// since `anew_before` was nothing heard of it.
    pub fn failed_for(
        &self,
        disable_after_ms: i64,
        anew_before: UnixMillis,
        now: UnixMillis,
    ) -> Option<Disabling<'static>> {
        let since = self.failing_since?;
        let is_one_streak = self.last_failed_at.is_some_and(|last| last >= anew_before);
        (is_one_streak && age_ms(now, since) >= disable_after_ms).then_some(Disabling::Failing { since })
    }

    /// Whether it has failed for so long that it has a smaller share of the tries.
    pub fn is_failing(&self, now: UnixMillis) -> bool {
        self.failing_since.is_some_and(|since| age_ms(now, since) >= FAILING_AFTER_MS)
    }

    /// Whether it is to be told of events of this type.
    pub fn wants(&self, kind: &str) -> bool {
        self.events.is_empty()
            || self.events.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => kind.starts_with(beginning),
                None => wanted == kind,
            })
    }

    /// The former secret, sealed, for as long as it signs.
    pub fn former_secret_at(&self, now: UnixMillis) -> Option<&str> {
        let signs = self.former_expires_at.is_some_and(|expires_at| now < expires_at);
        self.former_secret.as_deref().filter(|_| signs)
    }

    /// What a write of it is compared with.
    pub fn version(&self) -> EndpointVersion<'_> {
        EndpointVersion { updated_at: self.updated_at, secret: &self.secret, disabled_at: self.disabled_at }
    }

    /// Looks at every rule that one endpoint can break by itself. Runs after every load.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BrokenEndpoint> {
        if self.disabled_at.is_some() != self.disabled_reason.is_some() {
            return Err(BrokenEndpoint::DisabledReason);
        }
        if self.former_secret.is_some() != self.former_expires_at.is_some() {
            return Err(BrokenEndpoint::FormerSecret);
        }
        Ok(())
    }

    /// Two changes within a millisecond, or after the clock was set back, are two versions.
    fn touched(mut self, before: &Self, now: UnixMillis) -> Self {
        self.updated_at = now.max(before.updated_at.plus_ms(1));
        debug_assert_eq!(self.check(), Ok(()));
        self
    }
}

/// Judges a filter of events.
///
/// # Errors
/// What is wrong, in words that complete "events …".
pub fn check_events(events: &[String]) -> Result<(), EndpointError> {
    for wanted in events {
        let is_known = match wanted.strip_suffix(".*") {
            Some(beginning) => {
                EVENT_TYPES.iter().any(|kind| kind.split_once('.').is_some_and(|(of, _)| of == beginning))
            }
            None => EVENT_TYPES.contains(&wanted.as_str()),
        };
        if !is_known {
            return Err(EndpointError::Invalid(format!(
                "must name types of events, or beginnings such as user.*; there are {}",
                EVENT_TYPES.join(", ")
            )));
        }
    }
    Ok(())
}

/// Judges how long a URL is; before anything else looks at it.
///
/// # Errors
/// How long it is, if it is too long.
pub fn check_url_length(url: &str) -> Result<(), EndpointError> {
    match url.len() {
        bytes if bytes > URL_BYTES_MAX => Err(EndpointError::TooLong { bytes_max: URL_BYTES_MAX, bytes }),
        _ => Ok(()),
    }
}

/// Judges the scheme of a URL.
///
/// # Errors
/// What is wrong, in words that complete "url …".
pub fn check_url_scheme(scheme: Option<&str>, allow_plain_http: bool) -> Result<(), EndpointError> {
    match scheme {
        Some("https") => Ok(()),
        Some("http") if allow_plain_http => Ok(()),
        Some("http") => Err(EndpointError::Insecure(
            "must begin with https://: the operator can allow http:// in [webhooks] allow_plain_http",
        )),
        _ => Err(EndpointError::Invalid("must begin with https://".to_owned())),
    }
}
