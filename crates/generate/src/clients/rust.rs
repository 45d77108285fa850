//! The Rust SDK: the table of operations, and a file of methods for each resource.

use super::{Call, Calls, Form, PAGINATED, Refusal, names, snake, wrapped};
use crate::openapi;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use verger_wire::input::Place;

/// As `rustfmt.toml` says, which leaves the lines of a macro as they are.
const TABLE_WIDTH_MAX: usize = 110;
/// Of a comment, with its indentation and slashes.
const COMMENT_WIDTH_MAX: usize = 120;
/// Of a line of an example.
const EXAMPLE_WIDTH_MAX: usize = 100;
/// The page size that a list without an example is asked for with.
const LIMIT_SHOWN: u32 = 50;

/// The table of operations, each with what the client has to know to send it.
///
/// # Errors
/// An operation has a method that the client does not know.
pub(crate) fn table(calls: &Calls) -> Result<String> {
    let mut text = "//! Every operation that the client has a method for.\n\
                    //!\n\
                    //! Written by `cargo xtask generate` from the declared operations; do not edit.\n\n\
                    use crate::operation::operations;\n\n\
                    operations! {\n"
        .to_owned();
    for call in calls.iter() {
        let method = match call.operation.method {
            "GET" => "Get",
            "POST" => "Post",
            "PUT" => "Put",
            "PATCH" => "Patch",
            "DELETE" => "Delete",
            other => bail!("{}: {other} is no method of the client", call.id()),
        };
        let key = if call.is_without_key() { ", without_idempotency_key" } else { "" };
        let start = format!("    {} = {:?},", constant(call), call.id());
        let end = format!("{method} {:?}{key};", call.operation.path);
        let separator = if start.len() + 1 + end.len() <= TABLE_WIDTH_MAX { " " } else { "\n        " };
        writeln!(text, "{start}{separator}{end}")?;
    }
    text.push_str("}\n");
    Ok(text)
}

/// Path and text of a file for each resource that has methods which are not written by hand.
///
/// # Errors
/// A declaration has something that no rule here covers, or there is no `rustfmt`.
pub(crate) fn resources(root: &Path, calls: &Calls) -> Result<Vec<(String, String)>> {
    let mut names = Vec::new();
    for call in calls.iter().filter(|call| !names::is_by_hand(call.id())) {
        if !names.contains(&call.resource) {
            names.push(call.resource.clone());
        }
    }
    let mut files = Vec::new();
    for name in names {
        let text = resource(calls, &name).with_context(|| format!("the methods of {name}"))?;
        files.push((format!("crates/client/src/resources/{}.rs", snake(&name)), formatted(root, &text)?));
    }
    Ok(files)
}

