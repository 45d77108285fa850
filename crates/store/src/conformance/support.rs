//! What the cases share.

use crate::db::{Db, Query, Reach, Row, Stmt, Value};
use crate::{
    Change, Conflict, Environment, Instance, OutboxEvent, Scoped, SecretWrite, Store, StoreError,
    StoredAnswer, TrailKey, TrailKeys, UserFilter, UserPage, Write,
};
use rand::{SeedableRng, TryRng, rngs::StdRng, rngs::SysRng};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use verger_core::user::{IdentificationStatus, NewUser};
use verger_core::webhook_endpoint::Disabling;
use verger_core::{
    Claims, E164, Email, Env, Identifier, IdentifierKind, TestNumbers, User, WebhookEndpoint, event,
};
use verger_wire::{InstanceId, UnixMillis, WebhookEndpointId};

pub(super) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

pub(super) fn far() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

pub(super) fn past() -> Instant {
    Instant::now() - Duration::from_millis(1)
}

/// The keys of the trail of every store of the tests.
pub(super) fn trail_keys() -> TrailKeys {
    TrailKeys::new(
        [("key_new", [1; 32]), ("key_old", [2; 32])].map(|(id, key)| TrailKey::new(id.to_owned(), key)),
    )
}

/// Brings the schema up and makes two instances.
pub(super) async fn ready(store: &Store) -> (InstanceId, InstanceId) {
    store.migrate(NOW, far()).await.unwrap();
    store.set_trail_keys(trail_keys());
    let ids = (InstanceId::from("ins_ours"), InstanceId::from("ins_theirs"));
    for id in [&ids.0, &ids.1] {
        let instance = Instance {
            id: id.clone(),
            name: "Test".to_owned(),
            environment: Environment::Development,
            created_at: NOW,
        };
        store.create_instance(&instance, far()).await.unwrap();
    }
    ids
}

/// How many random cases a store gets: all of them where they are cheapest, and as many elsewhere as show that the other
/// engine gives the same answers. The rule is that of core and of one text of SQL, so it is broken for all engines or,
/// where an engine differs, in more than one case of four.
pub(super) fn share(store: &Store, cases: usize) -> usize {
    match &store.db {
        Db::Sqlite(db) if !db.is_ephemeral() => cases,
        Db::Sqlite(_) | Db::Postgres(_) => cases.div_ceil(4),
    }
}

/// Different in every run; a case that fails names it.
pub(super) fn fresh_seed() -> u64 {
    SysRng.try_next_u64().unwrap()
}

/// Ids that no other environment of the test makes: each takes its own seed.
pub(super) fn env() -> Env {
    Env::new(NOW, Box::new(StdRng::seed_from_u64(fresh_seed())))
}

/// One of 80,000 numbers.
pub(super) fn phone(at: usize) -> Identifier {
    let number = format!("+1{}55501{:02}", 200 + at / 100, at % 100);
    Identifier::Phone(E164::parse(&number, TestNumbers::Accepted).unwrap())
}

pub(super) fn email(local: &str) -> Identifier {
    Identifier::Email(Email::parse(&format!("{local}@example.com")).unwrap())
}

/// A user as core makes it, who is not stored yet.
pub(super) fn new_user(identifications: Vec<(Identifier, IdentificationStatus)>, env: &mut Env) -> User {
    let new = NewUser { identifications, skip_user_requirement: true, ..NewUser::default() };
    User::create(new, &Claims::default(), env).unwrap().user
}

/// The write of one decision, with its events.
pub(super) fn write(before: Option<&User>, after: Option<&User>, env: &mut Env) -> Write {
    Write {
        changes: vec![Change { before: before.cloned(), after: after.cloned() }.into()],
        events: events(before, after, env),
        secrets: after.map(secrets_of).into_iter().collect(),
        ..Write::at(NOW)
    }
}

