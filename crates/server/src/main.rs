//! `verger`: see `verger --help`.

use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 128 and SIGPIPE, as shells say it.
const READER_GONE: u8 = 141;

fn main() -> ExitCode {
    match verger_server::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        // As a program that the signal of a broken pipe ends: silent, and no success.
        Err(error) if verger_server::cli::is_reader_gone(&error) => ExitCode::from(READER_GONE),
        Err(error) => {
            // One line: what is wrong, then why.
            let _ = writeln!(std::io::stderr(), "verger: {error:#}");
            ExitCode::FAILURE
        }
    }
}
