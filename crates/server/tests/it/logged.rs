//! What a test logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that one thread logs; the runtime of a test has no other.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Lines for people.
    pub(crate) fn listen(&self, most: Level) -> DefaultGuard {
        hear_everything();
        let builder = tracing_subscriber::fmt().with_max_level(most).with_ansi(false);
        tracing::subscriber::set_default(builder.with_writer(self.clone()).finish())
    }

    /// JSON, as in production.
    pub(crate) fn listen_json(&self, most: Level) -> DefaultGuard {
        hear_everything();
        let builder = tracing_subscriber::fmt().json().with_max_level(most);
        tracing::subscriber::set_default(builder.with_writer(self.clone()).finish())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Without a subscriber of all threads, a line that another test's thread reaches first, where nobody listens, counts as one
/// that nobody wants, here too.
fn hear_everything() {
    // There is one already: another test was here before.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
