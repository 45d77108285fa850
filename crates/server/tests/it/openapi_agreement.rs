//! Our own OpenAPI document agrees with the published one, field by field.
//!
//! The published document comes with the `clerk-rs` crate, so a fresh clone needs nothing beside it. Where ours
//! differs, `ALLOWED` says so with a reason; a reason that no longer applies fails the test as well.
//! Whatever ours marks with `x-verger-addition` is an addition, and must then be absent from the published one.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::LazyLock;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const NOTHING: &Value = &Value::Null;

/// The published document: version 2026-05-12 of the Backend API, 249 operations.
pub(crate) fn published_document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
        let manifest = metadata["packages"]
            .as_array()
            .expect("a list of packages")
            .iter()
            .find(|package| package["name"] == "clerk-rs" && package["version"] == "0.5.0")
            .and_then(|package| package["manifest_path"].as_str())
            .expect("a workspace member depends on clerk-rs 0.5.0");
        let path = std::path::Path::new(manifest).with_file_name("openapi").join("clerk-bapi-2026-05-12.yml");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_yaml_ng::from_str(&text).expect("the published document is YAML")
    });
    &DOCUMENT
}

/// Our own document, as the server embeds it.
pub(crate) fn our_document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../openapi/verger.json")).expect("our document is JSON")
    });
    &DOCUMENT
}

/// What `value` has that `schema` of `document` does not allow; empty when it fits.
///
/// All keywords that the two documents use on answers, except `pattern` and `format`.
pub(crate) fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_violations(document, schema, value, "", &mut found);
    found
}

/// A difference that is meant. `*` in `place` and `what` stands for any text.
struct Allowed {
    place: &'static str,
    what: &'static str,
    reason: &'static str,
}

const fn allowed(place: &'static str, what: &'static str, reason: &'static str) -> Allowed {
    Allowed { place, what, reason }
}

const ALWAYS_SENT: &str = "always sent, which the published document leaves open";
const ALWAYS_EMPTY: &str = "always empty as long as it is not built, so its items have no shape yet";
const NOT_BUILT: &str = "not built: refused with 422 form_param_unknown";
const IGNORED: &str = "accepted and ignored: browsers of a development instance need neither";
const OTHER_KEYS: &str = "keys of other kinds are never published";
const NO_NOTICES: &str =
    "notices are not built: false is accepted, true is refused with 422 form_param_unknown";

