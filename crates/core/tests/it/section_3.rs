//! Section 3 of the contract: PATCH of a phone number, every row of its table.

use crate::support::{
    Given, NOW, assert_refused, assert_unchanged, check, claimed_names, env_at, id, patch, update_from,
};
use expect_test::expect;
use verger_core::{IdentifierKind, Refusal, Verification};

// `verified: true`

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

// `reserved_for_second_factor: true`

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

// `primary: true`

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
    for name in ["a", "b", "c"] {
        assert_unchanged(
            "a verified primary\nb unverified\nc reserved",
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

// Nothing, and several fields

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

// The same for email addresses, where it applies

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
