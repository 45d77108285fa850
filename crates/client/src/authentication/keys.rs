//! Where the keys come from: one in PEM, or the key set of the service, which is kept for a while.

use super::verify_error::VerifyTokenError;
use crate::client::Client;
use crate::error::Error;
use crate::operation::Method;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use verger_jwt::{Algorithm, Jwks, TokenError, VerifyingKey};

/// How long a key set is kept, as in the official SDK; servers publish a key well before it signs.
pub(crate) const JWKS_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// An unknown `kid` asks for the set again only after this time: anybody can make one up.
const UNKNOWN_KID_PAUSE_MS: i64 = 10_000;
/// After a failure nothing is asked for this time.
const FAILURE_PAUSE_MS: i64 = 1_000;
/// The same for tokens whose key is known from before: a service that is away must not hold them up.
const STALE_PAUSE_MS: i64 = 30_000;
/// As long as the service cannot be reached, the keys of its last answer are good, up to this age.
const STALE_MS_MAX: i64 = 60 * 60 * 1_000;
/// A request that waits for a key does not wait for all the attempts of an ordinary call.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) enum Keys {
    Pem(VerifyingKey),
    Jwks(KeySet),
}

pub(crate) struct KeySet {
    client: Client,
    lifetime_ms: i64,
    known: RwLock<Known>,
    /// Whoever holds it asks; everybody else waits for that answer.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, Option<VerifyingKey>>,
    fetched_at_ms: Option<i64>,
    failed: Option<(i64, Error)>,
}

impl Keys {
    pub(crate) async fn find(
        &self,
        kid: Option<&str>,
        now_ms: i64,
    ) -> Result<VerifyingKey, VerifyTokenError> {
        match self {
            Self::Pem(key) => Ok(key.clone()),
            Self::Jwks(set) => set.find(kid.ok_or(TokenError::KidMismatch)?, now_ms).await,
        }
    }
}

impl KeySet {
    pub(crate) fn new(client: Client, lifetime: Duration) -> Self {
        Self {
            client,
            lifetime_ms: i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX),
            known: RwLock::default(),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    async fn find(&self, kid: &str, now_ms: i64) -> Result<VerifyingKey, VerifyTokenError> {
        if let Some(outcome) = self.known(|known| known.fresh(kid, now_ms, self.lifetime_ms)) {
            return outcome;
        }
        let _turn = self.fetching.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(outcome) = self.known(|known| known.fresh(kid, now_ms, self.lifetime_ms)) {
            return outcome;
        }
        if let Some((since_ms, error)) = self.known(|known| known.failed_before(now_ms)) {
            let stale = self.known(|known| known.stale(kid, now_ms));
            let pause_ms = if stale.is_some() { STALE_PAUSE_MS } else { FAILURE_PAUSE_MS };
            if (0..pause_ms).contains(&since_ms) {
                return stale.ok_or(VerifyTokenError::Keys(error))?;
            }
        }
        match self.fetch().await {
            Ok(keys) => {
                let known = Known { keys, fetched_at_ms: Some(now_ms), failed: None };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
                self.known(|known| known.key(kid))
            }
            Err(error) => {
                self.known.write().unwrap_or_else(PoisonError::into_inner).failed =
                    Some((now_ms, error.clone()));
                self.known(|known| known.stale(kid, now_ms)).ok_or(VerifyTokenError::Keys(error))?
            }
        }
    }

    fn known<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn fetch(&self) -> Result<HashMap<String, Option<VerifyingKey>>, Error> {
        let request = self.client.request(Method::Get, "/v1/jwks").timeout(FETCH_TIMEOUT);
        let jwks = request.decode::<Jwks>().await?;
        if jwks.keys.is_empty() {
            return Err(Error::refused("the service has published no key"));
        }
        // A key of a kind that is not known here is no reason to refuse the others.
        Ok(jwks.keys.into_iter().map(|key| (key.kid.clone(), key.verifying_key().ok())).collect())
    }
}

impl Known {
    /// The answer that needs no request. A set from the future is as old as one from long ago: the clock was moved.
    fn fresh(
        &self,
        kid: &str,
        now_ms: i64,
        lifetime_ms: i64,
    ) -> Option<Result<VerifyingKey, VerifyTokenError>> {
        let age_ms = self.age_ms(now_ms)?;
        let is_fresh = (0..lifetime_ms).contains(&age_ms);
        let may_ask = !self.keys.contains_key(kid) && age_ms >= UNKNOWN_KID_PAUSE_MS;
        (is_fresh && !may_ask).then(|| self.key(kid))
    }

    fn stale(&self, kid: &str, now_ms: i64) -> Option<Result<VerifyingKey, VerifyTokenError>> {
        let is_usable = (0..STALE_MS_MAX).contains(&self.age_ms(now_ms)?);
        (is_usable && self.keys.contains_key(kid)).then(|| self.key(kid))
    }

    /// How long ago the service last failed, and how.
    fn failed_before(&self, now_ms: i64) -> Option<(i64, Error)> {
        let (at_ms, error) = self.failed.as_ref()?;
        Some((now_ms.saturating_sub(*at_ms), error.clone()))
    }

    fn age_ms(&self, now_ms: i64) -> Option<i64> {
        self.fetched_at_ms.map(|at_ms| now_ms.saturating_sub(at_ms))
    }

    fn key(&self, kid: &str) -> Result<VerifyingKey, VerifyTokenError> {
        match self.keys.get(kid) {
            Some(Some(key)) => Ok(key.clone()),
            Some(None) => Err(TokenError::KeyInvalid.into()),
            None => Err(TokenError::KidMismatch.into()),
        }
    }
}

/// A public key as it is handed out, with or without its first and last line.
pub(crate) fn read_pem(text: &str) -> Result<VerifyingKey, Error> {
    VerifyingKey::from_pem(Algorithm::Rs256, text)
        .map_err(|error| Error::refused(format!("the JWT key: {error}")))
}
