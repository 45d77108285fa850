//! The answer to a deletion.

use super::tolerant::Extra;
use serde::{Deserialize, Serialize};

/// The answer to a deletion: which object is gone.
///
/// ```
/// # use verger_client::DeletedObject;
/// let text = r#"{"id":"idn_1","object":"phone_number","deleted":true}"#;
/// let deleted: DeletedObject = serde_json::from_str(text)?;
/// assert!(deleted.deleted);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeletedObject {
    /// The id that the object had.
    pub id: String,
    /// The kind of object, for example `phone_number`.
    #[serde(default)]
    pub object: String,
    /// Always true: a refusal is an error.
    #[serde(default)]
    pub deleted: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
