//! One build of everything. Cargo compiles a dependency again for every selection of packages, since the selection
//! decides its features: so all programs are built at once.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A test executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestProgram {
    pub(crate) package: String,
    /// `it`, or the name of the library or program whose unit tests these are.
    pub(crate) target: String,
    /// `lib`, `bin`, `test`, …
    pub(crate) kind: String,
    pub(crate) path: PathBuf,
    /// The working directory that cargo would use.
    pub(crate) folder: PathBuf,
}

impl TestProgram {
    /// A command for it in the working directory that cargo would use.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

/// The artifacts of a build, as cargo reported them.
#[derive(Debug)]
pub(crate) struct Built {
    messages: String,
}

impl Built {
    /// Builds the workspace with all its tests and examples.
    ///
    /// # Errors
    /// The build failed.
    pub(crate) fn everything(root: &Path) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--workspace", "--all-targets", "--quiet"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(root)
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        ensure!(output.status.success(), "it does not build: run `cargo build --workspace --all-targets`");
        Ok(Self { messages: String::from_utf8(output.stdout).context("cargo's messages are no text")? })
    }

    fn artifacts(&self) -> impl Iterator<Item = Value> {
        let messages = self.messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages.filter(|message| message["reason"] == "compiler-artifact")
    }

    /// All test executables.
    pub(crate) fn tests(&self) -> Vec<TestProgram> {
        let tests = self.artifacts().filter(|artifact| artifact["profile"]["test"] == true);
        tests
            .filter_map(|artifact| {
                let folder = Path::new(artifact["manifest_path"].as_str()?).parent()?.to_owned();
                let target = artifact["target"]["name"].as_str()?.to_owned();
                Some(TestProgram {
                    package: package_name(artifact["package_id"].as_str()?)?,
                    kind: artifact["target"]["kind"][0].as_str()?.to_owned(),
                    path: artifact["executable"].as_str()?.into(),
                    target,
                    folder,
                })
            })
            .collect()
    }

    /// The executable of this name, of a package or an example.
    ///
    /// # Errors
    /// There is no such executable.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        self.artifacts()
            .filter(|artifact| artifact["profile"]["test"] == false && artifact["target"]["name"] == name)
            .find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from))
            .with_context(|| format!("no program named {name} was built"))
    }

    /// Parses the output of cargo, one JSON object per line.
    pub(crate) fn messages(&self) -> &str {
        &self.messages
    }
}

/// The package name in `path+file:///…/crates/wire#verger-wire@0.1.0`, or in `…/verger-wire#0.1.0` if the directory has
/// that name.
fn package_name(id: &str) -> Option<String> {
    let (before, after) = id.rsplit_once('#')?;
    match after.split_once('@') {
        Some((name, _)) => Some(name.to_owned()),
        None => before.rsplit('/').next().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_what_cargo_says() {
        let messages = r#"
{"reason":"compiler-artifact","package_id":"path+file:///r/crates/server#verger-server@0.1.0","manifest_path":"/r/crates/server/Cargo.toml","target":{"kind":["bin"],"name":"verger"},"profile":{"test":true},"executable":"/t/deps/verger-1"}
{"reason":"compiler-artifact","package_id":"path+file:///r/crates/server#verger-server@0.1.0","manifest_path":"/r/crates/server/Cargo.toml","target":{"kind":["bin"],"name":"verger"},"profile":{"test":false},"executable":"/t/verger"}
{"reason":"compiler-artifact","package_id":"path+file:///r/other#0.1.0","manifest_path":"/r/other/Cargo.toml","target":{"kind":["lib"],"name":"other"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}"#;
        let built = Built { messages: messages.to_owned() };
        assert_eq!(built.program("verger").unwrap(), Path::new("/t/verger"));
        assert!(built.program("other").is_err());
        let [test] = &built.tests()[..] else { panic!("{:?}", built.tests()) };
        assert_eq!((test.package.as_str(), test.kind.as_str()), ("verger-server", "bin"));
        assert_eq!(test.folder, Path::new("/r/crates/server"));
        assert_eq!(package_name("path+file:///r/other#0.1.0").unwrap(), "other");
    }
}
