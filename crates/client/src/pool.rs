//! Connections that are used again. Whoever makes a call drives its connection meanwhile, in its own task: nothing has to
//! be handed from task to task and back for every call.

use crate::transport::{Cause, Failure};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime;
use tower_service::Service as _;

/// Shorter than what servers commonly keep, so that few requests meet a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// More connections are not kept.
const IDLE_MAX: usize = 256;

type Body = Full<Bytes>;

/// The connections to one service.
pub(crate) struct Pool {
    connector: HttpsConnector<HttpConnector>,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    /// The one that rests for the longest time first.
    connections: Vec<Resting>,
    is_watched: bool,
}

struct Resting {
    live: Box<Live>,
    since: Instant,
}

/// A connection and who speaks over it.
pub(crate) struct Live {
    sender: SendRequest<Body>,
    driver: Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Body>,
    has_ended: bool,
    /// Only the runtime that made a connection tells when there is something to read.
    runtime: runtime::Id,
}

impl Pool {
    pub(crate) fn new(connector: HttpsConnector<HttpConnector>) -> Self {
        Self { connector, idle: Arc::default() }
    }

    /// Sends a request with the path alone in its URI, and a Host header. The body of the response comes while
    /// [`Live::drive`] runs; the connection has to be [kept](Self::keep) after that.
    pub(crate) async fn send(
        &self,
        service: &Uri,
        mut request: Request<Body>,
    ) -> Result<(Response<Incoming>, Box<Live>), Failure> {
        loop {
            let resting = self.take();
            let is_new = resting.is_none();
            let mut live = match resting {
                Some(live) => live,
                None => self.connect(service).await.map_err(Failure::Connect)?,
            };
            let responding = live.sender.try_send_request(request);
            let mut failed = match live.drive(responding).await {
                Ok(response) => return Ok((response, live)),
                Err(failed) => failed,
            };
            match failed.take_message() {
                // The service had ended a connection that rested, and nothing was sent over it.
                Some(unsent) if !is_new => request = unsent,
                Some(_) => return Err(Failure::Connect(failed.into_error().into())),
                None => return Err(Failure::Interrupted(failed.into_error().into())),
            }
        }
    }

    /// Keeps a connection for the next call, if it is still good for one.
    pub(crate) async fn keep(&self, mut live: Box<Live>) {
        // It learns here that the response is over.
        std::future::poll_fn(|context| {
            live.advance(context);
            Poll::Ready(())
        })
        .await;
        if live.has_ended || !live.sender.is_ready() {
            return;
        }
        let mut idle = lock(&self.idle);
        if idle.connections.len() >= IDLE_MAX {
            return;
        }
        idle.connections.push(Resting { live, since: Instant::now() });
        if !idle.is_watched {
            idle.is_watched = true;
            tokio::spawn(watch(Arc::downgrade(&self.idle)));
        }
    }

    /// The connection that was used last.
    fn take(&self) -> Option<Box<Live>> {
        let runtime = runtime::Handle::current().id();
        let mut idle = lock(&self.idle);
        let at = idle.connections.iter().rposition(|resting| resting.live.runtime == runtime)?;
        let Resting { live, since } = idle.connections.remove(at);
        // What rests below it rests for longer still, and is dropped by the watch.
        (since.elapsed() < IDLE_TIMEOUT).then_some(live)
    }

    async fn connect(&self, service: &Uri) -> Result<Box<Live>, Cause> {
        // An `HttpsConnector` is always ready.
        let stream = self.connector.clone().call(service.clone()).await?;
        let (sender, driver) = http1::handshake(stream).await?;
        let runtime = runtime::Handle::current().id();
        Ok(Box::new(Live { sender, driver, has_ended: false, runtime }))
    }
}

impl Live {
    /// Lets the connection work until `work` is done.
    pub(crate) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            self.advance(context);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Does what can be done without waiting, and has the task woken when there is more.
    pub(crate) fn advance(&mut self, context: &mut Context<'_>) {
        // Why it ended is told to whoever waits for a response.
        if !self.has_ended && Pin::new(&mut self.driver).poll(context).is_ready() {
            self.has_ended = true;
        }
    }
}

/// Drops connections that rest for too long, while there are any.
async fn watch(idle: Weak<Mutex<Idle>>) {
    let mut watched = Watched(Weak::clone(&idle));
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = lock(&idle);
        idle.connections.retain(|resting| resting.since.elapsed() < IDLE_TIMEOUT);
        if idle.connections.is_empty() {
            // Under the same lock: what rests from now on has a watch of its own.
            idle.is_watched = false;
            watched.forget();
            return;
        }
    }
}

/// Says that nobody watches any more, when the runtime of the watch has ended.
struct Watched(Weak<Mutex<Idle>>);

impl Watched {
    fn forget(&mut self) {
        self.0 = Weak::new();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(idle) = self.0.upgrade() {
            lock(&idle).is_watched = false;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    // A panic elsewhere leaves a list of connections, which is all it has to be.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
