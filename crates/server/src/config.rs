//! The configuration: defaults, then the file, then the environment, then flags; read once.

use crate::app::{Limits, Messaging};
use crate::clock::{Clock, wall_clock};
use crate::codes::{Keyring, KeyringError};
use crate::descriptors;
use crate::limits::SendingConfig;
use crate::password_list::{PasswordChecks, PasswordList};
use crate::webhooks::{Webhooks, WebhooksConfig};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use verger_deliver::config::{EmailInstanceConfig, SmsInstanceConfig};
use verger_deliver::{Delivery, EmailConfig, SmsConfig};
use verger_http::descriptors::{plan, raise};
use verger_http::{ListenLimits, TrustedProxies, connections_share_of};

/// Longer than the usual interval of the health checks of load balancers and orchestrators.
const SHUTDOWN_DELAY_MS: u64 = 5_000;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Readable text.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// A string that is never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

/// The settings of `verger serve`. Each key of the file has the name of its flag with `_` for `-`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// Address and port of the API; a port alone listens on 127.0.0.1. Default: 127.0.0.1:4100
    #[arg(long, env = "VERGER_LISTEN", value_name = "ADDRESS:PORT", value_parser = listen_address)]
    #[serde(deserialize_with = "listen_in_file")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address and port of the Prometheus metrics, at /metrics. Default: 127.0.0.1:4101
    #[arg(long, env = "VERGER_METRICS_LISTEN", value_name = "ADDRESS:PORT", value_parser = listen_address)]
    #[serde(deserialize_with = "listen_in_file")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Directory of the embedded store. Default: ./verger-data
    #[arg(long, env = "VERGER_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. Set it in the environment or the file to keep
    /// the password out of the process list. Default: the embedded store in --data
    #[arg(long, env = "VERGER_STORE", value_name = "URL", hide_env_values = true)]
    pub(crate) store: Option<Secret>,
    /// Format of the log on standard error. Default: json
    #[arg(long, env = "VERGER_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Log level: error, warn, info, debug or trace; also per target, as in `warn,verger::request=info`. Default: info
    #[arg(long, env = "VERGER_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How long a request may take before it is answered with 503, in milliseconds. Default: 4500
    #[arg(long, env = "VERGER_REQUEST_TIMEOUT_MS", value_name = "MS", value_parser = whole_number(10, 600_000))]
    pub(crate) request_timeout_ms: Option<u64>,
    /// How long a client may take to send the head of a request, in milliseconds: the first one counts from the start of the
    /// connection, a later one from its first byte. Default: 10000
    #[arg(long, env = "VERGER_HEADER_TIMEOUT_MS", value_name = "MS", value_parser = whole_number(10, 600_000))]
    pub(crate) header_timeout_ms: Option<u64>,
    /// How long a connection may be idle between two requests, in milliseconds: longer than a load balancer in front keeps one. Default: 75000
    #[arg(long, env = "VERGER_KEEP_ALIVE_TIMEOUT_MS", value_name = "MS", value_parser = whole_number(10, 3_600_000))]
    pub(crate) keep_alive_timeout_ms: Option<u64>,
    /// How long after SIGTERM /health/ready answers 503 while requests are still served, in milliseconds: time for load
    /// balancers to notice. A second signal ends it. Default: 5000
    #[arg(long, env = "VERGER_SHUTDOWN_DELAY_MS", value_name = "MS", value_parser = whole_number(0, 600_000))]
    pub(crate) shutdown_delay_ms: Option<u64>,
    /// How long requests in flight may take after that, in milliseconds. Default: 10000
    #[arg(long, env = "VERGER_SHUTDOWN_TIMEOUT_MS", value_name = "MS", value_parser = whole_number(0, 600_000))]
    pub(crate) shutdown_timeout_ms: Option<u64>,
    /// Concurrent connections, as far as the limit of open files allows; beyond that an idle one is closed, or the new one waits. Default: 10000
    #[arg(long, env = "VERGER_CONNECTIONS_MAX", value_name = "NUMBER", value_parser = number_from(1))]
    pub(crate) connections_max: Option<u32>,
    /// Concurrent connections per client address, trusted proxies excepted; 0 is no limit. Default: a quarter of connections_max, at least 16
    #[arg(long, env = "VERGER_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER", value_parser = number_from(0))]
    pub(crate) connections_per_address: Option<u32>,
    /// Proxies whose X-Forwarded-For or Forwarded is trusted: addresses and networks such as 10.0.0.0/8, separated by commas. Default: none
    #[arg(long, env = "VERGER_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub(crate) trusted_proxies: Option<TrustedProxies>,
    /// Sender and templates of text messages: section `[sms]` of the file.
    #[arg(skip)]
    pub(crate) sms: SmsConfig,
    /// Sender and templates of email: section `[email]` of the file.
    #[arg(skip)]
    pub(crate) email: EmailConfig,
    /// Limits on sending: section `[sending]` of the file.
    #[arg(skip)]
    pub(crate) sending: SendingConfig,
    /// Which addresses may receive events, and the schedule of attempts: section `[webhooks]` of the file.
    #[arg(skip)]
    pub(crate) webhooks: WebhooksConfig,
    /// Keys that codes are digested and messages sealed with, newest first: base64 of 32 random bytes each, separated by commas. Default: none
    #[arg(long, env = "VERGER_CODE_KEYS", value_name = "KEYS", hide_env_values = true)]
    pub(crate) code_keys: Option<Secret>,
    /// How many passwords are hashed at once, each with 19 MiB of memory. Default: the number of cores
    #[arg(long, env = "VERGER_PASSWORD_HASH_SLOTS", value_name = "NUMBER", value_parser = number_from(1))]
    pub(crate) password_hash_slots: Option<u32>,
    /// File with passwords that are refused: SHA-1 digests in hexadecimal digits, one per line, sorted. Default: none
    #[arg(long, env = "VERGER_PASSWORD_LIST", value_name = "FILE")]
    pub(crate) password_list: Option<PathBuf>,
}

