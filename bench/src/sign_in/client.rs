//! A client that takes as little of the shared cores as it can: requests that were put together before, kept alive over
//! HTTP/1.1, all connections on one thread.

use crate::LISTEN;
use anyhow::{Context as _, Result, ensure};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Steps through the requests: a prime, so that neighbours in the store do not follow each other.
const STRIDE: usize = 7_919;

/// What is known of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    head_bytes: usize,
    bytes: usize,
}

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What was answered, in numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// How long each answer of 200 took.
    pub(super) taken: Vec<Duration>,
    /// How many were 422: a wrong password.
    pub(super) wrong: u64,
    /// How many were 429.
    pub(super) refused: u64,
}

/// A load of requests, on a thread of its own.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) requests: Arc<Vec<Vec<u8>>>,
    pub(super) connections: usize,
    /// From one request of a connection to the next, if it does not send the next at once.
    pub(super) pace: Option<Duration>,
    /// Whether it waits for as long as a 429 says.
    pub(super) is_patient: bool,
}

impl Connection {
    pub(super) async fn open() -> Result<Self> {
        let stream = TcpStream::connect(LISTEN).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4 << 10) })
    }

    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.received.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the connection ended");
            if let Some(answer) = Answer::of(&self.received)?
                && self.received.len() >= answer.bytes
            {
                ensure!(self.received.len() == answer.bytes, "there is more than an answer");
                return Ok(answer);
            }
            ensure!(self.received.len() < ANSWER_BYTES_MAX, "an answer without an end");
        }
    }

    /// The body of the last answer.
    pub(super) fn body(&self, answer: Answer) -> &[u8] {
        &self.received[answer.head_bytes..]
    }
}

impl Answer {
    /// What the head says, once it is whole.
    fn of(received: &[u8]) -> Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&received[..end])?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
        let status = status.context("a status")?.parse()?;
        let (mut length, mut retry_after) = (0, None);
        for line in lines {
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            } else if let Some(value) = line.strip_prefix("retry-after: ") {
                retry_after = Some(Duration::from_secs(value.parse()?));
            }
        }
        let head_bytes = end + 4;
        Ok(Some(Self { status, retry_after, head_bytes, bytes: head_bytes + length }))
    }
}

impl Load {
    /// Runs it for a while.
    pub(super) async fn run(self, time: Duration) -> Result<Answers> {
        let (_never, stop) = watch::channel(false);
        let thread = self.start(Some(time), stop)?;
        tokio::task::spawn_blocking(move || join(thread)).await?
    }

    /// Runs it until it is told to stop.
    pub(super) fn until(self, stop: watch::Receiver<bool>) -> Result<JoinHandle<Result<Answers>>> {
        self.start(None, stop)
    }

    fn start(
        self,
        time: Option<Duration>,
        stop: watch::Receiver<bool>,
    ) -> Result<JoinHandle<Result<Answers>>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("load".to_owned());
        Ok(thread.spawn(move || {
            let end = time.map(|time| Instant::now() + time);
            runtime.block_on(async {
                let mut running = tokio::task::JoinSet::new();
                for first in 0..self.connections {
                    running.spawn(self.clone().one(first, end, stop.clone()));
                }
                let mut all = Answers::default();
                while let Some(ended) = running.join_next().await {
                    let one: Answers = ended??;
                    all.taken.extend(one.taken);
                    all.wrong += one.wrong;
                    all.refused += one.refused;
                }
                Ok(all)
            })
        })?)
    }

    async fn one(
        self,
        first: usize,
        end: Option<Instant>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Answers> {
        let mut connection = Connection::open().await?;
        let mut answers = Answers::default();
        let mut at = first * self.requests.len() / self.connections;
        // Spread over the pace, so that not all send at one moment.
        let share = first as f64 / self.connections as f64;
        let mut tick = self
            .pace
            .map(|pace| tokio::time::interval_at(tokio::time::Instant::now() + pace.mul_f64(share), pace));
        while end.is_none_or(|end| Instant::now() < end) && !*stop.borrow() {
            if let Some(tick) = &mut tick {
                tick.tick().await;
            }
            at = (at + STRIDE) % self.requests.len();
            let sent = Instant::now();
            let answer = connection.exchange(&self.requests[at]).await?;
            match answer.status {
                200 => answers.taken.push(sent.elapsed()),
                422 => answers.wrong += 1,
                429 => answers.refused += 1,
                status => anyhow::bail!("{status}: {}", String::from_utf8_lossy(connection.body(answer))),
            }
            if let Some(pause) = answer.retry_after.filter(|_| self.is_patient) {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.wait_for(|is_told| *is_told) => {}
                }
            }
        }
        Ok(answers)
    }
}

/// What a load that has been told to stop was answered.
pub(super) fn join(thread: JoinHandle<Result<Answers>>) -> Result<Answers> {
    thread.join().map_err(|_| anyhow::anyhow!("a load panicked"))?
}
