//! Every answer of the corpus is read. `tests/corpus/recorded` is what the server of this source tree says, and
//! `VERGER_RECORD_CORPUS=1` writes it anew; `tests/corpus/made` is what other services, other versions and broken proxies
//! say. All of it is what the fuzz target begins with.

mod sign_in;

use crate::support::{KEY, RealServer, number};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    ClockState, CodeVerification, DeletedObject, Delivery, EmailAddress, Error, InstanceReset, Message,
    Method, MfaDisabled, PhoneNumber, PhoneNumberDetails, RetryPolicy, TotalCount, User, WebhookEndpoint,
};

/// Headers that the client looks at.
const HEADERS: [&str; 7] = [
    "content-type",
    "clerk-api-version",
    "etag",
    "idempotent-replayed",
    "preference-applied",
    "retry-after",
    "verger-consequences",
];
/// Nothing is sent to test numbers; their code is always this.
const CODE: &str = "424242";
const OTHER_NUMBER: &str = "+14155552671";
/// Nothing else of an answer is random: what signs the events of an endpoint, tickets, tokens and their keys.
const SECRET_STARTS: [&str; 6] =
    ["whsec_", "ticket_", "\"token\":\"", "\"jwt\":\"", "\"n\":\"", "\"public_key_pem\":\""];
/// What is never said twice in the same way, and is read in `own.rs` and `feed.rs`; and what takes the secrets of a browser,
/// which is read in `sign_in.rs`.
const NOT_RECORDED: [&str; 6] = [
    "RefreshSession",
    "VerifyClient",
    "VergerTestWebhookEndpoint",
    "VergerListWebhookDeliveries",
    "VergerListAuditLog",
    "VergerFollowEvents",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

/// One answer: a line with the status, headers, an empty line, the body.
fn answer_of(text: &str) -> Answer {
    let (head, body) = text.split_once("\n\n").expect("an empty line after the head");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    headers.fold(Answer::bytes(status, body), |answer, (name, value)| answer.header(name, value))
}

/// Reads it as any answer is read.
async fn read<T: DeserializeOwned + Send + 'static>(text: &str) -> Result<T, Error> {
    let mock = MockTransport::new();
    mock.push(answer_of(text));
    let client = mock.builder().retry(RetryPolicy::never()).build().unwrap();
    client.request(Method::Get, "/v1/x").decode::<T>().await
}

/// Talks with a server and keeps what it says.
struct Tape {
    server: RealServer,
    recorded: BTreeMap<String, String>,
    operations: BTreeSet<&'static str>,
}

impl Tape {
    async fn call(&mut self, name: &str, target: &str, headers: &str, body: Value) -> (String, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let mut stream = TcpStream::connect(self.server.url.strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!(
            "{target} HTTP/1.1\r\nHost: b\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
             Clerk-API-Version: 2026-05-12\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let mut text = format!("{}\n", lines.next().unwrap());
        let mut trace_id = None;
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = name.to_ascii_lowercase();
            if name == "x-clerk-trace-id" {
                trace_id = Some(value.to_owned());
            } else if HEADERS.contains(&&*name) {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        // Another one each time.
        let body = trace_id.map_or(body.to_owned(), |trace_id| body.replace(&trace_id, &"0".repeat(32)));
        let body = SECRET_STARTS.iter().fold(body, |body, start| without_secrets(body, start));
        text.push('\n');
        text.push_str(&body);
        assert!(self.recorded.insert(name.to_owned(), text.clone()).is_none(), "{name} is there twice");
        (text, serde_json::from_str(&body).unwrap_or_default())
    }

    /// A success, which is read as `T`, in full: written again it is the same, and the client has a name for each field.
    async fn ok<T: DeserializeOwned + Serialize + Send + 'static>(
        &mut self,
        operation: &'static str,
        name: &str,
        target: &str,
        body: Value,
    ) -> Value {
        self.operations.insert(operation);
        self.ok_with::<T>(&format!("{operation}{name}"), target, "", body).await
    }

    async fn ok_with<T: DeserializeOwned + Serialize + Send + 'static>(
        &mut self,
        name: &str,
        target: &str,
        headers: &str,
        body: Value,
    ) -> Value {
        let (text, value) = self.call(name, target, headers, body).await;
        let object: T = read(&text).await.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let written = serde_json::to_value(&object).unwrap();
        assert_eq!(without_nulls(&written), without_nulls(&value), "{name}");
        value
    }

    /// A refusal with this status and code.
    async fn refused(&mut self, name: &str, target: &str, headers: &str, body: Value, expected: (u16, &str)) {
        let (text, value) = self.call(name, target, headers, body).await;
        let error = read::<Value>(&text).await.unwrap_err();
        assert_eq!((error.status().unwrap(), error.code().unwrap_or_default()), expected, "{name}: {text}");
        assert_eq!(error.errors().len(), value["errors"].as_array().unwrap().len());
        assert_eq!(error.trace_id(), Some(&*"0".repeat(32)));
        assert_eq!(error.retry_after().is_some(), text.contains("\nretry-after: "));
    }
}

/// With another text in place of each random one that begins so.
fn without_secrets(body: String, start: &str) -> String {
    let mut parts = body.split(start);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let length = part.find('"').unwrap();
        out.push_str(start);
        out.push_str(&"A".repeat(length));
        out.push_str(&part[length..]);
    }
    out
}

