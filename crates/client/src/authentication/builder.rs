//! How an authenticator is put together.

use super::authenticator::Authenticator;
use super::keys::{JWKS_LIFETIME, KeySet, Keys, read_pem};
use super::location::Location;
use super::organization::PathPattern;
use super::publishable_key::PublishableKey;
use super::settings::{Clock, OrganizationSync, Satellite, Settings};
use super::verifier::Verifier;
use crate::client::Client;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use verger_jwt::CLOCK_SKEW_MS_DEFAULT;
use verger_wire::UnixMillis;

/// Puts an [`Authenticator`] together.
#[derive(Clone)]
#[must_use = "nothing is built before `build`"]
pub struct AuthenticatorBuilder {
    client: Option<Client>,
    jwt_key: Option<String>,
    jwks_lifetime: Duration,
    publishable_key: Option<String>,
    proxy_url: Option<String>,
    satellite: Option<Satellite>,
    organization_sync: OrganizationSync,
    authorized_parties: Vec<String>,
    audiences: Vec<String>,
    issuers: Vec<String>,
    clock_skew: Duration,
    clock: Clock,
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder").finish_non_exhaustive()
    }
}

impl Client {
    /// An authenticator in the making, with the keys of the service.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let authenticator = client.authenticator().authorized_parties(["https://example.com"]).build()?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn authenticator(&self) -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(Some(self.clone()))
    }
}

impl Authenticator {
    /// An authenticator without a client: it needs a [`jwt_key`](AuthenticatorBuilder::jwt_key), and exchanges no expired tokens.
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(None)
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of programs; `clock` takes its place in tests")]
fn system_clock() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

impl AuthenticatorBuilder {
    pub(crate) fn new(client: Option<Client>) -> Self {
        Self {
            client,
            jwt_key: None,
            jwks_lifetime: JWKS_LIFETIME,
            publishable_key: None,
            proxy_url: None,
            satellite: None,
            organization_sync: OrganizationSync::default(),
            authorized_parties: Vec::new(),
            audiences: Vec::new(),
            issuers: Vec::new(),
            clock_skew: Duration::from_millis(CLOCK_SKEW_MS_DEFAULT.into()),
            clock: Arc::new(system_clock),
        }
    }

    /// The instance's public key in PEM, in place of the key set of the service. It must be replaced when the instance's signing key
    /// is.
    pub fn jwt_key(mut self, pem: impl Into<String>) -> Self {
        self.jwt_key = Some(pem.into());
        self
    }

    /// How long a key set is kept. Default 5 minutes. An unknown key id asks for it earlier, at most every 10 s; as long as the
    /// service cannot be reached, the last one is good for an hour.
    pub fn jwks_lifetime(mut self, lifetime: Duration) -> Self {
        self.jwks_lifetime = lifetime;
        self
    }

    /// The publishable key, `pk_…`, which names the cookies and the host of the Frontend API. Needed for requests with cookies.
    pub fn publishable_key(mut self, key: impl Into<String>) -> Self {
        self.publishable_key = Some(key.into());
        self
    }

    /// Where the Frontend API is reached instead of at its own host: a URL, or a path of this application.
    pub fn proxy_url(mut self, url: impl Into<String>) -> Self {
        self.proxy_url = Some(url.into());
        self
    }

    /// This application is on another domain than the one where people sign in.
    pub fn satellite(mut self, satellite: Satellite) -> Self {
        self.satellite = Some(satellite);
        self
    }

    /// Which paths name the organization that a person works in.
    pub fn organization_sync(mut self, sync: OrganizationSync) -> Self {
        self.organization_sync = sync;
        self
    }

    /// The origins that tokens may have been issued to (`azp`), such as `https://shop.example.com`. When there are any, a token without
    /// `azp` is refused too. Recommended: it keeps an application on a neighbouring subdomain from passing on its visitors' tokens.
    pub fn authorized_parties<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.authorized_parties = origins.into_iter().map(Into::into).collect();
        self
    }

    /// The audiences (`aud`) of which a token must name one.
    pub fn audiences<S: Into<String>>(mut self, audiences: impl IntoIterator<Item = S>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The issuers (`iss`) that are accepted, such as `https://clerk.example.com`. Default: any, since the keys are the instance's.
    pub fn issuers<S: Into<String>>(mut self, issuers: impl IntoIterator<Item = S>) -> Self {
        self.issuers = issuers.into_iter().map(Into::into).collect();
        self
    }

    /// How far the clocks of service and application may be apart. Default 5 s.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// The clock, in place of the system's: for tests.
    ///
    /// ```
    /// # use verger_client::UnixMillis;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let authenticator = client.authenticator().clock(|| UnixMillis(1_795_000_000_000)).build()?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn clock(mut self, now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// The authenticator. Nothing is sent yet.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused): there is neither a client nor a JWT key, or something that was given is not what it should be.
    pub fn build(self) -> Result<Authenticator, Error> {
        let keys = match (&self.jwt_key, &self.client) {
            (Some(pem), _) => Keys::Pem(read_pem(pem)?),
            (None, Some(client)) => Keys::Jwks(KeySet::new(client.clone(), self.jwks_lifetime)),
            (None, None) => {
                return Err(Error::refused(
                    "an authenticator without a client needs the JWT key of its instance",
                ));
            }
        };
        let client = self.client.clone();
        Ok(Authenticator { verifier: Arc::new(Verifier { keys, settings: self.settings()?, client }) })
    }

    fn settings(self) -> Result<Settings, Error> {
        let publishable_key = match &self.publishable_key {
            None => None,
            Some(text) => Some(PublishableKey::parse(text).ok_or_else(|| {
                Error::refused("a publishable key is pk_test_ or pk_live_ and base64 of the host of the Frontend API and $")
            })?),
        };
        if let Some(url) = &self.proxy_url
            && !url.starts_with('/')
            && Location::parse(url).is_none()
        {
            return Err(Error::refused("the proxy URL must be an http or https URL, or a path"));
        }
        if let Some(satellite) = &self.satellite {
            check_satellite(satellite, self.proxy_url.as_deref(), publishable_key.as_ref())?;
        }
        let patterns = |texts: &[String]| -> Result<Vec<PathPattern>, Error> {
            texts.iter().map(|text| PathPattern::parse(text)).collect()
        };
        Ok(Settings {
            organizations: patterns(&self.organization_sync.organizations)?,
            personal_accounts: patterns(&self.organization_sync.personal_accounts)?,
            publishable_key,
            proxy_url: self.proxy_url,
            satellite: self.satellite,
            authorized_parties: self.authorized_parties,
            audiences: self.audiences,
            issuers: self.issuers,
            clock_skew_ms: u32::try_from(self.clock_skew.as_millis()).unwrap_or(u32::MAX),
            clock: self.clock,
        })
    }
}

fn check_satellite(
    satellite: &Satellite,
    proxy_url: Option<&str>,
    key: Option<&PublishableKey>,
) -> Result<(), Error> {
    let is_url = |url: &String| Location::parse(url).is_some();
    match &satellite.sign_in_url {
        Some(url) if !is_url(url) => {
            return Err(Error::refused("the sign-in URL must be an http or https URL"));
        }
        None if key.is_some_and(|key| !key.is_production) => {
            return Err(Error::refused(
                "a satellite in development needs the sign-in URL of the primary application",
            ));
        }
        _ => {}
    }
    if satellite.domain.is_none() && proxy_url.is_none() {
        return Err(Error::refused("a satellite needs its domain or a proxy URL"));
    }
    Ok(())
}
