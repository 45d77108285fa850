//! What only instances in development have: a clock that moves, and a reset.

use crate::UnixMillis;
use crate::input::Input;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// The clock of the instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Clock {
    /// Always `clock`.
    #[wire(constant = "clock")]
    pub object: String,
    /// What it shows, in Unix milliseconds.
    #[wire(example = 1779181800000_i64)]
    pub now: UnixMillis,
    /// How far it has been moved forward in all, in milliseconds.
    #[wire(min = 0, format = "int64", example = 600000)]
    pub advanced_ms: i64,
}

/// `POST /verger/v1/clock`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(body_required)]
pub struct AdvanceClockParams {
    /// How far, in milliseconds: at most ten years.
    #[wire(required, min = 0, max = 316_224_000_000, format = "int64", example = 600000)]
    pub advance_ms: i64,
}

/// The instance that was emptied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ResetInstance {
    /// Always `instance`.
    #[wire(constant = "instance")]
    pub object: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7IbFvMX0gTj2ZcLqkPA4sR9d")]
    pub id: String,
    /// Always true.
    #[wire(example = true)]
    pub reset: bool,
    /// The demo user of `verger dev`, created again under the same ids; null in a test server.
    #[wire(nullable, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub demo_user_id: Option<String>,
}
