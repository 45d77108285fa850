//! A disk that fails: what is answered is what the next start finds.

use crate::support::{Answer, Installation, PATIENCE, Running, Serving, head, send, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What is made to fail, and how.
#[derive(Clone, Debug)]
struct Fault {
    /// Calls on the files of the store.
    calls: &'static str,
    error: &'static str,
    /// Which call of a thread: `3`, or `3+` for all from the third on.
    when: String,
    /// Which of the files.
    files: &'static [&'static str],
}

/// A server whose system calls fail.
struct Traced {
    strace: Running,
    /// The server itself, which outlives its tracer.
    server: Option<u32>,
    address: Option<SocketAddr>,
    trace: tempfile::NamedTempFile,
}

impl Traced {
    fn start(shop: &Installation, fault: &Fault) -> Self {
        let trace = tempfile::NamedTempFile::new().unwrap();
        let serve = shop.verger([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
            "--log",
            "info",
        ]);
        let mut command = Command::new(verger_testdb::strace().unwrap());
        command.args(["-f", "-qq", "-o"]).arg(trace.path());
        let data = std::fs::canonicalize(shop.data()).unwrap();
        for file in fault.files {
            command.arg("-P").arg(data.join(file));
        }
        let Fault { calls, error, when, .. } = fault;
        command.arg("-e").arg(format!("trace={calls}"));
        command.arg("-e").arg(format!("inject={calls}:error={error}:when={when}"));
        command.arg("--").arg(serve.get_program()).args(serve.get_args());
        for (name, value) in serve.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut traced = Self { strace: Running::start(command), server: None, address: None, trace };
        let started = until(PATIENCE, || {
            traced.server = traced.server.or_else(|| child_of(traced.strace.id()));
            let log = traced.strace.stderr();
            let line =
                log.split_inclusive('\n').find(|line| line.contains("\"serving\"") && line.ends_with('\n'));
            if let Some(line) = line {
                let line: Value = serde_json::from_str(line).unwrap();
                traced.address = Some(line["listen"].as_str().unwrap().parse().unwrap());
            }
            (traced.address.is_some() || traced.strace.wait(Duration::ZERO).is_some()).then_some(())
        });
        started.unwrap_or_else(|| panic!("neither serves nor ends: {}", traced.strace.stderr()));
        traced
    }

    fn signal(&self, signal: &str) {
        if let Some(server) = self.server {
            // It may have ended by itself meanwhile.
            let _ = Command::new("kill").arg(signal).arg(server.to_string()).output();
        }
    }

    fn faults(&self) -> usize {
        std::fs::read_to_string(self.trace.path()).unwrap().matches("(INJECTED)").count()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.strace.wait(Duration::ZERO).is_none() {
            self.signal("-KILL");
            self.strace.wait(PATIENCE);
        }
    }
}

/// The process that another one started.
fn child_of(parent: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().find_map(|child| {
        let child = child.parse().ok()?;
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        (name.trim() == "verger").then_some(child)
    })
}

/// What a request was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Done(Value),
    /// "Nothing was changed."
    Refused,
    /// It is not known, or there was no answer.
    Unknown,
}

fn ask(address: SocketAddr, key: &str, method: &str, path: &str, body: &Value, once: &str) -> Option<Answer> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut request = head(key, method, path, body.len());
    if !once.is_empty() {
        request = request.replacen("\r\n", &format!("\r\nIdempotency-Key: {once}\r\n"), 1);
    }
    stream.write_all((request + &body).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), text: text.to_owned() })
}

fn told(answer: Option<&Answer>) -> Told {
    let Some(answer) = answer else { return Told::Unknown };
    match answer.status {
        200 => Told::Done(answer.json()),
        503 if answer.text.contains("Nothing was changed") => Told::Refused,
        503 if answer.text.contains("not known whether the change was made") => Told::Unknown,
        _ => panic!("{answer:?}"),
    }
}