/// Null and absence read as the same.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        value => value.clone(),
    }
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

async fn record() -> Tape {
    let server = RealServer::start().await;
    let mut tape = Tape { server, recorded: BTreeMap::new(), operations: BTreeSet::new() };
    let t = &mut tape;
    let (ada, bare) = record_users(t).await;
    let (phone, verified) = record_phone_numbers(t, &ada).await;
    record_conditions(t, &ada, &phone, &verified).await;
    record_codes_that_end(t, &bare).await;
    record_email_addresses(t, &ada, &bare).await;
    record_refusals(t, &bare).await;
    let message = record_messages(t).await;
    sign_in::record_credentials(t, &bare).await;
    sign_in::record_sessions(t, &ada).await;
    sign_in::record_tickets(t, &ada, &bare).await;
    sign_in::record_access(t).await;
    sign_in::record_instance(t).await;
    t.ok::<DeletedObject>("DeleteUser", "", &format!("DELETE /v1/users/{bare}"), Value::Null).await;
    record_endpoints(t).await;
    t.ok::<Message>("VergerGetMessage", "", &format!("GET /verger/v1/messages/{message}"), Value::Null).await;
    t.ok::<InstanceReset>("VergerReset", "", "POST /verger/v1/reset", Value::Null).await;
    tape
}

/// The ids of two users: one with everything, one with a number alone.
async fn record_users(t: &mut Tape) -> (String, String) {
    let full = json!({
        "email_address": ["ada@example.com", "ada@example.org"], "phone_number": [number(1)], "username": "ada_1815",
        "first_name": "Ada", "last_name": "Lovelace", "external_id": "a-1", "locale": "en-GB",
        "public_metadata": {"plan": "gold", "seats": [1, 2.5, null]}, "private_metadata": {"note": "ÄÖ\u{1f600}"},
        "unsafe_metadata": {"theme": {"dark": true}},
    });
    let ada = t.ok::<User>("CreateUser", "", "POST /v1/users", full).await;
    let bare =
        t.ok::<User>("CreateUser", "_bare", "POST /v1/users", json!({"phone_number": [number(9)]})).await;
    let (ada, bare) = (id(&ada).to_owned(), id(&bare).to_owned());
    let user = format!("/v1/users/{ada}");
    t.ok::<User>("GetUser", "", &format!("GET {user}"), Value::Null).await;
    t.ok::<Vec<User>>("GetUserList", "", "GET /v1/users", Value::Null).await;
    t.ok::<Vec<User>>("GetUserList", "_empty", "GET /v1/users?query=nobody", Value::Null).await;
    t.ok::<TotalCount>("GetUsersCount", "", "GET /v1/users/count", Value::Null).await;
    t.ok::<User>(
        "UpdateUser",
        "",
        &format!("PATCH {user}"),
        json!({"first_name": "Augusta", "last_name": null}),
    )
    .await;
    let metadata = json!({"public_metadata": {"plan": null, "level": 3}});
    t.ok::<User>("UpdateUserMetadata", "", &format!("PATCH {user}/metadata"), metadata).await;
    let metadata = json!({"public_metadata": {"only": "this"}});
    t.ok::<User>("ReplaceUserMetadata", "", &format!("PUT {user}/metadata"), metadata).await;
    t.ok::<User>("BanUser", "", &format!("POST {user}/ban"), Value::Null).await;
    t.ok::<User>("UnbanUser", "", &format!("POST {user}/unban"), Value::Null).await;
    t.ok::<User>("LockUser", "", &format!("POST {user}/lock"), Value::Null).await;
    t.ok::<User>("UnlockUser", "", &format!("POST {user}/unlock"), Value::Null).await;
    let both = json!({"user_ids": [ada, bare]});
    t.ok::<Vec<User>>("UsersBan", "", "POST /v1/users/ban", both.clone()).await;
    t.ok::<Vec<User>>("UsersUnban", "", "POST /v1/users/unban", both).await;
    (ada, bare)
}

