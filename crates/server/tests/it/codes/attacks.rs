//! The flaws of other servers, tried here.

use super::*;
use crate::logged::Log;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PARALLEL_RIGHT: usize = 64;
const PARALLEL_WRONG: usize = 200;
/// Rounds of 64 right codes, each of another user, that are under way at a time: one round is mostly waiting.
const ROUNDS_AT_ONCE: usize = 4;

/// Rounds of 64 right codes; `VERGER_CODE_ROUNDS` asks for another number of them.
fn rounds() -> usize {
    let is_on_sqlite = std::env::var_os("VERGER_TEST_STORE").is_none();
    let default = if is_on_sqlite { 500 } else { 50 };
    let asked = std::env::var("VERGER_CODE_ROUNDS").ok();
    asked.map_or(default, |rounds| rounds.parse().expect("VERGER_CODE_ROUNDS is a number"))
}

/// Sends many requests at the same time and gives their answers.
async fn at_once(app: &TestApp, count: usize, pending: &Arc<Pending>, code: &str) -> Vec<Answer> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (app, pending, code) = (app.clone(), Arc::clone(pending), code.to_owned());
        tasks.spawn(async move { app.attempt(&pending.path, &pending.verification, &code).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn flaw_07_of_many_right_codes_at_once_one_succeeds() {
    let app = TestApp::new().await;
    let end = Instant::now() + Duration::from_secs(500);
    let (rounds, next) = (rounds(), Arc::new(AtomicUsize::new(0)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..ROUNDS_AT_ONCE {
        let (app, next) = (app.clone(), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let round = next.fetch_add(1, Ordering::Relaxed);
                if round >= rounds {
                    return;
                }
                assert!(Instant::now() < end, "too slow after {round} rounds");
                one_of_many_right_codes_succeeds(&app, round).await;
            }
        });
    }
    workers.join_all().await;
    assert!(next.load(Ordering::Relaxed) >= rounds);
}

async fn one_of_many_right_codes_succeeds(app: &TestApp, round: usize) {
    let pending = Arc::new(app.pending_email(round).await);
    let answers = at_once(app, PARALLEL_RIGHT, &pending, &pending.code).await;
    assert_eq!(answers.len(), PARALLEL_RIGHT);
    let won = answers.iter().filter(|answer| answer.status == 200 && answer.body["status"] == "verified");
    assert_eq!(won.count(), 1, "round {round}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(400, "verification_already_verified", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flaw_04_of_many_wrong_codes_at_once_five_are_compared() {
    let app = TestApp::new().await;
    for round in 0..5 {
        let pending = Arc::new(app.pending_email(round).await);
        let code = wrong(&pending.code);
        let answers = at_once(&app, PARALLEL_WRONG, &pending, &code).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        // One that was compared and is not the last says that there are tries left.
        let alive = answers.iter().filter(|answer| answer.body["status"] == "unverified").count();
        assert_eq!(alive, 4, "round {round}");
        assert_eq!(app.verification_of(&pending).await["attempts"], 5);
        let right = app.attempt(&pending.path, &pending.verification, &pending.code).await;
        assert_eq!(right.ok()["status"], "failed", "whatever comes after the fifth is not compared");
    }
}

#[tokio::test]
async fn flaw_12_a_new_value_is_unverified_whatever_the_old_one_was() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    app.attempt(&pending.path, &pending.verification, &pending.code).await.ok();
    let patched = app.patch(&pending.path, json!({ "phone_number": real_number(1) })).await;
    assert!(patched.status == 422 || patched.body["phone_number"] == real_number(0), "{}", patched.text);
    let path = format!("/v1/users/{}/phone_number", pending.user);
    let body = json!({ "phone_number": real_number(1), "identification_status": "unverified" });
    let put = app.call("PUT", &path).json(&body).send().await;
    assert_eq!(put.ok()["verification"], Value::Null);
    assert_eq!(app.get(&pending.path).await.status, 404);
}

/// What is stored beside what it is derived from can be wrong, and then a factor is skipped.
#[tokio::test]
async fn flaw_16_whether_there_is_a_second_factor_is_derived_and_stored_nowhere() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let enabled =
        async || app.get(&format!("/v1/users/{}", pending.user)).await.ok()["two_factor_enabled"].clone();
    assert_eq!(enabled().await, false);
    app.attempt(&pending.path, &pending.verification, &pending.code).await.ok();
    let other = json!({ "user_id": pending.user, "email_address": "jane@example.com", "verified": true });
    app.post("/v1/email_addresses", other).await.ok();
    app.patch(&pending.path, json!({ "reserved_for_second_factor": true })).await.ok();
    assert_eq!(enabled().await, true);
    // Each way on which the factor goes, without a word about two factors.
    app.patch(&pending.path, json!({ "verified": false })).await.ok();
    assert_eq!(enabled().await, false);
    app.patch(&pending.path, json!({ "verified": true, "reserved_for_second_factor": true })).await.ok();
    assert_eq!(enabled().await, true);
    app.delete(&pending.path).await.ok();
    assert_eq!(enabled().await, false);
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/src/migrations");
    let mut tables = String::new();
    for entry in std::fs::read_dir(migrations).unwrap() {
        tables += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    assert!(tables.contains("second_factor"), "of each identification");
    assert!(!tables.contains("two_factor"), "{tables}");
}

#[tokio::test]
async fn flaw_21_a_pending_number_is_no_second_factor() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let answer = app.patch(&pending.path, json!({ "reserved_for_second_factor": true })).await;
    assert_eq!((answer.status, answer.code()), (400, "identification_update_second_factor_unverified"));
}

#[tokio::test]
async fn flaw_05_wrong_codes_lock_nobody_out_of_anything_else() {
    let app = TestApp::new().await;
    let pending = app.pending_email(0).await;
    let mut verification = pending.verification.clone();
    for at in 0..10 {
        if at == 5 {
            app.advance_ms(30_000);
            verification = app.prepare(&pending.path).await.ok()["id"].as_str().unwrap().to_owned();
        }
        app.attempt(&pending.path, &verification, "wrong!").await.ok();
    }
    let user = app.get(&format!("/v1/users/{}", pending.user)).await;
    assert_eq!((&user.ok()["locked"], &user.body["banned"]), (&json!(false), &json!(false)));
    // The limits are there without a line of configuration.
    let defaults = verger_server::SendingConfig::default();
    assert!(defaults.per_recipient > 0 && defaults.per_user > 0 && defaults.daily_budget > 0.0);
    assert_eq!(defaults.unverified, verger_server::UnverifiedMode::Deny);
}

#[tokio::test]
async fn flaw_27_without_a_key_known_and_unknown_numbers_look_the_same() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &real_number(0), json!({ "verified": true })).await;
    let pairs = [
        ("GET", format!("/v1/users?phone_number={}", real_number(0)), "/v1/users?phone_number=x".to_owned()),
        ("GET", format!("/v1/phone_numbers/{id}"), "/v1/phone_numbers/idn_nobody".to_owned()),
        (
            "POST",
            format!("/v1/phone_numbers/{id}/prepare_verification"),
            "/v1/phone_numbers/idn_nobody/prepare_verification".to_owned(),
        ),
        ("GET", "/verger/v1/messages".to_owned(), "/verger/v1/deliveries".to_owned()),
    ];
    for (method, known, unknown) in pairs {
        let mut answers = Vec::new();
        for path in [known, unknown] {
            let mut answer = app.call(method, &path).without_key().send().await;
            assert_eq!(answer.status, 401, "{path}");
            answer.body["clerk_trace_id"] = Value::Null;
            let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            answers.push((answer.body, headers));
        }
        assert_eq!(answers[0], answers[1]);
    }
}

