//! The email address of a user.

use crate::{IdentificationLink, UnixMillis, Verification};
use serde::{Deserialize, Serialize};

/// An email address. All keys are always sent, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailAddress {
    /// `idn_…`.
    pub id: String,
    /// Always `email_address`.
    pub object: String,
    /// Lower case.
    pub email_address: String,
    /// Unverified yet claimed: usable for sign-in, and no other user can take it.
    pub reserved: bool,
    /// Null while nobody has proved anything.
    pub verification: Option<Verification>,
    /// Always an array.
    pub linked_to: Vec<IdentificationLink>,
    /// Whether the domain belongs to a single sign-on connection.
    pub matches_sso_connection: bool,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds; moves only when this address changed.
    pub updated_at: UnixMillis,
}

/// `POST /v1/email_addresses`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateEmailAddressParams {
    /// Whose address it will be.
    pub user_id: String,
    /// The address.
    pub email_address: String,
    /// Verified by the caller's word. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Make it the user's primary address. The first address always is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// `PATCH /v1/email_addresses/{id}`: what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateEmailAddressParams {
    /// True marks it as verified by the caller's word, false as unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Make it the user's primary address; `false` changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// `PUT /v1/users/{user_id}/email_address`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceEmailAddressParams {
    /// The only address that the user will have.
    pub email_address: String,
    /// `verified` (default), `reserved` or `unverified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification_status: Option<String>,
}
