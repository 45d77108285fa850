//! `cargo xtask bench [USERS …]`: the real binary under load, compared with its parts, in turns, in one run.
//!
//! The machine is noisy, so every round measures everything once, and the table quotes medians and ratios only of what
//! was measured in the same run. Traffic goes to the loopback address; every loop ends by itself.
// Each comparison is one future, which holds those of everything that it awaits.
#![recursion_limit = "256"]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line for developers")]

mod compare;
mod neighbours;
mod sdk;
mod sign_in;
mod webhooks;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewUser};
use verger_core::{Claims, E164, Env, Identifier, User};
use verger_store::{Change, Environment, Instance, KeyDigest, SecretKey, Store, Write};
use verger_wire::{IdentificationId, InstanceId, UnixMillis};

const SECRET: &str = "sk_test_benchbenchbench";
/// The `code_keys` of the server under test: 32 bytes in base64.
const CODE_KEYS: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const ROUNDS: usize = 3;
const MEASURE: Duration = Duration::from_secs(2);
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const LISTEN: &str = "127.0.0.1:4190";
const BARE: &str = "127.0.0.1:4191";

/// The result of one measurement.
#[derive(Clone, Debug, Default)]
struct Sample {
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "bare") {
        return bare().await;
    }
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--sdk", folder] => return sdk::run(folder.as_ref()),
        ["sdk-client", in_flight, seconds] => return sdk::client(in_flight.parse()?, seconds.parse()?).await,
        _ => {}
    }
    if args.first().is_some_and(|arg| arg == "--compare") {
        return compare::run().await;
    }
    if let [mode, users @ ..] = args.as_slice()
        && mode == "--neighbours"
    {
        return neighbours::run(users.first().map_or(Ok(300_000), |users| users.parse())?).await;
    }
    if let [mode, scenarios @ ..] = args.as_slice()
        && mode == "--sign-in"
    {
        return sign_in::run(scenarios).await;
    }
    if args.first().is_some_and(|arg| arg == "--webhooks") {
        return webhooks::run().await;
    }
    if let [mode, method, connections, seconds] = args.as_slice()
        && mode == "load"
    {
        return load(method, connections.parse()?, seconds.parse()?).await;
    }
    if args.first().is_some_and(|arg| arg == "codes") {
        return codes().await;
    }
    let sizes: Vec<usize> = if args.is_empty() {
        vec![1_000]
    } else {
        args.iter().map(|arg| arg.parse()).collect::<Result<_, _>>()?
    };
    for users in sizes {
        run(users).await?;
    }
    Ok(())
}

/// The lower bound: a bare axum route that answers a constant body of the size of a phone number.
async fn bare() -> Result<()> {
    let body = "x".repeat(380);
    let router = axum::Router::new().fallback(move || {
        let body = body.clone();
        async move { ([("content-type", "application/json")], body) }
    });
    axum::serve(tokio::net::TcpListener::bind(BARE).await?, router).await?;
    Ok(())
}

/// One kind of request for a while, for profiling the server.
async fn load(what: &str, connections: usize, seconds: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let ids = Arc::new(seed(&folder.path().join("verger.db"), 1_000).await?);
    let mut server = start(folder.path(), &ids.1[0]).await?;
    let mut floor =
        tokio::process::Command::new(std::env::current_exe()?).arg("bare").kill_on_drop(true).spawn()?;
    eprintln!("the server is process {}", server.id().context("a process")?);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let sample = match what {
            "bare" => http(BARE, connections, &ids, false).await?,
            _ => http(LISTEN, connections, &ids, what == "patch").await?,
        };
        println!("{:.0} per s, p50 {} µs, p99 {} µs", sample.per_second, sample.p50_us, sample.p99_us);
    }
    server.kill().await?;
    floor.kill().await?;
    Ok(())
}

/// Starts the server on a data directory and waits until it shows a phone number.
async fn start(folder: &Path, id: &str) -> Result<tokio::process::Child> {
    start_with(folder, &format!("/v1/phone_numbers/{id}")).await
}

