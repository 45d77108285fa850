//! Other programs: started with their output in a file, watched, and stopped by their own id when their time is over.

#![allow(clippy::disallowed_methods, reason = "waits for other programs by the clock of the machine")]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a running program is looked at.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How many lines of a failed program's log are shown.
const LOG_LINES_SHOWN: usize = 200;

/// Whether a program does not answer `--version`.
pub(crate) fn is_missing(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    !version.is_ok_and(|status| status.success())
}

/// Refuses every end but success, and shows the end of the log.
pub(crate) fn require_success(program: &str, status: Option<ExitStatus>, log: &Path) -> Result<()> {
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{program} ended with {status}\n{}", tail(log)),
        None => bail!("{program} took too long\n{}", tail(log)),
    }
}

/// Runs a program with its output in a file. `None` when it had to be stopped because the time was over.
pub(crate) fn logged(mut command: Command, log: &Path, timeout: Duration) -> Result<Option<ExitStatus>> {
    let output = create(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let status = wait(&mut child, timeout)?;
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(status)
}

/// How the process ended, or `None` when it has not after this time.
pub(crate) fn wait(child: &mut Child, timeout: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// A new, empty file; one that is there already is emptied.
pub(crate) fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let _ = file.read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
