//! Group commit: many batches in one transaction, each with an answer of its own.

use super::appending::Appending;
use super::errors::{classify, is_failed_sync, is_undone_by_commit, unavailable_or_damaged};
use super::job::{Job, Work};
use super::statement::{Refused, execute, refused};
use crate::StoreError;
use crate::changes::Numbering;
use rusqlite::Connection;

/// What became of a group.
pub(super) struct Group {
    /// One answer per batch.
    pub(super) answers: Vec<Result<(), StoreError>>,
    pub(super) end: End,
}

/// How the commit of a group ended.
pub(super) enum End {
    Committed,
    /// Nothing of it is in the database.
    Undone(String),
    /// The writer cannot continue. The answers say whether something of it may be found.
    Fatal(String),
}

/// Runs each batch in a savepoint and commits them together; gives each its own answer.
pub(super) fn commit_group(connection: &Connection, numbering: &Numbering, group: &[Job]) -> Group {
    let undone = |error: &rusqlite::Error| {
        let why = error.to_string();
        let answers = group.iter().map(|_| Err(unavailable_or_damaged(error, &why))).collect();
        // The write failed before the commit.
        let end = if is_failed_sync(error) { End::Fatal(why) } else { End::Undone(why) };
        Group { answers, end }
    };
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        return undone(&error);
    }
    let mut answers = Vec::with_capacity(group.len());
    let mut appending = Appending::new(numbering);
    for (at, job) in group.iter().enumerate() {
        match run_work(connection, &mut appending, &job.work) {
            Ok(()) => answers.push(Ok(())),
            Err(Refused::Alone(error @ StoreError::Damaged(_))) if group.len() > 1 => {
                return without_damaged(connection, numbering, group, at, error);
            }
            Err(Refused::Alone(error))
                if !connection.is_autocommit() && !matches!(error, StoreError::Damaged(_)) =>
            {
                answers.push(Err(error));
            }
            // Some failures, such as a full disk, make SQLite roll the whole transaction back.
            Err(refused) => return refuse_group(connection, group, refused),
        }
    }
    if let Err(refused) = appending.write_ends(connection) {
        return refuse_group(connection, group, refused);
    }
    let Err(error) = execute(connection, "COMMIT") else { return Group { answers, end: End::Committed } };
    if !is_undone_by_commit(&error) {
        let why = format!("the commit failed: {error}");
        // What was refused before was not in it.
        let unknown = |answer: Result<(), StoreError>| match answer {
            Ok(()) => Err(StoreError::OutcomeUnknown(why.clone())),
            Err(_) => Err(StoreError::Unavailable(why.clone())),
        };
        return Group { answers: answers.into_iter().map(unknown).collect(), end: End::Fatal(why) };
    }
    let undone = undone(&error);
    if connection.is_autocommit() {
        return undone;
    }
    match execute(connection, "ROLLBACK") {
        Ok(()) => undone,
        Err(error) => Group { end: cannot_roll_back(&error), ..undone },
    }
}

/// Commits the others one by one: once a transaction has met damage, SQLite no longer commits it.
pub(super) fn without_damaged(
    connection: &Connection,
    numbering: &Numbering,
    group: &[Job],
    damaged: usize,
    error: StoreError,
) -> Group {
    let Group { mut answers, mut end } = give_up(connection, group, error);
    for (at, job) in group.iter().enumerate().filter(|(at, _)| *at != damaged) {
        if matches!(end, End::Fatal(_)) {
            break;
        }
        let alone = commit_group(connection, numbering, std::slice::from_ref(job));
        if let (Some(answer), Some(told)) = (answers.get_mut(at), alone.answers.into_iter().next()) {
            *answer = told;
        }
        if !matches!(alone.end, End::Undone(_)) {
            end = alone.end;
        }
    }
    Group { answers, end }
}

/// Nothing of the group is committed.
fn refuse_group(connection: &Connection, group: &[Job], refused: Refused) -> Group {
    match refused {
        Refused::Alone(error) | Refused::WithItsGroup(error) => give_up(connection, group, error),
        Refused::DiskFailed(error) => {
            let group = give_up(connection, group, error.clone());
            Group { end: End::Fatal(error.to_string()), ..group }
        }
    }
}

/// Nothing of the group is committed, because of this error of one of its batches.
pub(super) fn give_up(connection: &Connection, group: &[Job], error: StoreError) -> Group {
    let why = error.to_string();
    let answer = || match &error {
        StoreError::Damaged(what) => StoreError::Damaged(what.clone()),
        _ => StoreError::Unavailable(why.clone()),
    };
    let answers = group.iter().map(|_| Err(answer())).collect();
    let end = if connection.is_autocommit() {
        End::Undone(why)
    } else {
        execute(connection, "ROLLBACK").map_or_else(|error| cannot_roll_back(&error), |()| End::Undone(why))
    };
    Group { answers, end }
}

/// What is still in the transaction is never committed, but nothing else can be begun either.
pub(super) fn cannot_roll_back(error: &rusqlite::Error) -> End {
    End::Fatal(format!("a transaction could not be rolled back: {error}"))
}

pub(super) fn run_work(
    connection: &Connection,
    appending: &mut Appending<'_>,
    work: &Work,
) -> Result<(), Refused> {
    let whole = |error| Refused::WithItsGroup(classify(error));
    if let Work::Batch(statements) = work {
        appending.make_way(connection, statements).map_err(Refused::with_its_group)?;
    }
    execute(connection, "SAVEPOINT batch").map_err(|error| Refused::Alone(classify(error)))?;
    let ran = match work {
        Work::Batch(statements) => appending.run(connection, statements),
        Work::Proof => prove(connection),
    };
    let Err(refused) = ran else { return execute(connection, "RELEASE batch").map_err(whole) };
    appending.undo();
    if !connection.is_autocommit() {
        // Part of a refused batch must not be committed with its neighbours.
        execute(connection, "ROLLBACK TO batch").map_err(whole)?;
        execute(connection, "RELEASE batch").map_err(whole)?;
    }
    Err(refused)
}

/// Counts up a number in the database's header that means nothing.
pub(super) fn prove(connection: &Connection) -> Result<(), Refused> {
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i32>(0);
    let number = connection.query_row("PRAGMA user_version", [], read);
    let next = number.map(|number| number.wrapping_add(1) & i32::MAX);
    next.and_then(|next| connection.pragma_update(None, "user_version", next))
        .map_err(|error| refused(error, "user_version"))
}
