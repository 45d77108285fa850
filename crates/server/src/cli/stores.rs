//! The store that a command names: its flags, its file, and whether this build can use it.

use super::limits::deadline;
use crate::config::require_store_url;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use verger_store::{Instance, MigrationState, SCHEMA_VERSION, Store};

#[derive(Args)]
pub(super) struct StoreArgs {
    /// Directory of the embedded store
    #[arg(long, env = "VERGER_DATA", value_name = "DIRECTORY", default_value = "./verger-data")]
    pub(super) data: PathBuf,
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. Set it in the environment to keep the
    /// password out of the process list
    #[arg(long, env = "VERGER_STORE", value_name = "URL", hide_env_values = true)]
    store: Option<String>,
}

impl StoreArgs {
    pub(super) fn url(&self) -> Option<&str> {
        self.store.as_deref()
    }

    pub(super) fn data(&self) -> &std::path::Path {
        &self.data
    }
}

/// The store that `--store` names, or the embedded one. A missing store or directory is created.
pub(super) async fn create_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    check_store_flag(url)?;
    if let Some(parent) = embedded_file(url, folder).as_deref().and_then(Path::parent) {
        make_folder(parent).with_context(|| format!("data directory {}", parent.display()))?;
    }
    open_store(url, folder).await
}

/// As [`create_store`], but a missing store is an error.
pub(super) async fn existing_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    check_store_flag(url)?;
    if let Some(file) = embedded_file(url, folder) {
        require_file(&file, NAME_STORE)?;
    }
    open_store(url, folder).await
}

/// Only the flag and the variable: the file's value was checked with the file.
fn check_store_flag(url: Option<&str>) -> anyhow::Result<()> {
    url.map_or(Ok(()), |url| require_store_url("--store (VERGER_STORE)", url))
}

async fn open_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    let store = match (embedded_file(url, folder), url) {
        (Some(file), _) => Store::open(&file).with_context(|| format!("store {}", file.display()))?,
        (None, Some(url)) => Store::open_url(url, deadline()).await?,
        (None, None) => anyhow::bail!("there is no store"),
    };
    Ok(Arc::new(store))
}

/// Appended to errors of commands that have these flags.
pub(super) const NAME_STORE: &str = ": name it with --data or --store, or create one with `verger migrate`";

/// Refuses a file that is missing or cannot be read, and tells the two apart.
pub(super) fn require_file(file: &Path, what_to_do: &str) -> anyhow::Result<()> {
    match std::fs::File::open(file).and_then(|opened| opened.metadata()) {
        Ok(found) if found.is_dir() => anyhow::bail!("{} is a directory, not a store", file.display()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!("there is no store at {}{what_to_do}", file.display())
        }
        Err(error) => Err(error).with_context(|| format!("the store {} cannot be read", file.display())),
    }
}

/// The file of the embedded store; `None` for PostgreSQL.
pub(super) fn embedded_file(url: Option<&str>, folder: &Path) -> Option<PathBuf> {
    match url {
        None => Some(folder.join("verger.db")),
        Some(url) => url.strip_prefix("sqlite:").map(PathBuf::from),
    }
}

/// Mode 0700: it contains personal data.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Refuses a store that this build cannot serve, and says which command helps.
pub(super) async fn require_schema(store: &Store) -> anyhow::Result<()> {
    match store.migration_state(deadline()).await? {
        MigrationState::Current if store.is_unfinished_copy(deadline()).await? => anyhow::bail!(
            "the store is the target of an unfinished copy: run `verger copy` again, or empty it"
        ),
        MigrationState::Current => Ok(()),
        MigrationState::Expanded { version } => {
            tracing::info!(
                version,
                "the store was migrated by a newer version of verger; this one can still serve it"
            );
            Ok(())
        }
        MigrationState::Behind { version } => anyhow::bail!(
            "the store has schema version {version}, this build needs {SCHEMA_VERSION}: run `verger migrate` with the same --data or --store"
        ),
        MigrationState::Ahead { version } => anyhow::bail!(
            "the store has schema version {version}, this build knows {SCHEMA_VERSION}: run a newer verger"
        ),
        MigrationState::Altered { version } => anyhow::bail!(
            "migration {version} of the store differs from that of this build: run the version of verger that applied it"
        ),
    }
}

/// The store that the flags name, with a schema that this build can serve.
pub(super) async fn open(args: &StoreArgs) -> anyhow::Result<std::sync::Arc<Store>> {
    let store = existing_store(args.url(), args.data()).await?;
    require_schema(&store).await?;
    Ok(store)
}

/// The instance with this id, or an error that names the command which lists them.
pub(super) async fn instance_of(store: &Store, id: &str) -> anyhow::Result<Instance> {
    let found = store.instances(deadline()).await?.into_iter().find(|other| other.id.as_str() == id);
    found.with_context(|| format!("there is no instance {id}: `verger instances list` shows them"))
}

/// The instance of a command: the one that is named, or the only one of the store.
#[derive(Args)]
pub(super) struct InstanceArg {
    /// Instance id; may be left out if the store has only one instance
    #[arg(long, value_name = "ins_…")]
    instance: Option<String>,
}

impl InstanceArg {
    /// Looks it up.
    pub(super) async fn of(&self, store: &Store) -> anyhow::Result<Instance> {
        if let Some(id) = &self.instance {
            return instance_of(store, id).await;
        }
        let mut all = store.instances(deadline()).await?;
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => anyhow::bail!(
                "the store has {} instances: name one with --instance, as `verger instances list` shows them",
                all.len() + 1
            ),
            (None, _) => {
                anyhow::bail!("the store has no instance: create one with `verger instances create`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_that_is_missing_is_told_apart_from_one_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let why = require_file(&folder.path().join("verger.db"), NAME_STORE).unwrap_err().to_string();
        assert!(why.contains("there is no store at"), "{why}");
        let why = require_file(folder.path(), "").unwrap_err().to_string();
        assert!(why.contains("is a directory"), "{why}");
        // A link to itself: even the superuser cannot read it.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        let why = format!("{:#}", require_file(&link, "").unwrap_err());
        assert!(why.contains("cannot be read: ") && !why.contains("there is no store"), "{why}");
    }

    #[test]
    fn what_names_no_store_is_refused_without_repeating_it() {
        for url in ["mysql://ada:hunter2@h/d", "bk.db", "", "postgres:/x", "SQLITE:x", "sqlite:", "sqlite: "]
        {
            let why = require_store_url("--store", url).unwrap_err().to_string();
            assert!(why.starts_with("--store must be sqlite:FILE or postgres://"), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        for url in ["sqlite:a.db", "postgres://h/d", "postgresql://h/d"] {
            require_store_url("--store", url).unwrap();
        }
    }
}
