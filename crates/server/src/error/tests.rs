//! Every reason is tried, and docs/errors.md says of each what the server says.

use super::*;
use std::collections::BTreeSet;
use std::fmt::Write;
use verger_core::Unit;
use verger_wire::json::Step;

/// The one after this in the order of the enum; the first after `None`, nothing after the last. No wildcard, so that a
/// new reason does not compile until it is in the chain.
fn failure_after(failure: Option<&Failure>) -> Option<Failure> {
    use Failure as F;
    Some(match failure {
        None => F::AuthorizationHeader,
        Some(F::AuthorizationHeader) => F::KeyInvalid,
        Some(F::KeyInvalid) => F::KeyInvalidInDevelopment { key_hint: "is in a file".to_owned() },
        Some(F::KeyInvalidInDevelopment { .. }) => F::ApiVersion("why"),
        Some(F::ApiVersion(_)) => F::BodyInvalid("why"),
        Some(F::BodyInvalid(_)) => F::BodyUnreadable(unreadable(JsonProblem::Syntax)),
        Some(F::BodyUnreadable(error)) if error.problem == JsonProblem::Syntax => {
            F::BodyUnreadable(unreadable(JsonProblem::HalfCharacter))
        }
        Some(F::BodyUnreadable(error)) if error.problem == JsonProblem::HalfCharacter => {
            F::BodyUnreadable(unreadable(JsonProblem::DuplicateKey))
        }
        Some(F::BodyUnreadable(error)) if error.problem == JsonProblem::DuplicateKey => {
            F::BodyUnreadable(unreadable(JsonProblem::TooDeep))
        }
        Some(F::BodyUnreadable(_)) => F::RequestMalformed { param: Some("limit"), why: "why" },
        Some(F::RequestMalformed { .. }) => F::BodyTooSlow,
        Some(F::BodyTooSlow) => F::BodyTooLarge { bytes_max: 1024 * 1024 },
        Some(F::BodyTooLarge { .. }) => F::ContentType,
        Some(F::ContentType) => F::ContentEncoding { encoding: "gzip".to_owned() },
        Some(F::ContentEncoding { .. }) => F::UnknownPath,
        Some(F::UnknownPath) => F::NoPath("why"),
        Some(F::NoPath(_)) => F::MethodNotAllowed { allow: "GET".to_owned() },
        Some(F::MethodNotAllowed { .. }) => F::NotBuilt { method: "POST", path: "/organizations" },
        Some(F::NotBuilt { .. }) => F::NotFound("user"),
        Some(F::NotFound(_)) => F::Fields(problems()),
        Some(F::Fields(_)) => F::BulkTooLarge { param: "field", max: 1, length: 2 },
        Some(F::BulkTooLarge { .. }) => F::QuotaExceeded { objects: "fields", max: 1 },
        Some(F::QuotaExceeded { .. }) => F::Refused(Refusal::NotFound),
        Some(F::Refused(_)) => F::Country { alpha2: "GB".to_owned(), calling_code: Some(44) },
        Some(F::Country { .. }) => F::SendingLimit { scope: limits::PER_USER, retry_after_seconds: 1 },
        Some(F::SendingLimit { scope: limits::PER_USER, .. }) => {
            F::SendingLimit { scope: limits::SPENT, retry_after_seconds: 1 }
        }
        Some(F::SendingLimit { scope: limits::SPENT, .. }) => {
            F::SendingLimit { scope: limits::UNVERIFIED, retry_after_seconds: 1 }
        }
        Some(F::SendingLimit { .. }) => F::CallbackSignature,
        Some(F::CallbackSignature) => F::NoSender { channel: "sms" },
        Some(F::NoSender { .. }) => F::PreconditionFailed,
        Some(F::PreconditionFailed) => F::IdempotencyKeyReused,
        Some(F::IdempotencyKeyReused) => F::Unavailable("why"),
        Some(F::Unavailable(_)) => F::Unavailable("why").after_counted_try(),
        Some(F::AfterCountedTry(_)) => F::Store(StoreError::Unavailable("why".to_owned())),
        Some(F::Store(_)) => F::Bug("why".to_owned()),
        Some(F::Bug(_)) => return None,
    })
}

