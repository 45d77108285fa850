//! Codes over HTTP (contract section 8): what prepare and attempt answer, and how they stand up to attackers.

mod attacks;
mod clocks;
mod development;
mod failures;
mod limits;

use crate::support::*;
use serde_json::{Value, json};

/// A number that no test number is.
pub(crate) fn real_number(n: usize) -> String {
    format!("+1415555{}", 2000 + n)
}

pub(crate) struct Pending {
    pub(crate) user: String,
    pub(crate) id: String,
    /// Path of the number or address.
    pub(crate) path: String,
    pub(crate) verification: String,
    pub(crate) code: String,
}

impl TestApp {
    pub(crate) async fn prepare(&self, path: &str) -> Answer {
        self.post(&format!("{path}/prepare_verification"), json!({})).await
    }

    pub(crate) async fn attempt(&self, path: &str, verification: &str, code: &str) -> Answer {
        let body = json!({ "verification_id": verification, "code": code });
        self.post(&format!("{path}/attempt_verification"), body).await
    }

    pub(crate) async fn code_of(&self, verification: &str) -> String {
        self.code_among("limit=100", verification).await
    }

    /// The code of a verification among the messages that this query selects.
    async fn code_among(&self, query: &str, verification: &str) -> String {
        let messages = self.get(&format!("/verger/v1/messages?{query}")).await;
        let messages = messages.ok().as_array().unwrap().clone();
        let message = messages.iter().find(|message| message["verification_id"] == verification);
        message.expect("a message")["code"].as_str().unwrap().to_owned()
    }

    /// `query` selects the messages to the number or address: of hundreds of users, each has few.
    async fn pending(&self, user: String, id: String, path: String, query: &str) -> Pending {
        let verification = self.prepare(&path).await.ok()["id"].as_str().unwrap().to_owned();
        let code = self.code_among(query, &verification).await;
        Pending { user, id, path, verification, code }
    }

    /// A new user who waits for a code to a phone number.
    pub(crate) async fn pending_phone(&self, n: usize) -> Pending {
        let user = self.bare_user().await;
        let id = self.add_number(&user, &real_number(n), json!({})).await;
        let path = format!("/v1/phone_numbers/{id}");
        let query = format!("phone_number_id={id}");
        self.pending(user, id, path, &query).await
    }

    /// A new user who waits for a code to an address.
    pub(crate) async fn pending_email(&self, n: usize) -> Pending {
        let user = self.bare_user().await;
        let address = format!("jane{n}@example.com");
        let body = json!({ "user_id": user, "email_address": address });
        let id = self.post("/v1/email_addresses", body).await.ok()["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/email_addresses/{id}");
        self.pending(user, id, path, &format!("email_address={address}")).await
    }

    async fn verification_of(&self, pending: &Pending) -> Value {
        self.get(&pending.path).await.ok()["verification"].clone()
    }
}

