//! No field, several fields in one request, and numbers that are not the user's.

use crate::support::{Given, NOW, assert_unchanged, check, env_at, patch};
use expect_test::expect;
use verger_core::Refusal;

#[test]
fn nothing_and_nulls_change_nothing_on_any_state() {
    for body in ["null", "{}", r#"{"verified": null, "reserved_for_second_factor": null, "primary": null}"#] {
        for name in ["a", "b", "c", "d", "e"] {
            assert_unchanged(
                "a verified primary\nb unverified\nc reserved\nd verified default_second_factor\n\
                 e verified second_factor\nelsewhere b",
                patch(name, body),
            );
        }
    }
}

#[test]
fn all_three_fields_act_in_one_change() {
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"verified": true, "reserved_for_second_factor": true, "primary": true}"#),
        expect![[r#"
            a verified
            b verified default_second_factor primary (updated)
            user: two_factor_enabled, mfa_enabled_at now, updated
        "#]],
    );
}

#[test]
fn verified_is_refused_before_second_factor_before_primary() {
    // Claimed elsewhere, and each later field would be refused too.
    check(
        "a unverified primary\nb unverified\nelsewhere b",
        patch("b", r#"{"verified": true, "reserved_for_second_factor": true, "primary": true}"#),
        expect![[r#"
            refused: Taken(PhoneNumber)
        "#]],
    );
    check(
        "a verified primary\nb unverified",
        patch("b", r#"{"reserved_for_second_factor": true, "primary": true}"#),
        expect![[r#"
            refused: SecondFactorUnverified { on_create: false }
        "#]],
    );
}

#[test]
fn a_late_refusal_undoes_the_fields_before_it() {
    let given = Given::parse("a reserved primary\nb unverified");
    let before = given.user.clone();
    let body = r#"{"verified": true, "reserved_for_second_factor": true, "primary": true}"#;
    assert_eq!(patch("a", body)(&given, &mut env_at(NOW)), Err(Refusal::OnlySignInIdentification));
    assert_eq!(given.user, before);
}

#[test]
fn number_of_another_user_is_not_found() {
    check(
        "a verified primary",
        patch("b", r#"{"verified": false}"#),
        expect![[r#"
            refused: NotFound
        "#]],
    );
    check(
        "a verified primary",
        patch("b", "{}"),
        expect![[r#"
            refused: NotFound
        "#]],
    );
}
