use super::support::*;
use crate::{AnyChange, Change, Conflict, Scoped, Store, Write};
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewIdentification, ProfileChange};
use verger_core::{Claims, Env, Identifier, IdentifierKind, User, Username, Verification};
use verger_wire::{InstanceId, Patch};

const KINDS: [IdentifierKind; 4] = [
    IdentifierKind::PhoneNumber,
    IdentifierKind::EmailAddress,
    IdentifierKind::Username,
    IdentifierKind::ExternalId,
];

/// A user who claims one text of every kind.
fn holder(env: &mut Env) -> User {
    let user = new_user(
        vec![(phone(1), IdentificationStatus::Verified), (email("ada"), IdentificationStatus::Reserved)],
        env,
    );
    let profile = ProfileChange {
        username: Patch::Set(Username::parse("Ada_Lovelace").unwrap()),
        external_id: Patch::Set("Ext-1".to_owned()),
        ..ProfileChange::default()
    };
    User { version: 1, ..user.update(profile, &Claims::default(), env).unwrap().user }
}

/// `user`, who also claims what [`holder`] does of one kind. As if the claim was not there yet when it was loaded.
fn claiming(kind: IdentifierKind, user: &User, env: &mut Env) -> User {
    let none = Claims::default();
    let identifier = match kind {
        IdentifierKind::PhoneNumber => phone(1),
        IdentifierKind::EmailAddress => email("Ada"),
        IdentifierKind::Username => {
            let username = Patch::Set(Username::parse("ADA_lovelace").unwrap());
            return user
                .update(ProfileChange { username, ..ProfileChange::default() }, &none, env)
                .unwrap()
                .user;
        }
        IdentifierKind::ExternalId => {
            let external_id = Patch::Set("Ext-1".to_owned());
            return user
                .update(ProfileChange { external_id, ..ProfileChange::default() }, &none, env)
                .unwrap()
                .user;
        }
    };
    let new =
        NewIdentification { identifier, verified: true, primary: false, reserved_for_second_factor: false };
    user.add_identification(new, &none, env).unwrap().user
}

fn named(user: &User, name: &str, env: &mut Env) -> User {
    let first_name = Patch::Set(name.to_owned());
    user.update(ProfileChange { first_name, ..ProfileChange::default() }, &Claims::default(), env)
        .unwrap()
        .user
}

fn verify(user: &User, verified: bool, env: &mut Env) -> User {
    let update = IdentificationUpdate { verified: Some(verified), ..IdentificationUpdate::default() };
    let id = &user.identifications[0].id;
    user.update_identification(id, update, &Claims::default(), env).unwrap().user
}

/// The write among others that would each be accepted: a new user before it, an event and an answer after it.
fn among_others(mut write: Write, env: &mut Env) -> Write {
    let other = new_user(vec![(phone(70), IdentificationStatus::Verified)], env);
    write.events.extend(events(None, Some(&other), env));
    write.changes.insert(0, Change { before: None, after: Some(other) }.into());
    write.answer = Some(answer("key"));
    write
}

async fn assert_refused(scoped: Scoped<'_>, write: &Write, expected: Conflict) {
    let before = dump(scoped.store).await;
    assert_eq!(conflict(scoped.save(write, far()).await), expected);
    assert_eq!(dump(scoped.store).await, before, "{expected:?}");
}

