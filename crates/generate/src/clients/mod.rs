//! The SDKs' operation tables and signatures, from the declared operations.
//!
//! - [`rust`]: `crates/client/src/operations.rs`, `crates/client/src/resources/<resource>.rs`.
//! - [`node`]: `packages/node/lib/operations.js`, `packages/node/operations.d.ts`.
//!
//! What no declaration says (names that no rule gives, other names to search for, methods that are written by hand) is
//! in [`names`].

mod names;
pub(crate) mod node;
pub(crate) mod rust;
#[cfg(test)]
mod tests;

use crate::openapi;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use verger_http::headers::Headers;
use verger_server::CallerKind;
use verger_server::operation::{Operation, Shapes};
use verger_server::reasons;
use verger_wire::input::Place;
use verger_wire::schema::Schemas;

/// An operation as the clients see it.
pub(crate) struct Call {
    pub(crate) operation: &'static Operation,
    pub(crate) shapes: Shapes,
    /// The group of methods it belongs to, in upper camel case: `PhoneNumbers`.
    resource: String,
    summary: String,
    description: String,
    refusals: Vec<Refusal>,
}

/// A reason of the operation's own to refuse it.
#[derive(PartialEq, Eq)]
struct Refusal {
    status: u16,
    code: &'static str,
    when: &'static str,
}

/// The operations that the SDKs have methods for, and the words of their groups.
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// By the name of the tag.
    tags: BTreeMap<String, String>,
}

impl Calls {
    /// Reads the declarations of these operations; those that need no secret key are left out. `base` is the part of
    /// the OpenAPI document that is written by hand.
    ///
    /// # Errors
    /// `base` cannot be read, or a table of names has an operation that there is not.
    pub(crate) fn of(base: &str, operations: impl Iterator<Item = &'static Operation>) -> Result<Self> {
        let mut schemas = Schemas::default();
        let with_key = operations.filter(|operation| operation.caller == CallerKind::SecretKey);
        let calls =
            with_key.map(|operation| Call::of(operation, &mut schemas)).collect::<Result<Vec<_>>>()?;
        for id in names::ids() {
            ensure!(
                calls.iter().any(|call| call.operation.operation_id == id),
                "crates/generate/src/clients/names.rs: there is no operation {id}"
            );
        }
        let base: Value = serde_json::from_str(base).context("openapi/base.json")?;
        let mut tags = BTreeMap::new();
        for tag in base["tags"].as_array().into_iter().flatten() {
            let (Some(name), Some(words)) = (tag["name"].as_str(), tag["description"].as_str()) else {
                bail!("openapi/base.json: a tag without name or description");
            };
            tags.insert(name.to_owned(), words.to_owned());
        }
        Ok(Self { calls, tags })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// The operations of a resource: those of the tag of its name first.
    fn of_resource(&self, resource: &str) -> Vec<&Call> {
        let mut found: Vec<_> = self.calls.iter().filter(|call| call.resource == resource).collect();
        found.sort_by_key(|call| upper_camel(call.operation.tag) != resource);
        found
    }

    /// The words of a resource: those of its first operation's tag, unless a table has others.
    fn words_of(&self, calls: &[&Call]) -> Result<&str> {
        let first = calls.first().context("a resource without operations")?;
        if let Some(words) = names::words(&first.resource) {
            return Ok(words);
        }
        let tag = first.operation.tag;
        Ok(self.tags.get(tag).with_context(|| format!("openapi/base.json has no tag {tag}"))?)
    }
}

impl Call {
    fn of(operation: &'static Operation, schemas: &mut Schemas) -> Result<Self> {
        let shapes = (operation.describe)(schemas);
        let (summary, description) = openapi::words(operation.doc);
        let own = operation.path.strip_prefix("/verger/v1/").or_else(|| operation.path.strip_prefix("/v1/"));
        let first = own.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        ensure!(!first.is_empty(), "{} is below neither /v1 nor /verger/v1", operation.path);
        let resource = upper_camel(names::resource(operation.operation_id).unwrap_or(first));
        let of_path = (!shapes.path.is_empty()).then_some(&reasons::NOT_FOUND);
        let mut refusals = Vec::new();
        for reason in operation.refuses.iter().copied().chain(of_path) {
            let refusal = Refusal { status: reason.status, code: reason.code, when: reason.when };
            if reason.status >= 400 && !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
        refusals.sort_by_key(|refusal| refusal.status);
        let summary = summary.trim_end_matches('.').to_owned();
        Ok(Self { operation, shapes, resource, summary, description, refusals })
    }

    pub(crate) fn id(&self) -> &'static str {
        self.operation.operation_id
    }

