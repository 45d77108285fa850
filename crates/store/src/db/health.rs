//! What a database knows of its own state.

use crate::{Deaths, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// What only somebody who looks after the store can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing can be read or written until the store is opened anew.
    Failed(String),
    /// The database as such is damaged.
    Damaged(String),
    /// The files are not where they were: what is written would be lost.
    Misplaced(String),
    /// A thread dies again and again.
    Dying(String),
}

impl Trouble {
    /// In words, without what they should not have who do not run the server: names of files and hosts.
    pub fn words(&self) -> String {
        match self {
            Self::Failed(_) => "the store failed; the server must be started again".to_owned(),
            Self::Damaged(_) => "the database is damaged".to_owned(),
            Self::Misplaced(_) => "the file of the store was removed or replaced".to_owned(),
            Self::Dying(what) => what.clone(),
        }
    }
}

/// When the last commit that had something to write ended, and how.
type LastCommit = (Instant, Result<(), String>);

/// Shared by everything that reads or writes a database.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Why nothing can be read or written any more until the database is opened anew.
    failed: watch::Sender<Option<String>>,
    /// What is damaged. Stays until the database is opened anew: nobody repairs it meanwhile.
    damaged: Mutex<Option<String>>,
    /// Why what is written would be lost: the files are not where they were.
    misplaced: Mutex<Option<String>>,
    last_commit: Mutex<Option<LastCommit>>,
    pub(crate) deaths: Deaths,
}

impl Health {
    /// From now on nothing is read or written: what is true, only recovery can tell.
    pub(crate) fn fail(&self, why: &str) {
        let is_first = self.failed.send_if_modified(|failed| {
            let is_first = failed.is_none();
            failed.get_or_insert_with(|| why.to_owned());
            is_first
        });
        if is_first {
            tracing::error!(
                why,
                "the store failed and refuses everything; check the disk, then restart the server, which recovers or drops what \
                 was being committed"
            );
        }
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// An error for everybody who comes after the failure.
    pub(crate) fn refuse_failed(&self) -> Result<(), StoreError> {
        match &*self.failed.borrow() {
            None => Ok(()),
            Some(why) => Err(StoreError::Unavailable(format!("the store failed: {why}"))),
        }
    }

    /// Done once the store has failed; gives why.
    pub(crate) async fn failure(&self) -> String {
        let mut failed = self.failed.subscribe();
        loop {
            if let Some(why) = &*failed.borrow_and_update() {
                return why.clone();
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(crate) fn damaged(&self, what: &str) {
        let mut damaged = lock(&self.damaged);
        if damaged.is_none() {
            tracing::error!(
                what,
                "the database is damaged: run `verger check`, which names the table, restore a backup or repair it, then restart \
                 the server"
            );
            *damaged = Some(what.to_owned());
        }
    }

    /// Takes note of what an error says about the database as a whole.
    pub(crate) fn learn<T>(&self, result: &Result<T, StoreError>) {
        if let Err(StoreError::Damaged(what)) = result {
            self.damaged(what);
        }
    }

    pub(crate) fn misplaced(&self, why: &str) {
        let mut misplaced = lock(&self.misplaced);
        if misplaced.is_none() {
            tracing::error!(
                why,
                "the store was removed or replaced; writes are refused, because they would be lost: put it back and restart the \
                 server"
            );
            *misplaced = Some(why.to_owned());
        }
    }

    pub(crate) fn why_misplaced(&self) -> Option<String> {
        lock(&self.misplaced).clone()
    }

    /// How a commit ended that had something to write.
    pub(crate) fn committed(&self, outcome: Result<(), String>) {
        *lock(&self.last_commit) = Some((Instant::now(), outcome));
    }

    /// Something was tried that says nothing about the database, good or bad: whoever wants to know must write.
    pub(crate) fn doubt_commit(&self) {
        *lock(&self.last_commit) = None;
    }

    pub(crate) fn last_commit(&self) -> Option<LastCommit> {
        lock(&self.last_commit).clone()
    }

    pub(crate) fn trouble(&self) -> Option<Trouble> {
        if let Some(why) = &*self.failed.borrow() {
            return Some(Trouble::Failed(why.clone()));
        }
        if let Some(what) = &*lock(&self.damaged) {
            return Some(Trouble::Damaged(what.clone()));
        }
        let misplaced = self.why_misplaced().map(Trouble::Misplaced);
        misplaced.or_else(|| self.deaths.trouble(Instant::now()).map(Trouble::Dying))
    }
}

/// Ignores poisoning: what the lock guards is replaced whole, never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
