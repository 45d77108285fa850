//! Migrations in steps, while others write. The ones here are made up: none of this build needs steps so far.

use super::another_handle;
use super::support::*;
use crate::db::{Db, Value};
use crate::migrate::{Migration, Step, with_more};
use crate::schema::Kind;
use crate::{
    MigrateError, MigrationLimits, MigrationProgress, MigrationState, MigrationWork, SCHEMA_VERSION, Store,
    StoreError,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const KEY: &[(&str, Kind)] = &[("instance_id", Kind::Text), ("id", Kind::Text)];

/// A column, a table, values for both from every event, and an index. What is done twice to a row shows: values add up.
const STEPS: &[Step] = &[
    Step::Sql(
        "ALTER TABLE outbox ADD COLUMN weight BIGINT;
         CREATE TABLE weights (instance_id TEXT NOT NULL, event_id TEXT NOT NULL, weight BIGINT NOT NULL,
            PRIMARY KEY (instance_id, event_id));
         CREATE INDEX weights_by_weight ON weights (weight)",
    ),
    Step::Backfill {
        table: "outbox",
        key: KEY,
        sql: "UPDATE outbox SET weight = COALESCE(weight, 0) + 1 WHERE {range};
              INSERT INTO weights (instance_id, event_id, weight) SELECT instance_id, id, 7 FROM outbox WHERE {range}",
    },
    INDEX,
];
const INDEX: Step = Step::Index {
    name: "outbox_by_weight",
    sql: "CREATE INDEX outbox_by_weight ON outbox (instance_id, weight, id)",
};

fn expanding(steps: &'static [Step]) -> Migration {
    Migration { version: SCHEMA_VERSION + 1, title: "weights", steps, serves_from: SCHEMA_VERSION }
}

fn online() -> MigrationLimits {
    MigrationLimits { until: Some(far()), is_alone: false }
}

/// How many rows a test has; `VERGER_TEST_MIGRATE_ROWS` makes the one under load a measurement.
fn rows_of_load() -> i64 {
    std::env::var("VERGER_TEST_MIGRATE_ROWS").map_or(20_000, |rows| rows.parse().expect("a number"))
}

/// Events, made by the database itself.
async fn fill(store: &Store, rows: i64) {
    store.migrate(NOW, far()).await.unwrap();
    let mut from = 1;
    while from <= rows {
        let to = (from + 99_999).min(rows);
        let numbers = match &store.db {
            Db::Sqlite(_) => {
                format!("WITH RECURSIVE n(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {to})")
            }
            Db::Postgres(_) => format!("WITH n(n) AS (SELECT generate_series({from}, {to}))"),
        };
        // SQLite takes a WITH before INSERT, PostgreSQL too.
        execute(
            store,
            &format!(
                "{numbers} INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload, sequence_number)
                 SELECT 'ins_ours', 'evt_' || (1000000000 + n), 'user.updated', 'user_' || (n % 1000), n, n, '{}', n FROM n",
                "x".repeat(120)
            ),
        )
        .await;
        from = to + 1;
    }
}

async fn number(store: &Store, sql: &str) -> i64 {
    let query = crate::db::Query::new(sql.to_owned(), vec![]);
    let far = Instant::now() + Duration::from_secs(600);
    let rows = store.rows(crate::db::Reach::Scan, query, far).await.unwrap();
    int(&rows[0][0])
}

/// Every event was there once for the backfill.
async fn assert_filled_once(store: &Store, rows: i64) {
    let once = "SELECT COUNT(*) FROM outbox WHERE weight = 1 AND user_id <> 'user_new'";
    assert_eq!(number(store, once).await, rows);
    assert_eq!(number(store, "SELECT COUNT(*) FROM weights WHERE event_id LIKE 'evt_1%'").await, rows);
}

async fn has_index(store: &Store, name: &str) -> bool {
    let sql = match &store.db {
        Db::Sqlite(_) => {
            format!("SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name = '{name}'")
        }
        Db::Postgres(_) => {
            format!("SELECT COUNT(*) FROM pg_index WHERE indexrelid = to_regclass('{name}') AND indisvalid")
        }
    };
    number(store, &sql).await == 1
}

pub(super) async fn migration_of_several_steps_is_applied_once_and_serves_the_build_before(store: &Store) {
    fill(store, 1_234).await;
    let migrations = with_more([expanding(STEPS)]);
    let version = SCHEMA_VERSION + 1;
    let mut seen: Vec<MigrationProgress> = Vec::new();
    let applied = store.migrate_among(migrations, NOW, online(), |progress| seen.push(*progress)).await;
    assert_eq!(applied.unwrap(), [version]);
    assert_filled_once(store, 1_234).await;
    assert!(has_index(store, "outbox_by_weight").await);
    assert_eq!(store.state_in(migrations, far()).await.unwrap(), MigrationState::Current);
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Expanded { version });
    let rows: Vec<_> =
        seen.iter().filter(|seen| seen.work == MigrationWork::Rows && seen.total > 0).collect();
    assert!(rows.len() > 1 && rows.iter().all(|seen| (seen.step, seen.steps, seen.total) == (2, 3, 1_234)));
    assert!(rows.windows(2).all(|pair| pair[0].done <= pair[1].done), "{rows:?}");
    // Once more: nothing.
    assert_eq!(store.migrate_among(migrations, NOW, online(), |_| {}).await.unwrap(), [0_i64; 0]);
    assert_filled_once(store, 1_234).await;
}

