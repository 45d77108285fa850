mod log;

use super::commit::{End, commit_group};
use super::connection::{BUSY_TIMEOUT, with_suffix};
use super::job::{Job, TAKEN, WAITING, Work, outcome};
use super::long_readers::SCAN_READERS;
use super::statement::PANIC;
use super::*;
use crate::changes::Numbering;
use crate::db::Value;
use crate::{Conflict, Trouble};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

fn far() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn counter() -> Sqlite {
    let db = Sqlite::ephemeral().expect("opens");
    let create = Stmt::new("CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)", vec![]);
    db.batch(vec![create], far()).await.expect("created");
    db
}

fn insert(id: &str) -> Stmt {
    Stmt::new("INSERT INTO counter (id, n) VALUES ($1, $2)", vec![id.into(), 1.into()])
        .on_unique(Conflict::KeyExists)
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_batch_leaves_nothing_and_spoils_no_neighbour() {
    let db = Arc::new(counter().await);
    let mut tasks = Vec::new();
    for round in 0..200 {
        let db = Arc::clone(&db);
        tasks.push(tokio::spawn(async move {
            // Every fourth batch writes one good row and then one that is taken.
            let second = if round % 4 == 0 { "taken".to_owned() } else { format!("b{round}") };
            (round, db.batch(vec![insert(&format!("a{round}")), insert(&second)], far()).await)
        }));
    }
    db.batch(vec![insert("taken")], far()).await.ok();
    let mut accepted = Vec::new();
    for task in tasks {
        let (round, answer) = task.await.expect("no panic");
        match answer {
            Ok(()) => accepted.push(round),
            Err(StoreError::Conflict(Conflict::KeyExists)) => assert_eq!(round % 4, 0),
            Err(other) => panic!("{other}"),
        }
    }
    let count = Query::new("SELECT id FROM counter WHERE id LIKE 'a%'", vec![]);
    let rows = db.snapshot(Reach::Point, vec![count], far()).await.expect("reads").remove(0);
    assert_eq!(rows.len(), accepted.len());
}

#[tokio::test]
async fn batch_past_its_deadline_never_begins() {
    let db = counter().await;
    let past = Instant::now() - Duration::from_millis(1);
    let answer = db.batch(vec![insert("late")], past).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    db.batch(vec![insert("next")], far()).await.expect("written");
    let rows = db.snapshot(Reach::Point, vec![Query::new("SELECT id FROM counter", vec![])], far()).await;
    assert_eq!(rows.expect("reads").remove(0), vec![vec![Value::from("next")]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_query_ends_at_its_deadline() {
    let db = counter().await;
    let endless = Query::new(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n",
        vec![],
    );
    let soon = Instant::now() + Duration::from_millis(50);
    let answer = db.snapshot(Reach::Scan, vec![endless], soon).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    let again = db.snapshot(Reach::Scan, vec![Query::new("SELECT 1", vec![])], far()).await;
    assert_eq!(again.expect("the reader is whole").remove(0), vec![vec![Value::Int(1)]]);
}

#[tokio::test]
async fn look_up_past_its_deadline_never_begins() {
    let db = counter().await;
    let one = || vec![Query::new("SELECT 1", vec![])];
    let past = Instant::now() - Duration::from_millis(1);
    let answer = db.snapshot(Reach::Point, one(), past).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    db.snapshot(Reach::Point, one(), far()).await.expect("reads");
}

#[test]
fn long_query_that_finds_no_thread_ends_at_its_deadline() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let (go_on, is_held) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let db = counter().await;
        let one = || vec![Query::new("SELECT 1", vec![])];
        let held = tokio::task::spawn_blocking(move || is_held.recv());
        let waiting = tokio::time::timeout(
            Duration::from_secs(20),
            db.snapshot(Reach::Scan, one(), Instant::now() + Duration::from_millis(50)),
        );
        let answer = waiting.await.expect("it ends by itself");
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        drop(go_on);
        held.await.expect("no panic").expect_err("nothing was sent");
        for _ in 0..=SCAN_READERS {
            db.snapshot(Reach::Scan, one(), far()).await.expect("the readers are whole");
        }
    });
}

#[tokio::test]
async fn batch_that_the_writer_took_and_never_ends_has_an_unknown_outcome() {
    let soon = || Instant::now() + Duration::from_millis(5);
    let (short, long) = (Duration::from_millis(5), Duration::from_secs(30));
    let is_unknown = |answer| matches!(answer, Err(StoreError::OutcomeUnknown(_)));
    let taken = AtomicU8::new(TAKEN);
    // The writer hangs.
    let (_sender, answered) = oneshot::channel();
    let waiting = tokio::time::timeout(long, outcome(answered, &taken, soon(), short));
    assert!(is_unknown(waiting.await.expect("it ends by itself")));
    // The writer is gone, with the batch.
    let (sender, answered) = oneshot::channel();
    drop(sender);
    assert!(is_unknown(outcome(answered, &taken, far(), long).await));
    // The writer is late, and says it.
    let (sender, answered) = oneshot::channel();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        sender.send(Ok(())).expect("somebody waits");
    });
    outcome(answered, &taken, soon(), long).await.expect("it was written");
    // The writer never took it.
    let (_sender, answered) = oneshot::channel();
    let answer = outcome(answered, &AtomicU8::new(WAITING), soon(), long).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

