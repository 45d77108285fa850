//! An input that was read, and what is wrong with it.

use crate::reasons::{PARAM_UNKNOWN, value_invalid, value_too_large};
use std::ops::Deref;
use verger_wire::Refused;
use verger_wire::input::Input;
use verger_wire::json;
use verger_wire::schema::Schemas;

/// The most problems that one answer reports.
const PROBLEMS_MAX: usize = 100;

/// Everything that is wrong with an input, each with its own reason.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<Refused>);

impl Problems {
    pub(super) fn note(&mut self, param: &str, why: impl Into<Refused>) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(why.into().param(param.to_owned()));
        }
    }

    pub(super) fn has(&self, param: &str) -> bool {
        self.0.iter().any(|problem| problem.param_name.as_deref() == Some(param))
    }

    fn finish(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// An input that was read, and what is wrong with it. What has a problem has a value of no meaning, so [`Read::finish`]
/// comes before anything is done.
#[derive(Debug)]
pub struct Read<T> {
    pub(super) value: T,
    pub(super) problems: Problems,
    /// Names that the operation does not have; they are reported last.
    pub(super) unknown: Vec<String>,
    /// The fields in the order in which they are declared, which is that of the report.
    pub(super) order: fn() -> Vec<&'static str>,
}

impl<T> Deref for Read<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Read<T> {
    /// Judges a field, unless it has a problem already.
    pub fn judge<V, E: Into<Refused>>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&T) -> Result<V, E>,
    ) -> Option<V> {
        if self.problems.has(name) {
            return None;
        }
        judge(&self.value).map_err(|why| self.problem(name, why)).ok()
    }

    /// Takes something out of it.
    pub fn take<V>(&mut self, take: impl FnOnce(&mut T) -> V) -> V {
        take(&mut self.value)
    }

    /// Whether a field has no problem so far.
    pub fn is_good(&self, name: &str) -> bool {
        !self.problems.has(name)
    }

    /// Notes what is wrong with a field.
    pub fn problem(&mut self, name: &str, why: impl Into<Refused>) {
        self.problems.note(name, why);
    }

    /// The input, or everything that was wrong, in one answer.
    pub fn finish(mut self) -> Result<T, Problems> {
        if !self.problems.0.is_empty() {
            let order = (self.order)();
            let place = |refused: &Refused| {
                let name = refused.param_name.as_deref();
                order.iter().position(|known| Some(*known) == name).unwrap_or(order.len())
            };
            self.problems.0.sort_by_key(place);
        }
        for name in &self.unknown {
            self.problems.note(&shown(name), &PARAM_UNKNOWN);
        }
        self.problems.finish()?;
        Ok(self.value)
    }
}

/// The fields of an input, in the order of its declaration.
pub(super) fn order_of<T: Input>() -> Vec<&'static str> {
    T::describe(&mut Schemas::default()).into_iter().map(|field| field.name).collect()
}

/// A name that a client made up, as it may be sent back: what does not look like a name could be somebody's number, address
/// or key.
fn shown(name: &str) -> String {
    json::path_text(&[json::Step::Key(name.to_owned())])
}

pub(super) fn one_of_problem(names: &[&str]) -> Refused {
    let words = match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    };
    value_invalid(format!("must be {words}"))
}

pub(super) fn range_words(min: i64, max: i64) -> String {
    if max == i64::MAX {
        format!("must be a whole number of at least {min}")
    } else {
        format!("must be a whole number from {min} to {max}")
    }
}

/// Reads a whole number from `min` to `max`. One that is too large is told apart from what is no such number.
pub(super) fn whole_number(text: &str, min: i64, max: i64) -> Result<i64, Refused> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_too_large_or_something_else() {
        let kind = |text: &str| match whole_number(text, 1, 500) {
            Ok(_) => "good",
            Err(refused) if *refused.reason == crate::reasons::PARAM_VALUE_TOO_LARGE => "too large",
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
