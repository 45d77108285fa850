//! The phone number of a user.

use super::identification::{IdentificationLink, is_verified};
use super::tolerant::{Extra, or_default};
use super::verification::Verification;
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

/// A phone number of a user.
///
/// ```
/// # use verger_client::PhoneNumber;
/// let text = r#"{"id":"idn_1","phone_number":"+12025550100","created_at":1,"updated_at":1,"carrier":"none"}"#;
/// let number: PhoneNumber = serde_json::from_str(text)?;
/// assert!(!number.is_verified());
/// // A field of tomorrow is kept.
/// assert_eq!(number.extra["carrier"], "none");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhoneNumber {
    /// `idn_…`.
    pub id: String,
    /// Always `phone_number`.
    #[serde(default)]
    pub object: String,
    /// E.164 with `+`.
    pub phone_number: String,
    /// A code sent here is a second factor.
    #[serde(default)]
    pub reserved_for_second_factor: bool,
    /// The second factor that is asked for first.
    #[serde(default)]
    pub default_second_factor: bool,
    /// Unverified yet claimed: usable for sign-in, and no other user can take it.
    #[serde(default)]
    pub reserved: bool,
    /// `None` while nobody has proved anything, or after an administrator took it back.
    pub verification: Option<Verification>,
    /// Accounts that came with this number.
    #[serde(default, deserialize_with = "or_default")]
    pub linked_to: Vec<IdentificationLink>,
    /// `None` unless codes were just made.
    pub backup_codes: Option<Vec<String>>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds; moves only when this number changed.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PhoneNumber {
    /// True if somebody proved that the number is the user's, or an administrator said so.
    pub fn is_verified(&self) -> bool {
        is_verified(self.verification.as_ref())
    }
}

/// What Verger keeps beside a phone number. Verger only: other services answer 404.
///
/// ```
/// # use verger_client::PhoneNumberDetails;
/// let text = r#"{"id":"idn_1","user_id":"user_1","phone_number":"+447400123456","typed":"+44 07400 123456",
///     "region":"GB","line_type":"mobile","metadata_version":"9","verified_at":null}"#;
/// let details: PhoneNumberDetails = serde_json::from_str(text)?;
/// assert_eq!(details.region.as_deref(), Some("GB"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhoneNumberDetails {
    /// `idn_…`.
    pub id: String,
    /// Always `phone_number_details`.
    #[serde(default)]
    pub object: String,
    /// The user who has the number, `user_…`.
    pub user_id: String,
    /// E.164 with `+`.
    pub phone_number: String,
    /// The text as it was typed.
    pub typed: String,
    /// ISO 3166-1 alpha-2, or `001` for numbers of no country.
    pub region: Option<String>,
    /// For example `mobile` or `fixed_line`.
    pub line_type: Option<String>,
    /// The numbering plans that judged the number.
    #[serde(default)]
    pub metadata_version: String,
    /// When it was verified. Unix milliseconds.
    pub verified_at: Option<UnixMillis>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
