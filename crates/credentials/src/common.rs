//! The list of common passwords that comes with the program.
//!
//! Where it is from, and its licence, stands in `common_passwords.LICENSE`.

use std::sync::LazyLock;

/// One password a line, in lower case, sorted by byte value.
static TEXT: &str = include_str!("common_passwords.txt");

static LIST: LazyLock<Vec<&'static str>> = LazyLock::new(|| TEXT.lines().collect());

/// Whether a password is one of the 10,000 most common ones of at least 8 characters, whatever its case.
pub(crate) fn is_common(password: &str) -> bool {
    LIST.binary_search(&password.to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_has_ten_thousand_sorted_passwords_that_the_length_does_not_refuse_anyway() {
        assert_eq!(LIST.len(), 10_000);
        assert!(LIST.is_sorted_by(|one, other| one < other));
        assert!(
            LIST.iter()
                .all(|password| password.chars().count() >= 8 && password.to_lowercase() == **password)
        );
    }

    #[test]
    fn common_passwords_are_found_in_any_case() {
        for common in ["password", "Password1", "QWERTYUIOP", "1234567890", "iloveyou"] {
            assert!(is_common(common), "{common}");
        }
        for rare in ["", "passwor", "password ", "password-of-nobody", "zzzzzzzzzzzzzzzzz"] {
            assert!(!is_common(rare), "{rare}");
        }
    }
}
