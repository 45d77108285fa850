//! From bytes to declared inputs: bodies, queries and forms, read once, with every problem reported by name.

mod body;
mod query;
mod read;

pub use body::Fields;
pub use query::{Query, address_with_plus, number_with_plus};
pub use read::{Problems, Read};
