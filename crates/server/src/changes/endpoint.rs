//! What a change row keeps of a webhook endpoint: neither its secret nor more of its URL than the host, because a path or a
//! query can contain a secret.

use super::form::{form, unless};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use verger_core::WebhookEndpoint;
use verger_wire::UnixMillis;

form! {
    /// An endpoint.
    EndpointForm {
        /// The host of its URL.
        host: String = "h",
        /// Types of events, or beginnings such as `user.*`. Absent: all.
        events: Vec<String> = "e",
        failing_since: i64 = "f",
        disabled_at: i64 = "d",
        disabled_reason: String = "r",
        former_expires_at: i64 = "x",
        created_at: i64 = "c",
        updated_at: i64 = "u",
    }
}

/// An endpoint before and after a change, in the form of the row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct EndpointStates {
    /// `None`: it was removed.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    after: Option<EndpointForm>,
    /// A difference if there is a state afterwards. `None`: it was added.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    before: Option<EndpointForm>,
    /// Whether its URL differs, if only in what is not kept.
    #[serde(rename = "w", default, skip_serializing_if = "std::ops::Not::not")]
    has_other_url: bool,
    /// Whether its secret differs.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    has_other_secret: bool,
}

/// Stands for a value that is not kept.
const PLACEHOLDER: &str = "…";

fn host_of(url: &str) -> Option<String> {
    url.parse::<hyper::Uri>().ok()?.host().map(str::to_owned)
}

fn form_of(endpoint: &WebhookEndpoint) -> EndpointForm {
    let moment = |at: Option<UnixMillis>| at.map(|at| Some(at.0));
    EndpointForm {
        host: host_of(&endpoint.url).map(Some),
        events: unless(&Vec::new(), endpoint.events.clone()),
        failing_since: moment(endpoint.failing_since),
        disabled_at: moment(endpoint.disabled_at),
        disabled_reason: endpoint.disabled_reason.map(|reason| Some(reason.as_str().to_owned())),
        former_expires_at: moment(endpoint.former_expires_at),
        created_at: moment(Some(endpoint.created_at)),
        updated_at: moment(Some(endpoint.updated_at)),
    }
}

impl EndpointStates {
    /// The form of a change.
    pub(super) fn of(before: Option<&WebhookEndpoint>, after: Option<&WebhookEndpoint>) -> Self {
        let differs = |of: fn(&WebhookEndpoint) -> &str| match (before, after) {
            (Some(before), Some(after)) => of(before) != of(after),
            _ => false,
        };
        let before_form = before.map(form_of);
        let after_form = after.map(form_of);
        Self {
            before: match (before_form, &after_form) {
                (Some(before), Some(after)) => Some(before.unlike(after)),
                (before, _) => before,
            },
            after: after_form,
            has_other_url: differs(|endpoint| &endpoint.url),
            has_other_secret: differs(|endpoint| &endpoint.secret),
        }
    }

    /// The whole form of the state before, and of the one after.
    fn forms(&self) -> (Option<EndpointForm>, Option<&EndpointForm>) {
        let after = self.after.as_ref();
        let before = self.before.clone().map(|before| match after {
            Some(after) => before.like(after),
            None => before,
        });
        (before, after)
    }

    /// The `data` of the event that the endpoint `id` is disabled.
    pub(super) fn disabled(&self, id: &str) -> Value {
        let after = self.after.clone().unwrap_or_default();
        json!({
            "id": id,
            "object": "webhook_endpoint",
            "host": after.host.flatten(),
            "reason": after.disabled_reason.flatten(),
            "failing_since": after.failing_since.flatten(),
            "disabled_at": after.disabled_at.flatten(),
        })
    }

    /// The endpoint `id` as an entry of the trail names it.
    pub(super) fn resource(&self, id: &str) -> Value {
        let (before, after) = self.forms();
        let last = after.cloned().or(before).unwrap_or_default();
        let (host, created_at) = (last.host.flatten(), last.created_at.flatten());
        json!({ "id": id, "object": "webhook_endpoint", "host": host, "created_at": created_at })
    }

