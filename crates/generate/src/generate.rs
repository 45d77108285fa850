//! `cargo xtask generate`: writes what follows from the published OpenAPI document and from the declared operations.
//!
//! - `crates/server/openapi/verger.json`: the OpenAPI document.
//! - `crates/server/src/operations.rs`: every operation of the document, so that the server can name the ones that
//!   it does not have.
//! - `docs/compatibility.md`: which of them it has.
//! - The table of settings in `docs/operating.md`, from the command line.
//! - `docs/settings.md`: the settings of an instance, from their declaration.
//! - The table of errors in `docs/errors.md` and the codes that the SDKs know, from the reasons of the server.
//! - The tables of SDK methods in `docs/testing-with-clerk.md`.
//! - `crates/client/src/operations.rs` and `crates/client/src/resources`, `packages/node/lib/operations.js` and
//!   `packages/node/operations.d.ts`: the tables and signatures of the SDKs.
//! - `interop/schemathesis/operations.json`: the operations that Schemathesis calls.
//! - `docs/api`: the public surface of the Rust SDK.

use crate::clients::{Calls, node, rust};
use crate::{api, errors, instance_settings, openapi, sdk, settings};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use verger_server::{reasons, router};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// As `rustfmt.toml` says, so that the generated file needs no formatting.
const WIDTH_MAX: usize = 110;

/// One operation of the published document.
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) operation_id: String,
    pub(crate) tag: String,
    /// Parameters and body fields that the published document has and ours has not.
    pub(crate) missing: Vec<String>,
}

/// What to do with the generated files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them.
    Write,
    /// Compare them.
    Check,
    /// Write all but `docs/api`, for which the documentation of the whole workspace must be built.
    Quick,
}

/// Writes or compares the generated files.
///
/// # Errors
/// The published document cannot be found or read, a file cannot be written, or one that is compared is stale.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let check = mode == Mode::Check;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let published = published_document(&root)?;
    let base = std::fs::read_to_string(root.join("crates/server/openapi/base.json"))?;
    let document = openapi::document(
        &base,
        router::backend_operations().chain(router::own_operations()).chain(router::page_operations()),
    )?;
    let ours: Value = serde_json::from_str(&document)?;
    let operations = operations(&published, &ours)?;
    let version = published["info"]["version"].as_str().unwrap_or_default();
    let operating = std::fs::read_to_string(root.join("docs/operating.md")).context("docs/operating.md")?;
    let testing = "docs/testing-with-clerk.md";
    let methods = std::fs::read_to_string(root.join(testing)).context(testing)?;
    let page = std::fs::read_to_string(root.join("docs/errors.md")).context("docs/errors.md")?;
    let calls = Calls::of(&base, router::ROUTES.iter().copied())?;
    let backend: Vec<_> = router::backend_operations().map(|operation| operation.operation_id).collect();
    let mut files = [
        ("crates/server/openapi/verger.json", document),
        ("docs/errors.md", errors::with_table(&page, reasons::all())?),
        ("crates/client/src/error_code.rs", errors::rust_codes(reasons::all())?),
        ("packages/node/error-codes.d.ts", errors::node_codes(reasons::all())?),
        ("crates/server/src/operations.rs", operations_file(&operations, version)?),
        ("docs/compatibility.md", compatibility_file(&operations, version, &implemented())?),
        (testing, sdk::with_tables(&methods, &operations, &implemented())?),
        ("docs/operating.md", settings::with_table(&operating, &verger_server::cli::command())?),
        ("docs/settings.md", instance_settings::page()?),
        ("interop/schemathesis/operations.json", serde_json::to_string_pretty(&backend)? + "\n"),
        ("crates/client/src/operations.rs", rust::table(&calls)?),
        ("packages/node/lib/operations.js", node::script(&calls)?),
        ("packages/node/operations.d.ts", node::types(&calls)?),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text))
    .collect::<Vec<_>>();
    files.extend(rust::resources(&root, &calls)?);
    let listings =
        [("verger-client", "docs/api/verger-client.txt"), ("verger-wire", "docs/api/verger-wire.txt")];
    let documented = if mode == Mode::Quick { None } else { Some(api::document(&root)?) };
    for (package, name) in listings {
        let Some(documented) = &documented else { continue };
        match api::listing(documented, package)? {
            Some(text) => files.push((name.to_owned(), text)),
            None if check && std::env::var_os("CI").is_none() => {
                println!("{name} is not compared: it needs the compiler of Rust 1.95");
            }
            None => bail!("{name} needs the compiler of Rust 1.95"),
        }
    }
    for (name, text) in files {
        let path = root.join(&name);
        if !check {
            std::fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            bail!("{name} is stale; run `cargo xtask generate`");
        }
    }
    Ok(())
}

/// What the router has, as method and path of the document.
fn implemented() -> BTreeSet<(String, String)> {
    router::ROUTES
        .iter()
        .filter_map(|route| Some((route.method.to_owned(), route.path.strip_prefix("/v1")?.to_owned())))
        .collect()
}

