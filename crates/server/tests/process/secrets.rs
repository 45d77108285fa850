//! Nothing that is somebody's secret or somebody's number is written anywhere but into an answer: not to the log at its
//! loudest, not to standard output, not into a metric.

use crate::support::{Answer, Installation, Serving, call, connect, head, send};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;

/// What must not be found, and where it is used.
const NUMBERS: [&str; 7] = [
    "+12015550131",
    "+12015550132",
    "+12015550133",
    "+442079460958",
    "+390236618300",
    "+12015550134",
    "+12015550135",
];
const EMAIL_ADDRESSES: [&str; 4] =
    ["ada.secret@example.com", "grace.hidden@example.com", "in-query@example.com", "in-path@example.com"];
const WRONG_KEYS: [&str; 5] = [
    "sk_live_wrongwrongwrong1",
    "sk_test_wrongwrongwrong2",
    "notevenakey3",
    "sk_live_inquery4",
    "dXNlcjpwYXNzd29yZA==",
];
const VALUES: [&str; 8] = [
    "metadata-public-v1",
    "metadata-private-v2",
    "metadata-unsafe-v3",
    "metadata-broken-v4",
    "GivenNameOfAda",
    "external-id-of-ada",
    "idempotency-key-of-ada",
    "value-in-unknown-header",
];

/// The texts of which none may be found: numbers in both forms, keys, addresses, values.
fn secrets(key: &str) -> Vec<String> {
    let mut secrets = vec![key.to_owned()];
    for number in NUMBERS {
        secrets.push(number.to_owned());
        secrets.push(number[1..].to_owned());
        // Without the country code, as a person would say it.
        secrets.push(number[3..].to_owned());
    }
    for text in EMAIL_ADDRESSES.into_iter().chain(WRONG_KEYS).chain(VALUES) {
        secrets.push(text.to_owned());
    }
    // With the at sign as a URL has it.
    secrets.extend(EMAIL_ADDRESSES.map(|address| address.replace('@', "%40")));
    secrets
}

/// Those of the secrets that a text has, in whatever case.
fn found<'a>(text: &str, secrets: &'a [String]) -> Vec<&'a str> {
    let text = text.to_lowercase();
    secrets.iter().filter(|secret| text.contains(&secret.to_lowercase())).map(String::as_str).collect()
}

#[test]
fn the_search_finds_each_secret_wherever_it_stands() {
    let secrets = secrets("sk_live_therealone");
    assert!(
        found(r#"{"level":"INFO","route":"/v1/users","status":200,"duration_us":12015550}"#, &secrets)
            .is_empty()
    );
    for secret in &secrets {
        let line = format!("{{\"message\":\"before{}after\"}}\n", secret.to_uppercase());
        assert!(found(&line, &secrets).contains(&secret.as_str()), "{secret}");
    }
    assert_eq!(found("phone_number=%2B12015550131&", &secrets), ["12015550131", "015550131"]);
}

/// A client that writes a secret in every place that it can, and keeps what it is answered.
struct Client<'a> {
    server: &'a Serving,
    key: &'a str,
    answers: Vec<Answer>,
}

/// Requests of every kind, with a secret in every place that a client can write to. Gives how many were answered under
/// the paths of the API, and the statuses.
fn drive(server: &Serving, key: &str) -> (usize, BTreeSet<u16>) {
    let mut client = Client { server, key, answers: Vec::new() };
    let (id, number) = client.send_what_is_well();
    client.send_what_is_refused(&id, &number);
    client.write_into_queries_and_paths();
    client.bring_wrong_keys();
    client.break_bodies();
    client.write_into_headers(&id);
    client.break_headers();
    client.go_away_in_the_middle();
    client.raw(head(key, "DELETE", &format!("/v1/users/{id}"), 0));

    let answers = client.answers;
    let of_the_api =
        answers.iter().filter(|answer| answer.head.to_lowercase().contains("\r\nx-clerk-trace-id:"));
    (of_the_api.count(), answers.iter().map(|answer| answer.status).collect())
}

/// A body with secrets that ends too early.
fn broken_body() -> String {
    let ([first, ..], [_, _, _, broken, ..]) = (NUMBERS, VALUES);
    format!("{{\"phone_number\":[\"{first}\"],\"public_metadata\":{{\"a\":\"{broken}\"")
}

