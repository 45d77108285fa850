//! The Node package: the methods of `lib/operations.js`, and their types in `operations.d.ts`.

use super::{Call, Calls, Form, PAGINATED, Refusal, lower_camel, lower_first, names, wrapped};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use verger_wire::input::{Described, Place};

const WIDTH_MAX: usize = 120;
const GENERATED: &str =
    "// Written by `cargo xtask generate` from the declared operations; do not edit.\n//\n";

/// The classes of the package's operations.
///
/// # Errors
/// A resource that the package offers has no operations.
pub(crate) fn script(calls: &Calls) -> Result<String> {
    let mut classes = String::new();
    let mut answers = BTreeSet::new();
    let (mut is_plain, mut has_pages) = (false, false);
    for (resource, class) in names::NODE_RESOURCES {
        writeln!(
            classes,
            "class {class} {{\n  #calls;\n\n  constructor(calls) {{\n    this.#calls = calls;\n  }}"
        )?;
        for call in offered(calls, resource)? {
            let (answer, form) = answer_of(call);
            has_pages |= form == Form::Page;
            match names::NODE_CLASSES.contains(&answer) {
                true => drop(answers.insert(answer)),
                false => is_plain |= answer != NO_CONTENT,
            }
            write!(classes, "\n{}", method(call))?;
        }
        classes.push_str("}\n\n");
    }
    let mut text = format!(
        "'use strict';\n\n{GENERATED}\
         // One method for each operation, with nothing in it that the declaration of the operation does not say. A\n\
         // method that is more than that stands beside this file, in a class that extends the one here.\n\n"
    );
    if is_plain {
        text.push_str("const { camelKeys } = require('./names.js');\n");
    }
    if has_pages {
        answers.insert("pageOf");
    }
    let answers: Vec<_> = answers.into_iter().collect();
    writeln!(text, "const {{\n  {},\n}} = require('./objects.js');\n", answers.join(",\n  "))?;
    let exported: BTreeSet<_> = names::NODE_RESOURCES.iter().map(|(_, class)| *class).collect();
    let exported: Vec<_> = exported.into_iter().collect();
    writeln!(text, "{classes}module.exports = {{ {} }};", exported.join(", "))?;
    Ok(text)
}

/// The types of the package's operations.
///
/// # Errors
/// A resource that the package offers has no operations, or a field has a type that no rule here covers.
pub(crate) fn types(calls: &Calls) -> Result<String> {
    let fields: BTreeSet<_> =
        calls.iter().flat_map(|call| &call.shapes.input).map(|field| field.name).collect();
    let mut answers = BTreeSet::new();
    let mut params = Vec::new();
    let mut interfaces = Vec::new();
    for (resource, class) in names::NODE_RESOURCES {
        let of_it = offered(calls, resource)?;
        let words = calls.words_of(&of_it)?;
        let mut text = String::new();
        let words = format!(
            "{words} Every call rejects with an `ApiError` if the service refuses it or does not answer."
        );
        comment(&mut text, "", &words)?;
        let mut methods = Vec::new();
        for call in of_it {
            match answer_of(call) {
                (NO_CONTENT, _) => {}
                (answer, Form::Page) => answers.extend([answer, "Page"]),
                (answer, _) => drop(answers.insert(answer)),
            }
            if let Some(name) = params_of(call)
                && params.iter().all(|(other, _)| *other != name)
            {
                let declared = input(&name, &call.shapes.input, &fields).with_context(|| name.clone())?;
                params.push((name, declared));
            }
            methods.push(signature(call, &fields)?);
        }
        write!(text, "export interface {class} {{\n{}}}\n", methods.join("\n"))?;
        interfaces.push(text);
    }
    if params.iter().any(|(_, declared)| declared.contains(": Metadata;")) {
        answers.insert("Metadata");
    }
    let answers: Vec<_> = answers.into_iter().collect();
    let params: Vec<_> = params.into_iter().map(|(_, declared)| declared).collect();
    Ok(format!(
        "{GENERATED}\
         // One signature for each operation, and what it is asked with: nothing but what its declaration says. What the\n\
         // official SDK has in another shape is in users.d.ts.\n\n\
         import type {{\n  {},\n}} from './objects';\n\n{}\n{}",
        answers.join(",\n  "),
        params.join("\n"),
        interfaces.join("\n"),
    ))
}

