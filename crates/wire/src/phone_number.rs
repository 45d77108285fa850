//! The phone number of a user.

use crate::{IdentificationLink, UnixMillis, Verification};
use serde::{Deserialize, Serialize};

/// A phone number. Exactly these keys, in this order, all always sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneNumber {
    /// `idn_…`.
    pub id: String,
    /// Always `phone_number`.
    pub object: String,
    /// E.164 with `+`.
    pub phone_number: String,
    /// A code sent here is a second factor.
    pub reserved_for_second_factor: bool,
    /// The second factor that is asked for first.
    pub default_second_factor: bool,
    /// Unverified yet claimed: usable for sign-in, and no other user can take it.
    pub reserved: bool,
    /// Null while nobody has proved anything.
    pub verification: Option<Verification>,
    /// Always an array.
    pub linked_to: Vec<IdentificationLink>,
    /// Null unless codes were just made.
    pub backup_codes: Option<Vec<String>>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds; moves only when this number changed.
    pub updated_at: UnixMillis,
}

/// `POST /v1/phone_numbers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePhoneNumberParams {
    /// Whose number it will be.
    pub user_id: String,
    /// The number as a person typed it: `+`, the country code and digits, which spaces, hyphens, dots and parentheses may
    /// separate.
    pub phone_number: String,
    /// Verified by the caller's word. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Make it the user's primary number. The first number always is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// Make it a second factor; it must be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_for_second_factor: Option<bool>,
}

/// `PATCH /v1/phone_numbers/{id}`: what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePhoneNumberParams {
    /// True marks it as verified by the caller's word, false as unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Make it the user's primary number; `false` changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// Make it a second factor, or no longer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_for_second_factor: Option<bool>,
}

/// `PUT /v1/users/{user_id}/phone_number`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacePhoneNumberParams {
    /// The only number that the user will have.
    pub phone_number: String,
    /// `verified` (default), `reserved` or `unverified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification_status: Option<String>,
}
