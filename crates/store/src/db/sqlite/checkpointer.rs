//! The checkpointer: copies the log back into the database beside the writer, and checks that both files are still the
//! ones that were opened.
//!
//! The log is left alone until it has 16 MiB: a page that changes often is then copied once, not five times a second.
//! SQLite begins the log anew only when all of it was copied and nobody reads from it, which never happens by itself
//! while the writer appends. So the checkpointer copies, and waits for the disk, until little is left, and then asks the
//! writer to do the rest between two groups. That pause is short because everything large was done before it.

use super::super::health::Health;
use super::connection::{
    BUSY_TIMEOUT, frame_bytes, leave_log_if_needed, open_checkpointer, sync_database, with_suffix,
};
use super::errors::{classify, is_failed_sync};
use super::files::Files;
use super::threads::Shared;
use crate::panic_text;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const MIB: i64 = 1 << 20;

/// From this size on the log is copied back and begun anew, in bytes.
const FULL: i64 = 16 * MIB;
/// The writer copies the log back itself from this size on. A fuse: for when the checkpointer is dead or far behind.
const FUSE: i64 = 128 * MIB;
/// From this size on the writer waits for the checkpointer after each group, which gets slower thereby.
const BRAKE_FROM: i64 = 24 * MIB;
/// How long.
const BRAKE: Duration = Duration::from_millis(100);
/// With this much left to copy, in bytes, the writer is asked to end it.
const REST: i64 = MIB;
/// With more than this left, in bytes, the writer is not stopped if a reader is the reason.
const REST_MAX: i64 = 4 * MIB;
/// How often the checkpointer copies before it leaves the rest to the writer: each time there is less.
const ROUNDS_MAX: usize = 4;
/// How long the writer waits for readers to end before it goes on with the log as it is.
const READERS_END: Duration = Duration::from_millis(10);
/// How long the checkpointer waits for the writer to begin the log anew, in which nobody may have anything to write.
const RESTART_WITHIN: Duration = Duration::from_millis(200);

/// How often the checkpointer looks whether there is something to do.
pub(super) const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// How soon a log is tried again that could not be copied.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How soon it is tried again after the writer had waited for readers in vain. Mostly these were slow, not stuck, and the
/// log grows meanwhile; but each further pause is twice as long, up to the other, so that a stuck one costs next to nothing.
const IN_VAIN: Duration = Duration::from_millis(10);
const IN_VAIN_MAX: Duration = Duration::from_secs(2);
/// A log that is held is told of after this long, which short reads never take.
const TOLD_AFTER: Duration = Duration::from_secs(30);
/// And then this often.
const TOLD_EVERY: Duration = Duration::from_secs(300);
/// Without a commit for this long, the log is emptied.
pub(super) const IDLE_AFTER: Duration = Duration::from_secs(2);
/// How often the checkpointer checks that the files are still where they were.
pub(super) const FILES_EVERY: Duration = Duration::from_secs(1);

/// The checkpointer with everything that it needs to begin again.
pub(super) struct Checkpointing {
    pub(super) path: PathBuf,
    pub(super) synchronous: &'static str,
    pub(super) connection: Connection,
    pub(super) files: Option<Files>,
    pub(super) shared: Arc<Shared>,
    pub(super) health: Arc<Health>,
}

/// How far the log was copied back, in bytes.
struct Copied {
    log: i64,
    copied: i64,
    /// Another is at it, or somebody still reads from the log.
    is_busy: bool,
}

/// What became of a log that is full.
enum Attempt {
    /// It is empty or begun anew, or will be at the next commit.
    Restarted,
    /// A reader needs more of it than the writer could wait for.
    Blocked,
    /// Everything was tried, and there was a reader still.
    InVain,
}

/// When there is something to do.
struct Pace {
    commits: u64,
    last_commit: Instant,
    is_empty: bool,
    /// A log that is held is left alone until then.
    again_at: Instant,
    /// How long it is left alone if the writer waits in vain.
    in_vain: Duration,
    /// Since when somebody has held it.
    held_since: Option<Instant>,
    /// When that was last told, or what was before it had ended.
    told_at: Instant,
}

impl Pace {
    fn begin(now: Instant) -> Self {
        Self {
            commits: 0,
            last_commit: now,
            // A process before this one may have left a log.
            is_empty: false,
            again_at: now,
            in_vain: IN_VAIN,
            held_since: None,
            told_at: now,
        }
    }

    fn is_waiting(&self) -> bool {
        self.again_at > Instant::now()
    }

    fn is_released(&mut self) {
        (self.held_since, self.in_vain) = (None, IN_VAIN);
    }

