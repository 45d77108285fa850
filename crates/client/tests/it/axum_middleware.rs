//! The middleware and the extractor for axum.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router, middleware};
use std::sync::LazyLock;
use tower_service::Service as _;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    AuthState, Authenticator, RequireSession, SessionClaims, SessionStatus, UnixMillis, authenticate,
};
use verger_jwt::SigningKey;

const NOW_S: i64 = 1_795_000_000;
const KID: &str = "ins_1";
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rs256().unwrap());

fn token(status: SessionStatus) -> String {
    let mut claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", NOW_S);
    claims.sts = Some(status);
    KEY.sign_session(KID, &claims).unwrap()
}

async fn me(RequireSession(session): RequireSession) -> String {
    session.claims.sub
}

async fn greeting(Extension(state): Extension<AuthState>) -> String {
    state.session().map_or("stranger", |session| &session.claims.sub).to_owned()
}

fn app(authenticator: Authenticator) -> Router {
    let layer = middleware::from_fn_with_state(authenticator, authenticate);
    Router::new().route("/me", get(me)).route("/", get(greeting)).layer(layer)
}

fn with_pem() -> Router {
    let pem = KEY.verifying_key().to_pem().unwrap();
    let builder = Authenticator::builder().jwt_key(pem).publishable_key("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k");
    app(builder.clock(|| UnixMillis(NOW_S * 1_000)).build().unwrap())
}

async fn call(app: &mut Router, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Response) {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let response = app.call(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), response)
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_handler_that_needs_somebody_is_reached_by_those_who_are_signed_in() {
    let mut app = with_pem();
    let bearer = |token: &str| format!("Bearer {token}");
    let (status, response) =
        call(&mut app, "/me", &[("authorization", &bearer(&token(SessionStatus::Active)))]).await;
    assert_eq!((status, text(response).await), (StatusCode::OK, "user_1".to_owned()));
    for authorization in ["Bearer x".to_owned(), "Basic x".to_owned(), bearer(&token(SessionStatus::Pending))]
    {
        let (status, response) = call(&mut app, "/me", &[("authorization", &authorization)]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let is_pending = authorization.len() > 20;
        assert_eq!(response.headers().contains_key("x-clerk-auth-reason"), !is_pending);
    }
    let (status, response) = call(&mut app, "/", &[]).await;
    assert_eq!((status, text(response).await), (StatusCode::OK, "stranger".to_owned()));
}

#[tokio::test]
async fn a_browser_that_may_be_signed_in_is_sent_to_the_frontend_api() {
    let mut app = with_pem();
    let headers =
        [("host", "app.example.com"), ("cookie", "__client_uat=1794000000"), ("sec-fetch-dest", "document")];
    let (status, response) = call(&mut app, "/me?x=1", &headers).await;
    assert_eq!(status, StatusCode::TEMPORARY_REDIRECT);
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    let start = "https://clerk.example.com/v1/client/handshake?redirect_url=http%3A%2F%2Fapp.example.com%2Fme%3Fx%3D1&";
    assert!(location.starts_with(start), "{location}");
    assert!(response.headers().contains_key(header::SET_COOKIE));
    // A script is not.
    let (status, _) = call(&mut app, "/me", &headers[..2]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn cookies_of_a_handshake_reach_the_browser() {
    let mut app = with_pem();
    let token = token(SessionStatus::Active);
    let line = format!("__session={token}; Path=/");
    let claims = verger_jwt::HandshakeClaims::new("https://clerk.example.com", NOW_S, vec![line.clone()]);
    let handshake = KEY.sign_handshake(KID, &claims).unwrap();
    let cookie = format!("__clerk_handshake={handshake}");
    let (status, response) = call(&mut app, "/me", &[("cookie", &cookie)]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(response.headers()[header::SET_COOKIE].to_str().unwrap(), line);
    assert_eq!(text(response).await, "user_1");
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_sign_nobody_out() {
    let mock = MockTransport::new();
    mock.push(Answer::no_connection());
    let clock = || UnixMillis(NOW_S * 1_000);
    let mut app = app(mock.client().authenticator().clock(clock).build().unwrap());
    let authorization = token(SessionStatus::Active);
    let (status, _) = call(&mut app, "/me", &[("authorization", &authorization)]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_is_put_together_wrongly_is_an_error_of_the_server() {
    let mut without_middleware = Router::new().route("/me", get(me));
    let (status, _) = call(&mut without_middleware, "/me", &[]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let pem = KEY.verifying_key().to_pem().unwrap();
    let mut without_publishable_key = app(Authenticator::builder().jwt_key(pem).build().unwrap());
    let (status, _) = call(&mut without_publishable_key, "/", &[]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}
