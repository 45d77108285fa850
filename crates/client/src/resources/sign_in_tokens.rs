//! The methods of `Client::sign_in_tokens`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::SignInToken;
use crate::operations::{CREATE_SIGN_IN_TOKEN, REVOKE_SIGN_IN_TOKEN};
use crate::params::CreateSignInTokenParams;
use crate::request::Request;

resource! {
    /// Tickets that sign a user in once; from [`Client::sign_in_tokens`](crate::Client::sign_in_tokens).
    SignInTokens
}

impl<R: Clone> SignInTokens<R> {
    /// Create a sign-in token: `POST /v1/sign_in_tokens`.
    ///
    /// Whoever has it is signed in as the user, once. The answer has the token, which is shown only now.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::CreateSignInTokenParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateSignInTokenParams::new("user_1");
    /// let request = client.sign_in_tokens().create_sign_in_token(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/sign_in_tokens"));
    /// let body = r#"{"user_id":"user_1"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("create_ticket"))]
    pub fn create_sign_in_token(&self, params: CreateSignInTokenParams) -> Request<SignInToken, R> {
        self.request(&CREATE_SIGN_IN_TOKEN, &[]).json(&params)
    }

    /// Revoke a sign-in token: `POST /v1/sign_in_tokens/{sign_in_token_id}/revoke`.
    ///
    /// Nobody can sign in with it any more. One that was used or revoked before cannot be revoked.
    ///
    /// # Errors
    /// - 400 `sign_in_token_cannot_be_revoked_code`: A sign-in token is revoked that was used or revoked before.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.sign_in_tokens().revoke_sign_in_token("sit_1");
    /// let path = "/v1/sign_in_tokens/sit_1/revoke";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// ```
    pub fn revoke_sign_in_token(&self, sign_in_token_id: &str) -> Request<SignInToken, R> {
        self.request(&REVOKE_SIGN_IN_TOKEN, &[sign_in_token_id])
    }
}
