//! Connections are used again, and one that the service has ended meanwhile is no failure.

use crate::support::{KEY, PHONE_NUMBER};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
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
async fn a_connection_that_the_service_ended_while_it_rested_is_replaced() {
    let service = Service::start(2, Duration::ZERO).await;
    let client = service.client();
    for calls in 1..=6_usize {
        update(&client).await;
        // The end of the connection arrives.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(service.counts(), (calls.div_ceil(2), calls));
    }
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
