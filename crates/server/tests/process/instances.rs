//! `instances`, `settings` and `signing-keys`.

use crate::support::{Ended, Installation, PATIENCE, run, until};
use serde_json::{Value, json};
use std::process::Stdio;

fn verger(shop: &Installation, arguments: &[&str]) -> Ended {
    run(shop.verger(arguments.iter().copied()))
}

fn json_of(shop: &Installation, arguments: &[&str]) -> Value {
    let printed = verger(shop, arguments).ok();
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"))
}

#[test]
fn instance_is_created_with_everything_or_not_at_all() {
    let shop = Installation::new();
    verger(&shop, &["instances", "add-host", &shop.instance, "clerk.taken.example"]).ok();
    let before = verger(&shop, &["instances", "list"]).ok();
    let create = |more: &[&str]| {
        let ended = verger(&shop, &[&["instances", "create", "--name", "new"][..], more].concat());
        assert_eq!(ended.stdout, "", "{more:?}");
        assert_eq!(verger(&shop, &["instances", "list"]).ok(), before, "{more:?}");
        assert_ne!(ended.code, Some(0), "{more:?}");
        ended.stderr
    };
    let host = ["--frontend-host", "clerk.new.example"];
    for (more, named) in [
        (&["--frontend-host", "clerk.taken.example"][..], "clerk.taken.example belongs to the instance ins_"),
        (&["--frontend-host", "clerk.new.example"], "--frontend-host clerk.new.example is given twice"),
        (&["--origin", "app.new.example"], "'--origin <ORIGIN>'"),
        (&["--origin", "https://app.new.example/path"], "without a path"),
        (
            &["--origin", "https://a.new.example", "--origin", "https://a.new.example"],
            "--origin https://a.new.example is given twice",
        ),
        (&["--cookie-domain", "other.example"], "--cookie-domain other.example"),
        (&["--cookie-domain", "example"], "'--cookie-domain <DOMAIN>'"),
        (&["--frontend-host", "localhost:4100"], "must have a dot"),
    ] {
        let why = create(&[&host[..], more].concat());
        assert!(why.contains(named), "{more:?}: {why}");
    }
    // More than a write takes: the last host is refused by the store.
    let many: Vec<_> = (0..21).map(|at| format!("clerk{at}.new.example")).collect();
    let why = create(&many.iter().flat_map(|host| ["--frontend-host", host]).collect::<Vec<_>>());
    assert!(why.contains("at most 20 hosts"), "{why}");
    // Nothing that was refused holds a host.
    verger(&shop, &["instances", "add-host", &shop.instance, "clerk.new.example"]).ok();
}

#[test]
fn instance_has_what_it_was_created_with_and_the_trail_tells_of_its_settings() {
    let shop = Installation::new();
    let created = json_of(
        &shop,
        &[
            "instances",
            "create",
            "--name",
            "new",
            "--frontend-host",
            "clerk.new.example",
            "--frontend-host",
            "auth.new.example",
            "--origin",
            "https://app.new.example",
            "--cookie-domain",
            "new.example",
            "--format",
            "json",
        ],
    );
    let id = created["id"].as_str().unwrap();
    let listed = json_of(&shop, &["instances", "list", "--format", "json"]);
    assert!(listed.as_array().unwrap().contains(&created), "{listed}");
    assert_eq!(created["frontend_hosts"][0]["publishable_key"], "pk_live_Y2xlcmsubmV3LmV4YW1wbGUk");
    assert_eq!(created["frontend_hosts"][1]["host"], "auth.new.example");
    let list = verger(&shop, &["instances", "list"]).ok();
    assert!(list.contains("origin https://app.new.example\n    cookie domain new.example\n"), "{list}");
    let diff = json_of(&shop, &["settings", "diff", "--instance", id]);
    let frontend = json!({ "allowed_origins": ["https://app.new.example"], "cookie_domain": "new.example" });
    assert_eq!(diff, json!({ "frontend": frontend }));
    let key = verger(&shop, &["keys", "create", "--instance", id]).ok();
    let server = shop.serve([]);
    let told = until(PATIENCE, || {
        let trail = server.call(key.trim(), "GET", "/verger/v1/audit_log", "").json();
        trail["data"].get(0).cloned()
    });
    let told = told.expect("the trail has a row");
    assert_eq!(told["type"], "settings.updated", "{told}");
    assert_eq!(told["entry"]["changes"]["frontend.cookie_domain"]["after"], "new.example", "{told}");

    // For people: the id, then the keys, each on a line of its own.
    let lines = ["instances", "create", "--name", "other", "--frontend-host", "clerk.other.example"];
    let printed = verger(&shop, &lines).ok();
    let lines: Vec<_> = printed.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("ins_") && lines[1].starts_with("pk_live_"),
        "{printed}"
    );
}

#[test]
fn host_of_the_same_instance_is_told_apart_from_that_of_another() {
    let shop = Installation::new();
    let add = |instance: &str| verger(&shop, &["instances", "add-host", instance, "clerk.example.com"]);
    add(&shop.instance).ok();
    assert_eq!(
        add(&shop.instance).refused(),
        format!("{} has the host clerk.example.com already", shop.instance)
    );
    let other = verger(&shop, &["instances", "create", "--name", "other"]).ok();
    let why = add(other.trim()).refused();
    assert!(why.contains(&format!("belongs to the instance {} already", shop.instance)), "{why}");
    assert!(why.contains("verger instances remove-host"), "{why}");
}

