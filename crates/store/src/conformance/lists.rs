use super::support::*;
use crate::db::{Reach, Value};
use crate::{Direction, OrderBy, Scoped, Sign, Store, UserFilter, UserPage};
use rand::prelude::*;
use std::collections::BTreeSet;
use verger_core::user::{IdentificationStatus, NewUser, ProfileChange};
use verger_core::{Claims, Identifier, IdentifierKind, User, Username};
use verger_wire::json::Json;
use verger_wire::{InstanceId, Patch, UnixMillis, UserId};

const USERS: usize = 70;
const NAMES: [&str; 14] = [
    "Ada",
    "ADA",
    "ada lovelace",
    "Ünïcode",
    "ÜNÏCODE",
    "100%",
    "1000",
    "a_b",
    "axb",
    "c\\d",
    "cd",
    "",
    "ΟΔΟΣ",
    "οδοσαντα",
];
const PARTS: [&str; 22] = [
    "a", "ADA", "ünï", "%", "_", "\\", "0%", "a_b", "c\\d", "555", "EXAMPLE", ".com", "@", "", " ", "USER_",
    "οδος", "e L", "ident", "+1", "zzz", "\\%",
];
const ORDERS: [OrderBy; 10] = [
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
];
const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Users with many equal values, so that ties and matches are common.
fn population(rng: &mut StdRng) -> Vec<User> {
    let mut env = env();
    let mut next_phone = 0;
    let mut users: Vec<User> = Vec::new();
    for at in 0..USERS {
        let mut identifications = Vec::new();
        for _ in 0..rng.random_range(0..3) {
            next_phone += rng.random_range(1..40);
            identifications.push((phone(next_phone), status(rng)));
        }
        for _ in 0..rng.random_range(0..3) {
            let local = ["Ada", "b_b", "c%c", "dxd"].choose(rng).unwrap();
            identifications
                .push((email(&format!("{local}.{}", identifications.len() * 1000 + at)), status(rng)));
        }
        // Numbers that several users hold, nobody for sure.
        identifications.push((phone(79_000 + rng.random_range(0..3)), IdentificationStatus::Unverified));
        env.now = UnixMillis(NOW.0 + rng.random_range(0..8));
        let new = NewUser {
            identifications,
            banned: rng.random_bool(0.3),
            profile: ProfileChange {
                first_name: name(rng),
                last_name: name(rng),
                username: maybe(rng, |rng| {
                    let start = ["ada", "ADA", "b_b", "x-y"].choose(rng).unwrap();
                    Username::parse(&format!("{start}_{at}")).unwrap()
                }),
                external_id: maybe(rng, |_| format!("Ext-{at}")),
                ..ProfileChange::default()
            },
            created_at: rng.random_bool(0.7).then(|| UnixMillis(NOW.0 + rng.random_range(0..6))),
            ..NewUser::default()
        };
        users.push(User::create(new, &Claims::default(), &mut env).unwrap().user);
    }
    users
}

fn status(rng: &mut StdRng) -> IdentificationStatus {
    [IdentificationStatus::Verified, IdentificationStatus::Reserved, IdentificationStatus::Unverified]
        .into_iter()
        .choose(rng)
        .unwrap()
}

fn name(rng: &mut StdRng) -> Patch<String> {
    maybe(rng, |rng| (*NAMES.choose(rng).unwrap()).to_owned())
}

fn maybe<T>(rng: &mut StdRng, value: impl FnOnce(&mut StdRng) -> T) -> Patch<T> {
    if rng.random_bool(0.6) { Patch::Set(value(rng)) } else { Patch::Absent }
}

