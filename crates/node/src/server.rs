//! The server in the process.

use crate::runtime::{SERVERS, promise};
use napi::Env;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;
use std::sync::Arc;
use verger_server::testing::TestServer;

/// A running server; it ends when it is stopped, or with the process.
#[napi]
pub struct NativeServer {
    server: Arc<TestServer>,
}

/// A promise of a server, or of why there is none.
#[napi]
pub fn start_server(env: &Env) -> napi::Result<Object<'_>> {
    let work = async {
        match TestServer::start().await {
            Ok(server) => Either::A(NativeServer { server: Arc::new(server) }),
            Err(error) => Either::B(describe(&error)),
        }
    };
    promise(env, &SERVERS, work, Either::B)
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[napi]
impl NativeServer {
    /// `http://127.0.0.1:PORT`.
    #[napi(getter)]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The secret key of its instance.
    #[napi(getter)]
    pub fn secret_key(&self) -> &str {
        self.server.secret_key()
    }

    /// The id of its instance.
    #[napi(getter)]
    pub fn instance_id(&self) -> &str {
        self.server.instance_id()
    }

    /// The messages, newest first, as JSON; `None` if they cannot be written.
    #[napi]
    pub fn inbox(&self) -> Option<String> {
        serde_json::to_string(&self.server.inbox()).ok()
    }

    /// Moves the time of the instance forward.
    #[napi]
    pub fn advance_clock(&self, duration_ms: i64) {
        self.server.advance_clock(u64::try_from(duration_ms).unwrap_or(0));
    }

    /// Empties the instance; a promise of null, or of why it was not emptied.
    #[napi]
    pub fn reset<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let server = Arc::clone(&self.server);
        let work = async move { server.reset().await.err().map(|error| describe(&error)) };
        promise(env, &SERVERS, work, Some)
    }

    /// Stops it; a promise of null.
    #[napi]
    pub fn stop<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let server = Arc::clone(&self.server);
        let work = async move {
            server.stop().await;
            None::<String>
        };
        promise(env, &SERVERS, work, Some)
    }
}
