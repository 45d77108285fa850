//! Every reason with which the server refuses a request.

pub use crate::instance_reasons::*;
pub use crate::password_reasons::*;
pub use crate::sending_reasons::*;
pub use crate::store_reasons::*;
pub use verger_core::credentials::reasons::*;
pub use verger_core::reasons::*;
pub use verger_core::session::reasons::*;
pub use verger_http::reasons::*;

use verger_wire::Reason;

/// The list of each module that declares some.
pub static REASONS: &[&[&Reason]] = &[
    verger_core::credentials::reasons::REASONS,
    verger_core::reasons::REASONS,
    verger_core::session::reasons::REASONS,
    crate::password_reasons::REASONS,
    crate::frontend::reasons::REASONS,
    verger_http::reasons::REASONS,
    crate::instance_reasons::REASONS,
    crate::sending_reasons::REASONS,
    crate::store_reasons::REASONS,
];

/// All rows, whichever module declares them.
pub fn all() -> impl Iterator<Item = &'static Reason> {
    REASONS.iter().copied().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_in_upper_camel_case() {
        let names: Vec<_> = all().map(|reason| reason.name).collect();
        assert!(names.len() > 70, "{names:?}");
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        for name in names {
            let is_good = name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.chars().all(|character| character.is_ascii_alphanumeric());
            assert!(is_good, "{name}");
        }
    }
}
