//! The email address of a user.

use super::identification::{IdentificationLink, is_verified};
use super::tolerant::{Extra, or_default};
use super::verification::Verification;
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

/// An email address of a user.
///
/// ```
/// # use verger_client::EmailAddress;
/// let text = r#"{"id":"idn_1","email_address":"ada@example.com","created_at":1,"updated_at":1}"#;
/// let address: EmailAddress = serde_json::from_str(text)?;
/// assert!(!address.is_verified());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmailAddress {
    /// `idn_…`.
    pub id: String,
    /// Always `email_address`.
    #[serde(default)]
    pub object: String,
    /// In lower case, as it is stored.
    pub email_address: String,
    /// Unverified yet claimed: usable for sign-in, and no other user can take it.
    #[serde(default)]
    pub reserved: bool,
    /// `None` while nobody has proved anything, or after an administrator took it back.
    pub verification: Option<Verification>,
    /// Accounts that came with this address.
    #[serde(default, deserialize_with = "or_default")]
    pub linked_to: Vec<IdentificationLink>,
    /// Whether the domain belongs to a single sign-on connection.
    #[serde(default)]
    pub matches_sso_connection: bool,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds; moves only when this address changed.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EmailAddress {
    /// True if somebody proved that the address is the user's, or an administrator said so.
    pub fn is_verified(&self) -> bool {
        is_verified(self.verification.as_ref())
    }
}
