//! What only development has: readable messages, a clock that can be moved, an instance that can be emptied.

use crate::answer::Answer;
use crate::app::Dev;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::demo;
use crate::error::Failure;
use crate::inbox;
use crate::operation::operations;
use crate::reasons::*;
use verger_core::phone_number;
use verger_http::input::{address_with_plus, number_with_plus};
use verger_wire::MessageId;
use verger_wire::development::{AdvanceClockParams, Clock, ResetInstance};
use verger_wire::input::Anything;
use verger_wire::message::{InboxMessage, MessageListParams};

/// Messages of an answer unless the request says otherwise.
const LIMIT_DEFAULT: i64 = 100;

operations! {
    /// Read messages
    ///
    /// The messages that would have been sent, with their codes, newest first. The newest 10,000 are kept, in memory.
    /// `/inbox` shows the same as a page.
    VergerListMessages: GET "/verger/v1/messages" in "Development" {
        caller: SecretKey,
        input: MessageListParams,
        output: Vec<InboxMessage>, "The messages.",
        refuses: [UNKNOWN_PATH],
        run: messages,
    }

    /// Read a message
    ///
    /// The message with this id, as long as it is kept: a delivery and a webhook event have the same id.
    VergerGetMessage: GET "/verger/v1/messages/{message_id}" in "Development" {
        caller: SecretKey,
        path: MessageId,
        output: InboxMessage, "The message.",
        refuses: [UNKNOWN_PATH],
        run: message,
    }

    /// Move the clock forward
    ///
    /// Moves the clock of the instance forward, so that tests need not wait for codes to expire. Calls add up; a reset
    /// sets the clock back. Webhook retries follow real time.
    VergerAdvanceClock: POST "/verger/v1/clock" in "Development" {
        caller: SecretKey,
        input: AdvanceClockParams,
        output: Clock, "The clock.",
        refuses: [UNKNOWN_PATH],
        run: advance_clock,
    }

    /// Empty the instance
    ///
    /// Removes all users with their sessions, and clients, tickets, invitations, lists, redirect URLs, JWT templates, messages,
    /// webhook endpoints and events of the instance; sets its settings back to their defaults, and its clock to real time.
    /// Secret keys, signing keys and hosts stay. In `verger dev` the demo user is created again under the same ids; in a test server no user remains.
    VergerReset: POST "/verger/v1/reset" in "Development" {
        caller: SecretKey,
        input: Anything,
        output: ResetInstance, "The instance.",
        refuses: [UNKNOWN_PATH],
        run: reset,
    }
}

fn dev(request: &KeyRequest) -> Result<&Dev, Failure> {
    let why = "Only `verger dev` has this path, for development instances.";
    request.app.dev_of(&request.context.instance).ok_or(base_url_wrong(why).into())
}

async fn messages(call: Call<SecretKey, (), MessageListParams>) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    let input = call.read()?.finish()?;
    let to = input.phone_number.map(|text| phone_number::stored_forms(&number_with_plus(&text)));
    let address = input.email_address.map(|text| address_with_plus(text.trim()).to_lowercase());
    let wanted = |message: &inbox::InboxMessage| {
        to.as_ref().is_none_or(|to| to.contains(&message.to))
            && address.as_ref().is_none_or(|address| message.to == *address)
            && (input.phone_number_id.is_none() || message.phone_number_id == input.phone_number_id)
    };
    let limit = usize::try_from(input.limit.unwrap_or(LIMIT_DEFAULT)).unwrap_or(0);
    Answer::json(&dev.inbox.list(Some(&call.context.instance.id), limit, wanted))
}

async fn message(call: Call<SecretKey, MessageId>) -> Result<Answer, Failure> {
    let of = Some(&call.context.instance.id);
    let found = dev(&call)?.inbox.list(of, 1, |message| message.id == call.path.as_str()).pop();
    Answer::json(&found.ok_or_else(|| Failure::not_found("message"))?)
}

async fn advance_clock(call: Call<SecretKey, (), AdvanceClockParams>) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    call.write_headers()?;
    let input = call.read()?.finish()?;
    let advanced_ms = dev.advance(&call.context.instance.id, input.advance_ms);
    Answer::json(&Clock { object: "clock".to_owned(), now: call.now(), advanced_ms })
}

/// The keys of the instance stay. In `verger dev` the demo user comes back, under the same ids.
async fn reset(call: Call<SecretKey, (), Anything>) -> Result<Answer, Failure> {
    let dev = dev(&call)?;
    call.write_headers()?;
    call.read()?.finish()?;
    let instance = &call.context.instance.id;
    call.app.store.instance(instance).reset(call.context.deadline).await?;
    call.app.instances.forget(instance);
    dev.reset(instance);
    let demo = match dev.verger_dev.get().filter(|verger_dev| verger_dev.instance.id == *instance) {
        Some(of) => demo::create(&call.app.store, &of.instance, call.context.deadline).await?,
        None => None,
    };
    Answer::json(&ResetInstance {
        object: "instance".to_owned(),
        id: instance.to_string(),
        reset: true,
        demo_user_id: demo.map(|user| user.id.to_string()),
    })
}
