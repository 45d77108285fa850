//! What only development instances answer.

use super::tolerant::Extra;
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

/// The time of a development instance. Verger only.
///
/// ```
/// # use verger_client::ClockState;
/// let text = r#"{"object":"clock","now":1800000600000,"advanced_ms":600000}"#;
/// let clock: ClockState = serde_json::from_str(text)?;
/// assert_eq!(clock.advanced_ms, 600_000);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClockState {
    /// Always `clock`.
    #[serde(default)]
    pub object: String,
    /// What the instance takes for now. Unix milliseconds.
    pub now: UnixMillis,
    /// How far it is ahead of the real time, in milliseconds.
    pub advanced_ms: i64,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`reset`](crate::Instances::reset). Verger only.
///
/// ```
/// # use verger_client::InstanceReset;
/// let answer: InstanceReset = serde_json::from_str(r#"{"object":"instance","id":"ins_1","reset":true}"#)?;
/// assert!(answer.reset);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceReset {
    /// Always `instance`.
    #[serde(default)]
    pub object: String,
    /// `ins_…`.
    pub id: String,
    /// Always true: a refusal is an error.
    #[serde(default)]
    pub reset: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
