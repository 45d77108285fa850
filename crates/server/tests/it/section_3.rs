//! Section 3 of the contract over HTTP: at least one test of each row. What a row does to every state of a number is
//! tested in `verger-core` (section_3, random_states); here it is how the answer tells it, and what is stored.
//!
//! A row of `rows!` says which numbers a user has, which request changes one of them a minute later, and what is then read back.

use crate::support::{Answer, START, TestApp, number};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A user whose numbers have names.
struct World {
    app: TestApp,
    user: String,
    ids: BTreeMap<String, String>,
}

impl World {
    /// For example `a verified, b unverified taken`. Numbers come in the order of their age; the first is primary.
    ///
    /// States are `verified`, `unverified` and `reserved`; then `factor` for a second factor, of which the first is
    /// the default, and `taken` if another user has claimed the number too.
    async fn new(given: &str) -> Self {
        let app = TestApp::new().await;
        let parts: Vec<Vec<&str>> = given.split(", ").map(|part| part.split(' ').collect()).collect();
        let numbers: Vec<String> = (0..parts.len()).map(number).collect();
        let states = parts.iter().map(|part| if part[1] == "reserved" { "reserved" } else { "verified" });
        let body = json!({
            "phone_number": numbers,
            "phone_number_identification_status": states.collect::<Vec<_>>(),
        });
        let user = app.post("/v1/users", body).await.ok().clone();
        let found = user["phone_numbers"].as_array().unwrap();
        let ids: BTreeMap<String, String> = parts
            .iter()
            .zip(&numbers)
            .map(|(part, number)| {
                let held = found.iter().find(|held| held["phone_number"] == **number).unwrap();
                (part[0].to_owned(), held["id"].as_str().unwrap().to_owned())
            })
            .collect();
        let world = Self { app, user: user["id"].as_str().unwrap().to_owned(), ids };
        for part in &parts {
            let path = world.path(part[0]);
            if part.contains(&"factor") {
                world.app.patch(&path, json!({ "reserved_for_second_factor": true })).await.ok();
            }
            if part[1] == "unverified" {
                world.app.patch(&path, json!({ "verified": false })).await.ok();
            }
        }
        for (part, number) in parts.iter().zip(&numbers).filter(|(part, _)| part.contains(&"taken")) {
            assert_eq!(part[1], "unverified");
            world.app.user(json!({ "phone_number": [number] })).await;
        }
        world
    }

    fn path(&self, name: &str) -> String {
        format!("/v1/phone_numbers/{}", self.ids[name])
    }

    async fn read(&self) -> Value {
        self.app.get(&format!("/v1/users/{}", self.user)).await.ok().clone()
    }

    /// What a request did, as one text.
    async fn outcome(&self, name: &str, answer: impl AsyncFnOnce(&Self) -> Answer) -> String {
        let (before, everything_before) = (self.read().await, self.app.dump().await);
        let now = self.app.tick();
        let answer = answer(self).await;
        let after = self.read().await;
        if answer.status != 200 {
            assert_eq!(self.app.dump().await, everything_before, "a refused request changed something");
            assert_eq!(answer.header("verger-consequences"), None);
            return format!("{} {} {}", answer.status, answer.code(), answer.param()).trim_end().to_owned();
        }
        let id = &self.ids[name];
        assert_eq!(answer.body, held(&after, id), "the answer is what is read back");
        assert_eq!(answer.body, self.app.get(&self.path(name)).await.body);
        assert_keys(&answer.body);
        if after == before {
            assert_eq!(self.app.dump().await, everything_before);
            assert_eq!(answer.header("verger-consequences"), None);
            return "nothing".to_owned();
        }
        assert_eq!(after["updated_at"], now, "the user's updated_at moves when one of the numbers does");
        let mut text = String::new();
        for (name, id) in &self.ids {
            let (was, is) = (held(&before, id), held(&after, id));
            write!(text, "{name}").unwrap();
            match &is["verification"] {
                Value::Null if is["reserved"] == true => text.push_str(" reserved"),
                Value::Null => text.push_str(" unverified"),
                admin => {
                    let expected = json!({
                        "object": "verification_admin", "status": "verified", "strategy": "admin",
                        "attempts": null, "expire_at": null,
                    });
                    assert_eq!(*admin, expected);
                    assert_eq!(is["reserved"], false);
                    text.push_str(" verified");
                }
            }
            match (&is["reserved_for_second_factor"], &is["default_second_factor"]) {
                (Value::Bool(true), Value::Bool(true)) => text.push_str(" default"),
                (Value::Bool(true), Value::Bool(false)) => text.push_str(" factor"),
                flags => assert_eq!(flags, (&json!(false), &json!(false))),
            }
            if after["primary_phone_number_id"] == **id {
                text.push_str(" primary");
            }
            assert_eq!((&is["linked_to"], &is["backup_codes"]), (&json!([]), &Value::Null));
            // The number's own time moves exactly when the number changed.
            if was == is {
                assert_eq!(is["updated_at"], START);
            } else {
                assert_eq!((&is["updated_at"], &is["created_at"]), (&json!(now), &json!(START)));
                text.push_str(" moved");
            }
            text.push_str(", ");
        }
        text.push_str("user");
        let has_factor = self.ids.values().any(|id| held(&after, id)["reserved_for_second_factor"] == true);
        assert_eq!(after["two_factor_enabled"], has_factor);
        for (key, word) in [("mfa_enabled_at", "on"), ("mfa_disabled_at", "off")] {
            match after[key].as_i64() {
                None => assert_eq!(before[key], Value::Null, "{key} is never cleared"),
                Some(at) if at == now => write!(text, " {word}-now").unwrap(),
                Some(at) => {
                    assert_eq!(at, START);
                    write!(text, " {word}-before").unwrap();
                }
            }
        }
        if let Some(consequences) = answer.header("verger-consequences") {
            write!(text, "; {consequences}").unwrap();
        }
        text
    }
}