#[test]
fn check_warns_of_a_cookie_domain_that_the_host_does_not_lie_within() {
    let shop = Installation::new();
    // While there is no host, any domain can be set.
    verger(&shop, &["settings", "set", "frontend.cookie_domain=other.com"]).ok();
    assert!(!verger(&shop, &["check"]).ok().contains("cookie domain"));
    verger(&shop, &["instances", "add-host", &shop.instance, "clerk.example.com"]).ok();
    let report = verger(&shop, &["check"]).ok();
    let mut lines = report.lines();
    assert!(lines.any(|line| line.contains("warn") && line.contains("cookie domain other.com")), "{report}");
    verger(&shop, &["settings", "set", "frontend.cookie_domain=example.com"]).ok();
    assert!(!verger(&shop, &["check"]).ok().contains("cookie domain"));
}

#[test]
fn settings_errors_name_the_setting_and_where_all_are_listed() {
    let shop = Installation::new();
    for (arguments, named) in [
        (
            &["set", "sessions.lifetim=5"][..],
            "there is no setting sessions.lifetim: `verger settings get` shows all",
        ),
        (&["get", "sessions.nope"], "there is no setting sessions.nope: `verger settings get` shows all"),
        (&["set", "sign_up.mode"], "\"sign_up.mode\" has no value: write sign_up.mode=VALUE"),
        (&["set", "display.application_name=123"], "display.application_name must be a string"),
        (&["set", "communication.blocked_country_codes=[\"UK\"]"], "the United Kingdom is GB"),
    ] {
        let why = verger(&shop, &[&["settings"][..], arguments].concat()).refused();
        assert!(why.contains(named), "{arguments:?}: {why}");
    }
    verger(&shop, &["settings", "set", "display.application_name=\"123\""]).ok();
    assert_eq!(json_of(&shop, &["settings", "get", "display.application_name"]), "123");
    // With a second instance there is none to take for granted.
    verger(&shop, &["instances", "create", "--name", "other"]).ok();
    let why = verger(&shop, &["settings", "get"]).refused();
    assert!(why.contains("2 instances") && why.contains("--instance"), "{why}");
}

#[test]
fn what_differs_can_be_set_from_standard_input() {
    let shop = Installation::new();
    let set = |text: &str| {
        let file = shop.data().join("settings.json");
        std::fs::write(&file, text).unwrap();
        let mut command = shop.verger(["settings", "set", "-"]);
        command.stdin(Stdio::from(std::fs::File::open(file).unwrap()));
        run(command)
    };
    let wanted = r#"{"sessions":{"single":false},"sign_up":{"mode":"restricted"}}"#;
    set(wanted).ok();
    let diff = verger(&shop, &["settings", "diff"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&diff).unwrap(), serde_json::from_str::<Value>(wanted).unwrap());
    verger(&shop, &["settings", "set", "sessions=null", "sign_up=null"]).ok();
    set(&diff).ok();
    assert_eq!(verger(&shop, &["settings", "diff"]).ok(), diff);
    let why = set("[1]").refused();
    assert!(why.contains("standard input must have a JSON object"), "{why}");
}

#[test]
fn public_key_is_printed_alone_and_the_one_that_takes_over_is_printed_too() {
    let shop = Installation::new();
    let pem = |more: &[&str]| {
        let printed = verger(&shop, &[&["signing-keys", "list", "--pem"][..], more].concat()).ok();
        assert!(printed.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{printed}");
        assert!(printed.ends_with("-----END PUBLIC KEY-----\n"), "{printed}");
        assert_eq!(printed.matches("-----BEGIN").count(), 1, "{printed}");
        printed
    };
    let why = verger(&shop, &["signing-keys", "list", "--pem"]).refused();
    assert!(why.contains("there is no signing key yet"), "{why}");
    for (at, named) in [("tomorrow", "2026-12-01T00:00:00Z"), ("2026-12-01", "Unix milliseconds")] {
        let ended = verger(&shop, &["signing-keys", "rotate", "--at", at]);
        assert!(ended.code == Some(2) && ended.stderr.contains(named), "{ended:?}");
    }
    let rotated = verger(&shop, &["signing-keys", "rotate"]).ok();
    let listed = json_of(&shop, &["signing-keys", "list", "--format", "json"]);
    let key = |state: &str| {
        let keys = listed.as_array().unwrap();
        keys.iter().find(|key| key["state"] == state).unwrap_or_else(|| panic!("{listed}")).clone()
    };
    let (signing, pending) = (key("signing"), key("pending"));
    assert_eq!(pem(&[]), signing["public_key_pem"]);
    assert_eq!(pem(&[pending["id"].as_str().unwrap()]), pending["public_key_pem"]);
    assert!(rotated.contains(pending["public_key_pem"].as_str().unwrap()), "{rotated}");
    assert!(!verger(&shop, &["signing-keys", "list"]).ok().contains("BEGIN"));
    let why = verger(&shop, &["signing-keys", "list", "--pem", "ins_none"]).refused();
    assert!(why.contains("no signing key ins_none"), "{why}");

    let retired = verger(&shop, &["signing-keys", "retire", signing["id"].as_str().unwrap(), "--now"]).ok();
    assert!(
        retired.contains(&pem(&[])) && !retired.contains(signing["public_key_pem"].as_str().unwrap()),
        "{retired}"
    );
}
