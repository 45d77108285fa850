//! What the operations on lists have in common.

use verger_store::Change;

/// One more of a list.
pub(super) fn added<T>(after: T) -> Change<T> {
    Change { before: None, after: Some(after) }
}