/// The operations of a resource that are not written by hand.
fn offered<'a>(calls: &'a Calls, resource: &str) -> Result<Vec<&'a Call>> {
    let found = calls.of_resource(resource).into_iter();
    let found: Vec<_> = found.filter(|call| !names::is_by_hand_in_node(call.id())).collect();
    if found.is_empty() {
        bail!("there are no operations of {resource}");
    }
    Ok(found)
}

fn name(call: &Call) -> String {
    names::node_method(call.id()).map_or_else(|| lower_first(call.plain_id()), str::to_owned)
}

fn params_of(call: &Call) -> Option<String> {
    let name = call.params()?;
    Some(names::node_params(&name).map_or(name, str::to_owned))
}

/// Whether it can be called without parameters.
fn may_be_left_out(call: &Call) -> bool {
    !call.shapes.is_body_required && call.shapes.input.iter().all(|field| !field.is_required)
}

/// What an operation without an answer answers.
const NO_CONTENT: &str = "NoContent";

/// The class of the objects of an answer, and how they come: a list that can come as a page does.
fn answer_of(call: &Call) -> (&'static str, Form) {
    let (answer, form) = call.answer();
    let form = if call.is_paginated_on_demand() { Form::Page } else { form };
    (names::node_answer(answer).unwrap_or(answer), form)
}

fn method(call: &Call) -> String {
    let ids: Vec<_> = call.ids().map(lower_camel).collect();
    let mut arguments = ids.clone();
    let mut sent = Vec::new();
    if !ids.is_empty() {
        sent.push(format!("ids: [{}]", ids.join(", ")));
    }
    if call.params().is_some() {
        let default = if may_be_left_out(call) { " = {}" } else { "" };
        arguments.push(format!("params{default}"));
        sent.push(match call.shapes.place {
            Place::Query if call.is_paginated_on_demand() => {
                format!("query: {{ ...params, {PAGINATED}: true }}")
            }
            Place::Query => "query: params".to_owned(),
            _ => "body: params".to_owned(),
        });
    }
    let sent = if sent.is_empty() { ", {}".to_owned() } else { format!(", {{ {} }}", sent.join(", ")) };
    let sent = format!("await this.#calls.send('{}'{sent})", call.id());
    let (answer, form) = answer_of(call);
    if answer == NO_CONTENT {
        return format!("  async {}({}) {{\n    {sent};\n  }}\n", name(call), arguments.join(", "));
    }
    let has_class = names::NODE_CLASSES.contains(&answer);
    let body = match (form, has_class) {
        (Form::One, true) => format!("new {answer}({sent})"),
        (Form::One, false) => format!("camelKeys({sent})"),
        (Form::List, true) => format!("({sent}).map(one => new {answer}(one))"),
        (Form::List, false) => format!("({sent}).map(camelKeys)"),
        (Form::Page, true) => format!("pageOf(one => new {answer}(one), {sent})"),
        (Form::Page, false) => format!("pageOf(camelKeys, {sent})"),
    };
    let line = format!("    return {body};\n");
    let line = match body.strip_suffix(')').and_then(|body| body.split_once('(')) {
        Some((before, inner)) if line.len() > WIDTH_MAX + 1 && form != Form::List => {
            format!("    return {before}(\n      {inner},\n    );\n")
        }
        _ => line,
    };
    format!("  async {}({}) {{\n{line}  }}\n", name(call), arguments.join(", "))
}

