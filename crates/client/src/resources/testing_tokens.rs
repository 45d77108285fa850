//! The methods of `Client::testing_tokens`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::TestingToken;
use crate::operations::CREATE_TESTING_TOKEN;
use crate::request::Request;

resource! {
    /// Tokens for end-to-end tests; from [`Client::testing_tokens`](crate::Client::testing_tokens).
    TestingTokens
}

impl<R: Clone> TestingTokens<R> {
    /// Create a testing token: `POST /v1/testing_tokens`.
    ///
    /// A token for `__clerk_testing_token`. Development instances accept it, and work without it as well; production
    /// instances ignore it.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.testing_tokens().create_testing_token();
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/testing_tokens"));
    /// ```
    pub fn create_testing_token(&self) -> Request<TestingToken, R> {
        self.request(&CREATE_TESTING_TOKEN, &[])
    }
}