fn random_filter(rng: &mut StdRng, users: &[User]) -> UserFilter {
    let texts = |kind: IdentifierKind| -> Vec<String> {
        let mut texts: Vec<_> = users
            .iter()
            .flat_map(|user| &user.identifications)
            .filter(|held| held.identifier.kind() == kind)
            .map(|held| held.identifier.as_str().to_owned())
            .collect();
        texts.push("nobody's".to_owned());
        texts
    };
    let usernames =
        users.iter().filter_map(|user| user.username.as_ref()).map(Username::key).collect::<Vec<_>>();
    let external_ids: Vec<_> = users.iter().filter_map(|user| user.external_id.clone()).collect();
    let ids: Vec<_> = users.iter().map(|user| user.id.to_string()).collect();
    UserFilter {
        email_addresses: some_of(rng, &texts(IdentifierKind::EmailAddress)),
        phone_numbers: some_of(rng, &texts(IdentifierKind::PhoneNumber)),
        external_ids: some_signed(rng, &external_ids),
        usernames: some_of(rng, &usernames),
        user_ids: some_signed(rng, &ids),
        query: part(rng, 0.3),
        query_as_number: None,
        email_address_query: part(rng, 0.1),
        phone_number_query: part(rng, 0.1),
        username_query: part(rng, 0.1),
        name_query: part(rng, 0.2),
        banned: rng.random_bool(0.2).then(|| rng.random_bool(0.5)),
        created_before: rng.random_bool(0.1).then(|| UnixMillis(NOW.0 + rng.random_range(0..8))),
        created_after: rng.random_bool(0.1).then(|| UnixMillis(NOW.0 + rng.random_range(0..8) - 2)),
        ..UserFilter::default()
    }
}

fn part(rng: &mut StdRng, probability: f64) -> Option<String> {
    rng.random_bool(probability).then(|| (*PARTS.choose(rng).unwrap()).to_owned())
}

fn some_of(rng: &mut StdRng, values: &[String]) -> Option<Vec<String>> {
    let count = rng.random_range(0..30);
    rng.random_bool(0.12).then(|| (0..count).map(|_| values.choose(rng).unwrap().clone()).collect())
}

fn some_signed(rng: &mut StdRng, values: &[String]) -> Option<Vec<(Sign, String)>> {
    let excluding = rng.random_range(0.0..1.0);
    some_of(rng, values).map(|values| {
        values
            .into_iter()
            .map(|value| (if rng.random_bool(excluding) { Sign::Exclude } else { Sign::Include }, value))
            .collect()
    })
}

/// The filters, as plainly as they can be said.
fn matches(filter: &UserFilter, user: &User) -> bool {
    let held = |kind: IdentifierKind, is_wanted: &dyn Fn(&str) -> bool| {
        let mut own = user.identifications.iter().filter(|held| held.identifier.kind() == kind);
        own.any(|held| is_wanted(held.identifier.as_str()))
    };
    let username = user.username.as_ref().map(Username::key);
    let first_name = user.first_name.as_deref().unwrap_or("");
    let name = format!("{first_name} {}", user.last_name.as_deref().unwrap_or(""));
    let name = name.trim();
    let one_of = |values: &Option<Vec<String>>, kind: IdentifierKind| {
        values.as_ref().is_none_or(|values| held(kind, &|text| values.iter().any(|value| value == text)))
    };
    let has_part = |part: &Option<String>, kind: IdentifierKind| {
        part.as_ref().is_none_or(|part| held(kind, &|text| contains(text, part)))
    };
    one_of(&filter.email_addresses, IdentifierKind::EmailAddress)
        && one_of(&filter.phone_numbers, IdentifierKind::PhoneNumber)
        && signed(&filter.external_ids, user.external_id.as_deref())
        && signed(&filter.user_ids, Some(user.id.as_str()))
        && filter
            .usernames
            .as_ref()
            .is_none_or(|values| username.as_ref().is_some_and(|username| values.contains(username)))
        && has_part(&filter.email_address_query, IdentifierKind::EmailAddress)
        && has_part(&filter.phone_number_query, IdentifierKind::PhoneNumber)
        && filter
            .username_query
            .as_ref()
            .is_none_or(|part| username.as_ref().is_some_and(|username| contains(username, part)))
        && filter.name_query.as_ref().is_none_or(|part| contains(name, part))
        && filter.query.as_ref().is_none_or(|part| {
            contains(name, part)
                || username.as_ref().is_some_and(|username| contains(username, part))
                || contains(user.id.as_str(), part)
                || user.identifications.iter().any(|held| contains(held.identifier.as_str(), part))
        })
        && filter.banned.is_none_or(|banned| banned == user.banned_at.is_some())
        && filter.created_before.is_none_or(|moment| user.created_at < moment)
        && filter.created_after.is_none_or(|moment| user.created_at > moment)
}

