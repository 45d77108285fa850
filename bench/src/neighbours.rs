//! The cost of one tenant's searches to another: twelve callers search a large instance all the time, and one caller of a
//! small instance reads one user, with and without them in turns.

use crate::{LISTEN, ROUNDS, Sample, exchange, measure, seed, start};
use anyhow::{Context as _, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use verger_core::user::NewUser;
use verger_core::{Claims, Env, User};
use verger_store::{Change, Environment, Instance, KeyDigest, SecretKey, Store, Write};
use verger_wire::UnixMillis;

const SEARCHERS: usize = 12;
const NEIGHBOUR: &str = "sk_test_benchneighbour0";
const NEIGHBOURS_USERS: usize = 1_000;
const LOOK_FOR: Duration = Duration::from_secs(5);

pub(crate) async fn run(users: usize) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let path = folder.path().join("verger.db");
    let ids = seed(&path, users).await?;
    add_neighbour(&path).await?;
    let mut server = start(folder.path(), &ids.1[0]).await?;
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let searches = Arc::new(AtomicU64::new(0));
    let mut searched = Duration::ZERO;
    for _ in 0..ROUNDS {
        quiet.push(one_user().await?);
        let stop = Arc::new(AtomicBool::new(false));
        let searching: Vec<_> =
            (0..SEARCHERS).map(|_| tokio::spawn(search(Arc::clone(&stop), Arc::clone(&searches)))).collect();
        let started = Instant::now();
        // Until all of them are searching.
        tokio::time::sleep(Duration::from_secs(2)).await;
        busy.push(one_user().await?);
        searched += started.elapsed();
        stop.store(true, Ordering::Relaxed);
        for searcher in searching {
            searcher.await??;
        }
    }
    server.kill().await?;
    let each: Vec<_> = quiet.iter().zip(&busy).map(|(quiet, busy)| (quiet.p99_us, busy.p99_us)).collect();
    let (quiet, busy) = (median(quiet), median(busy));
    println!("{users} users, {SEARCHERS} callers search; GET /v1/users?limit=1 of another instance");
    println!("{:<8} {:>9} {:>9} {:>9}", "", "per s", "p50 µs", "p99 µs");
    for (what, sample) in [("quiet", &quiet), ("searches", &busy)] {
        println!("{what:<8} {:>9.0} {:>9} {:>9}", sample.per_second, sample.p50_us, sample.p99_us);
    }
    println!("p99: {:.2} × quiet; of each round {each:?}", busy.p99_us as f64 / quiet.p99_us.max(1) as f64);
    let searches = searches.load(Ordering::Relaxed) as f64;
    println!("searches: {:.1} a second", searches / searched.as_secs_f64());
    Ok(())
}

fn median(mut samples: Vec<Sample>) -> Sample {
    samples.sort_by_key(|sample| sample.p99_us);
    samples.swap_remove(samples.len() / 2)
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn one_user() -> Result<Sample> {
    measure(1, |_| async {
        let request = get("limit=1", NEIGHBOUR);
        let mut stream = BufReader::new(TcpStream::connect(LISTEN).await?);
        stream.get_ref().set_nodelay(true)?;
        let (mut taken, end) = (Vec::new(), Instant::now() + LOOK_FOR);
        while Instant::now() < end {
            let started = Instant::now();
            exchange(&mut stream, &request).await?;
            taken.push(started.elapsed());
            // A single caller, not a load.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(taken)
    })
    .await
}

/// Searches for text that no user has, which reads all users. A search that timed out does not count.
async fn search(stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Result<()> {
    let request = get("query=nobody-has-this", crate::SECRET);
    while !stop.load(Ordering::Relaxed) {
        let mut stream = BufReader::new(TcpStream::connect(LISTEN).await?);
        while !stop.load(Ordering::Relaxed) {
            if exchange(&mut stream, &request).await.is_err() {
                break;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn get(query: &str, secret: &str) -> String {
    format!("GET /v1/users?{query} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {secret}\r\n\r\n")
}

async fn add_neighbour(path: &std::path::Path) -> Result<()> {
    let store = Store::open(path)?;
    let now = UnixMillis(1_790_000_000_000);
    let mut env = Env::new(now, Box::new(StdRng::seed_from_u64(99)));
    let instance = env.instance_id();
    let row = Instance {
        id: instance.clone(),
        name: "neighbour".to_owned(),
        environment: Environment::Development,
        created_at: now,
    };
    store.create_instance(&row, far()).await?;
    let key = SecretKey {
        id: env.key_id(),
        instance_id: instance.clone(),
        name: "neighbour".to_owned(),
        hint: String::new(),
        created_at: now,
        revoked_at: None,
    };
    store.create_key(&key, &KeyDigest::of(NEIGHBOUR), far()).await?;
    let changes = (0..NEIGHBOURS_USERS).map(|_| {
        let new = NewUser { skip_user_requirement: true, ..NewUser::default() };
        let change = User::create(new, &Claims::default(), &mut env).ok().context("a user")?;
        Ok(Change { before: None, after: Some(change.user) }.into())
    });
    let write = Write { changes: changes.collect::<Result<_>>()?, ..Write::at(now) };
    store.instance(&instance).save(&write, far()).await?;
    store.close();
    Ok(())
}
