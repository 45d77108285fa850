//! The feed of events: server-sent events of one connection, read as they come.

use crate::client::Inner;
use crate::error::{Error, Kind, describe};
use crate::model::Event;
use crate::pool::Live;
use crate::request::Call;
use crate::response::{Head, Undecoded};
use crate::send::{ERROR_BYTES_MAX, Receive, Received};
use crate::transport::{Failure, Incoming, Outgoing, Transport, read, request};
use bytes::{Buf as _, Bytes, BytesMut};
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
    last_event_id: Option<String>,
    /// For errors.
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
                    let limit_bytes = self.parser.bytes_max;
                    let kind = Kind::TooLarge { status: self.head.status, limit_bytes };
                    return Poll::Ready(Some(Err(self.of_call(Error::new(kind)))));
                }
            }
            match self.body.poll(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    self.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
                    self.parser.unread.extend_from_slice(&bytes);
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

/// One message of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    id: String,
    data: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct TooLarge;

/// Server-sent events, as far as the feed uses them: lines of `id` and `data`, an empty line after each message. Comments,
/// and fields that it does not know, are passed over.
struct Parser {
    unread: BytesMut,
    /// So many bytes of `unread` have no end of a line in them.
    searched: usize,
    /// The last line ended with a carriage return: a line feed behind it belongs to it.
    is_after_return: bool,
    id: String,
    data: Vec<u8>,
    /// Of one line, and of the data of one message.
    bytes_max: usize,
}

impl Parser {
    fn new(bytes_max: usize) -> Self {
        Self {
            unread: BytesMut::new(),
            searched: 0,
            is_after_return: false,
            id: String::new(),
            data: Vec::new(),
            bytes_max,
        }
    }

    /// The next message in what there is to read.
    fn next(&mut self) -> Result<Option<Frame>, TooLarge> {
        while let Some(line) = self.line()? {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match name {
                b"" if line.is_empty() && !self.data.is_empty() => {
                    // The line feed after the last line.
                    self.data.pop();
                    let data = std::mem::take(&mut self.data);
                    return Ok(Some(Frame { id: self.id.clone(), data }));
                }
                b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into_owned(),
                b"data" => {
                    if value.len() >= self.bytes_max - self.data.len().min(self.bytes_max) {
                        return Err(TooLarge);
                    }
                    self.data.extend_from_slice(value);
                    self.data.push(b'\n');
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Result<Option<BytesMut>, TooLarge> {
        if self.is_after_return && !self.unread.is_empty() {
            self.is_after_return = false;
            if self.unread[0] == b'\n' {
                self.unread.advance(1);
            }
        }
        let ends = self.unread[self.searched..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(end) = ends.map(|at| at + self.searched) else {
            self.searched = self.unread.len();
            return if self.searched > self.bytes_max { Err(TooLarge) } else { Ok(None) };
        };
        self.searched = 0;
        let line = self.unread.split_to(end);
        self.is_after_return = self.unread[0] == b'\r';
        self.unread.advance(1);
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": hello\n\nid: evt_1\nevent: user.created\ndata: {\"a\":1}\n\n: still here\n\nretry: 5\nid\n\
                        data:one\ndata: two\ndata\n\nid: evt_3\n\ndata: three\n\ndata: half";

    /// What it gives for a text that comes in pieces of this length.
    fn frames(text: &str, piece: usize, bytes_max: usize) -> Result<Vec<(String, String)>, TooLarge> {
        let mut parser = Parser::new(bytes_max);
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            parser.unread.extend_from_slice(piece);
            while let Some(Frame { id, data }) = parser.next()? {
                found.push((id, String::from_utf8_lossy(&data).into_owned()));
            }
        }
        Ok(found)
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut_and_whatever_ends_their_lines() {
        let expected = [("evt_1", "{\"a\":1}"), ("", "one\ntwo\n"), ("evt_3", "three")];
        let expected = expected.map(|(id, data)| (id.to_owned(), data.to_owned())).to_vec();
        for end in ["\n", "\r", "\r\n"] {
            let text = TEXT.replace('\n', end);
            for piece in 1..=text.len() {
                assert_eq!(frames(&text, piece, 1_000).as_ref(), Ok(&expected), "{end:?}, pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_larger_than_the_limit_is_refused_before_it_is_complete() {
        for piece in [1, 7, 1_000] {
            assert_eq!(frames(&format!("data: {}", "a".repeat(100)), piece, 50), Err(TooLarge));
            assert_eq!(frames(&"data: aaaaaaaaa\n".repeat(6), piece, 50), Err(TooLarge));
            assert_eq!(frames(&"data: aaaaaaaaa\n".repeat(4), piece, 50), Ok(vec![]));
            // Every message for itself.
            assert_eq!(frames(&"data: aaaaaaaaa\n\n".repeat(50), piece, 50).map(|found| found.len()), Ok(50));
        }
    }
}
