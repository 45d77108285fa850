//! Standard output whose reader may go away: a broken pipe, as in `verger keys list | head -1`, is not an error.

use clap::ValueEnum;
use std::io::{self, Write};

/// Output format of lists and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A readable table or text.
    Text,
    /// One line of JSON, for programs.
    Json,
}

/// The reader of standard output is gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output")]
struct ReaderGone;

/// Standard output. A broken pipe there is distinguished from any other.
pub(super) struct Out(io::Stdout);

/// Opens standard output.
pub(super) fn out() -> Out {
    Out(io::stdout())
}

/// Whether the command ended because the reader of its output is gone, which need not be reported.
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is_some_and(|cause| cause.is::<ReaderGone>())
    })
}

fn told_apart(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { io::Error::new(error.kind(), ReaderGone) } else { error }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(told_apart)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(told_apart)
    }
}