/// Another six digits.
pub(crate) fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn prepare_and_attempt_answer_as_the_contract_says() {
    let app = TestApp::new().await;
    let expire_at = START + 600_000;
    let phone = app.pending_phone(0).await;
    let email = app.pending_email(0).await;
    for (pending, strategy, channel) in [(&phone, "phone_code", true), (&email, "email_code", false)] {
        let body = |status: &str, attempts: i64| {
            let mut body = json!({
                "object": "verification_otp",
                "id": pending.verification,
                "status": status,
                "strategy": strategy,
                "attempts": attempts,
                "expire_at": expire_at,
            });
            if channel {
                body["channel"] = json!("sms");
            }
            body
        };
        let id = &pending.verification;
        assert!(id.starts_with("ver_") && id.len() == 31, "{id}");
        let shown = app.verification_of(pending).await;
        assert_eq!((&shown["status"], &shown["object"]), (&json!("unverified"), &json!("verification_otp")));
        let answer = app.attempt(&pending.path, id, &wrong(&pending.code)).await;
        let mut got = answer.ok().clone();
        if got["channel"].is_null() {
            got.as_object_mut().unwrap().remove("channel");
        }
        assert_eq!(got, body("unverified", 1));
        let answer = app.attempt(&pending.path, id, &pending.code).await;
        let mut got = answer.ok().clone();
        if got["channel"].is_null() {
            got.as_object_mut().unwrap().remove("channel");
        }
        assert_eq!(got, body("verified", 2));
        let shown = app.verification_of(pending).await;
        assert_eq!(
            (&shown["status"], &shown["strategy"], &shown["attempts"], &shown["expire_at"]),
            (&json!("verified"), &json!(strategy), &json!(2), &json!(expire_at))
        );
        let again = app.attempt(&pending.path, id, &pending.code).await;
        again.refused(400, "verification_already_verified", "");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    let phone = app.pending_phone(0).await;
    let other = app.pending_phone(1).await;
    let email = app.pending_email(0).await;
    app.attempt(&phone.path, &other.verification, &other.code).await.refused(404, "resource_not_found", "");
    app.attempt(&phone.path, "ver_nobody", &phone.code).await.refused(404, "resource_not_found", "");
    let mixed = format!("/v1/email_addresses/{}", phone.id);
    app.prepare(&mixed).await.refused(404, "resource_not_found", "");
    app.attempt(&mixed, &phone.verification, &phone.code).await.refused(404, "resource_not_found", "");
    let mixed = format!("/v1/phone_numbers/{}", email.id);
    app.attempt(&mixed, &email.verification, &email.code).await.refused(404, "resource_not_found", "");
    app.prepare("/v1/phone_numbers/idn_nobody").await.refused(404, "resource_not_found", "");
    // Another instance's key.
    let body = json!({ "verification_id": phone.verification, "code": phone.code });
    for (call, body) in [("prepare_verification", json!({})), ("attempt_verification", body)] {
        let path = format!("{}/{call}", phone.path);
        let answer = app.call("POST", &path).key(PRODUCTION_KEY).json(&body).send().await;
        answer.refused(404, "resource_not_found", "");
    }
    assert_eq!(app.verification_of(&phone).await["attempts"], 0, "nothing of it was a try");
    app.attempt(&phone.path, &phone.verification, &phone.code).await.ok();
}

#[tokio::test]
async fn missing_and_malformed_fields_count_nothing() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let path = format!("{}/attempt_verification", pending.path);
    for body in [
        json!({}),
        json!({ "code": pending.code }),
        json!({ "verification_id": pending.verification }),
        json!({ "verification_id": pending.verification, "code": 123_456 }),
        json!({ "verification_id": 7, "code": pending.code }),
        json!({ "verification_id": pending.verification, "code": null }),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!((400..=422).contains(&answer.status), "{body}: {}", answer.text);
    }
    assert_eq!(app.verification_of(&pending).await["attempts"], 0);
    // Anything else is a code like any other: wrong.
    for code in ["", "12345", "1234567", "००००००", " 424242"] {
        if code != pending.code {
            app.attempt(&pending.path, &pending.verification, code).await;
        }
    }
    app.attempt(&pending.path, &pending.verification, "\u{0}").await;
    assert_eq!(app.get(&pending.path).await.ok()["verification"]["status"], "failed");
}

