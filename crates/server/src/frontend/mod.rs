//! Clerk's Frontend API, for browsers and native applications.

pub(crate) mod host;
pub(crate) mod reasons;

use self::reasons::HOST_INVALID;
use crate::answer::Answer;
use crate::backend::jwks::key_set;
use crate::call::Call;
use crate::caller::Nobody;
use crate::error::Failure;
use crate::operation::operations;
use axum::http::StatusCode;
use serde::Serialize;
use verger_wire::instance::JsonWebKeySet;
use verger_wire::schema::Schema;

/// Whether the server can answer.
#[derive(Serialize, Schema)]
#[wire(inline, open)]
struct Health {
    /// `healthy`; an answer of 503 says why it is not.
    #[wire(one_of("healthy"), example = "healthy")]
    status: String,
}

/// The body of an answer of 503 to the question after health.
#[derive(Serialize)]
struct Unhealthy {
    status: String,
    message: String,
}

operations! {
    /// Ask whether the Frontend API can answer
    ///
    /// Healthy is a server whose store answers.
    getHealth: GET "/v1/health" in "Health" {
        caller: Nobody,
        output: Health, "It can.",
        run: health,
    }

    /// Read the key set
    ///
    /// The public keys whose tokens are accepted, as a JSON Web Key Set (RFC 7517): of the instance whose host is asked.
    getJWKS: GET "/.well-known/jwks.json" in "Well-known" {
        caller: Nobody,
        output: JsonWebKeySet, "The keys.",
        refuses: [HOST_INVALID],
        run: jwks,
    }
}

async fn jwks(call: Call<Nobody>) -> Result<Answer, Failure> {
    let instance = host::instance_of(&call.app, &call.parts.headers, call.context.deadline).await?;
    key_set(&call.app, &instance.id, call.context.deadline).await
}

async fn health(call: Call<Nobody>) -> Result<Answer, Failure> {
    match call.app.why_not_ready().await {
        None => Answer::json(&Health { status: "healthy".to_owned() }),
        Some(message) => {
            let unhealthy = Unhealthy { status: "unhealthy".to_owned(), message: message.to_owned() };
            Ok(Answer { status: Some(StatusCode::SERVICE_UNAVAILABLE), ..Answer::json(&unhealthy)? })
        }
    }
}
