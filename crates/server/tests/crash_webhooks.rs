//! Kill -9 while events are told to an endpoint that fails at random: every acknowledged change arrives, what arrives
//! twice has the same id, and the order of each user holds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many servers are killed, unless `VERGER_CRASH_ROUNDS` says it.
const ROUNDS: u64 = 3;
const WRITERS: u64 = 4;
/// So long nothing may arrive while something is missing. Claims of servers that were killed end after ten seconds and a
/// half.
const PATIENCE: Duration = Duration::from_secs(45);
const CODE_KEYS: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// What the endpoint took, in the order in which it did.
#[derive(Default)]
struct Taken {
    /// The id of the event, its user, and the counter of the change.
    events: Vec<(String, String, u64)>,
    refused: u64,
}

/// A pause that needs no clock of its own.
fn pause(duration: Duration) {
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(duration);
}

fn receive(listener: &TcpListener, taken: &Arc<Mutex<Taken>>, stop: &Arc<AtomicBool>) {
    let count = Arc::new(AtomicU64::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(stream), taken, count) = (stream, Arc::clone(taken), Arc::clone(&count)) else { continue };
        std::thread::spawn(move || take(stream, &taken, &count));
    }
}

/// One request; `None` if its sender died.
fn take(stream: TcpStream, taken: &Mutex<Taken>, count: &AtomicU64) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut id),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["id"], *id);
    let user = event["data"]["id"].as_str().unwrap().to_owned();
    let counter = event["data"]["first_name"].as_str().map_or(0, |name| name.parse().unwrap());
    let at = count.fetch_add(1, Ordering::SeqCst);
    let answer = {
        let mut taken = taken.lock().unwrap();
        // Three of ten, and never in step with anything.
        if at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 < 5 {
            taken.refused += 1;
            "HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        } else {
            taken.events.push((id, user, counter));
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
    };
    (&stream).write_all(answer.as_bytes()).ok()
}

struct Installation {
    folder: tempfile::TempDir,
    store: Option<String>,
    config: PathBuf,
}

