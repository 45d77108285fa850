//! Section 4 of the contract: adding, removing and replacing, and everything else that a user has commands for.

use crate::support::{
    BEFORE, Given, NOW, assert_refused, bare_user, check, delete, delete_mfa, env_at, id, identifier, patch,
    patch_user, post, put,
};
use expect_test::expect;
use serde_json::{Value, json};
use verger_core::metadata::Metadata;
use verger_core::user::IdentificationStatus::{Reserved, Unverified, Verified};
use verger_core::user::{
    IDENTIFICATIONS_MAX, IdentificationStatus, MetadataChange, NewIdentification, NewUser, ProfileChange,
};
use verger_core::{
    BrokenRule, Claims, E164, Email, Identification, Identifier, IdentifierKind, Malformed, Refusal,
    SecondFactor, TestNumbers, User, Username, Verification,
};
use verger_wire::{IdentificationId, Patch, UnixMillis};

// The rules themselves

#[test]
fn check_names_the_rule_that_a_user_breaks() {
    type Break = fn(&mut User);
    let breaks: [(BrokenRule, Break); 13] = [
        (BrokenRule::Version, |user| user.version = 0),
        (BrokenRule::PrimaryPhoneNumber, |user| user.primary_phone_number_id = Some(id("e"))),
        (BrokenRule::PrimaryPhoneNumber, |user| user.primary_phone_number_id = Some(id("x@"))),
        (BrokenRule::PrimaryEmailAddress, |user| user.primary_email_address_id = Some(id("y@"))),
        (BrokenRule::PrimaryEmailAddress, |user| user.primary_email_address_id = Some(id("a"))),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "c").second_factor = SecondFactor::Reserved),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "a").verification = Verification::Unverified),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "a").verification = Verification::Reserved),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "x@").second_factor = SecondFactor::Reserved),
        (BrokenRule::DefaultSecondFactor, |user| held(user, "a").second_factor = SecondFactor::No),
        (BrokenRule::DefaultSecondFactor, |user| held(user, "b").second_factor = SecondFactor::Default),
        (BrokenRule::Duplicate, |user| held(user, "c").identifier = identifier("a")),
        (BrokenRule::DuplicateId, |user| {
            let twin = Identification { identifier: identifier("e"), ..held(user, "c").clone() };
            user.identifications.push(twin);
        }),
    ];
    let good = "a verified primary default_second_factor\nb verified second_factor\nc unverified\n\
                x@ verified primary\nd verified";
    for (rule, break_it) in breaks {
        let mut user = Given::parse(good).user;
        break_it(&mut user);
        assert_eq!(user.check(), Err(rule));
    }
    let mut user = Given::parse("a verified primary").user;
    for more in 0..IDENTIFICATIONS_MAX {
        let one = Identification {
            id: id(&format!("more{more}")),
            identifier: Identifier::Email(Email::parse(&format!("more{more}@example.com")).unwrap()),
            ..user.identifications[0].clone()
        };
        user.identifications.push(one);
    }
    assert_eq!(user.check(), Ok(()));
    let one_too_many =
        Identification { id: id("x@"), identifier: identifier("x@"), ..user.identifications[0].clone() };
    user.identifications.push(one_too_many);
    assert_eq!(user.check(), Err(BrokenRule::TooMany));
}

fn held<'a>(user: &'a mut User, name: &str) -> &'a mut Identification {
    user.identifications.iter_mut().find(|held| held.id == id(name)).unwrap()
}

