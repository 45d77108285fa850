//! The audit trail, and the feed of events.

use crate::answer::{Answer, Feed};
use crate::app::App;
use crate::error::Failure;
use crate::followers::{Follower, Followers};
use crate::http_reasons::{AUTHORIZATION_MISSING, unavailable, value_invalid};
use crate::router::bearer;
use crate::routes::call::Call;
use crate::shares::NoPlace;
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use verger_core::event::{EVENT_TYPES, NOTE_TYPES};
use verger_store::{AuditEntry, AuditFilter, FeedEvent, KeyDigest};
use verger_wire::{EventId, InstanceId, UnixMillis, UserId};

const ENTRIES_MAX: i64 = 500;
/// Events of the feed that are read at a time.
const FEED_EVENTS_MAX: i64 = 25;
/// How often a feed without events says that it is there.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows of the audit trail, the newest first.
pub(crate) async fn audit_log(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let kind = query.text("type").filter(|kind| !kind.is_empty());
    let is_known = |kind: &str| EVENT_TYPES.contains(&kind) || NOTE_TYPES.contains(&kind);
    if kind.as_deref().is_some_and(|kind| !is_known(kind)) {
        let types = [EVENT_TYPES, NOTE_TYPES].concat().join(", ");
        query.problem("type", value_invalid(format!("must be a type of event; there are {types}")));
    }
    let filter = AuditFilter {
        user_id: query.text("user_id").filter(|id| !id.is_empty()).map(UserId::from),
        kind,
        since: query.integer("since", 0, i64::MAX).map(UnixMillis),
        until: query.integer("until", 0, i64::MAX).map(UnixMillis),
        before: query.integer("before", 0, i64::MAX),
    };
    let limit = query.integer("limit", 1, ENTRIES_MAX).unwrap_or(100);
    query.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let entries = scoped.audit_log(&filter, limit, call.context.deadline).await?;
    let is_full = i64::try_from(entries.len()).is_ok_and(|found| found == limit);
    let next = entries.last().filter(|_| is_full).map(|entry| entry.sequence_number);
    let data: Vec<_> = entries.iter().map(entry_json).collect();
    Answer::json(&json!({ "object": "list", "data": data, "next_before": next }))
}

/// A row of the trail, as it is shown and exported.
pub(crate) fn entry_json(entry: &AuditEntry) -> Value {
    // What cannot be read is shown as it is: `verify` says what happened to it.
    let of: Value = serde_json::from_str(&entry.entry).unwrap_or_else(|_| entry.entry.as_str().into());
    json!({
        "object": "audit_entry",
        "sequence_number": entry.sequence_number,
        "event_id": entry.event_id,
        "type": entry.kind,
        "user_id": entry.user_id,
        "created_at": entry.created_at,
        "entry": of,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    })
}

/// Begins the feed: behind the event that `Last-Event-ID` names, else with what happens from now on.
pub(crate) async fn feed(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let by_query = query.text("last_event_id");
    query.finish()?;
    let by_header = call.parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let last = by_header.map(str::to_owned).or(by_query).filter(|id| !id.is_empty());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let place = match last {
        None => scoped.last_event_place(call.context.deadline).await?,
        Some(id) => scoped
            .event_place(&EventId::from(id), call.context.deadline)
            .await?
            .ok_or_else(|| Failure::not_found("event"))?,
    };
    let secret = bearer(call.parts.headers.get(header::AUTHORIZATION))
        .ok_or_else(|| Failure::from(&AUTHORIZATION_MISSING))?;
    let feed = Feed { after: place, key: KeyDigest::of(secret) };
    Ok(Answer { feed: Some(feed), ..Answer::default() })
}

/// The feed as a response, for as long as the client and the server are there.
pub(crate) fn feed_response(
    app: &Arc<App>,
    instance: InstanceId,
    feed: Feed,
) -> Result<Response<Body>, Failure> {
    let follower = Followers::begin(app, &instance, feed.key).map_err(|no_place| {
        unavailable(match no_place {
            NoPlace::Share => "Too many requests of this instance follow the feed: end some of them.",
            NoPlace::All => "Too many requests follow the feed.",
        })
    })?;
    let (sender, frames) = mpsc::channel(2);
    tokio::spawn(follow(Arc::clone(app), instance, feed.after, sender, follower));
    let mut response = Response::new(Body::new(Frames(frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

async fn follow(
    app: Arc<App>,
    instance: InstanceId,
    mut after: i64,
    sender: mpsc::Sender<Bytes>,
    follower: Follower,
) {
    let mut last_sent = Instant::now();
    // So that the head of the answer does not wait for the first event.
    let mut next: Option<Bytes> = Some(Bytes::from_static(b": verger\n\n"));
    loop {
        if let Some(frame) = next.take() {
            if sender.send(frame).await.is_err() {
                return;
            }
            last_sent = Instant::now();
        }
        if follower.is_over() {
            return tracing::info!("a feed of events ended: its key was revoked, or the server closes");
        }
        let scoped = app.store.instance(&instance);
        match scoped.events_after(after, FEED_EVENTS_MAX, Instant::now() + STORE_TIMEOUT).await {
            Ok(events) if !events.is_empty() => {
                after = events.last().map_or(after, |event| event.sequence_number);
                next = Some(events.iter().map(frame).collect::<String>().into());
                continue;
            }
            Ok(_) => {}
            // The client comes again with the last event that it saw.
            Err(error) => return tracing::warn!(%error, "a feed of events was closed early"),
        }
        // Whoever was told during the look is told now.
        tokio::select! {
            () = follower.told() => {}
            () = tokio::time::sleep(KEEP_ALIVE_EVERY.saturating_sub(last_sent.elapsed())) => {
                next = Some(Bytes::from_static(b": still here\n\n"));
            }
            () = sender.closed() => return,
        }
    }
}

/// JSON has no line breaks but escaped ones, so that it is one line of data.
fn frame(event: &FeedEvent) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, event.payload)
}

/// The body of the feed: frames as they arrive on the channel.
struct Frames(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(|frame| Ok(Frame::data(frame))))
    }
}
