//! `verger serve` and `verger check`.

use super::{deadline, embedded_file, modes, open_store, require_schema, start_log};
use crate::app::{App, Clock, SystemClock, system_rng};
use crate::codes::Keyring;
use crate::config::{LogFormat, ServeConfig};
use crate::{deliver, jobs, metrics, serve, webhooks};
use anyhow::Context as _;
use clap::Args;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use verger_store::Store;

/// 2026-01-01: a clock before this one was never set.
const EARLIEST_CLOCK_MS: i64 = 1_767_225_600_000;
/// Less free disk than this is reported.
const FREE_DISK_MIN_MIB: u64 = 512;

#[derive(Args)]
pub(super) struct ServeArgs {
    /// A TOML file with the settings below, under the names of the flags with _ for -
    #[arg(long, env = "VERGER_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: ServeConfig,
}

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.settings.over_file(args.config.as_deref())?;
    let _log =
        start_log(config.log_format.unwrap_or(LogFormat::Json), config.log.as_deref().unwrap_or("info"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Who wants to send and cannot should learn it now, not from the first user who waits for a code.
    let messaging = config.messaging(&clock)?;
    let (sms, email) = (messaging.delivery.sms.name(), messaging.delivery.email.name());
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    modes::tighten_store(config.store(), &config.data());
    let store = open_store(config.store(), &config.data()).await?;
    require_schema(&store).await?;
    let listener = bind(config.listen(), "--listen").await?;
    let metrics_listener = bind(config.metrics_listen(), "--metrics-listen").await?;
    verger_core::phone_number::warm_up();
    let rng = system_rng().context("no randomness from the operating system")?;
    let app = Arc::new(App::new(Arc::clone(&store), clock, rng, config.limits(), messaging));
    tracing::info!(listen = %listener.local_addr()?, metrics = %metrics_listener.local_addr()?, store = store.location(), sms, email, "serving");
    tokio::spawn(serve::serve_metrics(metrics_listener, metrics_handle.clone()));
    tokio::spawn(serve::housekeeping(Arc::clone(&app), Some(metrics_handle)));
    let delivering = tokio::spawn(jobs::deliver_messages(Arc::clone(&app)));
    let telling = tokio::spawn(webhooks::job::deliver_webhooks(Arc::clone(&app)));
    tokio::spawn(webhooks::job::fan_out_events(Arc::clone(&app)));
    serve::serve(app, listener, config.listen_limits(), serve::stop_signal()?).await;
    finish(delivering, telling).await;
    close(&store).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for messages and webhooks in flight, for as long as one attempt can take.
pub(super) async fn finish(delivering: tokio::task::JoinHandle<()>, telling: tokio::task::JoinHandle<()>) {
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(15);
    if tokio::time::timeout_at(end, delivering).await.is_err() {
        tracing::warn!("some messages were being sent when the server stopped; their state will be unknown");
    }
    if tokio::time::timeout_at(end, telling).await.is_err() {
        tracing::warn!("some webhooks were under way when the server stopped; they will be sent again");
    }
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
    let config_file = args.config.clone();
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let name = |sender: Arc<dyn deliver::Sender>| sender.name().to_owned();
    line("sms", config.sms.build(Arc::clone(&clock)).map(name).map_err(|error| error.to_string()))?;
    line("email", config.email.build(clock).map(name).map_err(|error| error.to_string()))?;
    let texts = deliver::config::build_templates(&config.sms, &config.email);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let messaging = config.messaging(&clock);
    let codes = messaging.as_ref().map(|messaging| {
        let ids: Vec<_> = messaging.keyring.ids().collect();
        format!("limits are set, and code_keys: {}", ids.join(", "))
    });
    line("codes", codes.map_err(|error| error.to_string()))?;
    line("texts", texts.map(|_| "all can be filled".to_owned()).map_err(|error| error.to_string()))?;
    let told = webhooks::Webhooks::new(config.webhooks.clone(), false).map(|webhooks| webhooks.whom());
    line("webhooks", told.map_err(|error| error.to_string()))?;
    let data = config.data();
    let file = embedded_file(config.store(), &data);
    // Before the store is opened, which makes files.
    line("modes", modes::check(config_file.as_deref(), &data, file.as_deref()))?;
    if file.as_deref().is_none_or(Path::exists) {
        match open_store(config.store(), &data).await {
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
                if let (Ok(()), Ok(messaging)) = (&schema, &messaging) {
                    line("sealed", lost_keys(&store, &messaging.keyring).await)?;
                }
                line("schema", schema.map(|()| version).map_err(|error| format!("{error:#}")))?;
            }
            Err(error) => line("store", Err(format!("{error:#}")))?,
        }
    } else {
        let file = file.as_deref().unwrap_or(&data).display();
        line(
            "store",
            Err(format!(
                "there is no store at {file} yet: run `verger migrate` with the same --data or --store"
            )),
        )?;
    }
    // The disk of another machine is that one's affair.
    if let Some(file) = &file {
        line("disk", free_disk(file.parent().unwrap_or(&data)))?;
    }
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

/// Whether everything that waits in the store can be read with these keys.
async fn lost_keys(store: &Store, keyring: &Keyring) -> Result<String, String> {
    let uses = store.key_uses(SystemClock.now(), deadline()).await.map_err(|error| error.to_string())?;
    let mut lost: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for used in uses.iter().filter(|used| keyring.ids().all(|id| id != used.key_id)) {
        lost.entry(&used.key_id).or_default().push(format!("{} {}", used.count, used.what));
    }
    if lost.is_empty() {
        return Ok("code_keys open everything that waits".to_owned());
    }
    let lost: Vec<_> = lost.iter().map(|(id, what)| format!("key {id}: {}", what.join(", "))).collect();
    Err(format!("code_keys lack what this needs: {}; add the key again behind the newest", lost.join("; ")))
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
