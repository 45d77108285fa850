//! `verger dev`: what it prints, and that it works as it is printed.

use crate::support::{Ended, Installation, PATIENCE, Running, call, run, send, text, verger, verger_run};
use base64::Engine as _;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

const EPHEMERAL: [&str; 4] = ["dev", "--ephemeral", "--listen", "127.0.0.1:0"];

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").expect("a URL of the API").parse().unwrap()
}

/// A server that printed its line of JSON.
fn ready(command: Command) -> (Running, Value) {
    let mut process = Running::start(command);
    let line =
        process.until("it is ready", |process| process.stdout().contains('\n').then(|| process.stdout()));
    (process, serde_json::from_str(&line).unwrap())
}

#[test]
fn the_json_format_is_one_line_with_the_documented_keys() {
    let (mut process, ready) = ready(verger(EPHEMERAL.into_iter().chain(["--format", "json"])));
    let keys: Vec<_> = ready.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["url", "secret_key", "publishable_key", "instance_id", "user_id", "phone_number_ids"]);
    let key = ready["secret_key"].as_str().unwrap();
    assert!(key.starts_with("sk_test_"), "{ready}");
    assert!(ready["instance_id"].as_str().unwrap().starts_with("ins_"), "{ready}");
    let address = address(ready["url"].as_str().unwrap());

    let path = format!("/v1/users/{}", ready["user_id"].as_str().unwrap());
    let user = call(address, key, "GET", &path, "").ok().json();
    let held = |at: usize| (&user["phone_numbers"][at]["id"], &user["phone_numbers"][at]["phone_number"]);
    let ids = ready["phone_number_ids"].as_array().unwrap();
    assert_eq!(ids.len(), 2);
    for id in ids {
        assert!([held(0).0, held(1).0].contains(&id), "{user}");
    }
    call(address, key, "GET", "/reference", "").ok();

    assert_eq!(process.stop(), Some(0), "{}", process.stderr());
    assert_eq!(process.stdout().lines().count(), 1, "{}", process.stdout());
}

#[test]
fn greeting_promises_the_same_ids_after_a_restart_only_if_something_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let kept =
        ["dev", "--listen", "127.0.0.1:0", "--data", text(&folder.path().join("data"))].map(str::to_owned);
    for (arguments, until) in [
        (&kept[..], "after a restart and after a reset."),
        (&EPHEMERAL.map(str::to_owned)[..], "stay the same after a reset."),
    ] {
        let mut process = Running::start(verger(arguments.iter().map(String::as_str)));
        let greeting = process
            .until("it is ready", |process| process.stdout().contains("Stop with").then(|| process.stdout()));
        assert!(greeting.contains(until), "{greeting}");
        assert_eq!(process.stop(), Some(0), "{}", process.stderr());
    }
}

#[test]
fn the_key_and_the_demo_user_of_the_last_run_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || {
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--format", "json", "--data", text(&data)];
        let (mut process, mut ready) = ready(verger(arguments));
        assert_eq!(process.stop(), Some(0), "{}", process.stderr());
        // Both name the port, which is another one each time.
        for of_address in ["url", "publishable_key"] {
            assert!(ready.as_object_mut().unwrap().remove(of_address).is_some());
        }
        ready
    };
    let first = start();
    assert_eq!(start(), first);
    use std::os::unix::fs::PermissionsExt as _;
    for (path, mode) in [(data.clone(), 0o700), (data.join("secret-key"), 0o600)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{path:?}");
    }
}

#[test]
fn a_preset_key_opens_the_server_and_a_bad_one_is_refused_without_being_shown() {
    let preset = "sk_test_preset0123456789";
    let mut command = verger(EPHEMERAL.into_iter().chain(["--format", "json"]));
    command.env("VERGER_SECRET_KEY", preset);
    let (_process, ready) = ready(command);
    assert_eq!(ready["secret_key"], preset);
    call(address(ready["url"].as_str().unwrap()), preset, "GET", "/v1/users", "").ok();

    for bad in ["sk_live_preset0123456789", "sk_test_short", "sk_test_with a space", "hunter2hunter2"] {
        let mut command = verger(EPHEMERAL);
        command.env("VERGER_SECRET_KEY", bad);
        let why = run(command).refused();
        assert!(why.contains("VERGER_SECRET_KEY") && !why.contains(bad), "{why}");
        assert!(!why.contains(&bad[8..]), "{why}");
    }
    let why = verger_run(["dev", "--ephemeral", "--secret-key", "hunter2"]).refused();
    assert!(why.starts_with("--secret-key must be ") && !why.contains("hunter2"), "{why}");
    let Ended { stdout, .. } = verger_run(["dev", "--help"]);
    assert!(stdout.contains("VERGER_SECRET_KEY"));
    let mut command = verger(["dev", "--help"]);
    command.env("VERGER_SECRET_KEY", preset);
    assert!(!run(command).ok().contains(preset), "the help shows the key");
}

