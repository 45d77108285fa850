//! Many servers on one PostgreSQL, and a PostgreSQL that fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::print_stdout, reason = "what was measured is worth reading")]

#[path = "process/support.rs"]
#[allow(dead_code, reason = "shared with the tests of one process")]
mod support;

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};
use support::{Serving, head, run, until, verger};
use verger_testdb::{Cluster, Stop};

/// How long a request of these servers may take.
const DEADLINE: Duration = Duration::from_millis(2_000);
/// How much later than that an answer may come on a busy machine.
const SLACK: Duration = Duration::from_millis(2_000);

/// A database with one instance and one key.
struct Shop {
    url: String,
    key: String,
    key_id: String,
}

impl Shop {
    fn new(url: String) -> Self {
        let told = |arguments: &[&str]| {
            let mut command = verger(arguments.iter().copied());
            run({
                command.env("VERGER_STORE", &url);
                command
            })
            .ok()
            .trim()
            .to_owned()
        };
        told(&["migrate"]);
        let instance = told(&["instances", "create", "--name", "shop", "--environment", "development"]);
        let key = told(&["keys", "create", "--instance", &instance]);
        let key_id = told(&["keys", "list"]).lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
        Self { url, key, key_id }
    }

    fn serve(&self) -> Serving {
        let timeout = DEADLINE.as_millis().to_string();
        let mut command = verger(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.args(["--request-timeout-ms", &timeout]).env("VERGER_STORE", &self.url);
        Serving::start(command)
    }

    /// `None` if the server went away before it had answered.
    fn call(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<(u16, String, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(DEADLINE + SLACK + SLACK)).ok()?;
        let request = head(&self.key, method, &format!("/v1{path}"), body.len()) + &body;
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, head.to_owned(), serde_json::from_str(body).ok()?))
    }

    fn user(&self, address: SocketAddr, email: &str) -> String {
        let made = self.call(address, "POST", "/users", &json!({ "email_address": [email] })).unwrap();
        assert_eq!(made.0, 200, "{made:?}");
        made.2["id"].as_str().unwrap().to_owned()
    }
}

/// Waits without sleeping on what could be noticed.
fn pause(time: Duration) {
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// Small and repeatable: no two clients do the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What clients were told.
#[derive(Default)]
struct Told {
    /// Numbers that were created, by their ids, and not deleted afterwards as far as anybody knows.
    numbers: BTreeMap<String, String>,
    /// Numbers that somebody tried to delete.
    maybe_gone: BTreeSet<String>,
    /// Numbers whose deletion was acknowledged.
    gone: BTreeSet<String>,
    /// The last acknowledged step of a client at a user, and the last that was tried.
    steps: BTreeMap<(usize, usize), (u64, u64)>,
    acknowledged: u64,
    unknown: u64,
}

/// Fewer acknowledged writes than this prove little.
const ACKNOWLEDGED_MIN: u64 = 300;
/// How much longer they may take.
const MORE_TIME: Duration = Duration::from_secs(40);

/// How long clients write; `VERGER_SERVERS_SECONDS` asks for another time.
fn writing_time() -> Duration {
    let asked = std::env::var("VERGER_SERVERS_SECONDS").ok();
    Duration::from_secs(asked.map_or(4, |asked| asked.parse().expect("VERGER_SERVERS_SECONDS is a number")))
}

#[test]
fn three_servers_lose_nothing_and_keep_every_rule() {
    write_at_random(false);
}

#[test]
fn three_servers_lose_nothing_and_keep_every_rule_while_some_are_killed() {
    write_at_random(true);
}

const CLIENTS: usize = 64;
const USERS: usize = 8;

/// Clients that write to the same users through three servers.
struct Crowd<'a> {
    shop: &'a Shop,
    users: Vec<String>,
    addresses: Mutex<[SocketAddr; 3]>,
    told: Mutex<Told>,
    is_over: AtomicBool,
}