#[tokio::test]
async fn waiting_times_are_in_retry_after() {
    let app = TestApp::new().await;
    let pending = app.pending_email(0).await;
    let again = app.prepare(&pending.path).await;
    again.refused(429, "verification_code_too_many_requests", "");
    assert_eq!(again.header("retry-after"), Some("30"));
    let wrong_codes = async |verification: &str, count: usize| {
        let mut last = Value::Null;
        for _ in 0..count {
            last = app.attempt(&pending.path, verification, "wrong!").await.ok().clone();
        }
        (last["status"].clone(), last["attempts"].clone())
    };
    let next_code = async || {
        app.advance_ms(30_000);
        app.prepare(&pending.path).await.ok()["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(wrong_codes(&pending.verification, 5).await, (json!("failed"), json!(5)));
    assert_eq!(wrong_codes(&next_code().await, 4).await, (json!("unverified"), json!(4)));
    let third = wrong_codes(&next_code().await, 1).await;
    assert_eq!(third, (json!("failed"), json!(1)), "the tenth failure of the address closes it");
    app.advance_ms(30_000);
    let closed = app.prepare(&pending.path).await;
    closed.refused(429, "too_many_requests", "");
    assert_eq!(closed.header("retry-after"), Some((3_600 - 90).to_string().as_str()));
}

#[tokio::test]
async fn expired_and_superseded_codes_are_answered_with_200() {
    let app = TestApp::new().await;
    let first = app.pending_phone(0).await;
    app.advance_ms(30_000);
    let second = app.prepare(&first.path).await.ok()["id"].as_str().unwrap().to_owned();
    let answer = app.attempt(&first.path, &first.verification, &first.code).await;
    assert_eq!((&answer.ok()["status"], &answer.body["attempts"]), (&json!("expired"), &json!(0)));
    app.advance_ms(600_000);
    let code = app.code_of(&second).await;
    assert_eq!(app.attempt(&first.path, &second, &code).await.ok()["status"], "expired");
    assert_eq!(app.get(&first.path).await.ok()["verification"]["status"], "expired");
}

#[tokio::test]
async fn an_answer_of_an_ended_code_is_kept_for_its_idempotency_key() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    app.advance_ms(600_000);
    let path = format!("{}/attempt_verification", pending.path);
    let body = json!({ "verification_id": pending.verification, "code": pending.code });
    let call =
        async |key: &str| app.call("POST", &path).header("idempotency-key", key).json(&body).send().await;
    let first = call("one").await;
    assert_eq!((&first.ok()["status"], first.header("idempotent-replayed")), (&json!("expired"), None));
    // Another answer would be given by now.
    app.post(&format!("/v1/users/{}/ban", pending.user), json!({})).await.ok();
    call("two").await.refused(403, "user_banned", "");
    let again = call("one").await;
    assert_eq!((again.ok(), again.header("idempotent-replayed")), (first.ok(), Some("true")));
}

#[tokio::test]
async fn flaw_18_the_barred_get_no_code_and_use_none() {
    let app = TestApp::new().await;
    for (n, (bar, code)) in [("ban", "user_banned"), ("lock", "user_locked")].into_iter().enumerate() {
        let pending = app.pending_phone(n).await;
        app.post(&format!("/v1/users/{}/{bar}", pending.user), json!({})).await.ok();
        app.attempt(&pending.path, &pending.verification, &pending.code).await.refused(403, code, "");
        app.advance_ms(30_000);
        app.prepare(&pending.path).await.refused(403, code, "");
        let shown = app.get(&pending.path).await;
        assert_ne!(shown.ok()["verification"]["status"], "verified");
    }
}

#[tokio::test]
async fn what_another_has_claimed_is_refused_at_both_steps() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let other = app.bare_user().await;
    app.add_number(&other, &real_number(0), json!({ "verified": true })).await;
    let late = app.attempt(&pending.path, &pending.verification, &pending.code).await;
    assert_eq!((late.status, late.code()), (422, "form_identifier_exists"), "{}", late.text);
    // Right or wrong, it says nothing of the code and counts nothing.
    let wrong = app.attempt(&pending.path, &pending.verification, &wrong(&pending.code)).await;
    assert_eq!((wrong.status, &wrong.body["errors"]), (422, &late.body["errors"]));
    assert_eq!(app.verification_of(&pending).await["attempts"], 0);
    app.advance_ms(30_000);
    let again = app.prepare(&pending.path).await;
    assert_eq!((again.status, again.code()), (422, "form_identifier_exists"), "{}", again.text);
}

