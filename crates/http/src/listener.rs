//! Accepts connections and closes those that are too slow, whatever is served on them.

use crate::connections::{Connections, End, Phase, Seat};
use crate::limits::ListenLimits;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Counter, counter};
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// Maximum size of a request's head in bytes, including the request line. A larger one is refused with 431. This limits
/// trailers too.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
// hyper limits the header lines of a head to 100: it keeps that many on the stack, and refuses more with
// 431. Setting the same number explicitly costs an allocation per request.

/// How long a head that has begun may take when the server closes.
const HEAD_TIME_WHEN_CLOSING: Duration = Duration::from_secs(1);
/// A client that reads fewer bytes of an answer than this within the time limit counts as stalled.
const PROGRESS_BYTES_MIN: usize = 16 * 1024;
/// The pause after a failed accept.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);
/// Number of idle connections that are closed then.
const EVICTED_AT_ONCE: usize = 16;
/// Minimum interval between log lines about the same problem.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The address of the client, an extension of every request: the peer, or whom a trusted proxy names.
#[derive(Clone, Copy, Debug)]
pub struct RemoteAddress(pub IpAddr);

/// A listener, and the handler of its requests.
pub struct Listener<H> {
    listener: TcpListener,
    limits: ListenLimits,
    connections: Arc<Connections>,
    handler: H,
    /// A connection that was accepted but has no slot yet.
    waiting: Option<(TcpStream, IpAddr)>,
    errors: Seldom,
    refusals: Seldom,
    refused: Counter,
}

impl<H, F> Listener<H>
where
    H: Fn(Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// `name` is its label in the metrics; `handler` answers each request.
    pub fn new(name: &'static str, listener: TcpListener, limits: ListenLimits, handler: H) -> Self {
        Self {
            listener,
            connections: Connections::new(name, limits.connections_max, limits.connections_per_address),
            limits,
            handler,
            waiting: None,
            errors: Seldom::default(),
            refusals: Seldom::default(),
            refused: counter!("verger_connections_refused_total", "listener" => name),
        }
    }

    /// Serves connections until `until` resolves.
    pub async fn accept(&mut self, until: impl Future<Output = ()>) {
        let mut until = std::pin::pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                () = self.accept_one() => {}
            }
        }
    }

    /// Cancel-safe: no accepted connection is lost.
    async fn accept_one(&mut self) {
        if self.waiting.is_none() {
            match self.listener.accept().await {
                Ok((stream, peer)) => self.waiting = Some((stream, peer.ip().to_canonical())),
                Err(error) => return self.not_accepted(&error).await,
            }
        }
        let Some(peer) = self.waiting.as_ref().map(|(_, peer)| *peer) else { return };
        let counted = (!self.limits.trusted_proxies.trusts(peer)).then_some(peer);
        let admitted = self.connections.admit(counted).await;
        let Some((stream, _)) = self.waiting.take() else { return };
        let Some((seat, end)) = admitted else {
            self.refused.increment(1);
            if let Some(count) = self.refusals.note(Instant::now()) {
                tracing::warn!(
                    remote_address = %peer,
                    count,
                    "connections were refused: an address has reached its limit, and none of its connections is idle"
                );
            }
            return;
        };
        tokio::spawn(converse(stream, peer, seat, end, self.limits.clone(), self.handler.clone()));
    }

    async fn not_accepted(&mut self, error: &io::Error) {
        use io::ErrorKind as E;
        // The client is gone; nothing to do.
        if matches!(error.kind(), E::ConnectionAborted | E::ConnectionReset | E::Interrupted) {
            return;
        }
        counter!("verger_accept_errors_total").increment(1);
        // Usually the process is out of file descriptors.
        let evicted = (0..EVICTED_AT_ONCE).take_while(|_| self.connections.make_room()).count();
        if let Some(count) = self.errors.note(Instant::now()) {
            tracing::warn!(%error, count, evicted, "connections could not be accepted");
        }
        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
    }

    /// From now on every answer is the last one of its connection.
    pub fn drain(&self) {
        self.connections.drain();
    }

    /// Stops accepting and asks all connections to close; the future resolves when they have.
    pub fn close(self) -> impl Future<Output = ()> {
        drop(self.listener);
        self.connections.end_all();
        async move { self.connections.all_ended().await }
    }
}

