//! The methods of `Client::clients`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{Page, UserClient};
use crate::operations::{GET_CLIENT, GET_CLIENT_LIST, VERIFY_CLIENT};
use crate::params::{PageParams, VerifyClientParams};
use crate::request::Request;

resource! {
    /// Browsers and devices, with the sessions on each; from [`Client::clients`](crate::Client::clients).
    Clients
}

impl<R: Clone> Clients<R> {
    /// List clients: `GET /v1/clients`.
    ///
    /// The newest first, each with its active and pending sessions. With `paginated=true` the answer is `{"data": […],
    /// "total_count": …}`.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.clients().get_client_list(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/clients"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    #[doc(alias("list_clients"))]
    pub fn get_client_list(&self, params: PageParams) -> Request<Vec<UserClient>, R> {
        self.request(&GET_CLIENT_LIST, &[]).params(&params)
    }

    /// As [`get_client_list`](Self::get_client_list), with the number of all: the answer is a page.
    ///
    /// # Errors
    /// Those of [`get_client_list`](Self::get_client_list).
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.clients().get_client_list_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/clients"));
    /// assert_eq!(request.query_string(), "limit=50&paginated=true");
    /// ```
    pub fn get_client_list_page(&self, params: PageParams) -> Request<Page<UserClient>, R> {
        self.request(&GET_CLIENT_LIST, &[]).params(&params).query("paginated", "true")
    }

    /// Verify a client: `POST /v1/clients/verify`.
    ///
    /// The client whose cookie `__client` this is. A value that was replaced a moment ago shows the sessions that it
    /// had.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 400 `cookie_invalid`: The token of a client is unknown, replaced or of another instance.
    ///
    /// ```
    /// # use verger_client::VerifyClientParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = VerifyClientParams::new("client_secret_WjZ3c0d1…");
    /// let request = client.clients().verify_client(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/clients/verify"));
    /// let body = r#"{"token":"client_secret_WjZ3c0d1…"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn verify_client(&self, params: VerifyClientParams) -> Request<UserClient, R> {
        self.request(&VERIFY_CLIENT, &[]).json(&params)
    }

    /// Read a client: `GET /v1/clients/{client_id}`.
    ///
    /// The client, with its active and pending sessions.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.clients().get_client("client_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/clients/client_1"));
    /// ```
    pub fn get_client(&self, client_id: &str) -> Request<UserClient, R> {
        self.request(&GET_CLIENT, &[client_id])
    }
}
