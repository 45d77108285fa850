use super::support::*;
use crate::{Change, Direction, OrderBy, Scoped, Sign, Span, Store, StoreError, UserFilter, UserPage, Write};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::Value;
use std::cell::Cell;
use verger_core::metadata::Metadata;
use verger_core::user::IdentificationStatus;
use verger_core::{
    CodeDigest, Credentials, E164, Email, Identification, Identifier, IdentifierKind, PasswordState,
    PendingCode, SecondFactor, User, Username, Verification,
};
use verger_wire::json::{self, Json};
use verger_wire::{IdentificationId, UnixMillis, UserId, VerificationId};

/// What a change to an identification cannot change about its user.
#[derive(Clone, Debug)]
struct Profile {
    texts: [Option<String>; 5],
    metadata: [Metadata; 3],
    flags: [bool; 3],
    limit: Option<i64>,
    times: [Option<i64>; 3],
    created_at: i64,
}

/// What it can.
#[derive(Clone, Debug)]
struct State {
    mfa_enabled_at: Option<i64>,
    mfa_disabled_at: Option<i64>,
    updated_at: i64,
    primaries: [Option<usize>; 2],
    credentials: Credentials,
}

/// What is settled when an identification is added.
#[derive(Clone, Debug)]
struct Added {
    is_phone: bool,
    texts: [String; 2],
    learnt: [Option<String>; 2],
    created_at: i64,
}

/// What can change about it.
#[derive(Clone, Debug)]
struct Role {
    verification: u8,
    verified_at: i64,
    second_factor: u8,
    updated_at: i64,
    /// 0 and 1: no code. 2: another one in each version. 3: one that the second and third version share.
    code: u8,
}

/// Three versions of a user: all of it is new, all of it differs, and only what an identification moves differs.
#[derive(Clone, Debug)]
struct Life {
    version: i64,
    profiles: [Profile; 2],
    states: [State; 3],
    added: Vec<Added>,
    /// For each identification and each version: its role, and whether it is there.
    roles: Vec<[Option<Role>; 3]>,
}

/// Any text that a database can keep.
fn any_text() -> impl Strategy<Value = String> {
    vec(any::<char>().prop_filter("no NUL", |character| *character != '\0'), 0..12)
        .prop_map(String::from_iter)
}

fn any_metadata() -> impl Strategy<Value = Metadata> {
    let of = |value: Value| Json::from(value);
    // What no number of the machine can hold.
    let long_number = "-?[1-9][0-9]{0,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(move |number| of(number.into())),
        any::<u64>().prop_map(move |number| of(number.into())),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(move |number| of(number.into())),
        long_number.prop_map(|text| json::parse(&text).expect("a number")),
        vec(any::<char>(), 0..8).prop_map(|text| Json::Text(String::from_iter(text))),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::Array),
            vec((any_text(), inner), 0..3).prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    });
    vec((any_text(), value), 0..4).prop_map(Metadata::from_iter)
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let texts = proptest::array::uniform5(proptest::option::of(any_text()));
    let metadata = [any_metadata().boxed(), any_metadata().boxed(), any_metadata().boxed()];
    let times = proptest::array::uniform3(any::<Option<i64>>());
    (texts, metadata, any::<[bool; 3]>(), any::<Option<i64>>(), times, any::<i64>()).prop_map(
        |(texts, metadata, flags, limit, times, created_at)| Profile {
            texts,
            metadata,
            flags,
            limit,
            times,
            created_at,
        },
    )
}

fn any_state() -> impl Strategy<Value = State> {
    let primaries = proptest::array::uniform2(proptest::option::of(0_usize..4));
    (any::<Option<i64>>(), any::<Option<i64>>(), any::<i64>(), primaries, any_credentials()).prop_map(
        |(mfa_enabled_at, mfa_disabled_at, updated_at, primaries, credentials)| State {
            mfa_enabled_at,
            mfa_disabled_at,
            updated_at,
            primaries,
            credentials,
        },
    )
}

fn any_credentials() -> impl Strategy<Value = Credentials> {
    let password = proptest::option::of((any::<i64>(), any::<Option<i64>>()));
    (password, any::<Option<i64>>(), 0..=10_i64, 0..=i64::MAX, any::<Option<i64>>()).prop_map(
        |(password, totp_since, backup_codes_left, failed_attempts, lockout_until)| Credentials {
            password: password.map(|(updated_at, compromised_at)| PasswordState {
                updated_at: UnixMillis(updated_at),
                compromised_at: compromised_at.map(UnixMillis),
            }),
            totp_since: totp_since.map(UnixMillis),
            backup_codes_left,
            failed_attempts,
            lockout_until: lockout_until.map(UnixMillis),
        },
    )
}