fn write_at_random(kills: bool) {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let shop = &Shop::new(cluster.url(&database));
    let mut servers = [shop.serve(), shop.serve(), shop.serve()];
    let addresses = servers.each_ref().map(|server| server.address);
    let crowd = Crowd {
        shop,
        users: (0..USERS).map(|at| shop.user(addresses[0], &format!("u{at}@example.com"))).collect(),
        addresses: Mutex::new(addresses),
        told: Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let crowd = &crowd;
            scope.spawn(move || crowd.write(client));
        }
        crowd.wait(&mut servers, kills);
        crowd.is_over.store(true, Ordering::Relaxed);
    });
    crowd.assert_nothing_is_lost();
    assert_rules_hold(cluster, &database);
    let told = crowd.told.into_inner().unwrap();
    println!("{} acknowledged, {} without an answer", told.acknowledged, told.unknown);
}

impl Crowd<'_> {
    /// One client, which writes until all is over.
    fn write(&self, client: usize) {
        let mut dice = Dice(client as u64 + 1);
        let mut steps = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            match self.write_once(client, &mut dice, &mut steps) {
                Some((200, ..)) => self.told.lock().unwrap().acknowledged += 1,
                Some((503, ..)) | None => self.told.lock().unwrap().unknown += 1,
                Some((400 | 403 | 404 | 409 | 422, ..)) => {}
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    /// One write of any kind; `steps` counts the changes of metadata of this client.
    fn write_once(&self, client: usize, dice: &mut Dice, steps: &mut u64) -> Option<(u16, String, Value)> {
        let Self { shop, told, .. } = self;
        let at = dice.roll(USERS as u64) as usize;
        let user = &self.users[at];
        let address = self.addresses.lock().unwrap()[dice.roll(3) as usize];
        let known: Vec<String> = told.lock().unwrap().numbers.keys().cloned().collect();
        let some = (!known.is_empty()).then(|| known[dice.roll(known.len() as u64) as usize].clone());
        match (dice.roll(10), some) {
            (0..4, _) | (_, None) => {
                // So few numbers that clients meet.
                let number = format!("+1415555{:04}", 100 + dice.roll(60));
                let body = json!({ "user_id": user, "phone_number": number, "verified": true });
                let answer = shop.call(address, "POST", "/phone_numbers", &body);
                if let Some((200, _, number)) = &answer {
                    let id = number["id"].as_str().unwrap().to_owned();
                    told.lock().unwrap().numbers.insert(id, user.clone());
                }
                answer
            }
            (4..5, Some(id)) => {
                told.lock().unwrap().maybe_gone.insert(id.clone());
                let path = format!("/phone_numbers/{id}");
                let answer = shop.call(address, "DELETE", &path, &Value::Null);
                if matches!(answer, Some((200, ..))) {
                    let mut told = told.lock().unwrap();
                    told.numbers.remove(&id);
                    told.gone.insert(id);
                }
                answer
            }
            (5..7, Some(id)) => {
                let body = json!({ "verified": dice.roll(2) == 0, "primary": dice.roll(2) == 0 });
                shop.call(address, "PATCH", &format!("/phone_numbers/{id}"), &body)
            }
            _ => {
                *steps += 1;
                told.lock().unwrap().steps.entry((at, client)).or_default().1 = *steps;
                let body = json!({ "private_metadata": { format!("c{client}"): *steps } });
                let answer = shop.call(address, "PATCH", &format!("/users/{user}/metadata"), &body);
                if matches!(answer, Some((200, ..))) {
                    told.lock().unwrap().steps.get_mut(&(at, client)).unwrap().0 = *steps;
                }
                answer
            }
        }
    }

    /// Until enough was written; with `kills`, one server after the other is killed and replaced meanwhile.
    fn wait(&self, servers: &mut [Serving; 3], kills: bool) {
        let end = Instant::now() + writing_time();
        for round in 0.. {
            let left = end.saturating_duration_since(Instant::now());
            pause(left.clamp(Duration::from_millis(50), Duration::from_millis(1_500)));
            // A machine that has other things to do takes longer to write as much.
            let is_enough = self.told.lock().unwrap().acknowledged > ACKNOWLEDGED_MIN;
            if Instant::now() >= if is_enough { end } else { end + MORE_TIME } {
                break;
            }
            if kills {
                // Drop kills with SIGKILL.
                let killed = round % 3;
                drop(std::mem::replace(&mut servers[killed], self.shop.serve()));
                self.addresses.lock().unwrap()[killed] = servers[killed].address;
            }
        }
    }

    /// What was acknowledged is there, on every server, and what was deleted is not.
    fn assert_nothing_is_lost(&self) {
        let told = self.told.lock().unwrap();
        assert!(told.acknowledged > ACKNOWLEDGED_MIN, "only {} writes were acknowledged", told.acknowledged);
        // Every server loads every user, which checks the rules of section 4 on it, and all see the same.
        let addresses = *self.addresses.lock().unwrap();
        let mut held = BTreeMap::new();
        for (at, user) in self.users.iter().enumerate() {
            let seen = addresses.map(|address| {
                let (status, _, user) =
                    self.shop.call(address, "GET", &format!("/users/{user}"), &Value::Null).unwrap();
                assert_eq!(status, 200, "{user}");
                user
            });
            assert!(seen[0] == seen[1] && seen[1] == seen[2]);
            for number in seen[0]["phone_numbers"].as_array().unwrap() {
                held.insert(number["id"].as_str().unwrap().to_owned(), user.clone());
            }
            for ((_, client), (acknowledged, tried)) in told.steps.range((at, 0)..(at + 1, 0)) {
                let there = seen[0]["private_metadata"][format!("c{client}")].as_u64().unwrap_or(0);
                assert!(
                    (*acknowledged..=*tried).contains(&there),
                    "step {there} of {acknowledged} to {tried}"
                );
            }
        }
        for (id, user) in &told.numbers {
            if !told.maybe_gone.contains(id) {
                assert_eq!(held.get(id), Some(user), "{id} was acknowledged");
            }
        }
        assert!(
            !told.gone.is_empty() && told.gone.iter().all(|id| !held.contains_key(id)),
            "a deletion was lost"
        );
    }
}

/// The rules that the tables must keep, whoever wrote them.
fn assert_rules_hold(cluster: &Cluster, database: &str) {
    // Nobody holds what another holds, and what is held is claimed by its holder.
    let sql = |sql: &str| cluster.sql(database, sql);
    let twice = "SELECT count(*) FROM (SELECT identifier FROM identifications WHERE standing LIKE 'verified%' \
                 GROUP BY kind, identifier HAVING count(*) > 1) AS twice";
    assert_eq!(sql(twice), "0");
    let verified = "SELECT count(*) FROM identifications WHERE standing LIKE 'verified%'";
    assert_ne!(sql(verified), "0");
    let unclaimed = "SELECT count(*) FROM identifications i WHERE standing LIKE 'verified%' AND NOT EXISTS (SELECT 1 FROM \
                     claims c WHERE c.kind = i.kind AND c.identifier = i.identifier AND c.user_id = i.user_id AND \
                     c.identification_id = i.id)";
    assert_eq!(sql(unclaimed), "0");
    let ownerless = "SELECT count(*) FROM claims c WHERE NOT EXISTS (SELECT 1 FROM identifications i WHERE i.id = \
                     c.identification_id AND i.user_id = c.user_id)";
    assert_eq!(sql(ownerless), "0");
    // The history of every user is one line without a gap.
    let history = "SELECT user_id, user_version FROM changes WHERE kind = 'user' UNION ALL \
                   SELECT user_id, user_version FROM changes_unread WHERE kind = 'user'";
    let gaps = format!(
        "SELECT count(*) FROM (SELECT u.id FROM users u LEFT JOIN ({history}) AS told ON u.id = told.user_id GROUP BY \
         u.id, u.version HAVING count(told.user_version) <> u.version OR count(DISTINCT told.user_version) <> u.version \
         OR min(told.user_version) <> 1 OR max(told.user_version) <> u.version) AS gaps"
    );
    assert_eq!(sql(&gaps), "0");
    assert!(sql("SELECT sum(version) FROM users").parse::<u64>().unwrap() > 100);
}

#[test]
fn of_three_servers_that_race_for_a_number_exactly_one_user_gets_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let shop = &Shop::new(cluster.url(&database));
    let servers = [shop.serve(), shop.serve(), shop.serve()];
    let users: Vec<_> =
        (0..3).map(|at| shop.user(servers[at].address, &format!("r{at}@example.com"))).collect();
    for round in 0..25 {
        let start = Barrier::new(3);
        let number = format!("+14155550{:03}", 100 + round);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let racing: Vec<_> = servers
                .iter()
                .zip(&users)
                .map(|(server, user)| {
                    let (start, number, address) = (&start, &number, server.address);
                    scope.spawn(move || {
                        let body = json!({ "user_id": user, "phone_number": number, "verified": true });
                        start.wait();
                        shop.call(address, "POST", "/phone_numbers", &body).unwrap().0
                    })
                })
                .collect();
            racing.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let mut sorted = statuses.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 422, 422], "round {round}");
        let winner = &users[statuses.iter().position(|status| *status == 200).unwrap()];
        let holder = format!("SELECT user_id FROM claims WHERE identifier = '{number}'");
        assert_eq!(cluster.sql(&database, &holder), *winner);
    }
}

