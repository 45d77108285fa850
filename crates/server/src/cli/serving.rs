//! What every command that serves does: listens, runs the background tasks, and ends in order.

use crate::app::App;
use crate::serve::{self, Shutdown};
use crate::session_jobs::look_after_sessions;
use crate::supervise::supervise;
use crate::{jobs, webhooks};
use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use verger_store::Trouble;

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
    supervise(&app, "sessions", look_after_sessions);
    let delivering = supervise(&app, "messages", jobs::deliver_messages);
    let telling = supervise(&app, "webhooks", webhooks::job::deliver_webhooks);
    supervise(&app, "fan_out", webhooks::fan_out::fan_out_events);
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
