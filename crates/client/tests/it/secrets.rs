//! The key, codes and numbers never reach a log or an error.

use crate::support::{KEY, RealServer, Step, Stub, header, number};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use verger_client::testing::MockTransport;
use verger_client::{
    AttemptVerificationParams, Client, CreateUserParams, JwtTemplateParams, Method, RefreshSessionParams,
    UpdateUserParams, VerifyClientParams, VerifyPasswordParams, VerifyTotpParams,
};

const CODE: &str = "913577";
const NUMBER: &str = "+12025550147";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[track_caller]
fn assert_clean(text: &str) {
    for secret in [KEY, &KEY["sk_test_".len()..], CODE, NUMBER, &NUMBER[1..], "555-0147", "ada@example.com"] {
        assert!(!text.contains(secret), "{secret} is in: {text}");
    }
}

fn code() -> AttemptVerificationParams {
    AttemptVerificationParams { verification_id: "ver_1".to_owned(), code: CODE.to_owned() }
}

#[tokio::test]
async fn nothing_secret_is_logged_or_told_even_if_the_service_repeats_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        // Its digits could be those of the code.
        .without_time()
        .with_span_events(FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: one of this thread alone would miss what other threads were the first to log.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let echo = format!(
        r#"{{"errors":[{{"code":"x","message":"{NUMBER} (+1 202 555-0147), {CODE}, ada@example.com and {KEY} are bad",
            "long_message":"{NUMBER} {CODE} {KEY}","meta":{{"param_name":"{NUMBER}","value":"{NUMBER}"}}}}],
            "clerk_trace_id":"{KEY}"}}"#
    );
    let wrong = format!(r#"{{"id":"{CODE}","status":{CODE},"strategy":"{NUMBER}"}}"#);
    let steps = [
        Step::answer(503, "", &echo),
        Step::answer(422, "", &echo),
        Step::answer(200, "", &wrong),
        Step::answer(404, "", &echo),
        Step::answer(404, "", &echo),
    ];
    let stub = Stub::start(steps).await;
    let builder = stub.builder();
    assert_clean(&format!("{builder:?}"));
    let client = builder.build().unwrap();
    assert_clean(&format!("{client:?}"));
    let request = client.phone_numbers().attempt_phone_number_verification(NUMBER, code());
    assert_clean(&format!("{request:?} {:?}", code()));
    let refused = request.clone().await.unwrap_err();
    assert_eq!((refused.status(), refused.attempts()), (Some(422), 2));
    let not_understood = request.await.unwrap_err();
    assert!(not_understood.is_decode());
    let raw = client.request(Method::Get, &format!("/v1/phone_numbers/{CODE}"));
    assert_clean(&format!("{raw:?}"));
    let not_found = raw.query("phone_number", NUMBER).await.unwrap_err();
    let params = CreateUserParams { phone_number: vec![NUMBER.to_owned()], ..Default::default() };
    let also_not_found = client.users().create_user(params).await.unwrap_err();
    for error in [&refused, &not_understood, &not_found, &also_not_found] {
        assert_clean(&format!("{error} {error:?} {error:#?} {:?}", error.errors()));
    }
    // What the service said is there for those who ask.
    assert!(refused.errors()[0].message.contains(NUMBER));
    assert_eq!(header(&stub.requests()[0], "authorization"), Some(&*format!("Bearer {KEY}")));
    let log = log.text();
    assert_clean(&log);
    // And the log is not merely empty.
    for expected in
        ["verger.request", "/v1/phone_numbers/{phone_number_id}/attempt_verification", "status_code=422"]
    {
        assert!(log.contains(expected), "{expected} is not in: {log}");
    }
}

#[tokio::test]
async fn error_of_the_real_server_has_no_number() {
    let server = RealServer::start().await;
    let client = server.client();
    for _ in 0..2 {
        let params = CreateUserParams { phone_number: vec![number(0)], ..Default::default() };
        if let Err(error) = client.users().create_user(params).await {
            assert!(error.is_taken() && error.to_string().contains("That phone number is taken"), "{error}");
            assert!(!format!("{error}{error:?}").contains(&number(0)[1..]));
            return;
        }
    }
    panic!("the number was given twice");
}

#[test]
fn bad_key_is_not_told() {
    for key in ["", "sk test_secret", "sk_test_secret\n", "sk_test_sécret", "\u{7f}secret"] {
        let error = Client::builder().secret_key(key).base_url("http://localhost").build().unwrap_err();
        assert!(error.is_refused());
        assert!(
            !format!("{error}{error:?}").contains("secret\n") && !error.to_string().contains("test_s"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn mock_shows_neither_headers_nor_bodies_by_itself() {
    let mock = MockTransport::new();
    let answer = mock.client().phone_numbers().attempt_phone_number_verification("idn_1", code()).await;
    assert!(answer.unwrap_err().is_connect());
    assert_clean(&format!("{mock:?} {:?}", mock.requests()));
    assert_eq!(mock.requests()[0].json()["code"], CODE);
}

#[tokio::test]
async fn parameters_show_no_secret() {
    const SECRET: &str = "correct horse battery staple";
    let shown = [
        format!("{:?}", CreateUserParams::new().password(SECRET).totp_secret(SECRET).backup_codes(SECRET)),
        format!("{:?}", UpdateUserParams::new().password(SECRET).password_digest(SECRET)),
        format!("{:?}", UpdateUserParams::new().totp_secret(SECRET).backup_codes(SECRET)),
        format!("{:?}", VerifyPasswordParams::new(SECRET)),
        format!("{:?}", VerifyTotpParams::new(SECRET)),
        format!("{:?}", VerifyClientParams::new(SECRET)),
        format!("{:?}", RefreshSessionParams::new(SECRET, SECRET, "https://app.example.com")),
        format!("{:?}", JwtTemplateParams::new("billing", [("plan", "gold")]).signing_key(SECRET)),
    ];
    for shown in shown {
        assert!(!shown.contains(SECRET) && shown.contains("[redacted]"), "{shown}");
    }
    // They are sent all the same.
    let client = MockTransport::new().client();
    let request = client.users().create_user(CreateUserParams::new().password(SECRET));
    assert!(request.body().is_some_and(|body| body.contains(SECRET)));
    assert!(!format!("{request:?}").contains(SECRET));
}
