//! Checks that no compiler makes: which crate may depend on which, that all crates inherit the workspace's lints, that
//! examples can be copied, and that no file prints or has open tasks.

use crate::circles;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Our crates (ARCHITECTURE.md), and which others each may depend on.
const ARROWS: [(&str, &[&str]); 12] = [
    // PostgreSQL for tests.
    ("verger-testdb", &[]),
    ("verger-derive", &[]),
    ("verger-wire", &["verger-derive"]),
    ("verger-credentials", &[]),
    ("verger-core", &["verger-credentials", "verger-wire"]),
    ("verger-store", &["verger-core", "verger-wire"]),
    ("verger-deliver", &[]),
    ("verger-http", &["verger-wire"]),
    ("verger-jwt", &["verger-wire"]),
    (
        "verger-server",
        &[
            "verger-store",
            "verger-core",
            "verger-credentials",
            "verger-deliver",
            "verger-http",
            "verger-jwt",
            "verger-wire",
        ],
    ),
    ("verger-client", &["verger-jwt", "verger-wire"]),
    ("verger-node", &["verger-client", "verger-wire", "verger-server"]),
];
/// Additional dependencies of tests: the client is tested against the server, and vice versa.
const TEST_ARROWS: [(&str, &str); 7] = [
    ("verger-client", "verger-server"),
    // While the server is started anew, only its own tests have the program.
    ("verger-server", "verger-client"),
    ("verger-client", "verger-store"),
    // The instance of a test has a host, which the store takes as `core` has it.
    ("verger-client", "verger-core"),
    // Its own `blocking` feature.
    ("verger-client", "verger-client"),
    ("verger-store", "verger-testdb"),
    ("verger-server", "verger-testdb"),
];
/// Tools: they may depend on everything, and nothing depends on them.
const TOOLS: [&str; 5] =
    ["verger-generate", "verger-xtask", "verger-bench", "verger-interop-clerk-rs", "verger-example-axum"];

/// Crates whose modules name each other one way only.
const CIRCLE_FREE: [&str; 4] = ["server", "client", "deliver", "http"];
/// Circles that are put up with, none at present: the crate, the modules, and why. A circle must lie within one of them, and one without a
/// circle is a problem.
const CIRCLES: [(&str, &[&str], &str); 0] = [];

/// The one file with unsafe code: SQLite's own descriptor of the database can be synced in no other way (adr/0014).
const UNSAFE: &str = "crates/store/src/db/sqlite/connection.rs";

/// Where printing is the purpose of the program.
const PRINTING: [&str; 11] = [
    "crates/xtask/",
    "crates/generate/",
    "bench/",
    "crates/server/src/cli/",
    "crates/client/examples/",
    "examples/axum/",
    "crates/testdb/src/",
    // The seed of a random sequence.
    "crates/server/tests/it/sessions/model.rs",
    "crates/server/tests/servers.rs",
    "crates/server/tests/process/faults.rs",
    "crates/store/src/conformance/",
];
/// Directories that are not checked.
const SKIPPED_FOLDERS: [&str; 5] = ["target", "node_modules", "verger-data", "__pycache__", "dist"];
/// Written by package managers.
const SKIPPED_FILES: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// One member of the workspace.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    manifest: PathBuf,
    /// Names and kinds: `None` for a normal one, else `dev` or `build`.
    dependencies: Vec<(String, Option<String>)>,
}

/// Checks the whole workspace.
///
/// # Errors
/// All findings, one line each; or the workspace cannot be read.
pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let packages = packages(&root)?;
    let mut problems = wrong_arrows(&packages);
    let workspace = fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    problems.extend(wrong_workspace_lints(&workspace)?);
    for package in &packages {
        let manifest = fs::read_to_string(&package.manifest)?;
        problems.extend(if package.manifest.starts_with(root.join("examples")) {
            wrong_example(&package.name, &manifest)?
        } else {
            wrong_lints(&package.name, &manifest)?
        });
    }
    for name in CIRCLE_FREE {
        let graph = circles::graph(&root.join("crates").join(name).join("src"))?;
        problems.extend(wrong_circles(name, &circles::circles(&graph), &CIRCLES));
    }
    let mut files = 0;
    for path in all_files(&root)? {
        // Binary files are skipped.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let name = path.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        problems.extend(wrong_lines(&name, &text));
        files += 1;
    }
    ensure!(files > 50, "only {files} files were found");
    ensure!(problems.is_empty(), "untidy:\n  {}", problems.join("\n  "));
    Ok(())
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    read_packages(&serde_json::from_slice(&output.stdout)?)
}