/// Rounds of 64 equal codes over three servers; `VERGER_FACTOR_ROUNDS` asks for another number of them.
fn factor_rounds() -> usize {
    let asked = std::env::var("VERGER_FACTOR_ROUNDS").ok();
    asked.map_or(2, |rounds| rounds.parse().expect("VERGER_FACTOR_ROUNDS is a number"))
}

/// What an authenticator with this secret shows now.
#[expect(clippy::disallowed_methods, reason = "the servers have the clock of the machine")]
fn totp_code(secret: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let secret = verger_credentials::TotpSecret::parse(secret).unwrap();
    secret.code_at(i64::try_from(now.as_millis()).unwrap())
}

/// How many of 64 requests at once are let in with this code, spread over the servers.
fn let_in(shop: &Shop, servers: &[Serving; 3], user: &str, code: &str) -> usize {
    let (path, body) = (format!("/users/{user}/verify_totp"), json!({ "code": code }));
    let start = Barrier::new(64);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..64)
            .map(|at| {
                let (path, body, start) = (&path, &body, &start);
                scope.spawn(move || {
                    start.wait();
                    let answer = shop.call(servers[at % 3].address, "POST", path, body);
                    answer.expect("an answer").0
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // One that could not get its turn in time was not let in either.
    assert!(statuses.iter().all(|status| matches!(status, 200 | 422 | 429 | 503)), "{statuses:?}");
    statuses.into_iter().filter(|status| *status == 200).count()
}

#[test]
fn of_64_equal_codes_over_three_servers_one_is_let_in() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster.url(&cluster.database()));
    let servers = [shop.serve(), shop.serve(), shop.serve()];
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    for round in 0..factor_rounds() {
        let codes: Vec<_> = (0..3).map(|at| format!("code-{round:05}-{at}")).collect();
        let body = json!({
            "email_address": [format!("round-{round}@example.com")], "totp_secret": secret, "backup_codes": codes,
        });
        let made = shop.call(servers[0].address, "POST", "/users", &body).unwrap();
        assert_eq!(made.0, 200, "{made:?}");
        let user = made.2["id"].as_str().unwrap().to_owned();
        assert_eq!(let_in(&shop, &servers, &user, &totp_code(secret)), 1, "round {round}");
        assert_eq!(let_in(&shop, &servers, &user, &codes[1]), 1, "round {round}");
        let read = shop.call(servers[1].address, "GET", &format!("/users/{user}"), &Value::Null).unwrap();
        assert_eq!(read.2["backup_code_enabled"], true, "the others are left");
    }
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// When a token was asked for, and the status of the answer.
type Minted = Vec<(Instant, u16)>;

/// Asks for tokens of a session at every server, twice at a time, until `end` has ended it and a little longer; gives when it was
/// ended.
fn mint_around(shop: &Shop, servers: &[Serving; 3], session: &str, end: impl FnOnce()) -> (Instant, Minted) {
    let (path, is_over, minted) =
        (format!("/sessions/{session}/tokens"), AtomicBool::new(false), Mutex::new(Minted::new()));
    let ended = std::thread::scope(|scope| {
        for at in 0..6 {
            let (path, is_over, minted) = (&path, &is_over, &minted);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    let answer = shop.call(servers[at % 3].address, "POST", path, &json!({}));
                    minted.lock().unwrap().push((asked, answer.expect("an answer").0));
                }
            });
        }
        // Also when something below fails: the scope waits for its threads.
        let _over = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        let has_some = || (minted.lock().unwrap().len() > 12).then_some(());
        until(Duration::from_secs(30), has_some).expect("tokens before the end");
        end();
        let ended = Instant::now();
        pause(Duration::from_millis(150));
        ended
    });
    (ended, minted.into_inner().unwrap())
}

