//! When a request is sent again, and after which delay.

use std::time::Duration;

/// No delay of ours is longer, whatever the policy says.
const DELAY_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How often and how fast a request is sent again.
///
/// A request is repeated only where that is safe: a GET, or a write that carries an `Idempotency-Key` (which the client
/// adds by itself), after a connection that failed or broke, an attempt that took too long, or the status 429, 500, 502,
/// 503 or 504. A write without a key is repeated only when no connection could be made, since then nothing was sent.
///
/// The delay before try *n* + 1 is a random time between 0 and `base_delay` · 2^(*n* − 1), at most `max_delay` (full
/// jitter), after what `Retry-After` asks for. If it would end after the request's total time, the error is given at
/// once.
///
/// A service that does not know `Idempotency-Key` ignores it: there, a repeated POST can act twice. Take
/// [`never`](Self::never) for those calls if that matters.
///
/// ```
/// # use std::time::Duration;
/// # use verger_client::{Client, RetryPolicy};
/// # let builder = verger_client::testing::MockTransport::new().builder();
/// let policy = RetryPolicy::default().max_attempts(5).max_delay(Duration::from_secs(2));
/// let client = builder.retry(policy).build()?;
/// # Ok::<(), verger_client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts, delays from 100 ms to 5 s.
    fn default() -> Self {
        Self { max_attempts: 4, base_delay: Duration::from_millis(100), max_delay: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
    /// Every request is sent once.
    ///
    /// ```
    /// # use verger_client::RetryPolicy;
    /// assert_eq!(RetryPolicy::never(), RetryPolicy::default().max_attempts(1));
    /// ```
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// How often a request is sent at most, the first time included; 0 counts as 1. Default 4.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The longest delay before the second attempt; it doubles from there. Default 100 ms.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest delay of all, `Retry-After` aside. Default 5 s.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// The delay after `attempts` tries, where `chance` is evenly spread over all values.
    pub(crate) fn delay(&self, attempts: u32, chance: u32, retry_after: Option<Duration>) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let ceiling = self.base_delay.saturating_mul(1 << doublings).min(self.max_delay).min(DELAY_LIMIT);
        let jitter = ceiling.mul_f64(f64::from(chance) / f64::from(u32::MAX));
        retry_after.unwrap_or_default().saturating_add(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_is_spread_from_zero_to_a_ceiling_that_doubles() {
        let policy = RetryPolicy::default();
        for (attempts, ceiling_ms) in [(1, 100), (2, 200), (3, 400), (7, 5_000), (u32::MAX, 5_000)] {
            assert_eq!(policy.delay(attempts, 0, None), Duration::ZERO);
            assert_eq!(policy.delay(attempts, u32::MAX, None), Duration::from_millis(ceiling_ms));
            let half = policy.delay(attempts, u32::MAX / 2, None).as_millis();
            assert!(half.abs_diff(u128::from(ceiling_ms / 2)) <= 1, "{half}");
        }
        let huge = policy.max_delay(Duration::MAX).base_delay(Duration::from_secs(u64::MAX / 2));
        assert!(huge.delay(9, u32::MAX / 2, Some(Duration::MAX)) == Duration::MAX);
    }

    #[test]
    fn delay_is_never_less_than_the_service_asks_for() {
        let asked = Duration::from_secs(7);
        assert_eq!(RetryPolicy::default().delay(1, 0, Some(asked)), asked);
        assert!(RetryPolicy::default().delay(1, u32::MAX, Some(asked)) > asked);
    }
}