/// What clients were told, by the email address of the user that they asked for.
#[derive(Default)]
struct Seen {
    told: BTreeMap<String, Told>,
    /// How many users with this address somebody was shown after its outcome was said to be unknown.
    shown: Vec<(String, u64)>,
    /// Answers that say that it is not known.
    said_unknown: u64,
}

fn email(round: u64, writer: u64, step: u64) -> String {
    format!("f{round}-{writer}-{step}@example.com")
}

fn count_path(email: &str) -> String {
    format!("/v1/users/count?email_address={email}")
}

fn write_until_it_fails(address: SocketAddr, key: &str, round: u64, writer: u64, seen: &Mutex<Seen>) {
    let end = Instant::now() + Duration::from_millis(1_500);
    let mut failures = 0;
    for step in 0.. {
        if Instant::now() >= end || failures >= 3 {
            return;
        }
        let email = email(round, writer, step);
        let body = json!({ "email_address": [email] });
        let answer = ask(address, key, "POST", "/v1/users", &body, &email);
        let told = told(answer.as_ref());
        if let Told::Done(user) = &told {
            let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
            if let Some(read) = ask(address, key, "GET", &path, &Value::Null, "") {
                assert!(matches!(read.status, 200 | 503), "just made, and answered with {read:?}");
            }
        } else {
            failures += 1;
            if told == Told::Unknown
                && let Some(read) = ask(address, key, "GET", &count_path(&email), &Value::Null, "")
                && read.status == 200
            {
                let count = read.json()["total_count"].as_u64().unwrap();
                seen.lock().unwrap().shown.push((email.clone(), count));
            }
        }
        let mut seen = seen.lock().unwrap();
        seen.said_unknown += u64::from(told == Told::Unknown && answer.is_some());
        seen.told.insert(email, told);
    }
}

/// A fault of its own for every round: of every call, of both kinds, once or from then on, early and late.
fn fault(round: u64) -> Fault {
    const LOG: &[&str] = &["verger.db-wal"];
    const ALL: &[&str] = &["verger.db", "verger.db-wal", "verger.db-shm"];
    const DATABASE: &[&str] = &["verger.db"];
    let (calls, files) = [
        ("fsync,fdatasync", LOG),
        ("write,pwrite64", LOG),
        ("fsync,fdatasync", DATABASE),
        ("write,pwrite64", DATABASE),
        ("ftruncate", ALL),
        ("fsync,fdatasync", ALL),
        ("write,pwrite64", ALL),
        ("rename,renameat,renameat2,unlink", ALL),
        ("openat", ALL),
        ("lseek", LOG),
    ][usize::try_from(round % 10).unwrap()];
    let step = round / 10;
    let error = if step.is_multiple_of(2) { "EIO" } else { "ENOSPC" };
    let nth = 1 + (step * 7 + round * 3) % if calls.starts_with('w') || calls == "lseek" { 90 } else { 12 };
    let when = if (round / 2 + step) % 3 < 2 { nth.to_string() } else { format!("{nth}+") };
    Fault { calls, error, when, files }
}

/// `VERGER_FAULT_ROUNDS` asks for more.
fn rounds() -> u64 {
    std::env::var("VERGER_FAULT_ROUNDS")
        .map_or(10, |asked| asked.parse().expect("VERGER_FAULT_ROUNDS is a number"))
}

