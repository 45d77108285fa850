//! The user.

use crate::input::Input;
use crate::json::Object;
use crate::schema::Schema;
use crate::{EmailAddress, Patch, PhoneNumber, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON object that the application keeps on a user, as programs in Rust write and read it: with numbers of 64 bits.
/// What the server keeps and sends is an [`Object`].
pub type Metadata = Map<String, Value>;

/// The most phone numbers, and the most email addresses, that one user can have.
pub const IDENTIFICATIONS_MAX: usize = 50;

/// A user with all identifications. All keys are always present, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct User {
    /// `user_` and 27 letters and digits.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub id: String,
    /// Always `user`.
    #[wire(constant = "user")]
    pub object: String,
    /// Your own id for the user, unique in the instance.
    #[wire(nullable, example = "customer-1815")]
    pub external_id: Option<String>,
    /// The id of one of `email_addresses`, or null.
    #[wire(nullable, example = "idn_3Dw7ImGIfXiFvAcVPyT0Siw87sn")]
    pub primary_email_address_id: Option<String>,
    /// The id of one of `phone_numbers`, or null.
    #[wire(nullable, example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub primary_phone_number_id: Option<String>,
    /// Always null: wallets are not implemented yet.
    #[wire(nullable)]
    pub primary_web3_wallet_id: Option<String>,
    /// Unique in the instance, case-insensitively.
    #[wire(nullable, example = "ada")]
    pub username: Option<String>,
    /// Given name.
    #[wire(nullable, example = "Ada")]
    pub first_name: Option<String>,
    /// Family name.
    #[wire(nullable, example = "Lovelace")]
    pub last_name: Option<String>,
    /// Language tag, such as `en-GB`.
    #[wire(nullable, example = "en-GB")]
    pub locale: Option<String>,
    /// Older name of `image_url`.
    #[wire(deprecated)]
    pub profile_image_url: String,
    /// Empty: images are not implemented yet.
    pub image_url: String,
    /// Always false: images are not implemented yet.
    pub has_image: bool,
    /// Yours to fill; meant to be read by your frontend as well.
    #[wire(example = {"plan": "team"})]
    pub public_metadata: Object,
    /// Yours to fill; for your backend only.
    #[wire(nullable)]
    pub private_metadata: Option<Object>,
    /// Yours to fill; your frontend may write it too, so never base a permission on it.
    pub unsafe_metadata: Object,
    /// Newest first.
    #[wire(example = [EmailAddress::example()])]
    pub email_addresses: Vec<EmailAddress>,
    /// Newest first.
    #[wire(example = [PhoneNumber::example()])]
    pub phone_numbers: Vec<PhoneNumber>,
    /// Always an empty array: wallets are not implemented yet.
    #[wire(items_max = 0)]
    pub web3_wallets: Vec<Value>,
    /// Always an empty array: passkeys are not implemented yet.
    #[wire(items_max = 0)]
    pub passkeys: Vec<Value>,
    /// Always false: passwords are not implemented yet.
    pub password_enabled: bool,
    /// True exactly when the user has some second factor.
    pub two_factor_enabled: bool,
    /// Always false: authenticator apps are not implemented yet.
    pub totp_enabled: bool,
    /// Always false: backup codes are not implemented yet.
    pub backup_code_enabled: bool,
    /// When the user last went from no second factor to one, in Unix milliseconds. Kept when MFA is turned off.
    #[wire(nullable)]
    pub mfa_enabled_at: Option<UnixMillis>,
    /// When the user last lost the last second factor, in Unix milliseconds. Kept when MFA is turned on again.
    #[wire(nullable)]
    pub mfa_disabled_at: Option<UnixMillis>,
    /// Always null: passwords are not implemented yet.
    #[wire(nullable)]
    pub password_last_updated_at: Option<UnixMillis>,
    /// Always an empty array: connected accounts are not implemented yet.
    #[wire(items_max = 0)]
    pub external_accounts: Vec<Value>,
    /// Always an empty array: SAML accounts are not implemented yet.
    #[wire(items_max = 0)]
    pub saml_accounts: Vec<Value>,
    /// Always an empty array: enterprise accounts are not implemented yet.
    #[wire(items_max = 0)]
    pub enterprise_accounts: Vec<Value>,
    /// Always null: sessions are not implemented yet.
    #[wire(nullable)]
    pub last_sign_in_at: Option<UnixMillis>,
    /// True when the user may not sign in, until unbanned.
    pub banned: bool,
    /// True when the user may not sign in, until unlocked.
    pub locked: bool,
    /// Always null: locks do not expire.
    #[wire(nullable, format = "int64")]
    pub lockout_expires_in_seconds: Option<i64>,
    /// Always null: locking after failed attempts is not implemented yet.
    #[wire(nullable, format = "int64")]
    pub verification_attempts_remaining: Option<i64>,
    /// When the user or one of their identifications last changed, in Unix milliseconds.
    #[wire(example = 1779181260000_i64)]
    pub updated_at: UnixMillis,
    /// When the user was created, or the moment given at creation, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// True when users may delete their own account.
    #[wire(example = true)]
    pub delete_self_enabled: bool,
    /// True when the user may create organizations.
    #[wire(example = true)]
    pub create_organization_enabled: bool,
    /// Maximum number of organizations that the user may create; 0 or null for no limit.
    #[wire(nullable)]
    pub create_organizations_limit: Option<i64>,
    /// Always null: sessions are not implemented yet.
    #[wire(nullable)]
    pub last_active_at: Option<UnixMillis>,
    /// When the user accepted the legal terms, in Unix milliseconds.
    #[wire(nullable)]
    pub legal_accepted_at: Option<UnixMillis>,
    /// True when sign-in skips the device check.
    #[wire(default = false)]
    pub bypass_client_trust: bool,
}

