//! Delivery status of messages that carry codes, or links of invitations.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use verger_store::{Message, MessageState};
use verger_wire::message::{DeliveryListParams, MessageDelivery};
use verger_wire::{IdentificationId, InvitationId, MessageId};

/// Deliveries of an answer unless the request says otherwise.
const LIMIT_DEFAULT: i64 = 100;

operations! {
    /// List message deliveries
    ///
    /// The newest first.
    VergerListDeliveries: GET "/verger/v1/deliveries" in "Message Deliveries" {
        caller: SecretKey,
        input: DeliveryListParams,
        output: Vec<MessageDelivery>, "The deliveries.",
        run: deliveries,
    }

    /// Get a message delivery
    ///
    /// The delivery status of one message.
    VergerGetDelivery: GET "/verger/v1/deliveries/{delivery_id}" in "Message Deliveries" {
        caller: SecretKey,
        path: MessageId,
        output: MessageDelivery, "The delivery.",
        run: delivery,
    }
}

async fn deliveries(call: Call<SecretKey, (), DeliveryListParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let of = input.identification_id.map(IdentificationId::from);
    let scoped = call.app.store.instance(&call.context.instance.id);
    let limit = input.limit.unwrap_or(LIMIT_DEFAULT);
    let messages = scoped.messages(of.as_ref(), limit, call.context.deadline).await?;
    Answer::json(&messages.iter().map(shown).collect::<Vec<_>>())
}

async fn delivery(call: Call<SecretKey, MessageId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.message(&call.path, call.context.deadline).await?;
    Answer::json(&shown(&found.ok_or_else(|| Failure::not_found("delivery"))?))
}

fn shown(message: &Message) -> MessageDelivery {
    // The email of an invitation is to somebody who is no user yet.
    let id = message.identification_id.as_str();
    let is_invitation = id.starts_with(InvitationId::PREFIX);
    let unless_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    // While a server hands it over it is queued for everybody else.
    let status = if message.state == MessageState::Sending { MessageState::Queued } else { message.state };
    MessageDelivery {
        id: message.id.to_string(),
        object: "delivery".to_owned(),
        channel: message.channel.to_string(),
        user_id: unless_empty(message.user_id.as_str()),
        identification_id: (!is_invitation).then(|| id.to_owned()),
        invitation_id: is_invitation.then(|| id.to_owned()),
        verification_id: unless_empty(message.verification_id.as_str()),
        recipient: message.recipient.clone(),
        status: status.as_str().to_owned(),
        attempts: message.tries,
        sender: message.sender.clone(),
        provider_id: message.provider_id.clone(),
        reason: message.reason.clone(),
        created_at: message.created_at,
        updated_at: message.updated_at,
    }
}