fn signed(values: &Option<Vec<(Sign, String)>>, own: Option<&str>) -> bool {
    let Some(values) = values else { return true };
    let names =
        |wanted: Sign| values.iter().any(|(sign, value)| *sign == wanted && Some(value.as_str()) == own);
    let is_exclusion_only = !values.is_empty() && values.iter().all(|(sign, _)| *sign == Sign::Exclude);
    (is_exclusion_only || names(Sign::Include)) && !names(Sign::Exclude)
}

fn contains(text: &str, part: &str) -> bool {
    let fold = |text: &str| -> String {
        let letters = text.chars().flat_map(char::to_lowercase);
        letters.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
    };
    fold(text).contains(&fold(part))
}

fn in_order(mut users: Vec<User>, order_by: OrderBy, direction: Direction) -> Vec<User> {
    let primary = |user: &User, kind: IdentifierKind| {
        let held = user.primary(kind).and_then(|id| user.identification(id));
        held.map_or(String::new(), |held| held.identifier.as_str().to_owned())
    };
    let key = |user: &User| {
        let (time, text) = match order_by {
            OrderBy::CreatedAt => (user.created_at.0, String::new()),
            OrderBy::UpdatedAt => (user.updated_at.0, String::new()),
            OrderBy::EmailAddress => (0, primary(user, IdentifierKind::EmailAddress)),
            OrderBy::PhoneNumber => (0, primary(user, IdentifierKind::PhoneNumber)),
            OrderBy::FirstName => (0, user.first_name.clone().unwrap_or_default()),
            OrderBy::LastName => (0, user.last_name.clone().unwrap_or_default()),
            OrderBy::Username => (0, user.username.as_ref().map(Username::key).unwrap_or_default()),
            OrderBy::LastActiveAt => (user.last_active_at.map_or(0, |at| at.0), String::new()),
            OrderBy::LastSignInAt => (user.last_sign_in_at.map_or(0, |at| at.0), String::new()),
            OrderBy::Id => (0, String::new()),
        };
        (time, text, user.id.clone())
    };
    users.sort_by_key(key);
    if direction == Direction::Descending {
        users.reverse();
    }
    users
}

async fn populate(store: &Store, rng: &mut StdRng) -> (InstanceId, Vec<User>) {
    let (ours, theirs) = ready(store).await;
    let users = population(rng);
    create_all(store.instance(&ours), &users).await;
    // Neighbours with the same texts must not be seen.
    create_all(store.instance(&theirs), &population(rng)).await;
    (ours, users)
}

fn all_sorted(users: Vec<User>) -> Vec<User> {
    users.into_iter().map(sorted).collect()
}

