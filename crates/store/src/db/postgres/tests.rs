//! What only a server of one's own can show: failures, locks, limits and TLS.

use super::*;
use crate::db::{Applied, Value};
use crate::long_reads::Bound;
use crate::{Conflict, Store, Trouble};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::block_in_place;
use verger_testdb::{Cluster, Stop};
use verger_wire::InstanceId;

const LIMIT: Duration = Duration::from_secs(2);
/// How much later than its deadline an answer may come: the grace of a commit, and a busy machine.
const SLACK: Duration = Duration::from_millis(1_000);

fn far() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn after(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

fn open(url: &str) -> Postgres {
    Postgres::open(url).unwrap()
}

async fn ids(db: &Postgres) -> BTreeSet<String> {
    let query = Query::new("SELECT id FROM counter", vec![]);
    let rows = db.snapshot(Reach::Scan, vec![query], far()).await.unwrap().remove(0);
    rows.into_iter()
        .map(|mut row| match row.remove(0) {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A database with one table.
async fn counter(cluster: &Cluster) -> (Postgres, String) {
    let database = cluster.database();
    let db = open(&cluster.url(&database));
    let create = Stmt::new("CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)", vec![]);
    db.batch(vec![create], far()).await.unwrap();
    (db, database)
}

/// A statement at which a lane panics.
pub(super) const PANIC: &str = "PANIC";

fn insert(id: &str) -> Stmt {
    Stmt::new("INSERT INTO counter (id, n) VALUES ($1, $2)", vec![id.into(), 1.into()])
        .on_unique(Conflict::KeyExists)
}

fn increment(id: &str) -> Stmt {
    Stmt::new("UPDATE counter SET n = n + 1 WHERE id = $1", vec![id.into()]).expect(1, Conflict::Stale)
}

fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

/// What writers were told, by the ids of their rows.
#[derive(Default)]
struct Told {
    done: BTreeSet<String>,
    refused: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

/// Writes from several tasks until `is_over`, each row in a batch with a second one.
async fn write_until(db: &Arc<Postgres>, is_over: &Arc<AtomicBool>, done: &Arc<AtomicUsize>) -> Told {
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
async fn assert_as_told(db: &Postgres, told: &Told) {
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
async fn progress(done: &AtomicUsize, count: usize) {
    let wanted = done.load(Ordering::Relaxed) + count;
    let deadline = far();
    while done.load(Ordering::Relaxed) < wanted {
        assert!(Instant::now() < deadline, "it does not recover");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

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
    assert!(!told.refused.is_empty(), "nobody noticed");
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
        for db in [&db, &fresh] {
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
        }
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
async fn database_of_another_encoding_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
    );
    let Err(error) = Store::open_url(&cluster.url("latin"), far()).await else { panic!("it was opened") };
    assert!(error.to_string().contains("LATIN1"), "{error}");
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
async fn refused_batch_leaves_nothing_and_spoils_no_neighbour() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    let db = Arc::new(db);
    db.batch(vec![insert("taken")], far()).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|round| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                // Some write one good row and then one that is taken, some change a row that is not there.
                let (first, second) = (insert(&format!("a{round}")), format!("b{round}"));
                let answer = match round % 8 {
                    0 => db.batch(vec![first, insert("taken")], far()).await,
                    4 => db.batch(vec![first, increment("nobody")], far()).await,
                    _ => db.batch(vec![first, insert(&second)], far()).await,
                };
                match (round % 8, answer) {
                    (0, Err(StoreError::Conflict(Conflict::KeyExists)))
                    | (4, Err(StoreError::Conflict(Conflict::Stale)))
                    | (1..=3 | 5..=7, Ok(())) => {}
                    (_, answer) => panic!("round {round}: {answer:?}"),
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(ids(&db).await.len(), 1 + 2 * 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_batches_are_committed_together() {
    const BATCHES: usize = 400;
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let ids: Vec<_> = (0..BATCHES).map(|at| format!("r{at}")).collect();
    let batches = ids.iter().map(|id| db.batch(vec![insert(id)], far()));
    for answer in futures_util::future::join_all(batches).await {
        answer.unwrap();
    }
    // Every row has the number of its transaction.
    let sql = "SELECT count(DISTINCT CAST(xmin AS TEXT)), count(*) FROM counter";
    let counts = block_in_place(|| cluster.sql(&database, sql));
    let (transactions, rows) = counts.split_once('|').unwrap();
    assert_eq!(rows, BATCHES.to_string());
    let transactions: usize = transactions.parse().unwrap();
    assert!((4..=40).contains(&transactions), "{transactions} transactions of at most 128 batches");
    // And that of its statement: equal ones went as one.
    let sql = "SELECT count(DISTINCT CAST(xmin AS TEXT) || ' ' || CAST(cmin AS TEXT)) FROM counter";
    assert_eq!(block_in_place(|| cluster.sql(&database, sql)), transactions.to_string());
}

/// What was merged and failed is told to the batch that is to blame, and to no other.
#[tokio::test(flavor = "multi_thread")]
async fn merged_batches_are_answered_one_by_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    for id in ["taken", "much"] {
        db.batch(vec![insert(id)], far()).await.unwrap();
    }
    let batches = (0..240).map(|at| {
        let statements = match at % 4 {
            0 => vec![insert(&format!("r{at}"))],
            // One row for many batches: each counts.
            1 => vec![increment("much")],
            2 if at % 3 == 0 => vec![insert("taken")],
            2 => vec![insert(&format!("r{at}")), increment("much")],
            _ if at % 3 == 0 => vec![insert(&format!("r{at}")), increment("nobody")],
            _ => vec![insert(&format!("\\{{\"{at}\",NULL}}")), increment("taken")],
        };
        db.batch(statements, far())
    });
    let answers = futures_util::future::join_all(batches).await;
    for (at, answer) in answers.into_iter().enumerate() {
        match (at % 4, at % 3) {
            (2, 0) => assert!(matches!(answer, Err(StoreError::Conflict(Conflict::KeyExists))), "{answer:?}"),
            (3, 0) => assert!(matches!(answer, Err(StoreError::Conflict(Conflict::Stale))), "{answer:?}"),
            _ => answer.unwrap(),
        }
    }
    let sql = "SELECT (SELECT n FROM counter WHERE id = 'much'), (SELECT n FROM counter WHERE id = 'taken'), count(*),
        (SELECT count(*) FROM counter WHERE id LIKE '%,NULL}') FROM counter";
    assert_eq!(block_in_place(|| cluster.sql(&database, sql)), "101|41|142|40");
}

/// A batch that its caller has given up is taken out of a transaction that is under way.
#[tokio::test(flavor = "multi_thread")]
async fn batch_that_was_taken_back_is_not_committed_with_its_neighbours() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    let slow = |id: &str| {
        let sql = "INSERT INTO counter (id, n) SELECT CAST($1 AS TEXT), 1 FROM pg_sleep(0.6)";
        vec![Stmt::new(sql, vec![id.into()])]
    };
    // Both lanes have something to do, so that what comes next waits and goes together.
    let (one, two, (hasty, three)) = tokio::join!(
        db.batch(slow("one"), far()),
        async {
            // Not in one transaction with the first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            db.batch(slow("two"), far()).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tokio::join!(db.batch(vec![insert("hasty")], after(700)), db.batch(slow("three"), far()))
        },
    );
    for answer in [one, two, three] {
        answer.unwrap();
    }
    let Err(StoreError::Unavailable(why)) = hasty else { panic!("{hasty:?}") };
    assert!(why.contains("was not done"), "{why}");
    assert_eq!(ids(&db).await, ["one", "three", "two"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_without_an_answer_is_called_unknown() {
    // Every commit waits for a standby that never comes.
    let settings = ["synchronous_commit=on", "wal_level=replica", "max_wal_senders=4"];
    let Some(cluster) = Cluster::start(&settings) else { return };
    let (db, _) = counter(&cluster).await;
    let set = |names: &str| {
        block_in_place(|| {
            cluster.sql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
            cluster.sql("postgres", "SELECT pg_reload_conf()");
        });
    };
    set("nobody");
    let mut answer = Ok(());
    let mut last = String::new();
    // The server takes a moment to read its settings.
    for round in 0..100 {
        last = format!("r{round}");
        let begun = Instant::now();
        answer = db.batch(vec![insert(&last)], after(300)).await;
        assert!(begun.elapsed() < Duration::from_millis(300) + SLACK, "{:?}", begun.elapsed());
        if answer.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    set("");
    // It was done after all, which the row tells.
    db.batch(vec![insert("next")], far()).await.unwrap();
    let deadline = far();
    while !ids(&db).await.contains(&last) {
        assert!(Instant::now() < deadline, "neither done nor undone");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_queries_end_at_their_deadline_and_keep_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let sleep = || vec![Query::new("SELECT CAST(pg_sleep(60) AS TEXT)", vec![])];
    for reach in [Reach::Point, Reach::Scan] {
        let begun = Instant::now();
        let (one, two, three, four) = tokio::join!(
            db.snapshot(reach, sleep(), begun + LIMIT),
            db.snapshot(reach, sleep(), begun + LIMIT),
            // There is no connection left for these long ones.
            db.snapshot(Reach::Scan, sleep(), begun + LIMIT),
            db.snapshot(Reach::Scan, sleep(), begun + LIMIT),
        );
        for answer in [one, two, three, four] {
            assert_unavailable(answer);
        }
        assert!(begun.elapsed() < LIMIT + SLACK, "{:?}", begun.elapsed());
        let again = db.snapshot(reach, vec![Query::new("SELECT 1", vec![])], far()).await.unwrap();
        assert_eq!(again, [[[Value::Int(1)]]]);
    }
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active'
         AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    );
    let deadline = far();
    while block_in_place(|| cluster.sql("postgres", &running)) != "0" {
        assert!(Instant::now() < deadline, "queries that nobody waits for go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
async fn text_with_nul_finds_nothing_and_is_not_stored() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    db.batch(vec![insert("a")], far()).await.unwrap();
    for id in ["a\0", "\0", "\0a"] {
        for reach in [Reach::Point, Reach::Scan] {
            let query = Query::new("SELECT id FROM counter WHERE id = $1", vec![id.into()]);
            assert_eq!(db.snapshot(reach, vec![query], far()).await.unwrap(), [Vec::<Row>::new()]);
        }
        let refused = db.batch(vec![insert(id)], far()).await;
        assert!(matches!(refused, Err(StoreError::Bug(_))), "{refused:?}");
    }
    assert_eq!(ids(&db).await, ["a".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn server_is_found_among_several_hosts_and_over_its_socket() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    // Port 1 of this machine is closed.
    let several = format!("postgres://verger@127.0.0.1:1,127.0.0.1:{}/{database}", cluster.port());
    for url in [several, cluster.socket_url(&database)] {
        let store = Store::open_url(&url, far()).await.unwrap();
        store.ping(far()).await.unwrap();
    }
}

#[tokio::test]
async fn password_is_in_no_text() {
    let urls = [
        "postgres://ada:s3cret@127.0.0.1:1/verger",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=full",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=verify-full",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=verify-full&sslrootcert=/none",
        "postgres://ada:s3cret@127.0.0.1:1/verger?pooler=session",
        "postgres://ada:s3cret@127.0.0.1:1/verger?nonsense=1",
        "postgres://ada:s3cret@127.0.0.1:port/verger",
        "postgres://ada:s3cret@127.0.0.1:1",
        "postgres://ada:s3cret@/verger",
        "postgres:ada:s3cret@127.0.0.1:1/verger",
        "mysql://ada:s3cret@127.0.0.1:1/verger",
    ];
    for url in urls {
        let Err(error) = Store::open_url(url, after(2_000)).await else { panic!("{url} was opened") };
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
    let db = open(urls[0]);
    assert_eq!(db.location(), "postgres://ada@127.0.0.1:1/verger");
}

#[test]
fn text_columns_are_told_their_collation_once() {
    let told = dialect("CREATE TABLE t (\n a TEXT NOT NULL,\n b    TEXT,\n c BIGINT, d TEXT\n)".into());
    let expected = "CREATE TABLE t (\n a TEXT COLLATE \"C\" NOT NULL,\n b    TEXT COLLATE \"C\",\n c BIGINT, d TEXT COLLATE \"C\"\n)";
    assert_eq!(told, expected);
    assert_eq!(dialect("INSERT INTO t VALUES (' TEXT ')".into()), "INSERT INTO t VALUES (' TEXT ')");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_is_checked_as_far_as_sslmode_says() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let Some(cluster) = Cluster::start(&[]) else { return };
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), Issuer::new(params, key))
    };
    let ((ours, issuer), (theirs, _)) = (authority("ours.example"), authority("theirs.example"));
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ours_file, theirs_file) = (folder.path().join("ours.pem"), folder.path().join("theirs.pem"));
    std::fs::write(&ours_file, ours).unwrap();
    std::fs::write(&theirs_file, theirs).unwrap();
    for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let file = cluster.path(name);
        std::fs::write(&file, text).unwrap();
        cluster.give(&file);
    }
    let database = cluster.database();
    let plain = cluster.url(&database);
    assert!(
        Store::open_url(&format!("{plain}?sslmode=require"), far()).await.is_err(),
        "there is no TLS yet"
    );
    for (name, setting) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
        let file = cluster.path(setting);
        cluster.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{}'", file.display()));
    }
    cluster.sql("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let deadline = far();
    while cluster.sql("postgres", "SHOW ssl") != "on" {
        assert!(Instant::now() < deadline);
    }
    let by_name = plain.replace("127.0.0.1", "localhost");
    let (ours, theirs) = (ours_file.display(), theirs_file.display());
    // The certificate is for the address, not for the name.
    let cases = [
        (format!("{plain}?sslmode=disable"), Some("false")),
        (plain.clone(), Some("true")),
        (format!("{plain}?sslmode=require"), Some("true")),
        (format!("{plain}?sslmode=require&sslrootcert={ours}"), Some("true")),
        (format!("{plain}?sslmode=require&sslrootcert={theirs}"), None),
        (format!("{by_name}?sslmode=verify-ca&sslrootcert={ours}"), Some("true")),
        (format!("{plain}?sslmode=verify-ca&sslrootcert={theirs}"), None),
        (format!("{plain}?sslmode=verify-full&sslrootcert={ours}"), Some("true")),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={ours}"), None),
        (format!("{plain}?sslmode=verify-full&sslrootcert={theirs}"), None),
    ];
    for (url, expected) in cases {
        let Some(expected) = expected else {
            let refused = Store::open_url(&url, far()).await.err();
            let why = refused.unwrap_or_else(|| panic!("{url} was opened")).to_string();
            assert!(why.contains("certificate"), "{url}: {why}");
            continue;
        };
        let db = open(&url);
        let query =
            Query::new("SELECT CAST(ssl AS TEXT) FROM pg_stat_ssl WHERE pid = pg_backend_pid()", vec![]);
        let rows = db.snapshot(Reach::Point, vec![query], far()).await.unwrap();
        assert_eq!(rows, [[[Value::from(expected)]]], "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_waits_for_the_disk_whatever_the_database_is_set_to() {
    let Some(cluster) = Cluster::shared() else { return };
    for (set, used) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let database = cluster.database();
        let level = "TEXT DEFAULT current_setting('synchronous_commit')";
        cluster.sql(&database, &format!("CREATE TABLE seen (id TEXT PRIMARY KEY, level {level})"));
        cluster.sql(&database, &format!("ALTER DATABASE {database} SET synchronous_commit = {set}"));
        let db = Arc::new(open(&cluster.url(&database)));
        let writing: Vec<_> = (0..20)
            .map(|row| {
                let db = Arc::clone(&db);
                let insert =
                    Stmt::new("INSERT INTO seen (id) VALUES ($1)", vec![format!("{set}{row}").into()]);
                tokio::spawn(async move { db.batch(vec![insert], far()).await })
            })
            .collect();
        for batch in writing {
            batch.await.unwrap().unwrap();
        }
        // The statement of a batch that is tried alone.
        let alone = Stmt::new("INSERT INTO seen (id) VALUES ('alone')".to_owned(), vec![]);
        db.batch(vec![alone], far()).await.unwrap();
        let seen = cluster.sql(&database, "SELECT level || ' ' || count(*) FROM seen GROUP BY level");
        assert_eq!(seen, format!("{used} 21"), "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ours_is_compiled_whatever_the_server_is_set_to() {
    let Some(cluster) = Cluster::start(&["jit=on", "jit_above_cost=0"]) else { return };
    let database = cluster.database();
    cluster.sql(
        &database,
        "CREATE TABLE seen (id BIGSERIAL PRIMARY KEY, how TEXT, jit TEXT DEFAULT current_setting('jit'))",
    );
    let db = open(&cluster.url(&database));
    let select = || Query::new("SELECT current_setting('jit')".to_owned(), vec![]);
    for reach in [Reach::Point, Reach::Quick(0), Reach::Quick(10), Reach::Scan, Reach::Job] {
        for queries in [vec![select()], vec![select(), select()]] {
            for rows in db.snapshot(reach, queries, far()).await.unwrap() {
                assert_eq!(rows, [[Value::from("off")]], "{reach:?}");
            }
        }
    }
    let insert = |how: &str| Stmt::new("INSERT INTO seen (how) VALUES ($1)", vec![how.into()]);
    let in_lanes = (0..20).map(|_| db.batch(vec![insert("lane")], far()));
    for answer in futures_util::future::join_all(in_lanes).await {
        answer.unwrap();
    }
    let alone = Stmt::new("INSERT INTO seen (how) VALUES ('alone')".to_owned(), vec![]);
    db.batch(vec![alone], far()).await.unwrap();
    assert_eq!(db.apply(&[insert("schema")], far()).await.unwrap(), Applied::Done);
    let seen = cluster.sql(&database, "SELECT jit, count(*) FROM seen GROUP BY jit");
    assert_eq!(seen, "off|22");
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_searches_of_an_instance_are_tried_once_until_it_is_known_that_they_are_long() {
    const SEARCHES: u64 = 4;
    let Some(cluster) = Cluster::shared() else { return };
    let store = Store::open_url(&cluster.url(&cluster.database()), far()).await.unwrap();
    let instance = InstanceId::from("ins_long".to_owned());
    let scoped = store.instance(&instance);
    let before = store.reads();
    let search = || {
        let long = Query::new("SELECT 1 FROM pg_sleep(0.4)".to_owned(), vec![]);
        scoped.read(Bound::None, long, far())
    };
    for found in futures_util::future::join_all((0..SEARCHES).map(|_| search())).await {
        assert_eq!(found.unwrap(), [[Value::Int(1)]]);
    }
    assert_eq!(store.reads() - before, 1 + SEARCHES);
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_on_other_connections_make_no_commit_unknown() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    cluster.sql(
        "postgres",
        &format!("UPDATE pg_database SET datcollversion = '1' WHERE datname = '{database}'"),
    );
    let (db, is_over, done) = (Arc::new(db), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let writing = {
        let (db, is_over, done) = (Arc::clone(&db), Arc::clone(&is_over), Arc::clone(&done));
        tokio::spawn(async move { write_until(&db, &is_over, &done).await })
    };
    let mut warnings = 0;
    for _ in 0..100 {
        let pool = db.link.pool(1).unwrap();
        warnings += pool.get().await.unwrap().warnings();
    }
    is_over.store(true, Ordering::Relaxed);
    let told = writing.await.unwrap();
    assert!(warnings > 0 && !told.done.is_empty(), "nobody was warned: {warnings}");
    assert_eq!((told.unknown, told.refused), (BTreeSet::new(), BTreeSet::new()));
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

#[tokio::test(flavor = "multi_thread")]
async fn commit_that_was_not_waited_for_to_its_end_has_an_unknown_outcome() {
    let waits = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];
    let Some(cluster) = Cluster::start(&waits) else { return };
    let (db, database) = counter(&cluster).await;
    cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let writing = tokio::spawn(async move { db.batch(vec![insert("here")], far()).await });
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let deadline = far();
    while block_in_place(|| cluster.sql("postgres", cancel)) == "0" {
        assert!(Instant::now() < deadline, "nobody waits for the standby");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = writing.await.unwrap();
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    assert_eq!(cluster.sql(&database, "SELECT count(*) FROM counter"), "1");
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

/// Leads connections to one server and then to another, and lets those that there are go on.
async fn forwarder(first: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Arc::new(AtomicUsize::new(first.into()));
    let leads_to = Arc::clone(&target);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let port = u16::try_from(leads_to.load(Ordering::Relaxed)).unwrap();
            tokio::spawn(async move {
                let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut near_read, mut near_write) = near.into_split();
                let (mut far_read, mut far_write) = far.into_split();
                tokio::select! {
                    _ = tokio::io::copy(&mut near_read, &mut far_write) => {}
                    _ = tokio::io::copy(&mut far_read, &mut near_write) => {}
                }
            });
        }
    });
    (port, target)
}

/// Two servers with the same database; the first takes no writes any more, and new connections lead to the second.
async fn switched_over(pool: &str) -> Option<(Cluster, Cluster, Arc<Postgres>, Arc<AtomicUsize>)> {
    let (old, new) = (Cluster::start(&[])?, Cluster::start(&[])?);
    let (_, database) = counter(&old).await;
    assert_eq!(counter(&new).await.1, database);
    let (port, target) = forwarder(old.port()).await;
    let db = Arc::new(open(&format!("postgres://verger@127.0.0.1:{port}/{database}{pool}")));
    // Every pool has connections that rest.
    for round in 0..4 {
        let reading = (0..8).map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { ids(&db).await })
        });
        for read in reading.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        db.batch(vec![insert(&format!("old{round}"))], far()).await.unwrap();
    }
    for reach in [Reach::Point, Reach::Scan, Reach::Job] {
        assert_eq!(seen(&db, reach, "old0").await, Some(true));
    }
    old.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    old.sql("postgres", "SELECT pg_reload_conf()");
    target.store(new.port().into(), Ordering::Relaxed);
    Some((old, new, db, target))
}

/// Whether a row is there; `None` if nobody answers.
async fn seen(db: &Postgres, reach: Reach, id: &str) -> Option<bool> {
    let query = Query::new("SELECT id FROM counter WHERE id = $1", vec![id.into()]);
    let rows = db.snapshot(reach, vec![query], after(500)).await.ok()?;
    Some(!rows.first()?.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_to_the_new_primary_is_read_from_it() {
    for pool in ["", "?pooler=transaction"] {
        let Some((_old, _new, db, _)) = switched_over(pool).await else { return };
        db.batch(vec![insert("new")], far()).await.unwrap();
        for _ in 0..50 {
            for reach in [Reach::Point, Reach::Scan, Reach::Job] {
                assert_eq!(seen(&db, reach, "new").await, Some(true), "{pool}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_on_which_nobody_writes_reads_from_the_new_primary_within_seconds() {
    let Some((_old, new, db, _)) = switched_over("").await else { return };
    // Another server of ours writes there.
    new.sql("test_0", "INSERT INTO counter VALUES ('theirs', 1)");
    let deadline = after(10_000);
    for reach in [Reach::Point, Reach::Scan, Reach::Job] {
        while seen(&db, reach, "theirs").await != Some(true) {
            assert!(Instant::now() < deadline, "it goes on to read from the old one");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_to_the_old_primary_is_refused_once_the_new_one_is_known() {
    let Some((old, _new, db, target)) = switched_over("").await else { return };
    db.batch(vec![insert("new")], far()).await.unwrap();
    // A name that is not up to date leads back.
    target.store(old.port().into(), Ordering::Relaxed);
    db.link.primary.doubt();
    for _ in 0..20 {
        for reach in [Reach::Point, Reach::Scan, Reach::Job] {
            assert_ne!(seen(&db, reach, "new").await, Some(false));
        }
    }
    assert_unavailable(db.batch(vec![insert("lost")], after(500)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn write_is_proved_only_where_writes_come_through() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let database = cluster.database();
    let store = Store::open_url(&cluster.url(&database), far()).await.unwrap();
    store.migrate(verger_wire::UnixMillis(1), far()).await.unwrap();
    store.prove_writable(far()).await.unwrap();
    let (proved_at, outcome) = store.last_commit().unwrap();
    outcome.unwrap();
    let empty = Stmt::new("DELETE FROM claims", vec![]);
    store.batch(vec![empty], far()).await.unwrap();
    assert_eq!(store.last_commit().unwrap().0, proved_at, "a commit of nothing proves nothing");
    cluster.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    store.prove_writable(after(1_000)).await.unwrap_err();
    let why = store.last_commit().unwrap().1.unwrap_err();
    assert!(why.contains("read-only"), "{why}");
}

/// CVE-2021-23222 and its kind: somebody on the way adds messages behind the consent to TLS, hoping that they count as the
/// server's own.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_the_consent_to_tls_is_never_taken_for_the_server() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // AuthenticationOk, ReadyForQuery.
    const ADDED: &[u8] = b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(ADDED).await.unwrap();
        let mut heard = Vec::new();
        // However the client ends it, the test looks at what it said.
        let _ = stream.read_to_end(&mut heard).await;
        (request, heard)
    });
    let db = open(&format!("postgres://verger:hunter2@127.0.0.1:{port}/verger?sslmode=require"));
    let answer = db.snapshot(Reach::Point, vec![Query::new("SELECT 1", vec![])], after(2_000)).await;
    assert_unavailable(answer);
    drop(db);
    let (request, heard) = tokio::time::timeout(LIMIT * 5, heard).await.unwrap().unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the request for TLS");
    assert_eq!(heard.first(), Some(&0x16), "a TLS handshake, and nothing else");
    for secret in ["hunter2", "verger"] {
        assert!(!heard.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}
