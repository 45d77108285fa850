//! The instance over HTTP: settings, signing keys, key sets, and what the documented API has of them.

use crate::openapi_agreement::{our_document, published_document, violations};
use crate::support::{PRODUCTION_KEY, TestApp};
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;

fn etag(answer: &crate::support::Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn usernames_are_as_long_as_the_settings_say() {
    let app = TestApp::new().await;
    let rules = json!({ "username": { "min_length": 6, "max_length": 8 } });
    app.patch("/verger/v1/settings", rules).await.ok();
    let user = app.user(json!({ "username": "ada_king" })).await;
    for wrong in ["ada_k", "ada_king_"] {
        let refused = app.post("/v1/users", json!({ "username": wrong })).await;
        refused.refused(422, "form_username_invalid_length", "username");
        assert!(refused.text.contains("6 to 8 characters"), "{}", refused.text);
        let refused = app.patch(&format!("/v1/users/{user}"), json!({ "username": wrong })).await;
        refused.refused(422, "form_username_invalid_length", "username");
    }
    app.patch(&format!("/v1/users/{user}"), json!({ "username": "ada_ki", "first_name": "Ada" })).await.ok();
    app.patch("/verger/v1/settings", json!({ "username": null })).await.ok();
    app.patch(&format!("/v1/users/{user}"), json!({ "username": "ada_" })).await.ok();
}

#[tokio::test]
async fn settings_are_patched_with_preconditions_and_without_trace_in_a_dry_run() {
    let app = TestApp::new().await;
    let before = app.get("/verger/v1/settings").await;
    assert_eq!((before.ok()["version"].as_i64(), &before.body["updated_at"]), (Some(0), &Value::Null));
    assert_eq!(before.body["sessions"]["lifetime_seconds"], 604_800);
    let patch = json!({ "sessions": { "lifetime_seconds": 3600 }, "frontend": { "allowed_origins": ["https://a.example"] } });
    let dry = app.call("PATCH", "/verger/v1/settings").header("prefer", "dry-run").json(&patch).send().await;
    assert_eq!(
        (dry.ok()["version"].as_i64(), dry.body["sessions"]["lifetime_seconds"].as_i64()),
        (Some(1), Some(3600))
    );
    assert_eq!(app.get("/verger/v1/settings").await.text, before.text);
    let call = |tag: &str| app.call("PATCH", "/verger/v1/settings").header("if-match", tag).json(&patch);
    assert_eq!(call("\"7\"").send().await.status, 412);
    let after = call(&etag(&before)).send().await;
    assert_eq!((after.ok()["version"].as_i64(), etag(&after).as_str()), (Some(1), "\"1\""));
    assert_eq!(call(&etag(&before)).send().await.status, 412);
    let same = app.call("GET", "/verger/v1/settings").header("if-none-match", "\"1\"").send().await;
    assert_eq!(same.status, 304);
    // A repeated request with its key is answered as before.
    let again = |key: &str| {
        let patch = json!({ "sessions": { "single": false } });
        app.call("PATCH", "/verger/v1/settings").header("idempotency-key", key).json(&patch)
    };
    let first = again("k").send().await;
    let second = again("k").send().await;
    assert_eq!((first.ok()["version"].as_i64(), second.ok()["version"].as_i64()), (Some(2), Some(2)));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    // The other instance has its own.
    let other = app.call("GET", "/verger/v1/settings").key(PRODUCTION_KEY).send().await;
    assert_eq!(other.ok()["version"], 0);
}

#[tokio::test]
async fn settings_that_contradict_or_are_not_built_are_refused_by_their_field() {
    let app = TestApp::new().await;
    for (patch, status, code, field) in [
        (
            json!({ "attributes": { "phone_number": false } }),
            422,
            "form_param_value_invalid",
            "first_factors.phone_code",
        ),
        (
            json!({ "first_factors": { "passkey": true } }),
            403,
            "feature_not_enabled",
            "first_factors.passkey",
        ),
        (
            json!({ "organizations": { "enabled": true } }),
            403,
            "feature_not_enabled",
            "organizations.enabled",
        ),
        (json!({ "sign_up": { "mode": "waitlist" } }), 403, "feature_not_enabled", "sign_up.mode"),
        (json!({ "sessions": { "lifetime": 1 } }), 422, "form_param_unknown", "sessions.lifetime"),
        (
            json!({ "frontend": { "allowed_origins": ["*"] } }),
            422,
            "form_param_value_invalid",
            "frontend.allowed_origins[0]",
        ),
    ] {
        let answer = app.patch("/verger/v1/settings", patch.clone()).await;
        let error = &answer.body["errors"][0];
        assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{patch}: {}", answer.text);
        assert_eq!(error["meta"]["param_name"], field, "{patch}");
    }
    assert_eq!(app.get("/verger/v1/settings").await.ok()["version"], 0);
}

#[tokio::test]
async fn documented_operations_change_the_same_settings() {
    let app = TestApp::new().await;
    let fits = |path: &str, method: &str, body: &Value| {
        for (document, path) in
            [(published_document(), path.to_owned()), (our_document(), format!("/v1{path}"))]
        {
            let schema = &document["paths"][&path][method]["responses"]["200"];
            let schema = match schema["$ref"].as_str() {
                Some(name) => &document["components"]["responses"][name.rsplit('/').next().unwrap()],
                None => schema,
            };
            let schema = &schema["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{method} {path}");
            assert_eq!(violations(document, schema, body), Vec::<String>::new(), "{method} {path}");
        }
    };
    let body = json!({
        "test_mode": true, "support_email": "help@example.com", "allowed_origins": ["https://a.example"],
        "clerk_js_version": null, "cookieless_dev": false,
        "preferred_sign_in_strategy_when_password_required": "otp",
    });
    let updated = app.patch("/v1/instance", body).await;
    assert_eq!((updated.status, updated.text.as_str()), (204, ""));
    let instance = app.get("/v1/instance").await;
    fits("/instance", "get", instance.ok());
    assert_eq!(instance.body["allowed_origins"], json!(["https://a.example"]));
    let restrictions =
        app.patch("/v1/instance/restrictions", json!({ "blocklist": true, "allowlist": null })).await;
    fits("/instance/restrictions", "patch", restrictions.ok());
    assert_eq!(
        (&restrictions.body["blocklist"], &restrictions.body["allowlist"]),
        (&json!(true), &json!(false))
    );
    let beta =
        app.patch("/v1/beta_features/instance_settings", json!({ "restricted_to_allowlist": true })).await;
    fits("/beta_features/instance_settings", "patch", beta.ok());
    let codes = json!({ "blocked_country_codes": ["NG", "ZZ"] });
    let communication = app.patch("/v1/instance/communication", codes).await;
    fits("/instance/communication", "patch", communication.ok());
    // What is no country's is left out.
    assert_eq!(communication.body["blocked_country_codes"], json!(["NG"]));
    let unchanged = app.patch("/v1/instance/communication", json!({})).await;
    assert_eq!(unchanged.ok(), &communication.body);
    fits("/instance/communication", "get", app.get("/v1/instance/communication").await.ok());
    let settings = app.get("/verger/v1/settings").await;
    let settings = settings.ok();
    assert_eq!(settings["version"], 4);
    assert_eq!(settings["display"]["support_email"], "help@example.com");
    assert_eq!(settings["display"]["preferred_sign_in_strategy"], "otp");
    assert_eq!(settings["sign_up"]["mode"], "restricted");
    assert_eq!(settings["restrictions"]["allowlist"], true);
    for (method, path, body, param) in [
        ("PATCH", "/v1/instance", json!({ "test_mode": false }), "test_mode"),
        ("PATCH", "/v1/instance", json!({ "support_email": "nobody" }), "support_email"),
        (
            "PATCH",
            "/v1/instance",
            json!({ "allowed_origins": ["https://a.example/x"] }),
            "allowed_origins[0]",
        ),
        ("PATCH", "/v1/instance", json!({ "hibp": true }), "hibp"),
        (
            "PATCH",
            "/v1/instance/restrictions",
            json!({ "block_disposable_email_domains": true }),
            "block_disposable_email_domains",
        ),
        (
            "PATCH",
            "/v1/instance/communication",
            json!({ "blocked_country_codes": ["ng"] }),
            "blocked_country_codes",
        ),
        (
            "PATCH",
            "/v1/beta_features/instance_settings",
            json!({ "from_email_address": "x" }),
            "from_email_address",
        ),
    ] {
        let refused = app.call(method, path).json(&body).send().await;
        assert!((400..500).contains(&refused.status), "{path} {body}: {}", refused.text);
        assert_eq!(refused.body["errors"][0]["meta"]["param_name"], param, "{path} {body}");
    }
    fits("/testing_tokens", "post", app.post("/v1/testing_tokens", json!({})).await.ok());
    fits("/domains", "get", app.get("/v1/domains").await.ok());
}

/// The official SDKs have parameters for these two, which the published document lacks.
#[tokio::test]
async fn parameters_that_sdks_alone_have_may_ask_for_nothing() {
    let app = TestApp::new().await;
    for (path, name, status) in [
        ("/v1/instance", "enhanced_email_deliverability", 204),
        ("/v1/instance/restrictions", "ignore_dots_for_gmail_addresses", 200),
    ] {
        for nothing in [json!(false), Value::Null] {
            let answer = app.patch(path, json!({ name: nothing })).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
        let refused = app.patch(path, json!({ name: true })).await;
        assert_eq!(refused.refusal(), (422, "form_param_unknown"), "{path}");
        assert_eq!(refused.body["errors"][0]["meta"]["param_name"], name);
    }
    assert_eq!(app.get("/verger/v1/settings").await.ok()["version"], 0);
}

#[tokio::test]
async fn blocked_country_gets_no_text_message() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, "+41446681800", json!({ "verified": false })).await;
    let prepare = format!("/v1/phone_numbers/{id}/prepare_verification");
    app.patch("/v1/instance/communication", json!({ "blocked_country_codes": ["CH"] })).await.ok();
    let refused = app.post(&prepare, json!({})).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["code"]),
        (403, &json!("unsupported_country_code"))
    );
    app.patch("/v1/instance/communication", json!({ "blocked_country_codes": [] })).await.ok();
    app.post(&prepare, json!({})).await.ok();
}

