//! What senders write to the log, down to the finest level, their libraries included.

use super::provider::{Provider, Reply, json};
use super::*;
use std::io::{self, Write};
use std::sync::Mutex;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything that this thread logs from now on; the runtime of a test has no other.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn holds_no_secret(text: &str) {
    for secret in [CODE, "5005550006", "15005550006", "jane", "hunter2", "is your", "Ihr Code"] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn the_log_sender_names_the_message_and_hides_the_rest() {
    let log = Log::default();
    let _listening = log.listen();
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
    let _listening = log.listen();
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
