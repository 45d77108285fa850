//! Connections that a listener ends: requests with a head that is too long or never ends, clients that do not read or rest
//! for too long, idle ones that make room for others, and all of them when the server stops.

use crate::support::{DEVELOPMENT_KEY, TestApp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use verger_server::operations::OPERATIONS as PUBLISHED;
use verger_server::router::ROUTES;
use verger_server::serve::{ListenLimits, serve};

const PATIENCE: Duration = Duration::from_secs(20);

/// A listener with these limits; it ends with the second value.
async fn listen(limits: ListenLimits) -> (SocketAddr, oneshot::Sender<()>) {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(Arc::clone(&app.app), listener, limits, async {
        let _ = stopped.await;
    }));
    (address, stop)
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer {DEVELOPMENT_KEY}\r\n{more}\r\n")
}

/// What comes until the connection ends, or as much of it as came before it broke.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _broken = read.expect("it ends");
    bytes
}

/// What is answered to these bytes, up to the end of the connection.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may end the connection before it has all of it.
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut answer));
    let (_, read) = tokio::join!(writing.write_all(request.as_bytes()), reading);
    let _broken = read.expect("it ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer, and the value of this header.
fn status_and<'a>(answer: &'a str, name: &str) -> (u16, Option<&'a str>) {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap();
    (status, lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")))
}

#[tokio::test]
async fn a_head_of_64_kib_is_read_and_one_of_a_byte_more_is_refused() {
    const HEAD_BYTES_MAX: usize = 64 * 1024;
    let (address, _stop) = listen(ListenLimits::default()).await;
    for (bytes, status) in [
        (60 * 1024, 200),
        (HEAD_BYTES_MAX, 200),
        (HEAD_BYTES_MAX + 1, 431),
        (100_000, 431),
        (256 * 1024, 431),
        (1024 * 1024, 431),
    ] {
        let in_header =
            |more: usize| get("/v1/users", &format!("Connection: close\r\nX-Long: {}\r\n", "x".repeat(more)));
        let in_path =
            |more: usize| get(&format!("/v1/users?_x={}", "x".repeat(more)), "Connection: close\r\n");
        let in_lines = |more: usize| {
            let lines = format!("X: {}\r\n", "x".repeat(995)).repeat(more / 1_000);
            get("/v1/users", &format!("Connection: close\r\n{lines}Y: {}\r\n", "y".repeat(more % 1_000)))
        };
        for request in [&in_header as &dyn Fn(usize) -> String, &in_path, &in_lines] {
            let request = request(bytes - request(0).len());
            assert_eq!(request.len(), bytes);
            let (found, _) = status_and(&ask(address, &request).await, "");
            assert_eq!(found, status, "{bytes} bytes: {}", &request[..60]);
        }
    }
    // What follows a head does not count to it.
    let short = get("/health/live", "");
    let many =
        short.repeat(HEAD_BYTES_MAX / short.len() + 10) + &get("/health/live", "Connection: close\r\n");
    let answers = ask(address, &many).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), HEAD_BYTES_MAX / short.len() + 11);
}

#[tokio::test]
async fn a_head_of_100_lines_is_read_and_one_of_101_is_refused() {
    let (address, _stop) = listen(ListenLimits::default()).await;
    for (lines, status) in [(100, 200), (101, 431), (1_000, 431)] {
        // Host, Authorization and Connection are lines too.
        let more: String = (3..lines).map(|line| format!("X-{line}: 1\r\n")).collect();
        let answer = ask(address, &get("/v1/users", &format!("Connection: close\r\n{more}"))).await;
        assert_eq!(status_and(&answer, "").0, status, "{lines} lines");
    }
    // Those that come behind a body have the same limits.
    let head = get(
        "/v1/users",
        "Connection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
    );
    let head = head.replacen("GET", "POST", 1);
    for (n, lines, bytes, status) in
        [(1, 100, 1, 200), (2, 101, 1, 400), (3, 60, 1_000, 200), (4, 70, 1_000, 400)]
    {
        let body = format!(r#"{{"email_address":["{n}@example.com"]}}"#);
        let line = |line: usize| format!("X-{line}: {}\r\n", "1".repeat(bytes));
        let trailers: String = (0..lines).map(line).collect();
        let request = format!("{head}{:x}\r\n{body}\r\n0\r\n{trailers}\r\n", body.len());
        assert_eq!(
            status_and(&ask(address, &request).await, "").0,
            status,
            "{lines} trailers of {bytes} bytes"
        );
    }
}

/// Methods that might be asked for, whether or not anything has them.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// Whether `/users/{user_id}` matches this path.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(expected, part)| expected.starts_with('{') || expected == part)
}