fn held(user: &Value, id: &str) -> Value {
    user["phone_numbers"].as_array().unwrap().iter().find(|held| held["id"] == *id).unwrap().clone()
}

/// Exactly the keys of the contract, in its order.
fn assert_keys(number: &Value) {
    let keys: Vec<&str> = number.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "id",
        "object",
        "phone_number",
        "reserved_for_second_factor",
        "default_second_factor",
        "reserved",
        "verification",
        "linked_to",
        "backup_codes",
        "created_at",
        "updated_at",
    ];
    assert_eq!(keys, expected);
}

/// `name: given; which number, body => outcome`.
macro_rules! rows {
    ($($test:ident: $given:literal; $name:literal $body:tt => $expected:literal)*) => {$(
        #[tokio::test]
        async fn $test() {
            let world = World::new($given).await;
            let body = json!($body);
            let outcome = world
                .outcome($name, async |world| world.app.patch(&world.path($name), body).await)
                .await;
            assert_eq!(outcome, $expected);
        }
    )*};
}

rows! {
    // `verified: true`
    verified_true_on_reserved: "a verified, b reserved"; "b" {"verified": true}
        => "a verified primary, b verified moved, user"
    verified_true_on_verified: "a verified, b verified"; "b" {"verified": true} => "nothing"
    verified_true_on_taken: "a verified, b unverified taken"; "b" {"verified": true}
        => "422 form_identifier_exists phone_number"
    // `verified: false`
    verified_false_on_default_moves_the_default:
        "a verified, b verified factor, c verified factor, d verified factor"; "b" {"verified": false}
        => "a verified primary, b unverified moved, c verified default moved, d verified factor, \
            user on-before; default_second_factor_moved"
    verified_false_on_last_factor_turns_mfa_off: "a verified, b verified factor"; "b" {"verified": false}
        => "a verified primary, b unverified moved, user on-before off-now; mfa_disabled"
    verified_false_on_last_way_to_sign_in: "a verified, b unverified"; "a" {"verified": false}
        => "a unverified primary moved, b unverified, user; last_sign_in_identification_lost"
    verified_false_on_unverified: "a verified, b unverified"; "b" {"verified": false} => "nothing"
    // `reserved_for_second_factor: true`
    factor_true_on_verified: "a verified, b verified"; "b" {"reserved_for_second_factor": true}
        => "a verified primary, b verified default moved, user on-now"
    factor_true_on_unverified: "a verified, b unverified"; "b" {"reserved_for_second_factor": true}
        => "400 identification_update_second_factor_unverified reserved_for_second_factor"
    factor_true_on_only_way_to_sign_in: "a verified, b unverified"; "a" {"reserved_for_second_factor": true}
        => "400 identification_update_failed reserved_for_second_factor"
    // `reserved_for_second_factor: false`
    factor_false_on_factor: "a verified, b verified factor, c verified factor"; "c"
        {"reserved_for_second_factor": false}
        => "a verified primary, b verified default, c verified moved, user on-before"
    factor_false_on_default_moves_to_the_oldest:
        "a verified, b verified factor, c verified factor, d verified factor"; "b"
        {"reserved_for_second_factor": false}
        => "a verified primary, b verified moved, c verified default moved, d verified factor, \
            user on-before; default_second_factor_moved"
    // `primary`
    primary_true_on_verified: "a verified, b verified"; "b" {"primary": true}
        => "a verified, b verified primary, user"
    primary_true_on_unverified: "a verified, b unverified"; "b" {"primary": true}
        => "422 form_verification_needed primary"
    primary_false_on_primary: "a verified, b verified"; "a" {"primary": false} => "nothing"
    // Nothing, and everything at once
    nulls: "a verified, b verified factor"; "b"
        {"verified": null, "primary": null, "reserved_for_second_factor": null} => "nothing"
    unknown_keys_are_ignored: "a verified, b unverified"; "b" {"verify": true, "x": {"y": []}} => "nothing"
    all_three: "a verified, b unverified"; "b"
        {"primary": true, "reserved_for_second_factor": true, "verified": true}
        => "a verified, b verified default primary moved, user on-now"
    late_refusal_undoes_the_fields_before: "a unverified"; "a"
        {"verified": true, "reserved_for_second_factor": true}
        => "400 identification_update_failed reserved_for_second_factor"
    wrong_type: "a verified, b unverified"; "b" {"verified": "yes"} => "422 form_param_value_invalid verified"
}