const ALLOWED: &[Allowed] = &[
    // Answers that are never given.
    allowed("*", "response 402: only published", "there are no plans to pay for"),
    allowed("*", "response 403: only published", "a secret key may call every operation that is built"),
    allowed(
        "*",
        "response 409: only published",
        "writes to one user queue up, none is refused as a conflict",
    ),
    allowed("GET /clients", "response 410: only published", "it answers"),
    allowed("GET /clients", "deprecated: only published: true", "it stays as long as there are clients"),
    allowed(
        "POST /clients/verify",
        "response 404: only published",
        "a token of no client is refused with 401: it says nothing of whether there was one",
    ),
    // Parameters.
    allowed("GET /users*", "parameter web3_wallet in query: only published", NOT_BUILT),
    allowed("GET /users*", "parameter organization_id in query: only published", NOT_BUILT),
    allowed("GET /users*", "parameter provider in query: only published", NOT_BUILT),
    allowed("GET /users*", "parameter provider_user_id in query: only published", NOT_BUILT),
    allowed("GET /users* parameter *", "maxItems: only ours: 100", "the published document says it in words"),
    // Bodies.
    allowed(
        "*email_address* body",
        "property notify_primary_email_address_changed: only published",
        NO_NOTICES,
    ),
    allowed(
        "PATCH /users/{user_id} body",
        "property notify_primary_email_address_changed: only published",
        NO_NOTICES,
    ),
    allowed("POST /users body", "property web3_wallet: only published", NOT_BUILT),
    allowed("POST /sessions body", "property active_organization_id: only published", NOT_BUILT),
    allowed("POST /sign_in_tokens body", "property org_id: only published", NOT_BUILT),
    allowed("PATCH /users/{user_id} body", "property primary_web3_wallet_id: only published", NOT_BUILT),
    allowed("PATCH /users/{user_id} body", "property profile_image_id: only published", NOT_BUILT),
    allowed("PATCH /instance body", "property hibp: only published", NOT_BUILT),
    allowed("PATCH /instance body", "property url_based_session_syncing: only published", NOT_BUILT),
    allowed("PATCH /instance body", "property cookieless_dev: only published", IGNORED),
    allowed("PATCH /instance body", "property development_origin: only published", IGNORED),
    allowed("PATCH /instance body.allowed_origins", "maxItems: only ours: 100", "a limit of ours"),
    allowed(
        "PATCH /instance/communication body.blocked_country_codes*",
        "*: only published: *",
        "the operation itself judges the codes",
    ),
    allowed(
        "PATCH /beta_features/instance_settings body",
        "property from_email_address: only published",
        NOT_BUILT,
    ),
    allowed(
        "POST /invitations/bulk body[].*",
        "*: only published: *",
        "null and the default are accepted, as where one invitation is made",
    ),
    allowed(
        "POST /actor_tokens body.actor",
        "* sub: only published",
        "the operation itself asks for it, with a reason of its own",
    ),
    allowed("*", "required: only ours: true", "a field of the body is required, so the body is"),
    // Objects in answers.
    allowed("schema AllowlistIdentifier", "required *: only ours", ALWAYS_SENT),
    allowed("schema BlocklistIdentifier", "required *: only ours", ALWAYS_SENT),
    allowed("PATCH /beta_features/instance_settings response 200", "required *: only ours", ALWAYS_SENT),
    allowed(
        "POST /invitations/{invitation_id}/revoke response 200",
        "*",
        "the published document joins the invitation with two constants",
    ),
    allowed("schema JWKS", "required keys: only ours", ALWAYS_SENT),
    allowed("schema JWKS.keys[]", "*", OTHER_KEYS),
    allowed("schema PhoneNumber", "required *: only ours", ALWAYS_SENT),
    allowed("schema EmailAddress", "required *: only ours", ALWAYS_SENT),
    allowed("schema User", "required *: only ours", ALWAYS_SENT),
    allowed("schema DeletedObject", "required id: only ours", ALWAYS_SENT),
    allowed("schema ClerkErrors", "required clerk_trace_id: only ours", ALWAYS_SENT),
    allowed("schema verification_*", "required object: only ours", ALWAYS_SENT),
    allowed("DELETE /users/{user_id}/mfa response 200", "required user_id: only ours", ALWAYS_SENT),
    allowed("DELETE /users/{user_id}/totp response 200", "required user_id: only ours", ALWAYS_SENT),
    allowed("DELETE /users/{user_id}/backup_code response 200", "required user_id: only ours", ALWAYS_SENT),
    allowed("POST /users/{user_id}/verify_* response 200", "required *: only ours", ALWAYS_SENT),
    allowed(
        "POST /users/{user_id}/verify_* response 4*",
        "content application/json: only ours",
        "the published document says in words what is refused",
    ),
    allowed("schema ClerkErrors", "property meta: only published", "never sent: `meta` stands in each error"),
    allowed(
        "schema DeletedObject",
        "property slug: only published",
        "never sent: these objects have no slug",
    ),
    allowed("schema DeletedObject", "property external_id: only published", "never sent"),
    allowed("schema verification_*", "property verified_at_client: only published", "never sent"),
    allowed(
        "schema EmailAddress.verification",
        "* verification_*: only published",
        "only the two verifications that are built can occur",
    ),
    allowed("schema User.web3_wallets*", "*", ALWAYS_EMPTY),
    allowed("schema User.passkeys*", "*", ALWAYS_EMPTY),
    allowed("schema User.external_accounts*", "*", ALWAYS_EMPTY),
    allowed("schema User.saml_accounts*", "*", ALWAYS_EMPTY),
    allowed("schema User.enterprise_accounts*", "*", ALWAYS_EMPTY),
    allowed(
        "schema SessionActivityResponse",
        "property city: only published",
        "never sent: addresses are not looked up",
    ),
    allowed(
        "schema SessionActivityResponse",
        "property country: only published",
        "never sent: addresses are not looked up",
    ),
    allowed("schema User", "property organization_memberships: only published", "never sent: not built"),
    allowed("schema User", "property deprovisioned: only published", "never sent: not built"),
    allowed("schema User", "property scim: only published", "never sent: not built"),
];

