//! `check`, `keys`, `instances`, `migrate`, and what all commands have in common.

use crate::support::{Installation, PATIENCE, run, text, until, verger, verger_run};
use std::time::{Duration, Instant};

#[test]
fn every_command_explains_itself() {
    /// The words of a command, of all below it, and the flags that its help must name.
    fn walk(command: &clap::Command, words: &[String], found: &mut Vec<(Vec<String>, Vec<String>)>) {
        let flags = command.get_arguments().filter_map(|argument| argument.get_long());
        let flags = flags.map(|flag| format!("--{flag}")).collect();
        found.push((words.to_vec(), flags));
        for below in command.get_subcommands() {
            let mut words = words.to_vec();
            words.push(below.get_name().to_owned());
            walk(below, &words, found);
        }
    }
    let mut commands = Vec::new();
    walk(&verger_server::cli::command(), &[], &mut commands);
    assert!(commands.len() >= 12, "{commands:?}");
    for (words, flags) in commands {
        let help = verger_run(words.iter().map(String::as_str).chain(["--help"])).ok();
        let (about, usage) = help.split_once("Usage: verger").expect("how it is used");
        assert!(about.trim().len() > 10, "{words:?} does not say what it is for: {help}");
        for flag in flags {
            assert!(usage.contains(&flag), "{words:?} does not explain {flag}");
        }
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for (arguments, named) in [
        (&[][..], "Usage"),
        (&["fly"], "fly"),
        (&["keys"], "Usage"),
        (&["keys", "burn"], "burn"),
        (&["keys", "revoke"], "<key_"),
        (&["keys", "create"], "--instance"),
        (&["instances", "create"], "--name"),
        (&["instances", "create", "--name", "a", "--environment", "moon"], "moon"),
        (&["serve", "--fast"], "--fast"),
        (&["serve", "--listen", "nowhere"], "--listen"),
        (&["serve", "--request-timeout-ms", "9"], "--request-timeout-ms"),
        (&["serve", "--request-timeout-ms", "soon"], "--request-timeout-ms"),
        (&["serve", "--connections-max", "0"], "--connections-max"),
        (&["serve", "--log-format", "xml"], "--log-format"),
        (&["check", "--port", "1"], "--port"),
        (&["dev", "--ephemeral", "--data", "somewhere"], "--ephemeral"),
        (&["dev", "--format", "yaml"], "--format"),
        (&["migrate", "now"], "now"),
    ] {
        let ended = verger_run(arguments.iter().copied());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn migrate_makes_a_store_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let migrate = || verger_run(["migrate", "--data", text(&data)]).ok();
    assert!(migrate().contains("is now at schema version"));
    assert!(data.join("verger.db").exists());
    assert!(migrate().contains("already"));
}

#[test]
fn instances_are_made_and_listed() {
    let shop = Installation::new();
    let created = run(shop.verger(["instances", "create", "--name", "two words"])).ok();
    let created = created.trim();
    assert!(created.starts_with("ins_") && created.len() == 31, "{created}");
    let list = run(shop.verger(["instances", "list"])).ok();
    assert_eq!(list.lines().count(), 3, "{list}");
    let line = list.lines().find(|line| line.starts_with(created)).expect("the new one is listed");
    assert!(line.contains("production") && line.ends_with("two words"), "{line}");
    assert!(list.contains(&shop.instance), "{list}");
}

#[test]
fn commands_refuse_a_folder_without_a_store_and_do_not_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nothing");
    for arguments in [
        &["keys", "list"][..],
        &["keys", "create", "--instance", "ins_1"],
        &["keys", "revoke", "key_1"],
        &["instances", "list"],
        &["instances", "create", "--name", "a"],
    ] {
        let why = verger_run(arguments.iter().copied().chain(["--data", text(&data)])).refused();
        assert!(why.contains("verger migrate") && why.contains(text(&data)), "{arguments:?}: {why}");
        assert!(!data.exists(), "{arguments:?}");
    }
}

#[test]
fn a_revoked_key_is_refused_by_a_running_server_within_five_seconds() {
    let shop = Installation::new();
    let second = run(shop.verger(["keys", "create", "--instance", &shop.instance, "--name", "second"])).ok();
    let second = second.trim();
    assert!(second.starts_with("sk_live_") && second != shop.key, "{second}");

    let list = run(shop.verger(["keys", "list", "--instance", &shop.instance])).ok();
    assert_eq!(list.lines().count(), 3, "{list}");
    for secret in [second, &shop.key] {
        assert!(!list.contains(&secret["sk_live_".len()..]), "the list shows a secret");
        assert!(list.contains(&format!("…{}", &secret[secret.len() - 4..])), "{list}");
    }
    let line = list.lines().find(|line| line.ends_with("second")).expect("the second is listed");
    let id = line.split_whitespace().next().unwrap();

    let server = shop.serve([]);
    server.call(second, "GET", "/v1/users", "").ok();
    assert_eq!(run(shop.verger(["keys", "revoke", id])).ok(), format!("revoked {id}\n"));
    let revoked_at = Instant::now();
    let refused = until(PATIENCE, || {
        let answer = server.call(second, "GET", "/v1/users", "");
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.expect("the key is refused in the end");
    assert!(revoked_at.elapsed() < Duration::from_secs(5), "after {:?}", revoked_at.elapsed());
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (401, &"clerk_key_invalid".into()));
    server.call(&shop.key, "GET", "/v1/users", "").ok();

    let again = run(shop.verger(["keys", "revoke", id])).refused();
    assert!(again.contains(id), "{again}");
    let list = run(shop.verger(["keys", "list"])).ok();
    let revoked: Vec<_> = list.lines().skip(1).filter(|line| !line.contains("  -  ")).collect();
    assert_eq!(revoked.len(), 1, "{list}");
    assert!(revoked[0].starts_with(id), "{list}");
}

#[test]
fn a_key_of_an_unknown_instance_is_not_made() {
    let shop = Installation::new();
    let why = run(shop.verger(["keys", "create", "--instance", "ins_0"])).refused();
    assert!(why.contains("ins_0") && why.contains("verger instances list"), "{why}");
    assert_eq!(run(shop.verger(["keys", "list"])).ok().lines().count(), 2);
}

/// The marks of `check` by what was looked at.
fn marks(report: &str) -> Vec<(&str, &str)> {
    let words = report.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    words.map(|words| (words[1], words[0])).collect()
}

#[test]
fn check_finds_a_good_installation_good() {
    let shop = Installation::new();
    let report = run(shop.verger(["check"])).ok();
    let good = [
        "config", "sms", "email", "codes", "texts", "webhooks", "store", "sealed", "schema", "disk", "clock",
    ]
    .map(|name| (name, "ok"));
    assert_eq!(marks(&report), good, "{report}");
    // Beside a running server too.
    let _server = shop.serve([]);
    assert_eq!(marks(&run(shop.verger(["check"])).ok()), good);
}

#[test]
fn check_says_what_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nothing");
    let config = folder.path().join("verger.toml");
    std::fs::write(&config, "listen = \"127.0.0.1:4100\"\nport = 1\n").unwrap();
    let mut command = verger(["check", "--config", text(&config), "--data", text(&data)]);
    command.env("VERGER_LOG", "off");
    let ended = run(command);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = &ended.stdout;
    assert_eq!(marks(report)[0], ("config", "BAD"), "{report}");
    assert!(report.contains("port") && report.contains("line 2"), "{report}");
    assert!(ended.stderr.contains("bad"), "{ended:?}");

    let ended = verger_run(["check", "--data", text(&data)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let marks_found = marks(&ended.stdout);
    assert!(marks_found.contains(&("config", "ok")) && marks_found.contains(&("store", "BAD")), "{ended:?}");
    assert!(ended.stdout.contains("verger migrate"), "{ended:?}");
    assert!(!data.exists(), "check only looks");

    // A section of which one value is wrong.
    for (text_of, words) in [
        ("allow_networks = [\"10.0.0.0/33\"]", "10.0.0.0/33\" is not a network such as 10.1.0.0/16"),
        ("attempt_timeout_ms = 1", "attempt_timeout_ms must be from 100 to 60000"),
        ("ca_file = \"/nowhere/ca.pem\"", "/nowhere/ca.pem"),
    ] {
        std::fs::write(&config, format!("[webhooks]\n{text_of}\n")).unwrap();
        let report = verger_run(["check", "--config", text(&config), "--data", text(&data)]).stdout;
        assert!(marks(&report).contains(&("webhooks", "BAD")), "{report}");
        let line = report.lines().find(|line| line.contains("webhooks ")).unwrap();
        assert!(line.contains(words) && line.contains("[webhooks]"), "{line}");
    }
    std::fs::write(&config, "[webhooks]\nallow_network = []\n").unwrap();
    let report = verger_run(["check", "--config", text(&config), "--data", text(&data)]).stdout;
    assert!(marks(&report).contains(&("config", "BAD")) && report.contains("allow_networks"), "{report}");

    // A store that is none.
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("verger.db"), "this is no database, whatever its name says".repeat(100))
        .unwrap();
    let ended = verger_run(["check", "--data", text(&data)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(marks(&ended.stdout).contains(&("store", "BAD")), "{ended:?}");
}
