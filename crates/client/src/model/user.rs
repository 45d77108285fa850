//! The user.

use super::email_address::EmailAddress;
use super::phone_number::PhoneNumber;
use super::tolerant::{Extra, or_default};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use verger_wire::UnixMillis;
use verger_wire::user::Metadata;

/// A user.
///
/// ```
/// # use verger_client::User;
/// let text = r#"{"id":"user_1","first_name":"Ada","created_at":1,"updated_at":1}"#;
/// let user: User = serde_json::from_str(text)?;
/// assert_eq!(user.first_name.as_deref(), Some("Ada"));
/// assert!(user.primary_phone_number().is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// `user_…`.
    pub id: String,
    /// Always `user`.
    #[serde(default)]
    pub object: String,
    /// The application's own id of the user, unique in the instance.
    pub external_id: Option<String>,
    /// The id of one of `email_addresses`.
    pub primary_email_address_id: Option<String>,
    /// The id of one of `phone_numbers`.
    pub primary_phone_number_id: Option<String>,
    /// The id of one of `web3_wallets`.
    pub primary_web3_wallet_id: Option<String>,
    /// Unique in the instance, whatever its case.
    pub username: Option<String>,
    /// Given name, up to 256 characters.
    pub first_name: Option<String>,
    /// Family name, up to 256 characters.
    pub last_name: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// Older name of `image_url`.
    #[serde(default, deserialize_with = "or_default")]
    pub profile_image_url: String,
    /// Where the user's picture is; may be empty.
    #[serde(default, deserialize_with = "or_default")]
    pub image_url: String,
    /// The user has chosen a picture.
    #[serde(default)]
    pub has_image: bool,
    /// For the application's frontend and backend.
    #[serde(default, deserialize_with = "or_default")]
    pub public_metadata: Metadata,
    /// For the application's backend only.
    pub private_metadata: Option<Metadata>,
    /// Writable by the application's frontend: not to be trusted.
    #[serde(default, deserialize_with = "or_default")]
    pub unsafe_metadata: Metadata,
    /// All of them, the newest first.
    #[serde(default, deserialize_with = "or_default")]
    pub email_addresses: Vec<EmailAddress>,
    /// All of them, the newest first.
    #[serde(default, deserialize_with = "or_default")]
    pub phone_numbers: Vec<PhoneNumber>,
    /// As it came: this version of the client has no type for it.
    #[serde(default, deserialize_with = "or_default")]
    pub web3_wallets: Vec<Value>,
    /// As it came: this version of the client has no type for it.
    #[serde(default, deserialize_with = "or_default")]
    pub passkeys: Vec<Value>,
    /// The user has a password.
    #[serde(default)]
    pub password_enabled: bool,
    /// Some second factor exists.
    #[serde(default)]
    pub two_factor_enabled: bool,
    /// An authenticator app is a second factor.
    #[serde(default)]
    pub totp_enabled: bool,
    /// There are backup codes that can be used.
    #[serde(default)]
    pub backup_code_enabled: bool,
    /// When a first second factor last came; stays when it goes. Unix milliseconds.
    pub mfa_enabled_at: Option<UnixMillis>,
    /// When the last second factor last went; stays when one comes. Unix milliseconds.
    pub mfa_disabled_at: Option<UnixMillis>,
    /// Unix milliseconds.
    pub password_last_updated_at: Option<UnixMillis>,
    /// As it came: this version of the client has no type for it.
    #[serde(default, deserialize_with = "or_default")]
    pub external_accounts: Vec<Value>,
    /// As it came: this version of the client has no type for it.
    #[serde(default, deserialize_with = "or_default")]
    pub saml_accounts: Vec<Value>,
    /// As it came: this version of the client has no type for it.
    #[serde(default, deserialize_with = "or_default")]
    pub enterprise_accounts: Vec<Value>,
    /// Unix milliseconds.
    pub last_sign_in_at: Option<UnixMillis>,
    /// May not sign in until unbanned.
    #[serde(default)]
    pub banned: bool,
    /// May not sign in until unlocked, or until the lock ends.
    #[serde(default)]
    pub locked: bool,
    /// Seconds until the lock ends by itself; `None` if it does not.
    pub lockout_expires_in_seconds: Option<i64>,
    /// Wrong tries that are left before the user is locked.
    pub verification_attempts_remaining: Option<i64>,
    /// Unix milliseconds; moves with the user and with each of its identifications.
    pub updated_at: UnixMillis,
    /// Unix milliseconds; may be given at creation.
    pub created_at: UnixMillis,
    /// The user may delete their own account.
    #[serde(default)]
    pub delete_self_enabled: bool,
    /// The user may create organizations.
    #[serde(default)]
    pub create_organization_enabled: bool,
    /// How many organizations the user may create; `None` or 0: no limit.
    pub create_organizations_limit: Option<i64>,
    /// Unix milliseconds.
    pub last_active_at: Option<UnixMillis>,
    /// Unix milliseconds.
    pub legal_accepted_at: Option<UnixMillis>,
    /// Sign-in skips device trust checks.
    #[serde(default)]
    pub bypass_client_trust: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl User {
    /// The number that `primary_phone_number_id` names.
    pub fn primary_phone_number(&self) -> Option<&PhoneNumber> {
        let id = self.primary_phone_number_id.as_deref()?;
        self.phone_numbers.iter().find(|number| number.id == id)
    }

    /// The address that `primary_email_address_id` names.
    pub fn primary_email_address(&self) -> Option<&EmailAddress> {
        let id = self.primary_email_address_id.as_deref()?;
        self.email_addresses.iter().find(|address| address.id == id)
    }
}

/// The answer to [`disable_user_mfa`](crate::Users::disable_user_mfa).
///
/// ```
/// # use verger_client::MfaDisabled;
/// let answer: MfaDisabled = serde_json::from_str(r#"{"user_id":"user_1"}"#)?;
/// assert_eq!(answer.user_id, "user_1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MfaDisabled {
    /// The user whose second factors are gone.
    pub user_id: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`verify_password`](crate::Users::verify_password); a wrong password is an error.
///
/// ```
/// # use verger_client::PasswordVerified;
/// let answer: PasswordVerified = serde_json::from_str(r#"{"verified":true}"#)?;
/// assert!(answer.verified);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PasswordVerified {
    /// The password is right.
    pub verified: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`verify_totp`](crate::Users::verify_totp); a wrong code is an error.
///
/// ```
/// # use verger_client::CodeVerified;
/// let answer: CodeVerified = serde_json::from_str(r#"{"verified":true,"code_type":"totp"}"#)?;
/// assert_eq!(answer.code_type, "totp");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CodeVerified {
    /// The code is right, and used up.
    pub verified: bool,
    /// What it was: `totp` or `backup_code`.
    pub code_type: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`delete_totp`](crate::Users::delete_totp) and
/// [`delete_backup_code`](crate::Users::delete_backup_code).
///
/// ```
/// # use verger_client::CredentialRemoved;
/// let answer: CredentialRemoved = serde_json::from_str(r#"{"user_id":"user_1"}"#)?;
/// assert_eq!(answer.user_id, "user_1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CredentialRemoved {
    /// The user who no longer has it.
    pub user_id: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`get_count`](crate::Users::get_count).
///
/// ```
/// # use verger_client::TotalCount;
/// let count: TotalCount = serde_json::from_str(r#"{"object":"total_count","total_count":7}"#)?;
/// assert_eq!(count.total_count, 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TotalCount {
    /// Always `total_count`.
    #[serde(default)]
    pub object: String,
    /// How many objects match.
    pub total_count: u64,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
