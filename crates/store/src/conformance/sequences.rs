//! Random commands through the store, beside a model that knows nothing of SQL.

use super::support::*;
use crate::db::{Row, Value};
use crate::{AnyChange, Conflict, OutboxEvent, Scoped, Store, StoreError, StoredAnswer, Write};
use rand::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use verger_core::metadata::Metadata;
use verger_core::user::{
    Change, IdentificationStatus, IdentificationUpdate, MetadataChange, NewIdentification, NewUser,
    ProfileChange, Refusal,
};
use verger_core::{Claims, Env, Identifier, IdentifierKind, User, Username};
use verger_wire::{IdentificationId, Patch, UserId};

const STEPS: usize = 1_200;
const USERS_MAX: usize = 9;
/// What has to happen in every run, however short.
const OFTEN: &[&str] = &["Some(Ok(()))", "Some(Err(Stale))", "None", "\"refused\"", "\"deleted\""];
/// What has to happen too in a run of all steps.
const RARE: &[&str] = &[
    "Some(Err(IdempotencyKeyUsed))",
    "Some(Err(Taken(PhoneNumber)))",
    "Some(Err(Taken(EmailAddress)))",
    "Some(Err(Taken(Username)))",
    "Some(Err(Taken(ExternalId)))",
];

/// What an instance should hold.
#[derive(Clone, Default)]
struct Model {
    users: BTreeMap<UserId, User>,
    /// Every event that was accepted and not delivered yet.
    events: BTreeMap<String, OutboxEvent>,
    answers: BTreeMap<String, StoredAnswer>,
    /// Users as they once were, for writes that come too late.
    past: Vec<User>,
}

/// What came of the steps; a run in which something never happens shows nothing.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Model {
    /// What a save should do: all versions are compared before any claim is.
    fn save(&mut self, write: &Write) -> Result<(), Conflict> {
        let mut next = self.clone();
        let of_user = |change| match change {
            &AnyChange::User(crate::Change { ref before, ref after }) if before != after => {
                Some((before, after, after.as_ref().or(before.as_ref())?))
            }
            _ => None,
        };
        let mut versions: BTreeMap<_, _> = self.users.values().map(|user| (&user.id, user.version)).collect();
        for (before, after, user) in write.changes.iter().filter_map(of_user) {
            if versions.remove(&user.id) != before.as_ref().map(|user| user.version) {
                return Err(Conflict::Stale);
            }
            versions.extend(after.as_ref().map(|user| (&user.id, user.version)));
        }
        for (_, after, user) in write.changes.iter().filter_map(of_user) {
            next.past.extend(next.users.remove(&user.id));
            let Some(after) = after else { continue };
            for (kind, text, _) in after.claimed() {
                if next.others_claim(&after.id, kind, &text) {
                    return Err(Conflict::Taken(kind));
                }
            }
            next.users.insert(after.id.clone(), after.clone());
        }
        next.events.extend(write.events.iter().map(|event| (event.id.to_string(), event.clone())));
        if let Some(answer) = &write.answer
            && next.answers.insert(answer.idempotency_key.clone(), answer.clone()).is_some()
        {
            return Err(Conflict::IdempotencyKeyUsed);
        }
        *self = next;
        Ok(())
    }

    fn others_claim(&self, own: &UserId, kind: IdentifierKind, text: &str) -> bool {
        let others = self.users.values().filter(|user| user.id != *own);
        others.flat_map(User::claimed).any(|(held_kind, held, _)| held_kind == kind && held == text)
    }
}

impl Tally {
    fn note(&mut self, what: impl std::fmt::Debug) {
        *self.0.entry(format!("{what:?}")).or_default() += 1;
    }
}