impl Installation {
    fn verger(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verger"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("VERGER_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("VERGER_CODE_KEYS", CODE_KEYS)
            .arg("--data")
            .arg(self.folder.path().join("data"));
        command.envs(self.store.as_ref().map(|url| ("VERGER_STORE", url)));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.verger(arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn serve(&self) -> Server {
        let config = self.config.display().to_string();
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--config", &config];
        let mut process = self.verger(&arguments).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("piped"));
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it served");
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if let Some(address) = line["listen"].as_str() {
                break address.to_owned();
            }
        };
        // Nobody reads the rest, and a full pipe must not stop the server.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { process, address }
    }
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing to do for one that was killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn call(address: &str, key: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: verger\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// Counts up in the name of a user until the server is gone; gives the user and what was acknowledged.
fn write_until_it_dies(address: &str, key: &str) -> Option<(String, Vec<u64>)> {
    let (status, user) = call(address, key, "POST", "/v1/users", r#"{"skip_user_requirement":true}"#)?;
    assert_eq!(status, 200, "{user}");
    let user = user["id"].as_str().unwrap().to_owned();
    let mut acknowledged = Vec::new();
    for counter in 1..60_u64 {
        let body = format!(r#"{{"first_name":"{counter}"}}"#);
        match call(address, key, "PATCH", &format!("/v1/users/{user}"), &body) {
            Some((200, _)) => acknowledged.push(counter),
            Some((status, body)) => assert_eq!(status, 503, "{body}"),
            None => break,
        }
    }
    Some((user, acknowledged))
}

/// `VERGER_TEST_STORE=postgres`: three servers in front of one PostgreSQL, of which one dies in every round.
fn store() -> Option<String> {
    std::env::var("VERGER_TEST_STORE").ok().map(|name| {
        assert_eq!(name, "postgres");
        let cluster = verger_testdb::Cluster::shared().expect("PostgreSQL is on this machine");
        cluster.url(&cluster.database())
    })
}

fn rounds() -> u64 {
    std::env::var("VERGER_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

fn installation(folder: tempfile::TempDir) -> Installation {
    let config = folder.path().join("verger.toml");
    let waits = vec!["50"; 32].join(", ");
    std::fs::write(
        &config,
        format!(
            "[webhooks]\nallow_networks = [\"127.0.0.1\"]\nallow_plain_http = true\nattempt_timeout_ms = 500\n\
             retry_after_ms = [{waits}]\n"
        ),
    )
    .unwrap();
    Installation { folder, store: store(), config }
}

fn check(taken: &Taken, acknowledged: &[(String, Vec<u64>)]) -> Result<usize, String> {
    let mut by_id: HashMap<&str, (&str, u64)> = HashMap::new();
    let mut by_user: HashMap<&str, Vec<u64>> = HashMap::new();
    for (id, user, counter) in &taken.events {
        match by_id.insert(id, (user, *counter)) {
            None => by_user.entry(user).or_default().push(*counter),
            Some(before) => assert_eq!(before, (user.as_str(), *counter), "an id told two things"),
        }
    }
    for (user, counters) in &by_user {
        assert!(counters.is_sorted(), "{user} was told out of order: {counters:?}");
    }
    for (user, counters) in acknowledged {
        let told = by_user.get(user.as_str()).map_or(&[][..], Vec::as_slice);
        if !told.contains(&0) {
            return Err(format!("{user} itself was not told"));
        }
        if let Some(missing) = counters.iter().find(|counter| !told.contains(counter)) {
            return Err(format!("{user}: {missing} was not told"));
        }
    }
    Ok(taken.events.len() - by_id.len())
}

/// How many changes were acknowledged.
fn changes(acknowledged: &[(String, Vec<u64>)]) -> usize {
    acknowledged.iter().map(|(_, counters)| counters.len()).sum()
}

/// Until every acknowledged change has come; gives how many events came twice.
fn wait_for_all(taken: &Mutex<Taken>, acknowledged: &[(String, Vec<u64>)]) -> usize {
    let total = changes(acknowledged);
    let mut progress = (0, Instant::now());
    loop {
        {
            let taken = taken.lock().unwrap();
            if taken.events.len() > progress.0 {
                progress = (taken.events.len(), Instant::now());
            }
            match check(&taken, acknowledged) {
                Ok(duplicates) => return duplicates,
                Err(missing) => assert!(
                    progress.1.elapsed() < PATIENCE,
                    "{missing}; {} came of {total}, {} were refused",
                    taken.events.len(),
                    taken.refused
                ),
            }
        }
        pause(Duration::from_millis(100));
    }
}

/// Rounds beyond those that are asked for.
const MORE_ROUNDS: u64 = 40;

#[test]
fn every_event_arrives_in_order_whatever_dies() {
    let installation = installation(tempfile::tempdir().expect("a folder"));
    installation.run(&["migrate"]);
    let instance =
        installation.run(&["instances", "create", "--name", "crash", "--environment", "development"]);
    let instance = instance.trim();
    let key = installation.run(&["keys", "create", "--instance", instance]);
    let key = key.trim();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let config = installation.config.display().to_string();
    let add = ["webhooks", "add", &url, "--event", "user.*", "--instance", instance, "--config", &config];
    assert!(installation.run(&add).contains("whsec_"));
    let (taken, stop) = (Arc::new(Mutex::new(Taken::default())), Arc::new(AtomicBool::new(false)));
    let receiver = std::thread::spawn({
        let (taken, stop) = (Arc::clone(&taken), Arc::clone(&stop));
        move || receive(&listener, &taken, &stop)
    });

    let count = if installation.store.is_some() { 3 } else { 1 };
    let mut servers: Vec<_> = (0..count).map(|_| installation.serve()).collect();
    let acknowledged = Mutex::new(Vec::new());
    let rounds = rounds();
    for round in 0.. {
        // A machine that has other things to do needs more rounds for as many changes.
        let is_enough = changes(&acknowledged.lock().unwrap()) as u64 > rounds * 3;
        if round >= rounds && (is_enough || round >= rounds + MORE_ROUNDS) {
            break;
        }
        let dying = servers.remove(0);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let others = servers.iter().map(|server| server.address.as_str());
                let addresses: Vec<_> = others.chain([dying.address.as_str()]).collect();
                let index = usize::try_from(writer).unwrap() % addresses.len();
                let (address, acknowledged) = (addresses[index].to_owned(), &acknowledged);
                scope.spawn(move || {
                    if let Some(seen) = write_until_it_dies(&address, key) {
                        acknowledged.lock().unwrap().push(seen);
                    }
                });
            }
            pause(Duration::from_millis(60 + (round * 37) % 140));
            dying.kill();
        });
        servers.push(installation.serve());
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    let total = changes(&acknowledged);
    let duplicates = wait_for_all(&taken, &acknowledged);
    let refused = taken.lock().unwrap().refused;
    for server in servers {
        server.kill();
    }
    stop.store(true, Ordering::SeqCst);
    let _ = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/'));
    receiver.join().unwrap();
    let verdict = installation.run(&["audit", "verify", "--instance", instance]);
    assert!(verdict.contains("rows verified"), "{verdict}");
    let (changes, refusals) = (usize::try_from(rounds).unwrap() * 3, rounds);
    assert!(total > changes && refused > refusals, "{total} changes and {refused} refusals tested little");
    // For whoever looks: how rough it was.
    let _ = writeln!(std::io::stderr(), "{total} changes, {refused} refused tries, {duplicates} duplicates");
}
