//! Where the sources of the suites are, and where a run puts what it makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::built::Built;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The folders of a run, and what was built before it.
pub(super) struct Place<'a> {
    pub(super) root: PathBuf,
    /// Where to look before something is built.
    pub(super) built: Option<&'a Built>,
    /// `target/interop`: everything that a run leaves behind.
    pub(super) scratch: PathBuf,
    /// `CI=true`: nothing may be skipped.
    pub(super) is_ci: bool,
}

impl<'a> Place<'a> {
    pub(super) fn find(built: Option<&'a Built>) -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root =
            manifest.ancestors().nth(2).context("xtask is not two folders below the root")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let scratch = target.join("interop");
        fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        Ok(Self { root, built, scratch, is_ci })
    }

    pub(super) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.scratch.join(format!("{name}.log"))
    }
}

/// Builds what the arguments name, and says where the executable of this name is.
pub(super) fn built(place: &Place<'_>, arguments: &[&str], name: &str) -> Result<PathBuf> {
    if let Some(built) = place.built {
        return built.program(name);
    }
    let output = place
        .cargo()
        .arg("build")
        .args(arguments)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo build")?;
    ensure!(output.status.success(), "{name} does not build: cargo ended with {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo build made no executable named {name}"))
}
