//! Numbers for operators, in the format of Prometheus.

use crate::router::ROUTES;
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;

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

/// The counters of every route, looked up once.
pub(crate) struct RouteMetrics {
    routes: Vec<[Counter; 5]>,
    seconds: Vec<Histogram>,
}

impl RouteMetrics {
    pub(crate) fn new() -> Self {
        // One more than there are routes, for requests that match none.
        let labels = || ROUTES.iter().map(|route| (route.method, route.path)).chain([("any", "unmatched")]);
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

    /// Counts one answer. `route` is an index into `ROUTES`.
    pub(crate) fn record(&self, route: Option<usize>, status: u16, duration: Duration) {
        let at = route.unwrap_or(ROUTES.len());
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        if let (Some(counters), Some(seconds)) = (self.routes.get(at), self.seconds.get(at)) {
            counters[class].increment(1);
            seconds.record(duration);
        }
    }
}
