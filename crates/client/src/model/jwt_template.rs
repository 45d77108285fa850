//! JWT templates.

use super::tolerant::{Extra, or_default};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use verger_wire::UnixMillis;

/// Claims of an application's own, for tokens that are asked for by the name of the template.
///
/// ```
/// # use verger_client::JwtTemplate;
/// let text = r#"{"id":"jtmp_1","name":"billing","claims":{"plan":"{{user.public_metadata.plan}}"},"lifetime":60,
///     "allowed_clock_skew":5,"custom_signing_key":false,"signing_algorithm":"RS256","created_at":1,"updated_at":1}"#;
/// let template: JwtTemplate = serde_json::from_str(text)?;
/// assert_eq!(template.claims["plan"], "{{user.public_metadata.plan}}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JwtTemplate {
    /// `jtmp_…`.
    pub id: String,
    /// Always `jwt_template`.
    #[serde(default)]
    pub object: String,
    /// What its tokens are asked for by; unique in the instance.
    pub name: String,
    /// The claims, with shortcodes such as `{{user.id}}` in their texts.
    #[serde(default, deserialize_with = "or_default")]
    pub claims: Map<String, Value>,
    /// How long its tokens live, in seconds.
    pub lifetime: i64,
    /// How far before they are minted its tokens are valid, in seconds.
    #[serde(default)]
    pub allowed_clock_skew: i64,
    /// Its tokens are signed with the application's own key, which is never shown.
    #[serde(default)]
    pub custom_signing_key: bool,
    /// For example `RS256`.
    #[serde(default)]
    pub signing_algorithm: String,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
