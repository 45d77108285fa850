//! Checks of right passwords, compared with digests of the same cores.

use super::client::Load;
use super::raw::{Hashing, Rate, cores};
use super::report::Report;
use super::seed::{PASSWORD, give_password, once_each, verifying};
use super::{RAW, ROUNDS, Server};
use crate::summarize;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Who is asked for the password.
const USERS: usize = 500;
/// More than are compared at once, and not so many that the server refuses them.
const CONNECTIONS: usize = 16;
const CHECKING: Duration = Duration::from_secs(5);

const BY_ONE: &str = "password checks ÷ (cores ÷ time of a digest)";

pub(super) async fn run(report: &mut Report) -> Result<()> {
    eprintln!("passwords: making {USERS} users with a password each");
    let server = Server::start(USERS).await?;
    give_password(&server.seeded.users).await?;
    let requests = verifying(&server.seeded.users, PASSWORD);
    // The first right one replaces an imported digest with one of the server's own.
    once_each(requests.to_vec()).await?;
    let load = Load { requests, connections: CONNECTIONS, pace: None, is_patient: true };
    let (hashing, cores) = (Hashing::new(PASSWORD)?, cores()?);
    for round in 0..ROUNDS {
        eprintln!("passwords: round {} of {ROUNDS}", round + 1);
        let (one, before) = (hashing.rate(1, RAW)?, hashing.rate(cores, RAW)?);
        let (cpu_us, started) = (server.cpu_us()?, Instant::now());
        let answers = load.clone().run(CHECKING).await?;
        let checked = summarize(answers.taken, started.elapsed());
        let count = checked.per_second * started.elapsed().as_secs_f64();
        let cpu_us = (server.cpu_us()? - cpu_us) / count;
        let together = Rate::mean(before, hashing.rate(cores, RAW)?);
        let one = Rate::mean(one, hashing.rate(1, RAW)?);
        report.note("a digest on one thread alone", "ms", 1e3 / one.per_second);
        report.note("a digest on one thread alone: CPU", "ms", one.cpu_us / 1e3);
        report.note("digests, all cores at once", "per s", together.per_second);
        report.note("digests, all cores at once: CPU of one", "ms", together.cpu_us / 1e3);
        report.note("password checks over HTTP", "per s", checked.per_second);
        report.note("password checks over HTTP: p50", "ms", checked.p50_us as f64 / 1e3);
        report.note("password checks over HTTP: p99", "ms", checked.p99_us as f64 / 1e3);
        report.note("password checks over HTTP: CPU of the server for one", "ms", cpu_us / 1e3);
        report.note(BY_ONE, "", checked.per_second / (cores as f64 * one.per_second));
        report.note(
            "password checks ÷ digests of all cores at once",
            "",
            checked.per_second / together.per_second,
        );
        report.note("password checks ÷ digests, by CPU", "", together.cpu_us / cpu_us);
    }
    report.target_at_least(BY_ONE, 0.9)?;
    server.stop().await
}