/// Contract section 8, rule 2: not even at the same moment, and on no server.
#[test]
fn session_that_ended_at_one_server_gives_no_token_at_any_other() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster.url(&cluster.database()));
    let servers = [shop.serve(), shop.serve(), shop.serve()];
    let instance = shop.call(servers[0].address, "GET", "/instance", &Value::Null).unwrap().2;
    let mut host = verger(["instances", "add-host", instance["id"].as_str().unwrap(), "clerk.example.com"]);
    host.env("VERGER_STORE", &shop.url);
    run(host).ok();
    let password = json!({ "password": "another rare one", "sign_out_of_other_sessions": true });
    for (round, (method, path, body)) in [
        ("POST", "/sessions/SESSION/revoke", json!({})),
        ("POST", "/users/USER/ban", json!({})),
        ("POST", "/users/USER/password/set_compromised", json!({ "revoke_all_sessions": true })),
        ("PATCH", "/users/USER", password),
        ("POST", "/users/USER/remove_password", json!({ "sign_out_of_other_sessions": true })),
        ("DELETE", "/users/USER", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let made = json!({ "skip_user_requirement": true, "password": "a rare one of mine" });
        let made = shop.call(servers[0].address, "POST", "/users", &made).unwrap().2;
        let user = made["id"].as_str().unwrap();
        let began =
            shop.call(servers[1].address, "POST", "/sessions", &json!({ "user_id": user })).unwrap().2;
        let session = began["id"].as_str().unwrap();
        let path = path.replace("SESSION", session).replace("USER", user);
        let (ended, minted) = mint_around(&shop, &servers, session, || {
            // A busy machine may say to come again, and a deletion may be done for all that.
            let mut answer = shop.call(servers[round % 3].address, method, &path, &body).unwrap();
            for _ in 0..5 {
                if answer.0 == 503 {
                    answer = shop.call(servers[round % 3].address, method, &path, &body).unwrap();
                }
            }
            assert!(answer.0 == 200 || (method, answer.0) == ("DELETE", 404), "{path}: {answer:?}");
        });
        let expected = if method == "DELETE" { 404 } else { 401 };
        let (before, after): (Minted, Minted) = minted.into_iter().partition(|(asked, _)| *asked < ended);
        assert!(before.iter().any(|(_, status)| *status == 200), "{path}: {before:?}");
        // A busy machine may say to come again.
        assert!(after.iter().all(|(_, status)| [expected, 503].contains(status)), "{path}: {after:?}");
        assert!(after.iter().any(|(_, status)| *status == expected), "{path}: {after:?}");
    }
}

