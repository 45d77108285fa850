//! Retention: deletes old rows for as long as the server runs.
//!
//! The amount of work is not limited, but its share of the time is: after every step the sweep pauses for four times as
//! long as the step took, so that it takes at most a fifth of the time, on fast and slow machines alike. Of several
//! servers on one database one sweeps, with a lease of a minute.

use crate::app::App;
use std::time::{Duration, Instant};
use verger_core::verification::CODE_LIFETIME_MS;
use verger_store::{Kept, RETENTION_LEASE_MS, Retained, StoreError, Sweep};
use verger_wire::UnixMillis;

/// Minimum retention of an answer to an `Idempotency-Key`.
const ANSWERS_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Retention of old codes and of counters: longer than any period that a limit covers.
const CODES_KEPT_MS: i64 = 31 * 24 * 60 * 60 * 1000;
/// The pause after a step, as a multiple of its duration.
const RESTS: u32 = 4;
/// The pause once nothing is left.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the rows are scanned of which age alone does not tell whether they can go.
const WALK_EVERY: Duration = Duration::from_secs(600);
/// How often the age of the oldest rows is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(60);
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of the sweep between two steps.
#[derive(Default)]
struct Retention {
    sweep: Sweep,
    /// The minute in which this server last asked for the lease, and whether it has it.
    minute: Option<(i64, bool)>,
    walked: Option<Instant>,
    measuring: Measuring,
}

/// One pass over all kinds of rows.
#[derive(Default)]
struct Measuring {
    ended: Option<Instant>,
    /// How many kinds this pass has covered.
    done: usize,
    /// Whether this pass found something, or could not tell.
    found: bool,
    /// Whether the previous pass found something.
    has_rows: bool,
}

/// Sweeps until the process ends.
pub(crate) async fn keep(app: &App) {
    let mut retention = Retention::default();
    loop {
        let started = Instant::now();
        let wish = retention.step(app).await;
        tokio::time::sleep(rest_after(started.elapsed()).max(wish)).await;
    }
}

/// The pause after a step.
fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(RESTS)
}

/// The oldest timestamps that are kept, by kind.
fn kept(app: &App) -> Kept {
    let now = app.clock.now();
    Kept {
        now,
        answers: now.plus_ms(-ANSWERS_KEPT_MS),
        codes: now.plus_ms(-CODES_KEPT_MS),
        sealed: now.plus_ms(-2 * CODE_LIFETIME_MS),
        events: now.plus_ms(-app.webhooks.events_kept_ms()),
        audit: app.webhooks.audit_kept_ms().map(|kept| now.plus_ms(-kept)),
    }
}

impl Retention {
    /// Does the next step, which is short; returns how long there is nothing to do.
    async fn step(&mut self, app: &App) -> Duration {
        let kept = kept(app);
        let deadline = Instant::now() + STORE_TIMEOUT;
        if let Some(of) = self.measuring.next() {
            let oldest = app.store().oldest_kept(of, &kept, deadline).await;
            match &oldest {
                Ok(oldest) => tell(of, *oldest, kept.now),
                Err(error) => {
                    tracing::warn!(%error, what = of.name(), "the age of the oldest rows cannot be measured");
                }
            }
            // A failed measurement must not stop the sweep.
            self.measuring.note(!matches!(oldest, Ok(None)));
            return Duration::ZERO;
        }
        // An empty database stays empty: it can still be the target of a copy.
        if !self.measuring.has_rows {
            return LOOK_EVERY;
        }
        match self.is_ours(app, kept.now, deadline).await {
            Ok(true) => {}
            Ok(false) => return LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the lease for removing old rows cannot be obtained; will retry");
                return LOOK_EVERY;
            }
        }
        if self.sweep.is_done() {
            let walks = self.walked.is_none_or(|then| then.elapsed() >= WALK_EVERY);
            match app.store().begin_sweep(&kept, walks, deadline).await {
                Ok(sweep) => self.sweep = sweep,
                Err(error) => {
                    tracing::warn!(%error, "old rows cannot be read; will retry");
                    return LOOK_EVERY;
                }
            }
            if walks {
                self.walked = Some(Instant::now());
            }
            return Duration::ZERO;
        }
        if let Err(error) = app.store().continue_sweep(&mut self.sweep, &kept, deadline).await {
            tracing::warn!(
                %error,
                what = error.what,
                instance_id = error.instance.as_ref().map_or("-", |instance| instance.as_str()),
                "old rows could not be removed; will retry"
            );
        }
        if self.sweep.is_done() { LOOK_EVERY } else { Duration::ZERO }
    }

    async fn is_ours(&mut self, app: &App, now: UnixMillis, deadline: Instant) -> Result<bool, StoreError> {
        let minute = now.0.div_euclid(RETENTION_LEASE_MS);
        if let Some((asked, is_ours)) = self.minute
            && asked == minute
        {
            return Ok(is_ours);
        }
        let is_ours = app.store().claim_retention(now, deadline).await?;
        self.minute = Some((minute, is_ours));
        Ok(is_ours)
    }
}

impl Measuring {
    /// The kind to measure now. The next round begins a minute after the end of the last one, however slow that was.
    fn next(&self) -> Option<Retained> {
        let is_time = self.ended.is_none_or(|then| then.elapsed() >= MEASURE_EVERY);
        Retained::ALL.get(self.done).copied().filter(|_| is_time)
    }

    fn note(&mut self, found: bool) {
        self.found |= found;
        self.done += 1;
        if self.done == Retained::ALL.len() {
            *self = Self { ended: Some(Instant::now()), has_rows: self.found, ..Self::default() };
        }
    }
}

/// Publishes the age of the oldest row of a kind.
fn tell(of: Retained, oldest: Option<UnixMillis>, now: UnixMillis) {
    let age_ms = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0).max(0));
    metrics::gauge!("verger_retention_oldest_seconds", "what" => of.name()).set(age_ms as f64 / 1000.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_that_cannot_be_measured_counts_as_rows_until_the_next_look() {
        let mut measuring = Measuring::default();
        let mut look = |failing: Option<Retained>| {
            measuring.ended = None;
            let mut seen = Vec::new();
            while let Some(of) = measuring.next() {
                seen.push(of);
                measuring.note(Some(of) == failing);
            }
            assert_eq!(seen, Retained::ALL);
            measuring.has_rows
        };
        assert!(!look(None));
        assert!(look(Some(Retained::Answers)), "the others are looked at all the same");
        assert!(!look(None));
    }

    #[test]
    fn sweeping_takes_a_fifth_of_the_time_at_most() {
        let (mut swept, mut rested) = (Duration::ZERO, Duration::ZERO);
        for took_us in [0, 1, 17, 900, 5_000, 48_000, 250_000, 5_000_000] {
            let took = Duration::from_micros(took_us);
            swept += took;
            rested += rest_after(took);
            assert!(swept * 5 <= swept + rested, "{swept:?} of {:?}", swept + rested);
        }
        assert_eq!(rest_after(Duration::MAX), Duration::MAX);
    }
}