/// Starts the server on a data directory and waits for its first answer, which is to this path.
async fn start_with(folder: &Path, path: &str) -> Result<tokio::process::Child> {
    let started = Instant::now();
    let server = tokio::process::Command::new("target/release/verger")
        .env("VERGER_CODE_KEYS", CODE_KEYS)
        .args(["serve", "--listen", LISTEN, "--metrics-listen", "127.0.0.1:4192", "--data"])
        .arg(folder)
        .args(
            folder
                .join("verger.toml")
                .exists()
                .then(|| format!("--config={}", folder.join("verger.toml").display())),
        )
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("target/release/verger")?;
    let get = format!("GET {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\n\r\n");
    loop {
        ensure!(started.elapsed() < Duration::from_secs(20), "the server does not answer");
        if once(LISTEN, &get).await.is_ok() {
            return Ok(server);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sending and attempting codes compared with PATCH, at 64 connections. The sender is `log`; each number gets one code,
/// so that no request has to wait for the pause between two.
async fn codes() -> Result<()> {
    const USERS: usize = 60_000;
    const CONNECTIONS: usize = 64;
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let ids = Arc::new(seed_with(&folder.path().join("verger.db"), USERS, true).await?);
    let config = folder.path().join("verger.toml");
    std::fs::write(
        &config,
        "[sms]\nsender = \"log\"\n[sending]\nallowed_countries = [\"*\"]\nper_recipient = 0\nper_user = 0\nper_country = 0\nper_instance = 0\ndaily_budget = 0\nunverified = \"off\"\n",
    )?;
    let mut server = start(folder.path(), &ids.1[0]).await?;
    let (real, test): (Vec<String>, Vec<String>) = (ids.1.clone(), ids.2.clone());
    let (next_real, next_test) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (real, test) = (Arc::new(real), Arc::new(test));
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for _ in 0..ROUNDS {
        samples[0].push(http(LISTEN, CONNECTIONS, &ids, true).await?);
        let prepare = |id: &str| post(id, "prepare_verification", "{}");
        let (sample, _) = each_once(CONNECTIONS, &real, &next_real, MEASURE, prepare).await?;
        samples[1].push(sample);
        // Test numbers, whose code is known: prepared first, unmeasured.
        let (_, prepared) = each_once(CONNECTIONS, &test, &next_test, MEASURE, prepare).await?;
        let tries: Vec<String> = prepared
            .iter()
            .map(|(id, body)| {
                let body: serde_json::Value = serde_json::from_slice(body)?;
                Ok(format!("{id} {}", body["id"].as_str().context("a verification")?))
            })
            .collect::<Result<_>>()?;
        let attempt = |both: &str| {
            let (id, verification) = both.split_once(' ').unwrap_or_default();
            let body = format!(r#"{{"verification_id":"{verification}","code":"424242"}}"#);
            post(id, "attempt_verification", &body)
        };
        let next = Arc::new(AtomicU64::new(0));
        let (sample, _) = each_once(CONNECTIONS, &Arc::new(tries), &next, MEASURE, attempt).await?;
        samples[2].push(sample);
    }
    let [patch, prepare, attempt] = samples.map(median);
    println!("\n{:<28} {:>10} {:>9} {:>9}  × PATCH", "64 connections", "per s", "p50 µs", "p99 µs");
    for (what, sample) in
        [("PATCH a phone number", &patch), ("prepare", &prepare), ("attempt, right code", &attempt)]
    {
        println!(
            "{what:<28} {:>10.0} {:>9} {:>9}  {:.2}",
            sample.per_second,
            sample.p50_us,
            sample.p99_us,
            sample.per_second / patch.per_second
        );
    }
    server.kill().await?;
    Ok(())
}

fn post(id: &str, action: &str, body: &str) -> String {
    format!(
        "POST /v1/phone_numbers/{id}/{action} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One request per item, until the time is up or there are no items left; returns the answers too.
async fn each_once(
    connections: usize,
    items: &Arc<Vec<String>>,
    next: &Arc<AtomicU64>,
    time: Duration,
    make: impl Fn(&str) -> String + Copy + Send + Sync + 'static,
) -> Result<(Sample, Vec<(String, Vec<u8>)>)> {
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (items, next) = (Arc::clone(items), Arc::clone(next));
        running.spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(LISTEN).await?);
            stream.get_ref().set_nodelay(true)?;
            let (mut taken, mut answers) = (Vec::new(), Vec::new());
            while started.elapsed() < time {
                let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed))?;
                let Some(item) = items.get(at) else { break };
                let request = make(item);
                let one = Instant::now();
                let body = exchange(&mut stream, &request).await?;
                taken.push(one.elapsed());
                answers.push((item.clone(), body));
            }
            Ok::<_, anyhow::Error>((taken, answers))
        });
    }
    let (mut taken, mut answers) = (Vec::new(), Vec::new());
    while let Some(finished) = running.join_next().await {
        let (times, bodies) = finished??;
        taken.extend(times);
        answers.extend(bodies);
    }
    Ok((summarize(taken, started.elapsed()), answers))
}

