//! A throw-away PostgreSQL for tests, and PgBouncer in front of it.
//!
//! The servers end with the process that started them, however it ends: a shell in between stops the server and removes
//! its directory as soon as the pipe from the test process is closed. Nothing here is for production: commits do not wait
//! for the disk, and everybody on the machine may connect.

#![allow(clippy::disallowed_methods, reason = "waits for other programs by the clock of the machine")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test has nothing better to do than to fail")]
#![allow(clippy::print_stderr, reason = "says why tests are skipped")]

mod install;
mod process;

use process::{Owner, Supervised};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const SUPERUSER: &str = "verger";

/// A server with its own data directory.
pub struct Cluster {
    folder: Option<tempfile::TempDir>,
    binaries: PathBuf,
    port: u16,
    settings: Vec<String>,
    server: Option<Supervised>,
    databases: AtomicU32,
}

/// A pooler in transaction mode in front of a [`Cluster`].
pub struct Pooler {
    port: u16,
    _server: Supervised,
    _folder: tempfile::TempDir,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Fast shutdown: ends every session and writes a checkpoint.
    Fast,
    /// Immediate shutdown, as in a power cut.
    Immediate,
    /// `kill -9` of the postmaster.
    Kill,
}

/// Whether this machine has PostgreSQL. What is missing is installed if that is possible.
///
/// # Panics
/// If there is none and `CI=true`.
pub fn is_postgres_here() -> bool {
    let is_here = install::postgres().is_some();
    if !is_here {
        skip("PostgreSQL");
    }
    is_here
}

/// strace, which makes system calls of a program fail; `None` if this machine has none. What is missing is installed if
/// that is possible.
///
/// # Panics
/// If there is none and `CI=true`.
pub fn strace() -> Option<PathBuf> {
    static STRACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = STRACE.get_or_init(install::strace);
    if found.is_none() {
        skip("strace");
    }
    found.clone()
}

/// Whether this is CI, where no test may be skipped.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Prints that a test is skipped.
///
/// # Panics
/// If `CI=true`, where no test may be skipped.
fn skip(what: &str) {
    assert!(!is_ci(), "{what} is not on this machine, and under CI=true nothing may be skipped");
    eprintln!("SKIPPED: {what} is not on this machine");
}

