//! From bytes to fields: bodies and queries, read once, with every mistake reported by name.

use crate::error::Failure;
use crate::http_reasons::{
    CONTENT_TYPE_UNSUPPORTED, PARAM_MISSING, PARAM_NOT_BUILT, PARAM_NULL, PARAM_UNKNOWN, array_too_long,
    body_invalid, body_unreadable, malformed, value_invalid, value_too_large,
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use verger_wire::json::{self, Json, Object};
use verger_wire::{Patch, Refused};

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
    rest: Object,
    problems: Vec<Refused>,
}

impl Fields {
    /// Reads a body. Absent, empty, `null` and `{}` are all no fields, whatever the content type (contract section 3).
    ///
    /// No key may stand twice, at any depth: two readers could disagree about which of them counts.
    pub(crate) fn parse(body: &Bytes, content_type: Option<&str>) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map(str::trim_ascii);
        if let Ok("" | "null" | "{}") = text {
            return Ok(Self { rest: Object::new(), problems: Vec::new() });
        }
        if !content_type.is_none_or(is_json) {
            return Err((&CONTENT_TYPE_UNSUPPORTED).into());
        }
        let text = text.map_err(|_| body_invalid("The body is not UTF-8."))?;
        match json::parse(text).map_err(|error| body_unreadable(&error))? {
            Json::Object(rest) => Ok(Self { rest, problems: Vec::new() }),
            _ => Err(body_invalid("The body must be a JSON object.").into()),
        }
    }

    /// Takes a field; null and absent are told apart.
    fn take<T>(&mut self, name: &'static str, read: impl FnOnce(Json) -> Result<T, Refused>) -> Patch<T> {
        match self.rest.remove(name) {
            None => Patch::Absent,
            Some(Json::Null) => Patch::Null,
            Some(value) => match read(value) {
                Ok(value) => Patch::Set(value),
                Err(refused) => {
                    self.problem(name, refused);
                    Patch::Absent
                }
            },
        }
    }

    /// A boolean; null is the same as absent.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, |value| match value {
            Json::Bool(value) => Ok(value),
            _ => Err(value_invalid("must be true or false")),
        })
        .set()
    }

    /// A text; null is the same as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.patch_text(name).set()
    }

    /// A text that can be removed with null.
    pub(crate) fn patch_text(&mut self, name: &'static str) -> Patch<String> {
        self.take(name, |value| match value {
            Json::Text(text) => Ok(text),
            _ => Err(value_invalid("must be a text")),
        })
    }

    /// What must be there: if it is not, or null, the problem is noted.
    pub(crate) fn needed<T>(&mut self, name: &'static str, value: Patch<T>) -> Option<T> {
        match value {
            Patch::Set(value) => return Some(value),
            Patch::Null => self.problem(name, &PARAM_NULL),
            Patch::Absent => self.missing(name),
        }
        None
    }

    /// A text that must be there; if it is not, the problem is noted.
    pub(crate) fn needed_text(&mut self, name: &'static str) -> Option<String> {
        let text = self.patch_text(name);
        self.needed(name, text)
    }

    /// As above; gives the empty text in its place, since `finish` will refuse the request.
    pub(crate) fn required_text(&mut self, name: &'static str) -> String {
        self.needed_text(name).unwrap_or_default()
    }

    /// A whole number, not negative, that can be removed with null.
    pub(crate) fn patch_count(&mut self, name: &'static str) -> Patch<i64> {
        self.patch_count_to(name, i64::MAX)
    }

    /// A whole number from 0 to `max`, that can be removed with null.
    pub(crate) fn patch_count_to(&mut self, name: &'static str, max: i64) -> Patch<i64> {
        self.take(name, |value| match value {
            Json::Number(number) => whole_number(number.as_str(), 0, max),
            _ => Err(value_invalid(range_words(0, max))),
        })
    }

    /// A list of texts; null is the same as absent.
    pub(crate) fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        self.patch_texts(name, max).set()
    }

    /// A list of at most `max` texts.
    pub(crate) fn patch_texts(&mut self, name: &'static str, max: usize) -> Patch<Vec<String>> {
        let texts = self.take(name, |value| {
            let Json::Array(items) = value else { return Err(value_invalid("must be a list of texts")) };
            items
                .into_iter()
                .map(|item| match item {
                    Json::Text(text) => Ok(text),
                    _ => Err(value_invalid("must be a list of texts, and has an item that is none")),
                })
                .collect::<Result<Vec<_>, _>>()
        });
        if let Patch::Set(texts) = &texts
            && texts.len() > max
        {
            self.problem(name, array_too_long(texts.len(), max));
        }
        texts
    }

    /// A JSON object; null is the same as absent.
    pub(crate) fn object(&mut self, name: &'static str) -> Option<Object> {
        self.take(name, |value| match value {
            Json::Object(object) => Ok(object),
            _ => Err(value_invalid("must be a JSON object")),
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
            match self.rest.remove(name) {
                None | Some(Json::Null | Json::Bool(false)) => {}
                Some(Json::Array(items)) if items.is_empty() => {}
                Some(_) => self.problem(name, &PARAM_NOT_BUILT),
            }
        }
    }

    /// Notes that a field is not there, unless something else is wrong with it already.
    pub(crate) fn missing(&mut self, name: &'static str) {
        if self.problems.iter().all(|problem| problem.param_name.as_deref() != Some(name)) {
            self.problem(name, &PARAM_MISSING);
        }
    }

    /// Notes what is wrong with a field.
    pub(crate) fn problem(&mut self, param: &str, why: impl Into<Refused>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(why.into().param(param.to_owned()));
        }
    }

    /// Judges a text that is there.
    pub(crate) fn judge<T>(
        &mut self,
        name: &'static str,
        judged: Result<T, verger_core::Malformed>,
    ) -> Option<T> {
        judged.map_err(|why| self.problem(name, why)).ok()
    }

    /// Reports everything that was wrong, in one answer.
    pub(crate) fn finish(mut self, unknown: UnknownFields) -> Result<(), Failure> {
        if unknown == UnknownFields::Refused {
            let names: Vec<String> = self.rest.iter().map(|(name, _)| name.clone()).collect();
            for name in names {
                self.problem(&shown(&name), &PARAM_UNKNOWN);
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Fields(self.problems)) }
    }
}

