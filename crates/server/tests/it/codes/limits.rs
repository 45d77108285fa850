//! What sending may cost: every limit with its answer, its metric and the time until it has room again.

use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_server::{Messaging, SendingConfig, UnverifiedMode};

const PATIENCE: Duration = Duration::from_secs(20);

async fn app_with(change: impl FnOnce(&mut SendingConfig)) -> TestApp {
    let mut messaging = Messaging::development().unwrap();
    change(&mut messaging.sending);
    TestApp::with(messaging).await
}

/// A new user's number, and the answer to a request for a code.
async fn send(app: &TestApp, number: &str) -> (String, Answer) {
    let user = app.bare_user().await;
    let id = app.add_number(&user, number, json!({})).await;
    let path = format!("/v1/phone_numbers/{id}");
    let answer = app.prepare(&path).await;
    (path, answer)
}

async fn sent(app: &TestApp) -> usize {
    app.get("/verger/v1/messages?limit=500").await.ok().as_array().unwrap().len()
}

#[tokio::test]
async fn flaw_31_each_limit_refuses_what_is_over_it_and_counts_it() {
    type Change = fn(&mut SendingConfig);
    // Another user for each message, or one user, or one number.
    let cases: [(&str, Change, u16, &str, i64); 4] = [
        ("instance", |sending| sending.per_instance = 3, 429, "too_many_requests", 3_600),
        ("country", |sending| sending.per_country = 3, 429, "too_many_requests", 3_600),
        (
            "spent",
            |sending| {
                sending.daily_budget = 0.17;
                sending.prices.insert("US".to_owned(), 0.05);
            },
            403,
            "sms_budget_exceeded",
            86_400,
        ),
        (
            "unverified",
            |sending| {
                sending.unverified = UnverifiedMode::Deny;
                sending.unverified_allowance = 3;
            },
            403,
            "sms_country_suspended",
            86_400,
        ),
    ];
    for (limit, change, status, code, period) in cases {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let _counting = metrics::set_default_local_recorder(&recorder);
        let app = app_with(change).await;
        for n in 0..3 {
            send(&app, &real_number(n)).await.1.ok();
        }
        let (path, refused) = send(&app, &real_number(3)).await;
        refused.refused(status, code, "");
        let left = period - (START / 1_000).rem_euclid(period);
        assert_eq!(refused.header("retry-after"), Some(left.to_string().as_str()), "{limit}");
        assert_eq!(sent(&app).await, 3, "{limit}");
        assert_eq!(app.get(&path).await.ok()["verification"], Value::Null, "{limit}: no code was made");
        let line = format!("verger_sending_refused_total{{limit=\"{limit}\"}} 1");
        assert!(handle.render().lines().any(|shown| shown == line), "{limit}: {}", handle.render());
        // Email costs nothing and has no country.
        if limit != "instance" {
            app.pending_email(0).await;
        }
        app.advance_ms(left * 1_000 - 1);
        assert_eq!(app.prepare(&path).await.status, status, "{limit}: a moment before");
        if limit != "unverified" {
            app.advance_ms(1);
            app.prepare(&path).await.ok();
        }
    }
}

#[tokio::test]
async fn a_number_and_a_user_have_limits_of_their_own() {
    for is_user in [false, true] {
        let app = app_with(|sending| {
            let limit = if is_user { &mut sending.per_user } else { &mut sending.per_recipient };
            *limit = 3;
        })
        .await;
        let user = app.bare_user().await;
        let path = async |n: usize| {
            let id = app.add_number(&user, &real_number(n), json!({})).await;
            format!("/v1/phone_numbers/{id}")
        };
        let first = path(0).await;
        for _ in 0..3 {
            app.prepare(&first).await.ok();
            app.advance_ms(30_000);
        }
        let refused = app.prepare(&first).await;
        refused.refused(429, "too_many_requests", "");
        assert!(refused.header("retry-after").is_some());
        let other_number = app.prepare(&path(1).await).await;
        assert_eq!(other_number.status, if is_user { 429 } else { 200 }, "{}", other_number.text);
        if is_user {
            app.pending_email(0).await;
        } else {
            // Whoever has it.
            assert_eq!(send(&app, &real_number(0)).await.1.status, 429);
        }
    }
}