#[tokio::test]
async fn every_form_of_an_empty_body_changes_nothing() {
    let world = World::new("a verified, b unverified").await;
    for content_type in [None, Some("application/json"), Some("text/plain")] {
        for body in [None, Some(""), Some("null"), Some("{}")] {
            let send = async |world: &World| {
                let path = world.path("b");
                let call = world.app.call("PATCH", &path);
                let call = match content_type {
                    Some(content_type) => call.content_type(content_type),
                    None => call.without_content_type(),
                };
                let call = match body {
                    Some(body) => call.body(body),
                    None => call,
                };
                call.send().await
            };
            assert_eq!(world.outcome("b", send).await, "nothing", "{content_type:?} {body:?}");
        }
    }
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let world = World::new("a verified, b unverified").await;
    let send =
        async |world: &World| world.app.call("PATCH", &world.path("b")).body("{\"verified\":").send().await;
    assert_eq!(world.outcome("b", send).await, "400 request_body_invalid");
}

#[tokio::test]
async fn verified_true_claims_the_number() {
    let world = World::new("a verified, b unverified").await;
    world.app.patch(&world.path("b"), json!({ "verified": true })).await.ok();
    let body = json!({ "phone_number": [number(1)] });
    let answer = world.app.post("/v1/users", body).await;
    answer.refused(422, "form_identifier_exists", "phone_number");
    // Literal: clients compare it.
    assert_eq!(answer.body["errors"][0]["message"], "That phone number is taken. Please try another.");
}

#[tokio::test]
async fn verified_false_releases_the_claim() {
    let world = World::new("a verified, b verified").await;
    world.app.patch(&world.path("b"), json!({ "verified": false })).await.ok();
    world.app.user(json!({ "phone_number": [number(1)] })).await;
    let answer = world.app.patch(&world.path("b"), json!({ "verified": true })).await;
    answer.refused(422, "form_identifier_exists", "phone_number");
}

#[tokio::test]
async fn second_factor_on_create_must_be_verified() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": [number(0)] })).await;
    let before = app.dump().await;
    let mut body = json!({ "user_id": user, "phone_number": number(1), "reserved_for_second_factor": true });
    let answer = app.post("/v1/phone_numbers", body.clone()).await;
    answer.refused(400, "identification_create_second_factor_unverified", "reserved_for_second_factor");
    assert_eq!(app.dump().await, before);
    body["verified"] = json!(true);
    let answer = app.post("/v1/phone_numbers", body).await;
    assert_eq!(answer.ok()["default_second_factor"], true);
}
