//! Every reason is tried, and docs/errors.md says of each what the server says.

use super::*;
use crate::frontend::reasons as origins;
use crate::limits;
use crate::reasons::{
    self, CALLBACK_SIGNATURE_INVALID, CODE_INCORRECT, CODE_JUST_SENT, DUPLICATE_RECORD,
    FRONTEND_HOST_MISSING, IDENTIFICATION_MISSING, INCORRECT_PASSWORD, INSECURE_URL, INSTANCE_QUOTA,
    INVITATION_ACCEPTED, INVITATION_REVOKED, NO_SENDER, PASSWORD_COMPROMISED, PASSWORD_DIGEST_INVALID,
    PASSWORD_QUEUE_FULL, PASSWORD_TOO_MANY_BYTES, ROTATION_PENDING, SETTING_NOT_BUILT, SIGNING_KEY_IN_USE,
    SIGNING_KEY_RETIRED, TOTP_INCORRECT, TOTP_SECRET_INVALID, VERIFICATION_MISSING, WEBHOOK_ENDPOINTS_QUOTA,
};
use std::collections::BTreeSet;
use std::fmt::Write;
use verger_core::{IdentifierKind, Malformed, Unit, credentials};
use verger_credentials::PasswordFault;
use verger_http::reasons as http;
use verger_wire::json::{JsonError, JsonProblem, Step};
use verger_wire::reason::NOT_REFUSED;

fn unreadable(problem: JsonProblem) -> JsonError {
    JsonError { problem, at: 7, path: vec![Step::Key("field".to_owned())] }
}

/// What HTTP refuses, with values as they come.
fn http_refusals() -> Vec<Refused> {
    let mut all = vec![
        Refused::new(&http::AUTHORIZATION_MISSING),
        Refused::new(&http::KEY_INVALID),
        Refused::new(&http::KEY_INVALID_IN_DEVELOPMENT).with("key_hint", "is in a file"),
        http::api_version_invalid("why"),
        http::body_invalid("why"),
    ];
    let problems =
        [JsonProblem::Syntax, JsonProblem::HalfCharacter, JsonProblem::DuplicateKey, JsonProblem::TooDeep];
    all.extend(problems.map(|problem| http::body_unreadable(&unreadable(problem))));
    all.extend([
        http::malformed("why").param("limit"),
        Refused::new(&http::BODY_TOO_SLOW),
        http::body_too_large(1024 * 1024),
        Refused::new(&http::CONTENT_TYPE_UNSUPPORTED),
        Refused::new(&http::CONTENT_ENCODING_UNSUPPORTED).with("encoding", "gzip"),
        Refused::new(&http::UNKNOWN_PATH),
        http::base_url_wrong("why"),
        http::method_not_allowed("GET"),
        Refused::new(&http::NOT_BUILT).with("method", "POST").with("path", "/organizations"),
    ]);
    all
}

fn malformed_after(why: Option<Malformed>) -> Option<Malformed> {
    use Malformed as M;
    Some(match why {
        None => M::Form("why"),
        Some(M::Form(_)) => M::TooLong { max: 1, length: 2, unit: Unit::Characters },
        Some(M::TooLong { .. }) => M::TooShort("why"),
        Some(M::TooShort(_)) => M::TooLarge { bytes_max: 1, bytes: 2 },
        Some(M::TooLarge { .. }) => M::PhoneDigits { digits: 1 },
        Some(M::PhoneDigits { .. }) => M::Time,
        Some(M::Time) => M::TimeRange,
        Some(M::TimeRange) => M::UsernameLength { length: 1 },
        Some(M::UsernameLength { .. }) => M::UsernameCharacter,
        Some(M::UsernameCharacter) => M::UsernameAllDigits,
        Some(M::UsernameAllDigits) => return None,
    })
}

