//! Codes of the real `verger serve`: they reach the operator's own sender, live through restarts with new keys, and are
//! in nothing that the process writes.

use crate::support::{
    Answer, CODE_KEYS, Installation, PATIENCE, Running, Serving, call, run, text, until, verger,
};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Of 32 other bytes.
const NEW_KEYS: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

/// The operator's own sender: takes everything and remembers it.
fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/send", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let taken = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let taken = Arc::clone(&taken);
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head.to_lowercase().lines().find_map(|line| {
                            line.strip_prefix("content-length: ").and_then(|length| length.parse().ok())
                        });
                        if body.len() >= length.unwrap_or(0) {
                            taken.lock().unwrap().push(text);
                            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
                            bytes.clear();
                        }
                    }
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => return,
                        Ok(count) => bytes.extend(&buffer[..count]),
                    }
                }
            });
        }
    });
    (url, seen)
}

fn start(shop: &Installation, config: &str, keys: &str) -> Serving {
    let file = shop.data().join("verger.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = shop.verger([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--log",
        "trace",
        "--log-format",
        "json",
        "--config",
        text(&file),
    ]);
    command.env("VERGER_CODE_KEYS", keys);
    Serving::start(command)
}

fn post(server: &Serving, shop: &Installation, path: &str, body: &Value) -> Answer {
    server.call(&shop.key, "POST", path, &body.to_string())
}

/// The code in the newest message to a number.
fn code_to(seen: &Mutex<Vec<String>>, number: &str) -> String {
    let found = until(PATIENCE, || {
        let all = seen.lock().unwrap();
        let request = all.iter().rev().find(|request| request.contains(number))?;
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let said = body.to_string();
        let mut words = said.split(|c: char| !c.is_ascii_alphanumeric());
        words.find(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit())).map(ToOwned::to_owned)
    });
    found.expect("a message with a code")
}

struct Number {
    path: String,
    verification: String,
    code: String,
}

fn send(server: &Serving, shop: &Installation, seen: &Mutex<Vec<String>>, number: &str) -> Number {
    let user = post(server, shop, "/v1/users", &json!({ "skip_user_requirement": true })).ok().json();
    let body = json!({ "user_id": user["id"], "phone_number": number });
    let held = post(server, shop, "/v1/phone_numbers", &body).ok().json();
    let path = format!("/v1/phone_numbers/{}", held["id"].as_str().unwrap());
    let prepared = post(server, shop, &format!("{path}/prepare_verification"), &json!({})).ok().json();
    let verification = prepared["id"].as_str().unwrap().to_owned();
    Number { path, verification, code: code_to(seen, number) }
}

fn attempt(server: &Serving, shop: &Installation, number: &Number, code: &str) -> String {
    let body = json!({ "verification_id": number.verification, "code": code });
    let answer = post(server, shop, &format!("{}/attempt_verification", number.path), &body).ok().json();
    answer["status"].as_str().unwrap().to_owned()
}

/// Whether a code stands somewhere by itself: six digits of a longer number say nothing.
fn has_code(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(at, _)| {
        let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        !is_part(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && !is_part(bytes.get(at + code.len()))
    })
}

/// Asserts that none of the numbers stands in the text, with or without its country code.
#[track_caller]
fn no_number(text: &str, numbers: &[&str]) {
    for number in numbers {
        let local = &number[2..];
        assert!(!text.contains(local), "{number} was written");
    }
}