fn unreadable(problem: JsonProblem) -> JsonError {
    JsonError { problem, at: 7, path: vec![Step::Key("field".to_owned())] }
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

fn problem_after(kind: Option<&ProblemKind>) -> Option<ProblemKind> {
    use ProblemKind as K;
    Some(match kind {
        None => K::Missing,
        Some(K::Missing) => K::Null,
        Some(K::Null) => K::Unknown { is_documented: true },
        Some(K::Unknown { is_documented: true }) => K::Unknown { is_documented: false },
        Some(K::Unknown { is_documented: false }) => K::Value("why".to_owned()),
        Some(K::Value(_)) => K::TooLarge("why".to_owned()),
        Some(K::TooLarge(_)) => K::Conditional("why".to_owned()),
        Some(K::Conditional(_)) => K::InsecureUrl("why".to_owned()),
        Some(K::InsecureUrl(_)) => K::Format(malformed_after(None)?),
        Some(K::Format(why)) => {
            malformed_after(Some(*why)).map_or(K::ArraySize { max: 2, length: 3 }, K::Format)
        }
        Some(K::ArraySize { .. }) => K::ArrayLength { other: "other", length: 1, other_length: 2 },
        Some(K::ArrayLength { .. }) => K::ResourceNotFound,
        Some(K::ResourceNotFound) => return None,
    })
}

fn problems() -> Vec<Problem> {
    let kinds = std::iter::successors(problem_after(None), |kind| problem_after(Some(kind)));
    kinds.map(|kind| Problem { param: "field".to_owned(), kind }).collect()
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
        Some(R::Locked) => R::Malformed { param: "field", why: Malformed::Form("why") },
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
            Conflict::InstanceExists => Conflict::NotFound,
            Conflict::NotFound => Conflict::MigrationApplied,
            // `Failure::from` makes a refusal of this one.
            Conflict::MigrationApplied => Conflict::Taken(kind_after(None)?),
            Conflict::Taken(_) => Conflict::LimitReached(limits::PER_USER),
            Conflict::LimitReached(_) => return None,
        }),
    })
}

fn every_failure() -> Vec<Failure> {
    let plain = std::iter::successors(failure_after(None), |failure| failure_after(Some(failure)));
    let refused = std::iter::successors(refusal_after(None), |refusal| refusal_after(Some(refusal)));
    let stored = std::iter::successors(store_error_after(None), |error| store_error_after(Some(error)));
    plain.chain(refused.map(Failure::from)).chain(stored.map(Failure::from)).collect()
}

/// Those that [`every_failure`] has not, because they are another case of a variant that it has.
fn more_failures() -> Vec<Failure> {
    use Failure as F;
    let why = || "why".to_owned();
    let mut more = vec![
        F::BodyTooLarge { bytes_max: 16 * 1024 },
        F::RequestMalformed { param: None, why: "The path is not UTF-8." },
        F::RequestMalformed { param: Some("Prefer"), why: "One sentence. And another one." },
        F::NotFound("verification"),
        F::Country { alpha2: "001".to_owned(), calling_code: None },
        F::SendingLimit { scope: limits::SPENT, retry_after_seconds: 0 },
        F::SendingLimit { scope: limits::UNVERIFIED, retry_after_seconds: 0 },
        F::SendingLimit { scope: limits::PER_USER, retry_after_seconds: 0 },
        F::NoSender { channel: "email" },
        F::from(Refusal::CodeJustSent { retry_after_ms: 29_001 }),
        F::from(Refusal::VerificationClosed { retry_after_ms: 0 }),
        F::Store(StoreError::Unavailable(why())).after_counted_try(),
        F::Store(StoreError::Conflict(Conflict::Stale)).after_counted_try(),
        F::Store(StoreError::OutcomeUnknown(why())).after_counted_try(),
        F::NotFound("user").after_counted_try(),
    ];
    let mut reasons = vec![Malformed::UsernameLength { length: 65 }, Malformed::PhoneDigits { digits: 16 }];
    for unit in [Unit::Bytes, Unit::BeforeAt, Unit::Label] {
        reasons.push(Malformed::TooLong { max: 254, length: 265, unit });
    }
    reasons.extend(std::iter::successors(malformed_after(None), |why| malformed_after(Some(*why))));
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

/// Status and code of everything that the server can refuse with.
fn answered() -> BTreeSet<(u16, String)> {
    let codes = every_failure().into_iter().flat_map(|failure| {
        let FailureAnswer { status, errors, .. } = failure.answer();
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
        for error in failure.answer().errors {
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
        let answer = failure.answer();
        // A limit on sending has room again in its next period.
        let can_pass =
            matches!(answer.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
                || matches!(failure, Failure::SendingLimit { .. });
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
