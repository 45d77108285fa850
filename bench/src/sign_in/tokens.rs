//! Tokens over HTTP, compared with signatures of the same cores.

use super::raw::{Rate, cores, signatures};
use super::report::Report;
use super::seed::minting;
use super::{CONNECTIONS, MINTING, RAW, ROUNDS, Server, USERS};
use crate::compare::cpu_us;
use crate::summarize;
use anyhow::Result;
use std::time::{Duration, Instant};

const BY_CLOCK: &str = "tokens ÷ signatures, by wall clock";

pub(super) async fn run(report: &mut Report) -> Result<()> {
    eprintln!("tokens: making {USERS} users with a session each");
    let server = Server::start(USERS).await?;
    let load = minting(&server.seeded.sessions, CONNECTIONS, None);
    load.clone().run(Duration::from_secs(2)).await?;
    let cores = cores()? as f64;
    for round in 0..ROUNDS {
        eprintln!("tokens: round {} of {ROUNDS}", round + 1);
        let before = signatures(RAW)?;
        let (of_server, of_client, started) = (server.cpu_us()?, cpu_us("self")?, Instant::now());
        let minted = summarize(load.clone().run(MINTING).await?.taken, started.elapsed());
        let elapsed_us = started.elapsed().as_secs_f64() * 1e6;
        let (of_server, of_client) = (server.cpu_us()? - of_server, cpu_us("self")? - of_client);
        // What the machine can do changes from second to second: half of it before, half of it behind.
        let signed = Rate::mean(before, signatures(RAW)?);
        let count = minted.per_second * elapsed_us / 1e6;
        let (server_us, client_us) = (of_server / count, of_client / count);
        report.note("raw RSA signatures, all cores", "per s", signed.per_second);
        report.note("raw RSA signatures: CPU of one", "µs", signed.cpu_us);
        report.note("tokens over HTTP", "per s", minted.per_second);
        report.note("tokens over HTTP: p50", "µs", minted.p50_us as f64);
        report.note("tokens over HTTP: p99", "µs", minted.p99_us as f64);
        report.note("tokens over HTTP: CPU of the server for one", "µs", server_us);
        report.note("tokens over HTTP: CPU of the client for one", "µs", client_us);
        report.note(
            "tokens over HTTP: the cores that the client took",
            "%",
            100.0 * of_client / (cores * elapsed_us),
        );
        report.note(BY_CLOCK, "", minted.per_second / signed.per_second);
        report.note(
            "tokens ÷ signatures, by CPU of server and client",
            "",
            signed.cpu_us / (server_us + client_us),
        );
        report.note("tokens ÷ signatures, by CPU of the server", "", signed.cpu_us / server_us);
    }
    report.target_at_least(BY_CLOCK, 0.6)?;
    server.stop().await
}