pub(super) async fn stale_save_changes_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let first = holder(env);
    create_all(scoped, std::slice::from_ref(&first)).await;
    let second = named(&first, "Ada", env);
    scoped.save(&write(Some(&first), Some(&second), env), far()).await.unwrap();

    let new = NewIdentification {
        identifier: phone(30),
        verified: true,
        primary: true,
        reserved_for_second_factor: true,
    };
    let added = first.add_identification(new, &Claims::default(), env).unwrap().user;
    let stale: [(&str, Option<&User>, Option<User>); 6] = [
        ("profile", Some(&first), Some(named(&first, "Grace", env))),
        ("identification", Some(&first), Some(verify(&first, false, env))),
        ("new identification", Some(&first), Some(added)),
        ("nothing but the version", Some(&first), Some(User { version: 2, ..first.clone() })),
        ("delete", Some(&first), None),
        ("create", None, Some(first.clone())),
    ];
    for (what, before, after) in stale {
        let mut write = write(before, after.as_ref(), env);
        assert!(!scoped.statements(&write).is_empty(), "{what}");
        assert_refused(scoped, &write, Conflict::Stale).await;
        write.answer = Some(answer("key"));
        let write = among_others(write, env);
        assert_refused(scoped, &write, Conflict::Stale).await;
    }
    let gone = write(Some(&second), None, env);
    scoped.save(&gone, far()).await.unwrap();
    assert_refused(scoped, &gone, Conflict::Stale).await;
    assert_refused(scoped, &write(Some(&second), Some(&named(&second, "Grace", env)), env), Conflict::Stale)
        .await;
}

pub(super) async fn one_stale_user_stops_the_whole_write(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let users: Vec<_> =
        (1..=5).map(|at| new_user(vec![(phone(at), IdentificationStatus::Verified)], env)).collect();
    create_all(scoped, &users).await;
    let banned = |user: &User, env: &mut Env| Change {
        before: Some(user.clone()),
        after: Some(user.set_banned(true, env).user),
    };
    let all =
        Write { changes: users.iter().map(|user| banned(user, env).into()).collect(), ..Write::at(NOW) };
    let moved = named(&users[3], "Ada", env);
    scoped.save(&write(Some(&users[3]), Some(&moved), env), far()).await.unwrap();
    assert_refused(scoped, &all, Conflict::Stale).await;
    let mut fresh = all.clone();
    fresh.changes[3] = banned(&moved, env).into();
    // The same user twice: the second change does not follow from the first.
    let mut twice = fresh.clone();
    twice.changes.push(banned(&users[0], env).into());
    assert_refused(scoped, &twice, Conflict::Stale).await;
    scoped.save(&fresh, far()).await.unwrap();
    let loaded = scoped.load_users(&users.map_ids(), far()).await.unwrap();
    assert!(loaded.iter().all(|user| user.banned_at.is_some()));
}

trait MapIds {
    fn map_ids(&self) -> Vec<verger_wire::UserId>;
}

impl MapIds for Vec<User> {
    fn map_ids(&self) -> Vec<verger_wire::UserId> {
        self.iter().map(|user| user.id.clone()).collect()
    }
}

pub(super) async fn taken_claim_changes_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let other = new_user(vec![(phone(2), IdentificationStatus::Verified)], env);
    create_all(scoped, &[holder(env), other.clone()]).await;
    for kind in KINDS {
        let after = claiming(kind, &other, env);
        let update = among_others(write(Some(&other), Some(&after), env), env);
        assert_refused(scoped, &update, Conflict::Taken(kind)).await;

        let fresh = new_user(vec![(phone(3), IdentificationStatus::Verified)], env);
        let fresh = User { version: 1, ..claiming(kind, &fresh, env) };
        let create = among_others(write(None, Some(&fresh), env), env);
        assert_refused(scoped, &create, Conflict::Taken(kind)).await;
    }
    // And what is refused because of its neighbour is accepted without it.
    let alone = write(Some(&other), Some(&named(&other, "Grace", env)), env);
    scoped.save(&among_others(alone, env), far()).await.unwrap();
    assert!(scoped.stored_answer("key", far()).await.unwrap().is_some());
}

