//! `verger copy`, `backup` and `restore`.

use crate::support::{Installation, Running, Serving, run, text, verger, verger_run};
use serde_json::json;
use verger_testdb::Cluster;

/// An installation with this many users, and their page as the server shows it.
fn with_users(count: usize) -> (Installation, String) {
    let shop = Installation::new();
    let server = shop.serve(["--log", "info"]);
    for at in 0..count {
        let body = json!({ "email_address": [format!("u{at}@example.com")] }).to_string();
        server.call(&shop.key, "POST", "/v1/users", &body).ok();
    }
    let page = server.call(&shop.key, "GET", "/v1/users?limit=500", "").ok().text;
    (shop, page)
}

/// What a server on another folder shows with the same key.
fn page_in(folder: &std::path::Path, key: &str) -> String {
    let mut command = verger(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    command.arg("--data").arg(folder);
    Serving::start(command).call(key, "GET", "/v1/users?limit=500", "").ok().text
}

#[test]
fn backup_of_a_running_server_comes_back_and_overwrites_nothing_unasked() {
    let (shop, page) = with_users(20);
    let server = shop.serve([]);
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    let told = run(shop.verger(["backup", "--to", text(&saved)])).ok();
    assert!(told.contains("bytes in"), "{told}");
    assert!(run(shop.verger(["backup", "--to", text(&saved)])).refused().contains("already exists"));
    server.call(&shop.key, "POST", "/v1/users", r#"{"email_address":["later@example.com"]}"#).ok();

    let data = folder.path().join("restored");
    let arguments = ["restore", "--from", text(&saved), "--data", text(&data)];
    verger_run(arguments).ok();
    assert_eq!(page_in(&data, &shop.key), page);
    let why = verger_run(arguments).refused();
    assert!(why.contains("--overwrite"), "{why}");
    verger_run(arguments.into_iter().chain(["--overwrite"])).ok();
    let why = run(shop.verger(["restore", "--overwrite", "--from", text(&saved)])).refused();
    assert!(why.contains("stop the server"), "{why}");
    drop(server);

    let why = verger_run(["backup", "--store", "postgres://h/d", "--to", "x"]).refused();
    assert!(why.contains("pg_dump"), "{why}");
}

#[test]
fn copy_shows_what_it_copied_and_refuses_a_target_with_rows() {
    let (shop, page) = with_users(20);
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let from = format!("sqlite:{}", shop.data().join("verger.db").display());
    let told = verger_run(["copy", "--from", &from, "--to", &url("new/verger.db")]).ok();
    for part in ["users", "20  ", "the same in both", "is ready"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(page_in(&folder.path().join("new"), &shop.key), page);
    let why = verger_run(["copy", "--from", &from, "--to", &url("new/verger.db")]).refused_last();
    assert!(why.contains("has rows in"), "{why}");
    let why = verger_run(["copy", "--from", &url("none.db"), "--to", &url("other.db")]).refused();
    assert!(why.contains("there is no store at") && !why.contains("--data"), "{why}");
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn copy_that_is_killed_goes_on_and_is_not_served_before() {
    let Some(cluster) = Cluster::shared() else { return };
    let (shop, page) = with_users(30);
    let database = cluster.database();
    let to = cluster.url(&database);
    let from = format!("sqlite:{}", shop.data().join("verger.db").display());
    verger_run(["migrate", "--store", &to]).ok();
    // So slow that it is in the middle for long.
    cluster.sql(
        &database,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON identifications FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let mut copying = Running::start(verger(["copy", "--from", &from, "--to", &to]));
    copying.until("it is in the middle", |copying| {
        copying.stderr().contains("copying identifications").then_some(())
    });
    // Kills it.
    drop(copying);
    let listed = ["keys", "list", "--store", &to];
    let why = verger_run(listed).refused();
    assert!(why.contains("unfinished copy"), "{why}");
    assert_eq!(cluster.sql(&database, "SELECT count(*) FROM users"), "30");
    cluster.sql(&database, "DROP TRIGGER slow ON identifications");
    let ended = verger_run(["copy", "--from", &from, "--to", &to]).ok();
    assert!(ended.contains("resumed after"), "{ended}");
    verger_run(listed).ok();
    let mut command = verger(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    command.args(["--store", &to]);
    let served = Serving::start(command).call(&shop.key, "GET", "/v1/users?limit=500", "").ok().text;
    assert_eq!(served, page);
}
