//! Threads and tasks that should never end, and did.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many deaths of one task within [`WITHIN`] are no accident any more.
const DEATHS_MAX: usize = 3;
/// How long a death is remembered.
const WITHIN: Duration = Duration::from_secs(600);
/// The pause before a task is restarted after its first death; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The deaths of tasks within the last ten minutes. Each is logged and counted in `verger_task_restarts_total`.
#[derive(Debug, Default)]
pub struct Deaths(Mutex<HashMap<&'static str, Vec<Instant>>>);

impl Deaths {
    /// Records the death of a task, and gives how long to wait before it is restarted.
    pub fn record(&self, task: &'static str, why: &str, now: Instant) -> Duration {
        metrics::counter!("verger_task_restarts_total", "task" => task).increment(1);
        let mut deaths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_task = deaths.entry(task).or_default();
        of_task.retain(|death| now.saturating_duration_since(*death) < WITHIN);
        of_task.push(now);
        let doublings = u32::try_from(of_task.len() - 1).unwrap_or(u32::MAX).min(16);
        let pause = (PAUSE * 2_u32.pow(doublings)).min(PAUSE_MAX);
        tracing::error!(task, why, deaths = of_task.len(), pause = ?pause, "a background task died and will be restarted");
        pause
    }

    /// Which task dies again and again, in words; `None` if none does.
    pub fn trouble(&self, now: Instant) -> Option<String> {
        let deaths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |of_task: &Vec<Instant>| {
            of_task.iter().filter(|death| now.saturating_duration_since(**death) < WITHIN).count()
        };
        let mut dying: Vec<_> = deaths
            .iter()
            .map(|(task, of_task)| (*task, recent(of_task)))
            .filter(|(_, count)| *count >= DEATHS_MAX)
            .collect();
        dying.sort_unstable();
        let (task, count) = dying.first()?;
        Some(format!("the background task {task} died {count} times within ten minutes"))
    }
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_deaths_within_ten_minutes_are_trouble_until_they_are_old() {
        let deaths = Deaths::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(deaths.record("fan_out", "why", at(0)), PAUSE);
        deaths.record("messages", "why", at(1));
        assert_eq!(deaths.record("fan_out", "why", at(300)), 2 * PAUSE);
        assert_eq!(deaths.trouble(at(300)), None);
        assert_eq!(deaths.record("fan_out", "why", at(599)), 4 * PAUSE);
        let trouble = deaths.trouble(at(599)).expect("three are too many");
        assert!(trouble.contains("fan_out died 3 times"), "{trouble}");
        assert_eq!(deaths.trouble(at(601)), None);
        for death in 0..40 {
            assert!(deaths.record("fan_out", "why", at(700 + death)) <= PAUSE_MAX);
        }
    }

    #[test]
    fn panics_are_told_by_their_text() {
        assert_eq!(panic_text(&"fixed"), "fixed");
        assert_eq!(panic_text(&"made".to_owned()), "made");
        assert_eq!(panic_text(&1_u8), "a panic without a text");
    }
}
