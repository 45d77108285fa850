//! JSON as it was written: every number digit for digit, and no key twice in one object.
//!
//! `serde_json::Value` keeps a number in 64 bits, and of two equal keys the last one. Its feature `arbitrary_precision`
//! would be on for every program that this workspace's crates are linked into, and still loses `-0`.

use indexmap::IndexMap;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, Value};
use std::fmt;

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: usize = 128;

/// Any JSON value, with its numbers and keys as they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A string, with its escapes resolved.
    Text(String),
    /// An array, in order.
    Array(Vec<Self>),
    /// An object, in which no key is twice.
    Object(Object),
}

/// A number of any size and precision. Two are equal if they are written alike: `1` is not `1.0`.
#[derive(Clone)]
pub struct Number(Box<RawValue>);

/// An object, in the order in which it was written. Two are equal whatever their order is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(IndexMap<String, Json>);

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The rule that the text breaks.
    pub problem: JsonProblem,
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// The keys and positions that lead there, the outermost first.
    pub path: Vec<Step>,
}

/// What can be wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonProblem {
    /// It is not JSON (RFC 8259).
    Syntax,
    /// A `\u` escape is one half of a pair, which no text in UTF-8 can have.
    HalfCharacter,
    /// An object has a key twice; the path ends with it.
    DuplicateKey,
    /// It nests deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// One step of a path into nested objects and arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The key of a member of an object.
    Key(String),
    /// The index of an item of an array, from 0.
    Position(usize),
}

/// A path as a person reads it, such as `public_metadata.seats[2]`. What was written into a key is shown only if it looks
/// like a name: it could be somebody's number, address or secret.
pub fn path_text(path: &[Step]) -> String {
    const NAME_CHARACTERS_MAX: usize = 32;
    const DIGITS_MAX: usize = 5;
    let is_name = |key: &str| {
        (1..=NAME_CHARACTERS_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
            && key.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_MAX
    };
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(if is_name(key) { key } else { "…" });
            }
            Step::Position(at) => text.push_str(&format!("[{at}]")),
        }
    }
    text
}

/// Reads one JSON value, with nothing but blanks around it.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(DEPTH_MAX)?;
    reader.skip_blanks();
    if reader.at == text.len() { Ok(value) } else { Err(reader.error(JsonProblem::Syntax)) }
}

struct Reader<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn error(&self, problem: JsonProblem) -> JsonError {
        JsonError { problem, at: self.at, path: Vec::new() }
    }

    /// `levels`: how many more there may be.
    fn value(&mut self, levels: usize) -> Result<Json, JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{' | b'[') if levels == 0 => Err(self.error(JsonProblem::TooDeep)),
            Some(b'{') => self.object(levels - 1).map(Json::Object),
            Some(b'[') => self.array(levels - 1).map(Json::Array),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            _ => Err(self.error(JsonProblem::Syntax)),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error(JsonProblem::Syntax));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, levels: usize) -> Result<Object, JsonError> {
        self.at += 1;
        let mut object = Object::default();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(object);
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error(JsonProblem::Syntax));
            }
            let key_at = self.at;
            let key = self.string()?;
            if object.0.contains_key(&key) {
                let path = vec![Step::Key(key)];
                return Err(JsonError { problem: JsonProblem::DuplicateKey, at: key_at, path });
            }
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.error(JsonProblem::Syntax));
            }
            match self.value(levels) {
                Ok(value) => object.0.insert(key, value),
                Err(mut error) => {
                    error.path.insert(0, Step::Key(key));
                    return Err(error);
                }
            };
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(object);
            }
            if !self.take(b',') {
                return Err(self.error(JsonProblem::Syntax));
            }
        }
    }

    fn array(&mut self, levels: usize) -> Result<Vec<Json>, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            match self.value(levels) {
                Ok(value) => items.push(value),
                Err(mut error) => {
                    error.path.insert(0, Step::Position(items.len()));
                    return Err(error);
                }
            }
            self.skip_blanks();
            if self.take(b']') {
                return Ok(items);
            }
            if !self.take(b',') {
                return Err(self.error(JsonProblem::Syntax));
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut has_escape = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escape = true;
                    self.at += 1;
                    // Whatever is escaped is judged below; no quote or escape of more than one byte begins with one.
                    let escaped = self.text[self.at..].chars().next();
                    self.at += escaped.ok_or_else(|| self.error(JsonProblem::Syntax))?.len_utf8();
                }
                Some(0x20..) => self.at += 1,
                Some(_) | None => return Err(self.error(JsonProblem::Syntax)),
            }
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        if !has_escape {
            return Ok(quoted[1..quoted.len() - 1].to_owned());
        }
        serde_json::from_str(quoted).map_err(|error| JsonError {
            // The only fault of a text whose escapes are all of a known form.
            problem: if has_only_known_escapes(quoted) {
                JsonProblem::HalfCharacter
            } else {
                JsonProblem::Syntax
            },
            at: start + error.column().saturating_sub(1),
            path: Vec::new(),
        })
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        self.take(b'-');
        // Nothing may follow a leading zero.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.text[start..self.at].to_owned();
        RawValue::from_string(text).map(Number).map_err(|_| self.error(JsonProblem::Syntax))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.error(JsonProblem::Syntax)) }
    }
}

