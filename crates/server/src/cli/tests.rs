//! Rules for the whole command line.

use super::*;

fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    let path = format!("{path} {}", command.get_name());
    found.push((path.clone(), command.clone()));
    for below in command.get_subcommands() {
        all(below, &path, found);
    }
}

fn commands() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    all(&command(), "", &mut found);
    found
}

#[test]
fn every_argument_is_described_and_every_command_too() {
    for (path, command) in commands() {
        assert!(command.get_about().is_some_and(|about| about.to_string().len() > 10), "{path}");
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            // One word says no more than the name of the argument.
            let is_described = help.contains(' ') && help.starts_with(char::is_uppercase);
            assert!(is_described, "{path}: {}: {help:?}", argument.get_id());
        }
    }
}

#[test]
fn help_lists_every_command_once_by_task_and_says_where_the_documentation_is() {
    let help = command().render_help().to_string();
    let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("{text:?} is not in {help}"));
    let places: Vec<_> = TASKS.iter().map(|(task, _)| at(&format!("\n{task}:\n"))).collect();
    assert!(places.is_sorted(), "{help}");
    assert!(help.contains("docs") && help.contains("/reference"), "{help}");
    let command = command();
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    for name in &names {
        let about = command.find_subcommand(name).and_then(clap::Command::get_about).unwrap().to_string();
        assert_eq!(help.matches(&format!("\n  {name:<12} {about}\n")).count(), 1, "{name}: {help}");
    }
    for (_, tasks) in TASKS {
        assert!(tasks.iter().all(|task| names.contains(task)), "{tasks:?} are not all commands");
    }
}

#[test]
fn every_list_can_be_printed_as_json() {
    let lists =
        commands().into_iter().filter(|(path, _)| path.ends_with(" list") || path.ends_with(" check"));
    let lists: Vec<_> = lists.collect();
    assert!(lists.len() >= 4, "{lists:?}");
    for (path, command) in lists {
        let format = command.get_arguments().find(|argument| argument.get_long() == Some("format"));
        let values = format.map(clap::Arg::get_possible_values).unwrap_or_default();
        assert!(values.iter().any(|value| value.get_name() == "json"), "{path} has no --format json");
    }
}

#[test]
fn every_name_must_say_something() {
    let mut looked_at = 0;
    for (path, command) in commands() {
        if command.get_arguments().all(|argument| argument.get_long() != Some("name")) {
            continue;
        }
        looked_at += 1;
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            let refused = command.clone().try_get_matches_from(["x", "--name", name]);
            let why = refused.expect_err(&path).to_string();
            assert!(why.contains("must ") && why.contains("--name"), "{path} {name:?}: {why}");
        }
    }
    assert_eq!(looked_at, 2);
}

#[test]
fn every_address_takes_what_people_type() {
    let mut looked_at = 0;
    for (path, command) in commands() {
        let flags: Vec<_> =
            command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned).collect();
        for flag in flags.iter().filter(|flag| flag.ends_with("listen")) {
            looked_at += 1;
            for typed in ["4100", ":4100", "localhost:4100", "LOCALHOST:4100", "127.0.0.1:4100", "[::1]:4100"]
            {
                let words = ["x".to_owned(), format!("--{flag}={typed}")];
                let matches = command.clone().try_get_matches_from(words).expect("taken");
                let address: &std::net::SocketAddr =
                    matches.get_one(&flag.replace('-', "_")).expect("it is there");
                assert!(
                    address.ip().is_loopback() && address.port() == 4100,
                    "{path} --{flag} {typed}: {address}"
                );
            }
            for (typed, words) in [
                ("nowhere", "such as 127.0.0.1:4100"),
                ("127.0.0.1", "the port is missing"),
                ("localhost", "the port is missing"),
                ("70000", "a port is a number from 0 to 65535"),
                ("example.com:80", "names other than localhost"),
                ("http://127.0.0.1:4100", "without http://"),
                ("*:4100", "0.0.0.0:4100"),
                ("::1:4100", "brackets"),
                ("", "such as 127.0.0.1:4100"),
            ] {
                let line = ["x".to_owned(), format!("--{flag}={typed}")];
                let why = command.clone().try_get_matches_from(line).expect_err(typed).to_string();
                assert!(why.contains(words), "{path} --{flag} {typed}: {why}");
            }
        }
    }
    assert!(looked_at >= 6, "{looked_at}");
}

#[test]
fn a_timeout_that_is_no_number_is_told_what_a_good_one_is() {
    for typed in ["abc", "", "0", "1.5", "-1", "31536001", "99999999999999999999"] {
        let line = ["verger", "migrate", &format!("--timeout={typed}")];
        let why = command().try_get_matches_from(line).expect_err(typed).to_string();
        assert!(why.contains("a whole number of seconds") && why.contains("such as 600"), "{typed}: {why}");
    }
    command().try_get_matches_from(["verger", "migrate", "--timeout=600"]).unwrap();
}
