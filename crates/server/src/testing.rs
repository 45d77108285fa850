//! A complete server inside a test: with a temporary store, on a free port of the loopback interface, ready in
//! milliseconds.
//!
//! ```
//! use verger_server::testing::TestServer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), verger_server::testing::StartError> {
//! let server = TestServer::start().await?;
//! // Point the program under test, and any client of the API, at it:
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! assert!(server.secret_key().starts_with("sk_test_"));
//!
//! // What would have been sent to people is kept for the test to read.
//! assert!(server.inbox().is_empty());
//! // Ten minutes pass: codes that were sent before are expired now.
//! server.advance_clock(10 * 60 * 1000);
//! server.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Webhooks are delivered as by `verger dev`: an endpoint created with `POST /verger/v1/webhook_endpoints` may have any
//! address, including the program under test on `127.0.0.1`. Retries follow real time, not the moved clock.

use crate::app::{App, Messaging};
use crate::clock::{Clock as _, SystemClock};
use crate::inbox::InboxMessage;
use crate::provision::{development_instance, keep_key, new_secret};
use crate::randomness::Randomness;
use crate::serve::{ListenLimits, housekeeping, serve};
use crate::session_jobs::look_after_sessions;
use crate::supervise::supervise;
use crate::trail_keys::hand_over;
use crate::{Limits, jobs, webhooks};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use verger_core::Env;
use verger_store::{Environment, Store, StoreError};
use verger_wire::InstanceId;

/// How far the clock can be moved in one call: ten years, in milliseconds.
pub const ADVANCE_MS_MAX: u64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// Time limit of starting and of resetting.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of requests in flight once the server is told to stop, and then of webhooks in flight.
const SHUTDOWN_TIMEOUT_MS: u64 = 2_000;

/// A running server with one empty development instance. Servers are independent of each other: each has its own port,
/// store, secret key, inbox and clock.
///
/// It needs a tokio runtime with its I/O and time drivers, and runs on the one that it was started on. Dropping it stops
/// it at once; [`stop`](Self::stop) waits until all of its resources are freed.
pub struct TestServer {
    url: String,
    secret_key: String,
    instance_id: InstanceId,
    app: Arc<App>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    delivering: JoinHandle<()>,
    telling: JoinHandle<()>,
    fanning_out: JoinHandle<()>,
    sessions: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[error("the server did not start: {what}")]
pub struct StartError {
    what: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Why an instance could not be emptied.
#[derive(Debug, thiserror::Error)]
#[error("the instance was not emptied: {0}")]
pub struct ResetError(StoreError);

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> StartError {
    move |source| StartError { what, source: source.into() }
}

impl TestServer {
    /// Starts a server with a new, empty store on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The system has no free port, no place for temporary files, or no randomness.
    pub async fn start() -> Result<Self, StartError> {
        let deadline = Instant::now() + STORE_TIMEOUT;
        let store = Arc::new(Store::ephemeral().map_err(failed("no store"))?);
        let now = SystemClock.now();
        store.migrate(now, deadline).await.map_err(failed("no tables"))?;
        let randomness = Randomness::system().map_err(failed("no randomness"))?;
        let mut env = Env::new(now, randomness.rng());
        let instance_id =
            development_instance(&store, &mut env, deadline).await.map_err(failed("no instance"))?;
        let secret_key = new_secret(Environment::Development.key_prefix(), &mut env);
        keep_key(&store, &instance_id, "test", &secret_key, &mut env, deadline)
            .await
            .map_err(failed("no secret key"))?;

        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed("no free port on 127.0.0.1"))?;
        let address = listener.local_addr().map_err(failed("no address"))?;
        let messaging = Messaging::development().map_err(failed("no randomness"))?;
        hand_over(&store, &messaging.keyring, deadline).await.map_err(failed("no keys"))?;
        let app = Arc::new(App::new(store, Arc::new(SystemClock), randomness, Limits::default(), messaging));
        let instances = app.store.instances(deadline).await.map_err(failed("no instance"))?;
        let instance = instances.iter().find(|instance| instance.id == instance_id);
        app.set_frontend(instance.ok_or_else(|| failed("no instance")("it is gone"))?, address);
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = ListenLimits { shutdown_timeout_ms: SHUTDOWN_TIMEOUT_MS, ..ListenLimits::default() };
        let serving = serve(Arc::clone(&app), listener, limits, async {
            // An error means that the server was dropped, which stops it as well.
            let _ = stopped.await;
        });
        let running = Running {
            stop,
            serving: tokio::spawn(serving),
            delivering: supervise(&app, "messages", jobs::deliver_messages),
            telling: supervise(&app, "webhooks", webhooks::job::deliver_webhooks),
            fanning_out: supervise(&app, "fan_out", webhooks::fan_out::fan_out_events),
            sessions: supervise(&app, "sessions", look_after_sessions),
            housekeeping: supervise(&app, "housekeeping", |app| housekeeping(app, None)),
        };
        let running = Mutex::new(Some(running));
        Ok(Self { url: format!("http://{address}"), secret_key, instance_id, app, running })
    }

