//! `verger serve`: starting, refusing to start, and stopping.

use crate::support::{
    Installation, PATIENCE, call, connect, finish, head, run, send, text, until, verger, verger_run,
};
use serde_json::json;
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn serve_refuses_a_store_that_was_never_migrated_and_names_the_command_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nothing");
    let why = verger_run(["serve", "--listen", "127.0.0.1:0", "--data", text(&data)]).refused();
    assert!(why.contains("verger migrate"), "{why}");
}

#[test]
fn serve_refuses_a_folder_that_cannot_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data");
    let why = verger_run(["serve", "--data", text(&data)]).refused();
    assert!(why.contains(text(&data)), "{why}");
}

#[test]
fn a_port_in_use_is_named() {
    let shop = Installation::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("--listen", "--metrics-listen"), ("--metrics-listen", "--listen")] {
        let why = run(shop.verger(["serve", "--log", "off", flag, &address, other, "127.0.0.1:0"])).refused();
        assert!(
            why.contains(&format!("cannot listen on {address} ({flag})")) && why.contains("in use"),
            "{why}"
        );
        assert!(why.contains(&format!("`{flag} 127.0.0.1:0` picks a free port")), "{why}");
    }
    let why = verger_run(["dev", "--ephemeral", "--listen", &address]).refused();
    assert!(why.contains(&address) && why.contains("in use"), "{why}");
    assert!(why.contains("`--listen 127.0.0.1:0` picks a free port"), "{why}");
    let mut command = verger(["dev", "--ephemeral"]);
    command.env("VERGER_LISTEN", &address);
    let why = run(command).refused();
    assert!(why.contains("(VERGER_LISTEN)") && why.contains("`VERGER_LISTEN=127.0.0.1:0`"), "{why}");
}

#[test]
fn the_metrics_are_on_a_port_of_their_own() {
    let shop = Installation::new();
    let server = shop.serve([]);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(call(server.address, "", "GET", path, "").ok().json(), json!({ "status": "ok" }));
    }
    server.call(&shop.key, "GET", "/v1/users", "").ok();
    assert_eq!(server.call(&shop.key, "GET", "/metrics", "").status, 404);
    assert_eq!(server.call(&shop.key, "GET", "/v1/metrics", "").status, 404);

    let metrics = call(server.metrics_address, "", "GET", "/metrics", "").ok();
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    let users = metrics.text.lines().find(|line| {
        line.starts_with("verger_http_requests_total")
            && [r#"method="GET""#, r#"route="/v1/users""#, r#"status="2xx""#]
                .iter()
                .all(|part| line.contains(part))
    });
    assert!(users.expect("the route is counted").ends_with(" 1"), "{users:?}");
    for path in ["/v1/users", "/health/ready", "/", "/reference"] {
        assert_eq!(call(server.metrics_address, &shop.key, "GET", path, "").status, 404, "{path}");
    }
}

#[test]
fn a_request_in_flight_at_sigterm_is_finished_before_the_process_exits_with_0() {
    let shop = Installation::new();
    let mut server = shop.serve([]);
    let body = json!({ "email_address": ["flight@example.com"] }).to_string();
    let (first_half, second_half) = body.split_at(10);
    let mut in_flight = connect(server.address);
    let start = head(&shop.key, "POST", "/v1/users", body.len()) + first_half;
    in_flight.write_all(start.as_bytes()).unwrap();
    // Idle, and kept alive by the client: no reason to wait.
    let mut idle = connect(server.address);
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: verger\r\n\r\n").unwrap();
    // Connections are taken in the order in which they came, so that the one in flight has been taken too.
    call(server.address, "", "GET", "/health/live", "").ok();

    server.process.terminate();
    let refused = until(PATIENCE, || std::net::TcpStream::connect(server.address).is_err().then_some(()));
    refused.expect("nothing new is accepted");
    assert_eq!(server.process.wait(Duration::from_millis(100)), None, "it waits for what is in flight");
    let answer = finish(in_flight, second_half.as_bytes()).expect("an answer").ok();
    assert_eq!(answer.json()["email_addresses"][0]["email_address"], "flight@example.com");
    let finished_at = Instant::now();
    let status = server.process.wait(PATIENCE).expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", server.process.stderr());
    assert!(finished_at.elapsed() < Duration::from_secs(5), "after {:?}", finished_at.elapsed());
    drop(idle);

    // What it answered last is there after a second start.
    let server = shop.serve([]);
    let count = server.call(&shop.key, "GET", "/v1/users/count?email_address=flight@example.com", "").ok();
    assert_eq!(count.json()["total_count"], 1);
}

