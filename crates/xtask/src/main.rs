//! Development tasks: `cargo xtask --help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line for developers")]

mod generate;
mod interop;

use anyhow::{Context as _, Result, bail, ensure};
use std::process::Command;
use std::time::Instant;

const HELP: &str = "\
Tasks of this project. Usage: cargo xtask TASK

  test                everything that CI runs: format, lints, docs, generated files, tests, official clients
  generate [--check]  write the generated files, or only compare them
  interop [SUITE]     the official clients against the real binary: js, python, clerk-rs or schemathesis
  bench [USERS …]     ratios of the release build, measured in turns; 1000 users unless stated
";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["test"] => test(),
        ["generate"] => generate::run(false),
        ["generate", "--check"] => generate::run(true),
        ["interop"] => run_interop(None),
        ["interop", suite] => run_interop(Some(suite)),
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
    cargo("format", &["fmt", "--all", "--check"])?;
    cargo("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    cargo("docs", &["doc", "--workspace", "--no-deps", "--quiet"])?;
    println!("== generated files");
    generate::run(true)?;
    // The clients' own crate needs a running server: it is one of the suites below.
    cargo("tests", &["test", "--workspace", "--exclude", "verger-interop-clerk-rs"])?;
    run_interop(None)?;
    println!("== all of it passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn bench(sizes: &[&str]) -> Result<()> {
    cargo("server", &["build", "--release", "--package", "verger-server"])?;
    let mut args = vec!["run", "--release", "--quiet", "--package", "verger-bench", "--"];
    args.extend(sizes);
    cargo("bench", &args)
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
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args);
    if what == "docs" {
        command.env("RUSTDOCFLAGS", "-D warnings");
    }
    let status = command.status().context("cargo could not be started")?;
    ensure!(status.success(), "{what} failed: run `cargo {}`", args.join(" "));
    Ok(())
}
