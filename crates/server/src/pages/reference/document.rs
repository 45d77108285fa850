//! The parts of the OpenAPI document as the template of the reference shows them.

use super::markdown::{blocks, inline, slug};
use askama::Template;
use serde_json::{Map, Value};

#[derive(Template)]
#[template(path = "reference.html")]
pub(super) struct Page {
    title: String,
    version: String,
    guides: Vec<Guide>,
    request_headers: Vec<Field>,
    answer_headers: Vec<Field>,
    common_errors: Vec<Refusal>,
    consequences: Vec<Code>,
    resources: Vec<Resource>,
    objects: Vec<Object>,
}

/// A part of the introduction: a heading and what follows it.
struct Guide {
    anchor: String,
    title: String,
    html: String,
}

/// The operations of one tag.
struct Resource {
    anchor: String,
    name: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    anchor: String,
    method: String,
    path: String,
    summary: String,
    about: String,
    parameters: Vec<Field>,
    headers: Vec<String>,
    body: Option<Body>,
    answer: Answer,
    refusals: Vec<Refusal>,
    /// The statuses that are explained once for all operations.
    common_statuses: Vec<String>,
    curl: String,
}

struct Body {
    is_required: bool,
    about: String,
    fields: Vec<Field>,
}

/// The answer of a successful request.
struct Answer {
    about: String,
    /// The object that the answer is, or a list of; its fields are described once for all operations.
    object: Option<String>,
    /// The fields of an answer that is no named object.
    fields: Vec<Field>,
    field_names: Vec<String>,
    headers: Vec<String>,
    example: String,
}

struct Object {
    name: String,
    about: String,
    fields: Vec<Field>,
}

/// A row of a table: a parameter, a field of a body or of an object, a header.
struct Field {
    name: String,
    place: String,
    kind: String,
    /// The objects that it is or holds.
    objects: Vec<String>,
    is_required: bool,
    is_deprecated: bool,
    about: String,
    limits: String,
}

struct Refusal {
    status: String,
    code: String,
    when: String,
}

struct Code {
    code: String,
    when: String,
}

/// Reads the parts of an OpenAPI document. What is missing reads as empty.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    root: &'a Value,
}