pub(super) async fn lists_and_counts_agree_with_a_naive_filter(store: &Store) {
    let seed = fresh_seed();
    let rng = &mut StdRng::seed_from_u64(seed);
    let (ours, users) = populate(store, rng).await;
    let scoped = store.instance(&ours);
    let mut matched = BTreeSet::new();
    for round in 0..share(store, 400) {
        let filter = random_filter(rng, &users);
        let wanted: Vec<_> = users.iter().filter(|user| matches(&filter, user)).cloned().collect();
        let (order_by, direction) = (*ORDERS.choose(rng).unwrap(), *DIRECTIONS.choose(rng).unwrap());
        let wanted = in_order(wanted, order_by, direction);
        matched.insert(wanted.len());
        let all = UserPage { limit: 500, offset: 0, starting_after: None, order_by, direction };
        let found = list(scoped, &filter, &all).await;
        let ids = |users: &[User]| users.iter().map(|user| user.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&wanted), "seed {seed}, round {round}: {filter:?} {all:?}");
        assert_eq!(all_sorted(found.clone()), all_sorted(wanted.clone()), "seed {seed}, round {round}");
        let count = scoped.count_users(&filter, far()).await.unwrap();
        assert_eq!(count, i64::try_from(wanted.len()).unwrap(), "seed {seed}, round {round}: {filter:?}");
        let (limit, offset) = (rng.random_range(1..20), rng.random_range(0..20));
        let some = UserPage { limit, offset, ..all };
        let found = list(scoped, &filter, &some).await;
        let from = usize::try_from(offset).unwrap().min(wanted.len());
        let to = (from + usize::try_from(limit).unwrap()).min(wanted.len());
        assert_eq!(ids(&found), ids(&wanted[from..to]), "seed {seed}, round {round}: {filter:?} {some:?}");
    }
    assert!(matched.len() > 10, "seed {seed}: the filters are too narrow or too wide: {matched:?}");
}

pub(super) async fn every_order_is_total_in_both_directions(store: &Store) {
    let seed = fresh_seed();
    let (ours, users) = populate(store, &mut StdRng::seed_from_u64(seed)).await;
    let scoped = store.instance(&ours);
    for order_by in ORDERS {
        for direction in DIRECTIONS {
            let wanted = in_order(users.clone(), order_by, direction);
            let mut found = Vec::new();
            for offset in (0..).step_by(7) {
                let next = UserPage { limit: 7, offset, starting_after: None, order_by, direction };
                let users = list(scoped, &UserFilter::default(), &next).await;
                if users.is_empty() {
                    break;
                }
                found.extend(users);
                assert!(found.len() <= USERS, "the list has no end");
            }
            assert_eq!(all_sorted(found), all_sorted(wanted), "seed {seed}: {order_by:?} {direction:?}");
        }
    }
}

pub(super) async fn cursor_walks_every_page_without_gap_or_repeat(store: &Store) {
    let seed = fresh_seed();
    let rng = &mut StdRng::seed_from_u64(seed);
    let (ours, users) = populate(store, rng).await;
    let scoped = store.instance(&ours);
    let filters =
        [UserFilter::default(), UserFilter { name_query: Some("a".to_owned()), ..UserFilter::default() }];
    for (filter, direction) in
        filters.iter().flat_map(|filter| DIRECTIONS.map(|direction| (filter, direction)))
    {
        let wanted: Vec<_> = users.iter().filter(|user| matches(filter, user)).cloned().collect();
        let wanted = in_order(wanted, OrderBy::CreatedAt, direction);
        for limit in [1, 3, 10, 500] {
            assert_eq!(walk(scoped, filter, direction, limit).await, wanted, "seed {seed}, limit {limit}");
        }
    }
}

async fn walk(scoped: Scoped<'_>, filter: &UserFilter, direction: Direction, limit: i64) -> Vec<User> {
    let mut found: Vec<User> = Vec::new();
    loop {
        let starting_after = found.last().map(|user| user.id.clone());
        let next = UserPage { limit, offset: 0, starting_after, order_by: OrderBy::CreatedAt, direction };
        let users = list(scoped, filter, &next).await;
        assert!(users.len() <= usize::try_from(limit).unwrap());
        if users.is_empty() {
            return found;
        }
        found.extend(users);
        assert!(found.len() <= USERS, "the walk has no end");
    }
}

