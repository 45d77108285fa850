//! The help, the file and the code agree about every setting.

use super::*;

/// A value of the file, and the default that the code falls back to, as the help shows it.
fn sample_and_default(key: &str) -> (&'static str, String) {
    let none = ServeConfig::default();
    let (limits, listen) = (none.limits(), none.listen_limits());
    match key {
        "listen" => ("\"[::1]:1\"", none.listen().to_string()),
        "metrics_listen" => ("\"[::1]:2\"", none.metrics_listen().to_string()),
        "data" => ("\"/a\"", none.data().display().to_string()),
        // `cli::production` has these two.
        "log_format" => ("\"human\"", "json".to_owned()),
        "log" => ("\"warn\"", "info".to_owned()),
        "request_timeout_ms" => ("11", limits.request_timeout_ms.to_string()),
        "header_timeout_ms" => ("12", listen.header_timeout_ms.to_string()),
        "keep_alive_timeout_ms" => ("15", listen.keep_alive_timeout_ms.to_string()),
        "shutdown_delay_ms" => ("16", listen.shutdown_delay_ms.to_string()),
        "connections_per_address" => ("17", "a quarter of connections_max, at least 16".to_owned()),
        "trusted_proxies" => ("[\"10.0.0.0/8\", \"::1\"]", "none".to_owned()),
        "shutdown_timeout_ms" => ("13", listen.shutdown_timeout_ms.to_string()),
        "store" => ("\"postgres://u@h/d\"", "the embedded store in --data".to_owned()),
        "code_keys" => ("\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\"", "none".to_owned()),
        "connections_max" => ("14", listen.connections_max.to_string()),
        // `PasswordPool::new` asks how many cores there are.
        "password_hash_slots" => ("18", "the number of cores".to_owned()),
        "password_list" => ("\"/b\"", "none".to_owned()),
        other => panic!("a new setting, {other}: add a value of the file and its default above"),
    }
}

fn arguments() -> Vec<clap::Arg> {
    ServeConfig::augment_args(clap::Command::new("serve")).get_arguments().cloned().collect()
}

fn from_file(content: &str) -> anyhow::Result<ServeConfig> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("verger.toml");
    std::fs::write(&path, content)?;
    ServeConfig::default().over_file(Some(&path))
}

#[test]
fn a_number_out_of_range_is_told_with_the_range() {
    for (content, words) in [
        ("[email.smtp]\nport = 65536", "port: must be a whole number from 0 to 65535"),
        ("[email.smtp]\nport = -1", "port: must be a whole number from 0 to 65535"),
        ("[email.smtp]\nport = 99999999999999999999", "port: must be a whole number from 0 to 65535"),
        (
            "request_timeout_ms = 99999999999999999999",
            "request_timeout_ms: must be a whole number from 10 to 600000",
        ),
        ("request_timeout_ms = -1", "request_timeout_ms: must be a whole number from 10 to 600000"),
        ("shutdown_delay_ms = 600001", "shutdown_delay_ms must be a whole number from 0 to 600000"),
        ("[sending]\nper_user = 99999999999999999999", "per_user: must be a whole number from 0 to "),
    ] {
        let why = from_file(content).expect_err(content).to_string();
        assert!(why.contains(words), "{content}: {why}");
    }
}

#[test]
fn a_store_of_the_file_that_is_none_is_told_by_its_key() {
    for store in ["", "sqlite:", "sqlite: ", "bk.db"] {
        let why = from_file(&format!("store = \"{store}\"")).expect_err(store).to_string();
        assert!(
            why.contains("verger.toml: store must be sqlite:FILE or") && !why.contains("--store"),
            "{why}"
        );
    }
}

#[test]
fn every_setting_has_a_name_in_the_environment_and_tells_its_real_default() {
    for argument in arguments() {
        let key = argument.get_id().as_str();
        let flag = argument.get_long().expect("a flag");
        assert_eq!(flag.replace('-', "_"), key);
        let environment = argument.get_env().expect("an environment name").to_str();
        assert_eq!(environment, Some(format!("VERGER_{}", key.to_uppercase()).as_str()));
        let help = argument.get_help().expect("a help").to_string();
        let (_, default) = help.rsplit_once(" Default: ").expect("a default");
        assert_eq!(default, sample_and_default(key).1, "{key}");
    }
}

