//! Turns at writing a user, with requests that wait for them in a known order.

use super::*;
use crate::clock::ManualClock;
use crate::provision::{development_instance, keep_key};
use crate::router::service;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use verger_store::{AggregateKey, Environment};
use verger_wire::UserId;

const KEY: &str = "sk_test_0123456789abcdef";
const OTHER_KEY: &str = "sk_live_0123456789abcdef";

/// An application with two instances, and the first one's id.
async fn app() -> (Arc<App>, InstanceId) {
    let store = Arc::new(Store::ephemeral().unwrap());
    let clock = Arc::new(ManualClock::at(UnixMillis(1_800_000_000_000)));
    store.migrate(clock.now(), soon()).await.unwrap();
    let mut env = Env::new(clock.now(), Randomness::system().unwrap().rng());
    let ours = development_instance(&store, &mut env, soon()).await.unwrap();
    keep_key(&store, &ours, "test", KEY, &mut env, soon()).await.unwrap();
    let theirs = Instance {
        id: env.instance_id(),
        name: "other".to_owned(),
        environment: Environment::Production,
        created_at: env.now,
    };
    store.create_instance(&theirs, soon()).await.unwrap();
    keep_key(&store, &theirs.id, "test", OTHER_KEY, &mut env, soon()).await.unwrap();
    let limits = Limits { request_timeout_ms: 5_000 };
    let randomness = Randomness::system().unwrap();
    (Arc::new(App::new(store, clock, randomness, limits, Messaging::development().unwrap())), ours)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

async fn ask(app: Arc<App>, key: &str, call: (&str, String, Value), idempotency_key: &str) -> (u16, Value) {
    let (method, path, body) = call;
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request = request.header("authorization", format!("Bearer {key}"));
    if !idempotency_key.is_empty() {
        request = request.header("idempotency-key", idempotency_key);
    }
    let response = service(app).handle(request.body(Body::from(body.to_string())).unwrap()).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status.as_u16(), serde_json::from_slice(&bytes).unwrap())
}

async fn ok(app: &Arc<App>, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = ask(Arc::clone(app), KEY, (method, path.to_owned(), body), "").await;
    assert_eq!(status, StatusCode::OK.as_u16(), "{answer}");
    answer
}

async fn bare_user(app: &Arc<App>) -> String {
    let user = ok(app, "POST", "/v1/users", json!({ "skip_user_requirement": true })).await;
    user["id"].as_str().unwrap().to_owned()
}

/// How many requests wait for a user whose turn somebody has.
fn waiting(app: &App) -> usize {
    app.queues.writers() - 1
}

fn user_key(id: &str) -> AggregateKey {
    AggregateKey::user(&UserId::from(id))
}

/// Starts requests one after the other while the user's turn is taken, and gives their answers in the order in which they
/// began to wait.
async fn queued(
    app: &Arc<App>,
    instance: &InstanceId,
    user: &str,
    calls: Vec<((&'static str, String, Value), &'static str)>,
) -> Vec<(u16, Value)> {
    let turn = app.queues.turn(instance, &user_key(user), soon()).await.unwrap();
    let mut running = Vec::new();
    for (call, idempotency_key) in calls {
        running.push(tokio::spawn(ask(Arc::clone(app), KEY, call, idempotency_key)));
        let end = soon();
        while waiting(app) < running.len() {
            assert!(Instant::now() < end, "{} of {} wait", waiting(app), running.len());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    drop(turn);
    let mut answers = Vec::new();
    for request in running {
        answers.push(request.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn turns_of_one_user_are_taken_one_by_one_and_those_of_two_instances_apart() {
    let (app, ours) = app().await;
    let (user, theirs) = (user_key("user_1"), InstanceId::from("ins_2"));
    let first = app.queues.turn(&ours, &user, soon()).await.unwrap();
    assert!(!first.waited);
    let other = app.queues.turn(&theirs, &user, soon()).await.unwrap();
    assert!(!other.waited, "the same id in another instance is somebody else");
    let at_once = Instant::now() + Duration::from_millis(20);
    let refused = app.queues.turn(&ours, &user, at_once).await.err().and_then(|failure| failure.reason());
    assert_eq!(refused, Some(&verger_http::reasons::UNAVAILABLE));
    drop((first, other));
    assert!(!app.queues.turn(&ours, &user, soon()).await.unwrap().waited);
    assert_eq!(app.queues.len(), 0, "nothing is kept of turns that are over");
}

#[tokio::test]
async fn bulk_requests_that_name_nobody_wait_for_nobody() {
    let (app, ours) = app().await;
    let user = bare_user(&app).await;
    let _turn = app.queues.turn(&ours, &user_key(&user), soon()).await.unwrap();
    let began = Instant::now();
    for what in ["ban", "unban"] {
        let call = |ids: &[&str]| ("POST", format!("/v1/users/{what}"), json!({ "user_ids": ids }));
        let (status, _) = ask(Arc::clone(&app), KEY, call(&[&user, "user_nobody"]), "").await;
        assert_eq!(status, 404);
        // Another instance's user, whose turn is taken.
        let (status, _) = ask(Arc::clone(&app), OTHER_KEY, call(&[&user]), "").await;
        assert_eq!(status, 404);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(waiting(&app), 0);
}

#[tokio::test]
async fn bulk_replay_is_answered_though_the_user_was_deleted_before_its_turn() {
    let (app, ours) = app().await;
    for what in ["ban", "unban"] {
        let user = bare_user(&app).await;
        let change = || ("POST", format!("/v1/users/{what}"), json!({ "user_ids": [user] }));
        let delete = ("DELETE", format!("/v1/users/{user}"), Value::Null);
        let calls = vec![(change(), what), (delete, ""), (change(), what), (change(), "another")];
        let [first, gone, again, other] =
            <[_; 4]>::try_from(queued(&app, &ours, &user, calls).await).unwrap();
        assert_eq!((first.0, gone.0), (200, 200), "{first:?} {gone:?}");
        assert_eq!(again, first);
        assert_eq!(other.0, 404, "{other:?}");
    }
}

#[tokio::test]
async fn attempts_with_one_idempotency_key_that_wait_together_count_once() {
    let (app, ours) = app().await;
    let user = bare_user(&app).await;
    let body = json!({ "user_id": user, "phone_number": "+14155552671" });
    let id = ok(&app, "POST", "/v1/phone_numbers", body).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/phone_numbers/{id}");
    let prepared = ok(&app, "POST", &format!("{path}/prepare_verification"), Value::Null).await;
    let messages = app.dev.as_ref().unwrap().inbox.list(None, 1, |_| true);
    let code = messages[0].code.clone();
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    for (code, status, attempts) in [(wrong, "unverified", 1), (code, "verified", 2)] {
        let attempt = || {
            let body = json!({ "verification_id": prepared["id"], "code": code });
            ("POST", format!("{path}/attempt_verification"), body)
        };
        let calls = (0..8).map(|_| (attempt(), status)).collect();
        for (http, answer) in queued(&app, &ours, &user, calls).await {
            assert_eq!(
                (http, &answer["status"], &answer["attempts"]),
                (200, &json!(status), &json!(attempts))
            );
        }
    }
    assert_eq!(ok(&app, "GET", &path, Value::Null).await["verification"]["attempts"], 2);
}
