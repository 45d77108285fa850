//! Replacing all numbers or all addresses of a user.

use crate::support::{assert_refused, check, put};
use expect_test::expect;
use verger_core::user::IdentificationStatus::{Reserved, Unverified, Verified};
use verger_core::{IdentifierKind, Refusal};

#[test]
fn replacement_removes_all_numbers_and_is_primary() {
    check(
        "a verified primary\nb unverified\nx@ verified primary\ny@ unverified",
        put("c", Verified),
        expect![[r#"
            x@ verified primary
            y@ unverified
            c verified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn replacement_is_primary_whatever_its_status() {
    check(
        "a verified primary\nx@ verified primary",
        put("c", Reserved),
        expect![[r#"
            x@ verified primary
            c reserved primary (new)
            user: updated
        "#]],
    );
    check(
        "a verified primary\nx@ verified primary",
        put("c", Unverified),
        expect![[r#"
            x@ verified primary
            c unverified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn replacement_of_no_number_is_the_first() {
    check(
        "x@ verified primary",
        put("a", Verified),
        expect![[r#"
            x@ verified primary
            a verified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn replacement_of_second_factors_turns_mfa_off() {
    check(
        "a verified primary default_second_factor\nb verified second_factor",
        put("c", Verified),
        expect![[r#"
            c verified primary (new)
            user: mfa_enabled_at before, mfa_disabled_at now, updated
            consequences: mfa_disabled
        "#]],
    );
}

#[test]
fn replacement_by_the_same_number_is_a_new_one() {
    check(
        "a verified primary default_second_factor\nb verified",
        put("a", Verified),
        expect![[r#"
            a verified primary (new)
            user: mfa_enabled_at before, mfa_disabled_at now, updated
            consequences: mfa_disabled
        "#]],
    );
}

#[test]
fn replacement_by_number_claimed_elsewhere_is_refused() {
    for status in [Verified, Reserved, Unverified] {
        assert_refused(
            "a verified primary\nelsewhere b",
            put("b", status),
            Refusal::Taken(IdentifierKind::PhoneNumber),
        );
    }
}

#[test]
fn replaced_address_leaves_numbers_alone() {
    check(
        "a verified primary default_second_factor\nx@ verified primary\ny@ verified",
        put("z@", Verified),
        expect![[r#"
            a verified default_second_factor primary
            z@ verified primary (new)
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}
