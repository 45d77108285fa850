//! Endpoints that are told of events.

use super::event::EventKind;
use super::tolerant::{Extra, open_enum, or_default};
use serde::{Deserialize, Serialize};
use std::fmt;
use verger_wire::UnixMillis;

/// An endpoint that receives events. Verger only. Its `Debug` shows neither the secret nor the URL, which may have one in it.
///
/// ```
/// # use verger_client::WebhookEndpoint;
/// let text = r#"{"id":"whe_1","url":"https://example.com/hook","events":["user.*"],"secret":"whsec_c2VjcmV0",
///     "created_at":1,"updated_at":1}"#;
/// let endpoint: WebhookEndpoint = serde_json::from_str(text)?;
/// assert_eq!(endpoint.secret.as_deref(), Some("whsec_c2VjcmV0"));
/// assert!(!endpoint.is_disabled() && !format!("{endpoint:?}").contains("whsec_"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookEndpoint {
    /// `whe_…`.
    pub id: String,
    /// Always `webhook_endpoint`.
    #[serde(default)]
    pub object: String,
    /// The URL that events are posted to.
    pub url: String,
    /// Types of events, or beginnings such as `user.*`; empty means all.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<String>,
    /// Since when it has done nothing but fail; `None` if its last try was good. Unix milliseconds.
    pub failing_since: Option<UnixMillis>,
    /// Since when it is told nothing. Unix milliseconds.
    pub disabled_at: Option<UnixMillis>,
    /// `requested`, `failing` for days, or `gone` because it answered 410.
    pub disabled_reason: Option<String>,
    /// Until when the secret before the last rotation signs too. Unix milliseconds.
    pub former_secret_expires_at: Option<UnixMillis>,
    /// What signs its events, `whsec_…`: only in the answers that create an endpoint or rotate its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What a replay queued: only in its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<WebhookReplay>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a replay did; from [`replay_webhooks`](crate::WebhookEndpoints::replay_webhooks).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookReplay {
    /// Events that are on their way to the endpoint again.
    pub queued: u64,
    /// Events with a code that has ended: nobody could use it any more.
    pub left_out: u64,
    /// Where it stopped because the time of the request was over: the place of an event, from which another replay goes on.
    /// `None` if it is complete.
    pub after: Option<u64>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl WebhookEndpoint {
    /// True if it is told nothing.
    pub fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }
}

impl fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpoint")
            .field("id", &self.id)
            .field("events", &self.events)
            .field("failing_since", &self.failing_since)
            .field("disabled_at", &self.disabled_at)
            .field("secret", &self.secret.as_ref().map(|_| "[redacted]"))
            .finish_non_exhaustive()
    }
}

open_enum! {
    /// What became of an event that an endpoint is to be told of.
    ///
    /// ```
    /// # use verger_client::WebhookDeliveryStatus;
    /// assert_eq!(WebhookDeliveryStatus::from("delivered"), WebhookDeliveryStatus::Delivered);
    /// ```
    WebhookDeliveryStatus {
        /// It waits for its next try.
        Queued = "queued",
        /// An attempt is under way.
        Sending = "sending",
        /// The endpoint answered with a 2xx status.
        Delivered = "delivered",
        /// It is not tried any more.
        Failed = "failed",
    }
}

/// An event that an endpoint is to be told of, with every try. Verger only.
///
/// ```
/// # use verger_client::{EventKind, WebhookDelivery};
/// let text = r#"{"event_id":"evt_1","type":"user.created","user_id":"user_1","sequence_number":7,"status":"failed",
///     "due_at":1,"attempts":[{"number":1,"status":500,"reason":"HTTP 500","latency_ms":12,"answer":"","created_at":1}],
///     "created_at":1,"updated_at":1}"#;
/// let delivery: WebhookDelivery = serde_json::from_str(text)?;
/// assert_eq!((delivery.kind, delivery.attempts[0].status), (EventKind::UserCreated, Some(500)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookDelivery {
    /// Always `webhook_delivery`.
    #[serde(default)]
    pub object: String,
    /// `evt_…`.
    pub event_id: String,
    /// What happened; `type` on the wire.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Whom it is about; empty if it is no user.
    #[serde(default)]
    pub user_id: String,
    /// The place of the event in the instance; `before` of the next page.
    pub sequence_number: i64,
    /// How far it has come.
    pub status: WebhookDeliveryStatus,
    /// When it is tried next, while it is queued. Unix milliseconds.
    pub due_at: UnixMillis,
    /// Every try, the oldest first.
    #[serde(default, deserialize_with = "or_default")]
    pub attempts: Vec<WebhookAttempt>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One try at telling an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookAttempt {
    /// Which attempt of the delivery, from 1.
    pub number: i64,
    /// The HTTP status of its answer; `None` if there was none.
    pub status: Option<u16>,
    /// Why it was no success; `None` if it was one.
    pub reason: Option<String>,
    /// Until the end of the answer, in milliseconds.
    #[serde(default)]
    pub latency_ms: i64,
    /// The first KiB of its answer.
    #[serde(default)]
    pub answer: String,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What came of a [test](crate::WebhookEndpoints::test_webhook_endpoint). Verger only.
///
/// ```
/// # use verger_client::WebhookTest;
/// let text = r#"{"event_id":"evt_1","delivered":false,"status":404,"reason":"HTTP 404","latency_ms":3,"answer":""}"#;
/// let test: WebhookTest = serde_json::from_str(text)?;
/// assert!(!test.delivered);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookTest {
    /// Always `webhook_attempt`.
    #[serde(default)]
    pub object: String,
    /// `evt_…` of the event that was sent, which is kept nowhere.
    pub event_id: String,
    /// The endpoint has answered with 2xx.
    pub delivered: bool,
    /// The HTTP status of its answer; `None` if there was none.
    pub status: Option<u16>,
    /// Why it was no success; `None` if it was one.
    pub reason: Option<String>,
    /// Until the end of the answer, in milliseconds.
    #[serde(default)]
    pub latency_ms: i64,
    /// The first KiB of its answer.
    #[serde(default)]
    pub answer: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