pub(super) async fn random_sequences_agree_with_the_model(store: &Store) {
    let seed = fresh_seed();
    let rng = &mut StdRng::seed_from_u64(seed);
    let (ours, theirs) = ready(store).await;
    let instances = [ours, theirs];
    let mut models = [Model::default(), Model::default()];
    let mut env = Env::new(NOW, Box::new(StdRng::seed_from_u64(seed)));
    let mut tally = Tally::default();
    let mut before = dump(store).await;
    let steps = share(store, STEPS);
    for step in 0..steps {
        let context = format!("seed {seed}, step {step}");
        env.now = env.now.plus_ms(rng.random_range(0..3));
        let at = usize::from(rng.random_bool(0.3));
        let scoped = store.instance(&instances[at]);
        let Some(write) = draw(rng, scoped, &models[at], &mut env, &mut tally).await else {
            assert_eq!(dump(store).await, before, "{context}: a refusal of core");
            continue;
        };
        // Nothing to write is never late.
        let is_late = rng.random_bool(0.04) && !scoped.statements(&write).is_empty();
        let expected = if is_late { None } else { Some(models[at].save(&write)) };
        let answer = scoped.save(&write, if is_late { past() } else { far() }).await;
        tally.note(expected);
        match (expected, answer) {
            (None, Err(StoreError::Unavailable(_))) | (Some(Ok(())), Ok(())) => {}
            (Some(Err(expected)), Err(StoreError::Conflict(conflict))) if conflict == expected => {}
            (expected, answer) => panic!("{context}: {answer:?} instead of {expected:?}\n{write:#?}"),
        }
        let after = dump(store).await;
        if expected != Some(Ok(())) {
            assert_eq!(after, before, "{context}: {expected:?}");
        }
        for (instance, model) in instances.iter().zip(&models) {
            assert_agrees(store.instance(instance), model, &after, &context).await;
        }
        before = after;
        if step % 60 == 59 {
            // Somebody delivers the events; what was delivered is not compared again and again.
            execute(store, "DELETE FROM outbox").await;
            execute(store, "DELETE FROM outbox_payloads").await;
            models.iter_mut().for_each(|model| model.events.clear());
            before = dump(store).await;
        }
    }
    // Fewer steps need not meet what is rare.
    let expected = if steps == STEPS { RARE } else { &[] };
    for what in expected.iter().chain(OFTEN) {
        assert!(tally.0.contains_key(*what), "seed {seed}: {what} never happened: {:?}", tally.0);
    }
}

/// What one request decides. `None` if core refuses.
async fn draw(
    rng: &mut StdRng,
    scoped: Scoped<'_>,
    model: &Model,
    env: &mut Env,
    tally: &mut Tally,
) -> Option<Write> {
    let mut write = Write::at(NOW);
    let users = if rng.random_bool(0.15) { rng.random_range(2..4) } else { 1 };
    let mut touched = BTreeSet::new();
    for _ in 0..users {
        let wants_new = model.users.is_empty() || (model.users.len() < USERS_MAX && rng.random_bool(0.15));
        let before = match rng.random_bool(0.08) {
            _ if wants_new => None,
            true => model.past.choose(rng).cloned(),
            false => model.users.values().choose(rng).cloned(),
        };
        if before.as_ref().is_some_and(|before| !touched.insert(before.id.clone())) {
            continue;
        }
        let after = if before.is_some() && rng.random_bool(0.04) {
            tally.note("deleted");
            None
        } else {
            let Ok(change) = decide(rng, scoped, model, before.as_ref(), env).await else {
                tally.note("refused");
                return None;
            };
            Some(change.user)
        };
        write.events.extend(events(before.as_ref(), after.as_ref(), env));
        write.changes.push(crate::Change { before, after }.into());
    }
    if rng.random_bool(0.2) {
        write.answer = Some(answer(&format!("key {}", rng.random_range(0..60))));
    }
    Some(write)
}

/// A random command on a user, or its creation.
async fn decide(
    rng: &mut StdRng,
    scoped: Scoped<'_>,
    model: &Model,
    user: Option<&User>,
    env: &mut Env,
) -> Result<Change, Refusal> {
    let Some(user) = user else {
        let count = rng.random_range(0..4);
        let new = NewUser {
            identifications: (0..count).map(|_| (identifier(rng), status(rng))).collect(),
            skip_user_requirement: rng.random_bool(0.5),
            profile: profile(rng, None),
            created_at: None,
            banned: rng.random_bool(0.2),
            locked: rng.random_bool(0.2),
        };
        return User::create(new, &Claims::default(), env);
    };
    let identifier = identifier(rng);
    let profile = profile(rng, Some(user));
    let held = user.identifications.choose(rng).map(|held| held.id.clone());
    let held = held.unwrap_or_else(|| IdentificationId::from("idn_none"));
    let mut named = vec![(identifier.kind(), identifier.as_str().to_owned())];
    if let Patch::Set(username) = &profile.username {
        named.push((IdentifierKind::Username, username.key()));
    }
    if let Patch::Set(external_id) = &profile.external_id {
        named.push((IdentifierKind::ExternalId, external_id.clone()));
    }
    // Half of the commands do not ask who holds what, as if the claim came between.
    let claims = if rng.random_bool(0.5) {
        Claims::default()
    } else {
        named.extend(
            user.identification(&held)
                .map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned())),
        );
        claims_for(scoped, model, user, &held, &named).await
    };
    command(rng, user, identifier, profile, &held, &claims, env)
}