/// A name that a client made up, as it may be sent back: what does not look like a name could be somebody's number, address
/// or key.
fn shown(name: &str) -> String {
    json::path_text(&[json::Step::Key(name.to_owned())])
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

/// A bare `+` in a query is a space: a number that was not percent-encoded is understood all the same.
pub(crate) fn number_with_plus(text: &str) -> String {
    // The last of the blanks before it may be its plus.
    let text =
        text.trim_end().trim_start_matches(|character: char| character.is_whitespace() && character != ' ');
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

fn range_words(min: i64, max: i64) -> String {
    if max == i64::MAX {
        format!("must be a whole number of at least {min}")
    } else {
        format!("must be a whole number from {min} to {max}")
    }
}

/// Reads a whole number from `min` to `max`. One that is too large is told apart from what is no such number.
fn whole_number(text: &str, min: i64, max: i64) -> Result<i64, Refused> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(number) if number > max => {
            Err(value_too_large(format!("{}; it is {number}", range_words(min, max))))
        }
        Ok(number) => Err(value_invalid(format!("{}; it is {number}", range_words(min, max)))),
        Err(_) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(value_too_large(format!("must be a whole number from {min} to {max}")))
        }
        Err(_) => Err(value_invalid(range_words(min, max))),
    }
}

/// The parameters of a query. Reading takes them out; what is left at the end was not known.
#[derive(Debug)]
pub(crate) struct Query {
    rest: Vec<Param>,
    problems: Vec<Refused>,
}

/// One parameter of a query, decoded.
#[derive(Debug)]
struct Param {
    /// The name, without brackets.
    name: String,
    /// The number in the brackets.
    index: Option<u32>,
    value: String,
    /// Before its first digit there is nothing but a plus that was not percent-encoded, which a query has for a space,
    /// and separators of phone numbers.
    has_bare_plus: bool,
}