#[test]
fn revoked_key_is_refused_by_every_server_within_five_seconds() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster.url(&cluster.database()));
    let servers = [shop.serve(), shop.serve(), shop.serve()];
    let status = |server: &Serving| shop.call(server.address, "GET", "/users", &Value::Null).unwrap().0;
    for server in &servers {
        assert_eq!(status(server), 200);
    }
    let mut revoke = verger(["keys", "revoke", &shop.key_id]);
    revoke.env("VERGER_STORE", &shop.url);
    run(revoke).ok();
    let revoked = Instant::now();
    for server in &servers {
        // Asked all the time: being used must not keep it alive.
        until(Duration::from_secs(5), || (status(server) == 401).then_some(())).expect("refused in time");
    }
    assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());
    for server in servers.iter().cycle().take(30) {
        assert_eq!(status(server), 401, "and stays refused");
    }
    println!("refused everywhere after {:?}", revoked.elapsed());
}

/// Every answer comes in time, and is a 503 that says when to try again.
fn assert_refuses_in_time(shop: &Shop, address: SocketAddr, requests: &[(&str, String, Value)]) {
    std::thread::scope(|scope| {
        for (method, path, body) in requests {
            for _ in 0..4 {
                scope.spawn(move || {
                    let begun = Instant::now();
                    let answer = shop.call(address, method, path, body);
                    assert!(
                        begun.elapsed() < DEADLINE + SLACK,
                        "{method} {path} after {:?}",
                        begun.elapsed()
                    );
                    let (status, head, body) = answer.unwrap_or_else(|| panic!("{method} {path}: no answer"));
                    assert_eq!(status, 503, "{method} {path}: {body}");
                    assert!(head.contains("retry-after: "), "{head}");
                });
            }
        }
    });
}

