//! The PHP and C# SDKs. Both are generated from the published document, so that an answer must have its shape, and both
//! verify tokens with the key set at `/v1/jwks` of the URL that they are given, or with the PEM.

use super::{Received, Wire};
use crate::openapi_agreement::{published_document, violations};
use serde_json::{Value, json};
use verger_jwt::{Checks, Jwks, UnverifiedToken};

/// As cURL writes what Guzzle gives it: host first, then the headers in the order in which they were set, nothing about
/// compression.
fn php(method: &str, path: &str, body: &str) -> String {
    let content = match body {
        "" if method == "POST" => "Content-Length: 0\n".to_owned(),
        "" => String::new(),
        _ => format!("Content-Type: application/json\nContent-Length: {}\n", body.len()),
    };
    format!(
        "{method} /v1{path} HTTP/1.1\nHost: {{host}}\nAccept: application/json\n\
         user-agent: speakeasy-sdk/php 1.0.0 2.700.0 2025-11-10 clerk/backend-php\n\
         Authorization: Bearer {{key}}\n{content}\n"
    )
}

/// As `HttpClient` of .NET writes it: the media type names the character set, and a body that is written as it is sent has
/// chunks and no length.
fn csharp(method: &str, path: &str, body: &str) -> String {
    let content = match body {
        "" if method == "POST" => "Content-Length: 0\n".to_owned(),
        "" => String::new(),
        _ => format!("Content-Type: application/json; charset=utf-8\nContent-Length: {}\n", body.len()),
    };
    format!(
        "{method} /v1{path} HTTP/1.1\nHost: {{host}}\n\
         user-agent: speakeasy-sdk/csharp 1.0.0 2.700.0 2025-11-10 Clerk.BackendAPI\n\
         Authorization: Bearer {{key}}\n{content}\n"
    )
}

type Client = fn(&str, &str, &str) -> String;
const BOTH: [(&str, Client); 2] = [("PHP", php), ("C#", csharp)];

