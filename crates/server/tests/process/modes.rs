//! What commands write is for their owner alone, whoever made the folder.

use crate::support::{Installation, Running, Serving, run, text, verger, verger_run};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that everybody may look into, as service managers make them.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file below a folder, with its mode.
fn files(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let mode = mode(&path);
            found.push((path, mode));
        }
    }
    found
}

#[track_caller]
fn assert_private(folder: &Path, names: &[&str]) {
    let found = files(folder);
    for name in names {
        assert!(found.iter().any(|(path, _)| path.ends_with(name)), "{name} is not in {found:?}");
    }
    let open: Vec<_> = found.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
    assert!(open.is_empty(), "others can use {open:?}");
}

/// With the umask that most have.
fn under_usual_umask(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn dev(folder: &Path) -> Running {
    let command = verger(["dev", "--listen", "127.0.0.1:0", "--format", "json", "--data", text(folder)]);
    let mut running = Running::start(under_usual_umask(&command));
    running.until("it is ready", |running| running.stdout().contains("secret_key").then_some(()));
    running
}

#[test]
fn dev_in_a_folder_that_was_there_before_keeps_every_file_to_its_owner() {
    let folder = open_folder();
    let running = dev(folder.path());
    assert_private(
        folder.path(),
        &["verger.db", "verger.db-wal", "verger.db-shm", "code-keys", "secret-key"],
    );
    drop(running);
    assert_eq!(mode(folder.path()), 0o755, "the folder is its maker's");
}

#[test]
fn migrate_backup_restore_and_copy_write_files_for_their_owner_alone() {
    let folder = open_folder();
    let at = |name: &str| folder.path().join(name);
    let command = |arguments: &[&str]| run(under_usual_umask(&verger(arguments.iter().copied()))).ok();
    command(&["migrate", "--data", text(folder.path())]);
    command(&["backup", "--data", text(folder.path()), "--to", text(&at("saved"))]);
    assert_eq!(mode(&at("saved")), 0o600);
    // A backup that went through other hands.
    set_mode(&at("saved"), 0o644);
    let restored = at("restored");
    std::fs::create_dir(&restored).unwrap();
    set_mode(&restored, 0o755);
    command(&["restore", "--from", text(&at("saved")), "--data", text(&restored)]);
    assert_private(&restored, &["verger.db"]);
    std::fs::remove_file(at("saved")).unwrap();
    let copied = at("copied");
    std::fs::create_dir(&copied).unwrap();
    set_mode(&copied, 0o755);
    let url = |folder: &Path| format!("sqlite:{}", folder.join("verger.db").display());
    command(&["copy", "--from", &url(folder.path()), "--to", &url(&copied)]);
    assert_private(folder.path(), &["verger.db", "copied/verger.db", "restored/verger.db"]);
}

#[test]
fn store_of_an_earlier_build_is_taken_from_the_others_at_the_start_of_serve_and_named() {
    let shop = Installation::new();
    set_mode(&shop.data(), 0o755);
    let store = shop.data().join("verger.db");
    set_mode(&store, 0o644);
    // It looks, and changes nothing.
    let checked = run(shop.verger(["check"]));
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let line = checked.stdout.lines().find(|line| line.contains("modes")).unwrap().to_owned();
    assert!(line.starts_with("BAD") && line.contains(&format!("chmod 600 {}", store.display())), "{line}");
    assert_eq!(mode(&store), 0o644);
    let server: Serving = shop.serve([]);
    assert_private(&shop.data(), &["verger.db", "verger.db-wal", "verger.db-shm"]);
    let log = server.process.stderr();
    assert!(log.contains("\"mode\":\"0644\"") && log.contains(text(&store)), "{log}");
    drop(server);
    let checked = run(shop.verger(["check"]));
    assert!(checked.stdout.contains("ok   modes"), "{checked:?}");
    // A group that was let in on purpose stays.
    set_mode(&store, 0o640);
    drop(shop.serve([]));
    assert_eq!(mode(&store), 0o640);
}

#[test]
fn secrets_of_dev_that_everybody_could_read_are_kept_to_their_owner_from_the_next_start_on() {
    let folder = open_folder();
    drop(dev(folder.path()));
    for name in ["code-keys", "secret-key", "verger.db"] {
        set_mode(&folder.path().join(name), 0o666);
    }
    let running = dev(folder.path());
    assert_private(folder.path(), &["verger.db", "code-keys", "secret-key"]);
    assert!(running.stderr().contains("0666"), "{}", running.stderr());
}

#[test]
fn check_names_a_config_file_with_secrets_that_everybody_can_read() {
    let shop = Installation::new();
    let config = shop.data().join("verger.toml");
    std::fs::write(&config, "[email.smtp]\npassword = \"hunter2\"\n").unwrap();
    set_mode(&config, 0o644);
    let told = run(shop.verger(["check", "--config", text(&config)])).stdout;
    let line = told.lines().find(|line| line.contains("modes")).unwrap();
    assert!(line.starts_with("BAD") && line.contains(&format!("chmod 600 {}", config.display())), "{line}");
    assert!(!told.contains("hunter2"), "{told}");
    set_mode(&config, 0o600);
    let told = run(shop.verger(["check", "--config", text(&config)])).stdout;
    assert!(told.contains("ok   modes"), "{told}");
    verger_run(["migrate", "--data", text(&shop.data())]).ok();
}
