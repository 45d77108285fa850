//! How large the write-ahead log becomes, and that it shrinks.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

const MIB: u64 = 1 << 20;
/// The log of a store under load has at most this.
const LOG_BYTES_MAX: u64 = 32 * MIB;
/// One write of the load.
const WRITE_BYTES: usize = 64 << 10;

struct Store {
    db: Arc<Sqlite>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Store {
    /// With a row for each of this many writers.
    async fn with(writers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let store = Self { db: Arc::new(Sqlite::open(&path).expect("opens")), path, _folder: folder };
        store.create_texts(writers).await;
        store
    }

    async fn create_texts(&self, writers: usize) {
        let create = Stmt::new("CREATE TABLE texts (id BIGINT NOT NULL PRIMARY KEY, text TEXT)", vec![]);
        self.db.batch(vec![create], far()).await.expect("created");
        for id in 0..writers {
            let insert = Stmt::new("INSERT INTO texts (id, text) VALUES ($1, '')", vec![number(id)]);
            self.db.batch(vec![insert], far()).await.expect("inserted");
        }
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |log| log.len())
    }

    /// Waits until the log is at most this large.
    async fn wait_for_log_of(&self, bytes: u64) {
        let begun = Instant::now();
        while self.log_bytes() > bytes {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} bytes", self.log_bytes());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn number(number: usize) -> Value {
    i64::try_from(number).expect("small").into()
}

fn text(step: usize) -> String {
    let number = step.to_string();
    number.repeat(WRITE_BYTES.div_ceil(number.len()))
}

/// Writes the row of this writer over; gives how long that took.
async fn write(db: &Sqlite, id: usize, step: usize) -> Duration {
    let update = Stmt::new("UPDATE texts SET text = $1 WHERE id = $2", vec![text(step).into(), number(id)]);
    let begun = Instant::now();
    db.batch(vec![update], far()).await.expect("written");
    begun.elapsed()
}

/// Writes from all these writers at once, this much in all, and gives the largest size of the log meanwhile.
async fn load(store: &Store, databases: &[Arc<Sqlite>], mib: u64) -> u64 {
    let steps = usize::try_from(mib * MIB).expect("fits") / WRITE_BYTES / databases.len();
    let writers: Vec<_> = databases
        .iter()
        .enumerate()
        .map(|(id, db)| {
            let db = Arc::clone(db);
            tokio::spawn(async move {
                for step in 0..steps {
                    write(&db, id, step).await;
                }
            })
        })
        .collect();
    let mut largest = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        largest = largest.max(store.log_bytes());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    for id in 0..databases.len() {
        let read = Query::new("SELECT text FROM texts WHERE id = $1", vec![number(id)]);
        let rows = store.db.snapshot(Reach::Point, vec![read], far()).await.expect("reads").remove(0);
        assert_eq!(rows, vec![vec![Value::from(text(steps - 1))]], "what was written last");
    }
    largest
}

/// `VERGER_LOG_MIB` asks for more.
fn load_mib() -> u64 {
    std::env::var("VERGER_LOG_MIB").map_or(160, |asked| asked.parse().expect("VERGER_LOG_MIB is a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn log_under_load_is_begun_anew_before_it_is_large() {
    let store = Store::with(8).await;
    let databases = vec![Arc::clone(&store.db); 8];
    let largest = load(&store, &databases, load_mib()).await;
    assert!(largest <= LOG_BYTES_MAX, "{largest} bytes");
    assert!(largest >= 8 * MIB, "{largest} bytes: the load was none");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_on_one_file_keep_its_log_small_together() {
    let store = Store::with(8).await;
    let other = Arc::new(Sqlite::open(&store.path).expect("opens"));
    let databases: Vec<_> =
        (0..8).map(|at| Arc::clone(if at % 2 == 0 { &store.db } else { &other })).collect();
    let largest = load(&store, &databases, load_mib()).await;
    assert!(largest <= LOG_BYTES_MAX, "{largest} bytes");
    store.wait_for_log_of(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_is_emptied_although_jobs_go_on_that_write_nothing() {
    let store = Store::with(1).await;
    write(&store.db, 0, 1).await;
    assert!(store.log_bytes() > 0);
    let stop = Arc::new(AtomicBool::new(false));
    let job = tokio::spawn({
        let (db, stop) = (Arc::clone(&store.db), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let nothing = Stmt::new("DELETE FROM texts WHERE id = 100", vec![]);
                db.batch(vec![nothing], far()).await.expect("nothing");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    store.wait_for_log_of(0).await;
    stop.store(true, Ordering::Relaxed);
    job.await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_reader_lets_the_log_grow_and_stops_nobody_and_then_it_shrinks() {
    let store = Store::with(1).await;
    let reader = Connection::open(&store.path).expect("opens");
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM texts").expect("a snapshot");
    let mut step = 0;
    let mut longest = Duration::ZERO;
    while store.log_bytes() < LOG_BYTES_MAX + 8 * MIB {
        step += 1;
        longest = longest.max(write(&store.db, 0, step).await);
    }
    // The writer would wait for two seconds for another process.
    assert!(longest < BUSY_TIMEOUT, "a write took {longest:?}");
    let seen: String = reader.query_row("SELECT text FROM texts", [], |row| row.get(0)).expect("reads");
    assert_eq!(seen, "", "the reader still sees what it saw first");
    reader.execute_batch("COMMIT").expect("ended");
    let ended = Instant::now();
    while store.log_bytes() > LOG_BYTES_MAX {
        assert!(ended.elapsed() < Duration::from_secs(20), "{} bytes", store.log_bytes());
        step += 1;
        write(&store.db, 0, step).await;
    }
    drop(reader);
    store.wait_for_log_of(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_of_an_earlier_version_keeps_its_pages_and_its_backup_has_todays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, saved) = (folder.path().join("t.db"), folder.path().join("saved"));
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("PRAGMA page_size = 4096; CREATE TABLE old (id TEXT)").expect("created");
    drop(connection);
    let schema = crate::Store::open(&path).expect("opens");
    schema.migrate(verger_wire::UnixMillis(1), far()).await.expect("migrated");
    let store = Store { db: Arc::new(Sqlite::open(&path).expect("opens")), path, _folder: folder };
    store.create_texts(8).await;
    let largest = load(&store, &vec![Arc::clone(&store.db); 8], 40).await;
    assert!(largest <= LOG_BYTES_MAX, "{largest} bytes");
    assert_eq!(page_bytes(&store.path), 4_096);
    crate::backup(&store.path, &saved).expect("saved");
    assert_eq!(page_bytes(&saved), PAGE_BYTES);
    let new = Store::with(1).await;
    assert_eq!(page_bytes(&new.path), PAGE_BYTES);
}

fn page_bytes(path: &std::path::Path) -> i64 {
    let connection = Connection::open(path).expect("opens");
    connection.query_row("PRAGMA page_size", [], |row| row.get(0)).expect("a number")
}
