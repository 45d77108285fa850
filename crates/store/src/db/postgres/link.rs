//! Where the database is and how to get there.

use super::super::Stmt;
use super::primary::{Connector, Object, Pool, Primary};
use super::tls::{Trust, Verification};
use super::{merge, wire};
use crate::StoreError;
use crate::db::health::Health;
use deadpool::managed::{HookError, PoolError};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::types::Type;
use tokio_postgres::{Config, Error, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a host may take to answer the call, unless the URL says it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long what was sent may stay without an acknowledgement, unless the URL says it.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection rests before it is asked whether it is still there, unless the URL says it.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// How long the request to stop a query may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A statement for lists of parameters.
struct Merged {
    sql: String,
    types: Vec<Type>,
}

/// Everything that a new connection needs.
pub(super) struct Link {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Statements are not kept prepared: behind a pooler in transaction mode the next one may meet another session.
    pub(super) is_pooled: bool,
    /// The merged form of each statement, with the types of its parameters, by the address of its text.
    merged: Mutex<HashMap<usize, Option<Arc<Merged>>>>,
    /// The URL without the password, for messages.
    pub(super) location: String,
    pub(super) primary: Arc<Primary>,
    pub(super) health: Health,
    #[cfg(test)]
    pub(super) url: String,
}

impl Link {
    /// Reads `postgres://user:password@host:port,host:port/database?option=value&…`: the options of libpq, and
    /// `pooler=transaction`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut is_pooled = false;
        let mut mode = "prefer".to_owned();
        let mut root_certificates = None;
        let mut rest = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = value,
                "sslrootcert" => root_certificates = Some(value),
                "pooler" if value == "transaction" => is_pooled = true,
                "pooler" => return Err(wrong("pooler can only be transaction")),
                _ => rest.push(option),
            }
        }
        let rest = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        // The reason names options, but quotes none of their values.
        let mut config: Config =
            format!("{base}{rest}").parse().map_err(|error: Error| wrong(&wire::describe(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(wrong("it names no database"));
        }
        if config.get_application_name().is_none() {
            config.application_name("verger");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        if !rest.contains("keepalives_idle=") {
            // What is between here and there may forget a connection that rests for some minutes.
            config.keepalives_idle(KEEPALIVE_AFTER);
        }
        if config.get_hosts().len() > 1 && !rest.contains("target_session_attrs=") {
            // Several hosts are one primary and its standbys: every write must reach the primary.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let are_sockets = |host: &Host| matches!(host, Host::Unix(_));
        let verification =
            Verification::parse(&mode, root_certificates.as_deref()).map_err(|why| wrong(&why))?;
        // What does not leave the machine needs no encryption, and PostgreSQL has none for it.
        let tls = if config.get_hosts().iter().all(are_sockets) || verification == Verification::Off {
            config.ssl_mode(SslMode::Disable);
            None
        } else if config.get_hosts().iter().any(are_sockets) {
            return Err(wrong("it mixes sockets with hosts"));
        } else {
            config.ssl_mode(if mode == "prefer" { SslMode::Prefer } else { SslMode::Require });
            let trust = Trust::new(verification, root_certificates.as_deref()).map_err(|why| wrong(&why))?;
            Some(MakeRustlsConnect::new(trust.client().map_err(|why| wrong(&why))?))
        };
        Ok(Self {
            location: location(&config),
            config,
            tls,
            is_pooled,
            merged: Mutex::default(),
            primary: Primary::new(),
            health: Health::default(),
            #[cfg(test)]
            url: url.to_owned(),
        })
    }

    /// Ignores poisoning: each entry is true by itself.
    fn merged(&self) -> MutexGuard<'_, HashMap<usize, Option<Arc<Merged>>>> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections for one purpose.
    pub(super) fn pool(&self, connections: usize) -> Result<Pool, StoreError> {
        let connector = Connector {
            config: self.config.clone(),
            tls: self.tls.clone(),
            primary: Arc::clone(&self.primary),
        };
        Pool::builder(connector)
            .max_size(connections)
            .post_create(self.primary.after_making())
            .pre_recycle(self.primary.before_use())
            .build()
            .map_err(|error| StoreError::Bug(format!("no pool: {error}")))
    }

    /// Asks the server to stop what a connection is doing. Nobody waits for that.
    fn cancel(&self, client: &Object) {
        // PgBouncer 1.18, which Debian 12 has, can end with "bad client state" when it is asked. What it no longer has
        // a client for it ends by itself, and the server stops long queries by their own timeout.
        if self.is_pooled {
            return;
        }
        let token = client.cancel_token();
        let tls = self.tls.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let asked = tokio::time::timeout(CANCEL_TIMEOUT, async {
                match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(NoTls).await,
                }
            });
            if let Ok(Err(error)) = asked.await {
                tracing::debug!(error = wire::describe(&error), "a query could not be stopped");
            }
        });
    }
}

