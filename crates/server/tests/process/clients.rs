//! Our own client while the server is started anew: what rests in it must not cost the next call anything.

use crate::support::{PATIENCE, Running, verger};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use verger_client::{Client, CreateUserParams, blocking};

const KEY: &str = "sk_test_restarted";
/// The first call after a restart.
const CALL_MAX: Duration = Duration::from_millis(100);

/// A server with nothing in it, at this address; and its URL.
fn start(listen: &str) -> (Running, String) {
    let mut command = verger(["dev", "--ephemeral", "--format", "json", "--listen", listen]);
    command.env("VERGER_SECRET_KEY", KEY);
    let mut process = Running::start(command);
    let line =
        process.until("it is ready", |process| process.stdout().contains('\n').then(|| process.stdout()));
    let ready: Value = serde_json::from_str(&line).unwrap();
    (process, ready["url"].as_str().unwrap().to_owned())
}

/// Somebody who makes a call now and then.
enum Caller {
    Async(&'static str, Runtime, Client),
    Blocking(blocking::Client),
}

impl Caller {
    fn all(url: &str) -> Vec<Self> {
        let builder = || Client::builder().secret_key(KEY).base_url(url);
        let current_thread = Builder::new_current_thread().enable_all().build().unwrap();
        let multi_thread = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        vec![
            Self::Async("current_thread", current_thread, builder().build().unwrap()),
            Self::Async("multi_thread", multi_thread, builder().build().unwrap()),
            Self::Blocking(builder().build_blocking().unwrap()),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Async(name, ..) => name,
            Self::Blocking(_) => "blocking",
        }
    }

    /// A write without a key, which is never sent twice; gives how long it took.
    fn call(&self) -> Duration {
        let params = CreateUserParams { skip_user_requirement: Some(true), ..Default::default() };
        let started = Instant::now();
        let attempts = match self {
            Self::Async(_, runtime, client) => {
                let request = client.users().create_user(params).without_idempotency_key();
                runtime.block_on(request.response()).unwrap().attempts()
            }
            Self::Blocking(client) => {
                let request = client.users().create_user(params).without_idempotency_key();
                request.response().unwrap().attempts()
            }
        };
        let took = started.elapsed();
        assert_eq!(attempts, 1, "{}", self.name());
        took
    }
}

/// Callers whose server has ended after their first call, and its URL.
fn callers_of_an_ended_server(is_killed: bool) -> (Vec<Caller>, String) {
    let (mut process, url) = start("127.0.0.1:0");
    let callers = Caller::all(&url);
    for caller in &callers {
        caller.call();
    }
    if is_killed {
        process.kill();
    } else {
        process.terminate();
    }
    process.wait(PATIENCE).expect("it ends");
    (callers, url)
}

#[expect(clippy::disallowed_methods, reason = "connections rest, and nobody looks")]
fn rest(duration: Duration) {
    std::thread::sleep(duration);
}

#[test]
fn first_call_after_sigterm_or_sigkill_and_a_restart_is_as_fast_as_any() {
    for is_killed in [false, true] {
        std::thread::scope(|scope| {
            // A second is past every acknowledgement and retransmission that TCP could still make on loopback. The pool itself
            // looks at what rests after 15 s at the earliest.
            for rest_ms in [0, 50, 1_000] {
                scope.spawn(move || first_call_after_a_restart(is_killed, rest_ms));
            }
        });
    }
}

fn first_call_after_a_restart(is_killed: bool, rest_ms: u64) {
    let (callers, url) = callers_of_an_ended_server(is_killed);
    rest(Duration::from_millis(rest_ms));
    let (_process, _) = start(url.strip_prefix("http://").unwrap());
    // On a busy machine also a client without a past may take longer.
    let fresh = Caller::all(&url).iter().map(Caller::call).max().unwrap();
    for caller in &callers {
        let took = caller.call();
        let name = caller.name();
        let case = format!("{name} after {rest_ms} ms, killed: {is_killed}");
        assert!(took <= CALL_MAX.max(fresh * 3), "{case}: {took:?}, fresh {fresh:?}");
    }
}

#[test]
fn call_to_a_server_that_is_gone_fails_as_soon_as_that_of_a_new_client() {
    for is_killed in [false, true] {
        for caller in callers_of_an_ended_server(is_killed).0 {
            let started = Instant::now();
            let error = match &caller {
                Caller::Async(_, runtime, client) => {
                    runtime.block_on(client.users().get_user("user_1").send()).unwrap_err()
                }
                Caller::Blocking(client) => client.users().get_user("user_1").send().unwrap_err(),
            };
            let took = started.elapsed();
            assert!(error.is_connect(), "{}: {error}", caller.name());
            // Four attempts, with 0 to 100, 200 and 400 ms between them.
            assert_eq!(error.attempts(), 4, "{}", caller.name());
            assert!(took < Duration::from_secs(2), "{}: {took:?}", caller.name());
        }
    }
}