fn any_added() -> impl Strategy<Value = Added> {
    let texts = [any_text().boxed(), any_text().boxed()];
    let learnt = proptest::array::uniform2(proptest::option::of(any_text()));
    (proptest::bool::weighted(0.7), texts, learnt, any::<i64>())
        .prop_map(|(is_phone, texts, learnt, created_at)| Added { is_phone, texts, learnt, created_at })
}

fn any_role() -> impl Strategy<Value = Role> {
    (0..4_u8, any::<i64>(), 0..3_u8, any::<i64>(), 0..4_u8).prop_map(
        |(verification, verified_at, second_factor, updated_at, code)| Role {
            verification,
            verified_at,
            second_factor,
            updated_at,
            code,
        },
    )
}

fn any_life() -> impl Strategy<Value = Life> {
    let roles = proptest::array::uniform3(proptest::option::weighted(0.8, any_role()));
    let held = vec((any_added(), roles), 0..6);
    let profiles = [any_profile().boxed(), any_profile().boxed()];
    let states = [any_state().boxed(), any_state().boxed(), any_state().boxed()];
    (1..1_000_i64, profiles, states, held).prop_map(|(version, profiles, states, held)| {
        let (added, roles) = held.into_iter().unzip();
        Life { version, profiles, states, added, roles }
    })
}

impl Life {
    /// The user at one of its versions. `serial` sets it apart from every other user.
    fn at(&self, serial: u64, step: usize) -> User {
        let profile = &self.profiles[step.min(1)];
        let state = &self.states[step];
        let mut identifications: Vec<_> = self
            .added
            .iter()
            .zip(&self.roles)
            .enumerate()
            .filter_map(|(at, (added, roles))| {
                Some(identification(&format!("{serial}_{at}"), added, roles[step].as_ref()?, step))
            })
            .collect();
        settle_default(&mut identifications);
        let primary = |kind: IdentifierKind, at: Option<usize>| {
            let mut own = identifications.iter().filter(|held| held.identifier.kind() == kind);
            own.nth(at?).map(|held| held.id.clone())
        };
        let [external_id, username, first_name, last_name, locale] = profile.texts.clone();
        let [public_metadata, private_metadata, unsafe_metadata] = profile.metadata.clone();
        let [legal_accepted_at, banned_at, locked_at] = profile.times.map(|time| time.map(UnixMillis));
        let user = User {
            id: UserId::from(format!("user_{serial}")),
            version: self.version + i64::try_from(step).unwrap(),
            external_id: external_id.map(|text| format!("{text}{serial}")),
            username: username.map(|text| Username::from_stored(format!("{text}{serial}"))),
            first_name,
            last_name,
            locale,
            public_metadata,
            private_metadata,
            unsafe_metadata,
            delete_self_enabled: profile.flags[0],
            create_organization_enabled: profile.flags[1],
            create_organizations_limit: profile.limit,
            bypass_client_trust: profile.flags[2],
            legal_accepted_at,
            banned_at,
            locked_at,
            mfa_enabled_at: state.mfa_enabled_at.map(UnixMillis),
            mfa_disabled_at: state.mfa_disabled_at.map(UnixMillis),
            last_sign_in_at: None,
            last_active_at: None,
            created_at: UnixMillis(profile.created_at),
            updated_at: UnixMillis(state.updated_at),
            primary_phone_number_id: primary(IdentifierKind::PhoneNumber, state.primaries[0]),
            primary_email_address_id: primary(IdentifierKind::EmailAddress, state.primaries[1]),
            identifications,
            credentials: state.credentials.clone(),
        };
        assert_eq!(user.check(), Ok(()), "the test draws users that keep the rules");
        user
    }
}

fn identification(serial: &str, added: &Added, role: &Role, step: usize) -> Identification {
    let of = if role.code == 3 { step.min(1) } else { step };
    let tries = i64::try_from(step).unwrap();
    let pending_code = (role.code > 1).then(|| PendingCode {
        id: VerificationId::from(format!("ver_{serial}_{}_{of}", role.code)),
        code: CodeDigest { key_id: serial.to_owned(), digest: added.texts[0].clone() },
        attempts: tries,
        verified_at: (step == 2).then_some(UnixMillis(role.verified_at)),
        created_at: UnixMillis(added.created_at),
        expire_at: UnixMillis(added.created_at.saturating_add(1)),
    });
    let [text, typed] = added.texts.clone();
    let [region, line_type] = added.learnt.clone();
    let identifier = if added.is_phone {
        Identifier::Phone(E164::from_stored(
            format!("{text}+{serial}"),
            typed.clone(),
            region,
            line_type,
            typed,
        ))
    } else {
        Identifier::Email(Email::from_stored(format!("{text}@{serial}"), typed))
    };
    Identification {
        id: IdentificationId::from(format!("idn_{serial}")),
        identifier,
        verification: match role.verification {
            0 => Verification::Unverified,
            1 => Verification::Reserved,
            2 => Verification::VerifiedByCode {
                at: UnixMillis(role.verified_at),
                attempts: tries,
                expire_at: UnixMillis(role.updated_at),
            },
            _ => Verification::VerifiedByAdmin { at: UnixMillis(role.verified_at) },
        },
        pending_code,
        second_factor: match role.second_factor {
            _ if !added.is_phone || role.verification < 2 => SecondFactor::No,
            0 => SecondFactor::No,
            1 => SecondFactor::Reserved,
            _ => SecondFactor::Default,
        },
        created_at: UnixMillis(added.created_at),
        updated_at: UnixMillis(role.updated_at),
    }
}