fn group(batches: Vec<Vec<Stmt>>) -> Vec<Job> {
    let job = |statements| Job {
        work: Work::Batch(statements),
        deadline: far(),
        state: Arc::default(),
        answer: oneshot::channel().0,
    };
    batches.into_iter().map(job).collect()
}

/// A connection with a table, and the rows that it has.
fn table() -> Connection {
    let connection = Connection::open_in_memory().expect("opens");
    connection.execute_batch("CREATE TABLE counter (id TEXT PRIMARY KEY, n BIGINT)").expect("created");
    connection
}

fn count(connection: &Connection) -> i64 {
    connection.query_row("SELECT COUNT(*) FROM counter", [], |row| row.get(0)).expect("counted")
}

#[test]
fn commit_that_is_refused_leaves_nothing_and_the_writer_goes_on() {
    let mut connection = table();
    connection.commit_hook(Some(|| true)).expect("hooked");
    let refused =
        commit_group(&connection, &Numbering::default(), &group(vec![vec![insert("a")], vec![insert("b")]]));
    assert!(matches!(refused.end, End::Undone(_)));
    assert!(refused.answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
    connection.commit_hook(None::<fn() -> bool>).expect("unhooked");
    assert_eq!(count(&connection), 0);
    let committed = commit_group(&connection, &Numbering::default(), &group(vec![vec![insert("a")]]));
    assert!(matches!(committed.end, End::Committed));
    assert_eq!(count(&connection), 1);
}

#[test]
fn batch_whose_statement_rolls_everything_back_takes_its_group_with_it() {
    let connection = table();
    connection
        .execute_batch(
            "CREATE TRIGGER stop BEFORE INSERT ON counter WHEN NEW.id = 'stop' BEGIN SELECT RAISE(ROLLBACK, 'stop'); END",
        )
        .expect("created");
    let ended = commit_group(
        &connection,
        &Numbering::default(),
        &group(vec![vec![insert("a")], vec![insert("stop")]]),
    );
    assert!(matches!(ended.end, End::Undone(_)));
    assert!(ended.answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
    assert_eq!((ended.answers.len(), count(&connection)), (2, 0));
}

#[test]
fn part_of_a_refused_batch_is_not_committed_with_its_neighbours() {
    let connection = table();
    // The batch ends its own savepoint, so that it can neither be rolled back to nor released.
    let broken = vec![insert("half"), Stmt::new("RELEASE batch", vec![])];
    let ended = commit_group(
        &connection,
        &Numbering::default(),
        &group(vec![vec![insert("a")], broken, vec![insert("b")]]),
    );
    assert!(matches!(ended.end, End::Undone(_)));
    assert!(ended.answers.iter().all(Result::is_err));
    assert_eq!((ended.answers.len(), count(&connection)), (3, 0));
    assert!(connection.is_autocommit());
}

#[test]
fn batch_that_meets_damage_takes_no_neighbour_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let connection = Connection::open(&path).expect("opens");
    connection
        .execute_batch(
            "CREATE TABLE counter (id TEXT PRIMARY KEY, n BIGINT); CREATE TABLE bad (id TEXT); INSERT INTO bad VALUES ('a')",
        )
        .expect("created");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'bad'";
    let page: u32 = connection.query_row(root, [], |row| row.get(0)).expect("a page");
    drop(connection);
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.write_all_at(&[0xa5; 4096], u64::from(page - 1) * 4096).expect("written over");
    let connection = Connection::open(&path).expect("opens");
    let damaged = vec![insert("half"), Stmt::new("UPDATE bad SET id = 'b'", vec![])];
    let ended = commit_group(
        &connection,
        &Numbering::default(),
        &group(vec![vec![insert("a")], damaged, vec![insert("b")]]),
    );
    assert!(matches!(ended.end, End::Committed));
    let [Ok(()), Err(StoreError::Damaged(what)), Ok(())] = ended.answers.as_slice() else {
        panic!("{:?}", ended.answers)
    };
    assert!(what.ends_with("in table bad"), "{what}");
    assert_eq!(count(&connection), 2);
}

#[tokio::test]
async fn only_a_commit_that_wrote_counts_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Sqlite::open(&folder.path().join("t.db")).expect("opens");
    let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
    db.batch(vec![Stmt::new(create, vec![])], far()).await.expect("created");
    let (first, outcome) = db.health().last_commit().expect("it wrote");
    outcome.expect("well");
    db.batch(vec![Stmt::new("DELETE FROM counter WHERE id = 'x'", vec![])], far()).await.expect("nothing");
    assert_eq!(db.health().last_commit().expect("known").0, first);
    db.prove_writable(far()).await.expect("it can be written");
    let (second, outcome) = db.health().last_commit().expect("it wrote");
    outcome.expect("well");
    assert!(second > first);
}

