//! Retiring a key of `code_keys`.

use crate::support::{CODE_KEYS, Installation, PATIENCE, Serving, run, until};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use verger_server::deliver::signature::SigningSecret;

/// Of 32 other bytes.
const NEW_KEYS: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

/// Takes webhooks and passes on each as it came.
fn receiver() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, seen) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut text, mut chunk) = (String::new(), [0; 4096]);
            while !text.ends_with('}') {
                let Ok(read @ 1..) = stream.read(&mut chunk) else { break };
                text.push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (url, seen)
}

struct Shop {
    installation: Installation,
    config: String,
}

impl Shop {
    fn verger(&self, keys: &str, arguments: &[&str]) -> Command {
        let mut command = self.installation.verger(arguments.iter().copied());
        command.args(["--config", &self.config]).env("VERGER_CODE_KEYS", keys);
        command
    }

    fn serve(&self, keys: &str) -> Serving {
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log", "info"];
        Serving::start(self.verger(keys, &arguments))
    }

    /// The status of each key, in the order of the keys.
    fn status(&self, keys: &str) -> Vec<Value> {
        let told = run(self.verger(keys, &["code-keys", "status", "--format", "json"])).ok();
        let status: Value = serde_json::from_str(&told).unwrap();
        status["keys"].as_array().unwrap().clone()
    }

    fn sealed_line(&self, keys: &str) -> String {
        let told = run(self.verger(keys, &["check"])).stdout;
        told.lines().find(|line| line.contains(" sealed ")).unwrap().to_owned()
    }
}

/// Whether a webhook is signed with this secret; by the first signature of several or the second.
fn is_signed(seen: &str, at: usize, secret: &str) -> bool {
    let header = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(": ").to_owned()
    };
    let body = seen.split_once("\r\n\r\n").unwrap().1;
    let moment = header("svix-timestamp").parse().unwrap();
    let expected = SigningSecret::parse(secret).unwrap().sign(&header("svix-id"), moment, body.as_bytes());
    header("svix-signature").split(' ').nth(at) == Some(&expected)
}

#[test]
fn key_is_retired_without_a_new_secret_of_any_endpoint() {
    let installation = Installation::new();
    let (instance, key) = (installation.instance.clone(), installation.key.clone());
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "[webhooks]\nallow_networks = [\"127.0.0.0/8\"]\nallow_plain_http = true\n")
        .unwrap();
    let shop = Shop { installation, config: config.display().to_string() };
    let (url, seen) = receiver();
    let (old, both) = (CODE_KEYS, format!("{NEW_KEYS},{CODE_KEYS}"));
    let webhooks = |keys: &str, arguments: &[&str]| {
        let arguments: Vec<_> =
            ["webhooks"].iter().chain(arguments).chain(&["--instance", &instance]).copied().collect();
        run(shop.verger(keys, &arguments)).ok()
    };
    let added = webhooks(old, &["add", &url]);
    let (id, first) = added.trim().split_once('\n').unwrap();
    let second = webhooks(old, &["rotate", id, "--former-lives", "1h"]);

    // Before a server has the new key, the old one is what everything hangs on.
    let status = shop.status(&both);
    assert_eq!(status.len(), 2, "{status:?}");
    assert_eq!(
        (status[0]["role"].as_str(), status[0]["uses"].as_array().unwrap().len()),
        (Some("newest"), 0)
    );
    assert_eq!((status[1]["role"].as_str(), &status[1]["can_be_left_out"]), (Some("former"), &false.into()));
    assert_eq!(status[1]["uses"][0]["what"], "webhook secrets");
    assert_eq!(
        (&status[1]["uses"][0]["count"], &status[1]["uses"][0]["is_resealed"]),
        (&2.into(), &true.into())
    );
    assert!(shop.sealed_line(NEW_KEYS).starts_with("BAD"));
    let missing = shop.status(NEW_KEYS);
    assert_eq!(missing[1]["role"], "missing", "{missing:?}");
    let text = run(shop.verger(&both, &["code-keys", "status"])).ok();
    assert!(text.contains("sealed again by a running server") && text.contains("is still needed"), "{text}");

    let server = shop.serve(&both);
    let retired = until(PATIENCE, || {
        let status = shop.status(&both);
        (status[1]["can_be_left_out"] == true).then_some(status)
    });
    let retired = retired.unwrap_or_else(|| panic!("{:?}", shop.status(&both)));
    assert_eq!(retired[0]["uses"][0]["count"], 2, "{retired:?}");
    assert!(server.process.stderr().contains("webhook secrets"), "{}", server.process.stderr());
    assert!(shop.sealed_line(NEW_KEYS).starts_with("ok"));
    drop(server);

    // Without the old key, both secrets still sign, for a test and for an event.
    webhooks(NEW_KEYS, &["test", id]);
    let test = seen.recv_timeout(PATIENCE).unwrap();
    assert!(is_signed(&test, 0, second.trim()) && is_signed(&test, 1, first), "{test}");
    let server = shop.serve(NEW_KEYS);
    server.call(&key, "POST", "/v1/users", r#"{"email_address":["a@example.com"]}"#).ok();
    let event = seen.recv_timeout(PATIENCE).unwrap();
    assert!(is_signed(&event, 0, second.trim()) && is_signed(&event, 1, first), "{event}");
}

