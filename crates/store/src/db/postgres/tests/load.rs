//! Writers under load, which remember what they were told.

use super::*;

/// What writers were told, by the ids of their rows.
#[derive(Default)]
pub(super) struct Told {
    pub(super) done: BTreeSet<String>,
    pub(super) refused: BTreeSet<String>,
    pub(super) unknown: BTreeSet<String>,
}

/// Writes from several tasks until `is_over`, each row in a batch with a second one.
pub(super) async fn write_until(
    db: &Arc<Postgres>,
    is_over: &Arc<AtomicBool>,
    done: &Arc<AtomicUsize>,
) -> Told {
    let writers = (0..8).map(|writer| {
        let (db, is_over, done) = (Arc::clone(db), Arc::clone(is_over), Arc::clone(done));
        tokio::spawn(async move {
            let mut told = Told::default();
            for round in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{writer}-{round}");
                let begun = Instant::now();
                let batch = vec![insert(&id), insert(&format!("{id}-second"))];
                let answer = db.batch(batch, begun + LIMIT).await;
                assert!(begun.elapsed() < LIMIT + SLACK, "{answer:?} after {:?}", begun.elapsed());
                match answer {
                    Ok(()) => {
                        done.fetch_add(1, Ordering::Relaxed);
                        told.done.insert(id)
                    }
                    Err(StoreError::OutcomeUnknown(_)) => told.unknown.insert(id),
                    Err(StoreError::Unavailable(_)) => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        told.refused.insert(id)
                    }
                    Err(other) => panic!("{other}"),
                };
            }
            told
        })
    });
    let mut all = Told::default();
    for writer in writers.collect::<Vec<_>>() {
        let told = writer.await.unwrap();
        all.done.extend(told.done);
        all.refused.extend(told.refused);
        all.unknown.extend(told.unknown);
    }
    all
}

/// What was acknowledged is there, what was refused is not, and every batch is there whole or not at all.
pub(super) async fn assert_as_told(db: &Postgres, told: &Told) {
    let stored = ids(db).await;
    for id in &told.done {
        assert!(stored.contains(id), "{id} was acknowledged and is lost");
    }
    for id in &told.refused {
        assert!(!stored.contains(id), "{id} was refused and is there");
    }
    for id in told.done.iter().chain(&told.refused).chain(&told.unknown) {
        assert_eq!(stored.contains(id), stored.contains(&format!("{id}-second")), "{id} is there by half");
    }
}

/// Waits until `count` more batches are done.
pub(super) async fn progress(done: &AtomicUsize, count: usize) {
    let wanted = done.load(Ordering::Relaxed) + count;
    let deadline = far();
    while done.load(Ordering::Relaxed) < wanted {
        assert!(Instant::now() < deadline, "it does not recover");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
