//! The phone number of a user.

use crate::input::Input;
use crate::schema::Schema;
use crate::{IdentificationLink, UnixMillis, Verification};
use serde::{Deserialize, Serialize};

/// A phone number of a user. All keys are always present, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct PhoneNumber {
    /// `idn_` and 27 letters and digits.
    #[wire(example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub id: String,
    /// Always `phone_number`.
    #[wire(constant = "phone_number")]
    pub object: String,
    /// E.164: a plus sign and 7 to 15 digits, no separators.
    #[wire(example = "+12015550123")]
    pub phone_number: String,
    /// True when a code sent to this number serves as a second factor. Only a verified number can be one.
    pub reserved_for_second_factor: bool,
    /// True for the second factor that is used first. At most one per user.
    pub default_second_factor: bool,
    /// True for a number that is unverified yet claimed: it can be used to sign in, and no other user can take it.
    pub reserved: bool,
    /// The proof that the number belongs to the user. Null if there is none, or if an administrator marked the number
    /// as unverified.
    #[wire(nullable, example = Verification::example())]
    pub verification: Option<Verification>,
    /// The connected accounts that it came from. Always an array; empty until connected accounts are implemented.
    pub linked_to: Vec<IdentificationLink>,
    /// Codes that were created by this request; null otherwise.
    #[wire(nullable)]
    pub backup_codes: Option<Vec<String>>,
    /// When the number was added, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When the number last changed, in Unix milliseconds. A request that changes nothing leaves it unchanged.
    pub updated_at: UnixMillis,
}

/// `POST /v1/phone_numbers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open)]
pub struct CreatePhoneNumberParams {
    /// The user to add the number to.
    #[wire(required, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) are allowed;
    /// letters and extensions are not. Instances in test mode accept the test numbers `+1 XXX 555-0100` to `555-0199`.
    #[wire(required, example = "+12015550145")]
    pub phone_number: String,
    /// Vouch for the number, which claims it. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = true)]
    pub verified: Option<bool>,
    /// Make it the primary number, which requires `verified: true` unless it is the user's first. Default: true for the
    /// first number, otherwise false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub primary: Option<bool>,
    /// Make it a second factor; needs `verified: true`. It becomes the default if the user has no other second factor.
    /// Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub reserved_for_second_factor: Option<bool>,
}

/// `PATCH /v1/phone_numbers/{id}`: what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open)]
pub struct UpdatePhoneNumberParams {
    /// True: vouch for the number, which claims it. False: mark it as unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = false)]
    pub verified: Option<bool>,
    /// True: make it the primary number; it must be verified or reserved. False: no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub primary: Option<bool>,
    /// True: make it a second factor; it must be verified, possibly by this same request, and becomes the default if
    /// the user has no other second factor. False: no longer a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub reserved_for_second_factor: Option<bool>,
}

/// `PUT /v1/users/{user_id}/phone_number`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required)]
pub struct ReplacePhoneNumberParams {
    /// The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) are allowed;
    /// letters and extensions are not. Instances in test mode accept the test numbers `+1 XXX 555-0100` to `555-0199`.
    #[wire(required, example = "+12015550145")]
    pub phone_number: String,
    /// `verified`: you vouch for it. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
    /// claimed nor usable for sign-in; a user with no other identification cannot sign in until you change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(one_of("verified", "reserved", "unverified"), default = "verified")]
    pub identification_status: Option<String>,
}

/// Details of a phone number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct PhoneNumberDetails {
    /// The phone number: `idn_…`.
    #[wire(example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub id: String,
    /// Always `phone_number_details`.
    #[wire(constant = "phone_number_details")]
    pub object: String,
    /// The user who has it.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// In E.164.
    #[wire(example = "+41791234567")]
    pub phone_number: String,
    /// The text as it was sent when the number was added.
    #[wire(example = "+41 79 123 45 67")]
    pub typed: String,
    /// Country by ISO 3166-1 alpha-2, or `001` for a number without a country.
    #[wire(nullable, example = "CH")]
    pub region: Option<String>,
    /// Line type, such as `mobile` or `fixed_line`.
    #[wire(nullable, example = "mobile")]
    pub line_type: Option<String>,
    /// Version of the numbering plans that the number was validated against.
    #[wire(example = "9.0.42")]
    pub metadata_version: String,
    /// When it was verified, in Unix milliseconds; null while it is not.
    #[wire(nullable, example = 1779181200000_i64)]
    pub verified_at: Option<UnixMillis>,
}