pub(super) async fn backfill_of_no_row_and_of_a_table_with_whole_numbers_as_key_end(store: &Store) {
    const STEPS: &[Step] = &[
        Step::Sql(
            "CREATE TABLE numbers (a BIGINT NOT NULL, b TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (a, b))",
        ),
        Step::Backfill {
            table: "numbers",
            key: &[("a", Kind::Int), ("b", Kind::Text)],
            sql: "DELETE FROM numbers WHERE {range}",
        },
        Step::Sql("INSERT INTO numbers VALUES (-9, 'é', 0), (-9, 'f', 0), (0, '', 0), (7, 'x', 0)"),
        Step::Backfill {
            table: "numbers",
            key: &[("a", Kind::Int), ("b", Kind::Text)],
            sql: "UPDATE numbers SET n = n + 1 WHERE {range}",
        },
    ];
    store.migrate(NOW, far()).await.unwrap();
    store.migrate_among(with_more([expanding(STEPS)]), NOW, online(), |_| {}).await.unwrap();
    assert_eq!(number(store, "SELECT COUNT(*) FROM numbers WHERE n = 1").await, 4);
}

pub(super) async fn rows_that_are_not_counted_in_time_have_no_total(store: &Store) {
    fill(store, 700).await;
    assert_eq!(store.count_rows("outbox", far()).await.unwrap(), Some(700));
    assert_eq!(store.count_rows("outbox", Instant::now()).await.unwrap(), None);
}

pub(super) async fn migration_whose_time_is_over_goes_on_where_it_stopped(store: &Store) {
    fill(store, 3_000).await;
    let migrations = with_more([expanding(STEPS)]);
    let mut stops = 0_u64;
    loop {
        let time = Duration::from_millis(5 * (stops + 1));
        let limits = MigrationLimits { until: Some(Instant::now() + time), is_alone: false };
        match store.migrate_among(migrations, NOW, limits, |_| {}).await {
            Ok(_) => break,
            Err(MigrateError::TimeOver) => stops += 1,
            Err(MigrateError::Store(StoreError::Unavailable(_))) => stops += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(stops < 200, "it never ends");
        // Until then it is not there for the build that needs it, and nothing is different for the one before.
        assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Current);
        let behind = MigrationState::Behind { version: SCHEMA_VERSION };
        assert_eq!(store.state_in(migrations, far()).await.unwrap(), behind);
    }
    assert!(stops > 0, "one go is no test of going on");
    assert_filled_once(store, 3_000).await;
}