#[tokio::test]
async fn key_set_is_the_same_at_both_doors_and_has_nothing_private() {
    let app = TestApp::new().await;
    let instance = app.call("GET", "/v1/instance").key(PRODUCTION_KEY).send().await;
    let id = instance.ok()["id"].as_str().unwrap().to_owned();
    let backend = app.call("GET", "/v1/jwks").key(PRODUCTION_KEY).send().await;
    let keys = backend.ok()["keys"].as_array().unwrap().clone();
    assert_eq!(backend.headers["cache-control"], "private, max-age=60");
    assert_eq!(keys.len(), 1);
    let mut names: Vec<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&keys[0]["kid"], &keys[0]["alg"], &keys[0]["e"]),
        (&json!(id), &json!("RS256"), &json!("AQAB"))
    );
    assert_eq!(keys[0]["n"].as_str().unwrap().len(), 342, "2048 bits");
    app.add_host(PRODUCTION_KEY, "clerk.example.com").await;
    let path = "/.well-known/jwks.json";
    let (status, _, bytes) = app.page("GET", path, &[("host", "clerk.example.com")]).await;
    let public: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((status, &public), (200, &backend.body));
    // Another host is nobody's, whatever a proxy header says; a key beside it names its instance.
    for headers in [
        &[("host", "evil.example")][..],
        &[],
        &[("host", "evil.example"), ("x-forwarded-host", "clerk.example.com")],
    ] {
        let (status, _, bytes) = app.page("GET", path, headers).await;
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("host_invalid")), "{headers:?}");
    }
    let with_key = [("host", "evil.example"), ("clerk-secret-key", PRODUCTION_KEY)];
    let (status, _, bytes) = app.page("GET", path, &with_key).await;
    assert_eq!((status, serde_json::from_slice::<Value>(&bytes).unwrap()), (200, backend.body));
    // A client that always sends its key finds them too.
    let authorization = format!("Bearer {PRODUCTION_KEY}");
    let with_key = [("host", "clerk.example.com"), ("authorization", authorization.as_str())];
    assert_eq!(app.page("GET", path, &with_key).await.0, 200);
    let (status, _, bytes) = app.page("GET", path, &[("clerk-secret-key", "sk_live_wrong")]).await;
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("clerk_key_invalid")));
}

