//! Where the time comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};
use verger_core::profile;
use verger_deliver::WallClock;
use verger_wire::UnixMillis;

/// A smaller difference than this is not a step back: threads that read the clock concurrently may see its values in any
/// order.
pub(crate) const STEP_MS: i64 = 1_000;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> UnixMillis;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock for tests, which moves only on request.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

/// The wall clock as everybody in this process sees it, which remembers that it was set back.
pub(crate) struct WatchedClock {
    clock: Arc<dyn Clock>,
    last: AtomicI64,
    back_ms: AtomicI64,
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the operating system for the time"
    )]
    fn now(&self) -> UnixMillis {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, duration_ms: i64) {
        self.0.fetch_add(duration_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}

impl WatchedClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let last = AtomicI64::new(clock.now().0);
        Self { clock, last, back_ms: AtomicI64::new(0) }
    }

    /// The current time.
    pub(crate) fn now(&self) -> UnixMillis {
        let now = self.clock.now();
        let back_ms = self.last.swap(now.0, Ordering::Relaxed).saturating_sub(now.0);
        if back_ms >= STEP_MS {
            self.back_ms.fetch_max(back_ms, Ordering::Relaxed);
        }
        now
    }

    /// By how many milliseconds the clock was set back since the last call.
    pub(crate) fn take_step_back(&self) -> Option<i64> {
        self.now();
        Some(self.back_ms.swap(0, Ordering::Relaxed)).filter(|back_ms| *back_ms > 0)
    }
}

/// A clock of ours for senders.
pub fn wall_clock(clock: Arc<dyn Clock>) -> WallClock {
    Arc::new(move || system_time(clock.now()))
}

/// A timestamp as a `SystemTime` of the standard library.
pub(crate) fn system_time(at: UnixMillis) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or_default())
}

/// A timestamp in RFC 3339, to the second.
pub(crate) fn for_people(moment: UnixMillis) -> String {
    profile::format_date(UnixMillis(moment.0 - moment.0.rem_euclid(1000)))
}
