//! Connections without requests, descriptors that run out, proxies, and the time between SIGTERM and the end.

use crate::support::{
    Answer, Installation, PATIENCE, Serving, call, connect, finish, head, run, send, until, verger,
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// The test has connections of its own to hold open.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// `verger` with these arguments under a limit of open files, soft and hard.
fn limited(shop: &Installation, files_max: u32, arguments: &[&str]) -> Command {
    let plain = shop.verger(arguments.iter().copied());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {files_max} && exec \"$0\" \"$@\""));
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];

fn silent(to: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect_timeout(&to, PATIENCE).unwrap()).collect()
}

/// How many of them the other side has ended, as far as it is known now.
fn ended(streams: &mut [TcpStream]) -> usize {
    let is_ended = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).unwrap();
        !matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    streams.iter_mut().map(is_ended).filter(|is_ended| *is_ended).count()
}

#[test]
fn service_goes_on_beside_more_silent_connections_than_files_may_be_open() {
    allow_many_files();
    let shop = Installation::new();
    let server = Serving::start(limited(&shop, 1_024, &SERVE));
    let log = server.process.stderr();
    let lowered = log.lines().find(|line| line.contains("the limit of open files allows no more"));
    let lowered: Value = serde_json::from_str(lowered.expect("it says so")).unwrap();
    assert_eq!((&lowered["connections_max"], &lowered["wanted"]), (&json!(576), &json!(10_000)));

    let mut silent = silent(server.address, 1_200);
    for n in 0..20 {
        let body = json!({ "email_address": [format!("{n}@example.com")] }).to_string();
        server.call(&shop.key, "POST", "/v1/users", &body).ok();
        server.call(&shop.key, "GET", "/v1/users?limit=1", "").ok();
    }
    call(server.address, "", "GET", "/health/ready", "").ok();
    call(server.metrics_address, "", "GET", "/metrics", "").ok();
    assert!(ended(&mut silent) >= 1_200 - 576, "{}", ended(&mut silent));
    assert!(!server.process.stderr().contains("could not be accepted"), "{}", server.process.stderr());
}

#[test]
fn descriptors_that_run_out_nevertheless_are_taken_from_idle_connections_and_logged_once_a_second() {
    let shop = Installation::new();
    let server = shop.serve(["--log", "info"]);
    let mut silent = silent(server.address, 150);
    call(server.address, "", "GET", "/health/live", "").ok();
    let began = Instant::now();
    let pid = Pid::from_raw(server.process.id().cast_signed());
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(60), maximum }).unwrap();
    for _ in 0..10 {
        server.call(&shop.key, "GET", "/v1/users?limit=1", "").ok();
    }
    assert!(ended(&mut silent) >= 16, "{}", ended(&mut silent));
    let log = server.process.stderr();
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("connections could not be accepted"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty() && lines.len() as u64 <= began.elapsed().as_secs() + 1, "{log}");
    assert!(lines[0]["count"].as_u64() >= Some(1) && lines[0]["evicted"].as_u64() >= Some(1), "{log}");
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_refused_and_check_says_what_fits() {
    let shop = Installation::new();
    let why = run(limited(&shop, 200, &SERVE)).refused();
    assert!(why.contains("the limit of 200 open files is too low: at least 342"), "{why}");

    let line = |command| {
        let ended = run(command);
        let line = ended.stdout.lines().find(|line| line.contains(" files ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{ended:?}"))
    };
    let is = |line: String, start: &str, says: &str| {
        assert!(line.starts_with(start) && line.contains(says), "{line}")
    };
    is(line(limited(&shop, 200, &["check"])), "BAD  files", "too low");
    is(
        line(limited(&shop, 1_024, &["check"])),
        "warn files",
        "1024 open files are allowed here: up to 576 connections instead of 10000",
    );
    let wanted = ["check", "--connections-max", "1000"];
    is(line(limited(&shop, 1_024, &wanted)), "BAD  files", "up to 576 connections instead of 1000");
    is(line(limited(&shop, 4_096, &wanted)), "ok   files", "up to 1000 connections");
}

