use super::support::*;
use crate::db::{Query, Reach};
use crate::{Environment, Instance, KeyDigest, SecretKey, Store, StoreError, UserFilter, Write};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;
use verger_core::User;
use verger_core::user::IdentificationStatus;

fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

/// Looks at a future once: it gets as far as it can without waiting.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

fn user_at(at: usize) -> User {
    new_user(vec![(phone(at), IdentificationStatus::Verified)], &mut env())
}

pub(super) async fn past_deadline_is_refused_and_writes_nothing(store: &Store) {
    assert_unavailable(store.migrate(NOW, past()).await);
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let kept = Write { answer: Some(answer("old")), ..Write::at(NOW) };
    scoped.save(&kept, far()).await.unwrap();
    let before = dump(store).await;
    for at in 0..50 {
        assert_unavailable(scoped.save(&write(None, Some(&user_at(at)), &mut env()), past()).await);
    }
    let instance = Instance {
        id: "ins_late".into(),
        name: "Late".to_owned(),
        environment: Environment::Production,
        created_at: NOW,
    };
    assert_unavailable(store.create_instance(&instance, past()).await);
    let key = SecretKey {
        id: "key_late".into(),
        instance_id: ours.clone(),
        name: String::new(),
        hint: String::new(),
        created_at: NOW,
        revoked_at: None,
    };
    assert_unavailable(store.create_key(&key, &KeyDigest::of("late"), past()).await);
    assert_unavailable(store.revoke_key(&key.id, NOW, past()).await);
    assert_unavailable(store.sweep_answers(NOW.plus_ms(1), past()).await);
    assert_unavailable(scoped.list_users(&UserFilter::default(), &page(10), past()).await);
    assert_unavailable(scoped.count_users(&UserFilter::default(), past()).await);
    // What was refused is not done later either: this write comes after all of them.
    scoped.save(&write(None, Some(&user_at(70)), &mut env()), far()).await.unwrap();
    let mut after = dump(store).await;
    for table in ["users", "identifications", "claims", "outbox", "outbox_payloads"] {
        assert!(!after[table].is_empty());
        after.insert(table.to_owned(), Vec::new());
    }
    assert_eq!(after, before);
    assert_eq!(scoped.count_users(&UserFilter::default(), far()).await.unwrap(), 1);
}

pub(super) async fn close_finishes_what_is_waiting(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let writes: Vec<_> = (0..200).map(|at| write(None, Some(&user_at(at)), &mut env())).collect();
    let saves: Vec<_> = writes.iter().map(|write| Box::pin(scoped.save(write, far()))).collect();
    let mut waiting = Vec::new();
    for mut save in saves {
        // Not looked at again before the store is closed.
        match poll_once(save.as_mut()).await {
            Some(early) => early.unwrap(),
            None => waiting.push(save),
        }
    }
    assert!(!waiting.is_empty());
    let (closed, is_closed) = mpsc::channel();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            scope.spawn(move || {
                store.close();
                closed.send(()).unwrap();
            });
            if is_closed.recv_timeout(Duration::from_secs(20)).is_err() {
                // Lets the other thread go, so that the test fails instead of hanging.
                waiting.clear();
                panic!("closing waits for callers that are not looked at");
            }
        });
    });
    for save in waiting {
        save.await.unwrap();
    }
    let reopened = super::another_handle(store).unwrap();
    let count = reopened.instance(&ours).count_users(&UserFilter::default(), far()).await.unwrap();
    assert_eq!(count, i64::try_from(writes.len()).unwrap());
}

pub(super) async fn closed_store_refuses_writes(store: &Store) {
    let (ours, _) = ready(store).await;
    let before = dump(store).await;
    store.close();
    store.close();
    let write = write(None, Some(&user_at(1)), &mut env());
    assert_unavailable(store.instance(&ours).save(&write, far()).await);
    assert_eq!(dump(&super::another_handle(store).unwrap()).await, before);
}

/// A client that hangs up drops its list half way; the next one must find a reader.
pub(super) async fn abandoned_lists_leave_the_readers_whole(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    create_all(scoped, &(0..300).map(user_at).collect::<Vec<_>>()).await;
    let filter = UserFilter { query: Some("0".to_owned()), ..UserFilter::default() };
    for round in 0..40 {
        for _ in 0..3 {
            let page = page(500);
            let abandoned = pin!(scoped.list_users(&filter, &page, far()));
            drop(poll_once(abandoned).await);
        }
        // Some are stopped by their own deadline instead.
        let soon = std::time::Instant::now() + Duration::from_micros(round * 50);
        match scoped.list_users(&filter, &page(500), soon).await {
            Ok(users) => assert_eq!(users.unwrap().len(), 300),
            Err(error) => assert_unavailable::<()>(Err(error)),
        }
        assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), 300);
    }
}

/// However long a list takes, codes go out; however long a sweep takes, requests are answered.
pub(super) async fn jobs_and_requests_do_not_wait_for_each_other(store: &Store) {
    let endless = || {
        let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n";
        Query::new(sql, vec![])
    };
    let look = || Query::new("SELECT 1", vec![]);
    for (busy, others) in
        [(Reach::Scan, [Reach::Job, Reach::Point]), (Reach::Job, [Reach::Scan, Reach::Point])]
    {
        let end = std::time::Instant::now() + Duration::from_secs(3);
        // More than there are readers for.
        let held = futures_util::future::join_all((0..4).map(|_| store.rows(busy, endless(), end)));
        let looks = async {
            for reach in others {
                store.rows(reach, look(), far()).await.unwrap();
            }
        };
        tokio::select! {
            biased;
            _ = held => panic!("{others:?} waited for {busy:?}"),
            () = looks => {}
        }
    }
}

pub(super) async fn ping_answers(store: &Store) {
    store.ping(far()).await.unwrap();
    ready(store).await;
    store.ping(far()).await.unwrap();
    assert!(!store.location().is_empty());
}