#[test]
fn flaw_34_codes_live_through_a_change_of_keys_and_are_written_nowhere() {
    let (url, seen) = receiver();
    let shop = Installation::new();
    let config = format!(
        "[sms]\nsender = \"webhook\"\n[sms.webhook]\nurl = \"{url}\"\n\
         secret = \"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\nfrom = \"+15551234567\"\n"
    );
    let mut codes = Vec::new();
    let mut written = String::new();
    let mut end = |mut server: Serving| {
        let mut said = call(server.metrics_address, "", "GET", "/metrics", "").ok().text;
        assert_eq!(server.process.stop(), Some(0));
        said += &server.process.stderr();
        said += &server.process.stdout();
        written += &said;
        said
    };
    // What `verger check` says of what waits for keys.
    let check = |keys: &str| {
        let mut command = shop.verger(["check", "--config", text(&shop.data().join("verger.toml"))]);
        command.env("VERGER_CODE_KEYS", keys);
        let report = run(command).stdout;
        let line = |name: &str| report.lines().find(|line| line.split_whitespace().nth(1) == Some(name));
        let (codes, sealed) = (line("code_keys").unwrap(), line("sealed").unwrap());
        (codes.rsplit(' ').next().unwrap().to_owned(), sealed.to_owned())
    };

    const NUMBERS: [&str; 3] = ["+14155552671", "+14155552672", "+14155552673"];
    let server = start(&shop, &config, CODE_KEYS);
    let before = send(&server, &shop, &seen, NUMBERS[0]);
    let lost = send(&server, &shop, &seen, NUMBERS[1]);
    end(server);

    // The new key signs, both verify.
    let server = start(&shop, &config, &format!("{NEW_KEYS},{CODE_KEYS}"));
    let wrong = format!("{:06}", (before.code.parse::<u32>().unwrap() + 1) % 1_000_000);
    assert_eq!(attempt(&server, &shop, &before, &wrong), "unverified");
    assert_eq!(attempt(&server, &shop, &before, &before.code), "verified");
    let after = send(&server, &shop, &seen, NUMBERS[2]);
    codes.push(wrong);
    end(server);

    let (old_key, sealed) = check(&format!("{NEW_KEYS},{CODE_KEYS}"));
    assert!(sealed.starts_with("ok "), "{sealed}");
    let (new_key, sealed) = check(NEW_KEYS);
    assert_ne!(new_key, old_key);
    assert!(sealed.starts_with("BAD ") && sealed.contains(&format!("key {old_key}: 1 code;")), "{sealed}");

    // The old key is gone: its codes are refused, those of the new one are not.
    let server = start(&shop, &config, NEW_KEYS);
    assert_eq!(attempt(&server, &shop, &after, &after.code), "verified");
    assert_eq!(attempt(&server, &shop, &lost, &lost.code), "unverified");
    // There is no inbox, clock or reset to go around all this.
    for path in ["/inbox", "/verger/v1/messages", "/verger/v1/clock", "/verger/v1/reset"] {
        let method = if path.contains("clock") || path.contains("reset") { "POST" } else { "GET" };
        assert_eq!(server.call(&shop.key, method, path, "").status, 404, "{path}");
    }
    let said = end(server);
    assert!(said.contains(&format!("\"code_key_id\":\"{old_key}\"")), "the log names the key");
    let metric =
        said.lines().find(|line| line.starts_with("verger_codes_tried_total") && line.contains("lost_key"));
    assert!(metric.is_some_and(|line| line.ends_with(" 1")), "{metric:?}");

    assert_eq!(seen.lock().unwrap().len(), 3, "each message was handed over once");
    codes.extend([before.code, lost.code, after.code]);
    assert!(written.contains("attempt_verification") && written.contains("verger_codes_tried_total"));
    no_number(&written, &NUMBERS);
    // What is in the files of the store, its events among it.
    for entry in std::fs::read_dir(shop.data()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        written.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(written.contains("phoneNumber.verified") || written.contains("user.updated"), "no events");
    for code in &codes {
        assert!(!has_code(&written, code), "{code} was written");
    }
    assert!(has_code("a 123456.", "123456") && !has_code("81234567", "123456"));
}

/// A `verger dev` that logs everything.
struct Dev {
    process: Running,
    address: SocketAddr,
    metrics: SocketAddr,
    key: String,
}

impl Dev {
    fn start(data: &Path) -> Self {
        let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut process = Running::start(verger([
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            &metrics.to_string(),
            "--format",
            "json",
            "--log",
            "trace",
            "--log-format",
            "json",
            "--data",
            text(data),
        ]));
        let line =
            process.until("it is ready", |process| process.stdout().contains('\n').then(|| process.stdout()));
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let key = ready["secret_key"].as_str().unwrap().to_owned();
        Self { process, address, metrics, key }
    }

    fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(self.address, &self.key, method, path, &body)
    }
}

