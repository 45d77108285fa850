//! The OpenAPI documents: what is written by hand in `openapi/base.json` (introduction, tags, common headers and
//! responses), and every operation as it is declared.

use crate::outcomes;
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use verger_http::headers::Headers;
use verger_server::CallerKind;
use verger_server::operation::{HeaderParam, Operation, Shapes};
use verger_server::reasons;
use verger_wire::error::ErrorBody;
use verger_wire::input::{Described, Place, Unknown};
use verger_wire::reason::Reason;
use verger_wire::schema::{Schema as _, Schemas};

const ADDRESS: &str = "http://127.0.0.1:4100";

/// The document of these operations.
///
/// # Errors
/// The base is not what it should be, or names a reason that does not exist.
pub(crate) fn document(base: &str, operations: impl Iterator<Item = &'static Operation>) -> Result<String> {
    let mut document: Value = serde_json::from_str(base).context("openapi/base.json")?;
    put_reasons(&mut document)?;
    let mut schemas = Schemas::default();
    ErrorBody::schema(&mut schemas);
    let mut paths = Map::new();
    for operation in operations {
        for header in operation.header_params {
            document["components"]["parameters"][header.component] = header_parameter(header);
        }
        let described = describe(operation, &mut schemas);
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.to_lowercase()] = described;
    }
    let by_hand = document["paths"].take();
    paths.extend(by_hand.as_object().cloned().unwrap_or_default());
    document["paths"] = Value::Object(paths);
    document["components"]["schemas"] = Value::Object(schemas.into_map());
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Puts rows where the base names reasons.
fn put_reasons(value: &mut Value) -> Result<()> {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(names)) = map.remove("x-verger-reasons") {
                let rows = names.iter().map(|name| {
                    let found = reasons::all().find(|reason| *name == reason.name);
                    found.map(row).with_context(|| format!("openapi/base.json: there is no reason {name}"))
                });
                map.insert("x-verger-errors".to_owned(), Value::Array(rows.collect::<Result<_>>()?));
            }
            map.values_mut().try_for_each(put_reasons)
        }
        Value::Array(items) => items.iter_mut().try_for_each(put_reasons),
        _ => Ok(()),
    }
}

fn row(reason: &Reason) -> Value {
    json!({ "code": reason.code, "when": reason.when })
}

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let shapes = (operation.describe)(schemas);
    let (summary, description) = words(operation.doc);
    let mut described = json!({
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": summary,
    });
    let Value::Object(map) = &mut described else { return described };
    if !description.is_empty() {
        map.insert("description".to_owned(), json!(description));
    }
    if operation.caller == CallerKind::Nobody {
        map.insert("security".to_owned(), json!([]));
    }
    let parameters = parameters(operation, &shapes);
    if !parameters.is_empty() {
        map.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if let Some(body) = request_body(&shapes) {
        map.insert("requestBody".to_owned(), body);
    }
    map.insert("responses".to_owned(), responses(operation, &shapes));
    let source = curl(operation, &shapes);
    map.insert("x-codeSamples".to_owned(), json!([{ "lang": "Shell", "label": "curl", "source": source }]));
    described
}

/// The first line of a doc comment, and the paragraphs after it.
pub(crate) fn words(doc: &[&str]) -> (String, String) {
    let mut lines = doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line));
    let summary = lines.next().unwrap_or_default().trim().to_owned();
    let mut description = String::new();
    for line in lines {
        let line = line.trim_end();
        if line.is_empty() {
            description.push_str("\n\n");
        } else {
            if !description.is_empty() && !description.ends_with('\n') {
                description.push(if line.starts_with("- ") { '\n' } else { ' ' });
            }
            description.push_str(line);
        }
    }
    (summary, description.trim().to_owned())
}

fn parameters(operation: &Operation, shapes: &Shapes) -> Vec<Value> {
    let mut found: Vec<Value> = shapes.path.iter().map(|field| parameter(field, "path")).collect();
    if shapes.place == Place::Query {
        found.extend(shapes.input.iter().map(|field| parameter(field, "query")));
    }
    for header in operation.header_params {
        found.push(json!({ "$ref": format!("#/components/parameters/{}", header.component) }));
    }
    let has_key = operation.caller == CallerKind::SecretKey;
    let headers = operation.headers;
    for (name, is_taken) in [
        ("ClerkApiVersion", has_key),
        ("IfNoneMatch", headers.has(Headers::NOT_MODIFIED)),
        ("IfMatch", headers.has(Headers::IF_MATCH)),
        ("IdempotencyKey", headers.has(Headers::IDEMPOTENT)),
        ("Prefer", headers.has(Headers::DRY_RUN)),
    ] {
        if is_taken {
            found.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
        }
    }
    found
}