/// A row of a page is as large as its user's metadata; what is read grows with the users, not with their numbers.
pub(super) async fn metadata_is_read_once_for_each_user(store: &Store) {
    const METADATA_BYTES: usize = 8_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let mut env = env();
    let users: Vec<_> = (0..3)
        .map(|at| {
            let numbers = (0..20).map(|n| (phone(at * 20 + n), IdentificationStatus::Verified)).collect();
            let mut user = new_user(numbers, &mut env);
            user.public_metadata.insert("text".to_owned(), Json::Text("m".repeat(METADATA_BYTES)));
            user
        })
        .collect();
    create_all(scoped, &users).await;
    let ids = users.iter().map(|user| user.id.clone()).collect::<Vec<_>>();
    let list = scoped.list_query(&UserFilter::default(), &page(10), None);
    for query in [list, scoped.users_query(&ids)] {
        let rows = store.rows(Reach::Scan, query, far()).await.unwrap();
        let bytes: usize = rows
            .iter()
            .flatten()
            .map(|value| if let Value::Text(text) = value { text.len() } else { 0 })
            .sum();
        assert!(bytes < users.len() * METADATA_BYTES * 2, "{bytes} bytes");
    }
    assert_eq!(scoped.load_users(&ids, far()).await.unwrap(), users);
}

