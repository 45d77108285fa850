//! Numbers for operators, in the format of Prometheus.

use crate::limits::ListenLimits;
use crate::listener::Listener;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::TcpListener;

/// Histogram buckets for the duration of requests and commits, in seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Histogram buckets for the number of batches in a commit.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Installs the recorder of this process; later calls return the same one.
///
/// # Errors
/// Another recorder is already installed.
pub fn install() -> Result<PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Suffix("_batches".to_owned()), &BATCHES)
                })
                .map_err(|error| error.to_string())?
                .build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
            Ok(handle)
        })
        .clone()
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
    Listener::new("metrics", listener, limits, handler).accept(std::future::pending()).await;
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

/// Forgets observations that are of no use any more, until the process ends: without it a scrape takes ever longer.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// The counters of every route, looked up once.
pub struct RouteMetrics {
    routes: Vec<[Counter; 5]>,
    seconds: Vec<Histogram>,
}

impl RouteMetrics {
    /// `routes` are method and path of each.
    pub fn new(routes: impl Iterator<Item = (&'static str, &'static str)> + Clone) -> Self {
        // One more than there are routes, for requests that match none.
        let labels = || routes.clone().chain([("any", "unmatched")]);
        Self {
            routes: labels()
                .map(|(method, path)| {
                    ["1xx", "2xx", "3xx", "4xx", "5xx"].map(|status| {
                        counter!("verger_http_requests_total", "method" => method, "route" => path, "status" => status)
                    })
                })
                .collect(),
            seconds: labels()
                .map(|(method, path)| histogram!("verger_http_request_seconds", "method" => method, "route" => path))
                .collect(),
        }
    }

    /// Counts one answer. `route` is its place among the routes; `None` if none matches.
    pub fn record(&self, route: Option<usize>, status: u16, duration: Duration) {
        let at = route.unwrap_or(self.routes.len() - 1);
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        if let (Some(counters), Some(seconds)) = (self.routes.get(at), self.seconds.get(at)) {
            counters[class].increment(1);
            seconds.record(duration);
        }
    }
}