fn signature(call: &Call, fields: &BTreeSet<&str>) -> Result<String> {
    let mut words = call.headline();
    if !call.description.is_empty() {
        write!(words, "\n\n{}", in_camel_case(&call.description, fields))?;
    }
    if !call.refusals.is_empty() {
        words.push_str("\n\nRefused with:");
    }
    for Refusal { status, code, when } in &call.refusals {
        write!(words, "\n- {status} `{code}`: {}", in_camel_case(when, fields))?;
    }
    let mut text = String::new();
    comment(&mut text, "  ", &words)?;
    let mut arguments: Vec<_> = call.ids().map(|id| format!("{}: string", lower_camel(id))).collect();
    if let Some(params) = params_of(call) {
        let mark = if may_be_left_out(call) { "?" } else { "" };
        arguments.push(format!("params{mark}: {params}"));
    }
    let (answer, form) = answer_of(call);
    let answer = match form {
        _ if answer == NO_CONTENT => "void".to_owned(),
        Form::One => answer.to_owned(),
        Form::List => format!("{answer}[]"),
        Form::Page => format!("Page<{answer}>"),
    };
    let line = format!("  {}({}): Promise<{answer}>;", name(call), arguments.join(", "));
    if line.len() <= WIDTH_MAX {
        writeln!(text, "{line}")?;
    } else {
        writeln!(text, "  {}(\n    {},\n  ): Promise<{answer}>;", name(call), arguments.join(",\n    "))?;
    }
    Ok(text)
}

fn input(name: &str, input: &[Described], fields: &BTreeSet<&str>) -> Result<String> {
    let mut text = format!("export type {name} = {{\n");
    for field in input.iter().filter(|field| field.name != PAGINATED) {
        if let Some(words) = field.schema["description"].as_str() {
            comment(&mut text, "  ", &in_camel_case(words, fields))?;
        }
        let mark = if field.is_required { "" } else { "?" };
        let kind = kind(&field.schema).with_context(|| field.name.to_owned())?;
        let null = if field.schema["nullable"] == true { " | null" } else { "" };
        writeln!(text, "  {}{mark}: {kind}{null};", lower_camel(field.name))?;
    }
    text.push_str("};\n");
    Ok(text)
}

fn kind(schema: &Value) -> Result<String> {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).map(|value| format!("'{value}'"));
        return Ok(values.collect::<Vec<_>>().join(" | "));
    }
    Ok(match schema["type"].as_str() {
        Some("string") => "string".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("object") => "Metadata".to_owned(),
        Some("array") => format!("({})[]", kind(&schema["items"])?),
        other => bail!("there is no rule for a field of type {other:?}"),
    })
}

fn comment(text: &mut String, indent: &str, words: &str) -> Result<()> {
    let lines = wrapped(words, WIDTH_MAX - indent.len() - " * ".len());
    if let [line] = lines.as_slice() {
        let line = format!("{indent}/** {line} */");
        if line.chars().count() <= WIDTH_MAX {
            writeln!(text, "{line}")?;
            return Ok(());
        }
    }
    writeln!(text, "{indent}/**")?;
    for line in lines {
        writeln!(text, "{}", format!("{indent} * {line}").trim_end())?;
    }
    writeln!(text, "{indent} */")?;
    Ok(())
}

/// With the names of fields as the package has them. They stand between backquotes, alone or with a value.
fn in_camel_case(words: &str, fields: &BTreeSet<&str>) -> String {
    let mut parts = Vec::new();
    for (at, part) in words.split('`').enumerate() {
        let (name, value) = part.split_once(": ").map_or((part, None), |(name, value)| (name, Some(value)));
        parts.push(match value {
            _ if at % 2 == 0 || !fields.contains(name) => part.to_owned(),
            Some(value) => format!("{}: {value}", lower_camel(name)),
            None => lower_camel(name),
        });
    }
    parts.join("`")
}