pub(super) async fn unknown_cursor_is_told_from_an_empty_page(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = new_user(vec![], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let after = |id: UserId| UserPage { starting_after: Some(id), ..page(10) };
    let filter = UserFilter::default();
    assert_eq!(scoped.list_users(&filter, &after(user.id), far()).await.unwrap(), Some(Vec::new()));
    assert_eq!(scoped.list_users(&filter, &after(UserId::from("user_none")), far()).await.unwrap(), None);
}

/// Deletes a user as the server does: its event says what it was.
async fn delete(scoped: Scoped<'_>, user: &User, payload: &str) {
    let mut write = write(Some(user), None, &mut env());
    for event in write.events.iter_mut().filter(|event| event.kind == "user.deleted") {
        event.payload = payload.to_owned();
    }
    scoped.save(&write, far()).await.unwrap();
}

fn tombstone(user: &User) -> String {
    format!("{{\"data\":{{\"deleted\":true}},\"before\":{{\"created_at\":{}}}}}", user.created_at.0)
}

/// However far its deletion has been told of, and if all that is left of it is in the trail. Its moment is the user's own,
/// not that of its id.
pub(super) async fn cursor_of_a_deleted_user_goes_on_from_where_it_stood(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let mut env = env();
    // In the order of their moments, which is not that of their ids.
    let users: Vec<_> = [5, 4, 3, 2, 1]
        .map(|at| User {
            created_at: UnixMillis(NOW.0 - at * 1_000_000),
            ..new_user(vec![(phone(usize::try_from(at).unwrap()), IdentificationStatus::Verified)], &mut env)
        })
        .into();
    let mut by_id = users.clone();
    by_id.sort_by(|one, other| one.id.cmp(&other.id));
    create_all(scoped, &users).await;
    let ascending = Direction::Ascending;
    let after = |id: &UserId| UserPage { starting_after: Some(id.clone()), direction: ascending, ..page(10) };
    let behind = async |id: &UserId| {
        let users = scoped.list_users(&UserFilter::default(), &after(id), far()).await.unwrap();
        users.map(|users| users.into_iter().map(|user| user.created_at).collect::<Vec<_>>())
    };
    let rest = |from: usize| Some(users[from..].iter().map(|user| user.created_at).collect::<Vec<_>>());
    delete(scoped, &users[2], &tombstone(&users[2])).await;
    // The event has no place yet.
    assert_eq!(behind(&users[2].id).await, rest(3));
    super::fixtures::fan_out_all(scoped, 10).await;
    assert_eq!(behind(&users[2].id).await, rest(3));
    // The event is gone, and its row of the trail is left.
    execute(store, "DELETE FROM outbox").await;
    execute(store, "DELETE FROM outbox_payloads").await;
    assert_eq!(behind(&users[2].id).await, rest(3));
    // The row is of a build that did not write the moment down: then the id has one.
    execute(store, "UPDATE audit_log SET entry = '{\"before\":{}}'").await;
    assert_eq!(behind(&users[2].id).await, Some(Vec::new()), "the id is newer than all");
    // Nothing is left.
    execute(store, "DELETE FROM audit_log").await;
    assert_eq!(behind(&users[2].id).await, None);
    // Who was never here, or is another instance's, is nobody.
    let other = new_user(vec![], &mut env);
    create_all(store.instance(&theirs), std::slice::from_ref(&other)).await;
    delete(store.instance(&theirs), &other, &tombstone(&other)).await;
    for id in [other.id, new_user(vec![], &mut env).id, UserId::from("user_none"), UserId::from("\0")] {
        assert_eq!(behind(&id).await, None, "{id}");
    }
}

/// Whoever walks while users go, the one at which the walk stands among them, sees each of those who stay once.
pub(super) async fn walk_beside_deletions_misses_nobody_and_repeats_nobody(store: &Store) {
    let seed = fresh_seed();
    let rng = &mut StdRng::seed_from_u64(seed);
    let (ours, users) = populate(store, rng).await;
    let scoped = store.instance(&ours);
    for direction in DIRECTIONS {
        let mut gone: BTreeSet<UserId> = BTreeSet::new();
        let mut seen: Vec<User> = Vec::new();
        let there = async || {
            let all = UserPage { direction, ..page(500) };
            list(scoped, &UserFilter::default(), &all).await
        };
        let begin = there().await;
        loop {
            let starting_after = seen.last().map(|user| user.id.clone());
            let next = UserPage { starting_after, direction, ..page(3) };
            let found = list(scoped, &UserFilter::default(), &next).await;
            if found.is_empty() {
                break;
            }
            seen.extend(found);
            // The one at which it stands, and one from anywhere, half of the time each.
            let mut leave: Vec<User> =
                seen.last().cloned().into_iter().filter(|_| rng.random_bool(0.5)).collect();
            if rng.random_bool(0.5) {
                leave.extend(users.choose(rng).cloned());
            }
            for user in leave {
                let Some(user) = scoped.load_user(&user.id, far()).await.unwrap() else { continue };
                delete(scoped, &user, &tombstone(&user)).await;
                gone.insert(user.id);
            }
            if rng.random_bool(0.3) {
                super::fixtures::fan_out_all(scoped, 10).await;
            }
            assert!(seen.len() <= USERS, "seed {seed}: the walk has no end");
        }
        let ids = |users: &[User]| users.iter().map(|user| user.id.clone()).collect::<Vec<_>>();
        let stayed: Vec<_> = begin.into_iter().filter(|user| !gone.contains(&user.id)).collect();
        seen.retain(|user| !gone.contains(&user.id));
        assert_eq!(ids(&seen), ids(&stayed), "seed {seed}: {direction:?}");
        assert!(!gone.is_empty());
    }
}

async fn named(scoped: Scoped<'_>, names: &[&str]) {
    let mut env = env();
    let users: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| User {
            // A random id has three given letters now and then.
            id: UserId::from(format!("user_{}_{at}", names.len())),
            first_name: Some((*name).to_owned()),
            ..new_user(vec![], &mut env)
        })
        .collect();
    create_all(scoped, &users).await;
}

/// The names that a part finds, by both queries that look at names.
async fn names_with(scoped: Scoped<'_>, part: &str) -> Vec<String> {
    let by_name = UserFilter { name_query: Some(part.to_owned()), ..UserFilter::default() };
    let by_any = UserFilter { query: Some(part.to_owned()), ..UserFilter::default() };
    let mut both = Vec::new();
    for filter in [by_name, by_any] {
        let users = list(scoped, &filter, &page(500)).await;
        assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), i64::try_from(users.len()).unwrap());
        let mut names: Vec<_> = users.into_iter().filter_map(|user| user.first_name).collect();
        names.sort();
        both.push(names);
    }
    assert_eq!(both[0], both[1], "{part}");
    both.remove(0)
}