fn header_parameter(header: &HeaderParam) -> Value {
    json!({
        "name": header.name,
        "in": "header",
        "required": header.is_required,
        "x-verger-addition": true,
        "description": header.doc,
        "schema": { "type": "string", "example": header.example },
    })
}

fn parameter(field: &Described, place: &str) -> Value {
    let mut schema = field.schema.clone();
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let addition = schema.as_object_mut().and_then(|schema| schema.remove("x-verger-addition"));
    let deprecated = schema.as_object_mut().and_then(|schema| schema.remove("deprecated"));
    let mut described = json!({ "name": field.name, "in": place, "required": field.is_required });
    if let Some(deprecated) = deprecated {
        described["deprecated"] = deprecated;
    }
    if let Some(description) = description {
        described["description"] = description;
    }
    if let Some(addition) = addition {
        described["x-verger-addition"] = addition;
    }
    if place == "path" {
        described["example"] = json!(example_id(field.name));
    }
    if let Some(example) = &field.example {
        schema["example"] = example.clone();
    }
    described["schema"] = schema;
    described
}

/// Ids of the same people in all examples.
pub(crate) fn example_id(name: &str) -> &'static str {
    match name {
        "user_id" => "user_3Dw7IiS6fko9avCNGdolikmwFDN",
        "email_address_id" => "idn_3Dw7ImGIfXiFvAcVPyT0Siw87sn",
        "delivery_id" | "message_id" => "sms_3Dw7QHk2vPpUZr0yXbT5cN8eLmA",
        "webhook_endpoint_id" => "whe_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "signing_key_id" => "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "identifier_id" => "alid_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "invitation_id" => "inv_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "session_id" => "sess_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "client_id" => "client_3Dw7IkPZ9B5CmVCTr97vkpOFxVl",
        "template_id" => "jtmp_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "template_name" => "billing",
        "sign_in_token_id" => "sit_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "actor_token_id" => "act_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        "id" => "ru_3Dw7JOBTomM81IWXkXCZt7PRTFt",
        _ => "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl",
    }
}

fn request_body(shapes: &Shapes) -> Option<Value> {
    let is_body = shapes.place.is_body();
    if !is_body || shapes.input.is_empty() && shapes.unknown == Unknown::Ignored {
        return None;
    }
    let mut schema = json!({ "type": "object" });
    if shapes.unknown == Unknown::Refused {
        schema["additionalProperties"] = json!(false);
    }
    let properties: Map<_, _> =
        shapes.input.iter().map(|field| (field.name.to_owned(), field.schema.clone())).collect();
    schema["properties"] = Value::Object(properties);
    let required: Vec<_> =
        shapes.input.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let mut example = Value::Object(body_example(shapes));
    if let Place::Items { max } = shapes.place {
        schema = json!({ "type": "array", "minItems": 1, "maxItems": max, "items": schema });
        example = json!([example]);
    }
    let mut content = json!({ "schema": schema });
    if !body_example(shapes).is_empty() {
        content["example"] = example;
    }
    let mut body = json!({ "content": { "application/json": content } });
    let mut about = Vec::new();
    if required.is_empty() && !shapes.is_body_required {
        about.push("May be absent, empty or `null`.");
    }
    if shapes.unknown == Unknown::Ignored {
        about.push("Unknown fields are ignored.");
    }
    if !about.is_empty() {
        body["description"] = json!(about.join(" "));
    }
    if shapes.is_body_required {
        body["required"] = json!(true);
    }
    Some(body)
}

/// The fields that have an example.
fn body_example(shapes: &Shapes) -> Map<String, Value> {
    let shown = shapes.input.iter();
    shown.filter_map(|field| Some((field.name.to_owned(), field.example.clone()?))).collect()
}

