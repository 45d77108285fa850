//! Queries.

use super::read::{Problems, Read, one_of_problem, order_of, whole_number};
use crate::reasons::{
    PARAM_MISSING, PARAM_NOT_BUILT, PARAM_TOO_LONG, array_too_long, malformed, value_invalid, value_too_large,
};
use verger_wire::input::{Field, Input, Source, Unknown};
use verger_wire::json::Object;
use verger_wire::{Patch, Refused, UnixMillis};

/// The parameters of a query. Reading takes them out; what is left at the end was not known.
#[derive(Debug)]
pub struct Query {
    rest: Vec<Param>,
    problems: Problems,
    /// The API version that the request asks for.
    version: &'static str,
}

/// One parameter of a query, decoded.
#[derive(Debug)]
struct Param {
    /// Without brackets.
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
    pub fn parse(query: Option<&str>, version: &'static str) -> Result<Self, Refused> {
        let mut rest = Vec::new();
        for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name)?;
            let (bare, index) = without_brackets(&decoded);
            let (name, has_bare_plus) = (bare.to_owned(), has_bare_plus(value));
            rest.push(Param { name, index, value: decode(value)?, has_bare_plus });
        }
        Ok(Self { rest, problems: Problems::default(), version })
    }

    /// Reads a declared input. A filter that is not known would silently match everybody, so it is refused; names of
    /// clients' own, which begin with an underscore, are not.
    pub fn read<T: Input>(mut self) -> Read<T> {
        let value = T::read(&mut self);
        let mut unknown = Vec::new();
        if T::UNKNOWN == Unknown::Refused {
            let names = self.rest.iter().map(|param| &param.name);
            unknown.extend(names.filter(|name| !name.starts_with('_')).cloned());
        }
        Read { value, problems: self.problems, unknown, order: order_of::<T> }
    }

    /// All values of a parameter: numbered ones in the order of their numbers, behind those that have none.
    fn params(&mut self, name: &str) -> Vec<Param> {
        let mut found: Vec<Param> = self.rest.extract_if(.., |param| param.name == name).collect();
        found.sort_by_key(|param| param.index);
        found
    }

    /// The first value of a parameter.
    fn first(&mut self, name: &str) -> Option<Param> {
        let param = self.params(name).into_iter().next()?;
        if param.value.contains('\0') {
            self.problems.note(name, no_nul());
            return None;
        }
        Some(param)
    }

    /// What to search for: without blanks at its ends, and with the plus of a number that was not percent-encoded. An
    /// empty value asks for nothing; one of blanks gives the empty text, which nobody has anywhere.
    fn search(&mut self, field: &Field) -> Option<String> {
        let param = self.first(field.name).filter(|param| !param.value.is_empty())?;
        let text = param.value.trim();
        let digits_at = text.find(|character: char| character.is_ascii_digit()).unwrap_or(0);
        let text = match param.has_bare_plus && !text.contains('+') {
            true => format!("+{}", &text[digits_at..]),
            false => text.to_owned(),
        };
        let length = text.chars().count();
        if length > field.characters_max {
            let max = field.characters_max.to_string();
            let too_long = Refused::new(&PARAM_TOO_LONG).with("max", max).with("length", length.to_string());
            self.problems.note(field.name, too_long);
            return None;
        }
        Some(text)
    }
}

impl Source for Query {
    fn flag(&mut self, field: &Field) -> Patch<bool> {
        let Some(param) = self.first(field.name) else { return Patch::Absent };
        match param.value.as_str() {
            "true" | "1" => Patch::Set(true),
            "false" | "0" => Patch::Set(false),
            _ => {
                self.problems.note(field.name, value_invalid("must be true or false"));
                Patch::Absent
            }
        }
    }

    fn text(&mut self, field: &Field) -> Patch<String> {
        let text = match field.is_search {
            true => self.search(field),
            false => self.first(field.name).map(|param| param.value),
        };
        if let Some(text) = &text
            && !field.one_of.is_empty()
            && !field.one_of.contains(&text.as_str())
        {
            self.problems.note(field.name, one_of_problem(field.one_of));
        }
        text.map_or(Patch::Absent, Patch::Set)
    }

