//! `verger`: see `verger --help`.

use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 128 + SIGPIPE, the convention of shells.
const READER_GONE: u8 = 141;

fn main() -> ExitCode {
    match verger_server::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        // Like a program that SIGPIPE terminates: silent, but not a success.
        Err(error) if verger_server::cli::is_reader_gone(&error) => ExitCode::from(READER_GONE),
        Err(error) => {
            // One line: what is wrong, then why.
            let _ = writeln!(std::io::stderr(), "verger: {error:#}");
            ExitCode::FAILURE
        }
    }
}
