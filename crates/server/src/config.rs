//! The configuration: defaults, then the file, then the environment, then flags; read once.

use crate::app::{Clock, Limits, Messaging};
use crate::codes::Keyring;
use crate::deliver;
use crate::deliver::{EmailConfig, SmsConfig};
use crate::limits::SendingConfig;
use crate::serve::ListenLimits;
use crate::webhooks::{Webhooks, WebhooksConfig};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// A text that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("…")
    }
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
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. The variable or the file keeps the
    /// password out of the list of processes. Default: the embedded store in --data
    #[arg(long, env = "VERGER_STORE", value_name = "URL", hide_env_values = true)]
    pub(crate) store: Option<Secret>,
    /// How the log is written, to standard error. Default: json
    #[arg(long, env = "VERGER_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug or trace; also per target as in `warn,verger::request=info`. Default: info
    #[arg(long, env = "VERGER_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How long a request may take before it is answered with 503, in milliseconds. Default: 4500
    #[arg(long, env = "VERGER_REQUEST_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) request_timeout_ms: Option<u64>,
    /// How long a client may take to send the head of a request, from its first byte, in milliseconds. Default: 10000
    #[arg(long, env = "VERGER_HEADER_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) header_timeout_ms: Option<u64>,
    /// How long a connection may rest between two requests, in milliseconds: longer than a load balancer in front keeps one. Default: 75000
    #[arg(long, env = "VERGER_KEEP_ALIVE_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    pub(crate) keep_alive_timeout_ms: Option<u64>,
    /// How long requests in flight may take after SIGTERM, in milliseconds. Default: 10000
    #[arg(long, env = "VERGER_SHUTDOWN_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub(crate) shutdown_timeout_ms: Option<u64>,
    /// Connections at a time; one more waits. Default: 10000
    #[arg(long, env = "VERGER_CONNECTIONS_MAX", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections_max: Option<u32>,
    /// Who delivers text messages, and what they say: section `[sms]` of the file.
    #[arg(skip)]
    pub(crate) sms: SmsConfig,
    /// Who delivers email, and what it says: section `[email]` of the file.
    #[arg(skip)]
    pub(crate) email: EmailConfig,
    /// What sending may cost: section `[sending]` of the file.
    #[arg(skip)]
    pub(crate) sending: SendingConfig,
    /// Who may be told of events, and how often it is tried: section `[webhooks]` of the file.
    #[arg(skip)]
    pub(crate) webhooks: WebhooksConfig,
    /// Keys that codes are digested and messages sealed with, newest first: base64 of 32 random bytes each, with commas between. Default: none
    #[arg(long, env = "VERGER_CODE_KEYS", value_name = "KEYS", hide_env_values = true)]
    pub(crate) code_keys: Option<Secret>,
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
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            // The message of a value that does not fit says nothing about whose value it is.
            let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            let key = key.map_or_else(String::new, |(key, _)| format!("{}: ", key.trim()));
            anyhow::anyhow!(
                "config file {}, line {line}: {key}{}",
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
        in_range("keep_alive_timeout_ms", base.keep_alive_timeout_ms, 10, 3_600_000)?;
        in_range("shutdown_timeout_ms", base.shutdown_timeout_ms, 0, 600_000)?;
        in_range("connections_max", base.connections_max.map(u64::from), 1, u64::from(u32::MAX))?;
        let env = |name: &str| std::env::var(name).ok();
        Ok(Self {
            listen: self.listen.or(base.listen),
            metrics_listen: self.metrics_listen.or(base.metrics_listen),
            data: self.data.or(base.data),
            store: self.store.or(base.store),
            log_format: self.log_format.or(base.log_format),
            log: self.log.or(base.log),
            request_timeout_ms: self.request_timeout_ms.or(base.request_timeout_ms),
            header_timeout_ms: self.header_timeout_ms.or(base.header_timeout_ms),
            keep_alive_timeout_ms: self.keep_alive_timeout_ms.or(base.keep_alive_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.or(base.shutdown_timeout_ms),
            connections_max: self.connections_max.or(base.connections_max),
            sms: base.sms.with_env(env),
            email: base.email.with_env(env),
            sending: base.sending,
            webhooks: base.webhooks,
            code_keys: self.code_keys.or(base.code_keys),
        })
    }

    /// What codes and messages need.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub(crate) fn messaging(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<Messaging> {
        self.sending.check().map_err(|why| anyhow::anyhow!(why))?;
        let keyring = Keyring::parse(self.code_keys.as_ref().map_or("", |keys| keys.0.as_str()))?;
        let delivery = deliver::config::build(&self.sms, &self.email, clock)?;
        let sms_from =
            |(id, own): (&String, &deliver::config::SmsInstanceConfig)| Some((id.clone(), own.from.clone()?));
        let email_from = |(id, own): (&String, &deliver::config::EmailInstanceConfig)| {
            Some((id.clone(), own.from.clone()?))
        };
        let from = (
            self.sms.instances.iter().filter_map(sms_from).collect(),
            self.email.instances.iter().filter_map(email_from).collect(),
        );
        let twilio_callbacks =
            self.sms.twilio.auth_token.clone().zip(self.sms.twilio.status_callback_url.clone());
        let sending = self.sending.clone();
        let webhooks = Webhooks::new(self.webhooks.clone(), false)?;
        Ok(Messaging { keyring, delivery, sending, from, twilio_callbacks, webhooks, dev: false })
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

    /// The URL of the store, if it is not the embedded one in the folder.
    pub(crate) fn store(&self) -> Option<&str> {
        self.store.as_ref().map(|url| url.0.as_str())
    }

    /// The keys that codes are digested with.
    pub(crate) fn code_keys(&self) -> Option<&str> {
        self.code_keys.as_ref().map(|keys| keys.0.as_str())
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
            keep_alive_timeout_ms: self.keep_alive_timeout_ms.unwrap_or(default.keep_alive_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.unwrap_or(default.shutdown_timeout_ms),
            ..default
        }
    }
}

#[cfg(test)]
mod tests;
