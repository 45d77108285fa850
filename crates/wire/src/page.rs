//! Lists and counts.

use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// The most objects that one page can hold.
pub const LIMIT_MAX: i64 = 500;
/// The objects of a page when the request does not say.
pub const LIMIT_DEFAULT: i64 = 10;

/// A count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct TotalCount {
    /// Always `total_count`.
    #[wire(constant = "total_count")]
    pub object: String,
    /// Number of matching objects.
    #[wire(format = "int64", example = 1)]
    pub total_count: i64,
}

impl TotalCount {
    /// A count of `total_count` objects.
    pub fn new(total_count: i64) -> Self {
        Self { object: "total_count".to_owned(), total_count }
    }
}
