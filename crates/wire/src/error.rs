//! The error body.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What was wrong; never empty. More than one where several fields were bad.
    pub errors: Vec<ApiError>,
    /// 32 hexadecimal digits that are also in the header `x-clerk-trace-id` and in the server's log.
    pub clerk_trace_id: String,
}

/// One thing that was wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiError {
    /// Short, for people.
    pub message: String,
    /// Longer, for people: what to do about it.
    pub long_message: String,
    /// For programs, such as `form_identifier_exists`: docs/errors.md lists them.
    pub code: String,
    /// Facts for programs, such as `param_name`. Left out when there are none.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
}
