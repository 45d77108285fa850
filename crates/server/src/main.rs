//! `verger`: see `verger --help`.

use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match verger_server::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what is wrong, then why.
            let _ = writeln!(std::io::stderr(), "verger: {error:#}");
            ExitCode::FAILURE
        }
    }
}