fn formatted(root: &Path, text: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt")?;
    // Read whole by rustfmt before it writes, so neither waits for the other.
    rustfmt.stdin.take().context("rustfmt has no input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn constant(call: &Call) -> String {
    snake(call.id()).to_uppercase()
}

fn method(call: &Call) -> String {
    names::method(call.id()).map_or_else(|| snake(call.plain_id()), str::to_owned)
}

fn resource(calls: &Calls, name: &str) -> Result<String> {
    let of_it = calls.of_resource(name);
    let words = calls.words_of(&of_it)?;
    let generated: Vec<_> = of_it.into_iter().filter(|call| !names::is_by_hand(call.id())).collect();
    let mut answers: BTreeSet<_> = generated.iter().map(|call| call.answer().0).collect();
    if generated.iter().any(|call| call.answer().1 == Form::Page || call.is_paginated_on_demand()) {
        answers.insert("Page");
    }
    let constants: BTreeSet<_> = generated.iter().map(|call| constant(call)).collect();
    let params: BTreeSet<_> = generated.iter().filter_map(|call| call.params()).collect();
    let mut text = format!(
        "//! The methods of `Client::{}`.\n\
         //!\n\
         //! Written by `cargo xtask generate` from the declared operations; do not edit.\n\n",
        snake(name)
    );
    writeln!(text, "use crate::model::{{{}}};", answers.into_iter().collect::<Vec<_>>().join(", "))?;
    writeln!(text, "use crate::operations::{{{}}};", constants.into_iter().collect::<Vec<_>>().join(", "))?;
    if !params.is_empty() {
        writeln!(text, "use crate::params::{{{}}};", params.into_iter().collect::<Vec<_>>().join(", "))?;
    }
    text.push_str("use crate::request::Request;\n\nresource! {\n");
    let from = format!("[`Client::{0}`](crate::Client::{0}).", snake(name));
    let mut group = match words.trim_end_matches('.').contains(". ") {
        true => format!("{words} From {from}"),
        false => format!("{}; from {from}", words.trim_end_matches('.')),
    };
    if generated.iter().all(|call| call.is_verger_only()) {
        group.push_str(" Verger only: other services answer 404.");
    }
    comment(&mut text, &group)?;
    write!(text, "    {name}\n}}\n\nimpl<R: Clone> {name}<R> {{\n")?;
    for (at, call) in generated.into_iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        whole_method(&mut text, call).with_context(|| call.id().to_owned())?;
        if call.is_paginated_on_demand() {
            text.push('\n');
            page_method(&mut text, call).with_context(|| call.id().to_owned())?;
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// A documentation comment, one level deep.
fn comment(text: &mut String, words: &str) -> Result<()> {
    for line in wrapped(words, COMMENT_WIDTH_MAX - "    /// ".len()) {
        writeln!(text, "{}", format!("    /// {line}").trim_end())?;
    }
    Ok(())
}

fn whole_method(text: &mut String, call: &Call) -> Result<()> {
    let mut words = call.headline();
    let note = names::note(call.id());
    let anew =
        "The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.";
    let anew = call.is_without_key().then_some(anew);
    for paragraph in [Some(call.description.as_str()), note, anew].into_iter().flatten() {
        if !paragraph.is_empty() {
            write!(words, "\n\n{paragraph}")?;
        }
    }
    words.push_str("\n\n# Errors");
    if call.refusals.is_empty() {
        words.push_str("\nNone of its own.");
    }
    for refusal in &call.refusals {
        let Refusal { status, code, when } = refusal;
        write!(words, "\n- {status} `{code}`{}: {when}", link(refusal))?;
    }
    comment(text, &words)?;
    text.push_str("    ///\n    /// ```\n");
    for line in example(call)? {
        writeln!(text, "    /// {line}")?;
    }
    text.push_str("    /// ```\n");
    let aliases: Vec<_> = names::aliases(call.id()).iter().map(|alias| format!("{alias:?}")).collect();
    if !aliases.is_empty() {
        writeln!(text, "    #[doc(alias({}))]", aliases.join(", "))?;
    }
    let (answer, form) = call.answer();
    let answer = match form {
        Form::One => answer.to_owned(),
        Form::List => format!("Vec<{answer}>"),
        Form::Page => format!("Page<{answer}>"),
    };
    signature(text, call, &method(call), &answer, "")
}

/// The method that gives a list as a page.
fn page_method(text: &mut String, call: &Call) -> Result<()> {
    let (name, list) = (page_name(call), method(call));
    let words = format!(
        "As [`{list}`](Self::{list}), with the number of all: the answer is a page.\n\n\
         # Errors\nThose of [`{list}`](Self::{list})."
    );
    comment(text, &words)?;
    text.push_str("    ///\n    /// ```\n");
    for line in example_of(call, &name, &format!("{PAGINATED}=true"))? {
        writeln!(text, "    /// {line}")?;
    }
    text.push_str("    /// ```\n");
    let sent = format!(".query({PAGINATED:?}, \"true\")");
    signature(text, call, &name, &format!("Page<{}>", call.answer().0), &sent)
}

fn page_name(call: &Call) -> String {
    format!("{}_page", method(call))
}

/// The method itself. `also` is what is sent beside the parameters.
fn signature(text: &mut String, call: &Call, name: &str, answer: &str, also: &str) -> Result<()> {
    let ids: Vec<_> = call.ids().collect();
    let mut arguments: Vec<_> = ids.iter().map(|id| format!("{id}: &str")).collect();
    let params = call.params();
    arguments.extend(params.iter().map(|kind| format!("params: {kind}")));
    let arguments: String = arguments.iter().map(|argument| format!(", {argument}")).collect();
    let sent = match (params.is_some(), call.shapes.place) {
        (false, _) => "",
        (true, Place::Query) => ".params(&params)",
        (true, _) => ".json(&params)",
    };
    write!(
        text,
        "    pub fn {name}(&self{arguments}) -> Request<{answer}, R> {{\n        \
         self.request(&{}, &[{}]){sent}{also}\n    }}\n",
        constant(call),
        ids.join(", "),
    )?;
    Ok(())
}

/// The question of `Error` that this is an answer to.
fn link(refusal: &Refusal) -> String {
    let question = match (refusal.status, refusal.code) {
        (_, "form_identifier_exists") => "is_taken",
        (404, _) => "is_not_found",
        (412, _) => "is_precondition_failed",
        (429, _) => "retry_after",
        _ => return String::new(),
    };
    format!(" ([`{question}`](crate::Error::{question}))")
}

/// The lines of an example, which is a test as well.
fn example(call: &Call) -> Result<Vec<String>> {
    example_of(call, &method(call), "")
}

/// The example of the method of this name, with this at the end of its query.
fn example_of(call: &Call, name: &str, also: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut imports = BTreeSet::new();
    let mut made = None;
    let mut sent = None;
    if let Some(example) = names::example(call.id()) {
        imports.extend(example.imports.iter().map(|name| (*name).to_owned()));
        made = Some(vec![example.params.to_owned()]);
        sent = Some(format!("let body = r#\"{}\"#;\nassert_eq!(request.body(), Some(body));", example.body));
    } else if let Some(params) = call.params() {
        imports.insert(params.clone());
        let shown = shown(call);
        made = Some(builder(call, &params, &shown)?);
        sent = Some(match call.shapes.place {
            Place::Query => {
                let pairs = [query(&shown)?, also.to_owned()];
                let pairs: Vec<_> = pairs.into_iter().filter(|pairs| !pairs.is_empty()).collect();
                format!("assert_eq!(request.query_string(), {:?});", pairs.join("&"))
            }
            _ => {
                let fields: Vec<_> =
                    shown.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
                let body = format!("{{{}}}", fields.join(","));
                format!("let body = r#\"{body}\"#;\nassert_eq!(request.body(), Some(body));")
            }
        });
    }
    let needs_json = made.iter().flatten().any(|line| line.contains("json!("));
    if needs_json {
        lines.push("# use serde_json::json;".to_owned());
    }
    match imports.len() {
        0 => {}
        1 => lines.extend(imports.iter().map(|name| format!("# use verger_client::{name};"))),
        _ => {
            let names: Vec<_> = imports.into_iter().collect();
            lines.push(format!("# use verger_client::{{{}}};", names.join(", ")));
        }
    }
    lines.push("# let client = verger_client::testing::MockTransport::new().client();".to_owned());
    let mut arguments: Vec<_> =
        call.ids().map(|name| format!("{:?}", short_id(openapi::example_id(name)))).collect();
    if let Some(parts) = made {
        let line = format!("let params = {};", parts.concat());
        if line.len() <= EXAMPLE_WIDTH_MAX {
            lines.push(line);
        } else {
            lines.push(format!("let params = {};", parts.join("\n    ")));
        }
        arguments.push("params".to_owned());
    }
    let resource = snake(&call.resource);
    lines.push(format!("let request = client.{resource}().{name}({});", arguments.join(", ")));
    let mut path = call.operation.path.to_owned();
    for id in call.ids() {
        path = path.replace(&format!("{{{id}}}"), short_id(openapi::example_id(id)).as_str());
    }
    let verb = call.operation.method;
    let line = format!("assert_eq!((request.method().as_str(), request.path()), ({verb:?}, {path:?}));");
    if line.len() <= EXAMPLE_WIDTH_MAX {
        lines.push(line);
    } else {
        lines.push(format!("let path = {path:?};"));
        lines.push(format!("assert_eq!((request.method().as_str(), request.path()), ({verb:?}, path));"));
    }
    lines.extend(sent);
    Ok(lines.iter().flat_map(|line| line.lines()).map(str::to_owned).collect())
}

/// The fields that the example has. Of a query, the first is enough; a list without an example is asked for with its
/// limit.
fn shown(call: &Call) -> Vec<(&'static str, Value)> {
    let fields = call.shapes.input.iter();
    let with_example = fields.filter_map(|field| Some((field.name, short_ids(field.example.as_ref()?))));
    match call.shapes.place {
        Place::Query => {
            let first = with_example.take(1).collect::<Vec<_>>();
            let limit = call.shapes.input.iter().find(|field| field.name == "limit");
            match limit.filter(|_| first.is_empty()) {
                Some(limit) => vec![(limit.name, Value::from(LIMIT_SHOWN))],
                None => first,
            }
        }
        _ => with_example.collect(),
    }
}

/// `Params::new(…)` with what is required, and a setter for each other field.
fn builder(call: &Call, params: &str, shown: &[(&'static str, Value)]) -> Result<Vec<String>> {
    let mut required = Vec::new();
    for field in call.shapes.input.iter().filter(|field| field.is_required) {
        let value = shown.iter().find(|(name, _)| *name == field.name);
        let (_, value) = value.with_context(|| format!("{} is required and has no example", field.name))?;
        let value = match value {
            Value::Object(fields) => entries(fields),
            other => other.to_string(),
        };
        required.push((field.name, value));
    }
    let values: Vec<_> = required.iter().map(|(_, value)| value.as_str()).collect();
    let mut parts = vec![format!("{params}::new({})", values.join(", "))];
    for (name, value) in shown.iter().filter(|(name, _)| required.iter().all(|(other, _)| other != name)) {
        match value {
            Value::Array(items) => parts.extend(items.iter().map(|item| format!(".{name}({item})"))),
            Value::Object(fields) => parts.push(format!(".{name}({})", entries(fields))),
            Value::Null => parts.push(format!(".{name}(verger_client::Patch::Null)")),
            other => parts.push(format!(".{name}({other})")),
        }
    }
    Ok(parts)
}

/// The entries of an object, as a setter takes them.
fn entries(fields: &Map<String, Value>) -> String {
    let is_plain = fields.values().all(Value::is_string);
    let entry = |(key, value): (&String, &Value)| match is_plain {
        true => format!("({key:?}, {value})"),
        false => format!("({key:?}, json!({value}))"),
    };
    format!("[{}]", fields.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// As forms are written.
fn query(shown: &[(&'static str, Value)]) -> Result<String> {
    let mut pairs = Vec::new();
    for (name, value) in shown {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            let mut encoded = String::new();
            for byte in text.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                        encoded.push(char::from(byte));
                    }
                    b' ' => encoded.push('+'),
                    other => write!(encoded, "%{other:02X}")?,
                }
            }
            pairs.push(format!("{name}={encoded}"));
        }
    }
    Ok(pairs.join("&"))
}

/// `user_3Dw7IiS6fko9avCNGdolikmwFDN` as `user_1`.
fn short_id(id: &str) -> String {
    match id.split_once("_3D") {
        Some((prefix, rest)) if rest.len() == 25 => format!("{prefix}_1"),
        _ => id.to_owned(),
    }
}

fn short_ids(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(short_id(text)),
        Value::Array(items) => items.iter().map(short_ids).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), short_ids(value))).collect(),
        other => other.clone(),
    }
}