fn has_only_known_escapes(quoted: &str) -> bool {
    let mut rest = quoted;
    while let Some(at) = rest.find('\\') {
        let escape = &rest.as_bytes()[at + 1..];
        let is_hex = |digits: &[u8]| digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        match escape.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => rest = &rest[at + 2..],
            Some(b'u') if escape.get(1..5).is_some_and(is_hex) => rest = &rest[at + 6..],
            _ => return false,
        }
    }
    true
}

impl Number {
    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// A whole number of 64 bits that is written as one.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_str().parse().ok()
    }

    /// Whether it is within ±1.8e308: further out, what reads numbers as 64-bit floating point gives infinity or an error.
    pub fn is_in_double_range(&self) -> bool {
        self.as_str().parse::<f64>().is_ok_and(f64::is_finite)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Object {
    /// An object without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of its keys, without those of nested objects.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a key; keys are compared byte for byte.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.get(key)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.0.get_mut(key)
    }

    /// Gives a key a value. One that is new comes last.
    pub fn insert(&mut self, key: String, value: Json) -> Option<Json> {
        self.0.insert(key, value)
    }

    /// Takes a key out; the others stay in their order.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        self.0.shift_remove(key)
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.0.iter()
    }

    /// The JSON text, without blanks.
    pub fn to_text(&self) -> String {
        // Keys are texts and numbers were read, so that nothing can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromIterator<(String, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl From<serde_json::Map<String, Value>> for Object {
    fn from(map: serde_json::Map<String, Value>) -> Self {
        map.into_iter().map(|(key, value)| (key, value.into())).collect()
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => RawValue::from_string(number.to_string())
                .map_or(Self::Null, |text| Self::Number(Number(text))),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Into::into).collect()),
            Value::Object(map) => Self::Object(map.into()),
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.0.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Json {
    /// From JSON text; other formats have no raw values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        parse(text.get()).map_err(|error| serde::de::Error::custom(format_args!("{:?}", error.problem)))
    }
}

impl<'de> Deserialize<'de> for Object {
    /// Reads what [`Json`] reads, and refuses all but an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Object(object) => Ok(object),
            _ => Err(serde::de::Error::custom("not an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        serde_json::to_string(&parse(text).expect(text)).expect("writable")
    }

    #[test]
    fn numbers_are_kept_digit_for_digit() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "1.0",
            "1.50",
            "1E5",
            "1e5",
            "1e+05",
            "1E-7",
            "0e9",
            "18446744073709551616",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "-9223372036854775809",
            "1e400",
            "1e-999999999999",
        ] {
            assert_eq!(again(text), text);
            let text = format!(r#"{{"a":[{text},{{"b":{text}}}]}}"#);
            assert_eq!(again(&text), text);
        }
        assert_ne!(parse("1"), parse("1.0"));
        assert_eq!(parse("1.0"), parse(" 1.0\n"));
    }

    #[test]
    fn what_serde_json_takes_for_its_own_is_an_ordinary_key() {
        for text in [
            r#"{"$serde_json::private::RawValue":"[1,2]"}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"a":{"$serde_json::private::RawValue":"}"}}"#,
        ] {
            assert_eq!(again(text), text);
        }
    }

