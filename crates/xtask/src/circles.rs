//! Which modules of a crate name each other in a circle, found in the text of its files.
//!
//! A module names another by a path that begins with `crate::`, `super::` or `self::`, by one that begins with a module of
//! its own, or by one that begins with a module it imported. Comments, tests and `mod` items count for nothing.

use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules of a crate, each with those that it names. The root is `crate`, others are as in `webhooks::job`.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// The root of a crate.
const ROOT: &str = "crate";

/// Reads all modules below a folder of sources.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn graph(sources: &Path) -> Result<Graph> {
    let mut files = BTreeMap::new();
    let mut folders = vec![sources.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(module) = path.strip_prefix(sources).ok().and_then(module_of) {
                files.insert(module, code_of(&fs::read_to_string(&path)?));
            }
        }
    }
    Ok(edges(&files))
}

/// The modules that are in a circle, in groups that reach each other.
pub(crate) fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|module| (module.as_str(), reachable(graph, module))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for module in graph.keys() {
        if seen.contains(module.as_str()) || !reach[module.as_str()].contains(module.as_str()) {
            continue;
        }
        let circle: Vec<_> = reach[module.as_str()]
            .iter()
            .filter(|other| reach[**other].contains(module.as_str()))
            .map(|other| (*other).to_owned())
            .collect();
        seen.extend(graph.keys().map(String::as_str).filter(|other| circle.iter().any(|one| one == other)));
        circles.push(circle);
    }
    circles
}

fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut ahead: Vec<&str> = graph.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(module) = ahead.pop() {
        if found.insert(module) {
            ahead.extend(graph.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// `webhooks/job.rs` is `webhooks::job`; programs and files of tests are none.
fn module_of(file: &Path) -> Option<String> {
    let name = file.to_str()?.strip_suffix(".rs")?.replace('\\', "/");
    let name = name.strip_suffix("/mod").unwrap_or(&name);
    let is_test = name.split('/').any(|part| part == "tests");
    match name {
        "main" => None,
        "lib" => Some(ROOT.to_owned()),
        _ if is_test => None,
        _ => Some(name.replace('/', "::")),
    }
}

/// A file without comments, strings, and what is compiled for tests only.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut is_test = false;
    for line in text.lines() {
        // As formatted: what an attribute at the left edge belongs to ends with a brace, or a semicolon, there.
        if line == "#[cfg(test)]" {
            is_test = true;
        } else if is_test {
            is_test = !(line == "}" || line.ends_with(';') && !line.starts_with(' '));
        } else {
            let line = line.split("//").next().unwrap_or_default();
            // Every second part is within quotes, as far as a line shows.
            code.extend(line.split('"').step_by(2));
            code.push('\n');
        }
    }
    code
}

fn edges(files: &BTreeMap<String, String>) -> Graph {
    let graph = files.iter().map(|(module, code)| {
        let mut named = BTreeSet::new();
        let mut imported = BTreeMap::new();
        let words = words(code);
        let mut at = 0;
        while at < words.len() {
            if words[at] == "use" {
                let end = (at..words.len()).find(|at| words[*at] == ";").unwrap_or(words.len());
                for (path, name) in uses(&words[at + 1..end]) {
                    if let Some(path) = absolute(files, &imported, module, &path) {
                        if files.contains_key(&path) {
                            imported.insert(name, path.clone());
                        }
                        named.insert(nearest(files, &path));
                    }
                }
                at = end;
            } else if words.get(at + 1) == Some(&"::") && (at == 0 || words[at - 1] != "::") {
                let mut path = vec![words[at].to_owned()];
                while words.get(at + 1) == Some(&"::") && at + 2 < words.len() {
                    path.push(words[at + 2].to_owned());
                    at += 2;
                }
                named.extend(absolute(files, &imported, module, &path).map(|path| nearest(files, &path)));
            }
            at += 1;
        }
        named.remove(module);
        (module.clone(), named)
    });
    graph.collect()
}

/// Names, `::` and single marks.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let end = match first {
            _ if is_name(first) => rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") => 2,
            other => other.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// What a `use` brings: whole paths, and the names that they have in the file.
fn uses(words: &[&str]) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut prefixes: Vec<Vec<String>> = vec![Vec::new()];
    let mut path: Vec<String> = Vec::new();
    let mut name: Option<String> = None;
    let mut end = |path: &[String], name: Option<String>| {
        if let Some(last) = path.last() {
            let whole = if last == "self" { &path[..path.len() - 1] } else { path };
            let name = name.or_else(|| whole.last().cloned()).unwrap_or_default();
            found.push((whole.to_vec(), name));
        }
    };
    let mut at = 0;
    while at < words.len() {
        match words[at] {
            "::" => {}
            "{" => {
                prefixes.push(path.clone());
            }
            "," | "}" => {
                let prefix = prefixes.last().cloned().unwrap_or_default();
                if path.len() > prefix.len() {
                    end(&path, name.take());
                }
                if words[at] == "}" {
                    prefixes.pop();
                    // Nothing is left of a group but what comes after it.
                    path = prefixes.last().cloned().unwrap_or_default();
                } else {
                    path = prefix;
                }
            }
            "as" => {
                name = words.get(at + 1).map(|word| (*word).to_owned());
                at += 1;
            }
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if prefixes.len() == 1 && !path.is_empty() {
        end(&path, name);
    }
    found
}

/// A path from the root; `None` if it leads elsewhere.
fn absolute(
    files: &BTreeMap<String, String>,
    imported: &BTreeMap<String, String>,
    module: &str,
    path: &[String],
) -> Option<String> {
    let parent =
        |module: &str| module.rsplit_once("::").map_or(ROOT.to_owned(), |(parent, _)| parent.to_owned());
    let child = |module: &str, name: &str| {
        if module == ROOT { name.to_owned() } else { format!("{module}::{name}") }
    };
    let (first, mut rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => ROOT.to_owned(),
        "self" => module.to_owned(),
        "super" => parent(module),
        name if imported.contains_key(name) => imported[name].clone(),
        name if files.contains_key(&child(module, name)) => child(module, name),
        _ => return None,
    };
    while let Some(("super", more)) = rest.split_first().map(|(first, more)| (first.as_str(), more)) {
        base = parent(&base);
        rest = more;
    }
    Some(rest.iter().fold(base, |base, name| child(&base, name)))
}

/// The module that a path leads into.
fn nearest(files: &BTreeMap<String, String>, path: &str) -> String {
    let mut path = path;
    loop {
        if files.contains_key(path) {
            return path.to_owned();
        }
        match path.rsplit_once("::") {
            Some((shorter, _)) => path = shorter,
            None => return ROOT.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Graph {
        edges(&files.iter().map(|(module, text)| ((*module).to_owned(), code_of(text))).collect())
    }

    fn named(files: &[(&str, &str)], module: &str) -> Vec<String> {
        of(files)[module].iter().cloned().collect()
    }

    const EMPTY: [(&str, &str); 5] = [("crate", ""), ("a", ""), ("b", ""), ("c", ""), ("c::d", "")];

    fn with<'a>(module: &'a str, text: &'a str) -> Vec<(&'a str, &'a str)> {
        EMPTY.into_iter().map(|(name, empty)| (name, if name == module { text } else { empty })).collect()
    }

    #[test]
    fn every_way_to_name_a_module_is_found() {
        for (module, text, expected) in [
            ("a", "use crate::b::Thing;", &["b"][..]),
            ("a", "use crate::{b, c::{self, d::Thing}};", &["b", "c", "c::d"]),
            ("a", "use crate::b as other;\nfn f() { other::g() }", &["b"]),
            ("a", "use crate::c;\nfn f() { c::d::g() }", &["c", "c::d"]),
            ("a", "fn f() { crate::b::g() }", &["b"]),
            ("a", "use crate::Thing;", &["crate"]),
            ("c::d", "use super::Thing;", &["c"]),
            ("c::d", "use super::super::b::Thing;", &["b"]),
            ("c", "mod d;\nfn f() { d::g() }", &["c::d"]),
            ("c", "mod d;\npub(crate) use d::Thing;", &["c::d"]),
            ("c", "use self::d::Thing;", &["c::d"]),
            ("crate", "mod a;\npub use a::Thing;", &["a"]),
            // Nothing of ours.
            ("a", "use std::sync::Arc;\nfn f() { x::b::g() }", &[]),
            ("a", "mod b;", &[]),
            ("a", "// crate::b\n/// [`crate::b`]\nconst X: &str = \"crate::b\";", &[]),
            ("a", "#[cfg(test)]\nmod tests {\n    use crate::b;\n}\nuse crate::c;", &["c"]),
            ("a", "#[cfg(test)]\nmod tests;\nuse crate::c;", &["c"]),
        ] {
            assert_eq!(named(&with(module, text), module), expected, "{text}");
        }
    }

    #[test]
    fn modules_in_a_circle_are_found_together_and_others_are_not() {
        let graph = of(&[
            ("crate", "pub use a::Thing;"),
            ("a", "use crate::b::Thing;"),
            ("b", "use crate::c::Thing;"),
            ("c", "use crate::b::Other;\nuse crate::d::Thing;"),
            ("d", ""),
        ]);
        assert_eq!(circles(&graph), [["b".to_owned(), "c".to_owned()]]);
        let graph =
            of(&[("crate", ""), ("a", "use crate::b::Thing;"), ("b", "use crate::c::Thing;"), ("c", "")]);
        assert_eq!(circles(&graph), Vec::<Vec<String>>::new());
    }

    #[test]
    fn programs_and_files_of_tests_are_no_modules() {
        for (file, module) in [
            ("lib.rs", Some("crate")),
            ("app.rs", Some("app")),
            ("cli/mod.rs", Some("cli")),
            ("webhooks/job.rs", Some("webhooks::job")),
            ("main.rs", None),
            ("app/tests.rs", None),
            ("error/tests/more.rs", None),
            ("a.txt", None),
        ] {
            assert_eq!(module_of(Path::new(file)).as_deref(), module, "{file}");
        }
    }
}
