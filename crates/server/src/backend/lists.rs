//! Lists in both of their forms.

use crate::answer::Answer;
use crate::error::Failure;
use serde::Serialize;
use verger_wire::page::Page;

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
