//! How far an identification is verified.

use crate::UnixMillis;
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
        /// How often a code was tried, the successful try included.
        attempts: Option<i64>,
        /// When the code expires; stays after success.
        expire_at: Option<UnixMillis>,
    },
}

/// What prepare and attempt answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationResponse {
    /// Always `verification_otp`.
    pub object: String,
    /// `ver_…`: what to try the code with.
    pub id: String,
    /// `unverified`, `verified`, `failed` or `expired`.
    pub status: String,
    /// `phone_code` or `email_code`.
    pub strategy: String,
    /// How often a code was tried, the successful try included.
    pub attempts: Option<i64>,
    /// When the code expires; stays after success.
    pub expire_at: Option<UnixMillis>,
    /// How it was sent; null for email addresses.
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
