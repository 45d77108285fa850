//! Detects that the wall clock was set back, and corrects timestamps that then lie in the future.

use crate::app::App;
use crate::clock::WatchedClock;
use crate::limits;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::webhook_endpoint::FORMER_SECONDS_MAX;
use verger_store::StoreError;

const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Steps of a few hundred rows at a time; what is left waits for the next time.
const STEPS_MAX: usize = 1_000;
/// How often timestamps in the future are searched for although this machine's clock was not set back: the clock of
/// another server may have been ahead.
pub(crate) const SETTLE_EVERY: Duration = Duration::from_secs(600);

/// Schedules the search for timestamps in the future: at the start, after the clock was set back, and periodically.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    settled: Option<Instant>,
}

impl Watch {
    pub(crate) fn is_time(&mut self, clock: &WatchedClock) -> bool {
        let back_ms = clock.take_step_back();
        if let Some(back_ms) = back_ms {
            tracing::warn!(back_ms, "the clock of this machine was set back");
            metrics::counter!("verger_clock_set_back_total").increment(1);
        }
        let is_time = back_ms.is_some() || self.settled.is_none_or(|then| then.elapsed() >= SETTLE_EVERY);
        if is_time {
            self.settled = Some(Instant::now());
        }
        is_time
    }
}

/// Corrects all timestamps in the future. Idempotent, and safe to run in many servers at once.
pub(crate) async fn settle(app: Arc<App>) {
    let longest_ms = app.webhooks.longest_wait_ms();
    let former_ms = FORMER_SECONDS_MAX * 1000;
    let deliveries =
        in_steps(&app, || app.store().settle_deliveries(app.clock.now(), longest_ms, former_ms, soon()))
            .await;
    let codes =
        in_steps(&app, || app.store().settle_codes(|instance| app.now(instance), app.clock.now(), soon()))
            .await;
    let guesses =
        in_steps(&app, || app.store().settle_guesses(|instance| app.now(instance), app.clock.now(), soon()))
            .await;
    let counters = settle_counters(&app).await;
    // A failure does not stop the others.
    for (what, settled) in
        [("deliveries", deliveries), ("codes", codes), ("guesses", guesses), ("counters", counters)]
    {
        if let Err(error) = settled {
            tracing::warn!(
                %error,
                what,
                "timestamps in the future could not be corrected; will retry"
            );
        }
    }
}

fn soon() -> Instant {
    Instant::now() + STORE_TIMEOUT
}

async fn settle_counters(app: &App) -> Result<(), StoreError> {
    for instance in app.store().instances_with_future_counters(app.clock.now(), soon()).await? {
        let (scoped, now) = (app.store().instance(&instance), app.now(&instance));
        in_steps(app, || scoped.settle_counters(now, |scope| limits::period_start(scope, now), soon()))
            .await?;
    }
    Ok(())
}

async fn in_steps<F>(app: &App, step: impl Fn() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    for _ in 0..STEPS_MAX {
        if app.is_closing() || !step().await? {
            break;
        }
        // Let other writers in.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, STEP_MS};
    use verger_wire::UnixMillis;

    #[test]
    fn clock_that_was_set_back_is_noticed_once_whoever_looked_at_it() {
        let manual = Arc::new(ManualClock::at(UnixMillis(1_000_000)));
        let clock = WatchedClock::new(Arc::clone(&manual) as _);
        let mut watch = Watch::default();
        assert!(watch.is_time(&clock), "at the start");
        for (moved_ms, expected) in [
            (0, false),
            (5_000, false),
            (-STEP_MS + 1, false),
            (-STEP_MS, true),
            (0, false),
            (3_600_000, false),
        ] {
            manual.advance_ms(moved_ms);
            assert_eq!(watch.is_time(&clock), expected, "{moved_ms}");
        }
        // The clock went ahead and back between two checks: what was written meanwhile lies in the future.
        manual.advance_ms(3_600_000);
        clock.now();
        manual.advance_ms(-3_600_000);
        clock.now();
        assert_eq!([watch.is_time(&clock), watch.is_time(&clock)], [true, false]);
    }
}