    /// The fields that differ, each before and after.
    pub(super) fn changes(&self) -> Map<String, Value> {
        let (before, after) = self.forms();
        let mut changes = Map::new();
        let mut add = |field: &str, before: Value, after: Value| {
            changes.insert(field.to_owned(), json!({ "before": before, "after": after }));
        };
        let url = |form: Option<&EndpointForm>| form.map(|_| PLACEHOLDER);
        if self.has_other_url || before.is_none() != after.is_none() {
            add("url", url(before.as_ref()).into(), url(after).into());
        }
        if self.has_other_secret {
            add("secret", PLACEHOLDER.into(), PLACEHOLDER.into());
        }
        let (before, after) = (fields(before.as_ref()), fields(after));
        for ((field, before), (_, after)) in before.into_iter().zip(after) {
            if before != after {
                add(field, before, after);
            }
        }
        changes
    }
}

/// The fields that an entry of the trail shows as they are, by their names in the API.
fn fields(form: Option<&EndpointForm>) -> [(&'static str, Value); 6] {
    let moment =
        |of: fn(&EndpointForm) -> Option<Option<i64>>| json!(form.and_then(|form| of(form).flatten()));
    let events = form.map(|form| form.events.clone().flatten().unwrap_or_default());
    let reason = form.and_then(|form| form.disabled_reason.clone().flatten());
    [
        ("host", json!(form.and_then(|form| form.host.clone().flatten()))),
        ("events", json!(events)),
        ("disabled_at", moment(|form| form.disabled_at)),
        ("disabled_reason", json!(reason)),
        ("failing_since", moment(|form| form.failing_since)),
        ("former_secret_expires_at", moment(|form| form.former_expires_at)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use verger_core::webhook_endpoint::EndpointUpdate;

    fn endpoint() -> WebhookEndpoint {
        let url = "https://hooks.example.com/in/s3cret?token=s3cret".to_owned();
        let events = vec!["user.*".to_owned()];
        WebhookEndpoint::create("whe_1".into(), url, events, "sealed".to_owned(), 0, UnixMillis(5)).unwrap()
    }

    fn stored(before: Option<&WebhookEndpoint>, after: Option<&WebhookEndpoint>) -> EndpointStates {
        let states = EndpointStates::of(before, after);
        let text = serde_json::to_string(&states).unwrap();
        assert!(!text.contains("s3cret") && !text.contains("sealed"), "{text}");
        let read: EndpointStates = serde_json::from_str(&text).unwrap();
        assert_eq!(read, states);
        assert_eq!(read.forms(), (before.map(form_of), after.map(form_of).as_ref()));
        read
    }

    #[test]
    fn changes_name_what_differs_and_no_secret_of_it() {
        let old = endpoint();
        let added = stored(None, Some(&old));
        assert_eq!(
            Value::from(added.changes()),
            json!({
                "url": { "before": null, "after": "…" },
                "host": { "before": null, "after": "hooks.example.com" },
                "events": { "before": null, "after": ["user.*"] },
            })
        );
        let url = "https://hooks.example.com/in/other-s3cret".to_owned();
        let update = EndpointUpdate { url: Some(url), events: Some(vec![]), disabled: Some(true) };
        let updated = stored(Some(&old), Some(&old.update(update, UnixMillis(9))));
        assert_eq!(
            Value::from(updated.changes()),
            json!({
                "url": { "before": "…", "after": "…" },
                "events": { "before": ["user.*"], "after": [] },
                "disabled_at": { "before": null, "after": 9 },
                "disabled_reason": { "before": null, "after": "requested" },
            })
        );
        let rotated =
            stored(Some(&old), Some(&old.rotate_secret("sealed anew".to_owned(), 10, UnixMillis(9))));
        assert_eq!(
            Value::from(rotated.changes()),
            json!({
                "secret": { "before": "…", "after": "…" },
                "former_secret_expires_at": { "before": null, "after": 19 },
            })
        );
        let removed = stored(Some(&old), None);
        assert_eq!(removed.changes()["events"], json!({ "before": ["user.*"], "after": null }));
        let resource = json!({ "id": "whe_1", "object": "webhook_endpoint", "host": "hooks.example.com", "created_at": 5 });
        assert_eq!(removed.resource("whe_1"), resource);
        assert_eq!(updated.resource("whe_1"), resource);
    }
}
