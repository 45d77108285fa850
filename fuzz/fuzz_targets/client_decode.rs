//! Any status, headers and body, read as everything that the client reads answers as: never a panic, and what was read
//! can be written and read again.
//!
//! The input is an answer of HTTP as text: a line with the status as its second word, headers, an empty line, the body.
//! So are the files of `crates/client/tests/corpus`.

#![no_main]

use http::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use std::error::Error as _;
use verger_client::serde_json::value::RawValue;
use verger_client::serde_json::{self, Value};
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    ActorToken, AllowlistIdentifier, AuditLogPage, BetaInstanceSettings, BlocklistIdentifier, Client,
    ClockState, CodeVerification, CodeVerified, CredentialRemoved, DeletedObject, Delivery, Domain,
    EmailAddress, Error, Event, Instance, InstanceCommunication, InstanceDetails, InstanceReset,
    InstanceRestrictions, InstanceSettings, Invitation, JsonWebKeySet, JwtTemplate, Message, Method,
    MfaDisabled, NoContent, Page, PasswordVerified, PhoneNumber, PhoneNumberDetails, RedirectUrl,
    RetryPolicy, SessionRefresh, SessionToken, SignInToken, SigningKey, TestingToken, TotalCount, User,
    UserClient, UserSession, WebhookDelivery, WebhookEndpoint, WebhookTest,
};

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
}

macro_rules! read_as {
    ($client:expr, $mock:expr, $answer:expr, [$($kind:ty),* $(,)?]) => {$(
        $mock.push($answer.clone());
        match $client.request(Method::Get, "/v1/x").decode::<$kind>().response().await {
            Ok(response) => {
                let told = (response.status(), response.etag(), response.trace_id(), response.api_version());
                assert!((200..300).contains(&told.0));
                let _ = (response.consequences().count(), response.is_dry_run(), response.is_replayed());
                let text = serde_json::to_vec(response.value()).expect("what was read can be written");
                if let Err(error) = serde_json::from_slice::<$kind>(&text) {
                    panic!("what was written cannot be read: {error}");
                }
            }
            Err(error) => look_at(&error),
        }
    )*};
}

/// The same bytes as a feed.
async fn follow(client: &Client) {
    match client.events().follow_events(None).await {
        Ok(mut events) => {
            while let Some(event) = events.try_next().await.transpose() {
                if let Err(error) = event {
                    look_at(&error);
                }
            }
            assert!(events.try_next().await.is_ok_and(|event| event.is_none()), "it is over");
        }
        Err(error) => look_at(&error),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(answer) = read(data) else { return };
    RUNTIME.with(|runtime| runtime.block_on(decode(answer)));
});

async fn decode(answer: Answer) {
    let mock = MockTransport::new();
    // Small enough that the limit is met too.
    let client: Client =
        mock.builder().retry(RetryPolicy::never()).max_response_bytes(64 * 1024).build().expect("a client");
    read_as!(
        client,
        mock,
        answer,
        [
            PhoneNumber,
            PhoneNumberDetails,
            EmailAddress,
            User,
            Vec<User>,
            CodeVerification,
            DeletedObject,
            MfaDisabled,
            TotalCount,
            Delivery,
            Message,
            ClockState,
            InstanceReset,
            Event,
            AuditLogPage,
            WebhookEndpoint,
            WebhookDelivery,
            WebhookTest,
            Page<UserSession>,
            ActorToken,
            AllowlistIdentifier,
            BetaInstanceSettings,
            BlocklistIdentifier,
            CodeVerified,
            CredentialRemoved,
            Instance,
            InstanceCommunication,
            InstanceDetails,
            InstanceRestrictions,
            InstanceSettings,
            Invitation,
            JsonWebKeySet,
            JwtTemplate,
            NoContent,
            PasswordVerified,
            RedirectUrl,
            SessionRefresh,
            SessionToken,
            SignInToken,
            SigningKey,
            TestingToken,
            UserClient,
            UserSession,
            Page<Domain>,
            Value,
            Box<RawValue>,
        ]
    );
    mock.push(answer.header("content-type", "text/event-stream"));
    follow(&client).await;
}

/// Everything that an error can be asked.
fn look_at(error: &Error) {
    assert!(error.is_decode() || error.errors().len() <= 100);
    assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
    for one in error.errors() {
        let _ = (one.param(), format!("{one:?}"));
    }
    let _ = (error.status(), error.code(), error.param(), error.trace_id(), error.retry_after());
    let _ = (error.is_taken(), error.is_retryable(), error.is_server_error(), error.source().is_some());
}

/// The answer in this input; `None` if HTTP has none like it.
fn read(data: &[u8]) -> Option<Answer> {
    let (first, mut rest) = line(data)?;
    let status = first.split(u8::is_ascii_whitespace).nth(1)?;
    let status: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let (header, after) = line(rest)?;
        rest = after;
        if header.is_empty() {
            break;
        }
        let header = std::str::from_utf8(header).ok()?;
        let (name, value) = header.split_once(": ")?;
        // The HTTP library lets no others through.
        HeaderName::from_bytes(name.as_bytes()).ok()?;
        HeaderValue::from_bytes(value.as_bytes()).ok()?;
        headers.push((name, value));
    }
    let answer = (100..1_000).contains(&status).then(|| Answer::bytes(status, rest))?;
    Some(headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value)))
}

fn line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    Some((&data[..end], &data[end + 1..]))
}
