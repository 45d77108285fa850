//! Sessions and their tokens, and the clients that they are on.

use super::tolerant::{Extra, open_enum, or_default};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use verger_wire::{UnixMillis, debug_without_secrets};

open_enum! {
    /// What a session is now.
    ///
    /// ```
    /// # use verger_client::UserSessionStatus;
    /// assert_eq!(UserSessionStatus::from("active"), UserSessionStatus::Active);
    /// assert_eq!(UserSessionStatus::from("asleep").as_str(), "asleep");
    /// ```
    UserSessionStatus {
        /// It gives tokens.
        Active = "active",
        /// The user has a task to do before it is active.
        Pending = "pending",
        /// The user has signed out of it.
        Ended = "ended",
        /// The user has signed out of all sessions of the client.
        Removed = "removed",
        /// An administrator has ended it, or a change of the user.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
        /// Verger has none: of services that keep sessions beyond their expiry.
        Abandoned = "abandoned",
        /// Verger has none: of services in which one session takes the place of another.
        Replaced = "replaced",
    }
}

/// One user, signed in on one client. What a request's token says of it is in [`Session`](crate::Session).
///
/// ```
/// # use verger_client::{UserSession, UserSessionStatus};
/// let text = r#"{"id":"sess_1","user_id":"user_1","client_id":"client_1","status":"active","last_active_at":1,
///     "expire_at":604800001,"abandon_at":2592000001,"created_at":1,"updated_at":1}"#;
/// let session: UserSession = serde_json::from_str(text)?;
/// assert_eq!(session.status, UserSessionStatus::Active);
/// assert!(session.actor.is_none() && session.latest_activity.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserSession {
    /// `sess_…`.
    pub id: String,
    /// Always `session`.
    #[serde(default)]
    pub object: String,
    /// Who is signed in, `user_…`.
    pub user_id: String,
    /// On which client, `client_…`.
    pub client_id: String,
    /// Who acts as the user, by an actor token; `None` where the user acts.
    pub actor: Option<Map<String, Value>>,
    /// What it is now: expiry is computed when it is read.
    pub status: UserSessionStatus,
    /// The organization that was chosen last; Verger has none.
    pub last_active_organization_id: Option<String>,
    /// When it was last used, to a few seconds. Unix milliseconds.
    pub last_active_at: UnixMillis,
    /// Where it was last used, if that is known.
    pub latest_activity: Option<SessionActivity>,
    /// When it expires if nothing ends it earlier. Unix milliseconds.
    pub expire_at: UnixMillis,
    /// Unix milliseconds; nothing happens then.
    pub abandon_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// What the user must do before it is active.
    pub tasks: Option<Vec<SessionTask>>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where a session was last used.
///
/// ```
/// # use verger_client::SessionActivity;
/// let activity: SessionActivity = serde_json::from_str(r#"{"id":"sess_activity_1","browser_name":"Firefox"}"#)?;
/// assert_eq!(activity.browser_name.as_deref(), Some("Firefox"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionActivity {
    /// `sess_activity_…`.
    pub id: String,
    /// Always `session_activity`.
    #[serde(default)]
    pub object: String,
    /// For example `Macintosh`.
    pub device_type: Option<String>,
    /// It is a mobile device.
    #[serde(default)]
    pub is_mobile: bool,
    /// For example `Firefox`.
    pub browser_name: Option<String>,
    /// For example `128.0`.
    pub browser_version: Option<String>,
    /// The IP address that it was last used from.
    pub ip_address: Option<String>,
    /// Verger knows none.
    pub city: Option<String>,
    /// Verger knows none.
    pub country: Option<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Something that a user must do before a session is active.
///
/// ```
/// # use verger_client::SessionTask;
/// let task: SessionTask = serde_json::from_str(r#"{"key":"setup-mfa"}"#)?;
/// assert_eq!(task.key, "setup-mfa");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionTask {
    /// For example `reset-password` or `setup-mfa`.
    pub key: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A token of a session. Its `Debug` does not show the token.
///
/// ```
/// # use verger_client::SessionToken;
/// let token: SessionToken = serde_json::from_str(r#"{"object":"token","jwt":"eyJhbGci.e30.c2ln"}"#)?;
/// assert_eq!(token.jwt, "eyJhbGci.e30.c2ln");
/// assert!(!format!("{token:?}").contains("eyJ"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionToken {
    /// Always `token`.
    #[serde(default)]
    pub object: String,
    /// The JWT. It is as good as a password while it lives: no log may have it.
    pub jwt: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! { SessionToken { object } without { jwt, extra } }

/// What a refresh gives: a token, or cookies, as it was asked. Its `Debug` shows neither.
///
/// ```
/// # use verger_client::SessionRefresh;
/// let text = r#"{"object":"cookies","cookies":["__session=eyJhbGci; Path=/"]}"#;
/// let refresh: SessionRefresh = serde_json::from_str(text)?;
/// assert_eq!((refresh.jwt.as_deref(), refresh.cookies.len()), (None, 1));
/// assert!(!format!("{refresh:?}").contains("eyJ"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionRefresh {
    /// `token` or `cookies`.
    #[serde(default)]
    pub object: String,
    /// The JWT, if the token was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<String>,
    /// Values of `Set-Cookie`, if cookies were asked for.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! { SessionRefresh { object } without { jwt, cookies, extra } }

/// A browser or a device, with the sessions on it.
///
/// ```
/// # use verger_client::UserClient;
/// let client: UserClient = serde_json::from_str(r#"{"id":"client_1","sessions":[],"created_at":1,"updated_at":1}"#)?;
/// assert!(client.session_ids.is_empty() && client.last_active_session_id.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserClient {
    /// `client_…`.
    pub id: String,
    /// Always `client`.
    #[serde(default)]
    pub object: String,
    /// The ids of `sessions`.
    #[serde(default, deserialize_with = "or_default")]
    pub session_ids: Vec<String>,
    /// Those that are active or pending, the oldest first.
    #[serde(default, deserialize_with = "or_default")]
    pub sessions: Vec<UserSession>,
    /// The sign-in under way.
    pub sign_in_id: Option<String>,
    /// The sign-up under way.
    pub sign_up_id: Option<String>,
    /// The session that was used last.
    pub last_active_session_id: Option<String>,
    /// With what its user last signed in, for example `phone_code`.
    pub last_authentication_strategy: Option<String>,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
