//! Connections that are used again. Whoever makes a call drives its connection meanwhile, in its own task: nothing has to
//! be handed from task to task and back for every call.

use crate::exchange::{Cause, Failure};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, Socket};
use std::io;
use std::mem::MaybeUninit;
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

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection and who speaks over it.
pub(crate) struct Live {
    sender: SendRequest<Body>,
    /// `None` once it has ended. hyper gives a queued request back when this is dropped, and not before.
    driver: Option<Connection<Stream, Body>>,
    /// The same socket, to look at while the connection rests; `None` if the system had no descriptor for it.
    socket: Option<Socket>,
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
        if live.driver.is_none() || !live.sender.is_ready() {
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

    /// The connection that was used last, of those that the service has not ended.
    fn take(&self) -> Option<Box<Live>> {
        let runtime = runtime::Handle::current().id();
        let mut idle = lock(&self.idle);
        loop {
            let at = idle.connections.iter().rposition(|resting| resting.live.runtime == runtime)?;
            let resting = idle.connections.remove(at);
            if resting.since.elapsed() >= IDLE_TIMEOUT {
                // What rests below it rests for longer still, and is dropped by the watch.
                return None;
            }
            if resting.live.is_quiet() {
                return Some(resting.live);
            }
        }
    }

    async fn connect(&self, service: &Uri) -> Result<Box<Live>, Cause> {
        // An `HttpsConnector` is always ready.
        let stream = self.connector.clone().call(service.clone()).await?;
        let socket = SockRef::from(tcp(&stream)).try_clone().ok();
        let (sender, driver) = http1::handshake(stream).await?;
        let runtime = runtime::Handle::current().id();
        Ok(Box::new(Live { sender, driver: Some(driver), socket, runtime }))
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
        if self.driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
            self.driver = None;
            self.socket = None;
        }
    }

    /// Whether nothing has come on a connection that rests. Whatever comes there is its end: of the connection, of the TLS
    /// session, or an answer that nobody asked for. The socket itself is asked, since the runtime may not have looked at it
    /// yet: a request that is written to a connection that has ended may count as sent.
    fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        self.socket.as_ref().is_some_and(|socket| {
            matches!(socket.peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        })
    }
}

fn tcp(stream: &Stream) -> &TcpStream {
    match stream {
        MaybeHttpsStream::Http(tcp) => tcp.inner(),
        MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner(),
    }
}

/// Drops connections that have ended or rest for too long, while there are any.
async fn watch(idle: Weak<Mutex<Idle>>) {
    let mut watched = Watched(Weak::clone(&idle));
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = lock(&idle);
        idle.connections.retain(|resting| resting.since.elapsed() < IDLE_TIMEOUT && resting.live.is_quiet());
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// How a service ends a TLS session.
    #[derive(Clone, Copy, Debug)]
    enum End {
        /// With a word of it, as the standard asks for, and then the connection.
        Closing,
        /// The connection, without a word, as when the process is killed.
        Killed,
    }

    /// A service that answers one request on each connection, and ends it a moment after.
    fn service(end: End) -> (Uri, rustls::RootCertStore) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // A thread of its own, so that the client's may sleep.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let mut stream = acceptor.accept(stream).await.unwrap();
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    match end {
                        End::Closing => stream.shutdown().await.unwrap(),
                        End::Killed => {}
                    }
                }
            });
        });
        (format!("https://localhost:{port}/").parse().unwrap(), roots)
    }

    async fn call(pool: &Pool, service: &Uri) {
        let request = Request::get("/").header("host", "localhost").body(Body::default()).unwrap();
        let sending = pool.send(service, request);
        let sent = tokio::time::timeout(Duration::from_secs(5), sending).await.expect("it does not hang");
        let Ok((response, mut live)) = sent else { panic!("a request that was not sent is sent again") };
        let body = live.drive(crate::exchange::read(response.into_body(), 10)).await.unwrap().unwrap();
        assert_eq!(&*body, b"ok");
        pool.keep(live).await;
    }

    #[expect(clippy::disallowed_methods, reason = "a program that keeps its runtime busy")]
    fn rest(duration: Duration) {
        std::thread::sleep(duration);
    }

    #[test]
    fn tls_connection_that_ended_while_it_rested_is_replaced() {
        for end in [End::Closing, End::Killed] {
            let (service, roots) = service(end);
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let tls = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let mut tcp = HttpConnector::new();
            tcp.enforce_http(false);
            let pool = Pool::new(HttpsConnector::from((tcp, tls)));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                call(&pool, &service).await;
                assert_eq!(lock(&pool.idle).connections.len(), 1, "{end:?}: it is kept");
                // The runtime learns of it.
                tokio::time::sleep(Duration::from_millis(100)).await;
                call(&pool, &service).await;
                // Nobody looks meanwhile.
                rest(Duration::from_millis(100));
                call(&pool, &service).await;
            });
        }
    }
}