#[test]
fn our_document_agrees_with_the_published_one() {
    let differences = differences();
    let is_allowed = |(place, what): &(String, String)| {
        ALLOWED.iter().any(|allowed| matches(allowed.place, place) && matches(allowed.what, what))
    };
    let unexplained: Vec<_> = differences.iter().filter(|difference| !is_allowed(difference)).collect();
    assert!(unexplained.is_empty(), "differences without a reason: {unexplained:#?}");
    for allowed in ALLOWED {
        let applies =
            |(place, what): &(String, String)| matches(allowed.place, place) && matches(allowed.what, what);
        assert!(
            differences.iter().any(applies),
            "this difference is gone, and its reason ({}) should go too: {} {}",
            allowed.reason,
            allowed.place,
            allowed.what,
        );
    }
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let theirs = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {
            "a": {"type": "string", "enum": ["x", "y"]}, "b": {"type": "array", "items": {"type": "integer"}},
            "c": {"type": "string", "nullable": true}, "d": {"type": "string"},
            "e": {"oneOf": [{"$ref": "#/components/schemas/One"}]},
        },
    });
    let ours = serde_json::json!({
        "type": "object", "required": ["b"],
        "properties": {
            "a": {"type": "string", "enum": ["x", "z"]}, "b": {"type": "array", "items": {"type": "number"}},
            "c": {"type": "string", "maxLength": 3}, "f": {"type": "string"}, "e": {"oneOf": []},
        },
    });
    let mut comparison =
        Comparison { theirs: NOTHING, ours: NOTHING, seen: BTreeSet::new(), found: BTreeSet::new() };
    comparison.schema("it", &theirs, &ours);
    let found: Vec<_> = comparison.found.iter().map(|(place, what)| format!("{place} {what}")).collect();
    assert_eq!(
        found,
        [
            "it additionalProperties: published false, ours true",
            "it property d: only published",
            "it property f: only ours",
            "it required a: only published",
            "it required b: only ours",
            "it.a enum y: only published",
            "it.a enum z: only ours",
            "it.b[] type: published \"integer\", ours \"number\"",
            "it.c maxLength: only ours: 3",
            "it.c nullable: only published: true",
            "it.e oneOf One: only published",
        ]
    );
}

#[test]
fn our_examples_fit_our_document_and_the_published_one() {
    let mut looked_at = 0;
    for (place, operation) in operations(our_document()) {
        let theirs = published_path(place.path)
            .map_or(NOTHING, |path| &published_document()["paths"][path][place.method]);
        let body = &operation["requestBody"]["content"]["application/json"];
        let mut examples = vec![(format!("{place} body"), body, &theirs["requestBody"])];
        for (status, response) in entries(&operation["responses"]) {
            let response = resolve(our_document(), response);
            let theirs = resolve(published_document(), &theirs["responses"][status]);
            examples.push((format!("{place} {status}"), &response["content"]["application/json"], theirs));
        }
        for (place, ours, theirs) in examples {
            let Some(example) = ours.get("example") else { continue };
            looked_at += 1;
            assert_eq!(violations(our_document(), &ours["schema"], example), [""; 0], "{place}, ours");
            let schema = &theirs["content"]["application/json"]["schema"];
            if !theirs.is_null() {
                assert_eq!(violations(published_document(), schema, example), [""; 0], "{place}, published");
            }
        }
    }
    assert!(looked_at >= 45, "only {looked_at} examples");
}

