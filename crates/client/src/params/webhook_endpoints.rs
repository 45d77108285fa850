//! Endpoints that receive events, and their deliveries.

use serde::Serialize;
use std::fmt;
use verger_wire::{UnixMillis, setters};

/// A new endpoint. Its `Debug` does not show the URL, which may have a secret in it.
///
/// ```
/// # use verger_client::CreateWebhookEndpointParams;
/// # use verger_client::testing::{Answer, MockTransport};
/// # use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), verger_client::Error> {
/// # let mock = MockTransport::new();
/// # mock.push(Answer::json(200, json!({"id": "whe_1", "url": "https://example.com/hook", "events": ["user.*"],
/// #     "secret": "whsec_c2VjcmV0", "created_at": 1, "updated_at": 1})));
/// # let client = mock.client();
/// let params = CreateWebhookEndpointParams::new("https://example.com/hook").events("user.*");
/// let endpoint = client.webhook_endpoints().create_webhook_endpoint(params).await?;
/// assert!(endpoint.secret.is_some_and(|secret| secret.starts_with("whsec_")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct CreateWebhookEndpointParams {
    /// Where it listens: `https`, and a public address unless the service is set otherwise.
    pub url: String,
    /// Types of events, or beginnings such as `user.*`; at most 50. Empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// What is to change of an endpoint; what is `None` stays as it is. Its `Debug` does not show the URL.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct UpdateWebhookEndpointParams {
    /// The URL that events are posted to from now on: `https`, and a public address unless the service is set otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Types of events, or beginnings such as `user.*`; at most 50. An empty list means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// It is told nothing while this is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

impl fmt::Debug for CreateWebhookEndpointParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateWebhookEndpointParams").field("events", &self.events).finish_non_exhaustive()
    }
}

impl fmt::Debug for UpdateWebhookEndpointParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateWebhookEndpointParams")
            .field("events", &self.events)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// How the secret of an endpoint is to be rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RotateWebhookSecretParams {
    /// How long the former secret signs beside the new one, in seconds: 0 to 30 days. The service's default is a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_lives_seconds: Option<u32>,
}

/// What an endpoint is to be told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayWebhooksParams {
    /// What happened since then. Unix milliseconds.
    pub since: UnixMillis,
    /// Also what the endpoint has already; else only what failed.
    pub all: bool,
    /// Where a replay that took longer than a request may goes on: [`after`](crate::WebhookReplay::after) of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Which deliveries of an endpoint, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListWebhookDeliveriesParams {
    /// Only events before this place: [`sequence_number`](crate::WebhookDelivery::sequence_number) of the last one of the page
    /// before.
    pub before: Option<i64>,
    /// Deliveries in the answer: 1 to 100. The service's default is 20.
    pub limit: Option<u32>,
}

setters! { CreateWebhookEndpointParams, new(url) {
    push events;
} }

setters! { UpdateWebhookEndpointParams, new() {
    text url;
    value events: Vec<String>;
    value disabled: bool;
} }

setters! { RotateWebhookSecretParams, new() {
    value former_lives_seconds: u32;
} }

impl ReplayWebhooksParams {
    /// What happened since then and failed.
    #[must_use]
    pub fn new(since: UnixMillis) -> Self {
        Self { since, all: false, after: None }
    }

    /// Sets [`all`](#structfield.all).
    #[must_use]
    pub fn all(mut self, value: bool) -> Self {
        self.all = value;
        self
    }

    /// Sets [`after`](#structfield.after).
    #[must_use]
    pub fn after(mut self, value: u64) -> Self {
        self.after = Some(value);
        self
    }
}

setters! { ListWebhookDeliveriesParams, new() {
    value before: i64;
    value limit: u32;
} }
