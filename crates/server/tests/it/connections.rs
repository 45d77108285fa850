//! Connections that a listener ends: requests with a head that is too long or never ends, and clients that do not read
//! or rest for too long.

use crate::support::{DEVELOPMENT_KEY, TestApp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
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

#[tokio::test]
async fn a_head_that_is_longer_than_the_limit_is_refused() {
    let (address, _stop) = listen(ListenLimits::default()).await;
    for (bytes, is_read) in [(60 * 1024, true), (256 * 1024, false), (1024 * 1024, false)] {
        for request in [
            get("/v1/users", &format!("Connection: close\r\nX-Long: {}\r\n", "x".repeat(bytes))),
            get(&format!("/v1/users?_x={}", "x".repeat(bytes)), "Connection: close\r\n"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The server may end the connection before it has all of it.
            let (mut reading, mut writing) = stream.split();
            let mut answer = [0; 12];
            let (_, read) = tokio::join!(
                writing.write_all(request.as_bytes()),
                tokio::time::timeout(PATIENCE, reading.read_exact(&mut answer))
            );
            read.expect("an answer").unwrap();
            let line = String::from_utf8_lossy(&answer).into_owned();
            assert_eq!(line, if is_read { "HTTP/1.1 200" } else { "HTTP/1.1 431" }, "{bytes}");
        }
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
        // Before the first request, and between two.
        tokio::time::sleep(Duration::from_millis(400)).await;
        stream.write_all(get("/health/live", "").as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut more = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut more)).await.expect("the rest");
        assert!(read.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_connection_that_rests_for_too_long_is_ended() {
    let limits =
        ListenLimits { header_timeout_ms: 100, keep_alive_timeout_ms: 200, ..ListenLimits::default() };
    let (address, _stop) = listen(limits).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(rest(&mut silent).await, b"");
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