/// The published document, which the crate `clerk-rs` brings along.
fn published_document(root: &Path) -> Result<Value> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let manifest = list(&metadata["packages"])
        .find(|package| package["name"] == "clerk-rs" && package["version"] == "0.5.0")
        .and_then(|package| package["manifest_path"].as_str())
        .context("no workspace member depends on clerk-rs 0.5.0")?;
    let path = PathBuf::from(manifest).with_file_name("openapi").join("clerk-bapi-2026-05-12.yml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(serde_yaml_ng::from_str(&text)?)
}

/// All operations, in the order of the document.
fn operations(published: &Value, ours: &Value) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for (path, item) in entries(&published["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let operation_id = operation["operationId"].as_str();
            // Some stand under a second tag; the first is the one that counts.
            let tag = operation["tags"][0].as_str();
            let (Some(operation_id), Some(tag)) = (operation_id, tag) else {
                bail!("{method} {path} has no operationId or no tag");
            };
            let missing = match ours["paths"][format!("/v1{path}")].get(method) {
                Some(our_operation) => missing(published, operation, ours, our_operation),
                None => Vec::new(),
            };
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.to_owned(),
                operation_id: operation_id.to_owned(),
                tag: tag.to_owned(),
                missing,
            });
        }
    }
    Ok(operations)
}

/// Parameters and body fields that only the published document has.
fn missing(published: &Value, operation: &Value, ours: &Value, our_operation: &Value) -> Vec<String> {
    let ours: BTreeSet<_> = names(ours, our_operation).into_iter().collect();
    let published = names(published, operation).into_iter();
    published.filter(|name| !ours.contains(name)).map(str::to_owned).collect()
}

fn names<'a>(document: &'a Value, operation: &'a Value) -> Vec<&'a str> {
    let parameters = list(&operation["parameters"]).map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => parameter,
    });
    let body = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
    let parameters = parameters.filter_map(|parameter| parameter["name"].as_str());
    parameters.chain(entries(body).map(|(name, _)| name)).collect()
}

fn operations_file(operations: &[Operation], version: &str) -> Result<String> {
    let mut text = format!(
        r#"//! Every operation of the published OpenAPI document, version {version}.
//!
//! Written by `cargo xtask generate`; do not edit.

/// An operation of the published document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {{
    /// In capitals, such as `PATCH`.
    pub method: &'static str,
    /// As in the document: parameters in braces, without `/v1`.
    pub path: &'static str,
    /// The name that the SDKs are generated from.
    pub operation_id: &'static str,
    /// The group that the document puts it in.
    pub tag: &'static str,
}}

/// All of them, in the order of the document, whether this server has them or not.
pub const OPERATIONS: &[Operation] = &[
"#
    );
    for Operation { method, path, operation_id, tag, .. } in operations {
        let fields = [
            format!("method: {method:?}"),
            format!("path: {path:?}"),
            format!("operation_id: {operation_id:?}"),
            format!("tag: {tag:?}"),
        ];
        let line = format!("    Operation {{ {} }},", fields.join(", "));
        if line.len() <= WIDTH_MAX {
            writeln!(text, "{line}")?;
        } else {
            writeln!(text, "    Operation {{\n        {},\n    }},", fields.join(",\n        "))?;
        }
    }
    text.push_str("];\n");
    Ok(text)
}

fn compatibility_file(
    operations: &[Operation],
    version: &str,
    implemented: &BTreeSet<(String, String)>,
) -> Result<String> {
    let is_implemented =
        |operation: &&Operation| implemented.contains(&(operation.method.clone(), operation.path.clone()));
    let mut tags: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        tags.entry(&operation.tag).or_default().push(operation);
    }
    let total = operations.len();
    let done = operations.iter().filter(is_implemented).count();
    let mut text = format!(
        "# Compatibility\n\n\
         <!-- Written by `cargo xtask generate`; do not edit. -->\n\n\
         The operations of the published Backend API, version {version}: **{done} of {total} are implemented**, \
         {} are not.\n\n\
         An operation that is not implemented answers 403 `feature_not_enabled`. A field or parameter that is not \
         built yet is refused with 422 `form_param_unknown` when it asks for something; the tables name them. \
         The rest stands in the reference, which the server shows at `/reference`.\n\n\
         | Group | Implemented | Of |\n| --- | ---: | ---: |\n",
        total - done,
    );
    for (tag, operations) in &tags {
        let done = operations.iter().copied().filter(is_implemented).count();
        writeln!(text, "| [{tag}](#{}) | {done} | {} |", anchor(tag), operations.len())?;
    }
    for (tag, operations) in &tags {
        writeln!(text, "\n## {tag}\n\n| | Operation | Name | Not built yet |\n| --- | --- | --- | --- |")?;
        for operation in operations {
            let is_done = is_implemented(operation);
            let mark = if is_done { "implemented" } else { "not implemented" };
            let missing: Vec<_> = operation.missing.iter().map(|name| format!("`{name}`")).collect();
            let missing = if is_done { missing.join(", ") } else { String::new() };
            let Operation { method, path, operation_id, .. } = operation;
            writeln!(text, "| {mark} | `{method} {path}` | {operation_id} | {missing} |")?;
        }
    }
    Ok(text)
}

/// The anchor that a Markdown heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -".contains(*character));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
