//! Development tasks: `cargo xtask --help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line for developers")]

mod built;
mod circles;
mod counts;
mod interop;
mod jobs;
mod node;
mod postgres;
mod programs;
mod tidy;

use anyhow::{Context as _, Result, bail, ensure};
use built::Built;
use jobs::Job;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const HELP: &str = "\
Tasks of this project. Usage: cargo xtask TASK

  test                everything that CI runs: format, tidy, lints, docs, generated files, tests, PostgreSQL, official clients
  tidy                dependencies between crates, inherited lints, no printing, no open tasks
  generate [--check]  write the generated files, or only compare them
  interop [SUITE]     the official clients against the real binary: js, python, clerk-rs or schemathesis;
                      or the senders against an emulator: twilio; or webhooks against the official verifiers: webhooks;
                      or our own Node package: node,
                      and an example with it: express
  node                the native library of packages/node, for `npm install ./packages/node` from another directory
  postgres            the store and HTTP suites on the PostgreSQL of this machine and on 18
  bench [USERS …]     ratios of the release build, measured in turns; default 1000 users
  bench --sdk         our clients compared with the official one; writes docs/benchmarks-sdk.md
  bench --compare     the server compared with PocketBase and pgbench; writes docs/benchmarks.md
  bench --webhooks    PATCH with and without an endpoint, and the delay to 99 endpoints while one hangs
  bench --sign-in [tokens|passwords|guessing]
                      tokens and password checks compared with signatures and digests of the same cores, also beside
                      1000 clients that guess; all of them: writes docs/benchmarks-sign-in.md
  bench --neighbours [USERS]  lists of one instance while twelve callers search another; default 300000 users
";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["test"] => test(),
        ["tidy"] => tidy::run(),
        ["generate"] => generate(&[]),
        ["generate", "--check"] => generate(&["--check"]),
        ["generate", "--quick"] => generate(&["--quick"]),
        ["interop"] => run_interop(None),
        ["interop", suite] => run_interop(Some(suite)),
        ["node"] => node::run(),
        ["postgres"] => postgres::run(),
        ["bench", "--sdk"] => bench_sdk(),
        ["bench", sizes @ ..] => bench(sizes),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no task {:?}\n\n{HELP}", other.join(" ")),
    }
}

fn test() -> Result<()> {
    let started = Instant::now();
    let step = |what: &str| println!("{:>4} s  == {what}", started.elapsed().as_secs());
    cargo("format", &["fmt", "--all", "--check"])?;
    step("tidy");
    tidy::run()?;

    step("the build, and what the tests need from elsewhere");
    let root = root()?;
    let (built, fetched) = std::thread::scope(|scope| {
        let fetched = scope.spawn(|| interop::set_up_all().and_then(|()| postgres::programs_of_18()));
        let built = Built::everything(&root);
        (built, fetched.join())
    });
    let built = built?;
    let eighteen = fetched.map_err(|_| anyhow::anyhow!("fetching panicked: see above"))??;

    step("lints, docs, generated files and tests");
    let logs = logs()?;
    // Jobs that compile go first: they keep the cores busy while tests wait.
    let mut all = vec![Job::new("lints, docs, generated files", || {
        lint(&built, &root).map(|()| "nothing to say".to_owned())
    })];
    all.extend(postgres::jobs(&built, eighteen.as_ref(), &logs)?);
    for test in built.tests() {
        // The crate of the `clerk-rs` suite needs a running server: it is one of the suites below.
        if test.package != "verger-interop-clerk-rs" {
            let name = format!("{} {} {}", test.package, test.kind, test.target);
            all.push(Job::tests(name, test.command(), &logs, test.kind != "test"));
        }
    }
    let mut docs = Command::new(cargo_program());
    docs.args(["test", "--workspace", "--doc", "--quiet"]).current_dir(&root);
    all.push(Job::tests("examples in the documentation", docs, &logs, false));
    all.extend(interop::SUITES.into_iter().map(|suite| interop::job(&built, suite)));
    jobs::run(all)?;
    step("all of it passed");
    Ok(())
}

fn lint(built: &Built, root: &Path) -> Result<()> {
    cargo("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    cargo("docs", &["doc", "--workspace", "--no-deps", "--quiet"])?;
    let generate = built.program("verger-generate")?;
    let status = Command::new(generate).arg("--check").current_dir(root).status()?;
    ensure!(status.success(), "a generated file is stale: run `cargo xtask generate`");
    Ok(())
}

/// The directory of the tests' output.
fn logs() -> Result<PathBuf> {
    let folder = root()?.join("target/tests");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?)
}

fn generate(options: &[&str]) -> Result<()> {
    let mut arguments = vec!["run", "--quiet", "--package", "verger-generate", "--"];
    arguments.extend(options);
    cargo("generated files", &arguments)
}

fn bench(sizes: &[&str]) -> Result<()> {
    cargo("server", &["build", "--release", "--package", "verger-server"])?;
    let mut args = vec!["run", "--release", "--quiet", "--package", "verger-bench", "--"];
    args.extend(sizes);
    cargo("bench", &args)
}

fn bench_sdk() -> Result<()> {
    let folder = node::bench_folder()?;
    let folder = folder.to_str().context("a path that is no text")?;
    cargo("bench", &["run", "--release", "--quiet", "--package", "verger-bench", "--", "--sdk", folder])
}

fn run_interop(only: Option<&str>) -> Result<()> {
    println!("== official clients");
    let outcomes = interop::run(only)?;
    ensure!(
        !outcomes.iter().any(interop::Outcome::is_failure),
        "an official client found something: see above"
    );
    Ok(())
}

fn cargo(what: &str, args: &[&str]) -> Result<()> {
    println!("== {what}: cargo {}", args.join(" "));
    let mut command = Command::new(cargo_program());
    command.args(args);
    if what == "docs" {
        command.env("RUSTDOCFLAGS", "-D warnings");
    }
    let status = command.status().context("cargo could not be started")?;
    ensure!(status.success(), "{what} failed: run `cargo {}`", args.join(" "));
    Ok(())
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
