//! A write over aggregates of several kinds: all of it or nothing, whichever of them is stale, in whatever order they are
//! named.

use super::another_handle;
use super::fixtures::{endpoint, event};
use super::support::*;
use crate::{AnyChange, Change, Conflict, Scoped, Store, StoreError, Write};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use verger_core::user::IdentificationStatus;
use verger_core::webhook_endpoint::{Disabling, EndpointUpdate};
use verger_core::{Env, User, WebhookEndpoint};
use verger_wire::UnixMillis;

const ROUNDS: usize = 8;
const TASKS: usize = 8;

fn banned(user: &User, env: &mut Env) -> AnyChange {
    Change::update(user.clone(), user.set_banned(user.banned_at.is_none(), env).user).into()
}

fn updated(endpoint: &WebhookEndpoint, now: UnixMillis) -> AnyChange {
    Change::update(endpoint.clone(), endpoint.update(EndpointUpdate::default(), now)).into()
}

/// Both orders of two changes, each with an event and an answer of its own.
fn in_both_orders(user: &AnyChange, endpoint: &AnyChange) -> [Write; 2] {
    let write = |at: i64, changes: Vec<AnyChange>| Write {
        changes,
        events: vec![event(at, "user_a", at, at)],
        answer: Some(answer(&format!("key {at}"))),
        ..Write::at(NOW)
    };
    [write(1, vec![user.clone(), endpoint.clone()]), write(2, vec![endpoint.clone(), user.clone()])]
}

async fn assert_refused(scoped: Scoped<'_>, what: &str, writes: &[Write], expected: Conflict) {
    let before = dump(scoped.store).await;
    for write in writes {
        assert_eq!(conflict(scoped.save(write, far()).await), expected, "{what}");
        assert_eq!(dump(scoped.store).await, before, "{what}");
    }
}

pub(super) async fn write_over_two_kinds_is_all_or_nothing(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let env = &mut env();
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], env);
    create_all(scoped, std::slice::from_ref(&user)).await;
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
    let loaded = async || scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();

    let moved = user.set_locked(true, env).user;
    scoped.save(&write(Some(&user), Some(&moved), env), far()).await.unwrap();
    let fresh_endpoint = updated(&endpoint, NOW);
    assert_refused(
        scoped,
        "the user is stale",
        &in_both_orders(&banned(&user, env), &fresh_endpoint),
        Conflict::Stale,
    )
    .await;

    // Each part of the version of an endpoint, by itself.
    let fresh_user = banned(&moved, env);
    let stale = |what, endpoint: &WebhookEndpoint| {
        let gone = AnyChange::from(Change { before: Some(endpoint.clone()), after: None });
        let writes = [updated(endpoint, NOW), gone].map(|change| in_both_orders(&fresh_user, &change));
        let writes = writes.concat();
        async move { assert_refused(scoped, what, &writes, Conflict::Stale).await }
    };
    let touched = endpoint.update(EndpointUpdate::default(), NOW);
    assert!(change_endpoint(scoped, &endpoint, Some(&touched)).await);
    stale("the endpoint was changed", &endpoint).await;
    execute(store, "UPDATE webhook_endpoints SET secret = 'sealed anew'").await;
    stale("the secret was sealed anew", &touched).await;
    let before = loaded().await;
    let told = event(9, "", 0, 9);
    assert!(disable_endpoint(scoped, &endpoint.id, Disabling::Gone { url: &before.url }, &told).await);
    stale("it was disabled", &before).await;
    let before = loaded().await;
    // Of another instance there is neither.
    let writes = in_both_orders(&fresh_user, &updated(&before, NOW));
    assert_refused(store.instance(&theirs), "another instance", &writes, Conflict::Stale).await;

    // And what was refused because of its neighbour is accepted without it, in either order.
    let [first, second] = in_both_orders(&fresh_user, &updated(&before, NOW));
    scoped.save(&first, far()).await.unwrap();
    let user = scoped.load_user(&moved.id, far()).await.unwrap().unwrap();
    let after = loaded().await;
    assert!(user.banned_at.is_some() && after.updated_at > before.updated_at);
    let changes = in_both_orders(&banned(&user, env), &updated(&after, NOW))[1].changes.clone();
    scoped.save(&Write { changes, ..second }, far()).await.unwrap();
    assert_eq!(scoped.load_user(&moved.id, far()).await.unwrap().unwrap().version, user.version + 1);
    assert!(scoped.stored_answer("key 2", far()).await.unwrap().is_some());

    let before = loaded().await;
    assert!(remove_endpoint(scoped, &before.id, NOW).await);
    let user = scoped.load_user(&moved.id, far()).await.unwrap().unwrap();
    let gone = Write { answer: None, events: Vec::new(), ..Write::at(NOW) };
    let gone = Write { changes: vec![banned(&user, env), updated(&before, NOW)], ..gone };
    assert_refused(scoped, "the endpoint is gone", &[gone], Conflict::Stale).await;
}

