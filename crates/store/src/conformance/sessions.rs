//! Who is signed in: clients, sessions, refreshed tokens, JWT templates, tickets.

use super::another_handle;
use super::support::*;
use crate::{
    AnyChange, Change, Conflict, RefreshToken, Refreshed, Scoped, SessionActivity, SessionFilter,
    SessionState, SignedIn, Store, StoreError, Write,
};
use std::collections::BTreeMap;
use verger_core::client::{Authenticated, Clocks, SecretDigest};
use verger_core::jwt_template::{SigningKey, TEMPLATES_MAX, TemplateFields};
use verger_core::session::{Activity, Ending, Factor, NewSession, Origin, Proofs, SessionRules};
use verger_core::ticket::{Purpose, TicketStatus};
use verger_core::user::IdentificationStatus;
use verger_core::{Client, JwtTemplate, Session, Settings, Ticket, User};
use verger_wire::json::{Json, Object, parse};
use verger_wire::{SessionId, UnixMillis};

const HOUR_MS: i64 = 60 * 60 * 1000;

async fn save(scoped: Scoped<'_>, changes: Vec<AnyChange>) -> Result<(), StoreError> {
    scoped.save(&Write { changes, ..Write::at(NOW) }, far()).await
}

fn added<T>(after: T) -> AnyChange
where
    AnyChange: From<Change<T>>,
{
    Change { before: None, after: Some(after) }.into()
}

fn object(text: &str) -> Object {
    let Ok(Json::Object(object)) = parse(text) else { panic!("{text}") };
    object
}

