//! `docs/api`: the public surface of what applications compile against, a line for each item, so that a change of it is
//! seen in review.
//!
//! It is read from what rustdoc says as JSON. That is not stable: the form below is the one of Rust 1.95, and another
//! compiler is told apart.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `public-api` reads, and Rust 1.95 writes.
const FORMAT_VERSION: u64 = 57;
/// Rustdoc alone is told to do what is not stable: cargo and build scripts would build everything anew.
const WRAPPER: &str = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n";

/// Has the workspace documented as JSON, and says in which folder. All of it, and with all features: another choice of
/// packages would compile their dependencies anew.
///
/// # Errors
/// The workspace does not build, or a file cannot be written.
pub(crate) fn document(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let wrapper = target.join("rustdoc-json");
    fs::create_dir_all(&target)?;
    if fs::read_to_string(&wrapper).ok().as_deref() != Some(WRAPPER) {
        fs::write(&wrapper, WRAPPER)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env("RUSTDOC", wrapper.canonicalize()?);
    cargo.args(["doc", "--workspace", "--no-deps", "--all-features", "--lib", "--quiet"]);
    cargo.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow");
    let status = cargo.status().context("cargo doc could not be started")?;
    ensure!(status.success(), "the documentation does not build");
    Ok(target.join("doc"))
}

/// The listing of one crate; `None` if this compiler's rustdoc writes another form of JSON.
///
/// # Errors
/// The file of the crate cannot be read.
pub(crate) fn listing(documented: &Path, package: &str) -> Result<Option<String>> {
    let file = documented.join(package.replace('-', "_")).with_extension("json");
    let json = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let version: Value = serde_json::from_str(&json)?;
    if version["format_version"] != FORMAT_VERSION {
        return Ok(None);
    }
    let surface = public_api::Builder::from_rustdoc_json(&file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| format!("the public surface of {package}"))?;
    Ok(Some(format!(
        "# The public surface of {package}. Written by `cargo xtask generate`; do not edit.\n{surface}"
    )))
}
