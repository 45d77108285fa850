//! The rows of `primary`.

use crate::support::{assert_refused, assert_unchanged, check, patch};
use expect_test::expect;
use verger_core::Refusal;

#[test]
fn primary_true_on_verified_number_becomes_primary() {
    check(
        "a verified primary\nb verified",
        patch("b", r#"{"primary": true}"#),
        expect![[r#"
            a verified
            b verified primary
            user: updated
        "#]],
    );
}

#[test]
fn primary_true_on_reserved_number_becomes_primary() {
    check(
        "a verified primary\nb reserved",
        patch("b", r#"{"primary": true}"#),
        expect![[r#"
            a verified
            b reserved primary
            user: updated
        "#]],
    );
}

#[test]
fn primary_true_on_number_verified_by_the_same_request_becomes_primary() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": true, "primary": true}"#),
        expect![[r#"
            a verified
            b verified primary (updated)
            user: updated
        "#]],
    );
}

#[test]
fn primary_true_without_any_primary_becomes_primary() {
    check(
        "a unverified\nb verified",
        patch("b", r#"{"primary": true}"#),
        expect![[r#"
            a unverified
            b verified primary
            user: updated
        "#]],
    );
}

#[test]
fn primary_true_on_primary_changes_nothing() {
    for state in ["verified", "reserved"] {
        assert_unchanged(&format!("a {state} primary\nb verified"), patch("a", r#"{"primary": true}"#));
    }
}

#[test]
fn primary_true_on_unverified_number_is_refused() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"primary": true}"#),
        expect![[r#"
            refused: NeedsVerification { param: "primary" }
        "#]],
    );
}

#[test]
fn primary_true_on_unverified_primary_is_refused() {
    check(
        "a unverified primary\nb verified",
        patch("a", r#"{"primary": true}"#),
        expect![[r#"
            refused: NeedsVerification { param: "primary" }
        "#]],
    );
}

#[test]
fn primary_true_on_number_unverified_by_the_same_request_is_refused() {
    for name in ["a", "b"] {
        assert_refused(
            "a verified primary\nb verified",
            patch(name, r#"{"verified": false, "primary": true}"#),
            Refusal::NeedsVerification { param: "primary" },
        );
    }
}

// `primary: false`

#[test]
fn primary_false_changes_nothing() {
    for name in ["a", "b", "c", "d"] {
        assert_unchanged(
            "a verified primary\nb unverified\nc reserved\nd verified",
            patch(name, r#"{"primary": false}"#),
        );
    }
}

#[test]
fn primary_false_beside_another_field_leaves_the_primary() {
    check(
        "a verified primary\nb verified",
        patch("a", r#"{"verified": false, "primary": false}"#),
        expect![[r#"
            a unverified primary (updated)
            b verified
            user: updated
        "#]],
    );
}
