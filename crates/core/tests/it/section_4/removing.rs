//! Removing a number or an address.

use crate::support::{assert_refused, check, delete};
use expect_test::expect;
use verger_core::Refusal;

#[test]
fn removed_primary_promotes_the_oldest_verified_number() {
    check(
        "a unverified\nb reserved\nc verified\nd verified\ne verified primary\nx@ verified primary",
        delete("e"),
        expect![[r#"
            a unverified
            b reserved
            c verified primary
            d verified
            x@ verified primary
            user: updated
            consequences: primary_phone_number_moved
        "#]],
    );
}

#[test]
fn removed_primary_promotes_none_when_none_is_verified() {
    check(
        "a verified primary\nb unverified\nc reserved",
        delete("a"),
        expect![[r#"
            b unverified
            c reserved
            user: updated
            consequences: primary_phone_number_cleared
        "#]],
    );
}

#[test]
fn removed_primary_address_promotes_the_oldest_verified_address() {
    check(
        "a verified primary\nx@ verified primary\ny@ verified",
        delete("x@"),
        expect![[r#"
            a verified primary
            y@ verified primary
            user: updated
            consequences: primary_email_address_moved
        "#]],
    );
    check(
        "a verified primary\nx@ verified primary\ny@ reserved",
        delete("x@"),
        expect![[r#"
            a verified primary
            y@ reserved
            user: updated
            consequences: primary_email_address_cleared
        "#]],
    );
}

#[test]
fn removed_number_that_is_not_primary_leaves_the_primary() {
    check(
        "a verified\nb unverified primary\nc verified",
        delete("c"),
        expect![[r#"
            a verified
            b unverified primary
            user: updated
        "#]],
    );
}

#[test]
fn removal_of_another_number_does_not_fill_an_empty_primary() {
    check(
        "a verified\nb verified\nc unverified",
        delete("c"),
        expect![[r#"
            a verified
            b verified
            user: updated
        "#]],
    );
}

#[test]
fn removed_default_second_factor_moves_the_default_to_the_oldest() {
    check(
        "a verified primary\nb verified second_factor\nc verified second_factor\nd verified default_second_factor",
        delete("d"),
        expect![[r#"
            a verified primary
            b verified default_second_factor (updated)
            c verified second_factor
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved
        "#]],
    );
}

#[test]
fn removed_last_second_factor_turns_mfa_off() {
    check(
        "a verified primary\nb verified default_second_factor",
        delete("b"),
        expect![[r#"
            a verified primary
            user: mfa_enabled_at before, mfa_disabled_at now, updated
            consequences: mfa_disabled
        "#]],
    );
}

#[test]
fn removed_primary_and_default_second_factor_moves_both() {
    check(
        "a verified second_factor\nb verified primary default_second_factor",
        delete("b"),
        expect![[r#"
            a verified default_second_factor primary (updated)
            user: two_factor_enabled, mfa_enabled_at before, updated
            consequences: default_second_factor_moved, primary_phone_number_moved
        "#]],
    );
}

#[test]
fn last_identification_cannot_be_deleted() {
    for given in ["a verified primary", "a unverified primary", "a reserved primary"] {
        assert_refused(given, delete("a"), Refusal::LastIdentification);
    }
    check(
        "x@ verified primary",
        delete("x@"),
        expect![[r#"
            refused: LastIdentification
        "#]],
    );
}

#[test]
fn last_number_can_be_deleted_beside_another_kind_of_identification() {
    check(
        "a verified primary\nx@ verified primary",
        delete("a"),
        expect![[r#"
            x@ verified primary
            user: updated
            consequences: primary_phone_number_cleared
        "#]],
    );
    check(
        "a verified primary\nusername ada_l",
        delete("a"),
        expect![[r#"
            user: username ada_l, updated
            consequences: primary_phone_number_cleared
        "#]],
    );
}

#[test]
fn removal_of_the_last_way_to_sign_in_tells_so() {
    check(
        "a verified primary\nb unverified",
        delete("a"),
        expect![[r#"
            b unverified
            user: updated
            consequences: primary_phone_number_cleared, last_sign_in_identification_lost
        "#]],
    );
}

#[test]
fn number_of_another_user_cannot_be_deleted() {
    check(
        "a verified primary\nb verified",
        delete("c"),
        expect![[r#"
            refused: NotFound
        "#]],
    );
}
