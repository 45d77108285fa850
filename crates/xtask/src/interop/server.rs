//! The server that a suite runs against.

#![allow(clippy::disallowed_methods, reason = "waits for other programs by the clock of the machine")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::place::Place;
use crate::programs::{POLL_INTERVAL, create, tail, wait};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server with an empty store, stopped when it goes out of scope.
pub(super) struct Server {
    child: Child,
    log: PathBuf,
    pub(super) url: String,
    pub(super) secret_key: String,
    pub(super) phone_number_id: String,
}

impl Server {
    pub(super) fn start(place: &Place<'_>, binary: &Path, suite: &str) -> Result<Self> {
        let ready_line = place.scratch.join(format!("{suite}-server.json"));
        let log = place.log(&format!("{suite}-server"));
        let child = Command::new(binary)
            .args(["dev", "--ephemeral", "--listen", "127.0.0.1:0", "--format", "json"])
            .env_remove("VERGER_SECRET_KEY")
            .env_remove("VERGER_STORE")
            .current_dir(&place.scratch)
            .stdin(Stdio::null())
            .stdout(create(&ready_line)?)
            .stderr(create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        // From here on the child is stopped whatever happens.
        let mut server = Self {
            child,
            log,
            url: String::new(),
            secret_key: String::new(),
            phone_number_id: String::new(),
        };

        let deadline = Instant::now() + START_TIMEOUT;
        let line = loop {
            let printed = fs::read_to_string(&ready_line)?;
            if let Some((line, _)) = printed.split_once('\n') {
                break line.to_owned();
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status} before it was ready\n{}", tail(&server.log));
            }
            ensure!(
                Instant::now() < deadline,
                "the server was not ready after {START_TIMEOUT:?}\n{}",
                tail(&server.log)
            );
            thread::sleep(POLL_INTERVAL);
        };
        let ready: Value =
            serde_json::from_str(&line).with_context(|| format!("the server printed {line:?}"))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        server.url = text(&ready["url"]).context("the server printed no url")?;
        server.secret_key = text(&ready["secret_key"]).context("the server printed no secret_key")?;
        server.phone_number_id =
            text(&ready["phone_number_ids"][0]).context("the server printed no phone_number_ids")?;
        Ok(server)
    }

    /// Asks the server to end, as an operator would, and returns how it did.
    pub(super) fn stop(mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself with {status}\n{}", tail(&self.log));
        }
        ask_to_end(&self.child)?;
        wait(&mut self.child, STOP_TIMEOUT)?
            .with_context(|| format!("the server did not end within {STOP_TIMEOUT:?}\n{}", tail(&self.log)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` this does nothing: the process has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SIGTERM to exactly this process. `std` can only kill.
fn ask_to_end(child: &Child) -> Result<()> {
    let status = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
    ensure!(status.success(), "kill -TERM {} ended with {status}", child.id());
    Ok(())
}