fn readiness(address: SocketAddr) -> u16 {
    support::send(address, b"GET /health/ready HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n")
        .unwrap()
        .status
}

#[test]
fn database_that_is_away_slow_hung_or_full_is_answered_in_time_and_recovered_from() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let database = cluster.database();
    let shop = &Shop::new(cluster.url(&database));
    let server = shop.serve();
    let address = server.address;
    let user = shop.user(address, "one@example.com");
    let read = ("GET", format!("/users/{user}"), Value::Null);
    let write = ("PATCH", format!("/users/{user}/metadata"), json!({ "private_metadata": { "a": 1 } }));
    let steps = AtomicU64::new(0);
    let recovers = |what: &str| {
        let begun = Instant::now();
        let step = steps.fetch_add(1, Ordering::Relaxed) + 2;
        let body = json!({ "private_metadata": { "a": step } });
        until(Duration::from_secs(10), || {
            matches!(shop.call(address, write.0, &write.1, &body), Some((200, ..))).then_some(())
        })
        .unwrap_or_else(|| panic!("it does not recover from a database that was {what}"));
        assert_eq!(shop.call(address, "GET", &read.1, &Value::Null).unwrap().0, 200);
        assert_eq!(readiness(address), 200, "{what}");
        println!("recovered from {what} after {:?}", begun.elapsed());
    };
    recovers("well");

    cluster.stop(Stop::Fast);
    assert_refuses_in_time(shop, address, &[read.clone(), write.clone()]);
    assert_eq!(readiness(address), 503);
    cluster.restart();
    recovers("away");

    cluster.freeze(true);
    assert_refuses_in_time(shop, address, &[read.clone(), write.clone()]);
    assert_eq!(readiness(address), 503);
    cluster.freeze(false);
    recovers("hung");

    let fail = |body: &str| {
        cluster.sql(
            &database,
            &format!(
                "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
                 DROP TRIGGER IF EXISTS fail ON changes_unread;
                 CREATE TRIGGER fail BEFORE INSERT ON changes_unread FOR EACH ROW EXECUTE FUNCTION fail()"
            ),
        );
    };
    let heal = || cluster.sql(&database, "DROP TRIGGER fail ON changes_unread");
    fail("PERFORM pg_sleep(20);");
    assert_refuses_in_time(shop, address, std::slice::from_ref(&write));
    assert_eq!(shop.call(address, "GET", &read.1, &Value::Null).unwrap().0, 200, "reads go on");
    heal();
    recovers("slow");

    // What PostgreSQL says when its disk is full; a real one needs a file system of its own.
    fail("RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';");
    assert_refuses_in_time(shop, address, std::slice::from_ref(&write));
    assert_eq!(shop.call(address, "GET", &read.1, &Value::Null).unwrap().0, 200, "reads go on");
    heal();
    recovers("full");
}

