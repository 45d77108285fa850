//! Which server is the primary: what one pool learns, all pools learn.
//!
//! A connection that was made to the primary of yesterday still answers, with yesterday's rows. So a connection is used
//! again only if nothing was learnt since it was made, and a new one only if it leads to the server that was last seen to
//! take writes, or to one that takes them now.

use super::wire;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection is used for this long at least, and at most twice as long, unless something is learnt: names lead
/// elsewhere, and memory of sessions grows.
const LIFE_MIN: Duration = Duration::from_secs(600);
/// Connections are not all made anew more often than this for the same reason.
const RETIRE_EVERY: Duration = Duration::from_secs(1);
/// So long after the server was another a pooler may still have sessions with the one before: its longest life of one.
const LOOK_CLOSELY_FOR: Duration = Duration::from_secs(3_600);

/// The server at the other end: when it was started, to the microsecond, and whether it takes writes.
pub(super) const WHO: &str = "SELECT CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS TEXT), current_setting('transaction_read_only')";
/// The same without the second half, inside a transaction for reading.
pub(super) const WHICH: &str = "SELECT CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS TEXT)";

/// Shared by all pools of a database.
#[derive(Debug)]
pub(super) struct Primary {
    known: Mutex<Known>,
    born: Instant,
}

#[derive(Debug)]
struct Known {
    /// The server that was last seen to take writes.
    server: Option<String>,
    /// Connections that were made before are not used again.
    retired_before: Instant,
    /// When something was learnt that makes servers doubtful.
    doubted_at: Option<Instant>,
}

impl Primary {
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        let known = Known { server: None, retired_before: now, doubted_at: None };
        Arc::new(Self { known: Mutex::new(known), born: now })
    }

    /// Ignores poisoning: what the lock guards is replaced whole, never left half changed.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what an error on a connection says of all others.
    pub(super) fn learn(&self, error: &Error) {
        if !wire::tells_of_the_server(error) {
            return;
        }
        self.doubt();
    }

    /// All connections are made anew before they are used again.
    pub(super) fn doubt(&self) {
        let now = Instant::now();
        let mut known = self.known();
        if known.doubted_at.is_none_or(|then| now.duration_since(then) >= RETIRE_EVERY) {
            known.doubted_at = Some(now);
            known.retired_before = now;
        }
    }

    /// Whether a new connection to this server may be used.
    fn meet(&self, server: &str, is_writable: bool) -> bool {
        let mut known = self.known();
        if known.server.as_deref() == Some(server) {
            return true;
        }
        let is_first = known.server.is_none();
        if is_writable {
            known.server = Some(server.to_owned());
            if !is_first {
                let now = Instant::now();
                known.doubted_at = Some(now);
                known.retired_before = now;
                tracing::warn!("the database is a different server now; all connections are renewed");
            }
            return true;
        }
        // A server that takes no writes is as good as any until one is known that does.
        is_first
    }

    /// The server that must answer, as long as a pooler may have sessions with others.
    pub(super) fn must_be(&self) -> Option<String> {
        let known = self.known();
        let is_recent = known.doubted_at.is_some_and(|then| then.elapsed() < LOOK_CLOSELY_FOR);
        known.server.clone().filter(|_| is_recent)
    }

    /// Whether a connection can still be used.
    fn is_fresh(&self, created: Instant) -> bool {
        if created < self.known().retired_before {
            return false;
        }
        // Not all at once: the time at which a connection was made is as good as a throw of dice.
        let part_of_second = created.saturating_duration_since(self.born).subsec_nanos();
        created.elapsed() < LIFE_MIN + LIFE_MIN.mul_f64(f64::from(part_of_second) / 1e9)
    }

    /// Looks at a connection before it is used again.
    pub(super) fn before_use(self: &Arc<Self>) -> Hook {
        let primary = Arc::clone(self);
        Hook::sync_fn(move |_, metrics: &Metrics| {
            if primary.is_fresh(metrics.created) {
                Ok(())
            } else {
                Err(HookError::message("it is made anew"))
            }
        })
    }

    /// Looks at a connection that was just made.
    pub(super) fn after_making(self: &Arc<Self>) -> Hook {
        let primary = Arc::clone(self);
        Hook::async_fn(move |client, _| {
            let primary = Arc::clone(&primary);
            Box::pin(async move {
                let (server, is_writable) = who(client).await.map_err(HookError::Backend)?;
                if primary.meet(&server, is_writable) {
                    return Ok(());
                }
                Err(HookError::message("it leads to a server that is not the primary any more"))
            })
        })
    }
}