    #[test]
    fn no_key_stands_twice_at_any_depth_however_it_is_written() {
        for (text, path) in [
            (r#"{"a":1,"a":2}"#, "a"),
            (r#"{"a":1,"\u0061":1}"#, "a"),
            (r#"{"x":{"a":1,"b":2,"a":1}}"#, "x.a"),
            (r#"{"x":[0,{"y":[{"":0,"":1}]}]}"#, "x[1].y[0].…"),
            (r#"{"x":{"+41791234567":1,"+41791234567":2}}"#, "x.…"),
            (r#"{"41791234567":{"k":1,"k":2}}"#, "….k"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(
                (error.problem, path_text(&error.path).as_str()),
                (JsonProblem::DuplicateKey, path),
                "{text}"
            );
        }
        assert!(parse(r#"[{"a":1},{"a":1},{"A":{"a":1},"a":1}]"#).is_ok());
    }

    #[test]
    fn what_is_no_json_is_refused_as_serde_json_does() {
        use JsonProblem::{HalfCharacter, Syntax, TooDeep};
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&deep(DEPTH_MAX)).is_ok());
        assert_eq!(parse(&deep(DEPTH_MAX + 1)).expect_err("deep").problem, TooDeep);
        assert_eq!(parse(&deep(500_000)).expect_err("deep").problem, TooDeep);
        for (text, problem) in [
            ("", Syntax),
            (" ", Syntax),
            ("{", Syntax),
            ("{}}", Syntax),
            ("[1,]", Syntax),
            ("[,1]", Syntax),
            ("{\"a\":1,}", Syntax),
            ("{a:1}", Syntax),
            ("{\"a\"}", Syntax),
            ("{\"a\":}", Syntax),
            ("{1:1}", Syntax),
            ("tru", Syntax),
            ("True", Syntax),
            ("nulll", Syntax),
            ("NaN", Syntax),
            ("Infinity", Syntax),
            ("'a'", Syntax),
            ("01", Syntax),
            ("-", Syntax),
            ("+1", Syntax),
            (".5", Syntax),
            ("1.", Syntax),
            ("1e", Syntax),
            ("1e+", Syntax),
            ("0x1", Syntax),
            ("1_000", Syntax),
            ("--1", Syntax),
            ("-01", Syntax),
            ("1 2", Syntax),
            ("\"", Syntax),
            ("\"a", Syntax),
            ("\"\\", Syntax),
            ("\"\\\"", Syntax),
            ("\"\n\"", Syntax),
            ("\"\u{1}\"", Syntax),
            ("\"\\x\"", Syntax),
            ("\"\\u12\"", Syntax),
            ("\"\\u12g4\"", Syntax),
            ("\"\\é\"", Syntax),
            ("\"\\ud800\"", HalfCharacter),
            ("\"\\udc00\"", HalfCharacter),
            ("\"\\ud800\\n\"", HalfCharacter),
            ("\u{feff}{}", Syntax),
            ("{}\u{a0}", Syntax),
            ("\u{b}1", Syntax),
            ("/* */1", Syntax),
            ("1//", Syntax),
            ("[1}", Syntax),
            ("{\"a\":1]", Syntax),
        ] {
            assert_eq!(parse(text).map_err(|error| error.problem), Err(problem), "{text:?}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
        }
        for text in [
            "null",
            " [ true , false ] ",
            "{\"\":\"\\u0000\\ud83d\\ude00\\/\\\"\\\\\"}",
            "\"é\u{7f}\u{2028}\"",
            "{\"a\" : { } }",
        ] {
            let value: Value = serde_json::from_str(text).expect(text);
            assert_eq!(parse(text), Ok(Json::from(value)), "{text}");
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_judged_as_by_serde_json() {
        let text = r#" {"a" : [1.5e-7, -0, "x\n\ud83d\ude00é", {"b":null,"c":[]}], "\u0064":true } "#;
        let agree = |text: &str| {
            let theirs = serde_json::from_str::<Value>(text);
            match parse(text) {
                Ok(ours) => assert_eq!(
                    serde_json::from_str::<Value>(&serde_json::to_string(&ours).expect("writable")).ok(),
                    theirs.ok(),
                    "{text:?}"
                ),
                // It takes the last of two equal keys.
                Err(error) => {
                    assert!(theirs.is_err() || error.problem == JsonProblem::DuplicateKey, "{text:?}")
                }
            }
        };
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            agree(&text[..at]);
            for put in ["\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "u", " ", "\u{1}", "é"]
            {
                agree(&format!("{}{put}{}", &text[..at], &text[at..]));
                let next = text[at..].chars().next().map_or(at, |skipped| at + skipped.len_utf8());
                agree(&format!("{}{put}{}", &text[..at], &text[next..]));
            }
        }
    }

    #[test]
    fn objects_are_equal_whatever_their_order_and_keep_it() {
        assert_eq!(parse(r#"{"a":1,"b":{"c":2,"d":3}}"#), parse(r#"{"b":{"d":3,"c":2},"a":1}"#));
        assert_eq!(again(r#"{"z":1,"a":2,"m":3}"#), r#"{"z":1,"a":2,"m":3}"#);
    }
}