#[test]
fn our_sentences_are_our_own() {
    let mut theirs = BTreeSet::new();
    collect_sentences(published_document(), &mut theirs);
    let mut ours = BTreeSet::new();
    collect_sentences(our_document(), &mut ours);
    let shared: Vec<_> = ours.intersection(&theirs).collect();
    assert!(shared.is_empty(), "these stand in the published document too: {shared:#?}");
}

fn differences() -> BTreeSet<(String, String)> {
    let mut comparison = Comparison {
        theirs: published_document(),
        ours: our_document(),
        seen: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    for (place, ours) in operations(our_document()) {
        let Some(path) = published_path(place.path) else { continue };
        let place = Place { path, ..place };
        match published_document()["paths"][path].get(place.method) {
            Some(theirs) => comparison.operation(&place.to_string(), theirs, ours),
            None => comparison.note(&place.to_string(), "operation: only ours"),
        }
    }
    comparison.found
}

/// A walk through both documents that notes where they differ.
struct Comparison<'a> {
    theirs: &'a Value,
    ours: &'a Value,
    /// Named schemas that were compared already.
    seen: BTreeSet<String>,
    found: BTreeSet<(String, String)>,
}

impl<'a> Comparison<'a> {
    fn note(&mut self, place: &str, what: impl Into<String>) {
        self.found.insert((place.to_owned(), what.into()));
    }

    fn operation(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        self.keyword(place, "operationId", theirs, ours);
        self.keyword(place, "tags", theirs, ours);
        self.keyword(place, "deprecated", theirs, ours);
        self.keyword(place, "security", theirs, ours);
        self.parameters(place, &theirs["parameters"], &ours["parameters"]);
        self.body(place, theirs.get("requestBody"), ours.get("requestBody"));
        self.responses(place, &theirs["responses"], &ours["responses"]);
    }

    fn parameters(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        let theirs = list(theirs).map(|parameter| resolve(self.theirs, parameter)).collect::<Vec<_>>();
        let ours = list(ours).map(|parameter| resolve(self.ours, parameter)).collect::<Vec<_>>();
        for parameter in &theirs {
            let name = parameter_name(parameter);
            let Some(ours) = ours.iter().find(|ours| parameter_name(ours) == name) else {
                self.note(place, format!("parameter {name}: only published"));
                continue;
            };
            let place = format!("{place} parameter {name}");
            for keyword in ["required", "deprecated", "style", "explode", "allowReserved", "allowEmptyValue"]
            {
                self.keyword(&place, keyword, parameter, ours);
            }
            self.schema(&place, &parameter["schema"], &ours["schema"]);
        }
        for parameter in ours {
            let name = parameter_name(parameter);
            let is_published = theirs.iter().any(|theirs| parameter_name(theirs) == name);
            self.addition(place, &format!("parameter {name}"), parameter, is_published);
        }
    }

    fn body(&mut self, place: &str, theirs: Option<&'a Value>, ours: Option<&'a Value>) {
        match (theirs, ours) {
            (None, None) => {}
            (Some(_), None) => self.note(place, "body: only published"),
            (None, Some(_)) => self.note(place, "body: only ours"),
            (Some(theirs), Some(ours)) => {
                let place = format!("{place} body");
                self.keyword(&place, "required", theirs, ours);
                self.content(&place, theirs, ours);
            }
        }
    }

