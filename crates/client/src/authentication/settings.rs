//! What was chosen for an authenticator.

use super::organization::PathPattern;
use super::publishable_key::PublishableKey;
use std::sync::Arc;
use verger_jwt::Checks;
use verger_wire::UnixMillis;

pub(crate) type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// An application on another domain than the one where people sign in.
///
/// ```
/// # use verger_client::Satellite;
/// let satellite = Satellite { domain: Some("satellite.example".to_owned()), ..Satellite::default() };
/// ```
#[derive(Clone, Debug, Default)]
pub struct Satellite {
    /// Its domain; in production the Frontend API is at `clerk.` before it.
    pub domain: Option<String>,
    /// Where people sign in. Needed in development, and on another origin than the satellite.
    pub sign_in_url: Option<String>,
    /// Whether a browser without cookies is sent to the primary domain to see whether it is signed in there.
    pub auto_sync: bool,
}

/// Paths that name the organization that a person works in, such as `/orgs/:slug/(.*)`: a session with another one is switched by a
/// handshake.
#[derive(Clone, Debug, Default)]
pub struct OrganizationSync {
    /// Patterns with `:id` or `:slug`.
    pub organizations: Vec<String>,
    /// Patterns of pages that belong to no organization.
    pub personal_accounts: Vec<String>,
}

/// What was chosen, checked.
pub(crate) struct Settings {
    pub(crate) publishable_key: Option<PublishableKey>,
    /// A URL, or a path of the application.
    pub(crate) proxy_url: Option<String>,
    pub(crate) satellite: Option<Satellite>,
    pub(crate) organizations: Vec<PathPattern>,
    pub(crate) personal_accounts: Vec<PathPattern>,
    pub(crate) authorized_parties: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) issuers: Vec<String>,
    pub(crate) clock_skew_ms: u32,
    pub(crate) clock: Clock,
}

impl Settings {
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)().0
    }

    pub(crate) fn checks(&self, now_ms: i64, clock_skew_ms: u32) -> Checks<'_> {
        Checks::at(now_ms)
            .clock_skew_ms(clock_skew_ms)
            .issuers(&self.issuers)
            .audiences(&self.audiences)
            .authorized_parties(&self.authorized_parties)
    }
}
