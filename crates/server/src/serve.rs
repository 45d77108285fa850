//! Listens, and stops without losing what is in flight.

pub(crate) use crate::clock::for_people;

use crate::app::App;
use crate::router;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use verger_http::listener::Listener;
use verger_http::metrics::upkeep;

pub use verger_http::ListenLimits;
pub use verger_http::metrics::serve_metrics;

/// The deadlines of the phases of a stop. All are fixed when the server is told to stop: a phase that needs less leaves
/// more to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shutdown {
    /// Until then new connections are accepted.
    accepting_until: Instant,
    /// The deadline of requests in flight.
    requests_until: Instant,
    /// The deadline of messages and webhooks in flight.
    pub(crate) jobs_until: Instant,
    /// The deadline for closing the store, and of the whole stop.
    pub(crate) ends_at: Instant,
}

/// The time for messages and webhooks in flight and for closing the store, after the deadline of requests, in
/// milliseconds.
const FINISH_MS: u64 = 10_000;
/// The part of it that is reserved for the store, in milliseconds.
const CLOSE_MS: u64 = 2_000;

/// How often texts that former keys sealed are searched for.
const RESEAL_EVERY: Duration = Duration::from_secs(60);

impl Shutdown {
    fn begin(now: Instant, limits: &ListenLimits) -> Self {
        let ms = Duration::from_millis;
        let accepting_until = now + ms(limits.shutdown_delay_ms);
        let requests_until = accepting_until + ms(limits.shutdown_timeout_ms);
        let ends_at = requests_until + ms(FINISH_MS);
        Self { accepting_until, requests_until, jobs_until: ends_at - ms(CLOSE_MS), ends_at }
    }

    /// All deadlines earlier by the rest of the delay.
    fn without_delay(self, now: Instant) -> Self {
        let left = self.accepting_until.saturating_duration_since(now);
        Self {
            accepting_until: self.accepting_until - left,
            requests_until: self.requests_until - left,
            jobs_until: self.jobs_until - left,
            ends_at: self.ends_at - left,
        }
    }
}

/// Serves the API on `listener` until `stop` resolves, then finishes what is in flight.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    limits: ListenLimits,
    stop: impl Future<Output = ()>,
) {
    serve_until(app, listener, limits, stop, std::future::pending()).await;
}

/// Serves the API on `listener` until `stop` resolves; then reports that it is not ready, and serves for the delay or
/// until `hurry` resolves; then finishes what is in flight. Returns the deadlines of the rest of the stop.
pub(crate) async fn serve_until(
    app: Arc<App>,
    listener: TcpListener,
    limits: ListenLimits,
    stop: impl Future<Output = ()>,
    hurry: impl Future<Output = ()>,
) -> Shutdown {
    let server = router::service(Arc::clone(&app));
    let handler = move |request| server.clone().handle(request);
    let mut listener = Listener::new("api", listener, limits.clone(), handler);
    listener.accept(stop).await;
    let mut shutdown = Shutdown::begin(Instant::now(), &limits);
    app.begin_draining();
    listener.drain();
    if limits.shutdown_delay_ms > 0 {
        tracing::info!(delay_ms = limits.shutdown_delay_ms, "stopping: no longer ready, still serving");
        listener
            .accept(async {
                tokio::select! {
                    () = tokio::time::sleep_until(shutdown.accepting_until.into()) => {}
                    () = hurry => {}
                }
            })
            .await;
        shutdown = shutdown.without_delay(Instant::now());
    }
    app.begin_closing();
    let ended = listener.close();
    if tokio::time::timeout_at(shutdown.requests_until.into(), ended).await.is_err() {
        tracing::warn!("some requests did not finish in time and were aborted");
    }
    shutdown
}

/// Periodic tasks until the process ends, all of them idempotent.
pub async fn housekeeping(app: Arc<App>, metrics: Option<PrometheusHandle>) {
    let upkeep = async {
        if let Some(handle) = metrics {
            upkeep(handle).await;
        }
    };
    tokio::join!(crate::retention::keep(&app), keep_sealed(&app), upkeep);
}

async fn keep_sealed(app: &App) {
    loop {
        crate::resealing::reseal(app).await;
        tokio::time::sleep(RESEAL_EVERY).await;
    }
}

/// Resolves when the process is asked to stop.
///
/// # Errors
/// The signal handlers cannot be installed.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the process is asked to stop once more.
pub(crate) async fn next_stop_signal() {
    match stop_signal() {
        Ok(signal) => signal.await,
        Err(error) => {
            tracing::warn!(%error, "a second signal cannot be listened for");
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_with_the_settings_of_serve_takes_25_seconds_at_most() {
        let now = Instant::now();
        let limits = crate::config::ServeConfig::default().listen_limits();
        let shutdown = Shutdown::begin(now, &limits);
        let seconds = |until: Instant| until.duration_since(now).as_secs();
        assert_eq!(seconds(shutdown.accepting_until), 5);
        assert_eq!(seconds(shutdown.requests_until), 15);
        assert_eq!((seconds(shutdown.jobs_until), seconds(shutdown.ends_at)), (23, 25));
        // All phases share one deadline: without the delay everything ends that much earlier.
        let hurried = shutdown.without_delay(now + Duration::from_secs(2));
        assert_eq!(seconds(hurried.accepting_until), 2);
        assert_eq!((seconds(hurried.requests_until), seconds(hurried.ends_at)), (12, 22));
        let after = now + Duration::from_secs(6);
        assert_eq!(shutdown.without_delay(after), shutdown);
    }
}
