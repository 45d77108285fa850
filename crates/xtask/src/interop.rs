//! The official clients, each pinned, against the real binary over TCP: `cargo xtask interop [SUITE]`. And what the
//! server itself is a client of, as far as somebody emulates it: `twilio`.
//!
//! Each suite has a server of its own with an empty store, and everything it needs is set up under
//! `target/interop`: the npm packages, a Python virtual environment, the logs. The source tree stays as it is. A
//! second run finds the packages where the first one put them, unless what pins them has changed.
//!
//! Only `std` starts, watches and stops the processes: each is stopped by its own id, and nothing waits for ever.

#![allow(clippy::print_stdout, reason = "this is a program for the terminal")]
#![allow(clippy::disallowed_methods, reason = "waits for other programs by the clock of the machine")]

mod files;
mod place;
mod server;
mod suites;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::built::Built;
use crate::counts::{Counts, count};
use crate::jobs::Job;
use crate::programs::{is_missing, logged, tail};
use anyhow::{Result, bail, ensure};
use place::{Place, built};
use server::Server;

/// The client suites, in the order in which they run.
pub(crate) const SUITES: [&str; 8] =
    ["js", "python", "clerk-rs", "schemathesis", "twilio", "webhooks", "node", "express"];

/// Takes the place of building the server: the path of a `verger` that is already there. The suites find the one under
/// test in it, for what a server prints when it starts.
const BINARY_VARIABLE: &str = "VERGER_BINARY";

const SUITE_TIMEOUT: Duration = Duration::from_secs(300);

/// What became of one suite.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One of [`SUITES`].
    pub(crate) suite: &'static str,
    /// Passed, failed or skipped.
    pub(crate) result: SuiteResult,
    /// The suite itself, without its set-up.
    pub(crate) elapsed: Duration,
}

/// How a suite ended.
#[derive(Debug)]
pub(crate) enum SuiteResult {
    /// Every test passed, and there was at least one.
    Passed(Counts),
    /// Some test failed, or the suite or its server did; the reason is for the person at the terminal.
    Failed(Counts, String),
    /// A program that the suite needs is not on this machine. Never under `CI=true`.
    Skipped(String),
}

impl Outcome {
    /// Whether this suite is a reason to end with an error.
    #[must_use]
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self.result, SuiteResult::Failed(..))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, counts, reason) = match &self.result {
            SuiteResult::Passed(counts) => ("ok", *counts, ""),
            SuiteResult::Failed(counts, reason) => ("FAILED", *counts, reason.as_str()),
            SuiteResult::Skipped(reason) => ("skipped", Counts::default(), reason.as_str()),
        };
        let Counts { passed, failed, skipped } = counts;
        let seconds = self.elapsed.as_secs_f64();
        write!(
            f,
            "{:<13} {word:<8} {passed:>7} {failed:>7} {skipped:>8} {seconds:>8.1} s  {reason}",
            self.suite
        )
    }
}

/// Runs the suites, or the one named by `only`, and says how each ended. Prints progress and, at the end, a table.
///
/// # Errors
/// When `only` is no suite, when the server or a suite cannot be built or set up, and, under `CI=true`, when a
/// program is missing. A suite that fails is an [`Outcome`], not an error, so that the others still run.
pub(crate) fn run(only: Option<&str>) -> Result<Vec<Outcome>> {
    let suites = match only {
        None => SUITES.to_vec(),
        Some(name) => match SUITES.iter().find(|suite| **suite == name) {
            Some(suite) => vec![*suite],
            None => bail!("there is no suite {name:?}; there are: {}", SUITES.join(", ")),
        },
    };
    let place = Place::find(None)?;
    let binary = server_binary(&place)?;
    let mut outcomes = Vec::new();
    for suite in suites {
        println!("interop: {suite}: its log will be {}", place.log(suite).display());
        let outcome = run_suite(&place, &binary, suite)?;
        println!("interop: {outcome}");
        if outcome.is_failure() {
            println!("{}", tail(&place.log(suite)));
        }
        outcomes.push(outcome);
    }
    print_table(&outcomes);
    Ok(outcomes)
}

/// Fetches everything that the suites need from elsewhere, as far as their programs are on this machine.
///
/// # Errors
/// Something cannot be fetched.
pub(crate) fn set_up_all() -> Result<()> {
    let place = Place::find(None)?;
    let (has_node, has_python) = (!is_missing("node") && !is_missing("npm"), !is_missing("python3"));
    if has_node {
        suites::node(&place, "js")?;
        suites::node(&place, "twilio")?;
        suites::package_tests(&place)?;
        suites::express_example(&place)?;
    }
    if has_python {
        suites::virtual_environment(&place)?;
    }
    if has_node && has_python {
        suites::webhooks(&place)?;
    }
    Ok(())
}