pub(super) async fn pattern_characters_are_literal(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    named(scoped, &["100%", "1000", "a b", "aéb", "c\\d", "cd", "c%d", "e\\%f", "g[h]*?"]).await;
    for (part, found) in [
        ("0%", &["100%"][..]),
        ("%", &["100%", "c%d", "e\\%f"]),
        ("c%d", &["c%d"]),
        ("c\\d", &["c\\d"]),
        ("\\", &["c\\d", "e\\%f"]),
        ("\\%", &["e\\%f"]),
        ("\\\\", &[]),
        ("c_d", &[]),
        ("a_b", &[]),
        ("[h]*?", &["g[h]*?"]),
        ("[gh]", &[]),
        ("'", &[]),
        ("$1", &[]),
    ] {
        assert_eq!(names_with(scoped, part).await, found, "{part}");
    }
    // Ids have underscores, so this character is looked for elsewhere.
    let mut env = env();
    let users =
        ["a_b", "axb"].map(|local| new_user(vec![(email(local), IdentificationStatus::Verified)], &mut env));
    create_all(scoped, &users).await;
    let filter = UserFilter { email_address_query: Some("a_b".to_owned()), ..UserFilter::default() };
    assert_eq!(list(scoped, &filter, &page(10)).await, users[..1]);
}

pub(super) async fn case_is_folded_letter_by_letter(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    named(scoped, &["Ünïcode", "ΟΔΟΣ", "οδος", "ΟΔΟΣΑΝΤΑ", "Ada", "ÆON"]).await;
    for (part, found) in [
        ("ÜNÏ", &["Ünïcode"][..]),
        ("ünï", &["Ünïcode"]),
        ("ODE", &["Ünïcode"]),
        ("οδοσ", &["ΟΔΟΣ", "ΟΔΟΣΑΝΤΑ", "οδος"]),
        ("ΟΔΟΣ", &["ΟΔΟΣ", "ΟΔΟΣΑΝΤΑ", "οδος"]),
        ("οδος", &["ΟΔΟΣ", "ΟΔΟΣΑΝΤΑ", "οδος"]),
        ("aDA", &["Ada"]),
        ("æO", &["ÆON"]),
        ("uni", &[]),
    ] {
        assert_eq!(names_with(scoped, part).await, found, "{part}");
    }
    let mut env = env();
    let mut user = new_user(vec![(email("Grace"), IdentificationStatus::Unverified)], &mut env);
    user.username = Some(Username::parse("GraceH").unwrap());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let some = |part: &str| Some(part.to_owned());
    for filter in [
        UserFilter { email_address_query: some("GRACE@"), ..UserFilter::default() },
        UserFilter { username_query: some("GRACEh"), ..UserFilter::default() },
        UserFilter { usernames: Some(vec!["graceh".to_owned()]), ..UserFilter::default() },
        UserFilter { email_addresses: Some(vec!["grace@example.com".to_owned()]), ..UserFilter::default() },
        UserFilter { query: Some(user.id.as_str().to_uppercase()), ..UserFilter::default() },
        UserFilter { query: some("gRACEh"), ..UserFilter::default() },
    ] {
        assert_eq!(list(scoped, &filter, &page(10)).await, std::slice::from_ref(&user), "{filter:?}");
    }
}

