//! `verger migrate` while somebody else has the store.

use crate::support::{Running, run, text, verger};
use std::path::Path;
use std::time::{Duration, Instant};

/// A new store that another process writes to until this is dropped.
fn held(folder: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("verger.db")).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn migration_of_a_store_that_somebody_holds_says_so_and_waits() {
    let folder = tempfile::tempdir().unwrap();
    let holder = held(folder.path());
    let mut migrating = Running::start(verger(["migrate", "--data", text(folder.path())]));
    migrating.until("it says that it waits", |migrating| {
        let told = migrating.stderr();
        told.lines()
            .any(|line| line.starts_with("migration 1 (initial): ") && line.contains("waiting"))
            .then_some(())
    });
    holder.execute_batch("ROLLBACK").unwrap();
    let ended = migrating.wait(crate::support::PATIENCE).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{}", migrating.stderr());
    assert!(migrating.stdout().contains("is now at schema version"), "{}", migrating.stdout());
    assert!(!migrating.stderr().contains('\r'), "it is no terminal");
}

#[test]
fn migration_stops_at_its_timeout_and_goes_on_when_it_is_called_again() {
    let folder = tempfile::tempdir().unwrap();
    let holder = held(folder.path());
    let began = Instant::now();
    let arguments = ["migrate", "--timeout", "1", "--data", text(folder.path())];
    let why = run(verger(arguments)).refused_last();
    assert!(why.contains("the same command resumes"), "{why}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(holder);
    let told = run(verger(arguments));
    assert_eq!(told.stderr, "", "what takes a moment says nothing");
    assert!(told.ok().contains("is now at schema version"));
    let ended = run(verger(["migrate", "--timeout", "0", "--data", text(folder.path())]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
