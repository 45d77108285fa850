//! A provider on loopback: reads requests, remembers them byte for byte, and does with each what it was told to.

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a provider does with a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Answers, and keeps the connection.
    Answer(String),
    /// Writes this and closes.
    Broken(String),
    /// Never answers.
    Hang,
    /// Writes this and never more.
    Stuck(String),
}

/// A provider that is stopped when it is dropped.
pub(super) struct Provider {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

/// A certificate for `localhost`, and the file of the authority behind it.
pub(super) struct Authority {
    pub(super) ca_file: PathBuf,
    pub(super) acceptor: TlsAcceptor,
    _folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
                .unwrap();
        Self { ca_file, acceptor: TlsAcceptor::from(Arc::new(config)), _folder: folder }
    }

    /// As a value in TOML.
    pub(super) fn ca_file_toml(&self) -> String {
        format!("ca_file = {:?}", self.ca_file.display().to_string())
    }
}

/// An answer with a body and the headers that belong to it.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Answer(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"))
}

pub(super) fn json(status: &str, body: &str) -> Reply {
    answer(status, "content-type: application/json\r\n", body)
}

impl Provider {
    /// Does with the n-th request what the n-th reply says. One more request hangs.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::listen(replies, None).await
    }

    /// The same, encrypted, as `localhost`.
    pub(super) async fn encrypted(replies: impl IntoIterator<Item = Reply>, by: &Authority) -> Self {
        Self::listen(replies, Some(by.acceptor.clone())).await
    }

    async fn listen(replies: impl IntoIterator<Item = Reply>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if tls.is_some() {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        };
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let task = tokio::spawn({
            let (seen, connections) = (Arc::clone(&seen), Arc::clone(&connections));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    *connections.lock().unwrap() += 1;
                    let (replies, seen, tls) = (Arc::clone(&replies), Arc::clone(&seen), tls.clone());
                    tokio::spawn(async move {
                        // However a connection ends, the test looks at what was seen.
                        let _ = match tls {
                            None => serve(stream, &replies, &seen).await,
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => serve(stream, &replies, &seen).await,
                                Err(error) => Err(error),
                            },
                        };
                    });
                }
            }
        });
        Self { url, seen, connections, task }
    }

    /// The requests that came, each with head and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    replies: &Mutex<VecDeque<Reply>>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let request = loop {
            if let Some(end) = whole_request(&buffer) {
                break String::from_utf8(buffer.drain(..end).collect()).unwrap();
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        seen.lock().unwrap().push(request);
        let reply = replies.lock().unwrap().pop_front().unwrap_or(Reply::Hang);
        match reply {
            Reply::Answer(text) => stream.write_all(text.as_bytes()).await?,
            Reply::Broken(text) => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
                return stream.shutdown().await;
            }
            Reply::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
            Reply::Stuck(text) => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
        stream.flush().await?;
    }
}

/// Where the first request ends, once all of it is there.
fn whole_request(buffer: &[u8]) -> Option<usize> {
    let head_end = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..head_end]).unwrap();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    (buffer.len() >= head_end + length).then_some(head_end + length)
}