impl Client<'_> {
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        self.ask_with(self.key, method, path, body)
    }

    fn ask_with(&mut self, key: &str, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.server.call(key, method, path, &body);
        let decoded = serde_json::from_str(&answer.text).unwrap_or_default();
        self.answers.push(answer);
        decoded
    }

    /// Bytes that no client library sends.
    fn raw(&mut self, request: String) {
        self.answers.extend(send(self.server.address, request.as_bytes()));
    }

    /// Gives the ids of a user and of its first number.
    fn send_what_is_well(&mut self) -> (String, String) {
        let [first, second, third, london, milan, ..] = NUMBERS;
        let [ada, grace, ..] = EMAIL_ADDRESSES;
        let [public, private, unsafe_value, _, given_name, external_id, ..] = VALUES;
        let user: Value = self.ask(
            "POST",
            "/v1/users",
            &json!({
                "phone_number": [first], "email_address": [ada], "first_name": given_name, "external_id": external_id,
                "public_metadata": { "a": public }, "private_metadata": { "b": private },
                "unsafe_metadata": { "c": unsafe_value },
            }),
        );
        let id = user["id"].as_str().unwrap_or_else(|| panic!("{user}")).to_owned();
        let number = user["phone_numbers"][0]["id"].as_str().unwrap().to_owned();
        for more in [second, london, milan] {
            self.ask("POST", "/v1/phone_numbers", &json!({ "user_id": id, "phone_number": more }));
        }
        self.ask("POST", "/v1/email_addresses", &json!({ "user_id": id, "email_address": grace }));
        self.ask("GET", &format!("/v1/phone_numbers/{number}"), &Value::Null);
        self.ask("GET", &format!("/verger/v1/phone_numbers/{number}"), &Value::Null);
        self.ask("PATCH", &format!("/v1/phone_numbers/{number}"), &json!({ "verified": false }));
        self.ask(
            "PATCH",
            &format!("/v1/users/{id}/metadata"),
            &json!({ "private_metadata": { "d": private } }),
        );
        self.ask("PUT", &format!("/v1/users/{id}/phone_number"), &json!({ "phone_number": third }));
        (id, number)
    }

    fn send_what_is_refused(&mut self, id: &str, number: &str) {
        let [first, second, _, london, milan, ..] = NUMBERS;
        let [ada, ..] = EMAIL_ADDRESSES;
        let [_, private, _, broken, ..] = VALUES;
        self.ask("POST", "/v1/users", &json!({ "phone_number": [first, second], "email_address": [ada] }));
        self.ask(
            "POST",
            "/v1/phone_numbers",
            &json!({ "user_id": id, "phone_number": format!("{london}x") }),
        );
        self.ask("POST", "/v1/phone_numbers", &json!({ "user_id": milan, "phone_number": milan }));
        self.ask("POST", "/v1/users", &json!({ "public_metadata": broken, "email_address": ada }));
        self.ask("PATCH", &format!("/v1/users/{id}"), &json!({ "unknown": private, (first): second }));
        self.ask("PATCH", &format!("/v1/phone_numbers/{number}"), &json!({ "verified": first }));
        self.ask("POST", "/v1/organizations", &json!({ "name": ada }));
        self.ask("TRACE", "/v1/users", &Value::Null);
        self.ask("DELETE", "/v1/users", &json!({ "phone_number": first }));
    }

    /// As they are and percent-encoded.
    fn write_into_queries_and_paths(&mut self) {
        let [.., in_query, in_path] = NUMBERS;
        let [.., address_in_query, address_in_path] = EMAIL_ADDRESSES;
        let encoded = |text: &str| text.replace('+', "%2B").replace('@', "%40");
        for query in [
            format!("phone_number={}", encoded(in_query)),
            format!("phone_number={in_query}&email_address={address_in_query}"),
            format!("query={}", encoded(address_in_query)),
            format!("phone_number[]={}&limit=nonsense", encoded(in_query)),
            format!("{in_query}={address_in_query}"),
            format!("key={}", WRONG_KEYS[3]),
            format!("order_by={in_query}"),
            format!("__clerk_api_version={in_query}"),
            format!("phone_number=%ff{in_query}"),
        ] {
            for path in ["/v1/users", "/v1/users/count", "/v1/nothing", "/nothing", "/health/ready"] {
                self.ask("GET", &format!("{path}?{query}"), &Value::Null);
            }
        }
        for text in [in_path, address_in_path] {
            for path in [
                "/v1/phone_numbers/",
                "/v1/users/",
                "/v1/",
                "/verger/v1/phone_numbers/",
                "/",
                "/v1/users/%ff",
            ] {
                self.ask("GET", &format!("{path}{}", encoded(text)), &Value::Null);
                self.ask("DELETE", &format!("{path}{text}"), &json!({ "phone_number": text }));
            }
        }
    }

    /// In every way in which one can be brought.
    fn bring_wrong_keys(&mut self) {
        let [first, ..] = NUMBERS;
        for wrong in WRONG_KEYS {
            self.ask_with(wrong, "GET", "/v1/users", &Value::Null);
            self.ask_with(wrong, "POST", "/v1/users", &json!({ "phone_number": [first] }));
            self.ask_with(&format!("{}{wrong}", self.key), "GET", "/v1/users", &Value::Null);
            self.ask_with(wrong, "GET", "/health/live", &Value::Null);
        }
    }

    fn break_bodies(&mut self) {
        let (key, broken_body) = (self.key, broken_body());
        self.raw(head(key, "POST", "/v1/users", broken_body.len()) + &broken_body);
        self.raw(head(key, "POST", "/v1/users", 3) + "\u{fffd}");
    }

    fn write_into_headers(&mut self, id: &str) {
        let key = self.key;
        let [first, .., in_query, _] = NUMBERS;
        let [.., given_name, _, idempotency_key, in_header] = VALUES;
        let with = |header: &str, method: &str, path: &str, body: &str| {
            let start = format!("{header}\r\nContent-Length");
            head(key, method, path, body.len()).replacen("Content-Length", &start, 1) + body
        };
        for header in [
            format!("Idempotency-Key: {idempotency_key}"),
            format!(
                "Idempotency-Key: {idempotency_key}\r\nX-Phone-Number: {first}\r\nCookie: session={in_header}"
            ),
            format!("Idempotency-Key: {}", idempotency_key.repeat(20)),
            format!("If-Match: \"{first}\""),
            format!("Prefer: dry-run\r\nX-Note: {in_header}"),
            format!("Clerk-API-Version: {in_query}"),
            format!("Content-Encoding: {in_header}"),
        ] {
            for body in [
                json!({ "first_name": given_name }),
                json!({ "last_name": given_name }),
                json!({ "x": first }),
            ] {
                self.raw(with(&header, "PATCH", &format!("/v1/users/{id}"), &body.to_string()));
            }
        }
    }

    fn break_headers(&mut self) {
        let key = self.key;
        let ([first, ..], [ada, ..], [.., in_header]) = (NUMBERS, EMAIL_ADDRESSES, VALUES);
        let body = json!({ "email_address": [ada] }).to_string();
        self.raw(
            head(key, "POST", "/v1/users", body.len())
                .replace("application/json", &format!("text/{in_header}"))
                + &body,
        );
        self.raw(head(key, "GET", "/v1/users", 0).replace("Bearer", "Basic"));
        self.raw(head(WRONG_KEYS[4], "GET", "/v1/users", 0).replace("Bearer", "Basic"));
        self.raw(head(WRONG_KEYS[0], "GET", "/v1/users", 0).replace("Bearer ", ""));
        // Not HTTP at all, or no longer.
        self.raw(format!("GET /v1/users?phone_number={first} HTTP/9.9\r\n\r\n"));
        self.raw(format!("{first} {key} {ada}\r\n\r\n"));
        self.raw(format!(
            "GET /v1/users HTTP/1.1\r\nAuthorization: Bearer {key}\nbroken {first}: \0{ada}\r\n\r\n"
        ));
        self.raw(format!(
            "GET /v1/users HTTP/1.1\r\nContent-Length: {first}\r\nAuthorization: Bearer {key}\r\n\r\n"
        ));
    }

    fn go_away_in_the_middle(&self) {
        let (key, broken_body) = (self.key, broken_body());
        let mut stream = connect(self.server.address);
        stream.write_all((head(key, "POST", "/v1/users", 5000) + &broken_body).as_bytes()).unwrap();
        drop(stream);
    }
}

