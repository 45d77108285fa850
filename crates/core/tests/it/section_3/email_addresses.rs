//! The rows that email addresses have too.

use crate::support::{assert_unchanged, check, patch};
use expect_test::expect;

#[test]
fn email_verified_true_on_unverified_or_reserved_becomes_admin() {
    check(
        "a verified primary\nx@ verified primary\ny@ unverified",
        patch("y@", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary
            x@ verified primary
            y@ verified (updated)
            user: updated
        "#]],
    );
    check(
        "a verified primary\nx@ verified primary\ny@ reserved",
        patch("y@", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary
            x@ verified primary
            y@ verified (updated)
            user: updated
        "#]],
    );
}

#[test]
fn email_verified_true_on_address_claimed_elsewhere_is_refused() {
    check(
        "x@ verified primary\ny@ unverified\nelsewhere y@",
        patch("y@", r#"{"verified": true}"#),
        expect![[r#"
            refused: Taken(EmailAddress)
        "#]],
    );
}

#[test]
fn email_verified_false_on_primary_stays_primary() {
    check(
        "x@ verified primary\ny@ verified",
        patch("x@", r#"{"verified": false}"#),
        expect![[r#"
            x@ unverified primary (updated)
            y@ verified
            user: updated
        "#]],
    );
}

#[test]
fn email_primary_true_moves_the_primary_address_and_no_number() {
    check(
        "a verified primary\nx@ verified primary\ny@ unverified",
        patch("y@", r#"{"verified": true, "primary": true}"#),
        expect![[r#"
            a verified primary
            x@ verified
            y@ verified primary (updated)
            user: updated
        "#]],
    );
}

#[test]
fn email_primary_true_on_unverified_is_refused() {
    check(
        "x@ verified primary\ny@ unverified",
        patch("y@", r#"{"primary": true}"#),
        expect![[r#"
            refused: NeedsVerification { param: "primary" }
        "#]],
    );
}

#[test]
fn email_nothing_changes_nothing() {
    for body in ["{}", "null", r#"{"primary": false}"#, r#"{"verified": true}"#] {
        assert_unchanged("a verified primary\nx@ verified primary", patch("x@", body));
    }
}
