//! The rows of `verified`.

use crate::support::{Given, NOW, check, claimed_names, env_at, id, patch, update_from};
use expect_test::expect;
use verger_core::{IdentifierKind, Verification};

#[test]
fn verified_true_on_unverified_number_becomes_admin() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary
            b verified (updated)
            user: updated
        "#]],
    );
}

#[test]
fn verified_true_on_reserved_number_becomes_admin() {
    check(
        "a verified primary\nb reserved",
        patch("b", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary
            b verified (updated)
            user: updated
        "#]],
    );
}

#[test]
fn verified_true_on_unverified_primary_keeps_it_primary() {
    check(
        "a unverified primary\nb verified",
        patch("a", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary (updated)
            b verified
            user: updated
        "#]],
    );
}

#[test]
fn verified_true_says_when_it_was_verified() {
    let given = Given::parse("a unverified primary");
    let change = given
        .user
        .update_identification(
            &id("a"),
            update_from(r#"{"verified": true}"#),
            &given.claims,
            &mut env_at(NOW),
        )
        .unwrap();
    let held = change.user.identification(&id("a")).unwrap();
    assert_eq!(held.verification, Verification::VerifiedByAdmin { at: NOW });
    assert_eq!(change.subject, Some(id("a")));
}

#[test]
fn verified_true_claims_the_number() {
    let given = Given::parse("a verified primary\nb unverified\nc reserved");
    assert_eq!(claimed_names(&given.user, IdentifierKind::PhoneNumber), ["a", "c"]);
    let change = patch("b", r#"{"verified": true}"#)(&given, &mut env_at(NOW)).unwrap();
    assert_eq!(claimed_names(&change.user, IdentifierKind::PhoneNumber), ["a", "b", "c"]);
}

#[test]
fn verified_true_on_verified_number_changes_nothing() {
    check(
        "a verified primary\nb verified",
        patch("b", r#"{"verified": true}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn verified_true_on_second_factor_changes_nothing() {
    check(
        "a verified primary\nb verified default_second_factor",
        patch("b", r#"{"verified": true}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn verified_true_on_number_claimed_elsewhere_is_refused() {
    check(
        "a verified primary\nb unverified\nelsewhere b",
        patch("b", r#"{"verified": true}"#),
        expect![[r#"
            refused: Taken(PhoneNumber)
        "#]],
    );
}

// `verified: false`

#[test]
fn verified_false_on_verified_number_becomes_unverified() {
    check(
        "a verified primary\nb verified",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            a verified primary
            b unverified (updated)
            user: updated
        "#]],
    );
}

#[test]
fn verified_false_releases_the_claim() {
    let given = Given::parse("a verified primary\nb verified");
    let change = patch("b", r#"{"verified": false}"#)(&given, &mut env_at(NOW)).unwrap();
    assert_eq!(claimed_names(&change.user, IdentifierKind::PhoneNumber), ["a"]);
}

#[test]
fn verified_false_on_second_factor_drops_the_flag() {
    check(
        "a verified primary default_second_factor\nb verified second_factor",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            a verified default_second_factor primary
            b unverified (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}

#[test]
fn verified_false_on_default_second_factor_moves_the_default_to_the_oldest() {
    check(
        "a verified primary\nb verified second_factor\nc verified second_factor\nd verified default_second_factor",
        patch("d", r#"{"verified": false}"#),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            c verified second_factor
            d unverified (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved
        "#]],
    );
}

#[test]
fn verified_false_on_the_last_second_factor_turns_mfa_off() {
    check(
        "a verified primary\nb verified default_second_factor",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            a verified primary
            b unverified (updated)
            user: mfa_enabled_at before, mfa_disabled_at now, updated
            consequences: mfa_disabled
        "#]],
    );
}

#[test]
fn verified_false_on_primary_stays_primary() {
    check(
        "a verified primary\nb verified",
        patch("a", r#"{"verified": false}"#),
        expect![[r#"
            a unverified primary (updated)
            b verified
            user: updated
        "#]],
    );
}

#[test]
fn verified_false_on_primary_default_second_factor_stays_primary_and_moves_the_default() {
    check(
        "a verified primary default_second_factor\nb verified second_factor",
        patch("a", r#"{"verified": false}"#),
        expect![[r#"
            a unverified primary (updated)
            b verified default_second_factor (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved
        "#]],
    );
}

#[test]
fn verified_false_on_the_last_way_to_sign_in_tells_so() {
    check(
        "a verified primary\nb unverified",
        patch("a", r#"{"verified": false}"#),
        expect![[r#"
            a unverified primary (updated)
            b unverified
            user: updated
            consequences: last_sign_in_identification_lost
        "#]],
    );
    check(
        "a verified primary\nb reserved",
        patch("a", r#"{"verified": false}"#),
        expect![[r#"
            a unverified primary (updated)
            b reserved
            user: updated
        "#]],
    );
}

#[test]
fn verified_false_on_unverified_number_changes_nothing() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn verified_false_on_reserved_number_changes_nothing() {
    check(
        "a verified primary\nb reserved",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn verified_false_on_number_claimed_elsewhere_changes_nothing() {
    check(
        "a verified primary\nb unverified\nelsewhere b",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            nothing changed
        "#]],
    );
}
