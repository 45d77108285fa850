//! For axum: a middleware that authenticates every request, and an extractor for handlers that need somebody.
//!
//! ```
//! use axum::{Router, middleware, routing::get};
//! use verger_client::{Authenticator, RequireSession, authenticate};
//!
//! async fn orders(RequireSession(session): RequireSession) -> String {
//!     format!("orders of {}", session.claims.sub)
//! }
//!
//! fn app(authenticator: Authenticator) -> Router {
//!     Router::new()
//!         .route("/orders", get(orders))
//!         .layer(middleware::from_fn_with_state(authenticator, authenticate))
//! }
//! ```

use super::authenticator::Authenticator;
use super::incoming::IncomingRequest;
use super::state::{AuthState, Session};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Authenticates a request: a middleware for `axum::middleware::from_fn_with_state`.
///
/// A browser that is to be sent away is answered with 307 here. All others go on: what is known about them is an [`AuthState`] among
/// the extensions of the request, where [`RequireSession`] finds it. Headers that the state carries are added to the answer. A
/// misconfiguration is 500, and logged.
///
/// ```
/// # use axum::{Router, middleware, routing::get};
/// # use verger_client::{AuthState, Authenticator, authenticate};
/// async fn greeting(axum::Extension(state): axum::Extension<AuthState>) -> String {
///     match state.session() {
///         Some(session) => format!("hello, {}", session.claims.sub),
///         None => "hello, stranger".to_owned(),
///     }
/// }
///
/// # fn app(authenticator: Authenticator) -> Router {
/// Router::new()
///     .route("/", get(greeting))
///     .layer(middleware::from_fn_with_state(authenticator, authenticate))
/// # }
/// ```
pub async fn authenticate(
    State(authenticator): State<Authenticator>,
    mut request: Request,
    next: Next,
) -> Response {
    let state = match authenticator.authenticate_request(&incoming(&request)).await {
        Ok(state) => state,
        Err(error) => {
            tracing::error!(target: "verger_client", %error, "a request cannot be authenticated");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let headers = state.headers().to_vec();
    let mut response = if state.location().is_some() {
        StatusCode::TEMPORARY_REDIRECT.into_response()
    } else {
        request.extensions_mut().insert(state);
        next.run(request).await
    };
    append(response.headers_mut(), &headers);
    response
}

/// The session of somebody who is signed in; everybody else gets 401, and somebody whose session is pending too. When the keys
/// could not be fetched nothing is known, and the answer is 503.
///
/// It needs the middleware [`authenticate`].
///
/// ```
/// # use verger_client::RequireSession;
/// async fn me(RequireSession(session): RequireSession) -> String {
///     session.claims.sub
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RequireSession(pub Session);

/// Why a handler that needs somebody is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthRejection {
    /// Nobody is signed in: 401.
    SignedOut,
    /// The keys cannot be fetched: 503.
    Unavailable,
    /// The middleware [`authenticate`] is missing: 500.
    NoMiddleware,
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED.into_response(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Self::NoMiddleware => {
                tracing::error!(target: "verger_client", "RequireSession needs the middleware verger_client::authenticate");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequireSession {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        let state = parts.extensions.get::<AuthState>().ok_or(AuthRejection::NoMiddleware)?;
        match state {
            AuthState::SignedIn(session) => Ok(Self(session.clone())),
            AuthState::SignedOut(out)
                if matches!(out.reason.as_str(), "jwk-remote-failed-to-load" | "secret-key-invalid") =>
            {
                Err(AuthRejection::Unavailable)
            }
            _ => Err(AuthRejection::SignedOut),
        }
    }
}

/// The request as the table reads it. Servers know the path; scheme and host come from the headers.
fn incoming(request: &Request) -> IncomingRequest {
    let uri = request.uri();
    let url = match (uri.scheme_str(), uri.authority()) {
        (Some(_), Some(_)) => uri.to_string(),
        _ => {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            format!("http://{}{path}", host.unwrap_or("localhost"))
        }
    };
    let incoming = IncomingRequest::new(request.method().as_str(), url);
    request.headers().iter().fold(incoming, |incoming, (name, value)| match value.to_str() {
        Ok(value) => incoming.header(name.as_str(), value),
        // No header that is looked at has anything but ASCII.
        Err(_) => incoming,
    })
}

fn append(headers: &mut HeaderMap, added: &[(String, String)]) {
    for (name, value) in added {
        // A message may have characters that no header takes; it is for people who debug, and is left out then.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
}