async fn refusals(app: &TestApp) -> Vec<Value> {
    // On PostgreSQL rows wait for a job, of which this does the work.
    let end = Instant::now() + PATIENCE;
    for backlog in app.store.backlogs(end).await.unwrap() {
        app.store.instance(&backlog.instance).number_changes(1_000, end).await.unwrap();
    }
    let mut rows = Vec::new();
    for kind in ["sms.refused", "email.refused"] {
        let log = app.get(&format!("/verger/v1/audit_log?type={kind}&limit=500")).await;
        rows.extend(log.ok()["data"].as_array().unwrap().iter().cloned());
    }
    rows
}

#[tokio::test]
async fn refusal_is_in_the_audit_trail_and_nowhere_else() {
    let app = app_with(|sending| {
        sending.allowed_countries = SendingConfig::default().allowed_countries;
        sending.per_recipient = 1;
        sending.daily_budget = 0.12;
    })
    .await;
    tokio::spawn(verger_server::fan_out_events(Arc::clone(&app.app)));
    // Follows the feed from before the first refusal on.
    let mut feed = app.stream("/verger/v1/events", None).await;
    let (german, refused) = send(&app, "+4915112345678").await;
    refused.refused(403, "unsupported_country_code", "");
    let (american, sent) = send(&app, &real_number(0)).await;
    sent.ok();
    app.advance_ms(60_000);
    app.prepare(&american).await.refused(429, "too_many_requests", "");
    let email = app.pending_email(0).await;
    app.advance_ms(60_000);
    app.prepare(&email.path).await.refused(429, "too_many_requests", "");
    send(&app, &real_number(1)).await.1.ok();
    send(&app, &real_number(2)).await.1.refused(403, "sms_budget_exceeded", "");

    let rows = refusals(&app).await;
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| {
            let resource = &row["entry"]["resource"];
            let to = resource["to_phone_number"].as_str().or(resource["to_email_address"].as_str());
            (row["type"].as_str().unwrap(), resource["reason"].as_str().unwrap(), to.unwrap())
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("email.refused", "recipient", "j***@example.com"),
            ("sms.refused", "allowed_countries", "+4***78"),
            ("sms.refused", "recipient", "+1***00"),
            ("sms.refused", "spent", "+1***02"),
        ]
    );
    for row in &rows {
        let resource = &row["entry"]["resource"];
        assert_eq!(resource["user_id"], row["user_id"]);
        assert!(row["entry"]["actor"]["key_id"].as_str().is_some_and(|id| !id.is_empty()), "{row}");
        assert!(row["entry"]["clerk_trace_id"].as_str().is_some_and(|id| id.len() == 32), "{row}");
        for secret in ["15112345678", "4155552", "jane0@"] {
            assert!(!row.to_string().contains(secret), "{row}");
        }
    }
    assert!(rows.iter().any(|row| german.ends_with(row["entry"]["resource"]["id"].as_str().unwrap())));

    // Whatever the feed tells until something that came later is no refusal.
    let last = app.bare_user().await;
    loop {
        let (_, event) = feed.next_event().await;
        assert!(!event["type"].as_str().unwrap().ends_with(".refused"), "{event}");
        if event["data"]["id"] == last.as_str() {
            break;
        }
    }
    let instance = app.store.instances(Instant::now() + PATIENCE).await.unwrap().remove(0).id;
    let verdict = app.store.instance(&instance).verify_audit_log(PATIENCE).await.unwrap();
    assert!(matches!(verdict, verger_store::AuditVerdict::Whole { .. }), "{verdict:?}");
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_fill_the_audit_trail() {
    let app = app_with(|sending| sending.allowed_countries = vec!["US".to_owned()]).await;
    let (german, refused) = send(&app, "+4915112345678").await;
    assert_eq!(refused.status, 403);
    for _ in 0..5 {
        assert_eq!(app.prepare(&german).await.status, 403);
        let path = format!("{german}/prepare_verification");
        assert_eq!(app.call("POST", &path).header("prefer", "dry-run").send().await.status, 403);
    }
    assert_eq!(refusals(&app).await.len(), 1);
    app.advance_ms(60_000);
    let path = format!("{german}/prepare_verification");
    assert_eq!(app.call("POST", &path).header("prefer", "dry-run").send().await.status, 403);
    assert_eq!(refusals(&app).await.len(), 1, "a dry run stores nothing");
    app.prepare(&german).await;
    assert_eq!(refusals(&app).await.len(), 2);
    // One of each number, and a hundred of all.
    let user = app.bare_user().await;
    let user_of_others = app.bare_user().await;
    app.advance_ms(60_000);
    for n in 0..98 {
        let user = if n % 2 == 0 { &user } else { &user_of_others };
        let id = app.add_number(user, &format!("+49151123456{n:02}"), json!({})).await;
        assert_eq!(app.prepare(&format!("/v1/phone_numbers/{id}")).await.status, 403);
    }
    for number in ["+447400123456", "+447400123457", "+447400123458", "+447400123459"] {
        assert_eq!(send(&app, number).await.1.status, 403);
    }
    assert_eq!(refusals(&app).await.len(), 2 + 100);
}

