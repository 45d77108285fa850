//! Time on the wire: Unix milliseconds.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z (all times of the API are such integers).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The moment `duration_ms` milliseconds later; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus_ms(self, duration_ms: i64) -> Self {
        Self(self.0.saturating_add(duration_ms))
    }
}

impl fmt::Debug for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}