const METHODS: [&str; 5] = ["post", "get", "patch", "put", "delete"];

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    pub(super) fn page(self) -> Page {
        let components = &self.root["components"];
        let parameters = values(&components["parameters"]).filter(|parameter| parameter["in"] == "header");
        let mut common_errors: Vec<_> = entries(&self.root["paths"])
            .flat_map(|(_, item)| METHODS.iter().filter_map(|method| item.get(*method)))
            .flat_map(|operation| entries(&operation["responses"]))
            .filter(|(_, response)| response.get("$ref").is_some())
            .flat_map(|(status, response)| refusals(status, self.resolve(response)))
            .collect();
        common_errors.sort_by(|a, b| a.status.cmp(&b.status));
        common_errors.dedup_by(|a, b| a.status == b.status && a.code == b.code);
        Page {
            title: text(&self.root["info"]["title"]),
            version: text(&self.root["info"]["version"]),
            guides: guides(&text(&self.root["info"]["description"])),
            request_headers: parameters
                .map(|parameter| self.field(&parameter["name"], "", &parameter["schema"], parameter))
                .collect(),
            answer_headers: entries(&components["headers"])
                .map(|(name, header)| self.named_field(name, "", &header["schema"], header))
                .collect(),
            common_errors,
            consequences: list(&components["headers"]["Verger-Consequences"]["x-verger-codes"])
                .map(|code| Code { code: text(&code["code"]), when: inline(&text(&code["when"])) })
                .collect(),
            resources: list(&self.root["tags"])
                .map(|tag| self.resource(tag))
                // A group of another API has nothing here.
                .filter(|resource| !resource.operations.is_empty())
                .collect(),
            objects: entries(&components["schemas"])
                .map(|(name, schema)| self.object(name, schema))
                .collect(),
        }
    }

    fn resource(self, tag: &Value) -> Resource {
        let name = text(&tag["name"]);
        let operations = entries(&self.root["paths"])
            .flat_map(|(path, item)| METHODS.iter().map(move |method| (path, *method, item)))
            .filter_map(|(path, method, item)| Some((path, method, item.get(method)?)))
            .filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
            .map(|(path, method, operation)| self.operation(path, method, operation))
            .collect();
        Resource { anchor: slug(&name), about: inline(&text(&tag["description"])), name, operations }
    }

    fn operation(self, path: &str, method: &str, operation: &'a Value) -> Operation {
        let (headers, parameters): (Vec<_>, Vec<_>) = list(&operation["parameters"])
            .map(|parameter| self.resolve(parameter))
            .partition(|parameter| parameter["in"] == "header");
        let mut own = Vec::new();
        let mut common_statuses = Vec::new();
        for (status, response) in entries(&operation["responses"]) {
            let is_own = response.get("$ref").is_none();
            match refusals(status, self.resolve(response)) {
                refusals if is_own => own.extend(refusals),
                refusals if refusals.is_empty() => {}
                _ => common_statuses.push(status.to_owned()),
            }
        }
        Operation {
            anchor: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: blocks(&text(&operation["description"])),
            parameters: parameters
                .into_iter()
                .map(|parameter| {
                    self.field(&parameter["name"], &text(&parameter["in"]), &parameter["schema"], parameter)
                })
                .collect(),
            headers: headers.into_iter().map(|parameter| text(&parameter["name"])).collect(),
            body: operation.get("requestBody").map(|body| self.body(body)),
            answer: self.answer(self.resolve(&operation["responses"]["200"])),
            refusals: own,
            common_statuses,
            curl: text(&operation["x-codeSamples"][0]["source"]),
        }
    }

    fn body(self, body: &Value) -> Body {
        let schema = entries(&body["content"]).next().map_or(&Value::Null, |(_, content)| &content["schema"]);
        let refused = if schema["additionalProperties"] == false { " Other fields are refused." } else { "" };
        let mut about = text(&body["description"]) + refused;
        let items = schema.get("items");
        if items.is_some() {
            about = format!("{about} A list of {} of these:", count(schema));
        }
        Body {
            is_required: body["required"] == true,
            about: inline(about.trim()),
            fields: self.fields(items.unwrap_or(schema)),
        }
    }

    fn answer(self, response: &'a Value) -> Answer {
        // The one that is no JSON is a stream of text.
        let content = entries(&response["content"]).next().map_or(&Value::Null, |(_, content)| content);
        let schema = &content["schema"];
        let reference = schema.get("$ref").or_else(|| schema["items"].get("$ref"));
        let object = reference.and_then(Value::as_str).map(last_segment);
        let fields = if object.is_none() { self.fields(schema) } else { Vec::new() };
        let named = self.resolve(if schema.get("items").is_some() { &schema["items"] } else { schema });
        Answer {
            about: inline(&text(&response["description"])),
            field_names: self.fields(named).into_iter().map(|field| field.name).collect(),
            object,
            fields,
            headers: entries(&response["headers"]).map(|(name, _)| name.to_owned()).collect(),
            example: content.get("example").map(example).unwrap_or_default(),
        }
    }

    fn object(self, name: &str, schema: &Value) -> Object {
        Object {
            name: name.to_owned(),
            about: inline(&text(&schema["description"])),
            fields: self.fields(schema),
        }
    }

    /// The fields of an object; of one that is one of several kinds, those of all, of which some may be absent.
    fn fields(self, schema: &Value) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for option in list(&schema["oneOf"]) {
            let option = option["$ref"].as_str().and_then(|reference| self.find(reference)).unwrap_or(option);
            for field in self.fields(option) {
                if fields.iter().all(|known| known.name != field.name) {
                    fields.push(Field { is_required: false, ..field });
                }
            }
        }
        fields.extend(self.own_fields(schema));
        fields
    }

    fn own_fields(self, schema: &Value) -> Vec<Field> {
        let is_required = |name: &str| list(&schema["required"]).any(|required| required == name);
        entries(&schema["properties"])
            .map(|(name, property)| {
                let field = self.named_field(name, "", property, property);
                Field { is_required: is_required(name), ..field }
            })
            .collect()
    }

    fn field(self, name: &Value, place: &str, schema: &Value, described: &Value) -> Field {
        self.named_field(&text(name), place, schema, described)
    }

    fn named_field(self, name: &str, place: &str, schema: &Value, described: &Value) -> Field {
        let options = [schema, &schema["items"]].into_iter().chain(list(&schema["oneOf"]));
        Field {
            name: name.to_owned(),
            place: place.to_owned(),
            kind: kind(schema),
            objects: options.filter_map(|option| option["$ref"].as_str()).map(last_segment).collect(),
            is_required: described["required"] == true,
            is_deprecated: schema["deprecated"] == true,
            about: inline(&text(&described["description"])),
            limits: limits(schema),
        }
    }

    /// What a `$ref` leads to, or the value itself.
    fn resolve(self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.find(reference).unwrap_or(&Value::Null),
            None => value,
        }
    }

    fn find(self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.trim_start_matches('#'))
    }
}