    fn integer(&mut self, field: &Field) -> Patch<i64> {
        let Some(param) = self.first(field.name) else { return Patch::Absent };
        // A plus that was not percent-encoded is a blank here.
        match whole_number(param.value.trim(), field.minimum, field.maximum) {
            Ok(number) => Patch::Set(number),
            Err(kind) => {
                self.problems.note(field.name, kind);
                Patch::Absent
            }
        }
    }

    /// No moment is out of range, so that words on the range would help nobody.
    fn moment(&mut self, field: &Field) -> Patch<UnixMillis> {
        let Some(param) = self.first(field.name) else { return Patch::Absent };
        if let Ok(moment) = param.value.parse() {
            return Patch::Set(UnixMillis(moment));
        }
        let words = "must be a moment in Unix milliseconds, such as 1735689600000".to_owned();
        let digits = param.value.trim_start_matches(['+', '-']);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let kind = if is_number { value_too_large(words) } else { value_invalid(words) };
        self.problems.note(field.name, kind);
        Patch::Absent
    }

    fn texts(&mut self, field: &Field) -> Patch<Vec<String>> {
        let values: Vec<_> = self.params(field.name).into_iter().map(|param| param.value).collect();
        if values.is_empty() {
            return Patch::Absent;
        }
        let (max, length) = (field.items_max, values.len());
        if length > max {
            self.problems.note(field.name, array_too_long(length, max));
        }
        if values.iter().any(|value| value.contains('\0')) {
            self.problems.note(field.name, no_nul());
        }
        Patch::Set(values)
    }

    /// A query has none; the name is left and so refused.
    fn object(&mut self, _: &Field) -> Patch<Object> {
        Patch::Absent
    }

    fn missing(&mut self, field: &Field, _: bool) {
        if !self.problems.has(field.name) {
            self.problems.note(field.name, &PARAM_MISSING);
        }
    }

    fn not_built(&mut self, names: &[&'static str]) {
        for name in names {
            if !self.params(name).is_empty() {
                self.problems.note(name, &PARAM_NOT_BUILT);
            }
        }
    }

    fn ignored(&mut self, names: &[&'static str]) {
        for name in names {
            self.params(name);
        }
    }

    fn is_before(&self, version: &str) -> bool {
        self.version < version
    }
}

fn no_nul() -> Refused {
    value_invalid("may not contain the character U+0000")
}

/// Percent-decoded, and with a space for each plus. `form_urlencoded` would replace what is not UTF-8; here it is refused.
fn decode(text: &str) -> Result<String, Refused> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    Ok(decoded.map_err(|_| malformed("The query is not UTF-8."))?.into_owned())
}

/// A bare `+` in a query is a space: a number that was not percent-encoded is understood all the same.
pub fn number_with_plus(text: &str) -> String {
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
pub fn address_with_plus(text: &str) -> String {
    text.replace(' ', "+")
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

    const TEXTS: Field = Field {
        name: "a",
        is_required: false,
        is_search: false,
        minimum: i64::MIN,
        maximum: i64::MAX,
        items_max: 10,
        characters_max: 256,
        one_of: &[],
    };

    fn finish(query: Query) -> Result<(), Problems> {
        struct Rest;
        let unknown = query.rest.iter().map(|param| param.name.clone()).collect();
        Read { value: Rest, problems: query.problems, unknown, order: Vec::new }.finish().map(|_| ())
    }

    #[test]
    fn arrays_in_a_query_are_repeated_or_bracketed() {
        let mut query = Query::parse(Some("a=1&a[]=2&a%5B%5D=3&b=x+y%2Bz"), "").expect("well-formed");
        assert_eq!(query.texts(&TEXTS), Patch::Set(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
        assert_eq!(query.text(&Field { name: "b", ..TEXTS }), Patch::Set("x y+z".to_owned()));
        assert!(finish(query).is_ok());
        assert!(Query::parse(Some("a=%ff"), "").is_err());
    }

    #[test]
    fn arrays_in_a_query_are_numbered_as_php_sends_them() {
        let values = |query: &str| {
            let mut query = Query::parse(Some(query), "").expect("well-formed");
            let values = query.texts(&TEXTS).set().unwrap_or_default().join(",");
            (values, finish(query).is_ok())
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
            let mut query = Query::parse(Some(&format!("q={value}")), "").expect("well-formed");
            assert_eq!(query.search(&Field { name: "q", ..TEXTS }).as_deref(), text, "{value}");
        }
    }
}
