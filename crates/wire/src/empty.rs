//! An answer without a body.

use crate::schema::{Schema, Schemas, Value, json};
use serde::{Deserialize, Serialize};

/// The answer of an operation that has nothing to say: 204, without a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoContent;

impl Schema for NoContent {
    /// Null: the document has a response without content.
    fn schema(_: &mut Schemas) -> Value {
        Value::Null
    }

    fn example() -> Value {
        json!(null)
    }
}
