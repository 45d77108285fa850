//! `cargo xtask bench --sign-in [SCENARIO …]`: tokens and passwords of the release build, compared with what the same cores
//! do without a server, in turns, in one run. With all scenarios it writes docs/benchmarks-sign-in.md.

mod client;
mod guessing;
mod passwords;
mod raw;
mod report;
mod seed;
mod tokens;

use self::report::Report;
use crate::compare::cpu_us;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Child;

const SCENARIOS: [&str; 3] = ["tokens", "passwords", "guessing"];
const ROUNDS: usize = 5;
const MINTING: Duration = Duration::from_secs(4);
const RAW: Duration = Duration::from_millis(1_500);
const CONNECTIONS: usize = 64;
const USERS: usize = 100_000;

pub(crate) async fn run(scenarios: &[String]) -> Result<()> {
    let asked: Vec<&str> = scenarios.iter().map(String::as_str).collect();
    let mut report = Report::default();
    for scenario in if asked.is_empty() { &SCENARIOS } else { asked.as_slice() } {
        match *scenario {
            "tokens" => tokens::run(&mut report).await?,
            "passwords" => passwords::run(&mut report).await?,
            "guessing" => guessing::run(&mut report).await?,
            other => bail!("there is no scenario {other}, only {}", SCENARIOS.join(", ")),
        }
    }
    if !asked.is_empty() {
        print!("{}", report.tables()?);
        return Ok(());
    }
    let page = report.page()?;
    std::fs::write("docs/benchmarks-sign-in.md", &page)?;
    print!("{page}");
    Ok(())
}

/// The server with users who have a session each.
struct Server {
    process: Child,
    pid: u32,
    seeded: seed::Seeded,
    _folder: TempDir,
}

impl Server {
    async fn start(users: usize) -> Result<Self> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let seeded = seed::seed(&folder.path().join("verger.db"), users).await?;
        let process = crate::start_with(folder.path(), &format!("/v1/users/{}", seeded.users[0])).await?;
        let pid = process.id().context("a process")?;
        Ok(Self { process, pid, seeded, _folder: folder })
    }

    async fn stop(mut self) -> Result<()> {
        self.process.kill().await.map_err(Into::into)
    }

    fn cpu_us(&self) -> Result<f64> {
        cpu_us(&self.pid.to_string())
    }

    /// Resident memory now, and the most since [`Server::forget_peak`], in MiB.
    fn memory_mib(&self) -> Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| -> Result<f64> {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
            let kib: f64 = line.split_whitespace().next().context("a number")?.parse()?;
            Ok(kib / 1024.0)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid);
        std::fs::write(Path::new(&path), "5").with_context(|| path.clone())
    }
}
