//! Events, and the audit trail of them.

use super::tolerant::{Extra, open_enum, or_default};
use crate::error::{Error, Kind, describe};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use verger_wire::UnixMillis;

open_enum! {
    /// What happened.
    ///
    /// ```
    /// # use verger_client::EventKind;
    /// assert_eq!(EventKind::from("phone_number.verified"), EventKind::PhoneNumberVerified);
    /// assert_eq!(EventKind::from("session.created").as_str(), "session.created");
    /// ```
    EventKind {
        /// A user was created.
        UserCreated = "user.created",
        /// A user or one of its identifications changed.
        UserUpdated = "user.updated",
        /// A user was deleted, with all identifications.
        UserDeleted = "user.deleted",
        /// A phone number was added to a user.
        PhoneNumberCreated = "phone_number.created",
        /// A phone number changed.
        PhoneNumberUpdated = "phone_number.updated",
        /// A phone number became verified; comes after the other event of the same change.
        PhoneNumberVerified = "phone_number.verified",
        /// A phone number is gone.
        PhoneNumberDeleted = "phone_number.deleted",
        /// An email address is new.
        EmailAddressCreated = "email_address.created",
        /// An email address changed.
        EmailAddressUpdated = "email_address.updated",
        /// An email address became verified; comes after the other event of the same change.
        EmailAddressVerified = "email_address.verified",
        /// An email address is gone.
        EmailAddressDeleted = "email_address.deleted",
        /// A text message was written.
        SmsCreated = "sms.created",
        /// An email with a code was written; its `data` has the code only where the application delivers it.
        EmailCreated = "email.created",
        /// An endpoint failed for days, or answered 410 Gone, and is told nothing any more.
        WebhookEndpointDisabled = "webhook_endpoint.disabled",
        /// Only a test of an endpoint; never in the feed.
        WebhookEndpointTest = "webhook_endpoint.test",
    }
}

/// Something that happened: what the [feed](crate::Events) gives, and the body of a webhook.
///
/// ```
/// # use verger_client::{Event, EventKind, PhoneNumber};
/// let text = r#"{"id":"evt_1","object":"event","type":"phone_number.created","instance_id":"ins_1","timestamp":5,
///     "data":{"id":"idn_1","phone_number":"+12025550100","created_at":5,"updated_at":5}}"#;
/// let event: Event = serde_json::from_str(text)?;
/// assert_eq!(event.kind, EventKind::PhoneNumberCreated);
/// let number: PhoneNumber = event.decode_data()?;
/// assert_eq!(number.id, "idn_1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// `evt_…`, the same however often the event is told: remember it to act once.
    pub id: String,
    /// Always `event`.
    #[serde(default)]
    pub object: String,
    /// What happened; `type` on the wire.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// `ins_…`.
    #[serde(default)]
    pub instance_id: String,
    /// Where the request came from that made the change.
    #[serde(default, deserialize_with = "or_default")]
    pub event_attributes: EventAttributes,
    /// When it happened. Unix milliseconds.
    pub timestamp: UnixMillis,
    /// The object as it is after the change; see [`decode_data`](Self::decode_data).
    #[serde(default)]
    pub data: Value,
    /// A deleted object as it was.
    pub before: Option<Value>,
    /// The keys of a changed object that differ.
    #[serde(default, deserialize_with = "or_default")]
    pub changes: BTreeMap<String, ValueChange>,
    /// Side effects beyond the field that the request named, as in [`Response::consequences`](crate::Response::consequences).
    #[serde(default, deserialize_with = "or_default")]
    pub consequences: Vec<String>,
    /// Who made the change; `None` if it was the service itself.
    pub actor: Option<EventActor>,
    /// The trace id of the request that made the change.
    pub clerk_trace_id: Option<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Event {
    /// `data` as an object of its type, for example a [`User`](crate::User) for `user.updated` and a
    /// [`DeletedObject`](crate::DeletedObject) for `user.deleted`.
    ///
    /// # Errors
    /// [`is_decode`](Error::is_decode): it is an object of another type.
    pub fn decode_data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.data).map_err(|error| {
            let why = format!("the data of {}: {}", self.kind, describe(&error));
            Error::new(Kind::Decode { status: 200, trace_id: None, why })
        })
    }
}

/// A key of an object that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValueChange {
    /// Its value before; null if it had none.
    #[serde(default)]
    pub before: Value,
    /// Its value after; null if it has none.
    #[serde(default)]
    pub after: Value,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where a change came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventAttributes {
    /// The request that caused the event; empty if none did.
    #[serde(default, deserialize_with = "or_default")]
    pub http_request: EventRequest,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The request behind an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventRequest {
    /// Who was at the other end of the connection; empty if that is not known.
    #[serde(default, deserialize_with = "or_default")]
    pub client_ip: String,
    /// What the caller said it is; empty if it did not.
    #[serde(default, deserialize_with = "or_default")]
    pub user_agent: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who made a change: which secret key, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventActor {
    /// Which secret key was used; not the key.
    #[serde(default)]
    pub key_id: String,
    /// The trace id of the request.
    #[serde(default)]
    pub trace_id: String,
    /// Who sent the request: who was at the other end of the connection, or whom a proxy that the operator trusts named.
    pub remote_address: Option<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A page of the audit trail. Verger only.
///
/// ```
/// # use verger_client::AuditLogPage;
/// let text = r#"{"object":"list","data":[],"next_before":null}"#;
/// let page: AuditLogPage = serde_json::from_str(text)?;
/// assert!(page.data.is_empty() && page.next_before.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditLogPage {
    /// Always `list`.
    #[serde(default)]
    pub object: String,
    /// The rows of this page, the newest first.
    pub data: Vec<AuditEntry>,
    /// `before` of the next page; `None` if this one was not full.
    pub next_before: Option<i64>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A row of the audit trail: one event, without numbers, addresses and metadata. Verger only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Always `audit_entry`.
    #[serde(default)]
    pub object: String,
    /// Its place in the trail of the instance.
    pub sequence_number: i64,
    /// `evt_…`.
    pub event_id: String,
    /// What happened; `type` on the wire.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Whom it is about; empty if it is no user.
    #[serde(default)]
    pub user_id: String,
    /// When it was written. Unix milliseconds.
    pub created_at: UnixMillis,
    /// What is kept of the event, with numbers and addresses masked: the actor, the resource and what changed. A text if
    /// somebody spoiled it in the store.
    #[serde(default)]
    pub entry: Value,
    /// The hash of the row before it.
    #[serde(default)]
    pub previous_hash: String,
    /// SHA-256 of this row and `previous_hash`.
    #[serde(default)]
    pub hash: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