impl Query {
    /// Reads a query. Arrays may be repeated (`a=1&a=2`), bracketed (`a[]=1`), or numbered as PHP sends them
    /// (`a[0]=1&a[1]=2`).
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Failure> {
        let malformed = || malformed("The query is not UTF-8.");
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| malformed())
        };
        let mut rest = Vec::new();
        for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let (bare, index) = without_brackets(&name);
            let (name, has_bare_plus) = (bare.to_owned(), has_bare_plus(value));
            rest.push(Param { name, index, value: decode(value)?, has_bare_plus });
        }
        Ok(Self { rest, problems: Vec::new() })
    }

    /// All values of a parameter: numbered ones in the order of their numbers, behind those that have none.
    fn params(&mut self, name: &str) -> Vec<Param> {
        let mut found: Vec<Param> = self.rest.extract_if(.., |param| param.name == name).collect();
        found.sort_by_key(|param| param.index);
        found
    }

    /// All values of a parameter.
    pub(crate) fn all(&mut self, name: &str) -> Option<Vec<String>> {
        let values: Vec<_> = self.params(name).into_iter().map(|param| param.value).collect();
        (!values.is_empty()).then_some(values)
    }

    /// The values of a parameter, of which there may be `max`.
    pub(crate) fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        let values = self.all(name);
        let length = values.as_ref().map_or(0, Vec::len);
        if length > max {
            self.problem(name, array_too_long(length, max));
        }
        if values.iter().flatten().any(|value| value.contains('\0')) {
            self.problem(name, value_invalid("may not contain the character U+0000"));
        }
        values
    }

    /// The first value of a parameter.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.first(name).map(|param| param.value)
    }

    fn first(&mut self, name: &'static str) -> Option<Param> {
        let param = self.params(name).into_iter().next()?;
        if param.value.contains('\0') {
            self.problem(name, value_invalid("may not contain the character U+0000"));
            return None;
        }
        Some(param)
    }

    /// What to search for: without blanks at its ends, and with the plus of a number that was not percent-encoded. An
    /// empty value asks for nothing; one of blanks gives the empty text, which nobody has anywhere.
    pub(crate) fn search(&mut self, name: &'static str, characters_max: usize) -> Option<String> {
        let param = self.first(name).filter(|param| !param.value.is_empty())?;
        let text = param.value.trim();
        let digits_at = text.find(|character: char| character.is_ascii_digit()).unwrap_or(0);
        let text = match param.has_bare_plus && !text.contains('+') {
            true => format!("+{}", &text[digits_at..]),
            false => text.to_owned(),
        };
        if let Err(why) = verger_core::profile::check_length(&text, characters_max) {
            self.problem(name, why);
            return None;
        }
        Some(text)
    }

    /// A boolean: `true` or `1`, `false` or `0`; anything else is a problem.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.text(name)?.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.problem(name, value_invalid("must be true or false"));
                None
            }
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn integer(&mut self, name: &'static str, min: i64, max: i64) -> Option<i64> {
        let text = self.text(name)?;
        // A plus that was not percent-encoded is a blank here.
        whole_number(text.trim(), min, max).map_err(|refused| self.problem(name, refused)).ok()
    }

    /// Documented parameters that are not built.
    pub(crate) fn not_built(&mut self, names: &[&'static str]) {
        for name in names {
            if self.all(name).is_some() {
                self.problem(name, &PARAM_NOT_BUILT);
            }
        }
    }

    /// Notes what is wrong with a parameter.
    pub(crate) fn problem(&mut self, param: &str, why: impl Into<Refused>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(why.into().param(param.to_owned()));
        }
    }

    /// Reports everything that was wrong. A filter that is not known would silently match everybody, so it is refused;
    /// names of clients' own, which begin with an underscore, are not.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let unknown: Vec<String> = self
            .rest
            .iter()
            .map(|param| &param.name)
            .filter(|name| !name.starts_with('_'))
            .cloned()
            .collect();
        for name in unknown {
            self.problem(&shown(&name), &PARAM_UNKNOWN);
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Fields(self.problems)) }
    }
}

/// A name, and what stands in the brackets behind it: nothing, or the number of the item.
fn without_brackets(name: &str) -> (&str, Option<u32>) {
    let Some((bare, index)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) else {
        return (name, None);
    };
    if index.is_empty() {
        return (bare, None);
    }
    let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
    match index.parse().ok().filter(|_| is_number) {
        Some(index) => (bare, Some(index)),
        None => (name, None),
    }
}