/// One of each problem that a field can have.
fn problems() -> Vec<Refused> {
    let mut all = vec![
        Refused::new(&http::PARAM_MISSING),
        Refused::new(&http::PARAM_NULL),
        Refused::new(&http::PARAM_NOT_BUILT),
        Refused::new(&http::PARAM_UNKNOWN),
        http::value_invalid("why"),
        http::value_too_large("why"),
        http::disallowed("why"),
        Refused::new(&INSECURE_URL).with("why", "why"),
    ];
    all.extend(
        std::iter::successors(malformed_after(None), |why| malformed_after(Some(*why))).map(Into::into),
    );
    all.extend([
        http::array_too_long(3, 2),
        Refused::new(&http::ARRAY_LENGTH_MISMATCH)
            .with("other", "other")
            .with("length", "1")
            .with("other_length", "2"),
        Refused::new(&http::PARAM_NAMES_NOTHING),
    ]);
    all.into_iter().map(|problem| problem.param("field")).collect()
}

/// What is refused of passwords and codes besides what a rule of users refuses.
fn credential_failures() -> Vec<Failure> {
    use PasswordFault as P;
    let faults = [
        P::TooShort { characters_min: 8 },
        P::TooLong { characters_max: 72 },
        P::NoLowercase,
        P::NoUppercase,
        P::NoNumber,
        P::NoSpecialCharacter,
        P::Common,
    ];
    let mut all: Vec<Failure> = faults.map(|fault| credentials::refused(fault).into()).into();
    all.extend([
        Refused::new(&PASSWORD_TOO_MANY_BYTES).param("password").with("max", "1024").into(),
        Refused::new(&PASSWORD_DIGEST_INVALID).param("password_digest").with("why", "is not one").into(),
        Refused::new(&TOTP_SECRET_INVALID).param("totp_secret").into(),
        (&INCORRECT_PASSWORD).into(),
        (&PASSWORD_COMPROMISED).into(),
        (&TOTP_INCORRECT).into(),
        Refused::new(&PASSWORD_QUEUE_FULL).retry_after(2).into(),
    ]);
    all
}

/// What is refused without a rule of `core`, in the order of the snapshot.
fn plain_failures() -> Vec<Failure> {
    let mut all: Vec<Failure> = http_refusals().into_iter().map(Failure::from).collect();
    all.extend([Failure::not_found("user"), Failure::Fields(problems())]);
    let bulk = Refused::new(&http::BULK_TOO_LARGE).param("field").with("max", "1").with("length", "2");
    all.extend([
        bulk.into(),
        Refused::new(&WEBHOOK_ENDPOINTS_QUOTA).with("max", "200").into(),
        Refusal::NotFound.into(),
        SendingRefusal::Country { alpha2: "GB".to_owned(), calling_code: Some(44) }.into(),
    ]);
    for scope in [limits::PER_USER, limits::SPENT, limits::UNVERIFIED] {
        all.push(SendingRefusal::Limit { scope, retry_after_seconds: 1 }.into());
    }
    all.extend(instance_refusals());
    all.extend(credential_failures());
    all.extend([
        (&CALLBACK_SIGNATURE_INVALID).into(),
        Refused::new(&NO_SENDER).with("channel", "sms").into(),
        (&http::PRECONDITION_FAILED).into(),
        (&http::IDEMPOTENCY_KEY_REUSED).into(),
        http::unavailable("why").into(),
        Failure::from(http::unavailable("why")).after_counted_try(),
        Failure::Store(StoreError::Unavailable("why".to_owned())),
        Failure::Bug("why".to_owned()),
    ]);
    all
}