#[tokio::test]
async fn new_key_is_published_before_it_signs_and_the_old_one_stays() {
    let app = TestApp::new().await;
    let first = app.get("/verger/v1/signing_keys").await.ok()[0].clone();
    assert_eq!(first["state"], "signing");
    assert!(first["public_key_pem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let now = app.tick();
    let rotate = |signs_at: i64| app.post("/verger/v1/signing_keys", json!({ "signs_at": signs_at }));
    let soon = rotate(now + 10 * MINUTE_MS - 1).await;
    assert_eq!((soon.status, &soon.body["errors"][0]["meta"]["param_name"]), (422, &json!("signs_at")));
    assert_eq!(rotate(now + 91 * 24 * 60 * MINUTE_MS).await.status, 422);
    let dry =
        app.call("POST", "/verger/v1/signing_keys").header("prefer", "dry-run").json(&json!({})).send().await;
    assert_eq!(dry.ok()["state"], "pending");
    assert_eq!(app.get("/v1/jwks").await.ok()["keys"].as_array().unwrap().len(), 1);
    let new = app.post("/verger/v1/signing_keys", json!({})).await.ok().clone();
    assert_eq!(new["signs_at"], now + 60 * MINUTE_MS);
    let pending = app.post("/verger/v1/signing_keys", json!({})).await;
    assert_eq!(
        (pending.status, &pending.body["errors"][0]["code"]),
        (409, &json!("signing_key_rotation_pending"))
    );
    let kids = async || {
        let set = app.get("/v1/jwks").await;
        set.ok()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kids().await, [first["id"].clone(), new["id"].clone()]);
    let retire = |id: &Value, now: bool| {
        let path = format!("/verger/v1/signing_keys/{}/retire", id.as_str().unwrap());
        app.call("POST", &path).json(&json!({ "now": now }))
    };
    let signs = retire(&first["id"], false).send().await;
    assert_eq!((signs.status, &signs.body["errors"][0]["code"]), (409, &json!("signing_key_in_use")));
    app.advance_ms(60 * MINUTE_MS);
    let states = app.get("/verger/v1/signing_keys").await;
    let state = |at: usize| states.body[at]["state"].as_str().unwrap();
    assert_eq!((state(0), state(1)), ("former", "signing"));
    assert_eq!(states.body[0]["published_until"], now + 60 * MINUTE_MS + 25 * 60 * MINUTE_MS);
    assert_eq!(retire(&first["id"], false).send().await.status, 409);
    app.advance_ms(25 * 60 * MINUTE_MS);
    assert_eq!(kids().await, [new["id"].clone()]);
    assert_eq!(retire(&first["id"], true).send().await.status, 409, "it is gone by itself");
    // The one that signs, at once: another is made in the same write.
    let retired = retire(&new["id"], true).send().await;
    assert_eq!(retired.ok()["state"], "retired");
    let left = kids().await;
    assert!(left.len() == 1 && left[0] != new["id"], "{left:?}");
    assert_eq!(retire(&json!("ins_of_nobody"), true).send().await.status, 404);
}

#[tokio::test]
async fn changes_of_settings_and_keys_are_events_and_rows_of_the_trail() {
    let app = TestApp::new().await;
    tokio::spawn(verger_server::fan_out_events(std::sync::Arc::clone(&app.app)));
    app.patch("/verger/v1/settings", json!({ "sessions": { "single": false } })).await.ok();
    app.post("/verger/v1/signing_keys", json!({})).await.ok();
    // What changes nothing is told to nobody.
    app.patch("/verger/v1/settings", json!({ "sessions": { "single": false } })).await.ok();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let rows = loop {
        let trail = app.get("/verger/v1/audit_log").await;
        let rows = trail.ok()["data"].as_array().cloned().unwrap_or_default();
        if rows.len() >= 2 {
            break rows;
        }
        assert!(std::time::Instant::now() < end, "{}", trail.text);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let types: Vec<_> = rows.iter().map(|row| row["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(types.len(), 2, "{types:?}");
    let settings = rows.iter().find(|row| row["type"] == "settings.updated").unwrap();
    let text = settings.to_string();
    assert!(text.contains("sessions.single") && text.contains("key_id"), "{text}");
    assert!(types.contains(&"signing_key.created"));
}

#[tokio::test]
async fn lists_have_both_forms_and_refuse_the_same_identifier_twice() {
    let app = TestApp::new().await;
    let add = |path: &'static str, identifier: &str| app.post(path, json!({ "identifier": identifier }));
    for path in ["/v1/allowlist_identifiers", "/v1/blocklist_identifiers"] {
        let entry = add(path, "*@Example.com").await.ok().clone();
        assert_eq!(
            (&entry["identifier"], &entry["identifier_type"]),
            (&json!("*@example.com"), &json!("email_address"))
        );
        let again = add(path, "example.com").await;
        assert_eq!((again.status, &again.body["errors"][0]["code"]), (400, &json!("duplicate_record")));
        assert_eq!(add(path, "nobody").await.status, 422);
        app.tick();
        add(path, "+1 (500) 555-0123").await.ok();
    }
    let plain = app.get("/v1/allowlist_identifiers?limit=1").await;
    assert_eq!(plain.ok()[0]["identifier"], "+15005550123");
    let paged = app.get("/v1/allowlist_identifiers?paginated=true&limit=1&offset=1").await;
    assert_eq!(
        (&paged.ok()["total_count"], &paged.body["data"][0]["identifier"]),
        (&json!(2), &json!("*@example.com"))
    );
    let blocked = app.get("/v1/blocklist_identifiers").await;
    assert_eq!(
        (&blocked.ok()["total_count"], blocked.body["data"].as_array().map(Vec::len)),
        (&json!(2), Some(2))
    );
    let id = plain.body[0]["id"].as_str().unwrap();
    // An entry of one list is none of the other's, and another instance has neither.
    assert_eq!(app.delete(&format!("/v1/blocklist_identifiers/{id}")).await.status, 404);
    let path = format!("/v1/allowlist_identifiers/{id}");
    assert_eq!(app.call("DELETE", &path).key(PRODUCTION_KEY).send().await.status, 404);
    let deleted = app.delete(&path).await;
    assert_eq!(deleted.ok(), &json!({ "id": id, "object": "allowlist_identifier", "deleted": true }));
    assert_eq!(app.delete(&path).await.status, 404);
    let production = app.call("POST", "/v1/allowlist_identifiers").key(PRODUCTION_KEY);
    assert_eq!(production.json(&json!({ "identifier": "+15005550123" })).send().await.status, 422);
}

#[tokio::test]
async fn redirect_urls_are_added_read_and_removed() {
    let app = TestApp::new().await;
    let url = app.post("/v1/redirect_urls", json!({ "url": "com.example.app://done" })).await.ok().clone();
    assert_eq!(app.post("/v1/redirect_urls", json!({ "url": "com.example.app://done" })).await.status, 400);
    for bad in ["javascript://x", "http://example.com/", "x"] {
        assert_eq!(app.post("/v1/redirect_urls", json!({ "url": bad })).await.status, 422, "{bad}");
    }
    let path = format!("/v1/redirect_urls/{}", url["id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.ok(), &url);
    assert_eq!(app.get("/v1/redirect_urls").await.ok(), &json!([url]));
    let paged = app.get("/v1/redirect_urls?paginated=true").await;
    assert_eq!(paged.ok(), &json!({ "data": [url], "total_count": 1 }));
    assert_eq!(app.call("GET", &path).key(PRODUCTION_KEY).send().await.status, 404);
    assert_eq!(app.delete(&path).await.ok()["deleted"], true);
    assert_eq!(app.get(&path).await.status, 404);
}

#[tokio::test]
async fn invitations_are_made_once_for_an_address_and_revoked_once() {
    let app = TestApp::new().await;
    let invite = |fields: Value| {
        let mut body = json!({ "email_address": "Ada@example.com" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        app.post("/v1/invitations", body)
    };
    // A link needs a host.
    app.remove_hosts(crate::support::DEVELOPMENT_KEY).await;
    let homeless = invite(json!({ "notify": false })).await;
    assert_eq!(
        (homeless.status, &homeless.body["errors"][0]["code"]),
        (400, &json!("request_invalid_for_instance"))
    );
    app.add_host(crate::support::DEVELOPMENT_KEY, "clerk.example.com").await;
    let made = invite(json!({ "notify": false, "public_metadata": { "plan": "trial" } })).await;
    let made = made.ok();
    let url = made["url"].as_str().unwrap();
    let ticket = url.strip_prefix("https://clerk.example.com/v1/tickets/accept?ticket=ticket_").unwrap();
    assert_eq!(ticket.len(), 43, "256 bits");
    assert_eq!((&made["status"], &made["email_address"]), (&json!("pending"), &json!("ada@example.com")));
    assert_eq!(
        made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap(),
        30 * 24 * 60 * MINUTE_MS
    );
    assert_eq!(invite(json!({ "notify": false })).await.status, 400, "there is one");
    let second = invite(json!({ "notify": false, "ignore_existing": true, "expires_in_days": 1 })).await;
    assert_ne!(second.ok()["url"], made["url"]);
    let listed = app.get("/v1/invitations?paginated=true&query=ADA").await;
    assert_eq!((&listed.ok()["total_count"], listed.text.contains("ticket_")), (&json!(2), false));
    // With email, of which only the queue has the text, sealed.
    app.tick();
    let mailed = invite(json!({ "email_address": "bob@example.com" })).await;
    assert_eq!(mailed.ok()["status"], "pending");
    let path = format!("/v1/invitations/{}/revoke", made["id"].as_str().unwrap());
    assert_eq!(app.call("POST", &path).key(PRODUCTION_KEY).send().await.status, 404);
    let revoked = app.post(&path, json!({})).await;
    assert_eq!((&revoked.ok()["status"], &revoked.body["revoked"]), (&json!("revoked"), &json!(true)));
    let again = app.post(&path, json!({})).await;
    assert_eq!((again.status, &again.body["errors"][0]["code"]), (400, &json!("invitation_already_revoked")));
    assert_eq!(app.get("/v1/invitations?status=revoked").await.ok().as_array().map(Vec::len), Some(1));
    assert_eq!(
        app.get("/v1/invitations?order_by=%2Bcreated_at").await.ok()[1]["email_address"],
        "bob@example.com"
    );
    app.post("/v1/users", json!({ "email_address": ["eve@example.com"] })).await.ok();
    let taken = invite(json!({ "email_address": "eve@example.com", "notify": false })).await;
    assert_eq!((taken.status, &taken.body["errors"][0]["code"]), (422, &json!("form_identifier_exists")));
    for (fields, param) in [
        (json!({ "email_address": "nobody" }), "email_address"),
        (json!({ "redirect_url": "javascript:alert(1)" }), "redirect_url"),
        (json!({ "expires_in_days": 366 }), "expires_in_days"),
        (json!({ "user_id": "user_1" }), "user_id"),
    ] {
        let refused = invite(fields).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["meta"]["param_name"]), (422, &json!(param)));
    }
}

#[tokio::test]
async fn cookie_domain_has_the_host_in_it_or_is_refused() {
    let app = TestApp::new().await;
    app.remove_hosts(crate::support::DEVELOPMENT_KEY).await;
    let set =
        |domain: Value| app.patch("/verger/v1/settings", json!({ "frontend": { "cookie_domain": domain } }));
    // Without a host there is nothing to compare it with.
    set(json!("other.com")).await.ok();
    app.add_host(crate::support::DEVELOPMENT_KEY, "clerk.example.com").await;
    for domain in ["other.org", "app.example.com", "ample.com", "x.clerk.example.com"] {
        let refused = set(json!(domain)).await;
        refused.refused(422, "form_param_value_invalid", "frontend.cookie_domain");
        assert!(refused.text.contains("must be clerk.example.com or a domain above it"), "{}", refused.text);
    }
    // What was set before does not keep other settings from being changed.
    app.patch("/verger/v1/settings", json!({ "sessions": { "lifetime_seconds": 3600 } })).await.ok();
    for domain in [json!("example.com"), json!("clerk.example.com"), json!(""), Value::Null] {
        set(domain).await.ok();
    }
}

#[tokio::test]
async fn several_invitations_are_made_together_or_not_at_all() {
    let app = TestApp::new().await;
    app.add_host(crate::support::DEVELOPMENT_KEY, "clerk.example.com").await;
    let item = |n: usize| json!({ "email_address": format!("u{n}@example.com"), "notify": false });
    let bulk = |items: Value| app.post("/v1/invitations/bulk", items);
    let all = bulk((0..10).map(item).collect()).await;
    assert_eq!(all.ok().as_array().map(Vec::len), Some(10));
    assert!(all.body[9]["url"].as_str().unwrap().contains("ticket_"));
    for (items, status, code) in [
        ((0..11).map(item).collect::<Value>(), 400, "bulk_size_exceeded"),
        (json!([]), 400, "request_body_invalid"),
        (json!({}), 400, "request_body_invalid"),
        (json!([5]), 400, "request_body_invalid"),
        (json!([item(20), item(0)]), 400, "duplicate_record"),
        (json!([item(20), item(20)]), 400, "duplicate_record"),
        (json!([item(20), { "email_address": "nobody" }]), 422, "form_param_format_invalid"),
    ] {
        let refused = bulk(items.clone()).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (status, &json!(code)), "{items}");
    }
    // Each error names the invitation that it is about.
    for second in [item(20), json!({ "email_address": " U20@example.com", "notify": false })] {
        let twice = bulk(json!([item(20), second])).await;
        assert_eq!(twice.body["errors"][0]["meta"]["param_name"], "[1].email_address", "{}", twice.text);
        assert_eq!(twice.body["errors"].as_array().map(Vec::len), Some(1));
    }
    app.post("/v1/users", json!({ "email_address": ["taken@example.com"] })).await.ok();
    let taken = bulk(json!([item(20), item(21), { "email_address": "taken@example.com" }])).await;
    taken.refused(422, "form_identifier_exists", "[2].email_address");
    let named = bulk(json!([item(20), { "email_address": "nobody" }])).await;
    assert_eq!(named.body["errors"][0]["meta"]["param_name"], "[1].email_address");
    let listed = app.get("/v1/invitations?paginated=true").await;
    assert_eq!(listed.ok()["total_count"], 10);
}

#[tokio::test]
async fn s43_s44_instance_in_a_body_or_query_is_nobodys_but_the_keys() {
    let app = TestApp::new().await;
    let other = app.call("GET", "/v1/instance").key(PRODUCTION_KEY).send().await.ok()["id"].clone();
    for (method, path) in [
        ("PATCH", "/verger/v1/settings"),
        ("PATCH", "/v1/instance"),
        ("PATCH", "/v1/instance/restrictions"),
        ("PATCH", "/v1/instance/communication"),
        ("PATCH", "/v1/beta_features/instance_settings"),
        ("POST", "/verger/v1/signing_keys"),
        ("POST", "/v1/allowlist_identifiers"),
        ("POST", "/v1/blocklist_identifiers"),
        ("POST", "/v1/invitations"),
    ] {
        let body = json!({ "instance_id": other, "id": other, "identifier": "a@example.com", "email_address": "a@example.com" });
        let refused = app.call(method, path).json(&body).send().await;
        assert_eq!(refused.status, 422, "{method} {path}: {}", refused.text);
        assert!(refused.text.contains("form_param_unknown"), "{method} {path}");
    }
    let settings = app.call("GET", "/verger/v1/settings").key(PRODUCTION_KEY).send().await;
    assert_eq!(settings.ok()["version"], 0);
    let own = app.get("/verger/v1/instance").await;
    assert_ne!(own.ok()["id"], other);
}
