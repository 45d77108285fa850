//! `cargo xtask bench --sdk`: the cost of a call to the calling process, with the official SDK for Node, with ours, and
//! with the Rust client; and how long importing and starting take. In turns, in one run, on one machine. Writes
//! docs/benchmarks-sdk.md.

use crate::compare::{cpu_us, succeed};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use verger_client::{Client, UpdatePhoneNumberParams};

const ROUNDS: usize = 5;
const SECONDS: &str = "3";
const IN_FLIGHT: [&str; 2] = ["1", "16"];
const SERVERS: &str = "20";

/// One row: what, how, its rounds, and the field that is told.
struct Row {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
}

/// One client in a process of its own: `in_flight` updates at a time. Prints JSON.
pub(crate) async fn client(in_flight: usize, seconds: u64) -> Result<()> {
    let server: Value = serde_json::from_str(&std::env::var("SERVER")?)?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    let client =
        Client::builder().secret_key(text(&server["secretKey"])?).base_url(text(&server["url"])?).build()?;
    let ids: Vec<String> = server["ids"].as_array().into_iter().flatten().map(text).collect::<Result<_>>()?;
    let load = async |duration: Duration| -> Result<u64> {
        let until = Instant::now() + duration;
        let mut tasks = Vec::new();
        for id in ids.iter().take(in_flight).cloned() {
            let client = client.clone();
            tasks.push(tokio::spawn(async move {
                let mut done = 0_u64;
                while Instant::now() < until {
                    let params = UpdatePhoneNumberParams {
                        verified: Some(!done.is_multiple_of(2)),
                        ..Default::default()
                    };
                    let number = client.phone_numbers().update_phone_number(&id, params).await?;
                    ensure!(number.id == id, "another number came back");
                    done += 1;
                }
                Ok(done)
            }));
        }
        let mut done = 0;
        for task in tasks {
            done += task.await??;
        }
        Ok(done)
    };
    load(Duration::from_secs(1)).await?;
    let (before, started) = (cpu_us("self")?, Instant::now());
    let done = load(Duration::from_secs(seconds)).await? as f64;
    let wall_us = started.elapsed().as_secs_f64() * 1e6;
    println!(
        "{}",
        json!({ "done": done, "cpuUs": (cpu_us("self")? - before) / done, "wallUs": wall_us / done })
    );
    Ok(())
}

/// What each of the clients and programs said, once per round, by the name of the measurement.
struct Measurements(Vec<(String, Vec<Value>)>);

impl Measurements {
    fn note(&mut self, name: String, said: &str) -> Result<()> {
        let value = serde_json::from_str(said)?;
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
        Ok(())
    }

    fn row(&self, what: &str, name: &str, field: &str, unit: &'static str) -> Result<Row> {
        let (_, values) = self.0.iter().find(|(other, _)| other == name).context("it was measured")?;
        let values = values.iter().map(|value| value[field].as_f64().context("a number"));
        Ok(Row { what: what.to_owned(), unit, values: values.collect::<Result<_>>()? })
    }
}

pub(crate) fn run(folder: &Path) -> Result<()> {
    let rows = rows(&measure(folder)?)?;
    let page = page(&rows, &targets(&rows)?, folder)?;
    std::fs::write("docs/benchmarks-sdk.md", &page)?;
    println!("{page}");
    Ok(())
}

fn node(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(program).args(arguments).current_dir(folder);
    command
}

/// All rounds, against one server.
fn measure(folder: &Path) -> Result<Measurements> {
    let node = |program: &str, arguments: &[&str]| node(folder, program, arguments);
    let mut server = node("server.mjs", &["16"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().context("a pipe")?).read_line(&mut line)?;
    let own = std::env::current_exe()?;

    let mut measurements = Measurements(Vec::new());
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for in_flight in IN_FLIGHT {
            for which in ["official", "ours", "rust"] {
                let mut command = match which {
                    "rust" => {
                        let mut command = Command::new(&own);
                        command.args(["sdk-client", in_flight, SECONDS]);
                        command
                    }
                    _ => node("client.mjs", &[which, in_flight, SECONDS]),
                };
                let said = succeed(command.env("SERVER", line.trim()))?;
                measurements.note(format!("{which} {in_flight}"), &said)?;
            }
        }
        for which in ["official", "ours"] {
            let said = succeed(&mut node("import.mjs", &[which]))?;
            measurements.note(format!("import {which}"), &said)?;
        }
        let said = succeed(&mut node("start.mjs", &[SERVERS]))?;
        measurements.note("start".to_owned(), &said)?;
    }
    drop(server.stdin.take());
    let status = server.wait()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(measurements)
}