/// An example as people read it.
fn example(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim_end().to_owned(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// The rows of the errors table for one status.
fn refusals(status: &str, response: &Value) -> Vec<Refusal> {
    list(&response["x-verger-errors"])
        .map(|error| Refusal {
            status: status.to_owned(),
            code: text(&error["code"]),
            when: inline(&text(&error["when"])),
        })
        .collect()
}

/// The type of a schema in words.
fn kind(schema: &Value) -> String {
    let one = match (schema["type"].as_str(), schema["items"]["type"].as_str()) {
        (Some("array"), Some(item)) => format!("array of {item}s"),
        (Some("array"), None) => "array of objects".to_owned(),
        (kind, _) => kind.unwrap_or("object").to_owned(),
    };
    if schema["nullable"] == true { format!("{one}, or null") } else { one }
}

/// How many values a list may have, in words.
fn count(schema: &Value) -> String {
    match (schema["minItems"].as_i64(), schema["maxItems"].as_i64()) {
        (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
        (None, Some(maximum)) => format!("at most {maximum}"),
        (Some(minimum), None) => format!("at least {minimum}"),
        (None, None) => "any number".to_owned(),
    }
}

/// What a schema allows beyond its type, as HTML.
fn limits(schema: &Value) -> String {
    let mut limits = Vec::new();
    let choices = schema.get("enum").or_else(|| schema["items"].get("enum")).unwrap_or(&Value::Null);
    let choices: Vec<_> = list(choices).map(|choice| format!("`{}`", text(choice))).collect();
    // A single choice is a constant, and its description names it.
    if choices.len() > 1 {
        limits.push(choices.join(" · "));
    }
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(minimum), Some(maximum)) => limits.push(format!("{minimum} to {maximum}")),
        (Some(minimum), None) => limits.push(format!("at least {minimum}")),
        (None, Some(maximum)) => limits.push(format!("at most {maximum}")),
        (None, None) => {}
    }
    match (schema["minItems"].as_i64(), schema["maxItems"].as_i64()) {
        (Some(minimum), Some(maximum)) => limits.push(format!("{minimum} to {maximum} values")),
        (None, Some(0)) => limits.push("empty".to_owned()),
        (None, Some(maximum)) => limits.push(format!("at most {maximum} values")),
        (Some(minimum), None) => limits.push(format!("at least {minimum} values")),
        (None, None) => {}
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        limits.push(format!("`{pattern}`"));
    }
    if let Some(default) = schema.get("default") {
        limits.push(format!("default `{}`", text(default)));
    }
    inline(&limits.join("; "))
}

/// The parts of a text that its `## ` headings make. What stands before the first one has no title.
fn guides(markdown: &str) -> Vec<Guide> {
    let mut parts = markdown.split("\n## ");
    let start = parts.next().unwrap_or_default();
    let mut guides = vec![Guide { anchor: String::new(), title: String::new(), html: blocks(start) }];
    for part in parts {
        let (title, rest) = part.split_once('\n').unwrap_or((part, ""));
        guides.push(Guide { anchor: slug(title), title: title.to_owned(), html: blocks(rest) });
    }
    guides
}

fn last_segment(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A text as it is, another plain value as JSON, nothing as the empty text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

pub(super) fn values(value: &Value) -> impl Iterator<Item = &Value> {
    entries(value).map(|(_, value)| value)
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