/// What requests about an instance itself are refused for.
fn instance_refusals() -> Vec<Failure> {
    let with = |reason: &'static Reason, values: &[(&'static str, &str)]| {
        values.iter().fold(Refused::new(reason), |refused, (name, value)| refused.with(name, *value))
    };
    let refusals = [
        Refused::new(&FRONTEND_HOST_MISSING),
        Refused::new(&SETTING_NOT_BUILT).param("first_factors.passkey"),
        with(&ROTATION_PENDING, &[("key", "ins_1"), ("signs_at", "2026-05-12T08:00:00Z")]),
        with(&SIGNING_KEY_IN_USE, &[("why", "It signs, and another must sign first")]),
        Refused::new(&SIGNING_KEY_RETIRED),
        with(&DUPLICATE_RECORD, &[("object", "an entry")]).param("identifier"),
        Refused::new(&INVITATION_ACCEPTED),
        Refused::new(&INVITATION_REVOKED),
        with(&INSTANCE_QUOTA, &[("max", "1000"), ("objects", "redirect URLs")]),
    ];
    refusals.into_iter().map(Failure::from).collect()
}

fn kind_after(kind: Option<IdentifierKind>) -> Option<IdentifierKind> {
    use IdentifierKind as K;
    Some(match kind {
        None => K::PhoneNumber,
        Some(K::PhoneNumber) => K::EmailAddress,
        Some(K::EmailAddress) => K::Username,
        Some(K::Username) => K::ExternalId,
        Some(K::ExternalId) => return None,
    })
}

fn refusal_after(refusal: Option<&Refusal>) -> Option<Refusal> {
    use Refusal as R;
    Some(match refusal {
        None => R::Taken(kind_after(None)?),
        Some(R::Taken(kind)) => kind_after(Some(*kind)).map_or(R::NotFound, R::Taken),
        Some(R::NotFound) => R::NotTheUsers { param: "field" },
        Some(R::NotTheUsers { .. }) => R::NeedsVerification { param: "field" },
        Some(R::NeedsVerification { .. }) => R::SecondFactorUnverified { on_create: true },
        Some(R::SecondFactorUnverified { on_create: true }) => R::SecondFactorUnverified { on_create: false },
        Some(R::SecondFactorUnverified { on_create: false }) => R::OnlySignInIdentification,
        Some(R::OnlySignInIdentification) => R::LastIdentification,
        Some(R::LastIdentification) => R::IdentificationMissing,
        Some(R::IdentificationMissing) => R::TooMany(kind_after(None)?),
        Some(R::TooMany(kind)) => {
            kind_after(Some(*kind)).map_or(R::CodeJustSent { retry_after_ms: 1 }, R::TooMany)
        }
        Some(R::CodeJustSent { .. }) => R::VerificationClosed { retry_after_ms: 1 },
        Some(R::VerificationClosed { .. }) => R::AlreadyVerified,
        Some(R::AlreadyVerified) => R::Banned,
        Some(R::Banned) => R::Locked,
        Some(R::Locked) => R::LockedOut { expires_in_ms: 1 },
        Some(R::LockedOut { .. }) => R::FactorClosed { retry_after_ms: 1 },
        Some(R::FactorClosed { .. }) => R::NoPassword,
        Some(R::NoPassword) => R::TotpDisabled,
        Some(R::TotpDisabled) => R::TotpLength,
        Some(R::TotpLength) => R::PasswordMatchesIdentifier,
        Some(R::PasswordMatchesIdentifier) => R::PasswordMissing,
        Some(R::PasswordMissing) => R::PasswordIsOnlyWay,
        Some(R::PasswordIsOnlyWay) => R::PasswordDisabled,
        Some(R::PasswordDisabled) => R::CredentialDisabled { param: "field" },
        Some(R::CredentialDisabled { .. }) => R::Malformed { param: "field", why: Malformed::Form("why") },
        Some(R::Malformed { .. }) => return None,
    })
}

