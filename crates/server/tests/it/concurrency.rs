//! Requests that arrive together (contract section 4, rules 3 and 11).

use crate::support::{TestApp, number};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn one_of_many_claims_a_number() {
    const USERS: usize = 16;
    let app = TestApp::new().await;
    for round in 0..20 {
        let mut paths = Vec::new();
        for _ in 0..USERS {
            let user = app.bare_user().await;
            paths.push(format!(
                "/v1/phone_numbers/{}",
                app.add_number(&user, &number(round), json!({})).await
            ));
        }
        let tasks: Vec<_> = paths
            .iter()
            .cloned()
            .map(|path| {
                let app = app.clone();
                tokio::spawn(async move { app.patch(&path, json!({ "verified": true })).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            let answer = task.await.unwrap();
            if answer.status == 200 {
                won += 1;
            } else {
                answer.refused(422, "form_identifier_exists", "phone_number");
            }
        }
        assert_eq!(won, 1, "round {round}");
        let mut verified = 0;
        for path in &paths {
            verified += usize::from(!app.get(path).await.ok()["verification"].is_null());
        }
        assert_eq!(verified, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn parallel_writes_to_one_user_are_all_answered() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": [number(0), number(1)] })).await;
    let version = async || {
        let answer = app.get(&format!("/v1/users/{user}")).await;
        answer.header("etag").unwrap().trim_matches('"').parse::<i64>().unwrap()
    };
    let before = version().await;
    let tasks: Vec<_> = (0..32)
        .map(|at| {
            let (app, path) = (app.clone(), format!("/v1/users/{user}"));
            tokio::spawn(async move { app.patch(&path, json!({ "first_name": format!("N{at}") })).await })
        })
        .collect();
    for (at, task) in tasks.into_iter().enumerate() {
        // Each gets the answer to its own request.
        assert_eq!(task.await.unwrap().ok()["first_name"], format!("N{at}"));
    }
    assert_eq!(version().await, before + 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn same_idempotency_key_at_once_has_one_effect() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let user = app.bare_user().await;
        let body = json!({ "user_id": user, "phone_number": number(round), "verified": true });
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (app, body, key) = (app.clone(), body.clone(), format!("round-{round}"));
                tokio::spawn(async move {
                    let call = app.call("POST", "/v1/phone_numbers").header("idempotency-key", &key);
                    call.json(&body).send().await
                })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
        for answer in &answers {
            assert_eq!(answer.ok(), answers[0].ok());
        }
        assert_eq!(first, 1, "round {round}");
        let user = app.get(&format!("/v1/users/{user}")).await;
        assert_eq!(user.ok()["phone_numbers"].as_array().unwrap().len(), 1);
    }
}
