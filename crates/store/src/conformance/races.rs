use super::another_handle;
use super::support::*;
use crate::{Conflict, Store, StoreError, Write};
use verger_core::user::{IdentificationStatus, IdentificationUpdate, MetadataChange};
use verger_core::{Claims, IdentifierKind, Refusal, User, Verification};
use verger_wire::json::Json;
use verger_wire::{IdentificationId, InstanceId};

const ROUNDS: usize = 50;
const TASKS: usize = 16;

/// Who verified the number, and who came too late, be it that core was told or that the database refused.
async fn verify(store: &Store, instance: &InstanceId, id: &IdentificationId, is_told: bool) -> bool {
    let scoped = store.instance(instance);
    let loaded = scoped.load_for_identification_change(id, far()).await.unwrap().unwrap();
    let env = &mut env();
    let claims = if is_told { loaded.claims } else { Claims::default() };
    let update = IdentificationUpdate { verified: Some(true), ..IdentificationUpdate::default() };
    match loaded.user.update_identification(id, update, &claims, env) {
        Err(Refusal::Taken(IdentifierKind::PhoneNumber)) => false,
        Err(refusal) => panic!("{refusal:?}"),
        Ok(change) => match scoped.save(&write(Some(&loaded.user), Some(&change.user), env), far()).await {
            Ok(()) => true,
            Err(StoreError::Conflict(Conflict::Taken(IdentifierKind::PhoneNumber))) => false,
            Err(error) => panic!("{error}"),
        },
    }
}

async fn race_for_numbers(stores: &[&Store], instance: &InstanceId, rounds: usize) {
    let scoped = stores[0].instance(instance);
    let mut late = 0;
    for round in 0..rounds {
        let users: Vec<_> = (0..TASKS)
            .map(|_| new_user(vec![(phone(round), IdentificationStatus::Unverified)], &mut env()))
            .collect();
        create_all(scoped, &users).await;
        let held: Vec<_> = users.iter().map(|user| &user.identifications[0].id).collect();
        let held = &held;
        // Half of them do not ask first, so that the unique key always has something to decide.
        let won = in_parallel(TASKS, |at| async move {
            verify(stores[at % stores.len()], instance, held[at], at % 4 < 2).await
        });
        let winners: Vec<_> = (0..TASKS).filter(|at| won[*at]).collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let ids: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
        let after = scoped.load_users(&ids, far()).await.unwrap();
        for (at, (before, after)) in users.iter().zip(&after).enumerate() {
            if at == winners[0] {
                assert!(matches!(
                    after.identifications[0].verification,
                    Verification::VerifiedByAdmin { .. }
                ));
                assert_eq!(after.version, 2);
            } else {
                assert_eq!(after, before, "round {round}");
                late += 1;
            }
        }
        assert_eq!(claims(stores[0], instance).await, claims_of([&after[winners[0]]]), "round {round}");
        for user in &after {
            scoped.save(&write(Some(user), None, &mut env()), far()).await.unwrap();
        }
    }
    assert_eq!(late, rounds * (TASKS - 1));
}

pub(super) async fn one_of_many_verifies_a_number(store: &Store) {
    let (ours, _) = ready(store).await;
    race_for_numbers(&[store], &ours, ROUNDS).await;
}

pub(super) async fn one_of_two_handles_verifies_a_number(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    race_for_numbers(&[store, &other], &ours, ROUNDS / 10).await;
}

pub(super) async fn writers_of_one_user_leave_no_gap(store: &Store) {
    const CHANGES: i64 = 15;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let id = &user.id;
    let stale = in_parallel(TASKS, |at| async move {
        let env = &mut env();
        let mut stale = 0;
        for _ in 0..CHANGES {
            loop {
                let before = scoped.load_user(id, far()).await.unwrap().unwrap();
                let after = one_more(&before, at, env);
                match scoped.save(&write(Some(&before), Some(&after), env), far()).await {
                    Ok(()) => break,
                    Err(StoreError::Conflict(Conflict::Stale)) => stale += 1,
                    Err(error) => panic!("{error}"),
                }
                // So that those who lost are not all back at once.
                tokio::task::yield_now().await;
            }
        }
        stale
    });
    assert!(stale.iter().sum::<i32>() > 0, "nobody was in anybody's way");
    let last = scoped.load_user(id, far()).await.unwrap().unwrap();
    let changes = i64::try_from(TASKS).unwrap() * CHANGES;
    assert_eq!(last.version, 1 + changes);
    for at in 0..TASKS {
        assert_eq!(count_of(&last, &at.to_string()), CHANGES, "an update of task {at} was lost");
    }
    let versions: Vec<_> = select(store, "SELECT user_version FROM outbox ORDER BY user_version")
        .await
        .into_iter()
        .map(|row| int(&row[0]))
        .collect();
    assert_eq!(versions, (2..=1 + changes).collect::<Vec<_>>());
}

fn count_of(user: &User, key: &str) -> i64 {
    match user.public_metadata.get(key) {
        Some(Json::Number(count)) => count.as_i64().expect("a count"),
        _ => 0,
    }
}

fn one_more(user: &User, at: usize, env: &mut verger_core::Env) -> User {
    let key = at.to_string();
    let count = count_of(user, &key);
    let merged = [(key, Json::from(serde_json::Value::from(count + 1)))].into_iter().collect();
    let change = MetadataChange { public_metadata: Some(merged), ..MetadataChange::default() };
    user.merge_metadata(&change, env).unwrap().user
}

pub(super) async fn idempotency_key_answers_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    for round in 0..ROUNDS / 5 {
        let key = &format!("key {round}");
        let answers = in_parallel(TASKS, |at| async move {
            let env = &mut env();
            let user = new_user(vec![(phone(at), IdentificationStatus::Unverified)], env);
            let mut answer = answer(key);
            answer.response = user.id.to_string();
            let write = Write { answer: Some(answer), ..write(None, Some(&user), env) };
            (user.id, scoped.save(&write, far()).await)
        });
        let kept = scoped.stored_answer(key, far()).await.unwrap().expect("an answer");
        for (id, answer) in answers {
            let is_stored = scoped.load_user(&id, far()).await.unwrap().is_some();
            assert_eq!(is_stored, kept.response == id.as_str(), "round {round}");
            match answer {
                Ok(()) => assert!(is_stored),
                refused => assert_eq!(conflict(refused), Conflict::IdempotencyKeyUsed),
            }
        }
        let events = select(store, "SELECT user_id FROM outbox").await;
        assert_eq!(events.len(), (round + 1) * 2, "each round has one user with one number");
    }
    assert_eq!(select(store, "SELECT idempotency_key FROM idempotency_keys").await.len(), ROUNDS / 5);
}
