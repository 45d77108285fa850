//! The rows of `reserved_for_second_factor`.

use crate::support::{Given, NOW, assert_refused, assert_unchanged, check, env_at, id, patch};
use expect_test::expect;
use verger_core::Refusal;

#[test]
fn second_factor_true_on_verified_number_becomes_default_and_enables_mfa() {
    check(
        "a verified primary\nb verified",
        patch("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            user: two_factor_enabled, mfa_enabled_at now, updated
        "#]],
    );
}

#[test]
fn second_factor_true_beside_another_second_factor_does_not_become_default() {
    check(
        "a verified primary\nb verified\nc verified default_second_factor",
        patch("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            a verified primary
            b verified second_factor (updated)
            c verified default_second_factor
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}

#[test]
fn second_factor_true_keeps_mfa_disabled_at() {
    check(
        "a verified primary\nb verified\nmfa_disabled",
        patch("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            user: two_factor_enabled, mfa_enabled_at now, mfa_disabled_at before, updated
        "#]],
    );
}

#[test]
fn second_factor_true_on_unverified_number_verified_by_the_same_request_is_set() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": true, "reserved_for_second_factor": true}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            user: two_factor_enabled, mfa_enabled_at now, updated
        "#]],
    );
}

#[test]
fn second_factor_true_on_reserved_number_verified_by_the_same_request_is_set() {
    check(
        "a verified primary\nb reserved",
        patch("b", r#"{"verified": true, "reserved_for_second_factor": true}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            user: two_factor_enabled, mfa_enabled_at now, updated
        "#]],
    );
}

#[test]
fn second_factor_true_on_unverified_number_is_refused() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            refused: SecondFactorUnverified { on_create: false }
        "#]],
    );
}

#[test]
fn second_factor_true_on_reserved_number_is_refused() {
    check(
        "a verified primary\nb reserved",
        patch("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            refused: SecondFactorUnverified { on_create: false }
        "#]],
    );
}

#[test]
fn second_factor_true_on_number_unverified_by_the_same_request_is_refused() {
    for state in ["", " second_factor", " default_second_factor"] {
        let other = if state == " second_factor" { "default_second_factor" } else { "" };
        assert_refused(
            &format!("a verified primary {other}\nb verified{state}"),
            patch("b", r#"{"verified": false, "reserved_for_second_factor": true}"#),
            Refusal::SecondFactorUnverified { on_create: false },
        );
    }
}

#[test]
fn second_factor_true_on_the_only_way_to_sign_in_is_refused() {
    for given in ["a verified primary", "a verified primary\nb unverified\nx@ unverified"] {
        assert_refused(
            given,
            patch("a", r#"{"reserved_for_second_factor": true}"#),
            Refusal::OnlySignInIdentification,
        );
    }
}

#[test]
fn second_factor_true_on_the_only_way_to_sign_in_verified_by_the_same_request_is_refused() {
    for state in ["unverified", "reserved"] {
        assert_refused(
            &format!("a {state} primary\nb unverified"),
            patch("a", r#"{"verified": true, "reserved_for_second_factor": true}"#),
            Refusal::OnlySignInIdentification,
        );
    }
}

#[test]
fn second_factor_true_beside_any_other_way_to_sign_in_is_set() {
    for other in ["b verified", "b reserved", "x@ verified", "x@ reserved", "username ada_l"] {
        let given = Given::parse(&format!("a verified primary\n{other}"));
        let change = patch("a", r#"{"reserved_for_second_factor": true}"#)(&given, &mut env_at(NOW)).unwrap();
        assert_eq!(change.user.default_second_factor(), Some(&id("a")), "{other}");
    }
}

#[test]
fn second_factor_true_on_second_factor_changes_nothing() {
    for name in ["a", "b"] {
        assert_unchanged(
            "a verified primary default_second_factor\nb verified second_factor",
            patch(name, r#"{"reserved_for_second_factor": true}"#),
        );
    }
}

#[test]
fn second_factor_true_on_second_factor_that_became_the_only_way_to_sign_in_changes_nothing() {
    check(
        "a verified primary default_second_factor\nb unverified",
        patch("a", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}

// `reserved_for_second_factor: false`

#[test]
fn second_factor_false_on_second_factor_clears_it() {
    check(
        "a verified primary default_second_factor\nb verified second_factor",
        patch("b", r#"{"reserved_for_second_factor": false}"#),
        expect![[r#"
            a verified default_second_factor primary
            b verified (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}

#[test]
fn second_factor_false_on_default_clears_both_and_moves_the_default_to_the_oldest() {
    check(
        "a verified primary\nb verified second_factor\nc verified default_second_factor\nd verified second_factor",
        patch("c", r#"{"reserved_for_second_factor": false}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            c verified (updated)
            d verified second_factor
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved
        "#]],
    );
}

#[test]
fn second_factor_false_on_the_last_second_factor_turns_mfa_off() {
    check(
        "a verified primary default_second_factor\nb verified",
        patch("a", r#"{"reserved_for_second_factor": false}"#),
        expect![[r#"
            a verified primary (updated)
            b verified
            user: mfa_enabled_at before, mfa_disabled_at now, updated
            consequences: mfa_disabled
        "#]],
    );
}

#[test]
fn second_factor_false_on_number_that_is_none_changes_nothing() {
    for state in ["unverified", "reserved", "verified"] {
        assert_unchanged(
            &format!("a verified primary default_second_factor\nb {state}"),
            patch("b", r#"{"reserved_for_second_factor": false}"#),
        );
    }
}

#[test]
fn second_factor_false_on_number_verified_by_the_same_request_only_verifies() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": true, "reserved_for_second_factor": false}"#),
        expect![[r#"
            a verified primary
            b verified (updated)
            user: updated
        "#]],
    );
}

#[test]
fn second_factor_false_on_default_unverified_by_the_same_request_does_both() {
    check(
        "a verified primary\nb verified second_factor\nc verified default_second_factor",
        patch("c", r#"{"verified": false, "reserved_for_second_factor": false}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            c unverified (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved
        "#]],
    );
}