    /// Somebody holds the log: it is tried again after this time. For how long by now, if it is time to tell.
    fn is_held(&mut self, now: Instant, again_after: Duration) -> Option<Duration> {
        self.again_at = now + again_after;
        let Some(since) = self.held_since else {
            (self.held_since, self.told_at) = (Some(now), now);
            return None;
        };
        let pause = if self.told_at == since { TOLD_AFTER } else { TOLD_EVERY };
        let is_time = now.duration_since(self.told_at) >= pause;
        is_time.then(|| {
            self.told_at = now;
            now.duration_since(since)
        })
    }

    fn held_seconds(&self) -> f64 {
        self.held_since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }
}

impl Checkpointing {
    pub(super) fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.check_point_all())) {
            let pause = self.health.deaths.record("store_checkpointer", panic_text(&*panic), Instant::now());
            self.shared.pause(pause);
            match open_checkpointer(&self.path, self.synchronous) {
                Ok(connection) => self.connection = connection,
                Err(error) => tracing::error!(%error, "the checkpointer cannot reopen the store"),
            }
        }
        leave_log_if_needed(&self.connection, &self.health);
    }

    fn check_point_all(&mut self) {
        let log_path = with_suffix(&self.path, "-wal");
        let log_bytes = metrics::gauge!("verger_store_wal_bytes");
        let held_seconds = metrics::gauge!("verger_store_wal_held_seconds");
        let mut files_checked = Instant::now();
        let mut pace = Pace::begin(files_checked);
        loop {
            let again_after = pace.again_at.saturating_duration_since(Instant::now());
            let stop = if again_after.is_zero() {
                self.shared.pause_until_full(CHECKPOINT_EVERY)
            } else {
                self.shared.pause(again_after.min(CHECKPOINT_EVERY))
            };
            if files_checked.elapsed() >= FILES_EVERY {
                files_checked = Instant::now();
                if let Some(why) = self.files.as_mut().and_then(Files::why_moved) {
                    self.health.misplaced(&why);
                }
            }
            if self.health.is_failed() {
                if stop {
                    return;
                }
                continue;
            }
            if stop {
                // At the end there is time to wait for other processes.
                if let Err(error) = self.connection.busy_timeout(BUSY_TIMEOUT) {
                    tracing::warn!(%error, "the last checkpoint cannot wait for readers");
                }
                checkpoint(&self.connection, "PRAGMA wal_checkpoint(TRUNCATE)", &self.health);
            } else {
                self.keep_small(&mut pace);
            }
            // The file is there from the first commit on.
            held_seconds.set(pace.held_seconds());
            log_bytes.set(std::fs::metadata(&log_path).map_or(0.0, |log| log.len() as f64));
            if stop {
                return;
            }
        }
    }

    /// Empties a log to which nobody writes, and has a full one begun anew.
    fn keep_small(&self, pace: &mut Pace) {
        let commits = self.shared.commits.load(Ordering::Acquire);
        if commits != pace.commits {
            (pace.commits, pace.last_commit, pace.is_empty) = (commits, Instant::now(), false);
        }
        let is_idle = pace.last_commit.elapsed() > IDLE_AFTER;
        let is_full = self.shared.log_bytes.load(Ordering::Relaxed) >= FULL;
        let is_due = if is_idle { !pace.is_empty } else { is_full && !self.shared.wants_restart() };
        if !is_due {
            if !is_idle && !is_full {
                pace.is_released();
                self.shared.hold_log(false);
            }
            return;
        }
        if pace.is_waiting() {
            return;
        }
        let attempt = if is_idle { self.empty() } else { self.copy_and_restart() };
        let again_after = match attempt {
            Attempt::Restarted => None,
            Attempt::Blocked => Some(AGAIN_AFTER),
            Attempt::InVain => {
                let again_after = pace.in_vain;
                pace.in_vain = (again_after * 2).min(IN_VAIN_MAX);
                Some(again_after)
            }
        };
        pace.is_empty = is_idle && again_after.is_none();
        self.shared.hold_log(again_after.is_some());
        let Some(again_after) = again_after else { return pace.is_released() };
        if let Some(time) = pace.is_held(Instant::now(), again_after) {
            tracing::warn!(
                seconds = time.as_secs(),
                "the write-ahead log grows with each write: a reader, such as a backup, or another process has held it \
                 for this long"
            );
        }
    }

    /// Copies everything back and truncates the log.
    fn empty(&self) -> Attempt {
        // Most of it without the lock of writers, in case one comes, of this process or another.
        let is_empty = self.copy().is_some_and(|done| done.copied == done.log)
            && checkpoint(&self.connection, "PRAGMA wal_checkpoint(TRUNCATE)", &self.health)
                .is_some_and(|done| !done.is_busy);
        if !is_empty {
            return Attempt::InVain;
        }
        self.shared.log_is_empty();
        Attempt::Restarted
    }

    /// Copies a full log back beside the writer, until so little is left that the writer can do the rest.
    fn copy_and_restart(&self) -> Attempt {
        let mut rounds = 0;
        loop {
            let Some(done) = self.copy() else { return Attempt::Blocked };
            if !done.is_busy && done.log < FULL {
                // Another process has begun it anew.
                self.shared.log_bytes.store(done.log, Ordering::Relaxed);
                return Attempt::Restarted;
            }
            rounds += 1;
            let is_blocked = done.is_busy || done.copied < done.log;
            let rest = self.shared.log_bytes.load(Ordering::Relaxed) - done.copied;
            let is_short = if is_blocked { rest <= REST_MAX } else { rest <= REST || rounds == ROUNDS_MAX };
            if is_short {
                return match self.shared.restart_log(RESTART_WITHIN) {
                    Some(false) => Attempt::InVain,
                    Some(true) | None => Attempt::Restarted,
                };
            }
            if is_blocked {
                return Attempt::Blocked;
            }
        }
    }

    /// Copies beside the writer what nobody reads from the log any more, and waits for the disk.
    fn copy(&self) -> Option<Copied> {
        let done = checkpoint(&self.connection, "PRAGMA wal_checkpoint(PASSIVE)", &self.health)?;
        // SQLite does that only if the writer appended nothing meanwhile. Otherwise the writer would have to wait for all
        // of it in its pause.
        let synced = if self.synchronous == "OFF" { Ok(()) } else { sync_database(&self.connection) };
        learn(synced.map(|()| done), &self.health)
    }
}

