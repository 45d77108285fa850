//! Finds the programs, and installs what is missing.

use crate::process::{self, Owner};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the directory with `postgres` and `initdb`; default: Debian's newest version.
const BINARIES_VARIABLE: &str = "VERGER_POSTGRES_BIN";

/// The directory with the binaries of PostgreSQL.
pub(crate) fn postgres() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(BINARIES_VARIABLE) {
        let folder = PathBuf::from(folder);
        assert!(folder.join("postgres").is_file(), "{BINARIES_VARIABLE} names no PostgreSQL");
        return Some(folder);
    }
    let found = find_postgres();
    if found.is_some() || !has_apt() || !is_root() {
        return found;
    }
    let _lock = lock("postgres");
    if find_postgres().is_none() {
        // Debian's package starts a server of its own unless it is told not to.
        let configuration = Path::new("/etc/postgresql-common/createcluster.conf");
        if !configuration.exists() {
            let folder = configuration.parent()?;
            std::fs::create_dir_all(folder).ok()?;
            std::fs::write(configuration, "create_main_cluster = false\n").ok()?;
        }
        apt(&["update"], Path::new("/"));
        apt(&["install", "-y", "--no-install-recommends", "postgresql"], Path::new("/"));
    }
    find_postgres()
}

fn find_postgres() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("initdb").is_file().then_some((version, folder))
        })
        .collect();
    versions.sort();
    if let Some((_, folder)) = versions.pop() {
        return Some(folder);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .find(|folder| ["postgres", "initdb"].iter().all(|name| folder.join(name).is_file()))
}

/// The client of the same version as the server, or another one: some packages have none.
pub(crate) fn psql(binaries: &Path) -> PathBuf {
    let own = binaries.join("psql");
    if own.is_file() {
        return own;
    }
    find_postgres().map(|folder| folder.join("psql")).filter(|psql| psql.is_file()).unwrap_or("psql".into())
}

/// PgBouncer, and the directory into which its packages were unpacked if it is not installed.
pub(crate) fn pgbouncer() -> Option<(PathBuf, Option<PathBuf>)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    if let Some(binary) = folders.map(|folder| folder.join("pgbouncer")).find(|binary| binary.is_file()) {
        return Some((binary, None));
    }
    if !has_apt() {
        return None;
    }
    // Unpacked rather than installed: a package would start a server of its own.
    let _lock = lock("pgbouncer");
    let folder = scratch().join("pgbouncer");
    let binary = folder.join("root/usr/sbin/pgbouncer");
    if !binary.is_file() {
        let root = folder.join("root");
        std::fs::create_dir_all(&root).ok()?;
        let download = ["download", "pgbouncer", "libevent-2.1-7", "libc-ares2"];
        if !apt(&download, &folder) {
            apt(&["update"], Path::new("/"));
            apt(&download, &folder);
        }
        for entry in std::fs::read_dir(&folder).ok()?.filter_map(Result::ok) {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                process::run(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(&root));
            }
        }
    }
    binary.is_file().then(|| (binary, Some(folder.join("root"))))
}

/// An empty data directory, created once per version.
pub(crate) fn template(binaries: &Path, owner: &Owner) -> PathBuf {
    let version = process::run(Command::new(binaries.join("postgres")).arg("--version"));
    let name: String = version.chars().filter(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    let template = scratch().join(format!("postgres-{name}"));
    let _lock = lock("template");
    if template.is_dir() {
        return template;
    }
    let folder = process::folder("verger-initdb-", owner);
    let data = folder.path().join("data");
    let make = |extra: &[&str]| {
        let prefix = owner.prefix("TERM");
        let mut initdb = Command::new(&prefix[0]);
        initdb.args(&prefix[1..]).arg(binaries.join("initdb")).arg("-D").arg(&data);
        initdb.args(["-U", crate::SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync", "--wal-segsize=1"]);
        initdb.args(extra).current_dir("/").stdin(Stdio::null());
        initdb.output().expect("initdb runs")
    };
    // A linguistic collation differs from byte order: a column without its explicit collation is noticed.
    let made = make(&["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
    if !made.status.success() {
        let made = make(&["--locale=C.UTF-8"]);
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }
    let partial = template.with_extension("partial");
    let _ = std::fs::remove_dir_all(&partial);
    process::run(Command::new("cp").arg("-a").arg(&data).arg(&partial));
    std::fs::rename(&partial, &template).expect("renamed");
    template
}

/// strace, if tracing is permitted here.
pub(crate) fn strace() -> Option<PathBuf> {
    let works = || {
        let tried = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"])
            .output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    if !works() && has_apt() && is_root() {
        let _lock = lock("strace");
        if !apt(&["install", "-y", "--no-install-recommends", "strace"], Path::new("/")) {
            apt(&["update"], Path::new("/"));
            apt(&["install", "-y", "--no-install-recommends", "strace"], Path::new("/"));
        }
    }
    works().then(|| PathBuf::from("strace"))
}

/// A directory below `target` that outlives the tests.
fn scratch() -> PathBuf {
    let executable = std::env::current_exe().expect("a path");
    // target/debug/deps/test, or target/release/program
    let is_test = executable.parent().is_some_and(|folder| folder.ends_with("deps"));
    let target = executable.ancestors().nth(if is_test { 3 } else { 2 });
    let target = target.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = target.join("tmp/testdb");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A lock file, held by one process at a time.
fn lock(name: &str) -> File {
    let file = File::create(scratch().join(format!("{name}.lock"))).expect("a lock file");
    file.lock().expect("locked");
    file
}

fn is_root() -> bool {
    process::run(Command::new("id").arg("-u")).trim() == "0"
}

fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").is_file()
}

fn apt(arguments: &[&str], folder: &Path) -> bool {
    let mut apt = Command::new("apt-get");
    apt.args(["-q"]).args(arguments).current_dir(folder).env("DEBIAN_FRONTEND", "noninteractive");
    apt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    apt.status().is_ok_and(|status| status.success())
}
