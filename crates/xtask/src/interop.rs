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

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::built::{Built, TestProgram};
use crate::jobs::Job;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The client suites, in the order in which they run.
pub(crate) const SUITES: [&str; 8] =
    ["js", "python", "clerk-rs", "schemathesis", "twilio", "webhooks", "node", "express"];

/// Takes the place of building the server: the path of a `verger` that is already there. The suites find the one under
/// test in it, for what a server prints when it starts.
const BINARY_VARIABLE: &str = "VERGER_BINARY";

const SET_UP_TIMEOUT: Duration = Duration::from_secs(600);
const BUILD_TIMEOUT: Duration = Duration::from_secs(1800);
const SUITE_TIMEOUT: Duration = Duration::from_secs(300);
const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How many lines of a failed program's log are shown.
const LOG_LINES_SHOWN: usize = 200;

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

/// The tests of a suite as its own runner counted them. Schemathesis counts operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: usize,
    /// Tests that failed.
    pub(crate) failed: usize,
    /// Tests that said themselves that they do not apply.
    pub(crate) skipped: usize,
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
        node(&place, "js")?;
        node(&place, "twilio")?;
        package_tests(&place)?;
        express_example(&place)?;
    }
    if has_python {
        virtual_environment(&place)?;
    }
    if has_node && has_python {
        webhooks(&place)?;
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

// Where things are

pub(crate) struct Place<'a> {
    root: PathBuf,
    /// Where to look before something is built.
    built: Option<&'a Built>,
    /// `target/interop`: everything that a run leaves behind.
    scratch: PathBuf,
    /// `CI=true`: nothing may be skipped.
    is_ci: bool,
}

impl<'a> Place<'a> {
    fn find(built: Option<&'a Built>) -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root =
            manifest.ancestors().nth(2).context("xtask is not two folders below the root")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let scratch = target.join("interop");
        fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        Ok(Self { root, built, scratch, is_ci })
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.scratch.join(format!("{name}.log"))
    }
}

// The suites

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
        "js" => node(place, "js")?,
        "python" => python(place)?,
        "clerk-rs" => clerk_rs(place)?,
        "twilio" => twilio(place)?,
        "node" => package(place)?,
        "express" => express(place)?,
        "webhooks" => webhooks(place)?,
        _ => schemathesis(place)?,
    };

    let start = Instant::now();
    let result = against_a_server(place, binary, suite, command)?;
    Ok(Outcome { suite, result, elapsed: start.elapsed() })
}

/// A suite in JavaScript, as the one of the official SDK: the sources are copied beside the packages, since Node looks
/// for packages upwards from the file that names them.
fn node(place: &Place<'_>, suite: &str) -> Result<Command> {
    let source = place.root.join("interop").join(suite);
    let folder = place.scratch.join(suite);
    fs::create_dir_all(&folder)?;
    let pins = ["package.json", "package-lock.json"].map(|name| source.join(name));
    for file in &pins {
        copy_into(file, &folder)?;
    }
    for file in files_of(&source)? {
        copy_into(&file, &folder)?;
    }
    let tests = folder.join("test");
    remove_folder(&tests)?;
    fs::create_dir_all(&tests)?;
    let mut test_files = Vec::new();
    for file in files_of(&source.join("test"))? {
        copy_into(&file, &tests)?;
        test_files.push(Path::new("test").join(file.file_name().unwrap_or_default()));
    }

    install_once(&folder.join("installed"), &pins, "node", || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        set_up(place, &format!("{suite}-set-up"), npm)
    })?;

    let mut node = Command::new("node");
    // Names of files rather than a folder: what a folder means here differs between versions of Node.
    node.args(["--test", "--test-reporter=spec"]).args(test_files).current_dir(&folder);
    Ok(node)
}

/// The Twilio sender against a Twilio emulator, which the tests start themselves.
fn twilio(place: &Place<'_>) -> Result<Command> {
    let mut command = node(place, "twilio")?;
    let arguments = ["--package", "verger-deliver", "--example", "deliver"];
    command.env("VERGER_DELIVER", built(place, &arguments, "deliver")?);
    Ok(command)
}