fn read_packages(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let dependencies = package["dependencies"].as_array().context("no dependencies")?;
            let dependencies = dependencies.iter().map(|dependency| {
                Ok((text(&dependency["name"]).context("a name")?, text(&dependency["kind"])))
            });
            Ok(Package {
                name: text(&package["name"]).context("a package has no name")?,
                manifest: text(&package["manifest_path"]).context("a package has no manifest")?.into(),
                dependencies: dependencies.collect::<Result<_>>()?,
            })
        })
        .collect()
}

/// Dependencies between our crates that point the wrong way.
fn wrong_arrows(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut problems = Vec::new();
    for Package { name, dependencies, .. } in packages {
        let is_tool = TOOLS.contains(&name.as_str());
        let allowed = ARROWS.iter().find(|(room, _)| room == name).map(|(_, allowed)| *allowed);
        if allowed.is_none() && !is_tool {
            problems
                .push(format!("{name} is not listed among the crates: add it in crates/xtask/src/tidy.rs"));
            continue;
        }
        for (other, kind) in dependencies.iter().filter(|(other, _)| ours(other)) {
            let is_for_tests = kind.as_deref() == Some("dev");
            let is_allowed = if TOOLS.contains(&other.as_str()) {
                false
            } else {
                is_tool
                    || allowed.is_some_and(|allowed| allowed.contains(&other.as_str()))
                    || is_for_tests && TEST_ARROWS.contains(&(name, other))
            };
            if !is_allowed {
                let kind = kind.as_deref().map_or_else(String::new, |kind| format!("{kind}-"));
                problems.push(format!("{name} may not name {other} ({kind}dependency)"));
            }
        }
    }
    problems
}

/// Circles that nobody allowed, and allowances that nobody needs.
fn wrong_circles(name: &str, found: &[Vec<String>], allowed: &[(&str, &[&str], &str)]) -> Vec<String> {
    let allowed: Vec<_> = allowed.iter().filter(|(crate_name, ..)| *crate_name == name).collect();
    let within =
        |circle: &[String], modules: &[&str]| circle.iter().all(|name| modules.contains(&name.as_str()));
    let new = found.iter().filter(|circle| !allowed.iter().any(|(_, modules, _)| within(circle, modules)));
    let new = new.map(|circle| format!("{name}: modules name each other in a circle: {}", circle.join(", ")));
    let gone = allowed.iter().filter(|(_, modules, _)| !found.iter().any(|circle| within(circle, modules)));
    let gone = gone.map(|(_, modules, _)| {
        format!("{name}: there is no such circle any more, take it out of CIRCLES: {}", modules.join(", "))
    });
    new.chain(gone).collect()
}

fn wrong_workspace_lints(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml")?;
    let level = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("lints")?.get("rust")?.get("unsafe_code")?.as_str());
    Ok(match level {
        Some("deny" | "forbid") => Vec::new(),
        _ => vec!["Cargo.toml must deny unsafe_code in [workspace.lints.rust]".to_owned()],
    })
}

fn wrong_lints(name: &str, manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(manifest).with_context(|| format!("Cargo.toml of {name}"))?;
    let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    Ok(match inherited {
        Some(true) => Vec::new(),
        _ => vec![format!("{name} must inherit the lints: [lints] workspace = true")],
    })
}

/// An example is copied out of this workspace, so it must not inherit from it.
fn wrong_example(name: &str, manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(manifest).with_context(|| format!("Cargo.toml of {name}"))?;
    Ok(if inherits(&manifest) {
        vec![format!(
            "{name} must not inherit from the workspace (workspace = true): an example is copied alone"
        )]
    } else {
        Vec::new()
    })
}

fn inherits(table: &toml::Table) -> bool {
    table.iter().any(|(key, value)| {
        key == "workspace" && value.as_bool() == Some(true) || value.as_table().is_some_and(inherits)
    })
}

