//! What prepare and attempt are asked with.

use serde::Serialize;
use std::fmt;

/// A code to be tried. Its `Debug` does not show the code.
///
/// ```
/// # use verger_client::AttemptVerificationParams;
/// let params = AttemptVerificationParams::new("ver_1", "424242");
/// assert!(!format!("{params:?}").contains("424242"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttemptVerificationParams {
    /// `ver_…`, from the answer that prepared it.
    pub verification_id: String,
    /// Six decimal digits, as the person typed them.
    pub code: String,
}

impl AttemptVerificationParams {
    /// The code that a person typed, for the verification that [`id`](crate::CodeVerification::id) of the answer that prepared it names.
    #[must_use]
    pub fn new(verification_id: impl Into<String>, code: impl Into<String>) -> Self {
        Self { verification_id: verification_id.into(), code: code.into() }
    }
}

impl fmt::Debug for AttemptVerificationParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptVerificationParams")
            .field("verification_id", &self.verification_id)
            .field("code", &"[redacted]")
            .finish()
    }
}
