//! The page of the measurements: docs/benchmarks-sign-in.md.

use super::{CONNECTIONS, ROUNDS, USERS};
use crate::compare::succeed;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::process::Command;

/// What was measured, and what was aimed at.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    targets: Vec<Target>,
}

/// One measurement, once per round.
struct Row {
    what: String,
    unit: &'static str,
    rounds: Vec<f64>,
}

struct Target {
    what: String,
    measured: f64,
    is_at_least: bool,
    goal: f64,
}

const WHAT: &str = "\
- **Tokens** are minted by `POST /v1/sessions/{id}/tokens` with a secret key, of sessions all over the store (SQLite). Each token is
  minted from the session and the user as they are stored at that moment.
- **Raw signatures** are RS256 with 2048 bits by aws-lc-rs, on all cores at once, without anything else.
- **Password checks** are `POST /v1/users/{id}/verify_password` with the right password; each is committed before and after it is compared.
- **A digest** is argon2id with the server's parameters (19 MiB, two passes), with its memory kept from one to the next.
- **A crowd** is 1,000 clients, each of which tries one wrong password after another. One waits for as long as `Retry-After` says, the
  other tries again at once.
- The client of the measurements and the server share the cores: requests are put together before, and answers are hardly read.";

impl Report {
    pub(super) fn note(&mut self, what: &str, unit: &'static str, value: f64) {
        match self.rows.iter_mut().find(|row| row.what == what) {
            Some(row) => row.rounds.push(value),
            None => self.rows.push(Row { what: what.to_owned(), unit, rounds: vec![value] }),
        }
    }

    /// The median of the rounds is to be at least this.
    pub(super) fn target_at_least(&mut self, what: &str, goal: f64) -> Result<()> {
        let measured = self.row(what)?.median();
        self.targets.push(Target { what: what.to_owned(), measured, is_at_least: true, goal });
        Ok(())
    }

    /// The median of the rounds is to be at most this.
    pub(super) fn target_at_most(&mut self, what: &str, goal: f64) -> Result<()> {
        let measured = self.row(what)?.median();
        self.targets.push(Target { what: what.to_owned(), measured, is_at_least: false, goal });
        Ok(())
    }

    /// Every round is to be at most this.
    pub(super) fn target_always_at_most(&mut self, what: &str, goal: f64) -> Result<()> {
        let measured = self.row(what)?.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let what = format!("{what}, of all rounds");
        self.targets.push(Target { what, measured, is_at_least: false, goal });
        Ok(())
    }

    fn row(&self, what: &str) -> Result<&Row> {
        self.rows.iter().find(|row| row.what == what).with_context(|| what.to_owned())
    }

    pub(super) fn tables(&self) -> Result<String> {
        let mut page = String::new();
        self.write_tables(&mut page)?;
        Ok(page)
    }

    pub(super) fn page(&self) -> Result<String> {
        let mut page = String::new();
        writeln!(page, "# Benchmarks of signing in\n")?;
        writeln!(
            page,
            "Written by `cargo xtask bench --sign-in`; do not edit. `cargo xtask bench --sign-in tokens` (or `passwords`, `guessing`) \
             prints the rows of one scenario. All numbers are from one run, with the candidates taking turns.\n"
        )?;
        writeln!(page, "## Environment\n")?;
        for (name, value) in machine()? {
            writeln!(page, "- {name}: {value}")?;
        }
        writeln!(
            page,
            "\n{ROUNDS} rounds; tokens over {CONNECTIONS} connections and {USERS} sessions. Clients and server share the machine. \
             Ratios are of one round each, and the median of these counts.\n"
        )?;
        self.write_tables(&mut page)?;
        writeln!(page, "\n## What is compared\n\n{WHAT}")?;
        Ok(page)
    }

    fn write_tables(&self, page: &mut String) -> Result<()> {
        writeln!(page, "## Targets\n\n| what | measured | target |\n|---|--:|--:|")?;
        for target in &self.targets {
            writeln!(page, "| {} | {:.2} | {} |", target.what, target.measured, target.goal())?;
        }
        writeln!(page, "\n## Missed targets\n")?;
        let missed: Vec<_> = self.targets.iter().filter(|target| target.is_missed()).collect();
        for target in &missed {
            writeln!(
                page,
                "- {}: {:.2}, where the target is {}.",
                target.what,
                target.measured,
                target.goal()
            )?;
        }
        if missed.is_empty() {
            writeln!(page, "None in this run.")?;
        }
        writeln!(page, "\n## Medians and rounds\n\n| what | unit | median | rounds |\n|---|---|--:|---|")?;
        for row in &self.rows {
            let rounds: Vec<_> = row.rounds.iter().map(|value| text(*value)).collect();
            writeln!(
                page,
                "| {} | {} | {} | {} |",
                row.what,
                row.unit,
                text(row.median()),
                rounds.join(", ")
            )?;
        }
        Ok(())
    }
}

impl Row {
    fn median(&self) -> f64 {
        let mut values = self.rounds.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl Target {
    fn goal(&self) -> String {
        format!("{} {:.2}", if self.is_at_least { "at least" } else { "at most" }, self.goal)
    }

    fn is_missed(&self) -> bool {
        if self.is_at_least { self.measured < self.goal } else { self.measured > self.goal }
    }
}

/// As many digits as say something.
fn text(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn machine() -> Result<[(&'static str, String); 6]> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown model", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok([
        ("processor", format!("{} cores of {model}", std::thread::available_parallelism()?)),
        ("system", succeed(Command::new("uname").arg("-sr"))?),
        ("load average at the end", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("commit", succeed(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?),
        ("Verger", succeed(Command::new("target/release/verger").arg("--version"))?),
        ("compiler", succeed(Command::new("rustc").arg("--version"))?),
    ])
}