/// A problem that is logged at a limited rate.
#[derive(Default)]
struct Seldom {
    said_at: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// How often it happened since it was last logged, if it should be logged now.
    fn note(&mut self, now: Instant) -> Option<u64> {
        self.unsaid += 1;
        if self.said_at.is_some_and(|then| now.duration_since(then) < LOG_EVERY) {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// One connection, to its end.
async fn converse<H, F>(
    stream: TcpStream,
    peer: IpAddr,
    seat: Arc<Seat>,
    end: oneshot::Receiver<End>,
    limits: ListenLimits,
    handler: H,
) where
    H: Fn(Request<Body>) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let stream = Impatient::new(stream, &limits, Arc::clone(&seat));
    // A backstop: it runs from the end of the request before, and the stream ends what takes too long itself.
    let longest = Duration::from_millis(limits.keep_alive_timeout_ms + limits.header_timeout_ms);
    let of_connection = Arc::clone(&seat);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let seat = Arc::clone(&of_connection);
        seat.begin();
        let client = limits.trusted_proxies.client(peer, request.headers());
        request.extensions_mut().insert(RemoteAddress(client));
        let answer = handler(request.map(Body::new));
        async move {
            let mut response = answer.await;
            if seat.is_draining() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Watched { body, seat }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(longest)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let is_at_work = || matches!(seat.phase(), Phase::Serving | Phase::Answered);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => Some(ended),
        end = end => {
            if end == Ok(End::Evicted) && !is_at_work() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            None
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = tokio::time::sleep(HEAD_TIME_WHEN_CLOSING) => {
                if !is_at_work() {
                    return;
                }
                connection.await
            }
        },
    };
    // Clients that go away in the middle are expected.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection was closed early");
    }
}

/// The body of an answer, which reports its end.
struct Watched {
    body: Body,
    seat: Arc<Seat>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seat.answered();
    }
}

/// A stream that ends when its client is slow: in sending a head, in sending the next request, or in reading an answer.
/// Otherwise slow clients could hold connections forever.
struct Impatient {
    stream: TcpStream,
    seat: Arc<Seat>,
    head_time: Duration,
    rest_time: Duration,
    write_time: Duration,
    /// Runs while a head is awaited: the first one from the start of the connection, a later one from its first byte; and
    /// while the connection is idle.
    reading: Option<Pin<Box<Sleep>>>,
    /// Runs while a write is pending, until the client has read [`PROGRESS_BYTES_MIN`] bytes.
    writing: Option<Pin<Box<Sleep>>>,
    /// Bytes written since then.
    taken: usize,
}

impl Impatient {
    fn new(stream: TcpStream, limits: &ListenLimits, seat: Arc<Seat>) -> Self {
        let head_time = Duration::from_millis(limits.header_timeout_ms);
        Self {
            stream,
            seat,
            head_time,
            rest_time: Duration::from_millis(limits.keep_alive_timeout_ms),
            write_time: Duration::from_millis(limits.write_timeout_ms),
            reading: Some(Box::pin(tokio::time::sleep(head_time))),
            writing: None,
            taken: 0,
        }
    }

    fn watch(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken += bytes;
                if self.taken >= PROGRESS_BYTES_MIN {
                    self.writing = None;
                    self.taken = 0;
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let write_time = self.write_time;
                let writing = self.writing.get_or_insert_with(|| {
                    self.taken = 0;
                    Box::pin(tokio::time::sleep(write_time))
                });
                writing.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let wait = match self.seat.phase() {
            Phase::Serving | Phase::Answered => {
                self.reading = None;
                return read;
            }
            Phase::Resting if read.is_ready() => {
                self.seat.wake();
                self.reading = Some(Box::pin(tokio::time::sleep(self.head_time)));
                return read;
            }
            Phase::Resting => self.rest_time,
            Phase::Head => self.head_time,
        };
        if read.is_ready() {
            return read;
        }
        let reading = self.reading.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        reading.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when nothing is left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing = None;
        self.taken = 0;
        if self.seat.phase() == Phase::Answered {
            self.seat.rest();
            let mut resting = Box::pin(tokio::time::sleep(self.rest_time));
            // The stream may not be polled again before the deadline.
            let _ = resting.as_mut().poll(context);
            self.reading = Some(resting);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_said_once_a_second_with_how_often_it_was() {
        let mut seldom = Seldom::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(seldom.note(at(0)), Some(1));
        for ms in [1, 500, 999] {
            assert_eq!(seldom.note(at(ms)), None);
        }
        assert_eq!(seldom.note(at(1_000)), Some(4));
        assert_eq!(seldom.note(at(1_500)), None);
        assert_eq!(seldom.note(at(9_000)), Some(2));
    }
}
