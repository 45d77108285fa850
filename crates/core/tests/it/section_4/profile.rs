//! The profile, bans and locks.

use crate::support::{Given, NOW, check, env_at, id, patch_user};
use expect_test::expect;
use verger_core::metadata::Metadata;
use verger_core::user::ProfileChange;
use verger_core::{Claims, IdentifierKind, Refusal, User, Username};
use verger_wire::{Patch, UnixMillis};

#[test]
fn user_update_moves_the_primary_to_a_claimed_identification() {
    for state in ["verified", "reserved"] {
        let given = Given::parse(&format!("a verified primary\nb {state}\nx@ verified primary\ny@ {state}"));
        let change = ProfileChange {
            primary_phone_number_id: Some(id("b")),
            primary_email_address_id: Some(id("y@")),
            ..ProfileChange::default()
        };
        let change = patch_user(change)(&given, &mut env_at(NOW)).unwrap();
        assert_eq!(change.user.primary_phone_number_id, Some(id("b")));
        assert_eq!(change.user.primary_email_address_id, Some(id("y@")));
        assert_eq!(change.consequences, []);
    }
}

#[test]
fn user_update_refuses_a_primary_that_is_unverified_or_not_the_users() {
    let given = Given::parse("a verified primary\nb unverified\nx@ verified primary\ny@ unverified");
    let update = |phone: Option<&str>, email: Option<&str>| {
        let change = ProfileChange {
            primary_phone_number_id: phone.map(id),
            primary_email_address_id: email.map(id),
            first_name: Patch::Set("Ada".to_owned()),
            ..ProfileChange::default()
        };
        patch_user(change)(&given, &mut env_at(NOW)).unwrap_err()
    };
    let (phone, email) = ("primary_phone_number_id", "primary_email_address_id");
    assert_eq!(update(Some("b"), None), Refusal::NeedsVerification { param: phone });
    assert_eq!(update(None, Some("y@")), Refusal::NeedsVerification { param: email });
    for not_theirs in ["c", "x@", "y@"] {
        assert_eq!(update(Some(not_theirs), None), Refusal::NotTheUsers { param: phone });
    }
    for not_theirs in ["z@", "a", "b"] {
        assert_eq!(update(None, Some(not_theirs)), Refusal::NotTheUsers { param: email });
    }
}

#[test]
fn user_update_that_names_what_is_already_so_changes_nothing() {
    check(
        "a verified primary",
        patch_user(ProfileChange::default()),
        expect![[r#"
            nothing changed
        "#]],
    );
    let same = ProfileChange {
        username: Patch::Set(Username::parse("ada_l").unwrap()),
        external_id: Patch::Null,
        primary_phone_number_id: Some(id("a")),
        public_metadata: Some(Metadata::new()),
        delete_self_enabled: Some(true),
        ..ProfileChange::default()
    };
    check(
        "a verified primary\nusername ada_l",
        patch_user(same),
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn username_and_external_id_claimed_elsewhere_are_refused() {
    let mut given = Given::parse("a verified primary");
    given.claims = Claims::new([
        (IdentifierKind::Username, "ada_l".to_owned()),
        (IdentifierKind::ExternalId, "crm-1".to_owned()),
    ]);
    let username = |text| ProfileChange {
        username: Patch::Set(Username::parse(text).unwrap()),
        ..ProfileChange::default()
    };
    let external_id =
        |text: &str| ProfileChange { external_id: Patch::Set(text.to_owned()), ..ProfileChange::default() };
    let update = |change| patch_user(change)(&given, &mut env_at(NOW));
    assert_eq!(update(username("Ada_L")), Err(Refusal::Taken(IdentifierKind::Username)));
    assert_eq!(update(external_id("crm-1")), Err(Refusal::Taken(IdentifierKind::ExternalId)));
    assert!(update(username("crm-1")).is_ok(), "kinds are apart");
    assert!(update(external_id("CRM-1")).is_ok(), "an external id is compared as given");
}

#[test]
fn username_that_is_the_last_identification_cannot_be_removed() {
    let none = || ProfileChange { username: Patch::Null, ..ProfileChange::default() };
    check(
        "username ada_l",
        patch_user(none()),
        expect![[r#"
            refused: LastIdentification
        "#]],
    );
    check(
        "username ada_l\na unverified primary",
        patch_user(none()),
        expect![[r#"
            a unverified primary
            user: updated
            consequences: last_sign_in_identification_lost
        "#]],
    );
    check(
        "username ada_l\nx@ verified primary",
        patch_user(none()),
        expect![[r#"
            x@ verified primary
            user: updated
        "#]],
    );
}

#[test]
fn profile_update_does_not_touch_the_identifications() {
    let name = ProfileChange { first_name: Patch::Set("Ada".to_owned()), ..ProfileChange::default() };
    check(
        "a verified primary default_second_factor\nx@ verified primary",
        patch_user(name),
        expect![[r#"
            a verified default_second_factor primary
            x@ verified primary
            user: two_factor_enabled, mfa_enabled_at before, updated
        "#]],
    );
}

// Banned and locked

#[test]
fn ban_and_lock_are_set_once_and_taken_back_once() {
    type Set = fn(&User, bool, &mut verger_core::Env) -> verger_core::Change;
    type At = fn(&User) -> Option<UnixMillis>;
    let pairs: [(Set, At); 2] =
        [(User::set_banned, |user| user.banned_at), (User::set_locked, |user| user.locked_at)];
    for (set, at) in pairs {
        let before = Given::parse("a verified primary").user;
        assert_eq!(set(&before, false, &mut env_at(NOW)).user, before);
        let on = set(&before, true, &mut env_at(NOW)).user;
        assert_eq!((at(&on), on.version, on.updated_at), (Some(NOW), before.version + 1, NOW));
        assert_eq!(set(&on, true, &mut env_at(NOW.plus_ms(1))).user, on);
        let off = set(&on, false, &mut env_at(NOW.plus_ms(2))).user;
        assert_eq!((at(&off), off.version, off.updated_at), (None, on.version + 1, NOW.plus_ms(2)));
        assert_eq!(off.identifications, before.identifications);
    }
}
