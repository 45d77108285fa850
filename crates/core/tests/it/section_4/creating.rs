//! Creating a user.

use crate::support::{BEFORE, Given, NOW, bare_user, env_at, id, identifier};
use verger_core::user::IdentificationStatus::{Reserved, Unverified, Verified};
use verger_core::user::{IdentificationStatus, NewUser, ProfileChange};
use verger_core::{Claims, Email, Identifier, IdentifierKind, Refusal, User, Username, Verification};
use verger_wire::{IdentificationId, Patch, UnixMillis};

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
