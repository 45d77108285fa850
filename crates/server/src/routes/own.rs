//! What is ours alone, under `/verger/v1`.

use crate::answer::Answer;
use crate::app::App;
use crate::error::Failure;
use crate::http_reasons::{UNKNOWN_PATH, malformed, unavailable};
use crate::jobs;
use crate::routes::call::Call;
use crate::sending_reasons::CALLBACK_SIGNATURE_INVALID;
use serde_json::json;
use std::time::{Duration, Instant};
use verger_core::{Identifier, Verification};
use verger_deliver::callback::{self, DeliveryStatus};
use verger_deliver::{Secret, TWILIO};
use verger_store::{Message, MessageOutcome, MessageState};
use verger_wire::{IdentificationId, MessageId};

/// What is kept beside a phone number: the text as typed, its region, its line type, and when it was verified.
pub(crate) async fn phone_number(call: Call) -> Result<Answer, Failure> {
    let id = IdentificationId::from(call.id.as_str());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let missing = || Failure::not_found("phone number");
    let found = scoped.load_identification(&id, call.context.deadline).await?.ok_or_else(missing)?;
    let held = &found.identification;
    let Identifier::Phone(number) = &held.identifier else { return Err(missing()) };
    let verified_at = match held.verification {
        Verification::VerifiedByAdmin { at } | Verification::VerifiedByCode { at, .. } => Some(at),
        Verification::Unverified | Verification::Reserved => None,
    };
    let body = json!({
        "id": held.id,
        "object": "phone_number_details",
        "user_id": found.user_id,
        "phone_number": number.as_str(),
        "typed": number.typed(),
        "region": number.region(),
        "line_type": number.line_type(),
        "metadata_version": number.metadata_version(),
        "verified_at": verified_at,
    });
    Ok(Answer::json(&body)?.tagged(found.user_version))
}

/// Deliveries in one answer.
const DELIVERIES_MAX: i64 = 500;

/// What became of messages, newest first. Never what they say.
pub(crate) async fn deliveries(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let of = query.text("identification_id").map(IdentificationId::from);
    let limit = query.integer("limit", 1, DELIVERIES_MAX).unwrap_or(100);
    query.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let messages = scoped.messages(of.as_ref(), limit, call.context.deadline).await?;
    Answer::json(&messages.iter().map(delivery_json).collect::<Vec<_>>())
}

/// What became of one message.
pub(crate) async fn delivery(call: Call) -> Result<Answer, Failure> {
    let id = MessageId::from(call.id.as_str());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let message =
        scoped.message(&id, call.context.deadline).await?.ok_or_else(|| Failure::not_found("delivery"))?;
    Answer::json(&delivery_json(&message))
}

fn delivery_json(message: &Message) -> serde_json::Value {
    // While somebody hands it over it is still on its way for everybody else.
    let status = if message.state == MessageState::Sending { MessageState::Queued } else { message.state };
    json!({
        "id": message.id,
        "object": "delivery",
        "channel": message.channel,
        "user_id": message.user_id,
        "identification_id": message.identification_id,
        "verification_id": message.verification_id,
        "recipient": message.recipient,
        "status": status.as_str(),
        "attempts": message.tries,
        "sender": message.sender,
        "provider_id": message.provider_id,
        "reason": message.reason,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    })
}

/// A status callback of Twilio, which comes without a secret key: what of it is known before its body is read.
pub(crate) struct TwilioCallback<'a> {
    token: &'a Secret,
    url: &'a str,
    /// Id of the message that the callback is about.
    id: &'a str,
    signature: &'a str,
}

impl<'a> TwilioCallback<'a> {
    /// Refuses what can be no callback, so that nobody has to read its body.
    pub(crate) fn of(
        app: &'a App,
        query: Option<&'a str>,
        signature: Option<&'a str>,
    ) -> Result<Self, Failure> {
        let Some((token, url)) = &app.twilio_callbacks else { return Err((&UNKNOWN_PATH).into()) };
        let signature = signature
            .filter(|signature| !signature.is_empty())
            .ok_or_else(|| Failure::from(&CALLBACK_SIGNATURE_INVALID))?;
        let id = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .find_map(|pair| pair.strip_prefix(callback::MESSAGE_PARAMETER)?.strip_prefix('='))
            .ok_or_else(|| malformed("The callback names no message."))?;
        Ok(Self { token, url, id, signature })
    }
}

/// Takes a status callback, if Twilio signed it with the auth token.
pub(crate) async fn twilio_callback(
    app: &App,
    TwilioCallback { token, url, id, signature }: TwilioCallback<'_>,
    body: &[u8],
) -> Result<(), Failure> {
    let fields = callback::read_form(body).map_err(|_| malformed("The callback is not a form."))?;
    let address = callback::url_for_message(url, id);
    if !callback::is_signed_by_twilio(token, &address, &fields, signature) {
        return Err((&CALLBACK_SIGNATURE_INVALID).into());
    }
    let Ok(report) = callback::read_twilio_status(&fields) else { return Ok(()) };
    let (state, reason) = match report.status {
        // It says no more than that the message was taken.
        DeliveryStatus::Queued | DeliveryStatus::Accepted => (MessageState::Accepted, None),
        DeliveryStatus::Delivered => (MessageState::Delivered, None),
        DeliveryStatus::Failed { reason } => (MessageState::Failed, Some(reason)),
    };
    let deadline = Instant::now() + Duration::from_millis(app.limits.request_timeout_ms);
    // A report can come while another one, or the sender's own answer, is being written.
    for _ in 0..5 {
        let Some((instance, message)) = app.store.message_anywhere(&MessageId::from(id), deadline).await?
        else {
            return Ok(());
        };
        let is_news = match message.state {
            MessageState::Sending | MessageState::Unknown => true,
            MessageState::Accepted => state != MessageState::Accepted,
            // Of arrived and failed the first that was heard stays; what waits was never handed over.
            MessageState::Delivered | MessageState::Failed | MessageState::Queued => false,
        };
        if !is_news {
            return Ok(());
        }
        let scoped = app.store.instance(&instance);
        let outcome = MessageOutcome {
            state,
            due_at: message.due_at,
            sender: TWILIO.to_owned(),
            provider_id: Some(report.message_sid.clone()),
            reason: reason.clone(),
        };
        if scoped.report_message(&message, &outcome, app.now(&instance), deadline).await? {
            jobs::tell(app, &instance, &message, &outcome);
            return Ok(());
        }
    }
    Err(unavailable("The message is being changed.").into())
}
