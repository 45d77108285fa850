//! Which mount a request belongs to, and the operations of all mounts.

use crate::app::App;
use crate::caller::CallerKind;
use crate::mount::frontend::FrontendApi;
use crate::mount::key_apis::KeyApis;
use crate::mount::pages::Pages;
use crate::mount::{Counters, callbacks, frontend};
use crate::operation::Operation;
use crate::{backend, own, pages};
use axum::body::Body;
use axum::http::{Request, Response};
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use verger_http::metrics::RouteMetrics;

pub use crate::mount::pages::PUBLIC_PATHS;
pub use verger_http::body::BODY_BYTES_MAX;

/// The operations of the Backend API.
pub fn backend_operations() -> impl Iterator<Item = &'static Operation> {
    backend::OPERATIONS.iter().copied().flatten()
}

/// Verger's own operations.
pub fn own_operations() -> impl Iterator<Item = &'static Operation> {
    own::OPERATIONS.iter().copied().flatten()
}

/// The operations of the Frontend API.
pub fn frontend_operations() -> impl Iterator<Item = &'static Operation> {
    crate::frontend::OPERATIONS.iter()
}

/// Operations among the pages.
pub fn page_operations() -> impl Iterator<Item = &'static Operation> {
    pages::OPERATIONS.iter()
}

/// All operations that need a secret key, in the order of their documents. A path outside `/v1` is ours alone.
pub static ROUTES: LazyLock<Vec<&'static Operation>> = LazyLock::new(|| {
    let all = backend_operations().chain(own_operations());
    all.filter(|operation| operation.caller == CallerKind::SecretKey).collect()
});

/// Every operation of every mount.
pub static OPERATIONS: LazyLock<Vec<&'static Operation>> = LazyLock::new(|| {
    backend_operations()
        .chain(own_operations())
        .chain(frontend_operations())
        .chain(page_operations())
        .collect()
});

/// The server as a function from request to response.
#[derive(Clone)]
pub struct Server {
    /// Each connection has a clone.
    mounts: Arc<Mounts>,
}

struct Mounts {
    app: Arc<App>,
    key_apis: KeyApis,
    frontend: FrontendApi,
    pages: Pages,
}

/// Puts the mounts together.
pub fn service(app: Arc<App>) -> Server {
    let routes = OPERATIONS.iter().map(|operation| (operation.method, operation.path));
    let counters = Arc::new(Counters { operations: &OPERATIONS, metrics: RouteMetrics::new(routes) });
    let mounts = Mounts {
        key_apis: KeyApis::new(Arc::clone(&app), &ROUTES, Arc::clone(&counters)),
        frontend: FrontendApi::new(Arc::clone(&app), counters),
        pages: Pages::new(Arc::clone(&app)),
        app,
    };
    Server { mounts: Arc::new(mounts) }
}

impl Server {
    /// Answers one request.
    pub async fn handle(self, request: Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let path = request.uri().path();
        if path == callbacks::TWILIO_CALLBACK_PATH {
            return callbacks::handle(&self.mounts.app, request, started).await;
        }
        if frontend::takes(&request) {
            return Box::pin(self.mounts.frontend.handle(request, started)).await;
        }
        if is_api(path) {
            // In a box, so that a connection that rests has no room for a request.
            return Box::pin(self.mounts.key_apis.handle(request, started)).await;
        }
        self.mounts.pages.handle(request).await
    }
}

fn is_api(path: &str) -> bool {
    ["/v1", "/verger/v1"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
