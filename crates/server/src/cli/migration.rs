//! Bringing a store up to this build, with its progress on standard error.

use crate::clock::{Clock, SystemClock};
use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::{Duration, Instant};
use verger_store::{MigrationLimits, MigrationProgress, MigrationWork, Store};

/// No progress is printed for a migration that takes no longer than this.
const MOMENT: Duration = Duration::from_secs(1);
/// How often the progress line on a terminal is redrawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// How often a line is printed elsewhere.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Migrates, and reports progress on standard error if it takes longer than [`MOMENT`].
pub(super) async fn bring_up(store: &Store, limits: MigrationLimits) -> anyhow::Result<Vec<i64>> {
    let told = RefCell::new(Told::new(std::io::stderr().is_terminal()));
    let now = SystemClock.now();
    let mut migrating = pin!(store.migrate_with(now, limits, |progress| {
        told.borrow_mut().note(*progress, Instant::now());
    }));
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let applied = loop {
        tokio::select! {
            applied = &mut migrating => break applied,
            // Some steps report no progress for long.
            _ = ticks.tick() => told.borrow_mut().draw(Instant::now()),
        }
    };
    told.borrow().end();
    Ok(applied?)
}

/// The progress of a migration: a line that is redrawn on a terminal, elsewhere a line every few seconds.
struct Told {
    is_terminal: bool,
    began: Instant,
    /// The latest progress, when its step began, and the rows that were done then.
    seen: Option<(MigrationProgress, Instant, u64)>,
    drawn: Option<Instant>,
    is_new: bool,
}

impl Told {
    fn new(is_terminal: bool) -> Self {
        Self { is_terminal, began: Instant::now(), seen: None, drawn: None, is_new: false }
    }

    fn note(&mut self, progress: MigrationProgress, now: Instant) {
        let step = |progress: &MigrationProgress| (progress.version, progress.step, progress.is_waiting);
        let begun = self.seen.as_ref().filter(|(seen, ..)| step(seen) == step(&progress));
        let (at, rows) = match begun {
            Some((_, at, rows)) => (*at, *rows),
            None => {
                self.is_new = true;
                (now, progress.done)
            }
        };
        self.seen = Some((progress, at, rows));
    }

    fn draw(&mut self, now: Instant) {
        let Some((progress, at, rows)) = self.seen else { return };
        let every = if self.is_terminal { DRAW_EVERY } else { LINE_EVERY };
        let is_soon = self.drawn.is_some_and(|drawn| now.duration_since(drawn) < every);
        if now.duration_since(self.began) < MOMENT || (is_soon && !self.is_new) {
            return;
        }
        self.drawn = Some(now);
        self.is_new = false;
        let line = migration_line(&progress, now.duration_since(at), progress.done.saturating_sub(rows));
        let mut err = std::io::stderr();
        // A failed write of progress is ignored.
        let _ = if self.is_terminal { write!(err, "\r{line}\x1b[K") } else { writeln!(err, "{line}") };
        let _ = err.flush();
    }

    fn end(&self) {
        if self.is_terminal && self.drawn.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn migration_line(progress: &MigrationProgress, since: Duration, done_since: u64) -> String {
    let MigrationProgress { version, title, step, steps, work, name, done, total, is_waiting } = *progress;
    let what = match work {
        MigrationWork::Schema => "tables and columns".to_owned(),
        MigrationWork::Index => format!("index {name}"),
        MigrationWork::Rows => format!("rows of {name}"),
    };
    let of = if steps > 1 { format!(", step {step} of {steps}") } else { String::new() };
    let mut line = format!("migration {version} ({title}){of}: {what}");
    if let Some(percent) = (done.min(total) * 100).checked_div(total) {
        line += &format!(", {percent} %");
    }
    if work == MigrationWork::Rows && (total > 0 || done > 0) {
        let of = if total > 0 { format!("of {total}") } else { "rows".to_owned() };
        line += &format!(", {done} {of}");
        let rate = done_since as f64 / since.as_secs_f64();
        if rate >= 1.0 && since >= MOMENT {
            line += &format!(", {rate:.0} rows/s");
        }
    }
    if is_waiting {
        line += ", waiting: another process holds a lock, or the database is unreachable";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_migration_says_the_step_how_far_it_is_and_how_fast() {
        let rows = MigrationProgress {
            version: 4,
            title: "weights",
            step: 2,
            steps: 3,
            work: MigrationWork::Rows,
            name: "outbox",
            done: 3_000,
            total: 12_000,
            is_waiting: false,
        };
        assert_eq!(
            migration_line(&rows, Duration::from_secs(2), 2_000),
            "migration 4 (weights), step 2 of 3: rows of outbox, 25 %, 3000 of 12000, 1000 rows/s"
        );
        let index =
            MigrationProgress { step: 3, work: MigrationWork::Index, name: "by_weight", total: 0, ..rows };
        assert_eq!(
            migration_line(&MigrationProgress { is_waiting: true, ..index }, Duration::from_secs(2), 0),
            "migration 4 (weights), step 3 of 3: index by_weight, waiting: another process holds a lock, or the database is unreachable"
        );
        assert_eq!(
            migration_line(&MigrationProgress { total: 0, ..rows }, Duration::from_secs(2), 2_000),
            "migration 4 (weights), step 2 of 3: rows of outbox, 3000 rows, 1000 rows/s"
        );
        let only = MigrationProgress { steps: 1, step: 1, work: MigrationWork::Schema, total: 0, ..rows };
        assert_eq!(migration_line(&only, Duration::ZERO, 0), "migration 4 (weights): tables and columns");
    }
}