#[test]
fn key_that_only_digests_is_needed_until_the_last_of_them_ends() {
    let installation = Installation::new();
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "").unwrap();
    let shop = Shop { installation, config: config.display().to_string() };
    let server = shop.serve(CODE_KEYS);
    let request = "POST /v1/users HTTP/1.1\r\n";
    let body = r#"{"email_address":["a@example.com"]}"#;
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    write!(
        stream,
        "{request}Host: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: once\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        shop.installation.key,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(server);
    let both = format!("{NEW_KEYS},{CODE_KEYS}");
    let status = shop.status(&both);
    let used = &status[1]["uses"][0];
    assert_eq!((&used["what"], &used["count"]), (&"idempotency keys".into(), &1.into()), "{status:?}");
    assert_eq!(used["ends_at"].as_i64().unwrap() - used["oldest_at"].as_i64().unwrap(), 86_400_000);
    assert_eq!((&used["is_resealed"], &status[1]["can_be_left_out"]), (&false.into(), &false.into()));
    assert!(shop.sealed_line(NEW_KEYS).contains("1 idempotency key"));
}

#[test]
fn rows_of_the_trail_are_verified_without_the_key_that_was_retired() {
    let installation = Installation::new();
    let (instance, key) = (installation.instance.clone(), installation.key.clone());
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "").unwrap();
    let shop = Shop { installation, config: config.display().to_string() };
    let both = format!("{NEW_KEYS},{CODE_KEYS}");
    let verify = |keys| run(shop.verger(keys, &["audit", "verify", "--instance", &instance]));
    for (rows, keys) in [(1, CODE_KEYS), (2, both.as_str()), (3, NEW_KEYS)] {
        let server = shop.serve(keys);
        server.call(&key, "POST", "/v1/users", r#"{"skip_user_requirement":true}"#).ok();
        let is_told = until(PATIENCE, || {
            let log = server.call(&key, "GET", "/verger/v1/audit_log", "");
            (log.json()["data"].as_array()?.len() == rows).then_some(())
        });
        assert!(is_told.is_some());
        if keys == both {
            let is_kept =
                until(PATIENCE, || (shop.status(&both)[1]["can_be_left_out"] == true).then_some(()));
            assert!(is_kept.is_some(), "{:?}", shop.status(&both));
        }
    }
    let verified = verify(NEW_KEYS).ok();
    for (at, numbers) in [(1, ["1", "1", "1"]), (0, ["2", "3", "2"])] {
        let id = shop.status(&both)[at]["key_id"].as_str().unwrap().to_owned();
        let line = verified.lines().find(|line| line.ends_with(&id)).unwrap_or_else(|| panic!("{verified}"));
        assert_eq!(line.split_whitespace().take(3).collect::<Vec<_>>(), numbers, "{verified}");
    }
    // The key is in the store for whoever has the new one, and for nobody else.
    assert!(verify(CODE_KEYS).refused().contains("is not in code_keys"));
}

#[test]
fn rows_that_a_server_with_other_keys_wrote_are_told_and_sealed_on_demand() {
    let installation = Installation::new();
    let (instance, key) = (installation.instance.clone(), installation.key.clone());
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "").unwrap();
    let shop = Shop { installation, config: config.display().to_string() };
    let both = format!("{NEW_KEYS},{CODE_KEYS}");
    let audit = |keys, what: &[&str]| {
        let command = [&["audit"], what, &["--instance", &instance]].concat();
        run(shop.verger(keys, &command))
    };
    let mut user = String::new();
    // The user of the first server is gone by the time of the second one.
    for (keys, method) in [(CODE_KEYS, "POST"), (NEW_KEYS, "DELETE")] {
        let server = shop.serve(keys);
        let answer =
            server.call(&key, method, &format!("/v1/users{user}"), r#"{"skip_user_requirement":true}"#);
        user = format!("/{}", answer.json()["id"].as_str().unwrap());
    }
    let user = &user[1..];
    assert!(audit(CODE_KEYS, &["verify"]).refused().contains("is not in code_keys"));
    assert!(audit(NEW_KEYS, &["verify"]).refused().contains("is not in code_keys"));
    let refused = audit(NEW_KEYS, &["erase", user, "--yes"]).refused();
    assert!(refused.contains("which is not in code_keys"), "{refused}");
    let refused = audit(&both, &["verify"]).refused();
    assert!(refused.contains("rows 2 to 2 of the audit trail are behind its seal"), "{refused}");
    let refused = audit(&both, &["seal"]).refused();
    assert!(refused.contains("would seal rows 2 to 2") && refused.contains("--yes"), "{refused}");
    assert!(audit(&both, &["seal", "--yes"]).ok().contains("rows 2 to 2 sealed"));
    assert!(audit(&both, &["seal", "--yes"]).ok().contains("nothing to seal"));
    assert!(audit(&both, &["verify"]).ok().starts_with("2 rows verified"));
    let nobody = "user_2ZzZzZzZzZzZzZzZzZzZzZzZzZz";
    assert!(audit(&both, &["erase", nobody, "--yes"]).refused().contains("nothing to erase"));
}