#[tokio::test]
async fn flaw_20_every_wrong_code_is_in_the_metrics() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::new().await;
    let pending = app.pending_email(0).await;
    for _ in 0..7 {
        app.attempt(&pending.path, &pending.verification, "wrong!").await.ok();
    }
    let text = handle.render();
    let line = |result: &str| {
        let wanted = format!("result=\"{result}\"}}");
        text.lines().find(|line| line.starts_with("verger_codes_tried_total") && line.contains(&wanted))
    };
    assert!(line("wrong").is_some_and(|line| line.ends_with(" 5")), "{text}");
    assert!(line("ended").is_some_and(|line| line.ends_with(" 2")), "{text}");
    assert!(line("right").is_none());
}

/// Everything that this thread logs, counts, tells and answers, with every code that was issued or tried.
#[tokio::test]
async fn flaw_34_no_code_is_in_a_log_a_metric_an_event_or_an_error() {
    let log = Log::default();
    let _listening = log.listen_json(tracing::Level::TRACE);
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    tracing::info!("the log is listening");

    let app = TestApp::new().await;
    let delivering = tokio::spawn(verger_server::deliver_messages(Arc::clone(&app.app)));
    let mut codes = Vec::new();
    let mut answers = String::new();
    for n in 0..12 {
        let pending = if n % 2 == 0 { app.pending_phone(n).await } else { app.pending_email(n).await };
        let bad = wrong(&pending.code);
        for code in [&bad, &pending.code, &pending.code] {
            let answer = app.attempt(&pending.path, &pending.verification, code).await;
            answers.push_str(&answer.text);
        }
        let odd = json!({ "verification_id": pending.verification, "code": [pending.code] });
        answers.push_str(&app.post(&format!("{}/attempt_verification", pending.path), odd).await.text);
        codes.extend([bad, pending.code]);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let deliveries = app.get("/verger/v1/deliveries").await;
        let all = deliveries.ok().as_array().unwrap();
        answers.push_str(&deliveries.text);
        if all.len() == 12 && all.iter().all(|delivery| delivery["status"] == "delivered") {
            break;
        }
        assert!(Instant::now() < deadline, "{}", deliveries.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.app.begin_closing();
    delivering.await.unwrap();
    answers.push_str(&app.dump().await);
    let log = log.text();
    assert!(log.contains("the log is listening") && log.contains("a message"), "{log}");
    let metrics = handle.render();
    assert!(metrics.contains("verger_codes_tried_total"));
    assert_eq!(codes.len(), 24);
    for (what, text) in [("log", &log), ("metrics", &metrics), ("answers and events", &answers)] {
        for code in &codes {
            // A code that is part of a longer number says nothing.
            let found = text.match_indices(code.as_str()).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + code.len()..].chars().next();
                !before.is_some_and(|before| before.is_ascii_alphanumeric())
                    && !after.is_some_and(|after| after.is_ascii_alphanumeric())
            });
            assert!(!found, "{code} is in the {what}");
        }
    }
}

