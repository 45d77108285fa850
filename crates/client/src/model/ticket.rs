//! Tickets: sign-in tokens, actor tokens and invitations; and testing tokens.

use super::tolerant::{Extra, open_enum, or_default};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use verger_wire::user::Metadata;
use verger_wire::{UnixMillis, debug_without_secrets};

open_enum! {
    /// What has become of a ticket.
    ///
    /// ```
    /// # use verger_client::TicketStatus;
    /// assert_eq!(TicketStatus::from("revoked"), TicketStatus::Revoked);
    /// ```
    TicketStatus {
        /// It can be used.
        Pending = "pending",
        /// It was used.
        Accepted = "accepted",
        /// It was taken back.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
    }
}

/// A ticket that signs a user in once. Its `Debug` shows neither the ticket nor the link that has it.
///
/// ```
/// # use verger_client::{SignInToken, TicketStatus};
/// let text = r#"{"id":"sit_1","status":"pending","user_id":"user_1","token":"ticket_Wj","created_at":1,"updated_at":1}"#;
/// let token: SignInToken = serde_json::from_str(text)?;
/// assert_eq!((&token.status, token.token.as_deref()), (&TicketStatus::Pending, Some("ticket_Wj")));
/// assert!(!format!("{token:?}").contains("ticket_Wj"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignInToken {
    /// `sit_…`.
    pub id: String,
    /// Always `sign_in_token`.
    #[serde(default)]
    pub object: String,
    /// What has become of it.
    pub status: TicketStatus,
    /// Who it signs in, `user_…`.
    pub user_id: String,
    /// The ticket: only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A link that begins the sign-in: only in the answer that makes it, and only if the instance has a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! {
    SignInToken { id, object, status, user_id, created_at, updated_at } without { token, url, extra }
}

/// A ticket with which somebody acts as a user. Its `Debug` shows neither the ticket nor the link that has it.
///
/// ```
/// # use verger_client::ActorToken;
/// let text = r#"{"id":"act_1","status":"accepted","user_id":"user_1","actor":{"sub":"user_2"},"created_at":1,"updated_at":1}"#;
/// let token: ActorToken = serde_json::from_str(text)?;
/// assert_eq!(token.actor["sub"], "user_2");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActorToken {
    /// `act_…`.
    pub id: String,
    /// Always `actor_token`.
    #[serde(default)]
    pub object: String,
    /// What has become of it.
    pub status: TicketStatus,
    /// As whom somebody acts, `user_…`.
    pub user_id: String,
    /// Who acts: `sub` is the id of that user.
    #[serde(default, deserialize_with = "or_default")]
    pub actor: Map<String, Value>,
    /// The ticket: only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A link that begins the sign-in: only in the answer that makes it, and only if the instance has a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! {
    ActorToken { id, object, status, user_id, actor, created_at, updated_at } without { token, url, extra }
}

/// An invitation to sign up. Its `Debug` does not show the link, which has a ticket in it.
///
/// ```
/// # use verger_client::{Invitation, TicketStatus};
/// let text = r#"{"id":"inv_1","email_address":"ada@example.com","status":"expired","created_at":1,"updated_at":1}"#;
/// let invitation: Invitation = serde_json::from_str(text)?;
/// assert_eq!(invitation.status, TicketStatus::Expired);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// `inv_…`.
    pub id: String,
    /// Always `invitation`.
    #[serde(default)]
    pub object: String,
    /// Who is invited.
    pub email_address: String,
    /// What the user's public metadata begins with.
    #[serde(default, deserialize_with = "or_default")]
    pub public_metadata: Metadata,
    /// It was taken back.
    #[serde(default)]
    pub revoked: bool,
    /// What has become of it: expiry is computed when it is read.
    pub status: TicketStatus,
    /// The link for the person who is invited: only in the answer that makes the invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// From when on it cannot be accepted. Unix milliseconds.
    pub expires_at: Option<UnixMillis>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! {
    Invitation {
        id, object, email_address, public_metadata, revoked, status, expires_at, created_at, updated_at,
    } without { url, extra }
}

/// A token for end-to-end tests. Its `Debug` does not show it.
///
/// ```
/// # use verger_client::TestingToken;
/// let token: TestingToken = serde_json::from_str(r#"{"token":"1713877200-c_2J","expires_at":1713880800}"#)?;
/// assert_eq!(token.expires_at_seconds, 1_713_880_800);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestingToken {
    /// Always `testing_token`.
    #[serde(default)]
    pub object: String,
    /// What the query parameter `__clerk_testing_token` takes.
    pub token: String,
    /// When it expires; `expires_at` on the wire. Unix **seconds**, unlike all other times.
    #[serde(rename = "expires_at")]
    pub expires_at_seconds: i64,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

debug_without_secrets! { TestingToken { object, expires_at_seconds } without { token, extra } }
