//! The feed of events: server-sent events of one connection, read as they come.

use crate::call::Call;
use crate::error::{Error, Kind, describe};
use crate::exchange::{Failure, Incoming, Outgoing, read, request};
use crate::model::Event;
use crate::pool::Live;
use crate::response::{Head, Undecoded};
use crate::send::{ERROR_BYTES_MAX, Inner, Receive, Received};
use crate::sse::{Frame, Parser, TooLarge};
use crate::transport::Transport;
use bytes::Bytes;
use futures_core::Stream;
use http::header;
use hyper::body::{Body as _, Incoming as IncomingBody};
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A feed on which nothing comes for so long is taken for dead. The service says every 15 s that it is there.
const SILENCE_MAX: Duration = Duration::from_secs(45);
const LAST_EVENT_ID: &str = "last-event-id";

/// What follows the head of an answer.
pub(crate) enum FeedBody {
    Http(IncomingBody, Box<Live>),
    /// Of a mock; `None` once it was taken.
    Mock(Option<Bytes>),
}

/// The head of an answer, and its body as it comes.
struct Following;

impl Receive for Following {
    type Body = FeedBody;

    async fn receive(
        transport: &Transport,
        outgoing: &Outgoing,
        success_bytes_max: usize,
    ) -> Result<Received<FeedBody>, Failure> {
        transport.open(outgoing, success_bytes_max).await
    }
}

impl Transport {
    async fn open(
        &self,
        outgoing: &Outgoing,
        success_bytes_max: usize,
    ) -> Result<Received<FeedBody>, Failure> {
        let pool = match self {
            Self::Mock(mock) => {
                let incoming = mock.answer(outgoing, success_bytes_max, ERROR_BYTES_MAX).await?;
                return Ok(Received::of(incoming, |body| FeedBody::Mock(Some(body))));
            }
            Self::Http(pool) => pool,
        };
        let (response, mut live) = pool.send(&outgoing.uri, request(outgoing)?).await?;
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        if head.status.is_success() {
            return Ok(Received::Success { status, headers, body: Some(FeedBody::Http(body, live)) });
        }
        // The status says more than what may be wrong with the body.
        let body = live.drive(read(body, ERROR_BYTES_MAX)).await.ok().flatten();
        pool.keep(live).await;
        Ok(Received::Refusal(Incoming { status, headers, body }))
    }
}

impl FeedBody {
    /// The next bytes; `None` at the end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        match self {
            Self::Mock(body) => Poll::Ready(body.take().map(Ok)),
            Self::Http(body, live) => loop {
                live.advance(context);
                match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => return Poll::Ready(None),
                    Some(Err(cause)) => return Poll::Ready(Some(Err(cause))),
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Some(Ok(data)));
                        }
                    }
                }
            },
        }
    }
}

impl Inner {
    /// Begins to follow the feed.
    pub(crate) async fn follow(self: Arc<Self>, call: Call) -> Result<EventStream, Error> {
        let asked = call.headers.iter().find(|(name, _)| name == LAST_EVENT_ID);
        let asked = asked.and_then(|(_, value)| value.to_str().ok()).map(str::to_owned);
        let Undecoded { head, body } = self.send_for::<Following>(call).await?;
        let is_feed = head.text(header::CONTENT_TYPE.as_str()).is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
        });
        let bytes_max = self.settings.max_response_bytes;
        let stream = EventStream {
            body,
            parser: Parser::new(bytes_max),
            bytes_max,
            last_event_id: asked,
            head,
            silence: Box::pin(tokio::time::sleep(SILENCE_MAX)),
            is_over: false,
        };
        if is_feed { Ok(stream) } else { Err(stream.misread("it is no feed of events".to_owned())) }
    }
}

/// Events as they happen, on one connection; from [`follow_events`](crate::Events::follow_events).
///
/// It ends when the service ends it: because the service goes away, or the secret key was revoked. After an error it is over.
/// Either way, [`last_event_id`](Self::last_event_id) is where to go on; wait a moment before, if it was an error. Each
/// event may have up to `max_response_bytes` bytes; one that comes while nobody asks waits on the connection.
#[must_use = "a stream does nothing before it is polled"]
pub struct EventStream {
    body: FeedBody,
    parser: Parser,
    /// The most bytes of one event, told in the error beyond it.
    bytes_max: usize,
    last_event_id: Option<String>,
    /// What the service answered before the first event; errors name it.
    head: Head,
    silence: Pin<Box<Sleep>>,
    is_over: bool,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("last_event_id", &self.last_event_id).finish_non_exhaustive()
    }
}

impl EventStream {
    /// The next event; waits until there is one. `None` if the service has ended the feed.
    ///
    /// # Errors
    /// [`is_interrupted`](Error::is_interrupted) if the connection breaks, [`is_timeout`](Error::is_timeout) if nothing
    /// came for 45 s, not even the word that the service is there, [`is_decode`](Error::is_decode) for an event that
    /// cannot be read or is too large.
    pub async fn try_next(&mut self) -> Result<Option<Event>, Error> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await.transpose()
    }

    /// The id of the last event, also of one that could not be read; before the first one, what the request began behind.
    /// [`follow_events`](crate::Events::follow_events) with it misses nothing.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// The id under which the service has the request in its log.
    pub fn trace_id(&self) -> Option<&str> {
        self.head.text("x-clerk-trace-id")
    }

    fn event(&mut self, frame: Frame) -> Result<Event, Error> {
        if !frame.id.is_empty() {
            self.last_event_id = Some(frame.id);
        }
        serde_json::from_slice(&frame.data).map_err(|error| self.misread(describe(&error)))
    }

    fn misread(&self, why: String) -> Error {
        let trace_id = self.trace_id().map(str::to_owned);
        self.of_call(Error::new(Kind::Decode { status: self.head.status, trace_id, why }))
    }

    fn of_call(&self, error: Error) -> Error {
        error.of_call(&self.head.operation, self.head.attempts, None)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        loop {
            match self.parser.next() {
                Ok(Some(frame)) => return Poll::Ready(Some(self.event(frame))),
                Ok(None) => {}
                Err(TooLarge) => {
                    let kind = Kind::TooLarge { status: self.head.status, limit_bytes: self.bytes_max };
                    return Poll::Ready(Some(Err(self.of_call(Error::new(kind)))));
                }
            }
            match self.body.poll(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    self.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
                    self.parser.push(&bytes);
                }
                Poll::Ready(Some(Err(cause))) => {
                    let cause: Box<dyn StdError + Send + Sync> = cause.into();
                    let error = Error::caused_by(Kind::Interrupted, cause);
                    return Poll::Ready(Some(Err(self.of_call(error))));
                }
                // Half an event at the end is none.
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    ready!(self.silence.as_mut().poll(context));
                    let error = Error::new(Kind::Timeout { limit: SILENCE_MAX });
                    return Poll::Ready(Some(Err(self.of_call(error))));
                }
            }
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(this.poll_event(context));
        this.is_over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}