#[test]
fn a_store_with_real_users_is_refused_untouched() {
    let shop = Installation::new();
    let mut command = shop.verger(["dev", "--listen", "127.0.0.1:0"]);
    command.env("VERGER_LOG", "off");
    let why = run(command).refused();
    assert!(why.contains(&shop.instance) && why.contains("verger serve"), "{why}");
    assert!(!shop.data().join("secret-key").exists());
    let listed = run(shop.verger(["instances", "list"])).ok();
    assert!(listed.contains(&shop.instance) && !listed.contains("development"), "{listed}");
}

/// What is printed for people, when it is complete.
fn announced() -> (Running, String) {
    let mut process = Running::start(verger(EPHEMERAL));
    let printed =
        process.until("it is ready", |process| process.stdout().contains("Ctrl+C").then(|| process.stdout()));
    (process, printed)
}

/// The lines from the one that starts so to the next empty one.
fn example<'a>(printed: &'a str, start: &str) -> &'a str {
    let at = printed.find(&format!("\n{start}")).unwrap_or_else(|| panic!("no {start:?} in {printed}")) + 1;
    printed[at..].split("\n\n").next().unwrap()
}

#[test]
fn the_printed_curl_example_works_as_it_is_printed() {
    let (_process, printed) = announced();
    let curl = example(&printed, "curl ");
    let quoted = |before: &str| curl.split_once(before).unwrap().1.split('\'').next().unwrap();
    let key = quoted("Bearer ").to_owned();
    let (address, path) = {
        let url = curl.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        let (host, path) = url.split_once('/').unwrap();
        (host.parse::<SocketAddr>().unwrap(), format!("/{path}"))
    };
    let before = call(address, &key, "GET", &path, "").ok().json();
    assert_eq!(before["verification"]["status"], "verified", "{before}");

    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    let answer: Value = if has_curl {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(curl).env("NO_PROXY", "*").env("no_proxy", "*");
        let mut shell = Running::start(shell);
        assert_eq!(shell.wait(PATIENCE).expect("curl ends").code(), Some(0), "{}", shell.stderr());
        serde_json::from_str(&shell.stdout()).unwrap()
    } else {
        // The same request, read from the words of the example.
        let body = quoted("-d '");
        let headers: String = curl
            .split("-H '")
            .skip(1)
            .map(|rest| format!("{}\r\n", rest.split('\'').next().unwrap()))
            .collect();
        let method = curl.split_once("-X ").unwrap().1.split(' ').next().unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        send(address, request.as_bytes()).expect("an answer").ok().json()
    };
    assert_eq!(answer["object"], "phone_number", "{answer}");
    assert_eq!((&answer["id"], &answer["verification"]), (&before["id"], &Value::Null), "{answer}");
    assert_eq!(call(address, &key, "GET", &path, "").ok().json(), answer);
}

#[test]
fn the_printed_pages_are_there() {
    let (_process, printed) = announced();
    let reference = example(&printed, "http://");
    let (host, path) = reference.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let page = call(host.parse().unwrap(), "", "GET", &format!("/{path}"), "").ok();
    assert!(
        page.text.contains("updatePhoneNumber") || page.text.contains("UpdatePhoneNumber"),
        "{}",
        page.head
    );
    let javascript = example(&printed, "npm install @clerk/backend");
    assert!(javascript.ends_with("\nJS") && javascript.contains("updatePhoneNumber"), "{javascript}");
}

#[test]
fn the_printed_block_for_env_files_names_url_and_key() {
    let (_process, printed) = announced();
    let block = example(&printed, "CLERK_API_URL=");
    let value = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {block}"))
    };
    let address = address(value("CLERK_API_URL"));
    call(address, value("CLERK_SECRET_KEY"), "GET", "/v1/users", "").ok();
    let encoded = value("CLERK_PUBLISHABLE_KEY").strip_prefix("pk_test_").expect("a key for development");
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(encoded).unwrap();
    assert_eq!(String::from_utf8(decoded).unwrap(), format!("{address}$"));
}

