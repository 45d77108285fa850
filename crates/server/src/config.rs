//! The configuration: defaults, then the file, then the environment, then flags; read once.

use crate::app::Limits;
use crate::serve::ListenLimits;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::Semaphore;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// The settings of `verger serve`. Each key of the file has the name of its flag with `_` for `-`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// Address and port of the API. Default: 127.0.0.1:4100
    #[arg(long, env = "VERGER_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address and port of the Prometheus metrics, at /metrics. Default: 127.0.0.1:4101
    #[arg(long, env = "VERGER_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Folder of the embedded store. Default: ./verger-data
    #[arg(long, env = "VERGER_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// How the log is written, to standard error. Default: json
    #[arg(long, env = "VERGER_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug or trace; also per target as in `warn,verger::request=info`. Default: info
    #[arg(long, env = "VERGER_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How long a request may take before it is answered with 503, in milliseconds. Default: 4500
    #[arg(long, env = "VERGER_REQUEST_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) request_timeout_ms: Option<u64>,
    /// How long a client may take to send the head of a request, in milliseconds. Default: 10000
    #[arg(long, env = "VERGER_HEADER_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) header_timeout_ms: Option<u64>,
    /// How long requests in flight may take after SIGTERM, in milliseconds. Default: 10000
    #[arg(long, env = "VERGER_SHUTDOWN_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub(crate) shutdown_timeout_ms: Option<u64>,
    /// Connections at a time; one more waits. Default: 10000
    #[arg(long, env = "VERGER_CONNECTIONS_MAX", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections_max: Option<u32>,
}

impl ServeConfig {
    /// These settings, and those of the file where these say nothing.
    ///
    /// # Errors
    /// One line that says what is wrong and where.
    pub(crate) fn over_file(self, file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(self) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| anyhow::anyhow!("config file {}: {error}", path.display()))?;
        let base: Self = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            anyhow::anyhow!(
                "config file {}, line {line}: {}",
                path.display(),
                error.message().replace('\n', " ")
            )
        })?;
        let in_range = |name: &str, value: Option<u64>, min: u64, max: u64| match value {
            Some(value) if !(min..=max).contains(&value) => {
                Err(anyhow::anyhow!("config file {}: {name} must be from {min} to {max}", path.display()))
            }
            _ => Ok(()),
        };
        in_range("request_timeout_ms", base.request_timeout_ms, 10, 600_000)?;
        in_range("header_timeout_ms", base.header_timeout_ms, 10, 600_000)?;
        in_range("shutdown_timeout_ms", base.shutdown_timeout_ms, 0, 600_000)?;
        in_range("connections_max", base.connections_max.map(u64::from), 1, u64::from(u32::MAX))?;
        Ok(Self {
            listen: self.listen.or(base.listen),
            metrics_listen: self.metrics_listen.or(base.metrics_listen),
            data: self.data.or(base.data),
            log_format: self.log_format.or(base.log_format),
            log: self.log.or(base.log),
            request_timeout_ms: self.request_timeout_ms.or(base.request_timeout_ms),
            header_timeout_ms: self.header_timeout_ms.or(base.header_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.or(base.shutdown_timeout_ms),
            connections_max: self.connections_max.or(base.connections_max),
        })
    }

    /// Address and port of the API.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4100)))
    }

    /// Address and port of the metrics.
    pub(crate) fn metrics_listen(&self) -> SocketAddr {
        self.metrics_listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4101)))
    }

    /// Folder of the embedded store.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("./verger-data"))
    }

    /// The limits of requests.
    pub(crate) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits { request_timeout_ms: self.request_timeout_ms.unwrap_or(default.request_timeout_ms) }
    }

    /// The limits of connections.
    pub(crate) fn listen_limits(&self) -> ListenLimits {
        let default = ListenLimits::default();
        ListenLimits {
            connections_max: self
                .connections_max
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default.connections_max)
                .min(Semaphore::MAX_PERMITS),
            header_timeout_ms: self.header_timeout_ms.unwrap_or(default.header_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.unwrap_or(default.shutdown_timeout_ms),
        }
    }
}