#[tokio::test]
async fn countries_that_are_not_allowed_get_nothing() {
    let app =
        app_with(|sending| sending.allowed_countries = SendingConfig::default().allowed_countries).await;
    send(&app, &real_number(0)).await.1.ok();
    for (number, alpha2) in [("+4915112345678", "DE"), ("+447400123456", "GB"), ("+18767890123", "JM")] {
        let (_, refused) = send(&app, number).await;
        assert_eq!((refused.status, refused.code()), (403, "unsupported_country_code"), "{}", refused.text);
        assert_eq!(refused.body["errors"][0]["meta"]["alpha2"], alpha2);
    }
    assert_eq!(sent(&app).await, 1);
}

#[tokio::test]
async fn entered_codes_make_room_for_more_and_record_only_records() {
    let change = |mode| {
        move |sending: &mut SendingConfig| {
            sending.unverified = mode;
            sending.unverified_allowance = 2;
            sending.unverified_per_verified = 2;
        }
    };
    let app = app_with(change(UnverifiedMode::Deny)).await;
    let pending = app.pending_phone(0).await;
    app.attempt(&pending.path, &pending.verification, &pending.code).await.ok();
    for n in 1..=4 {
        send(&app, &real_number(n)).await.1.ok();
    }
    assert_eq!(send(&app, &real_number(5)).await.1.status, 403);
    // After three days nobody remembers.
    app.advance_ms(3 * 86_400_000);
    send(&app, &real_number(6)).await.1.ok();

    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let app = app_with(change(UnverifiedMode::Record)).await;
    for n in 0..5 {
        send(&app, &real_number(n)).await.1.ok();
    }
    assert!(handle.render().contains("verger_sending_refused_total{limit=\"unverified\"} 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_when_many_ask_at_once() {
    let app = app_with(|sending| sending.per_instance = 10).await;
    let mut paths = Vec::new();
    for n in 0..40 {
        let user = app.bare_user().await;
        paths.push(format!("/v1/phone_numbers/{}", app.add_number(&user, &real_number(n), json!({})).await));
    }
    let mut tasks = tokio::task::JoinSet::new();
    for path in paths {
        let app = app.clone();
        tasks.spawn(async move { app.prepare(&path).await.status });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30);
    assert_eq!(sent(&app).await, 10);
}
