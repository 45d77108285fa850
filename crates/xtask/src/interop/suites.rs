//! What each suite needs before it can run, and the command that runs it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::files::{all_files_of, copy_into, files_of, remove_folder};
use super::place::{Place, built};
use crate::built::TestProgram;
use crate::programs::{logged, require_success};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const SET_UP_TIMEOUT: Duration = Duration::from_secs(600);
const BUILD_TIMEOUT: Duration = Duration::from_secs(1800);

/// A suite in JavaScript, as the one of the official SDK: the sources are copied beside the packages, since Node looks
/// for packages upwards from the file that names them.
pub(super) fn node(place: &Place<'_>, suite: &str) -> Result<Command> {
    let source = place.root.join("interop").join(suite);
    let folder = place.scratch.join(suite);
    fs::create_dir_all(&folder)?;
    let pins = ["package.json", "package-lock.json"].map(|name| source.join(name));
    for file in &pins {
        copy_into(file, &folder)?;
    }
    for file in files_of(&source)? {
        copy_into(&file, &folder)?;
    }
    let tests = folder.join("test");
    remove_folder(&tests)?;
    fs::create_dir_all(&tests)?;
    let mut test_files = Vec::new();
    for file in files_of(&source.join("test"))? {
        copy_into(&file, &tests)?;
        test_files.push(Path::new("test").join(file.file_name().unwrap_or_default()));
    }

    install_once(&folder.join("installed"), &pins, "node", || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        set_up(place, &format!("{suite}-set-up"), npm)
    })?;

    let mut node = Command::new("node");
    // Names of files rather than a folder: what a folder means here differs between versions of Node.
    node.args(["--test", "--test-reporter=spec"]).args(test_files).current_dir(&folder);
    // For what a suite shares with other tests.
    node.env("VERGER_SOURCES", &place.root);
    Ok(node)
}

/// The Twilio sender against a Twilio emulator, which the tests start themselves.
pub(super) fn twilio(place: &Place<'_>) -> Result<Command> {
    let mut command = node(place, "twilio")?;
    let arguments = ["--package", "verger-deliver", "--example", "deliver"];
    command.env("VERGER_DELIVER", built(place, &arguments, "deliver")?);
    Ok(command)
}

/// A copy of our own package in this folder, without its library.
fn copy_package(place: &Place<'_>, copy: &Path) -> Result<()> {
    let source = place.root.join("packages/node");
    for (from, to) in [(source.clone(), copy.to_path_buf()), (source.join("lib"), copy.join("lib"))] {
        remove_folder(&to)?;
        fs::create_dir_all(&to)?;
        for file in all_files_of(&from)? {
            copy_into(&file, &to)?;
        }
    }
    Ok(())
}

/// A library for tests beside the copy: one that was built to be used stays where it is.
fn add_library(place: &Place<'_>, copy: &Path) -> Result<()> {
    match place.built {
        Some(built) => crate::node::put(built.messages(), copy)?,
        None => crate::node::build(crate::node::Profile::Dev, copy)?,
    };
    Ok(())
}

/// The example for Express and Vitest, beside a copy of our own package as it is in the sources.
pub(super) fn express(place: &Place<'_>) -> Result<Command> {
    let folder = express_example(place)?;
    add_library(place, &place.scratch.join("express/packages/node"))?;
    let mut vitest = Command::new("node");
    vitest.args(["node_modules/vitest/vitest.mjs", "run"]).env("NO_COLOR", "1").current_dir(&folder);
    Ok(vitest)
}

/// The folder of the example with its packages.
pub(super) fn express_example(place: &Place<'_>) -> Result<PathBuf> {
    let source = place.root.join("examples/express");
    let scratch = place.scratch.join("express");
    copy_package(place, &scratch.join("packages/node"))?;
    let folder = scratch.join("examples/express");
    fs::create_dir_all(&folder)?;
    for file in all_files_of(&source)? {
        copy_into(&file, &folder)?;
    }
    let lock = folder.join("package-lock.json");
    if lock.exists() {
        fs::remove_file(lock)?;
    }
    // Without a lock file, as for somebody who copies the example: npm needs the name of a registry in a lock file for
    // packages of other platforms, and none is named here.
    install_once(&folder.join("node_modules/.installed"), &[source.join("package.json")], "node", || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.current_dir(&folder);
        set_up(place, "express-set-up", npm)
    })?;
    Ok(folder)
}

/// Our own package, beside the official SDK.
pub(super) fn package(place: &Place<'_>) -> Result<Command> {
    let (folder, test_files) = package_tests(place)?;
    add_library(place, &folder.join("package"))?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(test_files).current_dir(&folder);
    node.env("VERGER_SOURCES", &place.root);
    Ok(node)
}