pub(super) async fn unverified_copies_stand_beside_a_claim(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let users: Vec<_> =
        (0..3).map(|_| new_user(vec![(phone(1), IdentificationStatus::Unverified)], env)).collect();
    create_all(scoped, &users).await;
    let first = verify(&users[0], true, env);
    scoped.save(&write(Some(&users[0]), Some(&first), env), far()).await.unwrap();
    for other in &users[1..] {
        let verified = write(Some(other), Some(&verify(other, true, env)), env);
        assert_refused(scoped, &verified, Conflict::Taken(IdentifierKind::PhoneNumber)).await;
        // Core is told before it tries.
        let loaded = scoped
            .load_for_identification_change(&other.identifications[0].id, far())
            .await
            .unwrap()
            .unwrap();
        assert_claims(&loaded.claims, &[(IdentifierKind::PhoneNumber, phone(1).as_str().to_owned())]);
    }
    let own =
        scoped.load_for_identification_change(&first.identifications[0].id, far()).await.unwrap().unwrap();
    assert_claims(&own.claims, &[]);
    let texts = [(IdentifierKind::PhoneNumber, phone(1).as_str().to_owned())];
    assert_claims(&scoped.load_for_change(&first.id, &texts, far()).await.unwrap().unwrap().claims, &[]);
    assert_claims(
        &scoped.load_for_change(&users[1].id, &texts, far()).await.unwrap().unwrap().claims,
        &texts,
    );
    assert_claims(&scoped.load_claims(&texts, far()).await.unwrap(), &texts);
}

pub(super) async fn number_moves_to_a_new_identification_in_one_write(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let before = new_user(
        vec![(phone(1), IdentificationStatus::Verified), (phone(2), IdentificationStatus::Verified)],
        env,
    );
    create_all(scoped, std::slice::from_ref(&before)).await;
    let change =
        before.replace_identification(phone(1), IdentificationStatus::Reserved, &Claims::default(), env);
    let after = change.unwrap().user;
    assert_ne!(after.identifications[0].id, before.identifications[0].id);
    scoped.save(&write(Some(&before), Some(&after), env), far()).await.unwrap();
    assert_eq!(scoped.load_user(&after.id, far()).await.unwrap(), Some(after.clone()));
    assert_eq!(claims(store, &ours).await, claims_of([&after]));

    // From one user to another in one write: the release must come first.
    let receiver = new_user(vec![(phone(1), IdentificationStatus::Verified)], env);
    let gives = AnyChange::from(Change { before: Some(after), after: None });
    let takes = AnyChange::from(Change { before: None, after: Some(receiver.clone()) });
    let wrong_order = Write { changes: vec![takes.clone(), gives.clone()], ..Write::at(NOW) };
    assert_refused(scoped, &wrong_order, Conflict::Taken(IdentifierKind::PhoneNumber)).await;
    scoped.save(&Write { changes: vec![gives, takes], ..Write::at(NOW) }, far()).await.unwrap();
    assert_eq!(claims(store, &ours).await, claims_of([&receiver]));
}

pub(super) async fn swap_of_usernames_is_refused_and_changes_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let user = |name: &str, env: &mut Env| User {
        username: Some(Username::parse(name).unwrap()),
        ..new_user(vec![], env)
    };
    let (one, two) = (user("first", env), user("second", env));
    create_all(scoped, &[one.clone(), two.clone()]).await;
    let renamed = |user: &User, to: &User| Change {
        before: Some(user.clone()),
        after: Some(User { version: 2, username: to.username.clone(), ..user.clone() }),
    };
    let swap =
        Write { changes: vec![renamed(&one, &two).into(), renamed(&two, &one).into()], ..Write::at(NOW) };
    assert_refused(scoped, &swap, Conflict::Taken(IdentifierKind::Username)).await;
    assert_eq!(claims(store, &ours).await, claims_of([&one, &two]));
}

pub(super) async fn username_can_change_its_case(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let before = holder(env);
    create_all(scoped, std::slice::from_ref(&before)).await;
    let after = claiming(IdentifierKind::Username, &before, env);
    assert_ne!(after.username, before.username);
    scoped.save(&write(Some(&before), Some(&after), env), far()).await.unwrap();
    assert_eq!(scoped.load_user(&after.id, far()).await.unwrap().map(sorted), Some(sorted(after)));
}