fn wrong(why: &str) -> StoreError {
    StoreError::Unavailable(format!("the database URL is invalid: {why}"))
}

fn location(config: &Config) -> String {
    let hosts: Vec<_> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let ports = config.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            }
        })
        .collect();
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    format!("postgres://{user}{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

/// A connection on loan. It goes back to its pool only if what it was taken for has come to an end: nobody else shall
/// wait behind a query that its caller gave up.
pub(super) struct Lease {
    client: Option<Object>,
    link: Arc<Link>,
    is_busy: bool,
}

impl Lease {
    pub(super) async fn take(
        pool: &Pool,
        link: &Arc<Link>,
        deadline: Instant,
    ) -> Result<Self, wire::Failure> {
        let unavailable = |why: &str| StoreError::Unavailable(why.to_owned());
        match tokio::time::timeout_at(deadline.into(), pool.get()).await {
            Ok(Ok(client)) => Ok(Self { client: Some(client), link: Arc::clone(link), is_busy: false }),
            Ok(Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)))) => {
                let error = StoreError::Unavailable(wire::describe(&error));
                Err(wire::Failure { error, is_connection_bad: true, can_help_again: true })
            }
            Ok(Err(PoolError::PostCreateHook(HookError::Message(why)))) => Err(wire::Failure {
                error: StoreError::Unavailable(format!("a new connection is of no use: {why}")),
                is_connection_bad: true,
                can_help_again: true,
            }),
            Ok(Err(error)) => Err(unavailable(&error.to_string()).into()),
            Err(_) => Err(unavailable("no connection was free or could be made in time").into()),
        }
    }

    /// Takes note of what an error says of all connections.
    pub(super) fn learn(&self, error: &Error) {
        self.link.primary.learn(error);
    }

    /// The server that must answer, if that has to be looked at.
    pub(super) fn must_be(&self) -> Option<String> {
        if self.link.is_pooled { self.link.primary.must_be() } else { None }
    }

    /// How many warnings have come on this connection.
    pub(super) fn warnings(&self) -> u64 {
        self.client.as_ref().map_or(0, |session| session.warnings())
    }

    /// From now on the connection is in use.
    pub(super) fn begin(&mut self) {
        self.is_busy = true;
    }

    /// Nothing is under way any more.
    pub(super) fn end(&mut self) {
        self.is_busy = false;
    }

    /// The prepared statement, unless it is better sent as it is: texts that are put together at run time would
    /// push the others out, and a pooler would lose it.
    #[expect(clippy::ptr_arg, reason = "whether the text is borrowed for ever decides")]
    pub(super) async fn prepare(&self, sql: &Cow<'static, str>) -> Result<Option<Statement>, Error> {
        match (sql, &self.client) {
            (Cow::Borrowed(sql), Some(client)) if !self.link.is_pooled => {
                client.prepare_cached(sql).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The statement that does for lists what `written` does for its parameters, with the types of these; `None` if
    /// there is no such statement.
    pub(super) async fn prepare_merged(
        &self,
        written: &Stmt,
    ) -> Result<Option<(Statement, Vec<Type>)>, Error> {
        let Some(client) = &self.client else { return Ok(None) };
        let key = written.sql.as_ptr().addr();
        let known = self.link.merged().get(&key).cloned();
        let merged = match known {
            Some(merged) => merged,
            None => {
                let Some(statement) = self.prepare(&written.sql).await? else { return Ok(None) };
                let types = statement.params().to_vec();
                let merged = merge::text(written, &types).map(|sql| Arc::new(Merged { sql, types }));
                self.link.merged().insert(key, merged.clone());
                merged
            }
        };
        let Some(merged) = merged else { return Ok(None) };
        Ok(Some((client.prepare_cached(&merged.sql).await?, merged.types.clone())))
    }
}

impl std::ops::Deref for Lease {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        #[expect(clippy::expect_used, reason = "only dropping the lease takes the connection out of it")]
        self.client.as_ref().expect("a connection")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && self.is_busy
        {
            if !client.is_closed() {
                self.link.cancel(&client);
            }
            drop(Object::take(client));
        }
    }
}