/// The body of a success, which fits what the document says of the operation.
fn fitting(received: &Received, method: &str, template: &str) -> Value {
    let body = received.ok();
    let document = published_document();
    let response = &document["paths"][template][method]["responses"]["200"];
    let response = match response["$ref"].as_str() {
        Some(name) => &document["components"]["responses"][name.rsplit('/').next().unwrap()],
        None => response,
    };
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {template}");
    assert_eq!(violations(document, schema, &body), Vec::<String>::new(), "{method} {template}");
    body
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// What the suites of both do with a session token and the URL of a server: the key set, then the signature by the key that
/// the token names, then `exp`, `nbf` and `iat` with five seconds. They compare no issuer, and a token without `azp` is good.
#[tokio::test]
async fn session_token_is_verified_with_the_key_set() {
    let mut wire = Wire::start().await;
    for (client, form) in BOTH {
        let user =
            wire.send(&form("POST", "/users", r#"{"username":"ada_#"}"#), r#"{"username":"ada_#"}"#).await;
        // A name with `#` is none: the words of a refusal are read as well.
        assert_eq!(user.refusal(), (422, "form_username_invalid_character".to_owned()), "{client}");
        let body = r#"{"skip_user_requirement":true}"#;
        let user = id(&fitting(&wire.send(&form("POST", "/users", body), body).await, "post", "/users"));
        let body = format!(r#"{{"user_id":"{user}"}}"#);
        let session = wire.send(&form("POST", "/sessions", &body), &body).await;
        let session = id(&fitting(&session, "post", "/sessions"));
        let path = format!("/sessions/{session}/tokens");
        let token = wire.send(&form("POST", &path, ""), "").await;
        let token = fitting(&token, "post", "/sessions/{session_id}/tokens");
        let keys = wire.send(&form("GET", "/jwks", ""), "").await;
        let keys: Jwks = serde_json::from_value(fitting(&keys, "get", "/jwks")).unwrap();
        let token = UnverifiedToken::parse(token["jwt"].as_str().unwrap()).unwrap();
        let key = keys.find(token.header().kid.as_deref().unwrap()).unwrap().verifying_key().unwrap();
        let issued_at_s = token.unverified_claims()["iat"].as_i64().unwrap();
        for (moment_s, is_good) in [(0, true), (-4, true), (-20, false), (64, true), (66, false)] {
            let checks = Checks::at((issued_at_s + moment_s) * 1000).clock_skew_ms(5_000);
            let verified = token.verify_session(&key, &checks);
            assert_eq!(verified.is_ok(), is_good, "{client}, {moment_s} s: {verified:?}");
            assert!(verified.is_err() || verified.unwrap().azp.is_none(), "{client}");
        }
        assert_eq!(token.unverified_claims()["sub"], user, "{client}");
    }
}

/// `json_encode` of PHP escapes slashes and everything outside ASCII; `System.Text.Json` escapes some of ASCII too.
#[tokio::test]
async fn bodies_are_understood_as_each_library_escapes_them() {
    let mut wire = Wire::start().await;
    let bodies = [
        r#"{"first_name":"\u00c4da","username":"ada_php","public_metadata":{"home":"https:\/\/example.com\/\u00e4","face":"\ud83d\ude00"}}"#,
        r#"{"first_name":"\u00C4da","username":"eve_net","public_metadata":{"home":"https://example.com/\u00E4","face":"\uD83D\uDE00","a\u002Bb":"\u0026\u0027"}}"#,
    ];
    for ((client, form), body) in BOTH.into_iter().zip(bodies) {
        let user = fitting(&wire.send(&form("POST", "/users", body), body).await, "post", "/users");
        assert_eq!(user["first_name"], "Äda", "{client}");
        assert_eq!(user["public_metadata"]["home"], "https://example.com/ä", "{client}");
        assert_eq!(user["public_metadata"]["face"], "😀", "{client}");
        if client == "C#" {
            assert_eq!(user["public_metadata"]["a+b"], "&'");
        }
    }
    // A body in chunks, as `JsonContent` sends it.
    let head =
        csharp("POST", "/testing_tokens", "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    fitting(&wire.send(&head, "0\r\n\r\n").await, "post", "/testing_tokens");
    let head = csharp("POST", "/invitations", "x").replace("Content-Length: 1", "Transfer-Encoding: chunked");
    let chunks = "29\r\n{\"email_address\":\"bob@example.com\",\"notif\r\n9\r\ny\":false}\r\n0\r\n\r\n";
    let invitation = fitting(&wire.send(&head, chunks).await, "post", "/invitations");
    assert_eq!(
        (&invitation["email_address"], &invitation["status"]),
        (&json!("bob@example.com"), &json!("pending"))
    );
}

/// What the document has defaults for is sent, asked for or not; a list without `paginated` is an array.
#[tokio::test]
async fn lists_are_asked_for_with_every_default() {
    let mut wire = Wire::start().await;
    let body = r#"{"skip_user_requirement":true}"#;
    let user = id(&wire.send(&php("POST", "/users", body), body).await.ok());
    for made in [
        ("/sessions", format!(r#"{{"user_id":"{user}"}}"#)),
        ("/jwt_templates", r#"{"name":"one","claims":{}}"#.to_owned()),
        ("/invitations", r#"{"email_address":"ada@example.com","notify":false}"#.to_owned()),
        ("/allowlist_identifiers", r#"{"identifier":"ada@example.com"}"#.to_owned()),
        ("/redirect_urls", r#"{"url":"com.example.app:\/\/callback"}"#.to_owned()),
    ] {
        wire.send(&php("POST", made.0, &made.1), &made.1).await.ok();
    }
    for (client, form) in BOTH {
        for (path, query) in [
            ("/sessions", format!("?limit=10&offset=0&user_id={user}")),
            ("/clients", "?limit=10&offset=0".to_owned()),
            ("/jwt_templates", "?limit=10&offset=0".to_owned()),
            ("/invitations", "?limit=10&offset=0&order_by=-created_at".to_owned()),
            ("/allowlist_identifiers", "?limit=10&offset=0".to_owned()),
            ("/redirect_urls", "?limit=10&offset=0".to_owned()),
        ] {
            let list = wire.send(&form("GET", &format!("{path}{query}"), ""), "").await;
            assert_eq!(fitting(&list, "get", path).as_array().map(Vec::len), Some(1), "{client} {path}");
        }
        for path in ["/blocklist_identifiers", "/domains"] {
            let page = fitting(&wire.send(&form("GET", path, ""), "").await, "get", path);
            assert_eq!(
                page["data"].as_array().map(Vec::len),
                page["total_count"].as_u64().map(|n| n as usize)
            );
        }
    }
}

/// Tokens of machines, API keys and OAuth applications are verified below `/v1` by these two. They read 401 and 404 as a
/// wrong key and a wrong token; anything else is an error that they show.
#[tokio::test]
async fn tokens_of_machines_are_refused_as_not_there_yet() {
    let mut wire = Wire::start().await;
    for (client, form) in BOTH {
        for (path, body) in [
            ("/m2m_tokens/verify", r#"{"token":"mt_0123456789abcdef0123456789abcdef"}"#),
            ("/api_keys/verify", r#"{"secret":"ak_0123456789abcdef0123456789abcdef"}"#),
            (
                "/oauth_applications/access_tokens/verify",
                r#"{"access_token":"oat_0123456789abcdef0123456789abcdef"}"#,
            ),
        ] {
            let refused = wire.send(&form("POST", path, body), body).await.refusal();
            assert_eq!(refused, (403, "feature_not_enabled".to_owned()), "{client} {path}");
        }
    }
}