#[test]
#[allow(clippy::print_stdout, reason = "what was seen is worth reading")]
fn answers_say_what_the_next_start_finds_whatever_call_of_the_store_fails() {
    if verger_testdb::strace().is_none() {
        return;
    }
    let shop = Installation::of("development");
    let mut totals = BTreeMap::<&str, u64>::new();
    for round in 0..rounds() {
        let fault = fault(round);
        let seen = Mutex::new(Seen::default());
        let mut server = Traced::start(&shop, &fault);
        if let Some(address) = server.address {
            std::thread::scope(|scope| {
                for writer in 0..4 {
                    let (seen, key) = (&seen, &shop.key);
                    scope.spawn(move || write_until_it_fails(address, key, round, writer, seen));
                }
            });
        } else {
            *totals.entry("did not start").or_default() += 1;
        }
        let seen = seen.into_inner().unwrap();
        let patience = if seen.said_unknown > 0 { PATIENCE } else { Duration::from_millis(300) };
        match server.strace.wait(patience) {
            Some(status) => {
                assert_eq!(status.code(), Some(1), "{fault:?}: {}", server.strace.stderr());
                *totals.entry("ended by itself").or_default() += 1;
            }
            None => {
                assert_eq!(
                    seen.said_unknown, 0,
                    "{fault:?}: it goes on after a commit of which it knows nothing"
                );
                server.signal(if round.is_multiple_of(2) { "-KILL" } else { "-TERM" });
                server.strace.wait(PATIENCE).expect("it ends");
            }
        }
        if seen.said_unknown > 0 {
            let log = server.strace.stderr();
            let lines = log.lines().filter(|line| line.contains("\"the store failed and refuses everything"));
            assert_eq!(lines.count(), 1, "{log}");
        }
        *totals.entry("faults").or_default() += server.faults() as u64;
        *totals.entry("rounds with a fault").or_default() += u64::from(server.faults() > 0);
        drop(server);
        verify(&shop, &fault, &seen, &mut totals);
    }
    println!("{totals:?}");
    assert!(totals["done"] > 0 && totals["faults"] > 0, "{totals:?}");
}

/// Starts the server with a disk that works, and compares.
fn verify(shop: &Installation, fault: &Fault, seen: &Seen, totals: &mut BTreeMap<&'static str, u64>) {
    let mut server = shop.serve([]);
    let count = |email: &str| -> u64 {
        server.call(&shop.key, "GET", &count_path(email), "").ok().json()["total_count"].as_u64().unwrap()
    };
    for (email, shown) in &seen.shown {
        assert_eq!(count(email), *shown, "{fault:?}: {email} was shown otherwise");
    }
    for (email, told) in &seen.told {
        let found = count(email);
        let name = match (told, found) {
            (Told::Done(user), 1) => {
                let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
                server.call(&shop.key, "GET", &path, "").ok();
                "done"
            }
            (Told::Done(_), _) => panic!("{fault:?}: {email} was acknowledged and is lost"),
            (Told::Refused, 0) => "refused",
            (Told::Refused, _) => panic!("{fault:?}: of {email} nothing was changed, and it is there"),
            (Told::Unknown, 0) => "unknown, given up",
            (Told::Unknown, _) => "unknown, found",
        };
        *totals.entry(name).or_default() += 1;
        if *told == Told::Unknown {
            // Whoever repeats it gets what there is, and no second one.
            let body = json!({ "email_address": [email] });
            let again = ask(server.address, &shop.key, "POST", "/v1/users", &body, email).expect("an answer");
            assert_eq!(again.status, 200, "{fault:?}: {again:?}");
            assert_eq!(count(email), 1, "{fault:?}: {email}");
        }
    }
    assert_eq!(server.process.stop(), Some(0), "{}", server.process.stderr());
}

/// The commit is in the log, and the disk did not say that it has it. The process goes away before another commit can
/// write over it. A job of the server itself may meet the fault first: then the request is refused, which has to be true.
#[test]
fn commit_whose_fsync_fails_is_not_denied_and_the_next_start_finds_it() {
    if verger_testdb::strace().is_none() {
        return;
    }
    let met = (0..20).any(|_| commit_whose_fsync_fails() == Told::Unknown);
    assert!(met, "no request met the fault");
}