async fn user(scoped: Scoped<'_>) -> User {
    let user = new_user(vec![], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    user
}

fn session(id: &str, user: &User, at: UnixMillis) -> Session {
    let new = NewSession {
        id: id.into(),
        user_id: user.id.clone(),
        client_id: "client_1".into(),
        origin: Origin::SignIn,
        second_factor_demanded: false,
        proofs: Proofs { first: Some(at), second: None },
        activity: None,
        life_ms_max: None,
    };
    Session::begin(new, &SessionRules::default(), at).unwrap()
}

/// Begins it, of the user as it is given.
async fn begin(scoped: Scoped<'_>, session: &Session, user: &User) -> Result<(), StoreError> {
    let signed_in = SignedIn { user_id: user.id.clone(), version: user.version, at: session.created_at };
    let write = Write {
        changes: vec![added(session.clone())],
        signed_in: Some(signed_in),
        ..Write::at(session.created_at)
    };
    scoped.save(&write, far()).await
}

fn client(id: &str) -> Client {
    Client::create(
        id.into(),
        SecretDigest(format!("first of {id}")),
        Clocks { now: NOW, real: NOW.plus_ms(5) },
    )
}

pub(super) async fn clients_and_sessions_load_as_they_were_saved(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = user(scoped).await;
    let activity = Activity {
        device_type: Some("Macintosh".to_owned()),
        is_mobile: true,
        browser_name: Some("Firefox".to_owned()),
        browser_version: None,
        ip_address: Some("192.0.2.7".to_owned()),
    };
    let first = Session { activity: Some(activity), ..session("sess_1", &user, NOW) };
    let actor = object(r#"{"sub":"user_2","n":1.50}"#);
    let second = Session { origin: Origin::ActorToken { actor }, ..session("sess_2", &user, NOW.plus_ms(1)) };
    let third = Session { origin: Origin::BackendApi, ..session("sess_3", &user, NOW.plus_ms(2)) };
    let began = client("client_1");
    save(scoped, vec![added(began.clone())]).await.unwrap();
    for session in [&first, &second, &third] {
        begin(scoped, session, &user).await.unwrap();
        assert_eq!(scoped.session(&session.id, far()).await.unwrap().as_ref(), Some(session));
        assert_eq!(store.instance(&theirs).session(&session.id, far()).await.unwrap(), None);
    }
    let signed = scoped.load_user(&user.id, far()).await.unwrap().unwrap();
    let moments = (signed.last_sign_in_at, signed.last_active_at, signed.version);
    assert_eq!(moments, (Some(NOW.plus_ms(2)), Some(NOW.plus_ms(2)), user.version));
    // The secret changes, and is found by both.
    let sessions = BTreeMap::from([(first.id.clone(), first.proofs), (second.id.clone(), second.proofs)]);
    let new = Authenticated {
        secret: SecretDigest("second".to_owned()),
        sessions,
        session: third.id.clone(),
        strategy: "phone_code".to_owned(),
    };
    let clocks = Clocks { now: NOW.plus_ms(10), real: NOW.plus_ms(15) };
    let after = began.authenticated(new, clocks);
    save(scoped, vec![Change::update(began.clone(), after.clone()).into()]).await.unwrap();
    for digest in ["first of client_1", "second"] {
        let digest = SecretDigest(digest.to_owned());
        assert_eq!(scoped.client_by_secret(&digest, far()).await.unwrap().as_ref(), Some(&after));
        assert_eq!(store.instance(&theirs).client_by_secret(&digest, far()).await.unwrap(), None);
    }
    let loaded = scoped.load_for_token(&first.id, "none", far()).await.unwrap().unwrap();
    assert_eq!((loaded.session, loaded.user, loaded.signed_at), (first, Some(signed), after.signed_at));
    assert_eq!(scoped.client(&after.id, far()).await.unwrap(), Some(after.clone()));
    assert_eq!(scoped.clients(10, 0, far()).await.unwrap(), (vec![after.clone()], 1));
    assert_eq!(scoped.sessions_of_clients(&[&after.id], far()).await.unwrap().len(), 3);
    // Whoever knew it as it was before is stale.
    let stale = Change::update(began.clone(), began.activated(third.id.clone(), NOW));
    assert_eq!(conflict(save(scoped, vec![stale.into()]).await), Conflict::Stale);
    save(scoped, vec![Change { before: Some(after.clone()), after: None }.into()]).await.unwrap();
    assert_eq!(scoped.client_by_secret(&after.secret.digest, far()).await.unwrap(), None);
}

pub(super) async fn what_a_token_is_minted_from_is_loaded_together(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let held = [phone(1), email("one"), phone(2)];
    let held = held.map(|identifier| (identifier, IdentificationStatus::Verified));
    let user = new_user(held.to_vec(), &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let (first, second) = (session("sess_1", &user, NOW), session("sess_2", &user, NOW.plus_ms(1)));
    begin(scoped, &first, &user).await.unwrap();
    begin(scoped, &second, &user).await.unwrap();
    let user = scoped.load_user(&user.id, far()).await.unwrap();
    let ended = first.end(Ending::Revoked, &SessionRules::default(), NOW.plus_ms(9)).unwrap();
    save(scoped, vec![Change::update(first, ended.clone()).into()]).await.unwrap();
    save(scoped, vec![added(template("jtmp_1", "one")), added(template("jtmp_2", "two"))]).await.unwrap();
    save(store.instance(&theirs), vec![added(template("jtmp_3", "three"))]).await.unwrap();

    // Of no client that is known, so nobody signed in on it.
    let cases =
        [("one", Some(template("jtmp_1", "one"))), ("two", Some(template("jtmp_2", "two"))), ("three", None)];
    for (name, expected) in cases {
        for session in [&ended, &second] {
            let loaded = scoped.load_for_token(&session.id, name, far()).await.unwrap().unwrap();
            let together = (&loaded.session, &loaded.user, loaded.signed_at, &loaded.template);
            assert_eq!(together, (session, &user, UnixMillis(0), &expected), "{name}");
        }
    }
    assert!(scoped.load_for_token(&"sess_3".into(), "one", far()).await.unwrap().is_none());
    assert!(store.instance(&theirs).load_for_token(&second.id, "three", far()).await.unwrap().is_none());
}

pub(super) async fn nothing_is_written_over_the_end_of_a_session(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = user(scoped).await;
    let rules = SessionRules::default();
    let before = session("sess_1", &user, NOW);
    begin(scoped, &before, &user).await.unwrap();
    let ended = before.end(Ending::Revoked, &rules, NOW.plus_ms(9)).unwrap();
    let others = [
        before.prove(Factor::Second, &rules, NOW.plus_ms(5)).unwrap(),
        before.end(Ending::Removed, &rules, NOW.plus_ms(5)).unwrap(),
    ];
    save(scoped, vec![Change::update(before.clone(), ended.clone()).into()]).await.unwrap();
    for other in others {
        let late = Change::update(before.clone(), other);
        assert_eq!(conflict(save(scoped, vec![late.into()]).await), Conflict::Stale);
    }
    // Not even by somebody who has the newest version and takes it for a living one.
    let revived = Session { end: None, version: ended.version + 1, ..ended.clone() };
    let revive = Change::update(ended.clone(), revived);
    assert_eq!(conflict(save(scoped, vec![revive.into()]).await), Conflict::Stale);
    let used = SessionActivity {
        session_id: before.id.clone(),
        user_id: user.id.clone(),
        at: NOW.plus_ms(50),
        activity: None,
    };
    scoped.note_activity(&[used], None, far()).await.unwrap();
    assert_eq!(scoped.session(&before.id, far()).await.unwrap(), Some(ended));
}

/// Contract section 8, rules 1 and 2.
pub(super) async fn no_session_begins_beside_a_change_of_the_user_that_ends_them(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let scoped = store.instance(&ours);
    let rules = SessionRules::default();
    for round in 0..share(store, 40) {
        let user = user(scoped).await;
        let kept = session(&format!("sess_{round}_kept"), &user, NOW);
        begin(scoped, &kept, &user).await.unwrap();
        let banned = user.set_banned(true, &mut env()).user;
        let ban = async {
            loop {
                let open = scoped.open_sessions_of(std::slice::from_ref(&user.id), far()).await.unwrap();
                let ends = |session: &Session| {
                    let over = session.end(Ending::Revoked, &rules, NOW.plus_ms(5)).unwrap();
                    AnyChange::from(Change::update(session.clone(), over))
                };
                let mut changes: Vec<AnyChange> = open.iter().map(ends).collect();
                changes.push(Change::update(user.clone(), banned.clone()).into());
                let write = Write { changes, signed_out: vec![user.id.clone()], ..Write::at(NOW) };
                match scoped.save(&write, far()).await {
                    Ok(()) => break,
                    outcome => assert_eq!(conflict(outcome), Conflict::Stale),
                }
            }
        };
        let beginnings = (0..6).map(|n| {
            let (handle, user, ours) = (if n % 2 == 0 { store } else { &other }, user.clone(), ours.clone());
            async move {
                let session = session(&format!("sess_{round}_{n}"), &user, NOW);
                begin(handle.instance(&ours), &session, &user).await
            }
        });
        let (begun, ()) = futures_util::future::join(futures_util::future::join_all(beginnings), ban).await;
        for outcome in begun.into_iter().filter(Result::is_err) {
            assert_eq!(conflict(outcome), Conflict::Stale);
        }
        assert_eq!(scoped.open_sessions_of(std::slice::from_ref(&user.id), far()).await.unwrap(), []);
        let late = session(&format!("sess_{round}_late"), &user, NOW);
        assert_eq!(conflict(begin(scoped, &late, &user).await), Conflict::Stale);
    }
}

pub(super) async fn deleted_user_leaves_no_session_ticket_or_trace_in_a_client(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (gone, stays) = (user(scoped).await, user(scoped).await);
    let began = session("sess_gone", &gone, NOW);
    let of_other = session("sess_stays", &stays, NOW);
    begin(scoped, &began, &gone).await.unwrap();
    begin(scoped, &of_other, &stays).await.unwrap();
    let client = client("client_1").activated(began.id.clone(), NOW);
    save(scoped, vec![added(client.clone())]).await.unwrap();
    let ticket = |id: &str, user: &User| {
        Ticket::create(id.to_owned(), Purpose::SignIn, user.id.clone(), id.to_owned(), 60, NOW)
    };
    save(scoped, vec![added(ticket("sit_gone", &gone)), added(ticket("sit_stays", &stays))]).await.unwrap();
    for (session, digest) in [(&began, "r_gone"), (&of_other, "r_stays")] {
        let token = RefreshToken {
            digest: digest.to_owned(),
            session_id: session.id.clone(),
            origin: "https://shop.example.com".to_owned(),
            created_at: NOW,
        };
        scoped.add_refresh_token(&token, far()).await.unwrap();
        assert_eq!(scoped.refresh_token(digest, far()).await.unwrap(), Some(token));
    }
    save(scoped, vec![Change { before: Some(gone.clone()), after: None }.into()]).await.unwrap();
    assert_eq!(scoped.session(&began.id, far()).await.unwrap(), None);
    assert_eq!(scoped.ticket("sit_gone", far()).await.unwrap(), None);
    assert_eq!(scoped.refresh_token("r_gone", far()).await.unwrap(), None);
    assert_eq!(scoped.client(&client.id, far()).await.unwrap().unwrap().last_active_session_id, None);
    let tables = dump(store).await;
    for table in ["sessions", "tickets", "refresh_tokens", "clients"] {
        let left = format!("{:?}", tables[table]);
        assert!(!left.contains(gone.id.as_str()) && !left.contains("gone"), "{table}: {left}");
    }
    assert!(scoped.session(&of_other.id, far()).await.unwrap().is_some());
    assert!(scoped.refresh_token("r_stays", far()).await.unwrap().is_some());
    // Nothing begins of a user who is gone.
    assert_eq!(conflict(begin(scoped, &session("sess_late", &gone, NOW), &gone).await), Conflict::Stale);
    assert_eq!(conflict(save(scoped, vec![added(ticket("sit_late", &gone))]).await), Conflict::Stale);
}

pub(super) async fn lists_of_sessions_agree_with_what_the_rules_say_of_each(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (user, other) = (user(scoped).await, user(scoped).await);
    let default = SessionRules::default();
    let mut all = Vec::new();
    for n in 0..12_i64 {
        let of = if n % 3 == 0 { &other } else { &user };
        let client = if n % 2 == 0 { "client_1" } else { "client_2" };
        let began = Session {
            client_id: client.into(),
            ..session(&format!("sess_{n:02}"), of, NOW.plus_ms(n * HOUR_MS))
        };
        begin(scoped, &began, of).await.unwrap();
        let ended = match n {
            3 => began.end(Ending::Revoked, &default, NOW.plus_ms(n * HOUR_MS)).ok(),
            4 => began.end(Ending::Removed, &default, NOW.plus_ms(n * HOUR_MS)).ok(),
            _ => None,
        };
        if let Some(ended) = &ended {
            save(scoped, vec![Change::update(began.clone(), ended.clone()).into()]).await.unwrap();
        }
        all.push(ended.unwrap_or(began));
    }
    all.reverse();
    let now = NOW.plus_ms(12 * HOUR_MS);
    let all_rules = [
        default,
        SessionRules { lifetime_ms: 5 * HOUR_MS, inactivity_ms: None },
        SessionRules { lifetime_ms: 10 * HOUR_MS, inactivity_ms: Some(3 * HOUR_MS) },
    ];
    let states = [
        None,
        Some(SessionState::Open),
        Some(SessionState::Never),
        Some(SessionState::Over(Ending::Expired)),
        Some(SessionState::Over(Ending::Revoked)),
        Some(SessionState::Over(Ending::Removed)),
        Some(SessionState::Over(Ending::Ended)),
    ];
    for rules in all_rules {
        for user_id in [None, Some(user.id.clone()), Some("user_nobody".into())] {
            for client_id in [None, Some("client_2".into())] {
                for state in states {
                    let filter =
                        SessionFilter { user_id: user_id.clone(), client_id: client_id.clone(), state };
                    let matches = |session: &&Session| {
                        let is_in_state = match state {
                            None => true,
                            Some(SessionState::Never) => false,
                            Some(SessionState::Open) => session.ending(&rules, now).is_none(),
                            Some(SessionState::Over(how)) => session.ending(&rules, now) == Some(how),
                        };
                        is_in_state
                            && user_id.as_ref().is_none_or(|id| *id == session.user_id)
                            && client_id.as_ref().is_none_or(|id| *id == session.client_id)
                    };
                    let expected: Vec<_> = all.iter().filter(matches).cloned().collect();
                    let total = i64::try_from(expected.len()).unwrap();
                    let whole = scoped.sessions(&filter, &rules, now, (500, 0), far()).await.unwrap();
                    assert_eq!(whole, (expected.clone(), total), "{filter:?} {rules:?}");
                    let (part, count) = scoped.sessions(&filter, &rules, now, (2, 1), far()).await.unwrap();
                    let second: Vec<_> = expected.into_iter().skip(1).take(2).collect();
                    assert_eq!((part, count), (second, total), "{filter:?}");
                }
            }
        }
        let over = scoped.sessions_to_expire(&rules, now, 100, far()).await.unwrap();
        let expected: Vec<_> =
            all.iter().rev().filter(|session| session.expire(&rules, now).is_some()).cloned().collect();
        assert_eq!(over, expected, "{rules:?}");
    }
}

pub(super) async fn activity_moves_forward_and_brings_no_session_back(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = user(scoped).await;
    let before = session("sess_1", &user, NOW);
    begin(scoped, &before, &user).await.unwrap();
    let used = |at: UnixMillis| SessionActivity {
        session_id: before.id.clone(),
        user_id: user.id.clone(),
        at,
        activity: None,
    };
    let last = async || {
        let session = scoped.session(&before.id, far()).await.unwrap().unwrap();
        assert_eq!((session.version, session.updated_at), (before.version, before.updated_at));
        let user = scoped.load_user(&user.id, far()).await.unwrap().unwrap();
        (session.last_active_at, user.last_active_at.unwrap())
    };
    let later = NOW.plus_ms(HOUR_MS);
    scoped.note_activity(&[used(later)], None, far()).await.unwrap();
    assert_eq!(last().await, (later, later));
    scoped.note_activity(&[used(NOW.plus_ms(5))], None, far()).await.unwrap();
    store.instance(&theirs).note_activity(&[used(later.plus_ms(9))], None, far()).await.unwrap();
    assert_eq!(last().await, (later, later));
    // It was over by its inactivity before this arrived.
    scoped.note_activity(&[used(NOW.plus_ms(3 * HOUR_MS))], Some(later), far()).await.unwrap();
    assert_eq!(scoped.session(&before.id, far()).await.unwrap().unwrap().last_active_at, later);
}

pub(super) async fn setting_that_is_lengthened_again_brings_no_session_back(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = user(scoped).await;
    let change = async |before: &Settings, patch: &str, at: UnixMillis| {
        let patch: serde_json::Map<_, _> = serde_json::from_str(patch).unwrap();
        let after = before.patch(&patch, at).unwrap();
        let changes = vec![Change::update(before.clone(), after.clone()).into()];
        scoped.save(&Write { changes, ..Write::at(at) }, far()).await.unwrap();
        after
    };
    let is_over = async |id: &SessionId, settings: &Settings, at: UnixMillis| {
        let session = scoped.session(id, far()).await.unwrap().unwrap();
        session.ending(&SessionRules::of(settings), at).is_some()
    };
    let (old, young) =
        (session("sess_old", &user, NOW), session("sess_young", &user, NOW.plus_ms(2 * HOUR_MS)));
    begin(scoped, &old, &user).await.unwrap();
    begin(scoped, &young, &user).await.unwrap();
    let at = NOW.plus_ms(2 * HOUR_MS + 1);
    let default = scoped.settings(far()).await.unwrap();
    let short = change(&default, r#"{"sessions":{"lifetime_seconds":3600}}"#, at).await;
    assert!(is_over(&old.id, &short, at).await && !is_over(&young.id, &short, at).await);
    let long = change(&short, r#"{"sessions":{"lifetime_seconds":604800}}"#, at.plus_ms(1)).await;
    assert!(is_over(&old.id, &long, at.plus_ms(1)).await);
    assert!(!is_over(&young.id, &long, NOW.plus_ms(50 * HOUR_MS)).await);
    let idle = change(&long, r#"{"sessions":{"inactivity_timeout_seconds":300}}"#, at.plus_ms(2)).await;
    let late = NOW.plus_ms(3 * HOUR_MS);
    assert!(is_over(&young.id, &idle, late).await);
    let never = change(&idle, r#"{"sessions":{"inactivity_timeout_seconds":null}}"#, late).await;
    assert!(is_over(&young.id, &never, late).await);
}

pub(super) async fn ticket_is_settled_once_by_whoever_is_first(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let other = another_handle(store).unwrap();
    let user = user(scoped).await;
    let actor = object(r#"{"sub":"user_2"}"#);
    let purpose = Purpose::Actor { actor, session_seconds_max: 1800 };
    let ticket = Ticket::create("act_1".to_owned(), purpose, user.id.clone(), "digest".to_owned(), 60, NOW);
    save(scoped, vec![added(ticket.clone())]).await.unwrap();
    assert_eq!(scoped.ticket_by_digest("digest", far()).await.unwrap(), Some(ticket.clone()));
    assert_eq!(store.instance(&theirs).ticket_by_digest("digest", far()).await.unwrap(), None);
    assert_eq!(store.instance(&theirs).ticket("act_1", far()).await.unwrap(), None);
    let uses = (0..16).map(|n| {
        let (handle, ticket, ours) = (if n % 2 == 0 { store } else { &other }, ticket.clone(), ours.clone());
        async move {
            let after = if n % 3 == 0 { ticket.revoke(NOW).unwrap() } else { ticket.accept(NOW).unwrap() };
            save(handle.instance(&ours), vec![Change::update(ticket, after).into()]).await
        }
    });
    let outcomes = futures_util::future::join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let settled = scoped.ticket("act_1", far()).await.unwrap().unwrap();
    assert_ne!(settled.status, TicketStatus::Pending);
    let again = Ticket { version: settled.version + 1, status: TicketStatus::Accepted, ..settled.clone() };
    let again = Change::update(settled, again);
    assert_eq!(conflict(save(scoped, vec![again.into()]).await), Conflict::Stale);
}

fn template(id: &str, name: &str) -> JwtTemplate {
    let fields = TemplateFields {
        name: name.to_owned(),
        claims: object(r#"{"a":"{{user.id}}","n":1.50}"#),
        lifetime_seconds: 60,
        clock_skew_seconds: 5,
        signing_key: Some(SigningKey { algorithm: "HS256".to_owned(), sealed: "sealed".to_owned() }),
    };
    JwtTemplate::create(id.into(), fields, NOW).unwrap()
}

pub(super) async fn names_of_templates_are_unique_and_their_number_is_bounded(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let first = template("jtmp_1", "one");
    save(scoped, vec![added(first.clone())]).await.unwrap();
    assert_eq!(scoped.jwt_template(&first.id, far()).await.unwrap(), Some(first.clone()));
    assert_eq!(scoped.jwt_template_by_name("one", far()).await.unwrap(), Some(first.clone()));
    assert_eq!(store.instance(&theirs).jwt_template_by_name("one", far()).await.unwrap(), None);
    assert_eq!(conflict(save(scoped, vec![added(template("jtmp_2", "one"))]).await), Conflict::Duplicate);
    let second = template("jtmp_2", "two");
    save(scoped, vec![added(second.clone())]).await.unwrap();
    let renamed = JwtTemplate { name: "one".to_owned(), version: 2, ..second.clone() };
    let change = Change::update(second.clone(), renamed);
    assert_eq!(conflict(save(scoped, vec![change.into()]).await), Conflict::Duplicate);
    for n in 2..TEMPLATES_MAX {
        save(scoped, vec![added(template(&format!("jtmp_{n}_more"), &format!("name {n}")))]).await.unwrap();
    }
    let surplus = save(scoped, vec![added(template("jtmp_x", "x"))]).await;
    assert!(matches!(conflict(surplus), Conflict::LimitReached(_)));
    let (page, count) = scoped.jwt_templates(3, 1, far()).await.unwrap();
    assert_eq!((page.len(), count), (3, i64::try_from(TEMPLATES_MAX).unwrap()));
    save(scoped, vec![Change { before: Some(first.clone()), after: None }.into()]).await.unwrap();
    assert_eq!(scoped.jwt_template(&first.id, far()).await.unwrap(), None);
}

pub(super) async fn expired_token_is_refreshed_once_and_never_in_a_session_that_ended(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let scoped = store.instance(&ours);
    let user = user(scoped).await;
    let before = session("sess_1", &user, NOW);
    begin(scoped, &before, &user).await.unwrap();
    let refreshed = |digest: &str, sealed: String| Refreshed {
        digest: digest.to_owned(),
        session_id: before.id.clone(),
        sealed,
        created_at: NOW,
        forget_at: NOW.plus_ms(HOUR_MS),
    };
    let tries = (0..16).map(|n| {
        let (handle, new, ours) =
            (if n % 2 == 0 { store } else { &other }, refreshed("digest", n.to_string()), ours.clone());
        async move { (n, handle.instance(&ours).refresh_once(&new, far()).await.unwrap()) }
    });
    let outcomes = futures_util::future::join_all(tries).await;
    let winners: Vec<_> = outcomes.into_iter().filter(|(_, won)| *won).collect();
    let [(winner, _)] = winners.as_slice() else { panic!("{winners:?}") };
    let kept = scoped.refreshed("digest", far()).await.unwrap().unwrap();
    assert_eq!(kept, refreshed("digest", winner.to_string()));
    assert!(!store.forget_refreshed(NOW, far()).await.unwrap());
    assert!(scoped.refreshed("digest", far()).await.unwrap().is_some());
    store.forget_refreshed(NOW.plus_ms(HOUR_MS), far()).await.unwrap();
    assert_eq!(scoped.refreshed("digest", far()).await.unwrap(), None);
    let token = RefreshToken {
        digest: "r".to_owned(),
        session_id: before.id.clone(),
        origin: "https://shop.example.com".to_owned(),
        created_at: NOW,
    };
    scoped.add_refresh_token(&token, far()).await.unwrap();
    let over = before.end(Ending::Removed, &SessionRules::default(), NOW).unwrap();
    save(scoped, vec![Change::update(before.clone(), over).into()]).await.unwrap();
    assert_eq!(scoped.refresh_token("r", far()).await.unwrap(), None);
    assert!(!scoped.refresh_once(&refreshed("another", "x".to_owned()), far()).await.unwrap());
    assert_eq!(conflict(scoped.add_refresh_token(&token, far()).await), Conflict::NotFound);
}

/// Whatever is kept for refreshing a session goes with it, also what is written at that moment.
pub(super) async fn nothing_is_kept_for_refreshing_a_session_that_ends_meanwhile(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let (ours, stores) = (&ours, [store, &other]);
    let user = &user(store.instance(ours)).await;
    let mut kept = 0;
    for round in 0..40 {
        let began = &session(&format!("sess_{round}"), user, NOW);
        begin(store.instance(ours), began, user).await.unwrap();
        let done = in_parallel(6, |at| async move {
            let scoped = stores[at % 2].instance(ours);
            match at {
                0 => {
                    let ended = began.end(Ending::Revoked, &SessionRules::default(), NOW).unwrap();
                    save(scoped, vec![Change::update(began.clone(), ended).into()]).await.unwrap();
                    false
                }
                1..=3 => {
                    let token = RefreshToken {
                        digest: format!("r {round} {at}"),
                        session_id: began.id.clone(),
                        origin: "https://shop.example.com".to_owned(),
                        created_at: NOW,
                    };
                    let added = scoped.add_refresh_token(&token, far()).await;
                    assert!(
                        matches!(added, Ok(()) | Err(StoreError::Conflict(Conflict::NotFound))),
                        "{added:?}"
                    );
                    added.is_ok()
                }
                _ => {
                    let refreshed = Refreshed {
                        digest: format!("e {round} {at}"),
                        session_id: began.id.clone(),
                        sealed: "sealed".to_owned(),
                        created_at: NOW,
                        forget_at: NOW,
                    };
                    scoped.refresh_once(&refreshed, far()).await.unwrap()
                }
            }
        });
        kept += done.into_iter().filter(|kept| *kept).count();
    }
    let tables = dump(store).await;
    assert!(tables["refresh_tokens"].is_empty() && tables["refreshed_tokens"].is_empty(), "of {kept}");
}
