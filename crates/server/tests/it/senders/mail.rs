//! Email, against a mail server on loopback that does as it is told.

use super::Outcome::{Accepted, NotSent, Refused, Unknown};
use super::provider::Authority;
use super::*;
use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const HASTY: &str = "attempt_timeout_ms = 400";

/// What the server does when it comes to a step: `greeting`, a verb, or `text` for the end of the message.
#[derive(Clone, Copy, Debug)]
enum Step {
    Say(&'static str),
    Hang,
    Close,
}

#[derive(Clone, Default)]
struct Manners {
    steps: HashMap<&'static str, Step>,
    /// What it says once it is encrypted, where that is something else.
    encrypted_steps: HashMap<&'static str, Step>,
    starttls: Option<TlsAcceptor>,
    implicit: Option<TlsAcceptor>,
}

struct MailServer {
    port: u16,
    /// Every line that came, the message's own among them.
    lines: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let lines = Arc::clone(&lines);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    // However a conversation ends, the test looks at what was said.
                    let _ = converse(stream, &manners, &lines).await;
                }
            }
        });
        Self { port, lines, task }
    }

    async fn that(step: &'static str, does: Step) -> Self {
        Self::start(Manners { steps: HashMap::from([(step, does)]), ..Manners::default() }).await
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn sender(&self, more: &str) -> Arc<dyn Sender> {
        smtp(self.port, more)
    }
}

fn smtp(port: u16, more: &str) -> Arc<dyn Sender> {
    let security = if more.contains("security") { "" } else { "security = \"none\"" };
    email_sender(&format!(
        "sender = \"smtp\"\n{HASTY}\n[smtp]\nhost = \"localhost\"\nport = {port}\nfrom = \"Acme <codes@example.com>\"\n\
         hello_name = \"id.example.com\"\n{security}\n{more}"
    ))
}

async fn converse(stream: TcpStream, manners: &Manners, lines: &Mutex<Vec<String>>) -> io::Result<()> {
    match &manners.implicit {
        Some(tls) => {
            let stream = tls.accept(stream).await?;
            talk(BufStream::new(stream), manners, lines, true).await?;
        }
        None => {
            let upgrade = talk(BufStream::new(stream), manners, lines, false).await?;
            if let (Some(stream), Some(tls)) = (upgrade, &manners.starttls) {
                let stream = tls.accept(stream.into_inner()).await?;
                talk(BufStream::new(stream), manners, lines, true).await?;
            }
        }
    }
    Ok(())
}

/// Talks until the end, or gives the stream back to be encrypted.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufStream<S>,
    manners: &Manners,
    lines: &Mutex<Vec<String>>,
    is_encrypted: bool,
) -> io::Result<Option<BufStream<S>>> {
    let mut is_text = false;
    let mut step = "greeting";
    // After STARTTLS there is no second greeting.
    let mut is_silent = is_encrypted && manners.implicit.is_none();
    loop {
        let usual = match step {
            "greeting" => "220 mail.example.com",
            "EHLO" if manners.starttls.is_some() && !is_encrypted => "250-mail.example.com\r\n250 STARTTLS",
            "EHLO" => "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => "220 go",
            "AUTH" => "235 welcome",
            "DATA" => "354 go",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let steps = if is_encrypted { &manners.encrypted_steps } else { &manners.steps };
        let does = steps.get(step).copied().unwrap_or(Step::Say(usual));
        if !std::mem::take(&mut is_silent) {
            match does {
                Step::Say(words) => {
                    stream.write_all(words.as_bytes()).await?;
                    stream.write_all(b"\r\n").await?;
                    stream.flush().await?;
                }
                Step::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
                Step::Close => return Ok(None),
            }
        }
        match step {
            "QUIT" => return Ok(None),
            "STARTTLS" => return Ok(Some(stream)),
            "DATA" => is_text = true,
            "text" => is_text = false,
            _ => {}
        }
        step = loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            lines.lock().unwrap().push(line.clone());
            if !is_text {
                break ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
                    .into_iter()
                    .find(|verb| line.starts_with(verb))
                    .unwrap();
            }
            if line == "." {
                break "text";
            }
        };
    }
}

