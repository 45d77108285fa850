//! The methods of `Client::instances`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{
    BetaInstanceSettings, Instance, InstanceCommunication, InstanceDetails, InstanceReset,
    InstanceRestrictions, NoContent,
};
use crate::operations::{
    GET_INSTANCE, GET_INSTANCE_COMMUNICATION, UPDATE_INSTANCE, UPDATE_INSTANCE_AUTH_CONFIG,
    UPDATE_INSTANCE_COMMUNICATION, UPDATE_INSTANCE_RESTRICTIONS, VERGER_GET_INSTANCE, VERGER_RESET,
};
use crate::params::{
    UpdateBetaInstanceSettingsParams, UpdateInstanceCommunicationParams, UpdateInstanceParams,
    UpdateInstanceRestrictionsParams,
};
use crate::request::Request;

resource! {
    /// The instance that the secret key belongs to; from [`Client::instances`](crate::Client::instances).
    Instances
}

impl<R: Clone> Instances<R> {
    /// Read the instance: `GET /v1/instance`.
    ///
    /// The instance of the secret key.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.instances().get_instance();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/instance"));
    /// ```
    pub fn get_instance(&self) -> Request<Instance, R> {
        self.request(&GET_INSTANCE, &[])
    }

    /// Change the instance: `PATCH /v1/instance`.
    ///
    /// What is absent or null stays as it is. The answer has no body.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::UpdateInstanceParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateInstanceParams::new().allowed_origins(["https://app.example.com"]);
    /// let request = client.instances().update_instance(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/instance"));
    /// let body = r#"{"allowed_origins":["https://app.example.com"]}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn update_instance(&self, params: UpdateInstanceParams) -> Request<NoContent, R> {
        self.request(&UPDATE_INSTANCE, &[]).json(&params)
    }

    /// Change who may sign up: `PATCH /v1/instance/restrictions`.
    ///
    /// What is absent or null stays as it is.
    ///
    /// # Errors
    /// - 403 `feature_not_enabled`: A setting would switch on what Verger does not have yet.
    ///
    /// ```
    /// # use verger_client::UpdateInstanceRestrictionsParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateInstanceRestrictionsParams::new().allowlist(true);
    /// let request = client.instances().update_instance_restrictions(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/instance/restrictions"));
    /// let body = r#"{"allowlist":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn update_instance_restrictions(
        &self,
        params: UpdateInstanceRestrictionsParams,
    ) -> Request<InstanceRestrictions, R> {
        self.request(&UPDATE_INSTANCE_RESTRICTIONS, &[]).json(&params)
    }

    /// Read where text messages go: `GET /v1/instance/communication`.
    ///
    /// The countries to which no text message is sent.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.instances().get_instance_communication();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/instance/communication"));
    /// ```
    pub fn get_instance_communication(&self) -> Request<InstanceCommunication, R> {
        self.request(&GET_INSTANCE_COMMUNICATION, &[])
    }

    /// Change where text messages go: `PATCH /v1/instance/communication`.
    ///
    /// Replaces the list of countries to which no text message is sent. Without a list nothing changes.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::UpdateInstanceCommunicationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateInstanceCommunicationParams::new().blocked_country_codes(["NG"]);
    /// let request = client.instances().update_instance_communication(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/instance/communication"));
    /// let body = r#"{"blocked_country_codes":["NG"]}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn update_instance_communication(
        &self,
        params: UpdateInstanceCommunicationParams,
    ) -> Request<InstanceCommunication, R> {
        self.request(&UPDATE_INSTANCE_COMMUNICATION, &[]).json(&params)
    }

    /// Change settings that are in beta: `PATCH /v1/beta_features/instance_settings`.
    ///
    /// What is absent or null stays as it is.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::UpdateBetaInstanceSettingsParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateBetaInstanceSettingsParams::new().restricted_to_allowlist(true);
    /// let request = client.instances().update_instance_auth_config(params);
    /// let path = "/v1/beta_features/instance_settings";
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", path));
    /// let body = r#"{"restricted_to_allowlist":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("update_instance_settings", "update_beta_settings"))]
    pub fn update_instance_auth_config(
        &self,
        params: UpdateBetaInstanceSettingsParams,
    ) -> Request<BetaInstanceSettings, R> {
        self.request(&UPDATE_INSTANCE_AUTH_CONFIG, &[]).json(&params)
    }

    /// Read the instance with its hosts: `GET /verger/v1/instance`. Verger only.
    ///
    /// The instance of the secret key: its frontend hosts with their publishable keys, and who may use them.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.instances().get_instance_details();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/instance"));
    /// ```
    pub fn get_instance_details(&self) -> Request<InstanceDetails, R> {
        self.request(&VERGER_GET_INSTANCE, &[])
    }

    /// Empty the instance: `POST /verger/v1/reset`. Verger only.
    ///
    /// Removes all users with their sessions, and clients, tickets, invitations, lists, redirect URLs, JWT templates,
    /// messages, webhook endpoints and events of the instance; sets its settings back to their defaults, and its clock
    /// to real time. Secret keys, signing keys and hosts stay. In `verger dev` the demo user is created again under the
    /// same ids; in a test server no user remains.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): The API has no such path.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.instances().reset();
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/verger/v1/reset"));
    /// ```
    #[doc(alias("reset_instance", "empty"))]
    pub fn reset(&self) -> Request<InstanceReset, R> {
        self.request(&VERGER_RESET, &[])
    }
}