/// What the writer does about the log after a commit, before its next group. `bytes`: the size of the log.
pub(super) fn tend_log(connection: &Connection, bytes: i64, shared: &Shared, health: &Health) {
    shared.log_bytes.store(bytes, Ordering::Relaxed);
    if bytes >= FULL {
        shared.log_is_full();
    }
    if bytes >= BRAKE_FROM {
        shared.wait_for_checkpointer(BRAKE);
    }
    if shared.wants_restart() {
        let is_done = restart(connection, health);
        if is_done {
            shared.log_bytes.store(0, Ordering::Relaxed);
        }
        shared.restarted_log(is_done);
        return;
    }
    // Nobody appends meanwhile, so all of it can be copied, if no reader is in the way.
    if bytes > FUSE {
        checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)", health);
    }
}

/// Copies what is left and waits a moment for readers; `true` if the next commit begins the log anew.
fn restart(connection: &Connection, health: &Health) -> bool {
    let patience = |time| learn(connection.busy_timeout(time), health);
    patience(READERS_END);
    let done = checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)", health);
    patience(BUSY_TIMEOUT);
    done.is_some_and(|done| !done.is_busy)
}

/// Copies the log back; `None` if that failed.
///
/// A failed `fsync` of the database file is the end: some pages were given to it by earlier checkpoints that counted as
/// done, and only the whole log, played back from its beginning by recovery, has them again.
fn checkpoint(connection: &Connection, mode: &str, health: &Health) -> Option<Copied> {
    let done = frame_bytes(connection).and_then(|frame| {
        connection.query_row(mode, [], |row| {
            Ok(Copied {
                log: row.get::<_, i64>("log")? * frame,
                copied: row.get::<_, i64>("checkpointed")? * frame,
                is_busy: row.get::<_, i64>("busy")? != 0,
            })
        })
    });
    learn(done, health)
}

fn learn<T>(done: rusqlite::Result<T>, health: &Health) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) if is_failed_sync(&error) => {
            health.fail(&format!("the log could not be copied back: {error}"));
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be checkpointed; will retry");
            health.learn(&Err::<(), _>(classify(error)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_that_is_held_is_told_of_after_a_while_and_then_seldom() {
        let begun = Instant::now();
        let mut pace = Pace::begin(begun);
        let mut told = Vec::new();
        let mut hold = |pace: &mut Pace, seconds: std::ops::Range<u64>| {
            told.clear();
            for second in seconds {
                let time = pace.is_held(begun + Duration::from_secs(second), IN_VAIN_MAX);
                told.extend(time.map(|time| (second, time.as_secs())));
            }
            told.clone()
        };
        assert_eq!(hold(&mut pace, 10..1_000), [(40, 30), (340, 330), (640, 630), (940, 930)]);
        pace.is_released();
        assert_eq!(hold(&mut pace, 1_000..1_040), [(1_030, 30)], "another reader");
    }
}