#[tokio::test]
async fn each_failure_has_its_meaning_at_each_step() {
    use Step::{Close, Hang, Say};
    for (step, does, expected) in [
        ("greeting", Say("554 go away jane.doe@example.net"), Refused),
        ("greeting", Say("421 later"), NotSent),
        ("greeting", Say("HTTP/1.1 400 Bad Request"), NotSent),
        ("greeting", Hang, NotSent),
        ("greeting", Close, NotSent),
        ("EHLO", Hang, NotSent),
        ("MAIL", Say("451 later"), NotSent),
        ("MAIL", Say("550 not you"), Refused),
        ("RCPT", Say("550 no such user jane.doe@example.net"), Refused),
        ("RCPT", Say("450 greylisted"), NotSent),
        ("RCPT", Hang, NotSent),
        ("RCPT", Close, NotSent),
        ("DATA", Say("451 later"), NotSent),
        ("DATA", Close, NotSent),
        ("text", Say("250 queued"), Accepted),
        ("text", Say("554 spam: Ihr Code lautet 918273"), Refused),
        ("text", Say("452 full"), NotSent),
        ("text", Say("what"), Unknown),
        ("text", Hang, Unknown),
        ("text", Close, Unknown),
        ("QUIT", Hang, Accepted),
        ("QUIT", Close, Accepted),
        ("QUIT", Say("500 no"), Accepted),
    ] {
        let server = MailServer::that(step, does).await;
        let started = Instant::now();
        let result = server.sender("").send(&email(), soon()).await;
        assert_eq!(outcome(&result), expected, "{step} {does:?}: {result:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{step} {does:?} took {:?}", started.elapsed());
        let texts = server.lines().iter().filter(|line| *line == ".").count();
        let was_handed_over = matches!(step, "text" | "QUIT");
        assert_eq!(texts, usize::from(was_handed_over), "{step} {does:?}");
    }
}

#[tokio::test]
async fn reasons_hold_the_number_of_the_server() {
    let server = MailServer::that("RCPT", Step::Say("550 5.1.1 <jane.doe@example.net> unknown")).await;
    assert_eq!(reason(server.sender("").send(&email(), soon()).await), "SMTP 550");
    let server = MailServer::that("AUTH", Step::Say("535 no")).await;
    let sender = server.sender("username = \"acme\"\npassword = \"hunter2\"");
    assert_eq!(reason(sender.send(&email(), soon()).await), "SMTP 535: check username and password");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let result = smtp(port, "").send(&email(), soon()).await;
    assert_eq!(outcome(&result), NotSent);
    assert_eq!(reason(result), "no connection: connection refused");
}

#[tokio::test]
async fn the_letter_is_exactly_this() {
    let server = MailServer::start(Manners::default()).await;
    let sender = server.sender("username = \"acme\"\npassword = \"hunter2\"");
    assert_eq!((sender.name(), sender.is_idempotent()), ("smtp", false));
    let accepted = sender.send(&email(), soon()).await.unwrap();
    assert_eq!(accepted, super::Accepted { provider_id: None, delivered: false });
    // The farewell is said behind the sender's back.
    let is_over = async {
        while server.lines().last().is_none_or(|line| line != "QUIT") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), is_over).await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "EHLO id.example.com",
            // printf '\0acme\0hunter2' | base64
            "AUTH PLAIN AGFjbWUAaHVudGVyMg==",
            "MAIL FROM:<codes@example.com>",
            "RCPT TO:<jane.doe@example.net>",
            "DATA",
            "From: Acme <codes@example.com>",
            "To: jane.doe@example.net",
            "Subject: Ihr =?utf-8?b?QmVzdMOkdGlndW5nc2NvZGU=?=",
            "Date: Tue, 24 Nov 2026 00:00:00 +0000",
            "Message-ID: <ema_2g7np7Hrk0SN6kj5EDMLDaKNL0S@example.com>",
            "Content-Type: text/plain; charset=utf-8",
            "Auto-Submitted: auto-generated",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "Ihr Code lautet 918273.",
            "",
            // A line of one dot would end the message: SMTP doubles it.
            "..",
            "Viele Gr=C3=BC=C3=9Fe",
            "",
            ".",
            "QUIT",
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_a_letter_is_refused_before_anything_is_said() {
    let server = MailServer::start(Manners::default()).await;
    let sender = server.sender("");
    for message in [
        Outgoing { to: "jane.doe@example.net>\r\nRCPT TO:<eve@example.net".to_owned(), ..email() },
        Outgoing { to: TO.to_owned(), ..email() },
        Outgoing { to: "j\u{e4}ne@example.net".to_owned(), ..email() },
        Outgoing { subject: Some("a\r\nBcc: eve@example.net".to_owned()), ..email() },
        Outgoing { from: Some("nobody".to_owned()), ..email() },
        sms(),
    ] {
        assert_eq!(outcome(&sender.send(&message, soon()).await), Refused, "{:?}", message.subject);
    }
    assert_eq!(server.lines(), [""; 0]);
}

#[tokio::test]
async fn a_server_without_starttls_hears_neither_password_nor_text() {
    let server = MailServer::start(Manners::default()).await;
    let sender = server.sender("security = \"starttls\"\nusername = \"acme\"\npassword = \"hunter2\"");
    let result = sender.send(&email(), soon()).await;
    assert_eq!(outcome(&result), NotSent);
    assert_eq!(reason(result), "the mail server offers no STARTTLS");
    let said = server.lines().join("\n");
    assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{said}");
}

