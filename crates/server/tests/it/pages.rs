//! The pages for people, and the document: what they say, to whom, and in which form.

use crate::codes::wrong;
use crate::support::{DEVELOPMENT_KEY, TestApp, number};
use serde_json::{Value, json};
use std::io::Read as _;

const LOCAL: (&str, &str) = ("host", "127.0.0.1:4177");

async fn text(app: &TestApp, path: &str) -> String {
    let (status, _, bytes) = app.page("GET", path, &[LOCAL]).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// The state of each code on the page, the newest first.
async fn states(app: &TestApp) -> Vec<String> {
    let list = text(app, "/inbox/list").await;
    let states = list.split("class=\"state ").skip(1);
    states.map(|rest| rest.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn inbox_says_of_each_code_whether_it_is_valid_used_replaced_expired_or_failed() {
    let app = TestApp::new().await;
    let phone = app.pending_phone(0).await;
    assert_eq!(states(&app).await, ["valid for 10 min"]);
    app.advance_ms(60_000);
    assert_eq!(states(&app).await, ["valid for 9 min"]);
    let second = app.prepare(&phone.path).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(states(&app).await, ["valid for 10 min", "replaced"]);
    let code = app.code_of(&second).await;
    assert_eq!(app.attempt(&phone.path, &second, &code).await.ok()["status"], "verified");
    assert_eq!(states(&app).await, ["used", "replaced"]);
    // What became of a code stays, whatever comes after it.
    app.advance_ms(60_000);
    let failing = app.pending_email(0).await;
    for _ in 0..5 {
        app.attempt(&failing.path, &failing.verification, &wrong(&failing.code)).await.ok();
    }
    let late = app.pending_phone(1).await;
    assert_eq!(states(&app).await, ["valid for 10 min", "failed: too many wrong codes", "used", "replaced"]);
    // The clock of the instance counts, not the server's; and the page says that it was moved.
    assert!(!text(&app, "/inbox/list").await.contains("The clock of"));
    app.post("/verger/v1/clock", json!({ "advance_ms": 540_001 })).await.ok();
    assert_eq!(states(&app).await[0], "valid for 60 s");
    app.post("/verger/v1/clock", json!({ "advance_ms": 60_000 })).await.ok();
    assert_eq!(states(&app).await[0], "expired");
    let list = text(&app, "/inbox/list").await;
    assert!(list.contains("was moved forward by 11 min: times below use that clock."), "{list}");
    // Of a user who is gone no code is good.
    let gone = app.pending_phone(2).await;
    app.delete(&format!("/v1/users/{}", gone.user)).await.ok();
    assert_eq!(states(&app).await[0], "ended");
    app.delete(&format!("/v1/users/{}", late.user)).await.ok();
    assert_eq!(states(&app).await[1], "expired");
}

#[tokio::test]
async fn codes_that_a_removal_or_a_ban_ended_are_ended_and_those_that_failed_or_expired_before_stay_so() {
    let app = TestApp::new().await;
    let expired = app.pending_phone(0).await;
    app.advance_ms(600_001);
    let mut paths = Vec::new();
    for address in ["failed@example.com", "open@example.com"] {
        let body = json!({ "user_id": expired.user, "email_address": address });
        let id = app.post("/v1/email_addresses", body).await.ok()["id"].as_str().unwrap().to_owned();
        paths.push(format!("/v1/email_addresses/{id}"));
    }
    let failed = app.prepare(&paths[0]).await.ok()["id"].as_str().unwrap().to_owned();
    let code = app.code_of(&failed).await;
    for _ in 0..5 {
        app.attempt(&paths[0], &failed, &wrong(&code)).await.ok();
    }
    app.prepare(&paths[1]).await.ok();
    let spare = app.add_number(&expired.user, &number(5), json!({})).await;
    app.delete(&format!("/v1/phone_numbers/{spare}")).await.ok();
    assert_eq!(states(&app).await, ["ended", "failed: too many wrong codes", "expired"]);
    let banned = app.pending_phone(1).await;
    app.post(&format!("/v1/users/{}/ban", banned.user), json!({})).await.ok();
    assert_eq!(states(&app).await[0], "ended");
}

#[tokio::test]
async fn codes_of_test_numbers_are_shown_as_not_sent() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &number(0), json!({})).await;
    let path = format!("/v1/phone_numbers/{id}");
    let verification = app.prepare(&path).await.ok()["id"].as_str().unwrap().to_owned();
    let messages = app.get("/verger/v1/messages").await;
    let [message] = messages.ok().as_array().unwrap().as_slice() else { panic!("{}", messages.text) };
    assert_eq!((&message["status"], &message["code"]), (&json!("not_sent"), &json!("424242")));
    assert_eq!(message["verification_id"], verification);
    assert_eq!(app.get("/verger/v1/deliveries").await.ok(), &json!([]), "nothing is on its way");
    let list = text(&app, "/inbox/list").await;
    assert!(list.contains("not sent: test number") && list.contains(">424242<"), "{list}");
    assert_eq!(states(&app).await, ["valid for 10 min"]);
    app.attempt(&path, &verification, "424242").await.ok();
    assert_eq!(states(&app).await, ["used"]);
}

#[tokio::test]
async fn inbox_page_names_its_server_and_can_be_used_by_keyboard() {
    let app = TestApp::new().await;
    let page = text(&app, "/inbox").await;
    assert!(page.contains("<title>Inbox · 127.0.0.1:4177</title>"), "{page}");
    // What to do, with the address that was asked, and why nothing comes for test numbers.
    for part in ["curl http://127.0.0.1:4177/v1/phone_numbers", "424242", "$VERGER_SECRET_KEY"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    app.pending_phone(0).await;
    let page = text(&app, "/inbox").await;
    assert!(page.contains("<title>(1) Inbox · 127.0.0.1:4177</title>"), "{page}");
    for part in [
        "<main>",
        "<h1>Inbox</h1>",
        "aria-live=\"polite\"",
        "role=\"alert\" hidden",
        "type=\"search\"",
        "<button type=\"button\" id=\"clear\">",
        "aria-label=\"Copy code ",
        "href=\"/reference#AttemptPhoneNumberVerification\"",
        "href=\"/inbox.json?id=sms_",
        "<h2 id=\"sms_",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The one script has the nonce of the policy, and nothing else may run.
    let (_, headers, _) = app.page("GET", "/inbox", &[LOCAL]).await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'nonce-"), "{policy}");
    assert_eq!(page.matches("<script").count(), page.matches("<script nonce=\"").count());
    for handler in [" onclick=", " onload=", " oninput=", "javascript:"] {
        assert!(!page.contains(handler), "{handler}");
    }
}

#[tokio::test]
async fn inbox_is_cleared_by_its_own_page_alone() {
    let app = TestApp::new().await;
    app.pending_phone(0).await;
    let count = async || app.get("/verger/v1/messages").await.ok().as_array().unwrap().len();
    for headers in [
        &[LOCAL][..],
        &[LOCAL, ("origin", "http://evil.example")],
        &[LOCAL, ("origin", "http://127.0.0.1:4178")],
        &[LOCAL, ("origin", "null")],
        &[LOCAL, ("sec-fetch-site", "cross-site")],
        &[LOCAL, ("sec-fetch-site", "same-site")],
        &[LOCAL, ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ] {
        let (status, _, _) = app.page("POST", "/inbox/clear", headers).await;
        assert_eq!(status, 404, "{headers:?}");
        assert_eq!(count().await, 1, "{headers:?}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let own = [LOCAL, ("origin", "http://127.0.0.1:4177")];
        assert_eq!(app.page(method, "/inbox/clear", &own).await.0, 405, "{method}");
    }
    assert_eq!(count().await, 1);
    let own = [LOCAL, ("origin", "http://127.0.0.1:4177")];
    assert_eq!(app.page("POST", "/inbox/clear", &own).await.0, 200);
    assert_eq!(count().await, 0);
    app.pending_phone(1).await;
    assert_eq!(app.page("POST", "/inbox/clear", &[LOCAL, ("sec-fetch-site", "same-origin")]).await.0, 200);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn inbox_as_json_is_for_this_machine_alone() {
    let app = TestApp::new().await;
    app.pending_phone(0).await;
    app.pending_email(0).await;
    let all: Value = serde_json::from_str(&text(&app, "/inbox.json").await).unwrap();
    assert_eq!(all, *app.get("/verger/v1/messages").await.ok());
    let id = all[1]["id"].as_str().unwrap();
    let one: Value = serde_json::from_str(&text(&app, &format!("/inbox.json?id={id}")).await).unwrap();
    assert_eq!(one, json!([all[1]]));
    assert_eq!(app.page("GET", "/inbox.json?id=sms_none", &[LOCAL]).await.0, 404);
    assert_eq!(app.page("GET", "/inbox.json?name=x", &[LOCAL]).await.0, 422);
    let (status, _, bytes) = app.page("GET", "/inbox.json", &[("host", "evil.example")]).await;
    assert_eq!(status, 404);
    assert!(!String::from_utf8(bytes).unwrap().contains("verification_id"));
}

#[tokio::test]
async fn documents_carry_the_address_that_was_asked() {
    let app = TestApp::new().await;
    for (host, address) in [
        ("127.0.0.1:4177", "http://127.0.0.1:4177"),
        ("id.example.com", "http://id.example.com"),
        ("[::1]:9", "http://[::1]:9"),
        // What could mean something else is not repeated.
        ("a\"><script>", "http://127.0.0.1:4100"),
        ("", "http://127.0.0.1:4100"),
    ] {
        for path in ["/reference", "/openapi.json"] {
            let (status, _, bytes) = app.page("GET", path, &[("host", host)]).await;
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(status, 200);
            assert!(text.contains(&format!("{address}/v1/users")), "{path} {host}");
            assert!(!text.contains("<script"), "{path} {host}");
            let others = text.matches("http://127.0.0.1:4100").count();
            assert!(address == "http://127.0.0.1:4100" || others == 0, "{path} {host}: {others}");
        }
    }
}

#[tokio::test]
async fn documents_are_compressed_for_whoever_prefers_it() {
    let app = TestApp::new().await;
    for path in ["/reference", "/openapi.json"] {
        let (_, headers, plain) = app.page("GET", path, &[LOCAL]).await;
        assert_eq!(headers["vary"], "Accept-Encoding", "{path}");
        assert!(headers.get("content-encoding").is_none(), "{path}");
        for accepted in ["gzip, deflate, br", "br;q=1, gzip;q=0.5", "*"] {
            let (status, headers, bytes) =
                app.page("GET", path, &[LOCAL, ("accept-encoding", accepted)]).await;
            assert_eq!((status, headers["content-encoding"].to_str().unwrap()), (200, "gzip"), "{accepted}");
            assert_eq!(headers["vary"], "Accept-Encoding");
            assert!(bytes.len() * 4 < plain.len(), "{path}: {} of {}", bytes.len(), plain.len());
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
            assert!(text == plain, "{path} {accepted}: not the same");
        }
        for refused in ["gzip;q=0", "identity", "gzip;q=0.1, identity;q=0.2", "br"] {
            let (_, headers, bytes) = app.page("GET", path, &[LOCAL, ("accept-encoding", refused)]).await;
            assert!(headers.get("content-encoding").is_none() && bytes == plain, "{path} {refused}");
            assert_eq!(headers["vary"], "Accept-Encoding");
        }
    }
}

#[tokio::test]
async fn more_readers_than_are_kept_get_the_documents_as_they_are() {
    let app = TestApp::new().await;
    let mut plain = 0;
    for n in 0..40 {
        let host = format!("h{n}.example.com");
        let headers = [("host", host.as_str()), ("accept-encoding", "gzip")];
        let (status, headers, bytes) = app.page("GET", "/openapi.json", &headers).await;
        assert_eq!(status, 200);
        if headers.get("content-encoding").is_none() {
            plain += 1;
            assert!(String::from_utf8(bytes).unwrap().contains(&format!("http://{host}/v1")));
        }
    }
    assert!(plain > 0, "each of 40 hosts made the server compress again");
}

#[tokio::test]
async fn there_is_a_favicon_and_pages_take_no_other_method() {
    let app = TestApp::new().await;
    let (status, headers, bytes) = app.page("GET", "/favicon.ico", &[LOCAL]).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "image/x-icon"));
    assert!(bytes.starts_with(&[0, 0, 1, 0]));
    for path in ["/", "/favicon.ico", "/reference", "/openapi.json", "/inbox", "/inbox/list", "/inbox.json"] {
        assert_eq!(app.page("POST", path, &[LOCAL]).await.0, 405, "{path}");
    }
}

#[tokio::test]
async fn operations_without_v1_are_told_what_the_path_lacks() {
    let app = TestApp::new().await;
    for (path, is_operation) in
        [("/users", true), ("/phone_numbers/idn_1", true), ("/sessions", true), ("/nothing", false)]
    {
        let (status, _, bytes) = app.page("GET", path, &[LOCAL]).await;
        assert_eq!(status, 404, "{path}");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.contains("Begin the path with /v1"), is_operation, "{path}: {text}");
    }
}

#[tokio::test]
async fn two_slashes_at_the_start_of_a_path_are_told() {
    let app = TestApp::new().await;
    let key = format!("Bearer {DEVELOPMENT_KEY}");
    let (status, _, bytes) = app.page("GET", "//v1/users", &[LOCAL, ("authorization", &key)]).await;
    assert_eq!(status, 404);
    assert!(String::from_utf8(bytes).unwrap().contains("two slashes"));
}
