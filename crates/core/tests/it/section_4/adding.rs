//! Adding a number or an address.

use crate::support::{Given, NOW, assert_refused, check, env_at, post, put};
use expect_test::expect;
use verger_core::user::IdentificationStatus::Unverified;
use verger_core::user::{IDENTIFICATIONS_MAX, NewIdentification, NewUser};
use verger_core::{Claims, E164, Identifier, IdentifierKind, Refusal, TestNumbers, User};

#[test]
fn first_number_is_primary_verified_or_not() {
    check(
        "username ada_l",
        post("a", "{}"),
        expect![[r#"
            a unverified primary (new)
            user: username ada_l, updated
        "#]],
    );
    check(
        "x@ verified primary",
        post("a", r#"{"verified": true}"#),
        expect![[r#"
            x@ verified primary
            a verified primary (new)
            user: updated
        "#]],
    );
    check(
        "x@ verified primary",
        post("a", r#"{"primary": true}"#),
        expect![[r#"
            x@ verified primary
            a unverified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn second_number_is_not_primary() {
    check(
        "a unverified primary",
        post("b", r#"{"verified": true}"#),
        expect![[r#"
            a unverified primary
            b verified (new)
            user: updated
        "#]],
    );
    // The user has numbers but no primary one: the next is still not the first.
    check(
        "a unverified",
        post("b", r#"{"verified": true}"#),
        expect![[r#"
            a unverified
            b verified (new)
            user: updated
        "#]],
    );
}

#[test]
fn added_number_becomes_primary_when_the_request_says_so() {
    check(
        "a verified primary",
        post("b", r#"{"verified": true, "primary": true}"#),
        expect![[r#"
            a verified
            b verified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn added_unverified_number_cannot_become_primary_beside_another() {
    check(
        "a verified primary",
        post("b", r#"{"primary": true}"#),
        expect![[r#"
            refused: NeedsVerification { param: "primary" }
        "#]],
    );
}

#[test]
fn added_verified_number_can_be_second_factor() {
    let body = r#"{"verified": true, "reserved_for_second_factor": true}"#;
    check(
        "a verified primary",
        post("b", body),
        expect![[r#"
            a verified primary
            b verified default_second_factor (new)
            user: two_factor_enabled, mfa_enabled_at now, updated
        "#]],
    );
    check(
        "a verified primary default_second_factor",
        post("b", body),
        expect![[r#"
            a verified default_second_factor primary
            b verified second_factor (new)
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}

#[test]
fn added_unverified_number_cannot_be_second_factor() {
    check(
        "a verified primary",
        post("b", r#"{"reserved_for_second_factor": true}"#),
        expect![[r#"
            refused: SecondFactorUnverified { on_create: true }
        "#]],
    );
}

#[test]
fn added_number_cannot_be_second_factor_as_the_only_way_to_sign_in() {
    check(
        "x@ unverified primary",
        post("a", r#"{"verified": true, "reserved_for_second_factor": true}"#),
        expect![[r#"
            refused: OnlySignInIdentification
        "#]],
    );
}

#[test]
fn number_that_the_user_has_cannot_be_added_again() {
    for state in ["unverified", "reserved", "verified"] {
        assert_refused(
            &format!("a {state} primary"),
            post("a", r#"{"verified": true}"#),
            Refusal::Taken(IdentifierKind::PhoneNumber),
        );
    }
}

#[test]
fn number_that_the_user_has_cannot_be_added_in_another_spelling() {
    let number = |typed| Identifier::Phone(E164::parse(typed, TestNumbers::Refused).unwrap());
    let mut env = env_at(NOW);
    let new =
        NewUser { identifications: vec![(number("+44 7400 123456"), Unverified)], ..NewUser::default() };
    let user = User::create(new, &Claims::default(), &mut env).unwrap().user;
    let mut again =
        NewUser { identifications: vec![(number("+44 7400 123456"), Unverified)], ..NewUser::default() };
    again.identifications.push((number("+44 (0) 7400-123456"), Unverified));
    assert_eq!(
        User::create(again, &Claims::default(), &mut env),
        Err(Refusal::Taken(IdentifierKind::PhoneNumber))
    );
    let added = NewIdentification {
        identifier: number("+4407400123456"),
        verified: false,
        primary: false,
        reserved_for_second_factor: false,
    };
    assert_eq!(
        user.add_identification(added, &Claims::default(), &mut env),
        Err(Refusal::Taken(IdentifierKind::PhoneNumber))
    );
}

#[test]
fn number_claimed_elsewhere_cannot_be_added() {
    for body in ["{}", r#"{"verified": true}"#] {
        assert_refused(
            "a verified primary\nelsewhere b",
            post("b", body),
            Refusal::Taken(IdentifierKind::PhoneNumber),
        );
    }
}

#[test]
fn address_claimed_elsewhere_does_not_stand_in_the_way_of_a_number() {
    check(
        "a verified primary\nelsewhere x@",
        post("b", r#"{"verified": true}"#),
        expect![[r#"
            a verified primary
            b verified (new)
            user: updated
        "#]],
    );
}

#[test]
fn first_address_is_primary_and_no_number_moves() {
    check(
        "a verified primary",
        post("x@", "{}"),
        expect![[r#"
            a verified primary
            x@ unverified primary (new)
            user: updated
        "#]],
    );
    check(
        "x@ verified primary",
        post("y@", r#"{"verified": true, "primary": true}"#),
        expect![[r#"
            x@ verified
            y@ verified primary (new)
            user: updated
        "#]],
    );
}

#[test]
fn one_more_than_the_most_numbers_is_refused() {
    let mut env = env_at(NOW);
    let number = |at: usize| {
        Identifier::Phone(E164::parse(&format!("+1{:03}5550100", 200 + at), TestNumbers::Accepted).unwrap())
    };
    let identifications = |count| (0..count).map(|at| (number(at), Unverified)).collect::<Vec<_>>();
    let full = NewUser { identifications: identifications(IDENTIFICATIONS_MAX), ..NewUser::default() };
    let user = User::create(full, &Claims::default(), &mut env).unwrap().user;
    let given = Given { user, claims: Claims::default() };
    assert_eq!(post("z", "{}")(&given, &mut env), Err(Refusal::TooMany(IdentifierKind::PhoneNumber)));
    assert!(post("x@", "{}")(&given, &mut env).is_ok(), "addresses are counted apart");
    assert!(put("z", Unverified)(&given, &mut env).is_ok(), "a replacement makes room first");
    let over = NewUser { identifications: identifications(IDENTIFICATIONS_MAX + 1), ..NewUser::default() };
    assert_eq!(
        User::create(over, &Claims::default(), &mut env),
        Err(Refusal::TooMany(IdentifierKind::PhoneNumber))
    );
}