/// The paths of two numbers of this user, of which only the second one is verified by an administrator.
async fn record_phone_numbers(t: &mut Tape, ada: &str) -> (String, String) {
    let user = format!("/v1/users/{ada}");
    let new = json!({"user_id": ada, "phone_number": number(2)});
    let phone = t.ok::<PhoneNumber>("CreatePhoneNumber", "", "POST /v1/phone_numbers", new).await;
    let new = json!({"user_id": ada, "phone_number": number(3), "verified": true, "primary": true});
    let verified = t.ok::<PhoneNumber>("CreatePhoneNumber", "_verified", "POST /v1/phone_numbers", new).await;
    let (phone, verified) =
        (format!("/v1/phone_numbers/{}", id(&phone)), format!("/v1/phone_numbers/{}", id(&verified)));
    t.ok::<PhoneNumber>("GetPhoneNumber", "", &format!("GET {phone}"), Value::Null).await;
    let own = format!("GET /verger{phone}");
    t.ok::<PhoneNumberDetails>("VergerGetPhoneNumber", "", &own, Value::Null).await;
    let prepare = format!("POST {phone}/prepare_verification");
    let prepared =
        t.ok::<CodeVerification>("PreparePhoneNumberVerification", "", &prepare, Value::Null).await;
    let attempt = format!("POST {phone}/attempt_verification");
    let with = |code: &str| json!({"verification_id": prepared["id"], "code": code});
    let operation = "AttemptPhoneNumberVerification";
    t.ok::<CodeVerification>(operation, "_wrong", &attempt, with("000000")).await;
    t.ok::<CodeVerification>(operation, "", &attempt, with(CODE)).await;
    t.refused("error_already_verified", &attempt, "", with(CODE), (400, "verification_already_verified"))
        .await;
    t.ok::<PhoneNumber>("GetPhoneNumber", "_verified_by_code", &format!("GET {phone}"), Value::Null).await;
    let factor = json!({"reserved_for_second_factor": true, "default_second_factor": true});
    t.ok::<PhoneNumber>("UpdatePhoneNumber", "_second_factor", &format!("PATCH {phone}"), factor).await;
    t.ok::<User>("GetUser", "_second_factor", &format!("GET {user}"), Value::Null).await;
    let answered =
        t.ok_with::<MfaDisabled>("DisableMFA", &format!("DELETE {user}/mfa"), "", Value::Null).await;
    assert_eq!(answered["user_id"], ada);
    t.operations.insert("DisableMFA");
    (phone, verified)
}

/// Dry runs, keys and entity tags.
async fn record_conditions(t: &mut Tape, ada: &str, phone: &str, verified: &str) {
    let user = format!("/v1/users/{ada}");
    t.ok::<PhoneNumber>("UpdatePhoneNumber", "", &format!("PATCH {phone}"), json!({"verified": false})).await;
    let dry = "Prefer: dry-run\r\n";
    let change = format!("PATCH {verified}");
    t.ok_with::<PhoneNumber>("UpdatePhoneNumber_dry_run", &change, dry, json!({"verified": false})).await;
    let key = "Idempotency-Key: corpus-1\r\n";
    t.ok_with::<PhoneNumber>("UpdatePhoneNumber_keyed", &change, key, json!({"verified": false})).await;
    t.ok_with::<PhoneNumber>("UpdatePhoneNumber_replayed", &change, key, json!({"verified": false})).await;
    let text = &t.recorded["UpdatePhoneNumber_replayed"];
    assert!(text.contains("idempotent-replayed: true"), "{text}");
    t.refused("error_other_body", &change, key, json!({"verified": true}), (422, "idempotency_key_reused"))
        .await;
    t.refused("error_changed", &change, "If-Match: \"0\"\r\n", json!({}), (412, "precondition_failed")).await;
    let new = json!({"phone_number": number(4)});
    t.ok::<PhoneNumber>("ReplaceUserPhoneNumber", "", &format!("PUT {user}/phone_number"), new).await;
}