    /// Where it listens, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The secret key of its instance.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The id of its instance, `ins_…`.
    pub fn instance_id(&self) -> &str {
        self.instance_id.as_str()
    }

    /// The messages that would have been sent, newest first; codes of test numbers, to which nothing is sent, have the
    /// status `not_sent`. A message is here before the request that caused it is answered; the newest 10,000 are kept.
    pub fn inbox(&self) -> Vec<InboxMessage> {
        let Some(dev) = &self.app.dev else { return Vec::new() };
        dev.inbox.list(Some(&self.instance_id), usize::MAX, |_| true)
    }

    /// Moves the clock of the instance forward by this many milliseconds, at most [`ADVANCE_MS_MAX`].
    pub fn advance_clock(&self, duration_ms: u64) {
        if let Some(dev) = &self.app.dev {
            dev.advance(
                &self.instance_id,
                i64::try_from(duration_ms.min(ADVANCE_MS_MAX)).unwrap_or(i64::MAX),
            );
        }
    }

    /// Empties the instance and its inbox, and sets its clock back to the real time. The secret key stays.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn reset(&self) -> Result<(), ResetError> {
        let deadline = Instant::now() + STORE_TIMEOUT;
        self.app.store.instance(&self.instance_id).reset(deadline).await.map_err(ResetError)?;
        self.app.instances.forget(&self.instance_id);
        if let Some(dev) = &self.app.dev {
            dev.reset(&self.instance_id);
        }
        Ok(())
    }

    /// Stops the server: requests in flight are answered and webhooks in flight completed (for up to 2 s each), then the
    /// port is freed and the store deleted. The inbox can still be read. A second call does nothing.
    pub async fn stop(&self) {
        let Some(running) = self.take_running() else { return };
        let Running { stop, serving, delivering, mut telling, fanning_out, sessions, housekeeping } = running;
        // The task has already ended if the receiver is gone.
        let _ = stop.send(());
        sessions.abort();
        housekeeping.abort();
        for task in [serving, delivering, fanning_out] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the test server stopped early");
            }
        }
        // An endpoint that hangs must not delay the test.
        match tokio::time::timeout(Duration::from_millis(SHUTDOWN_TIMEOUT_MS), &mut telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the webhooks of the test server stopped early"),
            Err(_) => telling.abort(),
        }
        let store = Arc::clone(&self.app.store);
        // Closing waits for threads.
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the store of the test server did not close");
        }
    }

    fn take_running(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(running) = self.take_running() {
            let Running { stop: _, serving, delivering, telling, fanning_out, sessions, housekeeping } =
                running;
            for task in [serving, delivering, telling, fanning_out, sessions, housekeeping] {
                task.abort();
            }
        }
    }
}

impl std::fmt::Debug for TestServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServer").field("url", &self.url).finish_non_exhaustive()
    }
}
