//! How far an identification is verified, and one-time codes.

use super::tolerant::{Extra, open_enum};
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

open_enum! {
    /// How far a verification has come.
    ///
    /// ```
    /// # use verger_client::VerificationStatus;
    /// assert_eq!(VerificationStatus::from("verified"), VerificationStatus::Verified);
    /// // A value of tomorrow is kept, not refused.
    /// assert_eq!(VerificationStatus::from("postponed").as_str(), "postponed");
    /// ```
    VerificationStatus {
        /// Nothing was proved yet.
        Unverified = "unverified",
        /// It was proved, or an administrator said so.
        Verified = "verified",
        /// Five wrong codes were tried: it takes no more.
        Failed = "failed",
        /// The code is older than ten minutes, or a newer one was sent.
        Expired = "expired",
    }
}

open_enum! {
    /// How something is verified. Services have many more; those are in `Unknown`.
    ///
    /// ```
    /// # use verger_client::VerificationStrategy;
    /// assert_eq!(VerificationStrategy::from("admin"), VerificationStrategy::Admin);
    /// assert_eq!(VerificationStrategy::from("from_oauth_google").to_string(), "from_oauth_google");
    /// ```
    VerificationStrategy {
        /// A holder of the secret key said so.
        Admin = "admin",
        /// A code sent to the phone number.
        PhoneCode = "phone_code",
        /// A code sent to the email address.
        EmailCode = "email_code",
    }
}

open_enum! {
    /// What carried a code to a phone.
    ///
    /// ```
    /// # use verger_client::VerificationChannel;
    /// assert_eq!(VerificationChannel::Sms.as_str(), "sms");
    /// ```
    VerificationChannel {
        /// A text message (SMS).
        Sms = "sms",
        /// A WhatsApp message.
        Whatsapp = "whatsapp",
    }
}

/// The state of a phone number's or an email address' verification.
///
/// ```
/// # use verger_client::{Verification, VerificationStatus, VerificationStrategy};
/// let text = r#"{"object":"verification_admin","status":"verified","strategy":"admin","attempts":null,"expire_at":null}"#;
/// let verification: Verification = serde_json::from_str(text)?;
/// assert_eq!(verification.status, VerificationStatus::Verified);
/// assert_eq!(verification.strategy, VerificationStrategy::Admin);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// `verification_admin`, `verification_otp`, or another kind.
    #[serde(default)]
    pub object: String,
    /// How far it has come; expiry is computed when it is read.
    pub status: VerificationStatus,
    /// What proves it: a code, or the word of an administrator.
    pub strategy: VerificationStrategy,
    /// What carries the code; only for phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<VerificationChannel>,
    /// How often a code was tried, the successful try included; `None` where there is no code.
    pub attempts: Option<i64>,
    /// When the code expires; stays after success. Unix milliseconds.
    pub expire_at: Option<UnixMillis>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A verification by one-time code: what prepare and attempt answer.
///
/// A wrong or an expired code is no error: [`status`](Self::status) tells.
///
/// ```
/// # use verger_client::{CodeVerification, VerificationStatus};
/// let text = r#"{"object":"verification_otp","id":"ver_1","status":"unverified","strategy":"phone_code",
///     "attempts":0,"expire_at":1800000600000,"channel":"sms"}"#;
/// let verification: CodeVerification = serde_json::from_str(text)?;
/// assert_eq!((verification.status, verification.attempts), (VerificationStatus::Unverified, Some(0)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CodeVerification {
    /// Always `verification_otp`.
    #[serde(default)]
    pub object: String,
    /// `ver_…`: what an attempt names.
    pub id: String,
    /// How far it has come: that a code was wrong, or had expired, is told here.
    pub status: VerificationStatus,
    /// What proves it: a code, or the word of an administrator.
    pub strategy: VerificationStrategy,
    /// How often a code was tried, the successful try included.
    pub attempts: Option<i64>,
    /// When the code expires. Unix milliseconds.
    pub expire_at: Option<UnixMillis>,
    /// What carries the code; only for phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<VerificationChannel>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
