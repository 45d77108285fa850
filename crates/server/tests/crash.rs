//! Kill -9 under concurrent writes: what was acknowledged is there afterwards, and nothing that was refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

const ROUNDS: u64 = 50;
const WRITERS: u64 = 6;
const KEY: &str = "sk_test_crashcrash";

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(data: &std::path::Path, store: Option<&str>) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_verger"))
            .args(["dev", "--format", "json", "--listen", "127.0.0.1:0", "--log", "error", "--data"])
            .arg(data)
            .env("VERGER_SECRET_KEY", KEY)
            .env_remove("VERGER_STORE")
            .envs(store.map(|url| ("VERGER_STORE", url)))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}"));
        let address = ready["url"].as_str().expect("a url").trim_start_matches("http://").to_owned();
        Self { process, address }
    }

    fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }
}

/// One request on a connection of its own; `None` if the server died before the answer was complete.
fn call(address: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} /v1{path} HTTP/1.1\r\nHost: verger\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// What one writer saw: its user, the ids that were acknowledged, and the last counter that was.
#[derive(Default)]
struct Seen {
    user: String,
    acknowledged: Vec<String>,
    attempts: usize,
    counter: u64,
}

fn write_until_it_dies(address: &str, round: u64, writer: u64, log: &Mutex<Vec<Seen>>) {
    let mut seen = Seen::default();
    let email = format!(r#"{{"email_address":["u{round}-{writer}@example.com"]}}"#);
    if let Some((200, user)) = call(address, "POST", "/users", &email) {
        seen.user = user["id"].as_str().expect("an id").to_owned();
        for step in 0_u64..40 {
            let number = format!("+1{:03}55501{step:02}", 700 + writer);
            let user = &seen.user;
            seen.attempts += 1;
            let create = format!(r#"{{"user_id":"{user}","phone_number":"{number}"}}"#);
            let Some((status, created)) = call(address, "POST", "/phone_numbers", &create) else { break };
            assert_eq!(status, 200, "{created}");
            seen.acknowledged.push(created["id"].as_str().expect("an id").to_owned());
            // Refused: the user has it already.
            let Some((status, _)) = call(address, "POST", "/phone_numbers", &create) else { break };
            assert_eq!(status, 422);
            let metadata = format!(r#"{{"private_metadata":{{"step":{}}}}}"#, step + 1);
            let Some((status, _)) = call(address, "PATCH", &format!("/users/{user}/metadata"), &metadata)
            else {
                break;
            };
            assert_eq!(status, 200);
            seen.counter = step + 1;
        }
    }
    log.lock().expect("not poisoned").push(seen);
}

/// `VERGER_TEST_STORE=postgres` lets the server die in front of PostgreSQL instead.
fn store() -> Option<String> {
    std::env::var("VERGER_TEST_STORE").ok().map(|name| {
        assert_eq!(name, "postgres");
        let cluster = verger_testdb::Cluster::shared().expect("PostgreSQL is on this machine");
        cluster.url(&cluster.database())
    })
}

#[test]
fn acknowledged_writes_survive_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store();
    let store = store.as_deref();
    let mut total = 0;
    let mut server = Server::start(folder.path(), store);
    // Two writes a round: a slow machine takes more rounds for them.
    let is_enough = |round: u64, total: usize| round >= ROUNDS && total as u64 > 2 * ROUNDS;
    for round in 0..3 * ROUNDS {
        if is_enough(round, total) {
            break;
        }
        let log = Mutex::new(Vec::new());
        let address = server.address.clone();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (address, log) = (&address, &log);
                scope.spawn(move || write_until_it_dies(address, round, writer, log));
            }
            // Another moment in every round.
            let (_sender, receiver) = std::sync::mpsc::channel::<()>();
            let _ = receiver.recv_timeout(Duration::from_millis(15 + (round * 37) % 120));
            server.kill();
        });
        server = Server::start(folder.path(), store);
        for seen in log.into_inner().expect("not poisoned") {
            if seen.user.is_empty() {
                continue;
            }
            let (status, user) =
                call(&server.address, "GET", &format!("/users/{}", seen.user), "").expect("an answer");
            assert_eq!(status, 200, "round {round}: an acknowledged user is gone");
            let numbers = user["phone_numbers"].as_array().expect("a list");
            for id in &seen.acknowledged {
                assert!(numbers.iter().any(|number| number["id"] == **id), "round {round}: {id} is gone");
            }
            // At most the one request that was in flight is there beside them; a refused one never.
            assert!(numbers.len() <= seen.acknowledged.len() + 1, "round {round}: more than was asked for");
            assert!(numbers.len() <= seen.attempts, "round {round}");
            let counter = user["private_metadata"]["step"].as_u64().unwrap_or(0);
            assert!(
                counter == seen.counter || counter == seen.counter + 1,
                "round {round}: {counter} for {}",
                seen.counter
            );
            total += seen.acknowledged.len();
        }
    }
    server.kill();
    assert!(total as u64 > 2 * ROUNDS, "only {total} writes were acknowledged: the rounds tested little");
}