/// A secret for each credential that the user has.
pub(super) fn secrets_of(user: &User) -> SecretWrite {
    let sealed = |is_there: bool, what: &str| is_there.then(|| format!("{what} of {}", user.id));
    SecretWrite {
        user_id: user.id.clone(),
        password: sealed(user.password_enabled(), "password"),
        totp_secret: sealed(user.totp_enabled(), "totp"),
        backup_codes: sealed(user.backup_code_enabled(), "codes"),
    }
}

pub(super) fn events(before: Option<&User>, after: Option<&User>, env: &mut Env) -> Vec<OutboxEvent> {
    let Some(user) = after.or(before) else { return Vec::new() };
    let version = if after.is_some() { user.version } else { user.version + 1 };
    event::between(before, after)
        .into_iter()
        .map(|event| OutboxEvent {
            id: env.event_id(),
            kind: event.kind.name().to_owned(),
            user_id: user.id.clone(),
            user_version: version,
            created_at: env.now,
            payload: format!("{{\"version\":{version}}}"),
            sealed: None,
        })
        .collect()
}

pub(super) fn answer(key: &str) -> StoredAnswer {
    StoredAnswer {
        idempotency_key: key.to_owned(),
        fingerprint: format!("fingerprint of {key}"),
        response: format!("response to {key} ✓"),
        created_at: NOW,
    }
}

/// Stores users as one write.
pub(super) async fn create_all(scoped: Scoped<'_>, users: &[User]) {
    let changes =
        users.iter().map(|user| Change { before: None, after: Some(user.clone()) }.into()).collect();
    scoped.save(&Write { changes, ..Write::at(NOW) }, far()).await.unwrap();
}

/// Stores an endpoint as it is.
pub(super) async fn add_endpoint(scoped: Scoped<'_>, endpoint: &WebhookEndpoint) {
    let added = Change { before: None, after: Some(endpoint.clone()) };
    scoped.save(&Write { changes: vec![added.into()], ..Write::at(NOW) }, far()).await.unwrap();
}

/// Writes a change of an endpoint; `false` if it is stale.
pub(super) async fn change_endpoint(
    scoped: Scoped<'_>,
    before: &WebhookEndpoint,
    after: Option<&WebhookEndpoint>,
) -> bool {
    let change = Change { before: Some(before.clone()), after: after.cloned() };
    let saved = scoped.save(&Write { changes: vec![change.into()], ..Write::at(NOW) }, far()).await;
    if saved.is_ok() {
        return true;
    }
    assert_eq!(conflict(saved), Conflict::Stale);
    false
}

/// Removes an endpoint; `false` if there is none.
pub(super) async fn remove_endpoint(scoped: Scoped<'_>, id: &WebhookEndpointId, at: UnixMillis) -> bool {
    let Some(before) = scoped.webhook_endpoint(id, far()).await.unwrap() else { return false };
    let removed = Change { before: Some(before), after: None };
    scoped.save(&Write { changes: vec![removed.into()], ..Write::at(at) }, far()).await.unwrap();
    true
}

/// Disables an endpoint and tells of it; `false` if the reason does not hold.
pub(super) async fn disable_endpoint(
    scoped: Scoped<'_>,
    id: &WebhookEndpointId,
    because: Disabling<'_>,
    told: &OutboxEvent,
) -> bool {
    let before = scoped.webhook_endpoint(id, far()).await.unwrap().unwrap();
    let Some(after) = before.disable(because, NOW) else { return false };
    let changes = vec![Change::update(before, after).into()];
    scoped.save(&Write { changes, events: vec![told.clone()], ..Write::at(NOW) }, far()).await.unwrap();
    true
}