    /// The operation id without the mark of our own ones.
    fn plain_id(&self) -> &'static str {
        self.id().strip_prefix("Verger").unwrap_or(self.id())
    }

    fn is_verger_only(&self) -> bool {
        self.operation.path.starts_with("/verger/")
    }

    /// What it does, and by which request.
    fn headline(&self) -> String {
        let only = if self.is_verger_only() { " Verger only." } else { "" };
        format!("{}: `{} {}`.{only}", self.summary, self.operation.method, self.operation.path)
    }

    /// The parameters of its path, as they are called on the wire.
    fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.shapes.path.iter().map(|field| field.name)
    }

    /// A write that the service carries out anew each time: no `Idempotency-Key` protects it.
    fn is_without_key(&self) -> bool {
        self.operation.method != "GET" && !self.operation.headers.has(Headers::IDEMPOTENT)
    }

    /// The type of its parameters; `None` if it takes none. A query belongs to its operation, a body may be shared.
    fn params(&self) -> Option<String> {
        match self.shapes.place {
            _ if self.shapes.input.is_empty() => None,
            Place::Nowhere => None,
            Place::Query => {
                let name = format!("{}Params", self.plain_id());
                Some(names::params(&name).map_or(name, str::to_owned))
            }
            Place::Body | Place::Items { .. } => Some(last_segment(self.operation.input).to_owned()),
        }
    }

    /// The type of the object, or objects, of its answer.
    fn answer(&self) -> (&'static str, Form) {
        let item = self.operation.output.strip_prefix("Vec<").and_then(|item| item.strip_suffix('>'));
        let name = last_segment(item.unwrap_or(self.operation.output));
        if let Some(item) = names::page_of(name) {
            return (item, Form::Page);
        }
        let form = if item.is_some() { Form::List } else { Form::One };
        (names::answer(name).unwrap_or(name), form)
    }

    /// Whether its list comes as a page if the request asks for that.
    fn is_paginated_on_demand(&self) -> bool {
        self.answer().1 == Form::List && self.shapes.input.iter().any(|field| field.name == PAGINATED)
    }
}

/// The parameter that asks for a page in place of a list. The SDKs set it where it is needed.
const PAGINATED: &str = "paginated";

/// What an answer has of its objects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    List,
    /// A list in an object, with the number of all.
    Page,
}

fn last_segment(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// `phone_numbers` and `Phone Numbers` as `PhoneNumbers`.
fn upper_camel(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(['_', ' ']) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.extend(letters);
    }
    out
}

/// `phone_number_id` as `phoneNumberId`.
fn lower_camel(text: &str) -> String {
    lower_first(&upper_camel(text))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// `GetPhoneNumber` as `get_phone_number`, `DisableMFA` as `disable_mfa`.
fn snake(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let is_after_small = at > 0 && !letters[at - 1].is_ascii_uppercase();
        // An `s` at the end of a word in capitals belongs to it: `URLs`.
        let is_plural = letters.get(at + 1) == Some(&'s')
            && letters.get(at + 2).is_none_or(|letter| letter.is_ascii_uppercase());
        let is_before_small =
            at > 0 && !is_plural && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (is_after_small || is_before_small) {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The lines of a text, at most `width` characters long where words allow. An empty line is between paragraphs; the
/// lines of an item of a list (`- `) that follow its first are indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let indent = if line.starts_with("- ") { "  " } else { "" };
        let mut current = String::new();
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let length = current.chars().count() + 1 + word.chars().count();
            if !current.trim_start().is_empty() && length > width {
                lines.push(std::mem::replace(&mut current, indent.to_owned()));
            }
            if !current.trim_start().is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines
}
