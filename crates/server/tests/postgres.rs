//! The command line with its store on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output};
use verger_testdb::Cluster;

const PASSWORD: &str = "s3cret-passw0rd";

fn verger(url: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_verger"))
        .args(arguments)
        .env("VERGER_STORE", url)
        .env("VERGER_CODE_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .env("VERGER_DATA", folder.path().join("data"))
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains(PASSWORD), "{arguments:?} prints the password: {text}");
    }
    output
}

fn succeeds(url: &str, arguments: &[&str]) -> String {
    let output = verger(url, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn fails(url: &str, arguments: &[&str]) -> String {
    let output = verger(url, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).expect("text")
}

#[test]
fn every_command_takes_a_url_and_hides_its_password() {
    // As `check` wants to see it.
    let Some(cluster) = Cluster::start(&["fsync=on", "full_page_writes=on"]) else { return };
    let database = cluster.database();
    let url = cluster.url(&database).replace("verger@", &format!("verger:{PASSWORD}@"));
    for arguments in [&["serve"][..], &["keys", "list"], &["check"]] {
        let told = fails(&url, arguments);
        assert!(told.contains("verger migrate"), "{arguments:?}: {told}");
    }
    let location = cluster.url(&database);
    let migrated = succeeds(&url, &["migrate"]);
    assert!(migrated.starts_with(&format!("{location} is now at schema version")), "{migrated}");
    let again = succeeds(&url, &["migrate"]);
    assert!(again.ends_with("already"), "{again}");
    let instance = succeeds(&url, &["instances", "create", "--name", "shop"]);
    assert!(succeeds(&url, &["instances", "list"]).contains(&instance));
    let secret = succeeds(&url, &["keys", "create", "--instance", &instance]);
    assert!(secret.starts_with("sk_live_"), "{secret}");
    assert!(succeeds(&url, &["keys", "list"]).contains(&instance));
    let check = succeeds(&url, &["check"]);
    assert!(check.contains(&location), "{check}");
    // The shared one of the tests keeps nothing through a power cut.
    if let Some(careless) = Cluster::shared() {
        let url = careless.url(&careless.database());
        succeeds(&url, &["migrate"]);
        assert!(fails(&url, &["check"]).contains("BAD  durability  fsync = off"));
    }
    assert!(cluster.sql(&database, "SELECT count(*) FROM secret_keys") == "1");

    let gone = url.replace(&format!(":{}/", cluster.port()), ":1/");
    for arguments in [&["serve"][..], &["keys", "list"], &["check"], &["migrate"], &["dev"]] {
        let told = fails(&gone, arguments);
        assert!(told.contains("does not answer"), "{arguments:?}: {told}");
    }
    assert!(fails(&url, &["dev", "--ephemeral"]).contains("cannot be used with"));
}

#[test]
fn url_of_sqlite_names_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("below/own.db");
    let url = format!("sqlite:{}", file.display());
    assert!(fails(&url, &["keys", "list"]).contains("verger migrate"));
    succeeds(&url, &["migrate"]);
    assert!(file.exists());
    let instance = succeeds(&url, &["instances", "create", "--name", "shop"]);
    assert!(succeeds(&url, &["instances", "list"]).contains(&instance));
}
