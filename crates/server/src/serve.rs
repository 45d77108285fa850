//! Listening, and stopping without losing what is in flight.

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
    /// Connections at a time. One more takes the place of one that is idle, or waits.
    pub connections_max: usize,
    /// Of one address, or of one IPv6 network of 64 bits; 0 is no limit. One more takes the place of one of the same address
    /// that is idle, or is closed.
    pub connections_per_address: usize,
    /// How long a client may take to send the head of a request, in milliseconds: of the first one from the beginning of the
    /// connection, of a later one from its first byte.
    pub header_timeout_ms: u64,
    /// How long a connection may rest between two requests, in milliseconds.
    pub keep_alive_timeout_ms: u64,
    /// How long a client may take nothing, or next to nothing, of what it asked for, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long the server says that it is not ready, and serves nevertheless, once it is told to stop, in milliseconds.
    pub shutdown_delay_ms: u64,
    /// How long requests in flight may take after that, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// Whose word about the addresses of clients is taken. They have no share of connections.
    pub trusted_proxies: TrustedProxies,
}

/// Until when each phase of a stop may last. All of it is fixed by the moment at which the server is told to stop: a
/// phase that needs less leaves more to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shutdown {
    /// The listener is open.
    accepting_until: Instant,
    /// Requests in flight.
    requests_until: Instant,
    /// Messages and webhooks in flight.
    pub(crate) jobs_until: Instant,
    /// The store.
    pub(crate) ends_at: Instant,
}

/// How much longer than requests messages and webhooks in flight and the store may take, in milliseconds.
const FINISH_MS: u64 = 10_000;
/// What of it belongs to the store.
const CLOSE_MS: u64 = 2_000;

/// How often is looked for what former keys sealed.
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

/// The connections of one address among this many, unless the operator says otherwise: four addresses are needed to use
/// all of them up, and with few connections one may have most.
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

    /// All of it earlier by what is left of the delay.
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

/// Serves the API on `listener` until `stop` is done, then finishes what is in flight.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    limits: ListenLimits,
    stop: impl Future<Output = ()>,
) {
    serve_until(app, listener, limits, stop, std::future::pending()).await;
}

/// Serves the API on `listener` until `stop` is done; then says that it is not ready, and serves for a while longer
/// unless `hurry` is done; then finishes what is in flight. Gives until when the rest of the stop may last.
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

/// Serves the metrics until the process ends. They have a listener of their own, so that they are never reachable where
/// the API is.
pub async fn serve_metrics(listener: TcpListener, handle: PrometheusHandle) {
    let limits = ListenLimits {
        // For a few scrapers and a few people.
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

/// What has to be done now and then, until the process ends: all of it safe to repeat.
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

/// Done when the process is asked to stop.
///
/// # Errors
/// The signals cannot be listened for.
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

/// Done when the process is asked to stop once more.
pub(crate) async fn next_stop_signal() {
    match stop_signal() {
        Ok(signal) => signal.await,
        Err(error) => {
            tracing::warn!(%error, "a second signal cannot be listened for");
            std::future::pending().await
        }
    }
}

/// A moment for people, to the second.
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
        // The phases share one end: without the delay all of it is over that much earlier.
        let hurried = shutdown.without_delay(now + Duration::from_secs(2));
        assert_eq!(seconds(hurried.accepting_until), 2);
        assert_eq!((seconds(hurried.requests_until), seconds(hurried.ends_at)), (12, 22));
        let after = now + Duration::from_secs(6);
        assert_eq!(shutdown.without_delay(after), shutdown);
    }
}