/// A random command that may name this identifier, this profile and this identification of the user.
fn command(
    rng: &mut StdRng,
    user: &User,
    identifier: Identifier,
    profile: ProfileChange,
    held: &IdentificationId,
    claims: &Claims,
    env: &mut Env,
) -> Result<Change, Refusal> {
    match rng.random_range(0..12) {
        0 | 1 => {
            let is_phone = identifier.kind() == IdentifierKind::PhoneNumber;
            let new = NewIdentification {
                identifier,
                verified: rng.random_bool(0.6),
                primary: rng.random_bool(0.3),
                // Whoever calls core sees to it that only numbers are asked for this.
                reserved_for_second_factor: is_phone && rng.random_bool(0.2),
            };
            user.add_identification(new, claims, env)
        }
        2..5 => {
            let held_kind = user.identification(held).map(|held| held.identifier.kind());
            let is_phone = held_kind == Some(IdentifierKind::PhoneNumber);
            let update = IdentificationUpdate {
                verified: maybe(rng),
                reserved_for_second_factor: maybe(rng).filter(|_| is_phone),
                primary: maybe(rng),
            };
            user.update_identification(held, update, claims, env)
        }
        5 => user.remove_identification(held, env),
        6 => {
            // Often with a number that the user has already, under another id.
            let own = user.identifications.choose(rng).map(|held| held.identifier.clone());
            let identifier = own.filter(|_| rng.random_bool(0.5)).unwrap_or(identifier);
            user.replace_identification(identifier, status(rng), claims, env)
        }
        7 => {
            let change = MetadataChange {
                public_metadata: Some(metadata(rng)),
                unsafe_metadata: rng.random_bool(0.5).then(|| metadata(rng)),
                private_metadata: rng.random_bool(0.5).then(|| metadata(rng)),
            };
            if rng.random_bool(0.5) {
                user.merge_metadata(&change, env)
            } else {
                user.replace_metadata(change, env)
            }
        }
        8 => Ok(user.set_banned(rng.random_bool(0.5), env)),
        9 => Ok(if rng.random_bool(0.5) {
            user.disable_mfa(env)
        } else {
            user.set_locked(rng.random_bool(0.5), env)
        }),
        _ => user.update(profile, claims, env),
    }
}

/// What the store says of texts that a request names, which must be what the model says.
async fn claims_for(
    scoped: Scoped<'_>,
    model: &Model,
    user: &User,
    held: &IdentificationId,
    named: &[(IdentifierKind, String)],
) -> Claims {
    let expected: Vec<_> =
        named.iter().filter(|(kind, text)| model.others_claim(&user.id, *kind, text)).cloned().collect();
    let loaded = scoped.load_for_change(&user.id, named, far()).await.unwrap();
    assert_eq!(loaded.is_some(), model.users.contains_key(&user.id));
    let Some(loaded) = loaded else { return Claims::default() };
    assert_claims(&loaded.claims, &expected);
    let by_held = scoped.load_for_identification_change(held, far()).await.unwrap();
    let stored = model.users.get(&user.id).and_then(|user| user.identification(held));
    assert_eq!(by_held.is_some(), stored.is_some());
    if let (Some(by_held), Some(stored)) = (by_held, stored) {
        let text = (stored.identifier.kind(), stored.identifier.as_str().to_owned());
        let is_taken = model.others_claim(&user.id, text.0, &text.1);
        assert_claims(&by_held.claims, if is_taken { std::slice::from_ref(&text) } else { &[] });
    }
    loaded.claims
}

async fn assert_agrees(scoped: Scoped<'_>, model: &Model, dump: &BTreeMap<String, Vec<Row>>, context: &str) {
    let ids: Vec<_> = model.users.keys().cloned().collect();
    let loaded = scoped.load_users(&ids, far()).await.unwrap();
    let loaded: BTreeMap<_, _> = loaded.into_iter().map(|user| (user.id.clone(), sorted(user))).collect();
    let expected = model.users.iter().map(|(id, user)| (id.clone(), sorted(user.clone()))).collect();
    assert_eq!(loaded, expected, "{context}");
    let rows = rows_with(dump, scoped.instance.as_str());
    let count = |table: &str| rows.get(table).map_or(0, Vec::len);
    assert_eq!(count("users"), model.users.len(), "{context}");
    let held: usize = model.users.values().map(|user| user.identifications.len()).sum();
    assert_eq!(count("identifications"), held, "{context}");
    assert_eq!(claims(scoped.store, scoped.instance).await, claims_of(model.users.values()), "{context}");
    let events: Vec<Row> = model
        .events
        .values()
        .map(|event| {
            vec![
                scoped.instance.as_str().into(),
                event.id.as_str().into(),
                event.kind.as_str().into(),
                event.user_id.as_str().into(),
                event.user_version.into(),
                event.created_at.into(),
                "".into(),
                Value::Null,
                event.sealed.as_deref().into(),
            ]
        })
        .collect();
    assert_eq!(by_second_column(&rows, "outbox"), events, "{context}");
    let instance: Value = scoped.instance.as_str().into();
    let payloads: Vec<Row> = model
        .events
        .values()
        .map(|event| vec![instance.clone(), event.id.as_str().into(), event.payload.as_str().into()])
        .collect();
    assert_eq!(by_second_column(&rows, "outbox_payloads"), payloads, "{context}");
    let answers: Vec<Row> = model
        .answers
        .values()
        .map(|answer| {
            vec![
                scoped.instance.as_str().into(),
                answer.idempotency_key.as_str().into(),
                answer.fingerprint.as_str().into(),
                answer.response.as_str().into(),
                answer.created_at.into(),
            ]
        })
        .collect();
    assert_eq!(by_second_column(&rows, "idempotency_keys"), answers, "{context}");
}

