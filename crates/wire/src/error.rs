//! The error body.

use crate::schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of every error answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(name = "ClerkErrors", open)]
pub struct ErrorBody {
    /// What was wrong; never empty. One entry per invalid field.
    #[wire(example = [{"message": "not found", "long_message": "No such object in this instance.", "code": "resource_not_found"}])]
    pub errors: Vec<ApiError>,
    /// 32 hexadecimal digits; also in the header `X-Clerk-Trace-Id` and in the server log.
    #[wire(example = "3f1c0a9be6d24c7f8a55d1e07b92c364")]
    pub clerk_trace_id: String,
}

/// One thing that was wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(name = "ClerkError", open)]
pub struct ApiError {
    /// Short, for people.
    pub message: String,
    /// Longer, for people: what to do about it.
    pub long_message: String,
    /// For programs; the codes are listed with each operation.
    pub code: String,
    /// Facts for programs, such as `param_name`. Left out when there are none.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[wire(optional)]
    pub meta: Map<String, Value>,
}
