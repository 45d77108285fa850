//! The methods of `Client::signing_keys`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::SigningKey;
use crate::operations::{VERGER_LIST_SIGNING_KEYS, VERGER_RETIRE_SIGNING_KEY, VERGER_ROTATE_SIGNING_KEY};
use crate::params::{RetireSigningKeyParams, RotateSigningKeyParams};
use crate::request::Request;

resource! {
    /// The keys that sign the instance's tokens; from [`Client::signing_keys`](crate::Client::signing_keys). Verger
    /// only: other services answer 404.
    SigningKeys
}

impl<R: Clone> SigningKeys<R> {
    /// List signing keys: `GET /verger/v1/signing_keys`. Verger only.
    ///
    /// Every key that signs tokens of the instance or did so, without private halves; in the order in which they sign.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.signing_keys().list_signing_keys();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/signing_keys"));
    /// ```
    pub fn list_signing_keys(&self) -> Request<Vec<SigningKey>, R> {
        self.request(&VERGER_LIST_SIGNING_KEYS, &[])
    }

    /// Rotate the signing key: `POST /verger/v1/signing_keys`. Verger only.
    ///
    /// Publishes a new key at once, which signs later: verifiers keep what they know of keys for minutes. The key
    /// before it stays published until its tokens have expired. Programs that verify with `CLERK_JWT_KEY` need the new
    /// `public_key_pem` at `signs_at`.
    ///
    /// # Errors
    /// - 409 `signing_key_rotation_pending`: A new signing key is asked for while one is published that does not sign
    ///   yet.
    ///
    /// ```
    /// # use verger_client::{RotateSigningKeyParams, UnixMillis};
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RotateSigningKeyParams::new().signs_at(UnixMillis(1_779_181_200_000));
    /// let request = client.signing_keys().rotate_signing_key(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/verger/v1/signing_keys"));
    /// let body = r#"{"signs_at":1779181200000}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("create_signing_key"))]
    pub fn rotate_signing_key(&self, params: RotateSigningKeyParams) -> Request<SigningKey, R> {
        self.request(&VERGER_ROTATE_SIGNING_KEY, &[]).json(&params)
    }

    /// Retire a signing key: `POST /verger/v1/signing_keys/{signing_key_id}/retire`. Verger only.
    ///
    /// Takes a key out of the published set. One that signs, or whose tokens may be valid, only with `now`; if nothing
    /// else can sign, a new key signs from then on.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 409 `signing_key_in_use`: A signing key is to be retired that signs, or that signed tokens which may still be
    ///   valid.
    /// - 409 `signing_key_retired`: A signing key is to be retired that is no longer published.
    ///
    /// ```
    /// # use verger_client::RetireSigningKeyParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RetireSigningKeyParams::new().now(true);
    /// let request = client.signing_keys().retire_signing_key("ins_1", params);
    /// let path = "/verger/v1/signing_keys/ins_1/retire";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"now":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn retire_signing_key(
        &self,
        signing_key_id: &str,
        params: RetireSigningKeyParams,
    ) -> Request<SigningKey, R> {
        self.request(&VERGER_RETIRE_SIGNING_KEY, &[signing_key_id]).json(&params)
    }
}
