//! The methods of `Client::actor_tokens`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::ActorToken;
use crate::operations::{CREATE_ACTOR_TOKEN, REVOKE_ACTOR_TOKEN};
use crate::params::CreateActorTokenParams;
use crate::request::Request;

resource! {
    /// Tickets with which somebody acts as a user; from [`Client::actor_tokens`](crate::Client::actor_tokens).
    ActorTokens
}

impl<R: Clone> ActorTokens<R> {
    /// Create an actor token: `POST /v1/actor_tokens`.
    ///
    /// Whoever has it acts as the user, without a factor of the user. The tokens of that session say who acts. The
    /// answer has the token, which is shown only now.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_missing`: The actor of an actor token does not say who acts.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use verger_client::CreateActorTokenParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateActorTokenParams::new("user_1", [("sub", "user_1")]);
    /// let request = client.actor_tokens().create_actor_token(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/actor_tokens"));
    /// let body = r#"{"user_id":"user_1","actor":{"sub":"user_1"}}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("impersonate"))]
    pub fn create_actor_token(&self, params: CreateActorTokenParams) -> Request<ActorToken, R> {
        self.request(&CREATE_ACTOR_TOKEN, &[]).json(&params)
    }

    /// Revoke an actor token: `POST /v1/actor_tokens/{actor_token_id}/revoke`.
    ///
    /// It opens nothing any more. One that was used or revoked before cannot be revoked.
    ///
    /// # Errors
    /// - 400 `actor_token_cannot_be_revoked_code`: An actor token is revoked that was used or revoked before.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.actor_tokens().revoke_actor_token("act_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/actor_tokens/act_1/revoke"));
    /// ```
    pub fn revoke_actor_token(&self, actor_token_id: &str) -> Request<ActorToken, R> {
        self.request(&REVOKE_ACTOR_TOKEN, &[actor_token_id])
    }
}
