//! Where settings come from, and what is said about bad ones.

use crate::support::{Installation, run, text, verger};
use std::net::TcpListener;

#[test]
fn flags_are_over_the_environment_which_is_over_the_file() {
    let shop = Installation::new();
    // Addresses that cannot be listened on: the refusal tells which one was taken.
    let taken = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [file, environment, flag] =
        taken.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let config = shop.data().join("verger.toml");
    std::fs::write(&config, format!("listen = \"{file}\"\nlog = \"off\"\n")).unwrap();
    let refusal = |has_environment, has_flag| {
        let mut command = shop.verger(["serve", "--metrics-listen", "127.0.0.1:0"]);
        command.env("VERGER_CONFIG", &config);
        if has_environment {
            command.env("VERGER_LISTEN", &environment);
        }
        if has_flag {
            command.args(["--listen", &flag]);
        }
        run(command).refused()
    };
    assert!(refusal(false, false).contains(&file));
    assert!(refusal(true, false).contains(&environment));
    assert!(refusal(true, true).contains(&flag));
    assert!(refusal(false, true).contains(&flag));
}

#[test]
fn a_bad_config_file_is_refused_with_its_name_the_line_and_the_key() {
    let shop = Installation::new();
    let config = shop.data().join("verger.toml");
    for (content, line, key) in [
        ("port = 4100", 1, "port"),
        ("log = \"info\"\nlisten_on = \"127.0.0.1:1\"", 2, "listen_on"),
        ("listen = 70000", 1, "a port is a number from 0 to 65535"),
        ("listen = true", 1, "must be an address and a port such as"),
        ("port = 4100", 1, "the address and the port are `listen`"),
        ("[sending]\ndaily_budget = \"a lot\"", 2, "must be a number, such as 10.5, without quotes"),
        ("[sending]\nper_user = 1.5", 2, "must be a whole number that is not negative"),
        ("[sending]\nunverified = \"never\"", 2, "must be one of `deny`, `record`, `off`"),
        ("[sending]\nallowed_countries = \"US\"", 2, "must be a list in square brackets"),
        ("[sms.webhook]\nallow_plain_http = \"yes\"", 2, "must be true or false, without quotes"),
        ("[email]\nsender = \"sendmail\"", 2, "must be one of `smtp`, `webhook`, `event`, `log`, `none`"),
        ("sms = 5", 1, "must be a section"),
        ("\n\nlisten = \"nowhere\"", 3, "listen"),
        ("metrics_listen = \"127.0.0.1\"", 1, "metrics_listen"),
        ("log_format = \"xml\"", 1, "log_format"),
        ("# a comment\nrequest_timeout_ms = \"4500\"", 2, "request_timeout_ms"),
        ("request_timeout_ms = -1", 1, "request_timeout_ms"),
        ("connections_max = 1.5", 1, "connections_max"),
        ("data = 7", 1, "data"),
        ("log = \"info\"\nlog = \"warn\"", 2, "log"),
        ("[serve]\nlisten = \"127.0.0.1:1\"", 1, "serve"),
    ] {
        std::fs::write(&config, content).unwrap();
        let why = run(shop.verger(["serve", "--config", text(&config)])).refused();
        let place = format!("config file {}, line {line}: ", config.display());
        let what = why.strip_prefix(&place).unwrap_or_else(|| panic!("{content:?}: {why}"));
        assert!(what.contains(key), "{content:?}: {why}");
        for inside in ["f64", "u32", "i64", "expected a", "variant", "struct "] {
            assert!(!what.contains(inside), "{content:?}: {why}");
        }
    }
    for (content, key) in [
        ("request_timeout_ms = 9", "request_timeout_ms must be a whole number from 10 to 600000"),
        ("header_timeout_ms = 600001", "header_timeout_ms must be a whole number from 10 to 600000"),
        ("shutdown_timeout_ms = 600001", "shutdown_timeout_ms must be a whole number from 0 to 600000"),
        ("connections_max = 0", "connections_max must be a whole number of at least 1"),
    ] {
        std::fs::write(&config, content).unwrap();
        let why = run(shop.verger(["serve", "--config", text(&config)])).refused();
        assert!(why.contains(key) && why.contains(text(&config)), "{content:?}: {why}");
    }
    // A file that is no text, and a folder.
    std::fs::write(&config, b"listen = \"\xff\"").unwrap();
    let why = run(shop.verger(["serve", "--config", text(&config)])).refused();
    assert!(why.contains(text(&config)), "{why}");
    let why = run(shop.verger(["serve", "--config", text(&shop.data())])).refused();
    assert!(why.contains(text(&shop.data())), "{why}");
}

#[test]
fn a_bad_setting_of_the_environment_is_refused_with_its_name() {
    for (name, value) in [
        ("VERGER_LISTEN", "nowhere"),
        ("VERGER_METRICS_LISTEN", "70000"),
        ("VERGER_LOG_FORMAT", "xml"),
        ("VERGER_REQUEST_TIMEOUT_MS", "0"),
        ("VERGER_CONNECTIONS_MAX", "-1"),
    ] {
        let mut command = verger(["serve"]);
        command.env(name, value);
        let ended = run(command);
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        // Nobody typed a flag.
        let flag = name.strip_prefix("VERGER_").unwrap().to_lowercase().replace('_', "-");
        assert!(ended.stderr.contains(name), "{name}: {ended:?}");
        assert!(!ended.stderr.contains(&format!("--{flag}")), "{name}: {ended:?}");
    }
    let mut command = verger(["serve", "--listen", "nowhere"]);
    command.env("VERGER_LISTEN", "127.0.0.1:1");
    let ended = run(command);
    assert!(ended.stderr.contains("'--listen <ADDRESS:PORT>'"), "{ended:?}");
    let mut command = verger(["dev", "--ephemeral"]);
    command.env("VERGER_DATA", "somewhere");
    let ended = run(command);
    assert!(ended.code == Some(2) && ended.stderr.contains("VERGER_DATA"), "{ended:?}");
}

#[test]
fn an_address_of_the_file_may_be_a_port_alone() {
    let shop = Installation::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = shop.data().join("verger.toml");
    for value in
        [format!("{port}"), format!("\"{port}\""), format!("\":{port}\""), format!("\"localhost:{port}\"")]
    {
        std::fs::write(&config, format!("listen = {value}\nmetrics_listen = 0\nlog = \"off\"\n")).unwrap();
        let why = run(shop.verger(["serve", "--config", text(&config)])).refused();
        assert!(why.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{value}: {why}");
    }
}
