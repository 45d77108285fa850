//! The front page of the documentation.

use std::collections::BTreeSet;

/// Names that begin with a capital, as types and constants do.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.split(|character| !is_part(character))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect()
}

#[test]
fn every_public_type_has_its_place_by_resource() {
    let source = include_str!("../../src/lib.rs");
    let page: String = source.lines().filter(|line| line.starts_with("//!")).collect();
    let rest: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let rest = rest.join("\n");
    let exported: BTreeSet<_> = rest
        .split("pub use ")
        .skip(1)
        .flat_map(|statement| names(statement.split(';').next().unwrap()))
        .collect();
    assert!(exported.len() > 70, "{exported:?}");
    let missing: Vec<_> = exported.difference(&names(&page)).copied().collect();
    assert_eq!(missing, [""; 0]);
}
