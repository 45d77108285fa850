//! What the operations on lists have in common.

use crate::answer::Answer;
use crate::error::Failure;
use serde::Serialize;
use verger_store::Change;
use verger_wire::access::Page;

/// The page in the form that the request asks for.
pub(super) fn page<T: Serialize>(
    data: Vec<T>,
    total_count: i64,
    paginated: Option<bool>,
) -> Result<Answer, Failure> {
    match paginated {
        Some(true) => Answer::json(&Page { data, total_count }),
        Some(false) | None => Answer::json(&data),
    }
}

/// One more of a list.
pub(super) fn added<T>(after: T) -> Change<T> {
    Change { before: None, after: Some(after) }
}
