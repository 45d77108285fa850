//! Arithmetic with moments of the wall clock.
//!
//! The clock of a machine can be set back, and the clocks of several machines differ: what is stored may lie in the
//! future. Such a moment counts as now. No difference of two moments is taken as positive, and nobody waits for longer
//! than the constant of what they wait for. How long something takes inside one process is measured with `Instant`.

use verger_wire::UnixMillis;

/// How far the clocks of servers of one store may be apart, in milliseconds. What lies further in the future was written by
/// a clock that was ahead.
pub const CLOCKS_DIFFER_MS: i64 = 60 * 1000;

/// How long ago `then` was, in milliseconds: 0 if it is in the future.
pub fn age_ms(now: UnixMillis, then: UnixMillis) -> i64 {
    now.0.saturating_sub(then.0).max(0)
}

/// How long it still is until `until`, in milliseconds: from 0 to `longest_ms`, the most that there can ever be.
pub fn remaining_ms(until: UnixMillis, now: UnixMillis, longest_ms: i64) -> i64 {
    until.0.saturating_sub(now.0).clamp(0, longest_ms.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_stay_within_their_bounds_wherever_the_clock_stands() {
        let now = UnixMillis(1_800_000_000_000);
        for (then, age, left) in [
            (now, 0, 0),
            (now.plus_ms(-5), 5, 0),
            (now.plus_ms(5), 0, 5),
            (now.plus_ms(31), 0, 30),
            (UnixMillis(i64::MAX), 0, 30),
            (UnixMillis(i64::MIN), i64::MAX, 0),
        ] {
            assert_eq!((age_ms(now, then), remaining_ms(then, now, 30)), (age, left), "{then:?}");
        }
        assert_eq!(remaining_ms(now.plus_ms(5), now, -1), 0);
        assert_eq!(CLOCKS_DIFFER_MS, 60_000, "a minute");
    }
}