/// One suite as a job, with what is built already.
pub(crate) fn job<'a>(built: &'a Built, suite: &'static str) -> Job<'a> {
    Job::new(format!("interop {suite}"), move || {
        let place = Place::find(Some(built))?;
        let binary = built.program("verger")?;
        match run_suite(&place, &binary, suite)?.result {
            SuiteResult::Passed(counts) if counts.skipped == 0 => Ok(format!("{} passed", counts.passed)),
            SuiteResult::Passed(counts) => {
                Ok(format!("{} passed, {} skipped", counts.passed, counts.skipped))
            }
            SuiteResult::Failed(_, reason) => bail!("{reason}\n{}", tail(&place.log(suite))),
            SuiteResult::Skipped(reason) => Ok(format!("SKIPPED: {reason}")),
        }
    })
}

/// The table that [`run`] ends with, one line a suite.
pub(crate) fn print_table(outcomes: &[Outcome]) {
    println!();
    println!("{:<13} {:<8} {:>7} {:>7} {:>8} {:>10}", "suite", "", "passed", "failed", "skipped", "time");
    for outcome in outcomes {
        println!("{outcome}");
    }
    println!();
}

/// The `verger` under test: the one that is named, or the one that is built now.
fn server_binary(place: &Place<'_>) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        let path = place.root.join(path);
        ensure!(path.is_file(), "{BINARY_VARIABLE} names {}, which is not there", path.display());
        return Ok(path);
    }
    println!("interop: building the server");
    built(place, &["--package", "verger-server"], "verger")
}

fn run_suite(place: &Place<'_>, binary: &Path, suite: &'static str) -> Result<Outcome> {
    let programs: &[&str] = match suite {
        "js" | "twilio" | "node" | "express" => &["node", "npm"],
        "python" | "schemathesis" => &["python3"],
        "webhooks" => &["node", "npm", "python3"],
        _ => &[],
    };
    for program in programs {
        if is_missing(program) {
            let reason = format!("{program} is not on this machine");
            ensure!(!place.is_ci, "suite {suite}: {reason}, and under CI=true nothing may be skipped");
            return Ok(Outcome { suite, result: SuiteResult::Skipped(reason), elapsed: Duration::ZERO });
        }
    }

    let command = match suite {
        "js" => suites::node(place, "js")?,
        "python" => suites::python(place)?,
        "clerk-rs" => suites::clerk_rs(place)?,
        "twilio" => suites::twilio(place)?,
        "node" => suites::package(place)?,
        "express" => suites::express(place)?,
        "webhooks" => suites::webhooks(place)?,
        _ => suites::schemathesis(place)?,
    };

    let start = Instant::now();
    let result = against_a_server(place, binary, suite, command)?;
    Ok(Outcome { suite, result, elapsed: start.elapsed() })
}

/// Runs a suite against a fresh server. The server must also end well: with 0 after SIGTERM.
fn against_a_server(
    place: &Place<'_>,
    binary: &Path,
    suite: &'static str,
    mut command: Command,
) -> Result<SuiteResult> {
    let server = Server::start(place, binary, suite)?;
    command
        .env("VERGER_URL", &server.url)
        .env("VERGER_SECRET_KEY", &server.secret_key)
        .env("VERGER_PHONE_NUMBER_ID", &server.phone_number_id)
        .env(BINARY_VARIABLE, binary)
        .env("CLERK_TELEMETRY_DISABLED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Nothing between the clients and the server.
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .env_remove("NODE_OPTIONS")
        .env_remove("PYTEST_ADDOPTS");
    let log = place.log(suite);
    let ended = logged(command, &log, SUITE_TIMEOUT)?;
    let server_ended = server.stop();

    let counts = count(suite, &fs::read_to_string(&log).unwrap_or_default());
    let reason = match (ended, server_ended) {
        (None, _) => format!("it did not end within {SUITE_TIMEOUT:?}"),
        (_, Err(error)) => format!("{error:#}"),
        (_, Ok(status)) if !status.success() => format!("after SIGTERM the server ended with {status}"),
        (Some(status), _) if !status.success() => format!("it ended with {status}"),
        _ if counts.failed > 0 => "tests failed".to_owned(),
        _ if counts.passed == 0 => "it ran no test".to_owned(),
        _ => return Ok(SuiteResult::Passed(counts)),
    };
    Ok(SuiteResult::Failed(counts, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_suite_is_refused_before_anything_is_built() {
        let Err(error) = run(Some("perl")) else { panic!("it ran") };
        let error = error.to_string();
        assert!(error.contains("js, python, clerk-rs, schemathesis, twilio, webhooks"), "{error}");
    }
}
