//! An axum application that receives webhooks: `POST /webhooks`, on 127.0.0.1:3000.
//!
//! `verger dev --data ./verger-data`, then `verger webhooks add http://127.0.0.1:3000/webhooks --instance ins_…` prints the secret:
//!
//! `WEBHOOK_SECRET=whsec_… cargo run --example webhooks_axum`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::Webhook;
use std::sync::Arc;
use verger_client::{Event, EventKind, PhoneNumber};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret =
        std::env::var("WEBHOOK_SECRET").map_err(|_| "put the secret of the endpoint into WEBHOOK_SECRET")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(Webhook::new(&secret)?)).await?)
}

/// The application: one route, which takes events that are signed with the secret.
pub fn app(webhook: Webhook) -> Router {
    Router::new().route("/webhooks", post(receive)).with_state(Arc::new(webhook))
}

/// Anything but 2xx, and the service tries again later.
async fn receive(
    State(webhook): State<Arc<Webhook>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    // The signature is of the bytes as they came: check them before they are read as JSON.
    webhook.verify(&body, &headers).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let event: Event = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    // An event can come more than once, always under the same id: remember `event.id` to act once.
    match event.kind {
        EventKind::PhoneNumberVerified => {
            let number: PhoneNumber = event.decode_data().map_err(|_| StatusCode::BAD_REQUEST)?;
            println!("{} is verified", number.id);
        }
        // Types of tomorrow come too.
        kind => println!("{kind}"),
    }
    Ok(StatusCode::NO_CONTENT)
}