    fn responses(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        for (status, response) in entries(theirs) {
            let Some(ours) = ours.get(status) else {
                self.note(place, format!("response {status}: only published"));
                continue;
            };
            let (theirs, ours) = (resolve(self.theirs, response), resolve(self.ours, ours));
            self.content(&format!("{place} response {status}"), theirs, ours);
        }
        for (status, response) in entries(ours) {
            let response = resolve(self.ours, response);
            self.addition(place, &format!("response {status}"), response, theirs.get(status).is_some());
        }
    }

    /// What is not published must be marked as an addition, and the other way round.
    fn addition(&mut self, place: &str, what: &str, ours: &Value, is_published: bool) {
        let is_marked = ours["x-verger-addition"] == true;
        match (is_published, is_marked) {
            (true, true) => self.note(place, format!("{what}: marked as an addition, yet published")),
            (false, false) => self.note(place, format!("{what}: only ours, and not marked as an addition")),
            (true, false) | (false, true) => {}
        }
    }

    fn content(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        self.names(place, "content", keys(&theirs["content"]), keys(&ours["content"]));
        for (kind, theirs) in entries(&theirs["content"]) {
            if let Some(ours) = ours["content"].get(kind) {
                self.schema(place, &theirs["schema"], &ours["schema"]);
            }
        }
    }

    fn schema(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        if let (Some(name), Some(our_name)) = (reference_name(theirs), reference_name(ours))
            && name == our_name
        {
            if self.seen.insert(name.to_owned()) {
                let (theirs, ours) = (resolve(self.theirs, theirs), resolve(self.ours, ours));
                self.schema(&format!("schema {name}"), theirs, ours);
            }
            return;
        }
        let (theirs, ours) = (resolve(self.theirs, theirs), resolve(self.ours, ours));
        let keywords: BTreeSet<_> = keys(theirs).chain(keys(ours)).collect();
        for keyword in keywords {
            match keyword {
                "description" | "title" | "example" => {}
                extension if extension.starts_with("x-") => {}
                "properties" => self.properties(place, &theirs[keyword], &ours[keyword]),
                "items" => self.items(place, theirs.get(keyword), ours.get(keyword)),
                "enum" | "required" => {
                    self.names(place, keyword, texts(&theirs[keyword]), texts(&ours[keyword]));
                }
                "oneOf" | "anyOf" | "allOf" => {
                    self.combination(place, keyword, &theirs[keyword], &ours[keyword])
                }
                "discriminator" => {
                    self.keyword(place, "propertyName", &theirs[keyword], &ours[keyword]);
                    let (theirs, ours) = (&theirs[keyword]["mapping"], &ours[keyword]["mapping"]);
                    self.names(place, "discriminator", keys(theirs), keys(ours));
                }
                "additionalProperties" => self.additional_properties(place, theirs, ours),
                _ => self.keyword(place, keyword, theirs, ours),
            }
        }
        // Absent means true: seen only from the side that has it.
        if theirs.get("additionalProperties").is_some() != ours.get("additionalProperties").is_some() {
            self.additional_properties(place, theirs, ours);
        }
    }

    fn properties(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        self.names(place, "property", keys(theirs), keys(ours));
        for (name, theirs) in entries(theirs) {
            if let Some(ours) = ours.get(name) {
                self.schema(&format!("{place}.{name}"), theirs, ours);
            }
        }
    }

    fn items(&mut self, place: &str, theirs: Option<&'a Value>, ours: Option<&'a Value>) {
        let place = format!("{place}[]");
        match (theirs, ours) {
            (Some(theirs), Some(ours)) => self.schema(&place, theirs, ours),
            (Some(_), None) => self.note(&place, "items: only published"),
            (None, Some(_)) => self.note(&place, "items: only ours"),
            (None, None) => {}
        }
    }

