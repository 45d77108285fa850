//! What is for people and for whoever watches the server: pages, health, the document of the API.

pub(crate) mod development;
pub(crate) mod reference;

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Nobody;
use crate::error::Failure;
use crate::operation::operations;
use serde::Serialize;
use verger_wire::schema::Schema;

/// Whether the process answers.
#[derive(Serialize, Schema)]
#[wire(inline)]
struct Liveness {
    /// Always `ok`.
    #[wire(constant = "ok")]
    status: String,
}

operations! {
    /// Check that the process answers
    ///
    /// For whoever restarts processes. It says nothing about the store: `GET /health/ready` does.
    VergerGetLiveness: GET "/health/live" in "Health" {
        caller: Nobody,
        output: Liveness, "The process answers.",
        run: live,
    }
}

async fn live(_: Call<Nobody>) -> Result<Answer, Failure> {
    Answer::json(&Liveness { status: "ok".to_owned() })
}