async fn record_codes_that_end(t: &mut Tape, bare: &str) {
    let gone = json!({"user_id": bare, "phone_number": OTHER_NUMBER});
    let gone = t.ok::<PhoneNumber>("CreatePhoneNumber", "_other", "POST /v1/phone_numbers", gone).await;
    let gone = format!("/v1/phone_numbers/{}", id(&gone));
    let prepare = format!("POST {gone}/prepare_verification");
    let operation = "PreparePhoneNumberVerification";
    let late = t.ok::<CodeVerification>(operation, "_other", &prepare, Value::Null).await;
    let often = (429, "verification_code_too_many_requests");
    t.refused("error_too_often", &prepare, "", Value::Null, often).await;
    let hour = json!({"advance_ms": 3_600_000});
    t.ok::<ClockState>("VergerAdvanceClock", "", "POST /verger/v1/clock", hour).await;
    let body = json!({"verification_id": late["id"], "code": "000000"});
    let attempt = format!("POST {gone}/attempt_verification");
    let late = t.ok::<CodeVerification>("AttemptPhoneNumberVerification", "_expired", &attempt, body).await;
    assert_eq!(late["status"], "expired");
    t.ok::<DeletedObject>("DeletePhoneNumber", "", &format!("DELETE {gone}"), Value::Null).await;
    t.refused("error_not_found", &format!("GET {gone}"), "", Value::Null, (404, "resource_not_found")).await;
}

async fn record_email_addresses(t: &mut Tape, ada: &str, bare: &str) {
    let user = format!("/v1/users/{ada}");
    let new = json!({"user_id": bare, "email_address": "bo@example.com"});
    let email = t.ok::<EmailAddress>("CreateEmailAddress", "", "POST /v1/email_addresses", new).await;
    let email = format!("/v1/email_addresses/{}", id(&email));
    t.ok::<EmailAddress>("GetEmailAddress", "", &format!("GET {email}"), Value::Null).await;
    let prepare = format!("POST {email}/prepare_verification");
    let operation = "PrepareEmailAddressVerification";
    let prepared = t.ok::<CodeVerification>(operation, "", &prepare, Value::Null).await;
    let body = json!({"verification_id": prepared["id"], "code": "wrong1"});
    let attempt = format!("POST {email}/attempt_verification");
    t.ok::<CodeVerification>("AttemptEmailAddressVerification", "", &attempt, body).await;
    t.ok::<EmailAddress>("UpdateEmailAddress", "", &format!("PATCH {email}"), json!({"verified": true}))
        .await;
    let new = json!({"email_address": "cy@example.com"});
    t.ok::<EmailAddress>("ReplaceUserEmailAddress", "", &format!("PUT {user}/email_address"), new).await;
    let new = json!({"user_id": bare, "email_address": "di@example.com"});
    let gone = t.ok::<EmailAddress>("CreateEmailAddress", "_second", "POST /v1/email_addresses", new).await;
    let gone = format!("DELETE /v1/email_addresses/{}", id(&gone));
    t.ok::<DeletedObject>("DeleteEmailAddress", "", &gone, Value::Null).await;
}

async fn record_refusals(t: &mut Tape, bare: &str) {
    let taken = json!({"user_id": bare, "phone_number": number(4)});
    let exists = (422, "form_identifier_exists");
    t.refused("error_taken", "POST /v1/phone_numbers", "", taken, exists).await;
    let bad = json!({"user_id": 7, "phone_number": "12", "verified": "yes", "of_tomorrow": 1});
    let (text, value) = t.call("error_many", "POST /v1/phone_numbers", "", bad).await;
    let error = read::<Value>(&text).await.unwrap_err();
    assert!(error.errors().len() > 1 && error.status() == Some(422), "{value}");
    t.refused("error_not_built", "GET /v1/organizations", "", Value::Null, (403, "feature_not_enabled"))
        .await;
}

/// Gives the id of one.
async fn record_messages(t: &mut Tape) -> String {
    t.ok::<Vec<Message>>("VergerListMessages", "", "GET /verger/v1/messages", Value::Null).await;
    let sent =
        t.ok::<Vec<Delivery>>("VergerListDeliveries", "", "GET /verger/v1/deliveries", Value::Null).await;
    let one = format!("GET /verger/v1/deliveries/{}", id(&sent[0]));
    t.ok::<Delivery>("VergerGetDelivery", "", &one, Value::Null).await;
    id(&sent[0]).to_owned()
}

