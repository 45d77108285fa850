//! A real server, and one that does what a script says.

use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use verger_client::{Client, ClientBuilder, RetryPolicy};
use verger_core::FrontendHost;
use verger_server::serve::{ListenLimits, serve};
use verger_server::{App, Limits, ManualClock, Randomness};
use verger_store::{Environment, Instance, KeyDigest, SecretKey, Store};

pub(crate) const KEY: &str = "sk_test_0123456789abcdef";
const START: verger_client::UnixMillis = verger_client::UnixMillis(1_800_000_000_000);

/// The n-th number of those that are reserved for tests; nothing is sent to it.
pub(crate) fn number(n: usize) -> String {
    format!("+1{}5550{}", 200 + n / 100, 100 + n % 100)
}

/// A server with one development instance on a free port, in memory. It ends with this value.
pub(crate) struct RealServer {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl RealServer {
    pub(crate) async fn start() -> Self {
        let deadline = Instant::now() + Duration::from_secs(10);
        let store = Arc::new(Store::ephemeral().unwrap());
        store.migrate(START, deadline).await.unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let app = Arc::new(App::new(
            Arc::clone(&store),
            clock,
            Randomness::seeded(Box::new(StdRng::seed_from_u64(7))),
            Limits::default(),
            verger_server::Messaging::development().unwrap(),
        ));
        let id = app.env().instance_id();
        let instance = Instance {
            id: id.clone(),
            name: "test".to_owned(),
            environment: Environment::Development,
            created_at: START,
        };
        store.create_instance(&instance, deadline).await.unwrap();
        let host = FrontendHost::parse("clerk.example.com").unwrap();
        let scoped = store.instance(&id);
        scoped.add_frontend_host(&"dmn_1".into(), &host, START, deadline).await.unwrap();
        let key = SecretKey {
            id: app.env().key_id(),
            instance_id: id,
            name: "test".to_owned(),
            hint: "cdef".to_owned(),
            created_at: START,
            revoked_at: None,
        };
        store.create_key(&key, &KeyDigest::of(KEY), deadline).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(serve(app, listener, ListenLimits::default(), std::future::pending()));
        Self { url, task }
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().secret_key(KEY).base_url(&*self.url)
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a scripted server does with one connection, once it has read the request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Closes the connection without an answer.
    Hang,
    /// Does nothing, until the client goes away.
    Stall,
}

impl Step {
    pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Say(
            format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\
                 Content-Length: {length}\r\n\r\n{body}"
            )
            .into_bytes(),
        )
    }
}

/// A server that follows a script, a step for each connection, and remembers what it was sent.
pub(crate) struct Stub {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let step = steps.pop_front().unwrap_or(Step::Hang);
                tokio::spawn(follow(stream, step, Arc::clone(&seen)));
            }
        });
        Self { url, requests, task }
    }

    /// A client with short delays.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let retry = RetryPolicy::default().base_delay(Duration::from_millis(2));
        Client::builder().secret_key(KEY).base_url(&*self.url).retry(retry)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(mut stream: TcpStream, step: Step, seen: Arc<Mutex<Vec<String>>>) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !is_complete(&text) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    seen.lock().unwrap().push(text);
    match step {
        Step::Say(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
        Step::Hang => {}
        Step::Stall => {
            // Ends when the client closes the connection.
            let _ = stream.read(&mut buffer).await;
        }
    }
}

fn is_complete(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
    });
    body.len() >= length.unwrap_or(0)
}

/// A header of a request as the stub saw it.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = request.split_once("\r\n\r\n")?;
    head.lines().skip(1).find_map(|line| {
        let (other, value) = line.split_once(": ")?;
        other.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub(crate) const PHONE_NUMBER: &str =
    r#"{"id":"idn_1","object":"phone_number","phone_number":"+12025550100","created_at":1,"updated_at":1}"#;
