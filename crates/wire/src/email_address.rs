//! The email address of a user.

use crate::input::Input;
use crate::schema::Schema;
use crate::{IdentificationLink, UnixMillis, Verification};
use serde::{Deserialize, Serialize};

/// An email address of a user. All keys are always present, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct EmailAddress {
    /// `idn_` and 27 letters and digits.
    #[wire(example = "idn_3Dw7ImGIfXiFvAcVPyT0Siw87sn")]
    pub id: String,
    /// Always `email_address`.
    #[wire(constant = "email_address")]
    pub object: String,
    /// The address, in lower case.
    #[wire(example = "ada@example.com")]
    pub email_address: String,
    /// True for an address that is unverified yet claimed: it can be used to sign in, and no other user can take it.
    pub reserved: bool,
    /// The proof that the address belongs to the user. Null if there is none, or if an administrator marked the address
    /// as unverified.
    #[wire(nullable, example = Verification::example())]
    pub verification: Option<Verification>,
    /// The connected accounts that it came from. Always an array; empty until connected accounts are implemented.
    pub linked_to: Vec<IdentificationLink>,
    /// True when the domain belongs to a single sign-on connection. Always false: those are not implemented yet.
    pub matches_sso_connection: bool,
    /// When the address was added, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When the address last changed, in Unix milliseconds. A request that changes nothing leaves it unchanged.
    pub updated_at: UnixMillis,
}

/// `POST /v1/email_addresses`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open, not_built("notify_primary_email_address_changed"))]
pub struct CreateEmailAddressParams {
    /// The user to add the address to.
    #[wire(required, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// The address, such as `ada@example.com`. ASCII, at most 254 characters. Stored in lower case.
    #[wire(required, example = "ada@example.com")]
    pub email_address: String,
    /// Vouch for the address, which claims it. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = true)]
    pub verified: Option<bool>,
    /// Make it the primary address, which requires `verified: true` unless it is the user's first. Default: true for
    /// the first address, otherwise false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub primary: Option<bool>,
}

/// `PATCH /v1/email_addresses/{id}`: what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open, not_built("notify_primary_email_address_changed"))]
pub struct UpdateEmailAddressParams {
    /// True: vouch for the address, which claims it. False: mark it as unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub verified: Option<bool>,
    /// True: make it the primary address; it must be verified or reserved. False: no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = true)]
    pub primary: Option<bool>,
}

/// `PUT /v1/users/{user_id}/email_address`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required, not_built("notify_primary_email_address_changed"))]
pub struct ReplaceEmailAddressParams {
    /// The address, such as `ada@example.com`. ASCII, at most 254 characters. Stored in lower case.
    #[wire(required, example = "ada@example.com")]
    pub email_address: String,
    /// `verified`: you vouch for it. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
    /// claimed nor usable for sign-in; a user with no other identification cannot sign in until you change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(one_of("verified", "reserved", "unverified"), default = "verified", example = "reserved")]
    pub identification_status: Option<String>,
}
