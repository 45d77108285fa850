//! Webhook endpoints, which receive events, and what became of each event.

use crate::UnixMillis;
use crate::input::Input;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// The most types of events that an endpoint can name.
pub const EVENTS_MAX: usize = 50;

/// An endpoint that receives events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WebhookEndpoint {
    /// `whe_…`.
    #[wire(example = "whe_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// Always `webhook_endpoint`.
    #[wire(constant = "webhook_endpoint")]
    pub object: String,
    /// The URL that events are posted to.
    #[wire(example = "https://shop.example.com/hooks/verger")]
    pub url: String,
    /// Event types that it receives, or prefixes such as `user.*`. Empty: all.
    #[wire(example = ["user.*", "phone_number.verified"])]
    pub events: Vec<String>,
    /// When attempts began to fail, without a success since, in Unix milliseconds; null while it works.
    #[wire(nullable)]
    pub failing_since: Option<UnixMillis>,
    /// When it was disabled, in Unix milliseconds; null while it is enabled.
    #[wire(nullable)]
    pub disabled_at: Option<UnixMillis>,
    /// Why: `requested`, or what went wrong.
    #[wire(nullable)]
    pub disabled_reason: Option<String>,
    /// When the previous secret stops signing, in Unix milliseconds; null if there is none.
    #[wire(nullable)]
    pub former_secret_expires_at: Option<UnixMillis>,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// An endpoint with its signing secret, which is shown only now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WebhookEndpointWithSecret {
    /// The endpoint.
    #[serde(flatten)]
    #[wire(flatten)]
    pub endpoint: WebhookEndpoint,
    /// `whsec_…`: store it where signatures are verified.
    #[wire(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    pub secret: String,
}

/// An endpoint, and what was queued for it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WebhookReplay {
    /// The endpoint.
    #[serde(flatten)]
    #[wire(flatten)]
    pub endpoint: WebhookEndpoint,
    /// What was queued. Absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = ReplayOutcome::example())]
    pub replay: Option<ReplayOutcome>,
}

/// What a replay queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct ReplayOutcome {
    /// Deliveries that were queued.
    #[wire(min = 0, example = 17)]
    pub queued: i64,
    /// Deliveries that were not queued, because their codes have expired or were erased.
    #[wire(min = 0, example = 1)]
    pub left_out: i64,
    /// Where the replay ran out of time: repeat the request with this `after` to resume. Null when it is complete.
    #[wire(nullable, format = "int64")]
    pub after: Option<i64>,
}

/// The outcome of a test event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WebhookAttempt {
    /// Always `webhook_attempt`.
    #[wire(constant = "webhook_attempt")]
    pub object: String,
    /// The id of the test event: `evt_…`.
    #[wire(example = "evt_3Dw7QGzscnGJl1VdOJbDs8fPBCo")]
    pub event_id: String,
    /// Whether the endpoint answered with 2xx.
    #[wire(example = true)]
    pub delivered: bool,
    /// HTTP status of its answer; null if there was none.
    #[wire(nullable, example = 200)]
    pub status: Option<i64>,
    /// Why it counts as failed.
    #[wire(nullable)]
    pub reason: Option<String>,
    /// Time to the end of the answer, in milliseconds.
    #[wire(min = 0, example = 22)]
    pub latency_ms: i64,
    /// The first KiB of the answer.
    #[wire(example = "ok")]
    pub answer: String,
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WebhookDelivery {
    /// Always `webhook_delivery`.
    #[wire(constant = "webhook_delivery")]
    pub object: String,
    /// `evt_…`.
    #[wire(example = "evt_3Dw7QGzscnGJl1VdOJbDs8fPBCo")]
    pub event_id: String,
    /// Type of the event, such as `user.updated`.
    #[wire(example = "phone_number.verified")]
    #[serde(rename = "type")]
    pub kind: String,
    /// The user the event is about; empty if there is none.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// Sequence number of the event within the instance.
    #[wire(format = "int64", example = 42)]
    pub sequence_number: i64,
    /// Delivery status.
    #[wire(one_of("queued", "sending", "delivered", "failed"), example = "delivered")]
    pub status: String,
    /// When the next attempt is due, in Unix milliseconds.
    pub due_at: UnixMillis,
    /// Every attempt, oldest first.
    #[wire(example = [DeliveryAttempt::example()])]
    pub attempts: Vec<DeliveryAttempt>,
    /// When the event happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When this last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct DeliveryAttempt {
    /// 1 for the first.
    #[wire(min = 0, example = 1)]
    pub number: i64,
    /// HTTP status of the answer; null if there was none.
    #[wire(nullable, example = 200)]
    pub status: Option<i64>,
    /// Why it counts as failed.
    #[wire(nullable)]
    pub reason: Option<String>,
    /// Time to the end of the answer, in milliseconds.
    #[wire(min = 0, example = 22)]
    pub latency_ms: i64,
    /// The first KiB of the answer.
    #[wire(example = "ok")]
    pub answer: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: UnixMillis,
}

/// `POST /verger/v1/webhook_endpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required)]
pub struct CreateWebhookEndpointParams {
    /// The URL that events are posted to. `verger serve` accepts only `https` and public addresses, unless section
    /// `[webhooks]` of its configuration allows others.
    #[wire(required, example = "https://shop.example.com/hooks/verger")]
    pub url: String,
    /// Event types, or prefixes such as `user.*`. Empty or absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(items_max = EVENTS_MAX, example = ["user.*", "phone_number.verified"])]
    pub events: Option<Vec<String>>,
}

/// `PATCH /verger/v1/webhook_endpoints/{webhook_endpoint_id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct UpdateWebhookEndpointParams {
    /// The URL that events are posted to. `verger serve` accepts only `https` and public addresses, unless section
    /// `[webhooks]` of its configuration allows others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(example = "https://shop.example.com/hooks/verger")]
    pub url: Option<String>,
    /// Event types, or prefixes such as `user.*`. Empty or absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(items_max = EVENTS_MAX)]
    pub events: Option<Vec<String>>,
    /// True: it receives no more events. False: it receives events again, and its failures are forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(example = false)]
    pub disabled: Option<bool>,
}

/// `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct RotateWebhookSecretParams {
    /// How long deliveries are also signed with the previous secret, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(min = 0, max = 2592000, default = 86400, example = 3600)]
    pub former_lives_seconds: Option<i64>,
}

/// `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required)]
pub struct ReplayWebhooksParams {
    /// Start time, in Unix milliseconds.
    #[wire(required, min = 0, format = "int64", example = 1779181200000_i64)]
    pub since: i64,
    /// Also events that were delivered, not only failed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// `replay.after` of the previous answer, to resume from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(min = 0, format = "int64")]
    pub after: Option<i64>,
}

/// `GET /verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct WebhookDeliveryListParams {
    /// Only events before this `sequence_number`.
    #[wire(min = 0, format = "int64")]
    pub before: Option<i64>,
    /// Maximum number of deliveries to return.
    #[wire(min = 1, max = 100, default = 20)]
    pub limit: Option<i64>,
}
