//! `verger serve`.

use super::given::Given;
use super::{embedded_file, existing_store, modes, require_file, require_schema, start_log};
use crate::app::{App, system_rng};
use crate::clock::{Clock, SystemClock};
use crate::config::{LogFormat, ServeConfig};
use crate::serve::Shutdown;
use crate::supervise::supervise;
use crate::{jobs, metrics, serve, webhooks};
use anyhow::Context as _;
use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use verger_store::Trouble;

#[derive(Args)]
pub(super) struct ServeArgs {
    /// A TOML file with the settings below, named like the flags with _ instead of -
    #[arg(long, env = "VERGER_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: ServeConfig,
    /// Refused, with a hint at `--listen`
    #[arg(long, hide = true, value_name = "PORT", num_args = 0..=1, default_missing_value = "", value_parser = no_port)]
    pub(super) port: Option<NoPort>,
}

/// The value of a flag that does not exist: parsing it always fails, with a hint at the right flag.
#[derive(Clone, Copy)]
pub(super) enum NoPort {}

pub(super) fn no_port(port: &str) -> Result<NoPort, String> {
    let port = if port.is_empty() { "4100" } else { port };
    Err(format!("there is no --port: use --listen, as in `--listen {port}`"))
}

pub(super) async fn run(args: ServeArgs, given: &Given) -> anyhow::Result<()> {
    let config = args.settings.over_file(args.config.as_deref())?;
    let _log =
        start_log(config.log_format.unwrap_or(LogFormat::Json), config.log.as_deref().unwrap_or("info"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // A sender that cannot work should be noticed now, not by the first user who waits for a code.
    let mut messaging = config.messaging(&clock)?;
    let listen_limits = config.fitting_limits(&mut messaging.webhooks)?;
    let (sms, email) = (messaging.delivery.sms.name(), messaging.delivery.email.name());
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    if let Some(file) = embedded_file(config.store(), &config.data()) {
        require_file(&file, super::NAME_STORE)?;
    }
    modes::tighten_store(config.store(), &config.data());
    let store = existing_store(config.store(), &config.data()).await?;
    require_schema(&store).await?;
    let listener = bind(config.listen(), &given.name("listen")).await?;
    let metrics_listener = bind(config.metrics_listen(), &given.name("metrics_listen")).await?;
    verger_core::phone_number::warm_up();
    let rng = system_rng().context("no randomness from the operating system")?;
    let app = Arc::new(App::new(Arc::clone(&store), clock, rng, config.limits(), messaging));
    tracing::info!(listen = %listener.local_addr()?, metrics = %metrics_listener.local_addr()?, store = store.location(), sms, email, "serving");
    let stop = serve::stop_signal()?;
    serve_to_the_end(app, listener, listen_limits, Some(metrics_listener), metrics_handle, stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Serves, with all background tasks, until the process is told to stop.
///
/// # Errors
/// The store failed: only a restart can tell what it contains.
pub(super) async fn serve_to_the_end(
    app: Arc<App>,
    listener: TcpListener,
    limits: serve::ListenLimits,
    metrics_listener: Option<TcpListener>,
    metrics_handle: PrometheusHandle,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let store = Arc::clone(app.store());
    if let Some(listener) = metrics_listener {
        let listener = listener.into_std().context("the metrics listener cannot be kept open")?;
        let handle = metrics_handle.clone();
        supervise(&app, "metrics", move |_| serve_metrics(listener.try_clone(), handle.clone()));
    }
    supervise(&app, "housekeeping", move |app| serve::housekeeping(app, Some(metrics_handle.clone())));
    let delivering = supervise(&app, "messages", jobs::deliver_messages);
    let telling = supervise(&app, "webhooks", webhooks::job::deliver_webhooks);
    supervise(&app, "fan_out", webhooks::job::fan_out_events);
    let stop = async {
        tokio::select! {
            () = stop => {}
            _ = store.failure() => {}
        }
    };
    // With a failed store there is nothing to wait for.
    let hurry = async {
        tokio::select! {
            () = serve::next_stop_signal() => {}
            _ = store.failure() => {}
        }
    };
    let shutdown = serve::serve_until(app, listener, limits, stop, hurry).await;
    if !matches!(store.trouble(), Some(Trouble::Failed(_))) {
        finish(delivering, telling, shutdown).await;
    }
    close(&store, shutdown).await?;
    match store.trouble() {
        Some(Trouble::Failed(why)) => anyhow::bail!(
            "the store failed: {why}; check the disk, then restart the server, which recovers or drops what was being \
             committed"
        ),
        _ => Ok(()),
    }
}

async fn serve_metrics(listener: std::io::Result<std::net::TcpListener>, handle: PrometheusHandle) {
    match listener.and_then(TcpListener::from_std) {
        Ok(listener) => serve::serve_metrics(listener, handle).await,
        Err(error) => tracing::error!(%error, "the metrics listener cannot be used"),
    }
}

/// Waits for messages and webhooks in flight, until their deadline.
async fn finish(
    delivering: tokio::task::JoinHandle<()>,
    telling: tokio::task::JoinHandle<()>,
    shutdown: Shutdown,
) {
    let end = shutdown.jobs_until.into();
    if tokio::time::timeout_at(end, delivering).await.is_err() {
        tracing::warn!("some messages were being sent when the server stopped; their state will be unknown");
    }
    if tokio::time::timeout_at(end, telling).await.is_err() {
        tracing::warn!("some webhooks were in flight when the server stopped; they will be sent again");
    }
}

/// Listens on an address. `name` is the flag or variable that it came from.
pub(super) async fn bind(address: SocketAddr, name: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                let equals = if name.starts_with("--") { ' ' } else { '=' };
                format!("; is another verger running? `{name}{equals}127.0.0.1:0` picks a free port")
            }
            ErrorKind::PermissionDenied => "; ports below 1024 require a privilege".to_owned(),
            ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
            _ => String::new(),
        };
        anyhow::anyhow!("cannot listen on {address} ({name}): {error}{advice}")
    })
}

async fn close(store: &Arc<verger_store::Store>, shutdown: Shutdown) -> anyhow::Result<()> {
    let store = Arc::clone(store);
    let closing = tokio::task::spawn_blocking(move || store.close());
    match tokio::time::timeout_at(shutdown.ends_at.into(), closing).await {
        Ok(closed) => closed.context("the store did not close"),
        Err(_) => {
            tracing::warn!("the store was not closed in time; nothing is lost, the next start reads its log");
            Ok(())
        }
    }
}
