//! Lists and counts.

use crate::input::Input;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// The most objects that one page can hold.
pub const LIMIT_MAX: i64 = 500;
/// The objects of a page when the request does not say.
pub const LIMIT_DEFAULT: i64 = 10;

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct PageParams {
    /// Maximum number of objects to return.
    #[wire(min = 1, max = LIMIT_MAX, default = 10)]
    pub limit: Option<i64>,
    /// How many objects to skip.
    #[wire(min = 0, default = 0)]
    pub offset: Option<i64>,
    /// True: the answer is an object with the list as `data` and the number of all as `total_count`, instead of the list.
    pub paginated: Option<bool>,
}

impl PageParams {
    /// Maximum number of objects, and how many to skip.
    pub fn part(&self) -> (i64, i64) {
        (self.limit.unwrap_or(LIMIT_DEFAULT), self.offset.unwrap_or(0))
    }
}

/// A part of a list, and how many there are in all: what `paginated=true` asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The part.
    pub data: Vec<T>,
    /// The number of all.
    pub total_count: i64,
}

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