fn by_second_column(rows: &BTreeMap<&str, Vec<&Row>>, table: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.get(table).into_iter().flatten().map(|row| (*row).clone()).collect();
    rows.sort_by(|a, b| {
        let key = |row: &[Value]| text(&row[1]).to_owned();
        key(a).cmp(&key(b))
    });
    rows
}

fn identifier(rng: &mut StdRng) -> Identifier {
    if rng.random_bool(0.6) {
        phone(rng.random_range(0..12))
    } else {
        email(&format!("e{}", rng.random_range(0..8)))
    }
}

fn status(rng: &mut StdRng) -> IdentificationStatus {
    match rng.random_range(0..4) {
        0 | 1 => IdentificationStatus::Verified,
        2 => IdentificationStatus::Reserved,
        _ => IdentificationStatus::Unverified,
    }
}

fn maybe(rng: &mut StdRng) -> Option<bool> {
    [None, Some(true), Some(false)].into_iter().choose(rng).unwrap()
}

fn patch<T>(rng: &mut StdRng, value: impl FnOnce(&mut StdRng) -> T) -> Patch<T> {
    match rng.random_range(0..5) {
        0 => Patch::Null,
        1 | 2 => Patch::Set(value(rng)),
        _ => Patch::Absent,
    }
}

fn metadata(rng: &mut StdRng) -> Metadata {
    let mut metadata = Metadata::new();
    for _ in 0..rng.random_range(0..3) {
        let value = match rng.random_range(0..4) {
            0 => serde_json::Value::Null,
            1 => rng.random_range(-1e9..1e9).into(),
            2 => serde_json::json!({"b": rng.random::<u64>(), "a": null}),
            _ => "é \" \\ \u{0}".into(),
        };
        metadata.insert(format!("k{}", rng.random_range(0..4)), value.into());
    }
    metadata
}

fn profile(rng: &mut StdRng, user: Option<&User>) -> ProfileChange {
    let mut own = |kind: IdentifierKind| {
        let held = user?.identifications.iter().filter(|held| held.identifier.kind() == kind).choose(rng)?;
        rng.random_bool(0.2).then(|| held.id.clone())
    };
    let (primary_phone_number_id, primary_email_address_id) =
        (own(IdentifierKind::PhoneNumber), own(IdentifierKind::EmailAddress));
    ProfileChange {
        external_id: patch(rng, |rng| format!("Ext-{}", rng.random_range(0..6))),
        username: patch(rng, |rng| {
            let name = ["Ada_1", "ada_1", "Grace", "GRACE", "linus", "denis"].choose(rng).unwrap();
            Username::parse(name).unwrap()
        }),
        first_name: patch(rng, |rng| format!("Name {}", rng.random_range(0..9))),
        last_name: patch(rng, |_| "Ünïcode".to_owned()),
        locale: patch(rng, |_| "en-GB".to_owned()),
        primary_phone_number_id,
        primary_email_address_id,
        private_metadata: rng.random_bool(0.2).then(|| metadata(rng)),
        delete_self_enabled: maybe(rng),
        create_organization_enabled: maybe(rng),
        create_organizations_limit: patch(rng, |rng| rng.random()),
        legal_accepted_at: patch(rng, |rng| NOW.plus_ms(rng.random_range(-9..9))),
        bypass_client_trust: maybe(rng),
        created_at: rng.random_bool(0.1).then(|| NOW.plus_ms(rng.random_range(-9..9))),
        ..ProfileChange::default()
    }
}