#[tokio::test]
async fn idempotency_key_sends_one_message_and_counts_one_try() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &real_number(0), json!({})).await;
    let path = format!("/v1/phone_numbers/{id}");
    let call = async |what: &str, key: &str, body: &Value| {
        let call = app.call("POST", &format!("{path}/{what}")).header("idempotency-key", key);
        call.json(body).send().await
    };
    let first = call("prepare_verification", "one", &json!({})).await;
    app.advance_ms(40_000);
    let second = call("prepare_verification", "one", &json!({})).await;
    assert_eq!(first.ok(), second.ok());
    let messages = app.get("/verger/v1/messages").await;
    assert_eq!(messages.ok().as_array().unwrap().len(), 1);
    let verification = first.body["id"].as_str().unwrap();
    let code = app.code_of(verification).await;
    let bad = json!({ "verification_id": verification, "code": wrong(&code) });
    let good = json!({ "verification_id": verification, "code": code });
    for _ in 0..7 {
        let answer = call("attempt_verification", "two", &bad).await;
        assert_eq!((&answer.ok()["status"], &answer.body["attempts"]), (&json!("unverified"), &json!(1)));
    }
    call("attempt_verification", "two", &good).await.refused(422, "idempotency_key_reused", "");
    assert_eq!(app.get(&path).await.ok()["verification"]["attempts"], 1);
    for _ in 0..3 {
        let answer = call("attempt_verification", "three", &good).await;
        assert_eq!((&answer.ok()["status"], &answer.body["attempts"]), (&json!("verified"), &json!(2)));
    }
}

#[tokio::test]
async fn if_match_is_looked_at_before_anything_is_counted_or_sent() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let body = json!({ "verification_id": pending.verification, "code": pending.code });
    app.advance_ms(30_000);
    for (call, body) in [("attempt_verification", &body), ("prepare_verification", &json!({}))] {
        let call = app.call("POST", &format!("{}/{call}", pending.path)).header("if-match", "\"1\"");
        assert_eq!(call.json(body).send().await.status, 412);
    }
    assert_eq!(app.verification_of(&pending).await["attempts"], 0);
    assert_eq!(app.get("/verger/v1/messages").await.ok().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_tries_nothing() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &real_number(0), json!({})).await;
    let path = format!("/v1/phone_numbers/{id}");
    let before = app.dump().await;
    let call = app.call("POST", &format!("{path}/prepare_verification")).header("prefer", "dry-run");
    assert_eq!(call.json(&json!({})).send().await.ok()["status"], "unverified");
    assert_eq!(app.dump().await, before);
    assert_eq!(app.get("/verger/v1/messages").await.ok(), &json!([]));
    assert_eq!(app.get("/verger/v1/deliveries").await.ok(), &json!([]));
    let verification = app.prepare(&path).await.ok()["id"].as_str().unwrap().to_owned();
    let body = json!({ "verification_id": verification, "code": app.code_of(&verification).await });
    let call = app.call("POST", &format!("{path}/attempt_verification")).header("prefer", "dry-run");
    assert_eq!(call.json(&body).send().await.status, 400);
    assert_eq!(app.get(&path).await.ok()["verification"]["attempts"], 0);
}

#[tokio::test]
async fn flaw_32_test_numbers_take_the_fixed_code_and_send_nothing_and_nobody_else_takes_it() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &number(0), json!({})).await;
    let path = format!("/v1/phone_numbers/{id}");
    let verification = app.prepare(&path).await.ok()["id"].as_str().unwrap().to_owned();
    // Whoever looks is told that nothing was sent.
    assert_eq!(app.get("/verger/v1/messages").await.ok()[0]["status"], "not_sent");
    assert_eq!(app.get("/verger/v1/deliveries").await.ok(), &json!([]));
    assert_eq!(app.attempt(&path, &verification, "424242").await.ok()["status"], "verified");
    // A production instance has no such numbers, and nobody else takes the code.
    let user = app.call("POST", "/v1/users").key(PRODUCTION_KEY);
    let user = user.json(&json!({ "skip_user_requirement": true })).send().await.ok()["id"].clone();
    let body = json!({ "user_id": user, "phone_number": number(0) });
    let call = app.call("POST", "/v1/phone_numbers").key(PRODUCTION_KEY);
    assert_eq!(call.json(&body).send().await.status, 422);
    let pending = app.pending_phone(0).await;
    assert_ne!(pending.code, "424242");
    for code in ["424242", "000000", "123456", ""] {
        let answer = app.attempt(&pending.path, &pending.verification, code).await;
        assert_eq!(answer.ok()["status"], "unverified", "{code}");
    }
}