/// Gives every number and address to a user of its own, and gives their paths and what verifies them.
fn prepare_all(dev: &Dev, numbers: &[&str], addresses: &[&str]) -> Vec<(String, Value)> {
    let mut held = Vec::new();
    for (path, field, texts) in
        [("/v1/phone_numbers", "phone_number", numbers), ("/v1/email_addresses", "email_address", addresses)]
    {
        for text in texts {
            let user = dev.ask("POST", "/v1/users", json!({ "skip_user_requirement": true })).ok().json();
            let body = json!({ "user_id": user["id"], field: text, "verified": false });
            let id = dev.ask("POST", path, body).ok().json()["id"].as_str().unwrap().to_owned();
            let path = format!("{path}/{id}");
            let prepared = dev.ask("POST", &format!("{path}/prepare_verification"), Value::Null).ok().json();
            held.push((path, prepared["id"].clone()));
        }
    }
    held
}

/// Tries wrong codes, the right one where none belongs, and then where it does; gives all of them.
fn try_codes(dev: &Dev, path: &str, verification: &Value, messages: &Value) -> Vec<String> {
    let mut codes = Vec::new();
    let message = messages.as_array().unwrap().iter().find(|one| one["verification_id"] == *verification);
    let code = message.expect("a message")["code"].as_str().unwrap().to_owned();
    let number: u32 = code.parse().unwrap();
    let attempt = format!("{path}/attempt_verification");
    for wrong in [1, 250_000, 999_999].map(|more| format!("{:06}", (number + more) % 1_000_000)) {
        let body = json!({ "verification_id": verification, "code": wrong });
        assert_eq!(dev.ask("POST", &attempt, body).ok().json()["status"], "unverified");
        codes.push(wrong);
    }
    // In places where no code belongs.
    for body in [
        json!({ "verification_id": code, "code": [code] }),
        json!({ "verification_id": verification, (&code): code }),
    ] {
        assert!((400..500).contains(&dev.ask("POST", &attempt, body).status));
    }
    assert_eq!(dev.ask("POST", &format!("{attempt}?code={code}"), Value::Null).status, 422);
    assert_eq!(dev.ask("GET", &format!("/v1/phone_numbers/{code}?code={code}"), Value::Null).status, 404);
    let body = json!({ "verification_id": verification, "code": code });
    assert_eq!(dev.ask("POST", &attempt, body.clone()).ok().json()["status"], "verified");
    assert_eq!(dev.ask("POST", &attempt, body).status, 400);
    codes.push(code);
    codes
}

/// `verger dev` shows codes in its inbox, and nowhere else.
#[test]
fn flaw_34_codes_of_verger_dev_are_in_the_inbox_alone() {
    const NUMBERS: [&str; 3] = ["+14155552681", "+14155552682", "+442079460958"];
    const ADDRESSES: [&str; 2] = ["ada.secret@example.com", "grace.hidden@example.com"];
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut dev = Dev::start(&data);
    let held = prepare_all(&dev, &NUMBERS, &ADDRESSES);
    let messages = dev.ask("GET", "/verger/v1/messages", Value::Null).ok().json();
    let mut codes = Vec::new();
    for (path, verification) in &held {
        codes.extend(try_codes(&dev, path, verification, &messages));
    }
    // The log sender says that messages went out, and events say what happened; neither says the code.
    let told = until(PATIENCE, || {
        let deliveries = dev.ask("GET", "/verger/v1/deliveries", Value::Null).ok().text;
        let trail = dev.ask("GET", "/verger/v1/audit_log?limit=500", Value::Null).ok().text;
        let is_there = deliveries.matches("\"delivered\"").count() == held.len()
            && ["sms.created", "email.created", "phone_number.verified"]
                .iter()
                .all(|kind| trail.contains(kind));
        is_there.then(|| deliveries + &trail)
    });
    let mut written = told.expect("deliveries and events");
    let mut logged = call(dev.metrics, "", "GET", "/metrics", "").ok().text;
    assert!(logged.contains("verger_codes_tried_total"), "{logged}");
    assert_eq!(dev.process.stop(), Some(0));
    logged += &dev.process.stdout();
    logged += &dev.process.stderr();
    assert!(logged.contains("+1***81") && logged.contains("a***@example.com"), "the log sender logs");
    no_number(&logged, &NUMBERS);
    for address in ADDRESSES {
        assert!(!logged.contains(address), "{address} was written");
    }
    written += &logged;
    for entry in std::fs::read_dir(&data).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        written.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert_eq!(codes.len(), 4 * held.len());
    for code in &codes {
        assert!(!has_code(&written, code), "{code} was written");
    }
}