pub(super) fn conflict(answer: Result<(), StoreError>) -> Conflict {
    match answer {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

/// A user with its identifications in an order that can be compared.
pub(super) fn sorted(mut user: User) -> User {
    user.identifications.sort_by(|a, b| a.id.cmp(&b.id));
    user
}

pub(super) fn page(limit: i64) -> UserPage {
    UserPage {
        limit,
        offset: 0,
        starting_after: None,
        order_by: crate::OrderBy::default(),
        direction: crate::Direction::default(),
    }
}

pub(super) async fn list(scoped: Scoped<'_>, filter: &UserFilter, page: &UserPage) -> Vec<User> {
    scoped.list_users(filter, page, far()).await.unwrap().expect("a known cursor")
}

pub(super) async fn select(store: &Store, sql: &str) -> Vec<Row> {
    store.rows(Reach::Scan, Query::new(sql.to_owned(), vec![]), far()).await.unwrap()
}

/// Writes behind the store's back.
pub(super) async fn execute(store: &Store, sql: &str) {
    store
        .batch(vec![Stmt::new(sql.to_owned(), vec![])], far())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Everything in the database, by table: equal before and after means that nothing changed.
pub(super) async fn dump(store: &Store) -> BTreeMap<String, Vec<Row>> {
    let names = crate::schema::names_of_all();
    let queries = names.iter().map(|table| Query::new(format!("SELECT * FROM {table}"), vec![])).collect();
    let answers = store.db.snapshot(Reach::Scan, queries, far()).await.unwrap();
    let sorted = |mut rows: Vec<Row>| {
        rows.sort_by_cached_key(|row| format!("{row:?}"));
        rows
    };
    names.iter().cloned().zip(answers.into_iter().map(sorted)).collect()
}

/// The rows of a dump that have a text in some column.
pub(super) fn rows_with<'a>(
    dump: &'a BTreeMap<String, Vec<Row>>,
    text: &str,
) -> BTreeMap<&'a str, Vec<&'a Row>> {
    let wanted = Value::from(text);
    let mut found = BTreeMap::new();
    for (table, rows) in dump {
        let rows: Vec<_> = rows.iter().filter(|row| row.contains(&wanted)).collect();
        if !rows.is_empty() {
            found.insert(table.as_str(), rows);
        }
    }
    found
}

pub(super) fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => panic!("not a number: {other:?}"),
    }
}

/// Every claim of an instance: kind, text, user and identification.
pub(super) async fn claims(store: &Store, instance: &InstanceId) -> Vec<[String; 4]> {
    let sql = format!(
        "SELECT kind, identifier, user_id, identification_id FROM claims WHERE instance_id = '{instance}'"
    );
    let mut claims: Vec<_> = select(store, &sql)
        .await
        .into_iter()
        .map(|row| [0, 1, 2, 3].map(|column| text(&row[column]).to_owned()))
        .collect();
    claims.sort();
    claims
}

/// The claims that users should have.
pub(super) fn claims_of<'a>(users: impl IntoIterator<Item = &'a User>) -> Vec<[String; 4]> {
    let mut claims = Vec::new();
    for user in users {
        for (kind, text, identification) in user.claimed() {
            let identification = identification.map_or("", |id| id.as_str());
            claims.push([kind.as_str().to_owned(), text, user.id.to_string(), identification.to_owned()]);
        }
    }
    claims.sort();
    claims
}

/// Core keeps the texts of loaded claims to itself, but prints them.
pub(super) fn assert_claims(loaded: &Claims, expected: &[(IdentifierKind, String)]) {
    assert_eq!(format!("{loaded:?}"), format!("{:?}", Claims::new(expected.iter().cloned())));
}

/// Runs a task many times at once, each on a thread of its own that starts with the others.
pub(super) fn in_parallel<T, F>(count: usize, task: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    T: Send,
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Handle::current();
    let start = std::sync::Barrier::new(count);
    let (runtime, start, task) = (&runtime, &start, &task);
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count)
                .map(|at| {
                    scope.spawn(move || {
                        start.wait();
                        runtime.block_on(task(at))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no task panics")).collect()
        })
    })
}
