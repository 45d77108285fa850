//! The official clients, each pinned, against the real binary over TCP: `cargo xtask interop [SUITE]`.
//!
//! Each suite has a server of its own with an empty store, and everything it needs is set up under
//! `target/interop`: the npm packages, a Python virtual environment, the logs. The source tree stays as it is. A
//! second run finds the packages where the first one put them, unless what pins them has changed.
//!
//! Only `std` starts, watches and stops the processes: each is stopped by its own id, and nothing waits for ever.

#![allow(clippy::print_stdout, reason = "this is a program for the terminal")]
#![allow(clippy::disallowed_methods, reason = "waits for other programs by the clock of the machine")]

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The client suites, in the order in which they run.
pub(crate) const SUITES: [&str; 4] = ["js", "python", "clerk-rs", "schemathesis"];

/// Takes the place of building the server: the path of a `verger` that is already there.
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
    let place = Place::find()?;
    let binary = server_binary(&place)?;
    let mut outcomes = Vec::new();
    for suite in suites {
        let outcome = run_suite(&place, &binary, suite)?;
        println!("interop: {outcome}");
        outcomes.push(outcome);
    }
    print_table(&outcomes);
    Ok(outcomes)
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

struct Place {
    root: PathBuf,
    /// `target/interop`: everything that a run leaves behind.
    scratch: PathBuf,
    /// `CI=true`: nothing may be skipped.
    is_ci: bool,
}

impl Place {
    fn find() -> Result<Self> {
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
        Ok(Self { root, scratch, is_ci })
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

fn run_suite(place: &Place, binary: &Path, suite: &'static str) -> Result<Outcome> {
    let programs: &[&str] = match suite {
        "js" => &["node", "npm"],
        "python" | "schemathesis" => &["python3"],
        _ => &[],
    };
    for program in programs {
        if is_missing(program) {
            let reason = format!("{program} is not on this machine");
            ensure!(!place.is_ci, "suite {suite}: {reason}, and under CI=true nothing may be skipped");
            println!("interop: SKIPPING {suite}: {reason}");
            return Ok(Outcome { suite, result: SuiteResult::Skipped(reason), elapsed: Duration::ZERO });
        }
    }

    println!("interop: {suite}: setting up");
    let command = match suite {
        "js" => js(place)?,
        "python" => python(place)?,
        "clerk-rs" => clerk_rs(place)?,
        _ => schemathesis(place)?,
    };

    println!("interop: {suite}: running, log in {}", place.log(suite).display());
    let start = Instant::now();
    let result = against_a_server(place, binary, suite, command)?;
    Ok(Outcome { suite, result, elapsed: start.elapsed() })
}

/// The official JavaScript SDK: the sources are copied beside the packages, since Node looks for packages upwards
/// from the file that names them.
fn js(place: &Place) -> Result<Command> {
    let source = place.root.join("interop/js");
    let folder = place.scratch.join("js");
    fs::create_dir_all(&folder)?;
    let pins = ["package.json", "package-lock.json"].map(|name| source.join(name));
    for file in &pins {
        copy_into(file, &folder)?;
    }
    copy_into(&source.join("support.js"), &folder)?;
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
        set_up(place, "js-set-up", npm)
    })?;

    let mut node = Command::new("node");
    // Names of files rather than a folder: what a folder means here differs between versions of Node.
    node.args(["--test", "--test-reporter=spec"]).args(test_files).current_dir(&folder);
    Ok(node)
}

/// The official Python SDK.
fn python(place: &Place) -> Result<Command> {
    let mut pytest = Command::new(virtual_environment(place)?);
    pytest.args(["-B", "-m", "pytest", "-q"]).current_dir(place.root.join("interop/python"));
    Ok(pytest)
}

/// The community Rust client, a member of this workspace.
fn clerk_rs(place: &Place) -> Result<Command> {
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
fn schemathesis(place: &Place) -> Result<Command> {
    let folder = place.root.join("interop/schemathesis");
    let mut run = Command::new(virtual_environment(place)?);
    run.arg("-B").arg(folder.join("run.py"));
    run.arg("--document").arg(published_document(place)?);
    run.arg("--operations").arg(folder.join("operations.json"));
    run.current_dir(&place.scratch);
    Ok(run)
}

/// The Python of a virtual environment with everything of `requirements.txt` in it.
fn virtual_environment(place: &Place) -> Result<PathBuf> {
    let folder = place.scratch.join("python");
    let requirements = place.root.join("interop/python/requirements.txt");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    install_once(&folder.join("installed"), std::slice::from_ref(&requirements), "python3", || {
        remove_folder(&folder)?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        set_up(place, "python-set-up", venv)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        pip.arg(&requirements);
        set_up(place, "python-set-up", pip)
    })?;
    Ok(python)
}

/// The published OpenAPI document inside the `clerk-rs` crate, so that a fresh clone needs nothing beside it.
fn published_document(place: &Place) -> Result<PathBuf> {
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
fn server_binary(place: &Place) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        let path = place.root.join(path);
        ensure!(path.is_file(), "{BINARY_VARIABLE} names {}, which is not there", path.display());
        return Ok(path);
    }
    println!("interop: building the server");
    let output = place
        .cargo()
        .args(["build", "--package", "verger-server", "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo build")?;
    ensure!(output.status.success(), "the server does not build: cargo ended with {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "verger")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo build made no executable named verger")
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
    fn start(place: &Place, binary: &Path, suite: &str) -> Result<Self> {
        let ready_line = place.scratch.join(format!("{suite}-server.json"));
        let log = place.log(&format!("{suite}-server"));
        let child = Command::new(binary)
            .args(["dev", "--ephemeral", "--listen", "127.0.0.1:0", "--format", "json"])
            .env_remove("VERGER_SECRET_KEY")
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
    place: &Place,
    binary: &Path,
    suite: &'static str,
    mut command: Command,
) -> Result<SuiteResult> {
    let server = Server::start(place, binary, suite)?;
    command
        .env("VERGER_URL", &server.url)
        .env("VERGER_SECRET_KEY", &server.secret_key)
        .env("VERGER_PHONE_NUMBER_ID", &server.phone_number_id)
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
    println!("{}", tail(&log));
    Ok(SuiteResult::Failed(counts, reason))
}

// What the runners say

/// Reads the closing lines of a suite's runner.
fn count(suite: &str, log: &str) -> Counts {
    let mut counts = Counts::default();
    for line in log.lines() {
        match suite {
            // `ℹ pass 12`
            "js" => {
                let mut words = line.split_whitespace();
                if words.next() == Some("ℹ")
                    && let (Some(word), Some(number), None) = (words.next(), words.next(), words.next())
                    && let Ok(number) = number.parse()
                {
                    counts.add(word, number);
                }
            }
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
    fn add_pairs(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            if let Ok(number) = pair[0].parse() {
                self.add(pair[1], number);
            }
        }
    }
}

// Programs and files

fn is_missing(program: &str) -> bool {
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
fn set_up(place: &Place, name: &str, command: Command) -> Result<()> {
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
fn logged(mut command: Command, log: &Path, timeout: Duration) -> Result<Option<ExitStatus>> {
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

fn create(path: &Path) -> Result<File> {
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
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("js")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
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
        assert!(error.contains("js, python, clerk-rs, schemathesis"), "{error}");
    }
}