    fn combination(&mut self, place: &str, keyword: &str, theirs: &'a Value, ours: &'a Value) {
        let name = |(at, schema): (usize, &'a Value)| {
            reference_name(schema).map_or_else(|| at.to_string(), str::to_owned)
        };
        let their_names: Vec<_> = list(theirs).enumerate().map(name).collect();
        let our_names: Vec<_> = list(ours).enumerate().map(name).collect();
        self.names(
            place,
            keyword,
            their_names.iter().map(String::as_str),
            our_names.iter().map(String::as_str),
        );
        for (name, theirs) in their_names.iter().zip(list(theirs)) {
            if let Some((_, ours)) = our_names.iter().zip(list(ours)).find(|(our_name, _)| *our_name == name)
            {
                self.schema(&format!("{place} {keyword} {name}"), theirs, ours);
            }
        }
    }

    fn additional_properties(&mut self, place: &str, theirs: &'a Value, ours: &'a Value) {
        let theirs = theirs.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let ours = ours.get("additionalProperties").unwrap_or(&Value::Bool(true));
        if theirs.is_object() && ours.is_object() {
            self.schema(&format!("{place}{{}}"), theirs, ours);
        } else if theirs != ours {
            self.note(place, format!("additionalProperties: published {theirs}, ours {ours}"));
        }
    }

    /// One keyword with a plain value. False is what an absent flag means.
    fn keyword(&mut self, place: &str, keyword: &str, theirs: &Value, ours: &Value) {
        let value = |schema: &'_ Value| schema.get(keyword).filter(|value| **value != false).cloned();
        // A published operation may stand under a second tag; the first is the one that counts.
        let value = |schema: &'_ Value| match value(schema) {
            Some(Value::Array(tags)) if keyword == "tags" => tags.first().cloned(),
            other => other,
        };
        match (value(theirs), value(ours)) {
            (theirs, ours) if theirs == ours => {}
            (Some(theirs), None) => self.note(place, format!("{keyword}: only published: {theirs}")),
            (None, Some(ours)) => self.note(place, format!("{keyword}: only ours: {ours}")),
            (Some(theirs), Some(ours)) => {
                self.note(place, format!("{keyword}: published {theirs}, ours {ours}"));
            }
            (None, None) => {}
        }
    }

    fn names<'n>(
        &mut self,
        place: &str,
        kind: &str,
        theirs: impl Iterator<Item = &'n str>,
        ours: impl Iterator<Item = &'n str>,
    ) {
        let (theirs, ours): (BTreeSet<_>, BTreeSet<_>) = (theirs.collect(), ours.collect());
        for name in theirs.difference(&ours) {
            self.note(place, format!("{kind} {name}: only published"));
        }
        for name in ours.difference(&theirs) {
            self.note(place, format!("{kind} {name}: only ours"));
        }
    }
}

/// A path of our document as the published one has it; it has nothing of what is ours alone.
fn published_path(path: &str) -> Option<&str> {
    path.strip_prefix("/v1")
}

/// Where an operation stands in a document.
#[derive(Clone, Copy)]
struct Place<'a> {
    method: &'a str,
    path: &'a str,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.to_uppercase(), self.path)
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (Place<'_>, &Value)> {
    entries(&document["paths"]).flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| Some((Place { method, path }, item.get(*method)?)))
    })
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    entries(value).map(|(key, _)| key)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).map(|text| text.as_str().expect("a list of texts"))
}

fn parameter_name(parameter: &Value) -> String {
    format!(
        "{} in {}",
        parameter["name"].as_str().expect("a name"),
        parameter["in"].as_str().expect("a place")
    )
}

fn reference_name(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.rsplit('/').next()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let target = document.pointer(reference.trim_start_matches('#'));
            resolve(document, target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
        }
        None => value,
    }
}

/// Whether `text` has the shape of `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))
        }),
    }
}

/// Every sentence of summaries and descriptions that is long enough to have an author.
fn collect_sentences(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "description" || key == "summary" => {
                        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
                        let sentences = text.split(". ").map(|sentence| sentence.trim_end_matches('.'));
                        let long = sentences.filter(|sentence| sentence.split(' ').count() >= 5);
                        found.extend(long.map(str::to_owned));
                    }
                    _ => collect_sentences(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_sentences(item, found)),
        _ => {}
    }
}

