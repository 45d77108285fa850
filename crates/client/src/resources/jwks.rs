//! The methods of `Client::jwks`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::JsonWebKeySet;
use crate::operations::GET_JWKS;
use crate::request::Request;

resource! {
    /// The public keys whose tokens are accepted. Without a key they are at `/.well-known/jwks.json` under each
    /// frontend host. From [`Client::jwks`](crate::Client::jwks).
    Jwks
}

impl<R: Clone> Jwks<R> {
    /// Read the key set: `GET /v1/jwks`.
    ///
    /// The public keys whose tokens are accepted, as a JSON Web Key Set (RFC 7517). Never empty, and never with a
    /// private field. Verify with the key that the token's `kid` names.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.jwks().get_jwks();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/jwks"));
    /// ```
    pub fn get_jwks(&self) -> Request<JsonWebKeySet, R> {
        self.request(&GET_JWKS, &[])
    }
}
