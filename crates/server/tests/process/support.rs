//! Starting the binary, talking to it over TCP, and ending it by its own id.

use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a busy machine before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What `serve` needs: 32 bytes in base64.
pub(crate) const CODE_KEYS: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// `verger` with these arguments and none of the caller's settings.
pub(crate) fn verger<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verger"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VERGER_") {
            command.env_remove(name);
        }
    }
    command.env("VERGER_CODE_KEYS", CODE_KEYS);
    // Only tests of the delay itself wait for it.
    command.env("VERGER_SHUTDOWN_DELAY_MS", "0");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Ended {
    let mut running = Running::start(command);
    let status = running.wait(PATIENCE).expect("the command ends by itself");
    Ended { code: status.code(), stdout: running.stdout(), stderr: running.stderr() }
}

/// Runs `verger` to its end.
pub(crate) fn verger_run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    run(verger(arguments))
}

impl Ended {
    /// What a success printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The last line on standard error of a command that refused after it had begun.
    #[track_caller]
    pub(crate) fn refused_last(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let line = self.stderr.lines().last().expect("it says why");
        line.strip_prefix("verger: ").expect("it says who speaks").to_owned()
    }

    /// The one line with which the command refused, on standard error.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        self.stderr.strip_prefix("verger: ").expect("it says who speaks").trim_end().to_owned()
    }
}

/// A process with its output in files; killed when it goes out of scope.
pub(crate) struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| fs::File::create(folder.path().join(name)).unwrap();
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().expect("the binary starts");
        Self { child, folder }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn output(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        self.output("stdout")
    }

    pub(crate) fn stderr(&self) -> String {
        self.output("stderr")
    }

    /// How it ended; `None` if it has not within this time.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        until(patience, || self.child.try_wait().unwrap())
    }

    /// Waits until `find` sees in the process what it looks for.
    pub(crate) fn until<T>(&mut self, what: &str, find: impl Fn(&Self) -> Option<T>) -> T {
        let found = until(PATIENCE, || {
            let found = find(self);
            let ended = found.is_none() && self.child.try_wait().unwrap().is_some();
            assert!(!ended, "it ended before {what}: {}{}", self.stdout(), self.stderr());
            found
        });
        found.unwrap_or_else(|| panic!("waited for {what}: {}{}", self.stdout(), self.stderr()))
    }

    /// SIGTERM to exactly this process; the standard library can only kill.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.wait(PATIENCE).expect("it ends after SIGTERM").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do for one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, and gives up after this time.
pub(crate) fn until<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        let _ = never.recv_timeout(Duration::from_millis(10));
    }
}

/// A store with one production instance and one key.
pub(crate) struct Installation {
    folder: TempDir,
    pub(crate) instance: String,
    pub(crate) key: String,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self::of("production")
    }

    pub(crate) fn of(environment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        verger_run(["migrate", "--data", data]).ok();
        let create = ["instances", "create", "--name", "shop", "--environment", environment, "--data", data];
        let instance = verger_run(create).ok().trim().to_owned();
        let key = verger_run(["keys", "create", "--instance", &instance, "--data", data]).ok();
        Self { key: key.trim().to_owned(), instance, folder }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// `verger` with these arguments and the store of this installation.
    pub(crate) fn verger<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = verger(arguments);
        command.arg("--data").arg(self.data());
        command
    }

    pub(crate) fn serve<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Serving {
        let mut command =
            self.verger(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.args(arguments);
        Serving::start(command)
    }

    /// With everything logged that there is.
    pub(crate) fn serve_with_log(&self, format: &str) -> Serving {
        self.serve(["--log", "trace", "--log-format", format])
    }
}

/// A running `verger serve`.
pub(crate) struct Serving {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: SocketAddr,
}

impl Serving {
    pub(crate) fn start(command: Command) -> Self {
        let mut process = Running::start(command);
        let [address, metrics_address] = process.until("it serves", |process| {
            let log = process.stderr();
            // Up to the end of the line: before it, an address may be half written.
            let line =
                log.split_inclusive('\n').find(|line| line.contains("serving") && line.ends_with('\n'))?;
            Some(["listen", "metrics"].map(|key| logged_address(line, key)))
        });
        Self { process, address, metrics_address }
    }

    pub(crate) fn call(&self, key: &str, method: &str, path: &str, body: &str) -> Answer {
        call(self.address, key, method, path, body)
    }
}

/// The address under this key in a line of the log, of either format.
fn logged_address(line: &str, key: &str) -> SocketAddr {
    if let Ok(line) = serde_json::from_str::<Value>(line) {
        return line[key].as_str().unwrap().parse().unwrap();
    }
    let value = line.split_once(&format!("{key}=")).unwrap().1;
    value.split(char::is_whitespace).next().unwrap().parse().unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), text: text.to_owned() })
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes on a connection of their own and reads what comes back; `None` if that is no whole answer.
pub(crate) fn send(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    Answer::read(&mut stream)
}

/// The rest of a request that was begun on this connection, and its answer.
pub(crate) fn finish(mut stream: TcpStream, rest: &[u8]) -> Option<Answer> {
    stream.write_all(rest).ok()?;
    Answer::read(&mut stream)
}

/// The head of a JSON request, up to and with the empty line.
pub(crate) fn head(key: &str, method: &str, path: &str, body_bytes: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: verger\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {body_bytes}\r\n\r\n"
    )
}

pub(crate) fn call(address: SocketAddr, key: &str, method: &str, path: &str, body: &str) -> Answer {
    let request = head(key, method, path, body.len()) + body;
    send(address, request.as_bytes()).expect("an answer")
}

/// A folder's path as text, for the command line.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