#[tokio::test]
async fn encrypted_from_the_start_or_on_the_way_the_certificate_decides() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let acceptor = Some(authority.acceptor.clone());
    for (security, manners) in [
        ("tls", Manners { implicit: acceptor.clone(), ..Manners::default() }),
        ("starttls", Manners { starttls: acceptor.clone(), ..Manners::default() }),
    ] {
        let server = MailServer::start(manners).await;
        let sender = |by: &Authority| {
            let ca_file = by.ca_file_toml();
            server.sender(&format!(
                "security = \"{security}\"\nusername = \"acme\"\npassword = \"hunter2\"\n{ca_file}"
            ))
        };
        let result = sender(&stranger).send(&email(), soon()).await;
        assert_eq!(outcome(&result), NotSent, "{security}: {result:?}");
        let said = server.lines().join("\n");
        assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{security}: {said}");
        let result = sender(&authority).send(&email(), soon()).await;
        assert_eq!(outcome(&result), Accepted, "{security}: {result:?}");
        let said = server.lines().join("\n");
        assert!(said.contains("AUTH PLAIN") && said.contains(CODE), "{security}: {said}");
    }
}

/// RFC 3207 section 6: somebody on the way adds words behind a reply that is not encrypted yet.
#[tokio::test]
async fn words_before_the_encryption_are_never_taken_for_answers_within_it() {
    use Step::Say;
    let authority = Authority::new();
    let ca_file = authority.ca_file_toml();
    let login = "username = \"acme\"\npassword = \"hunter2\"";
    // The true server offers no way to log in; the words on the way offer one.
    let offers = "220 go\r\n250-EVIL\r\n250 AUTH PLAIN LOGIN";
    // The true server refuses everything; the words on the way accept it.
    let accepts = "220 go\r\n250 evil\r\n250 a\r\n250 b\r\n354 c\r\n250 d";
    for (step, words, true_answers, login) in [
        ("STARTTLS", offers, vec![("EHLO", Say("250 mail.example.com"))], login),
        (
            "STARTTLS",
            accepts,
            ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"].map(|verb| (verb, Say("550 no"))).to_vec(),
            "",
        ),
        ("STARTTLS", "220-go\r\n220 on\r\n250 evil", vec![], ""),
        // Also of the replies before: the next command would be taken as answered.
        ("EHLO", "250-mail.example.com\r\n250 STARTTLS\r\n220 go", vec![], ""),
        ("greeting", "220 mail.example.com\r\n250 STARTTLS", vec![], ""),
    ] {
        let server = MailServer::start(Manners {
            steps: HashMap::from([(step, Say(words))]),
            encrypted_steps: HashMap::from_iter(true_answers),
            starttls: Some(authority.acceptor.clone()),
            ..Manners::default()
        })
        .await;
        let sender = server.sender(&format!("security = \"starttls\"\n{login}\n{ca_file}"));
        let result = sender.send(&email(), soon()).await;
        assert_eq!(outcome(&result), NotSent, "{words:?}: {result:?}");
        assert_eq!(reason(result), "the mail server says more than it was asked before it is encrypted");
        let said = server.lines().join("\n");
        assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{words:?}: {said}");
    }
}

#[tokio::test]
async fn server_that_refuses_to_be_encrypted_or_never_ends_its_reply_hears_nothing_more() {
    use Step::{Close, Hang, Say};
    let authority = Authority::new();
    let ca_file = authority.ca_file_toml();
    let endless: &'static str = "250-x\r\n".repeat(4_000).leak();
    for (step, does, expected) in [
        ("STARTTLS", Say("454 TLS not available"), NotSent),
        ("STARTTLS", Say("502 what"), Refused),
        ("STARTTLS", Say("what"), NotSent),
        ("STARTTLS", Hang, NotSent),
        ("STARTTLS", Close, NotSent),
        ("EHLO", Say("250 mail.example.com"), NotSent),
        ("EHLO", Say(endless), NotSent),
        ("greeting", Say("421 later"), NotSent),
        ("greeting", Say("554 go away"), Refused),
    ] {
        let server = MailServer::start(Manners {
            steps: HashMap::from([(step, does)]),
            starttls: Some(authority.acceptor.clone()),
            ..Manners::default()
        })
        .await;
        let sender = server.sender(&format!("security = \"starttls\"\n{ca_file}"));
        let result = sender.send(&email(), soon()).await;
        assert_eq!(outcome(&result), expected, "{step}: {result:?}");
        let said = server.lines().join("\n");
        assert!(!said.contains("MAIL"), "{step}: {said}");
    }
}
