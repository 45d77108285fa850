//! The page of the comparison: docs/benchmarks.md.

use super::{CONNECTIONS, Cost, Measured, NAMES, ROUNDS, SECONDS, Stored, USERS};
use crate::{Sample, median};
use anyhow::Result;
use std::fmt::Write as _;

/// What the page says beside the measurements.
pub(super) struct Surroundings {
    /// Names and values of what the run depends on.
    pub(super) machine: Vec<(&'static str, String)>,
    pub(super) stored: Stored,
    /// After the load, of Verger on SQLite, Verger on PostgreSQL and PocketBase.
    pub(super) memory_mib: [u64; 3],
    /// The script of pgbench.
    pub(super) script: String,
}

/// What is compared, the ratio, and the target for it.
type Ratio = (&'static str, f64, f64);

const WHAT: &str = "\
- **PATCH** toggles `verified` of a random phone number, so that every request is a change. Verger checks the
  secret key, loads the user, checks its rules and the claims of others, updates user, identification and claim, and writes two
  events, one of which carries the whole user. It commits durably (`synchronous=FULL`; PostgreSQL with `fsync` and
  `synchronous_commit`).
- **PocketBase** updates the same field of a record with the same strings, without a key, rules, claims or events. Its binary
  opens SQLite with `synchronous=NORMAL`, which cannot be set from outside: a commit does not wait for the disk, and a power cut can
  lose the last ones. It is compared as it is.
- **pgbench** sends the reads, the updates and the two rows of the outbox as one transaction per request, prepared, over 64
  connections, without HTTP, JSON or rules, and without the claim. Its client is written in C and takes less of the two cores than the client of
  the others.
- **GET** reads one phone number, or one record.";

pub(super) fn page(measured: &Measured, surroundings: &Surroundings) -> Result<String> {
    let mut page = String::new();
    let medians = measured.samples.clone().map(median);
    let ratios = ratios(&medians);
    write_head(&mut page, &surroundings.machine)?;
    write_medians(&mut page, &medians, median(measured.syncs.clone()))?;
    write_ratios(&mut page, &ratios)?;
    write_costs(&mut page, &measured.costs)?;
    write_sizes(&mut page, surroundings)?;
    writeln!(page, "\n## What is compared\n\n{}", WHAT)?;
    writeln!(
        page,
        "\nThe script of pgbench, for one instance and the events that Verger wrote for the same change:\n\n```sql\n{}```",
        surroundings.script
    )?;
    write_rounds(&mut page, measured)?;
    Ok(page)
}

fn write_head(page: &mut String, machine: &[(&str, String)]) -> Result<()> {
    writeln!(page, "# Benchmarks\n")?;
    writeln!(
        page,
        "Written by `cargo xtask bench --compare`; do not edit. All numbers are from one run, with the candidates taking turns.\n"
    )?;
    writeln!(page, "## Environment\n")?;
    for (name, value) in machine {
        writeln!(page, "- {name}: {value}")?;
    }
    writeln!(
        page,
        "\n{USERS} users with two phone numbers each, {CONNECTIONS} connections, {SECONDS} s per measurement, {ROUNDS} rounds. Clients and servers share the machine."
    )?;
    Ok(())
}

fn write_medians(page: &mut String, medians: &[Sample], sync: Sample) -> Result<()> {
    writeln!(page, "\n## Medians\n\n| what | per s | p50 µs | p99 µs |\n|---|--:|--:|--:|")?;
    for (name, sample) in NAMES.iter().zip(medians) {
        writeln!(page, "| {name} | {:.0} | {} | {} |", sample.per_second, sample.p50_us, sample.p99_us)?;
    }
    writeln!(
        page,
        "| raw fsync of 4 KiB, sequential | {:.0} | {} | {} |",
        sync.per_second, sync.p50_us, sync.p99_us
    )?;
    Ok(())
}

fn ratios(medians: &[Sample; NAMES.len()]) -> [Ratio; 7] {
    let per = |at: usize| medians[at].per_second;
    [
        ("PATCH on SQLite ÷ PocketBase's", per(0) / per(2), 3.0),
        ("PATCH on PostgreSQL ÷ pgbench", per(1) / per(3), 1.0),
        ("PATCH on PostgreSQL ÷ PocketBase's", per(1) / per(2), 1.0),
        ("GET on SQLite ÷ PocketBase's", per(4) / per(6), 3.0),
        ("GET on PostgreSQL ÷ PocketBase's", per(5) / per(6), 1.0),
        (
            "p99 of PATCH, PocketBase's ÷ ours on SQLite",
            medians[2].p99_us as f64 / medians[0].p99_us as f64,
            1.0,
        ),
        (
            "p99 of GET, PocketBase's ÷ ours on SQLite",
            medians[6].p99_us as f64 / medians[4].p99_us as f64,
            1.0,
        ),
    ]
}

/// All ratios, and once more those that are below their target.
fn write_ratios(page: &mut String, ratios: &[Ratio]) -> Result<()> {
    writeln!(page, "\n## Ratios\n\n| what | ratio | target |\n|---|--:|--:|")?;
    for (name, ratio, aim) in ratios {
        writeln!(page, "| {name} | {ratio:.2} | {aim:.1} |")?;
    }
    writeln!(page, "\n## Missed targets\n")?;
    let lost: Vec<_> = ratios.iter().filter(|(_, ratio, aim)| ratio < aim).collect();
    for (name, ratio, aim) in &lost {
        let word = if *ratio < 1.0 { "slower than the alternative" } else { "faster, but below the target" };
        writeln!(page, "- {name}: {ratio:.2} where the target is {aim:.1}: {word}.")?;
    }
    if lost.is_empty() {
        writeln!(page, "None in this run.")?;
    }
    Ok(())
}

/// The median of what one operation of each measurement took.
fn write_costs(page: &mut String, costs: &[Vec<Cost>]) -> Result<()> {
    writeln!(page, "\n## Cost of one operation\n")?;
    writeln!(
        page,
        "| what | CPU µs of the server | CPU µs of PostgreSQL | bytes written by the server | WAL bytes | transactions |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for (name, costs) in NAMES.iter().zip(costs) {
        let middle = |value: fn(&Cost) -> f64| {
            let mut values: Vec<_> = costs.iter().map(|cost| value(cost) / cost.operations).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        writeln!(
            page,
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.3} |",
            middle(|cost| cost.cpu_us),
            middle(|cost| cost.postgres_cpu_us),
            middle(|cost| cost.disk_bytes),
            middle(|cost| cost.wal_bytes),
            middle(|cost| cost.transactions)
        )?;
    }
    writeln!(
        page,
        "\nThe last three columns of PostgreSQL cover the whole cluster, even when another server is measured. One transaction can carry the writes of many requests."
    )?;
    Ok(())
}

/// Bytes of a user, the time of the copy, and memory.
fn write_sizes(page: &mut String, surroundings: &Surroundings) -> Result<()> {
    let Stored { sqlite_bytes, postgres_bytes, copied_rows, copied_seconds } = &surroundings.stored;
    let [memory_lite, memory_big, memory_pocket] = surroundings.memory_mib;
    writeln!(
        page,
        "\n- Before the load a user took {} bytes in SQLite and {} in PostgreSQL, with indexes.",
        sqlite_bytes / USERS as u64,
        postgres_bytes / USERS as u64
    )?;
    writeln!(
        page,
        "- `verger copy` of the {USERS} users to PostgreSQL, compared: {copied_rows} rows in {copied_seconds:.1} s, {:.0} rows per s.",
        *copied_rows as f64 / copied_seconds
    )?;
    writeln!(
        page,
        "- Memory after the load: Verger on SQLite {} MiB, on PostgreSQL {} MiB, PocketBase {} MiB.",
        memory_lite, memory_big, memory_pocket
    )?;
    Ok(())
}

fn write_rounds(page: &mut String, measured: &Measured) -> Result<()> {
    writeln!(page, "\n## Raw rounds\n\n| what | round | per s | p50 µs | p99 µs |\n|---|--:|--:|--:|--:|")?;
    for (name, samples) in
        NAMES.iter().zip(&measured.samples).chain([(&"raw fsync of 4 KiB", &measured.syncs)])
    {
        for (round, sample) in samples.iter().enumerate() {
            writeln!(
                page,
                "| {name} | {} | {:.0} | {} | {} |",
                round + 1,
                sample.per_second,
                sample.p50_us,
                sample.p99_us
            )?;
        }
    }
    Ok(())
}
