//! Compact forms of aggregates: a short key for each field, nothing for what is null or as usual.
//!
//! The keys stay what they are: rows of every earlier version are read with them. A new field is a new key, which earlier
//! versions ignore.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Of a key what is there: nothing, null, or a value. The form of a whole aggregate has no nulls; in that of a difference
/// nothing means "as afterwards", and null "as usual".
pub(super) type Field<T> = Option<Option<T>>;

/// Tells null from absent.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Field<T>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// JSON as it was written, number for number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Raw(pub(super) Box<RawValue>);

impl PartialEq for Raw {
    /// By the text: what is written otherwise is shown otherwise.
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// A moment as the milliseconds since another one, for which few digits do. Every pair of moments can be told apart so.
pub(super) fn since(base: i64, at: i64) -> i64 {
    at.wrapping_sub(base)
}

/// The moment that [`since`] was made of.
pub(super) fn after(base: i64, since: i64) -> i64 {
    base.wrapping_add(since)
}

/// A value that is left out where it is the usual one.
pub(super) fn unless<T: PartialEq>(usual: &T, value: T) -> Field<T> {
    (value != *usual).then_some(Some(value))
}

macro_rules! form {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub(super) struct $name {$(
            $(#[$field_doc])*
            #[serde(
                rename = $key,
                deserialize_with = "crate::changes::form::present",
                skip_serializing_if = "Option::is_none"
            )]
            pub(super) $field: $crate::changes::form::Field<$type>,
        )*}

        impl $name {
            /// What of this state is not as in the one after it.
            pub(super) fn unlike(self, after: &Self) -> Self {
                Self {$($field: match self.$field == after.$field {
                    true => None,
                    false => Some(self.$field.flatten()),
                },)*}
            }

            /// The state that [`Self::unlike`] was made of.
            pub(super) fn like(self, after: &Self) -> Self {
                Self {$($field: match self.$field {
                    None => after.$field.clone(),
                    Some(value) => value.map(Some),
                },)*}
            }
        }
    };
}

pub(super) use form;

#[cfg(test)]
mod tests {
    use super::*;

    form! {
        /// Two fields.
        Pair {
            /// A name.
            name: String = "n",
            /// A number.
            number: i64 = "m",
        }
    }

    fn pair(name: Option<&str>, number: Option<i64>) -> Pair {
        Pair { name: name.map(|name| Some(name.to_owned())), number: number.map(Some) }
    }

    #[test]
    fn difference_has_what_differs_and_null_for_what_was_not_there() {
        let states = [pair(None, None), pair(Some("a"), None), pair(Some("b"), Some(1)), pair(None, Some(2))];
        for before in &states {
            for after in &states {
                let text = serde_json::to_string(&before.clone().unlike(after)).unwrap();
                let read: Pair = serde_json::from_str(&text).unwrap();
                assert_eq!(read.like(after), *before, "{text}");
            }
        }
        let text =
            |before: &Pair, after: &Pair| serde_json::to_string(&before.clone().unlike(after)).unwrap();
        assert_eq!(text(&states[0], &states[1]), r#"{"n":null}"#);
        assert_eq!(text(&states[1], &states[2]), r#"{"n":"a","m":null}"#);
        assert_eq!(text(&states[2], &states[2]), "{}");
    }

    #[test]
    fn every_moment_is_found_again() {
        for base in [0, 1_800_000_000_000, i64::MIN, i64::MAX] {
            for at in [0, 1_800_000_000_001, i64::MIN, i64::MAX] {
                assert_eq!(after(base, since(base, at)), at);
            }
        }
    }
}