/// A copy of our own package in this folder, without its library.
fn copy_package(place: &Place<'_>, copy: &Path) -> Result<()> {
    let source = place.root.join("packages/node");
    for (from, to) in [(source.clone(), copy.to_path_buf()), (source.join("lib"), copy.join("lib"))] {
        remove_folder(&to)?;
        fs::create_dir_all(&to)?;
        for file in all_files_of(&from)? {
            copy_into(&file, &to)?;
        }
    }
    Ok(())
}

/// A library for tests beside the copy: one that was built to be used stays where it is.
fn add_library(place: &Place<'_>, copy: &Path) -> Result<()> {
    match place.built {
        Some(built) => crate::node::put(built.messages(), copy)?,
        None => crate::node::build(crate::node::Profile::Dev, copy)?,
    };
    Ok(())
}

/// The example for Express and Vitest, beside a copy of our own package as it is in the sources.
fn express(place: &Place<'_>) -> Result<Command> {
    let folder = express_example(place)?;
    add_library(place, &place.scratch.join("express/packages/node"))?;
    let mut vitest = Command::new("node");
    vitest.args(["node_modules/vitest/vitest.mjs", "run"]).env("NO_COLOR", "1").current_dir(&folder);
    Ok(vitest)
}

fn express_example(place: &Place<'_>) -> Result<PathBuf> {
    let source = place.root.join("examples/express");
    let scratch = place.scratch.join("express");
    copy_package(place, &scratch.join("packages/node"))?;
    let folder = scratch.join("examples/express");
    fs::create_dir_all(&folder)?;
    for file in all_files_of(&source)? {
        copy_into(&file, &folder)?;
    }
    let lock = folder.join("package-lock.json");
    if lock.exists() {
        fs::remove_file(lock)?;
    }
    // Without a lock file, as for somebody who copies the example: npm needs the name of a registry in a lock file for
    // packages of other platforms, and none is named here.
    install_once(&folder.join("node_modules/.installed"), &[source.join("package.json")], "node", || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.current_dir(&folder);
        set_up(place, "express-set-up", npm)
    })?;
    Ok(folder)
}

/// Our own package, beside the official SDK.
fn package(place: &Place<'_>) -> Result<Command> {
    let (folder, test_files) = package_tests(place)?;
    add_library(place, &folder.join("package"))?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(test_files).current_dir(&folder);
    Ok(node)
}

fn package_tests(place: &Place<'_>) -> Result<(PathBuf, Vec<OsString>)> {
    let source = place.root.join("packages/node");
    let folder = place.scratch.join("node");
    copy_package(place, &folder.join("package"))?;

    let tests = source.join("test");
    for file in all_files_of(&folder)? {
        fs::remove_file(&file)?;
    }
    let mut test_files = Vec::new();
    for file in all_files_of(&tests)? {
        copy_into(&file, &folder)?;
        let name = file.file_name().unwrap_or_default().to_owned();
        if name.to_string_lossy().ends_with(".test.js") {
            test_files.push(name);
        }
    }
    ensure!(!test_files.is_empty(), "{} has no tests", tests.display());
    let pins = ["package.json", "package-lock.json"].map(|name| tests.join(name));
    install_once(&folder.join("node_modules/.installed"), &pins, "node", || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        set_up(place, "node-set-up", npm)
    })?;
    Ok((folder, test_files))
}

/// The official verifiers of webhooks: those of npm run the tests, which ask the one of PyPI.
fn webhooks(place: &Place<'_>) -> Result<Command> {
    let python = python_with(place, "webhooks-python", "webhooks/requirements.txt")?;
    let mut command = node(place, "webhooks")?;
    command.env("VERGER_PYTHON", python);
    command.env("VERGER_VERIFY", place.root.join("interop/webhooks/verify.py"));
    Ok(command)
}

/// The official Python SDK.
fn python(place: &Place<'_>) -> Result<Command> {
    let mut pytest = Command::new(virtual_environment(place)?);
    pytest.args(["-B", "-m", "pytest", "-q"]).current_dir(place.root.join("interop/python"));
    Ok(pytest)
}