/// As [`Param::has_bare_plus`], of a value that is not decoded yet.
fn has_bare_plus(value: &str) -> bool {
    let mut rest = value;
    let mut has_plus = false;
    loop {
        let behind =
            ["+", "(", "%20", "%28"].into_iter().find_map(|lead| Some((lead, rest.strip_prefix(lead)?)));
        match behind {
            Some((lead, behind)) => {
                has_plus |= lead == "+";
                rest = behind;
            }
            None => return has_plus && rest.starts_with(|character: char| character.is_ascii_digit()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_reasons::PARAM_VALUE_TOO_LARGE;

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
            b"{\"a\":{\"b\":1,\"b\":2}}",
            b"{\"a\":1}x",
            b"\xff",
            b"{\"a\":\"\\ud800\"}",
        ] {
            let read = parse(body, Some("application/json"));
            let reason = read.err().and_then(|failure| failure.reason());
            assert_eq!(reason.map(|reason| reason.code), Some("request_body_invalid"), "{body:?}");
        }
        let refused = parse(b"a=1", Some("application/x-www-form-urlencoded")).err();
        let reason = refused.and_then(|failure| failure.reason());
        assert_eq!(reason, Some(&CONTENT_TYPE_UNSUPPORTED));
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

    #[test]
    fn arrays_in_a_query_are_numbered_as_php_sends_them() {
        let values = |query: &str| {
            let mut query = Query::parse(Some(query)).expect("well-formed");
            let values = query.texts("a", 10).unwrap_or_default().join(",");
            (values, query.finish().is_ok())
        };
        for (query, read) in [
            ("a[0]=1&a[1]=2", "1,2"),
            ("a%5B0%5D=1&a%5b1%5d=2", "1,2"),
            ("a[1]=2&a[0]=1", "1,2"),
            ("a[10]=3&a[9]=2&a[0]=1", "1,2,3"),
            ("a[7]=1&a[7]=2", "1,2"),
            ("a[0]=2&a[]=1", "1,2"),
            ("a[00]=1", "1"),
        ] {
            assert_eq!(values(query), (read.to_owned(), true), "{query}");
        }
        // What names something else is not taken for it, and refused as every name that is not known.
        for query in [
            "a[b]=1",
            "a[-1]=1",
            "a[+1]=1",
            "a[0][1]=1",
            "a[0]b=1",
            "a[99999999999]=1",
            "a[=1",
            "a]=1",
            "a[ 0]=1",
        ] {
            assert_eq!(values(query), (String::new(), false), "{query}");
        }
    }

    #[test]
    fn a_search_has_no_blanks_at_its_ends_and_the_plus_of_a_number() {
        for (value, text) in [
            ("+4179", Some("+4179")),
            ("%2B4179", Some("+4179")),
            ("++4179", Some("+4179")),
            ("%20+4179+", Some("+4179")),
            ("(+41)+79", Some("+41) 79")),
            ("4179%20", Some("4179")),
            ("%204179", Some("4179")),
            ("+Ada", Some("Ada")),
            ("+Ada+41", Some("Ada 41")),
            ("+tag%2B1", Some("tag+1")),
            ("Ada+Lovelace+", Some("Ada Lovelace")),
            ("%E3%80%80Ada%C2%A0", Some("Ada")),
            ("+", Some("")),
            ("%20", Some("")),
            ("", None),
        ] {
            let mut query = Query::parse(Some(&format!("q={value}"))).expect("well-formed");
            assert_eq!(query.search("q", 256).as_deref(), text, "{value}");
        }
    }

    #[test]
    fn whole_numbers_are_too_large_or_something_else() {
        let kind = |text: &str| match whole_number(text, 1, 500) {
            Ok(_) => "good",
            Err(refused) if *refused.reason == PARAM_VALUE_TOO_LARGE => "too large",
            Err(_) => "no such number",
        };
        for (text, wanted) in [
            ("1", "good"),
            ("500", "good"),
            ("501", "too large"),
            ("99999999999999999999", "too large"),
            ("0", "no such number"),
            ("-1", "no such number"),
            ("-99999999999999999999", "no such number"),
            ("", "no such number"),
            ("+", "no such number"),
            ("ten", "no such number"),
            ("1.5", "no such number"),
            ("1e3", "no such number"),
            (" 1", "no such number"),
            ("0x1", "no such number"),
        ] {
            assert_eq!(kind(text), wanted, "{text}");
        }
    }
}
