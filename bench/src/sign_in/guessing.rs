//! Tokens beside a crowd that tries passwords.

use super::client::{Load, join};
use super::raw::cores;
use super::report::Report;
use super::seed::{give_password, minting, verifying};
use super::{CONNECTIONS, MINTING, Server};
use crate::{Sample, summarize};
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Each takes four times as long as one of the other scenarios.
const ROUNDS: usize = 3;
const USERS: usize = 20_000;
const GUESSERS: usize = 1_000;
/// How long all of them have been guessing before it is measured.
const CROWD_GATHERS: Duration = Duration::from_secs(2);
/// How long tokens are minted before, for the memory that this takes by itself.
const MINTING_ALONE: Duration = Duration::from_secs(12);
/// What an application mints that is not at its limit: 400 tokens a second.
const STEADY: (usize, Duration) = (8, Duration::from_millis(20));
/// The memory of one digest, and what everything else of a crowd may take, in MiB.
const DIGEST_MIB: f64 = 19.0;
const CROWD_MIB_MAX: f64 = 20.0;
/// A p99 up to this is good, in microseconds.
const GOOD_US: f64 = 10_000.0;

pub(super) async fn run(report: &mut Report) -> Result<()> {
    eprintln!("guessing: making {USERS} users with a password each");
    let server = Server::start(USERS).await?;
    give_password(&server.seeded.users).await?;
    let full = minting(&server.seeded.sessions, CONNECTIONS, None);
    let steady = minting(&server.seeded.sessions, STEADY.0, Some(STEADY.1));
    let guesses = verifying(&server.seeded.users, "wrong horse battery");
    // Long enough to see what is gathered of sessions being written.
    server.forget_peak()?;
    full.clone().run(MINTING_ALONE).await?;
    let (_, base) = server.memory_mib()?;
    report.note("most memory of minting alone, 64 connections", "MiB", base);
    for round in 0..ROUNDS {
        eprintln!("guessing: round {} of {ROUNDS}", round + 1);
        for (is_patient, crowd) in
            [(true, "a crowd that waits as told"), (false, "a crowd that does not wait")]
        {
            for (load, how) in [(&steady, "400 tokens a second"), (&full, "64 connections")] {
                let quiet = measure(load).await?;
                let guessers =
                    Load { requests: Arc::clone(&guesses), connections: GUESSERS, pace: None, is_patient };
                server.forget_peak()?;
                let (stop, told) = watch::channel(false);
                let (guessing, began) = (guessers.until(told)?, Instant::now());
                tokio::time::sleep(CROWD_GATHERS).await;
                let beside = measure(load).await?;
                stop.send(true)?;
                let guessed_for = began.elapsed().as_secs_f64();
                let guessed = tokio::task::spawn_blocking(move || join(guessing)).await??;
                ensure!(guessed.taken.is_empty(), "a wrong password was right");
                let note = |report: &mut Report, what: &str, unit, value| {
                    report.note(&format!("{how}, {crowd}: {what}"), unit, value);
                };
                let (quiet_us, beside_us) = (quiet.p99_us as f64, beside.p99_us as f64);
                report.note(&format!("{how}, quiet: tokens"), "per s", quiet.per_second);
                report.note(&format!("{how}, quiet: p99 of minting"), "µs", quiet_us);
                note(report, "tokens", "per s", beside.per_second);
                note(report, "p99 of minting", "µs", beside_us);
                note(report, "passwords compared", "per s", guessed.wrong as f64 / guessed_for);
                note(report, "tries refused", "per s", guessed.refused as f64 / guessed_for);
                note(report, "p99 ÷ what it may be", "", beside_us / GOOD_US.max(3.0 * quiet_us));
                note(report, "most memory", "MiB", server.memory_mib()?.1);
            }
        }
    }
    let room = base + cores()? as f64 * DIGEST_MIB + CROWD_MIB_MAX;
    for crowd in ["a crowd that waits as told", "a crowd that does not wait"] {
        for how in ["400 tokens a second", "64 connections"] {
            report.target_at_most(&format!("{how}, {crowd}: p99 ÷ what it may be"), 1.0)?;
            report.target_always_at_most(&format!("{how}, {crowd}: most memory"), room)?;
        }
    }
    server.stop().await
}

async fn measure(load: &Load) -> Result<Sample> {
    let started = Instant::now();
    Ok(summarize(load.clone().run(MINTING).await?.taken, started.elapsed()))
}
