//! The client of the Backend API.

use crate::answers::{Answers, NativeAnswers};
use crate::call::{Call, Numbered, broken, outcome};
use crate::runtime::CLIENTS;
use futures_util::FutureExt as _;
use napi::Env;
use napi::bindgen_prelude::Either;
use napi_derive::napi;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use verger_client::Client;

const PANIC: &str = "a bug: the native part panicked";
/// JavaScript can have texts that are none in UTF-8.
const UNREADABLE: &str =
    "an id or a parameter is no well-formed text: look for half of a surrogate pair in it (isWellFormed())";

/// What a client is made with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    secret_key: String,
    api_url: Option<String>,
    api_version: Option<String>,
    user_agent: String,
    timeout_ms: Option<u64>,
}

/// A client; shared by all calls.
#[napi]
pub struct NativeClient {
    pub(crate) client: Client,
}

/// A client, or why there is none.
#[napi]
pub fn create_client(options: String) -> Either<NativeClient, String> {
    match build(&options) {
        Ok(client) => Either::A(NativeClient { client }),
        Err(why) => Either::B(why),
    }
}

fn build(options: &str) -> Result<Client, String> {
    // The text is not told: it has the secret key in it.
    let options: Options =
        serde_json::from_str(options).map_err(|_| "the options have a field of a wrong type".to_owned())?;
    let mut builder = Client::builder().secret_key(options.secret_key).user_agent(options.user_agent);
    if let Some(url) = options.api_url {
        builder = builder.base_url(url);
    }
    if let Some(version) = options.api_version {
        builder = builder.api_version(version);
    }
    if let Some(timeout_ms) = options.timeout_ms {
        builder = builder.total_timeout(Duration::from_millis(timeout_ms));
    }
    builder.build().map_err(|error| error.to_string())
}

#[napi]
impl NativeClient {
    /// Sends `count` calls, a list as JSON; what becomes of each is told to `answers`. `None`, or why nothing is sent.
    #[napi]
    pub fn send(
        &self,
        env: &Env,
        answers: &NativeAnswers,
        calls: String,
        count: u32,
    ) -> napi::Result<Option<String>> {
        let runtime = match CLIENTS.as_ref() {
            Ok(runtime) => runtime,
            Err(why) => return Ok(Some(why.clone())),
        };
        answers.answers.more(env, count as usize)?;
        let (client, answers) = (self.client.clone(), Arc::clone(&answers.answers));
        // The calls are read over there, so that JavaScript goes on at once.
        runtime.spawn(async move { begin(&client, &answers, &calls) });
        Ok(None)
    }
}

fn begin(client: &Client, answers: &Arc<Answers>, calls: &str) {
    let calls: Vec<Call<'_>> = match serde_json::from_str(calls) {
        Ok(calls) => calls,
        Err(_) => readable(answers, calls),
    };
    for call in calls {
        let number = call.number;
        let answers = Arc::clone(answers);
        // Whatever happens, each call is answered.
        let request =
            catch_unwind(AssertUnwindSafe(|| call.request(client))).unwrap_or_else(|_| Err(PANIC.into()));
        match request {
            Err(why) => answers.finish(number, &broken(why)),
            Ok(request) => {
                tokio::spawn(async move {
                    let outcome = AssertUnwindSafe(async { outcome(request.await) }).catch_unwind().await;
                    answers.finish(number, &outcome.unwrap_or_else(|_| broken(PANIC.to_owned())));
                });
            }
        }
    }
}

/// The calls of a list that can be read; each of the others is told that it cannot be, and none of its neighbours.
fn readable<'a>(answers: &Arc<Answers>, calls: &'a str) -> Vec<Call<'a>> {
    // JavaScript wrote it a moment ago: it is a list of objects with numbers, whatever is in them.
    let calls: Vec<&'a RawValue> = serde_json::from_str(calls).unwrap_or_default();
    let mut readable = Vec::with_capacity(calls.len());
    for call in calls {
        if let Ok(call) = serde_json::from_str(call.get()) {
            readable.push(call);
        } else if let Ok(Numbered { number }) = serde_json::from_str(call.get()) {
            answers.finish(number, &broken(UNREADABLE.to_owned()));
        }
    }
    readable
}
