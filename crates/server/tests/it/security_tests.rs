//! docs/security-tests.md and the tests agree.

use std::collections::BTreeSet;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The tests of all crates: functions that are marked as such, and the cases of the stores' conformance suite.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                tests(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let is_suite = path.file_name().is_some_and(|name| name == "conformance.rs");
            let mut is_marked = false;
            for line in text.lines().map(str::trim) {
                let function = line.trim_start_matches("async ").strip_prefix("fn ");
                if let Some((name, _)) = function.and_then(|rest| rest.split_once('('))
                    && is_marked
                {
                    found.insert(name.to_owned());
                }
                if let Some((_, case)) = line.trim_end_matches(',').split_once("::")
                    && is_suite
                {
                    found.insert(case.to_owned());
                }
                let is_attribute = line.starts_with("#[");
                is_marked = line.starts_with("#[test]")
                    || line.starts_with("#[tokio::test")
                    || is_marked && is_attribute;
            }
        }
    }
}

/// The tests that a row names in its last cell.
fn cited(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(['.', '/']))
}

/// Whether a test has the number of a row of the requirements of sign-in in its name, such as `s18_`.
fn is_of_sign_in(name: &str) -> bool {
    let number =
        name.strip_prefix('s').and_then(|rest| rest.split_once('_')).map_or("", |(number, _)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn every_row_of_sign_in_names_its_tests_and_no_test_is_forgotten() {
    let mut all = BTreeSet::new();
    tests(&root().join("crates"), &mut all);
    let document = std::fs::read_to_string(root().join("docs/security-tests.md")).unwrap();
    let (mut named, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for line in document.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells[0].strip_prefix('S').and_then(|rest| rest.parse::<u32>().ok()) else {
            continue;
        };
        assert!(rows.insert(number), "row S{number} is there twice");
        assert_eq!(cells.len(), 3, "{line}");
        for test in cited(cells[2]) {
            assert!(all.contains(test), "row S{number} names {test}, which does not exist");
            named.insert(test.to_owned());
        }
        let own = cited(cells[2]).any(|test| test.contains(&format!("s{number}_")));
        assert!(own || cells[2].starts_with("Waits for"), "row S{number} has neither a test nor a reason");
    }
    let built = [6..=12, 17..=32, 34..=34, 37..=39, 43..=44].into_iter().flatten();
    let missing: Vec<u32> = built.filter(|row| !rows.contains(row)).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let forgotten: Vec<_> = all.iter().filter(|test| is_of_sign_in(test) && !named.contains(*test)).collect();
    assert!(forgotten.is_empty(), "not in the document: {forgotten:?}");
}

#[test]
fn every_row_names_tests_that_exist_or_says_why_it_has_none() {
    let mut all = BTreeSet::new();
    tests(&root().join("crates"), &mut all);
    let document = std::fs::read_to_string(root().join("docs/security-tests.md")).unwrap();
    let mut named = BTreeSet::new();
    let mut rows = Vec::new();
    for line in document.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells[0].parse::<u32>().ok() else { continue };
        rows.push(number);
        assert_eq!(cells.len(), 3, "{line}");
        let cited: Vec<_> =
            cells[2].split('`').skip(1).step_by(2).filter(|name| !name.contains('.')).collect();
        for test in cited.iter().filter(|test| test.contains('_')) {
            assert!(all.contains(*test), "row {number} names {test}, which does not exist");
            named.insert((*test).to_owned());
        }
        let own = cited.iter().filter(|test| test.contains(&format!("flaw_{number:02}_"))).count();
        let is_explained = ["Waits for", "The tests of"].iter().any(|why| cells[2].starts_with(why));
        assert!(own > 0 || is_explained, "row {number} has neither a test nor a reason");
    }
    assert_eq!(rows, (1..=34).collect::<Vec<_>>());
    let numbered = all.iter().filter(|name| {
        name.strip_prefix("flaw_").is_some_and(|rest| rest.as_bytes()[..2].iter().all(u8::is_ascii_digit))
    });
    let forgotten: Vec<_> = numbered.filter(|name| !named.contains(*name)).collect();
    assert!(forgotten.is_empty(), "not in the document: {forgotten:?}");
}