#[test]
fn a_request_that_never_ends_is_cut_off_after_the_shutdown_timeout() {
    let shop = Installation::new();
    let mut server = shop.serve(["--shutdown-timeout-ms", "300", "--request-timeout-ms", "600000"]);
    let mut endless = connect(server.address);
    endless.write_all((head(&shop.key, "POST", "/v1/users", 1000) + "{").as_bytes()).unwrap();
    call(server.address, "", "GET", "/health/live", "").ok();
    let asked_at = Instant::now();
    assert_eq!(server.process.stop(), Some(0), "{}", server.process.stderr());
    let took = asked_at.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&took), "{took:?}");
    assert!(server.process.stderr().contains("were aborted"), "{}", server.process.stderr());
}

#[test]
fn an_idle_server_stops_at_once() {
    let shop = Installation::new();
    let mut server = shop.serve([]);
    let asked_at = Instant::now();
    assert_eq!(server.process.stop(), Some(0));
    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    assert!(server.process.stderr().lines().last().unwrap().contains("stopped"));
    // The log of the store was copied back: what is left of it is empty or gone.
    let log = std::fs::metadata(shop.data().join("verger.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0);
}

#[test]
fn two_servers_on_the_same_data_see_each_others_writes() {
    let shop = Installation::of("development");
    let (first, second) = (shop.serve([]), shop.serve([]));
    let body = json!({ "phone_number": ["+12015550100"] }).to_string();
    let user = first.call(&shop.key, "POST", "/v1/users", &body).ok().json();
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(second.call(&shop.key, "GET", &path, "").ok().json()["id"], user["id"]);
    let taken = second.call(&shop.key, "POST", "/v1/users", &body);
    assert_eq!(
        (taken.status, taken.json()["errors"][0]["code"].as_str()),
        (422, Some("form_identifier_exists"))
    );
    second.call(&shop.key, "PATCH", &path, r#"{"first_name":"Ada"}"#).ok();
    assert_eq!(first.call(&shop.key, "GET", &path, "").ok().json()["first_name"], "Ada");
}

#[test]
fn a_client_that_speaks_no_http_is_sent_away_and_others_are_served() {
    let shop = Installation::new();
    let server = shop.serve([]);
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"HELO there\r\n\r\n", b"\r\n\r\n\0"]
    {
        let answer = send(server.address, bytes);
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{answer:?}");
    }
    server.call(&shop.key, "GET", "/v1/users", "").ok();
}

#[test]
fn a_head_that_does_not_arrive_ends_the_connection() {
    let shop = Installation::new();
    let server = shop.serve(["--header-timeout-ms", "200"]);
    let mut slow = connect(server.address);
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost:").unwrap();
    let began = Instant::now();
    let answer = finish(slow, b"");
    assert!(answer.is_none_or(|answer| answer.status == 408));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn the_log_filter_must_be_readable() {
    let shop = Installation::new();
    let why = run(shop.verger(["serve", "--log", "verger=loudest"])).refused();
    assert!(why.contains("verger=loudest"), "{why}");
    assert_eq!(why.matches("error parsing").count(), 1, "{why}");
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let why = run(verger(["serve", "--config", text(&missing)])).refused();
    assert!(why.contains(text(&missing)), "{why}");
}