pub(super) async fn migrations_from_several_handles_at_once_fill_each_row_once(store: &Store) {
    fill(store, 4_000).await;
    let migrations = with_more([expanding(STEPS)]);
    let others = [another_handle(store).unwrap(), another_handle(store).unwrap()];
    let handles = [store, &others[0], &others[1]];
    let applied =
        in_parallel(
            3,
            |at| async move { handles[at].migrate_among(migrations, NOW, online(), |_| {}).await },
        );
    let applied: Vec<_> = applied.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(applied, [SCHEMA_VERSION + 1], "one of them says that it did it");
    assert_filled_once(store, 4_000).await;
    assert!(has_index(store, "outbox_by_weight").await);
}

pub(super) async fn steps_that_another_build_began_are_not_gone_on_with(store: &Store) {
    const OTHER: &[Step] = &[Step::Sql("ALTER TABLE outbox ADD COLUMN weight BIGINT"), INDEX];
    const WRONG: &[Step] = &[Step::Sql("ALTER TABLE outbox ADD COLUMN weight BIGINT"), Step::Sql("nonsense")];
    fill(store, 10).await;
    let failed = store.migrate_among(with_more([expanding(WRONG)]), NOW, online(), |_| {}).await;
    assert!(matches!(failed, Err(MigrateError::Store(StoreError::Bug(_)))), "{failed:?}");
    // The first step is done, with the same text: the right build goes on after it.
    store.migrate_among(with_more([expanding(OTHER)]), NOW, online(), |_| {}).await.unwrap();
    execute(store, &format!("DELETE FROM schema_migrations WHERE version > {SCHEMA_VERSION}")).await;
    let refused = store.migrate_among(with_more([expanding(STEPS)]), NOW, online(), |_| {}).await;
    match refused {
        Err(MigrateError::Store(StoreError::Bug(why))) => assert!(why.contains("another build"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Writes as the server does, each within its time, and notes how long each took.
async fn write_until_over(store: &Store, at: usize, is_over: &AtomicBool) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut number = 0_u64;
    while !is_over.load(Ordering::Relaxed) || took.len() < 20 {
        let id = format!("evt_0{at}{number:012}");
        let insert = crate::db::Stmt::new(
            "INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload)
             VALUES ('ins_ours', $1, 'user.updated', 'user_new', 1, 1, '{}')",
            vec![id.into()],
        );
        let change = crate::db::Stmt::new(
            "UPDATE outbox SET user_version = user_version + 1 WHERE instance_id = 'ins_ours' AND id = $1",
            vec![format!("evt_{}", 1_000_000_001 + number * 37 % 19_000).into()],
        );
        let began = Instant::now();
        let deadline = began + Duration::from_millis(4_500);
        store.batch(vec![insert, change], deadline).await.expect("no write is refused");
        took.push(began.elapsed());
        number += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took
}

/// What was measured, for whoever runs this to measure.
fn say(line: &str) {
    use std::io::Write as _;
    // Nobody is told that it could not be written.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted[(sorted.len() * per_mille / 1000).min(sorted.len() - 1)]
}

pub(super) async fn migration_under_load_refuses_no_write(store: &Store) {
    const WRITERS: usize = 4;
    const WITHOUT_INDEX: &[Step] = &[STEPS[0], STEPS[1]];
    let rows = rows_of_load();
    fill(store, rows).await;
    // The index of so large a table keeps others from writing to the embedded store for too long.
    let is_large = matches!(store.db, Db::Sqlite(_)) && rows > 100_000;
    let migrations = with_more([expanding(if is_large { WITHOUT_INDEX } else { STEPS })]);
    let migrating = another_handle(store).unwrap();
    let is_over = AtomicBool::new(false);
    let (is_over, migrating) = (&is_over, &migrating);
    let began = Instant::now();
    let took = in_parallel(WRITERS + 1, |at| async move {
        if at < WRITERS {
            return write_until_over(store, at, is_over).await;
        }
        let _end = super::files::SetOnDrop(is_over);
        let limits = MigrationLimits { until: None, is_alone: false };
        let mut step = (0, Instant::now());
        let report = |progress: &MigrationProgress| {
            if step.0 != progress.step {
                step = (progress.step, Instant::now());
                say(&format!("step {} after {:.1} s", step.0, began.elapsed().as_secs_f64()));
            }
        };
        migrating.migrate_among(migrations, NOW, limits, report).await.unwrap();
        Vec::new()
    });
    let seconds = began.elapsed().as_secs_f64();
    let mut took: Vec<_> = took.into_iter().flatten().collect();
    took.sort_unstable();
    let [p50, p99, p999, most] = [500, 990, 999, 1000].map(|per_mille| percentile(&took, per_mille));
    say(&format!(
        "{}: {rows} events in {seconds:.1} s; {} writes meanwhile, none refused: p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}, longest {most:?}",
        store.location(),
        took.len()
    ));
    if matches!(store.db, Db::Postgres(_)) {
        // Every row a few times; not the rest of the table for every chunk.
        let read =
            "SELECT CAST(SUM(idx_tup_read) AS BIGINT) FROM pg_stat_user_indexes WHERE relname = 'outbox'";
        let read = number(store, read).await;
        assert!(read <= 8 * rows + 10_000, "{read} entries of indexes were read for {rows} rows");
    }
    assert_filled_once(store, rows).await;
    assert!(most < Duration::from_millis(4_500));
    if is_large {
        let refused = store.migrate_among(
            with_more([
                expanding(WITHOUT_INDEX),
                Migration {
                    version: SCHEMA_VERSION + 2,
                    title: "index",
                    steps: &[INDEX, Step::Sql("")],
                    serves_from: SCHEMA_VERSION,
                },
            ]),
            NOW,
            online(),
            |_| {},
        );
        let began = Instant::now();
        let refused = refused.await;
        say(&format!("the index, online: {refused:?} after {:?}", began.elapsed()));
        assert!(matches!(refused, Err(MigrateError::OthersWouldWait { index: "outbox_by_weight" })));
        let began = Instant::now();
        execute(store, "CREATE INDEX outbox_by_weight ON outbox (instance_id, weight, id)").await;
        say(&format!("the index, with nobody else there: {:?}", began.elapsed()));
    }
}

/// Of the embedded store: an index that would take long is not made while others are there, and nothing of it stays.
pub(super) async fn index_that_would_keep_writers_waiting_is_made_only_offline(store: &Store) {
    // Takes long by itself: each row makes a long text.
    const SLOW: Step = Step::Index {
        name: "slow",
        sql: "CREATE INDEX slow ON outbox (instance_id) WHERE length(printf('%.*c', 500000 + user_version, 'x')) > 0",
    };
    const STEPS: &[Step] = &[SLOW, Step::Sql("CREATE TABLE after_it (id TEXT NOT NULL PRIMARY KEY)")];
    fill(store, 3_000).await;
    let migrations = with_more([expanding(STEPS)]);
    let began = Instant::now();
    let refused = store.migrate_among(migrations, NOW, online(), |_| {}).await;
    let took = began.elapsed();
    match refused {
        Err(error @ MigrateError::OthersWouldWait { index: "slow" }) => {
            assert!(error.to_string().contains("verger migrate --offline"), "{error}");
        }
        other => panic!("{other:?} after {took:?}"),
    }
    assert!(took < Duration::from_secs(2), "{took:?}: a writer would have been refused");
    assert!(!has_index(store, "slow").await);
    execute(store, "UPDATE outbox SET user_version = 0 WHERE id = 'evt_1000000001'").await;
    let alone = MigrationLimits { until: None, is_alone: true };
    store.migrate_among(migrations, NOW, alone, |_| {}).await.unwrap();
    assert!(has_index(store, "slow").await);
}

/// A migration in a process of its own, which is killed. This is the process; it does nothing of its own accord.
pub(super) async fn child_that_is_killed() {
    let Ok(url) = std::env::var("VERGER_TEST_MIGRATE_URL") else { return };
    let store = Store::open_url(&url, far()).await.unwrap();
    let done = store.migrate_among(with_more([expanding(STEPS)]), NOW, online(), |_| {}).await;
    panic!("it was to be killed before: {done:?}");
}

pub(super) async fn killed_migration_goes_on_where_it_stopped(store: &Store) {
    const ROWS: i64 = 20_000;
    fill(store, ROWS).await;
    let url = match &store.db {
        Db::Sqlite(db) => format!("sqlite:{}", db.path().display()),
        Db::Postgres(db) => db.url().to_owned(),
    };
    let progress = "SELECT row_count FROM schema_steps WHERE step = 2";
    let mut before = 0;
    for _ in 0..2 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "conformance::child_of_a_killed_migration", "--nocapture"])
            .env("VERGER_TEST_MIGRATE_URL", &url)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        let rows = loop {
            let query = crate::db::Query::new(progress, vec![]);
            let rows = store.rows(crate::db::Reach::Scan, query, far()).await.unwrap_or_default();
            match rows.first().map(Vec::as_slice) {
                Some([Value::Int(rows)]) if *rows > before => break *rows,
                _ => {}
            }
            assert!(Instant::now() < until, "the child gets nowhere");
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(rows < ROWS, "it is to be killed in the middle");
        before = number(store, progress).await;
        assert!(before >= rows);
    }
    let mut first = None;
    store
        .migrate_among(with_more([expanding(STEPS)]), NOW, online(), |seen| {
            if seen.work == MigrationWork::Rows && seen.total > 0 {
                first.get_or_insert(seen.done);
            }
        })
        .await
        .unwrap();
    assert!(first.unwrap() >= before.unsigned_abs(), "it began anew: {first:?} after {before}");
    assert_filled_once(store, ROWS).await;
}

/// Of PostgreSQL: an index that a killed try left behind is taken away and made again.
pub(super) async fn broken_index_of_a_killed_try_is_made_again(store: &Store) {
    fill(store, 500).await;
    let Db::Postgres(db) = &store.db else { panic!("of PostgreSQL") };
    // Two rows have the same: it fails, and leaves what it began.
    let sql = "CREATE UNIQUE INDEX outbox_by_weight ON outbox (kind)";
    let failed = db.make_index("outbox_by_weight", sql, None, |_| {}).await;
    assert!(failed.is_err(), "{failed:?}");
    let broken =
        "SELECT COUNT(*) FROM pg_index WHERE indexrelid = to_regclass('outbox_by_weight') AND NOT indisvalid";
    assert_eq!(number(store, broken).await, 1);
    store.migrate_among(with_more([expanding(STEPS)]), NOW, online(), |_| {}).await.unwrap();
    assert!(has_index(store, "outbox_by_weight").await);
    assert_eq!(number(store, broken).await, 0);
}

/// Of PostgreSQL: what waits for a table that a long transaction holds lets writers pass.
pub(super) async fn migration_that_waits_for_a_lock_lets_writers_pass(store: &Store) {
    fill(store, 500).await;
    let Db::Postgres(db) = &store.db else { panic!("of PostgreSQL") };
    let (client, connection) = tokio_postgres::connect(db.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT COUNT(*) FROM outbox").await.unwrap();
    let migrating = another_handle(store).unwrap();
    let waits = AtomicBool::new(false);
    let is_over = AtomicBool::new(false);
    let (client, migrating, waits, is_over) = (&client, &migrating, &waits, &is_over);
    let took = in_parallel(3, |at| async move {
        match at {
            0 => write_until_over(store, 0, is_over).await,
            1 => {
                let _end = super::files::SetOnDrop(is_over);
                let until = Instant::now() + Duration::from_secs(30);
                while !waits.load(Ordering::Relaxed) {
                    assert!(Instant::now() < until, "it never said that it waits");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                // For a few tries.
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                assert_eq!(number(store, "SELECT COUNT(*) FROM schema_steps").await, 0);
                client.batch_execute("COMMIT").await.unwrap();
                Vec::new()
            }
            _ => {
                let report = |seen: &MigrationProgress| {
                    waits.fetch_or(seen.is_waiting, Ordering::Relaxed);
                };
                migrating.migrate_among(with_more([expanding(STEPS)]), NOW, online(), report).await.unwrap();
                Vec::new()
            }
        }
    });
    let longest = took[0].iter().max().unwrap();
    assert!(*longest < Duration::from_secs(1), "{longest:?}");
    assert_filled_once(store, 500).await;
}
