//! The senders against providers on loopback that answer well, badly, late, half or not at all.
//!
//! Two things are held everywhere: what an outcome is called is what happened, and no reason repeats the recipient or
//! the text, though the providers here do.

mod http;
mod jobs;
mod logs;
mod mail;
mod provider;

use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_server::deliver::{Accepted, Channel, EmailConfig, Outgoing, SendError, Sender, SmsConfig};
use verger_server::{ManualClock, wall_clock};
use verger_wire::UnixMillis;

const TO: &str = "+15005550006";
const CODE: &str = "918273";
/// 2026-11-24T00:00:00Z
const NOW_MS: i64 = 1_795_478_400_000;
const SIGNING_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";

/// What became of a message, without the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Refused,
    NotSent,
    Unknown,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(UnixMillis(NOW_MS)))
}

fn sms_sender(config: &str) -> Arc<dyn Sender> {
    toml::from_str::<SmsConfig>(config).unwrap().build(wall_clock(clock())).unwrap()
}

fn email_sender(config: &str) -> Arc<dyn Sender> {
    toml::from_str::<EmailConfig>(config).unwrap().build(wall_clock(clock())).unwrap()
}

fn twilio(url: &str, more: &str) -> Arc<dyn Sender> {
    sms_sender(&format!(
        "sender = \"twilio\"\n{more}\n[twilio]\naccount_sid = \"{ACCOUNT_SID}\"\nauth_token = \"hunter2\"\n\
         from = \"+15551234567\"\nbase_url = \"{url}\""
    ))
}

fn vonage(url: &str, more: &str) -> Arc<dyn Sender> {
    sms_sender(&format!(
        "sender = \"vonage\"\n{more}\n[vonage]\napi_key = \"abcd1234\"\napi_secret = \"hunter2\"\nfrom = \"+15551234567\"\n\
         base_url = \"{url}\""
    ))
}

fn webhook(url: &str, more: &str) -> Arc<dyn Sender> {
    sms_sender(&format!(
        "sender = \"webhook\"\n{more}\n[webhook]\nurl = \"{url}/send?tenant=1\"\nsecret = \"{SIGNING_SECRET}\"\n\
         from = \"+15551234567\""
    ))
}

fn sms() -> Outgoing {
    Outgoing {
        id: "sms_2g7np7Hrk0SN6kj5EDMLDaKNL0S".to_owned(),
        instance_id: "ins_2g7np7Hrk0SN6kj5EDMLDaKNL0S".to_owned(),
        channel: Channel::Sms,
        to: TO.to_owned(),
        subject: None,
        text: format!("{CODE} is your Acme & Sons code. \u{e4}\n@example.com #{CODE}"),
        from: None,
    }
}

fn email() -> Outgoing {
    Outgoing {
        id: "ema_2g7np7Hrk0SN6kj5EDMLDaKNL0S".to_owned(),
        channel: Channel::Email,
        to: "jane.doe@example.net".to_owned(),
        subject: Some("Ihr Best\u{e4}tigungscode".to_owned()),
        text: format!("Ihr Code lautet {CODE}.\n\n.\nViele Gr\u{fc}\u{df}e\n"),
        ..sms()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn outcome(result: &Result<Accepted, SendError>) -> Outcome {
    let Err(error) = result else { return Outcome::Accepted };
    let shown = format!("{error} {error:?}");
    for secret in [CODE, "5005550006", "jane", "hunter2", "is your"] {
        assert!(!shown.contains(secret), "{secret} is in: {shown}");
    }
    assert!((4..=120).contains(&error.reason().len()), "{shown}");
    match error {
        SendError::Refused { .. } => Outcome::Refused,
        SendError::NotSent { .. } => Outcome::NotSent,
        SendError::Unknown { .. } => Outcome::Unknown,
    }
}

fn reason(result: Result<Accepted, SendError>) -> String {
    outcome(&result);
    result.unwrap_err().reason().to_owned()
}

fn retry_after(result: &Result<Accepted, SendError>) -> Option<Duration> {
    match result {
        Err(SendError::NotSent { retry_after, .. }) => *retry_after,
        _ => None,
    }
}
