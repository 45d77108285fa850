//! The methods of `Client::webhook_endpoints`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{DeletedObject, WebhookDelivery, WebhookEndpoint, WebhookTest};
use crate::operations::{
    VERGER_CREATE_WEBHOOK_ENDPOINT, VERGER_DELETE_WEBHOOK_ENDPOINT, VERGER_GET_WEBHOOK_ENDPOINT,
    VERGER_LIST_WEBHOOK_DELIVERIES, VERGER_LIST_WEBHOOK_ENDPOINTS, VERGER_REPLAY_WEBHOOKS,
    VERGER_ROTATE_WEBHOOK_SECRET, VERGER_TEST_WEBHOOK_ENDPOINT, VERGER_UPDATE_WEBHOOK_ENDPOINT,
};
use crate::params::{
    CreateWebhookEndpointParams, ListWebhookDeliveriesParams, ReplayWebhooksParams,
    RotateWebhookSecretParams, UpdateWebhookEndpointParams,
};
use crate::request::Request;

resource! {
    /// Endpoints that receive events, signed according to Standard Webhooks and Svix; from
    /// [`Client::webhook_endpoints`](crate::Client::webhook_endpoints). Verger only: other services answer 404.
    WebhookEndpoints
}

impl<R: Clone> WebhookEndpoints<R> {
    /// Create a webhook endpoint: `POST /verger/v1/webhook_endpoints`. Verger only.
    ///
    /// The answer contains the signing secret, which is otherwise shown only when it is rotated.
    ///
    /// The body that an endpoint receives reads as an [`Event`](crate::Event). Check its signature first, with any
    /// library for Standard Webhooks.
    ///
    /// # Errors
    /// - 403 `quota_exceeded`: The instance has reached its limit of 200 webhook endpoints.
    /// - 422 `insecure_url`: The URL of a webhook endpoint begins with `http://`.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    ///
    /// ```
    /// # use verger_client::CreateWebhookEndpointParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateWebhookEndpointParams::new("https://shop.example.com/hooks/verger")
    ///     .events("user.*")
    ///     .events("phone_number.verified");
    /// let request = client.webhook_endpoints().create_webhook_endpoint(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/verger/v1/webhook_endpoints"));
    /// let body = r#"{"url":"https://shop.example.com/hooks/verger","events":["user.*","phone_number.verified"]}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("add_webhook", "create_webhook"))]
    pub fn create_webhook_endpoint(
        &self,
        params: CreateWebhookEndpointParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&VERGER_CREATE_WEBHOOK_ENDPOINT, &[]).json(&params)
    }

    /// List webhook endpoints: `GET /verger/v1/webhook_endpoints`. Verger only.
    ///
    /// All endpoints of the instance, without their secrets.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().list_webhook_endpoints();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/webhook_endpoints"));
    /// ```
    #[doc(alias("list_webhooks"))]
    pub fn list_webhook_endpoints(&self) -> Request<Vec<WebhookEndpoint>, R> {
        self.request(&VERGER_LIST_WEBHOOK_ENDPOINTS, &[])
    }

    /// Get a webhook endpoint: `GET /verger/v1/webhook_endpoints/{webhook_endpoint_id}`. Verger only.
    ///
    /// Without its secret.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().get_webhook_endpoint("whe_1");
    /// let path = "/verger/v1/webhook_endpoints/whe_1";
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", path));
    /// ```
    #[doc(alias("get_webhook"))]
    pub fn get_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<WebhookEndpoint, R> {
        self.request(&VERGER_GET_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Update a webhook endpoint: `PATCH /verger/v1/webhook_endpoints/{webhook_endpoint_id}`. Verger only.
    ///
    /// Changes its URL and event types, and disables or enables it. Events that occur while it is disabled are not
    /// queued; a replay sends them.
    ///
    /// `disabled(false)` brings an endpoint back that failed for days; what it missed comes with
    /// [`replay_webhooks`](Self::replay_webhooks).
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `insecure_url`: The URL of a webhook endpoint begins with `http://`.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    ///
    /// ```
    /// # use verger_client::UpdateWebhookEndpointParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateWebhookEndpointParams::new()
    ///     .url("https://shop.example.com/hooks/verger")
    ///     .disabled(false);
    /// let request = client.webhook_endpoints().update_webhook_endpoint("whe_1", params);
    /// let path = "/verger/v1/webhook_endpoints/whe_1";
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", path));
    /// let body = r#"{"url":"https://shop.example.com/hooks/verger","disabled":false}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("update_webhook", "enable_webhook", "disable_webhook"))]
    pub fn update_webhook_endpoint(
        &self,
        webhook_endpoint_id: &str,
        params: UpdateWebhookEndpointParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&VERGER_UPDATE_WEBHOOK_ENDPOINT, &[webhook_endpoint_id]).json(&params)
    }

    /// Delete a webhook endpoint: `DELETE /verger/v1/webhook_endpoints/{webhook_endpoint_id}`. Verger only.
    ///
    /// Deletes the endpoint and its queued deliveries.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().delete_webhook_endpoint("whe_1");
    /// let path = "/verger/v1/webhook_endpoints/whe_1";
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", path));
    /// ```
    #[doc(alias("remove_webhook", "delete_webhook"))]
    pub fn delete_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<DeletedObject, R> {
        self.request(&VERGER_DELETE_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Rotate the signing secret: `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret`. Verger only.
    ///
    /// Gives the endpoint a new secret. Until the previous secret expires, deliveries are signed with both, so that
    /// receivers can switch without a gap.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::RotateWebhookSecretParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RotateWebhookSecretParams::new().former_lives_seconds(3600);
    /// let request = client.webhook_endpoints().rotate_webhook_secret("whe_1", params);
    /// let path = "/verger/v1/webhook_endpoints/whe_1/rotate_secret";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"former_lives_seconds":3600}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("rotate_secret"))]
    pub fn rotate_webhook_secret(
        &self,
        webhook_endpoint_id: &str,
        params: RotateWebhookSecretParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&VERGER_ROTATE_WEBHOOK_SECRET, &[webhook_endpoint_id]).json(&params)
    }

    /// Send a test event: `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/test`. Verger only.
    ///
    /// Sends one event of type `webhook_endpoint.test` at once and returns the outcome. The event is not stored.
    ///
    /// **That the endpoint fails is no error**: look at [`delivered`](crate::WebhookTest::delivered).
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().test_webhook_endpoint("whe_1");
    /// let path = "/verger/v1/webhook_endpoints/whe_1/test";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// ```
    #[doc(alias("test_webhook", "send_test_event"))]
    pub fn test_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<WebhookTest, R> {
        self.request(&VERGER_TEST_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Replay events: `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay`. Verger only.
    ///
    /// Queues again the events since a given time whose delivery failed, or that were never queued because the endpoint
    /// was disabled or did not exist yet.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::{ReplayWebhooksParams, UnixMillis};
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplayWebhooksParams::new(UnixMillis(1_779_181_200_000));
    /// let request = client.webhook_endpoints().replay_webhooks("whe_1", params);
    /// let path = "/verger/v1/webhook_endpoints/whe_1/replay";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"since":1779181200000,"all":false}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("resend_webhooks", "replay_events"))]
    pub fn replay_webhooks(
        &self,
        webhook_endpoint_id: &str,
        params: ReplayWebhooksParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&VERGER_REPLAY_WEBHOOKS, &[webhook_endpoint_id]).json(&params)
    }

    /// List webhook deliveries: `GET /verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries`. Verger only.
    ///
    /// Events for this endpoint with every attempt, newest first.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::ListWebhookDeliveriesParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListWebhookDeliveriesParams::new().limit(50);
    /// let request = client.webhook_endpoints().list_webhook_deliveries("whe_1", params);
    /// let path = "/verger/v1/webhook_endpoints/whe_1/deliveries";
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", path));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_webhook_deliveries(
        &self,
        webhook_endpoint_id: &str,
        params: ListWebhookDeliveriesParams,
    ) -> Request<Vec<WebhookDelivery>, R> {
        self.request(&VERGER_LIST_WEBHOOK_DELIVERIES, &[webhook_endpoint_id]).params(&params)
    }
}
