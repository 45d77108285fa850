//! Endpoints that receive events.

use crate::model::{DeletedObject, WebhookDelivery, WebhookEndpoint, WebhookTest};
use crate::operations::{
    CREATE_WEBHOOK_ENDPOINT, DELETE_WEBHOOK_ENDPOINT, GET_WEBHOOK_ENDPOINT, LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOK_ENDPOINTS, REPLAY_WEBHOOKS, ROTATE_WEBHOOK_SECRET, TEST_WEBHOOK_ENDPOINT,
    UPDATE_WEBHOOK_ENDPOINT,
};
use crate::params::{
    CreateWebhookEndpointParams, ListWebhookDeliveriesParams, ReplayWebhooksParams,
    RotateWebhookSecretParams, UpdateWebhookEndpointParams,
};
use crate::request::Request;

resource! {
    /// Endpoints that receive events; from [`Client::webhook_endpoints`](crate::Client::webhook_endpoints). Verger only:
    /// other services answer 404.
    ///
    /// All of them can fail with [`is_not_found`](crate::Error::is_not_found) if an id is not of the key's instance. The
    /// body that an endpoint gets reads as an [`Event`](crate::Event); check its signature first, with any library for
    /// Standard Webhooks.
    WebhookEndpoints
}

impl<R: Clone> WebhookEndpoints<R> {
    /// Makes an endpoint: `POST /verger/v1/webhook_endpoints`. **Its secret is in this answer and in no later one** but
    /// that of a rotation.
    ///
    /// # Errors
    /// 422 for a URL that the service may not tell, for a type of event that there is not, and beyond 200 endpoints.
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
    #[doc(alias("add_webhook", "create_webhook"))]
    pub fn create_webhook_endpoint(
        &self,
        params: CreateWebhookEndpointParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&CREATE_WEBHOOK_ENDPOINT, &[]).json(&params)
    }

    /// All endpoints of the instance: `GET /verger/v1/webhook_endpoints`.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().list_webhook_endpoints();
    /// assert_eq!(request.path(), "/verger/v1/webhook_endpoints");
    /// ```
    #[doc(alias("list_webhooks"))]
    pub fn list_webhook_endpoints(&self) -> Request<Vec<WebhookEndpoint>, R> {
        self.request(&LIST_WEBHOOK_ENDPOINTS, &[])
    }

    /// Reads an endpoint: `GET /verger/v1/webhook_endpoints/{webhook_endpoint_id}`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().get_webhook_endpoint("whe_1");
    /// assert_eq!(request.path(), "/verger/v1/webhook_endpoints/whe_1");
    /// ```
    #[doc(alias("get_webhook"))]
    pub fn get_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<WebhookEndpoint, R> {
        self.request(&GET_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Changes where an endpoint listens and to what, or whether it is told at all:
    /// `PATCH /verger/v1/webhook_endpoints/{webhook_endpoint_id}`. `disabled: Some(false)` brings one back that failed for
    /// days; what it missed comes with [`replay_webhooks`](Self::replay_webhooks).
    ///
    /// # Errors
    /// 422 for a URL that the service may not tell and for a type of event that there is not, 404.
    ///
    /// ```
    /// # use verger_client::UpdateWebhookEndpointParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateWebhookEndpointParams::new().disabled(false);
    /// let request = client.webhook_endpoints().update_webhook_endpoint("whe_1", params);
    /// assert_eq!(request.body(), Some(r#"{"disabled":false}"#));
    /// ```
    #[doc(alias("update_webhook", "enable_webhook", "disable_webhook"))]
    pub fn update_webhook_endpoint(
        &self,
        webhook_endpoint_id: &str,
        params: UpdateWebhookEndpointParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&UPDATE_WEBHOOK_ENDPOINT, &[webhook_endpoint_id]).json(&params)
    }

    /// Removes an endpoint, and what waits for it: `DELETE /verger/v1/webhook_endpoints/{webhook_endpoint_id}`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().delete_webhook_endpoint("whe_1");
    /// assert_eq!(request.method().as_str(), "DELETE");
    /// ```
    #[doc(alias("remove_webhook", "delete_webhook"))]
    pub fn delete_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Gives an endpoint a new secret, which is in the answer:
    /// `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret`. Until the former one expires, both sign.
    ///
    /// # Errors
    /// 422 for more than 30 days, 404.
    ///
    /// ```
    /// # use verger_client::RotateWebhookSecretParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RotateWebhookSecretParams::new().former_lives_seconds(3600);
    /// let request = client.webhook_endpoints().rotate_webhook_secret("whe_1", params);
    /// assert_eq!(request.body(), Some(r#"{"former_lives_seconds":3600}"#));
    /// ```
    #[doc(alias("rotate_secret"))]
    pub fn rotate_webhook_secret(
        &self,
        webhook_endpoint_id: &str,
        params: RotateWebhookSecretParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&ROTATE_WEBHOOK_SECRET, &[webhook_endpoint_id]).json(&params)
    }

    /// Sends a test event to an endpoint, at once:
    /// `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/test`. **That the endpoint fails is no error**: look at
    /// [`delivered`](WebhookTest::delivered).
    ///
    /// The service makes the test anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.webhook_endpoints().test_webhook_endpoint("whe_1");
    /// assert_eq!(request.path(), "/verger/v1/webhook_endpoints/whe_1/test");
    /// ```
    #[doc(alias("test_webhook", "send_test_event"))]
    pub fn test_webhook_endpoint(&self, webhook_endpoint_id: &str) -> Request<WebhookTest, R> {
        self.request(&TEST_WEBHOOK_ENDPOINT, &[webhook_endpoint_id])
    }

    /// Queues again what an endpoint missed: `POST /verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay`. Events are
    /// kept for 30 days unless set otherwise.
    ///
    /// # Errors
    /// 422 for a moment before 1970, 404.
    ///
    /// ```
    /// # use verger_client::{ReplayWebhooksParams, UnixMillis};
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplayWebhooksParams::new(UnixMillis(1_800_000_000_000));
    /// let request = client.webhook_endpoints().replay_webhooks("whe_1", params);
    /// assert_eq!(request.body(), Some(r#"{"since":1800000000000,"all":false}"#));
    /// ```
    #[doc(alias("resend_webhooks", "replay_events"))]
    pub fn replay_webhooks(
        &self,
        webhook_endpoint_id: &str,
        params: ReplayWebhooksParams,
    ) -> Request<WebhookEndpoint, R> {
        self.request(&REPLAY_WEBHOOKS, &[webhook_endpoint_id]).json(&params)
    }

    /// What became of events that an endpoint was to be told of, the newest first, with every try:
    /// `GET /verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries`.
    ///
    /// # Errors
    /// 422 for a limit that makes no sense, 404.
    ///
    /// ```
    /// # use verger_client::ListWebhookDeliveriesParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListWebhookDeliveriesParams::new().limit(50);
    /// let request = client.webhook_endpoints().list_webhook_deliveries("whe_1", params);
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_webhook_deliveries(
        &self,
        webhook_endpoint_id: &str,
        params: ListWebhookDeliveriesParams,
    ) -> Request<Vec<WebhookDelivery>, R> {
        self.request(&LIST_WEBHOOK_DELIVERIES, &[webhook_endpoint_id]).params(&params)
    }
}