#[test]
fn the_printed_examples_survive_a_reset_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start =
        || ready(verger(["dev", "--listen", "127.0.0.1:0", "--format", "json", "--data", text(&data)]));
    let (mut process, first) = start();
    let at = address(first["url"].as_str().unwrap());
    let key = first["secret_key"].as_str().unwrap();
    let number = format!("/v1/phone_numbers/{}", first["phone_number_ids"][0].as_str().unwrap());
    // Another user that the reset removes, and who would else be taken for the demo user.
    call(at, key, "POST", "/v1/users", r#"{"phone_number":["+12015550150"]}"#).ok();
    call(at, key, "POST", "/verger/v1/reset", "").ok();
    call(at, key, "GET", &number, "").ok();
    assert_eq!(call(at, key, "GET", "/v1/users/count", "").ok().json()["total_count"], 1);
    let other = call(at, key, "POST", "/v1/users", r#"{"phone_number":["+12015550150"]}"#).ok().json();
    assert_eq!(process.stop(), Some(0));
    let (mut process, second) = start();
    for same in ["secret_key", "user_id", "phone_number_ids"] {
        assert_eq!(first[same], second[same]);
    }
    // Of the demo user nothing is left, but of another: its ids are not taken for the demo user's.
    let at = address(second["url"].as_str().unwrap());
    call(at, key, "DELETE", &format!("/v1/users/{}", first["user_id"].as_str().unwrap()), "").ok();
    assert_eq!(process.stop(), Some(0));
    let arguments = ["dev", "--listen", "127.0.0.1:0", "--data", text(&data)];
    let mut process = Running::start(verger(arguments));
    let printed =
        process.until("it is ready", |process| process.stdout().contains("Ctrl+C").then(|| process.stdout()));
    assert!(
        printed.contains("The demo user was deleted") && printed.contains("/verger/v1/reset"),
        "{printed}"
    );
    assert!(!printed.contains(other["id"].as_str().unwrap()), "{printed}");
    assert!(printed.contains("CLERK_API_URL="), "{printed}");
}

#[test]
fn an_inbox_that_is_open_to_the_network_is_warned_of_and_its_url_can_be_opened() {
    let command = verger(["dev", "--ephemeral", "--listen", "0.0.0.0:0", "--log", "off", "--format", "json"]);
    let (process, ready) = ready(command);
    let url = ready["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    call(address(url), ready["secret_key"].as_str().unwrap(), "GET", "/v1/users", "").ok();
    assert!(
        process.stderr().contains("warning") && process.stderr().contains("inbox"),
        "{}",
        process.stderr()
    );
    let (process, _) = self::ready(verger(EPHEMERAL.into_iter().chain(["--log", "off", "--format", "json"])));
    assert_eq!(process.stderr(), "");
}

#[test]
fn the_start_page_leads_on_and_shows_the_end_of_the_key_alone() {
    let (_process, ready) = ready(verger(EPHEMERAL.into_iter().chain(["--format", "json"])));
    let at = address(ready["url"].as_str().unwrap());
    let key = ready["secret_key"].as_str().unwrap();
    let get = |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        send(at, request.as_bytes()).expect("an answer")
    };
    let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(format!("{at}$"));
    let page = get(&at.to_string(), "/").ok();
    for part in [
        "href=\"/inbox\"",
        "href=\"/reference\"",
        "href=\"/openapi.json\"",
        "<dt>Users</dt><dd>1</dd>",
        ready["user_id"].as_str().unwrap(),
        ready["phone_number_ids"][0].as_str().unwrap(),
        &format!("CLERK_API_URL=http://{at}"),
        &format!("CLERK_PUBLISHABLE_KEY=pk_test_{encoded}"),
        &format!("ends in <code>{}</code>", &key[key.len() - 4..]),
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains(&key[..key.len() - 4]), "the page shows the key");
    // By a name that anybody can point here, it is as in production.
    assert_eq!(get("evil.example", "/").status, 303);
    // The examples of the reference have ids that exist.
    let reference = get(&at.to_string(), "/reference").ok();
    let id = ready["phone_number_ids"][0].as_str().unwrap();
    assert!(reference.text.contains(&format!("http://{at}/v1/phone_numbers/{id}")));
    assert!(!reference.text.contains("USER_ID"));
    assert!(get("id.example.com", "/reference").ok().text.contains("/v1/users/USER_ID"));
    // After its end, placeholders.
    call(at, key, "DELETE", &format!("/v1/users/{}", ready["user_id"].as_str().unwrap()), "").ok();
    assert!(get(&at.to_string(), "/reference").ok().text.contains("/v1/users/USER_ID"));
    assert!(get(&at.to_string(), "/").ok().text.contains("a reset</a> empties the instance"));
}

#[test]
fn a_bad_key_is_told_where_the_good_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut process, ready) =
        ready(verger(["dev", "--listen", "127.0.0.1:0", "--format", "json", "--data", text(&data)]));
    let at = address(ready["url"].as_str().unwrap());
    let refused = call(at, "sk_test_of_somewhere_else", "GET", "/v1/users/count", "");
    assert_eq!(refused.status, 401);
    let place = data.join("secret-key");
    assert!(refused.text.contains(&format!("of this server is in {}", place.display())), "{}", refused.text);
    assert!(!refused.text.contains(ready["secret_key"].as_str().unwrap()));
    // And the log says which route it was.
    process.until("the log has the route", |process| {
        let log = process.stderr();
        log.lines().any(|line| line.contains("401") && line.contains("/v1/users/count")).then_some(())
    });
}

#[test]
fn a_server_goes_on_when_nobody_reads_what_it_prints() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    drop(taken);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = verger(["dev", "--ephemeral", "--listen", &at.to_string()]);
    command.stdout(writer).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let answered = crate::support::until(PATIENCE, || std::net::TcpStream::connect(at).ok());
    let is_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answered.is_some() && is_running);
}
