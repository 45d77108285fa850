//! The mount of the Frontend API: who may call it, what browsers may read, and its health.

use crate::support::{Answer, TestApp};
use serde_json::json;

const HEALTH: &str = "/v1/health";

async fn ask(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut call = app.call(method, path).without_key();
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send_unchecked().await
}

#[tokio::test]
async fn health_is_told_to_everybody_without_a_key() {
    let app = TestApp::new().await;
    for path in [HEALTH, "/v1/health/", "/v1/health?_clerk_js_version=5.0.0&__clerk_api_version=2030-01-01"] {
        let answer = ask(&app, "GET", path, &[]).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({ "status": "healthy" })), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-clerk-trace-id").map(str::len), Some(32));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    // With a secret key the path is one of the Backend API, which has none of this name.
    app.get(HEALTH).await.refused(404, "resource_not_found", "");
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_answers_and_others_may_not() {
    let app = TestApp::new().await;
    for origin in
        ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080", "https://shop.localhost"]
    {
        let answer = ask(&app, "GET", HEALTH, &[("origin", origin)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let look_alikes = [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://evil.example/localhost",
        "http://localhost@evil.example",
        "null",
        "ftp://localhost",
        "localhost:3000",
        "http://evil.example@localhost",
    ];
    for origin in look_alikes {
        let answer = ask(&app, "GET", HEALTH, &[("origin", origin)]).await;
        assert_eq!(answer.status, 200, "reading needs no origin");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let changed = ask(&app, "POST", HEALTH, &[("origin", origin)]).await;
        assert_eq!((changed.status, changed.code()), (400, "origin_invalid"), "{origin}");
        let native = ask(&app, "POST", "/v1/health?_is_native=1", &[("origin", origin)]).await;
        assert_eq!((native.status, native.code()), (400, "origin_invalid"), "{origin}");
    }
}

#[tokio::test]
async fn what_changes_something_needs_one_allowed_origin() {
    let app = TestApp::new().await;
    let code = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let answer = ask(&app, method, path, headers).await;
        (answer.status, answer.code().to_owned())
    };
    let two = [("origin", "http://localhost:3000"), ("origin", "http://localhost:3000")];
    let one = [("origin", "http://localhost:3000")];
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(code(method, HEALTH, &[]).await, (400, "origin_missing".to_owned()));
        let several = (400, "multiple_origin_header_values_forbidden".to_owned());
        assert_eq!(code(method, HEALTH, &two).await, several);
        // Past the check: the path has no such method.
        assert_eq!(code(method, HEALTH, &one).await, (405, "method_not_allowed".to_owned()));
        let native = "/v1/health?_is_native=1";
        assert_eq!(code(method, native, &[]).await, (405, "method_not_allowed".to_owned()));
    }
    // A POST that stands for another method is checked as that one, and a GET never stands for anything.
    let other = "/v1/health?_method=DELETE";
    assert_eq!(code("POST", other, &[]).await, (400, "origin_missing".to_owned()));
    assert_eq!(code("GET", other, &[]).await, (200, String::new()));
}

#[tokio::test]
async fn preflights_are_answered_for_allowed_origins_alone() {
    let app = TestApp::new().await;
    let asks = ("access-control-request-method", "POST");
    let answer = ask(&app, "OPTIONS", HEALTH, &[("origin", "http://localhost:3000"), asks]).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    let refused = ask(&app, "OPTIONS", HEALTH, &[("origin", "https://evil.example"), asks]).await;
    assert_eq!((refused.status, refused.code()), (400, "origin_invalid"));
    assert_eq!(refused.header("access-control-allow-headers"), None);
}
