//! `cargo xtask bench --webhooks`: the cost of an endpoint to writes, and of an endpoint that hangs to others; in turns,
//! in one run. The receivers are in this process, on the loopback address.

use crate::{LISTEN, SECRET, Sample, exchange, http, median, seed, start, summarize};
use anyhow::{Context as _, Result, ensure};
use axum::extract::{Path as InPath, State};
use axum::http::StatusCode;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::net::TcpStream;

const RECEIVER: &str = "127.0.0.1:4196";
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 64;
const USERS: usize = 1_000;
const ENDPOINTS: usize = 100;
/// Changes of one measurement of delays, and the time from one to the next.
const CHANGES: usize = 60;
const CHANGE_EVERY: Duration = Duration::from_millis(200);
/// Time limit for deliveries to arrive, and for the server to become idle.
const PATIENCE: Duration = Duration::from_secs(60);
const CONFIG: &str = "[webhooks]\nallow_networks = [\"127.0.0.0/8\"]\nallow_plain_http = true\n";

/// The deliveries that the receivers got.
#[derive(Default)]
struct Taken {
    count: AtomicU64,
    /// Whether the last endpoint accepts requests without answering.
    hangs: AtomicBool,
    /// Endpoint, phone number and time of each delivery.
    came: Mutex<Vec<(usize, String, Instant)>>,
}