impl Cluster {
    /// The server that all tests of this process share; `None` if this machine has no PostgreSQL.
    ///
    /// # Panics
    /// If it does not start, or if there is none and `CI=true`.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[])).as_ref()
    }

    /// A server with these settings in addition to the usual ones, such as `max_connections=20`.
    ///
    /// # Panics
    /// As [`Cluster::shared`].
    pub fn start(settings: &[&str]) -> Option<Self> {
        let Some(binaries) = install::postgres() else {
            skip("PostgreSQL");
            return None;
        };
        let owner = Owner::find();
        let folder = process::folder("verger-postgres-", &owner);
        let template = install::template(&binaries, &owner);
        let data = folder.path().join("data");
        process::run(Command::new("cp").arg("-a").arg(&template).arg(&data));
        owner.give(&data);
        let mut cluster = Self {
            folder: Some(folder),
            binaries,
            port: process::free_port(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            server: None,
            databases: AtomicU32::new(0),
        };
        cluster.restart();
        Some(cluster)
    }

    /// A standby that follows this server, and that every commit of this server waits for from now on. This one needs
    /// the settings `wal_level=replica`, `max_wal_senders=4` and `synchronous_commit=on`. `None` if this machine's
    /// PostgreSQL cannot make one.
    ///
    /// # Panics
    /// If it does not start, or if that is not possible and `CI=true`.
    pub fn standby(&self, settings: &[&str]) -> Option<Self> {
        let program = self.binaries.join("pg_basebackup");
        if !program.is_file() {
            skip("pg_basebackup");
            return None;
        }
        let owner = Owner::find();
        let folder = process::folder("verger-standby-", &owner);
        let prefix = owner.prefix("TERM");
        let mut copy = Command::new(&prefix[0]);
        copy.args(&prefix[1..]).arg(program).arg("-D").arg(folder.path().join("data")).arg("-R");
        copy.args([
            "-c",
            "fast",
            "--no-sync",
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            SUPERUSER,
        ]);
        process::run(copy.current_dir("/"));
        let mut standby = Self {
            folder: Some(folder),
            binaries: self.binaries.clone(),
            port: process::free_port(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            server: None,
            databases: AtomicU32::new(0),
        };
        standby.restart();
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let is_followed = || self.sql("postgres", "SELECT sync_state FROM pg_stat_replication") == "sync";
        process::wait_until(Duration::from_secs(20), is_followed, || {
            "the standby does not follow".to_owned()
        });
        Some(standby)
    }

    /// Makes a standby the primary.
    ///
    /// # Panics
    /// If it does not become one.
    pub fn promote(&self) {
        let owner = Owner::find();
        let prefix = owner.prefix("TERM");
        let mut promote = Command::new(&prefix[0]);
        promote.args(&prefix[1..]).arg(self.binaries.join("pg_ctl")).arg("promote").arg("-w").arg("-D");
        process::run(promote.arg(self.path("data")).current_dir("/"));
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().expect("a folder").path()
    }

    /// A path next to the data directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Makes a file readable only by the user that the server runs as, as PostgreSQL requires for TLS keys.
    ///
    /// # Panics
    /// If that is not allowed.
    pub fn give(&self, path: &Path) {
        Owner::find().give(path);
        process::run(Command::new("chmod").arg("0600").arg(path));
    }

    /// The port on 127.0.0.1, which stays the same across restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server again after [`Cluster::stop`].
    ///
    /// # Panics
    /// If the server does not start.
    pub fn restart(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let folder = self.folder().to_owned();
        let data = folder.join("data");
        let mut server = vec![
            self.binaries.join("postgres").display().to_string(),
            "-D".to_owned(),
            data.display().to_string(),
            "-k".to_owned(),
            folder.display().to_string(),
            "-p".to_owned(),
            self.port.to_string(),
        ];
        let usual = [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=400",
            "shared_buffers=64MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
            "log_min_messages=warning",
        ];
        for setting in usual.into_iter().map(str::to_owned).chain(self.settings.iter().cloned()) {
            server.extend(["-c".to_owned(), setting]);
        }
        let running = Supervised::start(&folder, "postgres", "QUIT", &server);
        let log = running.log().to_owned();
        let ready = || {
            std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| {
                text.lines().nth(7).is_some_and(|line| matches!(line.trim(), "ready" | "standby"))
            })
        };
        process::wait_until(Duration::from_secs(30), ready, || {
            format!("PostgreSQL did not start:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        self.server = Some(running);
    }

    /// Stops the server and keeps its data.
    ///
    /// # Panics
    /// If the server does not stop.
    pub fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
            Stop::Kill => "KILL",
        };
        self.server.take().expect("it runs").stop(signal);
    }

    /// Suspends or resumes all processes of the server, as if the machine hung. New connections are neither refused nor
    /// answered.
    ///
    /// # Panics
    /// If the server is not running.
    pub fn freeze(&self, is_frozen: bool) {
        let pid = std::fs::read_to_string(self.path("data").join("postmaster.pid")).expect("it runs");
        let parent = pid.lines().next().expect("a process id").trim().to_owned();
        let children = process::run(Command::new("ps").args(["-o", "pid=", "--ppid", &parent]));
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        // The parent first, so that it starts no new children meanwhile.
        for pid in std::iter::once(parent.as_str()).chain(children.split_whitespace()) {
            // A child may have ended meanwhile.
            let _ = Command::new("kill").args([signal, pid]).stderr(std::process::Stdio::null()).status();
        }
    }

    /// A new, empty database.
    ///
    /// # Panics
    /// If the database cannot be created.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        // The strategy `WAL_LOG` needs no checkpoint, which is much faster; it is the default of PostgreSQL 15.
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        name
    }

    /// The URL of a database over TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of a database over the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let folder = self.folder().display().to_string().replace('/', "%2F");
        format!("postgres://{SUPERUSER}@{folder}:{}/{database}", self.port)
    }

    /// Runs statements and returns their output, without headers.
    ///
    /// # Panics
    /// If a statement fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(install::psql(&self.binaries));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"]).arg(self.folder());
        psql.args(["-p", &self.port.to_string(), "-U", SUPERUSER, "-d", database, "-c", sql]);
        process::run(&mut psql).trim().to_owned()
    }

    /// The pooler in front of [`Cluster::shared`] that all tests of this process share: each database has connections of
    /// its own there, as many as `connections` says the first time.
    ///
    /// # Panics
    /// As [`Cluster::pooler`].
    pub fn shared_pooler(connections: usize) -> Option<&'static Pooler> {
        static SHARED: OnceLock<Option<Pooler>> = OnceLock::new();
        SHARED.get_or_init(|| Self::shared()?.pooler(connections)).as_ref()
    }

    /// A pooler in transaction mode in front of the server, with this many connections to each database. `None` if this
    /// machine has no PgBouncer.
    ///
    /// # Panics
    /// If it does not start, or if there is none and `CI=true`.
    pub fn pooler(&self, connections: usize) -> Option<Pooler> {
        let Some((binary, unpacked)) = install::pgbouncer() else {
            skip("PgBouncer");
            return None;
        };
        let owner = Owner::find();
        let folder = process::folder("verger-pgbouncer-", &owner);
        let port = process::free_port();
        let configuration = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={SUPERUSER}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\npool_mode = transaction\nmax_client_conn = 500\n\
             default_pool_size = {connections}\nserver_login_retry = 1\nserver_idle_timeout = 5\n\
             unix_socket_dir =\n",
            self.port
        );
        std::fs::write(&configuration, text).expect("written");
        owner.give(&configuration);
        let mut program = Vec::new();
        let binary = match unpacked {
            None => binary,
            Some(root) => {
                // The user that it runs as may have no access to the directory of the packages.
                let own = folder.path().join("root");
                process::run(Command::new("cp").arg("-a").arg(&root).arg(&own));
                owner.give(&own);
                let libraries = process::folder_with(&own.join("usr/lib"), "libevent-2.1.so.7");
                program.extend(["env".to_owned(), format!("LD_LIBRARY_PATH={}", libraries.display())]);
                own.join(binary.strip_prefix(&root).expect("in it"))
            }
        };
        program.extend([binary.display().to_string(), configuration.display().to_string()]);
        let server = Supervised::start(folder.path(), "pgbouncer", "TERM", &program);
        let log = server.log().to_owned();
        let ready = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        process::wait_until(Duration::from_secs(10), ready, || {
            format!("PgBouncer did not start:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        Some(Pooler { port, _server: server, _folder: folder })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.server.take());
        drop(self.folder.take());
    }
}

impl Pooler {
    /// The URL of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }
}