/// All files that are neither hidden nor skipped.
fn all_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_hidden = name.starts_with('.') && ![".ci", ".cargo"].contains(&name.as_str());
            let kind = entry.file_type()?;
            if kind.is_dir() && !is_hidden && !SKIPPED_FOLDERS.contains(&name.as_str()) {
                folders.push(entry.path());
            } else if kind.is_file() && !is_hidden && !SKIPPED_FILES.contains(&name.as_str()) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Forbidden lines. Clippy sees only code that is compiled, and no code that an attribute hides from it.
fn wrong_lines(name: &str, text: &str) -> Vec<String> {
    // Assembled here, so that this file is not a finding itself.
    let left_over = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let printing = ["print!", "println!", "eprint!", "eprintln!", "dbg!"];
    let is_code = name.ends_with(".rs");
    let may_print = PRINTING.iter().any(|place| name.starts_with(place));
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut report = |what: &str| problems.push(format!("{name}:{number}: {what}"));
        if left_over.iter().any(|word| has_word(line, word)) {
            report("something is left to do: do it, or write it down as an issue");
        }
        if is_code && !may_print && printing.iter().any(|word| has_word(line, word)) {
            report("only the command line prints: use `tracing`, or write to what the caller gives");
        }
        if is_code
            && name != UNSAFE
            && ["allow", "expect"].iter().any(|word| line.contains(&format!("{word}(unsafe_{}", "code")))
        {
            report("unsafe code is denied everywhere else: find a safe way");
        }
    }
    problems
}

