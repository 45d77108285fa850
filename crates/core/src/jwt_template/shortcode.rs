//! Shortcodes: places in the texts of a template that a value of the user or of the session takes.
//!
//! `{{user.id}}` alone in its text is replaced by the value with its type, beside other text by its text. `{{a || b || 'c'}}`
//! is the first of them that is neither null nor false, else the last one. What there is not is null.

use crate::{IdentifierKind, Session, User};
use std::borrow::Cow;
use verger_wire::json::{Json, Object, parse};
use verger_wire::{IdentificationId, UnixMillis};

/// Whom a token is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: &'a User,
    /// The session.
    pub session: &'a Session,
}

/// A text of a template, taken apart.
enum Part<'a> {
    Literal(&'a str),
    Shortcode(&'a str),
}

/// The claims of a template with every shortcode replaced.
pub fn render(claims: &Object, subject: Subject<'_>) -> Object {
    claims.iter().map(|(key, value)| (key.clone(), render_value(value, subject))).collect()
}

/// How many bytes of JSON the claims have with nothing in the places of their shortcodes.
pub fn fixed_bytes(claims: &Object) -> usize {
    let fixed: Object = claims.iter().map(|(key, value)| (key.clone(), without_shortcodes(value))).collect();
    fixed.to_text().len()
}

fn without_shortcodes(value: &Json) -> Json {
    let literal = |text: &str| {
        let literals = parts(text).into_iter().filter_map(|part| match part {
            Part::Literal(literal) => Some(literal),
            Part::Shortcode(_) => None,
        });
        Json::Text(literals.collect())
    };
    map_texts(value, &literal)
}

fn render_value(value: &Json, subject: Subject<'_>) -> Json {
    map_texts(value, &|text| render_text(text, subject))
}

fn map_texts(value: &Json, replace: &impl Fn(&str) -> Json) -> Json {
    match value {
        Json::Text(text) => replace(text),
        Json::Array(items) => Json::Array(items.iter().map(|item| map_texts(item, replace)).collect()),
        Json::Object(object) => {
            Json::Object(object.iter().map(|(key, value)| (key.clone(), map_texts(value, replace))).collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

fn render_text(text: &str, subject: Subject<'_>) -> Json {
    let parts = parts(text);
    if let [Part::Shortcode(expression)] = parts.as_slice() {
        return evaluate(expression, subject);
    }
    let mut rendered = String::with_capacity(text.len());
    for part in parts {
        match part {
            Part::Literal(literal) => rendered.push_str(literal),
            Part::Shortcode(expression) => rendered.push_str(&text_of(&evaluate(expression, subject))),
        }
    }
    Json::Text(rendered)
}

/// Braces that are not closed are no shortcode.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        let Some((expression, after)) = inside.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(Part::Literal(before));
        }
        parts.push(Part::Shortcode(expression));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    parts
}

fn evaluate(expression: &str, subject: Subject<'_>) -> Json {
    let mut value = Json::Null;
    for operand in operands(expression) {
        value = operand_value(operand, subject);
        if !matches!(value, Json::Null | Json::Bool(false)) {
            break;
        }
    }
    value
}

/// Splits at `||`, but not inside of quotes.
fn operands(expression: &str) -> Vec<&str> {
    let mut operands = Vec::new();
    let (mut start, mut quote) = (0, None);
    let bytes = expression.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'|') if bytes.get(at + 1) == Some(&b'|') => {
                operands.push(expression.get(start..at).unwrap_or_default().trim());
                start = at + 2;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    operands.push(expression.get(start..).unwrap_or_default().trim());
    operands
}

fn operand_value(operand: &str, subject: Subject<'_>) -> Json {
    for quote in ['\'', '"'] {
        if let Some(literal) = operand.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return Json::Text(literal.to_owned());
        }
    }
    match operand.as_bytes().first() {
        Some(b'0'..=b'9' | b'-') => parse(operand).unwrap_or(Json::Null),
        _ if operand == "true" || operand == "false" => Json::Bool(operand == "true"),
        _ => subject.value(operand),
    }
}

/// A value inside of a longer text.
fn text_of(value: &Json) -> Cow<'_, str> {
    match value {
        Json::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(serde_json::to_string(other).unwrap_or_default()),
    }
}

impl Subject<'_> {
    fn value(self, path: &str) -> Json {
        let (of, name) = path.split_once('.').unwrap_or((path, ""));
        match of {
            "user" => self.of_user(name),
            "session" if name == "id" => Json::Text(self.session.id.to_string()),
            "session" => match name.strip_prefix("actor") {
                Some(rest) => self.session.actor().map_or(Json::Null, |actor| within(actor, rest)),
                None => Json::Null,
            },
            _ => Json::Null,
        }
    }

    fn of_user(self, name: &str) -> Json {
        let user = self.user;
        let text = |text: Option<&str>| text.map_or(Json::Null, |text| Json::Text(text.to_owned()));
        for (metadata, object) in
            [("public_metadata", &user.public_metadata), ("unsafe_metadata", &user.unsafe_metadata)]
        {
            if let Some(rest) = name.strip_prefix(metadata) {
                return within(object, rest);
            }
        }
        match name {
            "id" => text(Some(user.id.as_str())),
            "external_id" => text(user.external_id.as_deref()),
            "first_name" => text(user.first_name.as_deref()),
            "last_name" => text(user.last_name.as_deref()),
            "full_name" => {
                let names = [user.first_name.as_deref(), user.last_name.as_deref()];
                let full: Vec<_> = names.into_iter().flatten().filter(|name| !name.is_empty()).collect();
                text(Some(full.join(" ")).as_deref().filter(|full| !full.is_empty()))
            }
            "username" => text(user.username.as_ref().map(crate::Username::as_str)),
            "locale" => text(user.locale.as_deref()),
            "primary_email_address" => text(identifier(user, user.primary_email_address_id.as_ref())),
            "primary_phone_number" => text(identifier(user, user.primary_phone_number_id.as_ref())),
            "email_verified" => is_verified(user, IdentifierKind::EmailAddress),
            "phone_number_verified" => is_verified(user, IdentifierKind::PhoneNumber),
            "two_factor_enabled" => Json::Bool(user.two_factor_enabled()),
            "created_at" => moment(user.created_at),
            "updated_at" => moment(user.updated_at),
            // Nobody has a picture or an organization yet.
            "image_url" | "profile_image_url" => text(Some("")),
            "has_image" => Json::Bool(false),
            "organizations" => Json::Object(Object::new()),
            _ => Json::Null,
        }
    }
}

fn moment(at: UnixMillis) -> Json {
    serde_json::Value::from(at.0).into()
}

fn identifier<'a>(user: &'a User, id: Option<&IdentificationId>) -> Option<&'a str> {
    user.identification(id?).map(|held| held.identifier.as_str())
}

/// Whether the primary identification of this kind is verified.
fn is_verified(user: &User, kind: IdentifierKind) -> Json {
    let primary = user.primary(kind).and_then(|id| user.identification(id));
    Json::Bool(primary.is_some_and(|held| held.verification.is_verified()))
}

/// The value at a path such as `.seats.1`, or `` for the whole object.
fn within(object: &Object, path: &str) -> Json {
    if path.is_empty() {
        return Json::Object(object.clone());
    }
    let Some(path) = path.strip_prefix('.') else { return Json::Null };
    let mut steps = path.split('.');
    let mut value = steps.next().and_then(|key| object.get(key));
    for step in steps {
        value = match value {
            Some(Json::Object(object)) => object.get(step),
            Some(Json::Array(items)) => step.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
    }
    value.cloned().unwrap_or(Json::Null)
}
