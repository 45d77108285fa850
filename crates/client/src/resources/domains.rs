//! The methods of `Client::domains`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{Domain, Page};
use crate::operations::LIST_DOMAINS;
use crate::request::Request;

resource! {
    /// The frontend hosts of the instance; from [`Client::domains`](crate::Client::domains).
    Domains
}

impl<R: Clone> Domains<R> {
    /// List domains: `GET /v1/domains`.
    ///
    /// The frontend hosts of the instance. There are no satellites.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.domains().list_domains();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/domains"));
    /// ```
    pub fn list_domains(&self) -> Request<Page<Domain>, R> {
        self.request(&LIST_DOMAINS, &[])
    }
}