#[test]
fn every_setting_of_the_file_arrives() {
    let keys: Vec<_> = arguments().iter().map(|argument| argument.get_id().to_string()).collect();
    let lines = keys.iter().map(|key| format!("{key} = {}\n", sample_and_default(key).0));
    let config = from_file(&lines.collect::<String>()).expect("a good file");
    // The sections have defaults of their own.
    let shown = format!("{config:?}").split(", sms: ").next().expect("the settings").to_owned();
    assert!(config.code_keys.is_some(), "code_keys is lost");
    assert!(!shown.contains("None"), "a setting of the file is lost: {shown}");

    // And the file has no others.
    let error = from_file("nothing = 1").expect_err("unknown").to_string();
    let (_, known) = error.split_once("expected one of ").expect("the known keys");
    let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    let sections = ["sms", "email", "sending", "webhooks"].map(str::to_owned);
    let of_flags: Vec<_> =
        known.into_iter().filter(|key| !sections.iter().any(|section| section == key)).collect();
    assert_eq!(of_flags, keys);
}

#[test]
fn a_value_that_does_not_fit_is_told_with_its_line_and_key() {
    let error = from_file("log = \"info\"\nlisten = \"here\"\n").expect_err("not an address").to_string();
    assert!(error.contains("line 2: listen: "), "{error}");
    let error = from_file("log_format = \"xml\"").expect_err("no such format").to_string();
    assert!(error.contains("line 1: log_format: "), "{error}");
}

#[test]
fn the_share_of_an_address_follows_the_number_of_connections() {
    let share = |file: &str| from_file(file).unwrap().listen_limits().connections_per_address;
    assert_eq!(share(""), 2_500);
    assert_eq!(share("connections_max = 1000"), 250);
    assert_eq!(share("connections_max = 20"), 16);
    assert_eq!(share("connections_per_address = 7"), 7);
    assert_eq!(share("connections_per_address = 0"), 0);
}

#[test]
fn trusted_proxies_are_networks_or_the_file_is_refused_with_the_line() {
    let proxies =
        |file: &str| from_file(file).map(|config| config.listen_limits().trusted_proxies.to_string());
    assert_eq!(proxies("").unwrap(), "");
    assert_eq!(proxies("trusted_proxies = []").unwrap(), "");
    assert_eq!(proxies("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]").unwrap(), "10.0.0.0/8, ::1/128");
    for bad in ["[\"10.0.0.0/40\"]", "[\"proxy.example.com\"]", "[\"10.0.0.1/8\"]", "\"10.0.0.0/8\"", "[7]"] {
        let why = proxies(&format!("log = \"info\"\ntrusted_proxies = {bad}")).unwrap_err().to_string();
        assert!(why.contains("line 2: trusted_proxies: "), "{bad}: {why}");
    }
}

#[test]
fn sections_of_senders_are_read_from_the_file() {
    let config = from_file(
        "listen = \"127.0.0.1:9\"\n[sms]\nsender = \"log\"\n[email.smtp]\nhost = \"mail.example.com\"\n",
    )
    .unwrap();
    assert_eq!(config.sms.sender, verger_deliver::config::SmsSenderName::Log);
    assert_eq!(config.email.smtp.host.as_deref(), Some("mail.example.com"));
}

#[test]
fn a_secret_in_a_bad_file_is_not_in_the_error() {
    let error = from_file("[sms.vonage]\napi_secret = 918273645\n").unwrap_err().to_string();
    assert!(error.contains("line 2: api_secret: a secret must be text in quotes"), "{error}");
    let error = from_file("[sms.twilio]\nauth_token = \"918273645\nfrom = \"+1\"\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("918273645"), "{error}");
    let error = from_file("[sms.twilio]\nauth_tokn = \"918273645\"\n").unwrap_err().to_string();
    assert!(error.contains("auth_tokn") && !error.contains("918273645"), "{error}");
}
