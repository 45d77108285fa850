//! The user.

use crate::json::Object;
use crate::{EmailAddress, Patch, PhoneNumber, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON object that the application keeps on a user, as programs in Rust write and read it: with numbers of 64 bits.
/// What the server keeps and sends is an [`Object`].
pub type Metadata = Map<String, Value>;

/// A user. All keys are always sent, in this order.
///
/// What Verger does not have yet (passwords, wallets, connected accounts, passkeys, sessions) is sent as the
/// empty or false value that the published document asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// `user_…`.
    pub id: String,
    /// Always `user`.
    pub object: String,
    /// The application's own id of the user, unique in the instance.
    pub external_id: Option<String>,
    /// The id of one of `email_addresses`.
    pub primary_email_address_id: Option<String>,
    /// The id of one of `phone_numbers`.
    pub primary_phone_number_id: Option<String>,
    /// Always null: wallets are not built.
    pub primary_web3_wallet_id: Option<String>,
    /// Unique in the instance, whatever its case.
    pub username: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// Older name of `image_url`.
    pub profile_image_url: String,
    /// Empty: images are not built.
    pub image_url: String,
    /// Always false: images are not built.
    pub has_image: bool,
    /// For the application's frontend and backend.
    pub public_metadata: Object,
    /// For the application's backend only.
    pub private_metadata: Option<Object>,
    /// Writable by the application's frontend: not to be trusted.
    pub unsafe_metadata: Object,
    /// Newest first.
    pub email_addresses: Vec<EmailAddress>,
    /// Newest first.
    pub phone_numbers: Vec<PhoneNumber>,
    /// Always empty: not built.
    pub web3_wallets: Vec<Value>,
    /// Always empty: not built.
    pub passkeys: Vec<Value>,
    /// Always false: passwords are not built.
    pub password_enabled: bool,
    /// True exactly when some second factor exists.
    pub two_factor_enabled: bool,
    /// Always false: not built.
    pub totp_enabled: bool,
    /// Always false: not built.
    pub backup_code_enabled: bool,
    /// When a first second factor last came; stays when it goes. Unix milliseconds.
    pub mfa_enabled_at: Option<UnixMillis>,
    /// When the last second factor last went; stays when one comes. Unix milliseconds.
    pub mfa_disabled_at: Option<UnixMillis>,
    /// Always null: passwords are not built.
    pub password_last_updated_at: Option<UnixMillis>,
    /// Always empty: not built.
    pub external_accounts: Vec<Value>,
    /// Always empty: not built.
    pub saml_accounts: Vec<Value>,
    /// Always empty: not built.
    pub enterprise_accounts: Vec<Value>,
    /// Always null: sessions are not built.
    pub last_sign_in_at: Option<UnixMillis>,
    /// May not sign in.
    pub banned: bool,
    /// May not sign in until unlocked.
    pub locked: bool,
    /// Always null: a lock has no end of its own.
    pub lockout_expires_in_seconds: Option<i64>,
    /// Always null: locking by failed attempts is not built.
    pub verification_attempts_remaining: Option<i64>,
    /// Unix milliseconds; moves with the user and with each of its identifications.
    pub updated_at: UnixMillis,
    /// Unix milliseconds; may be given at creation.
    pub created_at: UnixMillis,
    /// The user may delete their own account.
    pub delete_self_enabled: bool,
    /// The user may create organizations.
    pub create_organization_enabled: bool,
    /// How many organizations the user may create; null or 0: no limit.
    pub create_organizations_limit: Option<i64>,
    /// Always null: sessions are not built.
    pub last_active_at: Option<UnixMillis>,
    /// Unix milliseconds.
    pub legal_accepted_at: Option<UnixMillis>,
    /// Sign-in skips device trust checks.
    pub bypass_client_trust: bool,
}

/// `POST /v1/users`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateUserParams {
    /// The application's own id of the user, unique in the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// BCP 47 language tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Addresses; the first becomes primary. Verified unless stated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_address: Vec<String>,
    /// `verified` or `reserved` for each address, by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_address_identification_status: Vec<String>,
    /// Numbers; the first becomes primary. Verified unless stated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phone_number: Vec<String>,
    /// `verified` or `reserved` for each number, by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phone_number_identification_status: Vec<String>,
    /// Unique in the instance, whatever its case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For the application's frontend and backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_metadata: Option<Metadata>,
    /// For the application's backend only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<Metadata>,
    /// Writable by the application's frontend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_metadata: Option<Metadata>,
    /// The user may delete their own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_self_enabled: Option<bool>,
    /// The user may create organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_organization_enabled: Option<bool>,
    /// How many organizations the user may create; 0: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_organizations_limit: Option<i64>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_accepted_at: Option<String>,
    /// RFC 3339: when the user really signed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// A user without any identification is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_user_requirement: Option<bool>,
    /// Sign-in skips device trust checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass_client_trust: Option<bool>,
    /// Created banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banned: Option<bool>,
    /// Created locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

/// `PATCH /v1/users/{user_id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateUserParams {
    /// The application's own id of the user; null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub external_id: Patch<String>,
    /// Given name; null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub first_name: Patch<String>,
    /// Family name; null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub last_name: Patch<String>,
    /// BCP 47 language tag; null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub locale: Patch<String>,
    /// A verified or reserved address of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_email_address_id: Option<String>,
    /// A verified or reserved number of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_phone_number_id: Option<String>,
    /// Unique in the instance; null or the empty text removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub username: Patch<String>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_metadata: Option<Metadata>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<Metadata>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_metadata: Option<Metadata>,
    /// The user may delete their own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_self_enabled: Option<bool>,
    /// The user may create organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_organization_enabled: Option<bool>,
    /// How many organizations the user may create; null or 0: no limit.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub create_organizations_limit: Patch<i64>,
    /// RFC 3339; null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub legal_accepted_at: Patch<String>,
    /// RFC 3339: when the user really signed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Sign-in skips device trust checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass_client_trust: Option<bool>,
}

/// `PATCH` and `PUT /v1/users/{user_id}/metadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataParams {
    /// For the application's frontend and backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_metadata: Option<Metadata>,
    /// For the application's backend only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<Metadata>,
    /// Writable by the application's frontend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_metadata: Option<Metadata>,
}

/// `POST /v1/users/ban` and `/v1/users/unban`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdsParams {
    /// 1 to 50 users.
    pub user_ids: Vec<String>,
}
