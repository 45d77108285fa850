//! From bytes to fields: bodies and queries, read once, with every mistake reported by name.

use crate::error::{Failure, Problem, ProblemKind};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use verger_wire::Patch;

/// Mistakes that one answer tells.
const PROBLEMS_MAX: usize = 100;

/// What happens to a field that an operation does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    /// The document leaves the object open.
    Ignored,
    /// The document says `additionalProperties: false`.
    Refused,
}

/// The fields of a JSON body. Reading takes them out; what is left at the end was not known.
#[derive(Debug)]
pub(crate) struct Fields {
    rest: Map<String, Value>,
    problems: Vec<Problem>,
}

/// A JSON object in which no key stands twice: two readers could disagree about which of them counts.
struct StrictObject(Map<String, Value>);

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = StrictObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = access.next_entry::<String, Value>()? {
                    if map.insert(key, value).is_some() {
                        return Err(serde::de::Error::custom("duplicate key"));
                    }
                }
                Ok(StrictObject(map))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl Fields {
    /// Reads a body. Absent, empty, `null` and `{}` are all no fields, whatever the content type (contract section 3).
    pub(crate) fn parse(body: &Bytes, content_type: Option<&str>) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map(str::trim_ascii);
        if let Ok("" | "null" | "{}") = text {
            return Ok(Self { rest: Map::new(), problems: Vec::new() });
        }
        if !content_type.is_none_or(is_json) {
            return Err(Failure::ContentType);
        }
        let text = text.map_err(|_| Failure::BodyInvalid("The body is not UTF-8."))?;
        let value: StrictObject = serde_json::from_str(text).map_err(|error| {
            Failure::BodyInvalid(if error.is_data() {
                "The body must be a JSON object in which no key stands twice."
            } else {
                "The body is not well-formed JSON."
            })
        })?;
        Ok(Self { rest: value.0, problems: Vec::new() })
    }

    /// Takes a field; null and absent are told apart.
    fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, &'static str>,
    ) -> Patch<T> {
        match self.rest.shift_remove(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => match read(value) {
                Ok(value) => Patch::Set(value),
                Err(why) => {
                    self.problem(name, ProblemKind::Value(why.to_owned()));
                    Patch::Absent
                }
            },
        }
    }

    /// A boolean; null is the same as absent.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, |value| value.as_bool().ok_or("must be true or false")).set()
    }

    /// A text; null is the same as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.patch_text(name).set()
    }

    /// A text that can be removed with null.
    pub(crate) fn patch_text(&mut self, name: &'static str) -> Patch<String> {
        self.take(name, |value| match value {
            Value::String(text) => Ok(text),
            _ => Err("must be a text"),
        })
    }

    /// A text that must be there; if it is not, the problem is noted.
    pub(crate) fn needed_text(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.missing(name);
        }
        text
    }

    /// As above; gives the empty text in its place, since `finish` will refuse the request.
    pub(crate) fn required_text(&mut self, name: &'static str) -> String {
        self.needed_text(name).unwrap_or_default()
    }

    /// A whole number, not negative, that can be removed with null.
    pub(crate) fn patch_count(&mut self, name: &'static str) -> Patch<i64> {
        self.take(name, |value| {
            value.as_i64().filter(|number| *number >= 0).ok_or("must be a whole number that is not negative")
        })
    }

    /// A list of texts; null is the same as absent.
    pub(crate) fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        let texts = self
            .take(name, |value| {
                let Value::Array(items) = value else { return Err("must be a list of texts") };
                items
                    .into_iter()
                    .map(|item| match item {
                        Value::String(text) => Ok(text),
                        _ => Err("must be a list of texts"),
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .set();
        if texts.as_ref().is_some_and(|texts| texts.len() > max) {
            self.problem(name, ProblemKind::ArraySize { max });
        }
        texts
    }

    /// A JSON object; null is the same as absent.
    pub(crate) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        self.take(name, |value| match value {
            Value::Object(object) => Ok(object),
            _ => Err("must be a JSON object"),
        })
        .set()
    }

    /// Flags that ask to skip a check which does not exist: they may be sent, and change nothing.
    pub(crate) fn skip_flags(&mut self, names: &[&'static str]) {
        for name in names {
            self.flag(name);
        }
    }

    /// Documented fields that are not built. Null, false and an empty list ask for nothing, so that they may be sent.
    pub(crate) fn not_built(&mut self, names: &[&'static str]) {
        for name in names {
            match self.rest.shift_remove(*name) {
                None | Some(Value::Null | Value::Bool(false)) => {}
                Some(Value::Array(items)) if items.is_empty() => {}
                Some(_) => self.problem(name, ProblemKind::Unknown { is_documented: true }),
            }
        }
    }

    /// Notes that a field is not there, unless something else is wrong with it already.
    pub(crate) fn missing(&mut self, name: &'static str) {
        if self.problems.iter().all(|problem| problem.param != name) {
            self.problem(name, ProblemKind::Missing);
        }
    }

    /// Notes what is wrong with a field.
    pub(crate) fn problem(&mut self, param: &str, kind: ProblemKind) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { param: param.to_owned(), kind });
        }
    }

    /// Judges a text that is there.
    pub(crate) fn judge<T>(
        &mut self,
        name: &'static str,
        judged: Result<T, verger_core::Malformed>,
    ) -> Option<T> {
        judged.map_err(|why| self.problem(name, ProblemKind::Format(why))).ok()
    }

    /// Reports everything that was wrong, in one answer.
    pub(crate) fn finish(mut self, unknown: UnknownFields) -> Result<(), Failure> {
        if unknown == UnknownFields::Refused {
            let names: Vec<String> = self.rest.keys().cloned().collect();
            for name in names {
                self.problem(&shorten(&name), ProblemKind::Unknown { is_documented: false });
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Fields(self.problems)) }
    }
}