/// Rounds of the failover; `VERGER_FAILOVER_ROUNDS` asks for more.
fn failover_rounds() -> usize {
    std::env::var("VERGER_FAILOVER_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

#[test]
fn promoted_standby_has_every_acknowledged_write_once() {
    const WRITERS: usize = 8;
    for round in 0..failover_rounds() {
        let replicating =
            ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on", "hot_standby=on"];
        let Some(mut primary) = Cluster::start(&replicating) else { return };
        let Some(standby) = primary.standby(&replicating) else { return };
        let database = primary.database();
        let url =
            format!("postgres://verger@127.0.0.1:{},127.0.0.1:{}/{database}", primary.port(), standby.port());
        let shop = &Shop::new(url + "?target_session_attrs=read-write");
        let servers = [shop.serve(), shop.serve()];
        let users: Vec<_> =
            (0..WRITERS).map(|at| shop.user(servers[0].address, &format!("f{at}@example.com"))).collect();
        let (is_over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let told: Vec<(i64, i64)> = std::thread::scope(|scope| {
            let writers: Vec<_> = users
                .iter()
                .enumerate()
                .map(|(at, user)| {
                    let (address, is_over, done) = (servers[at % 2].address, &is_over, &done);
                    scope.spawn(move || {
                        let (mut acknowledged, mut unknown) = (0, 0);
                        for step in 0.. {
                            if is_over.load(Ordering::Relaxed) {
                                break;
                            }
                            let body = json!({ "private_metadata": { "step": step } });
                            let begun = Instant::now();
                            let path = format!("/users/{user}/metadata");
                            match shop.call(address, "PATCH", &path, &body).expect("the servers live") {
                                (200, ..) => {
                                    acknowledged += 1;
                                    done.fetch_add(1, Ordering::Relaxed);
                                }
                                (503, ..) => {
                                    unknown += 1;
                                    pause(Duration::from_millis(20));
                                }
                                other => panic!("{other:?}"),
                            }
                            assert!(begun.elapsed() < DEADLINE + SLACK, "{:?}", begun.elapsed());
                        }
                        (acknowledged, unknown)
                    })
                })
                .collect();
            let more = |count: u64, patience| {
                let wanted = done.load(Ordering::Relaxed) + count;
                until(patience, || (done.load(Ordering::Relaxed) >= wanted).then_some(()))
            };
            more(100, Duration::from_secs(20)).expect("writes");
            primary.stop(Stop::Kill);
            pause(Duration::from_millis(300));
            standby.promote();
            let promoted = Instant::now();
            let is_back = more(1, Duration::from_secs(10));
            let took = promoted.elapsed();
            let goes_on = is_back.and_then(|()| more(50, Duration::from_secs(20)));
            is_over.store(true, Ordering::Relaxed);
            let told = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
            assert!(goes_on.is_some(), "round {round}: it does not go on");
            println!("round {round}: first success {took:?} after the promotion");
            told
        });
        for (user, (acknowledged, unknown)) in users.iter().zip(told) {
            let version = format!("SELECT version FROM users WHERE id = '{user}'");
            let changes: i64 = standby.sql(&database, &version).parse::<i64>().unwrap() - 1;
            assert!(
                (acknowledged..=acknowledged + unknown).contains(&changes),
                "round {round}: {changes} changes of {acknowledged} acknowledged and {unknown} unknown"
            );
        }
    }
}