async fn record_endpoints(t: &mut Tape) {
    let all = "/verger/v1/webhook_endpoints";
    let new = json!({"url": "https://example.com/hook", "events": ["user.*", "phone_number.verified"]});
    let endpoint =
        t.ok::<WebhookEndpoint>("VergerCreateWebhookEndpoint", "", &format!("POST {all}"), new).await;
    let one = format!("{all}/{}", id(&endpoint));
    t.ok::<Vec<WebhookEndpoint>>("VergerListWebhookEndpoints", "", &format!("GET {all}"), Value::Null).await;
    let disabled = json!({"disabled": true});
    t.ok::<WebhookEndpoint>("VergerUpdateWebhookEndpoint", "", &format!("PATCH {one}"), disabled).await;
    let rotate = format!("POST {one}/rotate_secret");
    t.ok::<WebhookEndpoint>("VergerRotateWebhookSecret", "", &rotate, json!({})).await;
    t.ok::<WebhookEndpoint>("VergerGetWebhookEndpoint", "", &format!("GET {one}"), Value::Null).await;
    let since = json!({"since": 0});
    t.ok::<WebhookEndpoint>("VergerReplayWebhooks", "", &format!("POST {one}/replay"), since).await;
    t.ok::<DeletedObject>("VergerDeleteWebhookEndpoint", "", &format!("DELETE {one}"), Value::Null).await;
}

#[tokio::test]
async fn every_shape_of_the_server_is_read_in_full_and_is_the_recorded_one() {
    let tape = record().await;
    let operations = verger_server::router::ROUTES.iter().map(|route| route.operation_id);
    let expected = operations.filter(|operation| !NOT_RECORDED.contains(operation));
    let unheard: Vec<_> = expected.filter(|operation| !tape.operations.contains(operation)).collect();
    assert!(unheard.is_empty(), "without a recorded answer: {unheard:?}");
    let folder = folder("recorded");
    if std::env::var_os("VERGER_RECORD_CORPUS").is_some() {
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &tape.recorded {
            std::fs::write(folder.join(format!("{name}.http")), text).unwrap();
        }
    }
    let mut stored = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        stored.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    let how = "the server says something else than what is recorded: if it should, run this with VERGER_RECORD_CORPUS=1";
    assert!(stored.keys().eq(tape.recorded.keys()), "{how}");
    for (name, text) in &tape.recorded {
        assert_eq!(&stored[name], text, "{name}: {how}");
    }
}

/// How an answer that is not the server's is read.
enum Reading {
    Verified(bool),
    Misunderstood,
    Refused(Option<&'static str>),
}

#[tokio::test]
async fn every_answer_of_others_is_read_or_refused_by_what_it_says() {
    use Reading::{Misunderstood, Refused, Verified};
    let expected = [
        ("unknown_values", Verified(false)),
        ("unknown_fields", Verified(true)),
        ("missing_fields", Verified(false)),
        ("nulls", Verified(false)),
        ("html", Misunderstood),
        ("empty", Misunderstood),
        ("truncated", Misunderstood),
        ("no_object", Misunderstood),
        ("error_html", Refused(None)),
        ("error_empty", Refused(None)),
        ("error_truncated", Refused(None)),
        ("error_no_list", Refused(None)),
        ("error_unknown", Refused(Some("of_tomorrow"))),
    ];
    let files = std::fs::read_dir(folder("made")).unwrap().count();
    assert_eq!(files, expected.len(), "a file without an expectation");
    for (name, reading) in expected {
        let text = std::fs::read_to_string(folder("made").join(format!("{name}.http"))).unwrap();
        match (reading, read::<PhoneNumber>(&text).await) {
            (Verified(is_verified), Ok(number)) => assert_eq!(number.is_verified(), is_verified, "{name}"),
            (Misunderstood, Err(error)) => assert!(error.is_decode(), "{name}: {error}"),
            (Refused(code), Err(error)) => {
                assert!(!error.is_decode() && error.status().is_some(), "{name}: {error}");
                assert_eq!(error.code(), code, "{name}");
            }
            (_, answer) => panic!("{name}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn answer_of_five_mebibytes_is_read() {
    let note = "n".repeat(5 * 1024 * 1024);
    let user = json!({"id": "user_1", "created_at": 1, "updated_at": 1, "public_metadata": {"note": note}});
    let user: User = read(&format!("HTTP/1.1 200 OK\n\n{user}")).await.unwrap();
    assert_eq!(user.public_metadata["note"].as_str().map(str::len), Some(note.len()));
    let mut cut = format!("HTTP/1.1 200 OK\n\n{}", serde_json::to_string(&user).unwrap());
    cut.truncate(cut.len() / 2);
    assert!(read::<User>(&cut).await.unwrap_err().is_decode());
}
