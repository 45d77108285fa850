//! Listening, and stopping without losing what is in flight.

use crate::app::App;
use crate::context::RemoteAddress;
use crate::router::{self, Server};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use metrics_exporter_prometheus::PrometheusHandle;
use std::convert::Infallible;
use std::io::IoSlice;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use verger_core::profile;
use verger_store::StoreError;
use verger_wire::UnixMillis;

/// How a listener treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Connections at a time; one more waits.
    pub connections_max: usize,
    /// How long a client may take to send the head of a request, from its first byte, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long a connection may rest between two requests, in milliseconds.
    pub keep_alive_timeout_ms: u64,
    /// How long a client may read nothing of what it asked for, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long requests in flight may take once the server is told to stop, in milliseconds.
    pub shutdown_timeout_ms: u64,
}

/// How long an answer to an `Idempotency-Key` is kept at least.
const ANSWERS_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// The bytes of a request's head after which no more of it is read: it is refused with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Rounds of housekeeping from one look at what former keys sealed to the next: a minute.
const RESEAL_ROUNDS: u64 = 12;

/// Steps of one sweep in a round.
const SWEEP_STEPS_MAX: u32 = 100;

/// How long codes that ended and counters are kept: longer than any period that is looked at.
const CODES_KEPT_MS: i64 = 31 * 24 * 60 * 60 * 1000;

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout_ms: 10_000,
            // Longer than the minute for which the usual load balancers and clients keep a connection: the one who ends
            // it must be the client, who knows whether a request is under way.
            keep_alive_timeout_ms: 75_000,
            write_timeout_ms: 20_000,
            shutdown_timeout_ms: 10_000,
        }
    }
}

/// Serves the API on `listener` until `stop` is done, then finishes what is in flight.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    limits: ListenLimits,
    stop: impl Future<Output = ()>,
) {
    let server = router::service(Arc::clone(&app));
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            () = &mut stop => break,
            (permit, stream) = accepted => (permit, stream),
        };
        match (permit, stream) {
            (Ok(permit), Ok((stream, peer))) => {
                let connection = graceful.watch(connection(stream, peer.ip(), server.clone(), limits));
                tokio::spawn(async move {
                    // A client that goes away in the middle is no news.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    drop(permit);
                });
            }
            (Err(_), _) => break,
            (_, Err(error)) => {
                // Out of file descriptors, for example: give the others time to end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    app.begin_closing();
    drop(listener);
    let timeout = Duration::from_millis(limits.shutdown_timeout_ms);
    if tokio::time::timeout(timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and are cut off");
    }
}

fn connection(
    stream: TcpStream,
    remote_address: IpAddr,
    server: Server,
    limits: ListenLimits,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let stream = Impatient::new(stream, limits);
    let phase = Arc::clone(&stream.phase);
    let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
        let server = server.clone();
        let phase = Arc::clone(&phase);
        phase.store(SERVING, Ordering::Relaxed);
        request.extensions_mut().insert(RemoteAddress(remote_address));
        async move {
            let response = server.handle(request.map(Body::new)).await;
            phase.store(SERVED, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    // To hyper the time between two requests is a part of the time that a head takes.
    let idle = Duration::from_millis(limits.keep_alive_timeout_ms.max(limits.header_timeout_ms));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}

/// Serves the metrics until the process ends. They have a listener of their own, so that they are never reachable where
/// the API is.
pub async fn serve_metrics(listener: TcpListener, handle: PrometheusHandle) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let handle = handle.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let response = match request.uri().path() {
                    "/metrics" => {
                        let mut response = Response::new(Body::from(handle.render()));
                        let text =
                            header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                        response.headers_mut().insert(header::CONTENT_TYPE, text);
                        response
                    }
                    _ => {
                        let mut response = Response::new(Body::from("the metrics are at /metrics\n"));
                        *response.status_mut() = StatusCode::NOT_FOUND;
                        response
                    }
                };
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection for metrics ended early");
            }
        });
    }
}

/// What has to be done now and then, until the process ends: all of it safe to repeat.
pub async fn housekeeping(app: Arc<App>, metrics: Option<PrometheusHandle>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u64;
    loop {
        ticks.tick().await;
        if let Some(metrics) = &metrics {
            // Without it a scrape takes ever longer.
            metrics.run_upkeep();
        }
        crate::webhooks::job::sweep_removed(&app).await;
        if round.is_multiple_of(RESEAL_ROUNDS) {
            crate::resealing::reseal(&app).await;
        }
        if round.is_multiple_of(120) {
            sweep_answers(&app).await;
            sweep_codes(&app).await;
            crate::webhooks::job::sweep(&app).await;
        }
        round += 1;
    }
}

async fn sweep_codes(app: &App) {
    let before = app.clock.now().plus_ms(-CODES_KEPT_MS);
    let swept = in_steps(|| app.store().sweep_codes(before, Instant::now() + Duration::from_secs(5))).await;
    if let Err(error) = swept {
        tracing::warn!(%error, "old codes could not be removed; it will be tried again");
    }
}

async fn sweep_answers(app: &App) {
    let before = app.clock.now().plus_ms(-ANSWERS_KEPT_MS);
    let swept = in_steps(|| app.store().sweep_answers(before, Instant::now() + Duration::from_secs(5))).await;
    if let Err(error) = swept {
        tracing::warn!(%error, "old answers could not be removed; it will be tried again");
    }
}

/// Takes the steps of a sweep until nothing is left. Bounded: what is left waits for the next round.
pub(crate) async fn in_steps<F>(step: impl Fn() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    for _ in 0..SWEEP_STEPS_MAX {
        if !step().await? {
            break;
        }
        // Others write meanwhile.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Done when the process is asked to stop.
///
/// # Errors
/// The signals cannot be listened for.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A moment for people, to the second.
pub(crate) fn for_people(moment: UnixMillis) -> String {
    profile::format_date(UnixMillis(moment.0 - moment.0.rem_euclid(1000)))
}

/// A request is being answered.
const SERVING: u8 = 0;
/// A request was answered, and nothing was read since.
const SERVED: u8 = 1;
/// The head of the next request is waited for.
const WAITING: u8 = 2;

/// A connection that ends when its client takes nothing of an answer for a while, or begins a request and does not end
/// its head: else whoever does so holds connections for ever.
struct Impatient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
    head_patience: Duration,
    /// Runs from the first byte of a head until it is complete.
    head: Option<Pin<Box<Sleep>>>,
    phase: Arc<AtomicU8>,
}

impl Impatient {
    fn new(stream: TcpStream, limits: ListenLimits) -> Self {
        Self {
            stream,
            patience: Duration::from_millis(limits.write_timeout_ms),
            waiting: None,
            head_patience: Duration::from_millis(limits.header_timeout_ms),
            head: None,
            phase: Arc::new(AtomicU8::new(WAITING)),
        }
    }

    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        waiting.as_mut().poll(context).map(|()| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match self.phase.load(Ordering::Relaxed) {
            SERVING => {
                self.head = None;
                return read;
            }
            // What came before is no part of the time of the next head.
            SERVED => {
                self.head = None;
                self.phase.store(WAITING, Ordering::Relaxed);
            }
            _ => {}
        }
        if read.is_ready() {
            let patience = self.head_patience;
            self.head.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
            return read;
        }
        match &mut self.head {
            Some(head) => head.as_mut().poll(context).map(|()| Err(std::io::ErrorKind::TimedOut.into())),
            None => read,
        }
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