async fn run(users: usize) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let path = folder.path().join("verger.db");
    let ids = Arc::new(seed(&path, users).await?);
    println!("\n{users} users, {} MiB on disk", std::fs::metadata(&path)?.len() >> 20);

    let started = Instant::now();
    let mut server = start(folder.path(), &ids.1[0]).await?;
    println!("start to first answer: {} ms", started.elapsed().as_millis());
    let pid = server.id().context("a process")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("memory when idle: {} MiB", resident_mib(pid)?);
    let mut floor =
        tokio::process::Command::new(std::env::current_exe()?).arg("bare").kill_on_drop(true).spawn()?;
    tokio::time::sleep(Duration::from_millis(300)).await;

    // The store alone runs on a copy, so that two processes do not write to one file.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy)?;
    let store = Arc::new(Store::open(&copy)?);

    println!("\n{:>5}  {:<34} {:>10} {:>9} {:>9}  ratio", "conns", "what", "per s", "p50 µs", "p99 µs");
    for connections in CONNECTIONS {
        let mut samples: [Vec<Sample>; 6] = Default::default();
        for _ in 0..ROUNDS {
            samples[0].push(http(LISTEN, connections, &ids, false).await?);
            samples[1].push(http(BARE, connections, &ids, false).await?);
            samples[2].push(http(LISTEN, connections, &ids, true).await?);
            samples[3].push(on_store(&store, connections, &ids, false).await?);
            samples[4].push(on_store(&store, connections, &ids, true).await?);
            samples[5].push(fsync(folder.path())?);
        }
        let [get, bare, patch, grouped, single, sync] = samples.map(median);
        let row = |what: &str, sample: &Sample, ratio: String| {
            println!(
                "{connections:>5}  {what:<34} {:>10.0} {:>9} {:>9}  {ratio}",
                sample.per_second, sample.p50_us, sample.p99_us
            );
        };
        row("GET a phone number", &get, format!("{:.2} × bare axum", get.per_second / bare.per_second));
        row("  bare axum route", &bare, String::new());
        let ratio = format!(
            "{:.2} × store alone, {:.2} × one transaction each",
            patch.per_second / grouped.per_second,
            patch.per_second / single.per_second
        );
        row("PATCH a phone number", &patch, ratio);
        row("  store alone, group commit", &grouped, String::new());
        row("  store, one transaction a request", &single, String::new());
        row("  raw fsync", &sync, String::new());
    }
    println!("memory under load: {} MiB", resident_mib(pid)?);
    server.kill().await?;
    floor.kill().await?;
    store.close();
    Ok(())
}

fn median(mut samples: Vec<Sample>) -> Sample {
    samples.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    samples.swap_remove(samples.len() / 2)
}