/// `POST /v1/users`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Input)]
#[serde(default)]
#[wire(
    body_required,
    not_built(
        "web3_wallet",
        "password",
        "password_digest",
        "password_hasher",
        "totp_secret",
        "backup_codes"
    )
)]
pub struct CreateUserParams {
    /// Your own id for the user, unique in the instance. 1 to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub external_id: Option<String>,
    /// Given name. At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "Ada")]
    pub first_name: Option<String>,
    /// Family name. At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "Lovelace")]
    pub last_name: Option<String>,
    /// Language tag (BCP 47), such as `en-GB`. At most 35 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub locale: Option<String>,
    /// Up to 50 addresses of the user; the first becomes the primary one. None may be claimed by another user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = IDENTIFICATIONS_MAX, in_words, example = ["ada@example.com"])]
    pub email_address: Vec<String>,
    /// One status for each address, in the same order. Absent or empty: all are `verified`. `reserved`: unverified, but
    /// claimed and usable for sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = IDENTIFICATIONS_MAX, in_words, in_schema_only, one_of("verified", "reserved"))]
    pub email_address_identification_status: Vec<String>,
    /// Up to 50 numbers of the user, in international form; the first becomes the primary one. None may be claimed by
    /// another user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = IDENTIFICATIONS_MAX, in_words, example = ["+12015550123", "+12015550145"])]
    pub phone_number: Vec<String>,
    /// One status for each number, in the same order. Absent or empty: all are `verified`. `reserved`: unverified, but
    /// claimed and usable for sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = IDENTIFICATIONS_MAX, in_words, in_schema_only, one_of("verified", "reserved"), example = ["verified", "reserved"])]
    pub phone_number_identification_status: Vec<String>,
    /// 4 to 64 letters `A` to `Z` and `a` to `z`, digits, `_` and `-`. Unique in the instance, case-insensitively.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub username: Option<String>,
    /// Readable by your frontend as well. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(example = {"plan": "team"})]
    pub public_metadata: Option<Object>,
    /// For your backend only. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<Object>,
    /// Your frontend may write it too, so never base a permission on it. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_metadata: Option<Object>,
    /// Whether users may delete their own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub delete_self_enabled: Option<bool>,
    /// Whether the user may create organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub create_organization_enabled: Option<bool>,
    /// Maximum number of organizations that the user may create; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = 0, in_words)]
    pub create_organizations_limit: Option<i64>,
    /// When the user accepted the legal terms. RFC 3339, such as `2026-05-19T09:00:00.000Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub legal_accepted_at: Option<String>,
    /// When the user signed up, for imported users. RFC 3339, such as `2026-05-19T09:00:00.000Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub created_at: Option<String>,
    /// True: a user with no identification at all is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_user_requirement: Option<bool>,
    /// Whether sign-in skips the device check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub bypass_client_trust: Option<bool>,
    /// True: create the user banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub banned: Option<bool>,
    /// True: create the user locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub locked: Option<bool>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_checks: Option<bool>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_requirement: Option<bool>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_legal_checks: Option<bool>,
}

