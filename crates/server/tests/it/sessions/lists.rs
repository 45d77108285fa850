//! Lists of sessions, clients and users, in both forms.

use super::{begin, far, mint, signed_in, text, verified};
use crate::support::TestApp;
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

#[tokio::test]
async fn sessions_are_listed_newest_first_by_user_client_and_status_in_both_forms() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        app.tick();
        all.insert(0, begin(&app, &user).await);
    }
    let (_, of_other) = signed_in(&app).await;
    let expected: Vec<_> = all.iter().map(|session| text(&session["id"])).collect();
    app.post(&format!("/v1/sessions/{}/revoke", expected[1]), json!({})).await.ok();
    let get = async |query: &str| app.get(&format!("/v1/sessions?{query}")).await.ok().clone();
    assert_eq!(ids(&get(&format!("user_id={user}")).await), expected);
    assert_eq!(get("").await.as_array().unwrap().len(), 6);
    assert_eq!(ids(&get(&format!("user_id={user}&status=revoked")).await), [expected[1].clone()]);
    assert_eq!(get(&format!("user_id={user}&status=active")).await.as_array().unwrap().len(), 4);
    for never in ["abandoned", "replaced", "ended", "expired", "removed"] {
        assert_eq!(get(&format!("status={never}")).await, json!([]), "{never}");
    }
    let client = text(&all[0]["client_id"]);
    assert_eq!(ids(&get(&format!("client_id={client}")).await), [expected[0].clone()]);
    assert_eq!(get(&format!("client_id={client}&user_id=user_nobody")).await, json!([]));
    let page = get(&format!("user_id={user}&paginated=true&limit=2&offset=1")).await;
    assert_eq!((ids(&page["data"]), &page["total_count"]), (expected[1..3].to_vec(), &json!(5)));
    assert_eq!(ids(&get(&format!("user_id={user}&paginated=false&limit=2")).await), expected[..2]);
    for (query, code) in [
        ("status=pending", "form_param_value_invalid"),
        ("limit=0", "form_param_value_invalid"),
        ("limit=501", "form_param_value_invalid"),
        ("offset=-1", "form_param_value_invalid"),
        ("paginated=perhaps", "form_param_value_invalid"),
    ] {
        let answer = app.get(&format!("/v1/sessions?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text);
        assert!(!answer.code().is_empty(), "{query} {code}");
    }
    mint(&app, &of_other).await.ok();
}

#[tokio::test]
async fn clients_show_their_open_sessions_alone() {
    let app = TestApp::new().await;
    let (_, session) = signed_in(&app).await;
    let client = text(&app.get(&format!("/v1/sessions/{session}")).await.ok()["client_id"]);
    let shown = app.get(&format!("/v1/clients/{client}")).await.ok().clone();
    assert_eq!(
        (&shown["session_ids"], &shown["last_active_session_id"]),
        (&json!([session]), &json!(session))
    );
    assert_eq!(shown["sessions"][0], *app.get(&format!("/v1/sessions/{session}")).await.ok());
    assert_eq!(*app.get("/v1/clients").await.ok(), json!([shown]));
    let page = app.get("/v1/clients?paginated=true&limit=1").await;
    assert_eq!(*page.ok(), json!({ "data": [shown], "total_count": 1 }));
    app.post(&format!("/v1/sessions/{session}/revoke"), json!({})).await.ok();
    let shown = app.get(&format!("/v1/clients/{client}")).await.ok().clone();
    assert_eq!((&shown["sessions"], &shown["last_active_session_id"]), (&json!([]), &Value::Null));
    assert_eq!(app.get("/v1/clients/client_nobody").await.refusal(), (404, "resource_not_found"));
}

/// Contract section 2: what browsers and SDKs compare with their own clocks is real time, also where the instance's was moved.
#[tokio::test]
async fn client_and_tokens_are_of_real_time_and_the_session_of_the_instances() {
    const DAY_MS: i64 = 86_400_000;
    let app = TestApp::new().await;
    let real = app.now().0;
    app.post("/verger/v1/clock", json!({ "advance_ms": DAY_MS })).await.ok();
    let user = app.bare_user().await;
    let session = begin(&app, &user).await;
    let client = app.get(&format!("/v1/clients/{}", text(&session["client_id"]))).await.ok().clone();
    assert_eq!(
        (&session["created_at"], &client["created_at"]),
        (&json!(real + DAY_MS), &json!(real + DAY_MS))
    );
    assert_eq!(client["updated_at"], real);
    let jwt = text(&mint(&app, &text(&session["id"])).await.ok()["jwt"]);
    let (_, claims) = verified(&app, &jwt).await;
    assert_eq!(claims["iat"], real / 1000, "no older than the client, and no newer than the machine's clock");
}

/// Contract section 2: a secret opens its own client, and every other text is nobody's.
#[tokio::test]
async fn s22_client_is_known_by_its_whole_secret_alone() {
    let app = TestApp::new().await;
    let instance = app.instance_id().await;
    let secret = verger_credentials::token::TokenKind::ClientSecret.token([7; 32]);
    let digest = verger_credentials::token::TokenKind::ClientSecret.lookup(&secret).unwrap();
    let clocks = verger_core::client::Clocks { now: app.now(), real: app.now() };
    let client =
        verger_core::Client::create("client_1".into(), verger_core::client::SecretDigest(digest), clocks);
    let changes = vec![verger_store::Change { before: None, after: Some(client) }.into()];
    let write = verger_store::Write { changes, ..verger_store::Write::at(app.now()) };
    app.store.instance(&instance).save(&write, far()).await.unwrap();
    let verify = async |token: &str| app.post("/v1/clients/verify", json!({ "token": token })).await;
    assert_eq!(verify(&secret).await.ok()["id"], "client_1");
    let foreign = app.call("POST", "/v1/clients/verify").key(crate::support::PRODUCTION_KEY);
    assert_eq!(foreign.json(&json!({ "token": *secret })).send().await.refusal(), (400, "cookie_invalid"));
    let mut others: Vec<String> = (0..secret.len()).map(|end| secret[..end].to_owned()).collect();
    others.extend((1..secret.len()).map(|start| secret[start..].to_owned()));
    others.extend(["", "a.b.c"].map(str::to_owned));
    others.extend((0..secret.len()).map(|at| {
        let mut bytes = secret.as_bytes().to_vec();
        bytes[at] ^= 1;
        String::from_utf8(bytes).unwrap()
    }));
    for other in others {
        assert_eq!(verify(&other).await.refusal(), (400, "cookie_invalid"), "{other}");
    }
}

#[tokio::test]
async fn users_are_filtered_and_ordered_by_their_sign_in_and_activity() {
    let app = TestApp::new().await;
    let mut users = Vec::new();
    let mut moments = Vec::new();
    for _ in 0..3 {
        let user = app.bare_user().await;
        moments.push(app.tick());
        begin(&app, &user).await;
        users.push(user);
    }
    let never = app.bare_user().await;
    let get = async |query: &str| ids(app.get(&format!("/v1/users?{query}")).await.ok());
    for field in ["last_sign_in_at", "last_active_at"] {
        let (before, after) = (moments[1] + 1, moments[0]);
        assert_eq!(get(&format!("{field}_before={before}&order_by=+created_at")).await, users[..2]);
        assert_eq!(get(&format!("{field}_after={after}&order_by=+created_at")).await, users[1..]);
        assert_eq!(get(&format!("{field}_after={}", moments[2])).await, Vec::<String>::new());
        let newest = [&users[2], &users[1], &users[0], &never].map(Clone::clone);
        assert_eq!(get(&format!("order_by=-{field}")).await, newest, "{field}");
        let count = app.get(&format!("/v1/users/count?{field}_before={before}")).await;
        assert_eq!(count.ok()["total_count"], 2);
    }
    assert_eq!(get(&format!("last_active_at_since={}", moments[1])).await.len(), 2);
    // A filter that is no moment matches nobody by mistake.
    let refused = app.get("/v1/users?last_active_at_after=yesterday").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
}
