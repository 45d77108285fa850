//! Lists with a count, and answers without anything.

use super::tolerant::{Extra, or_default};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a list, and how many objects there are in all.
///
/// ```
/// # use verger_client::{Page, UserSession};
/// let page: Page<UserSession> = serde_json::from_str(r#"{"data":[],"total_count":7}"#)?;
/// assert_eq!((page.data.len(), page.total_count), (0, 7));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The part that was asked for.
    #[serde(
        default = "Vec::new",
        deserialize_with = "or_default",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    pub data: Vec<T>,
    /// How many objects match, on whatever page they are.
    pub total_count: u64,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An answer that says nothing but that it was done.
///
/// ```
/// # use verger_client::NoContent;
/// # let read = |text| serde_json::from_str::<NoContent>(text);
/// assert_eq!(read("null")?, NoContent::default());
/// // What a later version says all the same does no harm.
/// assert!(read(r#"{"object":"instance"}"#).is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoContent {}

impl Serialize for NoContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for NoContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}
