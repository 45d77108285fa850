//! What applications verify with.

use super::context::Context;
use super::decision;
use super::incoming::IncomingRequest;
use super::state::AuthState;
use super::verifier::Verifier;
use super::verify_error::VerifyTokenError;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use verger_jwt::{SessionClaims, TemplateClaims};

/// Verifies session tokens, and tells who made a request. Cheap to clone; clones share the keys.
///
/// ```
/// # use verger_client::{Authenticator, Client, IncomingRequest};
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// // The keys come from the service, and are kept for five minutes.
/// let client = Client::builder().secret_key("sk_test_…").base_url("http://127.0.0.1:4100").build()?;
/// let authenticator = client
///     .authenticator()
///     .publishable_key("pk_test_MTI3LjAuMC4xOjQxMDAk")
///     .authorized_parties(["http://localhost:3000"])
///     .build()?;
///
/// let claims = authenticator.verify_token("eyJ…").await?;
/// let (user, session) = (claims.sub, claims.sid);
///
/// let request = IncomingRequest::new("GET", "http://localhost:3000/").header("authorization", "Bearer eyJ…");
/// match authenticator.authenticate_request(&request).await?.session() {
///     Some(session) => assert!(session.claims.sub.starts_with("user_")),
///     None => return Ok(()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// With the public key, which `verger signing-keys list --pem` prints, nothing is ever asked:
///
/// ```
/// # use verger_client::Authenticator;
/// # fn run(pem: &str) -> Result<(), verger_client::Error> {
/// let authenticator = Authenticator::builder().jwt_key(pem).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Authenticator {
    pub(super) verifier: Arc<Verifier>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Verifies a session token: signature, times, and the parties, audiences and issuers that were asked for. A token of a JWT
    /// template is refused, and so is one of any other kind.
    ///
    /// The session may be pending ([`SessionClaims::is_pending`]): a person who has not yet done all that the instance demands.
    ///
    /// # Errors
    /// [`VerifyTokenError::Token`] with the first check that fails; [`VerifyTokenError::Keys`] when the keys cannot be fetched.
    ///
    /// ```
    /// # use verger_client::{Authenticator, VerifyTokenError};
    /// # async fn run(authenticator: Authenticator) -> Result<(), VerifyTokenError> {
    /// let error = authenticator.verify_token("no token").await.unwrap_err();
    /// assert_eq!(error.reason(), "token-invalid");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify_token(&self, token: &str) -> Result<SessionClaims, VerifyTokenError> {
        let settings = &self.verifier.settings;
        self.verifier.verify(token, settings.now_ms(), settings.clock_skew_ms).await
    }

    /// Verifies a token of a JWT template that is signed with the instance's key, as [`verify_token`](Self::verify_token) does one of
    /// a session. It says who somebody is, not that anybody is signed in.
    ///
    /// # Errors
    /// Those of [`verify_token`](Self::verify_token).
    ///
    /// ```
    /// # use verger_client::{Authenticator, VerifyTokenError};
    /// # async fn run(authenticator: Authenticator, token: &str) -> Result<(), VerifyTokenError> {
    /// let claims = authenticator.verify_template_token(token).await?;
    /// let role = claims.custom.get("role");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify_template_token(&self, token: &str) -> Result<TemplateClaims, VerifyTokenError> {
        self.verifier.verify_template(token).await
    }

    /// Tells who made a request: by the token in `Authorization`, else by the cookies of the browser.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused): the URL of the request is not absolute, there is no token in `Authorization` and no
    /// [`publishable_key`](super::AuthenticatorBuilder::publishable_key) by which to read cookies, or, in development, the token of a
    /// handshake is not the instance's.
    pub async fn authenticate_request(&self, request: &IncomingRequest) -> Result<AuthState, Error> {
        let context = Context::new(&self.verifier.settings, request)?;
        decision::authenticate(&self.verifier, &context).await
    }
}
