//! What a token is checked against.

use crate::algorithm::Algorithm;
use crate::error::TokenError;

/// How far the clocks of issuer and verifier may be apart, in milliseconds, unless [`Checks::clock_skew_ms`] says otherwise; the official SDKs
/// have the same.
pub const CLOCK_SKEW_MS_DEFAULT: u32 = 5_000;

/// What a token is checked against, beside its signature and the types of its claims.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Checks<'a> {
    now_ms: Option<i64>,
    clock_skew_ms: u32,
    algorithms: &'a [Algorithm],
    issuers: &'a [String],
    audiences: &'a [String],
    authorized_parties: &'a [String],
}

impl<'a> Checks<'a> {
    /// Checks at this time, in Unix milliseconds: RS256, a clock skew of [`CLOCK_SKEW_MS_DEFAULT`], any issuer, audience and party.
    pub fn at(now_ms: i64) -> Self {
        Self { now_ms: Some(now_ms), ..Self::without_time() }
    }

    /// The same checks without `exp`, `nbf` and `iat`: for an expired token that is exchanged for a new one. The claims must be
    /// there all the same.
    pub fn without_time() -> Self {
        Self {
            now_ms: None,
            clock_skew_ms: CLOCK_SKEW_MS_DEFAULT,
            algorithms: &[Algorithm::Rs256],
            issuers: &[],
            audiences: &[],
            authorized_parties: &[],
        }
    }

    /// How far the issuer's clock may be ahead or behind, in milliseconds.
    pub fn clock_skew_ms(mut self, clock_skew_ms: u32) -> Self {
        self.clock_skew_ms = clock_skew_ms;
        self
    }

    /// The algorithms that are accepted, in place of RS256.
    pub fn algorithms(mut self, algorithms: &'a [Algorithm]) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// `iss` must be one of these; none means any.
    pub fn issuers(mut self, issuers: &'a [String]) -> Self {
        self.issuers = issuers;
        self
    }

    /// `aud` must be there and name one of these; none means that `aud` is not looked at.
    pub fn audiences(mut self, audiences: &'a [String]) -> Self {
        self.audiences = audiences;
        self
    }

    /// `azp` must be there and be one of these origins; none means any.
    pub fn authorized_parties(mut self, authorized_parties: &'a [String]) -> Self {
        self.authorized_parties = authorized_parties;
        self
    }

    pub(crate) fn accepts(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Judges claims whose types are right, in the official SDK's order.
    pub(crate) fn judge(&self, claims: &Registered<'_>) -> Result<(), TokenError> {
        let named = |names: &[String], name: &str| names.iter().any(|one| one == name);
        if !self.audiences.is_empty() && !claims.aud.iter().any(|aud| named(self.audiences, aud)) {
            return Err(TokenError::VerificationFailed("aud"));
        }
        if !self.authorized_parties.is_empty()
            && !claims.azp.is_some_and(|azp| named(self.authorized_parties, azp))
        {
            return Err(TokenError::InvalidAuthorizedParties);
        }
        if !self.issuers.is_empty() && !named(self.issuers, claims.iss) {
            return Err(TokenError::InvalidIssuer);
        }
        let Some(now_ms) = self.now_ms else {
            return Ok(());
        };
        let skew_ms = i64::from(self.clock_skew_ms);
        let ms = |seconds: i64| seconds.saturating_mul(1_000);
        if ms(claims.exp) <= now_ms.saturating_sub(skew_ms) {
            return Err(TokenError::Expired);
        }
        if ms(claims.nbf) > now_ms.saturating_add(skew_ms) {
            return Err(TokenError::NotActiveYet);
        }
        if ms(claims.iat) > now_ms.saturating_add(skew_ms) {
            return Err(TokenError::IatInTheFuture);
        }
        Ok(())
    }
}

/// The claims that are judged.
pub(crate) struct Registered<'a> {
    pub(crate) iss: &'a str,
    pub(crate) aud: Vec<String>,
    pub(crate) azp: Option<&'a str>,
    pub(crate) exp: i64,
    pub(crate) nbf: i64,
    pub(crate) iat: i64,
}