/// Whether the text contains this as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Packages as `cargo metadata` gives them, from lines like `verger-core: verger-wire, verger-store dev`.
    fn graph(lines: &[&str]) -> Vec<Package> {
        let packages = lines.iter().map(|line| {
            let (name, dependencies) = line.split_once(':').unwrap();
            let dependencies = dependencies.split(',').map(str::trim).filter(|text| !text.is_empty());
            let dependencies = dependencies.map(|text| {
                let (name, kind) =
                    text.split_once(' ').map_or((text, None), |(name, kind)| (name, Some(kind)));
                json!({ "name": name, "kind": kind })
            });
            json!({
                "name": name,
                "manifest_path": format!("/{name}/Cargo.toml"),
                "dependencies": dependencies.collect::<Vec<_>>(),
            })
        });
        read_packages(&json!({ "packages": packages.collect::<Vec<_>>() })).unwrap()
    }

    const GOOD: [&str; 8] = [
        "verger-wire: serde",
        "verger-core: verger-wire, jiff, proptest dev",
        "verger-store: verger-core, verger-wire, rusqlite",
        "verger-server: verger-store, verger-core, verger-wire",
        "verger-client: verger-wire, verger-server dev",
        "verger-node: verger-client, verger-server",
        "verger-xtask: verger-server",
        "verger-bench: verger-store, verger-core",
    ];

    #[test]
    fn arrows_that_point_one_way_are_accepted() {
        assert_eq!(wrong_arrows(&graph(&GOOD)), [""; 0]);
    }

    #[test]
    fn every_arrow_that_points_the_wrong_way_is_found() {
        for (room, other, found) in [
            ("verger-wire", "verger-core", "verger-wire may not name verger-core (dependency)"),
            ("verger-core", "verger-store", "verger-core may not name verger-store (dependency)"),
            ("verger-core", "verger-store dev", "verger-core may not name verger-store (dev-dependency)"),
            (
                "verger-store",
                "verger-server build",
                "verger-store may not name verger-server (build-dependency)",
            ),
            ("verger-server", "verger-client", "verger-server may not name verger-client (dependency)"),
            ("verger-server", "verger-node dev", "verger-server may not name verger-node (dev-dependency)"),
            ("verger-client", "verger-core", "verger-client may not name verger-core (dependency)"),
            ("verger-client", "verger-server", "verger-client may not name verger-server (dependency)"),
            ("verger-client", "verger-node dev", "verger-client may not name verger-node (dev-dependency)"),
            ("verger-client", "verger-store", "verger-client may not name verger-store (dependency)"),
            ("verger-node", "verger-core", "verger-node may not name verger-core (dependency)"),
            ("verger-server", "verger-xtask dev", "verger-server may not name verger-xtask (dev-dependency)"),
            ("verger-xtask", "verger-bench", "verger-xtask may not name verger-bench (dependency)"),
        ] {
            let lines = GOOD.map(|line| {
                if line.starts_with(&format!("{room}:")) {
                    format!("{line}, {other}")
                } else {
                    line.to_owned()
                }
            });
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            assert_eq!(wrong_arrows(&graph(&lines)), [found], "{room} {other}");
        }
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let problems = wrong_arrows(&graph(&["verger-wire:", "verger-helpers: verger-wire"]));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("verger-helpers is not listed"), "{problems:?}");
    }

    #[test]
    fn circles_are_found_unless_they_are_allowed_and_allowances_end_with_them() {
        let circle = |modules: &[&str]| modules.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let allowed: &[(&str, &[&str], &str)] = &[("server", &["a", "b"], "why")];
        let problems = |found: &[Vec<String>]| wrong_circles("server", found, allowed);
        assert_eq!(problems(&[circle(&["a", "b"])]), [""; 0]);
        let of_three: &[(&str, &[&str], &str)] = &[("server", &["a", "b", "c"], "why")];
        assert_eq!(wrong_circles("server", &[circle(&["a", "b"])], of_three), [""; 0]);
        assert_eq!(wrong_circles("client", &[], allowed), [""; 0]);
        let grown = problems(&[circle(&["a", "b", "c"])]);
        assert!(grown.len() == 2 && grown[0].ends_with("a, b, c") && grown[1].ends_with("a, b"), "{grown:?}");
        assert!(problems(&[])[0].contains("no such circle"));
    }

    #[test]
    fn lints_that_are_not_inherited_are_found() {
        let problems = |manifest| wrong_lints("a", manifest).unwrap().len();
        assert_eq!(problems("[package]\nname = \"a\"\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(problems("[package]\nname = \"a\"\nlints.workspace = true\n"), 1);
        assert_eq!(problems("[package]\nname = \"a\"\n"), 1);
        assert_eq!(problems("[lints]\nworkspace = false\n"), 1);
        assert_eq!(problems("[lints.rust]\nunsafe_code = \"deny\"\n"), 1);
        assert_eq!(problems("# [lints]\n# workspace = true\n"), 1);
        let problems = |manifest| wrong_workspace_lints(manifest).unwrap().len();
        assert_eq!(problems("[workspace.lints.rust]\nunsafe_code = \"deny\"\n"), 0);
        assert_eq!(problems("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"), 0);
        assert_eq!(problems("[workspace.lints.rust]\nunsafe_code = \"warn\"\n"), 1);
        assert_eq!(problems("[workspace.lints.rust]\nmissing_docs = \"warn\"\n"), 1);
    }

    #[test]
    fn example_that_inherits_is_found() {
        let problems = |manifest| wrong_example("a", manifest).unwrap().len();
        assert_eq!(problems("[package]\nname = \"a\"\n[dependencies]\nb = { path = \"../b\" }\n"), 0);
        assert_eq!(problems("[package]\nedition.workspace = true\n"), 1);
        assert_eq!(problems("[dependencies]\nb = { workspace = true, features = [] }\n"), 1);
        assert_eq!(problems("[lints]\nworkspace = true\n"), 1);
    }

    #[test]
    fn lines_that_should_not_be_are_found_with_their_place() {
        let to_do = concat!("// TO", "DO: later");
        let text = format!("fn a() {{\n    println!(\"a\");\n}}\n{to_do}\n");
        let problems = wrong_lines("crates/server/src/app.rs", &text);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("crates/server/src/app.rs:2: only the command line prints"));
        assert!(problems[1].starts_with("crates/server/src/app.rs:4: something is left to do"));
        for place in ["crates/server/src/cli/dev.rs", "crates/xtask/src/main.rs", "bench/src/main.rs"] {
            assert_eq!(wrong_lines(place, "println!()"), [""; 0], "{place}");
            assert_eq!(wrong_lines(place, to_do).len(), 1, "{place}");
        }
        assert_eq!(wrong_lines("docs/operating.md", concat!("FIX", "ME")).len(), 1);
        assert_eq!(wrong_lines("docs/operating.md", "println!()"), [""; 0]);
        assert_eq!(
            wrong_lines("a.rs", "let todo_list = TODOS; // a print, eprintln without its mark"),
            [""; 0]
        );
        assert_eq!(wrong_lines("a.rs", concat!("#![allow(unsafe_", "code)]")).len(), 1);
        assert_eq!(wrong_lines(UNSAFE, concat!("#[expect(unsafe_", "code)]")), [""; 0]);
    }
}