/// Where to listen: an address and a port, or a port alone, which is one of this machine only.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wanted = "must be an address and a port such as 127.0.0.1:4100, or a port alone";
    if text.contains("://") {
        return Err(format!("{wanted}, without {}://", text.split("://").next().unwrap_or_default()));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        let port: u16 = port.parse().map_err(|_| "a port is a number from 0 to 65535".to_owned())?;
        return match host {
            "" => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            _ if host.eq_ignore_ascii_case("localhost") => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            "*" => Err(format!("{wanted}; all addresses of this machine are 0.0.0.0:{port} or [::]:{port}")),
            _ if host.parse::<Ipv6Addr>().is_ok() => {
                Err(format!("{wanted}; brackets belong around the address: [{host}]:{port}"))
            }
            _ => Err(format!("{wanted}; names other than localhost are not resolved")),
        };
    }
    let address = text.trim_matches(['[', ']']);
    if address.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok() {
        return Err(format!("{wanted}; the port is missing"));
    }
    Err(wanted.to_owned())
}

fn listen_in_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    struct Address;
    impl Visitor<'_> for Address {
        type Value = SocketAddr;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an address and a port such as \"127.0.0.1:4100\", or a port alone")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SocketAddr, E> {
            listen_address(text).map_err(E::custom)
        }
        fn visit_i64<E: serde::de::Error>(self, port: i64) -> Result<SocketAddr, E> {
            listen_address(&port.to_string()).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Address).map(Some)
}

/// Parses a flag or variable; the error states the valid range.
fn whole_number(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| range_in_words(min, max))
    }
}

fn number_from(min: u64) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = whole_number(min, u32::MAX.into())(text)?;
        u32::try_from(number).map_err(|_| range_in_words(min, u32::MAX.into()))
    }
}

fn range_in_words(min: u64, max: u64) -> String {
    if max == u64::from(u32::MAX) {
        format!("must be a whole number of at least {min}")
    } else {
        format!("must be a whole number from {min} to {max}")
    }
}

/// Top-level settings of the file with their minimum and maximum.
const FILE_RANGES: [(&str, u64, u64); 5] = [
    ("request_timeout_ms", 10, 600_000),
    ("header_timeout_ms", 10, 600_000),
    ("keep_alive_timeout_ms", 10, 3_600_000),
    ("shutdown_delay_ms", 0, 600_000),
    ("shutdown_timeout_ms", 0, 600_000),
];

/// Refuses a URL that does not name a store. The error does not repeat it: it may contain a password.
pub(crate) fn require_store_url(name: &str, url: &str) -> anyhow::Result<()> {
    let is_known = match url.strip_prefix("sqlite:") {
        Some(file) => !file.trim().is_empty(),
        None => url.starts_with("postgres://") || url.starts_with("postgresql://"),
    };
    anyhow::ensure!(is_known, "{name} must be sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE");
    Ok(())
}

