//! What senders write to the log, down to the finest level, their libraries included.

use super::provider::{Provider, Reply, json};
use super::*;
use crate::logged::Log;

fn holds_no_secret(text: &str) {
    for secret in [CODE, "5005550006", "15005550006", "jane", "hunter2", "is your", "Ihr Code"] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn the_log_sender_names_the_message_and_hides_the_rest() {
    let log = Log::default();
    let _listening = log.listen(tracing::Level::TRACE);
    for (sender, message) in
        [(sms_sender("sender = \"log\""), sms()), (email_sender("sender = \"log\""), email())]
    {
        let accepted = sender.send(&message, soon()).await.unwrap();
        assert_eq!(accepted, Accepted { provider_id: None, delivered: true });
    }
    let text = log.text();
    for words in [&sms().id, &email().id, &sms().instance_id, "+1***06", "j***@example.net"] {
        assert!(text.contains(words), "{words} is not in the log:\n{text}");
    }
    let masked = text.replace("j***@example.net", "");
    holds_no_secret(&masked);
}

/// Whoever reads a log must not learn a code from it.
#[tokio::test]
async fn flaw_34_no_sender_logs_a_code_a_number_or_a_password() {
    let log = Log::default();
    let _listening = log.listen(tracing::Level::TRACE);
    tracing::info!("the log is listening");
    let echo = json("400 Bad Request", &format!("{{\"message\":\"{TO} {CODE}\"}}"));
    for make in [twilio, vonage, webhook] {
        let replies =
            [echo.clone(), Reply::Broken(String::new()), Reply::Hang, json("200 OK", "{\"sid\":\"SM1\"}")];
        let provider = Provider::start(replies).await;
        for _ in 0..4 {
            outcome(&make(&provider.url, "attempt_timeout_ms = 200").send(&sms(), soon()).await);
        }
        assert_eq!(provider.requests().len(), 4);
    }
    let refusing = email_sender(
        "sender = \"smtp\"\n[smtp]\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\nfrom = \"a@example.com\"",
    );
    outcome(&refusing.send(&email(), soon()).await);
    let text = log.text();
    assert!(text.contains("the log is listening") && text.contains("a provider gave no answer"), "{text}");
    holds_no_secret(&text);
}