/// The folder of the tests of our own package, and their names.
pub(super) fn package_tests(place: &Place<'_>) -> Result<(PathBuf, Vec<OsString>)> {
    let source = place.root.join("packages/node");
    let folder = place.scratch.join("node");
    copy_package(place, &folder.join("package"))?;

    let tests = source.join("test");
    for file in all_files_of(&folder)? {
        fs::remove_file(&file)?;
    }
    let mut test_files = Vec::new();
    for file in all_files_of(&tests)? {
        copy_into(&file, &folder)?;
        let name = file.file_name().unwrap_or_default().to_owned();
        if name.to_string_lossy().ends_with(".test.js") {
            test_files.push(name);
        }
    }
    ensure!(!test_files.is_empty(), "{} has no tests", tests.display());
    let pins = ["package.json", "package-lock.json"].map(|name| tests.join(name));
    install_once(&folder.join("node_modules/.installed"), &pins, "node", || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        set_up(place, "node-set-up", npm)
    })?;
    Ok((folder, test_files))
}

/// The official verifiers of webhooks: those of npm run the tests, which ask the one of PyPI.
pub(super) fn webhooks(place: &Place<'_>) -> Result<Command> {
    let python = python_with(place, "webhooks-python", "webhooks/requirements.txt")?;
    let mut command = node(place, "webhooks")?;
    command.env("VERGER_PYTHON", python);
    command.env("VERGER_VERIFY", place.root.join("interop/webhooks/verify.py"));
    Ok(command)
}

/// The official Python SDK.
pub(super) fn python(place: &Place<'_>) -> Result<Command> {
    let mut pytest = Command::new(virtual_environment(place)?);
    pytest.args(["-B", "-m", "pytest", "-q"]).current_dir(place.root.join("interop/python"));
    Ok(pytest)
}

/// The community Rust client, a member of this workspace.
pub(super) fn clerk_rs(place: &Place<'_>) -> Result<Command> {
    if let Some(built) = place.built {
        let tests = built.tests();
        let is_ours = |test: &&TestProgram| test.package == "verger-interop-clerk-rs" && test.kind == "test";
        let test = tests.iter().find(is_ours).context("the tests of clerk-rs were not built")?;
        let mut command = Command::new(&test.path);
        command.current_dir(&test.folder);
        return Ok(command);
    }
    let arguments = ["test", "--package", "verger-interop-clerk-rs"];
    let mut build = place.cargo();
    build.args(arguments).arg("--no-run");
    let status = logged(build, &place.log("clerk-rs-set-up"), BUILD_TIMEOUT)?;
    require_success("cargo test --no-run", status, &place.log("clerk-rs-set-up"))?;

    let mut test = place.cargo();
    test.args(arguments);
    Ok(test)
}

/// Schemathesis with the published document, which the `clerk-rs` crate ships.
pub(super) fn schemathesis(place: &Place<'_>) -> Result<Command> {
    let folder = place.root.join("interop/schemathesis");
    let mut run = Command::new(virtual_environment(place)?);
    run.arg("-B").arg(folder.join("run.py"));
    run.arg("--document").arg(published_document(place)?);
    run.arg("--operations").arg(folder.join("operations.json"));
    run.current_dir(&place.scratch);
    Ok(run)
}

/// The Python of a virtual environment with everything of `requirements.txt` in it.
pub(super) fn virtual_environment(place: &Place<'_>) -> Result<PathBuf> {
    python_with(place, "python", "python/requirements.txt")
}

fn python_with(place: &Place<'_>, name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = place.scratch.join(name);
    let requirements = place.root.join("interop").join(requirements);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    install_once(&folder.join("installed"), std::slice::from_ref(&requirements), "python3", || {
        remove_folder(&folder)?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        set_up(place, &format!("{name}-set-up"), venv)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        pip.arg(&requirements);
        set_up(place, &format!("{name}-set-up"), pip)
    })?;
    Ok(python)
}

/// The published OpenAPI document inside the `clerk-rs` crate, so that a fresh clone needs nothing beside it.
fn published_document(place: &Place<'_>) -> Result<PathBuf> {
    let output = place
        .cargo()
        .args(["metadata", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "clerk-rs" && package["version"] == "0.5.0")
        .and_then(|package| package["manifest_path"].as_str())
        .context("clerk-rs 0.5.0 is not among the packages of this workspace")?;
    let document = Path::new(manifest).with_file_name("openapi").join("clerk-bapi-2026-05-12.yml");
    ensure!(document.is_file(), "{} is not there", document.display());
    Ok(document)
}

/// Runs `install` unless it was run before for the same pins and the same program; the stamp says for which.
fn install_once(
    stamp: &Path,
    pins: &[PathBuf],
    program: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let version = Command::new(program).arg("--version").output()?.stdout;
    let mut wanted = version;
    for file in pins {
        wanted.extend(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    if fs::read(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// A step of the set-up; its failure ends the run.
fn set_up(place: &Place<'_>, name: &str, command: Command) -> Result<()> {
    let log = place.log(name);
    let program = command.get_program().to_string_lossy().into_owned();
    let status = logged(command, &log, SET_UP_TIMEOUT)?;
    require_success(&program, status, &log)
}
