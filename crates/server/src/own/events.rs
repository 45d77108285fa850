//! The audit trail, and the feed of events.

use crate::answer::{Answer, Feed};
use crate::app::App;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::changes::Rendering;
use crate::error::Failure;
use crate::followers::Follower;
use crate::operation::{HeaderParam, operations};
use crate::reasons::*;
use crate::shares::NoPlace;
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use verger_core::event::{EVENT_TYPES, NOTE_TYPES};
use verger_http::headers::bearer;
use verger_store::{
    AuditEntry as StoredEntry, AuditFilter, ChangeEvent, FeedItem, KeyDigest, StoredChange, TrailEntry,
};
use verger_wire::audit::{AuditEntry, AuditLog, AuditLogParams, FollowEventsParams};
use verger_wire::schema::{Schema, Schemas, json};
use verger_wire::{EventId, InstanceId, UnixMillis, UserId};

/// Rows of an answer unless the request says otherwise.
const LIMIT_DEFAULT: i64 = 100;
/// Changes of the feed that are read at a time.
const FEED_ITEMS_MAX: i64 = 25;
/// How often a feed without events says that it is there.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a feed goes on.
const LAST_EVENT_ID: HeaderParam = HeaderParam {
    component: "LastEventId",
    name: "Last-Event-ID",
    is_required: false,
    doc: "Continue the feed after this event: `evt_…`.",
    example: "evt_3Dw7QGzscnGJl1VdOJbDs8fPBCo",
};

/// Server-sent events.
struct EventStream;

impl Schema for EventStream {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string" })
    }

    fn example() -> Value {
        json!("id: evt_3Dw7QGzscnGJl1VdOJbDs8fPBCo\nevent: phone_number.verified\ndata: {…}\n\n")
    }
}

operations! {
    /// List the audit trail
    ///
    /// Newest row first. `verger audit verify` detects tampering.
    VergerListAuditLog: GET "/verger/v1/audit_log" in "Events and Audit Trail" {
        caller: SecretKey,
        input: AuditLogParams,
        output: AuditLog, "The rows.",
        run: audit_log,
    }

    /// Follow events
    ///
    /// An endless stream of server-sent events: from now on, or, with `Last-Event-ID`, everything after that event as
    /// long as it is retained. The stream ends when the server stops or the key is revoked; reconnect with the last id.
    /// At most 256 followers per server and 64 per instance.
    VergerFollowEvents: GET "/verger/v1/events" in "Events and Audit Trail" {
        caller: SecretKey,
        input: FollowEventsParams,
        output: EventStream, "The events, each with `id`, `event` (its type) and `data` (one line of JSON, as webhooks receive it).",
        header_params: [LAST_EVENT_ID],
        refuses: [NOT_FOUND],
        run: feed,
    }
}

async fn audit_log(call: Call<SecretKey, (), AuditLogParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let kind = input.kind.clone().filter(|kind| !kind.is_empty());
    let is_known = |kind: &str| EVENT_TYPES.contains(&kind) || NOTE_TYPES.contains(&kind);
    if kind.as_deref().is_some_and(|kind| !is_known(kind)) {
        let types = [EVENT_TYPES, NOTE_TYPES].concat().join(", ");
        input.problem("type", value_invalid(format!("must be a type of event; there are {types}")));
    }
    let input = input.finish()?;
    let filter = AuditFilter {
        user_id: input.user_id.filter(|id| !id.is_empty()).map(UserId::from),
        kind,
        since: input.since.map(UnixMillis),
        until: input.until.map(UnixMillis),
        before: input.before,
    };
    let limit = input.limit.unwrap_or(LIMIT_DEFAULT);
    let scoped = call.app.store.instance(&call.context.instance.id);
    let entries = scoped.trail(&filter, limit, call.context.deadline).await?;
    let is_full = i64::try_from(entries.len()).is_ok_and(|found| found == limit);
    let data = shown_entries(&call.context.instance.id, &entries);
    let next_before = data.last().filter(|_| is_full).map(|entry| entry.sequence_number);
    Answer::json(&AuditLog { object: "list".to_owned(), data, next_before })
}

/// Rows of the trail, as they are shown and exported.
pub(crate) fn shown_entries(instance: &InstanceId, entries: &[TrailEntry]) -> Vec<AuditEntry> {
    // The rows of a change are neighbours: it is read once for all of them.
    let mut last: Option<(&Arc<StoredChange>, Rendering<'_>)> = None;
    let mut shown = Vec::with_capacity(entries.len());
    for entry in entries {
        shown.push(match entry {
            TrailEntry::Kept(entry) => kept_entry(entry),
            TrailEntry::Change { change, event, previous_hash, hash } => {
                let (_, rendering) = match last.take().filter(|(of, _)| Arc::ptr_eq(of, change)) {
                    Some(same) => last.insert(same),
                    None => last.insert((change, Rendering::of(instance, &**change))),
                };
                AuditEntry {
                    object: "audit_entry".to_owned(),
                    sequence_number: event.sequence_number,
                    event_id: event.id.to_string(),
                    kind: event.kind.clone(),
                    user_id: change.user_id.to_string(),
                    created_at: change.created_at,
                    entry: rendering.entry(event.into()),
                    previous_hash: previous_hash.clone(),
                    hash: hash.clone(),
                }
            }
        });
    }
    shown
}

/// A row of before there were changes.
fn kept_entry(entry: &StoredEntry) -> AuditEntry {
    // What cannot be read is shown as it is: `verify` says what happened to it.
    let of = serde_json::from_str(&entry.entry).unwrap_or_else(|_| Value::from(entry.entry.as_str()));
    AuditEntry {
        object: "audit_entry".to_owned(),
        sequence_number: entry.sequence_number,
        event_id: entry.event_id.to_string(),
        kind: entry.kind.clone(),
        user_id: entry.user_id.to_string(),
        created_at: entry.created_at,
        entry: of,
        previous_hash: entry.previous_hash.clone(),
        hash: entry.hash.clone(),
    }
}

/// Begins the feed: behind the event that `Last-Event-ID` names, else with what happens from now on.
async fn feed(call: Call<SecretKey, (), FollowEventsParams>) -> Result<Answer, Failure> {
    let by_query = call.read()?.finish()?.last_event_id;
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
    let follower = app.followers.begin(&app.store, &instance, feed.key).map_err(|no_place| {
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
        match scoped.feed_after(after, FEED_ITEMS_MAX, Instant::now() + STORE_TIMEOUT).await {
            Ok(items) if !items.is_empty() => {
                after = items.last().map_or(after, FeedItem::sequence_number);
                // Of what only the trail is told there is nothing to send.
                let frames: String = items.iter().map(|item| frames_of(&instance, item)).collect();
                next = (!frames.is_empty()).then(|| frames.into());
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

/// The events of an item of the feed.
fn frames_of(instance: &InstanceId, item: &FeedItem) -> String {
    match item {
        FeedItem::Event(event) => frame(&event.id, &event.kind, &event.payload),
        FeedItem::Change(change) if change.events.is_empty() => String::new(),
        FeedItem::Change(change) => {
            let rendering = Rendering::of(instance, change);
            let frame = |event: &ChangeEvent| frame(&event.id, &event.kind, &rendering.payload(event.into()));
            change.events.iter().map(frame).collect()
        }
    }
}

/// JSON has no line breaks but escaped ones, so that it is one line of data.
fn frame(id: &EventId, kind: &str, payload: &str) -> String {
    format!("id: {id}\nevent: {kind}\ndata: {payload}\n\n")
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