fn responses(operation: &Operation, shapes: &Shapes) -> Value {
    let mut responses = BTreeMap::new();
    // An answer without content has no schema.
    let status = if shapes.output.is_null() { 204 } else { 200 };
    responses.insert(status, success(operation, shapes));
    let common = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    let headers = operation.headers;
    let has_key = operation.caller == CallerKind::SecretKey;
    if operation.headers.has(Headers::NOT_MODIFIED) {
        responses.insert(304, common("NotModified"));
    }
    if has_key {
        responses.insert(401, common("AuthenticationInvalid"));
        responses.insert(503, common("ServiceUnavailable"));
        responses.insert(500, common("InternalError"));
    }
    if headers.has(Headers::IF_MATCH) {
        responses.insert(412, common("PreconditionFailed"));
    }
    if shapes.place.is_body() {
        responses.insert(413, common("ContentTooLarge"));
        responses.insert(415, common("UnsupportedContentType"));
    }
    let mut own: BTreeMap<u16, Vec<&Reason>> = BTreeMap::new();
    for reason in operation.refuses.iter().copied().chain(implied(operation, shapes)) {
        let of_status = own.entry(reason.status).or_default();
        if reason.status >= 400 && !of_status.contains(&reason) {
            of_status.push(reason);
        }
    }
    for (status, reasons) in own.into_iter().filter(|(_, reasons)| !reasons.is_empty()) {
        responses.insert(status, refusal(status, &reasons));
    }
    for status in operation.shares {
        if *status == 500 {
            responses.insert(500, refusal(500, &[&reasons::INTERNAL_ERROR]));
        }
    }
    for status in operation.adds {
        let Some(response) = responses.get_mut(status) else { continue };
        if response.get("$ref").is_some() {
            *response = refusal(*status, &[&reasons::AUTHORIZATION_MISSING, &reasons::KEY_INVALID]);
        }
        response["x-verger-addition"] = json!(true);
    }
    Value::Object(responses.into_iter().map(|(status, response)| (status.to_string(), response)).collect())
}

/// What the layers of the mount and the reading of the input refuse.
fn implied(operation: &Operation, shapes: &Shapes) -> Vec<&'static Reason> {
    let mut found = Vec::new();
    let has_key = operation.caller == CallerKind::SecretKey;
    if has_key {
        found.extend([&reasons::API_VERSION_INVALID, &reasons::REQUEST_MALFORMED]);
    }
    if !shapes.path.is_empty() {
        found.push(&reasons::NOT_FOUND);
    }
    if shapes.place.is_body() {
        found.push(&reasons::BODY_INVALID);
    }
    let has = |test: &dyn Fn(&Described) -> bool| shapes.input.iter().any(test);
    if has(&|field| field.is_required) {
        found.push(&reasons::PARAM_MISSING);
        if shapes.place.is_body() {
            found.push(&reasons::PARAM_NULL);
        }
    }
    let is_text = |field: &Described| field.schema["type"] == "string" && field.schema.get("enum").is_none();
    if has(&|field| shapes.place.is_body() || !is_text(field)) {
        found.push(&reasons::PARAM_VALUE_INVALID);
    }
    if has(&|field| field.schema["type"] == "integer") {
        found.push(&reasons::PARAM_VALUE_TOO_LARGE);
    }
    // Where too many are refused in another way, the operation says so.
    let has_own = operation.refuses.contains(&&reasons::BULK_TOO_LARGE);
    if !has_own && has(&|field| field.schema["type"] == "array") {
        found.push(&reasons::ARRAY_TOO_LONG);
    }
    if shapes.place != Place::Nowhere && shapes.unknown == Unknown::Refused {
        found.push(&reasons::PARAM_UNKNOWN);
    }
    if !shapes.not_built.is_empty() {
        found.push(&reasons::PARAM_NOT_BUILT);
    }
    if operation.headers.has(Headers::IDEMPOTENT) {
        found.push(&reasons::IDEMPOTENCY_KEY_REUSED);
    }
    found
}