#[tokio::test(flavor = "multi_thread")]
async fn writer_that_panics_begins_again_and_three_times_are_trouble() {
    let db = counter().await;
    for death in 1..=3 {
        let answer = db.batch(vec![insert("lost"), Stmt::new(PANIC, vec![])], far()).await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
        db.batch(vec![insert(&format!("next{death}"))], far()).await.expect("written");
        assert_eq!(db.health().trouble().is_some(), death == 3, "{death}");
    }
    let rows = db.snapshot(Reach::Point, vec![Query::new("SELECT id FROM counter", vec![])], far()).await;
    assert_eq!(rows.expect("reads").remove(0).len(), 3);
    let trouble = db.health().trouble().expect("trouble").words();
    assert!(trouble.contains("store_writer died 3 times"), "{trouble}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_store_refuses_everything_and_leaves_its_log_to_recovery() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let db = Sqlite::open(&path).expect("opens");
    let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
    db.batch(vec![Stmt::new(create, vec![]), insert("a")], far()).await.expect("written");
    db.health().fail("a test");
    let one = || vec![Query::new("SELECT id FROM counter", vec![])];
    for reach in [Reach::Point, Reach::Scan, Reach::Job] {
        let answer = db.snapshot(reach, one(), far()).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    let answer = db.batch(vec![insert("b")], far()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!(db.health().failure().await, "a test");
    assert_eq!(db.health().trouble(), Some(Trouble::Failed("a test".to_owned())));
    drop(db);
    let log = std::fs::read(with_suffix(&path, "-wal")).expect("the log is there");
    assert!(!log.is_empty());
    let again = Sqlite::open(&path).expect("opens");
    assert_eq!(std::fs::read(with_suffix(&path, "-wal")).expect("the log"), log, "as it was");
    let rows = again.snapshot(Reach::Point, one(), far()).await.expect("reads").remove(0);
    assert_eq!(rows, vec![vec![Value::from("a")]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_database_is_told_with_its_table_and_not_as_something_that_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let db = Sqlite::open(&path).expect("opens");
    let create = |name| Stmt::new(format!("CREATE TABLE {name} (id TEXT NOT NULL PRIMARY KEY)"), vec![]);
    let fill = |name| {
        let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)";
        Stmt::new(format!("INSERT INTO {name} {numbers} SELECT printf('%040d', x) FROM n"), vec![])
    };
    let all = vec![create("good"), create("bad"), fill("good"), fill("bad")];
    db.batch(all, far()).await.expect("written");
    drop(db);
    let pages = {
        let connection = Connection::open(&path).expect("opens");
        let mut found = connection.prepare("SELECT pageno FROM dbstat WHERE name = 'bad'").expect("prepared");
        let pages = found.query_map([], |row| row.get::<_, u32>(0)).expect("queried");
        pages.collect::<Result<Vec<_>, _>>().expect("pages")
    };
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    for page in pages {
        let size = usize::try_from(PAGE_BYTES).expect("small");
        file.write_all_at(&vec![0xa5; size], u64::from(page - 1) * size as u64).expect("written over");
    }
    let db = Sqlite::open(&path).expect("opens");
    let read = |name| vec![Query::new(format!("SELECT COUNT(id) FROM {name} NOT INDEXED"), vec![])];
    db.snapshot(Reach::Scan, read("good"), far()).await.expect("the other table is whole");
    assert_eq!(db.health().trouble(), None);
    for reach in [Reach::Scan, Reach::Point] {
        match db.snapshot(reach, read("bad"), far()).await {
            Err(StoreError::Damaged(what)) => assert!(what.ends_with("in table bad"), "{what}"),
            other => panic!("{other:?}"),
        }
    }
    let Some(Trouble::Damaged(what)) = db.health().trouble() else { panic!("it is not what it was") };
    assert!(what.ends_with("in table bad"), "{what}");
    let write = || Stmt::new("UPDATE bad SET id = id || 'x'", vec![]);
    let answer = db.batch(vec![write()], far()).await;
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    db.batch(vec![Stmt::new("DELETE FROM good", vec![])], far()).await.expect("what is whole is written");
    let found = db.look_through(far()).await.expect("looked through");
    assert_eq!((found.looked_at, found.tables), (2, 2));
    assert!(found.damage.iter().all(|line| line.starts_with("table bad: ")), "{:?}", found.damage);
    assert!(!found.damage.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_whose_file_is_gone_or_another_takes_no_writes() {
    let changes = ["-wal removed", "removed", "replaced"];
    let cases = changes.iter().flat_map(|change| [(*change, false), (*change, true)]);
    // All at once: each waits until somebody looks at the files.
    futures_util::future::join_all(cases.map(|(change, is_link)| store_whose_file_is(change, is_link))).await;
}

async fn store_whose_file_is(change: &str, is_link: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let file = if is_link { folder.path().join("elsewhere.db") } else { path.clone() };
    if is_link {
        std::fs::write(&file, "").and_then(|()| std::os::unix::fs::symlink(&file, &path)).expect("a link");
    }
    let db = Sqlite::open(&path).expect("opens");
    let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
    db.batch(vec![Stmt::new(create, vec![])], far()).await.expect("created");
    let mine = folder.path().join("mine");
    match change {
        "-wal removed" => std::fs::remove_file(with_suffix(&file, "-wal")),
        "removed" => std::fs::remove_file(&path),
        _ => std::fs::write(&mine, "another").and_then(|()| std::fs::rename(&mine, &path)),
    }
    .expect("changed");
    let noticed = Instant::now();
    while db.health().trouble().is_none() {
        assert!(noticed.elapsed() < Duration::from_secs(10), "{change}, {is_link}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = db.batch(vec![insert("lost")], far()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{change}, {is_link}: {answer:?}");
    db.prove_writable(far()).await.expect_err("nor is it said to take them");
    let read = vec![Query::new("SELECT id FROM counter", vec![])];
    db.snapshot(Reach::Point, read, far()).await.expect("what was answered is still true");
    drop(db);
    if change == "replaced" {
        assert_eq!(std::fs::read(&path).expect("there"), b"another", "nothing was done to it");
    }
}

#[tokio::test]
async fn close_finishes_and_empties_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let db = Sqlite::open(&path).expect("opens");
    db.batch(vec![Stmt::new("CREATE TABLE t (id TEXT)", vec![])], far()).await.expect("created");
    db.close();
    assert_eq!(std::fs::metadata(with_suffix(&path, "-wal")).map_or(0, |log| log.len()), 0);
    assert!(matches!(db.batch(vec![], far()).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn tables_are_kept_in_few_pages() {
    let store = crate::Store::ephemeral().expect("opens");
    store.migrate(verger_wire::UnixMillis(1), far()).await.expect("migrated");
    let crate::db::Db::Sqlite(db) = &store.db else { panic!("it is SQLite") };
    let shape = "SELECT name FROM sqlite_schema WHERE sql LIKE '%WITHOUT ROWID' OR sql LIKE '%ON changes (user_id)' ORDER BY name";
    let rows =
        db.snapshot(Reach::Point, vec![Query::new(shape, vec![])], far()).await.expect("reads").remove(0);
    assert_eq!(rows, vec![vec![Value::from("changes_by_user")], vec![Value::from("claims")]]);
    let plan =
        "EXPLAIN QUERY PLAN SELECT place FROM changes WHERE user_id = $1 AND place < $2 ORDER BY place DESC";
    let plan = Query::new(plan, vec!["u".into(), 7.into()]);
    let rows = db.snapshot(Reach::Point, vec![plan], far()).await.expect("reads").remove(0);
    let told = Value::from("SEARCH changes USING COVERING INDEX changes_by_user (user_id=? AND rowid<?)");
    assert_eq!(rows.iter().map(|row| row.last()).collect::<Vec<_>>(), [Some(&told)]);
}