#[test]
fn no_secret_is_logged_at_any_level_or_measured() {
    for format in ["json", "human"] {
        let shop = Installation::of("development");
        let mut server = shop.serve_with_log(format);
        let (answered, statuses) = drive(&server, &shop.key);
        for status in [200, 400, 401, 403, 404, 405, 412, 415, 422] {
            assert!(statuses.contains(&status), "no request was answered with {status}: {statuses:?}");
        }
        assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
        let metrics = call(server.metrics_address, "", "GET", "/metrics", "").ok().text;
        assert!(metrics.lines().count() > 100, "{metrics}");
        assert_eq!(server.process.stop(), Some(0));
        let (stdout, stderr) = (server.process.stdout(), server.process.stderr());

        // The search below looked at something.
        let requests = stderr.lines().filter(|line| line.contains("verger::request")).count();
        assert!(requests >= answered && answered > 100, "{requests} lines for {answered} answers");
        let secrets = secrets(&shop.key);
        let planted = format!("{stderr} {}", secrets[3]);
        assert!(found(&planted, &secrets).contains(&secrets[3].as_str()));

        for (place, text) in [("log", &stderr), ("standard output", &stdout), ("metrics", &metrics)] {
            let leaks: Vec<_> =
                text.lines().filter(|line| !found(line, &secrets).is_empty()).take(3).collect();
            assert!(leaks.is_empty(), "{format} {place}: {leaks:#?}");
        }
        if format == "json" {
            every_line_is_documented(&stderr);
        }
    }
}

/// Each line of the log is one JSON object, and docs/logging.md names its fields and its target.
fn every_line_is_documented(log: &str) {
    let documented = include_str!("../../../../docs/logging.md");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        let target = line["target"].as_str().expect("a target");
        if !target.starts_with("verger") {
            // What a library says is its own.
            continue;
        }
        // Below the crates, the page names no modules.
        let is_module = ["verger_deliver::", "verger_http::", "verger_server::", "verger_store::"]
            .iter()
            .find(|name| target.starts_with(**name));
        let target = is_module.map_or(target, |name| name.trim_end_matches("::"));
        assert!(documented.contains(&format!("`{target}`")), "docs/logging.md does not name {target}");
        for field in line.as_object().expect("an object").keys() {
            assert!(
                documented.contains(&format!("`{field}`")),
                "docs/logging.md does not name {field}: {line}"
            );
        }
    }
}
