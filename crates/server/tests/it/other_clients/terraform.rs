//! A Terraform provider for the Backend API, written in Go: it creates, reads, plans again, updates, imports, notices what
//! others changed, and deletes. After every write it reads, and whatever differs from what was written is drift that a
//! person sees at each plan.

use super::{Received, Wire};
use serde::Deserialize;
use serde_json::{Value, json};

/// As `net/http` writes it: host, agent and length first, then the other headers by name, then the one for compression that
/// its transport adds. A POST without a body has the length 0, a GET and a DELETE have none.
fn go(method: &str, path: &str, body: &str) -> String {
    let length = match method {
        "GET" | "DELETE" => String::new(),
        _ => format!("Content-Length: {}\n", body.len()),
    };
    format!(
        "{method} /v1{path} HTTP/1.1\nHost: {{host}}\nUser-Agent: Go-http-client/1.1\n{length}Accept: application/json\n\
         Authorization: Bearer {{key}}\nContent-Type: application/json\nAccept-Encoding: gzip\n\n"
    )
}

impl Wire {
    async fn go(&mut self, method: &str, path: &str, body: &str) -> Received {
        self.send(&go(method, path, body), body).await
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Template {
    id: String,
    name: String,
    claims: Value,
    lifetime: i64,
    allowed_clock_skew: i64,
    custom_signing_key: bool,
    signing_algorithm: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Deleted {
    object: String,
    id: String,
    deleted: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
struct ListEntry {
    object: String,
    id: String,
    identifier: String,
    identifier_type: String,
    instance_id: String,
    created_at: i64,
    updated_at: i64,
}

const NOT_FOUND: (u16, &str) = (404, "resource_not_found");

fn refusal(received: &Received) -> (u16, String) {
    received.refusal()
}

fn expected((status, code): (u16, &str)) -> (u16, String) {
    (status, code.to_owned())
}

/// `encoding/json` writes the keys of a map in order and escapes `&`, `<` and `>`, which the claims must survive.
#[tokio::test]
async fn jwt_template_is_managed_without_drift() {
    let mut wire = Wire::start().await;
    let body = r#"{"name":"hasura","claims":{"aud":"https://api.example.com/?a=1\u0026b=2","big":9007199254740993,"greeting":"{{user.first_name}} \u0026 \u003cfriends\u003e","ratio":0.5,"x-hasura":{"allowed":["user",null,true],"id":"{{user.id}}"}},"lifetime":3600,"allowed_clock_skew":0,"custom_signing_key":false,"signing_algorithm":"RS256"}"#;
    let created: Template = wire.go("POST", "/jwt_templates", body).await.read();
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(created.claims, sent["claims"]);
    assert_eq!((created.name.as_str(), created.lifetime, created.allowed_clock_skew), ("hasura", 3600, 0));
    assert_eq!((created.custom_signing_key, created.signing_algorithm.as_str()), (false, "RS256"));
    // Refresh, plan, and import by id.
    let path = format!("/jwt_templates/{}", created.id);
    for _ in 0..2 {
        assert_eq!(wire.go("GET", &path, "").await.read::<Template>(), created);
    }

    let update = r#"{"name":"hasura","claims":{"role":"editor"},"lifetime":60,"allowed_clock_skew":5,"custom_signing_key":false,"signing_algorithm":"RS256"}"#;
    let updated: Template = wire.go("PATCH", &path, update).await.read();
    assert_eq!((&updated.id, updated.created_at), (&created.id, created.created_at));
    assert_eq!((&updated.claims, updated.lifetime), (&json!({ "role": "editor" }), 60));
    assert_eq!(wire.go("GET", &path, "").await.read::<Template>(), updated);

    // A key of its own is written and never read: what is read back says only that there is one.
    let with_key = r#"{"name":"hasura","claims":{"role":"editor"},"lifetime":60,"allowed_clock_skew":5,"custom_signing_key":true,"signing_algorithm":"HS256","signing_key":"0123456789abcdef0123456789abcdef"}"#;
    let received = wire.go("PATCH", &path, with_key).await;
    assert!(!String::from_utf8_lossy(&received.body).contains("0123456789abcdef"));
    let keyed: Template = received.read();
    assert_eq!((keyed.custom_signing_key, keyed.signing_algorithm.as_str()), (true, "HS256"));

    let deleted: Deleted = wire.go("DELETE", &path, "").await.read();
    assert_eq!(deleted, Deleted { object: "jwt_template".to_owned(), id: created.id, deleted: true });
    // What is gone leaves the state at the next read, and a destroy that finds nothing is done.
    assert_eq!(refusal(&wire.go("GET", &path, "").await), expected(NOT_FOUND));
    assert_eq!(refusal(&wire.go("DELETE", &path, "").await), expected(NOT_FOUND));
}

#[tokio::test]
async fn redirect_url_is_managed_without_drift() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct RedirectUrl {
        id: String,
        url: String,
        created_at: i64,
        updated_at: i64,
    }
    let mut wire = Wire::start().await;
    let body = r#"{"url":"https://app.example.com/callback?a=1\u0026b=2"}"#;
    let created: RedirectUrl = wire.go("POST", "/redirect_urls", body).await.read();
    assert_eq!(created.url, "https://app.example.com/callback?a=1&b=2");
    let path = format!("/redirect_urls/{}", created.id);
    assert_eq!(wire.go("GET", &path, "").await.read::<RedirectUrl>(), created);
    assert_eq!(wire.go("GET", "/redirect_urls", "").await.read::<Vec<RedirectUrl>>(), [created]);
    let deleted: Deleted = wire.go("DELETE", &path, "").await.read();
    assert!(deleted.deleted);
    assert_eq!(refusal(&wire.go("GET", &path, "").await), expected(NOT_FOUND));
}

/// Nothing reads one entry, so that it is looked for in the list.
#[tokio::test]
async fn entries_of_both_lists_are_found_in_the_list() {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<ListEntry>,
        total_count: i64,
    }
    let mut wire = Wire::start().await;
    for (path, object) in [
        ("/allowlist_identifiers", "allowlist_identifier"),
        ("/blocklist_identifiers", "blocklist_identifier"),
    ] {
        let body = match object {
            "allowlist_identifier" => r#"{"identifier":"ada@example.com","notify":false}"#,
            _ => r#"{"identifier":"ada@example.com"}"#,
        };
        let created: ListEntry = wire.go("POST", path, body).await.read();
        assert_eq!((created.object.as_str(), created.identifier.as_str()), (object, "ada@example.com"));
        // One list is an array where nobody asks for pages, the other one is always a page.
        let listed = wire.go("GET", path, "").await;
        let listed = match object {
            "allowlist_identifier" => listed.read::<Vec<ListEntry>>(),
            _ => {
                let Page { data, total_count } = listed.read();
                assert_eq!(total_count, 1);
                data
            }
        };
        let again = wire.go("POST", path, body).await;
        assert_eq!(refusal(&again), expected((400, "duplicate_record")));
        let entry = format!("{path}/{}", created.id);
        assert_eq!(listed, [created]);
        assert!(wire.go("DELETE", &entry, "").await.read::<Deleted>().deleted);
        assert_eq!(refusal(&wire.go("DELETE", &entry, "").await), expected(NOT_FOUND));
    }
}

/// Settings are one resource each, which is never created: a write says all of it, the fields of the Go SDK included that
/// the published document does not have.
#[tokio::test]
async fn settings_of_the_instance_are_managed_without_drift() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Instance {
        id: String,
        environment_type: String,
        allowed_origins: Vec<String>,
    }
    let mut wire = Wire::start().await;
    let body = r#"{"test_mode":true,"hibp":false,"enhanced_email_deliverability":false,"support_email":"help@example.com","clerk_js_version":"5","development_origin":"","allowed_origins":["https://app.example.com"],"url_based_session_syncing":false}"#;
    // No body, and no length: the next answer is read from the next byte.
    let received = wire.go("PATCH", "/instance", body).await;
    assert_eq!((received.status, received.header("content-length")), (204, None));
    let instance: Instance = wire.go("GET", "/instance", "").await.read();
    assert_eq!(
        (instance.id.as_str(), instance.environment_type.as_str()),
        (wire.server.instance_id(), "development")
    );
    assert_eq!(instance.allowed_origins, ["https://app.example.com"]);
    assert_eq!(wire.go("PATCH", "/instance", body).await.status, 204);
    assert_eq!(wire.go("GET", "/instance", "").await.read::<Instance>(), instance);

    let body = r#"{"allowlist":true,"blocklist":false,"block_email_subaddresses":true,"block_disposable_email_domains":false,"ignore_dots_for_gmail_addresses":false}"#;
    let restrictions = wire.go("PATCH", "/instance/restrictions", body).await.ok();
    let shown = json!({
        "object": "instance_restrictions", "allowlist": true, "blocklist": false,
        "allowlist_blocklist_disabled_on_sign_in": false, "block_email_subaddresses": true,
        "block_disposable_email_domains": false,
    });
    assert_eq!(restrictions, shown);
    // Nothing reads them, so that a refresh writes what the state has.
    assert_eq!(wire.go("PATCH", "/instance/restrictions", body).await.ok(), shown);

    // Data sources.
    let keys = wire.go("GET", "/jwks", "").await.ok();
    assert_eq!(keys["keys"][0]["kid"], wire.server.instance_id());
    let domains = wire.go("GET", "/domains", "").await.ok();
    assert_eq!((&domains["total_count"], &domains["data"][0]["is_satellite"]), (&json!(1), &json!(false)));
}

/// A person sees at `terraform apply` what is wrong, and the connection goes on.
#[tokio::test]
async fn resources_that_are_not_there_yet_say_so() {
    let mut wire = Wire::start().await;
    for (path, body) in [
        (
            "/organizations",
            r#"{"name":"Acme","slug":"acme","created_by":"user_1","max_allowed_memberships":5}"#,
        ),
        ("/machines", r#"{"name":"worker","scoped_machines":[],"default_token_ttl":3600}"#),
        ("/api_keys", r#"{"name":"worker","subject":"user_1","scopes":["read"]}"#),
        (
            "/oauth_applications",
            r#"{"name":"app","redirect_uris":["https://app.example.com"],"scopes":"profile"}"#,
        ),
        ("/saml_connections", r#"{"name":"idp","domain":"example.com","provider":"saml_custom"}"#),
        ("/domains", r#"{"name":"satellite.example.com","is_satellite":true}"#),
        ("/webhooks/svix", ""),
    ] {
        assert_eq!(
            refusal(&wire.go("POST", path, body).await),
            expected((403, "feature_not_enabled")),
            "{path}"
        );
    }
    for (method, body) in [("GET", ""), ("PATCH", r#"{"enabled":true,"max_allowed_memberships":5}"#)] {
        let received = wire.go(method, "/instance/organization_settings", body).await;
        assert_eq!(refusal(&received), expected((403, "feature_not_enabled")), "{method}");
    }
    let other_key = go("GET", "/jwt_templates", "").replace("{key}", "sk_test_of_nobody");
    assert_eq!(refusal(&wire.send(&other_key, "").await), expected((401, "clerk_key_invalid")));
    assert_eq!(wire.go("GET", "/jwt_templates", "").await.ok(), json!([]));
}
