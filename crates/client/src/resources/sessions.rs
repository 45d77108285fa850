//! The methods of `Client::sessions`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{Page, SessionRefresh, SessionToken, UserSession};
use crate::operations::{
    CREATE_SESSION, CREATE_SESSION_TOKEN, CREATE_SESSION_TOKEN_FROM_TEMPLATE, GET_SESSION, GET_SESSION_LIST,
    REFRESH_SESSION, REVOKE_SESSION,
};
use crate::params::{
    CreateSessionParams, CreateSessionTokenParams, GetSessionListParams, RefreshSessionParams,
};
use crate::request::Request;

resource! {
    /// Who is signed in where, and the tokens that say so; from [`Client::sessions`](crate::Client::sessions).
    Sessions
}

impl<R: Clone> Sessions<R> {
    /// List sessions: `GET /v1/sessions`.
    ///
    /// The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::GetSessionListParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = GetSessionListParams::new().client_id("client_1");
    /// let request = client.sessions().get_session_list(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/sessions"));
    /// assert_eq!(request.query_string(), "client_id=client_1");
    /// ```
    #[doc(alias("list_sessions"))]
    pub fn get_session_list(&self, params: GetSessionListParams) -> Request<Vec<UserSession>, R> {
        self.request(&GET_SESSION_LIST, &[]).params(&params)
    }

    /// As [`get_session_list`](Self::get_session_list), with the number of all: the answer is a page.
    ///
    /// # Errors
    /// Those of [`get_session_list`](Self::get_session_list).
    ///
    /// ```
    /// # use verger_client::GetSessionListParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = GetSessionListParams::new().client_id("client_1");
    /// let request = client.sessions().get_session_list_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/sessions"));
    /// assert_eq!(request.query_string(), "client_id=client_1&paginated=true");
    /// ```
    pub fn get_session_list_page(&self, params: GetSessionListParams) -> Request<Page<UserSession>, R> {
        self.request(&GET_SESSION_LIST, &[]).params(&params).query("paginated", "true")
    }

    /// Create a session: `POST /v1/sessions`.
    ///
    /// Signs a user in without a sign-in, for tests: in development instances only. The session has a client of its
    /// own. A lock does not keep a user from it; a ban does.
    ///
    /// # Errors
    /// - 400 `request_invalid_for_environment`: A session is created by the Backend API in a production instance.
    /// - 403 `user_banned`: A session is created for a user who is banned.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::CreateSessionParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateSessionParams::new("user_1");
    /// let request = client.sessions().create_session(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/sessions"));
    /// let body = r#"{"user_id":"user_1"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("sign_in"))]
    pub fn create_session(&self, params: CreateSessionParams) -> Request<UserSession, R> {
        self.request(&CREATE_SESSION, &[]).json(&params)
    }

    /// Read a session: `GET /v1/sessions/{session_id}`.
    ///
    /// The session, also one that is over.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.sessions().get_session("sess_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/sessions/sess_1"));
    /// ```
    #[doc(alias("retrieve_session"))]
    pub fn get_session(&self, session_id: &str) -> Request<UserSession, R> {
        self.request(&GET_SESSION, &[session_id])
    }