/// What the first request was told that was not done, after the next start has shown that it is true.
fn commit_whose_fsync_fails() -> Told {
    let shop = Installation::of("development");
    let fault =
        Fault { calls: "fsync,fdatasync", error: "EIO", when: "4+".to_owned(), files: &["verger.db-wal"] };
    let mut server = Traced::start(&shop, &fault);
    let Some(address) = server.address else { return Told::Refused };
    let make = |address, step| {
        let email = email(0, 0, step);
        let answer =
            ask(address, &shop.key, "POST", "/v1/users", &json!({ "email_address": [email] }), &email);
        (email, answer)
    };
    let (email, answer) = (0..100)
        .map(|step| make(address, step))
        .find(|(_, answer)| !matches!(told(answer.as_ref()), Told::Done(_)))
        .expect("the fault comes");
    let said = told(answer.as_ref());
    let status = server.strace.wait(PATIENCE).expect("it ends by itself");
    assert_eq!(status.code(), Some(1));
    let log = server.strace.stderr();
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with("verger: the store failed: the commit failed: ")
            && last.contains("restart the server"),
        "{log}"
    );
    drop(server);

    let server = shop.serve([]);
    let count = || {
        let found = server.call(&shop.key, "GET", &count_path(&email), "").ok();
        found.json()["total_count"].as_u64().unwrap()
    };
    match (&answer, &said) {
        (Some(_), Told::Unknown) => assert_eq!(count(), 1, "recovery finds it"),
        (_, Told::Refused) => assert_eq!(count(), 0, "nothing was changed"),
        // It ended before it answered: both are right.
        _ => {}
    }
    let body = json!({ "email_address": [email] });
    let again = ask(server.address, &shop.key, "POST", "/v1/users", &body, &email).expect("an answer");
    assert_eq!(again.status, 200, "the same key has the same answer: {again:?}");
    assert_eq!(count(), 1);
    answer.map_or(Told::Refused, |_| said)
}

fn readiness(address: SocketAddr) -> Answer {
    send(address, b"GET /health/ready HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n").unwrap()
}

/// Waits until readiness says so; gives the reason.
fn not_ready(address: SocketAddr) -> String {
    until(Duration::from_secs(10), || {
        let asked = Instant::now();
        let answer = readiness(address);
        assert!(asked.elapsed() < Duration::from_secs(2), "health hangs");
        (answer.status == 503).then(|| answer.json()["reason"].as_str().unwrap().to_owned())
    })
    .expect("it goes on to say that it is ready")
}

/// The first line of the log with these words; another thread writes it.
fn logged(server: &Serving, words: &str) -> String {
    let line = until(PATIENCE, || {
        let log = server.process.stderr();
        log.split_inclusive('\n').find(|line| line.contains(words) && line.ends_with('\n')).map(str::to_owned)
    });
    line.unwrap_or_else(|| panic!("{words}: {}", server.process.stderr()))
}

#[test]
fn server_whose_disk_takes_nothing_is_not_ready_before_anybody_writes() {
    if verger_testdb::strace().is_none() {
        return;
    }
    for (calls, error, reason) in [
        ("write,pwrite64", "ENOSPC", "the last write to the store failed: the disk is full"),
        ("fsync,fdatasync", "EIO", "the store failed; the server must be started again"),
    ] {
        let shop = Installation::of("development");
        // The log is written at its first commit; none of the start.
        let fault = Fault { calls, error, when: "1+".to_owned(), files: &["verger.db-wal"] };
        let mut server = Traced::start(&shop, &fault);
        let address = server.address.expect("it starts");
        if error == "EIO" {
            // It ends, unless somebody was quick enough to be told.
            let status = until(Duration::from_secs(10), || {
                let _ = TcpStream::connect(address).and_then(|mut stream| {
                    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n")
                });
                server.strace.wait(Duration::ZERO)
            });
            assert_eq!(status.expect("it ends").code(), Some(1));
            let log = server.strace.stderr();
            assert!(log.lines().last().unwrap().starts_with("verger: the store failed: "), "{log}");
            continue;
        }
        assert_eq!(not_ready(address), reason);
        let read = ask(address, &shop.key, "GET", "/v1/users", &Value::Null, "").expect("an answer");
        assert_eq!(read.status, 200, "reads go on: {read:?}");
    }
}

