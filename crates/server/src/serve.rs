//! Listens, and stops without losing what is in flight.

use crate::app::App;
use crate::listener::Door;
use crate::proxies::TrustedProxies;
use crate::router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use verger_core::profile;
use verger_wire::UnixMillis;

/// How a listener treats its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Concurrent connections. Beyond that an idle one is closed for the new one, or the new one waits.
    pub connections_max: usize,
    /// Concurrent connections per address, or per IPv6 /64 network; 0 is no limit. Beyond that an idle one of the same
    /// address is closed, or the new one.
    pub connections_per_address: usize,
    /// How long a client may take to send the head of a request, in milliseconds: the first one counts from the start of
    /// the connection, a later one from its first byte.
    pub header_timeout_ms: u64,
    /// How long a connection may be idle between two requests, in milliseconds.
    pub keep_alive_timeout_ms: u64,
    /// How long a client may stall while reading the response, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long the server keeps serving, while it reports that it is not ready, once it is told to stop, in
    /// milliseconds.
    pub shutdown_delay_ms: u64,
    /// How long requests in flight may take after that, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// The proxies whose headers about client addresses are trusted. They have no limit of connections per address.
    pub trusted_proxies: TrustedProxies,
}

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

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address: share_of(10_000),
            header_timeout_ms: 10_000,
            // Longer than the minute for which the usual load balancers and clients keep a connection: the one who ends
            // it must be the client, who knows whether a request is under way.
            keep_alive_timeout_ms: 75_000,
            write_timeout_ms: 20_000,
            shutdown_delay_ms: 0,
            shutdown_timeout_ms: 10_000,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

/// The default limit of connections per address, given the limit of all: a quarter, so that it takes four addresses to
/// use all of them up, but at least 16.
pub(crate) fn share_of(connections_max: usize) -> usize {
    (connections_max / 4).max(16)
}

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
    let mut door = Door::new("api", listener, limits.clone(), handler);
    door.accept(stop).await;
    let mut shutdown = Shutdown::begin(Instant::now(), &limits);
    app.begin_draining();
    door.drain();
    if limits.shutdown_delay_ms > 0 {
        tracing::info!(delay_ms = limits.shutdown_delay_ms, "stopping: no longer ready, still serving");
        door.accept(async {
            tokio::select! {
                () = tokio::time::sleep_until(shutdown.accepting_until.into()) => {}
                () = hurry => {}
            }
        })
        .await;
        shutdown = shutdown.without_delay(Instant::now());
    }
    app.begin_closing();
    let connections = door.close();
    if tokio::time::timeout_at(shutdown.requests_until.into(), connections.all_ended()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were aborted");
    }
    shutdown
}

/// Serves the metrics until the process ends. They have a separate listener, so that they are never reachable at the
/// address of the API.
pub async fn serve_metrics(listener: TcpListener, handle: PrometheusHandle) {
    let limits = ListenLimits {
        // Enough for a few scrapers and a few people.
        connections_max: 16,
        connections_per_address: 0,
        header_timeout_ms: 5_000,
        ..ListenLimits::default()
    };
    let handler = move |request: Request<Body>| std::future::ready(metrics_page(&request, &handle));
    Door::new("metrics", listener, limits, handler).accept(std::future::pending()).await;
}

fn metrics_page(request: &Request<Body>, handle: &PrometheusHandle) -> Response<Body> {
    let text = |status, text: String| {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let text = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    };
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "metrics are read with GET\n".to_owned());
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    text(StatusCode::OK, handle.render())
}

/// Periodic tasks until the process ends, all of them idempotent.
pub async fn housekeeping(app: Arc<App>, metrics: Option<PrometheusHandle>) {
    tokio::join!(crate::retention::keep(&app), keep_sealed(&app), upkeep(metrics));
}

async fn keep_sealed(app: &App) {
    loop {
        crate::resealing::reseal(app).await;
        tokio::time::sleep(RESEAL_EVERY).await;
    }
}

/// Without it a scrape takes ever longer.
async fn upkeep(metrics: Option<PrometheusHandle>) {
    let Some(metrics) = metrics else { return };
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
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

/// A timestamp in RFC 3339, to the second.
pub(crate) fn for_people(moment: UnixMillis) -> String {
    profile::format_date(UnixMillis(moment.0 - moment.0.rem_euclid(1000)))
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
