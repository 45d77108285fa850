//! One call of the senders as a program, for the interop suites: JSON in, JSON out.
//!
//! `{"sms": "<TOML of [sms]>", "message": {"id", "to", "text"}}` hands a message over.
//! `{"callback": {"auth_token", "url", "body", "signature"}}` reads a status callback of Twilio.

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use verger_deliver::callback::{DeliveryStatus, is_signed_by_twilio, read_form, read_twilio_status};
use verger_deliver::{Channel, Outgoing, SendError, SmsConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let input: Value = serde_json::from_str(&input)?;
    let output = if input["callback"].is_object() {
        callback(&input["callback"])?
    } else {
        send(text(&input["sms"]), &input["message"]).await?
    };
    writeln!(std::io::stdout(), "{output}")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program may ask the operating system for the time")]
async fn send(config: &str, message: &Value) -> anyhow::Result<Value> {
    let sender = toml::from_str::<SmsConfig>(config)?.build(Arc::new(SystemTime::now))?;
    let message = Outgoing {
        id: text(&message["id"]).to_owned(),
        instance_id: "ins_interop".to_owned(),
        channel: Channel::Sms,
        to: text(&message["to"]).to_owned(),
        subject: None,
        text: text(&message["text"]).to_owned(),
        from: None,
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    Ok(match sender.send(&message, deadline).await {
        Ok(accepted) => json!({ "outcome": "accepted", "provider_id": accepted.provider_id }),
        Err(error) => {
            let outcome = match error {
                SendError::Refused { .. } => "refused",
                SendError::NotSent { .. } => "not_sent",
                SendError::Unknown { .. } => "unknown",
            };
            json!({ "outcome": outcome, "reason": error.reason() })
        }
    })
}

fn callback(callback: &Value) -> anyhow::Result<Value> {
    let fields = read_form(text(&callback["body"]).as_bytes())?;
    let token = text(&callback["auth_token"]).into();
    let is_signed =
        is_signed_by_twilio(&token, text(&callback["url"]), &fields, text(&callback["signature"]));
    let read = read_twilio_status(&fields)?;
    let (status, reason) = match &read.status {
        DeliveryStatus::Queued => ("queued", None),
        DeliveryStatus::Accepted => ("accepted", None),
        DeliveryStatus::Delivered => ("delivered", None),
        DeliveryStatus::Failed { reason } => ("failed", Some(reason)),
    };
    Ok(json!({ "is_signed": is_signed, "message_sid": read.message_sid, "status": status, "reason": reason }))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
