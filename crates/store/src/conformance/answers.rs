use super::support::*;
use crate::db::Stmt;
use crate::{Store, StoredAnswer, Write};
use verger_core::user::IdentificationStatus;

pub(super) async fn answer_is_kept_with_its_write(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let mut env = env();
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env);
    let kept = StoredAnswer {
        idempotency_key: "ключ 🔑 ' ; --".to_owned(),
        fingerprint: "f".repeat(64),
        response: "{\"a\":\"\\u0000\"}\n".repeat(1_000),
        created_at: NOW.plus_ms(-1),
    };
    assert_eq!(scoped.stored_answer(&kept.idempotency_key, far()).await.unwrap(), None);
    let write = Write { answer: Some(kept.clone()), ..write(None, Some(&user), &mut env) };
    scoped.save(&write, far()).await.unwrap();
    assert_eq!(scoped.stored_answer(&kept.idempotency_key, far()).await.unwrap(), Some(kept));
    // An answer can be all that there is to keep: nothing changed, and it says so.
    scoped.save(&Write { answer: Some(answer("alone")), ..Write::at(NOW) }, far()).await.unwrap();
    assert_eq!(scoped.stored_answer("alone", far()).await.unwrap(), Some(answer("alone")));
}

pub(super) async fn sweep_removes_old_answers_in_bounded_steps(store: &Store) {
    const OLD: usize = 1_201;
    let (ours, theirs) = ready(store).await;
    let mut statements: Vec<Stmt> = Vec::new();
    for at in 0..OLD {
        let instance = if at % 3 == 0 { &theirs } else { &ours };
        let mut old = answer(&format!("old {at}"));
        old.created_at = NOW.plus_ms(-1 - i64::try_from(at).unwrap());
        statements.push(store.instance(instance).insert_answer(&old));
    }
    for (instance, age) in [(&ours, 0), (&theirs, 0), (&ours, 1)] {
        let mut kept = answer(&format!("kept {age}"));
        kept.created_at = NOW.plus_ms(age);
        statements.push(store.instance(instance).insert_answer(&kept));
    }
    store.batch(statements, far()).await.unwrap();
    let mut left = OLD + 3;
    let mut steps = 0;
    let mut is_more = true;
    while is_more {
        is_more = store.sweep_answers(NOW, far()).await.unwrap();
        let rows = select(store, "SELECT created_at FROM idempotency_keys").await;
        let swept = left - rows.len();
        assert!((1..=500).contains(&swept), "{swept} in one step");
        // The oldest go first.
        let oldest = rows.iter().map(|row| int(&row[0])).min().unwrap();
        assert!(oldest >= NOW.0 || rows.len() - 3 == usize::try_from(NOW.0 - oldest).unwrap());
        left = rows.len();
        steps += 1;
    }
    assert_eq!((left, steps), (3, 3));
    for (instance, key) in [(&ours, "kept 0"), (&theirs, "kept 0"), (&ours, "kept 1")] {
        assert!(store.instance(instance).stored_answer(key, far()).await.unwrap().is_some());
    }
}