/// Rewords an error of the TOML parser without Rust types. Never the value: it may be a secret.
fn in_words(message: &str) -> String {
    let line = message.replace('\n', " ");
    let unknown = |start: &str| {
        let (name, known) = line.strip_prefix(start)?.split_once('`')?;
        Some((name.to_owned(), known.trim_start_matches([',', ' ']).to_owned()))
    };
    if let Some((name, known)) = unknown("unknown field `") {
        let hint = if matches!(name.as_str(), "port" | "host" | "address" | "bind") {
            "; the address and the port are `listen`"
        } else {
            ""
        };
        return format!("there is no setting `{name}` here{hint}; {known}");
    }
    if let Some((_, known)) = unknown("unknown variant `") {
        let known = known.trim_start_matches("expected one of ").trim_start_matches("expected ");
        return format!("must be one of {known}, in quotes");
    }
    let Some((found, wanted)) = line
        .strip_prefix("invalid ")
        .and_then(|rest| rest.split_once(", expected "))
        .map(|(found, wanted)| {
            // A location may follow, which the line and the key already state.
            (found, wanted.split(" in `").next().unwrap_or(wanted).trim())
        })
    else {
        return line;
    };
    let is_quoted = found.starts_with("type: string");
    let is_integer = found.contains("integer");
    let (wanted, has_quotes) = match wanted {
        "u8" if is_integer => ("a whole number from 0 to 255", false),
        "u16" if is_integer => ("a whole number from 0 to 65535", false),
        "u32" if is_integer => ("a whole number from 0 to 4294967295", false),
        // TOML has no larger ones.
        "u64" | "usize" if is_integer => ("a whole number from 0 to 9223372036854775807", false),
        "f32" | "f64" => ("a number, such as 10.5", false),
        "u8" | "u16" | "u32" | "u64" | "usize" => ("a whole number that is not negative, such as 10", false),
        "i8" | "i16" | "i32" | "i64" | "isize" => ("a whole number, such as 10", false),
        "a boolean" => ("true or false", false),
        "a string" | "a borrowed string" | "path string" | "string or table" => ("text in quotes", true),
        "a sequence" => ("a list in square brackets, such as [\"US\"]", true),
        "a map" => ("a section", true),
        section if section.starts_with("struct ") => ("a section", true),
        other => (other, true),
    };
    let quotes = if is_quoted && !has_quotes { ", without quotes" } else { "" };
    format!("must be {wanted}{quotes}")
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
            // The error for an invalid value does not name its key.
            let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            let key = key.map_or("", |(key, _)| key.trim());
            let range = FILE_RANGES.iter().find(|(name, ..)| *name == key);
            let words = match range.filter(|_| error.message().contains("integer")) {
                Some((_, min, max)) => range_in_words(*min, *max),
                None => in_words(error.message()),
            };
            let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
            anyhow::anyhow!("config file {}, line {line}: {key}{words}", path.display())
        })?;
        if let (None, Some(url)) = (&self.store, &base.store) {
            require_store_url(&format!("config file {}: store", path.display()), &url.0)?;
        }
        let in_range = |name: &str, value: Option<u64>, min: u64, max: u64| match value {
            Some(value) if !(min..=max).contains(&value) => {
                Err(anyhow::anyhow!("config file {}: {name} {}", path.display(), range_in_words(min, max)))
            }
            _ => Ok(()),
        };
        for (name, min, max) in FILE_RANGES {
            let value = match name {
                "request_timeout_ms" => base.request_timeout_ms,
                "header_timeout_ms" => base.header_timeout_ms,
                "keep_alive_timeout_ms" => base.keep_alive_timeout_ms,
                "shutdown_delay_ms" => base.shutdown_delay_ms,
                "shutdown_timeout_ms" => base.shutdown_timeout_ms,
                _ => None,
            };
            in_range(name, value, min, max)?;
        }
        in_range("connections_max", base.connections_max.map(u64::from), 1, u64::from(u32::MAX))?;
        in_range("password_hash_slots", base.password_hash_slots.map(u64::from), 1, u64::from(u32::MAX))?;
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
            shutdown_delay_ms: self.shutdown_delay_ms.or(base.shutdown_delay_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.or(base.shutdown_timeout_ms),
            connections_max: self.connections_max.or(base.connections_max),
            connections_per_address: self.connections_per_address.or(base.connections_per_address),
            trusted_proxies: self.trusted_proxies.or(base.trusted_proxies),
            sms: base.sms.with_env(env),
            email: base.email.with_env(env),
            sending: base.sending,
            webhooks: base.webhooks,
            code_keys: self.code_keys.or(base.code_keys),
            password_hash_slots: self.password_hash_slots.or(base.password_hash_slots),
            password_list: self.password_list.or(base.password_list),
        })
    }

    /// The keys that codes are digested and messages sealed with.
    ///
    /// # Errors
    /// There is none, or one is malformed.
    pub(crate) fn keyring(&self) -> Result<Keyring, KeyringError> {
        Keyring::parse(self.code_keys().unwrap_or_default())
    }

    /// What codes and messages need.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub(crate) fn messaging(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<Messaging> {
        self.sending.check().map_err(|why| anyhow::anyhow!(why))?;
        let keyring = self.keyring()?;
        let delivery = Delivery::new(&self.sms, &self.email, &wall_clock(Arc::clone(clock)))?;
        let sms_from = |(id, own): (&String, &SmsInstanceConfig)| Some((id.clone(), own.from.clone()?));
        let email_from = |(id, own): (&String, &EmailInstanceConfig)| Some((id.clone(), own.from.clone()?));
        let from = (
            self.sms.instances.iter().filter_map(sms_from).collect(),
            self.email.instances.iter().filter_map(email_from).collect(),
        );
        let twilio_callbacks =
            self.sms.twilio.auth_token.clone().zip(self.sms.twilio.status_callback_url.clone());
        let sending = self.sending.clone();
        let webhooks = Webhooks::new(self.webhooks.clone(), false)?;
        let passwords = self.password_checks()?;
        Ok(Messaging { keyring, delivery, sending, from, twilio_callbacks, webhooks, passwords, dev: false })
    }

    /// How passwords are hashed, and which are refused.
    ///
    /// # Errors
    /// The list cannot be read, or is none.
    pub(crate) fn password_checks(&self) -> anyhow::Result<PasswordChecks> {
        let slots = self.password_hash_slots.and_then(|slots| usize::try_from(slots).ok());
        let list = self.password_list.as_deref().map(|path| {
            PasswordList::open(path).map_err(|why| anyhow::anyhow!("password_list {}: {why}", path.display()))
        });
        Ok(PasswordChecks { hash_slots: slots.and_then(NonZeroUsize::new), list: list.transpose()? })
    }

    /// Address and port of the API.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4100)))
    }

    /// Address and port of the metrics.
    pub(crate) fn metrics_listen(&self) -> SocketAddr {
        self.metrics_listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4101)))
    }

    /// Directory of the embedded store.
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

    /// The limit of connections per address, given the limit of all connections.
    pub(crate) fn connections_per_address(&self, connections_max: usize) -> usize {
        let number = self.connections_per_address.and_then(|number| usize::try_from(number).ok());
        number.unwrap_or_else(|| connections_share_of(connections_max))
    }

    /// Whether `connections_max` was set by the operator.
    pub(crate) fn sets_connections_max(&self) -> bool {
        self.connections_max.is_some()
    }

    /// The limits of connections and of webhooks in flight, lowered to what the limit of open files allows after it was
    /// raised as far as possible.
    ///
    /// # Errors
    /// The limit of open files is too low to serve.
    pub(crate) fn fitting_limits(&self, webhooks: &mut Webhooks) -> anyhow::Result<ListenLimits> {
        let mut limits = self.listen_limits();
        let plan = plan(raise(), descriptors::wanted(limits.connections_max))?;
        webhooks.in_flight_max = plan.outgoing_max;
        if plan.connections_max < limits.connections_max {
            tracing::warn!(
                connections_max = plan.connections_max,
                wanted = limits.connections_max,
                open_files_max = plan.limit,
                "fewer connections than wanted: the limit of open files allows no more"
            );
            limits.connections_max = plan.connections_max;
            limits.connections_per_address = self.connections_per_address(plan.connections_max);
        }
        if let Some(all) = limits.trusted_proxies.all() {
            tracing::warn!(network = %all, "every client is a trusted proxy and can claim any address");
        }
        Ok(limits)
    }

    /// The limits of connections.
    pub(crate) fn listen_limits(&self) -> ListenLimits {
        let default = ListenLimits::default();
        let number = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok());
        let connections_max = number(self.connections_max).unwrap_or(default.connections_max);
        ListenLimits {
            connections_max,
            connections_per_address: self.connections_per_address(connections_max),
            trusted_proxies: self.trusted_proxies.clone().unwrap_or_default(),
            shutdown_delay_ms: self.shutdown_delay_ms.unwrap_or(SHUTDOWN_DELAY_MS),
            header_timeout_ms: self.header_timeout_ms.unwrap_or(default.header_timeout_ms),
            keep_alive_timeout_ms: self.keep_alive_timeout_ms.unwrap_or(default.keep_alive_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.unwrap_or(default.shutdown_timeout_ms),
            ..default
        }
    }
}

#[cfg(test)]
mod tests;