/// A store with an instance and its secret key.
async fn new_instance(path: &Path, now: UnixMillis) -> Result<(Store, InstanceId, Env)> {
    let store = Store::open(path)?;
    store.migrate(now, far()).await?;
    let mut env = Env::new(now, Box::new(StdRng::seed_from_u64(7)));
    let instance = env.instance_id();
    let made = Instance {
        id: instance.clone(),
        name: "bench".to_owned(),
        environment: Environment::Development,
        created_at: now,
    };
    store.create_instance(&made, far()).await?;
    let key = SecretKey {
        id: env.key_id(),
        instance_id: instance.clone(),
        name: String::new(),
        hint: String::new(),
        created_at: now,
        revoked_at: None,
    };
    store.create_key(&key, &KeyDigest::of(SECRET), far()).await?;
    Ok((store, instance, env))
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

/// A phone number that nobody else has.
fn number(tail: usize) -> Identifier {
    let text = format!("+4479{tail:08}");
    let (region, line_type) = (Some("GB".to_owned()), Some("mobile".to_owned()));
    Identifier::Phone(E164::from_stored(text.clone(), text, region, line_type, "9".to_owned()))
}

async fn seed(path: &Path, users: usize) -> Result<(InstanceId, Vec<String>, Vec<String>)> {
    seed_with(path, users, false).await
}

/// Users with two numbers each; with `test` the first is an unverified test number, whose ids come last.
async fn seed_with(path: &Path, users: usize, test: bool) -> Result<(InstanceId, Vec<String>, Vec<String>)> {
    let now = UnixMillis(1_790_000_000_000);
    let (store, instance, mut env) = new_instance(path, now).await?;
    let mut ids = Vec::with_capacity(users);
    let mut test_ids = Vec::new();
    let started = Instant::now();
    for first in (0..users).step_by(500) {
        let mut write = Write::at(now);
        for at in first..(first + 500).min(users) {
            env.now = UnixMillis(now.0 + i64::try_from(at)?);
            let new = NewUser {
                identifications: if test {
                    let text = format!("+1{}55501{:02}", 200 + at / 100, at % 100);
                    let number_of_test = E164::parse(&text, verger_core::TestNumbers::Accepted)
                        .map_err(|why| anyhow::anyhow!("{why:?}"))?;
                    vec![
                        (Identifier::Phone(number_of_test), IdentificationStatus::Unverified),
                        (number(2 * at + 1), IdentificationStatus::Verified),
                    ]
                } else {
                    vec![
                        (number(2 * at), IdentificationStatus::Verified),
                        (number(2 * at + 1), IdentificationStatus::Verified),
                    ]
                },
                ..NewUser::default()
            };
            let change = User::create(new, &Claims::default(), &mut env)
                .map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
            ids.push(change.user.identifications[1].id.to_string());
            if test {
                test_ids.push(change.user.identifications[0].id.to_string());
            }
            write.changes.push(Change { before: None, after: Some(change.user) }.into());
        }
        store.instance(&instance).save(&write, far()).await?;
        if first % 50_000 == 0 {
            eprint!("\rmaking users: {first} of {users}, {} s", started.elapsed().as_secs());
            std::io::stderr().flush()?;
        }
    }
    eprintln!();
    store.close();
    Ok((instance, ids, test_ids))
}

/// One request at a time on each connection, for a while.
async fn http(
    address: &'static str,
    connections: usize,
    ids: &Arc<(InstanceId, Vec<String>, Vec<String>)>,
    write: bool,
) -> Result<Sample> {
    measure(connections, |seed| {
        let ids = Arc::clone(ids);
        async move {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut stream = BufReader::new(TcpStream::connect(address).await?);
            stream.get_ref().set_nodelay(true)?;
            let mut taken = Vec::new();
            let end = Instant::now() + MEASURE;
            let mut is_verified = false;
            while Instant::now() < end {
                let id = &ids.1[rng.random_range(0..ids.1.len())];
                is_verified = !is_verified;
                let request = if write {
                    let body = format!(r#"{{"verified":{is_verified}}}"#);
                    format!(
                        "PATCH /v1/phone_numbers/{id} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    )
                } else {
                    format!("GET /v1/phone_numbers/{id} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\n\r\n")
                };
                let started = Instant::now();
                exchange(&mut stream, &request).await?;
                taken.push(started.elapsed());
            }
            Ok(taken)
        }
    })
    .await
}

/// Makes the seed of every measurement different.
static MEASUREMENT: AtomicU64 = AtomicU64::new(1 << 32);

/// The same change without HTTP; `alone` gives each its own transaction.
async fn on_store(
    store: &Arc<Store>,
    tasks: usize,
    ids: &Arc<(InstanceId, Vec<String>, Vec<String>)>,
    alone: bool,
) -> Result<Sample> {
    let one_at_a_time = Arc::new(tokio::sync::Mutex::new(()));
    measure(tasks, |seed| {
        let (store, ids, turn) = (Arc::clone(store), Arc::clone(ids), Arc::clone(&one_at_a_time));
        async move {
            // A different seed in every measurement: ids must not collide in one store.
            let seed = seed + MEASUREMENT.fetch_add(1 << 16, Ordering::Relaxed);
            let mut env = Env::new(UnixMillis(1_790_000_000_000), Box::new(StdRng::seed_from_u64(seed)));
            let mut rng = StdRng::seed_from_u64(seed);
            let mut taken = Vec::new();
            let end = Instant::now() + MEASURE;
            let mut is_verified = false;
            while Instant::now() < end {
                let id = IdentificationId::from(ids.1[rng.random_range(0..ids.1.len())].as_str());
                is_verified = !is_verified;
                env.now = env.now.plus_ms(1);
                let deadline = end + Duration::from_secs(30);
                let started = Instant::now();
                let scoped = store.instance(&ids.0);
                let loaded = scoped.load_for_identification_change(&id, deadline).await?.context("a user")?;
                let update =
                    IdentificationUpdate { verified: Some(is_verified), ..IdentificationUpdate::default() };
                let change = loaded
                    .user
                    .update_identification(&id, update, &loaded.claims, &mut env)
                    .map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
                // As many rows of the outbox as the server writes, of about the same size.
                let kinds: &[&str] =
                    if change.user == loaded.user { &[] } else { &["user.updated", "phone_number.updated"] };
                let events = kinds
                    .iter()
                    .map(|kind| verger_store::OutboxEvent {
                        id: env.event_id(),
                        kind: (*kind).to_owned(),
                        user_id: loaded.user.id.clone(),
                        user_version: change.user.version,
                        created_at: env.now,
                        sealed: None,
                        payload: "x".repeat(if kind.starts_with("user") { 5_000 } else { 1_100 }),
                    })
                    .collect();
                let changes = vec![Change::update(loaded.user, change.user).into()];
                let write = Write { changes, events, ..Write::at(env.now) };
                let _turn = if alone { Some(turn.lock().await) } else { None };
                match scoped.save(&write, deadline).await {
                    Ok(()) => taken.push(started.elapsed()),
                    // Two tasks changed one user; the server would decide again.
                    Err(verger_store::StoreError::Conflict(verger_store::Conflict::Stale)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(taken)
        }
    })
    .await
}

fn fsync(folder: &Path) -> Result<Sample> {
    let mut file = std::fs::File::create(folder.join("fsync"))?;
    let mut taken = Vec::new();
    let started = Instant::now();
    while started.elapsed() < MEASURE / 2 {
        let one = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        taken.push(one.elapsed());
    }
    Ok(summarize(taken, started.elapsed()))
}

async fn measure<F>(tasks: usize, task: impl Fn(u64) -> F) -> Result<Sample>
where
    F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
{
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for seed in 0..tasks {
        running.spawn(task(u64::try_from(seed)?));
    }
    let mut taken = Vec::new();
    while let Some(finished) = running.join_next().await {
        taken.extend(finished??);
    }
    Ok(summarize(taken, started.elapsed()))
}

fn summarize(mut taken: Vec<Duration>, elapsed: Duration) -> Sample {
    taken.sort_unstable();
    let at = |part: f64| {
        let index = (taken.len() as f64 * part) as usize;
        taken
            .get(index.min(taken.len().saturating_sub(1)))
            .map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    };
    Sample { per_second: taken.len() as f64 / elapsed.as_secs_f64(), p50_us: at(0.5), p99_us: at(0.99) }
}

async fn once(address: &str, request: &str) -> Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    exchange(&mut stream, request).await.map(drop)
}

/// Sends a request and reads its answer, which must be a 200.
async fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Result<Vec<u8>> {
    stream.get_mut().write_all(request.as_bytes()).await?;
    let mut line = String::new();
    let mut length = 0;
    let mut is_first = true;
    loop {
        line.clear();
        ensure!(stream.read_line(&mut line).await? > 0, "the connection ended");
        if is_first {
            ensure!(line.starts_with("HTTP/1.1 200"), "{}", line.trim());
            is_first = false;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn resident_mib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib / 1024)
}
