//! What a server that stops, hangs, is full or is damaged does to its callers.

use super::load::*;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stops_under_load_loses_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::start(&["synchronous_commit=on"]) else { return };
    let (db, _) = counter(&cluster).await;
    stop_under_load(cluster, db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stops_behind_a_pooler_loses_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::start(&["synchronous_commit=on"]) else { return };
    let Some(pooler) = cluster.pooler(10) else { return };
    let (_, database) = counter(&cluster).await;
    let db = open(&format!("{}?pooler=transaction", pooler.url(&database)));
    stop_under_load(cluster, db).await;
}

async fn stop_under_load(mut cluster: Cluster, db: Postgres) {
    let (db, is_over, done) = (Arc::new(db), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let writing = {
        let (db, is_over, done) = (Arc::clone(&db), Arc::clone(&is_over), Arc::clone(&done));
        tokio::spawn(async move { write_until(&db, &is_over, &done).await })
    };
    for how in [Stop::Immediate, Stop::Fast, Stop::Immediate] {
        progress(&done, 100).await;
        block_in_place(|| cluster.stop(how));
        let begun = Instant::now();
        let select = Query::new("SELECT id FROM counter WHERE id = $1", vec!["x".into()]);
        assert_unavailable(db.snapshot(Reach::Point, vec![select], begun + LIMIT).await);
        assert!(begun.elapsed() < LIMIT + SLACK);
        block_in_place(|| cluster.restart());
        progress(&done, 100).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let told = writing.await.unwrap();
    assert!(!(told.refused.is_empty() && told.unknown.is_empty()), "nobody noticed");
    assert_as_told(&db, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_hangs_is_not_waited_for() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (db, database) = counter(&cluster).await;
    let fresh = open(&cluster.url(&database));
    db.batch(vec![insert("before")], far()).await.unwrap();
    let select = || vec![Query::new("SELECT id FROM counter", vec![])];
    for round in 0..2 {
        block_in_place(|| cluster.freeze(true));
        // Connections that were there, and new ones.
        let unanswered = async |db: &Postgres| {
            let begun = Instant::now();
            let (write, point, scan) = tokio::join!(
                db.batch(vec![insert(&format!("lost {round}"))], begun + LIMIT),
                db.snapshot(Reach::Point, select(), begun + LIMIT),
                db.snapshot(Reach::Scan, select(), begun + LIMIT),
            );
            assert_unavailable(write);
            assert_unavailable(point);
            assert_unavailable(scan);
            assert!(begun.elapsed() < LIMIT + SLACK, "{:?}", begun.elapsed());
        };
        tokio::join!(unanswered(&db), unanswered(&fresh));
        block_in_place(|| cluster.freeze(false));
        for db in [&db, &fresh] {
            let id = format!("after {round} {}", std::ptr::eq(db, &fresh));
            db.batch(vec![insert(&id)], far()).await.unwrap();
            assert!(ids(db).await.contains(&id));
        }
    }
    assert!(!ids(&db).await.iter().any(|id| id.starts_with("lost")), "a batch without COMMIT was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_connections_are_made_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let (db, is_over, done) = (Arc::new(db), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let writing = {
        let (db, is_over, done) = (Arc::clone(&db), Arc::clone(&is_over), Arc::clone(&done));
        tokio::spawn(async move { write_until(&db, &is_over, &done).await })
    };
    let terminate = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = '{database}' AND application_name = 'verger'"
    );
    let mut terminated = 0;
    for _ in 0..20 {
        progress(&done, 20).await;
        let count = block_in_place(|| cluster.sql("postgres", &terminate));
        terminated += count.parse::<usize>().unwrap();
        assert!(ids(&db).await.len() > 20, "reads go on");
    }
    is_over.store(true, Ordering::Relaxed);
    let told = writing.await.unwrap();
    assert!(terminated >= 20, "{terminated}");
    assert_as_told(&db, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_server_refuses_in_time_and_recovers() {
    let Some(cluster) = Cluster::start(&["max_connections=5", "superuser_reserved_connections=0"]) else {
        return;
    };
    let database = cluster.database();
    let others = open(&cluster.url(&database)).link.pool(5).unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(others.get().await.unwrap());
    }
    let db = open(&cluster.url(&database));
    let begun = Instant::now();
    let one = || vec![Query::new("SELECT 1", vec![])];
    assert_unavailable(db.snapshot(Reach::Point, one(), begun + LIMIT).await);
    assert_unavailable(db.batch(vec![Stmt::new("SELECT 1", vec![])], begun + LIMIT).await);
    assert!(begun.elapsed() < LIMIT + SLACK, "{:?}", begun.elapsed());
    held.into_iter().for_each(|client| drop(primary::Object::take(client)));
    let deadline = far();
    while db.snapshot(Reach::Point, one(), far()).await.is_err() {
        assert!(Instant::now() < deadline, "it does not recover");
    }
    db.batch(vec![Stmt::new("SELECT 1", vec![])], far()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lane_that_panics_begins_again_and_three_times_are_trouble() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    for death in 1..=3 {
        let answer = db.batch(vec![insert("lost"), Stmt::new(PANIC, vec![])], far()).await;
        assert_unavailable(answer);
        db.batch(vec![insert(&format!("next{death}"))], far()).await.unwrap();
        assert_eq!(db.health().trouble().is_some(), death == 3, "{death}");
    }
    assert_eq!(ids(&db).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_table_is_told_by_its_name_and_not_as_something_that_passes() {
    let Some(cluster) = Cluster::shared() else { return };
    for code in ["XX001", "XX002", "58P01"] {
        let (db, database) = counter(cluster).await;
        db.batch(vec![insert("a")], far()).await.unwrap();
        cluster.sql(
            &database,
            &format!(
                "CREATE FUNCTION damaged() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \
                 'invalid page in block 0' USING ERRCODE = '{code}'; END $$"
            ),
        );
        assert_eq!(db.health().trouble(), None);
        let write = Stmt::new("UPDATE counter SET n = damaged()", vec![]);
        let answer = db.batch(vec![write], far()).await;
        let Err(StoreError::Damaged(what)) = answer else { panic!("{answer:?}") };
        assert!(what.ends_with("in table counter"), "{what}");
        assert_eq!(db.health().trouble(), Some(Trouble::Damaged(what)));
        let read = Query::new("SELECT damaged() FROM counter", vec![]);
        let answer = db.snapshot(Reach::Point, vec![read], far()).await;
        let Err(StoreError::Damaged(what)) = answer else { panic!("{answer:?}") };
        assert!(what.ends_with("in table counter"), "{what}");
    }
}