pub(super) async fn search_follows_a_change_of_name(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let mut env = env();
    let mut before = User { username: Some(Username::parse("first").unwrap()), ..new_user(vec![], &mut env) };
    before.last_name = Some("Primus".to_owned());
    create_all(scoped, std::slice::from_ref(&before)).await;
    let change = ProfileChange {
        username: Patch::Set(Username::parse("second").unwrap()),
        last_name: Patch::Set("Secundus".to_owned()),
        ..ProfileChange::default()
    };
    let after = before.update(change, &Claims::default(), &mut env).unwrap().user;
    scoped.save(&write(Some(&before), Some(&after), &mut env), far()).await.unwrap();
    for (part, found) in [("first", 0), ("primus", 0), ("second", 1), ("secundus", 1)] {
        let by_any = UserFilter { query: Some(part.to_owned()), ..UserFilter::default() };
        assert_eq!(scoped.count_users(&by_any, far()).await.unwrap(), found, "{part}");
    }
    let by_username = UserFilter { usernames: Some(vec!["first".to_owned()]), ..UserFilter::default() };
    assert_eq!(scoped.count_users(&by_username, far()).await.unwrap(), 0);
}

pub(super) async fn empty_list_of_values_matches_nobody(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let identifications: Vec<(Identifier, _)> =
        vec![(phone(1), IdentificationStatus::Verified), (email("a"), IdentificationStatus::Verified)];
    create_all(scoped, &[new_user(identifications, &mut env())]).await;
    let none = UserFilter::default;
    for filter in [
        UserFilter { email_addresses: Some(vec![]), ..none() },
        UserFilter { phone_numbers: Some(vec![]), ..none() },
        UserFilter { external_ids: Some(vec![]), ..none() },
        UserFilter { usernames: Some(vec![]), ..none() },
        UserFilter { user_ids: Some(vec![]), ..none() },
    ] {
        assert_eq!(list(scoped, &filter, &page(10)).await, [], "{filter:?}");
        assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), 0, "{filter:?}");
    }
    assert_eq!(scoped.count_users(&none(), far()).await.unwrap(), 1);
}

/// Parts that no stored text has, and that a pattern of some databases could not say.
pub(super) async fn impossible_parts_match_nobody(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    named(scoped, &["Ada", "a"]).await;
    let long = "a".repeat(60_000);
    for part in ["\0", "a\0", "\0a", long.as_str()] {
        let none = UserFilter::default;
        let some = || Some(part.to_owned());
        for filter in [
            UserFilter { query: some(), ..none() },
            UserFilter { email_address_query: some(), ..none() },
            UserFilter { phone_number_query: some(), ..none() },
            UserFilter { username_query: some(), ..none() },
            UserFilter { name_query: some(), ..none() },
        ] {
            assert_eq!(list(scoped, &filter, &page(10)).await, [], "{} bytes", part.len());
            assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), 0);
        }
    }
    // The longest name that core lets through is found whole.
    let longest = "\u{10400}".repeat(256);
    named(scoped, &[&longest]).await;
    assert_eq!(names_with(scoped, &longest).await, std::slice::from_ref(&longest));
}

/// No database keeps such a text; to ask for it is no failure.
pub(super) async fn value_with_nul_is_nobodys(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    create_all(scoped, &[new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env())]).await;
    let text = || "a\0".to_owned();
    let none = UserFilter::default;
    let only = |sign| Some(vec![(sign, text())]);
    for (filter, expected) in [
        (UserFilter { phone_numbers: Some(vec![text()]), ..none() }, 0),
        (UserFilter { usernames: Some(vec![text()]), ..none() }, 0),
        (UserFilter { user_ids: only(Sign::Include), ..none() }, 0),
        (UserFilter { external_ids: only(Sign::Include), ..none() }, 0),
        (UserFilter { user_ids: only(Sign::Exclude), ..none() }, 1),
        (UserFilter { external_ids: only(Sign::Exclude), ..none() }, 1),
    ] {
        assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), expected, "{filter:?}");
    }
    assert_eq!(scoped.load_user(&"user_\0".into(), far()).await.unwrap(), None);
    assert!(scoped.load_for_identification_change(&"idn_\0".into(), far()).await.unwrap().is_none());
    assert_eq!(scoped.stored_answer("\0", far()).await.unwrap(), None);
    let texts = [(IdentifierKind::ExternalId, text())];
    assert_claims(&scoped.load_claims(&texts, far()).await.unwrap(), &[]);
}