/// `PATCH /v1/users/{user_id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Input)]
#[serde(default)]
#[wire(
    body_required,
    not_built(
        "notify_primary_email_address_changed",
        "primary_web3_wallet_id",
        "profile_image_id",
        "password",
        "password_digest",
        "password_hasher",
        "sign_out_of_other_sessions",
        "totp_secret",
        "backup_codes"
    )
)]
pub struct UpdateUserParams {
    /// Your own id for the user, unique in the instance. 1 to 256 characters. Null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub external_id: Patch<String>,
    /// Given name. At most 256 characters. Null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub first_name: Patch<String>,
    /// Family name. At most 256 characters. Null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable, example = "King")]
    pub last_name: Patch<String>,
    /// Language tag (BCP 47), such as `en-GB`. At most 35 characters. Null removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub locale: Patch<String>,
    /// The id of an email address of the user, verified or reserved. Null leaves it unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub primary_email_address_id: Option<String>,
    /// The id of a phone number of the user, verified or reserved. Null leaves it unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub primary_phone_number_id: Option<String>,
    /// 4 to 64 letters `A` to `Z` and `a` to `z`, digits, `_` and `-`. Unique in the instance, case-insensitively. Null
    /// or an empty string removes it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub username: Patch<String>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(until = "2026-05-12")]
    pub public_metadata: Option<Object>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(until = "2026-05-12")]
    pub private_metadata: Option<Object>,
    /// Replaces the whole object; only in API versions before 2026-05-12.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(until = "2026-05-12")]
    pub unsafe_metadata: Option<Object>,
    /// Whether users may delete their own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub delete_self_enabled: Option<bool>,
    /// Whether the user may create organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub create_organization_enabled: Option<bool>,
    /// Maximum number of organizations that the user may create; 0 or null for no limit.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable, min = 0, in_words)]
    pub create_organizations_limit: Patch<i64>,
    /// When the user accepted the legal terms; null removes it. RFC 3339, such as `2026-05-19T09:00:00.000Z`.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub legal_accepted_at: Patch<String>,
    /// When the user signed up. RFC 3339, such as `2026-05-19T09:00:00.000Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub created_at: Option<String>,
    /// Whether sign-in skips the device check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub bypass_client_trust: Option<bool>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_checks: Option<bool>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_legal_checks: Option<bool>,
}

/// `PATCH` and `PUT /v1/users/{user_id}/metadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Input)]
#[serde(default)]
pub struct MetadataParams {
    /// Readable by your frontend as well. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(example = {"plan": "enterprise", "trial": null})]
    pub public_metadata: Option<Object>,
    /// For your backend only. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_metadata: Option<Object>,
    /// Your frontend may write it too, so never base a permission on it. At most 8,192 bytes of JSON, 32 levels deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_metadata: Option<Object>,
}

/// `POST /v1/users/ban` and `/v1/users/unban`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open, body_required)]
pub struct UserIdsParams {
    /// The users: 1 to 50 ids.
    #[wire(required, items_min = 1, items_max = 50, in_schema_only, example = ["user_3Dw7IiS6fko9avCNGdolikmwFDN", "user_3Dw7JOBTomM81IWXkXCZt7PRTFt"])]
    pub user_ids: Vec<String>,
}
