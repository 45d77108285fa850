//! An endpoint on loopback that keeps what it is sent.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What a receiver does with the n-th request.
type Reply = dyn Fn(usize) -> Option<Response<Body>> + Send + Sync;

/// One request that came.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) json: Value,
}

/// An endpoint on loopback.
pub(super) struct Receiver {
    pub(super) url: String,
    seen: Mutex<mpsc::UnboundedReceiver<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn good() -> Self {
        Self::start(|_| Some((200, "thanks"))).await
    }

    /// Answers what `reply` says, or never.
    pub(super) async fn start(
        reply: impl Fn(usize) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        Self::answering(move |at| {
            let (status, text) = reply(at)?;
            let response = Response::builder().status(status).header("location", "http://127.0.0.1:1/");
            Some(response.body(Body::from(text)).unwrap())
        })
        .await
    }

    /// The same with whole answers.
    pub(super) async fn answering(
        reply: impl Fn(usize) -> Option<Response<Body>> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, seen) = mpsc::unbounded_channel();
        let reply: Arc<Reply> = Arc::new(reply);
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, reply, count) = (sender.clone(), Arc::clone(&reply), Arc::clone(&count));
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (sender, reply, count) = (sender.clone(), Arc::clone(&reply), Arc::clone(&count));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let json = serde_json::from_slice(&body).unwrap();
                        // The test may be over.
                        let _ = sender.send(Seen { headers: parts.headers, body, json });
                        let at = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        let Some(response) = reply(at) else { return std::future::pending().await };
                        Ok::<_, Infallible>(response)
                    }
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let mut server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.auto_date_header(false).serve_connection(io, service));
            }
        });
        Self { url, seen: Mutex::new(seen), task }
    }

    pub(super) async fn next(&self) -> Seen {
        let mut seen = self.seen.lock().await;
        tokio::time::timeout(PATIENCE, seen.recv()).await.expect("a webhook in time").unwrap()
    }

    /// The types of the next events.
    pub(super) async fn kinds(&self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(self.next().await.json["type"].as_str().unwrap().to_owned());
        }
        kinds
    }

    pub(super) async fn is_quiet(&self) -> bool {
        self.seen.lock().await.try_recv().is_err()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}