/// Leaves exactly one default among the second factors.
fn settle_default(identifications: &mut [Identification]) {
    let mut factors: Vec<_> =
        identifications.iter_mut().filter(|held| held.second_factor != SecondFactor::No).collect();
    let default = factors.iter().position(|held| held.second_factor == SecondFactor::Default).unwrap_or(0);
    for (at, held) in factors.iter_mut().enumerate() {
        held.second_factor = if at == default { SecondFactor::Default } else { SecondFactor::Reserved };
    }
}

pub(super) async fn any_user_loads_as_it_was_saved(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let runtime = tokio::runtime::Handle::current();
    let serials = Cell::new(0);
    let cases = u32::try_from(share(store, 160)).unwrap();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    tokio::task::block_in_place(|| {
        let outcome = runner.run(&any_life(), |life| {
            serials.set(serials.get() + 1);
            runtime.block_on(live(scoped, &life, serials.get()));
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, life)) => panic!("{why}\n{life:#?}"),
            Err(error) => panic!("{error}"),
        }
    });
}

async fn live(scoped: Scoped<'_>, life: &Life, serial: u64) {
    let mut env = env();
    let mut before: Option<User> = None;
    for step in 0..3 {
        let after = life.at(serial, step);
        scoped.save(&write(before.as_ref(), Some(&after), &mut env), far()).await.unwrap();
        assert_loads(scoped, &after, before.as_ref()).await;
        before = Some(after);
    }
    let last = before.unwrap();
    scoped.save(&write(Some(&last), None, &mut env), far()).await.unwrap();
    assert_eq!(scoped.load_user(&last.id, far()).await.unwrap(), None);
    let everything = dump(scoped.store).await;
    let left: Vec<_> = rows_with(&everything, last.id.as_str()).into_keys().collect();
    assert_eq!(left, ["outbox"], "only what was told stays");
    // What was checked of this user must not slow the check of the next one down.
    execute(scoped.store, "DELETE FROM outbox").await;
    execute(scoped.store, "DELETE FROM outbox_payloads").await;
}

/// By every way that there is to load a user.
async fn assert_loads(scoped: Scoped<'_>, expected: &User, before: Option<&User>) {
    let expected = sorted(expected.clone());
    let same = |loaded: Option<User>, way: &str| {
        let loaded = loaded.map(sorted).unwrap_or_else(|| panic!("{way}: nobody"));
        assert_eq!(loaded, expected, "{way}");
        // Equal objects can differ in the order of their keys.
        for (loaded, expected) in [
            (&loaded.public_metadata, &expected.public_metadata),
            (&loaded.private_metadata, &expected.private_metadata),
            (&loaded.unsafe_metadata, &expected.unsafe_metadata),
        ] {
            assert_eq!(serde_json::to_string(loaded).unwrap(), serde_json::to_string(expected).unwrap());
        }
    };
    same(scoped.load_user(&expected.id, far()).await.unwrap(), "load_user");
    let mut many = scoped.load_users(std::slice::from_ref(&expected.id), far()).await.unwrap();
    same(many.pop(), "load_users");
    let only = UserFilter {
        user_ids: Some(vec![(Sign::Include, expected.id.to_string())]),
        ..UserFilter::default()
    };
    same(list(scoped, &only, &page(10)).await.pop(), "list_users");
    let loaded = scoped.load_for_change(&expected.id, &[], far()).await.unwrap();
    same(loaded.map(|loaded| loaded.user), "load_for_change");
    for held in &expected.identifications {
        let found = scoped.load_identification(&held.id, far()).await.unwrap().expect("found");
        assert_eq!((&found.user_id, found.user_version), (&expected.id, expected.version));
        assert_eq!(found.identification, *held);
        let loaded = scoped.load_for_identification_change(&held.id, far()).await.unwrap();
        same(loaded.map(|loaded| loaded.user), "load_for_identification_change");
    }
    let gone = before.map_or(&[][..], |before| &before.identifications);
    for held in gone.iter().filter(|held| expected.identification(&held.id).is_none()) {
        assert!(scoped.load_identification(&held.id, far()).await.unwrap().is_none());
    }
}

