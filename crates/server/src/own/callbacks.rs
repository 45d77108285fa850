//! Status callbacks of providers, which come without a secret key. They speak the provider's protocol, so they are no
//! operation of the API: the path is in the hand-written part of the document.

use crate::app::App;
use crate::error::Failure;
use crate::jobs;
use crate::sending_reasons::CALLBACK_SIGNATURE_INVALID;
use std::time::{Duration, Instant};
use verger_deliver::callback::{self, DeliveryStatus};
use verger_deliver::{Secret, TWILIO};
use verger_http::reasons::{UNKNOWN_PATH, malformed, unavailable};
use verger_store::{MessageOutcome, MessageState};
use verger_wire::MessageId;

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
