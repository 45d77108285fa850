//! Batches that wait for the locks of others.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn lock_past_the_deadline_refuses_only_those_who_need_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    for id in ["held", "free"] {
        db.batch(vec![insert(id)], far()).await.unwrap();
    }
    let holder = open(&cluster.url(&database)).link.pool(1).unwrap();
    let holder = holder.get().await.unwrap();
    holder.batch_execute("BEGIN; UPDATE counter SET n = 100 WHERE id = 'held'").await.unwrap();
    let db = Arc::new(db);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                let begun = Instant::now();
                let answer = db.batch(vec![increment("held")], begun + LIMIT).await;
                (answer, begun.elapsed())
            })
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..20 {
        db.batch(vec![increment("free")], after(1_500)).await.unwrap();
    }
    assert!(begun.elapsed() < LIMIT, "the others waited too: {:?}", begun.elapsed());
    for waiting in waiting {
        let (answer, elapsed) = waiting.await.unwrap();
        assert_unavailable(answer);
        assert!(elapsed < LIMIT + SLACK, "{elapsed:?}");
    }
    // Who still waits when the lock is released goes on.
    let patient = {
        let db = Arc::clone(&db);
        tokio::spawn(async move { db.batch(vec![increment("held")], far()).await })
    };
    db.batch(vec![increment("free")], far()).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    patient.await.unwrap().unwrap();
    let rows = block_in_place(|| cluster.sql(&database, "SELECT id, n FROM counter ORDER BY id"));
    assert_eq!(rows, "free|22\nheld|101");
}

/// Two transactions that take the same rows in opposite order, through two handles: both come to an end.
#[tokio::test(flavor = "multi_thread")]
async fn batches_in_opposite_order_all_succeed() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let rows: Vec<_> = (0..4).map(|at| insert(&format!("r{at}"))).collect();
    db.batch(rows, far()).await.unwrap();
    let handles = [Arc::new(db), Arc::new(open(&cluster.url(&database)))];
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let db = Arc::clone(&handles[task % 2]);
            tokio::spawn(async move {
                for _ in 0..5 {
                    let mut batch: Vec<_> = (0..4).map(|at| increment(&format!("r{at}"))).collect();
                    if task / 2 % 2 == 0 {
                        batch.reverse();
                    }
                    db.batch(batch, far()).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counts = block_in_place(|| cluster.sql(&database, "SELECT DISTINCT n FROM counter"));
    assert_eq!(counts, "41");
}

#[tokio::test(flavor = "multi_thread")]
async fn write_that_a_lock_keeps_waiting_says_nothing_about_the_database() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let db = Arc::new(db);
    db.batch(vec![insert("held")], far()).await.unwrap();
    let holder = open(&cluster.url(&database)).link.pool(1).unwrap();
    let holder = holder.get().await.unwrap();
    holder.batch_execute("BEGIN; SELECT FROM counter WHERE id = 'held' FOR UPDATE").await.unwrap();
    // Also more than there are connections for those that wait.
    for count in [1, 1, 10] {
        let waiting = (0..count).map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { db.batch(vec![increment("held")], after(600)).await })
        });
        for waiting in waiting.collect::<Vec<_>>() {
            assert_unavailable(waiting.await.unwrap());
        }
        // What the lanes learn from it, they may learn a little later.
        for _ in 0..50 {
            let noted = db.health().last_commit();
            assert!(noted.is_none(), "{noted:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    db.batch(vec![insert("free")], far()).await.unwrap();
    db.health().last_commit().unwrap().1.unwrap();
}