fn collect_violations(document: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let schema = resolve(document, schema);
    if value.is_null() {
        if schema["nullable"] != true {
            found.push(format!("{place}: null"));
        }
        return;
    }
    let has_type = match schema["type"].as_str() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some(other) => panic!("no such type: {other}"),
    };
    if !has_type {
        found.push(format!("{place}: not {}: {value}", schema["type"]));
        return;
    }
    if schema.get("enum").is_some() && !list(&schema["enum"]).any(|allowed| allowed == value) {
        found.push(format!("{place}: not one of {}: {value}", schema["enum"]));
    }
    let below =
        schema["minimum"].as_f64().zip(value.as_f64()).is_some_and(|(minimum, value)| value < minimum);
    let above =
        schema["maximum"].as_f64().zip(value.as_f64()).is_some_and(|(maximum, value)| value > maximum);
    if below || above {
        found.push(format!("{place}: out of range: {value}"));
    }
    if let Some(items) = value.as_array() {
        collect_item_violations(document, schema, items, place, found);
    }
    if let Some(map) = value.as_object() {
        collect_property_violations(document, schema, map, place, found);
    }
    for part in list(&schema["allOf"]) {
        collect_violations(document, part, value, place, found);
    }
    let fits = |part: &&Value| violations(document, part, value).is_empty();
    if schema.get("anyOf").is_some() && !list(&schema["anyOf"]).any(|part| fits(&part)) {
        found.push(format!("{place}: fits nothing of anyOf"));
    }
    if schema.get("oneOf").is_some() {
        collect_one_of_violations(document, schema, value, place, found);
    }
}

fn collect_item_violations(
    document: &Value,
    schema: &Value,
    items: &[Value],
    place: &str,
    found: &mut Vec<String>,
) {
    let count = items.len() as u64;
    let too_few = schema["minItems"].as_u64().is_some_and(|minimum| count < minimum);
    let too_many = schema["maxItems"].as_u64().is_some_and(|maximum| count > maximum);
    if too_few || too_many {
        found.push(format!("{place}: {count} items"));
    }
    if let Some(of) = schema.get("items") {
        for (at, item) in items.iter().enumerate() {
            collect_violations(document, of, item, &format!("{place}[{at}]"), found);
        }
    }
}

fn collect_property_violations(
    document: &Value,
    schema: &Value,
    map: &Map<String, Value>,
    place: &str,
    found: &mut Vec<String>,
) {
    for name in texts(&schema["required"]).filter(|name| !map.contains_key(*name)) {
        found.push(format!("{place}.{name}: missing"));
    }
    for (name, value) in map {
        let place = format!("{place}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(property), _) => collect_violations(document, property, value, &place, found),
            (None, Some(Value::Bool(false))) => found.push(format!("{place}: unknown")),
            (None, Some(other)) if other.is_object() => {
                collect_violations(document, other, value, &place, found);
            }
            (None, _) => {}
        }
    }
}

fn collect_one_of_violations(
    document: &Value,
    schema: &Value,
    value: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    let fits = |part: &&Value| violations(document, part, value).is_empty();
    // The discriminator tells which one it must be, and so gives the better message.
    let discriminator = schema["discriminator"]["propertyName"].as_str();
    let named = discriminator
        .and_then(|property| value[property].as_str())
        .and_then(|name| list(&schema["oneOf"]).find(|part| reference_name(part) == Some(name)));
    match named {
        Some(part) => collect_violations(document, part, value, place, found),
        None => {
            let count = list(&schema["oneOf"]).filter(fits).count();
            if count != 1 {
                found.push(format!("{place}: fits {count} of oneOf"));
            }
        }
    }
}