#[tokio::test]
async fn a_fixed_path_has_its_own_methods_and_not_those_of_the_id_beside_it() {
    let (address, _stop) = listen(ListenLimits::default()).await;
    let mut fixed: Vec<&str> =
        ROUTES.iter().map(|route| route.path).filter(|path| !path.contains('{')).collect();
    fixed.sort_unstable();
    fixed.dedup();
    let beside_ids: Vec<_> = fixed
        .iter()
        .filter(|path| ROUTES.iter().any(|route| route.path.contains('{') && is_of(route.path, path)))
        .collect();
    let expected = ["/v1/clients/verify", "/v1/users/ban", "/v1/users/count", "/v1/users/unban"];
    assert_eq!(beside_ids, expected.each_ref());
    for path in fixed {
        let mut methods: Vec<&str> =
            ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect();
        // What is documented and not built has an answer of its own.
        let documented = PUBLISHED.iter().filter(|other| path.strip_prefix("/v1") == Some(other.path));
        methods.extend(documented.map(|other| other.method));
        methods.sort_unstable();
        methods.dedup();
        for method in METHODS {
            let has_method = methods.contains(&method) || method == "HEAD" && methods.contains(&"GET");
            if has_method {
                continue;
            }
            let request = get(path, "Connection: close\r\n").replacen("GET", method, 1);
            let answer = ask(address, &request).await;
            let expected = methods.join(", ");
            assert_eq!(status_and(&answer, "allow"), (405, Some(expected.as_str())), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_without_a_key_have_their_own_methods_too() {
    let (address, _stop) = listen(ListenLimits::default()).await;
    for path in ["/", "/health/live", "/health/ready", "/openapi.json", "/reference", "/inbox", "/inbox/list"]
    {
        for method in METHODS {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = ask(address, &request).await;
            let (status, allow) = status_and(&answer, "allow");
            if matches!(method, "GET" | "HEAD") {
                assert!(matches!(status, 200 | 303), "{method} {path}: {status}");
            } else {
                assert_eq!((status, allow), (405, Some("GET, HEAD")), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let (address, _stop) = listen(ListenLimits::default()).await;
    for (path, status) in [
        ("/v1/users/count", 200),
        ("/v1/users", 200),
        ("/v1/users/user_nobody", 404),
        ("/v1/organizations", 403),
        ("/verger/v1/audit_log", 200),
        ("/openapi.json", 200),
    ] {
        let request = get(path, "Connection: close\r\n");
        let get = status_and(&ask(address, &request).await, "content-type").0;
        let answer = ask(address, &request.replacen("GET", "HEAD", 1)).await;
        assert_eq!((get, status_and(&answer, "").0), (status, status), "{path}");
        assert!(answer.ends_with("\r\n\r\n"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped_and_makes_room() {
    const REQUESTS: usize = 400;
    let limits = ListenLimits { connections_max: 1, write_timeout_ms: 200, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get("/openapi.json", "Connection: close\r\n").as_bytes()).await.unwrap();
    let one = rest(&mut stream).await.len();
    drop(stream);

    // More than the buffers on both sides take.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    assert!(one * REQUESTS > 16 << 20, "{one} bytes an answer");
    deaf.write_all(get("/openapi.json", "").repeat(REQUESTS).as_bytes()).await.unwrap();
    // The only place becomes free.
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(get("/v1/users", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut next).await.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(rest(&mut deaf).await.len() < one * REQUESTS, "it was cut off");

    // Who reads gets all of it, however long it takes.
    let mut patient = TcpStream::connect(address).await.unwrap();
    let requests = get("/openapi.json", "").repeat(19) + &get("/openapi.json", "Connection: close\r\n");
    patient.write_all(requests.as_bytes()).await.unwrap();
    let answers = rest(&mut patient).await;
    assert!(answers.len() >= 19 * one && answers.len() < 21 * one, "{} of {one}", answers.len());
}

#[tokio::test]
async fn a_connection_may_rest_for_longer_than_a_head_may_take() {
    let limits =
        ListenLimits { header_timeout_ms: 150, keep_alive_timeout_ms: 60_000, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(get("/health/live", "").as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut more = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut more)).await.expect("the rest");
        assert!(read.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

#[tokio::test]
async fn a_connection_without_a_first_head_ends_long_before_one_that_rests() {
    let limits =
        ListenLimits { header_timeout_ms: 200, keep_alive_timeout_ms: 600_000, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    for begun in ["", "\r\n", "GET /health/live HTT"] {
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut silent).await, b"", "{begun:?}");
    }
}

#[tokio::test]
async fn a_connection_that_rests_for_too_long_is_ended() {
    let limits =
        ListenLimits { header_timeout_ms: 60_000, keep_alive_timeout_ms: 200, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut served = TcpStream::connect(address).await.unwrap();
    served.write_all(get("/health/live", "").as_bytes()).await.unwrap();
    assert!(rest(&mut served).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_ends_the_connection() {
    let limits =
        ListenLimits { header_timeout_ms: 300, keep_alive_timeout_ms: 60_000, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dripping = async {
        // It goes on for longer than anybody waits, unless the connection ends.
        loop {
            if writing.write_all(b"GET /health/live HTTP/1.1\r\nX: ").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut bytes = Vec::new();
    tokio::select! {
        () = dripping => {}
        read = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut bytes)) => {
            let _broken = read.expect("it ends");
        }
    }
    assert!(!bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_head() {
    let limits =
        ListenLimits { header_timeout_ms: 150, keep_alive_timeout_ms: 150, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/users HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer {DEVELOPMENT_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for byte in [b"{", b"}"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        stream.write_all(byte).await.unwrap();
    }
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
    assert!(!answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

/// Done, except for the last byte of its body.
fn nearly(address: &str) -> String {
    let body = format!(r#"{{"email_address":["{address}"]}}"#);
    let head =
        get("/v1/users", &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    let request = head.replacen("GET", "POST", 1) + &body;
    request[..request.len() - 1].to_owned()
}

/// A connection from this address.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether the other side ends a connection from which nothing is read, within a moment.
async fn is_ended(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(
        tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await,
        Ok(Ok(0) | Err(_))
    )
}

#[tokio::test]
async fn idle_connections_make_room_for_one_that_brings_a_request_the_oldest_first() {
    let limits = ListenLimits { connections_max: 4, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let connect = || async { TcpStream::connect(address).await.unwrap() };
    let mut working = connect().await;
    working.write_all(nearly("a@example.com").as_bytes()).await.unwrap();
    let mut silent = connect().await;
    let mut half = connect().await;
    half.write_all(b"GET /health/live HTT").await.unwrap();
    let mut resting = connect().await;
    resting.write_all(get("/health/live", "").as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    assert!(resting.read(&mut answer).await.unwrap() > 0);
    // All places are taken, and whoever comes is served.
    for ended in [&mut silent, &mut half] {
        let mut next = connect().await;
        next.write_all(get("/health/live", "").as_bytes()).await.unwrap();
        let read = tokio::time::timeout(PATIENCE, next.read(&mut answer)).await.expect("an answer");
        assert!(answer[..read.unwrap()].starts_with(b"HTTP/1.1 200"));
        assert!(is_ended(ended).await);
        std::mem::forget(next);
    }
    assert!(!is_ended(&mut resting).await, "it has been idle for less long");
    working.write_all(b"}").await.unwrap();
    let read = tokio::time::timeout(PATIENCE, working.read(&mut answer)).await.expect("an answer");
    assert!(answer[..read.unwrap()].starts_with(b"HTTP/1.1 200"), "what is at work is left alone");
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_and_others_are_served() {
    let limits = ListenLimits { connections_per_address: 2, ..ListenLimits::default() };
    let (address, _stop) = listen(limits.clone()).await;
    let from = |last: u8| connect_from([127, 0, 0, last], address);
    // Idle ones of the same address make room.
    let mut silent = from(2).await;
    let mut working = Vec::new();
    for n in 0..2 {
        let mut stream = from(2).await;
        stream.write_all(nearly(&format!("{n}@example.com")).as_bytes()).await.unwrap();
        working.push(stream);
        // Nothing tells when the server has read it.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_ended(&mut silent).await);
    // All of it is at work: one more is closed, and those of others are served.
    let mut more = from(2).await;
    more.write_all(get("/health/live", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert_eq!(rest(&mut more).await, b"");
    let mut other = from(3).await;
    other.write_all(get("/health/live", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut other).await.starts_with(b"HTTP/1.1 200"));
    for stream in &mut working {
        stream.write_all(b"}").await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    // 0 is no limit, and a proxy speaks for many.
    for limits in [
        ListenLimits { connections_per_address: 0, ..limits.clone() },
        ListenLimits { trusted_proxies: "127.0.0.2".parse().unwrap(), ..limits },
    ] {
        let (address, _stop) = listen(limits).await;
        let mut working = Vec::new();
        for n in 0..5 {
            let mut stream = connect_from([127, 0, 0, 2], address).await;
            stream.write_all(nearly(&format!("{n}@example.com")).as_bytes()).await.unwrap();
            working.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        for mut stream in working {
            stream.write_all(b"}").await.unwrap();
            let mut answer = [0; 12];
            tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer").unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_a_byte_now_and_then_is_dropped_too() {
    const REQUESTS: usize = 400;
    let limits = ListenLimits { write_timeout_ms: 200, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(address).await.unwrap();
    slow.write_all(get("/openapi.json", "").repeat(REQUESTS).as_bytes()).await.unwrap();
    let reading = async {
        // Enough that the other side can write a little every time.
        let mut some = [0; 512];
        let mut bytes = 0;
        while let Ok(read @ 1..) = slow.read(&mut some).await {
            bytes += read;
            tokio::time::sleep(Duration::from_millis(20)).await;
            // What is left in buffers when it ends can be read.
            if bytes > 4 << 20 {
                break;
            }
        }
        bytes
    };
    let bytes = tokio::time::timeout(PATIENCE, reading).await.expect("it is cut off");
    assert!(bytes < 4 << 20, "{bytes}");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_says_so_while_it_still_serves() {
    let limits = ListenLimits { shutdown_delay_ms: 1_500, ..ListenLimits::default() };
    let (address, stop) = listen(limits).await;
    let health = |path: &'static str| async move { ask(address, &get(path, "Connection: close\r\n")).await };
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(get("/v1/users", "").as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = kept.read(&mut answer).await.unwrap();
    let first = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(first.starts_with("HTTP/1.1 200") && !first.contains("connection: close"), "{first}");
    assert!(health("/health/ready").await.starts_with("HTTP/1.1 200"));

    stop.send(()).unwrap();
    let ready = loop {
        let ready = health("/health/ready").await;
        if !ready.starts_with("HTTP/1.1 200") {
            break ready;
        }
    };
    assert_eq!(status_and(&ready, "retry-after"), (503, Some("1")));
    assert!(ready.contains("closing"), "{ready}");
    assert!(health("/health/live").await.starts_with("HTTP/1.1 200"));
    // New connections and old ones are served, each for one request more.
    for mut stream in [TcpStream::connect(address).await.unwrap(), kept] {
        stream.write_all(get("/v1/users", "").as_bytes()).await.unwrap();
        let answer = String::from_utf8(rest(&mut stream).await).unwrap();
        assert_eq!(status_and(&answer, "connection"), (200, Some("close")));
    }
    // And then nobody listens.
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("it closes");
}

#[tokio::test]
async fn connections_without_a_request_do_not_hold_up_a_stop() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let limits =
        ListenLimits { header_timeout_ms: 60_000, shutdown_timeout_ms: 60_000, ..ListenLimits::default() };
    let serving = tokio::spawn(serve(Arc::clone(&app.app), listener, limits, async {
        let _ = stopped.await;
    }));
    let mut streams = Vec::new();
    for begun in ["", "GET /health/live HTTP/1.1\r\nHos", &get("/health/live", "")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut answer = [0; 12];
    streams[2].read_exact(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), serving).await.expect("it ends soon").unwrap();
}