fn store_error_after(error: Option<&StoreError>) -> Option<StoreError> {
    use StoreError as E;
    let why = || "why".to_owned();
    Some(match error {
        None => E::Unavailable(why()),
        Some(E::Unavailable(_)) => E::OutcomeUnknown(why()),
        Some(E::OutcomeUnknown(_)) => E::Corrupt { table: "users", id: why(), what: why() },
        Some(E::Corrupt { .. }) => E::Damaged(why()),
        Some(E::Damaged(_)) => E::Bug(why()),
        Some(E::Bug(_)) => E::Conflict(Conflict::Stale),
        Some(E::Conflict(conflict)) => E::Conflict(match conflict {
            Conflict::Stale => Conflict::IdempotencyKeyUsed,
            Conflict::IdempotencyKeyUsed => Conflict::KeyExists,
            Conflict::KeyExists => Conflict::InstanceExists,
            Conflict::InstanceExists => Conflict::HostExists,
            Conflict::HostExists => Conflict::Duplicate,
            Conflict::Duplicate => Conflict::NotFound,
            Conflict::NotFound => Conflict::MigrationApplied,
            // `Failure::from` makes a refusal of this one.
            Conflict::MigrationApplied => Conflict::Taken(kind_after(None)?),
            Conflict::Taken(_) => Conflict::LimitReached(limits::PER_USER),
            Conflict::LimitReached(_) => return None,
        }),
    })
}

fn every_failure() -> Vec<Failure> {
    let refused = std::iter::successors(refusal_after(None), |refusal| refusal_after(Some(refusal)));
    let stored = std::iter::successors(store_error_after(None), |error| store_error_after(Some(error)));
    let of_sessions = session_refusals().into_iter().map(Failure::from);
    plain_failures()
        .into_iter()
        .chain(of_sessions)
        .chain(refused.map(Failure::from))
        .chain(stored.map(Failure::from))
        .collect()
}

/// What sessions, tokens, templates and tickets are refused for, each with a value for every place in its words.
fn session_refusals() -> Vec<Refused> {
    let values = [
        ("bytes", "2801"),
        ("bytes_max", "2800"),
        ("claim", "plan"),
        ("max", "100"),
        ("status", "accepted"),
        ("why", "is no key"),
    ];
    let refused = |reason: &'static Reason| {
        let words = [reason.message, reason.long_message];
        let is_named = |name: &str| words.iter().any(|words| words.contains(&format!("{{{name}}}")));
        let named = values.into_iter().filter(|(name, _)| is_named(name));
        let refused = named.fold(Refused::new(reason), |refused, (name, value)| refused.with(name, value));
        if is_named("param") { refused.param("claims") } else { refused }
    };
    verger_core::session::reasons::REASONS.iter().map(|reason| refused(reason)).collect()
}

/// What the layer of the Frontend API refuses.
fn origin_refusals() -> [Refused; 4] {
    [&origins::HOST_INVALID, &origins::ORIGIN_MISSING, &origins::ORIGINS_MULTIPLE, &origins::ORIGIN_INVALID]
        .map(|reason| Refused::new(reason).with("origin", "https://example.com"))
}

/// Those that [`every_failure`] has not, because they are another case of a variant that it has.
fn more_failures() -> Vec<Failure> {
    use Failure as F;
    let why = || "why".to_owned();
    let mut more = vec![
        http::body_too_large(16 * 1024).into(),
        http::malformed("The path is not UTF-8.").into(),
        Refused::new(&http::PARAM_TOO_LONG).param("field").with("max", "256").with("length", "257").into(),
        http::malformed("One sentence. And another one.").param("Prefer").into(),
        (&VERIFICATION_MISSING).into(),
        SendingRefusal::Country { alpha2: "001".to_owned(), calling_code: None }.into(),
        SendingRefusal::Limit { scope: limits::SPENT, retry_after_seconds: 0 }.into(),
        SendingRefusal::Limit { scope: limits::UNVERIFIED, retry_after_seconds: 0 }.into(),
        SendingRefusal::Limit { scope: limits::PER_USER, retry_after_seconds: 0 }.into(),
        Refused::new(&NO_SENDER).with("channel", "email").into(),
        F::from(Refusal::CodeJustSent { retry_after_ms: 29_001 }),
        F::from(Refusal::VerificationClosed { retry_after_ms: 0 }),
        F::Store(StoreError::Unavailable(why())).after_counted_try(),
        F::Store(StoreError::Conflict(Conflict::Stale)).after_counted_try(),
        F::Store(StoreError::OutcomeUnknown(why())).after_counted_try(),
        F::not_found("user").after_counted_try(),
    ];
    let mut reasons = vec![Malformed::UsernameLength { length: 65 }, Malformed::PhoneDigits { digits: 16 }];
    for unit in [Unit::Bytes, Unit::BeforeAt, Unit::Label] {
        reasons.push(Malformed::TooLong { max: 254, length: 265, unit });
    }
    reasons.extend(std::iter::successors(malformed_after(None), |why| malformed_after(Some(*why))));
    more.extend(origin_refusals().map(Failure::from));
    more.extend(reasons.into_iter().map(|why| F::from(Refusal::Malformed { param: "field", why })));
    more
}