/// A statement that the engine does not take is a [`StoreError::Bug`], which no call here gives.
pub(super) async fn every_statement_prepares(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let text = || "x".to_owned();
    let full = UserFilter {
        email_addresses: Some(vec![text(), text()]),
        phone_numbers: Some(vec![text()]),
        external_ids: Some(vec![(Sign::Include, text()), (Sign::Exclude, text())]),
        usernames: Some(vec![text()]),
        user_ids: Some(vec![(Sign::Exclude, text())]),
        query_as_number: Some("4179".to_owned()),
        query: Some(text()),
        email_address_query: Some(text()),
        phone_number_query: Some(text()),
        username_query: Some(text()),
        name_query: Some(text()),
        banned: Some(true),
        created_before: Some(NOW),
        created_after: Some(NOW),
        last_active: Span { before: Some(NOW), after: Some(NOW), since: Some(NOW) },
        last_sign_in: Span { before: Some(NOW), after: Some(NOW), since: Some(NOW) },
    };
    let mut env = env();
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env);
    create_all(scoped, std::slice::from_ref(&user)).await;
    for order_by in [
        OrderBy::CreatedAt,
        OrderBy::UpdatedAt,
        OrderBy::EmailAddress,
        OrderBy::PhoneNumber,
        OrderBy::FirstName,
        OrderBy::LastName,
        OrderBy::Username,
        OrderBy::LastActiveAt,
        OrderBy::LastSignInAt,
        OrderBy::Id,
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            for starting_after in [None, Some(user.id.clone())] {
                let page = UserPage { limit: 1, offset: 0, starting_after, order_by, direction };
                assert_eq!(list(scoped, &full, &page).await, []);
                list(scoped, &UserFilter { banned: Some(false), ..UserFilter::default() }, &page).await;
            }
        }
    }
    assert_eq!(scoped.count_users(&full, far()).await.unwrap(), 0);
    // The statements of a save as they are written, with what each says about its failure.
    let mut other = user.clone();
    other.version += 1;
    other.first_name = Some("Ada".to_owned());
    other.identifications[0].verification = Verification::Unverified;
    other.identifications.push(
        new_user(vec![(email("a"), IdentificationStatus::Reserved)], &mut env).identifications.remove(0),
    );
    let mut kept = write(Some(&user), Some(&other), &mut env);
    kept.answer = Some(answer("key"));
    let nobody =
        Write { changes: vec![Change::<User> { before: None, after: None }.into()], ..Write::at(NOW) };
    for write in [kept, nobody, write(Some(&other), None, &mut env)] {
        for statement in scoped.statements(&write) {
            // Of sessions and tickets of a user who is deleted there are as many as there are.
            let is_of_user = statement.sql.contains("AND user_id = $2");
            // Whatever else there is of a user goes with it, and most have none.
            let may_be_none = ["DELETE FROM credentials", "DELETE FROM guess_windows"];
            let is_free = statement.sql.starts_with("INSERT")
                || is_of_user
                || may_be_none.iter().any(|start| statement.sql.starts_with(start));
            assert!(statement.expect.is_some() || is_free, "{}", statement.sql);
        }
        scoped.save(&write, far()).await.unwrap();
    }
    assert_claims(&scoped.load_claims(&[], far()).await.unwrap(), &[]);
    let texts = [(IdentifierKind::Username, text()), (IdentifierKind::ExternalId, text())];
    assert_claims(&scoped.load_claims(&texts, far()).await.unwrap(), &[]);
    assert!(!store.sweep_answers(NOW, far()).await.unwrap());
    let missing = store.revoke_key(&"key_none".into(), NOW, far()).await;
    assert!(matches!(missing, Err(StoreError::Conflict(crate::Conflict::NotFound))));
}

pub(super) async fn user_named_twice_is_loaded_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let mut env = env();
    let users = [1, 2].map(|at| new_user(vec![(phone(at), IdentificationStatus::Verified)], &mut env));
    create_all(scoped, &users).await;
    let [one, two] = &users;
    let none = UserId::from("user_none");
    let ids = [&one.id, &one.id, &none, &two.id, &one.id].map(UserId::clone);
    assert_eq!(scoped.load_users(&ids, far()).await.unwrap(), users);
    assert_eq!(scoped.load_users(&[], far()).await.unwrap(), []);
}
