//! The clock of the machine is set back or jumps: waits stay what they are, and nothing is forgotten.

use super::*;
use verger_server::{Messaging, SendingConfig};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn retry_after(answer: &Answer) -> i64 {
    answer.header("retry-after").expect("a Retry-After").parse().unwrap()
}

#[tokio::test]
async fn clock_set_back_closes_a_number_for_one_pause_and_a_dry_run_settles_nothing() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    app.advance_ms(-HOUR_MS);
    // A code from the future is shown with the lifetime that it has left.
    let shown = app.get(&pending.path).await;
    assert_eq!(shown.ok()["verification"]["expire_at"], START - HOUR_MS + 600_000);
    let path = format!("{}/prepare_verification", pending.path);
    for _ in 0..2 {
        let refused = app.call("POST", &path).header("prefer", "dry-run").send().await;
        assert_eq!((refused.status, retry_after(&refused)), (429, 30));
        app.advance_ms(30_000);
    }
    let refused = app.prepare(&pending.path).await;
    refused.refused(429, "verification_code_too_many_requests", "");
    assert_eq!(retry_after(&refused), 30);
    app.advance_ms(29_000);
    let refused = app.prepare(&pending.path).await;
    assert_eq!((refused.status, retry_after(&refused)), (429, 1));
    app.advance_ms(1_000);
    app.prepare(&pending.path).await.ok();
}

#[tokio::test]
async fn ten_failures_of_the_future_close_a_number_for_an_hour_from_now() {
    let app = TestApp::new().await;
    app.advance_ms(48 * HOUR_MS);
    let mut pending = app.pending_phone(0).await;
    for round in 0..2 {
        for _ in 0..5 {
            app.attempt(&pending.path, &pending.verification, &wrong(&pending.code)).await.ok();
        }
        if round == 0 {
            app.advance_ms(30_000);
            let verification = app.prepare(&pending.path).await.ok()["id"].as_str().unwrap().to_owned();
            pending.code = app.code_of(&verification).await;
            pending.verification = verification;
        }
    }
    app.advance_ms(-48 * HOUR_MS);
    // Even the right code opens nothing.
    let tried = app.attempt(&pending.path, &pending.verification, &pending.code).await;
    assert_eq!(tried.ok()["status"], "failed");
    let refused = app.prepare(&pending.path).await;
    refused.refused(429, "too_many_requests", "");
    assert_eq!(retry_after(&refused), 3_600);
    app.advance_ms(HOUR_MS - 1);
    assert_eq!(app.prepare(&pending.path).await.status, 429);
    app.advance_ms(1);
    app.prepare(&pending.path).await.ok();
}

#[tokio::test]
async fn what_was_counted_in_the_future_counts_now_and_is_forgotten_in_time() {
    type Change = fn(&mut SendingConfig);
    // A limit of an hour and one of a day.
    let cases: [(Change, i64, u16); 2] = [
        (|sending| sending.per_recipient = 3, HOUR_MS, 429),
        (|sending| sending.daily_budget = 0.16, DAY_MS, 403),
    ];
    for (change, period_ms, status) in cases {
        let mut messaging = Messaging::development().unwrap();
        change(&mut messaging.sending);
        let app = TestApp::with(messaging).await;
        app.advance_ms(365 * DAY_MS);
        let pending = app.pending_phone(0).await;
        for _ in 0..2 {
            app.advance_ms(30_000);
            app.prepare(&pending.path).await.ok();
        }
        app.advance_ms(-365 * DAY_MS);
        // Past the pause, so that the limit alone is what refuses.
        assert_eq!(app.prepare(&pending.path).await.status, 429);
        app.advance_ms(30_000);
        let refused = app.prepare(&pending.path).await;
        assert_eq!(refused.status, status, "{}", refused.text);
        let wait_ms = retry_after(&refused) * 1000;
        assert!(wait_ms <= period_ms, "{wait_ms}");
        app.advance_ms(wait_ms - 1_000);
        assert_eq!(app.prepare(&pending.path).await.status, status);
        app.advance_ms(1_000);
        app.prepare(&pending.path).await.ok();
    }
}