pub(super) async fn endpoint_whose_streak_ended_meanwhile_is_not_disabled(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let id = endpoint("whe_1").id;
    add_endpoint(scoped, &endpoint("whe_1")).await;
    execute(store, &format!("UPDATE webhook_endpoints SET failing_since = {}, last_failed_at = 1", NOW.0))
        .await;
    let before = scoped.webhook_endpoint(&id, far()).await.unwrap().unwrap();
    let failing = before.disable(Disabling::Failing { since: NOW }, NOW).unwrap();
    let requested = EndpointUpdate { disabled: Some(true), ..EndpointUpdate::default() };
    let requested = before.update(requested, NOW);
    // Another streak, and none: of neither was it decided.
    for since in ["failing_since + 1", "NULL"] {
        execute(store, &format!("UPDATE webhook_endpoints SET failing_since = {since}")).await;
        assert!(!change_endpoint(scoped, &before, Some(&failing)).await, "{since}");
    }
    // Whoever asks for it does not care.
    assert!(change_endpoint(scoped, &before, Some(&requested)).await);
    let kept = scoped.webhook_endpoint(&id, far()).await.unwrap().unwrap();
    assert_eq!((kept.disabled_at, kept.failing_since), (Some(NOW), None));
}

/// Servers that change the same users and endpoints together, each time in another order.
pub(super) async fn writes_that_name_aggregates_in_any_order_all_get_through(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let users: Vec<User> = {
        let env = &mut env();
        (1..=3).map(|at| new_user(vec![(phone(at), IdentificationStatus::Verified)], env)).collect()
    };
    create_all(store.instance(&ours), &users).await;
    let endpoints = ["whe_1", "whe_2"].map(endpoint);
    for endpoint in &endpoints {
        add_endpoint(store.instance(&ours), endpoint).await;
    }
    let seed = fresh_seed();
    let (ours, users, endpoints, stores) = (&ours, &users, &endpoints, [store, &other]);
    let stale: usize = in_parallel(TASKS, |task| async move {
        let scoped = stores[task % 2].instance(ours);
        let rng = &mut StdRng::seed_from_u64(seed.wrapping_add(u64::try_from(task).unwrap()));
        let (env, mut stale) = (&mut env(), 0);
        for _ in 0..ROUNDS {
            loop {
                let mut changes = Vec::new();
                for user in users {
                    let user = scoped.load_user(&user.id, far()).await.unwrap().unwrap();
                    changes.push(banned(&user, env));
                }
                for endpoint in endpoints {
                    let endpoint = scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();
                    changes.push(updated(&endpoint, NOW));
                }
                changes.shuffle(rng);
                match scoped.save(&Write { changes, ..Write::at(NOW) }, far()).await {
                    Ok(()) => break,
                    Err(StoreError::Conflict(Conflict::Stale)) => stale += 1,
                    Err(error) => panic!("{error} (seed {seed})"),
                }
                tokio::task::yield_now().await;
            }
        }
        stale
    })
    .into_iter()
    .sum();
    assert!(stale > 0, "nobody was in anybody's way (seed {seed})");
    let writes = i64::try_from(TASKS * ROUNDS).unwrap();
    for user in users {
        let user = store.instance(ours).load_user(&user.id, far()).await.unwrap().unwrap();
        assert_eq!(user.version, 1 + writes, "seed {seed}");
    }
    for endpoint in endpoints {
        let endpoint = store.instance(ours).webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();
        assert_eq!(endpoint.updated_at, NOW.plus_ms(writes), "seed {seed}");
    }
}
