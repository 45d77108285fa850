//! What all kinds of identification have in common.

use super::tolerant::Extra;
use super::verification::{Verification, VerificationStatus};
use serde::{Deserialize, Serialize};

/// How an identification relates to another account of the same user, for example a connected one.
///
/// ```
/// # use verger_client::IdentificationLink;
/// let link: IdentificationLink = serde_json::from_str(r#"{"type":"oauth_google","id":"idn_2"}"#)?;
/// assert_eq!(link.kind, "oauth_google");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentificationLink {
    /// The kind of the account, `type` on the wire: `oauth_…`, `saml`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the linked identification.
    pub id: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

pub(super) fn is_verified(verification: Option<&Verification>) -> bool {
    verification.is_some_and(|verification| verification.status == VerificationStatus::Verified)
}