fn success(operation: &Operation, shapes: &Shapes) -> Value {
    let mut headers = Map::new();
    let mut header = |name: &str| {
        headers.insert(name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    };
    if operation.headers.has(Headers::TAGGED) {
        header("ETag");
    }
    if operation.caller == CallerKind::SecretKey {
        header("Clerk-API-Version");
        header("X-Clerk-Trace-Id");
    }
    if operation.headers.has(Headers::CONSEQUENCES) {
        header("Verger-Consequences");
    }
    let is_stream = shapes.output == json!({ "type": "string" });
    let media = if is_stream { "text/event-stream" } else { "application/json" };
    let mut example = match shapes.output["type"] == "array" {
        true => json!([shapes.item_example]),
        false => shapes.example.clone(),
    };
    outcomes::put(operation.operation_id, &mut example);
    let mut response = json!({ "description": operation.answer });
    if !headers.is_empty() {
        response["headers"] = Value::Object(headers);
    }
    if !shapes.output.is_null() {
        response["content"] = json!({ media: { "schema": shapes.output, "example": example } });
    }
    response
}

fn refusal(status: u16, reasons: &[&Reason]) -> Value {
    let description = match status {
        400 => "The request is malformed or cannot be carried out.",
        401 => "The request is not authenticated.",
        403 => "The request is not allowed.",
        404 => "No such object.",
        422 => "A value was refused; `meta.param_name` names it.",
        500 => "A server error.",
        429 => "Rate limited: retry after `Retry-After` seconds.",
        _ => "The request is refused.",
    };
    json!({
        "description": description,
        "headers": {
            "Clerk-API-Version": { "$ref": "#/components/headers/Clerk-API-Version" },
            "X-Clerk-Trace-Id": { "$ref": "#/components/headers/X-Clerk-Trace-Id" },
        },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ClerkErrors" } } },
        "x-verger-errors": reasons.iter().map(|reason| row(reason)).collect::<Vec<_>>(),
    })
}

/// A call for a shell. Ids that only the reader has are words in capitals.
fn curl(operation: &Operation, shapes: &Shapes) -> String {
    let path: Vec<_> = operation
        .path
        .split('/')
        .map(|part| match part.strip_prefix('{') {
            Some(name) => name.trim_end_matches('}').trim_start_matches("webhook_").to_uppercase(),
            None => part.to_owned(),
        })
        .collect();
    let path = path.join("/");
    let query: Vec<_> = match shapes.place {
        Place::Query => shapes
            .input
            .iter()
            .filter_map(|field| Some((field, first_text(field.example.as_ref()?)?)))
            .take(1)
            .collect(),
        _ => Vec::new(),
    };
    let how = match operation.method {
        "GET" if shapes.output == json!({ "type": "string" }) => "-N ".to_owned(),
        "GET" if query.is_empty() => String::new(),
        "GET" => "-G ".to_owned(),
        method => format!("-X {method} "),
    };
    let mut lines = vec![format!("curl {how}{ADDRESS}{path}")];
    if operation.caller == CallerKind::SecretKey {
        lines.push("-H \"Authorization: Bearer $VERGER_SECRET_KEY\"".to_owned());
    }
    for (field, text) in query {
        lines.push(format!("--data-urlencode '{}={text}'", field.name));
    }
    let body = body_example(shapes);
    if shapes.place.is_body() && !body.is_empty() {
        lines.push("-H \"Content-Type: application/json\"".to_owned());
        let body = Value::Object(body);
        let body = if shapes.place == Place::Body { body } else { json!([body]) };
        lines.push(format!("-d '{}'", spaced(&with_placeholders(&body, ""))));
    }
    lines.join(" \\\n  ")
}

fn first_text(example: &Value) -> Option<String> {
    match example {
        Value::String(text) => Some(with_placeholders(&json!(text), "").as_str()?.to_owned()),
        Value::Array(items) => first_text(items.first()?),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// With words in capitals in the place of ids.
fn with_placeholders(value: &Value, name: &str) -> Value {
    match value {
        Value::String(text) if text.starts_with("user_3Dw7Ii") => json!("USER_ID"),
        Value::String(text) if text.starts_with("user_3Dw") => json!("OTHER_ID"),
        Value::String(text) if text.starts_with("ver_3Dw") => json!("VERIFICATION_ID"),
        Value::String(text) if text.starts_with("idn_3Dw") && name.contains("email") => {
            json!("EMAIL_ADDRESS_ID")
        }
        Value::String(text) if text.starts_with("idn_3Dw") => json!("PHONE_NUMBER_ID"),
        Value::Array(items) => items.iter().map(|item| with_placeholders(item, name)).collect(),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), with_placeholders(value, key))).collect(),
        ),
        other => other.clone(),
    }
}

/// JSON on one line as people write it: with a blank after each comma and colon.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<_> =
                map.iter().map(|(key, value)| format!("{}: {}", json!(key), spaced(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
