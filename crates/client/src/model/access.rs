//! Who may come to an instance, and where people are sent back to.

use super::tolerant::{Extra, open_enum};
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

open_enum! {
    /// What an entry of the allow-list or the block-list is.
    ///
    /// ```
    /// # use verger_client::IdentifierType;
    /// assert_eq!(IdentifierType::from("phone_number"), IdentifierType::PhoneNumber);
    /// ```
    IdentifierType {
        /// An email address, or all of a domain: `*@example.com`.
        EmailAddress = "email_address",
        /// A phone number in E.164.
        PhoneNumber = "phone_number",
        /// The address of a wallet.
        Web3Wallet = "web3_wallet",
    }
}

/// An identifier that may sign up.
///
/// ```
/// # use verger_client::{AllowlistIdentifier, IdentifierType};
/// let text = r#"{"id":"alid_1","identifier":"*@example.com","identifier_type":"email_address","created_at":1,"updated_at":1}"#;
/// let entry: AllowlistIdentifier = serde_json::from_str(text)?;
/// assert_eq!(entry.identifier_type, IdentifierType::EmailAddress);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AllowlistIdentifier {
    /// `alid_…`.
    pub id: String,
    /// Always `allowlist_identifier`.
    #[serde(default)]
    pub object: String,
    /// The invitation that was made with it.
    pub invitation_id: Option<String>,
    /// The identifier: an email address, `*@` and a domain, a phone number, or the address of a wallet.
    pub identifier: String,
    /// What it is.
    pub identifier_type: IdentifierType,
    /// `ins_…`.
    pub instance_id: Option<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An identifier that may not sign up.
///
/// ```
/// # use verger_client::BlocklistIdentifier;
/// let text = r#"{"id":"blid_1","identifier":"eve@example.com","identifier_type":"email_address","created_at":1,"updated_at":1}"#;
/// let entry: BlocklistIdentifier = serde_json::from_str(text)?;
/// assert_eq!(entry.identifier, "eve@example.com");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlocklistIdentifier {
    /// `blid_…`.
    pub id: String,
    /// Always `blocklist_identifier`.
    #[serde(default)]
    pub object: String,
    /// The identifier: an email address, `*@` and a domain, a phone number, or the address of a wallet.
    pub identifier: String,
    /// What it is.
    pub identifier_type: IdentifierType,
    /// `ins_…`.
    pub instance_id: Option<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A URL that native applications may be sent back to.
///
/// ```
/// # use verger_client::RedirectUrl;
/// let text = r#"{"id":"ru_1","url":"com.example.app://signed-in","created_at":1,"updated_at":1}"#;
/// let redirect: RedirectUrl = serde_json::from_str(text)?;
/// assert_eq!(redirect.url, "com.example.app://signed-in");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RedirectUrl {
    /// `ru_…`.
    pub id: String,
    /// Always `redirect_url`.
    #[serde(default)]
    pub object: String,
    /// The URL, compared as a whole.
    pub url: String,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
