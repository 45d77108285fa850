//! `verger serve` and `verger check`.

use super::{deadline, open_store, require_schema, start_log};
use crate::app::{App, Clock, SystemClock, system_rng};
use crate::config::{LogFormat, ServeConfig};
use crate::{metrics, serve};
use anyhow::Context as _;
use clap::Args;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;

/// 2026-01-01: a clock before this one was never set.
const EARLIEST_CLOCK_MS: i64 = 1_767_225_600_000;
/// Less free disk than this is reported.
const FREE_DISK_MIN_MIB: u64 = 512;

#[derive(Args)]
pub(super) struct ServeArgs {
    /// A TOML file with the settings below, under the names of the flags with _ for -
    #[arg(long, env = "VERGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: ServeConfig,
}

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.settings.over_file(args.config.as_deref())?;
    let _log =
        start_log(config.log_format.unwrap_or(LogFormat::Json), config.log.as_deref().unwrap_or("info"))?;
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    let store = open_store(&config.data())?;
    require_schema(&store).await?;
    let listener = bind(config.listen(), "--listen").await?;
    let metrics_listener = bind(config.metrics_listen(), "--metrics-listen").await?;
    verger_core::phone_number::warm_up();
    let rng = system_rng().context("no randomness from the operating system")?;
    let app = Arc::new(App::new(Arc::clone(&store), Arc::new(SystemClock), rng, config.limits()));
    tracing::info!(listen = %listener.local_addr()?, metrics = %metrics_listener.local_addr()?, store = store.location(), "serving");
    tokio::spawn(serve::serve_metrics(metrics_listener, metrics_handle.clone()));
    tokio::spawn(serve::housekeeping(Arc::clone(&app), Some(metrics_handle)));
    serve::serve(app, listener, config.listen_limits(), serve::stop_signal()?).await;
    close(&store).await?;
    tracing::info!("stopped");
    Ok(())
}

pub(super) async fn bind(address: std::net::SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{flag} {address} cannot be listened on"))
}

pub(super) async fn close(store: &Arc<verger_store::Store>) -> anyhow::Result<()> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || store.close()).await.context("the store did not close")
}

pub(super) async fn check(args: ServeArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let mut failures = 0;
    let mut line = |name: &str, result: Result<String, String>| -> anyhow::Result<()> {
        let (mark, text) = match &result {
            Ok(text) => ("ok", text),
            Err(text) => {
                failures += 1;
                ("BAD", text)
            }
        };
        writeln!(out, "{mark:<4} {name:<8} {text}")?;
        Ok(())
    };
    let config = match args.settings.over_file(args.config.as_deref()) {
        Ok(config) => {
            line("config", Ok(args.config.map_or("no file".to_owned(), |path| path.display().to_string())))?;
            config
        }
        Err(error) => {
            line("config", Err(format!("{error:#}")))?;
            ServeConfig::default()
        }
    };
    let data = config.data();
    if data.join("verger.db").exists() {
        match open_store(&data) {
            Ok(store) => {
                line(
                    "store",
                    store
                        .ping(deadline())
                        .await
                        .map(|()| store.location())
                        .map_err(|error| error.to_string()),
                )?;
                let schema = require_schema(&store).await;
                let version = format!("version {}", verger_store::SCHEMA_VERSION);
                line("schema", schema.map(|()| version).map_err(|error| format!("{error:#}")))?;
            }
            Err(error) => line("store", Err(format!("{error:#}")))?,
        }
    } else {
        let data = data.display();
        line("store", Err(format!("{data} has no store yet: run `verger migrate --data {data}`")))?;
    }
    line("disk", free_disk(&data))?;
    let now = SystemClock.now();
    line(
        "clock",
        if now.0 < EARLIEST_CLOCK_MS {
            Err(format!("{} is in the past: set the clock", serve::for_people(now)))
        } else {
            Ok(serve::for_people(now))
        },
    )?;
    anyhow::ensure!(failures == 0, "{failures} of these are bad");
    Ok(())
}

/// By `df`, because the standard library does not say it and there is no unsafe code here.
fn free_disk(folder: &std::path::Path) -> Result<String, String> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(std::path::Path::new("."));
    let existing = if existing.as_os_str().is_empty() { std::path::Path::new(".") } else { existing };
    let output = std::process::Command::new("df")
        .arg("-Pk")
        .arg(existing)
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let free_kib: u64 = text
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .ok_or("df gave no answer that can be read")?;
    let free_mib = free_kib / 1024;
    if free_mib < FREE_DISK_MIN_MIB {
        Err(format!("{free_mib} MiB free; make room for at least {FREE_DISK_MIN_MIB} MiB"))
    } else {
        Ok(format!("{free_mib} MiB free"))
    }
}
