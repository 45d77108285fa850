//! Buffers log lines on their way to standard error.
//!
//! A request must not wait for a slow terminal or disk, and waking a thread for every line costs more than the line. So
//! lines are buffered in memory and written together, at the latest [`GATHER`] after the first.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Maximum time that a line is buffered.
const GATHER: Duration = Duration::from_millis(10);
/// Maximum size of the buffer in bytes. While the reader of the log is this far behind, lines are dropped and counted.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// A buffer that has grown beyond this capacity, in bytes, is freed.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Accepts lines; cheap to clone.
#[derive(Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

/// Flushes the buffer when dropped.
pub(crate) struct LogGuard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
    stop: bool,
}

/// Starts the thread that writes to `out`.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn gathered(out: impl Write + Send + 'static) -> io::Result<(LogWriter, LogGuard)> {
    let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() });
    let of_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new()
        .name("verger-log".to_owned())
        .spawn(move || write_loop(&of_thread, out))?;
    Ok((LogWriter(Arc::clone(&shared)), LogGuard { shared, thread: Some(thread) }))
}

fn write_loop(shared: &Shared, mut out: impl Write) {
    let mut taken = Vec::new();
    loop {
        let (dropped, stop) = {
            let is_idle = |waiting: &mut Waiting| waiting.bytes.is_empty() && !waiting.stop;
            let waiting = shared.changed.wait_while(shared.lock(), is_idle);
            let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            let gathering = shared.changed.wait_timeout_while(waiting, GATHER, |waiting| !waiting.stop);
            let (mut waiting, _) = gathering.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut waiting.bytes, &mut taken);
            (std::mem::take(&mut waiting.dropped), waiting.stop)
        };
        // If standard error is closed, there is nowhere to report it.
        let _ = out.write_all(&taken);
        if dropped > 0 {
            metrics::counter!("verger_log_lines_dropped_total").increment(dropped);
            let _ = writeln!(
                out,
                "{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"lines\":{dropped}}}"
            );
        }
        let _ = out.flush();
        if stop {
            return;
        }
        taken.clear();
        taken.shrink_to(KEPT_BYTES_MAX);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_first = {
            let mut waiting = self.0.lock();
            if waiting.bytes.len() + line.len() > WAITING_BYTES_MAX {
                waiting.dropped += 1;
                return Ok(line.len());
            }
            let is_first = waiting.bytes.is_empty();
            waiting.bytes.extend_from_slice(line);
            is_first
        };
        if is_first {
            self.0.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics only if `out` does, and then there is nothing left to write to.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_lines_arrive_whole_and_in_order_before_the_guard_is_gone() {
        let sink = Sink::default();
        let (writer, guard) = gathered(sink.clone()).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let mut writer = writer.clone();
                scope.spawn(move || {
                    for line in 0..500 {
                        writer.write_all(format!("{thread} {line}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        drop(guard);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        for thread in 0..4 {
            let of_thread: Vec<_> =
                text.lines().filter_map(|line| line.strip_prefix(&format!("{thread} "))).collect();
            let expected: Vec<_> = (0..500).map(|line| line.to_string()).collect();
            assert_eq!(of_thread, expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let sink = Sink::default();
        let (mut writer, guard) = gathered(sink.clone()).unwrap();
        let shared = Arc::clone(&writer.0);
        {
            // Simulates a thread that is stuck in a write.
            let mut waiting = shared.lock();
            waiting.bytes = vec![b'x'; WAITING_BYTES_MAX];
        }
        writer.write_all(b"one too many\n").unwrap();
        drop(guard);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("one too many"));
        assert!(text.ends_with("\"lines\":1}\n"), "{}", &text[text.len() - 80..]);
    }
}
