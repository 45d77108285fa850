//! An application whose support staff can mark a user's phone number as unverified:
//! `POST /support/phone_numbers/{id}/unverify`.
//!
//! It needs `VERGER_SECRET_KEY` and `VERGER_URL`, which `verger dev` prints, and listens on 127.0.0.1:3000.

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use verger_client::{Client, UpdatePhoneNumberParams};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let client = Client::from_env()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await.context("127.0.0.1:3000")?;
    println!("listening on http://127.0.0.1:3000");
    Ok(axum::serve(listener, app(client)).await?)
}

fn app(client: Client) -> Router {
    Router::new().route("/support/phone_numbers/{id}/unverify", post(unverify)).with_state(client)
}

async fn unverify(
    State(client): State<Client>,
    Path(id): Path<String>,
) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let params = UpdatePhoneNumberParams::new().verified(false);
    match client.phone_numbers().update_phone_number(&id, params).await {
        Ok(number) => Ok(Json(json!({ "id": number.id, "verified": number.is_verified() }))),
        Err(error) if error.is_not_found() => Err((StatusCode::NOT_FOUND, "there is no such number")),
        Err(_) => Err((StatusCode::BAD_GATEWAY, "the numbers cannot be reached")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower_service::Service as _;
    use verger_client::CreateUserParams;
    use verger_server::testing::TestServer;

    async fn call(app: &mut Router, id: &str) -> (StatusCode, String) {
        let path = format!("/support/phone_numbers/{id}/unverify");
        let request = Request::post(path).body(Body::empty()).unwrap();
        let response = app.call(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn number_is_marked_as_unverified() {
        let server = TestServer::start().await.unwrap();
        let client =
            Client::builder().secret_key(server.secret_key()).base_url(server.url()).build().unwrap();
        let params = CreateUserParams::new().phone_number("+12025550100");
        let number = client.users().create_user(params).await.unwrap().phone_numbers.remove(0);
        assert!(number.is_verified());

        let mut app = app(client.clone());
        let (status, body) = call(&mut app, &number.id).await;
        assert_eq!((status, body), (StatusCode::OK, format!(r#"{{"id":"{}","verified":false}}"#, number.id)));
        assert!(!client.phone_numbers().get_phone_number(&number.id).await.unwrap().is_verified());

        let (status, _) = call(&mut app, "idn_000000000000000000000000000").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        server.stop().await;
        let (status, _) = call(&mut app, &number.id).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
    }
}
