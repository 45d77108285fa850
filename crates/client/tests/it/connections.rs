//! Connections are used again, and one that the service has ended meanwhile is no failure.

use crate::support::{KEY, PHONE_NUMBER};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use verger_client::{Client, RetryPolicy, UpdatePhoneNumberParams};

/// A service that answers so many requests on each connection and then ends it.
struct Service {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Service {
    async fn start(requests_max: usize, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let [connections, requests] = [(); 2].map(|()| Arc::<AtomicUsize>::default());
        let service = Self { url, connections: Arc::clone(&connections), requests: Arc::clone(&requests) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, requests_max, delay, Arc::clone(&requests)));
            }
        });
        service
    }

    fn client(&self) -> Client {
        let once = RetryPolicy::default().max_attempts(1);
        Client::builder().secret_key(KEY).base_url(&*self.url).retry(once).build().unwrap()
    }

    fn counts(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

async fn answer(mut stream: TcpStream, requests_max: usize, delay: Duration, requests: Arc<AtomicUsize>) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    for _ in 0..requests_max {
        while !text.ends_with("\r\n\r\n") && !text.ends_with('}') {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            }
        }
        text.clear();
        requests.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(delay).await;
        // Half of the body comes later.
        let (first, second) = PHONE_NUMBER.split_at(20);
        let length = PHONE_NUMBER.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        stream.write_all(second.as_bytes()).await.unwrap();
    }
}

async fn update(client: &Client) {
    let params = UpdatePhoneNumberParams { verified: Some(false), ..Default::default() };
    // Without the key, so that nothing is sent twice.
    let request = client.phone_numbers().update_phone_number("idn_1", params).without_idempotency_key();
    request.await.unwrap();
}

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other() {
    let service = Service::start(100, Duration::ZERO).await;
    let client = service.client();
    for _ in 0..20 {
        update(&client).await;
    }
    assert_eq!(service.counts(), (1, 20));
}

#[tokio::test]
async fn calls_at_the_same_time_have_a_connection_each_and_leave_them_to_the_next() {
    let service = Service::start(100, Duration::from_millis(100)).await;
    let client = service.client();
    for round in 1..=3 {
        let calls = (0..8).map(|_| update(&client));
        futures_util::future::join_all(calls).await;
        assert_eq!(service.counts(), (8, 8 * round));
    }
}

#[tokio::test]
async fn a_connection_that_the_service_ended_with_its_last_answer_is_replaced() {
    let service = Service::start(2, Duration::ZERO).await;
    let client = service.client();
    for calls in 1..=6_usize {
        update(&client).await;
        // The end of the connection arrives.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(service.counts(), (calls.div_ceil(2), calls));
    }
}

#[expect(clippy::disallowed_methods, reason = "a program that keeps its runtime busy")]
fn block(duration: Duration) {
    std::thread::sleep(duration);
}

/// What becomes of a connection that rests.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is closed in order (FIN).
    Closed,
    /// One direction of it is closed, and the other read on.
    HalfClosed,
    /// It is broken off (RST).
    Reset,
    /// Something is said that nobody asked for, and it is closed.
    Spoken,
    /// As `Closed`, in the middle of what nobody asked for.
    HalfSpoken,
}

/// A service on a thread of its own that answers one request on each connection, waits until the client has read the
/// answer, and then ends the connection. Counts requests, and says when it has ended one.
fn ending_service(end: End) -> (String, Arc<AtomicUsize>, std::sync::mpsc::Receiver<()>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&requests);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut half_closed = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
            while !text.ends_with(b"}") {
                match stream.read(&mut buffer).unwrap() {
                    0 => break,
                    read => text.extend_from_slice(&buffer[..read]),
                }
            }
            seen.fetch_add(1, Ordering::SeqCst);
            let length = PHONE_NUMBER.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{PHONE_NUMBER}");
            stream.write_all(answer.as_bytes()).unwrap();
            block(Duration::from_millis(20));
            match end {
                End::Closed => {}
                End::HalfClosed => {
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    half_closed.push(stream.try_clone().unwrap());
                }
                End::Reset => {
                    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                }
                End::Spoken => {
                    stream.write_all(b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n").unwrap();
                }
                End::HalfSpoken => stream.write_all(b"HTTP/1.1 408 La").unwrap(),
            }
            drop(stream);
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    (url, requests, told)
}

#[test]
fn connection_that_ended_while_it_rested_costs_the_next_call_nothing() {
    use tokio::runtime::Builder;
    for end in [End::Closed, End::HalfClosed, End::Reset, End::Spoken, End::HalfSpoken] {
        for is_multi_thread in [false, true] {
            let (url, requests, ended) = ending_service(end);
            let runtime = match is_multi_thread {
                false => Builder::new_current_thread().enable_all().build().unwrap(),
                true => Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
            };
            let once = RetryPolicy::never();
            let client = Client::builder().secret_key(KEY).base_url(&*url).retry(once).build().unwrap();
            runtime.block_on(async {
                update(&client).await;
                // Seen by the runtime while the connection rests, and not seen by it; at once, and later.
                for (rest_ms, is_blocking) in [(0, true), (50, true), (0, false), (50, false)] {
                    ended.recv_timeout(Duration::from_secs(10)).unwrap();
                    let rest = Duration::from_millis(rest_ms);
                    if is_blocking {
                        block(rest)
                    } else {
                        tokio::time::sleep(rest).await
                    }
                    let started = Instant::now();
                    // Sent once and without a key: nothing is left to chance.
                    update(&client).await;
                    let took = started.elapsed();
                    assert!(took < Duration::from_secs(2), "{end:?} {rest:?} {is_multi_thread}: {took:?}");
                }
            });
            assert_eq!(requests.load(Ordering::SeqCst), 5, "{end:?}: each request came once");
        }
    }
}

#[test]
fn service_that_went_away_while_connections_rested_is_told_as_soon_as_to_a_new_client() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, 100, Duration::from_millis(20), Arc::default()));
                }
            };
            tokio::select! { () = accept => {}, _ = stopped => {} }
        });
        // Its end ends the listener and all connections.
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Client::builder().secret_key(KEY).base_url(&*url);
        let client =
            builder.retry(RetryPolicy::default().base_delay(Duration::from_millis(1))).build().unwrap();
        // Several of them rest.
        futures_util::future::join_all((0..8).map(|_| update(&client))).await;
        drop(stop);
        service.join().unwrap();
        let started = Instant::now();
        let error = client.phone_numbers().get_phone_number("idn_1").await.unwrap_err();
        assert!(error.is_connect(), "nothing was sent: {error}");
        assert_eq!(error.attempts(), 4);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    });
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_connection_with_it() {
    let service = Service::start(100, Duration::from_millis(300)).await;
    let client = service.client();
    for _ in 0..2 {
        let call = tokio::time::timeout(Duration::from_millis(100), update(&client));
        assert!(call.await.is_err());
    }
    update(&client).await;
    // A late answer to an earlier call is never taken for one to a later.
    assert_eq!(service.counts(), (3, 3));
}

#[test]
fn a_client_outlives_the_runtime_of_its_first_call() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    // The service has a thread of its own; it ends with the process.
    std::thread::spawn(move || {
        runtime().block_on(async {
            let service = Service::start(100, Duration::ZERO).await;
            tell.send((service.client(), Arc::clone(&service.connections))).unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
    });
    let (client, connections) = told.recv().unwrap();
    let first = runtime();
    first.block_on(update(&client));
    // While the first one lives nobody drives it.
    runtime().block_on(update(&client));
    first.block_on(update(&client));
    drop(first);
    runtime().block_on(update(&client));
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}