/// A user with a password, TOTP and backup codes, and what proves each once.
fn user_with_secrets(server: &Serving, key: &str) -> String {
    let body = r#"{"email_address":["a@example.com"],"password":"a rare one of mine",
        "totp_secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","backup_codes":["wxyz-12345-mnop","wxyz-12345-mnoq"]}"#;
    server.call(key, "POST", "/v1/users", body).ok().json()["id"].as_str().unwrap().to_owned()
}

fn verify(server: &Serving, key: &str, user: &str, what: &str, body: &str) -> u16 {
    server.call(key, "POST", &format!("/v1/users/{user}/{what}"), body).status
}

/// What the authenticator shows now.
#[expect(clippy::disallowed_methods, reason = "the servers have the clock of the machine")]
fn totp_code() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let secret = verger_credentials::TotpSecret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    secret.code_at(i64::try_from(now.as_millis()).unwrap())
}

/// Contract section 8, rule 6: with a copy of the database alone nobody guesses a password or uses a factor.
#[test]
fn key_is_retired_while_secrets_of_users_are_in_use_and_without_it_they_say_nothing() {
    let installation = Installation::new();
    let key = installation.key.clone();
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "").unwrap();
    let shop = Shop { installation, config: config.display().to_string() };
    let server = shop.serve(CODE_KEYS);
    let user = user_with_secrets(&server, &key);
    let password = r#"{"password":"a rare one of mine"}"#;
    assert_eq!(verify(&server, &key, &user, "verify_password", password), 200);
    drop(server);

    // Another key: nothing opens, and nothing counts as wrong, so the owner is not locked out.
    let server = shop.serve(NEW_KEYS);
    for _ in 0..12 {
        assert_eq!(verify(&server, &key, &user, "verify_password", password), 500);
    }
    let code = format!(r#"{{"code":"{}"}}"#, totp_code());
    assert_eq!(verify(&server, &key, &user, "verify_totp", &code), 500);
    assert_eq!(verify(&server, &key, &user, "verify_totp", r#"{"code":"wxyz-12345-mnop"}"#), 500);
    drop(server);
    assert!(shop.sealed_line(NEW_KEYS).starts_with("BAD"));
    // Nor does the file say anything: neither what was typed nor a digest that could be guessed at.
    for file in std::fs::read_dir(shop.installation.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["a rare one of mine", "argon2", "GEZDGNBV", "wxyz12345", "wxyz-12345"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    let both = format!("{NEW_KEYS},{CODE_KEYS}");
    let server = shop.serve(&both);
    let retired = until(PATIENCE, || {
        // The owner signs in all the while.
        assert_eq!(verify(&server, &key, &user, "verify_password", password), 200);
        let status = shop.status(&both);
        let is_free = status[1]["uses"].as_array().unwrap().iter().all(|used| {
            !["passwords", "TOTP secrets", "backup codes"].contains(&used["what"].as_str().unwrap())
        });
        is_free.then_some(status)
    });
    let retired = retired.unwrap_or_else(|| panic!("{:?}", shop.status(&both)));
    let whats: Vec<_> =
        retired[0]["uses"].as_array().unwrap().iter().map(|used| used["what"].clone()).collect();
    for what in ["passwords", "TOTP secrets", "backup codes"] {
        assert!(whats.contains(&what.into()), "{whats:?}");
    }
    drop(server);

    let server = shop.serve(NEW_KEYS);
    assert_eq!(verify(&server, &key, &user, "verify_password", password), 200);
    let code = format!(r#"{{"code":"{}"}}"#, totp_code());
    assert_eq!(verify(&server, &key, &user, "verify_totp", &code), 200);
    assert_eq!(verify(&server, &key, &user, "verify_totp", &code), 422);
    assert_eq!(verify(&server, &key, &user, "verify_totp", r#"{"code":"wxyz-12345-mnop"}"#), 200);
    assert_eq!(verify(&server, &key, &user, "verify_totp", r#"{"code":"wxyz-12345-mnop"}"#), 422);
}

/// Every kind of text that is sealed and lasts, as `code-keys status` names it.
const SEALED: [&str; 7] = [
    "TOTP secrets",
    "backup codes",
    "keys of JWT templates",
    "passwords",
    "signing keys",
    "trail keys",
    "webhook secrets",
];

/// A shop whose users have sessions, with an endpoint that listens at this URL: the secret of the endpoint too.
fn shop_with_sessions(url: &str) -> (Shop, String) {
    let installation = Installation::of("development");
    let instance = installation.instance.clone();
    let config = installation.data().join("verger.toml");
    std::fs::write(&config, "[webhooks]\nallow_networks = [\"127.0.0.0/8\"]\nallow_plain_http = true\n")
        .unwrap();
    run(installation.verger(["instances", "add-host", &instance, "clerk.example.com"])).ok();
    let shop = Shop { installation, config: config.display().to_string() };
    let added = run(shop.verger(CODE_KEYS, &["webhooks", "add", url, "--instance", &instance])).ok();
    let secret = added.trim().split_once('\n').unwrap().1.to_owned();
    (shop, secret)
}

/// The `kid` of a token.
fn kid(token: &str) -> Value {
    let header = token.split('.').next().unwrap().as_bytes();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

/// A session token, after everything else that hangs on a sealed secret has worked too.
fn use_everything(server: &Serving, key: &str, user: &str, session: &str) -> String {
    assert_eq!(verify(server, key, user, "verify_password", r#"{"password":"a rare one of mine"}"#), 200);
    let mint = |what: &str| {
        let path = format!("/v1/sessions/{session}/tokens{what}");
        server.call(key, "POST", &path, "{}").ok().json()["jwt"].as_str().unwrap().to_owned()
    };
    mint("/own");
    let token = mint("");
    let published = server.call(key, "GET", "/v1/jwks", "").ok().json();
    let kids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert!(kids.contains(&kid(&token)), "{published}");
    token
}

#[test]
fn key_is_retired_while_everything_that_it_sealed_is_in_use() {
    let (url, seen) = receiver();
    let (shop, secret) = shop_with_sessions(&url);
    let key = shop.installation.key.clone();
    let both = format!("{NEW_KEYS},{CODE_KEYS}");
    let server = shop.serve(CODE_KEYS);
    let user = user_with_secrets(&server, &key);
    let session = server.call(&key, "POST", "/v1/sessions", &format!(r#"{{"user_id":"{user}"}}"#)).ok();
    let session = session.json()["id"].as_str().unwrap().to_owned();
    let own = r#"{"name":"own","claims":{},"custom_signing_key":true,"signing_algorithm":"HS256","signing_key":"a secret of the application for its tokens"}"#;
    server.call(&key, "POST", "/v1/jwt_templates", own).ok();
    let first = use_everything(&server, &key, &user, &session);
    let event = seen.recv_timeout(PATIENCE).unwrap();
    assert!(is_signed(&event, 0, &secret), "{event}");
    drop(server);
    let old = shop.status(&both)[1].clone();
    let whats = |status: &Value| -> std::collections::BTreeSet<String> {
        let uses = status["uses"].as_array().unwrap().iter();
        uses.map(|used| used["what"].as_str().unwrap().to_owned()).collect()
    };
    assert!(SEALED.iter().all(|what| whats(&old).contains(*what)), "{old}");

    // A server with both: what the old key sealed is used all the while that it is sealed anew.
    let server = shop.serve(&both);
    let retired = until(PATIENCE, || {
        use_everything(&server, &key, &user, &session);
        let status = shop.status(&both);
        (status[1]["can_be_left_out"] == true).then_some(status)
    });
    let retired = retired.unwrap_or_else(|| panic!("{:?}", shop.status(&both)));
    assert!(SEALED.iter().all(|what| whats(&retired[0]).contains(*what)), "{retired:?}");
    drop(server);

    // Without the old key nothing is different, and what was signed before is still good.
    let server = shop.serve(NEW_KEYS);
    let last = use_everything(&server, &key, &user, &session);
    assert_eq!(kid(&first), kid(&last));
    for code in [totp_code(), "wxyz-12345-mnop".to_owned()] {
        let code = format!(r#"{{"code":"{code}"}}"#);
        assert_eq!(verify(&server, &key, &user, "verify_totp", &code), 200, "{code}");
    }
    while seen.try_recv().is_ok() {}
    server.call(&key, "POST", &format!("/v1/users/{user}/ban"), "{}").ok();
    let event = seen.recv_timeout(PATIENCE).unwrap();
    assert!(is_signed(&event, 0, &secret), "{event}");
    assert!(shop.sealed_line(NEW_KEYS).starts_with("ok"));
    let trail = ["audit", "verify", "--instance", &shop.installation.instance];
    run(shop.verger(NEW_KEYS, &trail)).ok();
}
