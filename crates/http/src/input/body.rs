//! JSON bodies.

use super::read::{Problems, Read, one_of_problem, order_of, range_words, whole_number};
use crate::reasons::{
    CONTENT_TYPE_UNSUPPORTED, PARAM_MISSING, PARAM_NOT_BUILT, PARAM_NULL, array_too_long, body_invalid,
    body_unreadable, value_invalid,
};
use bytes::Bytes;
use verger_wire::input::{Field, Input, Source, Unknown};
use verger_wire::json::{self, Json, Object};
use verger_wire::{Patch, Refused, UnixMillis};

/// The fields of a JSON body. Reading takes them out; what is left at the end was not known.
#[derive(Debug)]
pub struct Fields {
    rest: Object,
    problems: Problems,
    /// The API version that the request asks for.
    version: &'static str,
}

impl Fields {
    /// Reads a body. Absent, empty, `null` and `{}` are all no fields, whatever the content type (contract section 3).
    ///
    /// No key may stand twice, at any depth: two readers could disagree about which of them counts.
    pub fn parse(body: &Bytes, content_type: Option<&str>, version: &'static str) -> Result<Self, Refused> {
        match parse_json(body, content_type)? {
            None => Ok(Self::of(Object::new(), version)),
            Some(Json::Object(rest)) => Ok(Self::of(rest, version)),
            Some(_) => Err(body_invalid("The body must be a JSON object.")),
        }
    }

    /// Reads a body that is an array of objects.
    pub fn parse_items(
        body: &Bytes,
        content_type: Option<&str>,
        version: &'static str,
    ) -> Result<Vec<Self>, Refused> {
        const FORM: &str = "The body must be a JSON array of objects.";
        let Some(Json::Array(items)) = parse_json(body, content_type)? else {
            return Err(body_invalid(FORM));
        };
        let read = |item| match item {
            Json::Object(rest) => Ok(Self::of(rest, version)),
            _ => Err(body_invalid(FORM)),
        };
        items.into_iter().map(read).collect()
    }

    fn of(rest: Object, version: &'static str) -> Self {
        Self { rest, problems: Problems::default(), version }
    }

    /// Reads a declared input.
    pub fn read<T: Input>(mut self) -> Read<T> {
        let value = T::read(&mut self);
        let unknown = match T::UNKNOWN {
            Unknown::Ignored => Vec::new(),
            Unknown::Refused => self.rest.iter().map(|(name, _)| name.clone()).collect(),
        };
        Read { value, problems: self.problems, unknown, order: order_of::<T> }
    }

    /// Takes a field; null and absent are told apart.
    fn take<T>(&mut self, field: &Field, read: impl FnOnce(Json) -> Result<T, Refused>) -> Patch<T> {
        match self.rest.remove(field.name) {
            None => Patch::Absent,
            Some(Json::Null) => Patch::Null,
            Some(value) => match read(value) {
                Ok(value) => Patch::Set(value),
                Err(kind) => {
                    self.problems.note(field.name, kind);
                    Patch::Absent
                }
            },
        }
    }
}

/// The value in a body; `None`: no fields.
fn parse_json(body: &Bytes, content_type: Option<&str>) -> Result<Option<Json>, Refused> {
    let text = std::str::from_utf8(body).map(str::trim_ascii);
    if let Ok("" | "null" | "{}") = text {
        return Ok(None);
    }
    if !content_type.is_none_or(is_json) {
        return Err(Refused::new(&CONTENT_TYPE_UNSUPPORTED));
    }
    let text = text.map_err(|_| body_invalid("The body is not UTF-8."))?;
    json::parse(text).map(Some).map_err(|error| body_unreadable(&error))
}

impl Source for Fields {
    fn flag(&mut self, field: &Field) -> Patch<bool> {
        self.take(field, |value| match value {
            Json::Bool(value) => Ok(value),
            _ => Err(value_invalid("must be true or false")),
        })
    }

    fn text(&mut self, field: &Field) -> Patch<String> {
        let text = self.take(field, |value| match value {
            Json::Text(text) => Ok(text),
            _ => Err(value_invalid("must be a string")),
        });
        if let Patch::Set(text) = &text
            && !field.one_of.is_empty()
            && !field.one_of.contains(&text.as_str())
        {
            self.problems.note(field.name, one_of_problem(field.one_of));
        }
        text
    }

    fn integer(&mut self, field: &Field) -> Patch<i64> {
        self.take(field, |value| match value {
            Json::Number(number) => whole_number(number.as_str(), field.minimum, field.maximum),
            _ => Err(value_invalid(range_words(field.minimum, field.maximum))),
        })
    }

