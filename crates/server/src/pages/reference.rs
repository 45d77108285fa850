//! The API reference: a page for people, made from the OpenAPI document that tests hold to the published one.
//!
//! The page needs nothing but itself (no script, no font, no picture), so it can be read offline and under the
//! strictest content security policy: `default-src 'none'; style-src 'unsafe-inline'`.

use askama::Template;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::sync::{LazyLock, Mutex, PoisonError};
use verger_http::compress;

/// The address in the document, in whose place the one that was asked comes.
const ADDRESS: &str = "http://127.0.0.1:4100";
/// What stands in examples for ids that only the reader has.
/// What a shell reads the secret key with.
const KEY_FOR_SHELL: &str = "$(cat verger-data/secret-key)";
const USER_ID: &str = "USER_ID";
const PHONE_NUMBER_ID: &str = "PHONE_NUMBER_ID";
/// For how many readers a document is kept compressed. To one more it goes as it is: nobody can make the server compress
/// again and again.
const READERS_MAX: usize = 16;

/// Our OpenAPI document: what this server implements.
fn openapi_json() -> &'static str {
    include_str!("../../openapi/verger.json")
}

/// The API reference as HTML. Rendered once, at the first call.
fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(|| match render() {
        Ok(page) => page,
        // The document is embedded and a test renders it, so nobody should ever read this.
        Err(error) => format!("<!doctype html><title>Reference</title><p>The reference has a fault: {error}"),
    });
    &PAGE
}

/// What is served about the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// The OpenAPI document, as JSON.
    OpenApi,
    /// The reference, as HTML.
    Page,
}

/// Whom the examples are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// `http://` and the host that was asked.
    pub(crate) address: String,
    /// What a shell reads the secret key with; characters that mean nothing in HTML or JSON.
    pub(crate) key_for_shell: String,
    /// The demo user, if there is one.
    pub(crate) user_id: Option<String>,
    /// Its first phone number.
    pub(crate) phone_number_id: Option<String>,
}

/// The address that a request was sent to. A `Host` that is none is nobody's: then the default.
pub(crate) fn address_of(headers: &HeaderMap) -> String {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
    match host.filter(|host| is_host(host)) {
        Some(host) => format!("http://{host}"),
        None => ADDRESS.to_owned(),
    }
}

/// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. Nothing that means something in HTML, JSON
/// or a shell.
fn is_host(host: &str) -> bool {
    const CHARACTERS_MAX: usize = 255;
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        }
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= CHARACTERS_MAX && is_name && port.is_none_or(is_port)
}

/// A text for this reader.
pub(crate) fn text_for(text: Text, reader: &Reader) -> String {
    let text = match text {
        Text::OpenApi => openapi_json(),
        Text::Page => page(),
    };
    let mut text = text.replace(ADDRESS, &reader.address).replace(KEY_FOR_SHELL, &reader.key_for_shell);
    for (placeholder, id) in [(USER_ID, &reader.user_id), (PHONE_NUMBER_ID, &reader.phone_number_id)] {
        if let Some(id) = id {
            text = text.replace(placeholder, id);
        }
    }
    text
}

/// The same, compressed once for each reader; `None` if there are too many of them.
pub(crate) fn gzip_for(text: Text, reader: &Reader) -> Option<Bytes> {
    static KEPT: Mutex<Vec<(Text, Reader, Bytes)>> = Mutex::new(Vec::new());
    let find = |kept: &Vec<(Text, Reader, Bytes)>| {
        let found = kept.iter().find(|(of, whose, _)| *of == text && whose == reader);
        found.map(|(.., bytes)| bytes.clone())
    };
    {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = find(&kept) {
            return Some(bytes);
        }
        if kept.len() >= READERS_MAX * 2 {
            return None;
        }
    }
    let bytes = match compress::gzip(&text_for(text, reader)) {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::warn!(%error, "the API reference could not be compressed");
            return None;
        }
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < READERS_MAX * 2 && find(&kept).is_none() {
        kept.push((text, reader.clone(), bytes.clone()));
    }
    Some(bytes)
}

fn render() -> Result<String, Box<dyn std::error::Error>> {
    let document: Value = serde_json::from_str(openapi_json())?;
    Ok(Document { root: &document }.page().render()?)
}

#[derive(Template)]
#[template(path = "reference.html")]
struct Page {
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
struct Document<'a> {
    root: &'a Value,
}

const METHODS: [&str; 5] = ["post", "get", "patch", "put", "delete"];

