//! Tokens, with the keys that verify them.

use super::keys::Keys;
use super::settings::Settings;
use super::verify_error::VerifyTokenError;
use crate::client::Client;
use verger_jwt::{HandshakeClaims, SessionClaims, TemplateClaims, UnverifiedToken};

pub(crate) struct Verifier {
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    /// For what only the service knows; without it expired tokens are not exchanged.
    pub(crate) client: Option<Client>,
}

impl Verifier {
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

    pub(crate) async fn verify_template(&self, token: &str) -> Result<TemplateClaims, VerifyTokenError> {
        let token = UnverifiedToken::parse(token)?;
        let now_ms = self.settings.now_ms();
        let key = self.keys.find(token.header().kid.as_deref(), now_ms).await?;
        Ok(token.verify_template(&key, &self.settings.checks(now_ms, self.settings.clock_skew_ms))?)
    }
}
