//! The user.

use crate::input::Input;
use crate::json::Object;
use crate::schema::Schema;
use crate::{EmailAddress, Patch, PhoneNumber, UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON object that the application keeps on a user, as programs in Rust write and read it: with numbers of 64 bits.
/// What the server keeps and sends is an [`Object`].
pub type Metadata = Map<String, Value>;

/// The most phone numbers, and the most email addresses, that one user can have.
pub const IDENTIFICATIONS_MAX: usize = 50;

/// The most backup codes that one user can have.
pub const BACKUP_CODES_MAX: usize = 10;

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
    /// True when the user has a password.
    pub password_enabled: bool,
    /// True exactly when the user has some second factor.
    pub two_factor_enabled: bool,
    /// True when the user has an authenticator app. It is a second factor.
    pub totp_enabled: bool,
    /// True when the user has backup codes left. They are not a second factor by themselves.
    pub backup_code_enabled: bool,
    /// When the user last went from no second factor to one, in Unix milliseconds. Kept when MFA is turned off.
    #[wire(nullable)]
    pub mfa_enabled_at: Option<UnixMillis>,
    /// When the user last lost the last second factor, in Unix milliseconds. Kept when MFA is turned on again.
    #[wire(nullable)]
    pub mfa_disabled_at: Option<UnixMillis>,
    /// When the password was set, in Unix milliseconds.
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
    /// When the user last signed in, in Unix milliseconds.
    #[wire(nullable)]
    pub last_sign_in_at: Option<UnixMillis>,
    /// True when the user may not sign in, until unbanned.
    pub banned: bool,
    /// True when the user may not sign in, until unlocked.
    pub locked: bool,
    /// For how many seconds a lock that wrong tries caused still holds. Null for a user who is not locked, and for a lock by
    /// the Backend API, which does not expire.
    #[wire(nullable, format = "int64")]
    pub lockout_expires_in_seconds: Option<i64>,
    /// How many more wrong tries in a row, of any factor, lock the user. Null if they lock nobody.
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
    /// When the user was last active, in Unix milliseconds. Written every few seconds.
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
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, Input)]
#[serde(default)]
#[wire(body_required, not_built("web3_wallet"))]
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
    /// The password. 8 to 72 characters, unless the settings of the instance say otherwise; neither a common one nor an
    /// identifier of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub password: Option<String>,
    /// The digest of a password that another system made; together with `password_hasher`, and without `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub password_digest: Option<String>,
    /// What made `password_digest`: argon2i, argon2id, bcrypt (of cost 14 at most), bcrypt_peppered, bcrypt_sha256_django, ldap_ssha,
    /// md5, md5_phpass, md5_salted, pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha256_django, pbkdf2_sha512, pbkdf2_sha512_hex, phpass,
    /// scrypt_firebase, scrypt_werkzeug, sha256, sha256_salted or sha512_symfony.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hasher: Option<String>,
    /// True: the rules for passwords do not hold for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_checks: Option<bool>,
    /// True: the user can be created without a password where the instance asks for one. Refused if a password is the only
    /// way to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_requirement: Option<bool>,
    /// The secret of an authenticator, in base32: six digits every 30 seconds, SHA-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub totp_secret: Option<String>,
    /// Up to 10 backup codes, each as text or as a bcrypt digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = BACKUP_CODES_MAX, in_words)]
    pub backup_codes: Vec<String>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_legal_checks: Option<bool>,
}

debug_without_secrets! {
    CreateUserParams {
        external_id, first_name, last_name, locale, email_address,
        email_address_identification_status, phone_number, phone_number_identification_status,
        username, public_metadata, private_metadata, unsafe_metadata, delete_self_enabled,
        create_organization_enabled, create_organizations_limit, legal_accepted_at, created_at,
        skip_user_requirement, bypass_client_trust, banned, locked, password_hasher,
        skip_password_checks, skip_password_requirement, skip_legal_checks,
    } without { password, password_digest, totp_secret, backup_codes }
}

/// `PATCH /v1/users/{user_id}`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, Input)]
#[serde(default)]
#[wire(
    body_required,
    not_built("notify_primary_email_address_changed", "primary_web3_wallet_id", "profile_image_id")
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
    /// A new password. 8 to 72 characters, unless the settings of the instance say otherwise; neither a common one nor an
    /// identifier of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub password: Option<String>,
    /// The digest of a password that another system made; together with `password_hasher`, and without `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_digest: Option<String>,
    /// What made `password_digest`: argon2i, argon2id, bcrypt (of cost 14 at most), bcrypt_peppered, bcrypt_sha256_django, ldap_ssha,
    /// md5, md5_phpass, md5_salted, pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha256_django, pbkdf2_sha512, pbkdf2_sha512_hex, phpass,
    /// scrypt_firebase, scrypt_werkzeug, sha256, sha256_salted or sha512_symfony.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hasher: Option<String>,
    /// True: the rules for passwords do not hold for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_password_checks: Option<bool>,
    /// True: with the new password all sessions of the user end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub sign_out_of_other_sessions: Option<bool>,
    /// The secret of an authenticator, in base32: six digits every 30 seconds, SHA-1. It takes the place of the former one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub totp_secret: Option<String>,
    /// Up to 10 backup codes, each as text or as a bcrypt digest. They take the place of all former ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[wire(items_max = BACKUP_CODES_MAX, in_words)]
    pub backup_codes: Vec<String>,
    /// Accepted without effect: there is no such check yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub skip_legal_checks: Option<bool>,
}

debug_without_secrets! {
    UpdateUserParams {
        external_id, first_name, last_name, locale, primary_email_address_id, primary_phone_number_id,
        username, public_metadata, private_metadata, unsafe_metadata, delete_self_enabled,
        create_organization_enabled, create_organizations_limit, legal_accepted_at, created_at,
        bypass_client_trust, password_hasher, skip_password_checks, sign_out_of_other_sessions,
        skip_legal_checks,
    } without { password, password_digest, totp_secret, backup_codes }
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

/// `POST /v1/users/{user_id}/verify_password`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct VerifyPasswordParams {
    /// The password to compare.
    #[wire(required, example = "a long sentence of mine")]
    pub password: String,
}

debug_without_secrets! { VerifyPasswordParams {} without { password } }

/// `POST /v1/users/{user_id}/verify_totp`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct VerifyTotpParams {
    /// The six digits that the authenticator shows, or a backup code.
    #[wire(required, example = "287082")]
    pub code: String,
}

debug_without_secrets! { VerifyTotpParams {} without { code } }

/// `POST /v1/users/{user_id}/remove_password`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[serde(default)]
pub struct RemovePasswordParams {
    /// True: with the password all sessions of the user end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_out_of_other_sessions: Option<bool>,
}

/// `POST /v1/users/{user_id}/password/set_compromised`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[serde(default)]
pub struct SetCompromisedParams {
    /// True: all sessions of the user end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub revoke_all_sessions: Option<bool>,
}

/// The answer to `POST /v1/users/{user_id}/verify_password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct PasswordVerified {
    /// Always true: a wrong password is refused.
    #[wire(example = true)]
    pub verified: bool,
}

/// The answer to `POST /v1/users/{user_id}/verify_totp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct CodeVerified {
    /// Always true: a wrong code is refused.
    #[wire(example = true)]
    pub verified: bool,
    /// What the code was: `totp` or `backup_code`.
    #[wire(one_of("totp", "backup_code"), example = "totp")]
    pub code_type: String,
}

/// The answer to `DELETE /v1/users/{user_id}/totp` and `/backup_code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct CredentialRemoved {
    /// The user who no longer has it.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
}
