//! `check`, `keys`, `instances`, `migrate`, and what all commands have in common.

use crate::support::{Installation, PATIENCE, run, text, until, verger, verger_run};
use std::time::{Duration, Instant};

#[test]
fn every_command_explains_itself() {
    /// The words of a command, of all below it, and the flags that its help must name.
    fn walk(command: &clap::Command, words: &[String], found: &mut Vec<(Vec<String>, Vec<String>)>) {
        let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let flags = shown.filter_map(|argument| argument.get_long());
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
        (&["check", "--port", "1"], "--listen 1"),
        (&["dev", "--port"], "--listen 4100"),
        (&["serve", "--port", "4100"], "--listen 4100"),
        (&["serve", "--listen", "nowhere"], "such as 127.0.0.1:4100"),
        (&["serve", "--request-timeout-ms", "soon"], "must be a whole number from 10 to 600000"),
        (&["instances", "create", "--name", ""], "must not be empty"),
        (&["keys", "create", "--instance", "ins_1", "--name", " "], "must not be empty"),
        (&["webhooks", "add", "--instance", "ins_1"], "<URL>"),
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

    let why = run(shop.verger(["keys", "list", "--instance", "ins_nope"])).refused();
    assert!(why.contains("there is no instance ins_nope"), "{why}");
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
    let good =
        ["config", "texts", "sending", "code_keys", "webhooks", "store", "schema", "sealed", "disk", "clock"];
    let mut found: Vec<_> = marks(&report);
    // What others look at besides.
    found.retain(|(name, _)| good.contains(name));
    assert_eq!(found, good.map(|name| (name, "ok")), "{report}");
    assert!(marks(&report).iter().all(|(_, mark)| *mark != "BAD"), "{report}");
    // Beside a running server too.
    let _server = shop.serve([]);
    run(shop.verger(["check"])).ok();
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
    // The folder is known from the flag, and the keys from the environment; what the file may say is not guessed.
    assert!(marks(report).contains(&("store", "BAD")) && report.contains(text(&data)), "{report}");
    assert!(marks(report).contains(&("code_keys", "ok")), "{report}");
    assert!(marks(report).iter().all(|(name, _)| !["sms", "email", "webhooks"].contains(name)), "{report}");
    assert!(
        ended.stderr.contains("2 problems; what depends on the config file was not checked"),
        "{ended:?}"
    );
    let mut command = verger(["check", "--config", text(&config)]);
    command.env_remove("VERGER_CODE_KEYS");
    let ended = run(command);
    assert!(ended.stderr.contains("verger: 1 problem; "), "{ended:?}");
    assert_eq!(marks(&ended.stdout), [("config", "BAD"), ("clock", "ok")], "{ended:?}");

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

/// What `check` says with this file and a good store.
fn check_of(shop: &Installation, content: &str) -> crate::support::Ended {
    let config = shop.data().join("verger.toml");
    std::fs::write(&config, content).unwrap();
    run(shop.verger(["check", "--config", text(&config)]))
}

#[test]
fn check_warns_where_no_sender_is_set_and_tells_one_fault_once() {
    let shop = Installation::new();
    let ended = check_of(&shop, "");
    assert_eq!(ended.code, Some(0), "a warning is no problem: {ended:?}");
    for (name, what) in [("sms", "text message"), ("email", "email")] {
        let line = ended.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some(name)).unwrap();
        assert!(line.starts_with("warn "), "{line}");
        assert!(line.contains(&format!("codes by {what} are refused until a sender is set")), "{line}");
    }
    // Every line begins its text in the same column.
    let column = |line: &str| {
        line.len() - line[5..].trim_start_matches(|c: char| !c.is_whitespace()).trim_start().len()
    };
    let columns: Vec<_> = ended.stdout.lines().map(column).collect();
    assert!(columns.iter().all(|at| *at == columns[0]), "{}", ended.stdout);

    let ended = check_of(&shop, "[sms]\nsender = \"twilio\"\n[sms.twilio]\naccount_sid = \"AC1\"\n");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(marks(&ended.stdout).iter().filter(|(_, mark)| *mark == "BAD").count(), 1, "{ended:?}");
    assert_eq!(ended.stdout.matches("sms.twilio").count(), 1, "{ended:?}");
    assert!(ended.stderr.ends_with("verger: 1 problem\n"), "{ended:?}");
}

#[test]
fn check_and_serve_refuse_countries_that_do_not_exist() {
    let shop = Installation::new();
    for (content, words) in [
        ("allowed_countries = [\"US\", \"UK\"]", "\"UK\": write \"GB\""),
        ("allowed_countries = [\"ZZ\"]", "\"ZZ\" is no country"),
        ("allowed_countries = [\"us\"]", "\"us\": write \"US\""),
        ("allowed_countries = [\"USA\"]", "\"USA\" is no country"),
        ("allowed_countries = [\"\"]", "\"\" is no country"),
        ("prices = { UK = 0.1 }", "prices: \"UK\": write \"GB\""),
        ("prices = { \"*\" = 0.1 }", "default_price"),
    ] {
        let content = format!("[sending]\n{content}\n");
        let ended = check_of(&shop, &content);
        assert!(marks(&ended.stdout).contains(&("sending", "BAD")), "{content}: {ended:?}");
        assert!(ended.stdout.contains(words), "{content}: {ended:?}");
        let config = shop.data().join("verger.toml");
        let why = run(shop.verger(["serve", "--log", "off", "--config", text(&config)])).refused();
        assert!(why.contains(words), "{content}: {why}");
    }
    let good = check_of(&shop, "[sending]\nallowed_countries = [\"GB\", \"CH\"]\nprices = { GB = 0.1 }\n");
    assert!(marks(&good.stdout).contains(&("sending", "ok")), "{good:?}");
    let all = check_of(&shop, "[sending]\nallowed_countries = [\"*\"]\n");
    assert!(all.stdout.contains("all countries"), "{all:?}");
}

#[test]
fn lists_are_printed_as_json_on_one_line() {
    let shop = Installation::new();
    for (arguments, object) in [
        (&["keys", "list"][..], "secret_key"),
        (&["instances", "list"], "instance"),
        (&["webhooks", "list", "--instance", &shop.instance], "webhook_endpoint"),
    ] {
        let printed = run(shop.verger(arguments.iter().copied().chain(["--format", "json"]))).ok();
        assert_eq!(printed.lines().count(), 1, "{printed}");
        let list: serde_json::Value = serde_json::from_str(&printed).unwrap();
        for item in list.as_array().unwrap() {
            assert_eq!(item["object"], object, "{printed}");
            assert!(item["id"].is_string() && item["created_at"].is_i64(), "{printed}");
        }
        assert_eq!(list.as_array().unwrap().len(), usize::from(object != "webhook_endpoint"), "{printed}");
        assert!(!printed.contains(&shop.key), "a secret is shown");
    }
    let printed = run(shop.verger(["check", "--format", "json"])).ok();
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((printed.lines().count(), &report["problems"]), (1, &serde_json::json!(0)), "{printed}");
}

#[test]
fn a_reader_that_goes_away_ends_a_command_in_silence() {
    let shop = Installation::new();
    for arguments in [
        &["keys", "list"][..],
        &["instances", "list"],
        &["webhooks", "list", "--instance", &shop.instance],
        &["audit", "verify", "--instance", &shop.instance],
        &["check"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = shop.verger(arguments.iter().copied()).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
        assert_eq!(ended.status.code(), Some(141), "{arguments:?}");
    }
}

#[test]
fn refused_commands_make_no_folder_and_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nothing");
    let (data, target) = (text(&data), format!("sqlite:{}/b.db", data.display()));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for arguments in [
        &["serve", "--data", data][..],
        &["check", "--data", data],
        &["dev", "--data", data, "--listen", &taken],
        &["dev", "--data", data, "--listen", "127.0.0.1:0", "--store", "mysql://h/d"],
        &["dev", "--data", data, "--listen", "127.0.0.1:0", "--store", "postgres://127.0.0.1:1/d"],
        &["migrate", "--data", data, "--store", "bk.db"],
        &["backup", "--data", data, "--to", "b.db"],
        &["restore", "--data", data, "--from", "nowhere.db"],
        &["copy", "--from", "bk.db", "--to", &target],
        &["copy", "--from", "sqlite:nowhere.db", "--to", &target],
        &["copy", "--from", "postgres://127.0.0.1:1/d", "--to", &target],
        &["webhooks", "list", "--instance", "ins_1", "--data", data],
        &["audit", "verify", "--instance", "ins_1", "--data", data],
    ] {
        let mut command = verger(arguments.iter().copied());
        command.current_dir(folder.path());
        let ended = run(command);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{arguments:?} left {left:?}");
        if arguments.contains(&"mysql://h/d") || arguments.contains(&"bk.db") {
            let is_plain = ended.stderr.contains("must be sqlite:FILE or postgres://");
            assert!(is_plain && !ended.stderr.contains("does not answer"), "{arguments:?}: {ended:?}");
        }
    }
}