pub(crate) async fn run() -> Result<()> {
    let taken = Arc::new(Taken::default());
    let router = axum::Router::new().route("/{endpoint}", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind(RECEIVER).await?;
    let receiver = tokio::spawn(axum::serve(listener, router.with_state(Arc::clone(&taken))).into_future());
    cost_of_an_endpoint(&taken).await?;
    cost_of_one_that_hangs(&taken).await?;
    receiver.abort();
    Ok(())
}

async fn take(State(taken): State<Arc<Taken>>, InPath(endpoint): InPath<usize>, body: String) -> StatusCode {
    let now = Instant::now();
    taken.count.fetch_add(1, Ordering::Relaxed);
    if endpoint + 1 == ENDPOINTS {
        // The receiver stops hanging with the measurement, so that it can be reused.
        while taken.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    if let Some(id) = body.split("\"idn_").nth(1).and_then(|rest| rest.split('"').next()) {
        let mut came = taken.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push((endpoint, format!("idn_{id}"), now));
    }
    StatusCode::OK
}

/// PATCH at 64 connections with one endpoint that receives everything, and without.
async fn cost_of_an_endpoint(taken: &Taken) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let ids = Arc::new(seed(&folder.path().join("verger.db"), USERS).await?);
    std::fs::write(folder.path().join("verger.toml"), CONFIG)?;
    let mut server = start(folder.path(), &ids.1[0]).await?;
    let endpoint = subscribe(0, "[]").await?;
    let [mut without, mut with]: [Vec<Sample>; 2] = Default::default();
    let mut delivered = Vec::new();
    for round in 0..ROUNDS {
        // The order alternates between rounds.
        for is_told in [round % 2 == 0, round % 2 != 0] {
            become_quiet().await?;
            enable(&endpoint, is_told).await?;
            let (before, started) = (taken.count.load(Ordering::Relaxed), Instant::now());
            let sample = http(LISTEN, CONNECTIONS, &ids, true).await?;
            let came = taken.count.load(Ordering::Relaxed) - before;
            if is_told {
                delivered.push(came as f64 / started.elapsed().as_secs_f64());
                with.push(sample);
            } else {
                ensure!(came == 0, "an endpoint that is disabled was told");
                without.push(sample);
            }
            // Queued deliveries would be sent during the next measurement: they are dropped.
            enable(&endpoint, false).await?;
        }
    }
    server.kill().await?;
    let (without, with) = (median(without), median(with));
    delivered.sort_by(f64::total_cmp);
    println!("\n{:<40} {:>10} {:>9} {:>9}", "64 connections", "per s", "p50 µs", "p99 µs");
    for (what, sample) in [("PATCH, nobody subscribed", &without), ("PATCH, one endpoint", &with)] {
        println!("{what:<40} {:>10.0} {:>9} {:>9}", sample.per_second, sample.p50_us, sample.p99_us);
    }
    println!("webhooks that arrived meanwhile: {:.0} per s", delivered[delivered.len() / 2]);
    println!("with ÷ without: {:.2} (aim: at least 0.80)", with.per_second / without.per_second);
    Ok(())
}

/// The delay from the answer to a PATCH to each of 99 endpoints, while the hundredth answers and while it hangs.
async fn cost_of_one_that_hangs(taken: &Arc<Taken>) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let ids = seed(&folder.path().join("verger.db"), USERS).await?.1;
    std::fs::write(folder.path().join("verger.toml"), CONFIG)?;
    let mut server = start(folder.path(), &ids[0]).await?;
    let mut last = String::new();
    for endpoint in 0..ENDPOINTS {
        last = subscribe(endpoint, r#"["phone_number.updated"]"#).await?;
    }
    let mut unused = ids.into_iter();
    let [mut good, mut hanging]: [Vec<Sample>; 2] = Default::default();
    for round in 0..ROUNDS {
        for hangs in [round % 2 != 0, round % 2 == 0] {
            let sample = delays(taken, unused.by_ref().take(CHANGES).collect(), hangs).await?;
            if hangs {
                hanging.push(sample)
            } else {
                good.push(sample)
            }
            // Its queued deliveries are dropped.
            enable(&last, false).await?;
            become_quiet().await?;
            enable(&last, true).await?;
        }
    }
    server.kill().await?;
    let p99_of = |mut samples: Vec<Sample>| {
        samples.sort_by_key(|sample| sample.p99_us);
        samples.swap_remove(samples.len() / 2)
    };
    let (good, hanging) = (p99_of(good), p99_of(hanging));
    println!("\n{:<40} {:>10} {:>10}", "delay to 99 endpoints", "p50 µs", "p99 µs");
    for (what, sample) in [("the hundredth answers", &good), ("the hundredth hangs", &hanging)] {
        println!("{what:<40} {:>10} {:>10}", sample.p50_us, sample.p99_us);
    }
    println!("p99, hangs ÷ answers: {:.2} (aim: at most 1.25)", hanging.p99_us as f64 / good.p99_us as f64);
    Ok(())
}

async fn delays(taken: &Taken, ids: Vec<String>, hangs: bool) -> Result<Sample> {
    ensure!(ids.len() == CHANGES, "there are too few users");
    taken.hangs.store(hangs, Ordering::Relaxed);
    let clear = || std::mem::take(&mut *taken.came.lock().unwrap_or_else(PoisonError::into_inner));
    clear();
    let mut answered = HashMap::new();
    let mut stream = BufReader::new(TcpStream::connect(LISTEN).await?);
    stream.get_ref().set_nodelay(true)?;
    let started = Instant::now();
    let mut tick = tokio::time::interval(CHANGE_EVERY);
    for id in &ids {
        tick.tick().await;
        let request = request("PATCH", &format!("/v1/phone_numbers/{id}"), r#"{"verified":false}"#);
        exchange(&mut stream, &request).await?;
        answered.insert(id.clone(), Instant::now());
    }
    let expected = CHANGES * (ENDPOINTS - 1);
    let is_whole = || {
        let came = taken.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.iter().filter(|(endpoint, ..)| endpoint + 1 < ENDPOINTS).count() >= expected
    };
    let end = Instant::now() + PATIENCE;
    while !is_whole() {
        ensure!(Instant::now() < end, "not all webhooks arrived");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let elapsed = started.elapsed();
    taken.hangs.store(false, Ordering::Relaxed);
    let delays: Vec<_> = clear()
        .into_iter()
        .filter(|(endpoint, ..)| endpoint + 1 < ENDPOINTS)
        .filter_map(|(_, id, at)| Some(at.saturating_duration_since(*answered.get(&id)?)))
        .collect();
    ensure!(delays.len() == expected, "{} webhooks where {expected} were expected", delays.len());
    Ok(summarize(delays, elapsed))
}

fn request(method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn ask(method: &str, path: &str, body: &str) -> Result<Value> {
    let mut stream = BufReader::new(TcpStream::connect(LISTEN).await?);
    Ok(serde_json::from_slice(&exchange(&mut stream, &request(method, path, body)).await?)?)
}

/// Adds an endpoint and returns its path.
async fn subscribe(endpoint: usize, events: &str) -> Result<String> {
    let body = format!(r#"{{"url":"http://{RECEIVER}/{endpoint}","events":{events}}}"#);
    let made = ask("POST", "/verger/v1/webhook_endpoints", &body).await?;
    Ok(format!("/verger/v1/webhook_endpoints/{}", made["id"].as_str().context("an id")?))
}

async fn enable(path: &str, is_told: bool) -> Result<()> {
    ask("PATCH", path, &format!(r#"{{"disabled":{}}}"#, !is_told)).await.map(drop)
}

/// Waits until every event has its sequence number and nothing has happened for a while.
async fn become_quiet() -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let (mut last, mut since) = (Value::Null, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        ensure!(Instant::now() < end, "the server does not become quiet");
        let log = ask("GET", "/verger/v1/audit_log?limit=1", "").await?;
        let newest = log["data"][0]["sequence_number"].clone();
        if newest != last {
            (last, since) = (newest, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
