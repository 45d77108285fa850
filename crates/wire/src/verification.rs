//! The verification of an identification.

use crate::UnixMillis;
use crate::input::Input;
use crate::schema::{Schema, Schemas, Value, json};
use serde::{Deserialize, Serialize};

/// The `verification` of a phone number or an email address; `null` on the wire where there is none.
///
/// The key `object` comes first and tells the two apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "object")]
pub enum Verification {
    /// A holder of the secret key said so.
    #[serde(rename = "verification_admin")]
    Admin {
        /// Always `verified`.
        status: String,
        /// Always `admin`.
        strategy: String,
        /// Always null.
        attempts: Option<i64>,
        /// Always null.
        expire_at: Option<UnixMillis>,
    },
    /// A one-time code was sent.
    #[serde(rename = "verification_otp")]
    Otp {
        /// `unverified`, `verified`, `failed` or `expired`.
        status: String,
        /// `phone_code` or `email_code`.
        strategy: String,
        /// `sms` or `whatsapp`; only for phone numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// Number of attempts, the successful one included.
        attempts: Option<i64>,
        /// When the code expires, in Unix milliseconds; kept after success.
        expire_at: Option<UnixMillis>,
    },
}

/// A code that was sent, and its status. All keys are always present, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct VerificationResponse {
    /// Always `verification_otp`.
    #[wire(optional, example = "verification_otp")]
    pub object: String,
    /// `ver_` and 27 letters and digits; pass it to `attempt_verification`.
    #[wire(optional, example = "ver_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub id: String,
    /// `unverified`: waiting for the code. `verified`: the right code was entered. `failed`: after five wrong attempts,
    /// or ten within an hour for the number. `expired`: after ten minutes, or when a newer code was sent.
    #[wire(optional, example = "unverified")]
    pub status: String,
    /// `phone_code` or `email_code`.
    #[wire(optional, example = "phone_code")]
    pub strategy: String,
    /// Number of attempts, the successful one included.
    #[wire(optional, nullable, example = 0)]
    pub attempts: Option<i64>,
    /// When the code expires, in Unix milliseconds. Kept after success.
    #[wire(optional, nullable, example = 1800000600000_i64)]
    pub expire_at: Option<UnixMillis>,
    /// `sms`; null for an email address.
    #[wire(optional, nullable, example = "sms")]
    pub channel: Option<String>,
}

impl Verification {
    /// The verification that a holder of the secret key gives.
    pub fn admin() -> Self {
        Self::Admin {
            status: "verified".to_owned(),
            strategy: "admin".to_owned(),
            attempts: None,
            expire_at: None,
        }
    }
}

/// `POST /v1/phone_numbers/{phone_number_id}/attempt_verification`, and the same of email addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required)]
pub struct AttemptVerificationParams {
    /// The verification: the `id` that `prepare_verification` returned.
    #[wire(required, example = "ver_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub verification_id: String,
    /// The six digits that the user received. At most 64 bytes.
    #[wire(required, example = "424242")]
    pub code: String,
}

// The forms of the enum, for the schema.

/// A one-time code was sent to the phone number or email address.
#[derive(Schema)]
#[expect(dead_code, reason = "it has the words of the schema; values are those of the enum")]
#[wire(name = "verification_otp")]
struct OtpVerification {
    /// Always `verification_otp`.
    #[wire(constant = "verification_otp")]
    object: String,
    /// `unverified` while a code is pending, `verified` after the right one, `failed` after five wrong ones, `expired`
    /// after its ten minutes. Computed on read.
    #[wire(one_of("unverified", "verified", "failed", "expired"))]
    status: String,
    /// `phone_code` for phone numbers, `email_code` for email addresses.
    #[wire(one_of("phone_code", "email_code", "reset_password_email_code"))]
    strategy: String,
    /// How the code was sent: `sms` or `whatsapp`. Only for phone numbers.
    #[wire(optional, nullable)]
    channel: Option<String>,
    /// Number of attempts, the successful one included. Starts at 0.
    #[wire(nullable)]
    attempts: Option<i64>,
    /// When the code expires, in Unix milliseconds: 10 minutes after it was created. Kept after success.
    #[wire(nullable)]
    expire_at: Option<i64>,
}

/// A holder of the secret key vouched for the phone number or email address.
#[derive(Schema)]
#[expect(dead_code, reason = "it has the words of the schema; values are those of the enum")]
#[wire(name = "verification_admin")]
struct AdminVerification {
    /// Always `verification_admin`.
    #[wire(constant = "verification_admin")]
    object: String,
    /// Always `verified`.
    #[wire(constant = "verified")]
    status: String,
    /// Always `admin`.
    #[wire(constant = "admin")]
    strategy: String,
    /// Always null: no code was involved.
    #[wire(nullable)]
    attempts: Option<i64>,
    /// Always null: this proof does not expire.
    #[wire(nullable)]
    expire_at: Option<i64>,
}

impl Schema for Verification {
    fn schema(schemas: &mut Schemas) -> Value {
        let (otp, admin) = (OtpVerification::schema(schemas), AdminVerification::schema(schemas));
        json!({
            "type": "object",
            "oneOf": [otp, admin],
            "discriminator": {
                "propertyName": "object",
                "mapping": { "verification_otp": otp["$ref"], "verification_admin": admin["$ref"] },
            },
        })
    }

    fn example() -> Value {
        json!(Self::admin())
    }
}