#[test]
fn the_listener_of_the_metrics_is_not_used_up_by_silent_connections_either() {
    let shop = Installation::new();
    let server = shop.serve([]);
    let mut silent = silent(server.metrics_address, 100);
    let metrics = call(server.metrics_address, "", "GET", "/metrics", "").ok();
    assert!(
        metrics.text.contains(r#"verger_connections_evicted_total{listener="metrics"} "#),
        "{}",
        metrics.text
    );
    assert!(ended(&mut silent) >= 84, "{}", ended(&mut silent));
    // The others end when no head comes.
    let all = until(PATIENCE, || (ended(&mut silent) == 100).then_some(()));
    all.expect("all are ended");
    let refused = call(server.metrics_address, "", "POST", "/metrics", "");
    assert_eq!(refused.status, 405);
    assert!(refused.head.contains("allow: GET, HEAD"), "{}", refused.head);
    let long = format!("GET /metrics HTTP/1.1\r\nHost: v\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(send(server.metrics_address, long.as_bytes()).is_none_or(|answer| answer.status == 431));
}

#[test]
fn readiness_says_closing_while_requests_are_still_served_and_a_second_signal_ends_that() {
    let shop = Installation::new();
    let mut server = shop.serve(["--shutdown-delay-ms", "600000"]);
    call(server.address, "", "GET", "/health/ready", "").ok();
    server.process.terminate();
    let closing = until(PATIENCE, || {
        let ready = call(server.address, "", "GET", "/health/ready", "");
        (ready.status == 503).then_some(ready)
    });
    assert_eq!(closing.expect("it says so").json()["reason"], "closing");
    for n in 0..3 {
        let body = json!({ "email_address": [format!("{n}@example.com")] }).to_string();
        let answer = server.call(&shop.key, "POST", "/v1/users", &body).ok();
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
    }
    assert_eq!(server.process.wait(Duration::from_millis(200)), None, "the delay is not over");

    // What is in flight then is finished.
    let body = json!({ "email_address": ["flight@example.com"] }).to_string();
    let mut in_flight = connect(server.address);
    in_flight.write_all((head(&shop.key, "POST", "/v1/users", body.len()) + &body[..5]).as_bytes()).unwrap();
    call(server.address, "", "GET", "/health/live", "").ok();
    let began = Instant::now();
    server.process.terminate();
    let refused = until(PATIENCE, || TcpStream::connect(server.address).is_err().then_some(()));
    refused.expect("nobody listens");
    finish(in_flight, &body.as_bytes()[5..]).expect("an answer").ok();
    assert_eq!(
        server.process.wait(PATIENCE).expect("it ends").code(),
        Some(0),
        "{}",
        server.process.stderr()
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn serve_waits_before_it_closes_and_dev_does_not() {
    let shop = Installation::new();
    let mut command = shop.verger(SERVE);
    command.env_remove("VERGER_SHUTDOWN_DELAY_MS");
    let mut server = Serving::start(command);
    let began = Instant::now();
    assert_eq!(server.process.stop(), Some(0));
    let took = began.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(15)).contains(&took), "{took:?}");

    let mut command = verger(["dev", "--ephemeral", "--listen", "127.0.0.1:0"]);
    command.env_remove("VERGER_SHUTDOWN_DELAY_MS");
    let mut dev = crate::support::Running::start(command);
    dev.until("it is ready", |dev| dev.stdout().contains("Stop with").then_some(()));
    let began = Instant::now();
    assert_eq!(dev.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// A request with these header lines beside the usual ones.
fn call_with(server: &Serving, key: &str, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
    let mut request = head(key, method, path, body.len());
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    request.insert_str(request.len() - 2, &lines);
    send(server.address, (request + body).as_bytes()).expect("an answer")
}

#[test]
fn what_trusted_proxies_say_of_the_address_is_in_events_audit_trail_and_log() {
    let shop = Installation::new();
    let server = shop.serve(["--trusted-proxies", "10.0.0.0/8,127.0.0.1", "--log", "info"]);
    let create = |n: usize, lines: &[&str]| {
        let body = json!({ "email_address": [format!("{n}@example.com")] }).to_string();
        call_with(&server, &shop.key, "POST", "/v1/users", lines, &body).ok().json()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let rows: [(&[&str], &str); 5] = [
        (&["X-Forwarded-For: 6.6.6.6, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
        (
            &["Forwarded: for=6.6.6.6", "Forwarded: for=\"[2001:db8::7]:4711\";proto=https, for=10.1.1.1"],
            "2001:db8::7",
        ),
        (&["Forwarded: for=6.6.6.6", "X-Forwarded-For: 198.51.100.2"], "198.51.100.2"),
        (&["X-Forwarded-For: 198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
        (&[], "127.0.0.1"),
    ];
    let users: Vec<_> = rows.iter().enumerate().map(|(n, (lines, _))| create(n, lines)).collect();
    let told = until(PATIENCE, || {
        let trail = server.call(&shop.key, "GET", "/verger/v1/audit_log?limit=100", "").ok().json();
        let of = |user: &String| {
            let entries = trail["data"].as_array().or(trail.as_array())?;
            let entry = entries.iter().find(|entry| entry.to_string().contains(user.as_str()))?;
            entry.pointer("/entry/actor/remote_address")?.as_str().map(str::to_owned)
        };
        users.iter().map(of).collect::<Option<Vec<_>>>()
    });
    let expected: Vec<&str> = rows.iter().map(|(_, address)| *address).collect();
    assert_eq!(told.expect("all events are told"), expected);

    let logged = until(PATIENCE, || {
        let log = server.process.stderr();
        let addresses: Vec<String> = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["method"] == "POST" && line["route"] == "/v1/users")
            .map(|line| line["remote_address"].as_str().unwrap_or("-").to_owned())
            .collect();
        (addresses.len() == rows.len()).then_some(addresses)
    });
    assert_eq!(logged.expect("all are logged"), expected);

    // Without the setting nobody is believed.
    let server = shop.serve(["--log", "info"]);
    call_with(&server, &shop.key, "GET", "/v1/users/count", &["X-Forwarded-For: 6.6.6.6"], "").ok();
    let logged = until(PATIENCE, || {
        let log = server.process.stderr();
        log.lines().find(|line| line.contains("/v1/users/count")).map(str::to_owned)
    });
    let logged: Value = serde_json::from_str(&logged.expect("it is logged")).unwrap();
    assert_eq!(logged["remote_address"], "127.0.0.1");
}

#[test]
fn networks_that_are_none_are_refused_with_their_name_and_check_says_whom_it_trusts() {
    let shop = Installation::new();
    let ended = run(shop.verger(["serve", "--trusted-proxies", "10.0.0.0/8,proxy.internal"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("--trusted-proxies") && ended.stderr.contains("proxy.internal"),
        "{ended:?}"
    );
    let line = |networks: &str| {
        let ended = run(shop.verger(["check", "--trusted-proxies", networks]));
        ended.stdout.lines().find(|line| line.contains(" proxies ")).unwrap_or_default().to_owned()
    };
    assert_eq!(
        line(""),
        "ok   proxies     none are trusted; the address of a client is that of its connection"
    );
    assert_eq!(line("10.0.0.0/8, ::1"), "ok   proxies     trusted: 10.0.0.0/8, ::1/128");
    assert!(line("10.0.0.0/8,0.0.0.0/0").starts_with("BAD  proxies"), "{}", line("10.0.0.0/8,0.0.0.0/0"));
    let file = shop.data().join("verger.toml");
    std::fs::write(&file, "log = \"info\"\ntrusted_proxies = [\"10.0.0.1/8\"]\n").unwrap();
    let ended = run(shop.verger(["check", "--config", crate::support::text(&file)]));
    assert_eq!(ended.code, Some(1));
    let config = ended.stdout.lines().find(|line| line.contains(" config ")).unwrap_or_default();
    assert!(
        config.starts_with("BAD")
            && config.contains("line 2: trusted_proxies")
            && config.contains("10.0.0.0/8"),
        "{config}"
    );
}

/// What holds connections open beside honest clients, under which limit of open files, and for how long it is measured.
struct Load {
    files_max: u32,
    silent: usize,
    half_heads: usize,
    clients: usize,
    round: Duration,
    rounds: usize,
}

/// `VERGER_IDLE_CONNECTIONS=2000` is the full load: as many silent connections, a quarter of it half heads, 32 clients.
fn load() -> (Load, bool) {
    match std::env::var("VERGER_IDLE_CONNECTIONS") {
        Ok(silent) => {
            let silent: usize = silent.parse().expect("VERGER_IDLE_CONNECTIONS is a number");
            (
                Load {
                    files_max: 1_024,
                    silent,
                    half_heads: silent / 4,
                    clients: 32,
                    round: Duration::from_secs(5),
                    rounds: 4,
                },
                true,
            )
        }
        Err(_) => (
            Load {
                files_max: 400,
                silent: 400,
                half_heads: 100,
                clients: 8,
                round: Duration::from_millis(500),
                rounds: 1,
            },
            false,
        ),
    }
}

/// Holds a connection open from one of several addresses, and comes back a while after it was ended.
async fn hold(to: SocketAddr, n: usize, begun: &'static [u8]) {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(n % 200).unwrap() + 1);
        socket.bind((from, 0).into()).unwrap();
        if let Ok(mut stream) = socket.connect(to).await
            && stream.write_all(begun).await.is_ok()
        {
            // It ends when the other side ends it.
            let _ = stream.read(&mut [0; 64]).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// Asks again and again on one connection; how long each answer took, in microseconds.
async fn ask(to: SocketAddr, key: String, stop: Arc<AtomicBool>) -> Vec<u64> {
    let request = format!("GET /v1/users?limit=1 HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let mut took = Vec::new();
    let mut answer = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let bytes =
            tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.expect("an answer").unwrap();
        assert!(
            answer[..bytes].starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer[..bytes])
        );
        took.push(u64::try_from(began.elapsed().as_micros()).unwrap());
    }
    took
}

async fn measure(to: SocketAddr, key: &str, load: &Load) -> Vec<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..load.clients).map(|_| tokio::spawn(ask(to, key.to_owned(), Arc::clone(&stop)))).collect();
    tokio::time::sleep(load.round).await;
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.unwrap());
    }
    took
}

/// The 50th and the 99th percentile, in microseconds.
fn percentiles(mut took: Vec<u64>) -> (u64, u64) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    (at(50), at(99))
}

#[test]
fn honest_clients_are_as_fast_beside_idle_connections_and_half_heads() {
    allow_many_files();
    let (load, is_full) = load();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // With room for all of them, and with room for a part.
    for files_max in [None, Some(load.files_max)] {
        let shop = Installation::new();
        shop_user(&shop);
        let server = match files_max {
            None => shop.serve(["--log", "warn,verger_server::cli=info"]),
            Some(files_max) => Serving::start(limited(&shop, files_max, &SERVE)),
        };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        runtime.block_on(async {
            for _ in 0..load.rounds {
                without.extend(measure(server.address, &shop.key, &load).await);
                let mut holding = tokio::task::JoinSet::new();
                for n in 0..load.silent {
                    holding.spawn(hold(server.address, n, b""));
                }
                for n in 0..load.half_heads {
                    holding.spawn(hold(server.address, n, b"GET /v1/users HTTP/1.1\r\nHost: v\r\nX-Half: "));
                }
                tokio::time::sleep(load.round / 4).await;
                with.extend(measure(server.address, &shop.key, &load).await);
                holding.shutdown().await;
                tokio::time::sleep(load.round / 4).await;
            }
        });
        let (requests_without, requests_with) = (without.len(), with.len());
        let ((p50_without, p99_without), (p50_with, p99_with)) = (percentiles(without), percentiles(with));
        let figures = format!(
            "open files {files_max:?}, {} silent, {} half heads, {} clients: without p50 {p50_without} us, p99 {p99_without} \
             us ({requests_without} requests); with p50 {p50_with} us, p99 {p99_with} us ({requests_with} requests)",
            load.silent, load.half_heads, load.clients
        );
        writeln!(std::io::stderr(), "{figures}").unwrap();
        // A short run on a machine with other work says little.
        let slack = if is_full { 0 } else { 200_000 };
        assert!(p99_with <= 2 * p99_without + slack, "{figures}");
    }
}

fn shop_user(shop: &Installation) {
    let server = shop.serve([]);
    server.call(&shop.key, "POST", "/v1/users", r#"{"email_address":["a@example.com"]}"#).ok();
}