/// What becomes of each failure: status and headers, and a line for each error.
async fn answers() -> String {
    let mut text = String::new();
    for failure in every_failure().into_iter().chain(more_failures()) {
        let trace_id = crate::context::TraceId("trace".into());
        let response = crate::answer::failure_response(&failure, &trace_id);
        write!(text, "{}", response.status().as_u16()).unwrap();
        for (name, value) in response.headers() {
            write!(text, " {name}: {};", value.to_str().unwrap()).unwrap();
        }
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        let errors = body.strip_prefix(r#"{"errors":["#).unwrap();
        let errors = errors.strip_suffix(r#"],"clerk_trace_id":"trace"}"#).unwrap();
        writeln!(text, "\n{}", errors.replace("},{\"message\"", "},\n{\"message\"")).unwrap();
    }
    text
}

#[tokio::test]
async fn the_words_change_on_purpose_only() {
    expect_test::expect_file!["answers.txt"].assert_eq(&answers().await);
}

/// A row that nobody can get is a promise that nobody checks.
#[test]
fn every_reason_of_the_backend_api_is_tried() {
    let failures: Vec<_> = every_failure().into_iter().chain(more_failures()).collect();
    let tried: BTreeSet<_> = failures
        .iter()
        .flat_map(|failure| failure.refused().into_owned())
        .map(|refused| refused.reason.name)
        .collect();
    let rows = reasons::all().filter(|reason| reason.status != NOT_REFUSED);
    assert_eq!(tried, rows.map(|reason| reason.name).collect());
}

/// Those words are shown to the people who sign in.
#[test]
fn no_answer_of_the_frontend_api_speaks_of_the_operators_settings() {
    for failure in every_failure().into_iter().chain(more_failures()) {
        let answer = failure.answer(Api::Frontend);
        assert_eq!(answer.status.is_success(), failure.reason() == Some(&CODE_JUST_SENT), "{failure:?}");
        let is_of_a_user = failure.reason().is_some_and(|reason| {
            verger_core::reasons::REASONS.contains(&reason)
                || crate::sending_reasons::REASONS.contains(&reason)
        });
        // Neither operation is there.
        let is_of_backend =
            [&WEBHOOK_ENDPOINTS_QUOTA, &INSECURE_URL, &IDENTIFICATION_MISSING, &CALLBACK_SIGNATURE_INVALID];
        if answer.status.is_success()
            || !is_of_a_user
            || failure.reason().is_some_and(|reason| is_of_backend.contains(&reason))
        {
            continue;
        }
        for error in answer.errors {
            let texts = format!("{} {}", error.message, error.long_message).to_lowercase();
            for word in ["operator", "section [", "unban", "unlock", "`", "the user's"] {
                assert!(!texts.contains(word), "{failure:?}: {texts}");
            }
        }
    }
}

#[test]
fn the_frontend_api_has_statuses_and_codes_of_its_own() {
    let said = |failure: Failure| {
        let answer = failure.answer(Api::Frontend);
        let code = answer.errors.into_iter().next().map(|error| error.code);
        (answer.status.as_u16(), code.unwrap_or_default())
    };
    let closed = Refusal::VerificationClosed { retry_after_ms: 1 };
    assert_eq!(said(closed.into()), (400, "verification_failed".to_owned()));
    assert_eq!(said((&CODE_INCORRECT).into()), (422, "form_code_incorrect".to_owned()));
    assert_eq!(said((&http::KEY_INVALID).into()), (400, "clerk_key_invalid".to_owned()));
    assert_eq!(said(Refusal::Locked.into()), (403, "user_locked".to_owned()));
}

/// Status and code of everything that the server can refuse with.
fn answered() -> BTreeSet<(u16, String)> {
    let codes = every_failure().into_iter().chain(more_failures()).flat_map(|failure| {
        let FailureAnswer { status, errors, .. } = failure.answer(Api::Backend);
        assert!(!errors.is_empty(), "{failure:?}");
        errors.into_iter().map(move |error| (status.as_u16(), error.code))
    });
    codes.collect()
}

/// The rows of the page's tables: status, code, when, what to do.
fn documented() -> Vec<[&'static str; 4]> {
    let page = include_str!("../../../../docs/errors.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| status"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        <[&str; 4]>::try_from(cells).unwrap_or_else(|cells| panic!("not four cells: {cells:?}"))
    })
    .collect()
}

#[test]
fn the_page_has_every_status_and_code_that_is_answered_and_no_other() {
    let rows = documented()
        .into_iter()
        .map(|[status, code, _, _]| (status.parse().expect("a status"), code.trim_matches('`').to_owned()));
    let rows: Vec<(u16, String)> = rows.collect();
    let documented: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(documented.len(), rows.len(), "a row is there twice");
    assert!(rows.is_sorted(), "the rows are not in order");
    let answered = answered();
    assert!(answered.len() > 25, "{answered:?}");
    assert_eq!(documented, answered);
}

#[test]
fn the_page_says_when_and_what_to_do() {
    for [status, code, when, what_to_do] in documented() {
        for text in [when, what_to_do] {
            assert!(text.len() > 12 && text.ends_with('.'), "{status} {code}: {text:?}");
        }
    }
}

/// Texts that name no reason, and reasons that are named by others.
#[test]
fn every_text_names_the_reason() {
    for failure in every_failure() {
        for error in failure.answer(Api::Backend).errors {
            let texts = format!("{} {}", error.message, error.long_message);
            let is_of_json = error.code == "request_body_invalid";
            assert!(is_of_json || !texts.contains("well-formed"), "{failure:?}: {texts}");
            assert!(!texts.contains("a value that is not allowed"), "{failure:?}: {texts}");
            assert!(!texts.contains("for a while"), "{failure:?}: {texts}");
            for text in [&error.message, &error.long_message] {
                assert!(!text.contains("  ") && !text.ends_with(".."), "{failure:?}: {text}");
            }
        }
    }
}

#[test]
fn only_what_can_pass_is_a_5xx_with_a_time_to_come_back() {
    for failure in every_failure() {
        let answer = failure.answer(Api::Backend);
        // A limit on sending has room again in its next period.
        let can_pass =
            matches!(answer.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
                || matches!(failure, Failure::Sending(SendingRefusal::Limit { .. }));
        assert_eq!(answer.retry_after_seconds.is_some(), can_pass, "{failure:?}");
        assert_eq!(answer.allow.is_some(), answer.status == StatusCode::METHOD_NOT_ALLOWED, "{failure:?}");
        for error in &answer.errors {
            assert!(!error.message.is_empty() && !error.long_message.is_empty(), "{failure:?}");
            // The cause is for whoever runs the server, never for the client.
            if answer.status.is_server_error() && failure.cause().is_some() {
                assert!(!format!("{error:?}").contains("why"), "{failure:?}");
            }
        }
    }
}
