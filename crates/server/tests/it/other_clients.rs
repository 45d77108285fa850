//! What clients send whose own suites do not run here: a Terraform provider (Go), and the PHP and C# SDKs.
//!
//! **The requests are of our own making.** Nobody recorded them: they are written from what is published about these
//! clients and from how the HTTP library below each one puts a request on the wire, byte for byte: the order and the case of
//! the headers, how a body is escaped and framed, what the query looks like. Each goes over a connection that is kept, as
//! these libraries do, so that an answer that is framed wrongly spoils the next one. The answers are read as the client
//! reads them: Go and C# into types, C# and PHP by the shapes of the published document.

mod generated;
mod terraform;

use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Read as _;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use verger_server::testing::TestServer;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server, and the one connection that a client keeps to it.
struct Wire {
    server: TestServer,
    stream: BufReader<TcpStream>,
}

/// An answer as it came, its body unpacked.
#[derive(Debug)]
struct Received {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    async fn start() -> Self {
        let server = TestServer::start().await.unwrap();
        let stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).await.unwrap();
        Self { server, stream: BufReader::new(stream) }
    }

    /// Sends this request, in which `{host}` and `{key}` stand for those of the server, and reads the answer. The lines of
    /// the head end as HTTP wants it.
    async fn send(&mut self, head: &str, body: &str) -> Received {
        let host = self.server.url().strip_prefix("http://").unwrap();
        let head = head.replace("{host}", host).replace("{key}", self.server.secret_key());
        let request = format!("{}{body}", head.replace('\n', "\r\n"));
        let exchange = async {
            self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
            self.receive().await
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("no answer to {request}"))
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.strip_suffix("\r\n").unwrap_or_else(|| panic!("the connection ended: {line:?}")).to_owned()
    }

    async fn receive(&mut self) -> Received {
        let first = self.line().await;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut received = Received { status, headers, body: Vec::new() };
        if received.header("transfer-encoding") == Some("chunked") {
            while let length @ 1.. = usize::from_str_radix(&self.line().await, 16).unwrap() {
                received.body.append(&mut self.bytes(length).await);
                assert_eq!(self.line().await, "");
            }
            assert_eq!(self.line().await, "");
        } else if status != 204 {
            let length = received.header("content-length").unwrap().parse().unwrap();
            received.body = self.bytes(length).await;
        }
        if received.header("content-encoding") == Some("gzip") {
            let mut unpacked = Vec::new();
            GzDecoder::new(received.body.as_slice()).read_to_end(&mut unpacked).unwrap();
            received.body = unpacked;
        }
        received
    }

    async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }

    /// The body of a success, whatever it is.
    fn ok(&self) -> Value {
        self.read()
    }

    /// The body of a success as this type. These clients tell JSON by its media type.
    fn read<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{text}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Status and code of a refusal, of which a client shows the words to a person.
    fn refusal(&self) -> (u16, String) {
        #[derive(serde::Deserialize)]
        struct Refusal {
            errors: Vec<Problem>,
            clerk_trace_id: String,
        }
        #[derive(serde::Deserialize)]
        struct Problem {
            message: String,
            long_message: String,
            code: String,
        }
        assert_eq!(self.header("content-type"), Some("application/json"));
        let Refusal { errors, clerk_trace_id } = serde_json::from_slice(&self.body).unwrap();
        assert!(!clerk_trace_id.is_empty() && !errors.is_empty());
        assert!(errors.iter().all(|problem| !problem.message.is_empty() && !problem.long_message.is_empty()));
        (self.status, errors[0].code.clone())
    }
}