fn rows(measurements: &Measurements) -> Result<Vec<Row>> {
    let row = |what: &str, name: &str, field, unit| measurements.row(what, name, field, unit);
    let mut rows = Vec::new();
    for in_flight in IN_FLIGHT {
        for (which, name) in
            [("official", "official SDK"), ("ours", "`@verger/backend`"), ("rust", "Rust client")]
        {
            let (key, what) = (format!("{which} {in_flight}"), format!("{name}, {in_flight} in flight"));
            rows.push(row(&format!("{what}: CPU of an update"), &key, "cpuUs", "µs")?);
            rows.push(row(&format!("{what}: time for an update"), &key, "wallUs", "µs")?);
        }
    }
    for (which, name) in [("official", "official SDK"), ("ours", "`@verger/backend`")] {
        rows.push(row(&format!("{name}: CPU of importing"), &format!("import {which}"), "cpuMs", "ms")?);
        rows.push(row(&format!("{name}: time for importing"), &format!("import {which}"), "wallMs", "ms")?);
    }
    rows.push(row("`startVerger()` until it is ready", "start", "startMs", "ms")?);
    rows.push(row("`startVerger()` until the first update is answered", "start", "totalMs", "ms")?);
    rows.push(row("every further server with a user and an update", "start", "nextMs", "ms")?);
    rows.push(row("a process with 20 servers, resident", "start", "residentMib", "MiB")?);
    Ok(rows)
}

/// What is aimed at: what, its measured value, and the value that it must not exceed.
type Target = (&'static str, f64, f64);

fn targets(rows: &[Row]) -> Result<[Target; 7]> {
    let median = |what: &str| -> Result<f64> {
        let row = rows.iter().find(|row| row.what == what).with_context(|| what.to_owned())?;
        Ok(row.median())
    };
    let cpu = |name: &str, n: &str| median(&format!("{name}, {n} in flight: CPU of an update"));
    let of = |n| Ok::<_, anyhow::Error>(cpu("`@verger/backend`", n)? / cpu("official SDK", n)?);
    Ok([
        ("CPU of an update, ours ÷ official, 1 in flight", of("1")?, 1.0 / 3.0),
        ("CPU of an update, ours ÷ official, 16 in flight", of("16")?, 0.2),
        (
            "time for importing, ours ÷ official",
            median("`@verger/backend`: time for importing")? / median("official SDK: time for importing")?,
            0.5,
        ),
        ("CPU of an update with the Rust client, 1 in flight, µs", cpu("Rust client", "1")?, 60.0),
        ("CPU of an update with the Rust client, 16 in flight, µs", cpu("Rust client", "16")?, 60.0),
        (
            "`startVerger()` until the first update is answered, ms",
            median("`startVerger()` until the first update is answered")?,
            50.0,
        ),
        ("a process with 20 servers, MiB", median("a process with 20 servers, resident")?, 200.0),
    ])
}

fn page(rows: &[Row], aims: &[Target], folder: &Path) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# Benchmarks of the SDKs\n")?;
    writeln!(
        page,
        "Written by `cargo xtask bench --sdk`; do not edit. All numbers are from one run, with the candidates taking turns.\n"
    )?;
    writeln!(page, "## Environment\n")?;
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let official = folder.join("node_modules/@clerk/backend/package.json");
    let official: Value = serde_json::from_str(&std::fs::read_to_string(official)?)?;
    for (name, value) in [
        (
            "processor",
            format!(
                "{} cores of {}",
                std::thread::available_parallelism()?,
                model.map_or("an unknown model", |(_, model)| model)
            ),
        ),
        ("system", succeed(Command::new("uname").arg("-sr"))?),
        ("load average at the end", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("commit", succeed(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?),
        ("Node", succeed(Command::new("node").arg("--version"))?),
        ("official SDK", format!("@clerk/backend {}", official["version"].as_str().unwrap_or_default())),
        ("compiler", succeed(Command::new("rustc").arg("--version"))?),
    ] {
        writeln!(page, "- {name}: {value}")?;
    }
    writeln!(
        page,
        "\n{ROUNDS} rounds; {SECONDS} s of load after 1 s of warm-up, each client in a process of its own, all of them against \
         one server of the release build in another process of the same machine. An update toggles `verified` of a phone \
         number. CPU is user and system time of all threads of the client's process."
    )?;
    writeln!(page, "\n## Targets\n\n| what | measured | target: at most |\n|---|--:|--:|")?;
    for (what, measured, aim) in aims {
        writeln!(page, "| {what} | {measured:.2} | {aim:.2} |")?;
    }
    writeln!(page, "\n## Missed targets\n")?;
    let missed: Vec<_> = aims.iter().filter(|(_, measured, aim)| measured > aim).collect();
    for (what, measured, aim) in &missed {
        writeln!(page, "- {what}: {measured:.2}, where the target is at most {aim:.2}.")?;
    }
    if missed.is_empty() {
        writeln!(page, "None in this run.")?;
    }
    writeln!(page, "\n## Medians and rounds\n\n| what | unit | median | rounds |\n|---|---|--:|---|")?;
    for row in rows {
        let rounds: Vec<_> = row.values.iter().map(|value| format!("{value:.1}")).collect();
        writeln!(page, "| {} | {} | {:.1} | {} |", row.what, row.unit, row.median(), rounds.join(", "))?;
    }
    Ok(page)
}

impl Row {
    fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}
