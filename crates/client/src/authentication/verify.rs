//! Session tokens by themselves.

use super::builder::{AuthenticatorBuilder, Settings};
use super::incoming::IncomingRequest;
use super::keys::Keys;
use super::state::AuthState;
use super::{context::Context, decision};
use crate::client::Client;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use thiserror::Error as ThisError;
use verger_jwt::{HandshakeClaims, SessionClaims, TemplateClaims, TokenError, UnverifiedToken};

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
/// println!("{} in {}", claims.sub, claims.sid);
///
/// let request = IncomingRequest::new("GET", "http://localhost:3000/").header("authorization", "Bearer eyJ…");
/// match authenticator.authenticate_request(&request).await?.session() {
///     Some(session) => println!("{}", session.claims.sub),
///     None => println!("signed out"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// With the public key, which `verger signing-keys list` prints, nothing is ever asked:
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
    pub(super) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    /// For what only the service knows; without it expired tokens are not exchanged.
    pub(crate) client: Option<Client>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// Why a token was not verified.
#[derive(Clone, Debug, ThisError)]
#[non_exhaustive]
pub enum VerifyTokenError {
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keys could not be fetched: nothing is known about the token.
    #[error("the keys that verify tokens cannot be fetched: {0}")]
    Keys(Error),
}

impl VerifyTokenError {
    /// The reason as the official SDK names it, for example `token-expired` or `jwk-remote-failed-to-load`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::Keys(error) if error.code() == Some("clerk_key_invalid") => "secret-key-invalid",
            Self::Keys(_) => "jwk-remote-failed-to-load",
        }
    }
}

impl Authenticator {
    /// An authenticator without a client: it needs a [`jwt_key`](AuthenticatorBuilder::jwt_key), and exchanges no expired tokens.
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(None)
    }

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
        let settings = &self.inner.settings;
        self.inner.verify(token, settings.now_ms(), settings.clock_skew_ms).await
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
    /// println!("{} {:?}", claims.sub, claims.custom.get("role"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify_template_token(&self, token: &str) -> Result<TemplateClaims, VerifyTokenError> {
        let inner = &self.inner;
        let token = UnverifiedToken::parse(token)?;
        let now_ms = inner.settings.now_ms();
        let key = inner.keys.find(token.header().kid.as_deref(), now_ms).await?;
        Ok(token.verify_template(&key, &inner.settings.checks(now_ms, inner.settings.clock_skew_ms))?)
    }

    /// Tells who made a request: by the token in `Authorization`, else by the cookies of the browser.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused): the URL of the request is not absolute, there is no token in `Authorization` and no
    /// [`publishable_key`](AuthenticatorBuilder::publishable_key) by which to read cookies, or, in development, the token of a
    /// handshake is not the instance's.
    pub async fn authenticate_request(&self, request: &IncomingRequest) -> Result<AuthState, Error> {
        let context = Context::new(&self.inner.settings, request)?;
        decision::authenticate(&self.inner, &context).await
    }
}

impl Inner {
    pub(crate) async fn verify(
        &self,
        token: &str,
        now_ms: i64,
        clock_skew_ms: u32,
    ) -> Result<SessionClaims, VerifyTokenError> {
        let token = UnverifiedToken::parse(token)?;
        let key = self.keys.find(token.header().kid.as_deref(), now_ms).await?;
        Ok(token.verify_session(&key, &self.settings.checks(now_ms, clock_skew_ms))?)
    }

    pub(crate) async fn verify_handshake(
        &self,
        token: &str,
        now_ms: i64,
    ) -> Result<HandshakeClaims, VerifyTokenError> {
        let token = UnverifiedToken::parse(token)?;
        let key = self.keys.find(token.header().kid.as_deref(), now_ms).await?;
        Ok(token.verify_handshake(&key)?)
    }
}