/// The community Rust client, a member of this workspace.
fn clerk_rs(place: &Place<'_>) -> Result<Command> {
    if let Some(built) = place.built {
        let tests = built.tests();
        let is_ours = |test: &&TestProgram| test.package == "verger-interop-clerk-rs" && test.kind == "test";
        let test = tests.iter().find(is_ours).context("the tests of clerk-rs were not built")?;
        let mut command = Command::new(&test.path);
        command.current_dir(&test.folder);
        return Ok(command);
    }
    let arguments = ["test", "--package", "verger-interop-clerk-rs"];
    let mut build = place.cargo();
    build.args(arguments).arg("--no-run");
    let status = logged(build, &place.log("clerk-rs-set-up"), BUILD_TIMEOUT)?;
    require_success("cargo test --no-run", status, &place.log("clerk-rs-set-up"))?;

    let mut test = place.cargo();
    test.args(arguments);
    Ok(test)
}

/// Schemathesis with the published document, which the `clerk-rs` crate ships.
fn schemathesis(place: &Place<'_>) -> Result<Command> {
    let folder = place.root.join("interop/schemathesis");
    let mut run = Command::new(virtual_environment(place)?);
    run.arg("-B").arg(folder.join("run.py"));
    run.arg("--document").arg(published_document(place)?);
    run.arg("--operations").arg(folder.join("operations.json"));
    run.current_dir(&place.scratch);
    Ok(run)
}

/// The Python of a virtual environment with everything of `requirements.txt` in it.
fn virtual_environment(place: &Place<'_>) -> Result<PathBuf> {
    python_with(place, "python", "python/requirements.txt")
}

fn python_with(place: &Place<'_>, name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = place.scratch.join(name);
    let requirements = place.root.join("interop").join(requirements);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    install_once(&folder.join("installed"), std::slice::from_ref(&requirements), "python3", || {
        remove_folder(&folder)?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        set_up(place, &format!("{name}-set-up"), venv)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        pip.arg(&requirements);
        set_up(place, &format!("{name}-set-up"), pip)
    })?;
    Ok(python)
}

/// The published OpenAPI document inside the `clerk-rs` crate, so that a fresh clone needs nothing beside it.
fn published_document(place: &Place<'_>) -> Result<PathBuf> {
    let output = place
        .cargo()
        .args(["metadata", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "clerk-rs" && package["version"] == "0.5.0")
        .and_then(|package| package["manifest_path"].as_str())
        .context("clerk-rs 0.5.0 is not among the packages of this workspace")?;
    let document = Path::new(manifest).with_file_name("openapi").join("clerk-bapi-2026-05-12.yml");
    ensure!(document.is_file(), "{} is not there", document.display());
    Ok(document)
}

// The server

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

/// Builds what the arguments name, and says where the executable of this name is.
fn built(place: &Place<'_>, arguments: &[&str], name: &str) -> Result<PathBuf> {
    if let Some(built) = place.built {
        return built.program(name);
    }
    let output = place
        .cargo()
        .arg("build")
        .args(arguments)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo build")?;
    ensure!(output.status.success(), "{name} does not build: cargo ended with {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo build made no executable named {name}"))
}

/// A running server with an empty store, stopped when it goes out of scope.
struct Server {
    child: Child,
    log: PathBuf,
    url: String,
    secret_key: String,
    phone_number_id: String,
}