/// A name that a client made up, short enough to be sent back.
fn shorten(name: &str) -> Cow<'_, str> {
    const CHARACTERS_MAX: usize = 64;
    match name.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.is_char_boundary(essence.len() - 5) && {
            let (head, tail) = essence.split_at(essence.len() - 5);
            tail.eq_ignore_ascii_case("+json") && head.to_ascii_lowercase().starts_with("application/")
        })
}

/// A bare `+` in a query is a space: a number that was not percent-encoded is understood all the same.
pub(crate) fn number_with_plus(text: &str) -> String {
    let digits_at = text.find(|character: char| character.is_ascii_digit()).unwrap_or(0);
    match text[..digits_at].find(' ') {
        Some(at) if !text.contains('+') => format!("{}+{}", &text[..at], &text[at + 1..]),
        _ => text.to_owned(),
    }
}

/// The same for an email address, in which there is no space.
pub(crate) fn address_with_plus(text: &str) -> String {
    text.replace(' ', "+")
}

/// The parameters of a query. Reading takes them out; what is left at the end was not known.
#[derive(Debug)]
pub(crate) struct Query {
    rest: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl Query {
    /// Reads a query. Arrays may be repeated (`a=1&a=2`) or bracketed (`a[]=1`).
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Failure> {
        let malformed = || Failure::RequestMalformed { param: None, why: "The query is not UTF-8." };
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| malformed())
        };
        let mut rest = Vec::new();
        for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let name = name.strip_suffix("[]").map_or(name.as_str(), |bare| bare).to_owned();
            rest.push((name, decode(value)?));
        }
        Ok(Self { rest, problems: Vec::new() })
    }

    /// All values of a parameter.
    pub(crate) fn all(&mut self, name: &str) -> Option<Vec<String>> {
        let mut values = Vec::new();
        self.rest.retain_mut(|(other, value)| {
            let is_it = other == name;
            if is_it {
                values.push(std::mem::take(value));
            }
            !is_it
        });
        (!values.is_empty()).then_some(values)
    }

    /// The values of a parameter, of which there may be `max`.
    pub(crate) fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        let values = self.all(name);
        if values.as_ref().is_some_and(|values| values.len() > max) {
            self.problem(name, ProblemKind::ArraySize { max });
        }
        if values.iter().flatten().any(|value| value.contains('\0')) {
            self.problem(name, ProblemKind::Value("may not contain the character U+0000".to_owned()));
        }
        values
    }

    /// The first value of a parameter.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.all(name).and_then(|values| values.into_iter().next());
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            self.problem(name, ProblemKind::Value("may not contain the character U+0000".to_owned()));
            return None;
        }
        value
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.text(name)?.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.problem(name, ProblemKind::Value("must be true or false".to_owned()));
                None
            }
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn integer(&mut self, name: &'static str, min: i64, max: i64) -> Option<i64> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                let why = if max == i64::MAX {
                    format!("must be a whole number of at least {min}")
                } else {
                    format!("must be a whole number from {min} to {max}")
                };
                self.problem(name, ProblemKind::Value(why));
                None
            }
        }
    }

    /// Documented parameters that are not built.
    pub(crate) fn not_built(&mut self, names: &[&'static str]) {
        for name in names {
            if self.all(name).is_some() {
                self.problem(name, ProblemKind::Unknown { is_documented: true });
            }
        }
    }

    /// Notes what is wrong with a parameter.
    pub(crate) fn problem(&mut self, param: &str, kind: ProblemKind) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { param: param.to_owned(), kind });
        }
    }

    /// Reports everything that was wrong. A filter that is not known would silently match everybody, so it is refused;
    /// names of clients' own, which begin with an underscore, are not.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let unknown: Vec<String> =
            self.rest.iter().map(|(name, _)| name).filter(|name| !name.starts_with('_')).cloned().collect();
        for name in unknown {
            self.problem(&shorten(&name), ProblemKind::Unknown { is_documented: false });
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Fields(self.problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &[u8], content_type: Option<&str>) -> Result<Fields, Failure> {
        Fields::parse(&Bytes::copy_from_slice(body), content_type)
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
            b"{\"a\":1}x",
            b"\xff",
            b"{\"a\":\"\\ud800\"}",
        ] {
            assert!(
                matches!(parse(body, Some("application/json")), Err(Failure::BodyInvalid(_))),
                "{body:?}"
            );
        }
        assert!(matches!(
            parse(b"a=1", Some("application/x-www-form-urlencoded")),
            Err(Failure::ContentType)
        ));
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

    #[test]
    fn arrays_in_a_query_are_repeated_or_bracketed() {
        let mut query = Query::parse(Some("a=1&a[]=2&a%5B%5D=3&b=x+y%2Bz")).expect("well-formed");
        assert_eq!(query.texts("a", 10), Some(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
        assert_eq!(query.text("b").as_deref(), Some("x y+z"));
        assert!(query.finish().is_ok());
        assert!(Query::parse(Some("a=%ff")).is_err());
    }
}