impl<'a> Document<'a> {
    fn page(self) -> Page {
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
            resources: list(&self.root["tags"]).map(|tag| self.resource(tag)).collect(),
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
        let about = text(&body["description"]) + refused;
        Body {
            is_required: body["required"] == true,
            about: inline(about.trim()),
            fields: self.fields(schema),
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
            field_names: entries(&named["properties"]).map(|(name, _)| name.to_owned()).collect(),
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

    fn fields(self, schema: &Value) -> Vec<Field> {
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
            Some(reference) => self.root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => value,
        }
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

/// Paragraphs, `- ` lists and fenced code as HTML: all the Markdown that our document uses.
fn blocks(markdown: &str) -> String {
    let mut html = String::new();
    for block in markdown.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        if let Some(code) = block.strip_prefix("```") {
            html.push_str(&format!(
                "<pre tabindex=\"0\"><code>{}</code></pre>\n",
                escape(code.trim_end_matches("```").trim())
            ));
        } else if block.starts_with("- ") {
            let items =
                block.lines().map(|item| format!("<li>{}</li>", inline(item.trim_start_matches("- "))));
            html.push_str(&format!("<ul>{}</ul>\n", items.collect::<String>()));
        } else {
            html.push_str(&format!("<p>{}</p>\n", inline(block)));
        }
    }
    html
}

/// One line of text as HTML, with `` `code` `` in it.
fn inline(line: &str) -> String {
    let mut html = String::new();
    for (at, part) in line.split('`').enumerate() {
        let part = escape(part);
        // Every second part stands between backticks.
        html.push_str(&if at % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn slug(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn last_segment(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A text as it is, another plain value as JSON, nothing as the empty text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn values(value: &Value) -> impl Iterator<Item = &Value> {
    entries(value).map(|(_, value)| value)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn document() -> Value {
        serde_json::from_str(openapi_json()).expect("the embedded document is JSON")
    }

    fn attributes(name: &str) -> Vec<&'static str> {
        let start = format!(" {name}=\"");
        page().split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn page_shows_every_operation_field_and_error_of_the_document() {
        assert!(render().is_ok());
        let document = document();
        let mut expected = BTreeSet::new();
        for (path, item) in entries(&document["paths"]) {
            expected.insert(path.to_owned());
            for operation in values(item) {
                expected.insert(format!("id=\"{}\"", text(&operation["operationId"])));
                expected.insert(inline(&text(&operation["summary"])));
                for response in values(&operation["responses"]) {
                    for error in list(&response["x-verger-errors"]) {
                        expected.insert(format!("<code>{}</code>", text(&error["code"])));
                        expected.insert(inline(&text(&error["when"])));
                    }
                }
                let body = &operation["requestBody"]["content"]["application/json"]["schema"];
                for property in values(&body["properties"]) {
                    expected.insert(inline(&text(&property["description"])));
                }
                for parameter in list(&operation["parameters"]) {
                    expected.insert(inline(&text(&parameter["description"])));
                }
            }
        }
        for schema in values(&document["components"]["schemas"]) {
            for property in values(&schema["properties"]) {
                expected.insert(inline(&text(&property["description"])));
            }
        }
        let missing: Vec<_> = expected.iter().filter(|text| !page().contains(text.as_str())).collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn page_needs_nothing_but_itself() {
        let page = page();
        for outside in
            ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "javascript:", " on"]
        {
            let found =
                page.match_indices(outside).find(|(at, _)| outside != " on" || is_handler(&page[*at..]));
            assert!(found.is_none(), "{outside}");
        }
        assert!(
            attributes("href").iter().all(|target| target.starts_with('#') || *target == "/openapi.json")
        );
    }

    fn is_handler(text: &str) -> bool {
        text.split_once('=')
            .is_some_and(|(name, _)| name.len() < 16 && !name.trim_start().contains([' ', '<', '>']))
    }

    #[test]
    fn anchors_are_unique_and_links_lead_somewhere() {
        let ids = attributes("id");
        let unique: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len());
        for target in attributes("href").iter().filter_map(|target| target.strip_prefix('#')) {
            assert!(unique.contains(target), "#{target} leads nowhere");
        }
        for heading in ["<h2", "<h3", "<h4"] {
            for rest in page().split(heading).skip(1) {
                assert!(rest.starts_with(" id=\""), "{heading}{}", &rest[..40]);
            }
        }
    }

    #[test]
    fn examples_carry_the_address_that_was_asked_and_ids_that_exist() {
        let nobody = Reader {
            address: "http://id.example.com:8080".to_owned(),
            key_for_shell: "$(cat mine/secret-key)".to_owned(),
            user_id: None,
            phone_number_id: None,
        };
        let reader = Reader {
            user_id: Some("user_demo".to_owned()),
            phone_number_id: Some("idn_demo".to_owned()),
            ..nobody.clone()
        };
        for text in [Text::OpenApi, Text::Page] {
            let plain = text_for(text, &nobody);
            assert!(
                !plain.contains("127.0.0.1:4100") && plain.contains("http://id.example.com:8080/v1/users")
            );
            assert!(
                plain.contains("/v1/users/USER_ID") && plain.contains("/v1/phone_numbers/PHONE_NUMBER_ID")
            );
            assert!(plain.contains("=$(cat mine/secret-key)") && !plain.contains("verger-data/secret-key"));
            let filled = text_for(text, &reader);
            assert!(!filled.contains("USER_ID") && !filled.contains("PHONE_NUMBER_ID"));
            assert!(
                filled.contains("/v1/users/user_demo/ban") && filled.contains("/v1/phone_numbers/idn_demo")
            );
        }
        let document: Value = serde_json::from_str(&text_for(Text::OpenApi, &reader)).expect("still JSON");
        assert_eq!(document["servers"][0]["url"], "http://id.example.com:8080");
        // No example has an id that nobody has.
        for operation in entries(&document["paths"]).flat_map(|(_, item)| values(item)) {
            for sample in list(&operation["x-codeSamples"]) {
                let source = text(&sample["source"]);
                for prefix in ["user_3", "idn_3", "ver_3", "whe_3", "sms_3"] {
                    assert!(!source.contains(prefix), "{source}");
                }
            }
        }
    }

    #[test]
    fn host_that_could_mean_something_else_is_not_repeated() {
        use axum::http::HeaderValue;
        let address = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            address_of(&headers)
        };
        for good in [
            "localhost:4177",
            "127.0.0.1",
            "[::1]:4100",
            "[::1]",
            "id.example.com",
            "id-1.example.com:443",
            "a:0",
        ] {
            assert_eq!(address(&[good]), format!("http://{good}"));
        }
        for bad in [
            "",
            ":4100",
            "a b",
            "a/b",
            "a\"b",
            "a<b>",
            "a'b",
            "a$(b)",
            "a@b",
            "a:b",
            "a:70000",
            "a:+1",
            "a:",
            "[::1",
            "::1",
            "[1.2.3.4]",
            "a;b",
            "a\\b",
            "a%20b",
        ] {
            assert_eq!(address(&[bad]), ADDRESS, "{bad}");
        }
        assert_eq!(address(&[]), ADDRESS);
        assert_eq!(address(&["a.example.com", "b.example.com"]), ADDRESS);
        let long = Box::leak("a".repeat(256).into_boxed_str());
        assert_eq!(address(&[long]), ADDRESS);
    }

    #[test]
    fn page_can_be_read_on_a_small_screen_and_by_keyboard() {
        let page = page();
        // What scrolls can be reached, and what is long need not be.
        for scrolled in ["<pre", "<div class=\"scroll\""] {
            for rest in page.split(scrolled).skip(1) {
                assert!(rest.starts_with(" tabindex=\"0\""), "{scrolled}{}", &rest[..60]);
            }
        }
        // Cells that are stacked say what they are, and are still a table to those who do not see it.
        for rest in page.split("<td").skip(1) {
            let tag = rest.split('>').next().unwrap_or_default();
            assert!(tag.contains("data-label=\"") && tag.contains("role=\"cell\""), "<td{tag}>");
        }
        for (tag, role) in
            [("<table", "table"), ("<tr", "row"), ("<th", "columnheader"), ("<tbody", "rowgroup")]
        {
            for rest in page.split(&format!("{tag} ")).skip(1).chain(page.split(&format!("{tag}>")).skip(1)) {
                let rest = rest.split('>').next().unwrap_or_default();
                assert!(rest.contains(&format!("role=\"{role}\"")), "{tag} {rest}");
            }
        }
        assert!(page.contains("<details class=\"menu\"><summary>"));
        assert!(page.contains("main a { text-decoration: underline; }"));
        assert_eq!(page.matches("<main").count(), 1);
        assert_eq!(page.matches("<h1").count(), 1);
    }

    #[test]
    fn markdown_is_escaped_and_small() {
        assert_eq!(inline("a < `b & c` \"d\""), "a &lt; <code>b &amp; c</code> &quot;d&quot;");
        assert_eq!(
            blocks("one\n\n- two\n- `three`\n\n```\n{\"a\": 1}\n```"),
            "<p>one</p>\n<ul><li>two</li><li><code>three</code></li></ul>\n\
             <pre tabindex=\"0\"><code>{&quot;a&quot;: 1}</code></pre>\n",
        );
    }
}