pub(super) async fn deleted_user_releases_every_claim(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let user = holder(env);
    create_all(scoped, std::slice::from_ref(&user)).await;
    assert_eq!(claims(store, &ours).await, claims_of([&user]));
    assert_eq!(claims(store, &ours).await.len(), KINDS.len());
    scoped.save(&write(Some(&user), None, env), far()).await.unwrap();
    assert_eq!(claims(store, &ours).await, [[""; 4]; 0]);
    assert_eq!(scoped.count_users(&crate::UserFilter::default(), far()).await.unwrap(), 0);
    assert_eq!(select(store, "SELECT id FROM identifications").await, Vec::<Vec<_>>::new());
    let next = holder(env);
    create_all(scoped, std::slice::from_ref(&next)).await;
    assert_eq!(claims(store, &ours).await, claims_of([&next]));
}

pub(super) async fn released_number_can_be_claimed_by_another(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    type Release = fn(&User, &mut Env) -> User;
    let releases: [(&str, Release); 3] = [
        ("unverified", |user, env| verify(user, false, env)),
        ("removed", |user, env| user.remove_identification(&user.identifications[0].id, env).unwrap().user),
        ("replaced", |user, env| {
            let status = IdentificationStatus::Verified;
            user.replace_identification(phone(9), status, &Claims::default(), env).unwrap().user
        }),
    ];
    for (at, (what, release)) in releases.into_iter().enumerate() {
        let number = || phone(20 + at);
        let keeper: Identifier = email(what);
        let user = new_user(
            vec![(number(), IdentificationStatus::Verified), (keeper, IdentificationStatus::Verified)],
            env,
        );
        let other = new_user(vec![(number(), IdentificationStatus::Unverified)], env);
        create_all(scoped, &[user.clone(), other.clone()]).await;
        let verified = verify(&other, true, env);
        let claim = write(Some(&other), Some(&verified), env);
        assert_refused(scoped, &claim, Conflict::Taken(IdentifierKind::PhoneNumber)).await;
        let released = release(&user, env);
        scoped.save(&write(Some(&user), Some(&released), env), far()).await.unwrap();
        scoped.save(&claim, far()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(owner_of(store, &ours, number().as_str()).await, other.id.as_str(), "{what}");
        assert!(matches!(verified.identifications[0].verification, Verification::VerifiedByAdmin { .. }));
    }
}

async fn owner_of(store: &Store, instance: &InstanceId, claimed: &str) -> String {
    let claims = claims(store, instance).await;
    let [_, _, owner, _] = claims.into_iter().find(|claim| claim[1] == claimed).expect("a claim");
    owner
}

pub(super) async fn equal_user_writes_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let user = holder(env);
    create_all(scoped, std::slice::from_ref(&user)).await;
    let before = dump(store).await;
    scoped.save(&write(Some(&user), Some(&user), env), far()).await.unwrap();
    scoped.save(&Write::at(NOW), far()).await.unwrap();
    // Even if it is stale: nothing is asked for.
    let stale = User { version: 9, ..user };
    scoped.save(&write(Some(&stale), Some(&stale), env), far()).await.unwrap();
    assert_eq!(dump(store).await, before);
}

pub(super) async fn used_idempotency_key_changes_nothing(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let keyed = |at: usize, env: &mut Env| {
        let user = new_user(vec![(phone(at), IdentificationStatus::Verified)], env);
        Write { answer: Some(answer("key")), ..write(None, Some(&user), env) }
    };
    scoped.save(&keyed(1, env), far()).await.unwrap();
    assert_refused(scoped, &keyed(2, env), Conflict::IdempotencyKeyUsed).await;
    assert_refused(
        scoped,
        &Write { answer: Some(answer("key")), ..Write::at(NOW) },
        Conflict::IdempotencyKeyUsed,
    )
    .await;
    // The key of another instance is another key.
    store.instance(&theirs).save(&keyed(1, env), far()).await.unwrap();
}
