//! What only development has: readable messages, a clock that can be moved, an instance that can be emptied.

use crate::answer::Answer;
use crate::app::Dev;
use crate::demo::{self, DemoError};
use crate::error::Failure;
use crate::extract::{UnknownFields, address_with_plus, number_with_plus};
use crate::inbox::InboxMessage;
use crate::routes::call::Call;
use askama::Template;
use serde_json::json;
use verger_core::phone_number;

/// Messages in one answer.
const MESSAGES_MAX: i64 = 500;
/// How far time can be moved at once: ten years, in milliseconds.
const ADVANCE_MS_MAX: i64 = 10 * 366 * 24 * 60 * 60 * 1000;

fn dev(call: &Call) -> Result<&Dev, Failure> {
    // In production these paths do not exist.
    call.app.dev_of(&call.context.instance).ok_or(Failure::UnknownPath)
}

/// The newest messages, by number or address.
pub(crate) async fn messages(call: Call) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    let mut query = call.query()?;
    let to = query.text("phone_number").map(|text| phone_number::stored_forms(&number_with_plus(&text)));
    let address = query.text("email_address").map(|text| address_with_plus(text.trim()).to_lowercase());
    let id = query.text("phone_number_id");
    let limit = query.integer("limit", 1, MESSAGES_MAX).unwrap_or(100);
    query.finish()?;
    let wanted = |message: &InboxMessage| {
        to.as_ref().is_none_or(|to| to.contains(&message.to))
            && address.as_ref().is_none_or(|address| message.to == *address)
            && (id.is_none() || message.phone_number_id == id)
    };
    let limit = usize::try_from(limit).unwrap_or(0);
    Answer::json(&dev.inbox.list(Some(&call.context.instance.id), limit, wanted))
}

/// Moves the time of the instance forward.
pub(crate) async fn advance_clock(call: Call) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    call.refuse_conditions()?;
    let mut fields = call.fields()?;
    let advance_ms = fields.patch_count_to("advance_ms", ADVANCE_MS_MAX);
    let advance_ms = fields.needed("advance_ms", advance_ms).unwrap_or_default();
    fields.finish(UnknownFields::Refused)?;
    let instance = &call.context.instance.id;
    let advanced_ms = dev.advance(instance, advance_ms);
    Answer::json(&json!({ "object": "clock", "now": call.now(), "advanced_ms": advanced_ms }))
}

/// Empties the instance; its keys stay. In `verger dev` the demo user comes back, under the same ids.
pub(crate) async fn reset(call: Call) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    call.refuse_conditions()?;
    call.fields()?.finish(UnknownFields::Ignored)?;
    let instance = &call.context.instance.id;
    call.app.store.instance(instance).reset(call.context.deadline).await?;
    dev.reset(instance);
    let demo = match dev.verger_dev.get().filter(|verger_dev| verger_dev.instance.id == *instance) {
        Some(of) => demo::create(&call.app.store, &of.instance, call.context.deadline).await?,
        None => None,
    };
    let demo_user_id = demo.map(|user| user.id);
    Answer::json(
        &json!({ "object": "instance", "id": instance, "reset": true, "demo_user_id": demo_user_id }),
    )
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Refused(why) => Self::Bug(why),
            DemoError::Store(error) => error.into(),
        }
    }
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    nonce: &'a str,
    list: InboxList,
}

#[derive(Template)]
#[template(path = "inbox_list.html")]
struct InboxList {
    version: u64,
    messages: Vec<Shown>,
}

struct Shown {
    message: InboxMessage,
    at: String,
}

fn inbox_list(dev: &Dev) -> InboxList {
    let version = dev.inbox.version();
    let messages = dev.inbox.list(None, 200, |_| true);
    let shown = |message: InboxMessage| Shown { at: crate::serve::for_people(message.created_at), message };
    InboxList { version, messages: messages.into_iter().map(shown).collect() }
}

/// The whole page; `nonce` is of the content security policy.
pub(crate) fn inbox_page(dev: &Dev, nonce: &str) -> Result<String, Failure> {
    let page = InboxPage { nonce, list: inbox_list(dev) };
    page.render().map_err(|error| Failure::Bug(error.to_string()))
}

/// The part of the page that changes.
pub(crate) fn inbox_part(dev: &Dev) -> Result<String, Failure> {
    inbox_list(dev).render().map_err(|error| Failure::Bug(error.to_string()))
}