    /// Refresh a session: `POST /v1/sessions/{session_id}/refresh`.
    ///
    /// Exchanges the expired session token of a browser for a new one. The SDKs call it. Each expired token gives one
    /// new token, within 24 hours. With `suffixed_cookies=true` in the query, the cookies come under both of their
    /// names.
    ///
    /// An [`Authenticator`](crate::Authenticator) does this by itself.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 400 `session_token_too_large`: The session token would have more than 2800 bytes.
    /// - 401 `refresh_request_origin_invalid`: A refresh names something else than an origin.
    /// - 401 `expired_session_token_invalid`: The token of a refresh was not signed as a session token by this
    ///   instance.
    /// - 401 `expired_session_token_missing_azp`: The token of a refresh was not minted for a page.
    /// - 401 `refresh_request_origin_azp_mismatch`: The token of a refresh was minted for a page of another origin.
    /// - 401 `session_refresh_session_not_found`: The session of a refresh does not exist.
    /// - 401 `session_refresh_inactive_session`: The session of a refresh has ended.
    /// - 401 `expired_session_token_missing_sid`: The token of a refresh names no session.
    /// - 401 `refresh_sid_mismatch`: The token of a refresh belongs to another session.
    /// - 401 `refresh_token_not_found`: The refresh token is unknown, or belongs to another session or origin.
    /// - 401 `session_refresh_user_not_found`: The user of a refresh is gone or banned.
    /// - 401 `session_refresh_expired_session_token_too_old`: The token of a refresh expired more than 24 hours ago.
    /// - 401 `session_refresh_expired_session_token_missing_iat`: The token of a refresh does not say when it was
    ///   minted.
    /// - 401 `session_refresh_expired_session_token_consumed`: The token of a refresh was refreshed more than 10
    ///   seconds ago.
    /// - 401 `session_refresh_session_token_ineligible`: The token of a refresh has not expired, or is one of a JWT
    ///   template.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::RefreshSessionParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RefreshSessionParams::new("eyJhbGciOiJSUzI1NiIs…", "refresh_WjZ3c0d1…", "https://shop.example.com")
    ///     .request_originating_ip("192.0.2.7");
    /// let request = client.sessions().refresh_session("sess_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/sessions/sess_1/refresh"));
    /// let body = r#"{"expired_token":"eyJhbGciOiJSUzI1NiIs…","refresh_token":"refresh_WjZ3c0d1…","request_origin":"https://shop.example.com","request_originating_ip":"192.0.2.7"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn refresh_session(
        &self,
        session_id: &str,
        params: RefreshSessionParams,
    ) -> Request<SessionRefresh, R> {
        self.request(&REFRESH_SESSION, &[session_id]).json(&params)
    }

    /// Revoke a session: `POST /v1/sessions/{session_id}/revoke`.
    ///
    /// Ends the session: it has no tokens any more. Tokens that it had are valid until they expire, a minute at most. A
    /// session that is over already stays as it is.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.sessions().revoke_session("sess_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/sessions/sess_1/revoke"));
    /// ```
    #[doc(alias("sign_out", "end_session", "delete_session"))]
    pub fn revoke_session(&self, session_id: &str) -> Request<UserSession, R> {
        self.request(&REVOKE_SESSION, &[session_id])
    }

    /// Create a session token: `POST /v1/sessions/{session_id}/tokens`.
    ///
    /// A token of an active or pending session.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 400 `session_token_too_large`: The session token would have more than 2800 bytes.
    /// - 401 `authentication_invalid`: A token is asked for of a session that has ended, or whose user is banned.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::CreateSessionTokenParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateSessionTokenParams::new().expires_in_seconds(60);
    /// let request = client.sessions().create_session_token("sess_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/sessions/sess_1/tokens"));
    /// let body = r#"{"expires_in_seconds":60}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("get_token", "mint_token"))]
    pub fn create_session_token(
        &self,
        session_id: &str,
        params: CreateSessionTokenParams,
    ) -> Request<SessionToken, R> {
        self.request(&CREATE_SESSION_TOKEN, &[session_id]).json(&params)
    }

    /// Create a token of a JWT template: `POST /v1/sessions/{session_id}/tokens/{template_name}`.
    ///
    /// A token with the claims of the template, for an active session.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 400 `session_token_too_large`: A token of a JWT template would have more than 16384 bytes.
    /// - 401 `authentication_invalid`: A token is asked for of a session that has ended, or whose user is banned.
    /// - 403 `authorization_invalid`: A token of a JWT template is asked for of a pending session.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no JWT template
    ///   with this name. That of the session token, `__session`, counts as none here.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::CreateSessionTokenParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateSessionTokenParams::new().expires_in_seconds(60);
    /// let request = client.sessions().create_session_token_from_template("sess_1", "billing", params);
    /// let path = "/v1/sessions/sess_1/tokens/billing";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"expires_in_seconds":60}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("get_token", "get_template_token"))]
    pub fn create_session_token_from_template(
        &self,
        session_id: &str,
        template_name: &str,
        params: CreateSessionTokenParams,
    ) -> Request<SessionToken, R> {
        self.request(&CREATE_SESSION_TOKEN_FROM_TEMPLATE, &[session_id, template_name]).json(&params)
    }
}