    fn moment(&mut self, field: &Field) -> Patch<UnixMillis> {
        match self.integer(field) {
            Patch::Set(moment) => Patch::Set(UnixMillis(moment)),
            Patch::Null => Patch::Null,
            Patch::Absent => Patch::Absent,
        }
    }

    fn texts(&mut self, field: &Field) -> Patch<Vec<String>> {
        let texts = self.take(field, |value| {
            let Json::Array(items) = value else { return Err(value_invalid("must be a list of strings")) };
            items
                .into_iter()
                .map(|item| match item {
                    Json::Text(text) => Ok(text),
                    _ => {
                        Err(value_invalid("must be a list of strings, and has an item that is not a string"))
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        });
        let Patch::Set(items) = &texts else { return texts };
        if items.len() > field.items_max {
            let (max, length) = (field.items_max, items.len());
            self.problems.note(field.name, array_too_long(length, max));
        }
        if !field.one_of.is_empty() {
            for item in items.iter().take(field.items_max) {
                if !field.one_of.contains(&item.as_str()) {
                    self.problems.note(field.name, one_of_problem(field.one_of));
                }
            }
        }
        texts
    }

    fn object(&mut self, field: &Field) -> Patch<Object> {
        self.take(field, |value| match value {
            Json::Object(object) => Ok(object),
            _ => Err(value_invalid("must be a JSON object")),
        })
    }

    fn missing(&mut self, field: &Field, is_null: bool) {
        if is_null {
            self.problems.note(field.name, &PARAM_NULL);
        } else if !self.problems.has(field.name) {
            self.problems.note(field.name, &PARAM_MISSING);
        }
    }

    /// Null, false and an empty list ask for nothing, so that they may be sent.
    fn not_built(&mut self, names: &[&'static str]) {
        for name in names {
            match self.rest.remove(name) {
                None | Some(Json::Null | Json::Bool(false)) => {}
                Some(Json::Array(items)) if items.is_empty() => {}
                Some(_) => self.problems.note(name, &PARAM_NOT_BUILT),
            }
        }
    }

    fn ignored(&mut self, names: &[&'static str]) {
        for name in names {
            self.rest.remove(name);
        }
    }

    fn is_before(&self, version: &str) -> bool {
        self.version < version
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or("");
    // JSON has one character set (RFC 8259 section 8.1), of which ASCII is a part. Whoever names another means other characters.
    let is_other = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("charset")
                && !["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
        })
    };
    if parts.any(is_other) {
        return false;
    }
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.is_char_boundary(essence.len() - 5) && {
            let (head, tail) = essence.split_at(essence.len() - 5);
            tail.eq_ignore_ascii_case("+json") && head.to_ascii_lowercase().starts_with("application/")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &[u8], content_type: Option<&str>) -> Result<Fields, Refused> {
        Fields::parse(&Bytes::copy_from_slice(body), content_type, "2021-02-05")
    }

    #[test]
    fn every_form_of_an_empty_body_is_no_fields() {
        for body in [&b""[..], b"null", b"{}", b" \n", b" null ", b"{ }"] {
            for content_type in [None, Some("application/json"), Some("application/json; charset=utf-8")] {
                assert!(
                    parse(body, content_type).expect("accepted").rest.is_empty(),
                    "{body:?} {content_type:?}"
                );
            }
        }
        for body in [&b""[..], b"null", b"{}"] {
            assert!(parse(body, Some("text/plain")).is_ok());
        }
    }

    #[test]
    fn a_body_that_is_not_one_json_object_is_refused() {
        for body in [
            &b"{"[..],
            b"[]",
            b"1",
            b"\"a\"",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":{\"b\":1,\"b\":2}}",
            b"{\"a\":1}x",
            b"\xff",
            b"{\"a\":\"\\ud800\"}",
        ] {
            let read = parse(body, Some("application/json"));
            let reason = read.err().map(|refused| refused.reason);
            assert_eq!(reason.map(|reason| reason.code), Some("request_body_invalid"), "{body:?}");
        }
        let refused = parse(b"a=1", Some("application/x-www-form-urlencoded")).err();
        assert_eq!(refused.map(|refused| refused.reason), Some(&CONTENT_TYPE_UNSUPPORTED));
    }

    #[test]
    fn json_content_types_are_known() {
        for yes in ["application/json", "Application/JSON;charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["", "text/json", "application/jsonx", "+json", "application/xml", "text/x+json"] {
            assert!(!is_json(no), "{no}");
        }
    }
}
