//! Builds the native library of packages/node, and copies it to where the package loads it from.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The build profile of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Fast to build, for tests.
    Dev,
    /// Optimised, for use.
    Release,
}

/// Builds the library for this machine into packages/node, and prints how to install it.
///
/// # Errors
/// The build failed, or Node's name for this machine is unknown.
pub(crate) fn run() -> Result<()> {
    let package = root().join("packages/node");
    let file = build(Profile::Release, &package)?;
    println!("built {}", file.display());
    println!("install it in another folder with: npm install {}", package.display());
    Ok(())
}

/// Builds the library for this machine and copies it into the package in this directory.
///
/// # Errors
/// As [`run`].
pub(crate) fn build(profile: Profile, package: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--package", "verger-node"]);
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let output = cargo.output().context("cannot run cargo build")?;
    ensure!(output.status.success(), "verger-node does not build: cargo ended with {}", output.status);
    put(&String::from_utf8_lossy(&output.stdout), package)
}

/// Copies the library that cargo reported into the package in this directory.
///
/// # Errors
/// Cargo reported none, or as [`run`].
pub(crate) fn put(messages: &str, package: &Path) -> Result<PathBuf> {
    let library = built_library(messages).context("cargo build made no library of verger-node")?;

    let folder = package.join("native");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("verger-{}.node", target(std::env::consts::OS, std::env::consts::ARCH)?));
    // Replaces the file instead of overwriting it: a running Node keeps the old one.
    let fresh = file.with_extension("new");
    fs::copy(&library, &fresh).with_context(|| format!("cannot copy {}", library.display()))?;
    fs::rename(&fresh, &file)?;
    Ok(file)
}

/// A directory with everything for `bench --sdk`: its programs, the package with an optimised library, and the official
/// SDK in the version of the tests.
///
/// # Errors
/// As [`run`]; npm finds no packages.
pub(crate) fn bench_folder() -> Result<PathBuf> {
    let (root, source) = (root(), root().join("packages/node"));
    let folder = root.join("target/bench/sdk");
    for (from, to) in [
        (source.clone(), folder.join("package")),
        (source.join("lib"), folder.join("package/lib")),
        (root.join("bench/sdk"), folder.clone()),
    ] {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join("test").join(name), folder.join(name))?;
    }
    build(Profile::Release, &folder.join("package"))?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
    let status = npm.status().context("npm could not be started")?;
    ensure!(status.success(), "npm finds no packages");
    Ok(folder.canonicalize()?)
}

/// Without `..`, because it is printed for pasting.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// The path of the library in cargo's output.
fn built_library(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files =
        messages.filter(|message| message["target"]["name"] == "verger_node").flat_map(|message| {
            let names = message["filenames"].as_array().cloned().unwrap_or_default();
            names.into_iter().filter_map(|name| name.as_str().map(PathBuf::from)).collect::<Vec<_>>()
        });
    let is_library = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| ["so", "dylib", "dll"].iter().any(|known| extension == *known))
    };
    files.rfind(is_library)
}

/// Node's name for this machine: `process.platform`, a hyphen, `process.arch`.
fn target(os: &str, arch: &str) -> Result<String> {
    let os = match os {
        "linux" => "linux",
        "macos" => "darwin",
        "windows" => "win32",
        other => bail!("Node has no name for {other} that is known here"),
    };
    let arch = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("Node has no name for {other} that is known here"),
    };
    Ok(format!("{os}-{arch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_called_what_node_calls_them() {
        assert_eq!(target("linux", "x86_64").unwrap(), "linux-x64");
        assert_eq!(target("macos", "aarch64").unwrap(), "darwin-arm64");
        assert!(target("plan9", "x86_64").is_err());
    }

    #[test]
    fn path_to_install_from_is_plain_and_leads_to_the_package() {
        let package = root().join("packages/node");
        assert!(package.components().all(|part| part != std::path::Component::ParentDir), "{package:?}");
        assert!(package.join("package.json").is_file());
    }

    #[test]
    fn the_library_is_found_among_what_cargo_says() {
        let said = r#"{"target":{"name":"other"},"filenames":["/t/libother.so"]}
not json
{"target":{"name":"verger_node"},"filenames":["/t/libverger_node.d","/t/libverger_node.so"]}
{"reason":"build-finished","success":true}"#;
        assert_eq!(built_library(said), Some(PathBuf::from("/t/libverger_node.so")));
        assert_eq!(built_library("{}"), None);
    }
}