/// How what a code is bound to may stand before it.
fn prefixes(parts: &[&str]) -> Vec<Vec<u8>> {
    let mut with_lengths = Vec::new();
    for part in parts {
        with_lengths.extend((part.len() as u64).to_be_bytes());
        with_lengths.extend(part.as_bytes());
    }
    with_lengths.extend(6_u64.to_be_bytes());
    let lines = format!("{}\n", parts.join("\n"));
    vec![Vec::new(), parts.concat().into_bytes(), lines.into_bytes(), with_lengths]
}

/// What somebody with a copy of the database, but without the keys, can compute of a code: bare digests, and digests
/// with what is public for a key.
fn guess(at: usize, prefix: &[u8], key: &aws_lc_rs::hmac::Key, code: &[u8]) -> [u8; 32] {
    let mut text = [0; 512];
    let length = prefix.len() + code.len();
    text[..prefix.len()].copy_from_slice(prefix);
    text[prefix.len()..length].copy_from_slice(code);
    let tag;
    let digest;
    let bytes = if at == 0 {
        digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text[..length]);
        digest.as_ref()
    } else {
        tag = aws_lc_rs::hmac::sign(key, &text[..length]);
        tag.as_ref()
    };
    bytes.try_into().unwrap()
}

/// The code whose guesses have the digest in them, of all the million there are.
fn brute_force(digest: &[u8; 32], key_id: &str, parts: &[&str]) -> Option<u32> {
    let prefixes = prefixes(parts);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key_id.as_bytes());
    let search = |first: u32| {
        (first..1_000_000).step_by(2).find(|number| {
            let code = format!("{number:06}");
            let code = code.as_bytes();
            prefixes.iter().any(|prefix| (0..2).any(|at| guess(at, prefix, &key, code) == *digest))
        })
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| search(1));
        search(0).or(other.join().unwrap())
    })
}

fn from_hex(text: &str) -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// Rows 15 and 34: the database alone gives no code away, not by its digests, its messages, or its kept answers.
#[tokio::test]
async fn flaw_15_a_copy_of_the_database_gives_no_code_away() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let instance = app.store.instances(Instant::now() + Duration::from_secs(5)).await.unwrap()[0].id.clone();
    let scoped = app.store.instance(&instance);
    let soon = || Instant::now() + Duration::from_secs(5);
    let id = pending.id.as_str().into();
    let found = scoped.load_for_code(&id, soon()).await.unwrap().unwrap();
    let (binding, stored) = found.loaded.user.code_binding(&id).unwrap();
    assert_eq!(stored.digest.len(), 64);
    let parts = [instance.as_str(), binding.as_str()];
    // The search finds what is there to be found, so that it means something when it finds nothing.
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, stored.key_id.as_bytes());
    let known = "004242";
    for (at, prefix) in [(0, 0), (1, 2), (0, 3), (1, 3)] {
        let found = guess(at, &prefixes(&parts)[prefix], &key, known.as_bytes());
        assert_eq!(brute_force(&found, &stored.key_id, &parts), Some(4242));
    }
    assert_eq!(brute_force(&from_hex(&stored.digest), &stored.key_id, &parts), None);

    // The waiting message has neither code nor number in it.
    let message = scoped.messages(None, 10, soon()).await.unwrap().remove(0);
    let shown = format!("{message:?}");
    assert!(message.sealed.is_some() && !shown.contains(&pending.code), "{shown}");
    assert!(!shown.contains("4155552000"), "{shown}");

    // A kept answer names the request that it belongs to, and that has a code in it.
    let body = |code: &str| json!({ "verification_id": pending.verification, "code": code }).to_string();
    let path = format!("{}/attempt_verification", pending.path);
    let call = app.call("POST", &path).header("idempotency-key", "k").body(body(&pending.code));
    call.send().await.ok();
    let kept = scoped.stored_answer("k", soon()).await.unwrap().unwrap();
    assert!(!format!("{kept:?}").contains(&pending.code));
    let fingerprint = |code: &str| {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in ["POST", path.as_str(), body(code).as_str()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert!(!kept.fingerprint.contains(&fingerprint(&pending.code)), "{}", kept.fingerprint);
}