/// The server at the other end of a connection, and whether it takes writes.
pub(super) async fn who(client: &Client) -> Result<(String, bool), Error> {
    let rows = client.simple_query(WHO).await?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let column = |at| row.and_then(|row| row.get(at)).unwrap_or_default();
    Ok((column(0).to_owned(), column(1) == "off"))
}

/// A connection with the statements that are prepared on it.
pub(super) struct Session {
    client: ClientWrapper,
    /// Warnings that came on it. What another connection is warned of says nothing about a commit on this one.
    warnings: Arc<AtomicU64>,
}

impl Session {
    pub(super) fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Acquire)
    }
}

impl std::ops::Deref for Session {
    type Target = ClientWrapper;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

/// Makes connections, and counts the warnings that come on each.
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) tls: Option<MakeRustlsConnect>,
    pub(super) primary: Arc<Primary>,
}

pub(super) type Pool = managed::Pool<Connector>;
pub(super) type Object = managed::Object<Connector>;
type Hook = managed::Hook<Connector>;
type HookError = managed::HookError<Error>;

impl managed::Manager for Connector {
    type Type = Session;
    type Error = Error;

    async fn create(&self) -> Result<Session, Error> {
        let (primary, warnings) = (Arc::clone(&self.primary), Arc::<AtomicU64>::default());
        let (client, listening) = match self.tls.clone() {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls).await?;
                (client, listen(connection, primary, Arc::clone(&warnings)))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                (client, listen(connection, primary, Arc::clone(&warnings)))
            }
        };
        Ok(Session { client: ClientWrapper::new(client, listening), warnings })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Error> {
        if session.is_closed() { Err(RecycleError::message("it is closed")) } else { Ok(()) }
    }
}

fn listen<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    primary: Arc<Primary>,
    warnings: Arc<AtomicU64>,
) -> JoinHandle<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    if notice.parsed_severity() == Some(Severity::Warning) {
                        warnings.fetch_add(1, Ordering::AcqRel);
                        let code = notice.code();
                        tracing::warn!(code = code.code(), "PostgreSQL warns: {}", warning_text(&notice));
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    primary.learn(&error);
                    tracing::debug!(error = wire::describe(&error), "a connection was lost");
                    return;
                }
                None => return,
            }
        }
    })
}

/// Warnings about values quote them.
fn warning_text(notice: &tokio_postgres::error::DbError) -> &str {
    let is_general = *notice.code() == SqlState::WARNING || notice.code().code().starts_with("57");
    if is_general { notice.message() } else { "see its log" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_that_takes_no_writes_is_refused_once_another_took_them() {
        let primary = Primary::new();
        assert!(primary.meet("a", false), "nothing better is known");
        assert!(primary.meet("a", true));
        assert!(primary.meet("a", false), "the same, set to read-only");
        assert!(!primary.meet("standby", false));
        let before = Instant::now();
        assert!(primary.is_fresh(before));
        assert!(primary.meet("b", true));
        assert!(primary.is_fresh(Instant::now()));
        assert!(!primary.is_fresh(before), "what was made before is not used again");
        assert!(!primary.meet("a", false));
        assert_eq!(primary.must_be().as_deref(), Some("b"));
    }
}