impl Server {
    fn start(place: &Place<'_>, binary: &Path, suite: &str) -> Result<Self> {
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
    fn stop(mut self) -> Result<ExitStatus> {
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

// What the runners say

/// Reads the closing lines of a suite's runner.
fn count(suite: &str, log: &str) -> Counts {
    let mut counts = Counts::default();
    for line in log.lines() {
        match suite {
            // `ℹ pass 12`
            "js" | "twilio" | "webhooks" | "node" => {
                let mut words = line.split_whitespace();
                if words.next() == Some("ℹ")
                    && let (Some(word), Some(number), None) = (words.next(), words.next(), words.next())
                    && let Ok(number) = number.parse()
                {
                    counts.add(word, number);
                }
            }
            // `      Tests  2 passed (2)`
            "express" if line.trim_start().starts_with("Tests ") => counts.add_pairs(line),
            // `test result: ok. 12 passed; 0 failed; 0 ignored; …`, once for each test binary
            "clerk-rs" if line.starts_with("test result: ") => counts.add_pairs(line),
            // `12 passed, 1 failed in 3.45s`, the last of its kind
            "python" | "schemathesis" if line.contains(" passed") || line.contains(" failed") => {
                let mut last = Counts::default();
                last.add_pairs(line);
                if last != Counts::default() {
                    counts = last;
                }
            }
            _ => {}
        }
    }
    counts
}

impl Counts {
    fn add(&mut self, word: &str, number: usize) {
        match word.trim_matches(|letter: char| !letter.is_ascii_alphabetic()) {
            "pass" | "passed" => self.passed += number,
            "fail" | "failed" | "cancelled" | "errors" | "error" => self.failed += number,
            "skipped" | "todo" | "ignored" => self.skipped += number,
            _ => {}
        }
    }

    /// Every number of the line with the word after it.
    pub(crate) fn add_pairs(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            if let Ok(number) = pair[0].parse() {
                self.add(pair[1], number);
            }
        }
    }
}

// Programs and files

pub(crate) fn is_missing(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    !version.is_ok_and(|status| status.success())
}

/// Runs `install` unless it was run before for the same pins and the same program; the stamp says for which.
fn install_once(
    stamp: &Path,
    pins: &[PathBuf],
    program: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let version = Command::new(program).arg("--version").output()?.stdout;
    let mut wanted = version;
    for file in pins {
        wanted.extend(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    if fs::read(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// A step of the set-up; its failure ends the run.
fn set_up(place: &Place<'_>, name: &str, command: Command) -> Result<()> {
    let log = place.log(name);
    let program = command.get_program().to_string_lossy().into_owned();
    let status = logged(command, &log, SET_UP_TIMEOUT)?;
    require_success(&program, status, &log)
}

fn require_success(program: &str, status: Option<ExitStatus>, log: &Path) -> Result<()> {
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
fn wait(child: &mut Child, timeout: Duration) -> Result<Option<ExitStatus>> {
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

pub(crate) fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The JavaScript files of a folder, in order.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = all_files_of(folder)?;
    files.retain(|file| file.extension() == Some(OsStr::new("js")));
    Ok(files)
}

/// The files of a folder, in order, without what is in folders below it.
fn all_files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn the_closing_lines_of_node_are_read() {
        assert_eq!(
            count("express", " Test Files  1 passed (1)\n      Tests  1 failed | 2 passed (3)\n"),
            counts(2, 1, 0)
        );
        let log = "✔ a (1ms)\nℹ tests 12\nℹ suites 3\nℹ pass 9\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 2\n";
        assert_eq!(count("js", log), counts(9, 2, 1));
    }

    #[test]
    fn the_closing_line_of_pytest_is_read() {
        assert_eq!(count("python", "146 passed, 60 warnings in 10.60s\n"), counts(146, 0, 0));
        assert_eq!(count("python", "2 failed, 143 passed, 1 skipped, 1 error in 17.1s\n"), counts(143, 3, 1));
    }

    #[test]
    fn the_last_line_of_its_kind_counts() {
        let log = "     23 passed  2 failed\n\n25 passed, 0 failed\n";
        assert_eq!(count("schemathesis", log), counts(25, 0, 0));
    }

    #[test]
    fn the_test_binaries_of_cargo_are_added_up() {
        let line = |passed| {
            format!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out")
        };
        assert_eq!(
            count("clerk-rs", &format!("{}\nnoise 7 passed\n{}\n", line(0), line(17))),
            counts(17, 0, 0)
        );
    }

    #[test]
    fn an_unknown_suite_is_refused_before_anything_is_built() {
        let Err(error) = run(Some("perl")) else { panic!("it ran") };
        let error = error.to_string();
        assert!(error.contains("js, python, clerk-rs, schemathesis, twilio, webhooks"), "{error}");
    }
}
