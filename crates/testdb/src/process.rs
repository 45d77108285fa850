//! Programs that end with the process that started them.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Stops the program when the pipe to this shell is closed or the shell is terminated, and then removes its directory; a
/// line with the name of a signal stops it and keeps the directory. The program also gets a signal if the shell is
/// killed.
const SUPERVISOR: &str = r#"
end=$1; folder=$2; log=$3; shift 3
cd / || exit 1
trap : HUP INT TERM
"$@" </dev/null >>"$log" 2>&1 &
program=$!
if read -r signal; then keep=yes; else signal=$end; keep=; fi
kill -s "$signal" "$program" 2>/dev/null
wait "$program"
[ -n "$keep" ] || rm -rf "$folder"
"#;

/// The user that runs the servers: PostgreSQL refuses to run as root.
pub(crate) struct Owner {
    /// User and group, if different from those of this process.
    other: Option<(String, String)>,
}

/// A server that is watched by a shell.
pub(crate) struct Supervised {
    shell: Child,
    log: PathBuf,
}

impl Owner {
    pub(crate) fn find() -> Self {
        let id = |arguments: &[&str]| {
            let output = Command::new("id").args(arguments).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| text.trim().to_owned())
        };
        if id(&["-u"]).as_deref() != Some("0") {
            return Self { other: None };
        }
        let user = ["postgres", "nobody"].into_iter().find(|user| id(&["-u", user]).is_some());
        let user = user.expect("a user that is not root");
        Self { other: Some((id(&["-u", user]).expect("a user"), id(&["-g", user]).expect("a group"))) }
    }

    pub(crate) fn give(&self, path: &Path) {
        if let Some((user, group)) = &self.other {
            run(Command::new("chown").arg("-R").arg(format!("{user}:{group}")).arg(path));
        }
    }

    /// The prefix of a command line that runs it as this user, and ends it with its parent.
    pub(crate) fn prefix(&self, end: &str) -> Vec<String> {
        let mut prefix = vec!["setpriv".to_owned()];
        if let Some((user, group)) = &self.other {
            prefix.extend([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        prefix.extend(["--pdeathsig".to_owned(), end.to_owned()]);
        prefix
    }
}

impl Supervised {
    /// Starts a program that a signal ends at once. Its output is kept in its directory.
    pub(crate) fn start(folder: &Path, name: &str, end: &str, program: &[String]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let mut shell = Command::new("sh");
        shell.args(["-c", SUPERVISOR, "sh", end]).arg(folder).arg(&log);
        shell.args(Owner::find().prefix(end)).args(program);
        // Inherits no output: a test runner waits until every holder of its output has ended.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { shell: shell.spawn().expect("a shell"), log }
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Stops the program with a signal and keeps its directory.
    pub(crate) fn stop(mut self, signal: &str) {
        let mut pipe = self.shell.stdin.take().expect("a pipe");
        writeln!(pipe, "{signal}").expect("the shell listens");
        self.shell.wait().expect("the shell ends");
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // After `stop` the process has already been waited for.
        let _ = self.shell.wait();
    }
}

/// A temporary directory that `owner` can access.
pub(crate) fn folder(prefix: &str, owner: &Owner) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir().expect("a temporary folder");
    owner.give(folder.path());
    folder
}

/// The directory below `parent` that contains a file of this name; `parent` if there is none.
pub(crate) fn folder_with(parent: &Path, file: &str) -> PathBuf {
    let entries = std::fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).find(|path| path.join(file).exists()).unwrap_or(parent.to_owned())
}

/// A free port that is not assigned by chance: below the ephemeral range, and different for every process that is started
/// at the same time.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 15_000;
    const COUNT: u32 = 17_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let candidates =
        (0..COUNT).map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST);
    let mut ports = candidates.filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port")
}

/// Runs a command to its end and returns its output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn wait_until(timeout: Duration, ready: impl Fn() -> bool, why: impl Fn() -> String) {
    let deadline = Instant::now() + timeout;
    while !ready() {
        assert!(Instant::now() < deadline, "{}", why());
        std::thread::sleep(Duration::from_millis(5));
    }
}