#[test]
fn store_file_that_is_removed_under_the_server_is_noticed_and_takes_no_writes() {
    let shop = Installation::of("development");
    let server = shop.serve([]);
    let ready = readiness(server.address);
    assert_eq!(ready.status, 200, "{ready:?}");
    std::fs::rename(shop.data().join("verger.db"), shop.data().join("old.db")).unwrap();
    assert_eq!(not_ready(server.address), "the file of the store was removed or replaced");
    let body = json!({ "email_address": ["lost@example.com"] });
    let answer = ask(server.address, &shop.key, "POST", "/v1/users", &body, "");
    assert_eq!(told(answer.as_ref()), Told::Refused, "{answer:?}");
    let line = logged(&server, "writes are refused, because they would be lost");
    assert!(line.contains("ERROR") && line.contains("verger.db was removed"), "{line}");
}

/// Writes nonsense over the pages of a table and its indexes.
fn damage(file: &Path, table: &str) {
    use std::os::unix::fs::FileExt as _;
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT pageno FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = ?1)";
    let mut found = connection.prepare(sql).unwrap();
    let pages = found.query_map([table], |row| row.get::<_, u32>(0)).unwrap();
    let pages: Vec<u32> = pages.map(Result::unwrap).collect();
    let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(found);
    drop(connection);
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    for page in pages {
        file.write_all_at(&vec![0xa5; size as usize], u64::from(page - 1) * u64::from(size)).unwrap();
    }
}

#[test]
fn damaged_table_is_named_by_the_log_and_by_check_and_answered_without_a_time_to_come_back() {
    let shop = Installation::of("development");
    damage(&shop.data().join("verger.db"), "users");
    let checked = crate::support::run(shop.verger(["check"]));
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let line = checked.stdout.lines().find(|line| line.contains("damage")).expect("it is looked for");
    assert!(
        line.starts_with("BAD") && line.contains("table users: ") && line.contains("verger restore"),
        "{line}"
    );

    let server = shop.serve([]);
    let body = json!({ "email_address": ["a@example.com"] });
    for (method, body) in [("GET", &Value::Null), ("POST", &body)] {
        let answer = ask(server.address, &shop.key, method, "/v1/users", body, "").expect("an answer");
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(!answer.head.to_lowercase().contains("retry-after"), "{}", answer.head);
        assert!(!answer.text.contains("malformed"), "the cause is for the log: {answer:?}");
    }
    assert_eq!(not_ready(server.address), "the database is damaged");
    let line = logged(&server, "the database is damaged: run `verger check`");
    assert!(line.contains("users"), "{line}");
    // What is whole goes on.
    assert_eq!(server.call(&shop.key, "GET", "/v1/phone_numbers/idn_none", "").status, 404);
}

#[test]
fn damaged_row_of_one_user_is_that_users_failure_alone() {
    let shop = Installation::of("development");
    let mut server = shop.serve([]);
    let make = |server: &Serving, email: &str| {
        let body = json!({ "email_address": [email] }).to_string();
        let user = server.call(&shop.key, "POST", "/v1/users", &body).ok().json();
        format!("/v1/users/{}", user["id"].as_str().unwrap())
    };
    let (bad, good) = (make(&server, "bad@example.com"), make(&server, "good@example.com"));
    assert_eq!(server.process.stop(), Some(0));
    let connection = rusqlite::Connection::open(shop.data().join("verger.db")).unwrap();
    let id = bad.rsplit('/').next().unwrap();
    assert_eq!(connection.execute("UPDATE users SET version = 'x' WHERE id = ?1", [id]).unwrap(), 1);
    drop(connection);
    let server = shop.serve([]);
    let answer = server.call(&shop.key, "GET", &bad, "");
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(!answer.head.to_lowercase().contains("retry-after"), "{}", answer.head);
    server.call(&shop.key, "GET", &good, "").ok();
    let ready = readiness(server.address);
    assert_eq!(ready.status, 200, "{ready:?}");
}