#[test]
fn first_to_verify_claims_the_number_and_the_other_stays_unverified() {
    let (first, second) = (Given::parse("a unverified primary"), Given::parse("a unverified primary"));
    let first = patch("a", r#"{"verified": true}"#)(&first, &mut env_at(NOW)).unwrap().user;
    let claims = first.claimed().into_iter().map(|(kind, text, _)| (kind, text));
    let second = Given { user: second.user, claims: Claims::new(claims) };
    let refused = patch("a", r#"{"verified": true}"#)(&second, &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::Taken(IdentifierKind::PhoneNumber)));
    let unchanged = patch("a", r#"{"verified": false}"#)(&second, &mut env_at(NOW)).unwrap().user;
    assert_eq!(unchanged, second.user, "it still stands there, unverified");
}

// Adding

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

// Removing

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

// Replacing

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

// Second factors

#[test]
fn disabled_mfa_takes_every_second_factor() {
    check(
        "a verified primary default_second_factor\nb verified second_factor\nc verified",
        delete_mfa,
        expect![[r#"
            a verified primary (updated)
            b verified (updated)
            c verified
            user: mfa_enabled_at before, mfa_disabled_at now, updated
        "#]],
    );
}

#[test]
fn disabled_mfa_without_second_factors_changes_nothing() {
    check(
        "a verified primary\nmfa_enabled\nmfa_disabled",
        delete_mfa,
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn mfa_times_are_set_by_their_event_and_kept_by_the_other() {
    let mut given = Given::parse("a verified primary\nb verified");
    let mut times = Vec::new();
    for (at, body) in [(1, true), (2, true), (3, false), (4, true)] {
        let body = format!(r#"{{"reserved_for_second_factor": {body}}}"#);
        given.user = patch("b", &body)(&given, &mut env_at(UnixMillis(at))).unwrap().user;
        times.push((given.user.mfa_enabled_at, given.user.mfa_disabled_at));
    }
    let at = |at| Some(UnixMillis(at));
    assert_eq!(times, [(at(1), None), (at(1), None), (at(1), at(3)), (at(4), at(3))]);
}

// The profile

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

// Metadata

fn object(value: &Value) -> Metadata {
    value.as_object().unwrap().clone().into()
}

#[test]
fn metadata_merge_is_deep_and_replacement_is_whole() {
    let mut user = Given::parse("a verified primary").user;
    user.public_metadata = object(&json!({"plan": {"name": "pro", "seats": 5}, "beta": true}));
    user.private_metadata = object(&json!({"note": "kept"}));
    let change = MetadataChange {
        public_metadata: Some(object(&json!({"plan": {"seats": 6, "name": null}, "team": "x"}))),
        ..MetadataChange::default()
    };
    let merged = user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user;
    assert_eq!(merged.public_metadata, object(&json!({"plan": {"seats": 6}, "beta": true, "team": "x"})));
    assert_eq!((merged.version, merged.updated_at), (user.version + 1, NOW));
    assert_eq!(merged.private_metadata, user.private_metadata);
    let replaced = user.replace_metadata(change, &mut env_at(NOW)).unwrap().user;
    assert_eq!(replaced.public_metadata, object(&json!({"plan": {"seats": 6, "name": null}, "team": "x"})));
    assert_eq!(replaced.private_metadata, user.private_metadata);
}

#[test]
fn metadata_that_is_already_so_changes_nothing() {
    let mut user = Given::parse("a verified primary").user;
    user.unsafe_metadata = object(&json!({"a": 1, "b": 2}));
    for same in [json!({}), json!({"a": 1}), json!({"b": 2, "a": 1}), json!({"c": null})] {
        let change = MetadataChange { unsafe_metadata: Some(object(&same)), ..MetadataChange::default() };
        assert_eq!(user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user, user, "{same}");
    }
    let change = MetadataChange {
        unsafe_metadata: Some(object(&json!({"b": 2, "a": 1}))),
        ..MetadataChange::default()
    };
    assert_eq!(user.replace_metadata(change, &mut env_at(NOW)).unwrap().user, user);
}

#[test]
fn a_number_that_is_written_otherwise_is_a_change() {
    let read = |text: &str| match verger_wire::json::parse(text) {
        Ok(verger_wire::json::Json::Object(object)) => object,
        other => panic!("{other:?}"),
    };
    let mut user = Given::parse("a verified primary").user;
    user.public_metadata = read(r#"{"n":1,"m":0.10000000000000000001}"#);
    for (text, changes) in [
        (r#"{"n":1}"#, false),
        (r#"{"m":0.10000000000000000001}"#, false),
        (r#"{"n":1.0}"#, true),
        (r#"{"n":1e0}"#, true),
        // The same 64-bit floating point number.
        (r#"{"m":0.10000000000000000002}"#, true),
    ] {
        let change = MetadataChange { public_metadata: Some(read(text)), ..MetadataChange::default() };
        let next = user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user;
        assert_eq!(next != user, changes, "{text}");
    }
}

#[test]
fn metadata_over_its_limit_is_refused_by_name() {
    let user = Given::parse("a verified primary").user;
    let large = object(&json!({"a": "x".repeat(9_000)}));
    let too_large =
        |param| Refusal::Malformed { param, why: Malformed::TooLarge { bytes_max: 8_192, bytes: 9_008 } };
    for (param, change) in [
        (
            "public_metadata",
            MetadataChange { public_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
        (
            "private_metadata",
            MetadataChange { private_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
        (
            "unsafe_metadata",
            MetadataChange { unsafe_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
    ] {
        assert_eq!(user.merge_metadata(&change, &mut env_at(NOW)), Err(too_large(param)));
        assert_eq!(user.replace_metadata(change, &mut env_at(NOW)), Err(too_large(param)));
    }
}

// Creating a user

fn create(identifications: &[(&str, IdentificationStatus)], claims: &Claims) -> Result<User, Refusal> {
    let identifications = identifications.iter().map(|(name, status)| (identifier(name), *status)).collect();
    let new = NewUser { identifications, ..NewUser::default() };
    User::create(new, claims, &mut env_at(NOW)).map(|change| change.user)
}

#[test]
fn created_user_has_the_first_of_each_kind_as_primary() {
    let given = [("a", Unverified), ("x@", Reserved), ("b", Verified), ("y@", Verified), ("c", Reserved)];
    let user = create(&given, &Claims::default()).unwrap();
    assert_eq!(user.check(), Ok(()));
    let primary = |kind| user.identification(user.primary(kind).unwrap()).unwrap().identifier.clone();
    assert_eq!(primary(IdentifierKind::PhoneNumber), identifier("a"));
    assert_eq!(primary(IdentifierKind::EmailAddress), identifier("x@"));
    for (held, (name, status)) in user.identifications.iter().zip(given) {
        let verification = match status {
            Verified => Verification::VerifiedByAdmin { at: NOW },
            Reserved => Verification::Reserved,
            Unverified => Verification::Unverified,
        };
        assert_eq!((&held.identifier, held.verification), (&identifier(name), verification));
    }
    assert_eq!((user.version, user.created_at, user.updated_at), (1, NOW, NOW));
    assert!(!user.two_factor_enabled());
    assert_eq!(IdentificationStatus::default(), Verified, "verified unless stated");
}

#[test]
fn identifications_are_shown_newest_first() {
    let user =
        create(&[("a", Verified), ("x@", Verified), ("b", Verified), ("c", Verified)], &Claims::default());
    let user = user.unwrap();
    let shown = user.newest_first(IdentifierKind::PhoneNumber);
    let shown: Vec<_> = shown.iter().map(|held| &held.identifier).collect();
    assert_eq!(shown, [&identifier("c"), &identifier("b"), &identifier("a")]);
    // Across times the time decides, and the place in memory never does.
    let mut user = Given::parse("a verified\nb verified\nc verified").user;
    user.identifications.rotate_left(1);
    let shown = user.newest_first(IdentifierKind::PhoneNumber);
    assert_eq!(shown.iter().map(|held| &held.id).collect::<Vec<_>>(), [&id("c"), &id("b"), &id("a")]);
}

#[test]
fn created_user_cannot_have_an_identifier_twice_or_one_claimed_elsewhere() {
    let twice = create(&[("a", Verified), ("b", Verified), ("a", Unverified)], &Claims::default());
    assert_eq!(twice, Err(Refusal::Taken(IdentifierKind::PhoneNumber)));
    let twice = create(&[("x@", Verified), ("x@", Verified)], &Claims::default());
    assert_eq!(twice, Err(Refusal::Taken(IdentifierKind::EmailAddress)));
    let claims = Given::parse("elsewhere b\nelsewhere x@").claims;
    for status in [Verified, Reserved, Unverified] {
        let taken = create(&[("a", Verified), ("b", status)], &claims);
        assert_eq!(taken, Err(Refusal::Taken(IdentifierKind::PhoneNumber)));
        assert_eq!(create(&[("x@", status)], &claims), Err(Refusal::Taken(IdentifierKind::EmailAddress)));
    }
    let new = NewUser {
        profile: ProfileChange {
            username: Patch::Set(Username::parse("Ada_L").unwrap()),
            ..Default::default()
        },
        ..NewUser::default()
    };
    let claims = Claims::new([(IdentifierKind::Username, "ada_l".to_owned())]);
    let taken = User::create(new, &claims, &mut env_at(NOW));
    assert_eq!(taken, Err(Refusal::Taken(IdentifierKind::Username)));
}

#[test]
fn created_user_needs_an_identification_unless_told_otherwise() {
    assert_eq!(create(&[], &Claims::default()), Err(Refusal::IdentificationMissing));
    let mut env = env_at(NOW);
    let external_id =
        ProfileChange { external_id: Patch::Set("crm-1".to_owned()), ..ProfileChange::default() };
    let new = NewUser { profile: external_id, ..NewUser::default() };
    assert_eq!(
        User::create(new, &Claims::default(), &mut env),
        Err(Refusal::IdentificationMissing),
        "an external id identifies nobody"
    );
    let username =
        ProfileChange { username: Patch::Set(Username::parse("ada_l").unwrap()), ..ProfileChange::default() };
    let new = NewUser { profile: username, ..NewUser::default() };
    assert!(User::create(new, &Claims::default(), &mut env).is_ok());
    assert_eq!(bare_user(&mut env).identifications, []);
}

#[test]
fn created_user_takes_its_moment_ban_and_lock_from_the_request() {
    let new = NewUser {
        skip_user_requirement: true,
        created_at: Some(UnixMillis(1)),
        banned: true,
        locked: true,
        ..NewUser::default()
    };
    let user = User::create(new, &Claims::default(), &mut env_at(NOW)).unwrap().user;
    assert_eq!((user.created_at, user.updated_at), (UnixMillis(1), NOW));
    assert_eq!((user.banned_at, user.locked_at), (Some(NOW), Some(NOW)));
    let user = bare_user(&mut env_at(BEFORE));
    assert_eq!((user.banned_at, user.locked_at), (None, None));
}

#[test]
fn created_user_cannot_name_a_primary_that_does_not_exist_yet() {
    let profile = ProfileChange {
        primary_phone_number_id: Some(IdentificationId::from("idn_of_somebody")),
        ..ProfileChange::default()
    };
    let new = NewUser { identifications: vec![(identifier("a"), Verified)], profile, ..NewUser::default() };
    let refused = User::create(new, &Claims::default(), &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::NotTheUsers { param: "primary_phone_number_id" }));
}

#[test]
fn addresses_that_differ_only_in_case_are_the_same() {
    let address = |typed| (Identifier::Email(Email::parse(typed).unwrap()), Verified);
    let new = NewUser {
        identifications: vec![address("Ada@Example.com"), address("ada@example.com")],
        ..NewUser::default()
    };
    let refused = User::create(new, &Claims::default(), &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::Taken(IdentifierKind::EmailAddress)));
}
