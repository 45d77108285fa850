//! File modes: only the owner can read what a command writes.

use super::stores::embedded_file;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use verger_store::Tightened;

/// The permission bits of others.
const OTHERS: u32 = 0o007;
const OTHERS_WRITE: u32 = 0o002;
const GROUP: u32 = 0o070;
/// Words in the names of settings that are secrets.
const SECRET_WORDS: [&str; 4] = ["secret", "password", "token", "keys"];

const OWNER_ALONE: &str = "only the owner can access files with secrets or personal data";

/// Sets the umask so that all files of this process, including those that libraries create, are accessible only to their
/// owner.
pub(super) fn keep_to_owner() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Restricts the files of the embedded store to their owner, if an earlier build left them open.
pub(super) fn tighten_store(url: Option<&str>, folder: &Path) {
    if let Some(file) = embedded_file(url, folder) {
        tighten(&file);
    }
}

/// The same for a file with a secret.
pub(super) fn tighten_secret(file: &Path) {
    tighten(file);
}

fn tighten(file: &Path) {
    match verger_store::tighten(file) {
        Ok(tightened) => {
            for Tightened { path, mode } in tightened {
                tracing::warn!(
                    file = %path.display(),
                    mode = format!("{mode:04o}"),
                    "this file was accessible to everybody on this machine; its mode is now 0600"
                );
            }
        }
        Err((path, error)) => tracing::warn!(
            file = %path.display(),
            %error,
            "this file may be accessible to everybody on this machine, and its mode cannot be changed"
        ),
    }
}

/// Whether others on the machine can read a secret or personal data, or replace them.
pub(super) fn check(config: Option<&Path>, folder: &Path, store: Option<&Path>) -> Result<String, String> {
    let mut wrong = Vec::new();
    let mut of_groups = Vec::new();
    // A config file without secrets may be readable by everybody.
    if let Some(config) = config {
        match has_secrets(config) {
            true => look(config, OTHERS, "600", &mut wrong, &mut of_groups),
            false => look(config, OTHERS_WRITE, "600", &mut wrong, &mut Vec::new()),
        }
    }
    // Write access to the directory allows replacing a file, or placing a log next to the store, which SQLite would
    // replay.
    let mut folders = vec![folder];
    folders.extend(store.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty()));
    folders.dedup();
    for folder in folders {
        look(folder, OTHERS_WRITE, "700", &mut wrong, &mut Vec::new());
    }
    let mut files = vec![folder.join("code-keys"), folder.join("secret-key")];
    if let Some(store) = store.map(verger_store::without_link) {
        files.extend(["", "-wal", "-shm", "-journal"].map(|suffix| {
            let mut name = store.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        }));
    }
    for file in &files {
        look(file, OTHERS, "600", &mut wrong, &mut of_groups);
    }
    if !wrong.is_empty() {
        return Err(format!("everybody on this machine can access {}", wrong.join(", ")));
    }
    if !of_groups.is_empty() {
        return Ok(format!("open to the owner and a group: {}", of_groups.join(", ")));
    }
    Ok(OWNER_ALONE.to_owned())
}

fn look(path: &Path, forbidden: u32, better: &str, wrong: &mut Vec<String>, of_groups: &mut Vec<String>) {
    // Files that are missing or unreadable are reported by another line.
    let Ok(mode) = std::fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o7777) else {
        return;
    };
    let path = path.display();
    if mode & forbidden != 0 {
        wrong.push(format!("{path} (mode {mode:04o}): chmod {better} {path}"));
    } else if mode & GROUP != 0 {
        of_groups.push(format!("{path} (mode {mode:04o})"));
    }
}

/// Whether a config file contains a secret. A file that cannot be read counts as one that does; one that cannot be parsed
/// is searched for words.
fn has_secrets(config: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(config) else { return true };
    let Ok(table) = text.parse::<toml::Table>() else {
        return SECRET_WORDS.iter().any(|word| text.contains(word)) || text.contains('@');
    };
    table.iter().any(|(key, value)| is_secret(key, value))
}

fn is_secret(key: &str, value: &toml::Value) -> bool {
    match value {
        toml::Value::Table(table) => table.iter().any(|(key, value)| is_secret(key, value)),
        toml::Value::Array(values) => values.iter().any(|value| is_secret(key, value)),
        // The URL of a store may have a password: postgres://USER:PASSWORD@… or ?password=….
        toml::Value::String(url) if key == "store" => {
            let authority =
                url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""));
            authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
                || url.contains("password=")
        }
        _ => SECRET_WORDS.iter().any(|word| key.contains(word)),
    }
}

/// Gives an existing file the mode of a new one.
pub(super) fn keep_file_to_owner(file: &std::fs::File) -> std::io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(path: &Path, content: &str, mode: u32) {
        std::fs::write(path, content).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn config_file_that_everybody_can_read_is_bad_only_if_it_has_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("verger.toml");
        let looked = |content: &str, mode| {
            with_mode(&config, content, mode);
            check(Some(&config), folder.path(), None)
        };
        for secret in [
            "code_keys = \"x\"",
            "store = \"postgres://verger:hunter2@db/verger\"",
            "store = \"postgres://db/verger?user=verger&password=hunter2\"",
            "[sms.twilio]\nauth_token = \"x\"",
            "[sms.vonage]\napi_secret = \"x\"",
            "[email.smtp]\npassword = \"x\"",
            "[email.webhook]\nformer_secret = \"x\"",
            "code_keys = \"x",
            "store = postgres://verger:hunter2@db/verger",
        ] {
            let why = looked(secret, 0o644).unwrap_err();
            assert!(why.contains("verger.toml (mode 0644): chmod 600 ") && !why.contains("hunter2"), "{why}");
            assert!(looked(secret, 0o640).unwrap().contains("a group"), "{secret}");
            assert_eq!(looked(secret, 0o600).unwrap(), OWNER_ALONE);
        }
        for plain in [
            "listen = \"127.0.0.1:1\"",
            "store = \"postgres://verger@db/verger\"",
            "store = \"sqlite:x\"",
            "not = a = file",
        ] {
            assert_eq!(looked(plain, 0o644).unwrap(), OWNER_ALONE, "{plain}");
            assert!(looked(plain, 0o646).unwrap_err().contains("chmod 600"), "{plain}");
        }
    }

    #[test]
    fn files_of_the_store_and_keys_that_everybody_can_read_are_bad_each_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("verger.db");
        for name in
            ["verger.db", "verger.db-wal", "verger.db-shm", "verger.db-journal", "code-keys", "secret-key"]
        {
            let file = folder.path().join(name);
            with_mode(&file, "", 0o604);
            let why = check(None, folder.path(), Some(&store)).unwrap_err();
            assert!(why.contains(&format!("{} (mode 0604)", file.display())), "{why}");
            with_mode(&file, "", 0o600);
            check(None, folder.path(), Some(&store)).unwrap();
        }
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        check(None, folder.path(), Some(&store)).unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let why = check(None, folder.path(), Some(&store)).unwrap_err();
        assert!(why.contains(&format!("chmod 700 {}", folder.path().display())), "{why}");
    }
}
